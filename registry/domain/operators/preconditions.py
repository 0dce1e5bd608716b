"""The preconditions that decisions about an operator share.

They find the authorisation that a command concerns, its status on a civil day, and the programme's
rules of that day, and they refuse what those do not allow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from registry.domain.decisions import Decision, civil_day_of, start_of_day
from registry.domain.errors import (
    AlreadyHeld,
    BadValue,
    GroundNeeded,
    NotOffered,
    Superseded,
    UnknownAuthorisation,
    WrongDates,
    WrongStatus,
)
from registry.domain.identifiers import normal_form
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.events import Operator, corrected_events
from registry.domain.operators.status_periods import Period, authorisation_periods
from registry.domain.programme_rules import Rules
from registry.domain.programmes import Programme
from registry.domain.repeated_commands import refuse_unless_identical
from registry.domain.sentences import Listing, Sentence
from registry.domain.values import CLOSED, HELD, PENDING, Status

Kinds = tuple[type[Operator.Event], ...]
IN_USE = frozenset({Status.VALID, Status.SUSPENDED, Status.DECISION_AWAITED})
#: The events that change the status of an authorisation. Ends are left out, because an end may have
#: effect before an event that it makes void.
STATUS_EVENTS: Kinds = (
    Operator.Lodged,
    Operator.Accepted,
    Operator.NotAccepted,
    Operator.Withdrawn,
    Operator.ExaminationStarted,
    Operator.Granted,
    Operator.Refused,
    Operator.Suspended,
    Operator.SuspensionLifted,
)
#: An end may have effect before later events, but never before the grant.
GRANT_EVENTS: Kinds = (Operator.Granted,)


def event_fields(operator: Operator, by: Decision, effective: date | None = None) -> dict[str, Any]:
    """The fields that every event of an operator has.

    Raises Superseded from the day of a merger on, and what `Decision.envelope` raises.
    """
    content = by.envelope(effective, source_suffices=False)
    if operator.successor and content["effective"] >= merged_on(operator):
        raise Superseded(
            "%(tin)s was merged into %(successor)s: ask of that one",
            tin=operator.tin,
            successor=operator.successor,
        )
    return content


def merged_on(operator: Operator) -> date:
    """The effective day of the operator's merger, which may be in the future."""
    return max(
        event.effective
        for event in events_as_corrected(operator)
        if isinstance(event, Operator.Merged)
    )


def authorisations_named(operator: Operator, asked: str) -> list[Authorisation]:
    """The authorisations with this reference (`CN-AEO/1`) or certificate number, at least one.

    Numbers are compared in their normal form. Raises UnknownAuthorisation.
    """
    number = normal_form(asked)
    found = [
        a
        for a in operator.authorisations.values()
        if asked == a.reference or (a.number and normal_form(a.number) == number)
    ]
    if not found:
        raise UnknownAuthorisation(
            "%(tin)s has no authorisation %(asked)s", tin=operator.tin, asked=asked
        )
    return found


def find_authorisation(
    operator: Operator,
    by: Decision,
    asked: str | None,
    wanted: Collection[Status],
    action: str,
    already: Collection[Status] = (),
    of_type: str | None = None,
    day: date | None = None,
) -> Authorisation:
    """The one authorisation that a command concerns, if its status allows the command.

    The status is that on `day`, by default the effective day of the decision, or on the latest day
    of an event about the authorisation if that is later. A scheduled end after both does not count.
    `already`: the statuses after the same command was recorded before; such an authorisation is
    found only if no other fits. Raises UnknownAuthorisation, WrongStatus.
    """
    day = day or by.effective or by.today
    known = list(operator.authorisations.values())
    if asked:
        known = authorisations_named(operator, asked)
    known = [as_of_day(operator, a, max(day, a.latest)) for a in known]
    fit = [a for a in known if a.status in wanted]
    if len(fit) > 1 and of_type:
        fit = [a for a in fit if a.type == of_type] or fit
    fit = fit or [a for a in known if a.status in already][-1:]
    if len(fit) == 1:
        return fit[0]
    if fit:
        names = ", ".join(map(str, fit))
        raise UnknownAuthorisation(
            "authorisation: %(tin)s has several (%(names)s); name one",
            tin=operator.tin,
            names=names,
        )
    if not known:
        raise UnknownAuthorisation(
            "%(tin)s has no authorisation and none can be %(action)s",
            tin=operator.tin,
            action=action,
        )
    then = day if day != by.today else None
    stands = Listing([_standing_in_words(a, then) for a in known], ", ")
    raise WrongStatus(
        "%(tin)s: %(stands)s and cannot be %(action)s",
        tin=operator.tin,
        stands=stands,
        action=action,
    )


def _standing_in_words(authorisation: Authorisation, day: date | None) -> Sentence:
    """The status of an authorisation for a message, with the last day of a term that ended by law.
    `day`: the civil day on which it has the status; None for today."""
    a, status = authorisation, authorisation.status
    if status is Status.EXPIRED and a.ended is None:
        end = a.valid_until
        if day is None:
            text = "%(a)s is %(status)s (its last day was %(end)s)"
            return Sentence(text, a=a, status=status, end=end)
        text = "%(a)s is %(status)s on %(day)s (its last day was %(end)s)"
        return Sentence(text, a=a, status=status, day=day, end=end)
    if day is None:
        return Sentence("%(a)s is %(status)s", a=a, status=status)
    return Sentence("%(a)s is %(status)s on %(day)s", a=a, status=status, day=day)


