"""Two persons for each of the commands that concern an administration itself: its blocs, its keys,
its cadence, its clients and its rule (decision 0243)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.conninfo import make_conninfo

from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.clients import Client
from registry.domain.errors import OwnProposal, PersonNeeded
from registry.domain.second_person_decisions import OF_NO_OPERATOR
from registry.domain.signatures import sign
from registry.domain.values import AdministrationCode, DataChannel
from registry.ledger.database import environment
from registry.transparency.signed_notes import ED25519, Signer

CLERK, ANNA, BO = "officer", "anna", "bo"
MEMBER = AdministrationCode("MC")
DAY, CITED = date(2025, 1, 1), {"source": "an order"}
KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
#: Every command that the rule can name and that is about the administration itself.
ITSELF = sorted(
    name
    for name in OF_NO_OPERATOR
    if issubclass(c.COMMANDS[name], c.AdministrationCommand | c.ClientCommand)
)
#: An administration for each of them, so that none is in the way of another.
CODES = dict(
    zip(
        ITSELF,
        map(AdministrationCode, ("AU", "CA", "CL", "JP", "MX", "NZ", "PE", "SG")),
        strict=True,
    )
)


def signer(code: AdministrationCode) -> Signer:
    return Signer.of_seed(code.text, ED25519, code.text.encode() * 16)


def client(code: AdministrationCode) -> c.Command:
    id = f"program-{code.text.lower()}"
    return c.RegisterClient(client=id, name_="A program", acts_for=f"officer:{code}")


def join(code: AdministrationCode) -> c.Command:
    return c.JoinBloc(administration=code, member=MEMBER, effective=DAY, **CITED)


def add_key(code: AdministrationCode) -> c.Command:
    return c.AddKey(administration=code, key=str(signer(code).key))


#: Of each command: what goes before it, the command, and the event that it makes.
CASES: dict[str, tuple[Callable[[AdministrationCode], list[c.Command]], type[Any]]] = {
    "add_client_key": (
        lambda code: [client(code), c.AddClientKey(client=f"program-{code.text.lower()}", key=KEY)],
        Client.KeyAdded,
    ),
    "add_key": (lambda code: [add_key(code)], Administration.KeyAdded),
    "declare_cadence": (
        lambda code: [
            c.DeclareCadence(administration=code, channel=DataChannel.FEED, hours=24, **CITED)
        ],
        Administration.CadenceDeclared,
    ),
    "join_bloc": (lambda code: [join(code)], Administration.MemberJoined),
    "leave_bloc": (
        lambda code: [join(code), c.LeaveBloc(administration=code, member=MEMBER)],
        Administration.MemberLeft,
    ),
    "register_client": (lambda code: [client(code)], Client.Registered),
    "require_second_person": (
        lambda code: [
            c.RequireSecondPerson(
                administration=code, commands=("require_second_person", "set_scope")
            )
        ],
        Administration.SecondPersonRequired,
    ),
    "retire_key": (
        lambda code: [
            add_key(code),
            c.RetireKey(administration=code, key=str(signer(code).key)),
        ],
        Administration.KeyRetired,
    ),
}


@pytest.fixture(scope="module")
def registry(server: str, blank_register: str) -> Iterator[Registry]:
    """A register in which each of the administrations has a rule that names one command."""
    name = f"for_itself_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank_register} STRATEGY file_copy")
        found = Registry(environment(make_conninfo(server, dbname=name)))
        for code in (MEMBER, *CODES.values()):
            found.execute(
                c.RegisterAdministration(
                    administration=code, name_="Customs", time_zone="UTC", bloc=code != MEMBER
                ),
                CLERK,
            )
        for named, code in CODES.items():
            rule = c.RequireSecondPerson(administration=code, commands=(named,))
            found.execute(rule, CLERK)
        yield found
        found.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("name", ITSELF)
def test_one_person_proposes_it_another_confirms_it_and_nobody_their_own(
    registry: Registry, name: str
) -> None:
    code = CODES[name]
    commands, event = CASES[name]
    *before, command = commands(code)
    for each in before:
        assert registry.execute(each, CLERK).proposed is None
    key = signer(code) if registry.administration(code, 0).keys else None

    def tells(command: c.Command, person: str | None) -> Any:
        command = replace(command, command_id=uuid4())
        return registry.execute(sign(command, key) if key else command, CLERK, person=person)

    def made() -> list[Any]:
        """The events of its kind, in the order of the ledger."""
        rows = registry.recorder.select_notifications(start=None, limit=1000, topics=[event.TOPIC])
        return [registry.mapper.to_domain_event(row) for row in rows]

    known = len(made())
    assert command.name == name
    with pytest.raises(PersonNeeded, match=f"{name} needs two persons by the rules of {code}"):
        tells(command, None)
    proposal = tells(command, ANNA).proposed
    assert isinstance(proposal, Administration.DecisionProposed)
    assert proposal.command["command"] == name and len(made()) == known

    confirmed = c.ConfirmAdministrationProposal(administration=code, proposal=proposal.proposal)
    with pytest.raises(OwnProposal, match="another person confirms it"):
        tells(confirmed, ANNA)
    assert len(made()) == known
    first, second = tells(confirmed, BO).positions

    assert second == first + 1 and len(made()) == known + 1
    assert type(made()[-1]) is event
    confirmation = registry.recorder.select_notifications(start=first, limit=1)
    found: Any = registry.mapper.to_domain_event(confirmation[0])
    assert isinstance(found, Administration.ProposalConfirmed)
    assert (found.proposer, found.confirmer) == (ANNA, BO)


def test_every_command_about_the_administration_itself_has_its_case() -> None:
    assert sorted(CASES) == ITSELF
