"""Peers on the command line: what is wrong is said, and a stopped peer is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from api.access.tokens import issue
from tests.api.cli.test_cli import Terminal
from tests.api.served import served
from tests.keeping_log import eventually
from tests.peering import CHINA, InProcess, Register, certified, follower, register

KOREA = ("follow-peer", "http://127.0.0.1:9", "--administrations", "KR", "--name", "korea")


@pytest.fixture
def china(server: str, blank_register: str, tmp_path: Path) -> Iterator[Register]:
    with register(server, blank_register, tmp_path / "china", "CN", "KR") as found:
        yield found


def test_a_stopped_peer_is_in_the_status_with_its_evidence(china: Register) -> None:
    aeo = Terminal(china.database, china.home)
    with psycopg.connect(china.database) as connection:
        connection.execute(
            "insert into peers.peer"
            " (name, url, administrations, log_key, stopped_at, why, evidence) values"
            " ('korea', 'http://korea', '{KR}', 'key', now(), 'its history was changed',"
            " 'peers/korea/evidence-1')"
        )

    said = aeo.run("status", code=1)

    assert "stopped: its history was changed" in said
    assert "the peer korea is followed no further" in aeo.complaint
    assert "both heads are in peers/korea/evidence-1" in aeo.complaint


def test_following_needs_a_token_codes_and_a_peer_that_answers(china: Register) -> None:
    aeo = Terminal(china.database, china.home)

    aeo.run(*KOREA, code=2)
    assert "--token-file" in aeo.complaint
    (china.home / "token").write_text("a token", "ascii")
    token = ("--token-file", "token")
    aeo.run("follow-peer", "http://peer.test", "--administrations", "XX", *token, code=2)
    assert "XX is not a customs territory" in aeo.complaint
    aeo.run("follow-peer", "ftp://peer.test", "--administrations", "KR", *token, "--once", code=2)
    assert "wanted http:// or https://" in aeo.complaint
    aeo.run(*KOREA, *token, "--once", code=1)
    assert "is not answered" in aeo.complaint


def test_what_is_decided_about_a_stopped_peer_is_decided_by_a_command_and_recorded(
    server: str,
    blank_register: str,
    tmp_path: Path,
    china: Register,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy showed another history for a while; later Korea's register is given up."""
    aeo = Terminal(china.database, china.home)
    stop = (
        "update peers.peer set stopped_at = now(), why = 'its history was changed' returning name"
    )
    decide, why = ("korea", "--actor", "kim", "--why"), "a proxy changed a page"
    with register(server, blank_register, tmp_path / "korea") as korea:
        korea.happens(*certified("KR1000000001"))
        (china.home / "token").write_text(issue(CHINA, korea.home), "ascii")
        token = ("--token-file", "token")
        monkeypatch.setenv("AEO_OWN", "KR")
        monkeypatch.setenv("AEO_PEERS", "CN")
        with served(korea.database, korea.home, "--workers", "1") as url:
            assert follower(china, InProcess(korea)).catch_up() is None
            china.asked("update peers.peer set url = %s returning name", url)
            aeo.run("peer", "accept", *decide, "a test", *token, code=1)
            assert "is not stopped" in aeo.complaint
            china.asked(stop)
            aeo.run("peer", "accept", *decide, " ", *token, code=2)
            said = eventually(lambda: once_it_answers(aeo, "peer", "accept", *decide, why, *token))
            assert "korea is accepted: 14 events are the same; it is followed again" in said
            assert follower(china, InProcess(korea)).catch_up() is None
            china.asked(stop)
    aeo.run("peer", "accept", *decide, "a test", *token, code=1)
    assert "is not answered" in aeo.complaint
    aeo.run("peer", "forget", "nobody", "--actor", "kim", "--why", "a test", code=1)
    assert "no register of this name" in aeo.complaint

    said = aeo.run("peer", "forget", *decide, "it has no log any more")

    assert "korea is forgotten: operators of KR are recorded here from now on" in said
    aeo.run("peer", "forget", *decide, "a test", code=1)
    assert "was forgotten" in aeo.complaint
    rows = china.asked("select kind, actor, why from peers.decision order by number")
    assert rows == [
        ("accept", "kim", "a proxy changed a page"),
        ("forget", "kim", "it has no log any more"),
    ]


def once_it_answers(aeo: Terminal, *words: str) -> str | None:
    """What a command printed; None where the peer, on a busy machine, could not answer in time."""
    try:
        return aeo.run(*words)
    except AssertionError:
        assert "is answered with 503" in aeo.complaint or "is not answered" in aeo.complaint
        return None
