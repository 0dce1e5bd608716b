"""The first load of `aeo up`: until it is whole, the service says so and answers nothing else.

A register that is half loaded would answer UNKNOWN and NO_INFORMATION as though it knew nothing of
an operator. `up` notes in its home how far it is, and the service reads that note; a load that was
killed leaves the note, and the next `up` goes on and takes it away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic

NOTE = "first-load"
EVERY = 0.5  # seconds between two notes, and between two looks
LONGEST = 200  # characters of a note that are shown

Progress = Callable[[int, int], None]  # how far, of how much
Bar = Callable[[str], AbstractContextManager[Progress]]


def note(home: Path, so_far: str) -> None:
    """The first load has begun, and is so far. Written whole: nobody reads half a note."""
    draft = home / f".{NOTE}"
    draft.write_text(so_far, encoding="utf-8")
    draft.replace(home / NOTE)


def whole(home: Path) -> None:
    """The first load is done, and what it loaded can be read."""
    (home / NOTE).unlink(missing_ok=True)


def noted(bar: Bar, home: Path) -> Bar:
    """The same bar, whose progress is noted for the service as well."""

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
    """What a service knows of the first load of its home. One a process."""

    def __init__(self, home: Path) -> None:
        self._note, self._looked, self._so_far = home / NOTE, -EVERY, ""

    @property
    def so_far(self) -> str | None:
        """How far the first load is, in words; None when it is whole, or never was."""
        now = monotonic()
        if now - self._looked > EVERY:
            self._looked = now
            try:
                self._so_far = self._note.read_text(encoding="utf-8")[:LONGEST]
            except OSError:
                self._so_far = ""
        return self._so_far or None
