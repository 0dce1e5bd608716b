"""The commands about an operator's authorisations, from the application to the end."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date

import msgspec

from registry.domain.commands.operators import OperatorCommand
from registry.domain.values import AdministrationCode, Role


class ListOperator(OperatorCommand):
    """Records what an authority's published list says of an operator.

    A list is evidence, not a decision.

    `list`: the name of the list, 1 to 80 letters, digits, dots and dashes. `read_on`: the civil
    day, in the operator's home time zone, on which it was read. `since`, `number` and `name`: only
    if the list itself gives them. `absent`: on that day the list no longer names the operator with
    this type.
    """

    programme: str
    type: str
    list_: str = msgspec.field(name="list")
    read_on: date
    number: str | None = None
    since: date | None = None
    name_: str | None = msgspec.field(name="name", default=None)
    absent: bool = False
    shared: str | None = None  # why another operator may have the number too


class LodgeApplication(OperatorCommand):
    """The operator applies for an authorisation of this type."""

    programme: str
    type: str


class AuthorisationCommand(OperatorCommand, kw_only=True):
    """The base of the commands about one authorisation.

    `authorisation`: its number, or the reference of its application. It is needed only if the
    command could mean more than one.
    """

    authorisation: str | None = None
    reason: str | None = None


class AcceptApplication(AuthorisationCommand):
    """The application is complete and accepted. The time limit for the decision begins."""


class RejectApplication(AuthorisationCommand):
    """The application is not accepted, so it is not examined."""


class WithdrawApplication(AuthorisationCommand):
    """The applicant withdraws the application."""


class StartExamination(AuthorisationCommand):
    """The administration begins to examine the applicant."""


class RequestConsultation(AuthorisationCommand):
    """Another administration is asked for its opinion (UCC Delegated Act 2015/2446, Art. 14)."""

    asked: AdministrationCode


class RecordConsultationReply(AuthorisationCommand):
    """The administration that was asked has replied."""

    asked: AdministrationCode
    reply: str


class ExtendDeadline(AuthorisationCommand):
    """The time limit for the decision is extended (UCC Art. 22(3))."""

    days: int | None = None  # calendar days; default: what the programme allows


class GrantAuthorisation(OperatorCommand):
    """The authorisation is granted. It has effect from the day that the programme's rules set."""

    number: str
    type: str | None = None
    roles: tuple[Role, ...] | None = None
    valid_until: date | None = None
    authorisation: str | None = None
    shared: str | None = None  # why another operator may have the number too


class RefuseApplication(AuthorisationCommand):
    """The application is refused after examination."""


class ChangeType(AuthorisationCommand):
    """The authorisation changes to another type of the same programme."""

    type: str


class AmendRoles(AuthorisationCommand):
    """The roles of the authorisation are replaced by these."""

    roles: tuple[Role, ...]


class OpenReassessment(AuthorisationCommand):
    """The administration begins to reassess the authorisation."""


class CloseReassessment(AuthorisationCommand):
    """The reassessment is finished."""

    outcome: str | None = None
    # True: the authorisation continues while the operator remedies what was found.
    remediation: bool = False


class RenewAuthorisation(AuthorisationCommand):
    """The authorisation is valid for a further term."""

    valid_until: date | None = None


class SuspendAuthorisation(AuthorisationCommand):
    """The authorisation, or one part of it, is suspended (UCC Delegated Act Art. 16-18)."""

    until: date | None = None
    part: str | None = None


class ExtendSuspension(AuthorisationCommand):
    """The suspension continues until a later day."""

    until: date


class LiftSuspension(AuthorisationCommand):
    """The suspension ends and the authorisation is valid again."""


class RevokeAuthorisation(AuthorisationCommand):
    """The authorisation ends from this day on (UCC Art. 28)."""

    barred_until: date | None = None


class AnnulAuthorisation(AuthorisationCommand):
    """The authorisation is void from its day of effect (UCC Art. 27)."""


class SurrenderAuthorisation(AuthorisationCommand):
    """The operator gives the authorisation back."""


class ExpireAuthorisation(AuthorisationCommand):
    """The term of the authorisation is over."""


class RecordEnd(OperatorCommand):
    """Records an end by law on a day that an earlier decision set.

    The projector sends this command.

    `what`: `term` or `suspension`. `effective`: the first civil day after the end.
    """

    authorisation: str
    what: str
