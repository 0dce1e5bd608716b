"""Read model of administrations: the dated membership of blocs, and the lists of operators that
were received."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from projections.models.tables import Rows
from registry.domain.administrations import Administration
from registry.domain.bitemporal import TimedEvent, bitemporal_rows
from registry.domain.decisions import begins

NOUN = "administration"
TABLES = ("administration", "membership", "list_received")
KEY = "administration"  # the key column is `code` in administration and `bloc` in membership


def key(events: Sequence[TimedEvent[Any]]) -> str:
    """Returns the key of the rows: the code of the administration."""
    return str(events[0].event.administration)


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
            (
                code,
                first.event.name,
                zone,
                first.event.bloc,
                first.event.source,
                first.known_at,
                last,
            )
        ],
        "membership": [
            (code, *r.fact, r.recorded_from, r.recorded_to, r.position, r.position_to)
            for r in bitemporal_rows(beliefs)
        ],
        "list_received": [
            (code, event.event.as_of, event.known_at, event.position)
            for event in events[1:]
            if isinstance(event.event, Administration.ListReceived)
        ],
    }


def _members(events: list[Administration.Event], zone: str) -> list[tuple[Any, ...]]:
    """Returns the membership intervals of a bloc in valid time.

    A member leaves at midnight in the bloc's own time zone: the United Kingdom left the customs
    territory when 2021 began in Brussels.
    """
    open: dict[tuple[Any, Any], tuple[Any, ...]] = {}
    done: list[tuple[Any, ...]] = []
    for event in sorted(events, key=lambda e: (e.effective, e.originator_version)):
        day = begins(event.effective, zone)
        ground = event.legal_ground or event.source
        match event:
            # If the member is found to have joined earlier, the earlier of the two days counts.
            case Administration.MemberJoined(member=member, sense=sense) if (
                member,
                sense,
            ) not in open:
                open[member, sense] = (member.text, sense.value, ground, day, None)
            case Administration.MemberLeft(member=member, sense=sense) if (member, sense) in open:
                code, name, why, since, _ = open.pop((member, sense))
                if day > since:  # an empty interval is dropped
                    both = "; ".join(filter(None, [why, ground]))
                    done.append((code, name, both, since, day))
    return [*done, *open.values()]
