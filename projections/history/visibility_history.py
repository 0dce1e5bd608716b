"""Whether a subject could see an operator at an earlier position of the sequence of events.

All functions are pure; what is visible now is decided in SQL, in projections/reads/visibility.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from projections.history.belief_history import LawBeliefs, OperatorBeliefs
from projections.reads.visibility import VisibilityScope
from registry.domain.consent import is_consented, requiring
from registry.domain.recognition import RecognitionFacts, is_valid_at
from registry.domain.values import AdministrationCode


def can_see(
    beliefs: OperatorBeliefs,
    facts: RecognitionFacts,
    scope: VisibilityScope,
    position: int,
    at: datetime,
) -> bool:
    """True where the subject may see this operator at that instant (UTC), by what was believed at a
    position.

    The same as VISIBLE in projections/reads/visibility.py, for partners, officers and auditors.
    """
    return is_visible(
        beliefs.administration,
        beliefs.subject_law,
        facts,
        scope,
        position,
        at,
        lambda: beliefs.certified(position),
    )


def is_visible(
    home: AdministrationCode,
    law: LawBeliefs,
    facts: RecognitionFacts,
    scope: VisibilityScope,
    position: int,
    at: datetime,
    certified: Callable[[], bool],
) -> bool:
    """The same for an operator of this home, by the law towards the subject's own territory.

    `certified`: whether anything was granted by that position.
    """
    if scope.role == "auditor":
        return True
    if scope.administration is None or scope.role not in ("partner", "officer"):
        return False
    partner = AdministrationCode(scope.administration)
    if scope.role == "officer" and (
        home == partner
        or any(
            m.bloc == partner and m.member == home and is_valid_at(m, at)
            for m in law.at(position).members
        )
    ):
        return True
    access = law.access(home, partner, position, at)
    if access is None or not certified():
        return False
    programmes = {period.programme for period in facts.periods}
    if not access.consent_required and requiring(access.consent_laws).isdisjoint(programmes):
        return True
    consents = [c for c in facts.consents if is_valid_at(c, at)]
    return is_consented(programmes, consents, access.consent_laws, access.consent_to)
