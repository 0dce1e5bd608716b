"""What an authorisation may go through: from application to its end.

Each decision refuses, records one event, or records nothing because it was recorded before.
Every number of days comes from the programme's rules of that day, never from here.
"""

from __future__ import annotations

from datetime import date, timedelta

from registry import commands as c
from registry import footing
from registry.decisions import Decision
from registry.errors import (
    AlreadyHeld,
    BadValue,
    Barred,
    GroundNeeded,
    NotOffered,
    WrongDates,
    WrongStatus,
)
from registry.footing import STANDING, facts, meant
from registry.holdings import Authorisation, Due
from registry.operators import Operator
from registry.programmes import MOST_DAYS
from registry.values import HELD, PENDING, Status

IN_USE = frozenset({Status.VALID, Status.SUSPENDED})
#: An end may reach behind what it makes void, but never behind the grant.
GRANT: footing.Kinds = (Operator.Granted,)


def lodge(operator: Operator, it: c.LodgeApplication, by: Decision) -> None:
    said = facts(operator, by)
    day: date = said["effective"]
    programme = footing.programme(by, it.programme)
    footing.offered(programme, it.type, day)
    for held in operator.authorisations.values():
        if held.status in PENDING and (held.programme, held.type) == (it.programme, it.type):
            return  # asked twice, recorded once
    operator.trigger_event(
        Operator.Lodged,
        authorisation=f"{it.programme}/{operator.lodged() + 1}",
        programme=it.programme,
        type=it.type,
        due=footing.due(programme.rules_on(day), "acceptance", "acceptance_days", day),
        **said,
    )


def accept(operator: Operator, it: c.AcceptApplication, by: Decision) -> None:
    mine = meant(operator, it.authorisation, {Status.LODGED}, "accepted", already=PENDING)
    if mine.status is not Status.LODGED:
        return
    day: date = facts(operator, by)["effective"]
    due = footing.due(footing.rules(by, mine, day), "decision", "decision_days", day)
    _record(operator, Operator.Accepted, mine, by, STANDING, due=due)


def reject(operator: Operator, it: c.RejectApplication, by: Decision) -> None:
    before = {Status.NOT_ACCEPTED}
    mine = meant(operator, it.authorisation, {Status.LODGED}, "not accepted", already=before)
    if mine.status is Status.LODGED:
        _record(operator, Operator.NotAccepted, mine, by, STANDING, reason=it.reason)


def withdraw(operator: Operator, it: c.WithdrawApplication, by: Decision) -> None:
    mine = meant(operator, it.authorisation, PENDING, "withdrawn", already={Status.WITHDRAWN})
    if mine.status is not Status.WITHDRAWN:
        _record(operator, Operator.Withdrawn, mine, by, STANDING, reason=it.reason)


def start_examination(operator: Operator, it: c.StartExamination, by: Decision) -> None:
    before = {Status.UNDER_EXAMINATION}
    mine = meant(operator, it.authorisation, {Status.ACCEPTED}, "examined", already=before)
    if mine.status is Status.ACCEPTED:
        _record(operator, Operator.ExaminationStarted, mine, by, STANDING)


def request_consultation(operator: Operator, it: c.RequestConsultation, by: Decision) -> None:
    mine = meant(operator, it.authorisation, PENDING | IN_USE, "the subject of a consultation")
    if not _awaited(operator, mine, it):
        _record(operator, Operator.ConsultationRequested, mine, by, asked=it.asked)


def record_consultation_reply(
    operator: Operator, it: c.RecordConsultationReply, by: Decision
) -> None:
    mine = meant(operator, it.authorisation, PENDING | IN_USE, "the subject of a consultation")
    if _awaited(operator, mine, it):
        _record(operator, Operator.ConsultationReplied, mine, by, asked=it.asked, reply=it.reply)
    elif not any(
        e.asked == it.asked and e.reply == it.reply
        for e in operator.past
        if isinstance(e, Operator.ConsultationReplied) and e.authorisation == mine.reference
    ):
        raise WrongStatus(f"asked: {it.asked} was not consulted on {mine}: no reply is awaited")


