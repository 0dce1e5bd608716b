"""Back-channel logout (OpenID Connect Back-Channel Logout 1.0): an issuer says that a person, or a
session there, has signed out, and the sessions that began there end in every process."""

from __future__ import annotations

from urllib.parse import parse_qsl

import orjson
import psycopg
import structlog
from psycopg_pool import TooManyRequests
from starlette.requests import Request
from starlette.responses import Response

from api.access.access_tokens import LONGEST, unverified
from api.access.presented import client_address
from api.access.quotas import QuotaExceeded
from api.access.sign_in import SignedOut, SignInFailed
from api.access.token_reasons import InvalidToken, IssuerUnreachable
from api.http.exchanges import KEY, Exchange
from api.http.service import Service

PATH = "/sign-in/back-channel-logout"
WORK = 1_000  # microseconds that are counted for a request
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
log = structlog.get_logger("sign-in")


async def sign_out(request: Request) -> Response:
    """Ends the sessions that a logout token names. Status 200 also where there were none."""
    service: Service = request.app.state.service
    exchange: Exchange = request.scope[KEY]
    address = client_address(request.scope, service.settings)
    try:
        exchange.account = service.quotas.of_address(address, "token-address")
        service.quotas.admit(exchange.account, WORK)
        issuer, signed_out = await _signed_out(service, await _token(request))
        ended = await service.authenticator.sessions.end_at_issuer(
            issuer, signed_out.account, signed_out.sid, signed_out.at
        )
    except SignInFailed as failed:
        log.info(
            "logout refused", request=exchange.id, code=failed.code, detail=failed.detail[:500]
        )
        exchange.refused(failed.code)
        await service.refusals.hold_back(f"public {address}")
        return _error(400, failed.code)
    except QuotaExceeded as error:
        exchange.refused("QUOTA_EXCEEDED")
        return _error(429, "QUOTA_EXCEEDED", error.seconds)
    except (IssuerUnreachable, psycopg.OperationalError, TooManyRequests, TimeoutError) as error:
        log.warning("no logout now", request=exchange.id, why=str(error))
        return _error(503, "UNAVAILABLE", 1)
    service.subjects.forget_sessions()
    log.info("signed out by the issuer", request=exchange.id, ended=ended)
    return Response(status_code=200, headers=_NO_STORE)


async def _signed_out(service: Service, token: str) -> tuple[str, SignedOut]:
    """Returns the issuer of a logout token, and whose sessions it ends. Raises SignInFailed,
    IssuerUnreachable."""
    try:
        issuer = unverified(token)[1].get("iss")
    except InvalidToken as error:
        raise SignInFailed(error.code, error.detail) from None
    for party in service.authenticator.parties:
        if party.settings.issuer == issuer:
            return party.settings.issuer, await party.signed_out(token)
    raise SignInFailed("TOKEN_ISSUER", f"iss: found {issuer!r}")


async def _token(request: Request) -> str:
    """Returns the logout token of a request. Raises SignInFailed."""
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > 2 * LONGEST:
            raise SignInFailed("FORM", f"over {2 * LONGEST} bytes")
    try:
        form = parse_qsl(text.decode("ascii"), max_num_fields=20)
    except ValueError as error:
        raise SignInFailed("FORM", str(error)) from None
    tokens = [value for name, value in form if name == "logout_token"]
    if len(tokens) != 1:
        raise SignInFailed("FORM", f"logout_token: found {len(tokens)}, wanted one")
    return tokens[0]


def _error(status: int, code: str, again: int | None = None) -> Response:
    error = "invalid_request" if status == 400 else "temporarily_unavailable"
    body = orjson.dumps({"error": error, "error_description": code})
    headers = _NO_STORE | ({"Retry-After": str(again)} if again else {})
    return Response(body, status, headers, media_type="application/json")
