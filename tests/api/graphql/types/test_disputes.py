"""Disputes at the counter: who opens, who answers, who reads of it, and that nobody else does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from api.access import policy
from projections.checking.check import check
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from registry.application.registry import Registry
from registry.ledger.database import environment
from tests.api.client import AUDITOR, CHINA, KOREA, Client, record
from tests.projections.reads.test_row_security import _reading, _unfiltered

SINGAPORE = "partner:SG"
OF = """query ($tin: TIN!) { operator(tin: $tin) { standing disputes {
  dispute openedBy isOwn kind statement event receipt territory state answerDue overdue answer
  closedAt reason } } }"""
OPEN = "{ disputes(first: 100) { edges { node { dispute tin isOwn state answerDue overdue } } } }"
RECOGNISED = 'query ($tin: TIN!) { recognition(tin: $tin, in: "KR") { outcome } }'
_numbers = count(6000000)


@pytest.fixture(scope="module", autouse=True)
def in_force(counter: Client) -> None:
    """China and Korea recognise each other, and Singapore sees China's operators, too."""
    registry = Registry(environment(counter.database))
    sg = {"command": "register_administration", "administration": "SG"}
    record(registry, [sg | {"name": "Customs of Singapore", "time_zone": "Asia/Singapore"}])
    for partner, id in (("KR", "CN-KR-AEO"), ("SG", "CN-SG-AEO")):
        agreement = {"agreement": id, "effective": "2014-04-01", "source": "a notice"}
        if partner == "SG":
            record(
                registry,
                [
                    {
                        "command": "propose_agreement",
                        "id": id,
                        "kind": "AEO_MUTUAL_RECOGNITION",
                        "title": "China and Singapore",
                        "parties": ["CN", "SG"],
                        "effective": "2013-01-01",
                        "source": "a notice",
                    }
                ],
            )
        scope = {"command": "set_scope", **agreement, "types": ["*"]}
        record(registry, [scope | {"from": "CN", "to": partner}])
        record(
            registry,
            [
                {"command": "implement_agreement", "side": side, **agreement}
                for side in ("CN", partner)
            ],
        )
    registry.close()


def holder(counter: Client) -> str:
    tin = f"CN{next(_numbers)}000"
    counter.tell("registerOperator", CHINA, tin=tin, name="Holder", roles=[])
    counter.tell("lodgeApplication", CHINA, tin=tin, programme="CN-AEO", type="ADVANCED")
    counter.tell("acceptApplication", CHINA, tin=tin)
    granted = counter.tell(
        "grantAuthorisation", CHINA, tin=tin, number=f"AEO{tin}", legalGround="Order 282"
    )
    assert granted["__typename"] == "Recorded", granted
    Projector(counter.database).catch_up()
    return tin


def dispute(counter: Client, tin: str, by: str, **other: Any) -> dict[str, Any]:
    said = {"kind": "NOT_US", "statement": "This is not the firm.", **other}
    found = counter.tell("openDispute", by, tin=tin, **said)
    Projector(counter.database).catch_up()
    return found


