"""An agreement between administrations: its steps, each side's own dates, its scope.

One stream for each legal instrument, however many parties. The events come first, then the
decisions; which pairs it links on which day follows from them in links.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from eventsourcing.domain import AggregateCreated, BaseAggregate

from registry import commands as c
from registry.decisions import DatedFact, Decision
from registry.errors import BadValue, NotAParty, WrongDates, WrongStatus
from registry.readings import Names, amend, amended
from registry.values import (
    NEVER,
    AdministrationCode,
    AgreementKind,
    Dates,
    Direction,
    HsCode,
    Pillar,
    Role,
    Step,
)


class Party(msgspec.Struct, frozen=True):
    """A party and the zone in which its civil days begin, so that a stream explains itself."""

    administration: AdministrationCode
    time_zone: str


#: Between these lie the days of every step, but for one that may never have been taken.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
YEAR = 366 * 24  # hours: who would take data older than that sets no limit


class Clause(msgspec.Struct, frozen=True, omit_defaults=True, rename={"from_": "from"}):
    """What one side recognises of another. No clause, no type: no recognition."""

    from_: AdministrationCode
    to: AdministrationCode
    types: tuple[str, ...]
    programmes: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    direction: Direction | None = None
    hs: tuple[HsCode, ...] = ()
    crossings: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    identifier_scheme: str | None = None
    declaration_box: str | None = None
    benefits: tuple[str, ...] = ()
    consent_required: bool = False
    max_age_hours: int | None = None

    @property
    def place(self) -> tuple[object, ...]:
        """Two clauses of one place are the same clause at different times."""
        return (self.from_, self.to, self.direction, self.hs, self.crossings)


@dataclass(frozen=True)
class Said:
    """What an agreement is called and says by its latest reading, beside its dates and scope."""

    title: str
    legal_basis: str | None
    confidence: str | None
    details: Mapping[str, str]
    titles: Mapping[str, str]
    names: Names

    @classmethod
    def of(cls, first: Agreement.Proposed) -> Said:
        return cls(
            first.title, first.legal_basis, first.confidence, first.details or {},
            first.titles or {}, first.names or {},
        )  # fmt: skip


class Agreement(BaseAggregate[UUID]):
    TOPIC = "agreement"

    class Event(DatedFact): ...

    class Proposed(Event, AggregateCreated):
        TOPIC = "agreement.proposed"
        class_version = 2
        agreement: str
        kind: AgreementKind
        title: str
        parties: tuple[Party, ...]
        pillars: tuple[Pillar, ...] = ()
        legal_basis: str | None = None
        confidence: str | None = None
        details: dict[str, str] | None = None
        titles: dict[str, str] | None = None
        names: Names | None = None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Version 1 has no original names; its text needs no change."""

    class Amended(Event):
        """A better reading of what it is called and says: None leaves a field as it was, `details`
        and `names` add to those known and replace those of the same name."""

        TOPIC = "agreement.amended"
        title: str | None = None
        legal_basis: str | None = None
        confidence: str | None = None
        details: dict[str, str] | None = None
        titles: dict[str, str] | None = None
        names: Names | None = None

        def apply(self, agreement: Agreement) -> None:
            agreement.said = amended(agreement.said, self)
            agreement.amendments.append(self)

    class DatedEvent(Event):
        TOPIC = "agreement.dated"  # asked for by the library; never stored
        _: KW_ONLY
        dates: Dates
        assumed: bool = False
        note: str | None = None

        def apply(self, agreement: Agreement) -> None:
            agreement.past.append(self)

    class NegotiationOpened(DatedEvent):
        TOPIC = "agreement.negotiation_opened"

    class ActionPlanSigned(DatedEvent):
        TOPIC = "agreement.action_plan_signed"

    class Signed(DatedEvent):
        TOPIC = "agreement.signed"

    class PilotStarted(DatedEvent):
        TOPIC = "agreement.pilot_started"

    class SideEvent(DatedEvent):
        TOPIC = "agreement.side"  # asked for by the library; never stored
        side: AdministrationCode

    class Implemented(SideEvent):
        TOPIC = "agreement.implemented"

    class Suspended(SideEvent):
        """The side stops recognising what comes from the others, from then on."""

        TOPIC = "agreement.suspended"

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.suspended.add(self.side)

    class Resumed(SideEvent):
        TOPIC = "agreement.resumed"

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.suspended.discard(self.side)

    class Terminated(DatedEvent):
        TOPIC = "agreement.terminated"
        notice: date | None = None

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.terminated = True

    class Acceded(DatedEvent):
        TOPIC = "agreement.acceded"
        party: Party

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.parties[self.party.administration] = self.party.time_zone

    class Withdrew(DatedEvent):
        TOPIC = "agreement.withdrew"
        member: AdministrationCode

        def apply(self, agreement: Agreement) -> None:
            super().apply(agreement)
            agreement.parties.pop(self.member, None)

    class DatesSet(DatedEvent):
        TOPIC = "agreement.dates_set"
        what: Step
        side: AdministrationCode | None = None
        conflicting: bool = False

    class Noted(DatedEvent):
        TOPIC = "agreement.noted"
        what: Step
        text: str

    class ScopeSet(DatedEvent):
        TOPIC = "agreement.scope_set"
        clause: Clause
        until: date | None = None

    def __init__(
        self,
        agreement: str,
        kind: AgreementKind,
        title: str,
        parties: tuple[Party, ...],
        effective: date,
        pillars: tuple[Pillar, ...] = (),
        legal_basis: str | None = None,
        confidence: str | None = None,
        details: dict[str, str] | None = None,
        titles: dict[str, str] | None = None,
        names: Names | None = None,
        decided: date | None = None,
        decided_by: AdministrationCode | None = None,
        legal_ground: str | None = None,
        source: str | None = None,
    ) -> None:
        self.agreement, self.kind = agreement, kind
        self.parties = {p.administration: p.time_zone for p in parties}
        self.suspended: set[AdministrationCode] = set()
        self.terminated = False
        self.past: list[Agreement.DatedEvent] = []
        self.said = Said(
            title, legal_basis, confidence, details or {}, titles or {}, names or {}
        )
        self.amendments: list[Agreement.Amended] = []

    @staticmethod
    def create_id(agreement: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"agreement/{agreement}")


