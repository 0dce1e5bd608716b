"""What cannot be answered is told so: in its own words, with its own status, nothing recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.graphql.limits import BODY
from api.graphql.paging import cursor
from tests.api.client import ACME, AUDITOR, CHINA, Client

EVENTS = "{ events%s { edges { node { type } } } }"


@pytest.fixture(autouse=True)
def nothing_is_recorded(counter: Client) -> Iterator[None]:
    before = counter.last_position()
    yield
    assert counter.last_position() == before


def sentence(response: httpx.Response) -> str:
    [error] = response.json()["errors"]
    assert "Traceback" not in response.text
    message: str = error["message"]
    return message


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ('(filter: {tin: "C"})', "'C' is not a TIN"),
        ('(filter: {tin: "cn1234"})', "'cn1234' is not a TIN"),
        ('(filter: {tin: "QQ1234"})', "QQ is not a customs territory"),
        ('(filter: {administration: "ZZ"})', "ZZ is not a customs territory"),
        ('(filter: {administration: "China"})', "'China' is not an administration"),
        ('(filter: {recordedFrom: "2026-11-21"})', "'2026-11-21' is not an instant"),
        ('(filter: {recordedFrom: "2026-11-21T12:00:00"})', "is not an instant"),
        ('(filter: {recordedFrom: "2026-02-30T12:00:00Z"})', "is not an instant"),
        ("(filter: {afterPosition: -1})", "-1 is not a position"),
        ('(filter: {afterPosition: "1"})', '"1" is not a position'),
        ("(filter: {afterPosition: 99999999999999999999})", "is not a position"),
    ],
)
def test_a_value_that_is_none_is_refused_before_anything_is_asked(
    counter: Client, argument: str, found: str
) -> None:
    response = counter.post(EVENTS % argument)

    assert response.status_code == 400
    assert found in sentence(response)


def test_a_value_in_a_variable_is_refused_in_the_same_words(counter: Client) -> None:
    document = "query ($tin: TIN!) { events(filter: {tin: $tin}) { edges { cursor } } }"

    response = counter.post(document, tin="nonsense")

    assert response.status_code == 400
    assert "'nonsense' is not a TIN" in sentence(response)
    assert "data" not in response.json()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("query ($it: String!) { operatorByCertificate(number: $it) { tin } }", "a\0b"),
        ("query ($it: [String!]) { events(filter: {types: $it}) { edges { cursor } } }", ["\0"]),
        ("query ($it: OperatorFilter) { operators(filter: $it) { totalCount } }", {"type": "\0"}),
        (
            "mutation ($it: ConsentInput!) { giveConsent(input: $it) { __typename } }",
            {"commandId": str(uuid4()), "tin": ACME, "partner": "KR", "legalGround": "\0"},
        ),
        (r'query ($it: Int) { operatorByCertificate(number: "a\u0000b") { tin } }', None),
        (r'query ($it: Int) { operatorByCertificate(number: "a\u{0}b") { tin } }', None),
    ],
)
def test_what_no_text_can_hold_is_refused_and_is_no_fault(
    counter: Client, document: str, said: Any
) -> None:
    response = counter.post(document, CHINA, it=said)

    assert response.status_code == 400
    assert "NUL" in sentence(response)


def test_a_cursor_made_up_with_a_key_that_no_list_has(counter: Client) -> None:
    forged = cursor("operators", ["\0"])

    response = counter.post(f'{{ operators(after: "{forged}") {{ totalCount }} }}', AUDITOR)

    assert "is not a cursor of operators" in sentence(response)


def test_a_variable_that_is_missing_is_named(counter: Client) -> None:
    response = counter.post("query ($t: TIN!) { events(filter: {tin: $t}) { edges { cursor } } }")

    assert (response.status_code, "$t" in sentence(response)) == (400, True)


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("(first: 0)", "first: found 0, wanted 1 to 100"),
        ("(first: -5)", "first: found -5, wanted 1 to 100"),
        ("(first: 101)", "first: found 101, wanted 1 to 100"),
        ('(after: "junk")', "after: 'junk' is not a cursor of events"),
        ('(after: "")', "after: '' is not a cursor of events"),
        ('(after: "\u2603")', "is not a cursor of events"),
        ('(after: "WyJvcGVyYXRvcnMiLCJDTiJd")', "is not a cursor of events"),  # another list's
        ('(filter: {stream: "5"})', "stream: '5' is not the id of a stream: a UUID"),
    ],
)
def test_a_page_that_cannot_be_is_an_error_beside_no_data(
    counter: Client, argument: str, found: str
) -> None:
    response = counter.post(EVENTS % argument)

    assert (response.status_code, response.json()["data"]) == (200, None)
    assert found in sentence(response)
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"


OPERATOR = '{ operator(tin: "CN1234567890", asOf: {%s}) { tin } }'


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (OPERATOR % 'knownAt: "2100-01-01T00:00:00Z"', "2100-01-01T00:00:00.000000Z is in the fut"),
        (OPERATOR % 'at: "2100-01-01T00:00:00Z"', "more than ten years ahead"),
        (OPERATOR % 'at: "0001-01-01T00:00:00Z"', "is before 1900"),
        (OPERATOR % 'knownAt: "1899-12-31T23:59:59Z"', "is before 1900"),
    ],
)
def test_an_instant_that_nobody_can_answer_for(counter: Client, document: str, found: str) -> None:
    response = counter.post(document, AUDITOR)

    assert response.status_code == 200
    assert found in sentence(response)
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"


GOODS = """{ controlResult(from: "CN", to: "%s", crossing: "X", hs: "%s") { outcome } }"""


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (GOODS % ("RU", "080"), "'080' is not an HS code: 2, 4 or 6 digits"),
        (GOODS % ("RU", "fruit"), "'fruit' is not an HS code"),
        (GOODS % ("XX", "0808"), "XX is not a customs territory"),
        ('{ recognition(tin: "CN1234567890", in: "Korea") { outcome } }', "is not an administrat"),
        ("{ agreements(filter: {kind: HANDSHAKE}) { totalCount } }", "HANDSHAKE"),
    ],
)
def test_goods_and_countries_that_are_none(counter: Client, document: str, found: str) -> None:
    response = counter.post(document, AUDITOR)

    assert response.status_code == 400
    assert found in sentence(response)


def test_an_administration_that_is_not_in_the_register_is_nothing(counter: Client) -> None:
    assert counter.ask('{ administration(code: "BR") { name } }') == {"administration": None}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ("{ viewer { rolle } }", "Did you mean 'role'?"),
        ("{ viewer { role }", "Syntax Error"),
        ("", "Syntax Error"),
        ("fragment F on Viewer { role }", "Fragment 'F' is never used."),
        (
            "subscription { recognitionChanged { position } }",
            "of type 'AdministrationCode!' is required",
        ),
        (
            "subscription { recognitionChanged(for: CN) { position } }",
            "Accept: text/event-stream",
        ),
        ("query A { viewer { role } } query B { viewer { role } }", "operationName says which"),
        ("{ viewer { ...F } } fragment F on Viewer { ...F }", "Cannot spread fragment 'F' within"),
    ],
)
def test_a_document_that_is_wrong_is_not_executed(
    counter: Client, document: str, found: str
) -> None:
    response = counter.post(document)

    assert response.status_code == 400
    assert found in sentence(response)
    assert "data" not in response.json()


def test_an_operation_that_is_not_there_is_named(counter: Client) -> None:
    body = {"query": "query A { viewer { role } }", "operationName": "B"}

    response = counter.request("POST", "/graphql", json=body)

    assert (response.status_code, "'B'" in sentence(response)) == (400, True)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"{", "body: wanted one JSON object"),
        (b"\xff", "body: wanted one JSON object"),
        (b"[]", "Expected `object`"),
        (b'[{"query": "{ viewer { role } }"}]', "Expected `object`"),  # no batches
        (b"{}", "query"),
        (b'{"query": 5}', "query"),
        (b'{"query": "{ viewer { role } }", "variables": []}', "variables"),
        (b'{"query": "{ viewer { role } }", "operationName": 1}', "operationName"),
    ],
)
def test_a_body_that_is_no_question_is_a_bad_request(
    counter: Client, content: bytes, found: str
) -> None:
    headers = {"content-type": "application/json"}

    response = counter.request("POST", "/graphql", content=content, headers=headers)

    assert response.status_code == 400
    assert found in sentence(response)


def test_a_body_has_sixteen_kilobytes_and_no_more(counter: Client) -> None:
    question = "{ viewer { role } }"

    assert counter.post(question + " " * (BODY - 100)).status_code == 200

    long = counter.post(question + " " * BODY)
    assert (long.status_code, long.json()["errors"][0]["extensions"]["code"]) == (413, "TOO_LARGE")
    assert counter.post(question + " " * 70_000).status_code == 413


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (f"{{ {' '.join(f'a{n}: viewer {{ role }}' for n in range(16))} }}", "aliases: found 16"),
        (f"{{ {' '.join(['viewer { role }'] * 11)} }}", "fields at the root: found 11"),
        (f"{{ viewer {{ {'role ' * 600} }} }}", "tokens: found 60"),
        (
            "{ ...A ...A } fragment A on Query { ...B ...B } fragment B on Query { ...C ...C ...C }"
            " fragment C on Query { viewer { role } }",
            "fields at the root: found 12",
        ),
    ],
)
def test_a_question_that_is_too_large_is_told_which_limit(
    counter: Client, document: str, found: str
) -> None:
    response = counter.post(document)

    assert response.status_code == 400
    assert any(found in error["message"] for error in response.json()["errors"])


def test_what_fragments_multiply_is_counted_and_never_unfolded(counter: Client) -> None:
    chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(90))

    response = counter.post(f"{{ ...F0 }} {chain} fragment F90 on Query {{ viewer {{ role }} }}")

    assert response.status_code == 400
    assert "counted through its fragments" in response.text


# ------------------------------------------------------------------ commands


def tell(counter: Client, mutation: str, **said: Any) -> dict[str, Any]:
    outcome = counter.tell(mutation, CHINA, **said)
    assert outcome["__typename"] == "Refused"
    return outcome


def test_a_command_id_that_is_no_uuid(counter: Client) -> None:
    outcome = tell(counter, "liftSuspension", tin=ACME, commandId="one")

    assert (outcome["code"], outcome["message"]) == (
        "BAD_VALUE",
        "commandId: found 'one', wanted a UUID",
    )


def test_an_operator_nobody_registered(counter: Client) -> None:
    outcome = tell(counter, "giveConsent", tin="CN7777777777", partner="KR")

    assert outcome["code"] == "UNKNOWN_OPERATOR"


def test_a_version_that_has_gone_by(counter: Client) -> None:
    outcome = tell(counter, "giveConsent", tin=ACME, partner="KR", expectedVersion=99)

    assert outcome["code"] == "STALE_VERSION"
    assert "found 99" in outcome["message"] and "version 1" in outcome["message"]


def test_a_decision_that_reaches_back_without_its_ground(counter: Client) -> None:
    outcome = tell(counter, "giveConsent", tin=ACME, partner="KR", effective="2020-01-01")

    assert outcome["code"] == "GROUND_NEEDED"
    assert "2020-01-01" in outcome["message"]


def test_a_date_of_no_calendar_never_reaches_the_register(counter: Client) -> None:
    document = """mutation ($input: ConsentInput!) { giveConsent(input: $input) { __typename } }"""
    said = {"commandId": str(uuid4()), "tin": ACME, "partner": "KR", "effective": "2026-02-30"}

    response = counter.post(document, CHINA, input=said)

    assert response.status_code == 400
    assert "'2026-02-30' is not a date of the calendar" in sentence(response)


def test_a_field_that_the_input_does_not_have(counter: Client) -> None:
    document = """mutation ($input: ConsentInput!) { giveConsent(input: $input) { __typename } }"""
    said = {"commandId": str(uuid4()), "tin": ACME, "partner": "KR", "colour": "red"}

    response = counter.post(document, CHINA, input=said)

    assert response.status_code == 400
    assert "colour" in sentence(response)


def test_a_status_that_does_not_allow_it(counter: Client) -> None:
    outcome = tell(counter, "suspendAuthorisation", tin=ACME, reason="audit overdue")

    assert outcome["code"] in ("UNKNOWN_AUTHORISATION", "WRONG_STATUS")


def test_notice_is_given_of_a_termination_alone(counter: Client) -> None:
    outcome = tell(
        counter, "signAgreement", agreement="CN-KR-AEO", notice="2026-01-01", source="a notice"
    )

    assert outcome["code"] == "BAD_VALUE"
    assert "notice" in outcome["message"]


# -------------------------------------------------------------------- tokens


@pytest.mark.parametrize(
    "header", ["Bearer nonsense", "Bearer ", "Basic abc", "Bearer a.b.c", "nonsense"]
)
def test_a_token_that_is_none_is_never_taken_for_the_public(counter: Client, header: str) -> None:
    response = counter.post("{ viewer { role } }", headers={"Authorization": header})

    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "Bearer" in response.headers["www-authenticate"]


def test_an_auditor_changes_nothing(counter: Client) -> None:
    outcome = counter.tell("giveConsent", AUDITOR, tin=ACME, partner="KR")

    assert outcome["code"] == "FORBIDDEN"


def test_a_command_id_that_was_used_for_something_else(small_register: str, tmp_path: Any) -> None:
    with Client(small_register, tmp_path) as counter:
        used = str(uuid4())
        counter.tell("giveConsent", CHINA, tin=ACME, partner="KR", commandId=used)
        before = counter.last_position()

        outcome = counter.tell("giveConsent", CHINA, tin=ACME, partner="AU", commandId=used)

        assert outcome["code"] == "OTHER_COMMAND"
        assert re.search(r" at \d{4}-\d\d-\d\dT[\d:.]+Z for ", outcome["message"])
        assert used in outcome["message"]
        assert counter.last_position() == before
