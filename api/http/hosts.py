"""The hosts that a request may name where demo identities are offered (`aeo up`).

Whoever reaches `up` may become any demo identity, so only this machine's own browser may. A page of
another site reaches a loopback address by DNS rebinding: its name resolves to 127.0.0.1, and the
browser then takes the service for that site. Its requests, and those through a proxy that passes
the outer name on, have that name as their Host.
"""

from __future__ import annotations

from api.graphql.errors import RequestDeclined
from registry.domain.sentences import Sentence

_LOOPBACK = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})


def own_hosts(address: str) -> frozenset[bytes]:
    """The hosts that requests to this address may name, in small letters and without a port."""
    name = f"[{address}]" if ":" in address else address
    return _LOOPBACK | {name.lower().encode("ascii", "replace")}


def is_own(host: bytes | None, own: frozenset[bytes]) -> bool:
    """Whether a Host header names one of these hosts, with any port. A request has to have one."""
    if host is None:
        return False
    name, colon, port = host.lower().rpartition(b":")
    return (name if colon and port.isdigit() else host.lower()) in own


def misdirected(own: frozenset[bytes]) -> RequestDeclined:
    """421 (RFC 9110, 15.5.20)."""
    names = ", ".join(sorted(name.decode("ascii") for name in own))
    return RequestDeclined(
        421,
        "MISDIRECTED",
        Sentence(
            "Host: this service offers demo identities, and answers as %(names)s only. Behind a"
            " proxy, run serve, which offers none.",
            names=names,
        ),
    )
