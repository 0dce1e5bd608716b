"""Read model of administrations: the dated membership of blocs, and the lists of operators that
were received."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from projections.models.read_model import (
    AggregateRows,
    BigInt,
    ReadModel,
    Rows,
    Table,
    TableRow,
)
from registry.domain.administrations import Administration
from registry.domain.bitemporal import TimedEvent, bitemporal_rows
from registry.domain.decisions import start_of_day


class StoredAdministration(TableRow):
    """A row of views.administration: an administration, or a bloc of administrations."""

    code: str
    name: str
    time_zone: str
    bloc: bool
    source: str | None
    recorded_from: datetime
    position: BigInt


class StoredMembership(TableRow):
    """A row of views.membership: an interval in which an administration belongs to a bloc."""

    bloc: str
    member: str
    sense: str
    ground: str | None
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredListReceived(TableRow):
    """A row of views.list_received: the instant of the last list of operators, and the cadence that
    its source declared, from an event on."""

    administration: str
    as_of: datetime
    recorded_from: datetime
    position: BigInt
    cadence_hours: int | None


def rows(events: Sequence[TimedEvent[Any]]) -> Rows:
    """Returns every row of an administration, from its whole stream. A pure function of the
    events."""
    first = events[0]
    code, zone = first.event.administration.text, first.event.time_zone
    last = events[-1].position
    beliefs = [
        (event.position, event.known_at, _members([e.event for e in events[1 : n + 1]], zone))
        for n, event in enumerate(events)
    ]
    return {
        "administration": [
            StoredAdministration(
                code=code,
                name=first.event.name,
                time_zone=zone,
                bloc=first.event.bloc,
                source=first.event.source,
                recorded_from=first.known_at,
                position=last,
            )
        ],
        "membership": [
            StoredMembership(
                bloc=code,
                member=member.code,
                sense=member.sense,
                ground=member.ground,
                valid_from=member.valid_from,
                valid_to=member.valid_to,
                recorded_from=r.recorded_from,
                recorded_to=r.recorded_to,
                position=r.position,
                position_to=r.position_to,
            )
            for r in bitemporal_rows(beliefs)
            for member in [r.fact]
        ],
        "list_received": _lists(code, events),
    }


def _lists(code: str, events: Sequence[TimedEvent[Any]]) -> list[TableRow]:
    """Returns a row for each list, and for each cadence declared after the first list."""
    found: list[TableRow] = []
    as_of: datetime | None = None
    hours: int | None = None
    for event in events[1:]:
        match event.event:
            case Administration.ListReceived():
                as_of = event.event.as_of
            case Administration.CadenceDeclared():
                hours = event.event.hours
            case _:
                continue
        if as_of is not None:
            found.append(StoredListReceived(code, as_of, event.known_at, event.position, hours))
    return found


class _Member(NamedTuple):
    """An interval of membership in valid time, the end exclusive."""

    code: str
    sense: str
    ground: str | None
    valid_from: datetime
    valid_to: datetime | None


def _members(events: list[Administration.Event], zone: str) -> list[_Member]:
    """Returns the membership intervals of a bloc in valid time.

    A member leaves at midnight in the bloc's own time zone: the United Kingdom left the customs
    territory when 2021 began in Brussels.
    """
    open: dict[tuple[Any, Any], _Member] = {}
    done: list[_Member] = []
    for event in sorted(events, key=lambda e: (e.effective, e.originator_version)):
        day = start_of_day(event.effective, zone)
        ground = event.legal_ground or event.source
        match event:
            # If the member is found to have joined earlier, the earlier of the two days counts.
            case Administration.MemberJoined(member=member, sense=sense) if (
                member,
                sense,
            ) not in open:
                open[member, sense] = _Member(member.text, sense.value, ground, day, None)
            case Administration.MemberLeft(member=member, sense=sense) if (member, sense) in open:
                joined = open.pop((member, sense))
                if day > joined.valid_from:  # an empty interval is dropped
                    both = "; ".join(filter(None, [joined.ground, ground]))
                    done.append(joined._replace(ground=both, valid_to=day))
    return [*done, *open.values()]


ADMINISTRATIONS = ReadModel(
    "administrations",
    (
        AggregateRows(
            "administration",
            key_field="administration",
            tables=(
                Table("administration", StoredAdministration, "code", valid="true"),
                Table("membership", StoredMembership, "bloc", fact=("bloc", "member", "sense")),
                Table(
                    "list_received",
                    StoredListReceived,
                    "administration",
                    valid="t.as_of <= {at}",
                ),
            ),
            rows=rows,
        ),
    ),
)
