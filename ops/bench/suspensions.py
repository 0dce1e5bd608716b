"""Records suspensions, and their ends, at an even rate, in a process of its own.

    python -m ops.bench.suspensions CONNINFO RATE < lines

A line is `suspend TIN` or `lift TIN`. The last line of the output is a JSON list: each position and
when its recording was acknowledged.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import uuid4

import psycopg

from ops.bench import common
from ops.bench.common import Unfit
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import Refusal
from registry.domain.values import Tin
from registry.ledger.database import environment

WRITERS = 8  # threads that record
#: Valid operators of some administrations, by chance but the same ones each time; with a territory,
#: those that it recognises, so that each suspension changes an answer there.
_VALID = """
select o.tin from views.operator o
where o.standing = 'VALID' and o.administration = any(%(homes)s)
    and (%(territory)s::text is null or exists (
        select from rule.verdicts(o.tin, o.administration, %(territory)s, now(), now(),
            null, null, null, null, null) v
        where v.outcome = 'RECOGNISED'))
order by md5(o.tin)"""


class Recorded(NamedTuple):
    """When an event was recorded (the ledger's clock, before the commit) and when its command was
    acknowledged (after it), in seconds since 1970 (UTC)."""

    at: float
    acknowledged: float


_COMMANDS = {"suspend": c.SuspendAuthorisation, "lift": c.LiftSuspension}
_OPPOSITE = {"suspend": "lift", "lift": "suspend"}


class Recording:
    """The operators of some administrations; with a territory, those that are recognised there.
    Each is suspended, and when all were, each is released again."""

    def __init__(self, url: str, homes: Sequence[str], territory: str | None = None) -> None:
        self.url = url
        with psycopg.connect(url) as connection:
            asked = {"homes": list(homes), "territory": territory}
            rows = connection.execute(_VALID.encode(), asked).fetchall()
        self._lines = [("suspend", tin) for (tin,) in rows]

    def run(self, rate: float, seconds: float) -> dict[int, Recorded]:
        """Records, and returns each position. Raises Unfit where there are too few operators."""
        wanted = int(rate * seconds)
        if len(self._lines) < wanted:
            raise Unfit(f"there are {len(self._lines)} operators, wanted {wanted}")
        now, self._lines = self._lines[:wanted], self._lines[wanted:]
        self._lines += [(_OPPOSITE[what], tin) for what, tin in now]
        command = [sys.executable, "-m", "ops.bench.suspensions", self.url, str(rate)]
        done = subprocess.run(
            command,
            input="\n".join(f"{what} {tin}" for what, tin in now),
            cwd=common.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unfit((done.stderr or done.stdout).strip()[-160:])
        acknowledged = dict(json.loads(done.stdout.splitlines()[-1]))
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "select position, extract(epoch from recorded_at)::float8 from ledger.event"
                " where position = any(%s)",
                [list(acknowledged)],
            ).fetchall()
        return {position: Recorded(at, acknowledged[position]) for position, at in rows}


def record(url: str, lines: list[str], rate: float) -> list[tuple[int, float]]:
    """Carries out these lines at an even rate: each position, and when it was acknowledged."""
    registry, lock = Registry(environment(url)), threading.Lock()
    began, turns = time.monotonic() + 0.5, iter(enumerate(lines))
    done: list[tuple[int, float]] = []

    def write() -> None:
        while True:
            with lock:
                turn, line = next(turns, (0, ""))
            if not line:
                return
            time.sleep(max(0.0, began + turn / rate - time.monotonic()))
            what, tin = line.split()
            command = _COMMANDS[what](
                tin=Tin(tin),
                command_id=uuid4(),
                reason="a bench",
                effective=date.today(),
                legal_ground="a bench",
            )
            try:
                positions = registry.execute(command, "bench").positions
                done.extend((position, time.time()) for position in positions)
            except Refusal as refusal:
                print(f"refused: {refusal}", file=sys.stderr)

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    registry.close()
    return sorted(done)


if __name__ == "__main__":
    print(json.dumps(record(sys.argv[1], sys.stdin.read().splitlines(), float(sys.argv[2]))))