#: The step that each of these takes; dates that are set say one otherwise.
STEPS: dict[type[Agreement.DatedEvent], Step] = {
    Agreement.NegotiationOpened: Step.NEGOTIATING,
    Agreement.ActionPlanSigned: Step.ACTION_PLAN,
    Agreement.Signed: Step.SIGNED,
    Agreement.PilotStarted: Step.PILOT,
    Agreement.Implemented: Step.IMPLEMENTED,
    Agreement.Terminated: Step.TERMINATED,
}


# --------------------------------------------------------------- decisions


def amend_agreement(agreement: Agreement, it: c.AmendAgreement, by: Decision) -> None:
    """Raises BadValue where nothing would change."""
    given = {
        "title": it.title, "legal_basis": it.legal_basis, "confidence": it.confidence,
        "details": it.details or None, "titles": it.titles or None, "names": it.names or None,
    }  # fmt: skip
    amend(agreement, Agreement.Amended, it, given, by)


def open_negotiation(agreement: Agreement, it: c.OpenNegotiation, by: Decision) -> None:
    _record(agreement, Agreement.NegotiationOpened, it, by)


def sign_action_plan(agreement: Agreement, it: c.SignActionPlan, by: Decision) -> None:
    _record(agreement, Agreement.ActionPlanSigned, it, by)


def sign(agreement: Agreement, it: c.SignAgreement, by: Decision) -> None:
    _record(agreement, Agreement.Signed, it, by)


def start_pilot(agreement: Agreement, it: c.StartPilot, by: Decision) -> None:
    _record(agreement, Agreement.PilotStarted, it, by)


def implement(agreement: Agreement, it: c.ImplementAgreement, by: Decision) -> None:
    """Each party implements for itself."""
    _party(agreement, it.side)
    _record(agreement, Agreement.Implemented, it, by, side=it.side)


_PAUSES = (Agreement.Suspended, Agreement.Resumed)


def suspend_side(agreement: Agreement, it: c.SuspendAgreement, by: Decision) -> None:
    _party(agreement, it.side)
    if it.side not in agreement.suspended:
        _in_order(agreement, it, by, lambda e: getattr(e, "side", None) == it.side, _PAUSES)
        _record(agreement, Agreement.Suspended, it, by, side=it.side)


def resume_side(agreement: Agreement, it: c.ResumeAgreement, by: Decision) -> None:
    _party(agreement, it.side)
    if it.side not in agreement.suspended:
        raise WrongStatus(f"{agreement.agreement} is not suspended by {it.side}: nothing to resume")
    _in_order(agreement, it, by, lambda e: getattr(e, "side", None) == it.side, _PAUSES)
    _record(agreement, Agreement.Resumed, it, by, side=it.side)


def terminate(agreement: Agreement, it: c.TerminateAgreement, by: Decision) -> None:
    if not agreement.terminated:
        _record(agreement, Agreement.Terminated, it, by, notice=it.notice)


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
    if it.side:
        _party(agreement, it.side)
    if (it.what is Step.IMPLEMENTED) != (it.side is not None):
        raise BadValue(
            f"side: found {it.side} for {it.what}; each side implements for itself, "
            "and every other step is one of all together"
        )
    _record(
        agreement, Agreement.DatesSet, it, by,
        what=it.what, side=it.side, conflicting=it.conflicting,
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


def _record(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    it: c.DatedCommand,
    by: Decision,
    **said: object,
) -> None:
    """One dated event, unless the very same was said before."""
    if agreement.terminated and event not in (Agreement.DatesSet, Agreement.Noted):
        raise WrongStatus(f"{agreement.agreement} is terminated: only its record can be bettered")
    dates = _dates(it, by)
    said = said | {"dates": dates, "assumed": it.assumed, "note": it.note}
    if _stands(agreement, event, said, by.source):
        return
    facts = msgspec.structs.replace(by, effective=dates.earliest).envelope()
    agreement.trigger_event(event, **said, **facts)


def _stands(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    said: dict[str, Any],
    source: str | None,
) -> bool:
    """Was the very same said before, and nothing since that took its place?"""
    if event in (Agreement.Suspended, Agreement.Resumed):
        return False  # by turns: whether it changes anything is known already
    place = _place(event, said)
    for past in reversed(agreement.past):
        same = type(past) is event and past.source == source
        if same and all(getattr(past, k) == v for k, v in said.items()):
            return True
        if place and place == _place(type(past), vars(past)):
            return False
    return False


def _place(event: type[Agreement.DatedEvent], said: dict[str, Any]) -> object:
    """Of two words of one place the later stands alone. None: both stand."""
    if event is Agreement.ScopeSet:
        return said["clause"].place, said["dates"].earliest
    if event is Agreement.DatesSet:
        return None if said["conflicting"] else (said["what"], said["side"])
    step = STEPS.get(event)
    return step and (step, said.get("side"))


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
