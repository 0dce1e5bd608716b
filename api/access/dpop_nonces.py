"""Nonces for proofs of possession (RFC 9449, section 8).

A proof must name one that this service gave out lately, so nobody can make proofs in advance, for
days on which they no longer have the key.

A nonce is its period and a MAC of it by a secret that all processes share through the database. So
any process knows the nonces of every other one, and none is stored.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from functools import lru_cache
from secrets import token_bytes
from typing import Any

from psycopg import AsyncConnection

PERIOD = 300  # seconds for which the same nonce is given out; it is taken for one period longer
_NAME = "dpop-nonce"
_MAKE = (
    "insert into access.shared_secret (name, value) values (%s, %s) on conflict (name) do nothing"
)
_READ = "select value from access.shared_secret where name = %s"


class DpopNonces:
    """The nonces of a register. `secret`: the same in all its processes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def current(self, now: float) -> str:
        """The nonce that is given out at an instant, in seconds since 1970."""
        return _nonce(self._secret, int(now) // PERIOD)

    def accepts(self, nonce: object, now: float) -> bool:
        """Whether a proof may have this nonce: it was given out in this period or in the last."""
        period = int(now) // PERIOD
        return isinstance(nonce, str) and nonce in {
            _nonce(self._secret, period),
            _nonce(self._secret, period - 1),
        }


async def dpop_nonces(connection: AsyncConnection[Any]) -> DpopNonces:
    """The nonces of this database's register; its secret is made where there is none. Raises
    psycopg.OperationalError."""
    await connection.execute(_MAKE, [_NAME, token_bytes(32)])
    cursor = await connection.execute(_READ, [_NAME])
    row = await cursor.fetchone()
    assert row is not None
    return DpopNonces(bytes(row[0]))


@lru_cache(maxsize=8)
def _nonce(secret: bytes, period: int) -> str:
    number = period.to_bytes(8, "big")
    made = hmac.digest(secret, number, "sha256")[:16]
    return urlsafe_b64encode(number[-4:] + made).decode().rstrip("=")
