"""The signed history of one operator: its events, their inclusion proofs and the signed head.

The file has what its reader may read: a company has no notes between administrations, and no
opening of a commitment. `ops/aeo-verify history` checks it without the register.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api.audit.signed_files import FileReader, SignedFormat, signed_file
from projections.reads.log import Head

FORMAT = SignedFormat("history", "aeo-history/1", "aeo-history+jwt")


def history_file(
    home: Path,
    operator: dict[str, Any],
    events: list[dict[str, Any]],
    head: Head | None,
    reader: FileReader,
) -> bytes:
    """Returns the file. `operator`: its TIN and name; `events`: each with its `proof`."""
    own = {"operator": operator, "events": events}
    return signed_file(home, FORMAT, operator["tin"], own, head, reader)
