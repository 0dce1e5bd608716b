"""Consent is given and withdrawn as the law of the operator's programme has it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import BadValue, GroundNeeded, WrongDates, WrongStatus
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.values import RuleState
from tests.law import KR, PROGRAMMES, TODAY, programme
from tests.samples import ACME, authorised, operator
from tests.scenario import fact, refused, when

SAQ = {"proof": "self-assessment questionnaire 7", "proof_sha256": "ab" * 32}
BRUSSELS = Decision(date(2008, 1, 1), source="mutual recognition page of TAXUD")


@pytest.fixture
def european(monkeypatch: pytest.MonkeyPatch) -> Iterator[Programme]:
    """The law of the European Union knows one general consent, in writing."""
    law = programme("EU-AEO", ("AEOF",))
    law.set_rule(BRUSSELS, "sharing_consent", "general")
    law.set_rule(BRUSSELS, "consent_proof", "written")
    monkeypatch.setitem(PROGRAMMES, "EU-AEO", law)
    yield law


def test_a_general_consent_is_given_and_withdrawn_with_its_proof(european: Programme) -> None:
    acme = operator(*authorised)
    give = c.GiveConsent(tin=ACME, general=True, **SAQ)
    take = c.WithdrawConsent(tin=ACME, general=True, proof="letter of 10 March")

    assert when(acme, give) == [fact(Operator.ConsentGiven, general=True, effective=TODAY, **SAQ)]
    assert when(acme, give) == []
    assert acme.consents == {"+"}
    assert when(acme, take) == [
        fact(Operator.ConsentWithdrawn, general=True, effective=TODAY, proof="letter of 10 March")
    ]
    assert acme.consents == set()


def test_a_consent_to_one_partner_is_refused_where_the_law_has_a_general_one(
    european: Programme,
) -> None:
    said = refused(WrongStatus, operator(*authorised), c.GiveConsent(tin=ACME, partner=KR, **SAQ))

    assert "EU-AEO knows one general consent" in said and "TAXUD" in said
    assert "general: true" in said


def test_a_general_consent_is_refused_where_no_law_knows_one() -> None:
    assert "no law of consent is on record" in refused(
        WrongStatus, operator(*authorised), c.GiveConsent(tin=ACME, general=True)
    )


def test_a_written_consent_needs_its_document_and_so_does_its_withdrawal(
    european: Programme,
) -> None:
    acme = operator(*authorised)
    assert "asks for a written consent" in refused(
        GroundNeeded, acme, c.GiveConsent(tin=ACME, general=True)
    )
    when(acme, c.GiveConsent(tin=ACME, general=True, **SAQ))
    assert "proof: found nothing" in refused(
        GroundNeeded, acme, c.WithdrawConsent(tin=ACME, general=True)
    )


def test_what_was_never_given_cannot_be_withdrawn(european: Programme) -> None:
    take = c.WithdrawConsent(tin=ACME, general=True, **SAQ)

    assert "gave no general consent" in refused(WrongStatus, operator(*authorised), take)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"proof_sha256": "ab" * 32}, "proof: found nothing"),
        ({"proof": "letter", "proof_sha256": "AB"}, "wanted 64 hexadecimal digits"),
        ({"proof": " "}, "proof: found 1 characters"),
    ],
)
def test_a_proof_is_a_reference_and_perhaps_a_hash(wrong: dict[str, Any], said: str) -> None:
    assert said in refused(BadValue, operator(), c.GiveConsent(tin=ACME, partner=KR, **wrong))


def test_a_consent_decided_in_the_future_is_refused(european: Programme) -> None:
    give = c.GiveConsent(tin=ACME, general=True, decided=date(2026, 4, 1), **SAQ)

    assert "today is 2026-03-10" in refused(WrongDates, operator(*authorised), give)


@pytest.mark.parametrize(
    ("rule", "value", "said"),
    [
        ("sharing_consent", "sometimes", "'per partner' or 'general'"),
        ("consent_proof", "oral", "'written'"),
        ("adequate.KR", "yes", "'adequate'"),
        ("adequate.Korea", "adequate", "wanted a partner, like adequate.JP"),
    ],
)
def test_a_law_of_consent_has_its_own_words(rule: str, value: str, said: str) -> None:
    with pytest.raises(BadValue, match=said):
        programme("EU-AEO", ("AEOF",)).set_rule(BRUSSELS, rule, value)


def test_that_a_partner_is_adequate_needs_a_source() -> None:
    law = programme("EU-AEO", ("AEOF",))

    for state, value in ((RuleState.VALUE, "adequate"), (RuleState.UNKNOWN, None)):
        with pytest.raises(GroundNeeded, match="data protection of KR"):
            law.set_rule(Decision(date(2008, 1, 1)), "adequate.KR", value, state=state)
