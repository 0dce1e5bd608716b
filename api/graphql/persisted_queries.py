"""Automatic persisted queries: a document that was sent once is requested by the SHA-256 of its
text.

The protocol is that of Apollo: `extensions.persistedQuery` holds `version` 1 and `sha256Hash`, 64
hexadecimal digits. An unknown hash is answered with PERSISTED_QUERY_NOT_FOUND, and the client sends
the document together with the hash. The processes of a service share their documents as files in a
folder: a client has several connections, each to one process, and would otherwise send the document
to one process and request it from another for ever.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from api.graphql.errors import RequestDeclined
from api.graphql.limits import BODY

MOST_DOCUMENTS = 1_000  # Most documents of a process (LRU).
_HASH = re.compile(r"[0-9a-f]{64}")


def not_found() -> dict[str, Any]:
    """The error in Apollo's words: its clients check this message and this code."""
    code = "PERSISTED_QUERY_NOT_FOUND"
    return {"message": "PersistedQueryNotFound", "extensions": {"code": code}}


class PersistedQueries:
    """The persisted queries of a process by their hash (LRU).

    `folder`: shared with the other processes of the service; None where there is one process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._folder = folder

    def text(self, query: str | None, extensions: Mapping[str, Any] | None) -> str | None:
        """The document of a request; None for an unknown hash.

        Raises RequestDeclined (400) where there is no document, or the hash is not that of the
        document.
        """
        sha256 = _hash(extensions)
        if query is None:
            if sha256 is None:
                raise _bad("query: found nothing, wanted a GraphQL document")
            found = self._texts.get(sha256)
            if found is not None:
                self._texts.move_to_end(sha256)
                return found
            return self._from_other_process(sha256)
        if sha256 is not None and hashlib.sha256(query.encode()).hexdigest() != sha256:
            raise _bad("extensions.persistedQuery.sha256Hash: it is not the document's")
        return query

    def keep(self, query: str, extensions: Mapping[str, Any] | None) -> None:
        """Stores a valid document that came with its hash."""
        sha256 = _hash(extensions)
        if sha256 is None or len(query) > BODY:
            return
        if sha256 not in self._texts:
            self._share(sha256, query)
        self._texts[sha256] = query
        self._texts.move_to_end(sha256)
        if len(self._texts) > MOST_DOCUMENTS:
            forgotten, _ = self._texts.popitem(last=False)
            if self._folder is not None:
                with suppress(OSError):
                    (self._folder / forgotten).unlink()

    def _from_other_process(self, sha256: str) -> str | None:
        """A document that another process stored, if its file is complete."""
        if self._folder is None:
            return None
        try:
            found = (self._folder / sha256).read_bytes()
        except OSError:
            return None
        return found.decode() if hashlib.sha256(found).hexdigest() == sha256 else None

    def _share(self, sha256: str, query: str) -> None:
        """Writes the document for the other processes. On a full disk, they get it from the client
        again."""
        if self._folder is None or (self._folder / sha256).exists():
            return
        draft = self._folder / f"{sha256}.{os.getpid()}"
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            draft.write_bytes(query.encode())
            draft.replace(self._folder / sha256)


def _hash(extensions: Mapping[str, Any] | None) -> str | None:
    sha256 = (extensions or {}).get("persistedQuery")
    if sha256 is None:
        return None
    hashed = sha256.get("sha256Hash") if isinstance(sha256, dict) else None
    if not isinstance(hashed, str) or not _HASH.fullmatch(hashed) or sha256.get("version") != 1:
        raise _bad(
            "extensions.persistedQuery: wanted version 1 and sha256Hash, 64 hexadecimal digits"
        )
    return hashed


def _bad(sentence: str) -> RequestDeclined:
    return RequestDeclined(400, "BAD_REQUEST", sentence)
