"""Of a programme: its types and its rules, each a dated fact."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date

import msgspec

from registry.domain.commands.command import Command
from registry.domain.values import AdministrationCode, RuleState


class ProgrammeCommand(Command):
    noun = "programme"
    programme: str  # administration, hyphen, short name: CN-AEO, US-CTPAT, SG-STP


class RegisterProgramme(ProgrammeCommand):
    administration: AdministrationCode
    name_: str = msgspec.field(name="name")
    types: tuple[str, ...]
    local_name: str | None = None
    launched: str | None = None
    operators_described: str | None = None
    confidence: str | None = None


class SetTypes(ProgrammeCommand):
    types: tuple[str, ...]


class SetRule(ProgrammeCommand):
    """A rule as dated data. `effective` to `until` (exclusive) is when it is the law.

    `state` NONE: the law has no such rule, and a legal ground or a source says so. UNKNOWN:
    nobody knows what the law says. Neither has a value.
    """

    rule: str
    value: str | None = None
    unit: str | None = None
    until: date | None = None
    state: RuleState = RuleState.VALUE
