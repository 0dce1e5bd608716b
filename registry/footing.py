"""What a decision about an operator stands on: the authorisation it means, its day, its rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from registry.decisions import Decision
from registry.errors import (
    AlreadyHeld,
    BadValue,
    GroundNeeded,
    NotOffered,
    Superseded,
    UnknownAuthorisation,
    WrongDates,
    WrongStatus,
)
from registry.holdings import Authorisation, Due
from registry.operators import Operator, amended
from registry.programmes import Programme
from registry.repeats import refuse_unless_identical
from registry.rules import Rules
from registry.values import HELD, Status

Kinds = tuple[type[Operator.Event], ...]
IN_USE = frozenset({Status.VALID, Status.SUSPENDED})
#: What moves an authorisation from one status to another. Ends are left out: they may reach
#: behind what they make void.
STANDING: Kinds = (
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
#: An end may reach behind what it makes void, but never behind the grant.
GRANT: Kinds = (Operator.Granted,)


def facts(operator: Operator, by: Decision, effective: date | None = None) -> dict[str, Any]:
    """The fields that every event of an operator carries. Raises Superseded, and what the
    decision's envelope raises."""
    if operator.successor:
        raise Superseded(f"{operator.tin} was merged into {operator.successor}: ask of that one")
    return by.envelope(effective, source_suffices=False)


def meant(
    operator: Operator,
    asked: str | None,
    wanted: Collection[Status],
    action: str,
    already: Collection[Status] = (),
    of_type: str | None = None,
) -> Authorisation:
    """The one authorisation that a command means, if it is where the command needs it to be.

    `already`: where it stands when the same was asked before. What has come so far is meant only
    when nothing else could be. Raises UnknownAuthorisation, WrongStatus.
    """
    known = list(operator.authorisations.values())
    if asked:
        known = [a for a in known if asked in (a.number, a.reference)]
        if not known:
            raise UnknownAuthorisation(f"{operator.tin} has no authorisation {asked}")
    fit = [a for a in known if a.status in wanted]
    if len(fit) > 1 and of_type:
        fit = [a for a in fit if a.type == of_type] or fit
    fit = fit or [a for a in known if a.status in already][-1:]
    if len(fit) == 1:
        return fit[0]
    if fit:
        names = ", ".join(str(a) for a in fit)
        raise UnknownAuthorisation(f"authorisation: {operator.tin} has several ({names}); name one")
    if not known:
        raise UnknownAuthorisation(f"{operator.tin} has no authorisation and none can be {action}")
    stands = ", ".join(f"{a} is {a.status}" for a in known)
    raise WrongStatus(f"{operator.tin}: {stands} and cannot be {action}")


def in_order(
    operator: Operator, day: date, about: object, same: Callable[[Operator.Event], bool]
) -> None:
    """Law follows effective dates, so the last word on a thing is the one with the latest day.

    A word from an earlier day would be recorded and change nothing; what was wrong before is put
    right by correcting that record. Raises WrongDates.
    """
    later = [e.effective for e in told(operator) if e.effective > day and same(e)]
    if later:
        raise WrongDates(
            f"effective: found {day}, and the last word on {about} counts from {max(later)}; "
            "what was wrong before that day is put right by correcting its record"
        )


def told(operator: Operator) -> list[Operator.Event]:
    """What came after the registration, as it was corrected."""
    return amended(operator.past) if operator.corrected else operator.past


def standing(
    operator: Operator, same: Callable[[Operator.Event], bool], undone: Kinds = ()
) -> list[Operator.Event]:
    """The events on which the present state rests, the last word first: those that are `same`,
    back to the last one of the kinds that undo them."""
    found: list[Operator.Event] = []
    for event in reversed(told(operator)):
        if same(event):
            if undone and isinstance(event, undone):
                break
            found.append(event)
    return found


def of(mine: Authorisation, kinds: Kinds) -> Callable[[Operator.Event], bool]:
    """Is it one of these kinds, about this authorisation?"""
    return lambda e: isinstance(e, kinds) and getattr(e, "authorisation", None) == mine.reference


def record(
    operator: Operator,
    event: type[Operator.AuthorisationEvent],
    mine: Authorisation,
    by: Decision,
    after: Kinds = GRANT,
    but: Sequence[Operator.Event] = (),
    **said: object,
) -> None:
    """One event about this authorisation, in the order of law among those of its kind.

    `but`: events of later days that do not stand against it, because they say the same.
    """
    envelope = facts(operator, by)
    follows = of(mine, after)
    in_order(operator, envelope["effective"], mine, lambda e: follows(e) and e not in but)
    operator.trigger_event(event, authorisation=mine.reference, **said, **envelope)


