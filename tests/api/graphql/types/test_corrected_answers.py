"""What was really answered, and to whom: kept with the question, and told to whom it concerns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.api.client import AUDITOR, Client
from tests.api.region import FRUIT, OPEN, QUIET, STEEL, operator, record

LIST = """query ($in: AdministrationCode!, $from: DateTime!, $to: DateTime!, $first: Int = 50,
               $after: String) {
  correctedAnswers(in: $in, from: $from, to: $to, first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    edges { node { tin in at askedAt askedBy purpose consignment answered correct position
      because { position type legalGround payload } } } } }"""
ONE = """query ($tin: TIN!, $in: AdministrationCode!, $at: DateTime, $known: DateTime) {
  recognition(tin: $tin, in: $in, asOf: {at: $at, knownAt: $known}) { outcome } }"""
NEW = "KR55555555"


@pytest.fixture
def small(region_register: str, tmp_path: Path) -> Iterator[Client]:
    today = datetime.now(UTC).date()
    new = operator(NEW, "Synthetic Young", "KR-AEO", "AA", "KRAEO5555", f"{today - timedelta(9)}")
    record(region_register, *new)
    with Client(region_register, tmp_path) as client:
        listens(client)
        yield client


def listens(at: Client) -> None:
    """Waits until the counter knows how far the read models are."""
    for _ in range(200):
        if at.service.read_model_position.position:
            return
        at.ask("{ viewer { role } }")
        time.sleep(0.02)


def told(at: Client, by: str, territory: str = "CN", **said: Any) -> list[dict[str, Any]]:
    return [edge["node"] for edge in page(at, by, territory, **said)["edges"]]


def page(at: Client, by: str, territory: str = "CN", **said: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    window = {"from": (now - timedelta(30)).isoformat(), "to": (now + timedelta(30)).isoformat()}
    found = at.ask(LIST, by, **{"in": territory}, **window, **said)["correctedAnswers"]
    assert isinstance(found, dict)
    return found


def kept(at: Client, questions: int) -> list[tuple[Any, ...]]:
    """The questions in the log of looks, once they are all there."""
    with psycopg.connect(at.database, autocommit=True) as connection:
        for _ in range(200):
            rows = connection.execute(
                "select operation, tins, territory, outcomes, consignment, position, law_at,"
                " known_at, at from access.read_log where territory is not null order by number"
            ).fetchall()
            if len(rows) >= questions:
                return rows
            at.ask("{ viewer { role } }")
            time.sleep(0.05)
    raise AssertionError(f"{len(rows)} of {questions} looks are kept")


def suspended(at: Client, days_ago: int = 2) -> None:
    """Suspended by the home customs with effect from a day that is past."""
    day = datetime.now(UTC).date() - timedelta(days_ago)
    record(
        at.database,
        {
            "command": "suspend_authorisation",
            "tin": NEW,
            "reason": "late books",
            "effective": day.isoformat(),
            "legal_ground": "Art. 4",
        },
    )


def test_what_a_partner_was_told_and_would_not_be_told_any_more_is_listed(small: Client) -> None:
    small.post(ONE, "partner:CN", {"Purpose": "declaration 42"}, tin=NEW, **{"in": "CN"})
    kept(small, 1)
    assert told(small, AUDITOR) == []  # it is still the answer
    suspended(small)

    [entry] = told(small, AUDITOR)
    assert (entry["tin"], entry["in"], entry["answered"], entry["correct"]) == (
        NEW,
        "CN",
        "RECOGNISED",
        "NOT_RECOGNISED",
    )
    assert (entry["askedBy"], entry["purpose"], entry["at"]) == (
        "partner:CN",
        "declaration 42",
        entry["askedAt"],
    )
    assert entry["because"]["type"] == "operator.suspended"
    assert entry["position"] == entry["because"]["position"] - 1


def test_the_reason_is_a_node_to_who_was_told_it(
    small: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is no divergence, because what was asked of was a consignment."""

    async def never(*about: Any) -> bool:
        return False

    monkeypatch.setattr("api.graphql.types.corrected_answers.is_cause_of_divergence", never)
    parts = "position type stream version legalGround payload"
    told = "because { position type legalGround payload }"
    ask = LIST.replace(told, f"because {{ id {parts} }}")
    node = f"query ($id: ID!) {{ node(id: $id) {{ id ... on Event {{ {parts} }} }} }}"
    at = (datetime.now(UTC) - timedelta(1)).isoformat()
    small.ask(ONE, "partner:CN", tin=NEW, **{"in": "CN"}, at=at)
    kept(small, 1)
    suspended(small)
    now = datetime.now(UTC)
    window = {"from": (now - timedelta(30)).isoformat(), "to": (now + timedelta(30)).isoformat()}
    edges = small.ask(ask, "partner:CN", **{"in": "CN"}, **window)["correctedAnswers"]["edges"]
    [because] = [edge["node"]["because"] for edge in edges]

    assert because["type"] == "operator.suspended" and because["legalGround"] == "REDACTED"
    assert small.ask(node, "partner:CN", id=because["id"])["node"] == because
    assert small.ask(node, "partner:AU", id=because["id"])["node"] is None


