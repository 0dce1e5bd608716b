"""Refusals of tokens over HTTP: status 401 with the reason's code and a challenge (RFC 6750, 9449
and 9728), or 503 where the issuer of the token does not answer."""

from __future__ import annotations

import structlog

from api.access import dpop
from api.access.token_reasons import REFUSED, InvalidToken, IssuerUnreachable
from api.graphql.errors import RequestDeclined
from api.http.exchanges import Exchange
from api.observability import counters
from api.settings import Settings

#: Where the metadata of the protected resource are (RFC 9728).
METADATA_PATH = "/.well-known/oauth-protected-resource"
log = structlog.get_logger("tokens")


def unauthenticated(error: InvalidToken, settings: Settings, exchange: Exchange) -> RequestDeclined:
    """Returns the refusal of a token, counts it, and writes what differed to the log."""
    counters.count(REFUSED.labels(error.code))
    log.info("token refused", request=exchange.id, reason=error.code, detail=error.detail[:500])
    return RequestDeclined(
        401,
        "UNAUTHENTICATED",
        error.sentence,
        reason=error.code,
        WWW_Authenticate=challenge(error, settings),
        **({"DPoP_Nonce": error.nonce} if error.nonce else {}),
    )


def unidentified(sentence: str, settings: Settings) -> RequestDeclined:
    """Returns the refusal of a request without a token, where one is needed. `sentence`: what the
    token is needed for."""
    where = (
        f' resource_metadata="{settings.public_url}{METADATA_PATH}"' if settings.public_url else ""
    )
    return RequestDeclined(401, "UNAUTHENTICATED", sentence, WWW_Authenticate=f"Bearer{where}")


def challenge(error: InvalidToken, settings: Settings) -> str:
    """Returns the value of WWW-Authenticate. It names the metadata in which a client finds the
    issuers, where the service has any."""
    where = ""
    if settings.public_url:
        where = f', resource_metadata="{settings.public_url}{METADATA_PATH}"'
    kind = "invalid_dpop_proof" if error.concerns_proof else "invalid_token"
    if error.nonce:
        kind = "use_dpop_nonce"
    details = f'error="{kind}", error_description="{error.code}"{where}'
    proof = f'DPoP algs="{" ".join(dpop.ALGORITHMS)}"'
    if error.concerns_proof:
        return f"{proof}, {details}"
    return f"Bearer {details}" + (f", {proof}" if where else "")


def issuer_unreachable(error: IssuerUnreachable, exchange: Exchange) -> RequestDeclined:
    """Returns the refusal of a request whose token cannot be checked now."""
    log.warning("issuer unreachable", request=exchange.id, why=str(error))
    return RequestDeclined(
        503, "ISSUER_UNREACHABLE", "The issuer of the token does not answer. Ask again."
    )
