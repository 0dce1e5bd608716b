"""A batch of declarations: each question is answered as it would be alone, or refused alone."""

from __future__ import annotations

import random
from typing import Any

import pytest

from api.graphql.limits import BATCH_BODY, Documents
from api.graphql.schema import core
from tests.api.client import AUDITOR, CHINA, KOREA, Client
from tests.api.documents import INSTANTS, TINS
from tests.api.region import FRUIT, QUIET, STEEL, record, region

__all__ = ["region"]

VERDICT = (
    "tin in outcome legal operational reasons { code }"
    " bases { agreement { id } authorisation since }"
)
WHOLE = """tin in outcome legal operational at knownAt validFrom validTo
    reasons { code message facts { name value } }
    bases { authorisation since identifierScheme identifier declarationBox benefits assumed
        agreement { id status } }"""
BATCH = """
query ($questions: [RecognitionQuestion!]!, $in: AdministrationCode!, $knownAt: DateTime) {
    recognitionsOf(questions: $questions, in: $in, knownAt: $knownAt) {
        key tin recognition { SELECTION } refused { code message path } } }"""
ALONE = """
query ($tin: TIN!, $in: AdministrationCode!, $asOf: AsOf, $consignment: ConsignmentInput) {
    recognition(tin: $tin, in: $in, asOf: $asOf, consignment: $consignment) { SELECTION } }"""
AT, KNOWN = "2026-03-05T00:00:00Z", "2026-11-21T12:00:00Z"


def batch(
    client: Client, by: str | None, questions: Any, there: str = "KR", selection: str = VERDICT
) -> list[dict[str, Any]]:
    document = BATCH.replace("SELECTION", selection)
    answer = client.ask(document, by, **{"questions": questions, "in": there, "knownAt": KNOWN})
    found: list[dict[str, Any]] = answer["recognitionsOf"]
    return found


@pytest.fixture(scope="module")
def scoped(region: Client) -> Client:
    """Clauses that ask for a role, a direction, goods, crossings and modes."""
    paper = {
        "source": "a gazette",
        "effective": "2018-01-01",
        "from": "CN",
        "to": "KR",
        "agreement": "CN-KR-AEO",
        "types": ["ACE"],
    }
    record(
        region.database,
        {
            "command": "set_scope",
            "direction": "EXPORT",
            "hs": ["07", "0801"],
            "roles": ["EXPORTER"],
            "identifier_scheme": "CN_AEO",
            "declaration_box": "box 44",
            **paper,
        },
        {
            "command": "set_scope",
            "crossings": ["Heihe-Blagoveshchensk"],
            "modes": ["rail"],
            "direction": "IMPORT",
            **paper,
        },
    )
    return region


def _question(luck: random.Random, number: int) -> dict[str, Any]:
    said: dict[str, Any] = {"key": str(number), "tin": luck.choice(TINS)}
    said["at"] = luck.choice(INSTANTS)
    if luck.random() < 0.8:
        said["consignment"] = {
            name: luck.choice(many) for name, many in CONSIGNMENTS.items() if luck.random() < 0.6
        }
    return said


CONSIGNMENTS = {
    "role": ("EXPORTER", "CARRIER", "IMPORTER", None),
    "direction": ("IMPORT", "EXPORT", None),
    "hs": ("07", "0702", "070200", "0801", "08", "1201", None),
    "crossing": ("Heihe", "Blagoveshchensk - heihe", "Suifenhe", "", None),
    "mode": ("rail", "RAIL", "road", None),
}


@pytest.mark.parametrize("selection", (VERDICT, WHOLE, "outcome"), ids=("kept", "whole", "one"))
@pytest.mark.parametrize(
    "by, there", ((KOREA, "KR"), (AUDITOR, "KR"), (CHINA, "DE"), (f"company:{FRUIT}", "KR"))
)
def test_each_is_answered_as_it_is_alone(
    scoped: Client, by: str, there: str, selection: str
) -> None:
    luck = random.Random(f"{by}/{selection}")
    questions = [_question(luck, n) for n in range(60)]
    answers = batch(scoped, by, questions, there, selection)

    assert [answer["key"] for answer in answers] == [question["key"] for question in questions]
    outcomes = set()
    for question, answer in zip(questions, answers, strict=True):
        response = scoped.post(
            ALONE.replace("SELECTION", selection),
            by,
            tin=question["tin"],
            asOf={"at": question["at"], "knownAt": KNOWN},
            consignment=question.get("consignment"),
            **{"in": there},
        ).json()
        if answer["refused"]:
            [error] = response["errors"]
            assert error["extensions"]["code"] == answer["refused"]["code"] == "FORBIDDEN"
            assert error["message"] == answer["refused"]["message"]
            assert answer["recognition"] is None
            continue
        assert answer["recognition"] == response["data"]["recognition"], question
        outcomes.add(answer["recognition"]["outcome"])
    assert len(outcomes) > 1


