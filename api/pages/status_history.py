"""The status history of an operator: a table row for each interval, with the event that began it.

An interval of the record ends wherever anything about the authorisation changes, also where its
status stays the same. To a visitor who may read the events, the decision that began a row is shown.
Where none is, neighbours that say the same are one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from api.pages.labels import moment
from registry.domain.time_zones import zone as zone_of

#: What a row shows of an interval beside its days.
_SHOWN = ("authorisation", "status", "statusAbroad", "suspendedParts", "ground")


def rows(
    periods: Sequence[dict[str, Any]],
    events: Iterable[dict[str, Any]],
    zone: str,
    known: datetime,
) -> list[dict[str, Any]]:
    """Returns the rows of intervals, which are in the order newest first.

    `begun_by`: the event that began the row, of those known by `known`; None where none is found.
    `repeats`: the row before it in time says the same, so that only the event says what changed.
    """
    of_authorisation = [
        event
        for event in events
        if event["payload"].get("authorisation") and moment(event["knownAt"]) <= known
    ]
    merged: list[dict[str, Any]] = []
    for period in periods:
        begun_by = _beginning(period, of_authorisation, zone)
        if merged and _continues(merged[-1], period) and merged[-1]["begun_by"] is None:
            merged[-1] = {
                **merged[-1],
                "validFrom": period["validFrom"],
                "recordedFrom": min(merged[-1]["recordedFrom"], period["recordedFrom"]),
                "begun_by": begun_by,
            }
        else:
            merged.append({**period, "begun_by": begun_by, "repeats": False})
    for later, earlier in pairwise(merged):
        later["repeats"] = _continues(later, earlier)
    return merged


def _beginning(
    period: dict[str, Any], events: Sequence[dict[str, Any]], zone: str
) -> dict[str, Any] | None:
    """Returns the event that began an interval: of those of its authorisation the latest that
    applies from that day, else that was decided on it, else that names it."""
    if period["validFrom"] is None:
        return None
    day = moment(period["validFrom"]).astimezone(zone_of(zone)).date().isoformat()
    named = {period["authorisation"]}
    named |= {
        event["payload"]["authorisation"]
        for event in events
        if event["payload"].get("number") in named
    }
    own = [event for event in events if event["payload"]["authorisation"] in named]
    for begins in (
        lambda event: event["effective"] == day,
        lambda event: event["decided"] == day,
        lambda event: day in map(str, event["payload"].values()),
    ):
        if found := [event for event in own if begins(event)]:
            return max(found, key=lambda event: event["position"])
    return None


def _continues(later: dict[str, Any], earlier: dict[str, Any]) -> bool:
    """Whether an interval follows another one without a gap and says the same."""
    return bool(later["validFrom"] == earlier["validTo"]) and all(
        later[name] == earlier[name] for name in _SHOWN
    )
