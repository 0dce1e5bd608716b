"""Whether a subject sees an operator, and which of its fields, as one pure decision.

The SQL of every statement (projections/reads/visibility.py) and the policies of row-level security
(ops/migrations/0355_row_level_security.sql) say the same for rows; a test compares the three over
generated registers (tests/projections/reads/test_row_security.py). Which field is whose is data:
the tables in api/access/permissions.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from api.access.permissions import NOT_FOR_THE_PUBLIC, READING
from api.access.policy import Resource, Subject, SubjectRole, decide
from api.access.policy import operator as resource_of
from projections.history.agreement_access import agreement_access
from registry.domain.consent import TO_THE_PUBLIC, Consented, is_consented, requiring
from registry.domain.recognition import RecognitionFacts, is_valid_at
from registry.domain.values import AdministrationCode, Tin


class Disclosure(Enum):
    """What a subject is given of a field."""

    VISIBLE = "visible"  # its value, as `Reader` limits it
    REDACTED = "redacted"  # REDACTED, nothing, or the error FORBIDDEN: it exists, and is not shown
    ABSENT = "absent"  # the operator is as one that was never registered


@dataclass(frozen=True)
class OperatorFacts:
    """What decides who sees an operator, as known now.

    `facts`: its consents and authorisations, the agreements, blocs and laws on consent.
    `programmes`: of its authorisations, whatever their status. `certified`: something was granted
    to it by now (registry/domain/disclosure.py).
    """

    tin: Tin
    home: AdministrationCode
    facts: RecognitionFacts
    programmes: frozenset[str]
    certified: bool


def sees(subject: Subject, operator: OperatorFacts, now: datetime) -> bool:
    """Whether the subject sees the operator at this instant (UTC). Pure."""
    match subject.role:
        case SubjectRole.AUDITOR:
            return True
        case SubjectRole.COMPANY:
            return operator.tin == subject.tin
        case SubjectRole.PUBLIC:
            scopes = {consent.scope for consent in _consents(operator, now)}
            return operator.certified and TO_THE_PUBLIC in scopes
    if subject.role is SubjectRole.OFFICER and operator.home in subject.own:
        return True
    assert subject.administration is not None
    access = agreement_access(operator.facts, operator.home, subject.administration, now)
    if access is None or not operator.certified:
        return False
    laws = access.consent_laws
    if not access.consent_required and requiring(laws).isdisjoint(operator.programmes):
        return True
    return is_consented(operator.programmes, _consents(operator, now), laws, access.consent_to)


def _consents(operator: OperatorFacts, now: datetime) -> list[Consented]:
    return [consent for consent in operator.facts.consents if is_valid_at(consent, now)]


def disclosure(
    subject: Subject, operator: OperatorFacts, type: str, field: str, now: datetime
) -> Disclosure:
    """What the subject is given of a field of `FIELDS`, of this operator. Pure."""
    if not sees(subject, operator, now):
        return Disclosure.ABSENT
    return field_disclosure(subject, resource_of(operator.tin), type, field)


def field_disclosure(subject: Subject, about: Resource, type: str, field: str) -> Disclosure:
    """The same of an operator that the subject sees. Pure."""
    public = subject.role is SubjectRole.PUBLIC
    if public and field in NOT_FOR_THE_PUBLIC.get(type, ()):
        return Disclosure.REDACTED
    if (type, field) in READING:
        allowed = decide(subject, READING[type, field], about).allowed
        return Disclosure.VISIBLE if allowed else Disclosure.REDACTED
    return Disclosure.VISIBLE
