"""No sentence can break an answer: a sentence is a total function of a reason's code and facts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.graphql.types.reason_facts import Fact, civil_day
from api.graphql.types.reason_sentences import IN_GENERAL, sentence
from api.graphql.types.reasons import control_reasons, recognition_reasons
from registry.domain.agreements.events import Clause
from registry.domain.agreements.links import Link, LinkState
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.consent import Consented
from registry.domain.control_results import Inspection, Reliance, rely
from registry.domain.operators.timeline import Identified
from registry.domain.recognition import (
    Member,
    Question,
    RecognitionFacts,
    RecognitionResult,
    recognise,
)
from registry.domain.time_zones import names
from registry.domain.values import (
    AdministrationCode,
    AgreementKind,
    Direction,
    HsCode,
    Outcome,
    ReasonCode,
    Role,
    Status,
)
from tests.api.client import AUDITOR, Client
from tests.api.region import PAPER, Line, agreement, clause, operator, record, region
from tests.chance import TIMES
from tests.law import AU, CN, EU, KR
from tests.questions import AT, link, period
from tests.samples import ACME

__all__ = ["region"]

ZONES = [*sorted(names()), "Nowhere/None"]
RU = AdministrationCode("RU")
CODES = [CN, KR, EU, AU, AdministrationCode("US"), AdministrationCode("BT")]
US = AdministrationCode("US")
#: The ends of the calendar and of the record, the hours around them, and ordinary days.
INSTANTS = [
    ALWAYS,
    ALWAYS + timedelta(hours=5),
    ALWAYS + timedelta(days=1),
    datetime(2, 1, 1, tzinfo=UTC),
    AT - timedelta(days=900),
    AT - timedelta(days=3, hours=4),
    AT,
    AT + timedelta(days=30),
    NEVER_AT - timedelta(hours=1),
    NEVER_AT,
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
]
_instants = st.sampled_from(INSTANTS)
_ends = st.sampled_from([None, *INSTANTS])
_periods = st.builds(
    period,
    st.sampled_from(Status),
    type=st.sampled_from(["ACE", "AEOF"]),
    abroad=st.sampled_from(Status),
    number=st.sampled_from([None, "N1"]),
    roles=st.sampled_from([(), (Role.EXPORTER,)]),
    flags=st.sampled_from([(), ("part_S_suspended",), ("under_reassessment",)]),
    valid_from=_instants,
    valid_to=_ends,
)
_links = st.builds(
    lambda value, since, until: replace(value, valid_from=since, valid_to=until),
    st.builds(
        link,
        st.sampled_from(LinkState),
        st.sampled_from(["A", "B"]),
        st.integers(0, 2),
        types=st.sampled_from([("ACE",), ("*",), ()]),
        programmes=st.sampled_from([(), ("CN-AEO",)]),
        roles=st.sampled_from([(), (Role.CARRIER,)]),
        direction=st.sampled_from([None, Direction.IMPORT]),
        hs=st.sampled_from([(), (HsCode("07"),)]),
        crossings=st.sampled_from([(), ("Heihe",)]),
        modes=st.sampled_from([(), ("rail",)]),
        from_=st.sampled_from([CN, EU]),
        to=st.sampled_from([US, EU]),
        consent_required=st.booleans(),
        identifier_scheme=st.sampled_from([None, "EORI"]),
        max_age_hours=st.sampled_from([None, 24]),
    ),
    _instants,
    _ends,
)
_worlds = st.builds(
    RecognitionFacts,
    tin=st.sampled_from([None, ACME, ACME, ACME]),
    administration=st.sampled_from([None, CN, CN, CN]),
    periods=st.lists(_periods, max_size=3),
    links=st.lists(_links, max_size=4),
    identifiers=st.lists(
        st.builds(
            Identified,
            st.just("EORI"),
            st.just("X"),
            st.just(None),
            st.just(None),
            _instants,
            _ends,
        ),
        max_size=1,
    ),
    consents=st.lists(st.builds(Consented, st.sampled_from([None, US, EU]), _instants, _ends)),
    members=st.lists(st.builds(Member, st.just(EU), st.sampled_from([CN, US]), _instants, _ends)),
    list_as_of=st.sampled_from([None, *INSTANTS[1:]]),
)
_questions = st.builds(
    Question,
    st.sampled_from([US, EU, CN]),
    _instants,
    st.sampled_from([None, Role.EXPORTER]),
    st.sampled_from([None, Direction.EXPORT]),
    st.sampled_from([None, HsCode("1201")]),
    st.sampled_from([None, "", "Suifenhe"]),
    st.sampled_from([None, "road"]),
)
_zones = st.dictionaries(st.sampled_from([str(c) for c in CODES]), st.sampled_from(ZONES))


@settings(max_examples=600 * TIMES, deadline=None)
@given(_worlds, _questions, _zones)
def test_every_reason_of_every_world_has_a_sentence_that_is_made_of_its_code_and_facts(
    world: RecognitionFacts, asked: Question, zones: dict[str, str]
) -> None:
    given_ = recognise(world, asked)
    whatever = RecognitionResult(
        Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.UNKNOWN, tuple(ReasonCode), given_.bases
    )
    for answer in (given_, whatever):
        for reason in recognition_reasons(world, asked, answer, zones, all_of_it=True):
            assert reason.message.endswith(".")
            assert reason.message == sentence(reason.code, reason.facts)
            assert "None" not in reason.message
            for fact in reason.facts:
                assert fact.value and fact.name
                assert fact.zone is None or fact.zone in zones.values()


@settings(max_examples=200 * TIMES, deadline=None)
@given(st.lists(_links, max_size=4), _instants, _zones)
def test_the_same_of_the_results_of_controls(
    links: list[Link], at: datetime, zones: dict[str, str]
) -> None:
    asked = Inspection(CN, US, "Heihe", HsCode("07"), at)
    given_ = rely(links, [], asked)
    for answer in (given_, Reliance(Outcome.UNKNOWN, tuple(ReasonCode), tuple(links))):
        for reason in control_reasons(links, asked, answer, zones):
            assert reason.message.endswith(".")
            assert reason.message == sentence(reason.code, reason.facts)


@settings(max_examples=300 * TIMES, deadline=None)
@given(_worlds, _questions, _zones, st.randoms())
def test_a_sentence_is_there_whatever_facts_are_missing(
    world: RecognitionFacts, asked: Question, zones: dict[str, str], luck: random.Random
) -> None:
    answer = RecognitionResult(Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.UNKNOWN, tuple(ReasonCode))
    for reason in recognition_reasons(world, asked, answer, zones, all_of_it=True):
        some = [fact for fact in reason.facts if luck.random() < 0.5]
        odd = [Fact(name=f.name, value="\u202e \x1b", item=f.item, zone=f.zone) for f in some]
        for facts in (some, odd, []):
            said = sentence(reason.code, facts)
            assert said.endswith(".") and len(said) > 1


def test_every_code_has_a_sentence_for_no_facts() -> None:
    assert set(IN_GENERAL) == set(ReasonCode)


def test_no_zone_and_no_instant_is_beyond_a_civil_day() -> None:
    for zone in ZONES:
        for at in _edges():
            day = civil_day(at, zone)
            assert day is None or isinstance(day.isoformat(), str)


def _edges() -> Iterator[datetime]:
    for hours in range(15):
        yield from (ALWAYS + timedelta(hours=hours), NEVER_AT + timedelta(hours=hours))
    yield datetime.max.replace(tzinfo=UTC)


# -------------------------------------------------------------------- doors


HOME = "BT700000001"
#: Of two agreements one has a clause and the other has none; neither is implemented, and the
#: importer's civil days are an American's.
BHUTAN: list[Line] = [
    *(
        {
            "command": "register_administration",
            "administration": code,
            "name": f"Customs of {code}",
            "time_zone": zone,
            "effective": "1958-01-01",
            **PAPER,
        }
        for code, zone in (("US", "America/New_York"), ("BT", "Asia/Thimphu"))
    ),
    {
        "command": "register_programme",
        "programme": "BT-AEO",
        "administration": "BT",
        "name": "Programme BT-AEO",
        "types": ["AEO"],
        "effective": "2008-01-01",
        **PAPER,
    },
    agreement("BT-US-AEO"),
    {**agreement("BT-US-TWO"), "parties": ["BT", "US"]},
    clause("BT-US-AEO", "BT", "US", "AEO"),
    *operator(HOME, "Synthetic Spice", "BT-AEO", "AEO", "BTAEO1", "2019-01-07"),
]
SELECTIONS = (
    "code message",
    "code facts { name value item zone }",
    "code message facts { value name }",
    "facts { __typename name }",
    "facts { as: value }",
)


@pytest.fixture(scope="module")
def bhutan(region: Client) -> Client:
    record(region.database, *BHUTAN)
    return region


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("territory", ["US", "KR"])
def test_graphql_says_why_with_both_an_unimplemented_clause_and_none(
    bhutan: Client, selection: str, territory: str
) -> None:
    asked = (
        f'recognition(tin: "{HOME}", in: "{territory}", asOf: {{ at: "2026-11-01T12:00:00Z" }})'
        f" {{ reasons {{ {selection} }} }}"
    )
    # `history` has no plan, so that all of the second document goes to the resolvers.
    unplanned = f'operator(tin: "{HOME}") {{ history(first: 1) {{ edges {{ cursor }} }} }}'

    planned = bhutan.ask(f"{{ {asked} }}", AUDITOR)["recognition"]
    stock = bhutan.ask(f"{{ {asked} {unplanned} }}", AUDITOR)["recognition"]

    assert planned == stock
    assert planned["reasons"]


def _reason(client: Client, tin: str, territory: str) -> dict[str, Any]:
    reason, *_ = client.ask(
        f'{{ recognition(tin: "{tin}", in: "{territory}") {{ reasons'
        " { code message facts { name value item zone } } } }",
        AUDITOR,
    )["recognition"]["reasons"]
    found: dict[str, Any] = reason
    return found


def test_the_facts_of_a_reason_are_data(bhutan: Client) -> None:
    reason = _reason(bhutan, HOME, "US")  # the first of two

    assert reason["code"] == "AGREEMENT_NOT_IMPLEMENTED"
    assert "BT-US-AEO: United States had not implemented it" in reason["message"]
    told = {(fact["item"], fact["name"]): fact["value"] for fact in reason["facts"]}
    assert told[0, "territory"] == "US" and told[0, "home"] == "BT" and told[0, "operator"] == HOME
    assert told[1, "agreement"] == "BT-US-AEO" and told[1, "clause"] == "1"
    assert (1, "since") not in told


def test_a_date_among_the_facts_has_its_zone(bhutan: Client) -> None:
    facts = _reason(bhutan, "KR22222222", "CN")["facts"]

    assert {"name": "since", "value": "2026-03-01", "item": 1, "zone": "Asia/Seoul"} in facts


def test_the_page_of_such_an_operator_is_whole(bhutan: Client) -> None:
    page = bhutan.request("GET", f"/operators/{HOME}?in=US", headers=_cookie(bhutan, AUDITOR))
    assert page.status_code == 200, page.text
    assert "had not implemented it" in page.text


def _cookie(client: Client, subject: str) -> dict[str, str]:
    from api.access.tokens import issue
    from api.pages.query import COOKIE

    return {"cookie": f"{COOKIE}={issue(subject, client.home)}"}


def test_a_doubt_about_controls_names_the_goods_and_the_whole_interval() -> None:
    soya = Clause(RU, CN, ("*",), hs=(HsCode("1201"),), crossings=("Heihe-Blagoveshchensk",))
    days = [
        datetime(2014, 7, 31, 16, tzinfo=UTC),
        datetime(2014, 8, 30, 16, tzinfo=UTC),
        datetime(2017, 6, 12, 16, tzinfo=UTC),
        NEVER_AT,
    ]
    states = [LinkState.UNCERTAIN, LinkState.UNCERTAIN, LinkState.LIVE]
    links = [
        Link("CN-RU-CONTROL", AgreementKind.CONTROL_RESULTS, 23, soya, state, True, begun, ended)
        for state, begun, ended in zip(states, days, days[1:], strict=False)
    ]
    for at in (datetime(2014, 8, 15, tzinfo=UTC), datetime(2015, 1, 1, tzinfo=UTC)):
        asked = Inspection(RU, CN, "Heihe", HsCode("1201"), at)
        [reason] = control_reasons(links, asked, rely(links, [], asked), {"CN": "Asia/Shanghai"})
        assert reason.message == (
            "CN-RU-CONTROL: no source says whether it covered HS 1201 at Heihe from Russia into"
            f" China on {at:%Y-%m-%d}; the dates leave open 2014-08-01 to 2017-06-13."
        )
