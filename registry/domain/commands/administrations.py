"""Of an administration: its zone, the blocs that it is of, the lists that it received."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import datetime

import msgspec

from registry.domain.commands.command import Command
from registry.domain.values import AdministrationCode, Sense


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


class KeyCommand(AdministrationCommand):
    key: str  # name+id+base64, as C2SP signed-note writes an Ed25519 key; the name is the code


class AddKey(KeyCommand):
    """From now on this administration's decisions are signed, by this key or another of its own."""


class RetireKey(KeyCommand):
    """Nothing more is signed by this key. With the last one the duty to sign ends, too."""
