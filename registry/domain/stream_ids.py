"""Stream ids. The id of a stream is derived from its name, so no lookup in the ledger is needed."""

from __future__ import annotations

from functools import lru_cache
from uuid import NAMESPACE_URL, UUID, uuid5


@lru_cache(maxsize=4096)  # a command asks for the same ids several times
def stream_id(name: str) -> UUID:
    """The stream id (UUIDv5) of an aggregate with this name."""
    return uuid5(NAMESPACE_URL, name)
