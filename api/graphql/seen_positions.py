"""What this installation has seen of each epoch of a ledger, kept in its home folder.

A database that was restored from a copy, or replaced by one that was behind, goes back together
with everything that is written in it. That it went back is therefore known only to who remembers
it elsewhere: `ledger.seen` in the home folder says, by epoch, how far the register has been seen,
and which command recorded one of the last events.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger("seen")

FILE = "ledger.seen"


class SeenEpoch(msgspec.Struct, omit_defaults=True):
    """Of an epoch. `position`: the furthest one that was seen. `command`: the id of the command
    that recorded the event at `of`, a position not beyond it."""

    position: int = 0
    of: int = 0
    command: str = ""

    def why_not(self, head: int, command: str | None) -> str | None:
        """Why a ledger is not the one that was seen; None where it may be. `head`: its last
        position; `command`: the id that it has at `of`, None where it has no such event."""
        if head < self.position:
            return f"the ledger was seen up to position {self.position}, and goes up to {head}"
        if self.command and self.command != command:
            return f"position {self.of} of the ledger is of another command than was seen there"
        return None


class SeenPositions:
    """The file in a home. Several processes share it: what is written only ever grows."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._mine: dict[str, SeenEpoch] = {}

    def all(self) -> dict[str, SeenEpoch]:
        """What was seen of each epoch, by this process or by one that has written it down."""
        written = self._read()
        return {
            epoch: _furthest(self._mine.get(epoch, SeenEpoch()), written.get(epoch, SeenEpoch()))
            for epoch in {*written, *self._mine}
        }

    def saw(self, epoch: str, position: int) -> None:
        """Remembered by this process; `keep` writes it down."""
        mine = self._mine.setdefault(epoch, SeenEpoch())
        mine.position = max(mine.position, position)

    def keep(self, epoch: str, of: int = 0, command: str = "") -> None:
        """Writes it down. Where that cannot be, it is logged, and the process remembers alone."""
        if not epoch:
            return
        if command:
            self.saw(epoch, of)
            self._mine[epoch] = msgspec.structs.replace(self._mine[epoch], of=of, command=command)
        written = self._read()
        seen = _furthest(self._mine.get(epoch, SeenEpoch()), written.get(epoch, SeenEpoch()))
        if seen == written.get(epoch):
            return
        beside = self._path.with_name(f"{FILE}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(msgspec.json.encode({**written, epoch: seen}) + b"\n")
            beside.replace(self._path)
        except OSError as error:
            log.warning("cannot remember how far the ledger was seen", why=str(error))

    def _read(self) -> dict[str, SeenEpoch]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, SeenEpoch])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("cannot read how far the ledger was seen", why=str(error))
            return {}


def _furthest(one: SeenEpoch, other: SeenEpoch) -> SeenEpoch:
    later = max(one, other, key=lambda seen: seen.of)
    return SeenEpoch(max(one.position, other.position), later.of, later.command)
