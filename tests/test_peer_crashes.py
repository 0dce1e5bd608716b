"""Two registers that follow each other over HTTP, while their followers are killed at any moment.

`AEO_TEST_TIMES=20 ./aeo test tests/test_peer_crashes.py` is the long test: twenty kills.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.access.tokens import issue
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from registry.ledger import failpoints
from tests.api.client import record
from tests.api.served import served
from tests.chance import TIMES
from tests.keeping_log import eventually, signing
from tests.peering import Register, certified, register, suspended
from tests.warm_commands import Running, start

KILLS = max(3, TIMES)
PLACES = [name for name in failpoints.NAMES if name.startswith("peers.")]
#: For which administrations each register is authoritative: Korea's also for a bloc.
OWN = {"KR": "KR,EU", "CN": "CN"}
#: A bloc that China does not know yet, and who joined it.
BLOC: list[dict[str, Any]] = [
    {
        "command": "register_administration",
        "administration": "EU",
        "name": "A union",
        "time_zone": "Asia/Seoul",
        "bloc": True,
    },
    {
        "command": "join_bloc",
        "administration": "EU",
        "member": "KR",
        "effective": "2009-01-01",
        "source": "a notice",
    },
]
#: A programme that China does not know yet: the law that its follower takes.
NEW_PROGRAMME = {
    "command": "register_programme",
    "programme": "KR-NEW",
    "administration": "KR",
    "name": "New",
    "types": ["N"],
    "effective": "2009-01-01",
    "source": "a notice",
}
_OWN = """select originator_id from ledger.event
    where topic = 'programme.registered' and state::json ->> 'administration' = 'KR'
    or topic = 'administration.registered' and state::json ->> 'administration' in ('KR', 'EU')"""
LAW_OF_KOREA = f"""select originator_id, topic, state from ledger.event
    where originator_id in ({_OWN}) and topic <> 'administration.list_received'
    order by originator_id, originator_version"""
#: The events of its own programmes, administrations and bloc, and of the agreements of both, each
#: once.
SENT_BY_KOREA = f"""select count(*), count(distinct position) from ledger.event
    where originator_id in ({_OWN}) or split_part(topic, '.', 1) = 'agreement'"""
SEOUL, HARBIN = "KR10000000{:02}", "CN20000000{:02}"


@contextmanager
def two(
    server: str, blank_register: str, tmp_path: Path, patch: pytest.MonkeyPatch
) -> Iterator[dict[str, tuple[Register, str]]]:
    """Korea and China, each with its service as a process, its log being signed."""
    with ExitStack() as stack:
        found = {}
        for own, peer in (("KR", "CN"), ("CN", "KR")):
            named = OWN[own]
            at = tmp_path / own
            here = stack.enter_context(register(server, blank_register, at, named, peer))
            stack.enter_context(signing(here.database, here.home))
            patch.setenv("AEO_OWN", named)
            patch.setenv("AEO_PEERS", peer)
            found[own] = here, stack.enter_context(served(here.database, here.home))
        patch.delenv("AEO_OWN")
        patch.delenv("AEO_PEERS")
        yield found


def process(
    here: Register, peer: Register, url: str, own: str, *words: str, failpoint: str = ""
) -> Running:
    """`aeo follow-peer`, of the register `here`."""
    subject = f"partner:{'CN' if own == 'KR' else 'KR'}"
    environment = os.environ | {
        "DATABASE_URL": here.database,
        "AEO_PEER_TOKEN": issue(subject, peer.home),
    }
    if failpoint:
        environment["AEO_FAILPOINT"] = failpoint
    command = ["follow-peer", url, "--administrations", OWN[own], "--name", own, *words]
    return start(*command, "--home", here.home, environment=environment)


def happens(here: Register, *lines: dict[str, Any]) -> None:
    record(here.registry, lines)
    settle(here)


def settle(here: Register) -> None:
    Projector(here.database).catch_up()
    Integrator(here.database).catch_up()


def signed(here: Register) -> bool:
    """Whether everything of the register is in its signed log."""
    [(recorded, size)] = here.asked(
        "select (select max(position) from ledger.event),"
        " (select coalesce(max(size), 0) from proof.checkpoint)"
    )
    return bool(recorded == size)


@pytest.mark.parametrize("place", PLACES)
def test_a_follower_that_dies_beside_its_commit_repeats_and_loses_nothing(
    server: str,
    blank_register: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    with two(server, blank_register, tmp_path, monkeypatch) as both:
        (korea, url), (china, _) = both["KR"], both["CN"]
        happens(korea, NEW_PROGRAMME, *BLOC, *certified(SEOUL.format(1)))
        eventually(lambda: signed(korea))

        dying = process(china, korea, url, "KR", "--once", failpoint=place)
        assert dying.wait(120) == -signal.SIGKILL
        assert bool(china.streams("KR")) == (place == "peers.after_position")

        assert process(china, korea, url, "KR", "--once").wait(120) == 0
        assert china.streams("KR") == korea.streams("KR") != []
        assert china.asked(LAW_OF_KOREA) == korea.asked(LAW_OF_KOREA) != []
        assert china.asked("select count(*), count(distinct position) from peers.law") == (
            korea.asked(SENT_BY_KOREA)
        )


def test_two_registers_follow_each_other_and_are_equal_whenever_their_followers_die(
    server: str, blank_register: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_random = random.Random(20261129)
    with two(server, blank_register, tmp_path, monkeypatch) as both:
        (korea, in_korea), (china, in_china) = both["KR"], both["CN"]
        ways = [(china, korea, in_korea, "KR"), (korea, china, in_china, "CN")]
        done = threading.Event()

        def happening() -> None:
            for n in range(100):
                happens(korea, *certified(SEOUL.format(n)))
                happens(china, *certified(HARBIN.format(n)))
                if n % 3 == 0:
                    happens(korea, *suspended(SEOUL.format(n)))
                if done.is_set():
                    return

        worker = threading.Thread(target=happening)
        worker.start()
        try:
            for n in range(KILLS):
                following = process(*ways[n % 2])
                done.wait(at_random.uniform(1.0, 6.0))
                following.kill()
                assert following.wait(60) == -signal.SIGKILL
        finally:
            done.set()
            worker.join()
        for here in (korea, china):
            settle(here)
            eventually(lambda here=here: signed(here))
        for here, peer, url, own in ways:
            assert process(here, peer, url, own, "--once").wait(300) == 0
        for home in ("KR", "CN"):
            assert korea.streams(home) == china.streams(home) != []
        for here in (korea, china):
            Projector(here.database).catch_up()
        for tin, there in ((SEOUL.format(1), "CN"), (HARBIN.format(1), "KR")):
            answers = {here.recognised(tin, there)[0] for here in (korea, china)}
            assert answers == {"RECOGNISED"}
