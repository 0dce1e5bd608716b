"""The commands about an operator's particulars, identifiers, consents and mergers."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date
from functools import cache
from typing import Any

import msgspec

from registry.domain.commands.command import Command
from registry.domain.values import AdministrationCode, Role, Tin


class OperatorCommand(Command):
    """The base of the commands about one operator."""

    noun = "operator"
    tin: Tin


class ParticularsCommand(OperatorCommand):
    """The base of the commands that give an operator's particulars."""

    name_: str | None = msgspec.field(name="name", default=None)
    local_name: str | None = None
    address: str | None = None
    roles: tuple[Role, ...] | None = None

    @property
    def particulars(self) -> dict[str, Any]:
        """The particulars by the name of their field, None where one is left out."""
        return {field: getattr(self, own) for field, own in _particulars().items()}


class RegisterOperator(ParticularsCommand):
    """Enters an operator into the register under its TIN."""

    name_: str = msgspec.field(name="name")
    roles: tuple[Role, ...] = ()


class AmendParticulars(ParticularsCommand):
    """Changes name, address or roles. A field that is left out stays unchanged."""


@cache
def _particulars() -> dict[str, str]:
    """The fields that commands with particulars have beside those of every command about an
    operator: as they are written, and as they are named here."""
    others = set(OperatorCommand.__struct_fields__)
    fields = msgspec.structs.fields(ParticularsCommand)
    return {field.encode_name: field.name for field in fields if field.name not in others}


class AddIdentifier(OperatorCommand):
    """Adds a number by which partners can match the operator, or extends one that it has."""

    scheme: str
    value: str
    issuer: AdministrationCode | None = None
    valid_to: date | None = None
    verified_by: str | None = None
    # Why a number of another form or with a wrong check digit is accepted.
    override: str | None = None
    shared: str | None = None  # why another operator may have it too


class EndIdentifier(OperatorCommand):
    """The number no longer identifies the operator."""

    scheme: str
    value: str


class ConsentCommand(OperatorCommand):
    """The base of the consent commands. One of `partner`, `general` and `publication` is set."""

    partner: AdministrationCode | None = None
    general: bool = False  # every partner whose data protection was found adequate
    publication: bool = False
    proof: str | None = None  # the reference of the document, such as its number and date
    proof_sha256: str | None = None  # of the document's bytes, in hexadecimal


class GiveConsent(ConsentCommand):
    """The operator agrees that its data is shared with a partner, or with every partner whose data
    protection was found adequate, or is published. Which of the first two is lawful is a rule of
    its programme."""


class WithdrawConsent(ConsentCommand):
    """The operator withdraws a consent; a general one towards every partner. What was shared before
    stays lawful."""


class MergeInto(OperatorCommand):
    """The operator is merged into another one, which takes its place."""

    successor: Tin
    reason: str | None = None


class SplitFrom(OperatorCommand):
    """The operator results from the division of another one."""

    origin: Tin
    reason: str | None = None


class CorrectRecord(OperatorCommand):
    """Corrects what an earlier event of this operator states. The event itself stays in the log.

    `what` maps a field of that event (effective, decided, valid_until, until, barred_until, number,
    type, reason, legal_ground, value) to its correct value as text, or voids the event with `void:
    true`.
    """

    position: int
    what: dict[str, str]
    why: str
