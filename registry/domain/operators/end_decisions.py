"""The decisions about ends: the decision that a term is over, and the record of ends by law.

A scheduled end takes effect without a command, so its record changes no answer. The record exists
so that history, feed and log contain the end. It is accepted only if it repeats what earlier events
state (scheduled_ends.py).
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
from registry.domain.sentences import Sentence
from registry.domain.values import Status

#: The two kinds of end by law: of the term of an authorisation, and of a suspension.
TERM, SUSPENSION = "term", "suspension"


@dataclass(frozen=True)
class EndByLaw:
    """An end by law. `day`: the first civil day after the end, in the operator's home time zone."""

    authorisation: str
    what: str
    day: date


def ends_by_law(operator: Operator, until: date) -> list[EndByLaw]:
    """The ends by law up to a civil day, according to all recorded events."""
    history = corrected_events(operator.history) if operator.corrected else operator.history
    book = StatusTimeline(operator.time_zone)
    for event in history:
        book.tell(event)
    return [
        EndByLaw(reference, TERM if end.of_term else SUSPENSION, end.day)
        for reference, page in book.pages.items()
        for end in page.ended_by(until)
    ]


def unrecorded(operator: Operator, until: date) -> list[EndByLaw]:
    """The ends by law up to a civil day that no event records yet."""
    return [end for end in ends_by_law(operator, until) if not _is_recorded(operator, end)]


def _is_recorded(operator: Operator, end: EndByLaw) -> bool:
    """Whether an event records this end."""
    kind = Operator.Expired if end.what == TERM else Operator.SuspensionEnded
    return any(
        type(e) is kind and (e.authorisation, e.effective) == (end.authorisation, end.day)
        for e in operator.history
    )


# -------------------------------------------------------------- decisions


def expire(operator: Operator, command: c.ExpireAuthorisation, by: Decision) -> None:
    """Records that the term is over.

    If it ended by law, the event is the record of that end. If the programme's rule demands a
    decision, the event is the decision. Raises AlreadyRecorded, WrongDates, WrongStatus.
    """
    authorisation = _expired_authorisation(operator, command, by)
    end = authorisation.valid_until
    if authorisation.status is Status.EXPIRED:
        if authorisation.ended is None:
            return _record_term(operator, authorisation, command.reason, by)
        day = by.effective or authorisation.ended
        by = by.with_ground(
            preconditions.find_rules(by, authorisation, day).source("validity_years")
        )
        return refuse_unless_recorded(
            operator,
            authorisation,
            Operator.Expired,
            by,
            Sentence("the end"),
            day=day,
            reason=command.reason,
        )
    first = end + timedelta(days=1) if end and end != date.max else None
    day = by.effective or min(first or by.today, by.today)
    if day > by.today:
        raise WrongDates(
            "effective: %(day)s is after %(today)s, and no end comes before its day",
            day=day,
            today=by.today,
        )
    if first is None or day < first:
        until = Sentence("until %(day)s", day=end) if end else Sentence("without end")
        raise WrongDates(
            "%(tin)s: %(authorisation)s is valid %(until)s and cannot expire on %(day)s",
            tin=operator.tin,
            authorisation=authorisation,
            until=until,
            day=day,
        )
    # The term set by the grant is a sufficient ground, however late the end is recorded.
    by = by.with_ground(preconditions.find_rules(by, authorisation, day).source("validity_years"))
    operator.trigger_event(
        Operator.Expired,
        authorisation=authorisation.reference,
        reason=command.reason,
        **event_fields(operator, by, day),
    )


