"""One operator everyone knows, so that tests only say what is special about theirs."""

from __future__ import annotations

from datetime import date
from typing import Any

from registry.domain.operators.events import Operator
from registry.domain.values import Role, Tin
from tests.law import DE, KR, UCC, due
from tests.scenario import Fact, fact, given

ACME = Tin("DE8934842")
OTHER = Tin("DE1111111")
REF = "EU-AEO/1"

registered = fact(
    Operator.Registered,
    tin=ACME,
    administration=DE,
    time_zone="Europe/Berlin",
    name="Acme",
    roles=(Role.EXPORTER,),
    effective=date(2025, 1, 2),
)
lodged = fact(
    Operator.Lodged,
    authorisation=REF,
    programme="EU-AEO",
    type="AEOF",
    due=due("acceptance", "2025-07-02"),
    effective=date(2025, 6, 2),
)
accepted = fact(
    Operator.Accepted,
    authorisation=REF,
    due=due("decision", "2025-10-14"),
    effective=date(2025, 6, 16),
)
examined = fact(Operator.ExaminationStarted, authorisation=REF, effective=date(2025, 7, 1))
#: Decided on the tenth, in effect on the fifth day after (Delegated Act 2015/2446, Art. 29).
granted = fact(
    Operator.Granted,
    authorisation=REF,
    number="DEAEOF1",
    type="AEOF",
    roles=(Role.EXPORTER,),
    decided=date(2025, 9, 10),
    effective=date(2025, 9, 15),
)
suspended = fact(
    Operator.Suspended, authorisation=REF, reason="audit overdue", effective=date(2026, 2, 2)
)
lost_s = fact(
    Operator.Suspended, authorisation=REF, reason="no fence", part="S", effective=date(2026, 2, 2)
)
revoked = fact(
    Operator.Revoked,
    authorisation=REF,
    reason="fraud",
    barred_until=date(2029, 2, 2),
    effective=date(2026, 2, 2),
)
merged = fact(Operator.Merged, successor=OTHER, effective=date(2026, 2, 2))

applicant = (registered, lodged, accepted, examined)
authorised = (*applicant, granted)


def korean(*later: Fact) -> tuple[Fact, ...]:
    """An operator of a programme whose authorisations end after five years."""
    return (
        fact(
            Operator.Registered,
            tin=Tin("KR1234567"),
            administration=KR,
            name="Hana",
            time_zone="Asia/Seoul",
            effective=date(2020, 1, 6),
        ),
        fact(
            Operator.Lodged,
            authorisation="KR-AEO/1",
            programme="KR-AEO",
            type="AA",
            effective=date(2020, 2, 3),
        ),
        fact(
            Operator.Granted,
            authorisation="KR-AEO/1",
            number="KRAA1",
            type="AA",
            valid_until=date(2026, 4, 1),
            effective=date(2021, 4, 1),
        ),
        *later,
    )


def back(day: str) -> dict[str, Any]:
    """What a command says that reaches back: from when, and on which ground."""
    return {"effective": date.fromisoformat(day), "legal_ground": UCC}


def operator(*past: Fact) -> Operator:
    """The one everyone knows after all this; after nothing, as it was registered."""
    each_operator: Operator = given(Operator, *(past or (registered,)))
    return each_operator


def ended(kind: type[Any], **said: Any) -> Fact:
    return fact(kind, authorisation=REF, effective=date(2026, 2, 2), **said)
