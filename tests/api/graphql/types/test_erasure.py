"""Persons can be erased, and the register goes on proving that nothing in it was rewritten."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any, LiteralString, NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from typer.testing import CliRunner

from api.access.tokens import issue
from api.cli import app
from api.importing.import_file import import_file
from projections.engine.projector import Projector
from projections.persons import Particulars
from registry.domain.values import Tin
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client
from tests.keeping_log import asked

COMPANY = f"company:{ACME}"
GROUND = "GDPR Art. 17(1)(a)"
KEEP = """mutation ($tin: TIN!, $who: JSON!) {
  keepParticulars(tin: $tin, particulars: $who) {
    __typename
    ... on ParticularsKept { person commitment }
    ... on Refused { code message }
  }
}"""
CONTACTS = """query ($tin: TIN!, $asOf: AsOf) { operator(tin: $tin, asOf: $asOf) { contacts {
  person role since until erased commitment particulars { name email telephone }
} } }"""

_marks = count(1)


class Person(NamedTuple):
    """A marker in each particular, which nothing else in the world has."""

    id: str
    commitment: str
    who: dict[str, str]

    @property
    def markers(self) -> list[bytes]:
        return [text.encode() for text in self.who.values()]


def kept(counter: Client, by: str = CHINA, tin: str = ACME) -> Person:
    mark = f"{uuid4().hex}-{next(_marks)}"
    who = {"name": f"Zhang {mark}", "email": f"{mark}@example.cn", "telephone": f"+86 {mark}"}
    found = counter.ask(KEEP, by, tin=tin, who=who)["keepParticulars"]
    assert found["__typename"] == "ParticularsKept", found
    return Person(found["person"], found["commitment"], who)


def named(counter: Client, by: str = CHINA, tin: str = ACME) -> Person:
    item = kept(counter, by, tin)
    said = {"tin": tin, "person": item.id, "commitment": item.commitment, "role": "CUSTOMS_CONTACT"}
    outcome = counter.tell("nameContact", by, **said)
    assert outcome["__typename"] == "Recorded", outcome
    return item


def erased(counter: Client, person: Person, by: str = CHINA) -> dict[str, Any]:
    return counter.tell("erasePerson", by, tin=ACME, person=person.id, ground=GROUND)


def seen(counter: Client, person: Person, by: str = CHINA) -> dict[str, Any]:
    Projector(counter.database).catch_up()
    found = counter.ask(CONTACTS, by, tin=ACME)["operator"]["contacts"]
    [contact] = [c for c in found if c["person"] == person.id]
    return dict(contact)


# ---------------------------------------------------------------- who is shown what


@pytest.mark.parametrize("by", [CHINA, COMPANY])
def test_the_home_customs_and_the_company_read_whom_it_named(counter: Client, by: str) -> None:
    she = named(counter, by)

    assert seen(counter, she, CHINA)["particulars"] == she.who
    assert seen(counter, she, COMPANY)["particulars"] == she.who


def test_an_auditor_sees_a_pseudonym(counter: Client) -> None:
    she = named(counter)

    shown = seen(counter, she, AUDITOR)

    assert (shown["particulars"], shown["commitment"]) == (None, she.commitment)


@pytest.mark.parametrize("by", [None, KOREA])
def test_nobody_else_is_told_that_there_are_contacts(counter: Client, by: str | None) -> None:
    counter.tell("giveConsent", CHINA, tin=ACME, publication=True)
    Projector(counter.database).catch_up()
    body = counter.post(CONTACTS, by, tin=ACME).json()

    hidden = body.get("data") == {"operator": None}
    assert hidden or [e["extensions"]["code"] for e in body["errors"]] == ["FORBIDDEN"]


@pytest.mark.parametrize("by", [None, KOREA, AUDITOR, "officer:KR", "company:CN2000000009"])
def test_nobody_else_names_ends_or_erases(counter: Client, by: str | None) -> None:
    she = named(counter)
    said = {"tin": ACME, "person": she.id}

    assert counter.ask(KEEP, by, tin=ACME, who=she.who)["keepParticulars"]["code"] == "FORBIDDEN"
    assert counter.tell("endContact", by, **said)["code"] == "FORBIDDEN"
    assert counter.tell("erasePerson", by, **said, ground=GROUND)["code"] == "FORBIDDEN"
    assert seen(counter, she)["particulars"] == she.who


# ------------------------------------------------------------------ naming


def test_the_same_command_again_is_one_event(counter: Client) -> None:
    she = kept(counter)
    said = {
        "tin": ACME,
        "person": she.id,
        "commitment": she.commitment,
        "role": "IN_CHARGE",
        "commandId": str(uuid4()),
    }

    first = counter.tell("nameContact", CHINA, **said)

    assert len(first["events"]) == 1
    assert counter.tell("nameContact", CHINA, **said) == first
    erased(counter, she)
    assert counter.tell("nameContact", CHINA, **said) == first


def test_what_was_not_kept_or_not_of_this_operator_cannot_be_named(counter: Client) -> None:
    she = kept(counter)
    other = "CN2000000099"
    counter.tell("registerOperator", CHINA, tin=other, name="Other", roles=["OTHER"])
    said = {"tin": ACME, "person": she.id, "commitment": she.commitment, "role": "IN_CHARGE"}

    refused = [
        counter.tell("nameContact", CHINA, **said | {"person": str(uuid4())}),
        counter.tell("nameContact", CHINA, **said | {"tin": other}),
        counter.tell("nameContact", CHINA, **said | {"commitment": "ab" * 32}),
        counter.tell("nameContact", CHINA, **said | {"person": "she"}),
    ]

    codes = [entry["code"] for entry in refused]
    assert codes == ["UNKNOWN_PERSON", "UNKNOWN_PERSON", "BAD_VALUE", "BAD_VALUE"]


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": 7}, {"email": ["x"]}, {"colour": "red"}, {"name": "x" * 201}]
)
def test_whatever_is_wrong_with_particulars_nothing_of_them_is_repeated(
    counter: Client, wrong: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    mark = uuid4().hex
    who = {"name": mark, "email": mark, "telephone": mark} | wrong

    answers = [
        counter.post(KEEP, CHINA, tin=ACME, who=who),
        counter.post(KEEP, CHINA, tin="nobody", who=who),
        counter.post(KEEP, CHINA, tin=ACME, who=mark),
        counter.post(KEEP.replace("JSON!", "String!"), CHINA, tin=ACME, who=who),
    ]

    said = "".join(answer.text for answer in answers) + "".join(capfd.readouterr())
    assert mark not in said
    assert answers[0].json()["data"]["keepParticulars"]["code"] == "BAD_VALUE"


def test_what_was_kept_and_never_named_is_swept_away(counter: Client) -> None:
    she, today = kept(counter), kept(counter)
    asked_to_age(counter, she)

    last = kept(counter)

    there = {path.name for path in (counter.home / "persons").iterdir()}
    assert she.id not in there and {today.id, last.id} <= there


def test_a_naming_that_was_refused_does_not_keep_anybody(counter: Client) -> None:
    she = kept(counter)
    said = {"tin": ACME, "person": she.id, "commitment": she.commitment, "role": "IN_CHARGE"}
    assert counter.tell("nameContact", CHINA, **said, expectedVersion=1)["code"] == "STALE_VERSION"
    assert counter.tell("nameContact", CHINA, **said, effective="2015-01-01")["code"] == (
        "GROUND_NEEDED"
    )
    asked_to_age(counter, she)

    kept(counter)

    assert she.id not in {path.name for path in (counter.home / "persons").iterdir()}


def test_a_sweep_cut_short_leaves_no_key_that_nobody_would_look_for(
    counter: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    she = kept(counter)
    asked_to_age(counter, she)
    persons = counter.service.persons

    def cut_short(person: UUID) -> None:
        raise OSError("no power")

    with monkeypatch.context() as power:
        power.setattr(persons, "_destroy", cut_short)
        with pytest.raises(OSError, match="no power"):
            persons.keep(Tin(ACME), Particulars("Li Na"))
    kept(counter)

    assert she.id not in {path.name for path in (counter.home / "persons").iterdir()}


def asked_to_age(counter: Client, person: Person) -> None:
    with psycopg.connect(counter.database) as connection:
        connection.execute(
            "update person.particulars set kept_at = kept_at - interval '2 days' where person = %s",
            [person.id],
        )


# ----------------------------------------------------------------- erasing


def test_a_person_is_erased_once_and_for_all(counter: Client) -> None:
    she = named(counter)
    said = {"tin": ACME, "person": she.id, "ground": GROUND, "commandId": str(uuid4())}

    first = counter.tell("erasePerson", CHINA, **said)

    [event] = first["events"]
    assert event["type"] == "operator.person_erased"
    shown = seen(counter, she)
    assert shown["erased"] == shown["until"] == event["payload"]["effective"]
    assert shown["particulars"] is None
    assert counter.tell("erasePerson", CHINA, **said) == first
    assert counter.tell("erasePerson", CHINA, **said | {"commandId": str(uuid4())})["events"] == []


def test_an_erasure_cut_short_before_it_was_recorded_is_ended_by_sending_it_again(
    counter: Client,
) -> None:
    she = named(counter)
    counter.service.persons.erase(Tin(ACME), UUID(she.id))
    cut_short = seen(counter, she)
    assert (cut_short["particulars"], cut_short["erased"]) == (None, None)

    assert len(erased(counter, she)["events"]) == 1
    assert seen(counter, she)["erased"]


@pytest.mark.parametrize("role", ["aeo_reader", "aeo_auditor", "aeo_projector", "aeo_signer"])
def test_who_answers_questions_cannot_even_reach_what_is_sealed(counter: Client, role: str) -> None:
    _may_not(counter, role, "select from person.particulars")


def test_nobody_may_take_a_salt_of_the_log_away(counter: Client) -> None:
    for role in ("aeo_erasure", "aeo_writer", "aeo_projector"):
        _may_not(counter, role, "delete from proof.salt")


def _may_not(counter: Client, role: str, statement: LiteralString) -> None:
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(counter.database, options=f"-c role={role}") as connection, refused:
        connection.execute(statement)


def test_an_earlier_day_or_belief_does_not_bring_the_person_back(counter: Client) -> None:
    she = named(counter)
    Projector(counter.database).catch_up()
    [[before]] = asked(counter.database, "select clock_timestamp()")
    erased(counter, she)
    Projector(counter.database).catch_up()

    then = {"knownAt": before.isoformat()}
    found = counter.ask(CONTACTS, CHINA, tin=ACME, asOf=then)["operator"]["contacts"]

    [contact] = [c for c in found if c["person"] == she.id]
    assert contact["until"] is None  # as was believed then
    assert contact["erased"] and contact["particulars"] is None


def test_what_is_refused_destroys_nothing(counter: Client) -> None:
    she, unnamed = named(counter), kept(counter)
    said = {"tin": ACME, "person": she.id, "ground": GROUND}

    assert counter.tell("erasePerson", CHINA, **said, expectedVersion=1)["code"] == "STALE_VERSION"
    assert counter.tell("erasePerson", CHINA, **said | {"ground": ""})["code"] == "BAD_VALUE"
    unknown = counter.tell("erasePerson", CHINA, **said | {"person": unnamed.id})
    assert unknown["code"] == "UNKNOWN_PERSON"
    assert seen(counter, she)["particulars"] == she.who


def test_the_sealed_text_of_one_person_says_nothing_in_the_place_of_another(
    counter: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    she, he = named(counter), named(counter)
    with psycopg.connect(counter.database) as connection:
        connection.execute(
            "update person.particulars set sealed ="
            " (select sealed from person.particulars where person = %s) where person = %s",
            [he.id, she.id],
        )

    assert seen(counter, she)["particulars"] is None
    assert seen(counter, he)["particulars"] == he.who
    assert "person.unreadable" in "".join(capfd.readouterr())
    erased(counter, she)


# ------------------------------------------------------------- page and command line


def page_of(counter: Client, by: str) -> str:
    Projector(counter.database).catch_up()
    cookie = {"Cookie": f"aeo-token={issue(by, counter.home)}"}
    return counter.request("GET", f"/operators/{ACME}?tab=all", headers=cookie).text


def test_the_page_shows_a_contact_to_those_who_may_and_then_that_it_is_erased(
    counter: Client,
) -> None:
    she = named(counter)

    assert she.who["name"] in page_of(counter, CHINA)
    assert she.who["email"] in page_of(counter, COMPANY)
    auditors = page_of(counter, AUDITOR)
    assert she.id in auditors and she.who["name"] not in auditors
    assert she.id not in page_of(counter, KOREA)

    erased(counter, she)
    assert "ERASED" in page_of(counter, CHINA) and she.who["name"] not in page_of(counter, CHINA)


def test_a_person_is_erased_at_the_command_line(
    counter: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    she = named(counter)
    monkeypatch.setenv("DATABASE_URL", counter.database)
    monkeypatch.setenv("AEO_HOME", str(counter.home))

    def say(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["erase", *words])
        return done.exit_code, done.stdout

    code, said = say(she.id, "--ground", GROUND)
    assert (code, said) == (0, f"{she.id} is erased; position {counter.last_position()} says so\n")
    assert say(she.id, "--ground", GROUND) == (0, f"{she.id} was erased before, and is still\n")
    assert say("Zhang Wei", "--ground", GROUND)[0] == 2
    assert seen(counter, she)["particulars"] is None


def test_an_import_erases_nobody(counter: Client, tmp_path: Path) -> None:
    she = named(counter)
    file = tmp_path / "lines.jsonl"
    file.write_text(
        json.dumps({"command": "erase_person", "tin": ACME, "person": she.id, "ground": GROUND})
    )

    report = import_file(counter.database, file, actor="import")

    assert "./aeo erase" in str(report.bad[0])
    assert seen(counter, she)["particulars"] == she.who