def record_end(operator: Operator, command: c.RecordEnd, by: Decision) -> None:
    """Records an end by law exactly as the events state it.

    Raises BadValue, UnknownAuthorisation, WrongDates.
    """
    if command.what not in (TERM, SUSPENSION):
        raise BadValue(
            "what: found %(what)s, wanted %(term)s or %(suspension)s",
            what=repr(command.what),
            term=TERM,
            suspension=SUSPENSION,
        )
    authorisation = preconditions.authorisations_named(operator, command.authorisation)[-1]
    day = by.effective or by.today
    end = EndByLaw(authorisation.reference, command.what, day)
    if _is_recorded(operator, end):
        return _refuse_unless_end_recorded(operator, authorisation, end, None, by)
    if day > by.today or end not in ends_by_law(operator, by.today):
        raise WrongDates(
            "effective: no %(what)s of %(authorisation)s ended by law on %(day)s",
            what=command.what,
            authorisation=authorisation,
            day=day,
        )
    _record_end_by_law(operator, authorisation, end, None, by)


def _record_term(
    operator: Operator, authorisation: Authorisation, reason: str | None, by: Decision
) -> None:
    """Records the end by law of a term. Raises WrongDates for another day."""
    assert authorisation.valid_until is not None  # a term without a last day does not end by law
    first = authorisation.valid_until + timedelta(days=1)
    if by.effective not in (None, first):
        raise WrongDates(
            "effective: found %(effective)s; the last day of %(authorisation)s was "
            "%(valid_until)s, and it ended by law on %(first)s",
            effective=by.effective,
            authorisation=authorisation,
            valid_until=authorisation.valid_until,
            first=first,
        )
    end = EndByLaw(authorisation.reference, TERM, first)
    if _is_recorded(operator, end):
        return _refuse_unless_end_recorded(operator, authorisation, end, reason, by)
    _record_end_by_law(operator, authorisation, end, reason, by)


def _record_end_by_law(
    operator: Operator,
    authorisation: Authorisation,
    end: EndByLaw,
    reason: str | None,
    by: Decision,
) -> None:
    """Records the end by law.

    It was not decided, so it has no day of decision unless one is given.
    """
    ground = _ground(operator, authorisation, end, by)
    content = event_fields(operator, by.with_ground(ground), end.day) | {"decided": by.decided}
    if end.what == TERM:
        operator.trigger_event(
            Operator.Expired, authorisation=end.authorisation, reason=reason, by_law=True, **content
        )
    else:
        operator.trigger_event(Operator.SuspensionEnded, authorisation=end.authorisation, **content)


def _refuse_unless_end_recorded(
    operator: Operator,
    authorisation: Authorisation,
    end: EndByLaw,
    reason: str | None,
    by: Decision,
) -> None:
    """Returns if the same end is recorded identically. Raises AlreadyRecorded."""
    by = by.with_ground(_ground(operator, authorisation, end, by))
    if end.what == TERM:
        refuse_unless_recorded(
            operator,
            authorisation,
            Operator.Expired,
            by,
            Sentence("the end"),
            day=end.day,
            reason=reason,
        )
    else:
        about = Sentence("the end of the suspension")
        refuse_unless_recorded(
            operator, authorisation, Operator.SuspensionEnded, by, about, day=end.day
        )


def _ground(operator: Operator, authorisation: Authorisation, end: EndByLaw, by: Decision) -> str:
    """The source of the programme's rule of the term, or the ground of the suspension."""
    if end.what == TERM:
        return preconditions.find_rules(by, authorisation, end.day).source("validity_years")
    kinds = (Operator.Suspended, Operator.SuspensionExtended)
    suspensions = [
        e
        for e in preconditions.events_in_force(
            operator, preconditions.is_about(authorisation, kinds)
        )
        if getattr(e, "until", None) == end.day
    ]
    return (
        suspensions[0].legal_ground or "the decision that suspended it"
        if suspensions
        else "the decision"
    )


def _expired_authorisation(
    operator: Operator, command: c.ExpireAuthorisation, by: Decision
) -> Authorisation:
    """The authorisation that the command concerns, preferably one with an unrecorded end."""
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
    return find_authorisation(
        operator, by, asked, wanted, Sentence("expired"), already=before, day=by.today
    )
