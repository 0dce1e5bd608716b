"""What an authorisation may go through: from application to its end.

Each decision refuses, records one event, or records nothing because it was recorded before.
Every number of days comes from the programme's rules of that day, never from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from registry import commands as c
from registry.decisions import Decision
from registry.errors import (
    AlreadyHeld,
    Barred,
    GroundNeeded,
    NotOffered,
    Superseded,
    UnknownAuthorisation,
    WrongDates,
    WrongStatus,
)
from registry.operators import Authorisation, Due, Operator
from registry.programmes import Programme, Rules
from registry.values import ENDED, HELD, PENDING, Status

IN_USE = frozenset({Status.VALID, Status.SUSPENDED})


def lodge(operator: Operator, it: c.LodgeApplication, by: Decision) -> None:
    facts = _facts(operator, by)
    programme = _programme(by, it.programme)
    rules = programme.rules_on(facts["effective"])
    _offered(programme, it.type, facts["effective"])
    for held in operator.authorisations.values():
        if held.status in PENDING and (held.programme, held.type) == (it.programme, it.type):
            return  # asked twice, recorded once
    operator.trigger_event(
        Operator.Lodged,
        authorisation=f"{it.programme}/{len(operator.authorisations) + 1}",
        programme=it.programme,
        type=it.type,
        due=_due(rules, "acceptance", "acceptance_days", facts["effective"]),
        **facts,
    )


def accept(operator: Operator, it: c.AcceptApplication, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, PENDING, "accepted")
    if mine.status is not Status.LODGED:
        return
    facts = _facts(operator, by)
    day = facts["effective"]
    due = _due(_rules(by, mine, day), "decision", "decision_days", day)
    operator.trigger_event(Operator.Accepted, authorisation=mine.reference, due=due, **facts)


def reject(operator: Operator, it: c.RejectApplication, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, {Status.LODGED, Status.NOT_ACCEPTED}, "not accepted")
    if mine.status is Status.LODGED:
        _record(operator, Operator.NotAccepted, mine, by, reason=it.reason)


def withdraw(operator: Operator, it: c.WithdrawApplication, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, PENDING | {Status.WITHDRAWN}, "withdrawn")
    if mine.status is not Status.WITHDRAWN:
        _record(operator, Operator.Withdrawn, mine, by, reason=it.reason)


def start_examination(operator: Operator, it: c.StartExamination, by: Decision) -> None:
    wanted = {Status.ACCEPTED, Status.UNDER_EXAMINATION}
    mine = _meant(operator, it.authorisation, wanted, "examined")
    if mine.status is Status.ACCEPTED:
        _record(operator, Operator.ExaminationStarted, mine, by)


def request_consultation(operator: Operator, it: c.RequestConsultation, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, PENDING | IN_USE, "the subject of a consultation")
    _record(operator, Operator.ConsultationRequested, mine, by, asked=it.asked)


def record_consultation_reply(
    operator: Operator, it: c.RecordConsultationReply, by: Decision
) -> None:
    mine = _meant(operator, it.authorisation, PENDING | IN_USE, "the subject of a consultation")
    _record(operator, Operator.ConsultationReplied, mine, by, asked=it.asked, reply=it.reply)


def extend_deadline(operator: Operator, it: c.ExtendDeadline, by: Decision) -> None:
    """UCC Art. 22(3), Delegated Act Art. 28: once, by what the rule allows, and with a reason."""
    mine = _meant(operator, it.authorisation, PENDING, "given more time")
    facts = _facts(operator, by)
    rules = _rules(by, mine, facts["effective"])
    allowed = rules.number("decision_extension_days")
    days = it.days or allowed
    if not days or (allowed is not None and days > allowed):
        raise WrongDates(f"days: found {it.days}, and the programme's rules allow {allowed or 0}")
    set_before = [
        d for e in operator.past if getattr(e, "authorisation", None) == mine.reference
        for d in getattr(e, "due", ()) if d.what == "decision"
    ]
    if not set_before:
        raise WrongStatus(f"{operator.tin}: no decision is due on {mine} yet; accept it first")
    due = set_before[-1].due + timedelta(days=days)
    operator.trigger_event(
        Operator.DeadlineExtended,
        authorisation=mine.reference,
        days=days,
        reason=it.reason or "",
        due=(Due("decision", due, rules.source("decision_extension_days")),),
        **facts,
    )


def grant(operator: Operator, it: c.GrantAuthorisation, by: Decision) -> None:
    for held in operator.authorisations.values():
        if held.number == it.number and held.status in HELD:
            return
    examined = {Status.ACCEPTED, Status.UNDER_EXAMINATION}
    mine = _meant(operator, it.authorisation, examined, "granted", of_type=it.type)
    decided = by.decided or by.today
    programme = _programme(by, mine.programme)
    day = by.effective or programme.rules_on(decided).day_of_effect(decided)
    rules = programme.rules_on(day)
    type = it.type or mine.type
    _offered(programme, type, day)
    barred = operator.barred.get(mine.programme)
    if barred and day < barred:
        raise Barred(f"{operator.tin} is barred until {barred} and cannot be granted from {day}")
    for held in operator.held():
        if held.status in HELD and rules.parts(held.type) & rules.parts(type):
            raise AlreadyHeld(
                f"{operator.tin} holds {held} ({held.type}), which is {held.status}: "
                f"no second authorisation of type {type}"
            )
    if it.valid_until and it.valid_until <= day:
        raise WrongDates(f"validUntil: {it.valid_until} is not after {day}, the day of effect")
    valid_until = it.valid_until or _years_after(day, rules.number("validity_years"))
    due = (Due("renewal", valid_until, rules.source("validity_years")),) if valid_until else ()
    operator.trigger_event(
        Operator.Granted,
        authorisation=mine.reference,
        number=it.number,
        type=type,
        roles=operator.roles if it.roles is None else it.roles,
        valid_until=valid_until,
        due=due + _review(rules, day),
        **_facts(operator, by, day),
    )


def refuse(operator: Operator, it: c.RefuseApplication, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, PENDING | {Status.REFUSED}, "refused")
    if mine.status is not Status.REFUSED:
        _record(operator, Operator.Refused, mine, by, reason=it.reason)


def change_type(operator: Operator, it: c.ChangeType, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, IN_USE, "changed to another type")
    facts = _facts(operator, by)
    _offered(_programme(by, mine.programme), it.type, facts["effective"])
    if mine.type != it.type:
        operator.trigger_event(
            Operator.TypeChanged, authorisation=mine.reference, type=it.type, **facts
        )


def amend_roles(operator: Operator, it: c.AmendRoles, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, IN_USE, "given other roles")
    if mine.roles != it.roles:
        _record(operator, Operator.RolesAmended, mine, by, roles=it.roles)


def open_reassessment(operator: Operator, it: c.OpenReassessment, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, IN_USE, "reassessed")
    if not mine.under_reassessment:
        _record(operator, Operator.ReassessmentOpened, mine, by, reason=it.reason)


def close_reassessment(operator: Operator, it: c.CloseReassessment, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, IN_USE, "reassessed")
    if not mine.under_reassessment:
        raise WrongStatus(f"{operator.tin}: {mine} is under no reassessment that could be closed")
    facts = _facts(operator, by)
    operator.trigger_event(
        Operator.ReassessmentClosed,
        authorisation=mine.reference,
        outcome=it.outcome,
        remediation=it.remediation,
        due=_review(_rules(by, mine, facts["effective"]), facts["effective"]),
        **facts,
    )


def renew(operator: Operator, it: c.RenewAuthorisation, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, IN_USE, "renewed")
    facts = _facts(operator, by)
    rules = _rules(by, mine, facts["effective"])
    start = max(mine.valid_until or facts["effective"], facts["effective"])
    until = it.valid_until or _years_after(start, rules.number("validity_years"))
    if until and until <= facts["effective"]:
        raise WrongDates(f"validUntil: {until} is not after {facts['effective']}, the renewal")
    if until == mine.valid_until and until is not None:
        return
    due = (Due("renewal", until, rules.source("validity_years")),) if until else ()
    operator.trigger_event(
        Operator.Renewed, authorisation=mine.reference, valid_until=until, due=due, **facts
    )


def suspend(operator: Operator, it: c.SuspendAuthorisation, by: Decision) -> None:
    """UCC Delegated Act Art. 16-18. Part of an AEOF alone: losing S may leave C."""
    mine = _meant(operator, it.authorisation, IN_USE, "suspended")
    if mine.status is Status.SUSPENDED and mine.suspended_part == it.part:
        return
    facts = _facts(operator, by)
    _not_before_its_effect(operator, mine, facts["effective"], "suspended")
    rules = _rules(by, mine, facts["effective"])
    parts = rules.parts(mine.type)
    if it.part and (it.part not in parts or parts == {mine.type}):
        raise NotOffered(f"part: {mine.type} has no part {it.part!r}, only {_list(parts)}")
    if it.until and it.until <= facts["effective"]:
        raise WrongDates(f"until: {it.until} is not after {facts['effective']}, its beginning")
    operator.trigger_event(
        Operator.Suspended,
        authorisation=mine.reference,
        reason=it.reason or "",
        part=it.part,
        abroad=it.part is None or it.part == rules.recognised_part,
        until=it.until,
        due=(Due("end of suspension", it.until, "the decision"),) if it.until else (),
        **facts,
    )


def extend_suspension(operator: Operator, it: c.ExtendSuspension, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, {Status.SUSPENDED}, "suspended for longer")
    if mine.suspended_until == it.until:
        return
    if mine.suspended_until and it.until < mine.suspended_until:
        raise WrongDates(f"until: {it.until} is before {mine.suspended_until}, its end so far")
    due = (Due("end of suspension", it.until, "the decision"),)
    _record(
        operator, Operator.SuspensionExtended, mine, by, until=it.until, reason=it.reason, due=due
    )


def lift_suspension(operator: Operator, it: c.LiftSuspension, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, {Status.SUSPENDED}, "released from a suspension")
    _record(operator, Operator.SuspensionLifted, mine, by, reason=it.reason)


def revoke(operator: Operator, it: c.RevokeAuthorisation, by: Decision) -> None:
    """Ex nunc (UCC Art. 28). The bar is the programme's (Delegated Act Art. 11: three years)."""
    mine = _meant(operator, it.authorisation, IN_USE | {Status.REVOKED}, "revoked")
    if mine.status is Status.REVOKED:
        return
    facts = _facts(operator, by)
    _not_before_its_effect(operator, mine, facts["effective"], "revoked")
    years = _rules(by, mine, facts["effective"]).number("bar_years")
    operator.trigger_event(
        Operator.Revoked,
        authorisation=mine.reference,
        reason=it.reason or "",
        barred_until=it.barred_until or _years_after(facts["effective"], years),
        **facts,
    )


