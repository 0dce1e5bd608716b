"""The refusals: why the register does not accept a command.

A refusal is independent of HTTP. Its code is its class name in capitals and is never renamed; its
docstring is the public meaning of the code. Its message is a sentence of facts
(`registry/domain/sentences.py`): what was asked, and the fact that prevents it. If a field of the
command is at fault, the message begins with the name of that field and a colon.
"""

from __future__ import annotations

import re

from registry.domain.sentences import sentence_of

#: How a message names the field at fault: before its first colon, as the path of a JSON document
#: (msgspec), or as a field that is missing or unknown.
_FIRST = re.compile(r"(?P<path>[a-z]\w*(?:\.\w+)*)(?:, [a-z]\w*)*: ")
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NAMED = re.compile(r"(?:missing required|unknown) field `(?P<path>\w+)`")
_STEP = re.compile(r"\w+")


class Refusal(Exception):
    """The command was understood but is not allowed. Nothing was recorded."""

    def __init__(self, template: str, /, *, path: tuple[str, ...] = (), **facts: object) -> None:
        """Creates the refusal with a sentence of these facts, or with a sentence as it is.

        `path`: the path to the field of the command that is at fault, for messages that do not
        begin with its name.
        """
        super().__init__(sentence_of(template, facts))
        self._path = path

    @property
    def code(self) -> str:
        """The public code: BAD_VALUE for BadValue."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).upper()

    @property
    def path(self) -> tuple[str, ...]:
        """The path to the field at fault; empty if no field is named."""
        if self._path:
            return self._path
        message = str(self)
        at, named = _AT.search(message), _NAMED.search(message)
        steps = _STEP.findall(at["path"]) if at else []
        if named:
            return (*steps, named["path"])
        first = None if at else _FIRST.match(message)
        return tuple(first["path"].split(".")) if first else tuple(steps)


class BadValue(Refusal):
    """The value of a field cannot be read.

    The message names the field, the value found and the form expected.
    """


class UnknownOperator(Refusal):
    """The register has no operator with this TIN, or none that the caller may see."""


class UnknownAuthorisation(Refusal):
    """The operator has no such authorisation, or it has several and the command must name one."""


class UnknownAgreement(Refusal):
    """The register has no agreement with this id."""


class UnknownDocument(Refusal):
    """The register has no document with this id."""


class UnknownClaim(Refusal):
    """The register has no claim with this subject, measure and day."""


class UnknownClient(Refusal):
    """The register has no client with this id."""


class UnknownProgramme(Refusal):
    """The register has no programme with this code."""


class UnknownAdministration(Refusal):
    """The register has no customs administration with this code."""


class UnknownPosition(Refusal):
    """The event at this position does not exist or cannot be the subject of the command."""


class UnknownPerson(Refusal):
    """The operator has not named this person as a contact."""


class UnknownProposal(Refusal):
    """The operator or the administration has no proposal with this id."""


class UnknownDispute(Refusal):
    """The operator has no dispute with this id, or none that the caller may see."""


class AlreadyRegistered(Refusal):
    """The register already has an entry with this code or number."""


class WrongStatus(Refusal):
    """The subject of the command has, on that day, a status that does not allow it."""


class AlreadyRecorded(WrongStatus):
    """What is asked for is already in effect, recorded with another day, reason or number."""


class RecordedElsewhere(Refusal):
    """The operator, programme, bloc or side of an agreement belongs to an administration whose own
    register records it; this register follows that one."""


class Barred(Refusal):
    """The operator may not receive a new grant for some years after a revocation (UCC Delegated Act
    2015/2446, Art. 11, and similar rules of other programmes).
    """


class AlreadyHeld(Refusal):
    """The operator already holds an authorisation of this type or with this number."""


class NotOffered(Refusal):
    """The programme does not offer this type or part on that day."""


class GroundNeeded(Refusal):
    """A legal ground must be stated, because the command has effect from an earlier day or because
    nobody knows the rule that would allow it.
    """


class WrongDates(Refusal):
    """A date is before or after another date in a way that is not possible."""


class WrongForm(Refusal):
    """The identifier does not have the form that its scheme prescribes."""


class OverrideNeeded(Refusal):
    """The check digit is wrong.

    Authorities do issue such numbers, so a reason in `override` makes it acceptable.
    """


class HeldByAnother(Refusal):
    """The number belongs to another operator of the same administration.

    If the authority gave it to both, a reason in `shared` makes it acceptable.
    """


class NotAParty(Refusal):
    """The administration is not a party to the agreement."""


class NotAMember(Refusal):
    """The administration is not a member of the bloc or agreement, or cannot become one."""


class Superseded(Refusal):
    """The operator was merged into another operator, which takes its place."""


class SignatureMissing(Refusal):
    """An administration that has registered a key must sign its commands; nobody else can decide
    for it.
    """


class SignatureInvalid(Refusal):
    """The signature was not made by a key of the administration over this exact command."""


class KeyUnknown(Refusal):
    """The key is not, or is no longer, a key of the administration."""


class PersonNeeded(Refusal):
    """The rules want two persons for this command, and the token names no person, or the command
    comes from a file or a program."""


class OwnProposal(Refusal):
    """Nobody confirms or rejects a proposal of their own; and only whoever made a proposal
    withdraws it."""


class ProposalClosed(Refusal):
    """The proposal was confirmed, rejected or withdrawn, or its last day is over."""


class DisputeClosed(Refusal):
    """The dispute was upheld, rejected or withdrawn; what is new is opened as another dispute."""


class OthersDispute(Refusal):
    """Only whoever opened a dispute withdraws it, and the operator what was opened in its name; the
    home customs answers and closes it."""


class StaleVersion(Refusal):
    """The stream has a newer version than `expectedVersion` (optimistic concurrency)."""


class OtherCommand(Refusal):
    """The command id (idempotency key) was used before for a different request."""


class KnownTooLate(Refusal):
    """An import gives a transaction time in the future, or before an event that it follows."""
