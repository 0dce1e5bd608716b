"""Of an operator: what it is called and known by, whom it lets look, what becomes of it."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date

import msgspec

from registry.domain.commands.command import Command
from registry.domain.values import AdministrationCode, Role, Tin


class OperatorCommand(Command):
    noun = "operator"
    tin: Tin


class RegisterOperator(OperatorCommand):
    name_: str = msgspec.field(name="name")
    local_name: str | None = None
    address: str | None = None
    roles: tuple[Role, ...] = ()


class AmendParticulars(OperatorCommand):
    name_: str | None = msgspec.field(name="name", default=None)
    local_name: str | None = None
    address: str | None = None
    roles: tuple[Role, ...] | None = None


class AddIdentifier(OperatorCommand):
    scheme: str
    value: str
    issuer: AdministrationCode | None = None
    valid_to: date | None = None
    verified_by: str | None = None
    override: str | None = None  # why another form or check digit is let through
    shared: str | None = None  # why another operator may have it, too


class EndIdentifier(OperatorCommand):
    scheme: str
    value: str


class ConsentCommand(OperatorCommand):
    partner: AdministrationCode | None = None
    publication: bool = False


class GiveConsent(ConsentCommand): ...


class WithdrawConsent(ConsentCommand): ...


class MergeInto(OperatorCommand):
    successor: Tin
    reason: str | None = None


class SplitFrom(OperatorCommand):
    origin: Tin
    reason: str | None = None


class CorrectRecord(OperatorCommand):
    """Puts right what an earlier event of this operator said; the event itself stays.

    `what` maps a field of that event (effective, decided, valid_until, until, barred_until,
    number, type, reason, legal_ground, value) to its right value, as text, or says `void: true`.
    """

    position: int
    what: dict[str, str]
    why: str