def extend_deadline(operator: Operator, it: c.ExtendDeadline, by: Decision) -> None:
    """UCC Art. 22(3), Delegated Act Art. 28: by no more than the rule allows, and with a reason."""
    mine = meant(operator, it.authorisation, PENDING, "given more time")
    reason, said = _why(it.reason), facts(operator, by)
    rules = footing.rules(by, mine, said["effective"])
    allowed = rules.number("decision_extension_days")
    before = [
        e for e in operator.past
        if isinstance(e, Operator.DeadlineExtended) and e.authorisation == mine.reference
    ]  # fmt: skip
    days = it.days or allowed or 0
    same = (days, reason, said["effective"])
    if any((e.days, e.reason, e.effective) == same for e in before):
        return
    # Where the law sets no limit the calendar does.
    left = (MOST_DAYS if allowed is None else allowed) - sum(e.days for e in before)
    if not 1 <= days <= left:
        raise WrongDates(f"days: found {it.days}, and the programme's rules leave {left}")
    set_before = [
        d for e in operator.past if getattr(e, "authorisation", None) == mine.reference
        for d in getattr(e, "due", ()) if d.what == "decision"
    ]  # fmt: skip
    if not set_before:
        raise WrongStatus(f"{operator.tin}: no decision is due on {mine} yet; accept it first")
    due = set_before[-1].due + timedelta(days=days)
    operator.trigger_event(
        Operator.DeadlineExtended,
        authorisation=mine.reference,
        days=days,
        reason=reason,
        due=(Due("decision", due, rules.source("decision_extension_days")),),
        **said,
    )


def grant(operator: Operator, it: c.GrantAuthorisation, by: Decision) -> None:
    """UCC Delegated Act Art. 29 and its like elsewhere say from which day; Art. 11 bars."""
    if not it.number.strip():
        raise BadValue("number: found nothing, wanted the number of the authorisation")
    for held in operator.authorisations.values():
        if held.number == it.number and held.status in HELD:
            same = it.authorisation in (None, held.number, held.reference)
            if same and it.type in (None, held.type):
                return
            raise AlreadyHeld(
                f"number: {operator.tin} holds {it.number} ({held.type}), which is {held.status}"
            )
    examined = {Status.ACCEPTED, Status.UNDER_EXAMINATION}
    mine = meant(operator, it.authorisation, examined, "granted", of_type=it.type)
    decided = by.decided or by.today
    programme = footing.programme(by, mine.programme)
    day = by.effective or programme.rules_on(decided).day_of_effect(decided)
    said, rules = facts(operator, by, day), programme.rules_on(day)
    type = it.type or mine.type
    footing.offered(programme, type, day)
    barred = operator.barred.get(mine.programme)
    if barred and day < barred:
        raise Barred(f"{operator.tin} is barred until {barred} and cannot be granted from {day}")
    footing.not_held_twice(operator, rules, mine.programme, type, mine, day)
    footing.in_order(operator, day, mine, footing.of(mine, STANDING))
    if it.valid_until and it.valid_until <= day:
        raise WrongDates(f"validUntil: {it.valid_until} is not after {day}, the day of effect")
    valid_until = it.valid_until or footing.years_after(day, rules.number("validity_years"))
    operator.trigger_event(
        Operator.Granted,
        authorisation=mine.reference,
        number=it.number,
        type=type,
        roles=operator.roles if it.roles is None else it.roles,
        valid_until=valid_until,
        due=footing.renewal(rules, valid_until) + footing.review(rules, day),
        **said,
    )


def refuse(operator: Operator, it: c.RefuseApplication, by: Decision) -> None:
    mine = meant(operator, it.authorisation, PENDING, "refused", already={Status.REFUSED})
    if mine.status is not Status.REFUSED:
        _record(operator, Operator.Refused, mine, by, STANDING, reason=it.reason)


def change_type(operator: Operator, it: c.ChangeType, by: Decision) -> None:
    mine = meant(operator, it.authorisation, IN_USE, "changed to another type")
    if mine.type == it.type:
        return
    day: date = facts(operator, by)["effective"]
    programme = footing.programme(by, mine.programme)
    footing.offered(programme, it.type, day)
    rules = programme.rules_on(day)
    footing.not_held_twice(operator, rules, mine.programme, it.type, mine, day)
    kinds: footing.Kinds = (*GRANT, Operator.TypeChanged)
    _record(operator, Operator.TypeChanged, mine, by, kinds, type=it.type)