def test_what_nobody_asked_is_not_listed(small: Client) -> None:
    suspended(small)

    assert told(small, AUDITOR) == []


def test_each_hears_of_its_own_questions_and_the_home_customs_of_those_at_its_operators(
    small: Client,
) -> None:
    for by in ("partner:CN", "officer:CN", "officer:KR", AUDITOR, f"company:{NEW}"):
        small.ask(ONE, by, tin=NEW, **{"in": "CN"})
    kept(small, 2)  # an officer's daily work, an auditor's and a company's looks are not kept
    suspended(small)

    def subjects(by: str) -> list[str]:
        return [entry["askedBy"] for entry in told(small, by)]

    assert subjects(AUDITOR) == subjects("officer:KR") == ["partner:CN", "officer:CN"]
    assert subjects("partner:CN") == ["partner:CN", "officer:CN"]  # one administration
    for other in ("partner:KR", "partner:EU", "officer:EU", "officer:AU"):
        assert subjects(other) == []
    small_ = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    for nobody in (f"company:{NEW}", None):
        assert small.error(LIST, nobody, **{"in": "CN"}, **small_)["code"] == "FORBIDDEN"
    [mine, _] = told(small, "partner:CN")
    assert (mine["because"]["legalGround"], set(mine["because"]["payload"].values())) == (
        "REDACTED",
        {"REDACTED"},
    )


def test_who_is_hidden_since_is_hidden_here_too(small: Client) -> None:
    small.ask(ONE, "partner:CN", tin=OPEN, **{"in": "CN"})
    kept(small, 1)
    day = datetime.now(UTC).date() - timedelta(2)
    record(
        small.database,
        {
            "command": "withdraw_consent",
            "tin": OPEN,
            "partner": "CN",
            "effective": f"{day}",
            "legal_ground": "Art. 7 GDPR",
        },
    )

    assert [entry["correct"] for entry in told(small, AUDITOR)] == ["UNKNOWN"]
    assert told(small, "partner:CN") == []


def test_a_question_for_what_was_known_earlier_misled_nobody(small: Client) -> None:
    yesterday = (datetime.now(UTC) - timedelta(1)).isoformat()
    small.ask(ONE, "partner:CN", tin=NEW, known=yesterday, at=yesterday, **{"in": "CN"})
    kept(small, 1)
    suspended(small)

    assert told(small, AUDITOR) == []


