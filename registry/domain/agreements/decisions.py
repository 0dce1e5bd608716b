"""The decisions about an agreement: each refuses, records one event, or records nothing.

A step of all together is taken once, and a side's implementation runs from its beginning until the
side withdraws or the agreement ends; a date that was recorded is bettered by SetDates alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import takewhile
from typing import Any

import msgspec

from registry.domain import commands as c
from registry.domain.agreements.events import STEPS, Agreement, Clause, Party
from registry.domain.amendments import amend
from registry.domain.decisions import Decision
from registry.domain.errors import AlreadyRecorded, BadValue, NotAParty, WrongDates, WrongStatus
from registry.domain.repeated_commands import difference
from registry.domain.values import NEVER, AdministrationCode, Dates, Step

#: Between these lie the days of every step, but for one that may never have been taken.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
YEAR = 366 * 24  # hours: who would take data older than that sets no limit


def amend_agreement(agreement: Agreement, command: c.AmendAgreement, by: Decision) -> None:
    """Raises BadValue where nothing would change."""
    given = {
        "title": command.title,
        "legal_basis": command.legal_basis,
        "confidence": command.confidence,
        "details": command.details or None,
        "titles": command.titles or None,
        "names": command.names or None,
    }
    amend(agreement, Agreement.Amended, command, given, by)


def open_negotiation(agreement: Agreement, command: c.OpenNegotiation, by: Decision) -> None:
    _take(agreement, Agreement.NegotiationOpened, command, by)


def sign_action_plan(agreement: Agreement, command: c.SignActionPlan, by: Decision) -> None:
    _take(agreement, Agreement.ActionPlanSigned, command, by)


def sign(agreement: Agreement, command: c.SignAgreement, by: Decision) -> None:
    _take(agreement, Agreement.Signed, command, by)


def start_pilot(agreement: Agreement, command: c.StartPilot, by: Decision) -> None:
    _take(agreement, Agreement.PilotStarted, command, by)


def implement(agreement: Agreement, command: c.ImplementAgreement, by: Decision) -> None:
    """Each party implements for itself. Raises AlreadyRecorded while a term of its own runs."""
    _party(agreement, command.side)
    own = [
        e for e in _of_membership(agreement, command.side) if isinstance(e, Agreement.Implemented)
    ]
    if since := agreement.running.get(command.side):
        about = f"implemented by {command.side} {_since(since)}"
        cure = (
            "SetDates betters that date, and only a withdrawal or the agreement's termination"
            " ends it"
        )
        return _repeated(agreement, own, command, by, about, cure, side=command.side)
    _in_order(agreement, command, by, command.side, (Agreement.Withdrew,))
    _record(agreement, Agreement.Implemented, command, by, side=command.side)


_PAUSES = (Agreement.Suspended, Agreement.Resumed)


def suspend_side(agreement: Agreement, command: c.SuspendAgreement, by: Decision) -> None:
    """What is suspended may be found to have been so from an earlier day."""
    _party(agreement, command.side)
    since = agreement.suspended.get(command.side)
    if since and _dates(command, by).earliest >= since.earliest:
        every = _of_membership(agreement, command.side, _PAUSES)
        own = takewhile(lambda e: isinstance(e, Agreement.Suspended), every)
        about = f"suspended by {command.side} {_since(since)}"
        return _repeated(
            agreement, own, command, by, about, "ResumeAgreement ends that", side=command.side
        )
    before = (Agreement.Resumed,) if since else _PAUSES
    _in_order(agreement, command, by, command.side, (*before, Agreement.Withdrew))
    _record(agreement, Agreement.Suspended, command, by, side=command.side)


def resume_side(agreement: Agreement, command: c.ResumeAgreement, by: Decision) -> None:
    _party(agreement, command.side)
    if command.side not in agreement.suspended:
        own = _of_membership(agreement, command.side, _PAUSES)[:1]
        about = f"not suspended by {command.side}"
        return _repeated(agreement, own, command, by, about, "nothing to resume", side=command.side)
    _in_order(agreement, command, by, command.side, (*_PAUSES, Agreement.Withdrew))
    _record(agreement, Agreement.Resumed, command, by, side=command.side)


def terminate(agreement: Agreement, command: c.TerminateAgreement, by: Decision) -> None:
    _take(agreement, Agreement.Terminated, command, by, notice=command.notice)


def accede(
    agreement: Agreement, command: c.AccedeToAgreement, by: Decision, time_zone: str
) -> None:
    party = Party(command.member, time_zone)
    if command.member in agreement.parties:
        own = [e for e in agreement.past[::-1] if _subject(e) == command.member][:1]
        about = f"one of which {command.member} is a party"
        cure = "only who is none can accede"
        return _repeated(agreement, own, command, by, about, cure, party=party)
    _in_order(agreement, command, by, command.member, (Agreement.Withdrew,))
    _record(agreement, Agreement.Acceded, command, by, party=party)


def withdraw_member(agreement: Agreement, command: c.WithdrawFromAgreement, by: Decision) -> None:
    last = [e for e in agreement.past[::-1] if _subject(e) == command.member][:1]
    if command.member not in agreement.parties and any(
        isinstance(e, Agreement.Withdrew) and _says(e, command, by, member=command.member)
        for e in last
    ):
        return
    _party(agreement, command.member)
    _in_order(agreement, command, by, command.member, (Agreement.Acceded,))
    _record(agreement, Agreement.Withdrew, command, by, member=command.member)


def set_dates(agreement: Agreement, command: c.SetDates, by: Decision) -> None:
    """Also of a party that has withdrawn: its record can still be bettered."""
    if command.side and command.side not in agreement.ever:
        _party(agreement, command.side)
    if (command.what is Step.IMPLEMENTED) != (command.side is not None):
        raise BadValue(
            f"side: found {command.side} for {command.what}; each side implements for itself, "
            "and every other step is one of all together"
        )
    begun = agreement.terms.get(command.side, 0) if command.side else 0
    if command.term is not None and not 1 <= command.term <= begun:
        raise BadValue(
            f"term: found {command.term}, and {command.side or 'all together'} began {begun}"
        )
    _record(
        agreement,
        Agreement.DatesSet,
        command,
        by,
        what=command.what,
        side=command.side,
        conflicting=command.conflicting,
        term=command.term,
    )


def note(agreement: Agreement, command: c.NoteOnAgreement, by: Decision) -> None:
    _record(agreement, Agreement.Noted, command, by, what=command.what, text=command.text)


def set_scope(agreement: Agreement, command: c.SetScope, by: Decision) -> None:
    if command.from_ == command.to:
        raise BadValue(
            f"to: found {command.to}, the same as from; a clause is about the other side"
        )
    _party(agreement, command.from_)
    _party(agreement, command.to)
    if command.max_age_hours is not None and not 1 <= command.max_age_hours <= YEAR:
        raise BadValue(f"max_age_hours: found {command.max_age_hours}, wanted 1 to {YEAR}, a year")
    if command.until and command.until <= (begun := _dates(command, by).earliest):
        raise WrongDates(f"until: {command.until} is not after {begun}, its beginning")
    clause = Clause(
        command.from_,
        command.to,
        command.types,
        command.programmes,
        command.roles,
        command.direction,
        command.hs,
        command.crossings,
        tuple(mode.lower() for mode in command.modes),
        command.identifier_scheme,
        command.declaration_box,
        command.benefits,
        command.consent_required,
        command.max_age_hours,
    )
    _record(agreement, Agreement.ScopeSet, command, by, clause=clause, until=command.until)


def _take(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    command: c.DatedCommand,
    by: Decision,
    **said: object,
) -> None:
    """A step of all together is taken once: another day of it would change what was answered."""
    if taken := agreement.taken.get(STEPS[event]):
        own = [e for e in agreement.past[::-1] if type(e) is event]
        about = f"at the step {STEPS[event]} {_since(taken)}"
        cure = "SetDates betters that date, or sets what another source says beside it"
        return _repeated(agreement, own, command, by, about, cure, **said)
    _record(agreement, event, command, by, **said)


def _repeated(
    agreement: Agreement,
    events: Iterable[Agreement.DatedEvent],
    command: c.DatedCommand,
    by: Decision,
    about: str,
    cure: str,
    **said: object,
) -> None:
    """What stands already: nothing, where one of these events says the very same; else refused."""
    if not any(_says(event, command, by, **said) for event in events):
        _dates(command, by)
        raise AlreadyRecorded(f"{agreement.agreement} is {about} already: {cure}")


def _record(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    command: c.DatedCommand,
    by: Decision,
    **said: object,
) -> None:
    """One dated event, unless the very same was said before, and nothing since took its place."""
    dates = _dates(command, by)
    over = agreement.taken.get(Step.TERMINATED)
    bettering = event in (Agreement.DatesSet, Agreement.Noted, Agreement.Terminated)
    # From its end on nothing happens to an agreement; until that day everything may.
    if over and not bettering and dates.earliest >= over.latest:
        raise WrongStatus(
            f"{agreement.agreement} is terminated {_since(over)}:"
            " from then on only its record can be bettered"
        )
    if event in (Agreement.ScopeSet, Agreement.DatesSet, Agreement.Noted):
        place = _place(event, said | {"dates": dates})
        for past in reversed(agreement.past):
            if type(past) is event and _says(past, command, by, **said):
                return
            if place and _replaces(past) and place == _place(type(past), vars(past)):
                break
    facts = msgspec.structs.replace(by, effective=dates.earliest).envelope()
    agreement.trigger_event(
        event, dates=dates, assumed=command.assumed, note=command.note, **said, **facts
    )


def _says(
    event: Agreement.DatedEvent, command: c.DatedCommand, by: Decision, **said: object
) -> bool:
    """Does the command say, field by field, what the event says? A command that names no day says
    what it said on the day of the decision."""
    named = command.earliest or command.effective
    first = named or event.effective
    last = command.latest or first
    if last < first:
        return False
    dates = Dates(first, last)
    own = {"dates": dates, "assumed": command.assumed, "note": command.note}
    by = msgspec.structs.replace(by, effective=named)
    return difference(event, by, None, own, **said) is None


def _subject(event: Agreement.DatedEvent) -> AdministrationCode | None:
    """Whose membership an event begins or ends."""
    match event:
        case Agreement.Acceded(party=party):
            return party.administration
        case Agreement.Withdrew(member=member):
            return member
    return None


def _of_membership(
    agreement: Agreement,
    side: AdministrationCode,
    kinds: tuple[type[Agreement.SideEvent], ...] = (Agreement.SideEvent,),
) -> list[Agreement.DatedEvent]:
    """What a side did since it withdrew last, the last first."""
    found: list[Agreement.DatedEvent] = []
    for event in reversed(agreement.past):
        if isinstance(event, Agreement.Withdrew) and event.member == side:
            break
        if isinstance(event, kinds) and event.side == side:
            found.append(event)
    return found


def _since(dates: Dates) -> str:
    if dates.earliest == dates.latest:
        return f"from {dates.earliest}"
    return f"from some day between {dates.earliest} and {dates.latest}"


def _place(event: type[Agreement.DatedEvent], said: dict[str, Any]) -> object:
    """What it is about where the later word can take the place of the earlier; else None."""
    if event is Agreement.ScopeSet:
        return said["clause"].place, said["dates"].earliest
    if event is Agreement.DatesSet:
        return said["what"], said["side"], said["term"]
    return None


def _replaces(event: Agreement.DatedEvent) -> bool:
    """Does it take the place of what was said before, or stand beside it?"""
    return not getattr(event, "conflicting", False)


def _dates(command: c.DatedCommand, by: Decision) -> Dates:
    first = command.earliest or command.effective or by.today
    last = command.latest or first
    if last < first:
        raise WrongDates(f"latest: {last} is before {first}, the earliest")
    if not (first >= EARLIEST and (last <= LATEST or last == NEVER)):
        raise WrongDates(f"found {first} to {last}, wanted days from {EARLIEST} to {LATEST}")
    return Dates(first, last)


def _in_order(
    agreement: Agreement,
    command: c.DatedCommand,
    by: Decision,
    side: AdministrationCode,
    kinds: tuple[type[Agreement.DatedEvent], ...],
) -> None:
    """Law follows the dates: what begins and ends by turns is said in the order of its days."""
    day = _dates(command, by).earliest
    said = (
        e.dates.earliest
        for e in agreement.past
        if isinstance(e, kinds) and side in (_subject(e), getattr(e, "side", None))
    )
    if day < (last := max(said, default=day)):
        raise WrongDates(f"effective: found {day}, and the last word on this counts from {last}")


def _party(agreement: Agreement, code: AdministrationCode) -> None:
    if code not in agreement.parties:
        parties = ", ".join(sorted(p.text for p in agreement.parties))
        raise NotAParty(f"{code} is not a party of {agreement.agreement} ({parties})")
