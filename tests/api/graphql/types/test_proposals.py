"""Four eyes at every door: one officer proposes, another confirms, and no way leads around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from api.access.tokens import issue
from api.cli import app
from api.importing.import_file import import_file
from api.pages.query import COOKIE
from projections.checking.check import check
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from registry.application.bulk_import import History, record_histories
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.errors import PersonNeeded, ProposalClosed
from registry.domain.operators.proposals import COMMAND_OF_EVENT
from registry.domain.values import AdministrationCode, ContactRole, Tin
from registry.ledger.database import environment
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client, record
from tests.api.graphql.types.test_erasure import named as name_person
from tests.issuer import RESOURCE, issuers_file, issuing

ANNA, BO = "officer:CN/anna", "officer:CN/bo"
GROUND = "Order 282"
RULE = "annul_authorisation+erase_person+grant_authorisation+revoke_authorisation"
OPEN = """{ proposals { edges { cursor node {
  proposal tin programme command input state proposedBy isOwn expires reason } } } }"""
OF_ACME = """query ($tin: TIN!) { operator(tin: $tin) { proposals {
  proposal command state closedBy reason } } }"""
TYPES = """query ($tin: TIN!) { operator(tin: $tin) { history(first: 100) {
  edges { node { type version } } } } }"""
_numbers = count(5000000)


@pytest.fixture(scope="module", autouse=True)
def four_eyes(counter: Client) -> None:
    rule = {"command": "set_rule", "programme": "CN-AEO", "source": "an order"}
    registry = Registry(environment(counter.database))
    record(
        registry,
        [
            rule | {"rule": "second_person", "value": RULE, "effective": "2026-03-01"},
            rule | {"rule": "second_person_days", "value": "9", "effective": "2026-03-01"},
        ],
    )
    registry.close()


@pytest.fixture
def registry(counter: Client) -> Iterator[Registry]:
    found = Registry(environment(counter.database))
    yield found
    found.close()


def applicant(counter: Client) -> str:
    """An operator of China with an application that waits for its decision."""
    tin = f"CN{next(_numbers)}000"
    counter.tell("registerOperator", CHINA, tin=tin, name="Applicant", roles=[])
    counter.tell("lodgeApplication", CHINA, tin=tin, programme="CN-AEO", type="ADVANCED")
    counter.tell("acceptApplication", CHINA, tin=tin)
    return tin


def grant(counter: Client, tin: str, by: str = ANNA) -> dict[str, Any]:
    number = f"AEO{tin}"
    return counter.tell("grantAuthorisation", by, tin=tin, number=number, legalGround=GROUND)


def holder(counter: Client) -> str:
    tin = applicant(counter)
    found = grant(counter, tin)
    confirmed = confirm(counter, tin, found["proposal"])
    assert confirmed["__typename"] == "Recorded", confirmed
    return tin


def confirm(counter: Client, tin: str, proposal: str, by: str = BO, **said: Any) -> dict[str, Any]:
    return counter.tell("confirmProposal", by, tin=tin, proposal=proposal, **said)


def types(counter: Client, tin: str, by: str = CHINA) -> list[str]:
    Projector(counter.database).catch_up()
    edges = counter.ask(TYPES, by, tin=tin)["operator"]["history"]["edges"]
    return [edge["node"]["type"].removeprefix("operator.") for edge in edges]


def test_a_grant_is_proposed_by_one_officer_and_recorded_with_another(counter: Client) -> None:
    tin = applicant(counter)

    proposed = grant(counter, tin)

    assert proposed["__typename"] == "Proposed" and proposed["programme"] == "CN-AEO"
    assert types(counter, tin)[-1] == "decision_proposed"
    own = confirm(counter, tin, proposed["proposal"], ANNA)
    assert own["code"] == "OWN_PROPOSAL" and own["path"] == ["proposal"]
    assert confirm(counter, tin, proposed["proposal"], CHINA)["code"] == "PERSON_NEEDED"
    once = str(uuid4())
    outcome = confirm(counter, tin, proposed["proposal"], commandId=once)
    confirmation, decision = outcome["events"]
    assert [event["type"] for event in outcome["events"]] == [
        "operator.proposal_confirmed",
        "operator.granted",
    ]
    assert confirmation["position"] + 1 == decision["position"] == outcome["position"]
    persons = {confirmation["payload"][who] for who in ("proposer", "confirmer")}
    assert len(persons) == 2 and None not in persons
    assert confirm(counter, tin, proposed["proposal"], commandId=once) == outcome
    assert confirm(counter, tin, proposed["proposal"])["events"] == []  # the same person again
    late = counter.tell(
        "rejectProposal", BO, tin=tin, proposal=proposed["proposal"], reason="too late"
    )
    assert late["code"] == "PROPOSAL_CLOSED" and "confirmed as of" in late["message"]


def test_both_ways_of_execution_say_that_it_is_proposed(counter: Client) -> None:
    answers = []
    for selection in ("proposal position", "proposal position ... { __typename }"):
        tin = applicant(counter)
        document = f"""mutation ($input: GrantAuthorisationInput!) {{
          grantAuthorisation(input: $input) {{ ... on Proposed {{ {selection} expires }} }} }}"""
        said = {"commandId": str(uuid4()), "tin": tin, "number": f"X{tin}", "legalGround": GROUND}
        found = counter.ask(document, ANNA, input=said)["grantAuthorisation"]
        assert found["proposal"] == said["commandId"]
        again = counter.ask(document, ANNA, input=said)["grantAuthorisation"]
        assert again == found
        answers.append(found["expires"])
    assert answers[0] == answers[1]


def test_officers_of_the_home_customs_and_auditors_read_proposals_and_nobody_else(
    counter: Client,
) -> None:
    tin = holder(counter)
    before = counter.last_position()
    revoke = counter.tell("revokeAuthorisation", ANNA, tin=tin, reason="fraud")
    Projector(counter.database).catch_up()
    changed = """query ($after: Position!) {
      operators(filter: { changedAfter: $after }) { edges { node { tin } } } }"""
    for by, noticed in ((AUDITOR, 1), (f"company:{tin}", 0), (KOREA, 0)):
        found = counter.ask(changed, by, after=before)["operators"]["edges"]
        assert len(found) == noticed, by

    for by, own in ((ANNA, True), (BO, False), (CHINA, False), (AUDITOR, False)):
        nodes = [edge["node"] for edge in counter.ask(OPEN, by)["proposals"]["edges"]]
        [found] = [node for node in nodes if node["proposal"] == revoke["proposal"]]
        assert found["isOwn"] is own and found["state"] == "OPEN"
        assert found["command"] == "revoke_authorisation"
        assert found["input"] == {"tin": tin, "reason": "fraud"}
        states = [
            each["state"] for each in counter.ask(OF_ACME, by, tin=tin)["operator"]["proposals"]
        ]
        assert states == ["OPEN", "CONFIRMED"]
    assert counter.ask(OPEN, "officer:KR")["proposals"]["edges"] == []
    for by in (KOREA, f"company:{tin}", None):
        assert counter.error(OPEN, by)["code"] == "FORBIDDEN"
    assert counter.error(OF_ACME, f"company:{tin}", tin=tin)["code"] == "FORBIDDEN"
    told = types(counter, tin, f"company:{tin}")
    assert told[-1] == "granted" and not [each for each in told if "propos" in each]


def test_two_clients_of_a_person_are_one_person_and_a_program_is_none(
    counter: Client, tmp_path: Path
) -> None:
    tin = applicant(counter)
    document = """mutation ($said: ConfirmProposalInput!) { confirmProposal(input: $said) {
      __typename ... on Refused { code } } }"""
    with issuing() as issuer:
        told = {"public_url": RESOURCE, "issuers": issuers_file(tmp_path, issuer.settings())}
        with Client(counter.database, counter.home, demo=False, **told) as served:

            def send(mutation: str, said: dict[str, Any], **claims: Any) -> Any:
                token = issuer.token(country="CN", scope="aeo-officer", **claims)
                body = {"query": mutation, "variables": {"said": said | {"tin": tin}}}
                headers = {"Authorization": f"Bearer {token}"}
                answer = served.request("POST", "/graphql", json=body, headers=headers).json()
                [outcome] = answer["data"].values()
                return outcome

            grant = """mutation ($said: GrantAuthorisationInput!) {
              grantAuthorisation(input: $said) { __typename ... on Refused { code } } }"""
            id = str(uuid4())
            given = {"commandId": id, "number": f"T{tin}", "legalGround": GROUND}
            assert send(grant, given, client_id="desk") == {
                "__typename": "Refused",
                "code": "PERSON_NEEDED",
            }
            first = {"sub": "anna@desk", "client_id": "desk", "employee": "17"}
            assert send(grant, given, **first)["__typename"] == "Proposed"
            for claims, code in (
                ({"sub": "anna@phone", "client_id": "phone", "employee": "17"}, "OWN_PROPOSAL"),
                ({"sub": "robot", "client_id": "robot"}, "PERSON_NEEDED"),
                ({"sub": "bo@desk", "client_id": "desk", "employee": "18"}, None),
            ):
                confirmed = send(document, {"commandId": str(uuid4()), "proposal": id}, **claims)
                assert confirmed.get("code") == code


def test_pages_show_what_waits_to_officers_and_to_nobody_else(counter: Client) -> None:
    tin = holder(counter)
    counter.tell("annulAuthorisation", ANNA, tin=tin, legalGround=GROUND, reason="<forged>")
    Projector(counter.database).catch_up()
    granted = """query ($tin: TIN!) { operator(tin: $tin) { history(first: 9) {
      edges { node { type position } } } } }"""
    edges = counter.ask(granted, ANNA, tin=tin)["operator"]["history"]["edges"]
    position = next(e["node"]["position"] for e in edges if e["node"]["type"].endswith("granted"))
    fields = {"position": position, "what": {"valid_until": "2031-01-01"}, "why": "misread"}
    assert counter.tell("correctRecord", ANNA, tin=tin, **fields)["__typename"] == "Proposed"
    Projector(counter.database).catch_up()

    def opened(path: str, by: str) -> Any:
        cookie = f"{COOKIE}={issue(by, counter.home)}"
        return counter.request("GET", path, headers={"cookie": cookie})

    for path in ("/proposals", f"/operators/{tin}?tab=all"):
        found = opened(path, BO).text
        assert "annul authorisation" in found and "waits for a second person" in found
        assert "&lt;forged&gt;" in found and "<forged>" not in found
        assert "valid until: 2031-01-01" in found and "&#39;valid_until" not in found
        assert "waits for a second person, not you" in opened(path, ANNA).text
    assert opened("/proposals", f"company:{tin}").status_code == 403
    assert "annul" not in opened(f"/operators/{tin}?tab=all", f"company:{tin}").text


def test_of_two_officers_who_confirm_at_once_one_is_told_of_the_other(
    counter: Client, registry: Registry
) -> None:
    tins = [holder(counter) for _ in range(4)]
    others = [Registry(environment(counter.database)) for _ in range(2)]
    for tin in tins:
        proposal = counter.tell("revokeAuthorisation", ANNA, tin=tin, reason="fraud")["proposal"]

        def send(place: int, tin: str = tin, proposal: str = proposal) -> str:
            command = c.read(
                {"command": "confirm_proposal", "tin": tin, "proposal": proposal}
                | {"command_id": str(uuid4())}
            )
            try:
                others[place].execute(command, f"o{place}", person=f"person-{place}")
            except ProposalClosed:
                return "told"
            return "recorded"

        with ThreadPoolExecutor(2) as threads:
            assert sorted(threads.map(send, range(2))) == ["recorded", "told"]
        assert types(counter, tin)[-2:] == ["proposal_confirmed", "revoked"]
    for each in others:
        each.close()


def test_what_the_file_no_longer_allows_is_refused_and_the_proposal_stays(counter: Client) -> None:
    tin = holder(counter)
    revoke = counter.tell("revokeAuthorisation", ANNA, tin=tin, reason="fraud")
    counter.tell("surrenderAuthorisation", CHINA, tin=tin)

    refused = confirm(counter, tin, revoke["proposal"])

    assert refused["code"] == "WRONG_STATUS" and refused["path"] == ["proposal"]
    assert "revoke_authorisation cannot be recorded as it was proposed" in refused["message"]
    withdrawn = counter.tell("withdrawProposal", ANNA, tin=tin, proposal=revoke["proposal"])
    assert withdrawn["__typename"] == "Recorded"


def test_an_erasure_destroys_nothing_before_the_second_person(counter: Client) -> None:
    # A company's own persons are of a programme where it has an authorisation.
    counter.tell("lodgeApplication", CHINA, tin=ACME, programme="CN-AEO", type="ADVANCED")
    person = name_person(counter)
    question = """query ($tin: TIN!) { operator(tin: $tin) { contacts {
      person particulars { name } } } }"""

    def particulars() -> Any:
        Projector(counter.database).catch_up()
        found = counter.ask(question, CHINA, tin=ACME)["operator"]["contacts"]
        return next(each["particulars"] for each in found if each["person"] == person.id)

    said = {"tin": ACME, "person": person.id, "ground": "GDPR Art. 17"}
    assert counter.tell("erasePerson", CHINA, **said)["code"] == "PERSON_NEEDED"
    done = CliRunner().invoke(
        app,
        ["erase", person.id, "--ground", "GDPR Art. 17", "--home", str(counter.home)],
        env={"DATABASE_URL": counter.database},
    )
    assert done.exit_code != 0
    proposed = counter.tell("erasePerson", ANNA, **said)
    assert proposed["__typename"] == "Proposed"
    assert particulars() == {"name": person.who["name"]}
    with psycopg.connect(counter.database) as connection:
        stored = connection.execute("select state from ledger.event").fetchall()
    assert not [mark for mark in person.markers for (state,) in stored if mark.decode() in state]

    outcome = confirm(counter, ACME, proposed["proposal"])

    assert [event["type"] for event in outcome["events"]][-1] == "operator.person_erased"
    assert particulars() is None


def test_no_door_records_alone_what_needs_two(
    counter: Client, registry: Registry, tmp_path: Path
) -> None:
    """Files, the register's own programs and whole histories; the API is above."""
    tin = holder(counter)
    lines = [
        {"command": "revoke_authorisation", "tin": tin, "reason": "fraud"},
        {"command": "annul_authorisation", "tin": tin, "legal_ground": GROUND},
    ]
    for line in lines:
        with pytest.raises(PersonNeeded, match="needs two persons by the rules of CN-AEO"):
            registry.execute(c.read(line), "clerk")
        file = tmp_path / "lines.jsonl"
        file.write_text(json.dumps(line))
        report = import_file(counter.database, file, actor="import")
        assert report.events == 0 and "needs two persons" in report.bad[0].found
        assert report.bad[0].field == "command"
        assert "since 2026-03-01, and this is of 20" in report.bad[0].found
        assert "another person then confirms it" in report.bad[0].cure
    assert types(counter, tin)[-1] == "granted"


