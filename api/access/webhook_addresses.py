"""Where webhooks may be posted to: the allow-list, and the addresses that no message is sent to.

A partner names an address, and this service sends requests there: without a limit it could be made
to reach what only this machine reaches (server-side request forgery). So the host stands on a list
that the operator of the service keeps, it is reached over https, and each address to which its name
resolves is checked before a connection is opened to exactly that address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

LONGEST = 2_000  # characters of an address
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(ValueError):
    """Nothing is sent to this address. The message says why."""


@dataclass(frozen=True)
class AllowedHost:
    """An entry of the allow-list. `host`: a name, or `*.name` for every name below it.
    `administration`: the only one that may use it; None: every one."""

    host: str
    port: int = 443
    administration: str | None = None

    def covers(self, host: str, port: int, administration: str | None) -> bool:
        """Whether an administration may use this host and port by this entry."""
        below = self.host.startswith("*.") and host.endswith(self.host[1:])
        whose = self.administration is None or self.administration == administration
        return whose and port == self.port and (below or host == self.host)


@dataclass(frozen=True)
class Destination:
    """A checked address, in its parts. `target`: path and query."""

    scheme: str
    host: str
    port: int
    target: str


@dataclass(frozen=True)
class AddressPolicy:
    """What is allowed. `loopback`: also http, and this machine itself, as `aeo up` has it."""

    hosts: tuple[AllowedHost, ...] = ()
    loopback: bool = False

    def destination(self, url: str, administration: str | None) -> Destination:
        """The parts of an address. Raises AddressRefused with what was found and what is wanted."""
        if len(url) > LONGEST or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
            raise AddressRefused(f"wanted at most {LONGEST} visible ASCII characters")
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise AddressRefused(f"found {url[:80]!r}, which is no address: {error}") from None
        host = (parts.hostname or "").rstrip(".")
        if not host or parts.username is not None or parts.fragment:
            raise AddressRefused(
                f"found {url[:80]!r}, wanted https://host/path without a user or a fragment"
            )
        own = self.loopback and _is_own(host)
        if parts.scheme != "https" and not (own and parts.scheme == "http"):
            raise AddressRefused(f"found {parts.scheme or 'no scheme'}, wanted https")
        if not own and not any(each.covers(host, port, administration) for each in self.hosts):
            raise AddressRefused(
                f"{host}:{port} is not on the list of hosts to which this service posts; the "
                "operator of the service adds it (AEO_WEBHOOK_HOSTS)"
            )
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Destination(parts.scheme, host, port, target)

    def check(self, addresses: Sequence[str]) -> None:
        """Checks every address to which a host resolves. Raises AddressRefused: one of them leads
        to a private network, to this machine, or to no single host."""
        for text in addresses:
            address = _plain(ip_address(text.partition("%")[0]))
            if self.loopback and address.is_loopback:
                continue
            if not address.is_global or address.is_multicast or address.is_reserved:
                raise AddressRefused(f"the host leads to {text}, which is no public address")


def _is_own(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that is meant by an IPv6 one, where it is such."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if address.teredo:
            return address.teredo[1]
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def address_policy(hosts: str, *, demo: bool) -> AddressPolicy:
    """The policy of the settings. `hosts`: entries `[CODE=]host[:port]`, separated by commas, as
    api/settings.py has checked them. `demo`: also this machine itself, over http."""
    entries = (entry.strip() for entry in hosts.split(","))
    return AddressPolicy(tuple(_entry(entry) for entry in entries if entry), loopback=demo)


def _entry(entry: str) -> AllowedHost:
    code, equals, place = entry.rpartition("=")
    host, _, port = place.partition(":")
    return AllowedHost(host, int(port or 443), code if equals else None)