def annul(operator: Operator, it: c.AnnulAuthorisation, by: Decision) -> None:
    """Ex tunc (UCC Art. 27): it counts from the day of effect of the grant, whatever is asked."""
    mine = _meant(operator, it.authorisation, HELD | {Status.ANNULLED}, "annulled")
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
        **_facts(operator, by, mine.effective),
    )


def surrender(operator: Operator, it: c.SurrenderAuthorisation, by: Decision) -> None:
    mine = _meant(operator, it.authorisation, IN_USE | {Status.SURRENDERED}, "surrendered")
    if mine.status is not Status.SURRENDERED:
        _record(operator, Operator.Surrendered, mine, by, reason=it.reason)


def expire(operator: Operator, it: c.ExpireAuthorisation, by: Decision) -> None:
    """Recorded by a person or the clerk, never by itself: an overdue renewal is an alert."""
    mine = _meant(operator, it.authorisation, IN_USE | {Status.EXPIRED}, "expired")
    if mine.status is Status.EXPIRED:
        return
    facts = _facts(operator, by, mine.valid_until)
    if mine.valid_until is None or facts["effective"] < mine.valid_until:
        end = f"until {mine.valid_until}" if mine.valid_until else "without end"
        raise WrongDates(
            f"{operator.tin}: {mine} is valid {end} and cannot expire on {facts['effective']}"
        )
    operator.trigger_event(
        Operator.Expired, authorisation=mine.reference, reason=it.reason, **facts
    )


