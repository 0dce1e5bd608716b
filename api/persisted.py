"""Persisted queries: a document that was sent once is asked for by the SHA-256 of its text.

The protocol is that of Apollo's automatic persisted queries: `extensions.persistedQuery` holds
`version` 1 and `sha256Hash`, 64 hexadecimal digits. A hash that this process does not know is
answered with PERSISTED_QUERY_NOT_FOUND, and the client sends the document and the hash together.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from api.limits import BODY
from api.refusals import Declined

KEPT = 1_000  # documents of a process
_HASH = re.compile(r"[0-9a-f]{64}")


def not_found() -> dict[str, Any]:
    """The error as Apollo words it: its clients look for this message and this code."""
    code = "PERSISTED_QUERY_NOT_FOUND"
    return {"message": "PersistedQueryNotFound", "extensions": {"code": code}}


class Persisted:
    """The documents of a process by their hash, the least recently asked for forgotten first."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()

    def text(self, query: str | None, extensions: Mapping[str, Any] | None) -> str | None:
        """The document that is meant; None for a hash that is not known here.

        Raises Declined, 400: there is no document, or the hash is not the document's.
        """
        said = _hash(extensions)
        if query is None:
            if said is None:
                raise _bad("query: found nothing, wanted a GraphQL document")
            found = self._texts.get(said)
            if found is not None:
                self._texts.move_to_end(said)
            return found
        if said is not None and hashlib.sha256(query.encode()).hexdigest() != said:
            raise _bad("extensions.persistedQuery.sha256Hash: it is not the document's")
        return query

    def keep(self, query: str, extensions: Mapping[str, Any] | None) -> None:
        """A document that was found good, and whose sender wants to ask for it by its hash."""
        said = _hash(extensions)
        if said is None or len(query) > BODY:
            return
        self._texts[said] = query
        self._texts.move_to_end(said)
        if len(self._texts) > KEPT:
            self._texts.popitem(last=False)


def _hash(extensions: Mapping[str, Any] | None) -> str | None:
    said = (extensions or {}).get("persistedQuery")
    if said is None:
        return None
    hashed = said.get("sha256Hash") if isinstance(said, dict) else None
    if not isinstance(hashed, str) or not _HASH.fullmatch(hashed) or said.get("version") != 1:
        raise _bad(
            "extensions.persistedQuery: wanted version 1 and sha256Hash, 64 hexadecimal digits"
        )
    return hashed


def _bad(sentence: str) -> Declined:
    return Declined(400, "BAD_REQUEST", sentence)
