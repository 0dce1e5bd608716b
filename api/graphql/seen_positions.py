"""The position of each ledger epoch that this installation has seen, kept in its home folder.

A database that was restored from a backup, or replaced by a replica that was behind, goes back
together with everything stored in it. Only a memory outside it can tell. `ledger.seen` in the home
folder holds, for each epoch, the furthest position seen, and which command recorded one of the last
events.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger("seen positions")

FILE = "ledger.seen"


class SeenEpoch(msgspec.Struct, omit_defaults=True):
    """What was seen of an epoch. `position`: the furthest one. `command`: the id of the command
    that recorded the event at position `of`, which is not beyond it."""

    position: int = 0
    of: int = 0
    command: str = ""

    def why_not(self, head: int, command: str | None) -> str | None:
        """Why a ledger is not the one seen before; None where it may be. `head`: its last position;
        `command`: the command id of its event at `of`, None where there is no such event."""
        if head < self.position:
            return f"the ledger was seen up to position {self.position}, and goes up to {head}"
        if self.command and self.command != command:
            return f"position {self.of} of the ledger is of another command than was seen there"
        return None


class SeenPositions:
    """The file in a home folder. Several processes share it; its positions only increase."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._own: dict[str, SeenEpoch] = {}

    def all(self) -> dict[str, SeenEpoch]:
        """What was seen of each epoch, by this process or by one that has saved it."""
        written = self._read()
        return {
            epoch: _furthest(self._own.get(epoch, SeenEpoch()), written.get(epoch, SeenEpoch()))
            for epoch in {*written, *self._own}
        }

    def saw(self, epoch: str, position: int) -> None:
        """Notes a position in this process; `keep` saves it."""
        own = self._own.setdefault(epoch, SeenEpoch())
        own.position = max(own.position, position)

    def keep(self, epoch: str, of: int = 0, command: str = "") -> None:
        """Saves to the file. A failure is logged, and only this process remembers the position."""
        if not epoch:
            return
        if command:
            self.saw(epoch, of)
            self._own[epoch] = msgspec.structs.replace(self._own[epoch], of=of, command=command)
        written = self._read()
        seen = _furthest(self._own.get(epoch, SeenEpoch()), written.get(epoch, SeenEpoch()))
        if seen == written.get(epoch):
            return
        draft = self._path.with_name(f"{FILE}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(msgspec.json.encode({**written, epoch: seen}) + b"\n")
            draft.replace(self._path)
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
