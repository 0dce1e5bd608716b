"""The decisions on the suspension of an authorisation: suspend, extend, lift.

Each decision refuses, records one event, or records nothing because the event is recorded already.
Every number of days comes from the programme's rules of the day, never from this code.
"""

from __future__ import annotations

from datetime import date

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
    NotOffered,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators import preconditions
from registry.domain.operators.authorisation import Due
from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import (
    IN_USE,
    STATUS_EVENTS,
    event_fields,
    events_in_force,
    find_authorisation,
    is_about,
    record_event,
    required_reason,
)
from registry.domain.operators.repeated_decisions import is_earlier, refuse_unless_identical_change
from registry.domain.operators.statutory_deadlines import rules_of_day
from registry.domain.repeated_commands import (
    refuse_unless_identical,
    value_in_words,
)
from registry.domain.sentences import Sentence
from registry.domain.values import Status


def suspend(operator: Operator, command: c.SuspendAuthorisation, by: Decision) -> None:
    """Records a suspension (UCC Delegated Act Art. 16-18), of the whole or of one part.

    An AEOF that loses its S part can remain an AEOC. A recorded suspension can be recorded again
    from an earlier day; the command then states the same end, because another end needs an
    extension or a release. Raises AlreadyRecorded, NotOffered, WrongDates, WrongStatus.
    """
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, Sentence("suspended")
    )
    reason, day = required_reason(command.reason), event_fields(operator, by)["effective"]
    of_day = rules_of_day(operator, preconditions.find_programme(by, authorisation.programme), day)
    rules = of_day.rules
    parts = rules.parts(authorisation.type)
    if command.part and (command.part not in parts or parts == {authorisation.type}):
        raise NotOffered(
            "part: %(type)s has no part %(part)s, only %(parts)s",
            type=authorisation.type,
            part=repr(command.part),
            parts=preconditions.in_words(parts),
        )
    # A type with a single part is suspended as a whole.
    part = None if parts == {command.part} else command.part
    if command.until and command.until <= day:
        raise WrongDates(
            "until: %(until)s is not after %(day)s, its beginning", until=command.until, day=day
        )
    same: list[Operator.Event] = []
    if authorisation.status is Status.SUSPENDED and authorisation.suspended_part in (None, part):
        kinds = (Operator.Suspended, Operator.SuspensionLifted)
        same = events_in_force(
            operator, is_about(authorisation, kinds), (Operator.SuspensionLifted,)
        )
        if not is_earlier(day, same):
            about = Sentence("the suspension of %(authorisation)s", authorisation=authorisation)
            cure = Sentence("another end is an extension or a release, another reason a correction")
            return refuse_unless_identical(
                same, by, about, cure, reason=reason, part=part, until=command.until
            )
        if command.until != authorisation.suspended_until:
            raise AlreadyRecorded(
                "until: found %(until)s, and the suspension of %(authorisation)s that "
                "stands is until %(suspended_until)s; an earlier beginning says the same "
                "end, another end is an extension or a release",
                until=value_in_words(command.until),
                authorisation=authorisation,
                suspended_until=value_in_words(authorisation.suspended_until),
            )
    if authorisation.suspended_part and part and authorisation.suspended_part != part:
        raise WrongStatus(
            "%(tin)s: part %(suspended_part)s of %(authorisation)s is suspended "
            "already; with part %(part)s the whole of it would be: suspend it without "
            "naming a part",
            tin=operator.tin,
            suspended_part=authorisation.suspended_part,
            authorisation=authorisation,
            part=part,
        )
    record_event(
        operator,
        Operator.Suspended,
        authorisation,
        by,
        STATUS_EVENTS,
        [e for e in same if isinstance(e, Operator.Suspended) and e.part == part],
        reason=reason,
        part=part,
        abroad=part is None or part == rules.recognised_part,
        until=command.until,
        due=_end_of_suspension(command.until)
        or of_day.due("end of suspension", "suspension_days", day),
        rule_unknown=None
        if command.until
        else preconditions.unknown_rules_field(rules.unknown("suspension_days")),
        ends_by_decision=rules.takes_decision("suspension_end") if command.until else None,
    )


def extend_suspension(operator: Operator, command: c.ExtendSuspension, by: Decision) -> None:
    """Records a later end of the suspension. Raises AlreadyRecorded, WrongDates."""
    authorisation = find_authorisation(
        operator, by, command.authorisation, {Status.SUSPENDED}, Sentence("suspended for longer")
    )
    if authorisation.suspended_until == command.until:
        kinds = (Operator.SuspensionExtended, Operator.Suspended)
        last = events_in_force(operator, is_about(authorisation, kinds), (Operator.Suspended,))
        already = Sentence(
            "until: %(authorisation)s is suspended until %(until)s already",
            authorisation=authorisation,
            until=command.until,
        )
        return refuse_unless_identical_change(last[:1], by, already, command.reason)
    day: date = event_fields(operator, by)["effective"]
    if command.until <= (end := max(authorisation.suspended_until or day, day)):
        raise WrongDates(
            "until: %(until)s is before %(end)s, its end so far", until=command.until, end=end
        )
    record_event(
        operator,
        Operator.SuspensionExtended,
        authorisation,
        by,
        STATUS_EVENTS,
        until=command.until,
        reason=command.reason,
        due=_end_of_suspension(command.until),
        ends_by_decision=preconditions.find_rules(by, authorisation, day).takes_decision(
            "suspension_end"
        ),
    )


def lift_suspension(operator: Operator, command: c.LiftSuspension, by: Decision) -> None:
    """Records the end of the suspension. Raises AlreadyRecorded, WrongStatus."""
    doing = Sentence("released from a suspension")
    # After the release it may await the decision on the end of its term.
    before = {Status.VALID, Status.DECISION_AWAITED}
    authorisation = find_authorisation(
        operator, by, command.authorisation, {Status.SUSPENDED}, doing, already=before
    )
    if authorisation.status is not Status.SUSPENDED:
        kinds = (Operator.SuspensionLifted, Operator.Suspended)
        lifted = events_in_force(operator, is_about(authorisation, kinds), (Operator.Suspended,))
        if not lifted:
            raise WrongStatus(
                "%(tin)s: %(authorisation)s is %(status)s and cannot be %(doing)s",
                tin=operator.tin,
                authorisation=authorisation,
                status=authorisation.status,
                doing=doing,
            )
        about = Sentence(
            "the release of %(authorisation)s from its suspension", authorisation=authorisation
        )
        return refuse_unless_identical(lifted, by, about, reason=command.reason)
    record_event(
        operator, Operator.SuspensionLifted, authorisation, by, STATUS_EVENTS, reason=command.reason
    )


def _end_of_suspension(until: date | None) -> tuple[Due, ...]:
    """The deadline for the end of a suspension that states its end."""
    return (Due("end of suspension", until, "the decision"),) if until else ()
