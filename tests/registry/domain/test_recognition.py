"""The one question, answer by answer: every reason has the facts that give it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry.domain.agreements.links import LinkState
from registry.domain.consent import Consented, ConsentLaw
from registry.domain.operators.timeline import Identified
from registry.domain.recognition import Member, RecognitionFacts, crosses
from registry.domain.values import (
    AdministrationCode,
    Outcome,
    ReasonCode,
    Role,
    Status,
)
from tests.law import AU, CN, DE, EU, FR, GB, JP, KR
from tests.questions import AT, DAY, SINCE, ask, facts, link, period, said
from tests.registry.domain.recognition_cases import CASES, NO, UNKNOWN, YES
from tests.samples import ACME


@pytest.mark.parametrize(
    ("told", "about", "outcome", "reasons"),
    [pytest.param(*case[1:], id=case[0]) for case in CASES],
)
def test_the_answer_and_its_reasons(
    told: RecognitionFacts, about: dict[str, Any], outcome: str, reasons: list[str]
) -> None:
    assert said(ask(told, **about)) == (outcome, reasons)


def test_every_reason_is_among_the_cases() -> None:
    found = {reason for *_, reasons in CASES for reason in reasons}

    assert {reason.value for reason in ReasonCode} - found == {
        "SAME_ADMINISTRATION",
        "NO_CONSENT",  # the latter is how the other is told at home
    }


def test_legal_and_operational_are_told_apart() -> None:
    unmatched = ask(facts(links=(link(identifier_scheme="EORI"),)))
    stale = ask(facts(links=(link(max_age_hours=24),), list_as_of=AT - 2 * DAY))

    assert unmatched.legal is stale.legal is Outcome.RECOGNISED
    assert (unmatched.outcome, unmatched.operational) == (
        Outcome.RECOGNISED,
        Outcome.NOT_RECOGNISED,
    )
    assert (stale.outcome, stale.operational) == (Outcome.UNKNOWN, Outcome.UNKNOWN)


def test_a_stretch_ends_where_the_next_begins() -> None:
    told = facts(periods=(period(valid_to=AT), period(Status.REVOKED, valid_from=AT)))

    assert said(ask(told)) == (NO, ["AUTHORISATION_ENDED"])
    assert said(ask(told, at=AT - timedelta(microseconds=1))) == (YES, ["IN_FORCE"])


HIDDEN = (UNKNOWN, ["NO_INFORMATION"])


@pytest.mark.parametrize("standing", list(Status))
@pytest.mark.parametrize("state", list(LinkState))
def test_without_consent_an_operator_is_answered_like_one_that_nobody_knows(
    standing: Status, state: LinkState
) -> None:
    told = facts(periods=(period(standing),), links=(link(state, consent_required=True),))

    assert ask(told) == ask(RecognitionFacts(None))


@pytest.mark.parametrize(
    ("partner", "expected"), [(KR, (YES, ["IN_FORCE"])), (AU, HIDDEN), (None, HIDDEN)]
)
def test_consent_is_to_that_partner_and_publication_is_not_consent_to_share(
    partner: AdministrationCode | None, expected: Any
) -> None:
    told = facts(links=(link(consent_required=True),), consents=(Consented(partner, SINCE),))

    assert said(ask(told)) == expected


def test_consent_that_was_withdrawn_holds_no_longer() -> None:
    told = facts(links=(link(consent_required=True),), consents=(Consented(KR, SINCE, AT),))

    assert said(ask(told)) == HIDDEN
    assert said(ask(told, at=AT - DAY)) == (YES, ["IN_FORCE"])


def test_a_programme_s_own_law_may_ask_for_consent() -> None:
    told = facts(consent_laws=(ConsentLaw("CN-AEO", SINCE),))

    assert said(ask(told)) == HIDDEN
    assert said(ask(replace(told, consents=(Consented(KR, SINCE),)))) == (YES, ["IN_FORCE"])


GENERAL = ConsentLaw("CN-AEO", SINCE, general=True)
TO_ALL = Consented(None, SINCE, general=True)


@pytest.mark.parametrize(
    ("adequate", "consent", "answer"),
    [
        (KR, TO_ALL, (YES, ["IN_FORCE"])),
        (JP, TO_ALL, HIDDEN),  # Korea was not found adequate
        (KR, Consented(KR, SINCE), HIDDEN),  # the law does not know a consent to one partner
        (KR, Consented(None, SINCE, AT, general=True), HIDDEN),  # withdrawn, towards every partner
    ],
)
def test_a_general_consent_reaches_every_partner_found_adequate(
    adequate: AdministrationCode, consent: Consented, answer: tuple[str, list[str]]
) -> None:
    found = ConsentLaw("CN-AEO", SINCE, adequate=adequate)
    told = facts(consent_laws=(GENERAL, found), consents=(consent,))

    assert said(ask(told)) == answer


def test_a_partner_of_a_bloc_found_adequate_is_reached_while_the_finding_holds() -> None:
    found = ConsentLaw("CN-AEO", SINCE, AT, adequate=EU)
    told = facts(
        links=(link(to=DE),),
        members=(Member(EU, DE, SINCE),),
        consent_laws=(GENERAL, found),
        consents=(TO_ALL,),
    )

    assert said(ask(told, DE, at=AT - DAY)) == (YES, ["IN_FORCE"])
    assert said(ask(told, DE)) == HIDDEN


def test_consent_to_a_bloc_is_consent_to_its_members() -> None:
    told = facts(
        links=(link(to=EU, consent_required=True),),
        members=(Member(EU, DE, SINCE),),
        consents=(Consented(EU, SINCE),),
    )

    assert said(ask(told, DE)) == (YES, ["IN_FORCE"])


def test_consent_to_a_bloc_counts_for_its_members_own_agreements_of_that_day() -> None:
    told = facts(
        links=(link(to=DE, consent_required=True),),
        members=(Member(EU, DE, SINCE),),
        consents=(Consented(EU, SINCE),),
    )
    assert said(ask(told, territory=DE)) == (YES, ["IN_FORCE"])

    left = replace(told, members=(Member(EU, DE, SINCE, AT),))
    assert said(ask(left, territory=DE)) == (UNKNOWN, ["NO_INFORMATION"])


def test_where_one_of_two_arrangements_asks_for_no_consent_it_carries_alone() -> None:
    told = facts(links=(link(agreement="A", consent_required=True), link(agreement="B")))

    answer = ask(told)

    assert said(answer) == (YES, ["IN_FORCE"])
    assert [basis.agreement for basis in answer.bases] == ["B"]


MEMBERS = (Member(EU, DE, SINCE), Member(EU, FR, SINCE), Member(EU, GB, SINCE, AT))


@pytest.mark.parametrize("territory", [DE, FR, EU])
def test_at_home_there_is_nothing_to_recognise_mutually(territory: AdministrationCode) -> None:
    told = facts(administration=DE, members=MEMBERS)

    assert said(ask(told, territory)) == (YES, ["SAME_ADMINISTRATION"])
    ended = replace(told, periods=(period(Status.REVOKED),))
    assert said(ask(ended, territory)) == (NO, ["AUTHORISATION_ENDED", "SAME_ADMINISTRATION"])


def test_a_part_that_is_suspended_for_partners_is_valid_at_home() -> None:
    told = facts(administration=DE, members=MEMBERS, periods=(period(abroad=Status.SUSPENDED),))

    assert said(ask(told, FR)) == (YES, ["SAME_ADMINISTRATION"])


def test_a_bloc_stands_for_its_members_of_that_day() -> None:
    # Acceptance case 3: the United Kingdom leaves the customs territory, and the set.
    told = facts(links=(link(to=EU),), members=MEMBERS)

    assert said(ask(told, GB, at=AT - timedelta(seconds=1))) == (YES, ["IN_FORCE"])
    assert said(ask(told, GB, at=AT)) == (NO, ["NO_AGREEMENT"])
    assert said(ask(told, FR)) == (YES, ["IN_FORCE"])


def test_an_operator_of_a_member_is_one_of_the_bloc() -> None:
    told = facts(administration=FR, links=(link(from_=EU),), members=MEMBERS)

    assert said(ask(told)) == (YES, ["IN_FORCE"])


def test_every_basis_is_listed_and_ending_one_leaves_the_rest() -> None:
    # Acceptance case 11: three arrangements cover the pair, and one ends.
    three = [link(agreement=name) for name in ("A", "B", "C")]
    two = [link(LinkState.TERMINATED, "A"), *three[1:]]

    assert [b.agreement for b in ask(facts(links=three)).bases] == ["A", "B", "C"]
    after = ask(facts(links=two))
    assert said(after) == (YES, ["IN_FORCE"])
    assert [b.agreement for b in after.bases] == ["B", "C"]


def test_what_is_uncertain_beats_what_is_not_and_yields_to_what_is() -> None:
    told = (link(LinkState.TERMINATED, "A"), link(LinkState.UNCERTAIN, "B"))

    assert said(ask(facts(links=told))) == (UNKNOWN, ["DATE_UNCERTAIN"])
    assert said(ask(facts(links=(*told, link(agreement="C"))))) == (YES, ["IN_FORCE"])


def test_of_several_ways_that_fail_each_says_why_in_the_order_of_the_alphabet() -> None:
    told = (link(agreement="A", types=()), link(LinkState.NOT_IMPLEMENTED, "B"))

    assert said(ask(facts(links=told))) == (
        NO,
        ["AGREEMENT_NOT_IMPLEMENTED", "TYPE_OUT_OF_SCOPE"],
    )


def test_one_way_that_can_be_used_is_enough() -> None:
    told = facts(links=(link(agreement="A", identifier_scheme="EORI"), link(agreement="B")))

    answer = ask(told)

    assert answer.operational is Outcome.RECOGNISED
    assert [b.agreement for b in answer.bases] == ["A", "B"]


def test_a_basis_says_since_when_by_which_number_and_where_it_is_declared() -> None:
    later = SINCE + 90 * DAY
    told = facts(
        periods=(period(valid_from=later),),
        links=(
            link(
                identifier_scheme="CN_REG",
                declaration_box="3/39",
                benefits=("fewer checks",),
                assumed=True,
            ),
        ),
        identifiers=(
            Identified("CN_REG", "1234567890", CN, None, SINCE),
            Identified("CN_REG", "0000000001", CN, None, SINCE, AT),
        ),
    )

    [basis] = ask(told).bases

    assert (basis.agreement, basis.authorisation, basis.since) == ("CN-KR-AEO", "N1", later)
    assert (basis.identifier_scheme, basis.identifier) == ("CN_REG", "1234567890")
    assert (basis.declaration_box, basis.benefits, basis.assumed) == (
        "3/39",
        ("fewer checks",),
        True,
    )


def test_a_basis_counts_from_the_beginning_of_the_whole_stretch() -> None:
    days = [SINCE + n * 100 * DAY for n in range(5)]

    def course(*said: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(
            period(valid_from=start, valid_to=end, **how)
            for start, end, how in zip(days, [*days[1:4], None], said, strict=False)
        )

    # A reassessment, other roles and a renewal begin a row, and no stretch.
    rows = course(
        {},
        {"flags": ("under_reassessment",)},
        {"roles": (Role.CARRIER,)},
        {"valid_until": (AT + 900 * DAY).date()},
    )
    assert [b.since for b in ask(facts(periods=rows)).bases] == [days[0]]
    # A suspension ends one, also of the part alone that partners recognise; so does another type.
    for how in ({"status": Status.SUSPENDED}, {"abroad": Status.SUSPENDED}, {"type": "GCE"}):
        rows = course({}, how, {}, {"flags": ("remediation",)})
        assert [b.since for b in ask(facts(periods=rows)).bases] == [days[2]]


def test_where_no_scheme_is_agreed_the_tin_is_the_key() -> None:
    [basis] = ask(facts()).bases

    assert (basis.identifier_scheme, basis.identifier) == (None, ACME.text)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Heihe-Blagoveshchensk", True),
        ("heihe - blagoveshchensk", True),
        ("Blagoveshchensk\N{EN DASH}Heihe", True),
        ("HEIHE", True),
        ("Heihe-Pogranichny", False),
        ("Hei", False),
    ],
)
def test_a_crossing_is_one_however_it_is_spelt(asked: str, found: bool) -> None:
    assert crosses(("Suifenhe-Pogranichny", "Heihe-Blagoveshchensk"), asked) is found


def test_between_two_readings_of_a_list_its_own_territory_knows_no_more() -> None:
    told = facts(periods=(period(Status.UNCERTAIN),))
    assert said(ask(told, CN)) == (UNKNOWN, ["DATE_UNCERTAIN", "SAME_ADMINISTRATION"])


def test_a_recognition_that_rests_on_a_list_is_marked_assumed() -> None:
    told = facts(periods=(period(abroad=Status.LISTED, flags=("listed",)),))
    assert [basis.assumed for basis in ask(told, KR).bases] == [True]
