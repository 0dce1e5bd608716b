"""How a command is sent is no part of what it says: the one door answers for its id, the version
that its sender saw, and since when an import knew it. And who begins a stream begins it once."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from msgspec.structs import replace
from psycopg.conninfo import make_conninfo

from registry.application.dispatch import BEGINNINGS, stream_of
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import AlreadyRecorded, AlreadyRegistered, Refusal, StaleVersion
from registry.domain.values import AgreementKind, Tin
from registry.ledger.database import environment
from tests.law import CN, KR
from tests.registry.domain.command_values import SENDING

CLERK = "officer:1"
HANA, SORI = Tin("KR1234567"), Tin("KR1111111")
KNOWN = datetime(2024, 5, 6, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def registry(server: str, blank_register: str) -> Iterator[Registry]:
    name = "at_the_door"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank_register} STRATEGY file_copy")
        new_registry = Registry(environment(make_conninfo(server, dbname=name)))
        for command in BEGUN:
            new_registry.execute(command, CLERK)
        yield new_registry
        new_registry.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


BEGUN: list[c.Command] = [
    c.RegisterAdministration(administration=KR, name_="Korea", time_zone="Asia/Seoul"),
    c.RegisterAdministration(administration=CN, name_="China", time_zone="Asia/Shanghai"),
    c.RegisterProgramme(programme="KR-AEO", administration=KR, name_="AEO", types=("A", "AA")),
    c.RegisterOperator(tin=HANA, name_="Hana", known_at=KNOWN),
    c.ProposeAgreement(
        parties=(KR, CN), kind=AgreementKind.AEO_MUTUAL_RECOGNITION, title="Korea and China"
    ),
    c.PublishClaim(subject=KR, measure="partners", value=20, as_of=date(2026, 1, 1)),
    c.PublishDocument(document="PLAN", title="A plan"),
    c.RegisterClient(client="kr-border", name_="The border", acts_for="partner:KR"),
]


def recorded(registry: Registry, command: c.Command) -> int:
    return len(registry.execute(command, CLERK).positions)


def test_the_same_under_another_id_records_nothing_and_is_kept_under_both(
    registry: Registry,
) -> None:
    give = c.GiveConsent(tin=HANA, partner=CN, command_id=uuid4())
    assert recorded(registry, give) == 1

    again = replace(give, command_id=uuid4())
    assert recorded(registry, again) == 0
    assert registry.execute(again, CLERK).repeated


def test_the_same_for_who_saw_another_version_is_refused(registry: Registry) -> None:
    amend = c.AmendParticulars(tin=HANA, name_="Hana Lines", command_id=uuid4())
    seen = registry.execute(amend, CLERK).version

    with pytest.raises(StaleVersion, match=f"found {seen - 1}"):
        recorded(registry, replace(amend, command_id=uuid4(), expected_version=seen - 1))
    assert recorded(registry, replace(amend, command_id=uuid4(), expected_version=seen)) == 0


def test_the_same_as_known_at_another_instant_is_refused(registry: Registry) -> None:
    begin = c.RegisterOperator(tin=SORI, name_="Sori", known_at=KNOWN)
    amend = c.AmendParticulars(tin=SORI, name_="Sori Lines", known_at=KNOWN + timedelta(days=1))
    assert [recorded(registry, command) for command in (begin, amend)] == [1, 1]

    later = replace(amend, command_id=uuid4(), known_at=KNOWN + timedelta(days=2))
    with pytest.raises(AlreadyRecorded, match="knownAt: found"):
        recorded(registry, later)
    assert recorded(registry, replace(amend, command_id=uuid4())) == 0


OTHER: dict[Any, Any] = {str: "another", bool: True, int: 21, date: date(2026, 2, 1)}


def others(command: c.Command) -> Iterator[c.Command]:
    """The same beginning with one field said otherwise: of a text, another text; else left out."""
    hints = typing.get_type_hints(type(command))
    for field in msgspec.structs.fields(type(command)):
        kinds = typing.get_args(hints[field.name])
        value = getattr(command, field.name)
        if field.name in SENDING:
            continue
        if value is not None and type(value) in OTHER and type(value) is not bool:
            yield replace(command, **{field.name: OTHER[type(value)]})
        elif value is None and str in kinds:
            yield replace(command, **{field.name: "another"})
        elif value is None and date in kinds:
            yield replace(command, **{field.name: date(2026, 2, 1)})


@pytest.mark.parametrize("kind", BEGINNINGS, ids=lambda value: value.__name__)
def test_who_begins_a_stream_again_is_told_that_it_is_there(
    registry: Registry, kind: type[c.Command]
) -> None:
    begun = next(command for command in BEGUN if type(command) is kind)
    told = 0
    for command in (begun, *others(begun)):
        try:
            events = recorded(registry, replace(command, command_id=uuid4(), known_at=None))
        except AlreadyRegistered:
            told += 1
        except Refusal as refusal:
            assert str(refusal).strip()
        else:  # another thing altogether: a claim of another source, an agreement of another name
            assert events == 1 and stream_of(command) != stream_of(begun)
    assert told
