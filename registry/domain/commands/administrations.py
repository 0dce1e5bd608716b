"""The commands about a customs administration: its time zone, blocs, lists and keys."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import datetime
from uuid import UUID

import msgspec

from registry.domain.commands.command import Command
from registry.domain.values import AdministrationCode, DataChannel, Sense


class AdministrationCommand(Command):
    """The base of the commands about one administration."""

    noun = "administration"
    administration: AdministrationCode


class RegisterAdministration(AdministrationCommand):
    """Enters a customs administration, or a bloc of several, into the register."""

    name_: str = msgspec.field(name="name")
    time_zone: str  # IANA name; civil days begin in this zone
    bloc: bool = False


class MembershipCommand(AdministrationCommand):
    """The base of the commands about a member of a bloc."""

    member: AdministrationCode
    sense: Sense = Sense.CUSTOMS_TERRITORY


class JoinBloc(MembershipCommand):
    """The member joins the bloc."""


class LeaveBloc(MembershipCommand):
    """The member leaves the bloc."""


class ReceiveList(AdministrationCommand):
    """A list of operators arrived from this administration, valid as of the instant `as_of`."""

    as_of: datetime


class DeclareCadence(AdministrationCommand):
    """The source of this administration's data declares how often it sends: at least every `hours`
    hours. Without `hours` it declares nothing any longer. Older data makes answers UNKNOWN."""

    channel: DataChannel
    hours: int | None = None


class KeyCommand(AdministrationCommand):
    """The base of the commands about a signing key."""

    key: str  # name+id+base64, an Ed25519 verifier key of C2SP signed-note; the name is the code


class AddKey(KeyCommand):
    """From now on the administration must sign its commands, with this or another of its keys."""


class RetireKey(KeyCommand):
    """The key can no longer sign. Without any key left, the administration need not sign."""


class RequireSecondPerson(AdministrationCommand):
    """From `effective` on these commands of the administration's officers need a second person
    (four eyes): about operators, programmes, agreements, and the administration itself, its blocs,
    keys, cadence and clients.

    It takes the place of the rule before it. One person may make the rule stricter; to leave out a
    command that the rule names is itself a proposal, which another person confirms.
    `proposal_days`: for how many days a proposal can be confirmed.
    """

    commands: tuple[str, ...]
    proposal_days: int = 30


class AdministrationProposalCommand(AdministrationCommand):
    """The base of the commands about one proposal that concerns no operator. `proposal`: the
    command id of the command that was proposed."""

    proposal: UUID


class ConfirmAdministrationProposal(AdministrationProposalCommand):
    """A second person confirms a proposed decision about a programme, an agreement or the
    administration itself (its blocs, keys, cadence, clients and rule), which is recorded with it.

    The decision is made by the rules and the facts of this moment. Nobody confirms a proposal of
    their own.
    """


class RejectAdministrationProposal(AdministrationProposalCommand):
    """A second person rejects a proposed decision about a programme, an agreement or the
    administration itself, which is then never recorded."""

    reason: str


class WithdrawAdministrationProposal(AdministrationProposalCommand):
    """Whoever proposed a decision about a programme, an agreement or the administration itself
    withdraws the proposal."""

    reason: str | None = None