@pytest.mark.parametrize("planner", [True, False])
def test_the_question_is_kept_as_it_was_asked_by_either_way_of_answering(
    region_register: str, tmp_path: Path, planner: bool
) -> None:
    """Kinds of question: one, many, with aliases and fragments, with a consignment, without the
    outcome, in a territory where nothing is told."""
    document = """
    query ($tin: TIN!, $tins: [TIN!]!, $at: DateTime!) {
      recognition(tin: $tin, in: CN, asOf: {at: $at}) { outcome }
      b: recognition(tin: $tin, in: CN, consignment: {hs: "0702", direction: IMPORT}) {
        ... on Recognition { said: outcome } }
      many: recognitions(tins: $tins, in: CN, asOf: {at: $at}) { ...it }
      quiet: recognition(tin: $tin, in: CN) { legal }
    }
    fragment it on Recognition { outcome tin }"""
    at = "2025-06-01T00:00:00Z"
    with Client(region_register, tmp_path, planner=planner) as small:
        listens(small)
        small.ask(document, "partner:CN", tin=STEEL, tins=[STEEL, OPEN, "KR99999999"], at=at)
        rows = kept(small, 4)

    by_name = [(row[0], row[1], row[2], row[3], row[4]) for row in rows]
    assert sorted(by_name, key=str) == sorted(
        [
            ("recognition", [STEEL], "CN", ["RECOGNISED"], None),
            (
                "recognition",
                [STEEL],
                "CN",
                ["NOT_RECOGNISED"],
                {"hs": "0702", "direction": "IMPORT"},
            ),
            (
                "recognitions",
                [STEEL, OPEN, "KR99999999"],
                "CN",
                ["RECOGNISED", "RECOGNISED", "UNKNOWN"],
                None,
            ),
            ("recognition", [STEEL], "CN", None, None),
        ],
        key=str,
    )
    with psycopg.connect(region_register) as connection:
        head = connection.execute("select max(position) from ledger.event").fetchone()
    assert {row[5] for row in rows} == set(head or ())
    for *_, law_at, known_at, asked_at in rows:
        assert known_at == asked_at
        assert law_at in (asked_at, datetime(2025, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize("planner", [True, False])
@pytest.mark.parametrize("selection", ["said: outcome", "tin ...it", "legal"])
def test_a_batch_of_declarations_is_one_look_that_keeps_each_as_it_was_asked(
    region_register: str, tmp_path: Path, planner: bool, selection: str
) -> None:
    document = """
    query ($all: [RecognitionQuestion!]!, $known: DateTime) {
      recognitionsOf(questions: $all, in: CN, knownAt: $known) {
        again: key answer: recognition { SELECTION } ... { refused { message } } } }
    fragment it on Recognition { outcome }"""
    document = document if "...it" in selection else document.split("fragment", maxsplit=1)[0]
    at = "2025-06-01T00:00:00Z"
    questions = [
        {"key": "1", "tin": STEEL, "at": at},
        {"key": "2", "tin": "no TIN", "at": at},
        {"key": "3", "tin": STEEL.lower(), "consignment": {"hs": "0702", "direction": "IMPORT"}},
        {"key": "4", "tin": OPEN, "at": "2018-06-01T00:00:00+08:00", "consignment": {}},
    ]
    with Client(region_register, tmp_path, planner=planner) as small:
        small.ask(document.replace("SELECTION", selection), "partner:CN", all=questions)
        [(operation, tins, territory, outcomes, *_)] = kept(small, 1)
        with psycopg.connect(region_register) as connection:
            connection.execute("set timezone = 'UTC'")
            [(law_at, law_ats, consignments, asked_at)] = connection.execute(
                "select law_at, law_ats, consignments, at from access.read_log"
            ).fetchall()

    assert (operation, tins, territory) == ("recognitionsOf", [STEEL, STEEL, OPEN], "CN")
    told = ["RECOGNISED", "NOT_RECOGNISED", "UNKNOWN"]
    assert outcomes == (None if selection == "legal" else told)
    assert law_at is None
    assert law_ats == [
        datetime(2025, 6, 1, tzinfo=UTC),
        asked_at,
        datetime(2018, 5, 31, 16, tzinfo=UTC),
    ]
    assert consignments == [None, {"hs": "0702", "direction": "IMPORT"}, None]


def test_an_answer_of_a_batch_that_would_be_another_today_is_told(small: Client) -> None:
    document = """query ($all: [RecognitionQuestion!]!) {
      recognitionsOf(questions: $all, in: CN) { recognition { outcome } } }"""
    at = datetime.now(UTC) - timedelta(1)
    goods = {"hs": "0702"}
    said = [
        {"key": "", "tin": NEW, "at": at.isoformat(), "consignment": goods},
        {"key": "", "tin": NEW, "at": "2016-01-01T00:00:00Z"},
    ]
    small.ask(document, "partner:CN", all=said)
    kept(small, 1)
    suspended(small)

    [found] = told(small, AUDITOR)
    assert (found["tin"], found["consignment"]) == (NEW, goods)
    assert datetime.fromisoformat(found["at"]) == at


@pytest.mark.parametrize("planner", [True, False])
def test_what_is_told_of_an_operator_wherever_it_may_be_recognised_is_kept_too(
    region_register: str, tmp_path: Path, planner: bool
) -> None:
    document = """
    query ($tins: [TIN!]!) {
      one: operator(tin: "KR22222222") { there: recognisedIn { in said: outcome } tin }
      operatorsByTin(tins: $tins) { ...it }
      nothing: operator(tin: "KR22222222") { recognisedIn { legal } }
    }
    fragment it on Operator { recognisedIn { in outcome } }"""
    with Client(region_register, tmp_path, planner=planner) as small:
        small.ask(document, "partner:CN", tins=["KR22222222", "FR4444444", OPEN])
        kept(small, 2 if planner else 3)  # an entry for each field, or for each operator
        with psycopg.connect(region_register) as connection:
            rows = connection.execute(
                "select t.tin, l.territory, t.outcome from access.read_log l"
                " cross join lateral unnest(l.tins, l.outcomes) as t (tin, outcome)"
                " where l.operation = 'recognisedIn' order by 1"
            ).fetchall()
            looks = connection.execute(
                "select operation, tins from access.read_log where operation <> 'recognisedIn'"
                " order by 1, 2"
            ).fetchall()

    assert rows == [
        (OPEN, "CN", "RECOGNISED"),
        (STEEL, "CN", "NOT_RECOGNISED"),
        (STEEL, "CN", "NOT_RECOGNISED"),
    ]
    assert looks == [
        ("operator", [STEEL]),
        ("operator", [STEEL]),
        ("operatorsByTin", [STEEL, "FR4444444", OPEN]),
    ]


def test_pages_follow_each_other_without_gap_or_repeat(small: Client) -> None:
    many = "query ($tins: [TIN!]!) { recognitions(tins: $tins, in: CN) { outcome } }"
    small.ask(many, "partner:CN", tins=[NEW, STEEL, NEW, OPEN])
    small.ask(many, "partner:CN", tins=[NEW])
    kept(small, 2)
    suspended(small)
    whole = told(small, AUDITOR)
    assert [entry["tin"] for entry in whole] == [NEW, NEW, NEW]

    pieces: list[dict[str, Any]] = []
    said: dict[str, Any] = {"first": 1}
    while True:
        piece = page(small, AUDITOR, **said)
        pieces += [edge["node"] for edge in piece["edges"]]
        if not piece["pageInfo"]["hasNextPage"]:
            break
        said["after"] = piece["pageInfo"]["endCursor"]
    assert pieces == whole


def test_a_look_at_a_persons_own_operators_says_nothing_of_others(small: Client) -> None:
    """A question about operators of two homes: each home customs hears of its own."""
    many = "query ($tins: [TIN!]!) { recognitions(tins: $tins, in: AU) { outcome } }"
    small.ask(many, "partner:AU", tins=[FRUIT, QUIET])
    kept(small, 1)
    day = datetime.now(UTC).date() - timedelta(2)
    record(
        small.database,
        *(
            {
                "command": "suspend_authorisation",
                "tin": tin,
                "reason": "late books",
                "effective": f"{day}",
                "legal_ground": "Art. 4",
            }
            for tin in (FRUIT, QUIET)
        ),
    )

    assert [entry["tin"] for entry in told(small, "officer:CN", "AU")] == [FRUIT, QUIET]
    assert told(small, "officer:KR", "AU") == []
