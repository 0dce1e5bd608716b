"""What the register refuses, in words an official can act on.

A refusal knows nothing of HTTP. Its class name is its code, for ever; its message holds both
facts: what was asked, and what stands against it.
"""

from __future__ import annotations


class Refusal(Exception):
    """The request was understood and is not allowed. Nothing was recorded."""

    @property
    def code(self) -> str:
        return type(self).__name__


class BadValue(Refusal):
    """A field that cannot be read: its name, what was found, what was wanted."""


class UnknownOperator(Refusal): ...


class UnknownAuthorisation(Refusal): ...


class UnknownAgreement(Refusal): ...


class UnknownDocument(Refusal): ...


class UnknownClaim(Refusal): ...


class UnknownProgramme(Refusal): ...


class UnknownAdministration(Refusal): ...


class UnknownPosition(Refusal): ...


class UnknownPerson(Refusal): ...


class AlreadyRegistered(Refusal): ...


class WrongStatus(Refusal): ...


class AlreadyRecorded(WrongStatus):
    """What is asked for stands already, and was recorded with another day, reason or number."""


class Barred(Refusal):
    """UCC Delegated Act 2015/2446, Art. 11, and its like elsewhere: no new grant for a time."""


class AlreadyHeld(Refusal): ...


class NotOffered(Refusal):
    """The programme does not have that type or part on that day."""


class GroundNeeded(Refusal):
    """A back-dated command says on which legal ground it reaches back."""


class WrongDates(Refusal): ...


class WrongForm(Refusal):
    """An identifier that cannot be of its scheme."""


class OverrideNeeded(Refusal):
    """The check digit fails; authorities do issue odd numbers, so a reason lets it through."""


class HeldByAnother(Refusal):
    """The number is another operator's; where the authority gave it to both, a reason in `shared`
    lets it through."""


class NotAParty(Refusal): ...


class NotAMember(Refusal): ...


class Superseded(Refusal): ...


class SignatureMissing(Refusal):
    """An administration that has a key signs what it decides; nobody else can decide for it."""


class SignatureInvalid(Refusal): ...


class KeyUnknown(Refusal):
    """The key is not, or no longer, one of the administration's own."""


class StaleVersion(Refusal):
    """Somebody was faster: the stream is no longer at the version that the sender had seen."""


class OtherCommand(Refusal):
    """The command id was used before, for another request."""


class KnownTooLate(Refusal):
    """An import may not say that something was known in the future, or before what it follows."""
