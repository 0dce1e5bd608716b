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


def amend_agreement(agreement: Agreement, it: c.AmendAgreement, by: Decision) -> None:
    """Raises BadValue where nothing would change."""
    given = {
        "title": it.title,
        "legal_basis": it.legal_basis,
        "confidence": it.confidence,
        "details": it.details or None,
        "titles": it.titles or None,
        "names": it.names or None,
    }
    amend(agreement, Agreement.Amended, it, given, by)


def open_negotiation(agreement: Agreement, it: c.OpenNegotiation, by: Decision) -> None:
    _take(agreement, Agreement.NegotiationOpened, it, by)


def sign_action_plan(agreement: Agreement, it: c.SignActionPlan, by: Decision) -> None:
    _take(agreement, Agreement.ActionPlanSigned, it, by)


def sign(agreement: Agreement, it: c.SignAgreement, by: Decision) -> None:
    _take(agreement, Agreement.Signed, it, by)


def start_pilot(agreement: Agreement, it: c.StartPilot, by: Decision) -> None:
    _take(agreement, Agreement.PilotStarted, it, by)


def implement(agreement: Agreement, it: c.ImplementAgreement, by: Decision) -> None:
    """Each party implements for itself. Raises AlreadyRecorded while a term of its own runs."""
    _party(agreement, it.side)
    own = [e for e in _of_membership(agreement, it.side) if isinstance(e, Agreement.Implemented)]
    if since := agreement.running.get(it.side):
        about = f"implemented by {it.side} {_since(since)}"
        cure = (
            "SetDates betters that date, and only a withdrawal or the agreement's termination"
            " ends it"
        )
        return _repeated(agreement, own, it, by, about, cure, side=it.side)
    _in_order(agreement, it, by, it.side, (Agreement.Withdrew,))
    _record(agreement, Agreement.Implemented, it, by, side=it.side)


_PAUSES = (Agreement.Suspended, Agreement.Resumed)


def suspend_side(agreement: Agreement, it: c.SuspendAgreement, by: Decision) -> None:
    """What is suspended may be found to have been so from an earlier day."""
    _party(agreement, it.side)
    since = agreement.suspended.get(it.side)
    if since and _dates(it, by).earliest >= since.earliest:
        every = _of_membership(agreement, it.side, _PAUSES)
        own = takewhile(lambda e: isinstance(e, Agreement.Suspended), every)
        about = f"suspended by {it.side} {_since(since)}"
        return _repeated(agreement, own, it, by, about, "ResumeAgreement ends that", side=it.side)
    before = (Agreement.Resumed,) if since else _PAUSES
    _in_order(agreement, it, by, it.side, (*before, Agreement.Withdrew))
    _record(agreement, Agreement.Suspended, it, by, side=it.side)


def resume_side(agreement: Agreement, it: c.ResumeAgreement, by: Decision) -> None:
    _party(agreement, it.side)
    if it.side not in agreement.suspended:
        own = _of_membership(agreement, it.side, _PAUSES)[:1]
        about = f"not suspended by {it.side}"
        return _repeated(agreement, own, it, by, about, "nothing to resume", side=it.side)
    _in_order(agreement, it, by, it.side, (*_PAUSES, Agreement.Withdrew))
    _record(agreement, Agreement.Resumed, it, by, side=it.side)


def terminate(agreement: Agreement, it: c.TerminateAgreement, by: Decision) -> None:
    _take(agreement, Agreement.Terminated, it, by, notice=it.notice)


def accede(agreement: Agreement, it: c.AccedeToAgreement, by: Decision, time_zone: str) -> None:
    party = Party(it.member, time_zone)
    if it.member in agreement.parties:
        own = [e for e in agreement.past[::-1] if _subject(e) == it.member][:1]
        about = f"one of which {it.member} is a party"
        cure = "only who is none can accede"
        return _repeated(agreement, own, it, by, about, cure, party=party)
    _in_order(agreement, it, by, it.member, (Agreement.Withdrew,))
    _record(agreement, Agreement.Acceded, it, by, party=party)


def withdraw_member(agreement: Agreement, it: c.WithdrawFromAgreement, by: Decision) -> None:
    last = [e for e in agreement.past[::-1] if _subject(e) == it.member][:1]
    if it.member not in agreement.parties and any(
        isinstance(e, Agreement.Withdrew) and _says(e, it, by, member=it.member) for e in last
    ):
        return
    _party(agreement, it.member)
    _in_order(agreement, it, by, it.member, (Agreement.Acceded,))
    _record(agreement, Agreement.Withdrew, it, by, member=it.member)


