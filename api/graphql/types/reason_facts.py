"""The facts on which a reason is based, as a GraphQL type and as they are collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import strawberry

from api.graphql.scalars import instant_text
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.decisions import civil_day_of, start_of_day

#: The time zone (IANA name) in which the civil days of an administration begin, by its code.
Zones = Mapping[str, str]


@strawberry.type
class Fact:
    """A fact on which a reason is based. A name can occur several times; all its values apply."""

    name: str = strawberry.field(
        description="The name of the fact: at, territory, agreement, since, part, ..."
    )
    value: str = strawberry.field(
        description="The value as text: a code, a name or a number; a civil day (YYYY-MM-DD) where "
        "`zone` is given; an instant as RFC 3339 in UTC otherwise."
    )
    item: int = strawberry.field(
        description="The group of the fact. 0: it applies to the whole reason. Facts with the same "
        "other number belong together: to one clause of an agreement or to one authorisation."
    )
    zone: str | None = strawberry.field(
        description="The IANA name of the time zone in which the value is a civil day. Null: the "
        "value is not a civil day."
    )


def civil_day(at: datetime, zone: str) -> date | None:
    """The civil day that begins at this instant in this zone (IANA name). None where no day begins
    then, at the ends of the calendar, and for an unknown zone."""
    try:
        day = civil_day_of(at, zone)
        return day if start_of_day(day, zone) == at else None
    except (OverflowError, ValueError, KeyError):
        return None


@dataclass
class FactsBuilder:
    """A collector of facts. `begin_item` starts a group of facts that belong together
    (`Fact.item`). Unknown values and open ends are left out, and of two equal groups only one is
    kept."""

    zones: Zones
    found: list[Fact] = field(default_factory=list)
    _items: set[tuple[tuple[str, str], ...]] = field(default_factory=set)
    _new: list[Fact] | None = None

    def add(self, name: str, *values: object) -> FactsBuilder:
        """Adds a fact for each of the values that is known."""
        for value in values:
            if value is not None:
                self._add(name, str(value), None)
        return self

    def add_day(self, name: str, at: datetime | None, *whose: object) -> FactsBuilder:
        """Adds an instant: as a civil day of the first of these administrations in which a day
        begins then, else as an instant. Adds nothing at the ends of time."""
        if at is None or at <= ALWAYS or at >= NEVER_AT:
            return self
        for zone in (self.zones.get(str(code)) for code in whose):
            day = civil_day(at, zone) if zone else None
            if day is not None:
                self._add(name, day.isoformat(), zone)
                return self
        self._add(name, instant_text(at), None)
        return self

    def begin_item(self) -> FactsBuilder:
        """Begins the next group: the facts that are added next belong to it."""
        self.close()
        self._new = []
        return self

    def close(self) -> FactsBuilder:
        """Ends the current group; an equal one that was added before stands for both."""
        if self._new:
            key = tuple((fact.name, fact.value) for fact in self._new)
            if key not in self._items:
                self._items.add(key)
                self.found += [
                    Fact(name=f.name, value=f.value, item=len(self._items), zone=f.zone)
                    for f in self._new
                ]
        self._new = None
        return self

    def _add(self, name: str, value: str, zone: str | None) -> None:
        into = self.found if self._new is None else self._new
        into.append(Fact(name=name, value=value, item=0, zone=zone))
