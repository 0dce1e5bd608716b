"""Who looked at whose data is kept: every look of another customs, and what it was for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from api.access import read_log
from api.access.read_log import ReadLogEntry
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client
from tests.api.graphql.types.test_erasure import COMPANY, CONTACTS, erased, named, page_of

LOOK = "query ($tin: TIN!) { operator(tin: $tin) { standing } }"


def kept(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(
            "select subject, role, administration, purpose, operation, tins"
            " from access.read_log order by number"
        ).fetchall()


def test_a_partners_look_is_kept_and_an_officers_at_its_own_is_not(
    small_register: str, tmp_path: Path
) -> None:
    with Client(small_register, tmp_path) as counter:
        counter.post(LOOK, KOREA, {"Purpose": "declaration 42"}, tin=ACME)
        counter.post(LOOK, KOREA, tin="CN0000000009")
        for nobody in (CHINA, AUDITOR, f"company:{ACME}", None):
            counter.post(LOOK, nobody, tin=ACME)
        counter.post(LOOK, CHINA, tin="KR0000000001")

    assert kept(small_register) == [
        (KOREA, "partner", "KR", "declaration 42", "operator", [ACME]),
        (KOREA, "partner", "KR", None, "operator", ["CN0000000009"]),
        (CHINA, "officer", "CN", None, "operator", ["KR0000000001"]),
    ]


def test_every_look_at_who_a_person_is_is_kept_at_home_too(
    small_register: str, tmp_path: Path
) -> None:
    with Client(small_register, tmp_path) as counter:
        page_of(counter, CHINA)  # there is nobody yet
        she = named(counter)
        page_of(counter, CHINA)
        for by in (CHINA, COMPANY, AUDITOR):
            counter.post(CONTACTS, by, {"Purpose": "case 7"}, tin=ACME)
        erased(counter, she)
        page_of(counter, CHINA)

    assert kept(small_register) == [
        (CHINA, "officer", "CN", "page", "contacts", [ACME]),
        (CHINA, "officer", "CN", "case 7", "contacts", [ACME]),
        (COMPANY, "company", None, "case 7", "contacts", [ACME]),
    ]


def look(tin: str) -> ReadLogEntry:
    return ReadLogEntry(datetime.now(UTC), KOREA, "partner", "KR", None, "operator", [tin], uuid4())


def test_what_the_table_cannot_take_is_told_in_the_log(
    database: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_log, "PATIENCE", 0.05)
    with Client(database, tmp_path) as counter:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("alter table access.read_log rename to gone")
        counter.service.read_log.keep(look(ACME))

    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    [lost] = [line for line in said if line["event"] == "look not in the table"]
    assert (lost["subject"], lost["tins"]) == (KOREA, f"['{ACME}']")


def test_one_look_that_the_table_refuses_keeps_no_other_out_of_it(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PostgreSQL's texts hold no NUL; a subject's purpose may."""
    with Client(database, tmp_path) as counter:
        for odd in (look("CN0"), look("CN1")._replace(purpose="a\0b"), look("CN2"), look("CN3")):
            counter.service.read_log.keep(odd)

    assert [row[5] for row in kept(database)] == [["CN0"], ["CN2"], ["CN3"]]
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    [told] = [line for line in said if line["event"] == "look not in the table"]
    assert told["tins"] == "['CN1']"


def test_looking_never_waits_for_the_table(
    database: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_log, "CAPACITY", 3)
    with Client(database, tmp_path) as counter:
        for n in range(5):
            counter.service.read_log.keep(look(f"CN{n}"))

    assert [row[5] for row in kept(database)] == [["CN0"], ["CN1"], ["CN2"]]
    assert capsys.readouterr().err.count("look not in the table") == 2


def test_a_database_that_comes_back_is_told_everything(
    database: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_log, "PATIENCE", 0.05)
    with (
        Client(database, tmp_path) as counter,
        psycopg.connect(database, autocommit=True) as connection,
    ):
        connection.execute("alter table access.read_log rename to away")
        counter.service.read_log.keep(look(ACME))
        while "the read log cannot be written" not in capsys.readouterr().err:
            counter.ask("{ viewer { role } }")
        connection.execute("alter table access.away rename to read_log")
        # It is written while the service runs: a busy machine needs more than PATIENCE at the end.
        for _ in range(600):
            if kept(database):
                break
            counter.pause(0.05)

    assert [row[5] for row in kept(database)] == [[ACME]]
