"""The decisions on an authorisation, from the day after its grant to its end.

Each decision refuses, records one event, or records nothing because the event is recorded already.
Every number of days comes from the programme's rules of the day, never from this code.
"""

from __future__ import annotations

from datetime import date, timedelta

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
    NotOffered,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators import preconditions
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import (
    GRANT_EVENTS,
    IN_USE,
    event_fields,
    events_in_force,
    find_authorisation,
    is_about,
    record_event,
    refuse_unless_recorded,
)
from registry.domain.operators.repeated_decisions import (
    is_earlier,
    latest_equal_events,
    refuse_unless_identical_change,
)
from registry.domain.operators.statutory_deadlines import renewal, rules_of_day
from registry.domain.programme_rules import Rules
from registry.domain.repeated_commands import (
    difference,
    refuse,
    refuse_unless_identical,
)
from registry.domain.sentences import Sentence
from registry.domain.values import Status


def change_type(operator: Operator, command: c.ChangeType, by: Decision) -> None:
    """Records a change to another type of the programme."""
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, Sentence("changed to another type")
    )
    day: date = event_fields(operator, by)["effective"]
    kinds: preconditions.Kinds = (*GRANT_EVENTS, Operator.TypeChanged)
    same: list[Operator.Event] = []
    if authorisation.type == command.type:
        same = latest_equal_events(
            operator, authorisation, Operator.TypeChanged, lambda e: e.type == command.type
        )
        if not is_earlier(day, same):
            return refuse_unless_identical_change(
                same,
                by,
                Sentence(
                    "type: %(authorisation)s is of type %(type)s already",
                    authorisation=authorisation,
                    type=command.type,
                ),
                command.reason,
            )
    programme = preconditions.find_programme(by, authorisation.programme)
    preconditions.require_offered(programme, command.type, day)
    rules = programme.rules_on(day)
    preconditions.require_not_held(
        operator, rules, authorisation.programme, command.type, authorisation, day
    )
    record_event(
        operator,
        Operator.TypeChanged,
        authorisation,
        by,
        kinds,
        same,
        type=command.type,
        reason=command.reason,
        abroad=rules.abroad(command.type),
    )


def amend_roles(operator: Operator, command: c.AmendRoles, by: Decision) -> None:
    """Records other roles of the authorisation."""
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, Sentence("given other roles")
    )
    kinds: preconditions.Kinds = (*GRANT_EVENTS, Operator.RolesAmended)
    same: list[Operator.Event] = []
    if authorisation.roles == command.roles:
        day: date = event_fields(operator, by)["effective"]
        same = latest_equal_events(
            operator, authorisation, Operator.RolesAmended, lambda e: e.roles == command.roles
        )
        if not is_earlier(day, same):
            return refuse_unless_identical_change(
                same,
                by,
                Sentence(
                    "roles: %(authorisation)s has these roles already", authorisation=authorisation
                ),
                command.reason,
            )
    record_event(
        operator,
        Operator.RolesAmended,
        authorisation,
        by,
        kinds,
        same,
        roles=command.roles,
        reason=command.reason,
    )


_REASSESSED: preconditions.Kinds = (
    *GRANT_EVENTS,
    Operator.ReassessmentOpened,
    Operator.ReassessmentClosed,
    Operator.Renewed,
)


def open_reassessment(operator: Operator, command: c.OpenReassessment, by: Decision) -> None:
    """Records the beginning of a reassessment."""
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, Sentence("reassessed")
    )
    if authorisation.under_reassessment:
        kind = Operator.ReassessmentOpened
        return refuse_unless_recorded(
            operator, authorisation, kind, by, Sentence("the reassessment"), reason=command.reason
        )
    record_event(
        operator, Operator.ReassessmentOpened, authorisation, by, _REASSESSED, reason=command.reason
    )


