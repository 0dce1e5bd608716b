"""An administration that has a key decides for itself: nobody else can, not even the register."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from api.access.policy import OWN_COMMANDS
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain import signatures
from registry.domain.errors import (
    BadValue,
    KeyUnknown,
    Refusal,
    SignatureInvalid,
    SignatureMissing,
    WrongDates,
    WrongStatus,
)
from registry.domain.signatures import sign
from registry.domain.values import AgreementKind, Tin
from registry.ledger.database import environment
from registry.transparency.signed_notes import (
    COSIGNATURE,
    ED25519,
    Signature,
    SignedNote,
    Signer,
    read_note,
)
from tests.law import CN, KR
from tests.words import in_full

CLERK = "officer:1"
HANA, PORT = Tin("KR1234567"), Tin("CN1111111111")
KOREAN = Signer.of_seed("KR", ED25519, b"k" * 32)
SPARE = Signer.of_seed("KR", ED25519, b"s" * 32)
CHINESE = Signer.of_seed("CN", ED25519, b"c" * 32)


@pytest.fixture
def registry(database: str) -> Iterator[Registry]:
    """Korea and China sign what they decide; each has an operator."""
    new_registry = Registry(environment(database))
    for code, name, zone in ((KR, "Korea", "Asia/Seoul"), (CN, "China", "Asia/Shanghai")):
        new_registry.execute(
            c.RegisterAdministration(administration=code, name_=name, time_zone=zone), CLERK
        )
    for tin in (HANA, PORT):
        new_registry.execute(c.RegisterOperator(tin=tin, name_="Hana"), CLERK)
    new_registry.execute(c.AddKey(administration=KR, key=str(KOREAN.key)), CLERK)
    new_registry.execute(c.AddKey(administration=CN, key=str(CHINESE.key)), CLERK)
    yield new_registry
    new_registry.close()


def renamed(name: str = "Hana Lines", tin: Tin = HANA, **said: Any) -> c.Command:
    return c.AmendParticulars(tin=tin, name_=name, command_id=uuid4(), **said)


def signed(registry: Registry, command: c.Command, by: Signer = KOREAN) -> list[int]:
    return registry.execute(sign(command, by), CLERK).positions


def refused(why: type[Refusal], registry: Registry, command: c.Command) -> str:
    before = registry.ledger.max_notification_id()
    with pytest.raises(why) as found:
        registry.execute(command, CLERK)
    assert registry.ledger.max_notification_id() == before
    return str(found.value)


def stored(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(
            "select command_id, administration, key, text, signature from ledger.signature"
        ).fetchall()


# ------------------------------------------------------------------- who decides


def test_a_signed_decision_is_recorded_with_its_signature(
    registry: Registry, database: str
) -> None:
    command = renamed()
    assert len(signed(registry, command)) == 1
    [(id, administration, key, text, signature)] = stored(database)
    assert (id, administration, key) == (command.command_id, "KR", KOREAN.key.id.hex())
    # Whoever can read a signed note of the log can check a decision.
    note = SignedNote(text, (Signature("KR", KOREAN.key.id, signature),))
    assert read_note(note.written).signed_by([KOREAN.key]) == {KOREAN.key: None}


def test_without_its_signature_nothing_is_decided(registry: Registry, database: str) -> None:
    assert "KR has a key" in refused(SignatureMissing, registry, renamed())
    assert stored(database) == []


def test_nobody_signs_for_another(registry: Registry) -> None:
    said = refused(SignatureInvalid, registry, sign(renamed(), CHINESE))
    assert "of CN, and this is for KR" in said
    # Not even by saying that it decided.
    refused(SignatureInvalid, registry, sign(renamed(decided_by=CN), CHINESE))


def test_what_was_signed_cannot_be_changed(registry: Registry) -> None:
    good = sign(renamed(), KOREAN)
    for name, other in (
        ("name_", "Hana Line"),
        ("tin", PORT),
        ("command_id", uuid4()),
        ("effective", date(2026, 1, 1)),
    ):
        said = {f: getattr(good, f) for f in good.__struct_fields__} | {name: other}
        refused(SignatureInvalid, registry, type(good)(**said))
    assert registry.execute(good, CLERK).positions


def test_a_signature_by_an_unknown_key_is_none(registry: Registry) -> None:
    assert "has no key" in refused(KeyUnknown, registry, sign(renamed(), SPARE))


@pytest.mark.parametrize("written", ["", "KR", "KR !", "KR AAAA", "KR " + "A" * 92])
def test_what_is_no_signature_is_refused(registry: Registry, written: str) -> None:
    refused(SignatureInvalid, registry, renamed(signature=written))


def test_a_signed_command_has_its_own_id(registry: Registry) -> None:
    command = c.AmendParticulars(tin=HANA, name_="Hana Lines")
    assert "commandId" in refused(SignatureInvalid, registry, sign(command, KOREAN))


def test_who_has_no_key_decides_as_before_and_may_not_pretend_to_sign(database: str) -> None:
    registry = Registry(environment(database))
    registry.execute(
        c.RegisterAdministration(administration=KR, name_="Korea", time_zone="Asia/Seoul"), CLERK
    )
    assert registry.execute(c.RegisterOperator(tin=HANA, name_="Hana"), CLERK).positions
    refused(KeyUnknown, registry, sign(renamed(), KOREAN))
    registry.close()


def test_a_repeated_signed_command_is_recorded_once(registry: Registry, database: str) -> None:
    command = renamed()
    assert signed(registry, command) == signed(registry, command)
    assert len(stored(database)) == 1


def test_the_operators_own_acts_are_not_its_customs_to_sign(registry: Registry) -> None:
    assert registry.execute(c.GiveConsent(tin=HANA, publication=True), CLERK).positions
    assert {*signatures.OF_OPERATORS, c.WithdrawProposal} == OWN_COMMANDS


def test_a_side_of_an_agreement_decides_for_itself_and_any_party_for_all(
    registry: Registry,
) -> None:
    proposed = c.ProposeAgreement(
        kind=AgreementKind.AEO_MUTUAL_RECOGNITION,
        title="China and Korea",
        parties=(CN, KR),
        command_id=uuid4(),
    )
    refused(SignatureMissing, registry, proposed)
    assert signed(registry, proposed, CHINESE)
    assert signed(registry, c.SignAgreement(agreement="CN-KR-AEO", command_id=uuid4()), KOREAN)
    side = c.ImplementAgreement(agreement="CN-KR-AEO", side=KR, command_id=uuid4())
    refused(SignatureInvalid, registry, sign(side, CHINESE))
    assert signed(registry, side, KOREAN)


# ----------------------------------------------------------------------- imports


def test_the_public_record_is_imported_unsigned(registry: Registry) -> None:
    proposed = c.ProposeAgreement(
        kind=AgreementKind.AEO_MUTUAL_RECOGNITION,
        title="China and Korea",
        parties=(CN, KR),
        source="a press release",
    )
    assert registry.execute(proposed, CLERK).positions


def test_an_operators_standing_rests_on_no_press_release(registry: Registry) -> None:
    refused(SignatureMissing, registry, renamed(source="a press release"))


def test_what_was_known_before_there_was_a_key_is_imported_unsigned(registry: Registry) -> None:
    busan = Tin("KR5555555")
    long_ago = datetime(2024, 1, 5, tzinfo=UTC)
    there = c.RegisterOperator(tin=busan, name_="Busan", known_at=long_ago)
    assert registry.execute(there, CLERK).positions
    now = datetime.now(UTC)
    refused(SignatureMissing, registry, renamed(tin=busan, known_at=now))


# -------------------------------------------------------------------- keys


def test_only_the_administration_itself_gets_a_second_key(registry: Registry) -> None:
    more = c.AddKey(administration=KR, key=str(SPARE.key), command_id=uuid4(), source="a letter")
    refused(SignatureMissing, registry, more)
    refused(SignatureInvalid, registry, sign(more, CHINESE))
    refused(KeyUnknown, registry, sign(more, SPARE))
    assert signed(registry, more)
    assert signed(registry, renamed(), SPARE)


def test_a_retired_key_signs_no_more_and_never_comes_back(registry: Registry) -> None:
    signed(registry, c.AddKey(administration=KR, key=str(SPARE.key), command_id=uuid4()))
    retire = c.RetireKey(administration=KR, key=str(KOREAN.key), command_id=uuid4())
    signed(registry, retire, SPARE)
    assert "has retired" in refused(KeyUnknown, registry, sign(renamed(), KOREAN))
    back = c.AddKey(administration=KR, key=str(KOREAN.key), command_id=uuid4())
    refused(WrongStatus, registry, sign(back, SPARE))


def test_with_its_last_key_the_duty_ends(registry: Registry) -> None:
    signed(registry, c.RetireKey(administration=KR, key=str(KOREAN.key), command_id=uuid4()))
    assert registry.execute(renamed(), CLERK).positions


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("nonsense", "name"),
        (str(CHINESE.key), "name KR"),
        (str(Signer.of_seed("KR", COSIGNATURE, b"x" * 32).key), "Ed25519"),
    ],
)
def test_a_key_is_one_of_the_right_kind_and_name(registry: Registry, key: str, why: str) -> None:
    add = c.AddKey(administration=KR, key=key, command_id=uuid4())
    assert why in refused(BadValue, registry, sign(add, KOREAN))


def test_a_key_counts_from_its_recording_on(registry: Registry) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=2)
    for when in ({"effective": yesterday.date(), "legal_ground": "x"}, {"known_at": yesterday}):
        add = c.AddKey(administration=KR, key=str(SPARE.key), command_id=uuid4(), **when)
        refused(WrongDates, registry, sign(add, KOREAN))


# ----------------------------------------------------------------- what is signed


@given(st.sampled_from(sorted(c.COMMANDS)))
def test_what_is_signed_is_the_same_from_a_file_and_from_an_officer(name: str) -> None:
    command = in_full(c.COMMANDS[name], signature=None)
    text = signatures.text(command)
    assert text.startswith("aeo-decision/v1\n{") and text.count("\n") == 2
    assert signatures.text(c.read(c.plain(command))) == text
    assert signatures.text(sign(command, KOREAN)) == text
    assert c.digest(sign(command, KOREAN), CLERK) != c.digest(command, CLERK)


# --------------------------------------------------------------------- the ledger


def test_signed_and_unsigned_commands_share_a_commit(registry: Registry, database: str) -> None:
    """As an import brings them: each keeps its own signature, and none another's."""
    busan = c.RegisterOperator(
        tin=Tin("KR5555555"), name_="Busan", known_at=datetime(2024, 1, 5, tzinfo=UTC)
    )
    commands = [sign(renamed(), KOREAN), busan, sign(renamed(tin=PORT), CHINESE)]
    decided = [
        (registry.decide_on(registry.find(command), command), command, CLERK)
        for command in commands
    ]
    assert all(isinstance(item, list) for item in registry.record_decided(decided))
    assert {(id, code) for id, code, *_ in stored(database)} == {
        (commands[0].command_id, "KR"),
        (commands[2].command_id, "CN"),
    }


@pytest.mark.parametrize("role", ["aeo_writer", "aeo_auditor", "aeo_projector", "aeo_owner"])
def test_a_signature_is_never_changed(registry: Registry, database: str, role: str) -> None:
    signed(registry, renamed())
    for change in (
        "update ledger.signature set key = 'x'",
        "delete from ledger.signature",
        "truncate ledger.signature",
    ):
        with psycopg.connect(database) as connection, pytest.raises(psycopg.Error):
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            connection.execute(change)
    assert len(stored(database)) == 1
