"""The places of commands on pages: whose address a command's form has, and which part of it names
what the command is about.

Every command of the register has exactly one place: an operator, an agreement, a programme, a
document, or the administration that gives it. What begins is begun at the page of the
administration, except an operator, whose TIN is its address before it is registered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from starlette.convertors import Convertor, register_url_convertor

from registry.domain import commands as c
from registry.domain.values import AdministrationCode


def name_of(kind: type[c.Command]) -> str:
    """Returns the name of a command in snake case."""
    return str(kind.__struct_config__.tag)


def path_of(kind: type[c.Command]) -> str:
    """Returns the last part of the address of a command's form: suspend-authorisation."""
    return name_of(kind).replace("_", "-")


@dataclass(frozen=True)
class CommandPlace:
    """Where the forms of some commands are. `noun`: of what they are about; `page`: the address of
    its page, before its key; `parameter`: the name of the key in that address."""

    noun: str
    page: str
    parameter: str

    @property
    def convertor(self) -> str:
        """The name of the path convertor that accepts the names of its commands only."""
        return f"{self.noun}_command"

    @property
    def form(self) -> str:
        """The address of its forms, as in a route."""
        return f"{self.page}/{{{self.parameter}}}/{{command:{self.convertor}}}"

    @property
    def kinds(self) -> tuple[type[c.Command], ...]:
        """The commands whose forms are there, in the order of the schema."""
        return tuple(kind for kind in c.COMMANDS.values() if place_of(kind) is self)

    def page_of(self, key: str) -> str:
        """Returns the address of the page of one of them."""
        return f"{self.page}/{quote(key, safe='')}"


OPERATOR = CommandPlace("operator", "/operators", "tin")
AGREEMENT = CommandPlace("agreement", "/agreements", "id")
PROGRAMME = CommandPlace("programme", "/programmes", "code")
DOCUMENT = CommandPlace("document", "/documents", "id")
ADMINISTRATION = CommandPlace("administration", "/countries", "code")
PLACES = (OPERATOR, AGREEMENT, PROGRAMME, DOCUMENT, ADMINISTRATION)

#: The field of a command that the address of its form names, by the base of the command. A command
#: without one is begun by an administration, which it names otherwise.
KEYS: tuple[tuple[type[c.Command], CommandPlace, str], ...] = (
    (c.OperatorCommand, OPERATOR, "tin"),
    (c.AgreementCommand, AGREEMENT, "agreement"),
    (c.RegisterProgramme, ADMINISTRATION, "administration"),
    (c.ProgrammeCommand, PROGRAMME, "programme"),
    (c.PublishDocument, ADMINISTRATION, ""),
    (c.DocumentCommand, DOCUMENT, "document"),
    (c.AdministrationCommand, ADMINISTRATION, "administration"),
    (c.PublishClaim, ADMINISTRATION, "subject"),
    (c.RetractClaim, ADMINISTRATION, "subject"),
    (c.ProposeAgreement, ADMINISTRATION, ""),
    (c.ClientCommand, ADMINISTRATION, ""),
)


def _row(kind: type[c.Command]) -> tuple[CommandPlace, str]:
    return next((place, field) for base, place, field in KEYS if issubclass(kind, base))


def place_of(kind: type[c.Command]) -> CommandPlace:
    """Returns the place of a command's form."""
    return _row(kind)[0]


def key_field(kind: type[c.Command]) -> str:
    """Returns the field that the address of the form names; "" where it names none."""
    return _row(kind)[1]


def address_of(kind: type[c.Command], key: str) -> str:
    """Returns the address of a command's form. `key`: of what it is about."""
    return f"{place_of(kind).page_of(key)}/{path_of(kind)}"


class NameConvertor(Convertor[str]):
    """The part of an address that is one of some names. Another text is another address."""

    def __init__(self, names: Iterable[str]) -> None:
        longest_first = sorted(names, key=len, reverse=True)
        self.regex = "|".join(longest_first)  # type: ignore[misc]

    def convert(self, value: str) -> str:
        """Returns the name as it stands in the address."""
        return value

    def to_string(self, value: str) -> str:
        """Returns the name as it stands in an address."""
        return value


#: The commands that can be given to many operators: those about the one authorisation of each.
FOR_MANY: tuple[type[c.OperatorCommand], ...] = tuple(
    kind for kind in c.COMMANDS.values() if issubclass(kind, c.AuthorisationCommand)
)
MANY = "mass_command"

for _place in PLACES:
    register_url_convertor(_place.convertor, NameConvertor(map(path_of, _place.kinds)))
register_url_convertor(MANY, NameConvertor(map(path_of, FOR_MANY)))
#: What can be done with a proposal of an administration, by the last part of the address.
OF_PROPOSALS: dict[str, type[c.AdministrationProposalCommand]] = {
    "confirm": c.ConfirmAdministrationProposal,
    "reject": c.RejectAdministrationProposal,
    "withdraw": c.WithdrawAdministrationProposal,
}
register_url_convertor("proposal_command", NameConvertor(OF_PROPOSALS))


def page_of_proposal(kind: type[c.Command], code: str, proposal: str) -> str:
    """The address of the form of a command about a proposal; of the list of proposals where
    `proposal` names none."""
    command = next(name for name, each in OF_PROPOSALS.items() if each is kind)
    try:
        return f"/proposals/{AdministrationCode.parse(code.upper())}/{UUID(proposal)}/{command}"
    except ValueError:
        return "/proposals#administration"