def close_reassessment(operator: Operator, command: c.CloseReassessment, by: Decision) -> None:
    """Records the result of a reassessment and sets the deadline of the next review."""
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, Sentence("reassessed")
    )
    if not authorisation.under_reassessment:
        closed = events_in_force(operator, is_about(authorisation, _REASSESSED))[:1]
        if not closed or not isinstance(closed[0], Operator.ReassessmentClosed):
            raise WrongStatus(
                "%(tin)s: %(authorisation)s is under no reassessment that could be closed",
                tin=operator.tin,
                authorisation=authorisation,
            )
        return refuse_unless_identical(
            closed,
            by,
            Sentence(
                "the end of the reassessment of %(authorisation)s", authorisation=authorisation
            ),
            outcome=command.outcome,
            remediation=command.remediation,
            reason=command.reason,
        )
    day: date = event_fields(operator, by)["effective"]
    of_day = rules_of_day(operator, preconditions.find_programme(by, authorisation.programme), day)
    record_event(
        operator,
        Operator.ReassessmentClosed,
        authorisation,
        by,
        _REASSESSED,
        outcome=command.outcome,
        remediation=command.remediation,
        due=of_day.review(day),
        rule_unknown=preconditions.unknown_rules_field(of_day.rules.unknown("review_years")),
        reason=command.reason,
    )


def renew(operator: Operator, command: c.RenewAuthorisation, by: Decision) -> None:
    """Records a renewal. A term that begins on the day after the last one continues without a gap.

    Raises AlreadyRecorded, NotOffered, WrongDates.
    """
    authorisation = _renewable(operator, command, by)
    day: date = event_fields(operator, by)["effective"]
    rules = preconditions.find_rules(by, authorisation, day)
    terms = events_in_force(operator, is_about(authorisation, (*GRANT_EVENTS, Operator.Renewed)))
    if terms and isinstance(last := terms[0], Operator.Renewed):
        # The last day that this renewal would have had by the rules, so that its term is not added
        # twice.
        before = _valid_until(terms[1]) if terms[1:] else None  # None: it is known from a list
        until = command.valid_until or _renewed_until(rules, before, day)
        differs = difference(last, by, valid_until=until, reason=command.reason)
        if differs is None:
            return
        if command.valid_until == authorisation.valid_until or (
            command.valid_until is None and last.effective == day
        ):
            refuse(
                differs,
                last,
                Sentence("the renewal of %(authorisation)s", authorisation=authorisation),
            )
    until = command.valid_until or _renewed_until(rules, authorisation.valid_until, day)
    if until is None:
        programme = authorisation.programme
        if rules.unknown("validity_years"):
            raise NotOffered(
                "validUntil: nobody knows the term that %(programme)s sets; name a day",
                programme=programme,
            )
        raise NotOffered(
            "validUntil: no term that %(programme)s sets; name a day", programme=programme
        )
    if until <= day:
        raise WrongDates(
            "validUntil: %(until)s is not after %(day)s, the renewal", until=until, day=day
        )
    if until == authorisation.valid_until:
        raise AlreadyRecorded(
            "validUntil: %(authorisation)s is valid until %(until)s already",
            authorisation=authorisation,
            until=until,
        )
    if authorisation.valid_until:
        start = max(_day_after(authorisation.valid_until), day)
        preconditions.require_not_held(
            operator, rules, authorisation.programme, authorisation.type, authorisation, start
        )
    record_event(
        operator,
        Operator.Renewed,
        authorisation,
        by,
        _REASSESSED,
        valid_until=until,
        due=renewal(rules, until),
        reason=command.reason,
        ends_by_decision=rules.takes_decision("validity_end"),
    )


def _renewable(operator: Operator, command: c.RenewAuthorisation, by: Decision) -> Authorisation:
    """The authorisation to renew, also on the day after its term ended by law."""
    try:
        return find_authorisation(operator, by, command.authorisation, IN_USE, Sentence("renewed"))
    except WrongStatus:
        day = by.effective or by.today
        ended = [
            a
            for a in operator.authorisations.values()
            if preconditions.as_of_day(operator, a, day).status is Status.EXPIRED
            and a.ended is None
            and command.authorisation in (None, a.number, a.reference)
        ]
        eve = day - timedelta(days=1)
        if [a.valid_until for a in ended] == [eve]:
            return find_authorisation(
                operator, by, ended[0].reference, IN_USE, Sentence("renewed"), day=eve
            )
        raise


def _day_after(day: date) -> date:
    """The next civil day; date.max stays as it is."""
    return day if day == date.max else day + timedelta(days=1)


def _valid_until(event: Operator.Event) -> date | None:
    """The last civil day of the term that the grant or renewal sets."""
    assert isinstance(event, Operator.Granted | Operator.Renewed)
    return event.valid_until


def _renewed_until(rules: Rules, so_far: date | None, day: date) -> date | None:
    """The last day of a renewal that states none: one term after the previous term."""
    return preconditions.end_of_term(rules, max(_day_after(so_far), day) if so_far else day)
