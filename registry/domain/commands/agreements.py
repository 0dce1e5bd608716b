"""Of an agreement: its steps, its sides, its dates and its scope."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date

import msgspec

from registry.domain.commands.command import Command, Names
from registry.domain.values import (
    AdministrationCode,
    AgreementKind,
    Direction,
    HsCode,
    Pillar,
    Role,
    Step,
)


class AgreementCommand(Command):
    noun = "agreement"
    agreement: str


class DatedCommand(AgreementCommand, kw_only=True):
    """A day, or the interval it lies in where nobody knows; `effective` is short for both."""

    earliest: date | None = None
    latest: date | None = None
    assumed: bool = False
    note: str | None = None


class ProposeAgreement(Command, kw_only=True):
    noun = "agreement"
    id: str | None = None
    kind: AgreementKind
    title: str
    parties: tuple[AdministrationCode, ...]
    pillars: tuple[Pillar, ...] = ()
    legal_basis: str | None = None
    confidence: str | None = None
    #: What else it says: offices, frequency, mechanisms, figures.
    details: dict[str, str] = msgspec.field(default_factory=dict)
    titles: dict[str, str] = msgspec.field(default_factory=dict)
    #: Original names of what it speaks of (crossings, goods, offices), by language tag and by the
    #: name used here; `titles` by language tag.
    names: Names = msgspec.field(default_factory=dict)


class AmendAgreement(AgreementCommand):
    """A better reading of what an agreement is called and says. What is left out stays as it was;
    `details` and `names` add to those that are known, and replace those of the same name.
    Dates, sides and scope have commands of their own."""

    title: str | None = None
    legal_basis: str | None = None
    confidence: str | None = None
    details: dict[str, str] = msgspec.field(default_factory=dict)
    titles: dict[str, str] = msgspec.field(default_factory=dict)
    names: Names = msgspec.field(default_factory=dict)


class OpenNegotiation(DatedCommand): ...


class SignActionPlan(DatedCommand): ...


class SignAgreement(DatedCommand): ...


class StartPilot(DatedCommand): ...


class SideCommand(DatedCommand):
    side: AdministrationCode


class ImplementAgreement(SideCommand):
    """A term of this side's implementation begins. Refused while one runs: SetDates betters its
    date; after WithdrawFromAgreement and AccedeToAgreement another term can begin."""


class SuspendAgreement(SideCommand):
    """This side stops recognising what comes from the others."""


class ResumeAgreement(SideCommand): ...


class TerminateAgreement(DatedCommand):
    notice: date | None = None


class AccedeToAgreement(DatedCommand):
    member: AdministrationCode


class WithdrawFromAgreement(DatedCommand):
    member: AdministrationCode


class SetDates(DatedCommand):
    """Says better, or says otherwise, when a step was. With `conflicting`, both sources stand
    and the interval is the shortest that holds both; without, this one replaces the others.

    `term`: of a side that withdrew and came back, which term of its implementation, from 1;
    without, the latest.
    """

    what: Step
    side: AdministrationCode | None = None
    conflicting: bool = False
    term: int | None = None


class NoteOnAgreement(DatedCommand):
    """A meeting, an exercise, a listing, an announcement: dated, and changing no status."""

    what: Step
    text: str


class SetScope(DatedCommand):
    """One clause. The same from, to, direction, goods and crossings again replaces it.

    Empty `programmes`, `roles`, `hs`, `crossings` and `modes` mean "all of them"; empty
    `types` means none: scope is explicit and defaults to no.
    """

    from_: AdministrationCode = msgspec.field(name="from")
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
    max_age_hours: int | None = None  # older data than this is no answer
    until: date | None = None
