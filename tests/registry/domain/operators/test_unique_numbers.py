"""A number is one operator's: a second holder is refused, or recorded with the reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.importing.import_file import import_file
from projections.checking.check import check
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from projections.engine.rederive import bring_up_to_date, rebuild_held_numbers
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import HeldByAnother
from registry.domain.operators import unique_numbers
from registry.domain.values import Tin
from registry.ledger.database import environment
from registry.ledger.types import NumberHeld

ONE, OTHER, THIRD, ABROAD = "CN1000000001", "CN1000000002", "CN1000000003", "KR1000001"


@pytest.fixture
def register(database: str) -> Iterator[Registry]:
    registry = Registry(environment(database))
    for code, zone in (("CN", "Asia/Shanghai"), ("KR", "Asia/Seoul")):
        _do(registry, "register_administration", administration=code, name=code, time_zone=zone)
        _do(
            registry,
            "register_programme",
            programme=f"{code}-AEO",
            administration=code,
            name="AEO",
            types=["A", "B"],
            effective="2010-01-01",
            source="a law",
        )
    for tin in (ONE, OTHER, THIRD, ABROAD):
        _do(registry, "register_operator", tin=tin, name=tin)
    yield registry
    registry.close()


def _do(registry: Registry, command: str, **said: Any) -> Any:
    return registry.execute(c.read({"command": command, **said}), "officer")


def _examined(registry: Registry, tin: str, type: str = "A") -> None:
    _do(registry, "lodge_application", tin=tin, programme=f"{tin[:2]}-AEO", type=type)
    _do(registry, "accept_application", tin=tin, legal_ground="a law")


def _grant(registry: Registry, tin: str, number: str, **said: Any) -> Any:
    _examined(registry, tin)
    said = {"legal_ground": "a law", **said}
    return _do(registry, "grant_authorisation", tin=tin, number=number, **said)


def _identify(registry: Registry, tin: str, value: str, scheme: str = "KR_BRN", **said: Any) -> Any:
    return _do(registry, "add_identifier", tin=tin, scheme=scheme, value=value, **said)


def _held(database: str) -> set[tuple[str, str, str]]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("select scheme, value, holder from ledger.held_number").fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)


def _wrong(database: str) -> list[str]:
    Projector(database).catch_up()
    return [text for found in check(database, streams=5) for text in found.wrong]


def test_one_certificate_number_is_not_granted_to_two_operators(
    database: str, register: Registry
) -> None:
    _grant(register, ONE, "AEO-1")
    for number in ("AEO-1", " aeo-1", "AEO\u2011 1", "\uff21\uff25\uff2f-1"):
        with pytest.raises(HeldByAnother, match=f"AEO-1 of CN is that of operator {ONE}.*shared"):
            if number == "AEO-1":
                _examined(register, OTHER)
            _do(register, "grant_authorisation", tin=OTHER, number=number, legal_ground="a law")
    assert _held(database) == {("CERTIFICATE", "AEO-1", ONE)}
    _grant(register, ABROAD, "AEO-1")  # another administration numbers as it likes
    assert _wrong(database) == []


def test_a_second_holder_is_recorded_with_the_reason_and_check_knows_of_it(
    database: str, register: Registry
) -> None:
    _grant(register, ONE, "AEO-1")
    _grant(register, OTHER, "AEO-1", shared="letter of the authority of 2026-03-02")
    assert _wrong(database) == []
    _examined(register, THIRD)
    with pytest.raises(HeldByAnother):
        _do(register, "grant_authorisation", tin=THIRD, number="AEO-1", legal_ground="a law")
    # What each holds already is not asked about again.
    _identify(register, ONE, "123-45-67890")
    _identify(register, OTHER, "123-45-67891")
    assert _wrong(database) == []


def test_a_number_stays_its_holder_s_after_the_end_and_is_free_once_its_grant_was_a_mistake(
    database: str, register: Registry
) -> None:
    receipt = _grant(register, ONE, "AEO-1")
    _examined(register, OTHER)
    again = {"tin": OTHER, "number": "AEO-1", "legal_ground": "a law"}
    with pytest.raises(HeldByAnother):
        _do(register, "grant_authorisation", **again)
    _do(
        register,
        "correct_record",
        tin=ONE,
        position=receipt.positions[-1],
        what={"number": "N-2"},
        why="misread",
        legal_ground="a law",
    )
    _do(register, "grant_authorisation", **again)
    assert _held(database) == {("CERTIFICATE", "N-2", ONE), ("CERTIFICATE", "AEO-1", OTHER)}
    with pytest.raises(HeldByAnother):  # a correction takes no number, either
        _do(
            register,
            "correct_record",
            tin=ONE,
            position=receipt.positions[-1],
            what={"number": "aeo-1"},
            why="not misread",
            legal_ground="a law",
        )
    assert _wrong(database) == []


def test_an_identifier_is_one_operator_s_at_a_time(database: str, register: Registry) -> None:
    day = {"legal_ground": "a law"}
    _identify(register, ONE, "123-45-67890", effective="2020-01-01", **day)
    for value in ("1234567890", "123-4567890", "\uff11\uff12\uff13-45-67890"):
        with pytest.raises(HeldByAnother, match="KR_BRN 1234567890"):
            _identify(register, OTHER, value)
    # Korea may not see who holds it in China, and is told nothing: decision 0242.
    assert _identify(register, ABROAD, "1234567890", effective="2020-01-01", **day).positions
    _do(
        register,
        "end_identifier",
        tin=ONE,
        scheme="KR_BRN",
        value="1234567890",
        effective="2022-01-01",
        **day,
    )
    with pytest.raises(HeldByAnother):
        _identify(register, OTHER, "1234567890", effective="2021-12-31", **day)
    _identify(register, OTHER, "1234567890", effective="2022-01-01", **day)
    assert _wrong(database) == []


def test_numbers_that_nobody_keeps_apart_may_be_many_operators(
    database: str, register: Registry
) -> None:
    for tin in (ONE, OTHER, ABROAD):
        _identify(register, tin, "KRSAMELE129SEO", "MID")
    assert _wrong(database) == []


def test_with_and_without_its_separators_a_number_is_one(register: Registry) -> None:
    _identify(register, ONE, "123-45-67890")
    assert _identify(register, ONE, "1234567890").positions == []  # said before, in other writing
    known = register.operator(Tin(ONE)).identifiers
    assert [identifier_added.value for identifier_added in known.values()] == ["123-45-67890"]
    _do(register, "end_identifier", tin=ONE, scheme="KR_BRN", value="1234567890")
    assert register.operator(Tin(ONE)).identifiers == {}


def test_of_two_at_one_instant_one_takes_the_number(database: str, register: Registry) -> None:
    tins = [f"CN20000000{n:02}" for n in range(12)]
    for tin in tins:
        _do(register, "register_operator", tin=tin, name=tin)
        _examined(register, tin)
    others = [Registry(environment(database)) for _ in range(3)]

    def take(n: int) -> str | None:
        try:
            _do(
                others[n % 3],
                "grant_authorisation",
                tin=tins[n],
                number="AEO-7",
                legal_ground="a law",
            )
        except HeldByAnother:
            return None
        return tins[n]

    with ThreadPoolExecutor(12) as threads:
        winners = [text for text in threads.map(take, range(12)) if text]
    for other in others:
        other.close()
    assert len(winners) == 1
    assert _held(database) == {("CERTIFICATE", "AEO-7", winners[0])}
    assert _wrong(database) == []


def test_of_tasks_of_one_loop_one_takes_it_too_and_the_others_are_recorded(
    database: str, register: Registry
) -> None:
    tins = [f"CN20000000{n:02}" for n in range(8)]
    for tin in tins:
        _do(register, "register_operator", tin=tin, name=tin)
        _examined(register, tin)

    async def take(tin: str, number: str, threads: ThreadPoolExecutor) -> bool:
        said = {"command": "grant_authorisation", "tin": tin, "number": number}
        try:
            command = c.read(said | {"legal_ground": "a law"})
            await register.execute_async(command, "officer", threads)
        except HeldByAnother:
            return False
        return True

    async def all_at_once() -> list[bool]:
        with ThreadPoolExecutor(4) as threads:
            return await asyncio.gather(
                *(take(tin, f"AEO-{n // 4}", threads) for n, tin in enumerate(tins))
            )

    assert sorted(asyncio.run(all_at_once())) == [False] * 6 + [True] * 2
    assert _wrong(database) == []


def test_a_batch_of_many_says_of_each_what_became_of_it(register: Registry) -> None:
    decided = []
    for tin, number in ((ONE, "X-1"), (OTHER, "X-1"), (THIRD, "X-2")):
        _examined(register, tin)
        command = c.GrantAuthorisation(tin=Tin(tin), number=number, legal_ground="a law")
        decided.append((register.decide_on(register.operator(Tin(tin)), command), command, "o"))
    first, second, third = register.record_decided(decided)
    assert isinstance(first, list) and isinstance(third, list)
    assert isinstance(second, NumberHeld)


def test_the_same_command_again_is_answered_with_the_first_result(register: Registry) -> None:
    _examined(register, ONE)
    said = {
        "command_id": "5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c",
        "tin": ONE,
        "number": "AEO-1",
        "legal_ground": "a law",
    }
    first = _do(register, "grant_authorisation", **said)
    assert _do(register, "grant_authorisation", **said).positions == first.positions


def test_a_file_names_each_line_whose_number_is_another_s(
    database: str, register: Registry, tmp_path: Path
) -> None:
    _grant(register, ONE, "AEO-1")
    _examined(register, OTHER)
    _examined(register, THIRD)
    grant = {"command": "grant_authorisation", "legal_ground": "a law"}
    lines = [
        grant | {"tin": OTHER, "number": "aeo-1"},
        grant | {"tin": OTHER, "number": "AEO-2"},
        grant | {"tin": THIRD, "number": "AEO-2 "},
        grant | {"tin": THIRD, "number": "AEO-2", "shared": "so printed"},
    ]
    file = tmp_path / "grants.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = import_file(database, file, actor="import", partial=True)
    assert [bad.line for bad in report.bad] == [1, 3]
    assert all("shared" in bad.cure + bad.found for bad in report.bad)
    assert _wrong(database) == []


def test_check_finds_a_number_that_two_have_and_one_that_does_not_follow(
    database: str, register: Registry
) -> None:
    _grant(register, ONE, "AEO-1")
    _grant(register, OTHER, "AEO-2")
    with psycopg.connect(database) as connection:
        connection.execute("update ledger.held_number set value = 'AEO-1'")
    assert _wrong(database) == [
        f"CERTIFICATE AEO-1 of CN is held by {ONE} and by {OTHER}",
        f"CERTIFICATE AEO-1 of {OTHER} is stored differently from its events",
        f"CERTIFICATE AEO-2 of {OTHER} is stored differently from its events",
    ]


def test_a_home_of_before_has_it_worked_out_from_its_events(
    database: str, register: Registry
) -> None:
    _grant(register, ONE, "AEO-1")
    _grant(register, OTHER, "AEO-1", shared="so printed")
    _identify(register, ONE, "123-45-67890", effective="2020-01-01", legal_ground="a law")
    assert _wrong(database) == []
    with psycopg.connect(database) as connection:
        rows = "select * from ledger.held_number order by t::text"
        before = connection.execute(rows.replace("held_number", "held_number t")).fetchall()
        connection.execute("truncate ledger.held_number")
        connection.execute("delete from views.derivation")
    bring_up_to_date(database, lambda why: None)
    with psycopg.connect(database) as connection:
        after = connection.execute(rows.replace("held_number", "held_number t")).fetchall()
    assert after == before
    rebuild(database)
    rebuild_held_numbers(database)
    assert _wrong(database) == []


def test_what_the_ledger_keeps_is_what_an_operator_s_events_say(
    database: str, register: Registry
) -> None:
    _grant(register, ONE, "AEO-1")
    _identify(register, ONE, "123-45-67890", effective="2020-01-01", legal_ground="a law")
    said = {
        (number.scheme, number.value, ONE)
        for number in unique_numbers.numbers_held(register.operator(Tin(ONE))).numbers
    }
    assert said == _held(database)
