"""What an authorisation may go through: from the day after its grant to its end.

Each decision refuses, records one event, or records nothing because it was recorded before.
Every number of days comes from the programme's rules of that day, never from here.
"""

from __future__ import annotations

from datetime import date

from registry import commands as c
from registry import footing
from registry.decisions import Decision
from registry.errors import GroundNeeded, NotOffered, WrongDates, WrongStatus
from registry.footing import GRANT, IN_USE, STANDING, facts, meant, record, why
from registry.holdings import Due
from registry.operators import Operator
from registry.values import HELD, Status


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
    record(operator, Operator.TypeChanged, mine, by, kinds, type=it.type)


def amend_roles(operator: Operator, it: c.AmendRoles, by: Decision) -> None:
    mine = meant(operator, it.authorisation, IN_USE, "given other roles")
    if mine.roles != it.roles:
        kinds: footing.Kinds = (*GRANT, Operator.RolesAmended)
        record(operator, Operator.RolesAmended, mine, by, kinds, roles=it.roles)


_REASSESSED: footing.Kinds = (
    *GRANT,
    Operator.ReassessmentOpened,
    Operator.ReassessmentClosed,
    Operator.Renewed,
)


def open_reassessment(operator: Operator, it: c.OpenReassessment, by: Decision) -> None:
    mine = meant(operator, it.authorisation, IN_USE, "reassessed")
    if not mine.under_reassessment:
        record(operator, Operator.ReassessmentOpened, mine, by, _REASSESSED, reason=it.reason)


def close_reassessment(operator: Operator, it: c.CloseReassessment, by: Decision) -> None:
    mine = meant(operator, it.authorisation, IN_USE, "reassessed")
    if not mine.under_reassessment:
        raise WrongStatus(f"{operator.tin}: {mine} is under no reassessment that could be closed")
    day: date = facts(operator, by)["effective"]
    record(
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
        record(
            operator, Operator.Renewed, mine, by, _REASSESSED,
            valid_until=until, due=footing.renewal(rules, until),
        )  # fmt: skip


def suspend(operator: Operator, it: c.SuspendAuthorisation, by: Decision) -> None:
    """UCC Delegated Act Art. 16-18. Part of an AEOF alone: losing S may leave C."""
    mine = meant(operator, it.authorisation, IN_USE, "suspended")
    reason, day = why(it.reason), facts(operator, by)["effective"]
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
    record(
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
    record(
        operator, Operator.SuspensionExtended, mine, by, STANDING,
        until=it.until, reason=it.reason, due=_end(it.until),
    )  # fmt: skip


def lift_suspension(operator: Operator, it: c.LiftSuspension, by: Decision) -> None:
    mine = meant(operator, it.authorisation, {Status.SUSPENDED}, "released from a suspension")
    record(operator, Operator.SuspensionLifted, mine, by, STANDING, reason=it.reason)


def revoke(operator: Operator, it: c.RevokeAuthorisation, by: Decision) -> None:
    """Ex nunc (UCC Art. 28). The bar is the programme's (Delegated Act Art. 11: three years)."""
    mine = meant(operator, it.authorisation, IN_USE, "revoked", already={Status.REVOKED})
    if mine.status is Status.REVOKED:
        return
    day: date = facts(operator, by)["effective"]
    if it.barred_until and it.barred_until < day:
        raise WrongDates(f"barredUntil: {it.barred_until} is before {day}, the revocation")
    years = footing.rules(by, mine, day).number("bar_years")
    record(
        operator, Operator.Revoked, mine, by,
        reason=why(it.reason),
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
        record(operator, Operator.Surrendered, mine, by, reason=it.reason)


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


def _end(until: date | None) -> tuple[Due, ...]:
    return (Due("end of suspension", until, "the decision"),) if until else ()
