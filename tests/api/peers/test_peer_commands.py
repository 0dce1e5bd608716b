"""Peers on the command line: what is wrong is said, and a stopped peer is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.api.cli.test_cli import Terminal
from tests.peering import Register, register

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
