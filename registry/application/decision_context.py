"""What a decision stands on: the day, who decides, and on which ground."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from registry.application.cache import (
    ReferenceData,
)
from registry.application.dispatch import known_zone
from registry.domain import commands as c
from registry.domain.decisions import Decision, civil_day_of
from registry.domain.errors import (
    BadValue,
    KnownTooLate,
    WrongDates,
)
from registry.domain.operators.events import Operator
from registry.domain.values import AdministrationCode


def decision_of(
    command: c.Command,
    aggregate: BaseAggregate[UUID] | None,
    decided_by: AdministrationCode | None,
    facts: ReferenceData,
) -> Decision:
    """Builds the Decision of a command: the current day in the time zone of the deciding
    authority, and who decides. Raises BadValue, KnownTooLate, WrongDates."""
    now = datetime.now(UTC)
    if command.known_at is not None:
        if command.known_at.tzinfo is None:
            raise BadValue(
                "knownAt: found %(known_at)s, wanted an instant with a zone",
                known_at=command.known_at,
            )
        if command.known_at > now:
            raise KnownTooLate("knownAt: %(known_at)s is in the future", known_at=command.known_at)
    authority = command.decided_by or decided_by
    is_operator = authority is None and isinstance(command, c.OperatorCommand)
    zone: str | None = None
    if isinstance(command, c.OperatorCommand):
        authority = authority or AdministrationCode(command.tin.country)
        zone = aggregate.time_zone if isinstance(aggregate, Operator) else None
    elif isinstance(command, c.RegisterAdministration):
        # an administration may register itself, so its zone is not stored yet
        zone = known_zone(command.time_zone)
    if zone is None:
        zone = facts.administration(authority).time_zone if authority else "UTC"
    for name, day in (("effective", command.effective), ("decided", command.decided)):
        if day and not date(1900, 1, 1) <= day <= date(2200, 1, 1):
            raise WrongDates(
                "%(field)s: found %(day)s, wanted one from 1900 to 2200", field=name, day=day
            )
    return Decision(
        today=civil_day_of(command.known_at or now, zone),
        effective=command.effective,
        decided=command.decided,
        decided_by=authority,
        legal_ground=command.legal_ground,
        source=command.source,
        programme=facts.programme,
        administration=facts.administration,
        moment=command.known_at or now,
        is_operator=is_operator,
    )