# ------------------------------------------------------------------ common


def _facts(operator: Operator, by: Decision, effective: date | None = None) -> dict[str, Any]:
    if operator.successor:
        raise Superseded(f"{operator.tin} was merged into {operator.successor}: ask of that one")
    return by.envelope(effective, source_suffices=False)


def _record(
    operator: Operator,
    event: type[Operator.AuthorisationEvent],
    mine: Authorisation,
    by: Decision,
    **said: object,
) -> None:
    facts = _facts(operator, by)
    if mine.effective:
        _not_before_its_effect(operator, mine, facts["effective"], "the subject of this")
    operator.trigger_event(event, authorisation=mine.reference, **said, **facts)


def _meant(
    operator: Operator,
    asked: str | None,
    wanted: Iterable[Status],
    action: str,
    of_type: str | None = None,
) -> Authorisation:
    """The one authorisation that a command means, if it is where the command needs it to be."""
    known = list(operator.authorisations.values())
    if asked:
        known = [a for a in known if asked in (a.number, a.reference)]
        if not known:
            raise UnknownAuthorisation(f"{operator.tin} has no authorisation {asked}")
    fit = [a for a in known if a.status in set(wanted)]
    if len(fit) > 1 and of_type:
        fit = [a for a in fit if a.type == of_type] or fit
    if len(fit) > 1:
        # What has ended is meant only when it is named, or when nothing else could be.
        fit = [a for a in fit if a.status not in ENDED] or fit[-1:]
    if len(fit) == 1:
        return fit[0]
    if fit:
        names = ", ".join(str(a) for a in fit)
        raise UnknownAuthorisation(f"authorisation: {operator.tin} has several ({names}); name one")
    if not known:
        raise UnknownAuthorisation(f"{operator.tin} has no authorisation and none can be {action}")
    stands = ", ".join(f"{a} is {a.status}" for a in known)
    raise WrongStatus(f"{operator.tin}: {stands} and cannot be {action}")


