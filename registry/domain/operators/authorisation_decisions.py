"""What an authorisation may go through: from the day after its grant to its end.

Each decision refuses, records one event, or records nothing because it was recorded before.
Every number of days comes from the programme's rules of that day, never from here.
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
    mine = find_authorisation(
        operator, by, command.authorisation, IN_USE, "changed to another type"
    )
    day: date = event_fields(operator, by)["effective"]
    kinds: preconditions.Kinds = (*GRANT_EVENTS, Operator.TypeChanged)
    same: list[Operator.Event] = []
    if mine.type == command.type:
        same = _saying(operator, mine, Operator.TypeChanged, lambda e: e.type == command.type)
        if not _reaches_further_back(day, same):
            return _as_it_is(
                same, by, f"type: {mine} is of type {command.type} already", command.reason
            )
    programme = preconditions.find_programme(by, mine.programme)
    preconditions.require_offered(programme, command.type, day)
    rules = programme.rules_on(day)
    preconditions.require_not_held(operator, rules, mine.programme, command.type, mine, day)
    record_event(
        operator,
        Operator.TypeChanged,
        mine,
        by,
        kinds,
        same,
        type=command.type,
        reason=command.reason,
        abroad=rules.abroad(command.type),
    )


def amend_roles(operator: Operator, command: c.AmendRoles, by: Decision) -> None:
    mine = find_authorisation(operator, by, command.authorisation, IN_USE, "given other roles")
    kinds: preconditions.Kinds = (*GRANT_EVENTS, Operator.RolesAmended)
    same: list[Operator.Event] = []
    if mine.roles == command.roles:
        day: date = event_fields(operator, by)["effective"]
        same = _saying(operator, mine, Operator.RolesAmended, lambda e: e.roles == command.roles)
        if not _reaches_further_back(day, same):
            return _as_it_is(same, by, f"roles: {mine} has these roles already", command.reason)
    record_event(
        operator,
        Operator.RolesAmended,
        mine,
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
    mine = find_authorisation(operator, by, command.authorisation, IN_USE, "reassessed")
    if mine.under_reassessment:
        kind = Operator.ReassessmentOpened
        return refuse_unless_recorded(
            operator, mine, kind, by, "the reassessment", reason=command.reason
        )
    record_event(
        operator, Operator.ReassessmentOpened, mine, by, _REASSESSED, reason=command.reason
    )


def close_reassessment(operator: Operator, command: c.CloseReassessment, by: Decision) -> None:
    mine = find_authorisation(operator, by, command.authorisation, IN_USE, "reassessed")
    if not mine.under_reassessment:
        closed = events_in_force(operator, is_about(mine, _REASSESSED))[:1]
        if not closed or not isinstance(closed[0], Operator.ReassessmentClosed):
            raise WrongStatus(
                f"{operator.tin}: {mine} is under no reassessment that could be closed"
            )
        return refuse_unless_identical(
            closed,
            by,
            f"the end of the reassessment of {mine}",
            outcome=command.outcome,
            remediation=command.remediation,
            reason=command.reason,
        )
    day: date = event_fields(operator, by)["effective"]
    of_day = rules_of_day(operator, preconditions.find_programme(by, mine.programme), day)
    record_event(
        operator,
        Operator.ReassessmentClosed,
        mine,
        by,
        _REASSESSED,
        outcome=command.outcome,
        remediation=command.remediation,
        due=of_day.review(day),
        rule_unknown=preconditions.unknown_rules_field(of_day.rules.unknown("review_years")),
        reason=command.reason,
    )


def renew(operator: Operator, command: c.RenewAuthorisation, by: Decision) -> None:
    """A term that begins on the day after the last one goes on without a gap."""
    mine = _renewable(operator, command, by)
    day: date = event_fields(operator, by)["effective"]
    rules = preconditions.find_rules(by, mine, day)
    terms = events_in_force(operator, is_about(mine, (*GRANT_EVENTS, Operator.Renewed)))
    if terms and isinstance(last := terms[0], Operator.Renewed):
        # The day until which that renewal was to be, had it said nothing; its term is not added
        # a second time.
        before = _valid_until(terms[1]) if terms[1:] else None  # none: it is known from a list
        until = command.valid_until or _renewed_until(rules, before, day)
        differs = difference(last, by, valid_until=until, reason=command.reason)
        if differs is None:
            return
        if command.valid_until == mine.valid_until or (
            command.valid_until is None and last.effective == day
        ):
            refuse(differs, last, f"the renewal of {mine}")
    until = command.valid_until or _renewed_until(rules, mine.valid_until, day)
    if until is None:
        nobody = "nobody knows the term that" if rules.unknown("validity_years") else "no term that"
        raise NotOffered(f"validUntil: {nobody} {mine.programme} sets; name a day")
    if until <= day:
        raise WrongDates(f"validUntil: {until} is not after {day}, the renewal")
    if until == mine.valid_until:
        raise AlreadyRecorded(f"validUntil: {mine} is valid until {until} already")
    if mine.valid_until:
        start = max(_day_after(mine.valid_until), day)
        preconditions.require_not_held(operator, rules, mine.programme, mine.type, mine, start)
    record_event(
        operator,
        Operator.Renewed,
        mine,
        by,
        _REASSESSED,
        valid_until=until,
        due=renewal(rules, until),
        reason=command.reason,
        ends_by_decision=rules.takes_decision("validity_end"),
    )


def _renewable(operator: Operator, command: c.RenewAuthorisation, by: Decision) -> Authorisation:
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
    return day if day == date.max else day + timedelta(days=1)


def suspend(operator: Operator, command: c.SuspendAuthorisation, by: Decision) -> None:
    """UCC Delegated Act Art. 16-18. Part of an AEOF alone: losing S may leave C.

    What is suspended may be found to have been so from an earlier day. Its end is another decision
    (an extension, a release), so the earlier beginning says the same end.
    """
    mine = find_authorisation(operator, by, command.authorisation, IN_USE, "suspended")
    reason, day = required_reason(command.reason), event_fields(operator, by)["effective"]
    of_day = rules_of_day(operator, preconditions.find_programme(by, mine.programme), day)
    rules = of_day.rules
    parts = rules.parts(mine.type)
    if command.part and (command.part not in parts or parts == {mine.type}):
        raise NotOffered(
            f"part: {mine.type} has no part {command.part!r}, only {preconditions.in_words(parts)}"
        )
    part = None if parts == {command.part} else command.part  # the only part is the whole
    if command.until and command.until <= day:
        raise WrongDates(f"until: {command.until} is not after {day}, its beginning")
    same: list[Operator.Event] = []
    if mine.status is Status.SUSPENDED and mine.suspended_part in (None, part):
        kinds = (Operator.Suspended, Operator.SuspensionLifted)
        same = events_in_force(operator, is_about(mine, kinds), (Operator.SuspensionLifted,))
        if not _reaches_further_back(day, same):
            about = f"the suspension of {mine}"
            cure = "another end is an extension or a release, another reason a correction"
            return refuse_unless_identical(
                same, by, about, cure, reason=reason, part=part, until=command.until
            )
        if command.until != mine.suspended_until:
            raise AlreadyRecorded(
                f"until: found {value_in_words(command.until)}, and the suspension of {mine} that "
                f"stands is until {value_in_words(mine.suspended_until)}; an earlier beginning "
                "says the same end, another end is an extension or a release"
            )
    if mine.suspended_part and part and mine.suspended_part != part:
        raise WrongStatus(
            f"{operator.tin}: part {mine.suspended_part} of {mine} is suspended already; "
            f"with part {part} the whole of it would be: suspend it without naming a part"
        )
    record_event(
        operator,
        Operator.Suspended,
        mine,
        by,
        STATUS_EVENTS,
        [e for e in same if isinstance(e, Operator.Suspended) and e.part == part],
        reason=reason,
        part=part,
        abroad=part is None or part == rules.recognised_part,
        until=command.until,
        due=_end(command.until) or of_day.due("end of suspension", "suspension_days", day),
        rule_unknown=None
        if command.until
        else preconditions.unknown_rules_field(rules.unknown("suspension_days")),
        ends_by_decision=rules.takes_decision("suspension_end") if command.until else None,
    )


def extend_suspension(operator: Operator, command: c.ExtendSuspension, by: Decision) -> None:
    mine = find_authorisation(
        operator, by, command.authorisation, {Status.SUSPENDED}, "suspended for longer"
    )
    if mine.suspended_until == command.until:
        kinds = (Operator.SuspensionExtended, Operator.Suspended)
        last = events_in_force(operator, is_about(mine, kinds), (Operator.Suspended,))
        already = f"until: {mine} is suspended until {command.until} already"
        return _as_it_is(last[:1], by, already, command.reason)
    day: date = event_fields(operator, by)["effective"]
    if command.until <= (end := max(mine.suspended_until or day, day)):
        raise WrongDates(f"until: {command.until} is before {end}, its end so far")
    record_event(
        operator,
        Operator.SuspensionExtended,
        mine,
        by,
        STATUS_EVENTS,
        until=command.until,
        reason=command.reason,
        due=_end(command.until),
        ends_by_decision=preconditions.find_rules(by, mine, day).takes_decision("suspension_end"),
    )


def lift_suspension(operator: Operator, command: c.LiftSuspension, by: Decision) -> None:
    doing = "released from a suspension"
    # After its release it may wait for the decision on its own end.
    before = {Status.VALID, Status.DECISION_AWAITED}
    mine = find_authorisation(
        operator, by, command.authorisation, {Status.SUSPENDED}, doing, already=before
    )
    if mine.status is not Status.SUSPENDED:
        kinds = (Operator.SuspensionLifted, Operator.Suspended)
        lifted = events_in_force(operator, is_about(mine, kinds), (Operator.Suspended,))
        if not lifted:
            raise WrongStatus(f"{operator.tin}: {mine} is {mine.status} and cannot be {doing}")
        about = f"the release of {mine} from its suspension"
        return refuse_unless_identical(lifted, by, about, reason=command.reason)
    record_event(
        operator, Operator.SuspensionLifted, mine, by, STATUS_EVENTS, reason=command.reason
    )


def revoke(operator: Operator, command: c.RevokeAuthorisation, by: Decision) -> None:
    """Ex nunc (UCC Art. 28). The bar is the programme's (Delegated Act Art. 11: three years).

    What is revoked may be revoked from an earlier day, or be barred for longer.
    """
    mine = find_authorisation(
        operator, by, command.authorisation, IN_USE, "revoked", already={Status.REVOKED}
    )
    reason, day = required_reason(command.reason), event_fields(operator, by)["effective"]
    if command.barred_until and command.barred_until < day:
        raise WrongDates(f"barredUntil: {command.barred_until} is before {day}, the revocation")
    rules = preconditions.find_rules(by, mine, day)
    barred = command.barred_until or preconditions.years_after(day, rules.number("bar_years"))
    so_far = _barred_until(operator, mine)  # it may be revoked already, from this day or a later
    longer = bool(barred and (so_far is None or barred > so_far))
    if mine.status is Status.REVOKED:
        assert mine.ended is not None  # what is revoked was so from some day
        if day > mine.ended or (day == mine.ended and not longer):
            kind, about = Operator.Revoked, "the revocation"
            return refuse_unless_recorded(
                operator, mine, kind, by, about, reason=reason, barred_until=barred
            )
    if so_far and not longer:
        if command.barred_until not in (None, so_far):
            raise AlreadyRecorded(
                f"barredUntil: found {command.barred_until}, and the bar after the revocation of "
                f"{mine} is until {so_far}; it is shortened by correcting that record"
            )
        barred = so_far
    # Where nobody knows the bar the revocation goes on: it is the next grant that needs its ground.
    unknown = () if barred else rules.unknown("bar_years")
    record_event(
        operator,
        Operator.Revoked,
        mine,
        by,
        reason=reason,
        barred_until=barred,
        rule_unknown=preconditions.unknown_rules_field(unknown),
    )


def annul(operator: Operator, command: c.AnnulAuthorisation, by: Decision) -> None:
    """Ex tunc (UCC Art. 27): it counts from the day of effect of the grant, whatever is asked."""
    before = {Status.ANNULLED}
    mine = find_authorisation(
        operator, by, command.authorisation, HELD, "annulled", already=before, day=by.today
    )
    if mine.effective is None:
        raise WrongDates(
            f"{operator.tin}: {mine} is known from list {mine.list} without the day on which it "
            "began, to which an annulment reaches back; record a reading of the list that gives it"
        )
    if mine.status is Status.ANNULLED:
        return refuse_unless_recorded(
            operator,
            mine,
            Operator.Annulled,
            by,
            "the annulment",
            day=mine.effective,
            reason=command.reason,
        )
    if by.effective not in (None, mine.effective):
        raise WrongDates(
            f"effective: found {by.effective}; an annulment counts from the day of effect of the "
            f"grant, {mine.effective}"
        )
    if not by.legal_ground:
        raise GroundNeeded(
            f"{operator.tin}: annulling {mine} reaches back to {mine.effective}: "
            "it needs its legal ground"
        )
    operator.trigger_event(
        Operator.Annulled,
        authorisation=mine.reference,
        reason=command.reason,
        **event_fields(operator, by, mine.effective),
    )


def surrender(operator: Operator, command: c.SurrenderAuthorisation, by: Decision) -> None:
    """What is surrendered may be found to have been so from an earlier day."""
    before = {Status.SURRENDERED}
    mine = find_authorisation(
        operator, by, command.authorisation, IN_USE, "surrendered", already=before
    )
    if mine.status is Status.SURRENDERED:
        day: date = event_fields(operator, by)["effective"]
        if not (mine.ended and day < mine.ended):
            kind = Operator.Surrendered
            return refuse_unless_recorded(
                operator, mine, kind, by, "the surrender", reason=command.reason
            )
    record_event(operator, Operator.Surrendered, mine, by, reason=command.reason)


# ------------------------------------------------------------------ common


def _saying(
    operator: Operator,
    mine: Authorisation,
    kind: type[E],
    same: Callable[[E], bool],
) -> list[Operator.Event]:
    """The latest events of this kind about this authorisation, back to the first that differs."""
    found: list[Operator.Event] = []
    for event in events_in_force(operator, is_about(mine, (kind,))):
        if not (isinstance(event, kind) and same(event)):
            break
        found.append(event)
    return found


def _as_it_is(
    same: Sequence[Operator.Event], by: Decision, already: str, reason: str | None
) -> None:
    """Returns where the identical change was recorded. Raises AlreadyRecorded."""
    if not any(difference(event, by, reason=reason) is None for event in same):
        since = f", as of {same[-1].effective}" if same else ""
        raise AlreadyRecorded(f"{already}{since}; nothing would be changed")


def _reaches_further_back(day: date, same: Sequence[Operator.Event]) -> bool:
    """What stands since these events is to stand from an earlier day on."""
    return bool(same) and day < min(event.effective for event in same)


def _valid_until(event: Operator.Event) -> date | None:
    assert isinstance(event, Operator.Granted | Operator.Renewed)
    return event.valid_until


def _renewed_until(rules: Rules, so_far: date | None, day: date) -> date | None:
    """Until when a renewal of that day is where it says nothing: a term after the last one."""
    return preconditions.end_of_term(rules, max(_day_after(so_far), day) if so_far else day)


def _barred_until(operator: Operator, mine: Authorisation) -> date | None:
    """How long the operator is barred because this was revoked."""
    revoked = events_in_force(operator, is_about(mine, (Operator.Revoked,)))
    bars = [e.barred_until for e in revoked if isinstance(e, Operator.Revoked)]
    return max(filter(None, bars), default=None)


def _end(until: date | None) -> tuple[Due, ...]:
    return (Due("end of suspension", until, "the decision"),) if until else ()
