"""Signed decisions: what an administration decides carries its own signature.

The log shows that nothing was rewritten; it cannot show that whoever runs the register invented
nothing. So an administration that has a key signs each of its commands, and nobody can decide in
its place. A signature is a line under a note (C2SP signed-note, Ed25519) whose text is the command:
any program that reads such notes can check it. A lost key cannot be replaced by us, or we could
decide in its place again: an administration keeps a second one.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from eventsourcing.domain import BaseAggregate
from msgspec.structs import replace

from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.decisions import CommandSignature, Decision
from registry.domain.errors import (
    BadValue,
    KeyUnknown,
    SignatureInvalid,
    SignatureMissing,
    UnknownAdministration,
    WrongDates,
    WrongStatus,
)
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.repeated_commands import refuse_unless_identical
from registry.domain.values import AdministrationCode
from registry.transparency.signed_notes import (
    ED25519,
    BadNote,
    BadSignature,
    Signer,
    VerifierKey,
    read_key,
)

#: The first line of what is signed, so that no signature of something else can stand for one.
DOMAIN = "aeo-decision/v1"
#: What an operator may do for itself is no decision of its customs, and its customs signs nothing.
OF_OPERATORS = (
    c.GiveConsent,
    c.WithdrawConsent,
    c.LodgeApplication,
    c.WithdrawApplication,
    c.SurrenderAuthorisation,
    c.NameContact,
    c.EndContact,
    c.ErasePerson,
)


#: What ended by law is nobody's decision: the record of it is made only where it says what earlier
#: events said, and changes nothing (registry/domain/operators/end_decisions.py).
OF_LAW = (c.RecordEnd,)


def text(command: c.Command) -> str:
    """What is signed of a command: two lines, the second its canonical JSON."""
    return f"{DOMAIN}\n{c.canonical(command)}\n"


def sign(command: c.Command, signer: Signer) -> c.Command:
    """The command with the signature of `signer`, whose name is its administration's code."""
    return replace(command, signature=signer.line(text(command)).partition(" ")[2].strip())


def read(command: c.Command) -> CommandSignature | None:
    """The signature that a command carries, of whatever key. Raises SignatureInvalid."""
    if command.signature is None:
        return None
    name, _, body = command.signature.partition(" ")
    try:
        found = b64decode(body, validate=True)
    except (NotBase64, ValueError):
        found = b""
    if len(found) != 68:
        raise SignatureInvalid(
            "signature: wanted an administration's code, a space, and the base64 of a key's id and "
            "an Ed25519 signature, together 68 bytes"
        )
    if command.command_id is None:
        raise SignatureInvalid(
            "commandId: a signed command has its own, or the same signature would do for another"
        )
    return CommandSignature(name, found[:4].hex(), text(command), found[4:])


def check(
    command: c.Command,
    aggregate: BaseAggregate[UUID] | None,
    decided_by: AdministrationCode | None,
    administration: Callable[[AdministrationCode], Administration],
) -> None:
    """Is the command signed by whom it must be, or need it not be signed?

    `administration` finds one. Raises SignatureMissing, SignatureInvalid, KeyUnknown.
    """
    concerned = [
        _found(code, administration) for code in responsible_administrations(command, aggregate)
    ]
    whose = [
        administration for administration in concerned if administration and administration.keys
    ]
    signed = read(command)
    if signed is None:
        if whose and not _is_exempt(command, whose):
            codes = " or ".join(administration.code.text for administration in whose)
            raise SignatureMissing(
                f"signature: {codes} has a key, and what it decides is signed with it"
            )
        return
    if not whose:
        # Nobody must, so who decided may: a bloc for its member, too.
        authority = command.decided_by or decided_by
        whose = [
            each_administration
            for each_administration in (authority and _found(authority, administration), *concerned)
            if each_administration
        ]
    signer = next(
        (
            administration
            for administration in whose
            if administration.code.text == signed.administration
        ),
        None,
    )
    if signer is None:
        codes = " or ".join(administration.code.text for administration in whose) or "nobody"
        raise SignatureInvalid(
            f"signature: it is of {signed.administration}, and this is for {codes} to decide"
        )
    key = next((key for key in map(read_key, signer.keys) if key.id.hex() == signed.key), None)
    if key is None:
        was = any(read_key(key).id.hex() == signed.key for key in signer.retired_keys)
        raise KeyUnknown(
            f"signature: {signer.code} "
            + (f"has retired its key {signed.key}" if was else f"has no key {signed.key}")
        )
    try:
        key.check(signed.text, signed.signature)
    except BadSignature:
        raise SignatureInvalid(
            f"signature: it is not that of key {signed.key} of {signer.code} under\n{signed.text}"
        ) from None


