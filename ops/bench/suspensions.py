"""Records suspensions of valid operators at an even rate, in a process of its own.

    python -m ops.bench.suspensions CONNINFO RATE SECONDS < tins

Each operator is suspended once. The last line of its output is a JSON list: each position, and when
its recording was acknowledged.
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


class Recording:
    """The operators that are left to be suspended, of those of some administrations; with a
    territory, of those that are recognised there."""

    def __init__(self, url: str, homes: Sequence[str], territory: str | None = None) -> None:
        self.url = url
        with psycopg.connect(url) as connection:
            asked = {"homes": list(homes), "territory": territory}
            rows = connection.execute(_VALID.encode(), asked).fetchall()
        self._tins = [tin for (tin,) in rows]

    def run(self, rate: float, seconds: float) -> dict[int, Recorded]:
        """Records, and returns each position. Raises Unfit where too few operators are left."""
        wanted = int(rate * seconds)
        if len(self._tins) < wanted:
            raise Unfit(f"{len(self._tins)} operators are left, wanted {wanted}")
        tins, self._tins = self._tins[:wanted], self._tins[wanted:]
        command = [sys.executable, "-m", "ops.bench.suspensions", self.url, str(rate)]
        done = subprocess.run(
            command,
            input="\n".join(tins),
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


def record(url: str, tins: list[str], rate: float) -> list[tuple[int, float]]:
    """Suspends these operators at an even rate: each position, and when it was acknowledged."""
    registry, lock = Registry(environment(url)), threading.Lock()
    began, turns = time.monotonic() + 0.5, iter(enumerate(tins))
    done: list[tuple[int, float]] = []

    def write() -> None:
        while True:
            with lock:
                turn, tin = next(turns, (0, None))
            if tin is None:
                return
            time.sleep(max(0.0, began + turn / rate - time.monotonic()))
            command = c.SuspendAuthorisation(
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
    print(json.dumps(record(sys.argv[1], sys.stdin.read().split(), float(sys.argv[2]))))
