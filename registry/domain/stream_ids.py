"""A stream's id follows from what it is called: nobody has to ask the ledger for it."""

from __future__ import annotations

from functools import lru_cache
from uuid import NAMESPACE_URL, UUID, uuid5


@lru_cache(maxsize=4096)  # a command asks four times for the streams that it concerns
def stream_id(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)
