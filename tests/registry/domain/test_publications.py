"""Claims and documents: what others published, as they published it."""

from __future__ import annotations

from datetime import date

import pytest

from registry.application.dispatch import begin
from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import BadValue
from registry.domain.publications import Claim, Document
from registry.domain.values import AdministrationCode, AgreementKind
from tests.law import CN, TODAY
from tests.registry.domain.test_administrations import administration
from tests.scenario import fact, given, when

ID = "BRI-2017"
GOAL = c.SetTarget(
    document=ID,
    target="by-2020",
    text="mutual recognition with every willing state",
    owner=CN,
    deadline=date(2020, 12, 31),
    relation=AgreementKind.AEO_MUTUAL_RECOGNITION,
    condition="willing",
    states=(AdministrationCode("KZ"), AdministrationCode("UZ")),
)


def document() -> Document:
    each_document: Document = given(
        Document,
        fact(Document.Published, document=ID, title="A plan", effective=date(2017, 5, 1)),
    )
    return each_document


@pytest.mark.parametrize("value", [-1, 2**31, 10**30])
def test_a_claim_is_a_count_that_can_be_answered(value: int) -> None:
    claim = c.PublishClaim(subject=CN, measure="partners", value=value, as_of=TODAY, source="x")

    with pytest.raises(BadValue, match="a count from 0"):
        begin(claim, Decision(TODAY, source="x"), lambda code: administration())


def test_a_goal_is_kept_in_its_own_words_and_once() -> None:
    new_document = document()

    [said] = when(new_document, GOAL)
    assert (said.fields["text"], said.fields["deadline"]) == (GOAL.text, date(2020, 12, 31))
    assert when(new_document, GOAL) == []


def test_a_state_that_is_found_willing_later_is_news_of_the_same_goal() -> None:
    new_document = document()
    when(new_document, GOAL)
    willing = c.SetTarget(
        document=ID,
        target="by-2020",
        text=GOAL.text,
        owner=CN,
        deadline=GOAL.deadline,
        relation=GOAL.relation,
        condition="willing",
        states=GOAL.states,
        willing={"KZ": "joint statement of 2018-06"},
    )

    assert when(new_document, willing)[0].fields["willing"] == {"KZ": "joint statement of 2018-06"}
    assert when(new_document, willing) == []


def test_two_goals_of_one_month_that_differ_are_both_kept() -> None:
    new_document = document()
    sister = c.SetTarget(
        document=ID, target="before-2020", text="mutual recognition with all", condition="all"
    )

    assert len(when(new_document, GOAL)) == len(when(new_document, sister)) == 1
    assert sorted(new_document.targets) == ["before-2020", "by-2020"]


def test_an_agreement_that_it_led_to_is_linked_once() -> None:
    new_document, link = document(), c.LinkAgreement(document=ID, agreement="CN-KZ-AEO")

    assert when(new_document, link) == [
        fact(Document.AgreementLinked, agreement="CN-KZ-AEO", effective=TODAY)
    ]
    assert when(new_document, link) == []


def test_two_sources_of_one_day_are_two_claims() -> None:
    one, other = (
        Claim.create_id(CN, "partners", date(2018, 2, 1), source) for source in ("gov.cn", "wto")
    )
    assert one != other
