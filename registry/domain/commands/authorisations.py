"""Of an operator's authorisations, from the application to the end."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date

import msgspec

from registry.domain.commands.operators import OperatorCommand
from registry.domain.values import AdministrationCode, Role


class ListOperator(OperatorCommand):
    """An authority's published list says so: it is evidence, and no decision.

    `list`: which one, by a name of 1 to 80 letters, digits, dots, dashes. `read_on`: the civil
    day, in the operator's home zone, on which it was read. `since`, `number` and `name`: only what
    the list itself says. `absent`: this list, read on that day, names the operator no longer as
    holder of this type.
    """

    programme: str
    type: str
    list_: str = msgspec.field(name="list")
    read_on: date
    number: str | None = None
    since: date | None = None
    name_: str | None = msgspec.field(name="name", default=None)
    absent: bool = False
    shared: str | None = None  # why another operator may have the number, too


class LodgeApplication(OperatorCommand):
    programme: str
    type: str


class AuthorisationCommand(OperatorCommand, kw_only=True):
    """`authorisation`: its number, or the reference of its application; needed only where the
    operator has more than one that the command could mean."""

    authorisation: str | None = None
    reason: str | None = None


class AcceptApplication(AuthorisationCommand): ...


class RejectApplication(AuthorisationCommand):
    """Not acceptable: it never came to an examination."""


class WithdrawApplication(AuthorisationCommand): ...


class StartExamination(AuthorisationCommand): ...


class RequestConsultation(AuthorisationCommand):
    asked: AdministrationCode


class RecordConsultationReply(AuthorisationCommand):
    asked: AdministrationCode
    reply: str


class ExtendDeadline(AuthorisationCommand):
    days: int | None = None  # calendar days; default: what the programme allows


class GrantAuthorisation(OperatorCommand):
    number: str
    type: str | None = None
    roles: tuple[Role, ...] | None = None
    valid_until: date | None = None
    authorisation: str | None = None
    shared: str | None = None  # why another operator may have the number, too


class RefuseApplication(AuthorisationCommand): ...


class ChangeType(AuthorisationCommand):
    type: str


class AmendRoles(AuthorisationCommand):
    roles: tuple[Role, ...]


class OpenReassessment(AuthorisationCommand): ...


class CloseReassessment(AuthorisationCommand):
    outcome: str | None = None
    remediation: bool = False  # stays authorised while it mends what was found


class RenewAuthorisation(AuthorisationCommand):
    valid_until: date | None = None


class SuspendAuthorisation(AuthorisationCommand):
    until: date | None = None
    part: str | None = None


class ExtendSuspension(AuthorisationCommand):
    until: date


class LiftSuspension(AuthorisationCommand): ...


class RevokeAuthorisation(AuthorisationCommand):
    barred_until: date | None = None


class AnnulAuthorisation(AuthorisationCommand): ...


class SurrenderAuthorisation(AuthorisationCommand): ...


class ExpireAuthorisation(AuthorisationCommand): ...


class RecordEnd(OperatorCommand):
    """Record what ended by law on a day that an earlier decision said: the clerk's own command.

    `what`: `term` or `suspension`. `effective`: the first civil day on which it was over.
    """

    authorisation: str
    what: str
