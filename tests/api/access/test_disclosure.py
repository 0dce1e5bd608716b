"""A partner sees of a foreign operator what the agreement opens, and nothing shows the rest."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from graphql import (
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)

from api.access.permissions import FIELDS, Reader
from api.graphql.limits import CheckedDocument
from api.graphql.schema import core
from registry.domain.disclosure import (
    CERTIFIED,
    DisclosedInterval,
    disclosed_flags,
    disclosed_intervals,
)
from registry.domain.values import CLOSED, ENDED, HELD, PENDING, Status
from tests.api.client import AUDITOR, CHINA, KOREA, Client
from tests.api.graphql.planner.test_planner import _planned, _read, _run, _stock, _subject
from tests.api.region import SHUT, Line, consent, operator, record, region

__all__ = ["region"]

DEADLINES = {
    "deadlines": ["due", "met", "overdue", "rule", "what"],
    "unknownDeadlines": ["rule", "what"],
}
#: What tells an operator from its twin, or one answer from the next.
NAMES = re.compile(r"(AEO)?(CN|KR)\d{9}X?\d{3}|CN-AEO/\d+")


def test_every_field_that_an_operator_leads_to_says_who_is_told_it() -> None:
    for name, readers in FIELDS.items():
        type = core.type_map[name]
        assert isinstance(type, GraphQLObjectType)
        assert set(type.fields) == set(readers), name
        for field, who in readers.items():
            inner = get_named_type(type.fields[field].type)
            if isinstance(inner, GraphQLObjectType) and who in (Reader.EVERYBODY, Reader.CERTIFIED):
                assert inner.name in FIELDS, f"{name}.{field}"
    for name, fields in DEADLINES.items():
        type = core.type_map[name[0].upper() + name[1:-1]]
        assert isinstance(type, GraphQLObjectType) and sorted(type.fields) == fields


def test_every_status_is_certified_or_an_application() -> None:
    # LISTED is said of what counts abroad alone, and of no authorisation as a whole.
    assert HELD | ENDED | {Status.LISTED} == CERTIFIED
    assert not CERTIFIED & (PENDING | CLOSED | {Status.NONE})
    assert CERTIFIED | PENDING | CLOSED | {Status.NONE} == set(Status)


# ------------------------------------------------------------------- twins
# Of each pair one has lived the same life with more in it: all that is not for others' eyes. Who
# is not at home is told the same of both, whatever is asked and whenever.


START = date(2018, 1, 8)
DAY = timedelta(days=1)
GRANTED = ["accept_application", "start_examination", "grant_authorisation"]
#: What is certified, by day after START.
LIVES: dict[str, list[tuple[int, Line]]] = {
    "valid": [],
    "suspended": [(400, {"command": "suspend_authorisation", "reason": "a debt"})],
    "lifted": [
        (400, {"command": "suspend_authorisation", "reason": "a debt"}),
        (460, {"command": "lift_suspension"}),
    ],
    "revoked": [(500, {"command": "revoke_authorisation", "reason": "fraud"})],
    "annulled": [
        (520, {"command": "annul_authorisation", "reason": "false", "legal_ground": "Art. 23"}),
    ],
    "surrendered": [(540, {"command": "surrender_authorisation"})],
}
#: What is nobody's business abroad, in the order in which it can happen.
HIDDEN: list[list[Line]] = [
    [{"command": "open_reassessment", "reason": "a hint"}, {"command": "close_reassessment"}],
    [{"command": "open_reassessment"}, {"command": "close_reassessment", "remediation": True}],
    [{"command": "lodge_application", "programme": "CN-AEO", "type": "GENERAL"}],
    [
        {"command": "lodge_application", "programme": "CN-AEO", "type": "GENERAL"},
        {"command": "accept_application"},
        {"command": "start_examination"},
        {"command": "refuse_application", "reason": "no books"},
    ],
    [
        {"command": "lodge_application", "programme": "CN-AEO", "type": "GENERAL"},
        {"command": "withdraw_application"},
    ],
    [
        {"command": "lodge_application", "programme": "CN-AEO", "type": "GENERAL"},
        {"command": "reject_application", "reason": "no signature"},
    ],
]


def _at(tin: str, day: int, line: Line) -> Line:
    return {**line, "tin": tin, "known_at": f"{START + day * DAY}T02:00:00Z"}


def _life(tin: str, name: str, twin: bool) -> list[Line]:
    luck = random.Random(name)
    number = f"AEO{tin}"
    said = operator(tin, "Synthetic Twin", "CN-AEO", "ACE", number, str(START))
    told = [(0, line) for line in said] + [(0, consent(tin, str(START), publication=True))]
    told += [(day, {**line, "authorisation": number}) for day, line in LIVES[name]]
    if twin:
        days = iter(sorted(luck.sample([d for d in range(2, 390)], 12)))
        # What is left pending comes last: it is not lodged a second time.
        for what in sorted(luck.sample(HIDDEN, 2), key=lambda steps: len(steps) == 1):
            of = {} if what[0]["command"] == "lodge_application" else {"authorisation": number}
            told += [(next(days), {**line, **of}) for line in what]
        told.sort(key=lambda value: value[0])
    return [line if day == 0 else _at(tin, day, line) for day, line in told]


def _tins(number: int) -> tuple[str, str]:
    return f"CN70000000{number}001", f"CN70000000{number}002"


NEVER_GRANTED = ("CN700000009001", "CN700000009002", "CN700000009003", "CN700000009004")


def _applicants() -> Iterator[Line]:
    """Whose application is pending, refused, not accepted, withdrawn: none was ever granted."""
    for tin, steps in zip(
        NEVER_GRANTED,
        (
            [],
            ["accept_application", "start_examination", "refuse_application"],
            ["reject_application"],
            ["withdraw_application"],
        ),
        strict=True,
    ):
        at = {"tin": tin, "known_at": f"{START}T02:00:00Z", "source": "synthetic"}
        yield {"command": "register_operator", "name": "Synthetic Applicant", "roles": [], **at}
        yield {"command": "lodge_application", "programme": "CN-AEO", "type": "ACE", **at}
        yield from ({"command": step, "reason": "so", **at} for step in steps)
        yield consent(tin, str(START), publication=True)


@pytest.fixture(scope="module")
def twins(region: Client) -> Client:
    for number, name in enumerate(LIVES):
        for twin, tin in enumerate(_tins(number)):
            record(region.database, *_life(tin, name, bool(twin)))
    record(region.database, *_applicants())
    return region


def _selection(type: GraphQLObjectType, of: str, *, planned: bool, public: bool) -> str:
    """Every field of the table that this subject is not refused; `planned`: as far as it has a
    plan."""
    found = []
    for name, who in FIELDS[of].items():
        unplanned = name in ("event", "disputes") or (
            of == "Recognition" and name in ("validFrom", "validTo")
        )
        unread = ("history", "looks", "contacts", "proposals", "certificate")
        refused = name in unread or (
            public and name in ("identifiers", "periods", "recognisedIn", "disputes")
        )
        if who is Reader.OWN or refused or name in ("id", "successor") or (planned and unplanned):
            continue
        field = type.fields[name]
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            found.append(name)
        elif inner.name in FIELDS:
            if planned and inner.name in ("Reason",):
                found.append("reasons { code }")
            else:
                assert isinstance(inner, GraphQLObjectType)
                inside = _selection(inner, inner.name, planned=planned, public=public)
                found.append(f"{name} {{ {inside} }}")
        elif name in DEADLINES:
            found.append(f"{name} {{ {' '.join(DEADLINES[name])} }}")
        else:
            found.append(f"{name} {{ __typename }}")
    return " ".join(found)


#: Both clocks: now, while it was hidden what happened, and before anything was granted.
CLOCKS: list[dict[str, str]] = [
    {},
    *({"at": f"{START + day * DAY}T12:00:00Z"} for day in (0, 50, 200, 395, 420, 505, 530)),
    *({"knownAt": f"{START + day * DAY}T12:00:00Z"} for day in (0, 50, 200, 395, 420, 530)),
    {"at": f"{START - 10 * DAY}T12:00:00Z"},
    {"knownAt": f"{START - 10 * DAY}T12:00:00Z"},
    {"at": f"{START + 300 * DAY}T12:00:00Z", "knownAt": f"{START + 405 * DAY}T12:00:00Z"},
]
SUBJECTS = ("partner:KR", "officer:KR", "public")


@cache
def _document(clocks: tuple[str, ...], *, planned: bool, public: bool) -> CheckedDocument:
    """A question about `$tin` at the clocks of these names, read once for all operators and
    instants."""
    said = ", ".join(f"{name}: ${name}" for name in clocks)
    as_of = f", asOf: {{ {said} }}" if said else ""
    type = core.type_map["Operator"]
    assert isinstance(type, GraphQLObjectType)
    fields = _selection(type, "Operator", planned=planned, public=public)
    asked = f"operator(tin: $tin{as_of}) {{ {fields} }}"
    if not public:
        verdict = "outcome legal operational validFrom validTo reasons { code message }"
        asked += f' recognition(tin: $tin, in: "KR"{as_of}) {{ {verdict} }}'
    given = " ".join(["$tin: TIN!", *(f"${name}: DateTime" for name in clocks)])
    return _read(f"query ({given}) {{ {asked} }}", in_full=not planned)


def _same(told: Any) -> str:
    """As text, without what tells twins apart."""
    return NAMES.sub("X", json.dumps(told))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_who_is_not_at_home_cannot_tell_an_operator_from_its_twin(
    twins: Client, subject: str
) -> None:
    public = subject == "public"
    context = replace(twins.service.context(_subject(twins, subject)), now=datetime.now(UTC))
    compared, told = 0, 0
    for number, name in enumerate(LIVES):
        for clocks in CLOCKS:
            answers = []
            document = _document(tuple(clocks), planned=True, public=public)
            whole = _document(tuple(clocks), planned=False, public=public)
            for tin in _tins(number):
                values = {"tin": tin, **clocks}
                [text] = _run(twins, [_planned(twins, context, document, values)])
                assert text is not None, "it was to be planned"
                [stock] = _run(twins, [_stock(context, document, values)])
                assert not stock.errors, stock.errors
                assert json.loads(text) == stock.data
                [every] = _run(twins, [_stock(context, whole, values)])
                assert not every.errors, every.errors
                answers.append(_same([stock.data, every.data]))
                told += stock.data["operator"] is not None
            assert answers[0] == answers[1], (name, clocks)
            compared += 1
    assert compared == len(LIVES) * len(CLOCKS)
    assert told > compared, "who is never told anything proves nothing"


def test_the_home_customs_are_told_what_the_twin_went_through(twins: Client) -> None:
    seen = set()
    for number in range(len(LIVES)):
        found = twins.ask(
            "query ($tin: TIN!) { operator(tin: $tin) { periods(first: 100) { status }"
            " authorisations { flags deadlines { what } } } }",
            CHINA,
            tin=_tins(number)[1],
        )["operator"]
        seen |= {period["status"] for period in found["periods"]}
        assert any(authorisation["deadlines"] for authorisation in found["authorisations"])
    assert seen & {"LODGED", "REFUSED", "WITHDRAWN", "NOT_ACCEPTED"}


@pytest.mark.parametrize("tin", NEVER_GRANTED)
@pytest.mark.parametrize("by", [KOREA, "officer:KR", None])
def test_who_was_never_granted_anything_is_unknown_abroad(
    twins: Client, tin: str, by: str | None
) -> None:
    unknown = "CN799999999"
    for document in (
        '{ operator(tin: "%s") { tin name } }',
        '{ operator(tin: "%s", asOf: { at: "2018-02-01T00:00:00Z" }) { standing } }',
        '{ recognition(tin: "%s", in: "KR", asOf: { at: "2024-01-01T00:00:00Z" })'
        " { outcome legal operational reasons { code message facts { name value } } bases"
        " { since } validFrom validTo } }",
    ):
        if by is None and "recognition" in document:
            continue
        one, other = twins.ask(document % tin, by), twins.ask(document % unknown, by)
        assert one == other
    at_home = twins.ask("query ($tin: TIN!) { operator(tin: $tin) { tin } }", CHINA, tin=tin)
    assert at_home["operator"]


@pytest.mark.parametrize("standing", [status.value for status in Status])
def test_a_list_by_standing_holds_of_foreign_operators_the_certified_ones(
    twins: Client, standing: str
) -> None:
    document = """query ($filter: OperatorFilter) {
        operators(filter: $filter, first: 100) { totalCount edges { node { tin standing } } }
    }"""
    found = twins.ask(document, KOREA, filter={"standing": standing})["operators"]
    listed = [edge["node"] for edge in found["edges"]]

    assert found["totalCount"] == len(listed)
    assert all(item["standing"] == standing for item in listed)
    assert not {item["tin"] for item in listed} & set(NEVER_GRANTED)
    if Status(standing) not in CERTIFIED:
        assert not listed
    every = twins.ask(document, KOREA, filter={"programme": "CN-AEO", "type": "GENERAL"})
    assert every["operators"]["totalCount"] == 0


def test_counts_tell_nobody_abroad_how_many_applied(twins: Client) -> None:
    document = '{ administration(code: "CN") { operatorCount } }'
    home, abroad, public = (
        twins.ask(document, by)["administration"]["operatorCount"] for by in (CHINA, KOREA, None)
    )
    assert home - abroad == len(NEVER_GRANTED)
    assert public == abroad


def test_no_search_page_leads_abroad_to_an_applicant(twins: Client) -> None:
    for tin in NEVER_GRANTED:
        for address in (f"/search?q={tin}", f"/operators/{tin}"):
            page = twins.request("GET", address)
            assert "Synthetic Applicant" not in page.text
            assert page.status_code in (200, 404)


def test_the_home_customs_the_operator_and_auditors_are_told_which_consent_is_wanting(
    twins: Client,
) -> None:
    document = """query ($tins: [TIN!]!) { recognitions(tins: $tins, in: "CN") {
        reasons { code message } outcome } }"""
    for by, code in (
        (AUDITOR, "NO_CONSENT"),
        ("officer:EU", "NO_CONSENT"),
        (f"company:{SHUT}", "NO_CONSENT"),
        ("partner:CN", "NO_INFORMATION"),
        (CHINA, "NO_INFORMATION"),
    ):
        [answer] = twins.ask(document, by, tins=[SHUT])["recognitions"]
        assert [reason["code"] for reason in answer["reasons"]] == [code], by
        assert answer["outcome"] == "UNKNOWN"
        shortly = twins.ask(document.replace(" message", ""), by, tins=[SHUT])["recognitions"]
        assert [reason["code"] for reason in shortly[0]["reasons"]] == [code], by


# ------------------------------------------------------------------- purely


def test_a_stretch_that_only_a_hidden_edge_cuts_is_whole() -> None:
    known = datetime(2026, 1, 1, tzinfo=UTC)
    days = [datetime(2020, month, 1, tzinfo=UTC) for month in range(1, 8)]
    first = DisclosedInterval("VALID", days[0], None, days[0], days[3])
    cut = [
        DisclosedInterval("VALID", a, b, days[3], None)
        for a, b in pairwise([days[0], days[2], None])
    ]  # type: ignore[arg-type]

    assert disclosed_intervals([first, *cut], known) == [
        DisclosedInterval("VALID", days[0], None, days[0], None)
    ]


def test_only_a_part_that_is_suspended_is_told_of_the_flags() -> None:
    flags = ["part_S_suspended", "remediation", "under_reassessment"]
    assert disclosed_flags(flags) == ["part_S_suspended"]
