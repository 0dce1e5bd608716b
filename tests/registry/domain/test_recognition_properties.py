"""What holds of every answer, whatever the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.domain.agreements.links import Link, LinkState
from registry.domain.consent import Consented, ConsentLaw
from registry.domain.operators.timeline import Identified
from registry.domain.recognition import Member, RecognitionFacts
from registry.domain.values import Outcome, Status
from tests.law import AU, CN, EU, KR
from tests.questions import AT, DAY, SINCE, ask, link, period
from tests.samples import ACME

_ends = st.sampled_from([None, AT, AT + DAY])
_periods = st.builds(
    period,
    st.sampled_from(Status),
    type=st.sampled_from(["ACE", "GCE"]),
    programme=st.sampled_from(["CN-AEO", "CN-OTHER"]),
    number=st.sampled_from(["N1", "N2"]),
    valid_to=_ends,
)
_links = st.builds(
    link,
    st.sampled_from(LinkState),
    st.sampled_from(["A", "B"]),
    st.integers(1, 2),
    types=st.sampled_from([("ACE",), ("GCE",), ("*",), ()]),
    to=st.sampled_from([KR, EU, AU]),
    consent_required=st.booleans(),
    identifier_scheme=st.sampled_from([None, "EORI", "MID"]),
    max_age_hours=st.sampled_from([None, 24]),
)
_facts = st.builds(
    RecognitionFacts,
    tin=st.just(ACME),
    administration=st.just(CN),
    periods=st.lists(_periods, max_size=3, unique_by=lambda p: (p.number, p.valid_to)),
    links=st.lists(_links, max_size=4, unique_by=lambda value: (value.agreement, value.ordinal)),
    identifiers=st.lists(
        st.builds(
            Identified,
            st.just("EORI"),
            st.sampled_from("XYZ"),
            st.just(None),
            st.just(None),
            st.just(SINCE),
            _ends,
        ),
        max_size=2,
    ),
    consents=st.lists(st.builds(Consented, st.sampled_from([None, KR, EU]), st.just(SINCE), _ends)),
    members=st.lists(st.builds(Member, st.just(EU), st.just(KR), st.just(SINCE), _ends)),
    consent_laws=st.lists(st.builds(ConsentLaw, st.just("CN-OTHER"), st.just(SINCE)), max_size=1),
    list_as_of=st.sampled_from([None, AT, AT - 2 * DAY]),
)


@given(_facts, st.randoms())
def test_the_order_of_the_facts_is_nothing_to_the_answer(
    told: RecognitionFacts, random: Any
) -> None:
    def shuffled(them: Sequence[Any]) -> list[Any]:
        return random.sample(list(them), len(them))

    again = RecognitionFacts(
        told.tin,
        told.administration,
        shuffled(told.periods),
        shuffled(told.identifiers),
        shuffled(told.consents),
        shuffled(told.links),
        told.members,
        told.consent_laws,
        told.list_as_of,
    )

    assert ask(again) == ask(told)


@given(_facts)
def test_what_is_recognised_says_on_which_basis_and_what_is_not_has_none(
    told: RecognitionFacts,
) -> None:
    answer = ask(told)

    assert (answer.legal is Outcome.RECOGNISED) == bool(answer.bases)
    assert answer.reasons
    assert list(answer.reasons) == sorted(set(answer.reasons), key=lambda r: r.value)


@given(_facts, _links)
def test_one_more_arrangement_never_takes_recognition_away(
    told: RecognitionFacts, more: Link
) -> None:
    before, after = ask(told), ask(replace(told, links=[*told.links, more]))

    if before.outcome is Outcome.RECOGNISED:
        assert after.outcome is Outcome.RECOGNISED
        assert set(before.bases) <= set(after.bases)


@given(_facts)
def test_a_withdrawn_consent_never_says_more_than_before(told: RecognitionFacts) -> None:
    without = ask(replace(told, consents=()))

    assert set(without.bases) <= set(ask(told).bases)


@given(_facts)
def test_no_answer_is_a_no_while_a_certain_yes_is_among_the_facts(told: RecognitionFacts) -> None:
    live = link(agreement="Z", types=("*",))
    valid = period(programme="CN-AEO", number="N9")
    certain = replace(
        told,
        links=[*told.links, live],
        periods=[*told.periods, valid],
        consents=[*told.consents, Consented(KR, SINCE)],
        members=(),
    )

    assert ask(certain).outcome is Outcome.RECOGNISED
