"""Of the persons behind an operator. No command says who they are: it says a pseudonym, and a
salted hash of what is kept apart. So a command can be signed, digested and stored for ever."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from uuid import UUID

from registry.domain.commands.operators import OperatorCommand
from registry.domain.values import ContactRole


class PersonCommand(OperatorCommand):
    person: UUID  # a pseudonym


class NameContact(PersonCommand):
    """This person is a contact of the operator. Its particulars are kept first, apart from the
    register, which answers the pseudonym and the commitment to name here."""

    role: ContactRole
    commitment: str  # SHA-256 over salt and particulars, in hexadecimal


class EndContact(PersonCommand): ...


class ErasePerson(PersonCommand):
    """Makes a person's particulars unreadable for ever, in every copy. `ground` must name no
    person: it stays."""

    ground: str