def responsible_administrations(
    command: c.Command, aggregate: BaseAggregate[UUID] | None
) -> tuple[AdministrationCode, ...]:
    """Whose decision it is, any of them. Nobody's, where it is the operator's own, a claim, or the
    record of what ended by law.

    It is read from what the events will say, never from who is said to have decided: that is what
    a forger would choose.
    """
    match command:
        case c.OperatorCommand(tin=tin):
            if isinstance(command, OF_OPERATORS + OF_LAW):
                return ()
            if isinstance(aggregate, Operator):
                return (aggregate.administration,)
            return (AdministrationCode(tin.country),)
        case c.SideCommand(side=code) | c.SetDates(side=AdministrationCode() as code):
            return (code,)
        case c.AccedeToAgreement(member=code) | c.WithdrawFromAgreement(member=code):
            return (code,)
        case c.SetScope(to=code):
            return (code,)
        case c.ProposeAgreement(parties=parties):
            return parties
        case c.AdministrationCommand(administration=code):
            return (code,)
        case c.RegisterProgramme(administration=code):
            return (code,)
    if isinstance(aggregate, Agreement):
        return tuple(aggregate.parties)
    if isinstance(aggregate, Programme):
        return (aggregate.administration,)
    return ()


# ------------------------------------------------------------------------ its keys

ONCE = "it is recorded once"


def add_key(administration: Administration, command: c.AddKey, by: Decision) -> None:
    """A key counts from its recording on: one that reached back would make forgeries of what was
    decided without."""
    try:
        key = read_key(command.key)
    except BadNote as error:
        raise BadValue(f"key: {error}") from None
    if key.kind != ED25519 or key.name != administration.code.text:
        raise BadValue(f"key: wanted one of Ed25519 of the name {administration.code}")
    if command.key in administration.retired_keys:
        raise WrongStatus(f"key: {key.id.hex()} was retired, and nobody knows who has it now")
    facts = _today(command, by)
    if command.key in administration.keys:
        about = f"the key {key.id.hex()} of {administration.code}"
        return refuse_unless_identical([administration.said[command.key]], by, about, ONCE)
    administration.trigger_event(
        Administration.KeyAdded, key=command.key, since=datetime.now(UTC), **facts
    )


def retire_key(administration: Administration, command: c.RetireKey, by: Decision) -> None:
    if command.key in administration.retired_keys:
        about = f"that {administration.code} retired this key"
        return refuse_unless_identical([administration.said[command.key]], by, about, ONCE)
    if command.key not in administration.keys:
        raise KeyUnknown(f"key: {administration.code} has no key {command.key[:90]}")
    administration.trigger_event(Administration.KeyRetired, key=command.key, **_today(command, by))


def key_of(signed: CommandSignature, administration: Administration) -> VerifierKey | None:
    """The key of that id, whether it is still in use or not."""
    keys = map(read_key, [*administration.keys, *administration.retired_keys])
    return next((key for key in keys if key.id.hex() == signed.key), None)


# ------------------------------------------------------------------------- inside


def _today(command: c.KeyCommand, by: Decision) -> dict[str, object]:
    if command.known_at is not None or by.effective not in (None, by.today):
        raise WrongDates("effective: a key counts from its recording on, not before and not later")
    return by.envelope()


def _is_exempt(command: c.Command, whose: list[Administration]) -> bool:
    """An unsigned import: of the public record, whose source anybody can read, or of what was
    known before there was a key. It is shown as that for ever."""
    if isinstance(command, c.KeyCommand):
        return False
    if command.source and not isinstance(command, c.OperatorCommand):
        return True
    return command.known_at is not None and all(
        administration.keyed_since is not None and command.known_at < administration.keyed_since
        for administration in whose
    )


def _found(
    code: AdministrationCode, administration: Callable[[AdministrationCode], Administration]
) -> Administration | None:
    try:
        return administration(code)
    except UnknownAdministration:
        return None