def history(tin: str, registry: Registry, days: int) -> History:
    """An operator that another register granted something that many days ago."""
    known = datetime.now(UTC) - timedelta(days=days)
    past = {"known_at": known, "legal_ground": GROUND, "effective": known.date()}
    facts = registry._references.no_older_than()
    aggregate: Any = None
    for command in (
        c.RegisterOperator(tin=Tin(tin), name_="Old", **past),
        c.LodgeApplication(tin=Tin(tin), programme="CN-AEO", type="ADVANCED", **past),
        c.AcceptApplication(tin=Tin(tin), **past),
        c.GrantAuthorisation(tin=Tin(tin), number=f"H{tin}", **past),
    ):
        aggregate = registry.decide_on(aggregate, command, facts=facts, person=None)
    return History(aggregate, [known] * len(aggregate.pending_events), uuid4(), "loader")


def test_what_was_decided_before_the_rule_is_imported_by_one(
    counter: Client, registry: Registry, tmp_path: Path
) -> None:
    tin = f"CN{next(_numbers)}000"
    before = {"known_at": "2025-06-01T02:00:00Z", "effective": "2025-06-01", "legal_ground": GROUND}
    lines = [
        {"command": "register_operator", "tin": tin, "name": "Old"},
        {"command": "lodge_application", "tin": tin, "programme": "CN-AEO", "type": "ADVANCED"},
        {"command": "accept_application", "tin": tin},
        {"command": "grant_authorisation", "tin": tin, "number": f"OLD{tin}"},
    ]
    late = {"known_at": "2026-03-01T02:00:00Z", "effective": "2026-03-01"}
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(json.dumps(line | before) for line in lines[:3]))
    with file.open("a") as last:
        last.write("\n" + json.dumps(lines[3] | before | late))
    report = import_file(counter.database, file, actor="import")
    [refused] = report.bad
    assert (report.events, refused.line, refused.field) == (0, 4, "known_at")
    assert "by the rules of CN-AEO since 2026-03-01, and this is of 2026-03-01" in refused.found
    assert "say in known_at when it was known, if that was before the rule" in refused.cure
    file.write_text("\n".join(json.dumps(line | before) for line in lines))
    report = import_file(counter.database, file, actor="import")
    assert not report.bad and report.events == 4
    # A command that the rule does not name is taken, whenever it was known.
    suspended = {"command": "suspend_authorisation", "tin": tin, "reason": "an examination"}
    file.write_text(json.dumps(suspended | before | late))
    report = import_file(counter.database, file, actor="import")
    assert not report.bad and report.events == 1

    old = history(f"CN{next(_numbers)}000", registry, 600)
    now = [datetime.now(UTC)] * len(old.known)
    with pytest.raises(PersonNeeded, match="CN-AEO wants a second person since 2026-03-01"):
        record_histories(registry, [History(old.operator, now, uuid4(), "loader")])
    old = history(old.operator.tin.text, registry, 600)
    assert record_histories(registry, [old])