BAD: list[tuple[dict[str, Any], str, list[str] | None]] = [
    ({"tin": "CN 12"}, "tin: found 'CN 12', wanted a TIN", ["tin"]),
    ({"tin": "ZZ1"}, "tin: found 'ZZ1', wanted a TIN of a customs territory, and ZZ is", ["tin"]),
    ({"tin": None}, "tin: found nothing, wanted a TIN", ["tin"]),
    ({"tin": "CN\0"}, "tin: found 'CN\\x00', wanted a TIN", ["tin"]),
    ({"at": "2026-03-05"}, "at: found '2026-03-05', wanted an instant: RFC 3339", ["at"]),
    ({"at": "2026-02-30T00:00:00Z"}, "at: found '2026-02-30T00:00:00Z', wanted", ["at"]),
    ({"at": 5}, "at: found 5, wanted an instant", ["at"]),
    ({"at": "1066-10-14T00:00:00Z"}, "at: 1066-10-14T00:00:00.000000Z is before 1900", ["at"]),
    ({"at": "2090-01-01T00:00:00Z"}, "at: 2090-01-01T00:00:00.000000Z is more than ten", ["at"]),
    (
        {"consignment": {"role": "BOSS"}},
        "consignment.role: found 'BOSS', wanted one of CARRIER",
        ["consignment", "role"],
    ),
    (
        {"consignment": {"direction": 1}},
        "consignment.direction: found 1, wanted one of EXPORT",
        ["consignment", "direction"],
    ),
    (
        {"consignment": {"hs": "123"}},
        "consignment.hs: found '123', wanted an HS code: 2, 4 or 6",
        ["consignment", "hs"],
    ),
    (
        {"consignment": {"hs": 12}},
        "consignment.hs: found 12, wanted an HS code",
        ["consignment", "hs"],
    ),
    (
        {"consignment": {"crossing": "x" * 101}},
        "consignment.crossing: found 'xxxx",
        ["consignment", "crossing"],
    ),
    (
        {"consignment": {"mode": ["rail"]}},
        "consignment.mode: found ['rail'], wanted a text",
        ["consignment", "mode"],
    ),
    (
        {"consignment": {"colour": "red"}},
        "consignment.colour: found 'red', wanted no field of",
        ["consignment", "colour"],
    ),
    ({"consignment": "rail"}, "consignment: found 'rail', wanted an object", ["consignment"]),
    (
        {"goods": "0702"},
        "goods: found '0702', wanted no field of this name, but key, tin",
        ["goods"],
    ),
    ({"key": 7}, "key: found 7, wanted a text", ["key"]),
    ({"key": None}, "key: found nothing, wanted a text", ["key"]),
]


