"""The commands about a programme: its types and its rules, each a dated fact."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date

import msgspec

from registry.domain.commands.command import Command
from registry.domain.values import AdministrationCode, RuleState


class ProgrammeCommand(Command):
    """The base of the commands about one programme."""

    noun = "programme"
    programme: str  # administration, hyphen, short name: CN-AEO, US-CTPAT, SG-STP


class RegisterProgramme(ProgrammeCommand):
    """Enters an AEO programme into the register."""

    administration: AdministrationCode
    name_: str = msgspec.field(name="name")
    types: tuple[str, ...]
    local_name: str | None = None
    launched: str | None = None
    operators_described: str | None = None
    confidence: str | None = None


class SetTypes(ProgrammeCommand):
    """Sets the authorisation types that the programme offers from this day on."""

    types: tuple[str, ...]


class SetRule(ProgrammeCommand):
    """Sets a rule of the programme, which applies from `effective` to `until` (exclusive).

    State NONE: the law has no such rule; a legal ground or a source must say so. State UNKNOWN:
    nobody knows what the law says. Neither has a value.
    """

    rule: str
    value: str | None = None
    unit: str | None = None
    until: date | None = None
    state: RuleState = RuleState.VALUE