def test_no_erasure_and_no_surrender_since_the_rule_comes_in_with_a_history(
    counter: Client, registry: Registry, tmp_path: Path
) -> None:
    """Whose own act the event is does not matter: its customs may record either alone."""
    rule = {"programme": "CN-AEO", "rule": "second_person", "effective": "2026-03-01"}
    stricter = f"{RULE}+surrender_authorisation"
    outcome = counter.tell("setRule", CHINA, **rule, value=stricter, source="an order")
    assert outcome["__typename"] == "Recorded", outcome
    facts, now = registry._references.no_older_than(), datetime.now(UTC)
    person = name_person(counter)
    for command in (
        c.ErasePerson(tin=Tin(ACME), person=person.id, ground="GDPR Art. 17"),
        c.SurrenderAuthorisation(tin=Tin(ACME), legal_ground=GROUND),
    ):
        tin = Tin(f"CN{next(_numbers)}000")
        old = history(tin.text, registry, 600)
        if isinstance(command, c.ErasePerson):
            named = c.NameContact(
                tin=tin,
                person=command.person,
                role=ContactRole.CUSTOMS_CONTACT,
                commitment="00" * 32,
            )
            registry.decide_on(old.operator, replace(named, known_at=old.known[0]), facts=facts)
        known = [old.known[0]] * len(old.operator.pending_events)
        late = replace(command, tin=tin, known_at=datetime(2026, 2, 28, tzinfo=UTC))
        registry.decide_on(old.operator, late, facts=facts)
        known += [now] * (len(old.operator.pending_events) - len(known))
        with pytest.raises(PersonNeeded, match="CN-AEO wants a second person since 2026-03-01"):
            record_histories(registry, [History(old.operator, known, uuid4(), "loader")])
        assert not registry.recorder.select_events(old.operator.id, limit=1)


