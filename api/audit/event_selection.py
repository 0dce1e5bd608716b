"""A signed selection of events: those of a filter, their inclusion proofs and the signed head.

A proof shows that an event is in the log; no proof shows that a filter found every event that it
means, because a leaf of the log does not say what its event is about. One selection can be
complete: all events from one position to another. Their leaves are neighbours, so that a missing
one is a gap, and the file says so in `complete`. `ops/aeo-verify events` checks it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api.audit.signed_files import FileReader, SignedFormat, signed_file
from projections.reads.log import Head

FORMAT = SignedFormat("selection", "aeo-events/1", "aeo-events+jwt")
#: The fields of an event filter that choose by position alone.
POSITIONS = frozenset({"afterPosition", "beforePosition"})


def complete_range(chosen: dict[str, Any], size: int, *, reads_all: bool) -> dict[str, int] | None:
    """The range of positions of which the selection has every event: where a reader of all events
    chose by position alone. None for any other choice. `size`: the leaves of the signed tree."""
    if not reads_all or not POSITIONS.issuperset(chosen):
        return None
    first = int(chosen.get("afterPosition", 0)) + 1
    last = min(int(chosen.get("beforePosition", size + 1)) - 1, size)
    return {"fromPosition": first, "toPosition": last}


def selection_file(
    home: Path,
    chosen: dict[str, Any],
    complete: dict[str, int] | None,
    events: list[dict[str, Any]],
    head: Head,
    reader: FileReader,
) -> bytes:
    """Returns the file. `chosen`: the filter; `complete`: of `complete_range`; `events`: each with
    its `proof`."""
    own = {"filter": chosen, "complete": complete, "events": events}
    return signed_file(home, FORMAT, "events", own, head, reader)