def of(counter: Client, tin: str, by: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = counter.ask(OF, by, tin=tin)["operator"]["disputes"]
    return found


def listed(counter: Client, by: str) -> set[str]:
    return {edge["node"]["dispute"] for edge in counter.ask(OPEN, by)["disputes"]["edges"]}


def test_a_partner_disputes_and_home_answers_and_closes(counter: Client) -> None:
    tin, receipt = holder(counter), str(uuid4())
    before = counter.ask(RECOGNISED, KOREA, tin=tin)

    opened = dispute(counter, tin, KOREA, receipt=receipt)

    [event] = opened["events"]
    assert event["type"] == "operator.dispute_opened" and event["payload"]["opened_by"] == "KR"
    assert opened["version"] == 0  # it learns no version of another administration's file
    [shown] = of(counter, tin, KOREA)
    id = shown["dispute"]
    assert (shown["isOwn"], shown["state"], shown["receipt"]) == (True, "OPEN", receipt)
    assert shown["answerDue"] and shown["overdue"] is False
    counter.tell("answerDispute", CHINA, tin=tin, dispute=id, answer="We ask the firm.")
    counter.tell("closeDispute", CHINA, tin=tin, dispute=id, outcome="REJECTED", reason="It is.")
    Projector(counter.database).catch_up()
    [shown] = of(counter, tin, KOREA)
    assert (shown["state"], shown["answer"]) == ("REJECTED", "We ask the firm.")
    assert shown["reason"] == "It is." and shown["closedAt"]
    late = counter.tell("withdrawDispute", KOREA, tin=tin, dispute=id)
    assert (late["code"], late["path"]) == ("DISPUTE_CLOSED", ["dispute"])
    assert counter.ask(RECOGNISED, KOREA, tin=tin) == before


def test_who_is_not_concerned_reads_of_no_dispute(counter: Client) -> None:
    tin = holder(counter)
    company = f"company:{tin}"
    own = dispute(counter, tin, company, statement="We are another firm.")["events"][0]
    foreign = dispute(counter, tin, KOREA)["events"][0]
    ids = {each["payload"]["dispute"] for each in (own, foreign)}

    for by in (company, CHINA, AUDITOR):
        assert {each["dispute"] for each in of(counter, tin, by)} == ids
        assert ids <= listed(counter, by)
    for by in (KOREA, "officer:KR"):
        assert [each["openedBy"] for each in of(counter, tin, by)] == ["KR"]
        assert ids & listed(counter, by) == {foreign["payload"]["dispute"]}
    for by in (SINGAPORE, "officer:SG"):
        assert of(counter, tin, by) == [] and not ids & listed(counter, by)
    assert not ids & listed(counter, f"company:{holder(counter)}")
    assert counter.error(OPEN)["code"] == "FORBIDDEN"
    history = "query ($tin: TIN!) { operator(tin: $tin) { history { edges { node { type } } } } }"
    assert counter.error(history, KOREA, tin=tin)["code"] == "FORBIDDEN"


def test_each_gives_only_the_commands_that_are_its_own(counter: Client) -> None:
    tin = holder(counter)
    company = f"company:{tin}"
    opened = dispute(counter, tin, KOREA)["events"][0]["payload"]["dispute"]
    answer = {"tin": tin, "dispute": opened, "answer": "Yes."}

    for by in (KOREA, company, AUDITOR, SINGAPORE, "officer:KR"):
        assert counter.tell("answerDispute", by, **answer)["code"] == "FORBIDDEN", by
    assert counter.tell("withdrawDispute", company, tin=tin, dispute=opened)["code"] == (
        "OTHERS_DISPUTE"
    )
    unknown = counter.tell("withdrawDispute", SINGAPORE, tin=tin, dispute=opened)
    assert unknown["code"] == "UNKNOWN_DISPUTE"
    done = counter.tell("withdrawDispute", KOREA, tin=tin, dispute=opened)
    assert done["__typename"] == "Recorded" and done["version"] == 0


def test_home_withdraws_only_what_it_opened_in_the_name_of_the_operator(counter: Client) -> None:
    tin = holder(counter)
    company = f"company:{tin}"
    [own] = dispute(counter, tin, company)["events"]
    [for_it] = dispute(counter, tin, CHINA, statement="The firm wrote to us.")["events"]
    ids = [each["payload"]["dispute"] for each in (own, for_it)]

    assert [each["isOwn"] for each in of(counter, tin, company)] == [True, True]
    assert [each["isOwn"] for each in of(counter, tin, CHINA)] == [True, False]  # the latest first
    others = counter.tell("withdrawDispute", CHINA, tin=tin, dispute=ids[0])
    assert (others["code"], others["path"]) == ("OTHERS_DISPUTE", ["dispute"])
    assert f"{tin} opened it itself" in others["message"]
    for by, id in ((CHINA, ids[1]), (company, ids[0])):
        assert counter.tell("withdrawDispute", by, tin=tin, dispute=id)["__typename"] == "Recorded"


def test_of_what_a_partner_does_not_see_it_learns_nothing(counter: Client) -> None:
    """Australia has no agreement with China: a firm that is there is as one that is not."""
    tin = holder(counter)
    said = {"kind": "NOT_US", "statement": "Not the firm."}

    hidden = counter.tell("openDispute", "partner:AU", tin=tin, **said)
    absent = counter.tell("openDispute", "partner:AU", tin="CN9999999999", **said)

    assert hidden["code"] == absent["code"] == "UNKNOWN_OPERATOR"
    assert hidden["message"].replace(tin, "X") == absent["message"].replace("CN9999999999", "X")
    version = counter.tell("openDispute", KOREA, tin=tin, expectedVersion=4, **said)
    assert (version["code"], version["path"]) == ("BAD_VALUE", ["expectedVersion"])
    event = counter.tell("openDispute", KOREA, tin=tin, position=4, **said)
    assert (event["code"], event["path"]) == ("BAD_VALUE", ["position"])


def test_a_dispute_names_an_event_of_its_own_operator(counter: Client) -> None:
    tin, other = holder(counter), holder(counter)
    said = {"kind": "WRONG_RECORD", "statement": "The number is wrong."}
    granted = counter.ask(
        "query ($tin: TIN!) { operator(tin: $tin) { history(first: 100) {"
        " edges { node { type position } } } } }",
        CHINA,
        tin=tin,
    )["operator"]["history"]["edges"][-1]["node"]

    wrong = dispute(counter, other, f"company:{other}", position=granted["position"], **said)
    assert (wrong["code"], wrong["path"]) == ("UNKNOWN_POSITION", ["position"])
    right = dispute(counter, tin, f"company:{tin}", position=granted["position"], **said)
    assert right["__typename"] == "Recorded"


def test_a_rebuild_gives_the_same_disputes_and_a_check_finds_no_fault(counter: Client) -> None:
    tin = holder(counter)
    id = dispute(counter, tin, KOREA)["events"][0]["payload"]["dispute"]
    counter.tell("answerDispute", CHINA, tin=tin, dispute=id, answer="We look into it.")
    Projector(counter.database).catch_up()
    before = rows(counter.database)

    rebuild(counter.database)

    assert rows(counter.database) == before and len(before) > 4
    assert all(found.good for found in check(counter.database))


def rows(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute("select t.* from views.dispute t order by t.position").fetchall()


def test_the_database_lets_through_what_the_counter_shows(counter: Client) -> None:
    """Row-level security, asked for every row of the table, without the service's own condition."""
    tin = holder(counter)
    own = dispute(counter, tin, f"company:{tin}")["events"][0]["payload"]["dispute"]
    foreign = dispute(counter, tin, KOREA)["events"][0]["payload"]["dispute"]
    seen = {
        CHINA: {own, foreign},
        AUDITOR: {own, foreign},
        f"company:{tin}": {own, foreign},
        KOREA: {foreign},
        "officer:KR": {foreign},
        SINGAPORE: set(),
        "company:CN9999999999": set(),
        None: set(),
    }

    with _reading(counter.database) as reader:
        for by, ids in seen.items():
            subject = policy.named(by) if by else policy.PUBLIC
            if by == CHINA:
                subject = replace(subject, own=frozenset({subject.administration}))
            statement = f"select t.dispute::text from views.dispute t where t.tin = '{tin}'"
            assert _unfiltered(reader, subject, datetime.now(UTC), statement) == ids, by
        assert _unfiltered(reader, None, datetime.now(UTC), statement) == set()