def repeated(
    operator: Operator,
    mine: Authorisation,
    kind: type[Operator.Event],
    by: Decision,
    about: str,
    *,
    day: date | None = None,
    **said: object,
) -> None:
    """Returns where the command is word for word what brought this authorisation to where it
    stands. Raises AlreadyRecorded, naming the field that differs."""
    refuse_unless_identical(
        standing(operator, of(mine, (kind,))), by, f"{about} of {mine}", day=day, **said
    )


def why(reason: str | None) -> str:
    if not reason or not reason.strip():
        raise BadValue("reason: found nothing, wanted the reason in words")
    return reason


# ------------------------------------------------------------------- rules


def programme(by: Decision, code: str) -> Programme:
    assert by.programme is not None  # the application always gives the way to look one up
    return by.programme(code)


def rules(by: Decision, mine: Authorisation, day: date) -> Rules:
    return programme(by, mine.programme).rules_on(day)


def grounded(by: Decision, programme: str, unknown: Collection[str], what: str) -> None:
    """A decision that needs a rule nobody knows states its legal ground. Raises GroundNeeded."""
    if unknown and not by.legal_ground:
        raise GroundNeeded(
            f"legalGround: found nothing; nobody knows {listed(unknown)} of {programme} for that "
            f"day, and unknown is not none: {what} needs its legal ground"
        )


def marked(unknown: Iterable[str]) -> tuple[str, ...] | None:
    """What an event says of the rules that nobody knew (`rule_unknown`)."""
    return tuple(sorted(set(unknown))) or None


def bar(operator: Operator, programme: Programme) -> tuple[date | None, tuple[str, ...]]:
    """Until when the operator is barred from a new grant of this programme after its revocations,
    and the name of the rule where a revocation named no day and nobody knows the rule of its day.
    """
    past = amended(operator.past) if operator.corrected else operator.past
    revoked: dict[str, list[Operator.Revoked]] = {}
    for event in past:
        if isinstance(event, Operator.Revoked):
            revoked.setdefault(event.authorisation, []).append(event)
    days: list[date] = []
    unknown: tuple[str, ...] = ()
    for reference, events in revoked.items():
        held = operator.authorisations.get(reference)
        if held is None or held.programme != programme.programme:
            continue
        rule = programme.rules_on(min(e.effective for e in events)).rule("bar_years")
        said = [e.barred_until or years_after(e.effective, rule.number) for e in events]
        days += filter(None, said)
        if rule.is_unknown and not any(said):
            unknown = (rule.name,)
    return max(days, default=None), unknown


def offered(programme: Programme, type: str, day: date) -> None:
    on_offer = programme.types_on(day)
    if type not in on_offer:
        raise NotOffered(
            f"type: {programme.programme} offers {listed(on_offer)} on {day}, and not {type!r}"
        )


def not_held_twice(
    operator: Operator, rules: Rules, programme: str, type: str, but: Authorisation, day: date
) -> None:
    """Two valid authorisations never share a type, nor a part: AEOF is AEOC and AEOS.

    What ends after `day` is held until then, though the end is recorded already.
    """
    for held in operator.authorisations.values():
        until_then = held.status in HELD or (held.ended and held.ended > day)
        if held is but or not until_then or held.programme != programme:
            continue
        if rules.parts(held.type) & rules.parts(type):
            raise AlreadyHeld(
                f"{operator.tin} holds {held} ({held.type}), which is {held.status}"
                f"{f' from {held.ended}' if held.ended else ''}: "
                f"no second authorisation of type {type}"
            )


def due(rules: Rules, what: str, rule: str, start: date) -> tuple[Due, ...]:
    days = rules.number(rule)
    return (Due(what, start + timedelta(days=days), rules.source(rule)),) if days else ()


def renewal(rules: Rules, until: date | None) -> tuple[Due, ...]:
    return (Due("renewal", until, rules.source("validity_years")),) if until else ()


def review(rules: Rules, start: date) -> tuple[Due, ...]:
    day = years_after(start, rules.number("review_years"))
    return (Due("review", day, rules.source("review_years")),) if day else ()


def years_after(day: date, years: int | None) -> date | None:
    if years is None:
        return None
    if day.year + years > date.max.year:
        return date.max  # "without end", which a term makes no longer
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 3, 1)


def listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "nothing"
