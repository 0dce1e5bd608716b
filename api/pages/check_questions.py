"""The fields of the form `/check`, which asks whether the sender of a consignment is recognised,
and how each field is read.

A day counts in the time zone that the visitor chooses: that of the territory of the question, that
of the operator's home customs, or UTC. Without a time it means noon of that day there, and without
a day the question is about now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from api.languages.language import N_, _
from api.pages.labels import day as in_words
from api.pages.labels import instant, phrase, territory
from api.pages.typed_days import is_missing, missing_day
from registry.domain import instants
from registry.domain.identifiers import LONGEST
from registry.domain.texts import ascii_digits, plain
from registry.domain.time_zones import zone as zone_named
from registry.domain.values import AdministrationCode, Direction, HsCode, Role, Tin

#: The fields of the question, by their names in an address.
FIELDS = (
    "number",
    "in",
    "day",
    "time",
    "zone",
    "direction",
    "role",
    "hs",
    "crossing",
    "mode",
)
CONSIGNMENT = ("direction", "role", "hs", "crossing", "mode")
#: In whose time zone a day counts, with its text.
ZONES = {
    "territory": N_("of the territory of the question"),
    "home": N_("of the operator's home customs"),
    "utc": N_("UTC"),
}
#: A code of the Union for Northern Ireland. Its pages are those of the United Kingdom; whether an
#: operator is recognised there is decided by rules of its own (the Windsor Framework).
NORTHERN_IRELAND = "XI"
OWN_RULES = N_(
    "Northern Ireland (XI) has rules of its own, which the register does not hold. Ask for GB or"
    " for EU, as its customs says."
)
ROLES = tuple(role.value for role in Role)
DIRECTIONS = tuple(direction.value for direction in Direction)
MOST_CHARACTERS = 100  # of a crossing or a mode
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")


@dataclass(frozen=True)
class ConsignmentForm:
    """The fields as they were typed, and what is wrong with each. Nothing that was typed is
    lost."""

    typed: Mapping[str, str]
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """True where a number was typed: the page then has an answer."""
        return bool(self.typed["number"]) or bool(self.wrong)

    @property
    def territory(self) -> str:
        """The code of the territory; "" for none."""
        return territory(self.typed["in"])

    @property
    def consignment(self) -> dict[str, str]:
        """The GraphQL input: the fields that were filled in."""
        return {name: self.typed[name] for name in CONSIGNMENT if self.typed[name]}

    @property
    def link(self) -> dict[str, str]:
        """The fields that were filled in, for an address that asks the same."""
        return {name: self.typed[name] for name in FIELDS if self.typed[name]}


@dataclass(frozen=True)
class AskedInstant:
    """The instant of a question and how it was read. `at`: None for now."""

    at: datetime | None
    zone: str
    sentence: str

    @property
    def as_of(self) -> dict[str, str]:
        """The GraphQL input."""
        return {"at": self.at.isoformat().replace("+00:00", "Z")} if self.at else {}


def read(given: Mapping[str, str], own: str = "") -> ConsignmentForm:
    """Reads the fields of a question. `own`: the code of the subject's territory, for a visitor who
    has not chosen one."""
    typed = {name: " ".join(given.get(name, "").split()) for name in FIELDS}
    if "in" not in given:
        typed["in"] = own
    typed["zone"] = typed["zone"] or next(iter(ZONES))
    typed |= {name: ascii_digits(typed[name]) for name in ("day", "time", "hs")}
    digits = typed["hs"].replace(".", "").replace(" ", "")
    typed["hs"] = digits or typed["hs"]
    return ConsignmentForm(typed, dict(_errors(typed)) if _is_asked(given) else {})


def _is_asked(given: Mapping[str, str]) -> bool:
    return any(given.get(name, "").strip() for name in FIELDS if name not in ("in", "zone"))


def _errors(typed: Mapping[str, str]) -> Any:
    for name, text in typed.items():
        if not text.isprintable():
            yield name, _("Found characters that cannot be seen. Type the text anew.")
    if not typed["number"]:
        yield "number", _("Write the number of the operator.")
    elif len(typed["number"]) > LONGEST:
        yield "number", _too_long(typed["number"], LONGEST)
    if typed["in"].upper() == NORTHERN_IRELAND:
        yield "in", _(OWN_RULES)
    elif not AdministrationCode.FORM.fullmatch(territory(typed["in"])):
        yield "in", _("Choose the territory in which the goods are declared.")
    if typed["time"] and not typed["day"]:
        yield "day", _("Write the day of this time, too.")
    if typed["time"] and not _is_time(typed["time"]):
        yield "time", _no_time(typed["time"])
    if typed["zone"] not in ZONES:
        yield "zone", _choose(typed["zone"])
    for name, known in (("role", ROLES), ("direction", DIRECTIONS)):
        if typed[name] and typed[name] not in known:
            yield name, _choose(typed[name])
    if typed["hs"] and not HsCode.FORM.fullmatch(typed["hs"]):
        yield "hs", _("Found %(found)s, wanted 2, 4 or 6 digits.", found=repr(typed["hs"][:40]))
    for name in ("crossing", "mode"):
        if len(typed[name]) > MOST_CHARACTERS:
            yield name, _too_long(typed[name], MOST_CHARACTERS)


def _is_time(text: str) -> bool:
    """Returns whether a text is a time of day, as a field for one takes it: HH:MM or HH:MM:SS."""
    return _TIME.fullmatch(text) is not None


def _no_time(found: str) -> str:
    return _("Found %(found)s, wanted a time of day, like 14:03.", found=repr(found[:40]))


def _too_long(text: str, most: int) -> str:
    return _("Found %(length)s characters, wanted at most %(most)s.", length=len(text), most=most)


def _choose(found: str) -> str:
    return _("Found %(found)s, wanted one of the list.", found=repr(found[:40]))


def instant_of(form: ConsignmentForm, zone: str) -> AskedInstant:
    """Returns the instant of the question: a day and a time in that time zone. Adds what cannot be
    read to the errors of the form."""
    day, time = form.typed["day"], form.typed["time"]
    if not day:
        return AskedInstant(None, zone, "")
    try:
        if not time:
            at = instants.parse_valid_time(str(instants.parse_day(day)), zone).at
            sentence = _(
                "the civil day %(day)s in %(zone)s (noon there is %(instant)s)",
                day=in_words(day),
                zone=zone,
                instant=instant(at.isoformat()),
            )
            return AskedInstant(at, zone, sentence)
        instants.parse_day(day)
    except ValueError:
        form.wrong["day"] = (
            missing_day(day)
            if is_missing(day)
            else _(
                "Found %(found)s, wanted a day of the calendar, like 2026-03-05.",
                found=repr(day[:40]),
            )
        )
        return AskedInstant(None, zone, "")
    return _minute(form, day, time, zone)


def _minute(form: ConsignmentForm, day: str, time: str, zone: str) -> AskedInstant:
    """A day with a time. A minute that the clocks there leave out is refused; of one that they
    show twice the first is meant, and the sentence names its instant in UTC."""
    try:
        local = datetime.fromisoformat(f"{day}T{time}")
    except ValueError:
        local = None
    if local is None or not _is_time(time):
        form.wrong["time"] = _no_time(time)
        return AskedInstant(None, zone, "")
    there = zone_named(zone)
    try:
        at = local.replace(tzinfo=there).astimezone(UTC)
        exists = at.astimezone(there).replace(tzinfo=None) == local
    except OverflowError:
        exists = False
    if not exists:
        form.wrong["time"] = _(
            "On %(day)s the clocks in %(zone)s do not show %(time)s.",
            day=in_words(day),
            zone=zone,
            time=time,
        )
        return AskedInstant(None, zone, "")
    sentence = _(
        "%(day)s at %(time)s in %(zone)s, which is %(instant)s",
        day=in_words(day),
        time=time,
        zone=zone,
        instant=instant(at.isoformat()),
    )
    return AskedInstant(at, zone, sentence)


def zone_terms() -> list[tuple[str, str]]:
    """The time zones to choose from, each with its text in the reader's language."""
    return [(name, _(text)) for name, text in ZONES.items()]


def named(terms: Iterable[str]) -> list[tuple[str, str]]:
    """Terms with their words in the reader's language."""
    return [(term, phrase(term)) for term in terms]


def tin_of(number: str) -> str | None:
    """Returns the TIN, where the number has the form of one; a national AEO code is one, too."""
    try:
        return Tin.parse(ascii_digits(plain(number)).replace(" ", "").upper()).text
    except ValueError:
        return None
