"""Signatures of commands: an administration signs what it decides.

The log proves that nothing was changed afterwards. It cannot prove that the operator of the
register did not invent an entry. Therefore an administration with a key signs each of its commands,
and nobody else can decide for it. A signature is a line under a signed note (C2SP signed-note,
Ed25519) whose text is the command, so any program for such notes can check it. The register cannot
replace a lost key, or it could decide for the administration; an administration keeps a second one.
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
from registry.domain.sentences import Listing, Sentence
from registry.domain.values import AdministrationCode
from registry.transparency.signed_notes import (
    ED25519,
    BadNote,
    BadSignature,
    Signer,
    VerifierKey,
    read_key,
)

#: The first line of the signed text (domain separation: no signature for another purpose fits).
DOMAIN = "aeo-decision/v1"
#: The commands of an operator for itself; a dispute is opened and withdrawn by another
#: administration, too. They are no decision of its customs administration, which does not sign
#: them.
OF_OPERATORS = (
    c.GiveConsent,
    c.WithdrawConsent,
    c.LodgeApplication,
    c.WithdrawApplication,
    c.SurrenderAuthorisation,
    c.NameContact,
    c.EndContact,
    c.ErasePerson,
    c.OpenDispute,
    c.WithdrawDispute,
)

NAMES_OF_OPERATORS = frozenset(str(kind.__struct_config__.tag) for kind in OF_OPERATORS)

#: The record of an end by law. It is accepted only if it repeats earlier events and changes nothing
#: (end_decisions.py), so nobody signs it.
OF_LAW = (c.RecordEnd,)


def text(command: c.Command) -> str:
    """The text that is signed: two lines, the second of which is the command as canonical JSON."""
    return f"{DOMAIN}\n{c.canonical(command)}\n"


def sign(command: c.Command, signer: Signer) -> c.Command:
    """The command with a signature by `signer`, whose name is the administration's code."""
    return replace(command, signature=signer.line(text(command)).partition(" ")[2].strip())


