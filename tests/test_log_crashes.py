"""However the log's two processes end, and wherever: no size has two roots, no leaf is missing or
there twice, and the next start goes on from what was signed."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from api.log.signing_keys import open_signing_keys
from projections.transparency.integrator import Integrator
from registry.ledger import failpoints
from registry.transparency.signed_notes import read_checkpoint, read_note
from tests.keeping_log import asked, eventually, happens, heads, is_signed, leaves, roots
from tests.warm_commands import Running, start

INTEGRATOR = [name for name in failpoints.NAMES if name.startswith("integrator.")]
SIGNER = [name for name in failpoints.NAMES if name.startswith("signer.")]
TIMES = 5
ROUNDS = 10


class Roots:
    """Every head that ever left the signer, in whatever way it could be seen."""

    def __init__(self, database: str, home: Path) -> None:
        self.database, self.home = database, home
        self.seen: dict[int, set[bytes]] = {}

    def look(self) -> None:
        keys = open_signing_keys(self.home).keys
        for written in (*heads(self.database).values(), (self.home / "log.head").read_text()):
            note = read_note(written)
            assert set(note.signed_by(keys)) == set(keys)
            head = read_checkpoint(note.text)
            self.seen.setdefault(head.size, set()).add(head.root)

    def are_those_of_the_ledger(self) -> None:
        self.look()
        expected = roots(leaves(self.database), *self.seen)
        assert self.seen == {size: {root} for size, root in expected.items()}


def process(command: str, database: str, home: Path, failpoint: str = "") -> Running:
    environment = os.environ | {"DATABASE_URL": database}
    if failpoint:
        environment["AEO_FAILPOINT"] = failpoint
    return start(command, "--home", home, environment=environment)


@pytest.mark.parametrize("name", INTEGRATOR)
def test_an_integrator_that_dies_leaves_a_whole_tree(
    database: str, tmp_path: Path, name: str
) -> None:
    for n in range(TIMES):
        recorded = happens(database, n * 5, n * 5 + 5)
        assert process("log", database, tmp_path, name).wait(120) == -signal.SIGKILL
        [(size, position)] = asked(database, "select size, position from proof.state")
        assert size == position == len(leaves(database))
        if name == "integrator.after_commit":
            assert size == recorded
    size = Integrator(database).catch_up()
    assert size == recorded
    home = tmp_path / "home"
    is_signed(database, home, size)  # it counts the same tree
    Roots(database, home).are_those_of_the_ledger()


@pytest.mark.parametrize("name", SIGNER)
def test_a_signer_that_dies_never_signs_two_trees_of_one_size(
    database: str, tmp_path: Path, name: str
) -> None:
    home = tmp_path / "home"
    found = Roots(database, home)
    for n in range(TIMES):
        happens(database, n * 5, n * 5 + 5)
        size = Integrator(database).catch_up()
        assert process("sign", database, home, name).wait(120) == -signal.SIGKILL
        found.look()
        assert (size in found.seen) is (name in ("signer.before_publish", "signer.after_publish"))
        assert (size in heads(database)) is (name == "signer.after_publish")
    is_signed(database, home, size)
    found.are_those_of_the_ledger()


def test_killed_at_any_moment_while_things_happen_the_log_loses_and_doubles_nothing(
    database: str, tmp_path: Path
) -> None:
    home, at_random, done = tmp_path / "home", random.Random(20261122), threading.Event()
    recorded: list[int] = []

    def happening() -> None:
        for n in range(0, 100, 2):
            recorded.append(happens(database, n, n + 2))
            if done.wait(0.1):
                return

    found = Roots(database, home)
    things = threading.Thread(target=happening)
    things.start()
    try:
        for n in range(ROUNDS):
            running = [process(literal, database, home) for literal in ("log", "sign")]
            # Half of the rounds end while the processes find their feet, half while they work.
            if n % 2:
                before = max(heads(database), default=0)
                eventually(
                    lambda before=before: (
                        max(heads(database), default=0) > before or not things.is_alive()
                    )
                )
            time.sleep(at_random.uniform(0.3, 1.5))
            at_random.shuffle(running)
            for popen in running:
                popen.kill()
                popen.wait()
                time.sleep(at_random.uniform(0.0, 0.2))
            if (home / "log.key").exists():
                found.look()
    finally:
        done.set()
        things.join()
    size = Integrator(database).catch_up()
    assert size == recorded[-1]
    is_signed(database, home, size)
    found.are_those_of_the_ledger()