def test_a_company_withdraws_the_erasure_it_proposed_and_knows_of_no_other_proposal(
    counter: Client,
) -> None:
    counter.tell("lodgeApplication", CHINA, tin=ACME, programme="CN-AEO", type="ADVANCED")
    company = f"company:{ACME}"
    eva = f"{company}/eva"
    person = name_person(counter)
    said = {"tin": ACME, "person": person.id, "ground": "GDPR Art. 17"}
    proposed = counter.tell("erasePerson", eva, **said)
    assert proposed["__typename"] == "Proposed", proposed
    customs = counter.tell("erasePerson", ANNA, **said | {"person": name_person(counter).id})[
        "proposal"
    ]

    nothing = counter.tell("withdrawProposal", eva, tin=ACME, proposal=str(uuid4()))
    for by, proposal in (
        (eva, customs),
        (f"{company}/jo", proposed["proposal"]),
        (company, customs),
    ):
        hidden = counter.tell("withdrawProposal", by, tin=ACME, proposal=proposal)
        assert hidden["code"] == nothing["code"] == "UNKNOWN_PROPOSAL"
        assert hidden["message"].split()[:-1] == nothing["message"].split()[:-1]
    done = counter.tell("withdrawProposal", eva, tin=ACME, proposal=proposed["proposal"])
    assert done["__typename"] == "Recorded"
    assert confirm(counter, ACME, proposed["proposal"])["code"] == "PROPOSAL_CLOSED"
    for name in ("confirmProposal", "rejectProposal"):
        rest = {"reason": "no"} if name == "rejectProposal" else {}
        found = counter.tell(name, eva, tin=ACME, proposal=customs, **rest)
        assert found["code"] == "FORBIDDEN"