def amend_roles(operator: Operator, it: c.AmendRoles, by: Decision) -> None:
    mine = meant(operator, it.authorisation, IN_USE, "given other roles")
    if mine.roles != it.roles:
        kinds: footing.Kinds = (*GRANT, Operator.RolesAmended)
        _record(operator, Operator.RolesAmended, mine, by, kinds, roles=it.roles)


_REASSESSED: footing.Kinds = (
    *GRANT,
    Operator.ReassessmentOpened,
    Operator.ReassessmentClosed,
    Operator.Renewed,
)


def open_reassessment(operator: Operator, it: c.OpenReassessment, by: Decision) -> None:
    mine = meant(operator, it.authorisation, IN_USE, "reassessed")
    if not mine.under_reassessment:
        _record(operator, Operator.ReassessmentOpened, mine, by, _REASSESSED, reason=it.reason)


def close_reassessment(operator: Operator, it: c.CloseReassessment, by: Decision) -> None:
    mine = meant(operator, it.authorisation, IN_USE, "reassessed")
    if not mine.under_reassessment:
        raise WrongStatus(f"{operator.tin}: {mine} is under no reassessment that could be closed")
    day: date = facts(operator, by)["effective"]
    _record(
        operator, Operator.ReassessmentClosed, mine, by, _REASSESSED,
        outcome=it.outcome,
        remediation=it.remediation,
        due=footing.review(footing.rules(by, mine, day), day),
    )  # fmt: skip


def renew(operator: Operator, it: c.RenewAuthorisation, by: Decision) -> None:
    mine = meant(operator, it.authorisation, IN_USE, "renewed")
    day: date = facts(operator, by)["effective"]
    renewed = footing.of(mine, (Operator.Renewed,))
    if it.valid_until in (None, mine.valid_until) and any(
        renewed(e) and e.effective == day for e in operator.past
    ):
        return  # the same day's renewal asked for again does not add another term
    rules = footing.rules(by, mine, day)
    start = max(mine.valid_until or day, day)
    until = it.valid_until or footing.years_after(start, rules.number("validity_years"))
    if until is None:
        raise NotOffered(f"validUntil: {mine.programme} sets no term to renew; name a day")
    if until <= day:
        raise WrongDates(f"validUntil: {until} is not after {day}, the renewal")
    if until != mine.valid_until:
        _record(
            operator, Operator.Renewed, mine, by, _REASSESSED,
            valid_until=until, due=footing.renewal(rules, until),
        )  # fmt: skip


def suspend(operator: Operator, it: c.SuspendAuthorisation, by: Decision) -> None:
    """UCC Delegated Act Art. 16-18. Part of an AEOF alone: losing S may leave C."""
    mine = meant(operator, it.authorisation, IN_USE, "suspended")
    reason, day = _why(it.reason), facts(operator, by)["effective"]
    rules = footing.rules(by, mine, day)
    parts = rules.parts(mine.type)
    if it.part and (it.part not in parts or parts == {mine.type}):
        raise NotOffered(f"part: {mine.type} has no part {it.part!r}, only {footing.listed(parts)}")
    part = None if parts == {it.part} else it.part  # the only part is the whole
    if mine.status is Status.SUSPENDED and mine.suspended_part in (None, part):
        return  # what is suspended whole is suspended in each of its parts
    if mine.suspended_part and part:
        raise WrongStatus(
            f"{operator.tin}: part {mine.suspended_part} of {mine} is suspended already; "
            f"with part {part} the whole of it would be: suspend it without naming a part"
        )
    if it.until and it.until <= day:
        raise WrongDates(f"until: {it.until} is not after {day}, its beginning")
    _record(
        operator, Operator.Suspended, mine, by, STANDING,
        reason=reason,
        part=part,
        abroad=part is None or part == rules.recognised_part,
        until=it.until,
        due=_end(it.until) or footing.due(rules, "end of suspension", "suspension_days", day),
    )  # fmt: skip


def extend_suspension(operator: Operator, it: c.ExtendSuspension, by: Decision) -> None:
    mine = meant(operator, it.authorisation, {Status.SUSPENDED}, "suspended for longer")
    if mine.suspended_until == it.until:
        return
    day: date = facts(operator, by)["effective"]
    if it.until <= (end := max(mine.suspended_until or day, day)):
        raise WrongDates(f"until: {it.until} is before {end}, its end so far")
    _record(
        operator, Operator.SuspensionExtended, mine, by, STANDING,
        until=it.until, reason=it.reason, due=_end(it.until),
    )  # fmt: skip


