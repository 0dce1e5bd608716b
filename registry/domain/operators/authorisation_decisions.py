"""The decisions on an authorisation, from the day after its grant to its end.

Each decision refuses, records one event, or records nothing because the event is recorded already.
Every number of days comes from the programme's rules of the day, never from this code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TypeVar

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
    GroundNeeded,
    NotOffered,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators import preconditions
from registry.domain.operators.authorisation import Authorisation, Due
from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import (
    GRANT_EVENTS,
    IN_USE,
    STATUS_EVENTS,
    event_fields,
    events_in_force,
    find_authorisation,
    is_about,
    record_event,
    refuse_unless_recorded,
    required_reason,
)
from registry.domain.operators.statutory_deadlines import renewal, rules_of_day
from registry.domain.programme_rules import Rules
from registry.domain.repeated_commands import (
    difference,
    refuse,
    refuse_unless_identical,
    value_in_words,
)
from registry.domain.values import HELD, Status

E = TypeVar("E", bound=Operator.Event)


def change_type(operator: Operator, command: c.ChangeType, by: Decision) -> None:
    """Records a change to another type of the programme."""
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, "changed to another type"
    )
    day: date = event_fields(operator, by)["effective"]
    kinds: preconditions.Kinds = (*GRANT_EVENTS, Operator.TypeChanged)
    same: list[Operator.Event] = []
    if authorisation.type == command.type:
        same = _latest_equal_events(
            operator, authorisation, Operator.TypeChanged, lambda e: e.type == command.type
        )
        if not _is_earlier(day, same):
            return _refuse_unless_identical_change(
                same, by, f"type: {authorisation} is of type {command.type} already", command.reason
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
        operator, by, command.authorisation, IN_USE, "given other roles"
    )
    kinds: preconditions.Kinds = (*GRANT_EVENTS, Operator.RolesAmended)
    same: list[Operator.Event] = []
    if authorisation.roles == command.roles:
        day: date = event_fields(operator, by)["effective"]
        same = _latest_equal_events(
            operator, authorisation, Operator.RolesAmended, lambda e: e.roles == command.roles
        )
        if not _is_earlier(day, same):
            return _refuse_unless_identical_change(
                same, by, f"roles: {authorisation} has these roles already", command.reason
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
    authorisation = find_authorisation(operator, by, command.authorisation, IN_USE, "reassessed")
    if authorisation.under_reassessment:
        kind = Operator.ReassessmentOpened
        return refuse_unless_recorded(
            operator, authorisation, kind, by, "the reassessment", reason=command.reason
        )
    record_event(
        operator, Operator.ReassessmentOpened, authorisation, by, _REASSESSED, reason=command.reason
    )


def close_reassessment(operator: Operator, command: c.CloseReassessment, by: Decision) -> None:
    """Records the result of a reassessment and sets the deadline of the next review."""
    authorisation = find_authorisation(operator, by, command.authorisation, IN_USE, "reassessed")
    if not authorisation.under_reassessment:
        closed = events_in_force(operator, is_about(authorisation, _REASSESSED))[:1]
        if not closed or not isinstance(closed[0], Operator.ReassessmentClosed):
            raise WrongStatus(
                f"{operator.tin}: {authorisation} is under no reassessment that could be closed"
            )
        return refuse_unless_identical(
            closed,
            by,
            f"the end of the reassessment of {authorisation}",
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
            refuse(differs, last, f"the renewal of {authorisation}")
    until = command.valid_until or _renewed_until(rules, authorisation.valid_until, day)
    if until is None:
        nobody = "nobody knows the term that" if rules.unknown("validity_years") else "no term that"
        raise NotOffered(f"validUntil: {nobody} {authorisation.programme} sets; name a day")
    if until <= day:
        raise WrongDates(f"validUntil: {until} is not after {day}, the renewal")
    if until == authorisation.valid_until:
        raise AlreadyRecorded(f"validUntil: {authorisation} is valid until {until} already")
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
        return find_authorisation(operator, by, command.authorisation, IN_USE, "renewed")
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
            return find_authorisation(operator, by, ended[0].reference, IN_USE, "renewed", day=eve)
        raise


def _day_after(day: date) -> date:
    """The next civil day; date.max stays as it is."""
    return day if day == date.max else day + timedelta(days=1)


def suspend(operator: Operator, command: c.SuspendAuthorisation, by: Decision) -> None:
    """Records a suspension (UCC Delegated Act Art. 16-18), of the whole or of one part.

    An AEOF that loses its S part can remain an AEOC. A recorded suspension can be recorded again
    from an earlier day; the command then states the same end, because another end needs an
    extension or a release. Raises AlreadyRecorded, NotOffered, WrongDates, WrongStatus.
    """
    authorisation = find_authorisation(operator, by, command.authorisation, IN_USE, "suspended")
    reason, day = required_reason(command.reason), event_fields(operator, by)["effective"]
    of_day = rules_of_day(operator, preconditions.find_programme(by, authorisation.programme), day)
    rules = of_day.rules
    parts = rules.parts(authorisation.type)
    if command.part and (command.part not in parts or parts == {authorisation.type}):
        raise NotOffered(
            f"part: {authorisation.type} has no part {command.part!r}, only "
            f"{preconditions.in_words(parts)}"
        )
    # A type with a single part is suspended as a whole.
    part = None if parts == {command.part} else command.part
    if command.until and command.until <= day:
        raise WrongDates(f"until: {command.until} is not after {day}, its beginning")
    same: list[Operator.Event] = []
    if authorisation.status is Status.SUSPENDED and authorisation.suspended_part in (None, part):
        kinds = (Operator.Suspended, Operator.SuspensionLifted)
        same = events_in_force(
            operator, is_about(authorisation, kinds), (Operator.SuspensionLifted,)
        )
        if not _is_earlier(day, same):
            about = f"the suspension of {authorisation}"
            cure = "another end is an extension or a release, another reason a correction"
            return refuse_unless_identical(
                same, by, about, cure, reason=reason, part=part, until=command.until
            )
        if command.until != authorisation.suspended_until:
            raise AlreadyRecorded(
                f"until: found {value_in_words(command.until)}, and the suspension of "
                f"{authorisation} that "
                f"stands is until {value_in_words(authorisation.suspended_until)}; an earlier "
                "beginning "
                "says the same end, another end is an extension or a release"
            )
    if authorisation.suspended_part and part and authorisation.suspended_part != part:
        raise WrongStatus(
            f"{operator.tin}: part {authorisation.suspended_part} of {authorisation} is "
            "suspended already; "
            f"with part {part} the whole of it would be: suspend it without naming a part"
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
        operator, by, command.authorisation, {Status.SUSPENDED}, "suspended for longer"
    )
    if authorisation.suspended_until == command.until:
        kinds = (Operator.SuspensionExtended, Operator.Suspended)
        last = events_in_force(operator, is_about(authorisation, kinds), (Operator.Suspended,))
        already = f"until: {authorisation} is suspended until {command.until} already"
        return _refuse_unless_identical_change(last[:1], by, already, command.reason)
    day: date = event_fields(operator, by)["effective"]
    if command.until <= (end := max(authorisation.suspended_until or day, day)):
        raise WrongDates(f"until: {command.until} is before {end}, its end so far")
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
    doing = "released from a suspension"
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
                f"{operator.tin}: {authorisation} is {authorisation.status} and cannot be {doing}"
            )
        about = f"the release of {authorisation} from its suspension"
        return refuse_unless_identical(lifted, by, about, reason=command.reason)
    record_event(
        operator, Operator.SuspensionLifted, authorisation, by, STATUS_EVENTS, reason=command.reason
    )


def revoke(operator: Operator, command: c.RevokeAuthorisation, by: Decision) -> None:
    """Records a revocation with effect from its day on (ex nunc, UCC Art. 28).

    The programme's rule sets the bar on new grants (Delegated Act Art. 11: three years). A recorded
    revocation can be recorded again from an earlier day or with a longer bar. Raises
    AlreadyRecorded, WrongDates.
    """
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, "revoked", already={Status.REVOKED}
    )
    reason, day = required_reason(command.reason), event_fields(operator, by)["effective"]
    if command.barred_until and command.barred_until < day:
        raise WrongDates(f"barredUntil: {command.barred_until} is before {day}, the revocation")
    rules = preconditions.find_rules(by, authorisation, day)
    barred = command.barred_until or preconditions.years_after(day, rules.number("bar_years"))
    so_far = _barred_until(operator, authorisation)  # not None if it is revoked already
    longer = bool(barred and (so_far is None or barred > so_far))
    if authorisation.status is Status.REVOKED:
        assert authorisation.ended is not None  # a revocation has a day
        if day > authorisation.ended or (day == authorisation.ended and not longer):
            kind, about = Operator.Revoked, "the revocation"
            return refuse_unless_recorded(
                operator, authorisation, kind, by, about, reason=reason, barred_until=barred
            )
    if so_far and not longer:
        if command.barred_until not in (None, so_far):
            raise AlreadyRecorded(
                f"barredUntil: found {command.barred_until}, and the bar after the revocation of "
                f"{authorisation} is until {so_far}; it is shortened by correcting that record"
            )
        barred = so_far
    # If the bar is unknown, the revocation is recorded; the next grant then needs a legal ground.
    unknown = () if barred else rules.unknown("bar_years")
    record_event(
        operator,
        Operator.Revoked,
        authorisation,
        by,
        reason=reason,
        barred_until=barred,
        rule_unknown=preconditions.unknown_rules_field(unknown),
    )


def annul(operator: Operator, command: c.AnnulAuthorisation, by: Decision) -> None:
    """Records an annulment (ex tunc, UCC Art. 27) from the effective day of the grant.

    Raises GroundNeeded, and WrongDates for another effective day.
    """
    before = {Status.ANNULLED}
    authorisation = find_authorisation(
        operator, by, command.authorisation, HELD, "annulled", already=before, day=by.today
    )
    if authorisation.effective is None:
        raise WrongDates(
            f"{operator.tin}: {authorisation} is known from list {authorisation.list} without "
            "the day on which it "
            "began, to which an annulment reaches back; record a reading of the list that gives it"
        )
    if authorisation.status is Status.ANNULLED:
        return refuse_unless_recorded(
            operator,
            authorisation,
            Operator.Annulled,
            by,
            "the annulment",
            day=authorisation.effective,
            reason=command.reason,
        )
    if by.effective not in (None, authorisation.effective):
        raise WrongDates(
            f"effective: found {by.effective}; an annulment counts from the day of effect of the "
            f"grant, {authorisation.effective}"
        )
    if not by.legal_ground:
        raise GroundNeeded(
            f"{operator.tin}: annulling {authorisation} reaches back to {authorisation.effective}: "
            "it needs its legal ground"
        )
    operator.trigger_event(
        Operator.Annulled,
        authorisation=authorisation.reference,
        reason=command.reason,
        **event_fields(operator, by, authorisation.effective),
    )


def surrender(operator: Operator, command: c.SurrenderAuthorisation, by: Decision) -> None:
    """Records that the operator gives the authorisation back.

    A recorded surrender can be recorded again from an earlier day. Raises AlreadyRecorded.
    """
    before = {Status.SURRENDERED}
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, "surrendered", already=before
    )
    if authorisation.status is Status.SURRENDERED:
        day: date = event_fields(operator, by)["effective"]
        if not (authorisation.ended and day < authorisation.ended):
            kind = Operator.Surrendered
            return refuse_unless_recorded(
                operator, authorisation, kind, by, "the surrender", reason=command.reason
            )
    record_event(operator, Operator.Surrendered, authorisation, by, reason=command.reason)


# ------------------------------------------------------------------ common


def _latest_equal_events(
    operator: Operator,
    authorisation: Authorisation,
    kind: type[E],
    same: Callable[[E], bool],
) -> list[Operator.Event]:
    """The latest events of this kind about this authorisation, back to the first that differs."""
    found: list[Operator.Event] = []
    for event in events_in_force(operator, is_about(authorisation, (kind,))):
        if not (isinstance(event, kind) and same(event)):
            break
        found.append(event)
    return found


def _refuse_unless_identical_change(
    same: Sequence[Operator.Event], by: Decision, already: str, reason: str | None
) -> None:
    """Returns if the identical change is recorded. Raises AlreadyRecorded."""
    if not any(difference(event, by, reason=reason) is None for event in same):
        since = f", as of {same[-1].effective}" if same else ""
        raise AlreadyRecorded(f"{already}{since}; nothing would be changed")


def _is_earlier(day: date, same: Sequence[Operator.Event]) -> bool:
    """Whether the day is before the first of these events."""
    return bool(same) and day < min(event.effective for event in same)


def _valid_until(event: Operator.Event) -> date | None:
    """The last civil day of the term that the grant or renewal sets."""
    assert isinstance(event, Operator.Granted | Operator.Renewed)
    return event.valid_until


def _renewed_until(rules: Rules, so_far: date | None, day: date) -> date | None:
    """The last day of a renewal that states none: one term after the previous term."""
    return preconditions.end_of_term(rules, max(_day_after(so_far), day) if so_far else day)


def _barred_until(operator: Operator, authorisation: Authorisation) -> date | None:
    """The latest end of the bars that the revocations of this authorisation set."""
    revoked = events_in_force(operator, is_about(authorisation, (Operator.Revoked,)))
    bars = [e.barred_until for e in revoked if isinstance(e, Operator.Revoked)]
    return max(filter(None, bars), default=None)


def _end_of_suspension(until: date | None) -> tuple[Due, ...]:
    """The deadline for the end of a suspension that states its end."""
    return (Due("end of suspension", until, "the decision"),) if until else ()