def test_versions_tell_a_company_nothing_of_what_its_customs_proposes(counter: Client) -> None:
    tin = holder(counter)
    company = f"company:{tin}"
    consent = {"tin": tin, "publication": True}

    def versions(by: str) -> list[int]:
        Projector(counter.database).catch_up()
        edges = counter.ask(TYPES, by, tin=tin)["operator"]["history"]["edges"]
        return [edge["node"]["version"] for edge in edges]

    shown = versions(company)
    assert shown == list(range(1, len(shown) + 1)) and len(versions(CHINA)) == len(shown) + 2
    proposed = counter.tell("revokeAuthorisation", ANNA, tin=tin, reason="fraud")
    assert versions(company) == shown
    stale = counter.tell("giveConsent", company, expectedVersion=len(shown) - 1, **consent)
    assert stale["code"] == "STALE_VERSION" and f"version {len(shown)}:" in stale["message"]
    said = {"expectedVersion": len(shown), "commandId": str(uuid4()), **consent}
    given = counter.tell("giveConsent", company, **said)
    assert given["__typename"] == "Recorded", given
    document = """mutation ($input: ConsentInput!) { giveConsent(input: $input) {
      ... on Recorded { version events { version } } } }"""
    again = counter.ask(document, company, input=said)["giveConsent"]
    assert again == {"version": len(shown) + 1, "events": [{"version": len(shown) + 1}]}
    # Its customs counts all of them.
    late = counter.tell(
        "confirmProposal", BO, tin=tin, proposal=proposed["proposal"], expectedVersion=len(shown)
    )
    assert late["code"] == "STALE_VERSION"


