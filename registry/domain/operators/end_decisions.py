"""The record of ends: of terms that somebody decides are over, and of what ended by law.

An end said in advance takes effect without a command, so its record changes no answer of any day.
The record exists so that the history, the feed and the log contain the end. It is accepted only
where it repeats what earlier events said (registry/domain/operators/scheduled_ends.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import BadValue, WrongDates
from registry.domain.operators import preconditions
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.events import Operator, corrected_events
from registry.domain.operators.preconditions import (
    IN_USE,
    event_fields,
    find_authorisation,
    refuse_unless_recorded,
)
from registry.domain.operators.status_periods import StatusTimeline
from registry.domain.values import Status

#: What can end by law: the term of an authorisation, and a suspension.
TERM, SUSPENSION = "term", "suspension"


@dataclass(frozen=True)
class EndByLaw:
    """Something ended by law. `day`: the first civil day, at home, on which it was over."""

    authorisation: str
    what: str
    day: date


def ends_by_law(operator: Operator, until: date) -> list[EndByLaw]:
    """What ended by law up to a civil day, by everything that is recorded so far."""
    past = corrected_events(operator.past) if operator.corrected else operator.past
    book = StatusTimeline(operator.time_zone)
    for event in past:
        book.tell(event)
    return [
        EndByLaw(reference, TERM if end.of_term else SUSPENSION, end.day)
        for reference, page in book.pages.items()
        for end in page.ended_by(until)
    ]


def unrecorded(operator: Operator, until: date) -> list[EndByLaw]:
    """Of these, those of which there is no record yet."""
    return [end for end in ends_by_law(operator, until) if not _is_recorded(operator, end)]


def _is_recorded(operator: Operator, end: EndByLaw) -> bool:
    kind = Operator.Expired if end.what == TERM else Operator.SuspensionEnded
    return any(
        type(e) is kind and (e.authorisation, e.effective) == (end.authorisation, end.day)
        for e in operator.past
    )


# -------------------------------------------------------------- decisions


def expire(operator: Operator, command: c.ExpireAuthorisation, by: Decision) -> None:
    """The term is over. Where it ended by law this is its record; where the programme's rule wants
    a decision this is the decision."""
    mine = _over(operator, command, by)
    end = mine.valid_until
    if mine.status is Status.EXPIRED:
        if mine.ended is None:
            return _record_term(operator, mine, command.reason, by)
        day = by.effective or mine.ended
        by = by.because(preconditions.find_rules(by, mine, day).source("validity_years"))
        return refuse_unless_recorded(
            operator, mine, Operator.Expired, by, "the end", day=day, reason=command.reason
        )
    first = end + timedelta(days=1) if end and end != date.max else None
    day = by.effective or min(first or by.today, by.today)
    if day > by.today:
        raise WrongDates(f"effective: {day} is after {by.today}, and no end comes before its day")
    if first is None or day < first:
        until = f"until {end}" if end else "without end"
        raise WrongDates(f"{operator.tin}: {mine} is valid {until} and cannot expire on {day}")
    # The term that the grant set is ground enough, however late somebody writes it down.
    by = by.because(preconditions.find_rules(by, mine, day).source("validity_years"))
    operator.trigger_event(
        Operator.Expired,
        authorisation=mine.reference,
        reason=command.reason,
        **event_fields(operator, by, day),
    )


def record_end(operator: Operator, command: c.RecordEnd, by: Decision) -> None:
    """What ended by law, exactly as the events say; nothing else can be recorded so.

    Raises BadValue, UnknownAuthorisation, WrongDates.
    """
    if command.what not in (TERM, SUSPENSION):
        raise BadValue(f"what: found {command.what!r}, wanted {TERM} or {SUSPENSION}")
    mine = preconditions.authorisations_named(operator, command.authorisation)[-1]
    day = by.effective or by.today
    end = EndByLaw(mine.reference, command.what, day)
    if _is_recorded(operator, end):
        return _repeated(operator, mine, end, None, by)
    if day > by.today or end not in ends_by_law(operator, by.today):
        raise WrongDates(f"effective: no {command.what} of {mine} ended by law on {day}")
    _trigger(operator, mine, end, None, by)


def _record_term(operator: Operator, mine: Authorisation, reason: str | None, by: Decision) -> None:
    assert mine.valid_until is not None  # what has no last day does not end by law
    first = mine.valid_until + timedelta(days=1)
    if by.effective not in (None, first):
        raise WrongDates(
            f"effective: found {by.effective}; the last day of {mine} was {mine.valid_until}, and "
            f"it ended by law on {first}"
        )
    end = EndByLaw(mine.reference, TERM, first)
    if _is_recorded(operator, end):
        return _repeated(operator, mine, end, reason, by)
    _trigger(operator, mine, end, reason, by)


def _trigger(
    operator: Operator, mine: Authorisation, end: EndByLaw, reason: str | None, by: Decision
) -> None:
    """Nobody decided it, so that it has no day of decision unless one is given."""
    ground = _ground(operator, mine, end, by)
    said = event_fields(operator, by.because(ground), end.day) | {"decided": by.decided}
    if end.what == TERM:
        operator.trigger_event(
            Operator.Expired, authorisation=end.authorisation, reason=reason, by_law=True, **said
        )
    else:
        operator.trigger_event(Operator.SuspensionEnded, authorisation=end.authorisation, **said)


def _repeated(
    operator: Operator, mine: Authorisation, end: EndByLaw, reason: str | None, by: Decision
) -> None:
    by = by.because(_ground(operator, mine, end, by))
    if end.what == TERM:
        refuse_unless_recorded(
            operator, mine, Operator.Expired, by, "the end", day=end.day, reason=reason
        )
    else:
        about = "the end of the suspension"
        refuse_unless_recorded(operator, mine, Operator.SuspensionEnded, by, about, day=end.day)


def _ground(operator: Operator, mine: Authorisation, end: EndByLaw, by: Decision) -> str:
    """The programme's own rule of the term, or what the decision to suspend rests on."""
    if end.what == TERM:
        return preconditions.find_rules(by, mine, end.day).source("validity_years")
    kinds = (Operator.Suspended, Operator.SuspensionExtended)
    said = [
        e
        for e in preconditions.events_in_force(operator, preconditions.is_about(mine, kinds))
        if getattr(e, "until", None) == end.day
    ]
    return said[0].legal_ground or "the decision that suspended it" if said else "the decision"


def _over(operator: Operator, command: c.ExpireAuthorisation, by: Decision) -> Authorisation:
    """The authorisation that is meant: before all others one whose end is not recorded yet."""
    today = [
        preconditions.as_of_day(operator, a, by.today) for a in operator.authorisations.values()
    ]
    over = [
        a
        for a in today
        if a.status is Status.EXPIRED
        and a.ended is None
        and a.valid_until
        and not _is_recorded(
            operator, EndByLaw(a.reference, TERM, a.valid_until + timedelta(days=1))
        )
    ]
    asked = command.authorisation or (over[0].reference if len(over) == 1 else None)
    wanted = IN_USE | {Status.EXPIRED} if over or command.authorisation else IN_USE
    before = {Status.EXPIRED}
    return find_authorisation(operator, by, asked, wanted, "expired", already=before, day=by.today)
