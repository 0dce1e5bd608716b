"""The decisions about an agreement: each refuses, records one event, or records nothing.

A step of all together is taken once, and a side's implementation runs from its beginning until the
side withdraws or the agreement ends; a date that was recorded is bettered by SetDates alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec

from registry import commands as c
from registry.agreements import STEPS, Agreement, Clause, Party
from registry.decisions import Decision
from registry.errors import BadValue, NotAParty, WrongDates, WrongStatus
from registry.readings import amend
from registry.values import NEVER, AdministrationCode, Dates, Step

#: Between these lie the days of every step, but for one that may never have been taken.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
YEAR = 366 * 24  # hours: who would take data older than that sets no limit


def amend_agreement(agreement: Agreement, it: c.AmendAgreement, by: Decision) -> None:
    """Raises BadValue where nothing would change."""
    given = {
        "title": it.title, "legal_basis": it.legal_basis, "confidence": it.confidence,
        "details": it.details or None, "titles": it.titles or None, "names": it.names or None,
    }  # fmt: skip
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
    """Each party implements for itself. Raises WrongStatus while a term of its own runs."""
    _party(agreement, it.side)
    said = {"side": it.side}
    if (since := agreement.running.get(it.side)) is None:
        _in_order(
            agreement, it, by,
            lambda e: isinstance(e, Agreement.Withdrew) and e.member == it.side,
            (Agreement.Withdrew,),
        )  # fmt: skip
        _record(agreement, Agreement.Implemented, it, by, **said)
    elif not _is_said(agreement, Agreement.Implemented, it, by, said):
        raise WrongStatus(
            f"{agreement.agreement} is implemented by {it.side} {_since(since)} already: SetDates"
            " betters that date, and only a withdrawal or the agreement's termination ends it"
        )


_PAUSES = (Agreement.Suspended, Agreement.Resumed)


def suspend_side(agreement: Agreement, it: c.SuspendAgreement, by: Decision) -> None:
    _party(agreement, it.side)
    if it.side not in agreement.suspended:
        _in_turn(agreement, it, by)
        _record(agreement, Agreement.Suspended, it, by, side=it.side)


def resume_side(agreement: Agreement, it: c.ResumeAgreement, by: Decision) -> None:
    _party(agreement, it.side)
    if it.side not in agreement.suspended:
        raise WrongStatus(f"{agreement.agreement} is not suspended by {it.side}: nothing to resume")
    _in_turn(agreement, it, by)
    _record(agreement, Agreement.Resumed, it, by, side=it.side)


def _in_turn(agreement: Agreement, it: c.SideCommand, by: Decision) -> None:
    """A suspension, its end and a withdrawal of one side follow each other."""
    _in_order(
        agreement, it, by,
        lambda e: it.side in (getattr(e, "side", None), getattr(e, "member", None)),
        (*_PAUSES, Agreement.Withdrew),
    )  # fmt: skip


def terminate(agreement: Agreement, it: c.TerminateAgreement, by: Decision) -> None:
    _take(agreement, Agreement.Terminated, it, by, notice=it.notice)


def accede(agreement: Agreement, it: c.AccedeToAgreement, by: Decision, time_zone: str) -> None:
    if it.member not in agreement.parties:
        _in_order(
            agreement, it, by,
            lambda e: isinstance(e, Agreement.Withdrew) and e.member == it.member,
            (Agreement.Withdrew,),
        )  # fmt: skip
        _record(agreement, Agreement.Acceded, it, by, party=Party(it.member, time_zone))


def withdraw_member(agreement: Agreement, it: c.WithdrawFromAgreement, by: Decision) -> None:
    _party(agreement, it.member)
    _in_order(
        agreement, it, by,
        lambda e: isinstance(e, Agreement.Acceded) and e.party.administration == it.member,
        (Agreement.Acceded,),
    )  # fmt: skip
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
        agreement, Agreement.DatesSet, it, by,
        what=it.what, side=it.side, conflicting=it.conflicting, term=it.term,
    )  # fmt: skip


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
        it.from_, it.to, it.types, it.programmes, it.roles, it.direction, it.hs, it.crossings,
        tuple(mode.lower() for mode in it.modes), it.identifier_scheme, it.declaration_box,
        it.benefits, it.consent_required, it.max_age_hours,
    )  # fmt: skip
    _record(agreement, Agreement.ScopeSet, it, by, clause=clause, until=it.until)


def _take(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    it: c.DatedCommand,
    by: Decision,
    **said: object,
) -> None:
    """A step of all together is taken once: another day of it would change what was answered."""
    taken = agreement.taken.get(STEPS[event])
    if taken is None:
        _record(agreement, event, it, by, **said)
    elif not _is_said(agreement, event, it, by, said):
        raise WrongStatus(
            f"{agreement.agreement} has taken the step {STEPS[event]}, {_since(taken)}, already:"
            " SetDates betters that date, or sets what another source says beside it"
        )


def _record(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    it: c.DatedCommand,
    by: Decision,
    **said: object,
) -> None:
    """One dated event, unless the very same was said before."""
    _is_open(agreement, event, it, by)
    if _is_said(agreement, event, it, by, said):
        return
    facts = msgspec.structs.replace(by, effective=_dates(it, by).earliest).envelope()
    agreement.trigger_event(event, **_said(it, by, said), **facts)


def _said(it: c.DatedCommand, by: Decision, said: dict[str, Any]) -> dict[str, Any]:
    return said | {"dates": _dates(it, by), "assumed": it.assumed, "note": it.note}


def _is_open(
    agreement: Agreement, event: type[Agreement.DatedEvent], it: c.DatedCommand, by: Decision
) -> None:
    """From its end on, nothing happens to an agreement; until that day, everything may."""
    over = agreement.taken.get(Step.TERMINATED)
    bettering = event in (Agreement.DatesSet, Agreement.Noted, Agreement.Terminated)
    if over and not bettering and _dates(it, by).earliest >= over.latest:
        raise WrongStatus(
            f"{agreement.agreement} is terminated {_since(over)}:"
            " from then on only its record can be bettered"
        )


def _is_said(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    it: c.DatedCommand,
    by: Decision,
    said: dict[str, Any],
) -> bool:
    """Was the very same said before, and nothing since that took its place?"""
    if event in _PAUSES:
        return False  # by turns: whether it changes anything is known already
    said = _said(it, by, said)
    place = _place(event, said)
    for past in reversed(agreement.past):
        same = type(past) is event and past.source == by.source
        if same and all(getattr(past, k) == v for k, v in said.items()):
            return True
        if place and place == _place(type(past), vars(past)):
            return False
        if isinstance(past, Agreement.Withdrew) and past.member == said.get("side"):
            return False  # what it said was of an earlier term
    return False


def _since(dates: Dates) -> str:
    if dates.earliest == dates.latest:
        return f"from {dates.earliest}"
    return f"from some day between {dates.earliest} and {dates.latest}"


def _place(event: type[Agreement.DatedEvent], said: dict[str, Any]) -> object:
    """Of two words of one place the later stands alone. None: both stand."""
    if event is Agreement.ScopeSet:
        return said["clause"].place, said["dates"].earliest
    if event is Agreement.DatesSet:
        return None if said["conflicting"] else (said["what"], said["side"], said["term"])
    step = STEPS.get(event)
    return step and (step, said.get("side"), None)


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
    about: Callable[[Agreement.DatedEvent], bool],
    kinds: tuple[type[Agreement.DatedEvent], ...],
) -> None:
    """Law follows the dates: what begins and ends by turns is said in the order of its days."""
    day = _dates(it, by).earliest
    said = (e.dates.earliest for e in agreement.past if isinstance(e, kinds) and about(e))
    if day < (last := max(said, default=day)):
        raise WrongDates(f"effective: found {day}, and the last word on this counts from {last}")


def _party(agreement: Agreement, code: AdministrationCode) -> None:
    if code not in agreement.parties:
        parties = ", ".join(sorted(p.text for p in agreement.parties))
        raise NotAParty(f"{code} is not a party of {agreement.agreement} ({parties})")
