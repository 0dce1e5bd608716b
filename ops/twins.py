"""Two registers follow each other while one is killed again and again; then one is rewritten.

    python -m ops.twins --kills 20

Needs nothing that runs: two instances (`aeo up`) are started in folders of their own, on loopback,
and removed at the end. While both record operators of their own, one of them at random is killed
with all its processes and its database (SIGKILL) and started again. At the end the events of each
administration must be the same in both. Then Korea's instance is brought back from an older copy of
its folder and records something else: China must refuse it, keep both heads, and tell it. Ends with
1 where that does not hold.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from api.access.tokens import issue
from api.cli.terminal import print_table
from api.demonstrations.instances import Instance, run_command
from api.demonstrations.requests import GraphQLClient, NotAnswered, certify
from api.local.cluster import find_cluster
from registry.ledger.connections import Session

CODES = ("CN", "KR")
PATIENCE = 300.0  # seconds
#: The events, as they were stored, of the operators that were registered here and that consented:
#: the others are not shown to the peer. An operator whose consent was not acknowledged is either.
EVENTS = """
select e.originator_id::text, e.originator_version, e.topic, e.state, e.decided_by, e.legal_ground
from ledger.event e
where e.originator_id in (
    select r.originator_id from ledger.event r join ledger.event c using (originator_id)
    where r.topic = 'operator.registered' and r.state::json ->> 'tin' like %s || '8%%'
        and c.topic = 'operator.consent_given'
)
order by 1, 2"""
PEER = "select stopped_at is not null, coalesce(why, ''), coalesce(evidence, '') from peers.peer"
REPORTS = "select count(*) from peers.report"


class Twins:
    """The two instances, and what happens in them."""

    def __init__(self, folder: Path, random: Random) -> None:
        files = {code: folder / code / "peers.json" for code in CODES}
        self.instances = {
            code: Instance(folder / code, code, CODES[code == "CN"], files[code]) for code in CODES
        }
        self._random, self._folder, self._number = random, folder, 0
        self._turn = threading.Lock()
        for code in CODES:
            peer = self.instances[CODES[code == "CN"]]
            followed = {"name": peer.code, "url": peer.url, "administrations": [peer.code]}
            followed["client_file"] = f"at-{peer.code}.json"
            files[code].write_text(json.dumps({"peer": [followed]}), encoding="utf-8")

    def start(self) -> None:
        """Starts both, and gives each a key at the other."""
        for here in self.instances.values():
            here.start()
        for here in self.instances.values():
            here.wait_until_ready()
        for code in CODES:
            at = self.instances[CODES[code == "CN"]]
            file = self._folder / code / f"at-{at.code}.json"
            words = ("--url", at.url, "--out", str(file), "--home", str(at.home))
            run_command("client", "new", f"partner:{code}", *words)

    def officer(self, code: str) -> GraphQLClient:
        """An officer of that administration, at its own instance."""
        here = self.instances[code]
        return GraphQLClient(here.url, partial(issue, f"officer:{code}", here.home))

    def record(self, code: str) -> bool:
        """Registers an operator that the other one may see. Returns whether all of it was
        acknowledged."""
        with self._turn:
            self._number += 1
            tin = f"{code}8{self._number:09}"
        officer = self.officer(code)
        try:
            certify(officer, tin, [CODES[code == "CN"]])
        except NotAnswered:
            return False
        finally:
            officer.close()
        return True

    @contextmanager
    def recording(self) -> Iterator[dict[str, int]]:
        """Both record operators until the block ends. Yields how many each has."""
        done, counts = threading.Event(), dict.fromkeys(CODES, 0)

        def keep_recording(code: str) -> None:
            while not done.is_set():
                counts[code] += self.record(code)
                done.wait(0.5)

        threads = [threading.Thread(target=keep_recording, args=[code]) for code in CODES]
        for thread in threads:
            thread.start()
        try:
            yield counts
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def kill_one(self) -> str:
        """Kills one of them, and lets it come back. Returns which."""
        code = self._random.choice(CODES)
        self.instances[code].kill()
        self.instances[code].start()
        self.instances[code].wait_until_ready()
        return code

    def asked(self, code: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of an instance's database."""
        url = find_cluster(self.instances[code].home.resolve()).url()
        with Session.connect(url, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def events(self, home: str) -> list[list[tuple[Any, ...]]]:
        """The events of an administration's operators, in each of the two instances."""
        return [self.asked(code, EVENTS, home) for code in CODES]

    def are_equal(self) -> bool:
        """Whether both have the same events of both administrations."""
        return all(here == there != [] for here, there in map(self.events, CODES))

    def rewrite(self, copy: Path) -> None:
        """Korea comes back from an older copy of its folder, and records something else."""
        korea = self.instances["KR"]
        korea.stop()
        shutil.rmtree(korea.home)
        shutil.copytree(copy, korea.home, symlinks=True, copy_function=_copy_owned)
        _own(copy, korea.home)
        korea.start()
        korea.wait_until_ready()
        for _ in range(3):
            self.record("KR")

    def stop(self) -> None:
        """Ends both."""
        for here in self.instances.values():
            here.stop()


def _copy_owned(source: str, target: str) -> str:
    shutil.copy2(source, target)
    found = Path(source).stat()
    shutil.chown(target, found.st_uid, found.st_gid)
    return target


def _own(source: Path, target: Path) -> None:
    """Gives the folders of a copy the owners of their originals."""
    for folder in (source, *(each for each in source.rglob("*") if each.is_dir())):
        found, copied = folder.stat(), target / folder.relative_to(source)
        shutil.chown(copied, found.st_uid, found.st_gid)
        copied.chmod(found.st_mode & 0o7777)


def until(holds: Callable[[], bool]) -> bool:
    """Waits until it holds. Returns whether it came to that."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def digest(rows: list[tuple[Any, ...]]) -> str:
    """A short digest of rows, for a reader."""
    return sha256(repr(rows).encode()).hexdigest()[:16]


def run(twins: Twins, kills: int, random: Random, copy: Path) -> bool:
    """Runs both parts, and prints the report. Returns whether everything held."""
    began, killed = time.monotonic(), dict.fromkeys(CODES, 0)
    twins.start()
    with twins.recording() as counts:
        for number in range(1, kills + 1):
            time.sleep(random.uniform(0.5, 4.0))
            code = twins.kill_one()
            killed[code] += 1
            at = time.monotonic() - began
            print(f"{at:8.1f} s  kill {number} of {kills}: {code}, back again", flush=True)
    waited = time.monotonic()
    equal = until(twins.are_equal)
    took = time.monotonic() - waited
    rows = []
    for home in CODES:
        here, there = twins.events(home)
        rows.append(
            [
                home,
                f"{counts[home]:,}",
                str(killed[home]),
                *(f"{len(events):,}" for events in (here, there)),
                *(digest(events) for events in (here, there)),
                "yes" if here == there else "NO",
            ]
        )
    columns = ["of", "acknowledged", "killed", "events in CN", "in KR", "digest in CN", "in KR"]
    print_table("Two registers that follow each other", [*columns, "equal"], rows)
    print(f"equal {took:.1f} s after the last command")

    korea = twins.instances["KR"]
    korea.stop()
    shutil.copytree(korea.home, copy, symlinks=True, copy_function=_copy_owned)
    _own(korea.home, copy)
    korea.start()
    korea.wait_until_ready()
    twins.record("KR")
    until(twins.are_equal)
    before = digest(twins.events("KR")[0])
    twins.rewrite(copy)
    stopped = until(lambda: bool(twins.asked("CN", PEER)[0][0]))
    [(_, why, evidence)] = twins.asked("CN", PEER)
    kept = sorted(path.name for path in Path(evidence).glob("*")) if evidence else []
    reported = until(lambda: bool(twins.asked("KR", REPORTS)[0][0]))
    untouched = digest(twins.events("KR")[0]) == before
    facts = [
        ["China stopped following it", "yes" if stopped else "NO", why],
        ["both heads are kept", "yes" if len(kept) == 3 else "NO", ", ".join(kept)],
        ["Korea was told", "yes" if reported else "NO", "peers.report"],
        ["nothing of the other history was recorded", "yes" if untouched else "NO", before],
    ]
    print_table("A peer whose history was rewritten", ["", "holds", "details"], facts)
    return equal and all(fact[1] == "yes" for fact in facts)


def main() -> int:
    """Reads the arguments and runs it. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    random = Random(given.seed)
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ending, lambda number, frame: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="aeo-twins-"))
    folder.chmod(0o711)  # as root the database is run by another user, who must get through
    try:
        with ExitStack() as stack:
            twins = Twins(folder, random)
            stack.callback(twins.stop)
            return 0 if run(twins, given.kills, random, folder / "copy") else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