def test_what_concerns_no_operator_is_proposed_and_confirmed_at_every_door(
    counter: Client, registry: Registry, tmp_path: Path
) -> None:
    required = counter.tell(
        "requireSecondPerson", ANNA, administration="CN", commands=["set_types"]
    )
    assert required["__typename"] == "Recorded", required
    types_set = {"programme": "CN-AEO", "types": ["ADVANCED", "GENERAL"], "source": "an order"}
    file = tmp_path / "lines.jsonl"
    file.write_text(json.dumps({"command": "set_types"} | types_set))
    report = import_file(counter.database, file, actor="import")
    assert report.events == 0 and "needs two persons" in report.bad[0].found
    assert counter.tell("setTypes", CHINA, **types_set)["code"] == "PERSON_NEEDED"

    proposed = counter.tell("setTypes", ANNA, **types_set)

    assert proposed["__typename"] == "Proposed" and proposed["programme"] == "CN"
    Projector(counter.database).catch_up()
    waiting = """{ administrationProposals { edges { node {
      administration command input state isOwn proposal } } } }"""
    for by, own in ((ANNA, True), (BO, False), (AUDITOR, False)):
        edges = counter.ask(waiting, by)["administrationProposals"]["edges"]
        assert edges[0]["node"] == {
            "administration": "CN",
            "command": "set_types",
            "input": types_set,
            "state": "OPEN",
            "isOwn": own,
            "proposal": proposed["proposal"],
        }
    assert counter.ask(waiting, "officer:KR")["administrationProposals"]["edges"] == []
    assert counter.error(waiting, KOREA)["code"] == "FORBIDDEN"
    # The law is public, and what is only proposed is not, nor that there is a gap.
    stream = Administration.create_id(AdministrationCode("CN"))
    log = f"""{{ events(filter: {{ stream: "{stream}" }}, first: 100) {{
      edges {{ node {{ type version }} }} }} }}"""
    for by, sees in ((ANNA, True), (AUDITOR, True), (KOREA, False), ("officer:KR", False)):
        own = [edge["node"] for edge in counter.ask(log, by)["events"]["edges"]]
        kinds = {node["type"] for node in own}
        assert ("administration.decision_proposed" in kinds) is sees, by
        assert [node["version"] for node in own] == list(range(1, len(own) + 1))
    cookie = f"{COOKIE}={issue(BO, counter.home)}"
    page = counter.request("GET", "/proposals", headers={"cookie": cookie}).text
    assert "set types" in page and "ADVANCED, GENERAL" in page
    said = {"administration": "CN", "proposal": proposed["proposal"]}
    for by, code in ((ANNA, "OWN_PROPOSAL"), ("officer:KR/kim", "FORBIDDEN")):
        assert counter.tell("confirmAdministrationProposal", by, **said)["code"] == code
    outcome = counter.tell("confirmAdministrationProposal", BO, **said)
    assert [event["type"] for event in outcome["events"]] == [
        "administration.proposal_confirmed",
        "programme.types_set",
    ]
    looser = counter.tell(
        "requireSecondPerson", ANNA, administration="CN", commands=[], effective="2099-01-01"
    )
    assert looser["__typename"] == "Proposed"
    assert all(found.good for found in check(counter.database))


