"""The authorisation server over HTTP: the token endpoint, its metadata and its keys."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

import orjson
import psycopg
import structlog
from psycopg_pool import TooManyRequests
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.access.authorisation_server import AuthorisationServer, TokenRequestRefused
from api.access.presented import client_address, presented
from api.access.quotas import QuotaAccount, QuotaExceeded
from api.access.token_reasons import REFUSED
from api.graphql import retry
from api.http.conditional import ASK_AGAIN, given
from api.http.exchanges import KEY, Exchange
from api.http.service import Service
from api.observability import counters
from projections.reads import clients

WORK = 1_000  # microseconds that are counted for a token: two signatures
LONGEST = 16_384  # bytes of a request
FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
log = structlog.get_logger("oauth")


async def metadata(request: Request) -> Response:
    """The metadata of the authorisation server (RFC 8414); 404 where the service has none."""
    server = _server(request)
    if server is None:
        return _absent()
    return given(request, orjson.dumps(server.metadata()), ASK_AGAIN, _JSON)


async def key_set(request: Request) -> Response:
    """The public keys of the authorisation server (JWKS); 404 where the service has none."""
    server = _server(request)
    if server is None:
        return _absent()
    return given(request, orjson.dumps(server.key_set()), ASK_AGAIN, _JSON)


async def token(request: Request) -> Response:
    """The token endpoint (RFC 6749, 3.2)."""
    server = _server(request)
    if server is None:
        return _absent()
    service: Service = request.app.state.service
    exchange: Exchange = request.scope[KEY]
    address = client_address(request.scope, service.settings)
    presents = presented(request.scope, service.settings)
    who, quotas = f"public {address}", service.quotas
    try:
        exchange.account = quotas.of_address(address, "token-address")
        quotas.admit(exchange.account, WORK)
        form = await _form(request)

        async def find(client: str, key_id: str) -> clients.ClientKeyRow | None:
            return await retry.read(
                service.views, lambda connection: clients.client_key(connection, client, key_id)
            )

        issued = await server.token(form, presents, find)
        _count(service, issued.client)
    except TokenRequestRefused as refused:
        counters.count(REFUSED.labels(refused.reason))
        exchange.refused(refused.error)
        log.info(
            "token request refused",
            request=exchange.id,
            reason=refused.reason,
            detail=refused.detail[:500],
        )
        await service.refusals.hold_back(who)
        body = {"error": refused.error, "error_description": refused.reason}
        return _json(body, refused.status, _with_nonce(refused.nonce))
    except QuotaExceeded as error:
        exchange.refused("QUOTA_EXCEEDED")
        log.warning("token quota used up", request=exchange.id, why=str(error))
        await service.refusals.hold_back(who)
        body = {"error": "temporarily_unavailable", "error_description": "QUOTA_EXCEEDED"}
        return _json(body, 429, {"Retry-After": str(error.seconds)})
    except (psycopg.OperationalError, TooManyRequests, TimeoutError) as error:
        log.warning("no token now", request=exchange.id, why=str(error))
        body = {"error": "temporarily_unavailable", "error_description": "UNAVAILABLE"}
        return _json(body, 503, {"Retry-After": "1"})
    service.refusals.answered(who)
    exchange.answered["client"] = issued.client
    nonce = service.authenticator.nonce if presents.proofs else None
    return _json(issued.document(), 200, _with_nonce(nonce))


def _with_nonce(nonce: str | None) -> dict[str, str]:
    return {"DPoP-Nonce": nonce} if nonce else {}


def _count(service: Service, client: str) -> None:
    """Counts a token in the quota of its client. Only after the client has proved who it is: who
    merely claims a client's name cannot lock it out. Raises QuotaExceeded."""
    account: QuotaAccount = service.quotas.of("token-client", f"token-client {client}")
    service.quotas.admit(account, WORK)


async def _form(request: Request) -> dict[str, str]:
    """Reads the form of a request. Raises TokenRequestRefused."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise TokenRequestRefused(400, "invalid_request", "FORM", f"wanted {FORM}")
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > LONGEST:
            raise TokenRequestRefused(400, "invalid_request", "FORM", f"over {LONGEST} bytes")
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise TokenRequestRefused(400, "invalid_request", "FORM", str(error)) from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TokenRequestRefused(400, "invalid_request", "FORM", "a parameter comes twice")
    return form


def _server(request: Request) -> AuthorisationServer | None:
    service: Service = request.app.state.service
    return service.authenticator.server


def _absent() -> Response:
    return PlainTextResponse("This service issues no tokens.\n", 404, _NO_STORE)


def _json(body: Mapping[str, object], status: int, more: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, {**_NO_STORE, **(more or {})}, media_type=_JSON)
