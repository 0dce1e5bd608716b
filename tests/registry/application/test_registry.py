"""The one door: what is recorded once, what is refused, and what a refusal leaves: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from registry.application.execute import Receipt
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import (
    AlreadyRegistered,
    BadValue,
    GroundNeeded,
    KnownTooLate,
    NotOffered,
    OtherCommand,
    Refusal,
    StaleVersion,
    UnknownAdministration,
    UnknownAgreement,
    UnknownDocument,
    UnknownOperator,
    UnknownPosition,
    UnknownProgramme,
    WrongDates,
    WrongStatus,
)
from registry.domain.values import AdministrationCode, AgreementKind, Status, Tin
from registry.ledger.database import environment
from registry.ledger.types import RecordedEvent
from tests.law import CN, KR, without_rules

CLERK = "officer:1"
HANA, DORI, SORI = Tin("KR1234567"), Tin("KR7654321"), Tin("KR1111111")
NOBODY = AdministrationCode("JP")


@pytest.fixture
def registry(database: str) -> Iterator[Registry]:
    new_registry = Registry(environment(database))
    for command in (
        c.RegisterAdministration(administration=KR, name_="Korea", time_zone="Asia/Seoul"),
        c.RegisterAdministration(administration=CN, name_="China", time_zone="Asia/Shanghai"),
        c.RegisterProgramme(
            programme="KR-AEO", administration=KR, name_="AEO", types=("A", "AA", "AAA")
        ),
        *without_rules("KR-AEO"),
        c.RegisterOperator(tin=HANA, name_="Hana"),
        c.RegisterOperator(tin=DORI, name_="Dori"),
    ):
        new_registry.execute(command, CLERK)
    yield new_registry
    new_registry.close()


def do(registry: Registry, command: c.Command, actor: str = CLERK) -> Receipt:
    return registry.execute(command, actor)


def renamed(name: str, **said: Any) -> c.AmendParticulars:
    return c.AmendParticulars(tin=HANA, name_=name, **said)


def last(registry: Registry) -> int:
    return registry.recorder.max_notification_id() or 0


def event(registry: Registry, receipt: Receipt) -> RecordedEvent:
    [found] = registry.ledger.select_events(receipt.stream, gt=receipt.version - 1, limit=1)
    assert isinstance(found, RecordedEvent)
    return found


# ------------------------------------------------------------ recorded once


def test_what_is_answered_as_recorded_is_in_the_ledger(registry: Registry) -> None:
    before = last(registry)

    receipt = do(registry, renamed("Hana Logistics", legal_ground="a letter"))

    assert (receipt.version, receipt.positions, receipt.repeated) == (2, [before + 1], False)
    found = event(registry, receipt)
    assert (found.topic, found.actor) == ("operator.amended", CLERK)
    assert (found.decided_by, found.legal_ground) == ("KR", "a letter")
    assert found.recorded_at == found.known_at == receipt.recorded_at


def test_the_same_command_sent_again_is_answered_with_the_first_result(
    registry: Registry,
) -> None:
    command = renamed("Hana Logistics", command_id=uuid4())
    first = do(registry, command)
    do(registry, renamed("Hana Lines"))

    again = do(registry, command)

    assert again.repeated
    assert (again.stream, again.version, again.positions, again.recorded_at) == (
        first.stream,
        first.version,
        first.positions,
        first.recorded_at,
    )
    assert registry.operator(HANA).particulars.name == "Hana Lines"


def test_a_registration_sent_again_is_no_second_registration(registry: Registry) -> None:
    command = c.RegisterOperator(tin=SORI, name_="Sori", command_id=uuid4())
    do(registry, command)

    assert do(registry, command).repeated


def test_a_command_that_had_nothing_to_change_is_still_answered_once(registry: Registry) -> None:
    do(registry, renamed("Hana Logistics"))
    command = renamed("Hana Logistics", command_id=uuid4())
    before = last(registry)

    first, again = do(registry, command), do(registry, command)

    assert (first.positions, first.repeated, again.positions, again.repeated) == (
        [],
        False,
        [],
        True,
    )
    assert last(registry) == before
    # What was answered once stays the answer, even when the command would change something now.
    do(registry, renamed("Hana Lines"))
    assert do(registry, command).positions == []


@pytest.mark.parametrize(
    ("second", "actor"), [(renamed("Hana Lines"), CLERK), (renamed("Hana Logistics"), "officer:2")]
)
def test_a_command_id_is_used_for_one_request_of_one_person(
    registry: Registry, second: c.AmendParticulars, actor: str
) -> None:
    id = uuid4()
    do(registry, renamed("Hana Logistics", command_id=id))

    with pytest.raises(OtherCommand, match=str(id)):
        do(registry, renamed(str(second.name_), command_id=id), actor)


def test_a_line_without_an_id_is_recorded_once_however_often_the_file_is_loaded(
    registry: Registry,
) -> None:
    line = {"command": "give_consent", "tin": HANA.text, "partner": "CN"}

    assert [do(registry, c.read(line)).repeated for _ in range(3)] == [False, True, True]


# -------------------------------------------------- several at the same time


def test_who_saw_an_older_version_is_told_to_read_again(registry: Registry) -> None:
    do(registry, renamed("Hana Logistics", expected_version=1))

    with pytest.raises(StaleVersion, match="found 1, and the stream is at version 2"):
        do(registry, renamed("Hana Lines", expected_version=1))


def test_of_many_who_saw_the_same_version_one_is_recorded(registry: Registry) -> None:
    def rename(number: int) -> int:
        try:
            return len(do(registry, renamed(f"Hana {number}", expected_version=1)).positions)
        except StaleVersion:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(rename, range(8))) == 1


def test_of_many_who_do_not_care_nobody_is_lost_and_nothing_is_written_twice(
    registry: Registry,
) -> None:
    before = last(registry)

    def consent(code: str) -> bool:
        give = c.GiveConsent(tin=HANA, partner=AdministrationCode(code), command_id=uuid4())
        for _ in range(20):
            try:
                return not do(registry, give).repeated
            except StaleVersion:
                continue  # twice overtaken: sent again, as the refusal says
        return False

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(consent, ["KR", "CN"] * 4))

    assert registry.operator(HANA).consents == {KR.text, CN.text}
    assert last(registry) == before + 2


def test_one_command_sent_by_many_at_once_is_recorded_once(registry: Registry) -> None:
    command = c.RegisterOperator(tin=SORI, name_="Sori", command_id=uuid4())

    with ThreadPoolExecutor(6) as pool:
        receipts = list(pool.map(lambda _: do(registry, command), range(6)))

    assert len({tuple(receipt.positions) for receipt in receipts}) == 1
    assert [receipt.repeated for receipt in receipts].count(False) == 1


# -------------------------------------------------------------- two clocks


LONG_AGO = datetime(2024, 5, 6, 16, tzinfo=UTC)


def test_an_import_says_when_it_was_known_and_its_day_is_that_of_the_authority(
    registry: Registry,
) -> None:
    register = c.RegisterOperator(tin=SORI, name_="Sori", known_at=LONG_AGO)

    found = event(registry, do(registry, register))

    assert found.known_at == LONG_AGO < found.recorded_at
    # Four in the afternoon in Greenwich is the next day in Seoul.
    [registered] = registry.events.get(registry.operator(SORI).id)
    assert registered.effective == date(2024, 5, 7)  # type: ignore[attr-defined]


def test_nothing_was_known_in_the_future_and_nothing_before_what_it_follows(
    registry: Registry,
) -> None:
    do(registry, c.RegisterOperator(tin=SORI, name_="Sori", known_at=LONG_AGO))

    def rename(known_at: datetime) -> Receipt:
        return do(registry, c.AmendParticulars(tin=SORI, name_=f"{known_at}", known_at=known_at))

    with pytest.raises(KnownTooLate, match="is in the future"):
        rename(datetime.now(UTC) + timedelta(minutes=5))
    with pytest.raises(KnownTooLate, match="knownAt"):
        rename(LONG_AGO - timedelta(seconds=1))
    with pytest.raises(BadValue, match="an instant with a zone"):
        rename(datetime(2025, 1, 1))
    assert rename(LONG_AGO + timedelta(days=1)).positions


# ------------------------------------------------------------------ refusals

PROPOSAL = {"kind": AgreementKind.AEO_MUTUAL_RECOGNITION, "title": "Korea and China"}
REFUSED: list[tuple[type[Refusal], c.Command]] = [
    (UnknownOperator, c.AmendParticulars(tin=SORI, name_="Sori")),
    (UnknownOperator, c.MergeInto(tin=HANA, successor=SORI)),
    (UnknownOperator, c.SplitFrom(tin=HANA, origin=SORI)),
    (UnknownAdministration, c.RegisterOperator(tin=Tin("JP1"), name_="Fuji")),
    (UnknownAdministration, c.GiveConsent(tin=HANA, partner=NOBODY)),
    (UnknownAdministration, c.ProposeAgreement(parties=(KR, NOBODY), **PROPOSAL)),
    (UnknownAdministration, c.ReceiveList(administration=NOBODY, as_of=LONG_AGO)),
    (UnknownAgreement, c.SignAgreement(agreement="KR-CN-AEO")),
    (UnknownProgramme, c.LodgeApplication(tin=HANA, programme="KR-NONE", type="A")),
    (UnknownProgramme, c.SetTypes(programme="KR-NONE", types=("A",))),
    (UnknownDocument, c.LinkAgreement(document="NONE", agreement="A")),
    (UnknownPosition, c.CorrectRecord(tin=HANA, position=1, what={"void": "true"}, why="x")),
    (UnknownPosition, c.CorrectRecord(tin=HANA, position=99, what={"void": "true"}, why="x")),
    (AlreadyRegistered, c.RegisterOperator(tin=HANA, name_="Hana again")),
    (
        AlreadyRegistered,
        c.RegisterAdministration(administration=KR, name_="Korea again", time_zone="Asia/Seoul"),
    ),
    (
        AlreadyRegistered,
        c.RegisterProgramme(programme="KR-AEO", administration=KR, name_="Again", types=()),
    ),
    (BadValue, c.RegisterOperator(tin=SORI, name_="  ")),
    (BadValue, c.RegisterOperator(tin=SORI, name_="x" * 501)),
    (BadValue, c.RegisterAdministration(administration=NOBODY, name_="J", time_zone="Asia/Edo")),
    (BadValue, c.ProposeAgreement(parties=(), **PROPOSAL)),
    (BadValue, c.ProposeAgreement(id="../etc", parties=(KR, CN), **PROPOSAL)),
    (WrongDates, c.AmendParticulars(tin=HANA, name_="H", effective=date(1582, 10, 15))),
    (WrongDates, c.AmendParticulars(tin=HANA, name_="H", decided=date(1582, 10, 15))),
    (GroundNeeded, c.AmendParticulars(tin=HANA, name_="H", effective=date(2020, 1, 1))),
    (NotOffered, c.LodgeApplication(tin=HANA, programme="KR-AEO", type="AEOF")),
    (WrongStatus, c.MergeInto(tin=HANA, successor=HANA)),
]


def test_a_refusal_says_why_and_leaves_nothing_behind(registry: Registry) -> None:
    before = last(registry)

    for why, command in REFUSED:
        id = uuid4()
        with pytest.raises(why) as refusal:
            do(registry, c.read(c.plain(command) | {"command_id": str(id)}))
        assert refusal.value.code.replace("_", "").lower() == why.__name__.lower()
        assert str(refusal.value).strip()
        assert registry.ledger.find_command(id) is None

    assert last(registry) == before


def test_a_refused_command_may_be_sent_again_when_its_time_has_come(registry: Registry) -> None:
    sign = c.SignAgreement(agreement="KR-CN-AEO", command_id=uuid4())
    with pytest.raises(UnknownAgreement):
        do(registry, sign)

    do(registry, c.ProposeAgreement(parties=(KR, CN), **PROPOSAL))

    assert do(registry, sign).positions


# ------------------------------------------------ whole lives, and corrections


def test_an_operator_goes_from_its_application_to_the_end_of_its_authorisation(
    registry: Registry,
) -> None:
    for command in (
        c.LodgeApplication(tin=HANA, programme="KR-AEO", type="AA"),
        c.AcceptApplication(tin=HANA),
        c.StartExamination(tin=HANA),
        c.GrantAuthorisation(tin=HANA, number="KRAA1"),
        c.SuspendAuthorisation(tin=HANA, reason="late"),
        c.LiftSuspension(tin=HANA),
        c.SurrenderAuthorisation(tin=HANA),
    ):
        assert len(do(registry, command).positions) == 1

    [mine] = registry.operator(HANA).authorisations.values()
    assert (mine.number, mine.status) == ("KRAA1", Status.SURRENDERED)
    assert registry.operator(HANA).version == 8


def test_a_record_is_corrected_by_its_place_in_the_register(registry: Registry) -> None:
    for command in (
        c.LodgeApplication(tin=HANA, programme="KR-AEO", type="AA"),
        c.AcceptApplication(tin=HANA),
    ):
        do(registry, command)
    [place] = do(registry, c.GrantAuthorisation(tin=HANA, number="KRAA1")).positions

    def correct(tin: Tin) -> Receipt:
        right = {"number": "KRAA9"}
        return do(registry, c.CorrectRecord(tin=tin, position=place, what=right, why="misread"))

    with pytest.raises(UnknownPosition, match="is not an event of this operator"):
        correct(DORI)
    correct(HANA)

    [mine] = registry.operator(HANA).authorisations.values()
    assert mine.number == "KRAA9"
    [written] = registry.recorder.select_notifications(start=place, limit=1)
    assert b'"number":"KRAA1"' in written.state


def test_what_an_administration_was_told_is_used_by_the_next_decision(registry: Registry) -> None:
    do(registry, c.SetTypes(programme="KR-AEO", types=("AEOF",)))

    assert do(registry, c.LodgeApplication(tin=HANA, programme="KR-AEO", type="AEOF")).positions


def test_a_register_that_was_closed_and_opened_knows_what_it_knew(
    registry: Registry, database: str
) -> None:
    do(registry, renamed("Hana Logistics"))

    again = Registry(environment(database))
    try:
        assert again.operator(HANA).particulars.name == "Hana Logistics"
    finally:
        again.close()


# ---------------------------------------------------------- many commands


def test_what_was_decided_on_hand_is_recorded_in_one_commit(registry: Registry) -> None:
    first, second = renamed("Hana Lines"), c.AmendParticulars(tin=DORI, name_="Dori Lines")

    outcomes = registry.record_decided(
        [(registry.decide(command), command, CLERK) for command in (first, second)]
    )

    assert outcomes == [[last(registry) - 1], [last(registry)]]
    assert do(registry, first).repeated
