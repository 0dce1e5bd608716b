"""Waits until the read models have reached a position (read-your-writes)."""

from __future__ import annotations

import time

from registry.ledger.connections import Session

# notification channel; the payload is the position that the read models have reached
CHANNEL = "views_moved"


def wait_until(conninfo: str, position: int, seconds: float = 10.0) -> bool:
    """Waits until every projection has reached this position, for at most `seconds`. Returns
    whether it has."""
    deadline = time.monotonic() + seconds
    with Session.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"listen {CHANNEL}")
        while True:
            row = connection.execute("select min(position) from views.tracking").fetchone()
            if row and row[0] is not None and row[0] >= position:
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for _ in connection.notifies(timeout=min(left, 0.5), stop_after=1):
                pass
