"""The commands about the contact persons of an operator.

No command contains personal data. It contains a pseudonym and a salted hash of the particulars,
which are stored apart. Therefore it can be signed, hashed and stored permanently.
"""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from uuid import UUID

from registry.domain.commands.operators import OperatorCommand
from registry.domain.values import ContactRole


class PersonCommand(OperatorCommand):
    """The base of the commands about one person. `person` is a pseudonym."""

    person: UUID  # a pseudonym


class NameContact(PersonCommand):
    """The person is a contact of the operator.

    Store the particulars first; that call returns the pseudonym and the commitment to state here.
    """

    role: ContactRole
    commitment: str  # SHA-256 over salt and particulars, in hexadecimal


class EndContact(PersonCommand):
    """The person is no longer a contact of the operator."""


class ErasePerson(PersonCommand):
    """Makes the particulars of a person permanently unreadable in every copy (GDPR Art. 17).

    `ground` is stored permanently, so it must not name a person.
    """

    ground: str
