"""Every request that can change the register, as data.

An officer's mutation, a line of an import file and a row of the shipped world are the same
thing: one of these, read by `read`, done by `Registry.execute`. The field names are those of
the public contract; the tag `command` is the mutation's name in snake case.
"""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
import hashlib
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid5

import msgspec

from registry.errors import BadValue
from registry.values import (
    AdministrationCode,
    AgreementKind,
    Direction,
    HsCode,
    Pillar,
    Role,
    Sense,
    Step,
    Tin,
    decode_value,
    encode_value,
)

#: Command ids of files that give none: the same line again is the same command.
LINES = UUID("5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c")


class Command(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="command",
    tag=lambda name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_"),
):
    """What every command may say beside its own fields.

    `effective` and `decided` are civil dates in the deciding authority's zone; `effective`
    defaults to what the programme's rules say, else to the authority's today.
    `known_at` is for imports alone: when the authority itself recorded it (an instant).
    """

    noun: ClassVar[str]  # whose stream it goes to: the module and class of that name

    command_id: UUID | None = None
    effective: date | None = None
    decided: date | None = None
    legal_ground: str | None = None
    decided_by: AdministrationCode | None = None
    expected_version: int | None = None
    known_at: datetime | None = None
    source: str | None = None

    @property
    def name(self) -> str:
        return str(type(self).__struct_config__.tag)


# --------------------------------------------------------------- operators


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
    override: str | None = None  # why a failed check digit is let through


class EndIdentifier(OperatorCommand):
    scheme: str
    value: str


class ConsentCommand(OperatorCommand):
    partner: AdministrationCode | None = None
    publication: bool = False


class GiveConsent(ConsentCommand): ...


class WithdrawConsent(ConsentCommand): ...


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


class MergeInto(OperatorCommand):
    successor: Tin
    reason: str | None = None


class SplitFrom(OperatorCommand):
    origin: Tin
    reason: str | None = None


class CorrectRecord(OperatorCommand):
    """Puts right what an earlier event of this operator said; the event itself stays.

    `what` maps a field of that event to its right value (as text), or says `void: true`.
    """

    position: int
    what: dict[str, str]
    why: str


# -------------------------------------------------------------- agreements


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
    details: dict[str, str] = {}  # what else it says: offices, frequency, mechanisms, figures


class OpenNegotiation(DatedCommand): ...


class SignActionPlan(DatedCommand): ...


class SignAgreement(DatedCommand): ...


class StartPilot(DatedCommand): ...


class SideCommand(DatedCommand):
    side: AdministrationCode


class ImplementAgreement(SideCommand): ...


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
    and the interval is the shortest that holds both; without, this one replaces the others."""

    what: Step
    side: AdministrationCode | None = None
    conflicting: bool = False


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


# ---------------------------------------- administrations and programmes


class AdministrationCommand(Command):
    noun = "administration"
    administration: AdministrationCode


class RegisterAdministration(AdministrationCommand):
    name_: str = msgspec.field(name="name")
    time_zone: str  # IANA name of the zone in which its civil days begin
    bloc: bool = False


class MembershipCommand(AdministrationCommand):
    member: AdministrationCode
    sense: Sense = Sense.CUSTOMS_TERRITORY


class JoinBloc(MembershipCommand): ...


class LeaveBloc(MembershipCommand): ...


class ReceiveList(AdministrationCommand):
    """This administration's list came in, as it stood at `as_of` (an instant)."""

    as_of: datetime


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
    """A rule as dated data. `effective` to `until` (exclusive) is when it is the law."""

    rule: str
    value: str
    unit: str | None = None
    until: date | None = None


# ----------------------------------------------------- claims and documents


class PublishClaim(Command):
    """A count that somebody published. Never computed, never bent to fit."""

    noun = "claim"
    subject: AdministrationCode
    measure: str
    value: int
    as_of: date
    text: str | None = None
    precision: str | None = None  # "day", "month" or "year": how exactly the source dates it


class DocumentCommand(Command):
    noun = "document"
    document: str


class PublishDocument(DocumentCommand):
    title: str
    date_: date | None = msgspec.field(name="date", default=None)
    parties: tuple[AdministrationCode, ...] = ()
    measures: tuple[str, ...] = ()
    text: str | None = None
    confidence: str | None = None


class SetTarget(DocumentCommand, kw_only=True):
    """A goal that the document sets. `states` are those it could mean; `willing` names, with
    a source each, those known to be willing; `condition` is "all" or "willing"."""

    target: str
    owner: AdministrationCode | None = None
    text: str
    deadline: date | None = None
    relation: AgreementKind | None = None
    condition: str | None = None
    states: tuple[AdministrationCode, ...] = ()
    willing: dict[str, str] = {}


class LinkAgreement(DocumentCommand):
    agreement: str


def _leaves(kind: type[Command]) -> list[type[Command]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return below or [kind]


COMMANDS: dict[str, type[Command]] = {
    str(kind.__struct_config__.tag): kind for kind in _leaves(Command)
}


def read(line: dict[str, Any]) -> Command:
    """One command from plain data. Raises BadValue: the field, what was found, what is wanted."""
    name = line.get("command")
    kind = COMMANDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadValue(f"command: found {name!r}, wanted one of {', '.join(sorted(COMMANDS))}")
    try:
        return msgspec.convert(line, kind, dec_hook=_parse, strict=True)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadValue(f"{name}: {error}") from None


def plain(command: Command) -> dict[str, Any]:
    """The command as plain data, ready for JSON."""
    found: dict[str, Any] = msgspec.to_builtins(command, enc_hook=encode_value)
    return found


def digest(command: Command, actor: str) -> bytes:
    """SHA-256 of the request: its name, its arguments, and who asked. 32 bytes."""
    body = msgspec.json.encode([actor, command], enc_hook=encode_value, order="sorted")
    return hashlib.sha256(body).digest()


def id_of_line(command: Command) -> UUID:
    """The command's own id, or one that the same line will have again."""
    if command.command_id is not None:
        return command.command_id
    body = msgspec.json.encode(command, enc_hook=encode_value, order="sorted")
    return uuid5(LINES, hashlib.sha256(body).hexdigest())


def _parse(kind: type, text: Any) -> Any:
    parse = getattr(kind, "parse", None)
    if parse is not None and isinstance(text, str):
        return parse(text)
    return decode_value(kind, text)