def read(command: c.Command) -> CommandSignature | None:
    """The signature of a command, by any key, or None. Raises SignatureInvalid."""
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
    """Checks that the command is signed by the right administration, if it must be signed.

    `administration` looks one up. Raises KeyUnknown, SignatureInvalid, SignatureMissing.
    """
    concerned = [
        _find_administration(code, administration)
        for code in responsible_administrations(command, aggregate)
    ]
    whose = [
        administration for administration in concerned if administration and administration.keys
    ]
    signed = read(command)
    if signed is None:
        if whose and not _is_exempt(command, whose):
            codes = Listing([administration.code.text for administration in whose], " or ")
            raise SignatureMissing(
                "signature: %(codes)s has a key, and what it decides is signed with it", codes=codes
            )
        return
    if not whose:
        # Nobody must sign, so the deciding administration may, including a bloc for its member.
        authority = command.decided_by or decided_by
        whose = [
            possible_signer
            for possible_signer in (
                authority and _find_administration(authority, administration),
                *concerned,
            )
            if possible_signer
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
        able = Listing([administration.code.text for administration in whose], " or ")
        raise SignatureInvalid(
            "signature: it is of %(administration)s, and this is for %(codes)s to decide",
            administration=signed.administration,
            codes=able or Sentence("nobody"),
        )
    key = next((key for key in map(read_key, signer.keys) if key.id.hex() == signed.key), None)
    if key is None:
        was = any(read_key(key).id.hex() == signed.key for key in signer.retired_keys)
        if was:
            raise KeyUnknown(
                "signature: %(signer)s has retired its key %(key)s",
                signer=signer.code,
                key=signed.key,
            )
        raise KeyUnknown(
            "signature: %(signer)s has no key %(key)s", signer=signer.code, key=signed.key
        )
    try:
        key.check(signed.text, signed.signature)
    except BadSignature:
        raise SignatureInvalid(
            "signature: it is not that of key %(key)s of %(signer)s under\n%(text)s",
            key=signed.key,
            signer=signer.code,
            text=signed.text,
        ) from None


def responsible_administrations(
    command: c.Command, aggregate: BaseAggregate[UUID] | None
) -> tuple[AdministrationCode, ...]:
    """The administrations of which one must decide.

    Empty for an operator's own command, a claim, and the record of an end by law. The result is
    derived from the content of the event, never from `decided_by`, which a forger would choose.
    """
    match command:
        case c.OperatorCommand(tin=tin):
            if isinstance(command, OF_OPERATORS + OF_LAW) or _withdraws_own_act(command, aggregate):
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

ONCE = Sentence("it is recorded once")


def add_key(administration: Administration, command: c.AddKey, by: Decision) -> None:
    """Records a key of the administration.

    It is valid from the time of recording: an earlier validity would make unsigned decisions
    invalid. Raises AlreadyRecorded, BadValue, WrongDates, WrongStatus.
    """
    try:
        key = read_key(command.key)
    except BadNote as error:
        raise BadValue("key: %(error)s", error=error) from None
    if key.kind != ED25519 or key.name != administration.code.text:
        raise BadValue(
            "key: wanted one of Ed25519 of the name %(administration)s",
            administration=administration.code,
        )
    if command.key in administration.retired_keys:
        raise WrongStatus(
            "key: %(key)s was retired, and nobody knows who has it now", key=key.id.hex()
        )
    facts = _fields_of_today(command, by)
    if command.key in administration.keys:
        about = Sentence(
            "the key %(key)s of %(administration)s",
            key=key.id.hex(),
            administration=administration.code,
        )
        return refuse_unless_identical([administration.latest_events[command.key]], by, about, ONCE)
    administration.trigger_event(
        Administration.KeyAdded, key=command.key, since=datetime.now(UTC), **facts
    )


def retire_key(administration: Administration, command: c.RetireKey, by: Decision) -> None:
    """Records that a key is no longer valid. Raises AlreadyRecorded, KeyUnknown, WrongDates."""
    if command.key in administration.retired_keys:
        about = Sentence(
            "that %(administration)s retired this key", administration=administration.code
        )
        return refuse_unless_identical([administration.latest_events[command.key]], by, about, ONCE)
    if command.key not in administration.keys:
        raise KeyUnknown(
            "key: %(administration)s has no key %(key)s",
            administration=administration.code,
            key=command.key[:90],
        )
    administration.trigger_event(
        Administration.KeyRetired, key=command.key, **_fields_of_today(command, by)
    )


def key_of(signed: CommandSignature, administration: Administration) -> VerifierKey | None:
    """The administration's key with this id, whether retired or not; None if there is none."""
    keys = map(read_key, [*administration.keys, *administration.retired_keys])
    return next((key for key in keys if key.id.hex() == signed.key), None)


# ------------------------------------------------------------------------- inside


def _fields_of_today(command: c.KeyCommand, by: Decision) -> dict[str, object]:
    """The event's fields. Raises WrongDates unless the command has effect now."""
    if command.known_at is not None or by.effective not in (None, by.today):
        raise WrongDates("effective: a key counts from its recording on, not before and not later")
    return by.envelope()


def _is_exempt(command: c.Command, whose: list[Administration]) -> bool:
    """Whether an import needs no signature.

    That is so for public records with a source, which anybody can check, and for facts from before
    the administration had a key. Such events are always shown as unsigned.
    """
    if isinstance(command, c.KeyCommand):
        return False
    if command.source and not isinstance(command, c.OperatorCommand):
        return True
    return command.known_at is not None and all(
        administration.keyed_since is not None and command.known_at < administration.keyed_since
        for administration in whose
    )


def _withdraws_own_act(command: c.Command, aggregate: BaseAggregate[UUID] | None) -> bool:
    """Whether an act of the operator itself, which waits for a second person, is withdrawn: it
    needed no signature, and so its withdrawal needs none."""
    if not (isinstance(command, c.WithdrawProposal) and isinstance(aggregate, Operator)):
        return False
    found = aggregate.proposals.get(command.proposal)
    return found is not None and found.proposed.command["command"] in NAMES_OF_OPERATORS


def _find_administration(
    code: AdministrationCode, administration: Callable[[AdministrationCode], Administration]
) -> Administration | None:
    """The administration with this code, or None."""
    try:
        return administration(code)
    except UnknownAdministration:
        return None
