"""A Chinese exporter, an arrangement with Korea, and the one question about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from registry.domain.agreements.events import Clause
from registry.domain.agreements.links import Link, LinkState
from registry.domain.operators.timeline import Period
from registry.domain.recognition import Question, RecognitionFacts, RecognitionResult, recognise
from registry.domain.values import AdministrationCode, AgreementKind, Role, Status
from tests.law import CN, KR
from tests.samples import ACME

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def period(status: Status = Status.VALID, **said: Any) -> Period:
    return Period(
        **{
            "authorisation": "CN-AEO/1",
            "programme": "CN-AEO",
            "type": "ACE",
            "status": status,
            "abroad": status,
            "valid_from": SINCE,
            "number": "N1",
            "roles": (Role.EXPORTER,),
        }
        | said
    )


def link(
    state: LinkState = LinkState.LIVE,
    agreement: str = "CN-KR-AEO",
    ordinal: int = 1,
    assumed: bool = False,
    **clause: Any,
) -> Link:
    about = {"from_": CN, "to": KR, "types": ("ACE",)} | clause
    kind = AgreementKind.AEO_MUTUAL_RECOGNITION
    return Link(agreement, kind, ordinal, Clause(**about), state, assumed, SINCE)


def facts(**said: Any) -> RecognitionFacts:
    """A Chinese advanced certified exporter, and an arrangement with Korea that is live."""
    return RecognitionFacts(
        **{"tin": ACME, "administration": CN, "periods": (period(),), "links": (link(),)} | said
    )


def ask(
    told: RecognitionFacts, territory: AdministrationCode = KR, **about: Any
) -> RecognitionResult:
    return recognise(told, Question(**{"territory": territory, "at": AT} | about))


def said(answer: RecognitionResult) -> tuple[str, list[str]]:
    return answer.outcome.value, [reason.value for reason in answer.reasons]
