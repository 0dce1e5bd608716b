"""The verifier holds every decision against the rules about two persons that the bundle itself
brings: what one person decided alone is found, by whoever has nothing but the bundle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace

from projections.checking.check import check
from registry.application.decision_context import decision_of
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.values import AgreementKind, DataChannel, Tin
from registry.ledger.database import environment
from tests.law import CN, KR
from tests.test_signed_decisions import judged

CLERK = "officer:CN"
ACME, OTHER, THIRD = Tin("CN1000000001"), Tin("CN1000000002"), Tin("CN1000000003")
PAIR = "KR-CN-AEO"
LATER = datetime.now(UTC).date() + timedelta(days=30)
RULE: dict[str, Any] = {"programme": "CN-AEO", "rule": "second_person", "source": "an order"}
GRANT = c.GrantAuthorisation(tin=ACME, number="N1", legal_ground="a law")
SCOPE = c.SetScope(agreement=PAIR, from_=KR, to=CN, types=("*",))
LOOSE_RULE = c.SetRule(**RULE, value="revoke_authorisation", effective=LATER)
#: What China wants two persons for by its own rule.
NAMED = ("set_scope", "merge_into", "declare_cadence", "add_client_key", "require_second_person")
CADENCE = c.DeclareCadence(administration=CN, channel=DataChannel.LIST, hours=24, source="a letter")
PROGRAM = c.RegisterClient(client="cn-desk", name_="Desk", acts_for="officer:CN")
PROGRAM_KEY = c.AddClientKey(
    client="cn-desk",
    key={"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
)
STRICTER = c.RequireSecondPerson(administration=CN, commands=(*NAMED, "set_types"))
LOOSE = c.RequireSecondPerson(administration=CN, commands=(), effective=LATER)


@pytest.fixture
def registry(database: str) -> Iterator[Registry]:
    """China wants two persons for grants, corrections, mergers and its agreements' scopes, since an
    hour ago."""
    new_registry = Registry(environment(database))
    applicants: list[c.Command] = []
    for tin in (ACME, OTHER, THIRD):
        applicants += [
            c.RegisterOperator(tin=tin, name_="Acme"),
            c.LodgeApplication(tin=tin, programme="CN-AEO", type="A"),
            c.AcceptApplication(tin=tin),
        ]
    grants = "grant_authorisation+revoke_authorisation+correct_record"
    for command in (
        c.RegisterAdministration(administration=KR, name_="Korea", time_zone="UTC"),
        c.RegisterAdministration(administration=CN, name_="China", time_zone="UTC"),
        c.RegisterProgramme(programme="CN-AEO", administration=CN, name_="AEO", types=("A",)),
        c.ProposeAgreement(
            parties=(KR, CN), kind=AgreementKind.AEO_MUTUAL_RECOGNITION, title="Korea and China"
        ),
        *applicants,
        PROGRAM,
        c.SetRule(**RULE, value=grants, effective=date(2026, 3, 1)),
        c.RequireSecondPerson(administration=CN, commands=NAMED),
    ):
        new_registry.execute(command, CLERK)
    with psycopg.connect(database) as connection:
        connection.execute("alter table ledger.event disable trigger all")
        connection.execute(
            "update ledger.event set recorded_at = recorded_at - interval '1 hour',"
            " known_at = known_at - interval '1 hour'"
        )
    yield new_registry
    new_registry.close()


def by_two(registry: Registry, command: c.Command) -> None:
    command = replace(command, command_id=uuid4())
    proposal = registry.execute(command, CLERK, person="anna").proposed
    assert proposal is not None
    confirm: c.Command = (
        c.ConfirmAdministrationProposal(administration=CN, proposal=proposal.proposal)
        if isinstance(proposal, Administration.DecisionProposed)
        else c.ConfirmProposal(tin=command.tin, proposal=proposal.proposal)  # type: ignore[attr-defined]
    )
    assert len(registry.execute(confirm, CLERK, person="bo").positions) == 2


def alone(registry: Registry, command: c.Command) -> int:
    """Records what nobody may record alone, by whoever can write into the database. Returns its
    position."""
    command = replace(command, command_id=uuid4())
    facts = registry._references.no_older_than(0)
    found = registry.find(command)
    decided = registry._decided_alone(
        found, command, decision_of(command, found, None, facts), facts
    )
    request = registry.append_request(decided, command, CLERK)
    events = [registry.mapper.to_stored_event(event) for event in decided.collect_events()]
    positions = registry.ledger.insert_events(events, command=request)
    assert positions
    return positions[-1]


def test_what_two_persons_decided_is_found_good(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    for command in (GRANT, SCOPE, CADENCE, PROGRAM_KEY, STRICTER, LOOSE_RULE, LOOSE):
        by_two(registry, command)
    new = c.RegisterProgramme(programme="CN-B", administration=CN, name_="B", types=("A",))
    registry.execute(new, CLERK)
    stricter = "erase_person+grant_authorisation+revoke_authorisation+correct_record"
    registry.execute(c.SetRule(**RULE | {"programme": "CN-B"}, value=stricter), CLERK)

    code, said = judged(database, tmp_path)

    assert (code, said) == (0, [])
    assert [text for found in check(database) for text in found.wrong] == []


def test_what_one_person_decided_alone_is_found(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    by_two(registry, replace(GRANT, tin=OTHER, number="N2"))
    granted = registry.operator(OTHER).history[-1]
    position = next(
        event.id
        for event in registry.recorder.select_notifications(1, 100)
        if event.originator_id == granted.originator_id and event.topic == "operator.granted"
    )
    void = c.CorrectRecord(tin=OTHER, position=position, what={"number": "N3"}, why="no")
    correction, scope_set = alone(registry, void), alone(registry, SCOPE)
    forged = {
        correction: "the rules of CN-AEO want two persons for it",
        scope_set: "the rules of CN want two persons for it",
        alone(registry, GRANT): "the rules of CN-AEO want two persons for it",
        alone(registry, c.MergeInto(tin=THIRD, successor=OTHER, legal_ground="a law")): (
            "the rules of CN want two persons for it"
        ),
        alone(registry, LOOSE_RULE): "it loosens the rule about two persons",
        alone(registry, LOOSE): "it loosens the rule about two persons",
        alone(registry, CADENCE): "the rules of CN want two persons for it",
        alone(registry, PROGRAM_KEY): "the rules of CN want two persons for it",
        alone(registry, STRICTER): "the rules of CN want two persons for it",
    }

    code, said = judged(database, tmp_path)

    assert code == 1
    for place, why in forged.items():
        assert f"position {place:,}: one person alone decided it, and {why}." in said, said
    assert len(said) == len(forged), said
    # The check of a register finds the same.
    wrong = {text.split(" (")[0] for found in check(database) for text in found.wrong}
    assert wrong == {f"position {place}" for place in forged}


def test_what_a_followed_register_decided_is_for_its_own_bundle_to_prove(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    position = alone(registry, SCOPE)
    with psycopg.connect(database) as connection:
        connection.execute("alter table ledger.event disable trigger all")
        connection.execute(
            "update ledger.event set actor = 'peer:china' where position = %s", [position]
        )

    code, said = judged(database, tmp_path)

    assert code == 0
    assert said == ["two persons: 1 events of peer:china are for that register's bundle"]


@pytest.mark.parametrize("how", ["another decision", "no decision", "the same person"])
def test_a_confirmation_for_another_stream_that_was_invented_is_found(
    registry: Registry, database: str, tmp_path: Path, how: str
) -> None:
    command = replace(SCOPE, command_id=uuid4())
    proposal = registry.execute(command, CLERK, person="anna").proposed
    assert proposal is not None
    administration: Any = registry.administration(CN, 0)
    confirmer = "anna" if how == "the same person" else "bo"
    confirm = c.ConfirmAdministrationProposal(
        administration=CN, proposal=proposal.proposal, command_id=uuid4()
    )
    administration.trigger_event(
        Administration.ProposalConfirmed,
        proposal=proposal.proposal,
        proposer="anna",
        confirmer=confirmer,
        effective=datetime.now(UTC).date(),
        decided=datetime.now(UTC).date(),
    )
    if how != "no decision":
        said = replace(command, types=("A",)) if how == "another decision" else command
        facts, pair = registry._references.no_older_than(0), registry.find(said)
        administration.decided_with = registry._decided_alone(
            pair, said, decision_of(said, pair, None, facts), facts
        )
    request = registry.append_request(administration, confirm, CLERK)
    both = [administration, *filter(None, [administration.decided_with])]
    events = [
        registry.mapper.to_stored_event(event) for each in both for event in each.collect_events()
    ]
    registry.ledger.insert_events(events, command=request)

    code, found = judged(database, tmp_path)

    wanted = {
        "another decision": "another decision was proposed and confirmed: types",
        "no decision": "it confirms a decision, and none follows it",
        "the same person": "a second person is wanted, and it names the first",
    }
    assert code == 1 and any(wanted[how] in each for each in found), found
