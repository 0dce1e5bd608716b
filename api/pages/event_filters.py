"""The filter of the event browser: the fields of its form, and the GraphQL filter they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from api.languages.language import N_, _, current
from api.pages import forms
from api.pages.labels import event_name, territory
from api.pages.sentences import translated
from api.pages.typed_days import no_day, no_instant
from registry.domain import instants
from registry.domain.aggregates import AGGREGATES
from registry.domain.decisions import end_of_day, start_of_day
from registry.domain.texts import ascii_digits
from registry.domain.values import AdministrationCode, Tin

#: The fields of the form, in their order, with their labels.
FIELDS = {
    "kind": N_("Kind of event"),
    "operator": N_("Operator (TIN)"),
    "agreement": N_("Agreement"),
    "administration": N_("Administration"),
    "decided-by": N_("Decided by"),
    "from": N_("Recorded from"),
    "to": N_("Recorded until"),
    "effective-from": N_("Counts from this day on"),
    "effective-to": N_("Counts at the latest from"),
    "from-position": N_("From position"),
    "to-position": N_("To position"),
}
#: Those that are folded away until one of them is used.
MORE = tuple(name for name in FIELDS if name not in ("kind", "operator", "administration"))
#: The groups of kinds, by the first part of the stored name of an event.
GROUPS = {
    "operator": N_("Operators"),
    "agreement": N_("Agreements"),
    "programme": N_("Programmes"),
    "administration": N_("Administrations"),
    "document": N_("Documents"),
    "claim": N_("Published counts"),
    "client": N_("Clients"),
}
LONGEST = 100  # characters of a field that are read
LARGEST = 2**53 - 1


def topics() -> dict[str, list[str]]:
    """Returns the stored names of all events by their group, in the order of the groups."""
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for aggregate in AGGREGATES:
        for event in vars(aggregate).values():
            if isinstance(event, type) and (topic := vars(event).get("TOPIC")):
                found[str(topic).partition(".")[0]].append(str(topic))
    return {group: sorted(names) for group, names in found.items() if names}


#: The code of an agreement, in either case.
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class EventsFilter:
    """What was typed (`typed`, by field), the GraphQL filter, and what is wrong by field."""

    typed: dict[str, str]
    given: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    def address(self, **more: str) -> str:
        """The address of the page with this filter; `more`: further fields, without empty ones."""
        fields = {name: text for name, text in {**self.typed, **more}.items() if text}
        return f"/events?{urlencode(fields)}" if fields else "/events"


async def read(request: Request) -> EventsFilter:
    """Reads the filter of a request. A day counts in the time zone of the administration that is
    asked about, otherwise in UTC."""
    asked = request.query_params
    typed = {name: asked.get(name, "").strip()[:LONGEST] for name in FIELDS}
    typed |= {name: ascii_digits(typed[name]) for name in typed if name != "agreement"}
    codes = {name: territory(typed[name]) for name in ("administration", "decided-by")}
    typed |= {name: code for name, code in codes.items() if code}
    found = EventsFilter(typed)
    _kind(found)
    _names(found)
    _positions(found)
    _days(found)
    dated = [typed[name] for name in ("from", "to") if typed[name]]
    code = typed["administration"] or typed["decided-by"]
    zone = await forms.zone_of(request, code) if code and dated and not found.wrong else "UTC"
    _instants(found, zone)
    return found


def _kind(found: EventsFilter) -> None:
    kind, known = found.typed["kind"], topics()
    if kind in known:
        found.given["types"] = known[kind]
    elif any(kind in names for names in known.values()):
        found.given["types"] = [kind]
    elif kind:
        found.wrong["kind"] = _("%(text)s is no kind of event. Choose one.", text=repr(kind[:40]))


def _names(found: EventsFilter) -> None:
    for name, argument in (("administration", "administration"), ("decided-by", "decidedBy")):
        if text := found.typed[name]:
            try:
                found.given[argument] = AdministrationCode.parse(text).text
            except ValueError as error:
                found.wrong[name] = translated(str(error))
    if text := found.typed["operator"]:
        try:
            found.given["tin"] = Tin.parse(text.upper()).text
        except ValueError as error:
            found.wrong["operator"] = translated(str(error))
    if text := found.typed["agreement"]:
        if _CODE.fullmatch(text):
            found.given["agreement"] = text.upper()
        else:
            found.wrong["agreement"] = _(
                "%(text)s is no code of an agreement. Write CN-KR-AEO.", text=repr(text[:40])
            )


def _positions(found: EventsFilter) -> None:
    for name, argument, step in (
        ("from-position", "afterPosition", -1),
        ("to-position", "beforePosition", 1),
    ):
        text = found.typed[name].replace(" ", "")
        if not text:
            continue
        if text.isascii() and text.isdecimal() and 1 <= int(text[:17]) <= LARGEST:
            found.given[argument] = int(text[:17]) + step
        else:
            found.wrong[name] = _(
                "%(text)s is no position. Write a whole number from 1.", text=repr(text[:40])
            )


def _days(found: EventsFilter) -> None:
    for name, argument in (("effective-from", "effectiveFrom"), ("effective-to", "effectiveTo")):
        if text := found.typed[name]:
            try:
                found.given[argument] = instants.parse_day(text).isoformat()
            except ValueError:
                found.wrong[name] = no_day(text)


def _instants(found: EventsFilter, zone: str) -> None:
    """A day counts whole: from its beginning, and up to its end."""
    for name, argument in (("from", "recordedFrom"), ("to", "recordedTo")):
        text = found.typed[name]
        if not text:
            continue
        try:
            if instants.is_day(text):
                day = instants.parse_day(text)
                at = start_of_day(day, zone) if name == "from" else end_of_day(day, zone)
            else:
                at = instants.parse(text)
        except ValueError:
            found.wrong[name] = no_instant(text)
        else:
            found.given[argument] = at.isoformat()


def kinds() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Returns the choices of kinds in the reader's language: of each group its name, its title and
    its events by name."""
    alphabetical = current.get().alphabetical
    return [
        (group, _(GROUPS[group]), sorted(((each, event_name(each)) for each in names),
                                         key=lambda entry: alphabetical(entry[1])))
        for group, names in topics().items()
    ]  # fmt: skip
