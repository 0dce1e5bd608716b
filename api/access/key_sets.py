"""The public keys of token issuers (JWKS, RFC 7517), cached.

A key set is used for `FRESH` seconds, then read again beside the requests, and not used for longer
than `LONGEST` seconds after it was last read: a key that the issuer has withdrawn counts no longer
than that. A key id that is not in the set makes the set be read again, at most once in
`AT_MOST_EVERY` seconds however many such tokens come, so that nobody can make this service send
requests. One read at a time; whoever needs it waits for it, and nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from prometheus_client import Counter as Metric

from api.access.fetching import FetchFailed, IssuerClient
from api.access.issuers import is_safe_url
from api.access.token_reasons import InvalidToken, IssuerUnreachable, TokenReason

FRESH = 600.0  # seconds for which a key set is used as it is
LONGEST = 3_600.0  # seconds after which a key set that could not be read again is dropped
AT_MOST_EVERY = 30.0  # seconds between two reads because of an unknown key id
RETRY_EVERY = 5.0  # seconds between two attempts to read the set of an issuer without a usable one
MOST_KEYS = 100
PublicKey = ECKey | RSAKey | OKPKey

READS = Metric("aeo_key_set_reads", "Reads of the key sets of issuers, by outcome", ["outcome"])
log = structlog.get_logger("issuers")


class IssuerKeys:
    """The keys of one issuer, which are read from it."""

    def __init__(
        self,
        issuer: str,
        client: IssuerClient,
        jwks_uri: str | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`jwks_uri`: by default the issuer's metadata say it. `clock`: seconds."""
        self._issuer, self._client, self._uri, self._clock = issuer, client, jwks_uri, clock
        self._keys: dict[str | None, PublicKey] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._reading: asyncio.Task[None] | None = None
        self._metadata: dict[str, Any] | None = None

    async def key(self, kid: str | None) -> PublicKey:
        """Returns the key with this id; without an id, the issuer's only key.

        Raises InvalidToken (TOKEN_KEY), IssuerUnreachable.
        """
        age = None if self._read_at is None else self._clock() - self._read_at
        if age is None or age > LONGEST:
            self._keys = {}
            await self._read_again(RETRY_EVERY)
            if self._read_at is None or self._clock() - self._read_at > LONGEST:
                raise IssuerUnreachable(f"the keys of {self._issuer} cannot be read")
        elif age > FRESH and self._may_try(AT_MOST_EVERY):
            self._begin_reading()  # beside this request, which goes on with the keys at hand
        found = self._find(kid)
        if found is None:
            await self._read_again(AT_MOST_EVERY)
            found = self._find(kid)
        if found is None:
            raise InvalidToken(
                f"kid {kid!r} is not in the key set of {self._issuer}", TokenReason.TOKEN_KEY
            )
        return found

    async def metadata(self) -> dict[str, Any]:
        """Returns the issuer's metadata (RFC 8414, OpenID Connect Discovery). Raises
        FetchFailed."""
        if self._metadata is None:
            self._metadata = await read_metadata(self._issuer, self._client)
        return self._metadata

    def _find(self, kid: str | None) -> PublicKey | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _may_try(self, every: float) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= every

    async def _read_again(self, every: float) -> None:
        """Reads the key set unless it was tried within `every` seconds; waits for a read that is
        under way."""
        if self._reading is None and self._may_try(every):
            self._begin_reading()
        if self._reading is not None:
            await asyncio.shield(self._reading)

    def _begin_reading(self) -> None:
        if self._reading is None:
            self._tried_at = self._clock()
            self._reading = asyncio.ensure_future(self._read())
            self._reading.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._reading = None

    async def _read(self) -> None:
        try:
            uri = self._uri
            if uri is None:
                self._metadata = await read_metadata(self._issuer, self._client)
                uri = str(self._metadata.get("jwks_uri", ""))
            if not is_safe_url(uri):
                raise FetchFailed(f"jwks_uri: found {uri!r}, wanted https")
            keys = public_keys(await self._client.get(uri))
        except FetchFailed as error:
            READS.labels("failed").inc()
            log.warning("the keys of an issuer cannot be read", issuer=self._issuer, why=str(error))
            return
        READS.labels("read").inc()
        self._keys, self._read_at = keys, self._clock()


async def read_metadata(issuer: str, client: IssuerClient) -> dict[str, Any]:
    """Reads the metadata of an issuer, which must name that issuer. Raises FetchFailed."""
    base = issuer.rstrip("/")
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    inserted = f"{scheme}://{host}/.well-known/oauth-authorization-server"
    places = [f"{base}/.well-known/openid-configuration", inserted + (f"/{path}" if path else "")]
    for number, place in enumerate(places, start=1):
        try:
            found = await client.get(place)
        except FetchFailed:
            if number == len(places):
                raise
            continue
        if found.get("issuer") != issuer:
            raise FetchFailed(f"{place}: issuer is {found.get('issuer')!r}, wanted {issuer!r}")
        return found
    raise AssertionError("an issuer has places for its metadata")


def public_keys(key_set: dict[str, Any]) -> dict[str | None, PublicKey]:
    """Returns the signature keys of a JWKS by their ids. Keys of other kinds and uses are left out.
    Raises FetchFailed where there is no list of keys."""
    listed = key_set.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise FetchFailed(f"keys: wanted a list of at most {MOST_KEYS} keys")
    found: dict[str | None, PublicKey] = {}
    for each in listed:
        usable = isinstance(each, dict) and each.get("use", "sig") == "sig"
        if not usable or each.get("kty") not in ("EC", "RSA", "OKP"):
            continue
        try:
            [key] = KeySet.import_key_set({"keys": [each]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, ECKey | RSAKey | OKPKey) and not key.is_private:
            found[each.get("kid")] = key
    return found