def test_no_event_that_needs_two_persons_is_there_without_them(counter: Client) -> None:
    """Whatever the tests of this file did: each such event since the rule follows a confirmation of
    two persons, in the same command."""
    named = {kind.TOPIC for kind, name in COMMAND_OF_EVENT.items() if name in RULE.split("+")}
    with psycopg.connect(counter.database) as connection:
        rows = connection.execute(
            "select e.topic, e.known_at >= '2026-03-01', b.topic, b.state::jsonb, e.state"
            " from ledger.event e left join ledger.event b on b.originator_id = e.originator_id"
            " and b.originator_version = e.originator_version - 1"
            " and b.position = e.position - 1 where e.topic = any(%s)",
            [sorted(named)],
        ).fetchall()
    assert {row[0] for row in rows} >= {"operator.granted", "operator.revoked"}
    for topic, is_since, before, state, _ in rows:
        if is_since:
            assert before == "operator.proposal_confirmed", topic
            assert state["proposer"] != state["confirmer"]


def test_rebuild_and_check_know_proposals(counter: Client) -> None:
    Projector(counter.database).catch_up()
    question = "select * from views.proposal order by tin, proposal"
    with psycopg.connect(counter.database, autocommit=True) as connection:
        before = connection.execute(question).fetchall()
        assert {row[8] for row in before} >= {"OPEN", "CONFIRMED", "WITHDRAWN"}
    rebuild(counter.database)
    with psycopg.connect(counter.database, autocommit=True) as connection:
        assert connection.execute(question).fetchall() == before
        assert all(found.good for found in check(counter.database))
        connection.execute("update views.proposal set state = 'OPEN', recorded_to = null")
        assert not all(found.good for found in check(counter.database))


def test_a_company_is_told_nothing_of_the_same_proposal_of_another_person(counter: Client) -> None:
    """A company repeats a command for which another person has made a proposal that the company may
    not read. The mutation, the preview of the form and the recording form do not mention that
    proposal. A person who made a proposal gets its id."""
    counter.tell("lodgeApplication", CHINA, tin=ACME, programme="CN-AEO", type="ADVANCED")
    company = f"company:{ACME}"
    said = {"tin": ACME, "person": name_person(counter).id, "ground": "GDPR Art. 17"}
    known = [counter.tell("erasePerson", ANNA, **said)["proposal"]]

    for by in (f"{company}/kim", f"{company}/lee"):
        first = counter.tell("erasePerson", by, **said)
        assert first["__typename"] == "Proposed" and first["proposal"] not in known, first
        again = counter.tell("erasePerson", by, **said)
        assert again["code"] == "ALREADY_RECORDED" and first["proposal"] in again["message"]
        assert not any(each in again["message"] for each in known)
        known.append(first["proposal"])
    officer = counter.tell("erasePerson", BO, **said)
    assert officer["code"] == "ALREADY_RECORDED" and known[0] in officer["message"]

    cookie = {"cookie": f"{COOKIE}={issue(f'{company}/sam', counter.home)}"}
    typed = {"person": said["person"], "ground": said["ground"], "command_id": str(uuid4())}
    path = f"/operators/{ACME}/erase-person"
    check = counter.send(path, typed | {"step": "check"}, headers=cookie)
    assert check.status_code == 200 and "Propose it" in check.text, check.text
    last = typed | {"step": "record", "confirm": ACME}
    assert counter.send(path, last, headers=cookie).status_code == 303
    for shown in (check, counter.send(path, last, headers=cookie)):
        assert not any(each in shown.text for each in known)
