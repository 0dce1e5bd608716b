"""What a request presents beside its token: the scheme, proofs of possession, and a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from starlette.types import Scope

from api.settings import Settings


@dataclass(frozen=True, slots=True)
class Presented:
    """The parts of a request that a bound token is checked against.

    `scheme`: of the Authorization header, in lower case. `url`: of the request as the client
    reaches it, without its query. `proofs`: the values of its DPoP headers. `certificate`: the
    client certificate as the TLS terminator hands it on, or None.
    """

    scheme: str
    method: str
    url: str
    proofs: tuple[str, ...] = ()
    certificate: str | None = None


def presented(scope: Scope, settings: Settings) -> Presented:
    """Reads a request. The certificate's header counts only where the settings name it and the
    request comes from a TLS terminator's address."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    given = next((value for name, value in headers if name == b"authorization"), b"")
    certificate = None
    if settings.client_certificate_header and _is_terminator(scope, settings):
        wanted = settings.client_certificate_header.lower().encode("ascii")
        found = [value for name, value in headers if name == wanted]
        certificate = found[0].decode("latin-1") if len(found) == 1 and found[0] else None
    return Presented(
        given.partition(b" ")[0].decode("latin-1").lower(),
        scope["method"],
        f"{settings.public_url}{scope['path']}",
        tuple(value.decode("latin-1") for name, value in headers if name == b"dpop"),
        certificate,
    )


def client_address(scope: Scope, settings: Settings) -> str:
    """Returns the address of the client: of the connection, or, where that is of a TLS terminator
    and the settings name a header, the last address in that header."""
    client = scope.get("client")
    found: str = client[0] if client else "unknown"
    if not settings.client_address_header or found not in _addresses(settings.tls_terminators):
        return found
    wanted = settings.client_address_header.lower().encode("ascii")
    given = [value for name, value in scope["headers"] if name == wanted]
    last = given[-1].decode("latin-1").rpartition(",")[2].strip() if given else ""
    try:
        return str(ip_address(last))
    except ValueError:
        return found


def _is_terminator(scope: Scope, settings: Settings) -> bool:
    client = scope.get("client")
    return client is not None and client[0] in _addresses(settings.tls_terminators)


@lru_cache(maxsize=8)
def _addresses(text: str) -> frozenset[str]:
    return frozenset(filter(None, (each.strip() for each in text.split(","))))