def set_dates(agreement: Agreement, it: c.SetDates, by: Decision) -> None:
    """Also of a party that has withdrawn: its record can still be bettered."""
    if it.side and it.side not in agreement.ever:
        _party(agreement, it.side)
    if (it.what is Step.IMPLEMENTED) != (it.side is not None):
        raise BadValue(
            f"side: found {it.side} for {it.what}; each side implements for itself, "
            "and every other step is one of all together"
        )
    begun = agreement.terms.get(it.side, 0) if it.side else 0
    if it.term is not None and not 1 <= it.term <= begun:
        raise BadValue(f"term: found {it.term}, and {it.side or 'all together'} began {begun}")
    _record(
        agreement,
        Agreement.DatesSet,
        it,
        by,
        what=it.what,
        side=it.side,
        conflicting=it.conflicting,
        term=it.term,
    )


def note(agreement: Agreement, it: c.NoteOnAgreement, by: Decision) -> None:
    _record(agreement, Agreement.Noted, it, by, what=it.what, text=it.text)


def set_scope(agreement: Agreement, it: c.SetScope, by: Decision) -> None:
    if it.from_ == it.to:
        raise BadValue(f"to: found {it.to}, the same as from; a clause is about the other side")
    _party(agreement, it.from_)
    _party(agreement, it.to)
    if it.max_age_hours is not None and not 1 <= it.max_age_hours <= YEAR:
        raise BadValue(f"max_age_hours: found {it.max_age_hours}, wanted 1 to {YEAR}, a year")
    if it.until and it.until <= (begun := _dates(it, by).earliest):
        raise WrongDates(f"until: {it.until} is not after {begun}, its beginning")
    clause = Clause(
        it.from_,
        it.to,
        it.types,
        it.programmes,
        it.roles,
        it.direction,
        it.hs,
        it.crossings,
        tuple(mode.lower() for mode in it.modes),
        it.identifier_scheme,
        it.declaration_box,
        it.benefits,
        it.consent_required,
        it.max_age_hours,
    )
    _record(agreement, Agreement.ScopeSet, it, by, clause=clause, until=it.until)


def _take(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    it: c.DatedCommand,
    by: Decision,
    **said: object,
) -> None:
    """A step of all together is taken once: another day of it would change what was answered."""
    if taken := agreement.taken.get(STEPS[event]):
        own = [e for e in agreement.past[::-1] if type(e) is event]
        about = f"at the step {STEPS[event]} {_since(taken)}"
        cure = "SetDates betters that date, or sets what another source says beside it"
        return _repeated(agreement, own, it, by, about, cure, **said)
    _record(agreement, event, it, by, **said)


def _repeated(
    agreement: Agreement,
    events: Iterable[Agreement.DatedEvent],
    it: c.DatedCommand,
    by: Decision,
    about: str,
    cure: str,
    **said: object,
) -> None:
    """What stands already: nothing, where one of these events says the very same; else refused."""
    if not any(_says(event, it, by, **said) for event in events):
        _dates(it, by)
        raise AlreadyRecorded(f"{agreement.agreement} is {about} already: {cure}")


def _record(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    it: c.DatedCommand,
    by: Decision,
    **said: object,
) -> None:
    """One dated event, unless the very same was said before, and nothing since took its place."""
    dates = _dates(it, by)
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
            if type(past) is event and _says(past, it, by, **said):
                return
            if place and _replaces(past) and place == _place(type(past), vars(past)):
                break
    facts = msgspec.structs.replace(by, effective=dates.earliest).envelope()
    agreement.trigger_event(event, dates=dates, assumed=it.assumed, note=it.note, **said, **facts)


def _says(event: Agreement.DatedEvent, it: c.DatedCommand, by: Decision, **said: object) -> bool:
    """Does the command say, field by field, what the event says? A command that names no day says
    what it said on the day of the decision."""
    named = it.earliest or it.effective
    first = named or event.effective
    last = it.latest or first
    if last < first:
        return False
    dates = Dates(first, last)
    own = {"dates": dates, "assumed": it.assumed, "note": it.note}
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


def _dates(it: c.DatedCommand, by: Decision) -> Dates:
    first = it.earliest or it.effective or by.today
    last = it.latest or first
    if last < first:
        raise WrongDates(f"latest: {last} is before {first}, the earliest")
    if not (first >= EARLIEST and (last <= LATEST or last == NEVER)):
        raise WrongDates(f"found {first} to {last}, wanted days from {EARLIEST} to {LATEST}")
    return Dates(first, last)


def _in_order(
    agreement: Agreement,
    it: c.DatedCommand,
    by: Decision,
    side: AdministrationCode,
    kinds: tuple[type[Agreement.DatedEvent], ...],
) -> None:
    """Law follows the dates: what begins and ends by turns is said in the order of its days."""
    day = _dates(it, by).earliest
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
