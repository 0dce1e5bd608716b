"""The form generator: the fields of a form, made from the fields of a command and their types.

A command has exactly one form. Its fields are those of its GraphQL input, in the order in which the
command declares them, with the common ones (days, legal ground) last. What the fields offer to
choose from comes from the operator's file and from the programme's rules of the day.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum
from types import NoneType
from typing import Any, TypeAlias

import msgspec
from strawberry.utils.str_converters import to_camel_case

from api.graphql.types.command_inputs import COMMON, NOT_ASKED, REQUIRED, input_class
from api.languages.language import N_, _, current
from api.pages import command_texts
from api.pages.command_places import key_field
from api.pages.command_texts import UnreadableText
from api.pages.labels import by_country, phrase
from api.pages.typed_days import is_missing, missing_day
from registry.domain import commands as c
from registry.domain.corrections import CORRECTABLE
from registry.domain.instants import is_day, is_real
from registry.domain.texts import ascii_digits
from registry.domain.values import AdministrationCode, HsCode

#: Fields that are no question: they say how the command is sent, or whom it is about.
SENDING = ("command_id", "expected_version", "signature")
#: Fields in which sentences are written.
_LONG = {
    *("reason", "why", "ground", "reply", "address", "outcome", "statement", "answer"),
    *("text", "note", "quotation", "legal_basis", "title"),
}
LONGEST = 500  # characters of a field
LONGEST_LIST = 4_000  # characters of a field with several lines
#: Lists that are needed, and of which an empty one says something: that none is meant any longer.
MAY_BE_EMPTY = {"commands"}
#: What a field means, beside its name.
HINTS = {
    "effective": N_(
        "The first day on which it counts in law. Left empty: the day that the programme's rules "
        "give, else today."
    ),
    "decided": N_("The day of the decision. Left empty: today."),
    "legal_ground": N_(
        "The article or the decision on which it rests. Needed where the day lies before today."
    ),
    "authorisation": N_("Needed only where the operator has several that could be meant."),
    "reason": N_("In words. Partners are not shown it."),
    "until": N_("The first day on which it is over."),
    "valid_until": N_("The last day. Left empty: as the programme's rules say."),
    "barred_until": N_(
        "The first day on which a new grant is possible. Left empty: as the programme's rules say."
    ),
    "part": N_("Left empty: the whole."),
    "days": N_("Left empty: as many as the programme's rules allow."),
    "shared": N_("Only where another operator has the same number, too: why."),
    "override": N_("Only where its form or its check digit is unusual: why it is genuine."),
    "proof": N_("The reference of the document: its number and its day."),
    "proof_sha256": N_("SHA-256 of the document: 64 hexadecimal digits."),
    "successor": N_("Its TIN."),
    "origin": N_("Its TIN."),
    "why": N_("What is wrong in the record. It stays for ever: name no person in it."),
    "ground": N_("The article. It stays for ever: name no person in it."),
    "position": N_("The record that is wrong."),
    "what": N_("Fill in only what is wrong, with what is right."),
    "read_on": N_("The day on which the list was read."),
    "list": N_("The name of the list: letters, digits, dots and dashes."),
    "statement": N_("What is wrong, in words. It stays for ever: name no person in it."),
    "answer": N_(
        "It stays for ever, and whoever opened the dispute reads it: name no person in it."
    ),
    "receipt": N_("The id of the receipt, if one is meant."),
    "territory": N_("Where the operator is not recognised, if that is disputed."),
    "dispute": N_("The dispute that is meant."),
    "partner": N_("One partner; or choose one of the two consents below."),
    "general": N_("To every partner whose data protection is found adequate, now or later."),
    "publication": N_("To everybody: that the operator is authorised may be published."),
    "source": N_("Where it is published: the address or the name of the document."),
    "earliest": N_("Where the day is not known: the first day that is possible."),
    "latest": N_("Where the day is not known: the last day that is possible."),
    "assumed": N_("No source says so; it is taken to be so."),
    "confidence": N_("How sure the sources are, in words."),
    "conflicting": N_("Another source says otherwise, and both are shown."),
    "side": N_("The party whose step it is."),
    "parties": N_("The codes of the administrations, as CN KR."),
    "states": N_("The codes of the administrations, as CN KR."),
    "types": N_("The types of authorisation, one a line."),
    "hs": N_("HS codes of 2, 4 or 6 digits. Left empty: all goods."),
    "crossings": N_("Their names, one a line. Left empty: all."),
    "hours": N_("Left empty: it declares nothing any longer."),
    "proposal_days": N_("For how many days a proposal can be confirmed."),
    "commands": N_("All that need a second person from that day on; the others need none."),
    "acts_for": N_("Whose rights it has: officer:CN, partner:CN, or company: and a TIN."),
    "client": N_("Its id: letters, digits, dots, dashes and underscores."),
    "key_id": N_("The thumbprint of the key (RFC 7638)."),
    "time_zone": N_("Its name in the IANA list, as Asia/Shanghai. Days begin in it."),
    "as_of": N_("The day or the instant for which it was true."),
    "id": N_("Left empty: the parties and the kind."),
}


@dataclass(frozen=True)
class Choice:
    """A value that can be chosen, and its words in the reader's language."""

    value: str
    label: str


