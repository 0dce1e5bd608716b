"""Readiness during the first load of `aeo up`: until it is complete, the service answers nothing
else.

A register that is half loaded would answer UNKNOWN and NO_INFORMATION as if it knew nothing of an
operator. `aeo up` writes its progress to a file in its home, and the service reads that file. A
load that was killed leaves the file; the next `aeo up` continues and removes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic

NOTE = "first-load"
EVERY = 0.5  # seconds between two writes, and between two reads
LONGEST = 200  # characters of a note that are shown

Progress = Callable[[int, int], None]  # done, of total
Bar = Callable[[str], AbstractContextManager[Progress]]


def note(home: Path, so_far: str) -> None:
    """Writes the progress of the first load. The file is replaced atomically, so a reader never
    sees half of it."""
    draft = home / f".{NOTE}"
    draft.write_text(so_far, encoding="utf-8")
    draft.replace(home / NOTE)


def whole(home: Path) -> None:
    """Removes the file: the first load is complete and can be read."""
    (home / NOTE).unlink(missing_ok=True)


def noted(bar: Bar, home: Path) -> Bar:
    """Wraps a progress bar so that its progress is written for the service as well."""

    @contextmanager
    def noting(title: str) -> Iterator[Progress]:
        last = 0.0

        def both(done: int, of: int) -> None:
            nonlocal last
            progress(done, of)
            if monotonic() - last > EVERY:
                last = monotonic()
                note(home, f"{title}: {done:,} of {of:,}")

        note(home, title)
        with bar(title) as progress:
            yield both

    return noting


class FirstLoad:
    """Reads the progress of the first load of a home. One a process."""

    def __init__(self, home: Path) -> None:
        self._note, self._looked, self._so_far = home / NOTE, -EVERY, ""

    @property
    def so_far(self) -> str | None:
        """The progress in words; None when the load is complete, or there never was one."""
        now = monotonic()
        if now - self._looked > EVERY:
            self._looked = now
            try:
                self._so_far = self._note.read_text(encoding="utf-8")[:LONGEST]
            except OSError:
                self._so_far = ""
        return self._so_far or None