def _not_before_its_effect(
    operator: Operator, mine: Authorisation, day: date, action: str
) -> None:
    if mine.effective and day < mine.effective:
        raise WrongDates(
            f"effective: {mine} took effect on {mine.effective} and cannot be {action} from {day}"
        )


def _programme(by: Decision, code: str) -> Programme:
    assert by.programme is not None  # the application always gives the way to look one up
    return by.programme(code)


def _rules(by: Decision, mine: Authorisation, day: date) -> Rules:
    return _programme(by, mine.programme).rules_on(day)


def _offered(programme: Programme, type: str, day: date) -> None:
    offered = programme.types_on(day)
    if type not in offered:
        raise NotOffered(
            f"type: {programme.programme} offers {_list(offered)} on {day}, and not {type!r}"
        )


def _due(rules: Rules, what: str, rule: str, start: date) -> tuple[Due, ...]:
    days = rules.number(rule)
    return (Due(what, start + timedelta(days=days), rules.source(rule)),) if days else ()


def _review(rules: Rules, start: date) -> tuple[Due, ...]:
    due = _years_after(start, rules.number("review_years"))
    return (Due("review", due, rules.source("review_years")),) if due else ()


def _years_after(day: date, years: int | None) -> date | None:
    if years is None:
        return None
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 3, 1)


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "nothing"
