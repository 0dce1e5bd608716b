"""The denormalised current state of an operator, stored in views.operator.

Most queries ask for today, and most operators have no future changes. For those the row alone
answers, without the bitemporal tables, and its latest status periods are stored as the JSON text
that is sent. Nothing here depends on an agreement or on the subject who asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from projections.models.tables import array, uncached_array
from registry.domain.bitemporal import NEVER_AT, BitemporalRow
from registry.domain.operators.timeline import OperatorTimeline, Period
from registry.domain.recognition import held_since
from registry.domain.values import Status

LATEST = 10  # number of status periods stored as JSON text
_RANK = {status: rank for rank, status in enumerate(Status)}


def current_columns(timeline: OperatorTimeline) -> tuple[Status, tuple[Any, ...]]:
    """Returns the operator's standing once all its decisions are in effect, and the columns of its
    row from `settled` on.

    The row is valid for every as-of pair at or after `settled` and before `settled_until`, the
    instant of an end known in advance (None: no such end). When that end is recorded, the row is
    written again.
    """
    since = _last_change(timeline)
    ends = [end for end in timeline.ends if end > since]
    held = sorted(_valid_at(timeline.periods, since), key=lambda p: p.authorisation)
    standing = min((p.status for p in held), key=_RANK.__getitem__, default=Status.NONE)
    identified: dict[str, str] = {}
    for identifier in _open_ended(timeline.identifiers):
        identified[identifier.scheme] = min(
            identifier.value, identified.get(identifier.scheme, identifier.value)
        )
    return standing, (
        since,
        min(ends, default=None),
        timeline.to_record,
        uncached_array([p.number or p.authorisation for p in held]),
        array(tuple(p.programme for p in held)),
        array(tuple(p.type for p in held)),
        array(tuple(p.status for p in held)),
        array(tuple(p.abroad for p in held)),
        array(tuple(",".join(role.value for role in p.roles) for p in held)),
        array(tuple(_held_from(timeline, p) for p in held)),
        array(tuple(sorted(identified))),
        uncached_array([identified[scheme] for scheme in sorted(identified)]),
        array(tuple(sorted(str(c.partner or "*") for c in _open_ended(timeline.consents)))),
        uncached_array(_period_json(r) for r in _latest_first(timeline.periods)[:LATEST]),
    )


def _held_from(timeline: OperatorTimeline, period: Period) -> datetime:
    if period.abroad not in (Status.VALID, Status.LISTED):
        return period.valid_from
    return held_since((r.fact for r in timeline.periods if r.recorded_to is None), period)


def _open_ended(facts: Iterable[BitemporalRow[Any]]) -> list[Any]:
    """Returns the identifiers or consents that are currently believed and have no end in valid
    time."""
    return [
        r.fact
        for r in facts
        if r.recorded_to is None and ((end := r.fact.valid_to) is None or end >= NEVER_AT)
    ]


def _valid_at(facts: Iterable[BitemporalRow[Period]], at: datetime) -> list[Period]:
    """Returns the periods that are currently believed and valid at an instant."""
    return [
        r.fact
        for r in facts
        if r.recorded_to is None
        and r.fact.valid_from <= at
        and ((end := r.fact.valid_to) is None or at < end)
    ]


def _last_change(timeline: OperatorTimeline) -> datetime:
    """Returns the last instant at which transaction time or valid time changes the state."""
    others: list[BitemporalRow[Any]] = [
        *timeline.names,
        *timeline.identifiers,
        *timeline.consents,
    ]
    every: list[BitemporalRow[Any]] = [*timeline.periods, *others]
    last = [r.fact for r in others if r.recorded_to is None]
    edges: list[datetime] = [
        timeline.registered.known_at,
        *[r.recorded_to or r.recorded_from for r in every],  # a belief never ends before it began
        *timeline.turns,
        *[fact.valid_from for fact in last],
        *[end for fact in last if (end := fact.valid_to) and end < NEVER_AT],
    ]
    return max(edges)


def _latest_first(periods: list[BitemporalRow[Period]]) -> list[BitemporalRow[Period]]:
    """Sorts periods by valid time, latest first, in the order of `periods` in GraphQL."""
    found = sorted(periods, key=_BEGINNINGS, reverse=True)
    if len({r.fact.authorisation for r in periods}) > 1:
        found.sort(key=_AUTHORISATION)
        found.sort(key=_OF_LAW, reverse=True)
    return found


_BEGINNINGS = attrgetter("fact.valid_from", "recorded_from", "position")
_OF_LAW = attrgetter("fact.valid_from", "recorded_from")
_AUTHORISATION = attrgetter("fact.authorisation")


def _period_json(r: BitemporalRow[Period]) -> str:
    """Serialises a period in the selection that is requested most. The legal ground is not part of
    it, because not every subject may see it."""
    p, end = r.fact, r.fact.valid_to
    return (
        f'{{"authorisation":{_json_text(p.number or p.authorisation)},"status":"{p.status._value_}"'
        f',"validFrom":{_instant(p.valid_from)}'
        f',"validTo":{"null" if end is None or end >= NEVER_AT else _instant(end)}'
        f',"recordedFrom":{_instant(r.recorded_from)},"recordedTo":{_instant(r.recorded_to)}}}'
    )


@lru_cache(maxsize=4_096)
def _json_text(text: str) -> str:
    return msgspec.json.encode(text).decode()


@lru_cache(maxsize=16_384)
def _instant(at: datetime | None) -> str:
    """Formats an instant. Cached, because the end of one interval is the beginning of the next."""
    if at is None:
        return "null"
    said = msgspec.json.encode(at).decode()
    if not said.endswith('Z"'):
        said = msgspec.json.encode(at.astimezone(UTC)).decode()
    return said if "." in said else f'{said[:-2]}.000000Z"'