def as_of_day(operator: Operator, authorisation: Authorisation, day: date) -> Authorisation:
    """The authorisation with its status on a civil day of valid time, including scheduled ends.

    A partial suspension, and a suspension that awaits a decision on its end, are SUSPENDED here,
    because they can be lifted or extended. `ended` is None if no event ended it by that day.
    """
    over = (authorisation.valid_until and day > authorisation.valid_until) or (
        authorisation.suspended_until and day >= authorisation.suspended_until
    )
    ahead = authorisation.ended and day < authorisation.ended
    if day >= authorisation.latest and not (over or ahead or operator.corrected):
        return authorisation
    at = start_of_day(day, operator.time_zone)
    found = [
        period
        for period in authorisation_periods(
            events_as_corrected(operator), operator.time_zone, authorisation.reference
        )
        if period.valid_from <= at and (period.valid_to is None or at < period.valid_to)
    ]
    if not found:
        return replace(authorisation, status=Status.NONE, ended=None)
    [period] = found
    suspended = period.status is Status.SUSPENDED or any(map(_IS_SUSPENSION_FLAG, period.flags))
    return replace(
        authorisation,
        status=Status.SUSPENDED if suspended else period.status,
        type=period.type,
        roles=period.roles,
        valid_until=period.valid_until,
        ended=authorisation.ended if authorisation.ended and authorisation.ended <= day else None,
        suspended_part=authorisation.suspended_part if suspended else None,
        suspended_until=authorisation.suspended_until if suspended else None,
    )


_IS_SUSPENSION_FLAG = re.compile("part_.+_suspended|suspension_decision_awaited").fullmatch


def refuse_earlier_day(
    operator: Operator, day: date, about: object, same: Callable[[Operator.Event], bool]
) -> None:
    """Refuses a day before the latest effective day among the events for which `same` is true.

    The event with the latest day decides in valid time, so an event of an earlier day would change
    nothing; earlier errors are corrected in their record. Raises WrongDates.
    """
    later = [e.effective for e in events_as_corrected(operator) if e.effective > day and same(e)]
    if later:
        raise WrongDates(
            "effective: found %(day)s, and the last word on %(about)s counts from "
            "%(later)s; what was wrong before that day is put right by correcting its "
            "record",
            day=day,
            about=about,
            later=max(later),
        )


def events_as_corrected(operator: Operator) -> list[Operator.Event]:
    """The events after the registration with every correction applied."""
    return corrected_events(operator.history) if operator.corrected else operator.history


def events_in_force(
    operator: Operator, same: Callable[[Operator.Event], bool], undone: Kinds = ()
) -> list[Operator.Event]:
    """The events that produced the present state, the latest first.

    These are the events for which `same` is true, back to the latest event of a kind in `undone`.
    """
    found: list[Operator.Event] = []
    for event in reversed(events_as_corrected(operator)):
        if same(event):
            if undone and isinstance(event, undone):
                break
            found.append(event)
    return found


def is_about(authorisation: Authorisation, kinds: Kinds) -> Callable[[Operator.Event], bool]:
    """Returns a test: is an event of one of these kinds and about this authorisation?"""
    return lambda e: (
        isinstance(e, kinds) and getattr(e, "authorisation", None) == authorisation.reference
    )


def record_event(
    operator: Operator,
    event: type[Operator.AuthorisationEvent],
    authorisation: Authorisation,
    by: Decision,
    after: Kinds = GRANT_EVENTS,
    but: Sequence[Operator.Event] = (),
    **content: object,
) -> None:
    """Records one event about this authorisation.

    Raises WrongDates if an event of the kinds `after` has a later day. `but`: events of later days
    that are ignored because they state the same.
    """
    envelope = event_fields(operator, by)
    follows = is_about(authorisation, after)
    refuse_earlier_day(
        operator, envelope["effective"], authorisation, lambda e: follows(e) and e not in but
    )
    operator.trigger_event(event, authorisation=authorisation.reference, **content, **envelope)


def refuse_unless_recorded(
    operator: Operator,
    authorisation: Authorisation,
    kind: type[Operator.Event],
    by: Decision,
    about: str,
    *,
    day: date | None = None,
    **content: object,
) -> None:
    """Returns if the command is identical to an event in force.

    Raises AlreadyRecorded with the field that differs.
    """
    refuse_unless_identical(
        events_in_force(operator, is_about(authorisation, (kind,))),
        by,
        Sentence("%(about)s of %(authorisation)s", about=about, authorisation=authorisation),
        day=day,
        **content,
    )


def required_reason(reason: str | None) -> str:
    """The reason. Raises BadValue if it is empty."""
    if not reason or not reason.strip():
        raise BadValue("reason: found nothing, wanted the reason in words")
    return reason