@pytest.mark.parametrize("bad, told, path", BAD, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("selection", (VERDICT, "outcome at"))
def test_a_bad_question_is_one_bad_answer(
    scoped: Client, bad: dict[str, Any], told: str, path: list[str], selection: str
) -> None:
    good = {"tin": FRUIT, "at": "2025-06-01T00:00:00Z"}
    questions = [{"key": "a", **good}, {"key": "b", **good, **bad}, {"key": "c", **good}]

    answers = batch(scoped, KOREA, questions, selection=selection)

    assert [answer["refused"] is None for answer in answers] == [True, False, True]
    assert answers[0]["recognition"] == answers[2]["recognition"]
    assert answers[1]["recognition"] is None
    refused = answers[1]["refused"]
    assert refused["code"] == "BAD_VALUE"
    assert refused["message"].startswith(told), refused
    assert refused["path"] == path


@pytest.mark.parametrize("question", (None, 7, "CN1234567890", [], {}, {"key": "b"}))
def test_what_is_no_question_is_one_bad_answer(scoped: Client, question: Any) -> None:
    answers = batch(scoped, KOREA, [{"key": "a", "tin": FRUIT}, question])

    assert answers[0]["recognition"]["outcome"] == "RECOGNISED"
    assert answers[1]["refused"]["code"] == "BAD_VALUE"


@pytest.mark.parametrize("way", ("literal", "default", "one variable", "one literal"))
def test_a_bad_question_is_one_bad_answer_however_the_batch_is_said(
    scoped: Client, way: str
) -> None:
    good = '{key: "a", tin: "CN1234567890"}'
    bad = '{key: "b", tin: "CN1234567890", at: "noon", consignment: {role: BOSS, hs: "1"}}'
    what = "{ key recognition { outcome } refused { path } }"
    variables: dict[str, Any] = {}
    match way:
        case "literal":
            document = f"{{ recognitionsOf(questions: [{good}, {bad}], in: KR) {what} }}"
            document = document.replace("in: KR", 'in: "KR"')
        case "one literal":
            document = f'{{ recognitionsOf(questions: {bad}, in: "KR") {what} }}'
        case "default":
            document = (
                f"query ($all: [RecognitionQuestion!]! = [{good}, {bad}])"
                f' {{ recognitionsOf(questions: $all, in: "KR") {what} }}'
            )
        case _:
            document = (
                "query ($one: RecognitionQuestion!)"
                f' {{ recognitionsOf(questions: [{good}, $one], in: "KR") {what} }}'
            )
            variables = {"one": {"key": "b", "tin": FRUIT, "at": "noon"}}
    answers = scoped.ask(document, KOREA, **variables)["recognitionsOf"]

    assert answers[-1] == {"key": "b", "recognition": None, "refused": {"path": ["at"]}}
    assert [answer["refused"] for answer in answers[:-1]] == [None] * (len(answers) - 1)


def test_a_question_may_hold_a_variable_of_another_kind(scoped: Client) -> None:
    document = """query ($at: DateTime, $hs: HSCode, $tin: String!) { recognitionsOf(in: "KR",
        questions: [{key: "a", tin: $tin, at: $at, consignment: {hs: $hs, role: EXPORTER}}]) {
            recognition { at outcome } refused { path } } }"""
    said = {"at": "2025-06-01T09:00:00+09:00", "hs": "0702"}

    [good] = scoped.ask(document, KOREA, tin=" cn1234567890", **said)["recognitionsOf"]
    [bad] = scoped.ask(document, KOREA, tin="CN", **said)["recognitionsOf"]

    assert good["recognition"]["at"] == "2025-06-01T00:00:00.000000Z"
    assert bad["refused"] == {"path": ["tin"]}


@pytest.mark.parametrize(
    "tin",
    (
        "  cn1234567890\t",
        "\uff23\uff2e\uff11\uff12\uff13\uff14567890",
        "aeocn1234567890",
        "AEOCN1234567890",
        "\u3000CN1234567890",
    ),
)
def test_a_key_is_read_in_its_normal_form_and_given_back_as_it_was_asked(
    scoped: Client, tin: str
) -> None:
    question = {
        "key": " my own Key ",
        "tin": tin,
        "at": "2025-06-01t00:00:00z",
        "consignment": {"role": " exporter", "hs": "\uff10\uff17 ", "direction": "export"},
    }
    [answer] = batch(scoped, KOREA, [question])

    assert (answer["key"], answer["tin"]) == (question["key"], tin)
    assert answer["recognition"]["tin"] == FRUIT
    plain = {
        "key": "",
        "tin": FRUIT,
        "at": "2025-06-01T00:00:00Z",
        "consignment": {"role": "EXPORTER", "hs": "07", "direction": "EXPORT"},
    }
    assert answer["recognition"] == batch(scoped, KOREA, [plain])[0]["recognition"]


def test_without_an_instant_it_is_now(scoped: Client) -> None:
    [answer] = batch(scoped, KOREA, [{"key": "a", "tin": FRUIT}], selection="at knownAt outcome")

    assert answer["recognition"]["at"] > answer["recognition"]["knownAt"] == KNOWN_SHOWN
    assert answer["recognition"]["outcome"] == "RECOGNISED"


KNOWN_SHOWN = "2026-11-21T12:00:00.000000Z"


def test_whom_a_subject_may_not_ask_about_is_refused_alone(scoped: Client) -> None:
    company = f"company:{FRUIT}"
    answers = batch(scoped, company, [{"key": t, "tin": t} for t in (STEEL, FRUIT, QUIET, "x")])

    assert [answer["refused"] and answer["refused"]["code"] for answer in answers] == [
        "FORBIDDEN",
        None,
        "FORBIDDEN",
        "BAD_VALUE",
    ]
    assert answers[0]["refused"]["path"] is None


def test_more_than_a_thousand_are_refused_and_so_is_a_bad_instant_of_knowledge(
    scoped: Client,
) -> None:
    document = BATCH.replace("SELECTION", "outcome")
    many = [{"key": "", "tin": "bad"}] * 1_001
    error = scoped.error(document, KOREA, **{"questions": many, "in": "KR"})
    assert error == {
        "message": "questions: found 1001 keys, wanted at most 1000",
        "code": "BAD_INPUT",
    }
    said = {"questions": [{"key": "", "tin": FRUIT}], "in": "KR"}
    error = scoped.error(document, KOREA, knownAt="2090-01-01T00:00:00Z", **said)
    assert error["code"] == "BAD_INPUT"
    assert batch(scoped, KOREA, []) == []


def test_a_thousand_declarations_are_one_request(scoped: Client) -> None:
    luck = random.Random(11)
    many = [_question(luck, n) | {"key": f"2026-{n:012}"} for n in range(1_000)]
    assert len(str(many)) > BATCH_BODY

    answers = batch(scoped, KOREA, many)

    assert [answer["key"] for answer in answers] == [entry["key"] for entry in many]
    assert len({answer["recognition"]["outcome"] for answer in answers}) == 3


def test_a_batch_costs_what_as_many_tins_cost() -> None:
    documents = Documents(core)
    tins = documents.get(
        f'query ($tins: [TIN!]!) {{ recognitions(tins: $tins, in: "KR") {{ {VERDICT} }} }}'
    )
    batch = documents.get(
        BATCH.replace("SELECTION", VERDICT)
        .replace(" refused { code message path }", "")
        .replace("key tin", "key")
    )
    many = list(range(1_000))
    one, other = (
        checked_document.costs[None].of({"tins": many, "questions": many})
        for checked_document in (tins, batch)
    )
    assert 0.9 * one < other < 1.1 * one