@dataclass(frozen=True)
class FormField:
    """A field of a form. `kind`: text, area, day, number, choice, yes (a single box), many (a box
    for each choice), parts (a field for each choice), or one of those of command_texts.py.
    `suggestions`: values for a free text; `is_number`: the value is a whole number."""

    name: str
    kind: str
    required: bool
    choices: tuple[Choice, ...] = ()
    suggestions: tuple[str, ...] = ()
    longest: int = LONGEST
    is_number: bool = False

    @property
    def label(self) -> str:
        """Its name in the reader's language."""
        words = phrase(self.name)
        return words[:1].upper() + words[1:]

    @property
    def hint(self) -> str:
        """What it means, in the reader's language; "" where its name says it."""
        text = HINTS.get(self.name) or command_texts.HINTS.get(self.kind, "")
        return current.get().gettext(text) if text else ""

    @property
    def spelled(self) -> str:
        """Its name in the GraphQL input."""
        return to_camel_case(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it has in the submitted form."""
        if self.kind in ("many", "parts"):
            return tuple(f"{self.name}.{choice.value}" for choice in self.choices)
        return (self.name,)


#: What fields of a form offer that are no closed list by their type, by the name of the field.
Offered: TypeAlias = Mapping[str, Sequence[Choice | str]]


def fields_of(kind: type[c.Command], offered: Offered | None = None) -> tuple[FormField, ...]:
    """The fields of a command's form. `offered`: choices, of which a list of texts only
    suggests."""
    command = input_class(kind)
    hints = typing.get_type_hints(command)
    found = {field.name: field for field in msgspec.structs.fields(command)}
    # An input that several commands share can have a field that not all of them use.
    unused = {*COMMON, *NOT_ASKED, *SENDING, key_field(kind)} | {*found} - {*kind.__struct_fields__}
    own = [name for name in found if name not in unused]
    own.sort(key=lambda name: not (found[name].required or (kind, name) in REQUIRED))
    common = [name for name in COMMON if name in found and name not in SENDING]
    if issubclass(kind, c.OperatorCommand):
        common.remove("source")
    return tuple(
        _field(found[name], hints[name], (kind, name) in REQUIRED, (offered or {}))
        for name in (*own, *common)
    )


def _field(
    info: msgspec.structs.FieldInfo,
    hint: Any,
    required: bool,
    offered: Offered,
) -> FormField:
    name = info.encode_name
    kind, choices = _kind(name, hint)
    longest = LONGEST_LIST if kind in command_texts.READ else LONGEST
    is_number = kind == "number"
    made = FormField(name, kind, required or info.required, choices, (), longest, is_number)
    given = offered.get(name)
    if given is None:
        return made
    texts = tuple(each for each in given if isinstance(each, str))
    if texts:
        return replace(made, suggestions=texts)
    # Without anything to choose from it stays a free text, whose refusal says why.
    chosen = tuple(each for each in given if isinstance(each, Choice))
    if not chosen:
        return made
    several = kind if kind in ("parts", "many") else "many" if kind == "lines" else "choice"
    return replace(made, kind=several, choices=chosen)


def _kind(name: str, hint: Any) -> tuple[str, tuple[Choice, ...]]:
    """The kind of a field of this type, and its choices if the type is a closed list."""
    args = [arg for arg in typing.get_args(hint) if arg not in (NoneType, Ellipsis)]
    origin = typing.get_origin(hint)
    if origin is dict:
        return _table(name, args[1]), _parts(name)
    plain = args[0] if args else hint
    if typing.get_origin(plain) is tuple:
        [plain, *_more] = typing.get_args(plain)
        origin = tuple
    if origin is tuple:
        if isinstance(plain, type) and issubclass(plain, Enum):
            return "many", _terms(plain)
        return ("codes" if plain in (AdministrationCode, HsCode) else "lines"), ()
    if plain is datetime:
        return "instant", ()
    if plain is bool:
        return "yes", ()
    if plain is date:
        return "day", ()
    if plain is int:
        return "number", ()
    if isinstance(plain, type) and issubclass(plain, Enum):
        return "choice", _terms(plain)
    if plain is AdministrationCode:
        return "choice", territories()
    return ("area" if name in _LONG else "text"), ()


def _table(name: str, values: Any) -> str:
    """The kind of a field that is a table, by its values."""
    if typing.get_origin(values) is dict:
        return "names"
    return {"what": "parts", "key": "json"}.get(name, "pairs")


def _parts(name: str) -> tuple[Choice, ...]:
    return tuple(Choice(field, phrase(field)) for field in CORRECTABLE) if name == "what" else ()


def _terms(kind: type[Enum]) -> tuple[Choice, ...]:
    return tuple(Choice(term.value, phrase(term.value)) for term in kind)


def territories() -> tuple[Choice, ...]:
    """All customs territories by their names in the reader's language."""
    language = current.get()
    codes = [code for code in map(str, language.locale.territories) if len(code) == 2]
    known = by_country(filter(_is_territory, codes))
    return tuple(Choice(code, f"{language.territory(code)} ({code})") for code in known)


def _is_territory(code: str) -> bool:
    try:
        AdministrationCode.parse(code)
    except ValueError:
        return False
    return True


# ------------------------------------------------------------------ from a form to an input


def read_fields(
    fields: Sequence[FormField], typed: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the GraphQL input that was typed, and a sentence for each field that cannot be
    read."""
    input: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        text = typed.get(field.name, "")
        if field.kind in ("many", "parts"):
            value: Any = _several(field, typed)
        elif field.kind == "yes":
            value = True if text else None
        else:
            value = text or None
        if value is None and field.name in MAY_BE_EMPTY:
            input[field.spelled] = []
        elif value is None and field.required and field.kind != "yes":
            wrong[field.name] = _("Nothing is filled in here, and it is needed.")
        elif value is not None:
            try:
                input[field.spelled] = _read(field, text, value)
            except UnreadableText as problem:
                wrong[field.name] = str(problem)
    return input, wrong


def _several(field: FormField, typed: Mapping[str, str]) -> Any:
    given = {
        choice.value: typed[name]
        for choice, name in zip(field.choices, field.names, strict=True)
        if typed.get(name)
    }
    if field.kind == "many":
        return list(given) or None
    return given or None


def _read(field: FormField, text: str, value: Any) -> Any:
    """Returns the value of a field as it goes into the input. Raises UnreadableText."""
    if len(text) > field.longest:
        raise UnreadableText(_("At most %(most)s characters.", most=field.longest))
    found = repr(text[:40])
    if field.is_number or field.kind in ("day", "instant"):
        text = value = ascii_digits(text)
    if field.is_number and _number(text) is None:
        raise UnreadableText(_("Found %(found)s, wanted a whole number.", found=found))
    if field.kind == "day" and not (is_day(text) and is_real(text)):
        raise UnreadableText(
            missing_day(text)
            if is_missing(text)
            else _("Found %(found)s, wanted a day, as 2026-12-01.", found=found)
        )
    if field.kind == "choice" and text not in {choice.value for choice in field.choices}:
        raise UnreadableText(_("Found %(found)s, which is none of the choices.", found=found))
    if field.kind in command_texts.READ:
        return command_texts.READ[field.kind](text)
    return _number(text) if field.is_number else value


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def answers_of(
    fields: Sequence[FormField], typed: Mapping[str, str]
) -> list[tuple[str, list[str]]]:
    """Returns what was typed as a list to check: the label of each field with a value, and the
    value in words."""
    found = []
    for field in fields:
        labels = {choice.value: choice.label for choice in field.choices}
        if field.kind in ("many", "parts"):
            given = [
                labels[choice.value] if field.kind == "many" else f"{choice.label}: {text}"
                for choice, name in zip(field.choices, field.names, strict=True)
                if (text := typed.get(name))
            ]
        else:
            text = typed.get(field.name, "")
            text = _("yes") if text and field.kind == "yes" else labels.get(text, text)
            given = text.splitlines()
        if given:
            found.append((field.label, given))
    return found