def lift_suspension(operator: Operator, it: c.LiftSuspension, by: Decision) -> None:
    mine = meant(operator, it.authorisation, {Status.SUSPENDED}, "released from a suspension")
    _record(operator, Operator.SuspensionLifted, mine, by, STANDING, reason=it.reason)


def revoke(operator: Operator, it: c.RevokeAuthorisation, by: Decision) -> None:
    """Ex nunc (UCC Art. 28). The bar is the programme's (Delegated Act Art. 11: three years)."""
    mine = meant(operator, it.authorisation, IN_USE, "revoked", already={Status.REVOKED})
    if mine.status is Status.REVOKED:
        return
    day: date = facts(operator, by)["effective"]
    if it.barred_until and it.barred_until < day:
        raise WrongDates(f"barredUntil: {it.barred_until} is before {day}, the revocation")
    years = footing.rules(by, mine, day).number("bar_years")
    _record(
        operator, Operator.Revoked, mine, by,
        reason=_why(it.reason),
        barred_until=it.barred_until or footing.years_after(day, years),
    )  # fmt: skip


def annul(operator: Operator, it: c.AnnulAuthorisation, by: Decision) -> None:
    """Ex tunc (UCC Art. 27): it counts from the day of effect of the grant, whatever is asked."""
    mine = meant(operator, it.authorisation, HELD, "annulled", already={Status.ANNULLED})
    if mine.status is Status.ANNULLED:
        return
    assert mine.effective is not None  # what is held was granted
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
        reason=it.reason,
        **facts(operator, by, mine.effective),
    )


def surrender(operator: Operator, it: c.SurrenderAuthorisation, by: Decision) -> None:
    mine = meant(operator, it.authorisation, IN_USE, "surrendered", already={Status.SURRENDERED})
    if mine.status is not Status.SURRENDERED:
        _record(operator, Operator.Surrendered, mine, by, reason=it.reason)


def expire(operator: Operator, it: c.ExpireAuthorisation, by: Decision) -> None:
    """Recorded by a person or the clerk, never by itself: an overdue renewal is an alert."""
    mine = meant(operator, it.authorisation, IN_USE, "expired", already={Status.EXPIRED})
    if mine.status is Status.EXPIRED:
        return
    end = mine.valid_until
    day = by.effective or min(end or by.today, by.today)
    if day > by.today:
        raise WrongDates(f"effective: {day} is after {by.today}, and no end comes before its day")
    if end is None or day < end:
        until = f"until {end}" if end else "without end"
        raise WrongDates(f"{operator.tin}: {mine} is valid {until} and cannot expire on {day}")
    # The term that the grant set is ground enough, however late somebody writes it down.
    by = by.because(footing.rules(by, mine, day).source("validity_years"))
    operator.trigger_event(
        Operator.Expired, authorisation=mine.reference, reason=it.reason, **facts(operator, by, day)
    )


# ------------------------------------------------------------------ common


def _record(
    operator: Operator,
    event: type[Operator.AuthorisationEvent],
    mine: Authorisation,
    by: Decision,
    after: footing.Kinds = GRANT,
    **said: object,
) -> None:
    """One event about this authorisation, in the order of law among those of its kind."""
    envelope = facts(operator, by)
    footing.in_order(operator, envelope["effective"], mine, footing.of(mine, after))
    operator.trigger_event(event, authorisation=mine.reference, **said, **envelope)


def _awaited(
    operator: Operator,
    mine: Authorisation,
    it: c.RequestConsultation | c.RecordConsultationReply,
) -> bool:
    """Was that administration asked, and has not answered yet?"""
    said = [
        e for e in operator.past
        if isinstance(e, (Operator.ConsultationRequested, Operator.ConsultationReplied))
        and (e.authorisation, e.asked) == (mine.reference, it.asked)
    ]  # fmt: skip
    return bool(said) and isinstance(said[-1], Operator.ConsultationRequested)


def _end(until: date | None) -> tuple[Due, ...]:
    return (Due("end of suspension", until, "the decision"),) if until else ()


def _why(reason: str | None) -> str:
    if not reason or not reason.strip():
        raise BadValue("reason: found nothing, wanted the reason in words")
    return reason
