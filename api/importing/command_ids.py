"""Command ids of the lines of an imported file, so that a repeated import records nothing twice.

A line is identified by its file and its number, never by its content: the same words in another
file or line are another command. A file is identified by its name and digest, or by a batch name
that the caller declares. Where a text file grew under the same name, it begins with one that was
recorded before, and those lines keep their ids.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import islice
from uuid import UUID, uuid5

from api.importing.files.reading import Source

#: The namespace of the ids of lines (UUID version 5).
FILES = UUID("8d7c2f0e-5b1a-5c43-9a61-2f9f0c7be3d4")
TOGETHER = 5_000  # ids that are looked up at once

#: Returns those of these ids that the ledger has.
Known = Callable[[list[UUID]], Iterable[UUID]]


class Identities:
    """The command ids of one file's lines, and of the mark that the whole file was recorded."""

    def __init__(self, source: Source, batch: str | None, known: Known) -> None:
        self._file = f"batch {batch}" if batch else source.path.name
        self._last = "" if batch else source.dialect.digest
        self._ends: list[int] = []  # the last line of each part that was recorded before
        self._digests: list[str] = []
        if batch is None:
            for end, digest in _recorded_parts(source, self, known):
                self._ends.append(end)
                self._digests.append(digest)

    def of(self, number: int) -> UUID:
        """Returns the idempotency key of the line of that number."""
        place = bisect_left(self._ends, number)
        digest = self._digests[place] if place < len(self._digests) else self._last
        return self.under(digest, number)

    def under(self, digest: str, number: int) -> UUID:
        """Returns the idempotency key of a line under the digest of the file up to some block."""
        return uuid5(FILES, f"{self._file} {digest} {number}")

    @property
    def mark(self) -> UUID:
        """The id of the whole file, under which it is noted that all of it was imported."""
        return self.under(self._last, 0)


def _recorded_parts(
    source: Source, identities: Identities, known: Known
) -> Iterator[tuple[int, str]]:
    """Yields the beginnings of this file that were recorded before as a whole file of the same
    name: the number of the last line and the digest of each."""
    if not _has_plain_lines(source.dialect.encoding):
        return
    parts = _parts(source)
    while some := list(islice(parts, TOGETHER)):
        ids = {identities.under(digest, 0): (end, digest) for end, digest in some}
        found = set(known(list(ids)))
        yield from (part for id, part in ids.items() if id in found)


def _parts(source: Source) -> Iterator[tuple[int, str]]:
    """Yields every beginning of the file that ends with a whole line, with and without the line
    ending: the number of that line, and the digest."""
    hashed = sha256()
    with source.path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.rstrip(b"\r\n")
            hashed.update(text)
            yield number, hashed.hexdigest()
            if len(text) < len(line):
                hashed.update(line[len(text) :])
                yield number, hashed.hexdigest()


def _has_plain_lines(encoding: str | None) -> bool:
    """Returns whether lines can be split in the bytes of this encoding."""
    return encoding is not None and not encoding.startswith(("utf-16", "utf-32"))
