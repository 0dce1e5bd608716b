"""A better reading of the public record: recorded as an amendment, never written over."""

from __future__ import annotations

from datetime import date

import pytest

from registry.domain import commands as c
from registry.domain.agreements.events import Agreement, Party
from registry.domain.errors import BadValue, WrongStatus
from registry.domain.publications import Claim, Document
from registry.domain.values import AdministrationCode, AgreementKind
from tests.law import CN
from tests.scenario import fact, given, when

TODAY = date(2026, 3, 1)
RU = AdministrationCode("RU")


def document() -> Document:
    published = fact(
        Document.Published,
        document="PLAN",
        title="A plan",
        measures=("ports", "rail"),
        titles={"zh-Hans": "计划"},
        effective=date(2018, 2, 2),
    )
    found: Document = given(Document, published)
    return found


def agreement() -> Agreement:
    proposed = fact(
        Agreement.Proposed,
        agreement="A",
        kind=AgreementKind.OTHER,
        title="A corridor",
        parties=(Party(CN, "Asia/Shanghai"), Party(RU, "Europe/Moscow")),
        details={"mode": "rail"},
        effective=date(2018, 2, 2),
    )
    found: Agreement = given(Agreement, proposed)
    return found


def test_a_better_title_is_an_event_and_what_is_left_out_stays() -> None:
    new_document = document()

    [said] = when(new_document, c.AmendDocument(document="PLAN", title="The plan of 2018"))

    assert said.fields["title"] == "The plan of 2018"
    assert (new_document.reading.title, new_document.reading.measures) == (
        "The plan of 2018",
        ("ports", "rail"),
    )
    assert new_document.reading.titles == {"zh-Hans": "计划"}


def test_names_add_to_those_that_are_known() -> None:
    new_document = document()
    when(
        new_document, c.AmendDocument(document="PLAN", measure_names={"zh-Hans": {"ports": "港口"}})
    )
    when(
        new_document, c.AmendDocument(document="PLAN", measure_names={"zh-Hans": {"rail": "铁路"}})
    )

    assert new_document.reading.measure_names == {"zh-Hans": {"ports": "港口", "rail": "铁路"}}


def test_the_same_amendment_again_records_nothing_and_from_another_day_is_refused() -> None:
    new_document = document()
    better = c.AmendDocument(
        document="PLAN", note="read again", effective=TODAY, source="the archive"
    )
    assert len(when(new_document, better)) == 1
    assert when(new_document, better) == []

    later = c.AmendDocument(
        document="PLAN", note="read again", effective=date(2026, 3, 2), source="the archive"
    )
    with pytest.raises(BadValue, match="says already"):
        when(new_document, later)


def test_original_words_of_a_measure_that_is_not_there_are_refused() -> None:
    with pytest.raises(BadValue, match="measureNames: found 'air'"):
        when(document(), c.AmendDocument(document="PLAN", measure_names={"zh": {"air": "空"}}))


def test_an_agreement_learns_what_its_crossings_are_called() -> None:
    new_agreement = agreement()

    when(
        new_agreement,
        c.AmendAgreement(
            agreement="A", details={"route": "by Heihe"}, names={"zh-Hans": {"Heihe": "黑河"}}
        ),
    )

    assert new_agreement.reading.details == {"mode": "rail", "route": "by Heihe"}
    assert new_agreement.reading.names == {"zh-Hans": {"Heihe": "黑河"}}


def test_a_claim_that_its_source_does_not_make_is_retracted_once_and_with_a_reason() -> None:
    published = fact(
        Claim.Published, subject=CN, measure="reforms", value=59, as_of=TODAY, effective=TODAY
    )
    claim: Claim = given(Claim, published)

    def retract(why: str) -> c.RetractClaim:
        return c.RetractClaim(subject=CN, measure="reforms", as_of=TODAY, why=why)

    with pytest.raises(BadValue, match="why: found nothing"):
        when(claim, retract(" "))
    assert len(when(claim, retract("another measure is meant"))) == 1
    assert when(claim, retract("another measure is meant")) == []
    with pytest.raises(WrongStatus, match="the retraction of this claim"):
        when(claim, retract("no longer believed"))