# ------------------------------------------------------------------- rules


def find_programme(by: Decision, code: str) -> Programme:
    """The programme with this code."""
    assert by.programme is not None  # the application always sets the lookup
    return by.programme(code)


def find_rules(by: Decision, authorisation: Authorisation, day: date) -> Rules:
    """The rules that the authorisation's programme has on a civil day."""
    return find_programme(by, authorisation.programme).rules_on(day)


def require_ground(by: Decision, programme: str, unknown: Collection[str], what: str) -> None:
    """Raises GroundNeeded if the decision needs an unknown rule and states no legal ground."""
    if unknown and not by.legal_ground:
        raise GroundNeeded(
            "legalGround: found nothing; nobody knows %(unknown)s of %(programme)s for "
            "that day, and unknown is not none: %(what)s needs its legal ground",
            unknown=in_words(unknown),
            programme=programme,
            what=what,
        )


def unknown_rules_field(unknown: Iterable[str]) -> tuple[str, ...] | None:
    """The value of an event's field `rule_unknown`: the unknown rules, sorted, or None."""
    return tuple(sorted(set(unknown))) or None


def barred_until(operator: Operator, programme: Programme) -> tuple[date | None, tuple[str, ...]]:
    """The end of the bar on new grants of this programme after revocations.

    Returns the first civil day of a possible grant (None if there is no bar), and the name of the
    rule if a revocation set no day and the rule of its day is unknown.
    """
    history = corrected_events(operator.history) if operator.corrected else operator.history
    revoked: dict[str, list[Operator.Revoked]] = {}
    for event in history:
        if isinstance(event, Operator.Revoked):
            revoked.setdefault(event.authorisation, []).append(event)
    days: list[date] = []
    unknown: tuple[str, ...] = ()
    for reference, events in revoked.items():
        held = operator.authorisations.get(reference)
        if held is None or held.programme != programme.programme:
            continue
        rule = programme.rules_on(min(e.effective for e in events)).rule("bar_years")
        ends = [e.barred_until or years_after(e.effective, rule.number) for e in events]
        days += filter(None, ends)
        if rule.is_unknown and not any(ends):
            unknown = (rule.name,)
    return max(days, default=None), unknown


def require_offered(programme: Programme, type: str, day: date) -> None:
    """Raises NotOffered if the programme does not offer the type on that day."""
    on_offer = programme.types_on(day)
    if type not in on_offer:
        raise NotOffered(
            "type: %(programme)s offers %(on_offer)s on %(day)s, and not %(type)s",
            programme=programme.programme,
            on_offer=in_words(on_offer),
            day=day,
            type=repr(type),
        )


def require_not_held(
    operator: Operator, rules: Rules, programme: str, type: str, but: Authorisation, day: date
) -> None:
    """Raises AlreadyHeld if another authorisation in effect shares the type or one of its parts.

    An AEOF consists of AEOC and AEOS. An authorisation with a scheduled end after `day` is held
    until that end. `but` is the authorisation that the command concerns.
    """
    for held in operator.authorisations.values():
        if held.reference == but.reference or held.programme != programme:
            continue
        if not rules.parts(held.type) & rules.parts(type):
            continue
        if holding := _held_from(operator, held, day):
            end = holding[-1].valid_to
            facts: dict[str, Any] = {
                "tin": operator.tin,
                "held": held,
                "held_type": held.type,
                "status": holding[0].status,
                "type": type,
            }
            if end is None:
                raise AlreadyHeld(
                    "%(tin)s holds %(held)s (%(held_type)s), which is %(status)s: no second "
                    "authorisation of type %(type)s",
                    **facts,
                )
            raise AlreadyHeld(
                "%(tin)s holds %(held)s (%(held_type)s), which is %(status)s until %(until)s: no "
                "second authorisation of type %(type)s",
                until=civil_day_of(end, operator.time_zone),
                **facts,
            )


def _held_from(operator: Operator, authorisation: Authorisation, day: date) -> list[Period]:
    """The periods on or after a day in which the authorisation is granted and has not ended."""
    if authorisation.status in CLOSED | PENDING:
        return []
    at = start_of_day(day, operator.time_zone)
    return [
        period
        for period in authorisation_periods(
            events_as_corrected(operator), operator.time_zone, authorisation.reference
        )
        if period.status in HELD and (period.valid_to is None or period.valid_to > at)
    ]


def end_of_term(rules: Rules, start: date) -> date | None:
    """The last civil day of the term that begins on a day: the day before the anniversary."""
    day = years_after(start, rules.number("validity_years"))
    return day - timedelta(days=1) if day and day != date.max else day


def years_after(day: date, years: int | None) -> date | None:
    """The same day of a later year; 1 March in place of 29 February. None if `years` is None."""
    if years is None:
        return None
    if day.year + years > date.max.year:
        return date.max  # stands for "without end"; a longer term is the same
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 3, 1)


def in_words(words: Iterable[str]) -> str:
    """The words in order, separated by commas, for a message."""
    return ", ".join(sorted(words)) or Sentence("nothing")
