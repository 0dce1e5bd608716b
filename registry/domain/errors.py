"""What the register refuses, in words an official can act on.

A refusal knows nothing of HTTP. Its class name in capitals is its code, for ever; its docstring
says what the code means, to every reader of the schema. Its message holds both facts: what was
asked, and what stands against it; where a field of the command is at fault, it begins with that
field's name and a colon.
"""

from __future__ import annotations

import re

#: How a message names the field: before its first colon, as a path of a JSON document (msgspec), or
#: as a field that is missing or that no such command has.
_FIRST = re.compile(r"(?P<path>[a-z]\w*(?:\.\w+)*)(?:, [a-z]\w*)*: ")
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NAMED = re.compile(r"(?:missing required|unknown) field `(?P<path>\w+)`")
_STEP = re.compile(r"\w+")


class Refusal(Exception):
    """The request was understood and is not allowed. Nothing was recorded."""

    def __init__(self, message: str, *, path: tuple[str, ...] = ()) -> None:
        """`path`: the field of the command that is at fault, where the message does not begin
        with its name, and the way into it."""
        super().__init__(message)
        self._path = path

    @property
    def code(self) -> str:
        """BAD_VALUE of BadValue."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).upper()

    @property
    def path(self) -> tuple[str, ...]:
        """The field that is at fault, and the way into it; empty where none is named."""
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
    """A field that cannot be read: its name, what was found, what was wanted."""


class UnknownOperator(Refusal):
    """No operator of this TIN is in the register, or none that the asker may see."""


class UnknownAuthorisation(Refusal):
    """The operator has no such authorisation, or several, of which one has to be named."""


class UnknownAgreement(Refusal):
    """No agreement of this id is in the register."""


class UnknownDocument(Refusal):
    """No document of this id is in the register."""


class UnknownClaim(Refusal):
    """No claim of this subject, measure and day is in the register."""


class UnknownProgramme(Refusal):
    """No programme of this code is in the register."""


class UnknownAdministration(Refusal):
    """No customs administration of this code is in the register."""


class UnknownPosition(Refusal):
    """The position is not that of an event that the command can be about."""


class UnknownPerson(Refusal):
    """The operator has not named this person."""


class AlreadyRegistered(Refusal):
    """What is to be registered is in the register already."""


class WrongStatus(Refusal):
    """What the command is about stands, on that day, where this cannot be done to it."""


class AlreadyRecorded(WrongStatus):
    """What is asked for stands already, and was recorded with another day, reason or number."""


class Barred(Refusal):
    """No new grant for a time after a revocation: UCC Delegated Act 2015/2446, Art. 11, and its
    like elsewhere."""


class AlreadyHeld(Refusal):
    """The operator holds an authorisation of that type, or of that number, already."""


class NotOffered(Refusal):
    """The programme does not have that type or part on that day."""


class GroundNeeded(Refusal):
    """A legal ground has to be stated: for a command that reaches back, or where nobody knows the
    rule that would allow it."""


class WrongDates(Refusal):
    """A date is before or after another one that it cannot be before or after."""


class WrongForm(Refusal):
    """An identifier that cannot be of its scheme."""


class OverrideNeeded(Refusal):
    """The check digit fails; authorities do issue odd numbers, so a reason in `override` lets it
    through."""


class HeldByAnother(Refusal):
    """The number is another operator's; where the authority gave it to both, a reason in `shared`
    lets it through."""


class NotAParty(Refusal):
    """The administration is not a party of the agreement."""


class NotAMember(Refusal):
    """The administration is not a member of the bloc or of the agreement, or cannot be one."""


class Superseded(Refusal):
    """The operator was merged into another one, which answers in its place."""


class SignatureMissing(Refusal):
    """An administration that has a key signs what it decides; nobody else can decide for it."""


class SignatureInvalid(Refusal):
    """The signature is not one of the administration's own under this very command."""


class KeyUnknown(Refusal):
    """The key is not, or no longer, one of the administration's own."""


class StaleVersion(Refusal):
    """Somebody was faster: the stream is no longer at the version that the sender had seen."""


class OtherCommand(Refusal):
    """The command id was used before, for another request."""


class KnownTooLate(Refusal):
    """An import may not say that something was known in the future, or before what it follows."""
