"""The commands about an agreement: its steps, sides, dates and scope."""

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
    """The base of the commands about one agreement."""

    noun = "agreement"
    agreement: str


class DatedCommand(AgreementCommand, kw_only=True):
    """The base of the commands about a step that happened on a day.

    `earliest` and `latest` give an interval if the day is not known; `effective` sets both.
    """

    earliest: date | None = None
    latest: date | None = None
    assumed: bool = False
    note: str | None = None


class ProposeAgreement(Command, kw_only=True):
    """Enters an agreement between administrations into the register."""

    noun = "agreement"
    id: str | None = None
    kind: AgreementKind
    title: str
    parties: tuple[AdministrationCode, ...]
    pillars: tuple[Pillar, ...] = ()
    legal_basis: str | None = None
    confidence: str | None = None
    #: Further content: offices, frequency, mechanisms, figures.
    details: dict[str, str] = msgspec.field(default_factory=dict)
    titles: dict[str, str] = msgspec.field(default_factory=dict)
    #: Original names (of crossings, goods, offices), by language tag and by the name used here.
    #: `titles` are by language tag.
    names: Names = msgspec.field(default_factory=dict)


class AmendAgreement(AgreementCommand):
    """Records a better reading of an agreement's title and texts.

    What is left out stays unchanged. Entries of `details` and `names` are added to the known ones
    and replace those of the same name. Dates, sides and scope have their own commands.
    """

    title: str | None = None
    legal_basis: str | None = None
    confidence: str | None = None
    details: dict[str, str] = msgspec.field(default_factory=dict)
    titles: dict[str, str] = msgspec.field(default_factory=dict)
    names: Names = msgspec.field(default_factory=dict)


class OpenNegotiation(DatedCommand):
    """The administrations begin to negotiate."""


class SignActionPlan(DatedCommand):
    """The administrations sign an action plan. It is not an agreement yet."""


class SignAgreement(DatedCommand):
    """The administrations sign the agreement."""


class StartPilot(DatedCommand):
    """The administrations begin a pilot of the agreement."""


class SideCommand(DatedCommand):
    """The base of the commands about one side of an agreement."""

    side: AdministrationCode


class ImplementAgreement(SideCommand):
    """This side begins to implement the agreement, which begins a term.

    It is refused while a term is running; SetDates changes the date of that term. After
    WithdrawFromAgreement and AccedeToAgreement a new term can begin.
    """


class SuspendAgreement(SideCommand):
    """This side stops recognising the operators and controls of the other sides."""


class ResumeAgreement(SideCommand):
    """This side ends its suspension."""


class TerminateAgreement(DatedCommand):
    """The agreement ends. `notice`: the civil day on which notice was given."""

    notice: date | None = None


class AccedeToAgreement(DatedCommand):
    """An administration becomes a party to the agreement."""

    member: AdministrationCode


class WithdrawFromAgreement(DatedCommand):
    """A party leaves the agreement."""

    member: AdministrationCode


class SetDates(DatedCommand):
    """Sets or corrects the dates of a step.

    With `conflicting`, the dates are kept beside those of the earlier source, and the interval is
    the shortest that contains both. Without it, these dates replace the others. `term`: for a side
    that withdrew and acceded again, the ordinal of the term from 1; default: the latest.
    """

    what: Step
    side: AdministrationCode | None = None
    conflicting: bool = False
    term: int | None = None


class NoteOnAgreement(DatedCommand):
    """Records a dated remark (a meeting, an exercise, a listing, an announcement) that changes no
    status.
    """

    what: Step
    text: str


class SetScope(DatedCommand):
    """Sets one clause of the scope.

    It replaces the clause with the same from, to, direction, goods and crossings.

    Empty `programmes`, `roles`, `hs`, `crossings` and `modes` mean all of them. Empty `types` means
    none: without a stated type nothing is recognised.
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
    max_age_hours: int | None = None  # a partner's data older than this is stale
    until: date | None = None
