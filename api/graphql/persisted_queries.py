"""Persisted queries: a document that was sent once is asked for by the SHA-256 of its text.

The protocol is that of Apollo's automatic persisted queries: `extensions.persistedQuery` holds
`version` 1 and `sha256Hash`, 64 hexadecimal digits. A hash that is not known is answered with
PERSISTED_QUERY_NOT_FOUND, and the client sends the document and the hash together.

The processes of a service show each other their documents as files in a folder: a client keeps
several connections open, each of which ends in one process, and would send the document to one and
ask another for it, for ever.
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

KEPT = 1_000  # documents of a process
_HASH = re.compile(r"[0-9a-f]{64}")


def not_found() -> dict[str, Any]:
    """The error as Apollo words it: its clients look for this message and this code."""
    code = "PERSISTED_QUERY_NOT_FOUND"
    return {"message": "PersistedQueryNotFound", "extensions": {"code": code}}


class Persisted:
    """The documents of a process by their hash, the least recently asked for forgotten first.

    `folder`: where the processes of this service show each other theirs; None: there is one alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._folder = folder

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
            return self._of_another(said)
        if said is not None and hashlib.sha256(query.encode()).hexdigest() != said:
            raise _bad("extensions.persistedQuery.sha256Hash: it is not the document's")
        return query

    def keep(self, query: str, extensions: Mapping[str, Any] | None) -> None:
        """A document that was found good, and whose sender wants to ask for it by its hash."""
        said = _hash(extensions)
        if said is None or len(query) > BODY:
            return
        if said not in self._texts:
            self._show(said, query)
        self._texts[said] = query
        self._texts.move_to_end(said)
        if len(self._texts) > KEPT:
            forgotten, _ = self._texts.popitem(last=False)
            if self._folder is not None:
                with suppress(OSError):
                    (self._folder / forgotten).unlink()

    def _of_another(self, said: str) -> str | None:
        """What another process was sent, if it is whole."""
        if self._folder is None:
            return None
        try:
            found = (self._folder / said).read_bytes()
        except OSError:
            return None
        return found.decode() if hashlib.sha256(found).hexdigest() == said else None

    def _show(self, said: str, query: str) -> None:
        """To the other processes. A full disk costs them a document that is sent once more."""
        if self._folder is None or (self._folder / said).exists():
            return
        draft = self._folder / f"{said}.{os.getpid()}"
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            draft.write_bytes(query.encode())
            draft.replace(self._folder / said)


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


def _bad(sentence: str) -> RequestDeclined:
    return RequestDeclined(400, "BAD_REQUEST", sentence)
