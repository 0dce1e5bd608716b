"""What an operator's row says ready-made: how it stands once all that was decided is in effect.

Most questions are about today, and of most operators nothing is to come. For those the row itself
answers, without the tables on both clocks, and its newest periods lie there as the text that they
are sent as. Nothing here depends on an agreement or on who asks.
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

LATEST = 10  # periods that are kept as text
_BEST = {status: rank for rank, status in enumerate(Status)}


def current_columns(operator_timeline: OperatorTimeline) -> tuple[Status, tuple[Any, ...]]:
    """Its standing once all that was decided is in effect, and the columns of its row from
    `settled` on.

    The row answers for instants from `settled` until `settled_until`, where an end comes that was
    said in advance (None: no such end). The clerk's record of that end writes the row anew.
    """
    since = _last_edge(operator_timeline)
    ends = [end for end in operator_timeline.ends if end > since]
    held = sorted(_at(operator_timeline.periods, since), key=lambda p: p.authorisation)
    standing = min((p.status for p in held), key=_BEST.__getitem__, default=Status.NONE)
    identified: dict[str, str] = {}
    for each in _open(operator_timeline.identifiers):
        identified[each.scheme] = min(each.value, identified.get(each.scheme, each.value))
    return standing, (
        since,
        min(ends, default=None),
        operator_timeline.to_record,
        uncached_array([p.number or p.authorisation for p in held]),
        array(tuple(p.programme for p in held)),
        array(tuple(p.type for p in held)),
        array(tuple(p.status for p in held)),
        array(tuple(p.abroad for p in held)),
        array(tuple(",".join(role.value for role in p.roles) for p in held)),
        array(tuple(_held_from(operator_timeline, p) for p in held)),
        array(tuple(sorted(identified))),
        uncached_array([identified[scheme] for scheme in sorted(identified)]),
        array(tuple(sorted(str(c.partner or "*") for c in _open(operator_timeline.consents)))),
        uncached_array(_worded(r) for r in _newest(operator_timeline.periods)[:LATEST]),
    )


def _held_from(operator_timeline: OperatorTimeline, period: Period) -> datetime:
    if period.abroad not in (Status.VALID, Status.LISTED):
        return period.valid_from
    return held_since((r.fact for r in operator_timeline.periods if r.recorded_to is None), period)


def _open(facts: Iterable[BitemporalRow[Any]]) -> list[Any]:
    """What is believed at last, of identifiers or consents, and has no end in law."""
    return [
        r.fact
        for r in facts
        if r.recorded_to is None and ((end := r.fact.valid_to) is None or end >= NEVER_AT)
    ]


def _at(facts: Iterable[BitemporalRow[Period]], at: datetime) -> list[Period]:
    """What is believed at last of an instant of law."""
    return [
        r.fact
        for r in facts
        if r.recorded_to is None
        and r.fact.valid_from <= at
        and ((end := r.fact.valid_to) is None or at < end)
    ]


def _last_edge(operator_timeline: OperatorTimeline) -> datetime:
    """The last instant at which a belief changed, or at which an event changes the law."""
    others: list[BitemporalRow[Any]] = [
        *operator_timeline.names,
        *operator_timeline.identifiers,
        *operator_timeline.consents,
    ]
    every: list[BitemporalRow[Any]] = [*operator_timeline.periods, *others]
    last = [r.fact for r in others if r.recorded_to is None]
    edges: list[datetime] = [
        operator_timeline.registered.known_at,
        *[r.recorded_to or r.recorded_from for r in every],  # none ends before it began
        *operator_timeline.turns,
        *[fact.valid_from for fact in last],
        *[end for fact in last if (end := fact.valid_to) and end < NEVER_AT],
    ]
    return max(edges)


def _newest(periods: list[BitemporalRow[Period]]) -> list[BitemporalRow[Period]]:
    """The newest law first, as `periods` has it in GraphQL."""
    found = sorted(periods, key=_BEGINNINGS, reverse=True)
    if len({r.fact.authorisation for r in periods}) > 1:
        found.sort(key=_AUTHORISATION)
        found.sort(key=_OF_LAW, reverse=True)
    return found


_BEGINNINGS = attrgetter("fact.valid_from", "recorded_from", "position")
_OF_LAW = attrgetter("fact.valid_from", "recorded_from")
_AUTHORISATION = attrgetter("fact.authorisation")


def _worded(r: BitemporalRow[Period]) -> str:
    """In the selection that is asked most; a ground is told to some only, and not in it."""
    p, end = r.fact, r.fact.valid_to
    return (
        f'{{"authorisation":{_quoted(p.number or p.authorisation)},"status":"{p.status._value_}"'
        f',"validFrom":{_instant(p.valid_from)}'
        f',"validTo":{"null" if end is None or end >= NEVER_AT else _instant(end)}'
        f',"recordedFrom":{_instant(r.recorded_from)},"recordedTo":{_instant(r.recorded_to)}}}'
    )


@lru_cache(maxsize=4_096)
def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


@lru_cache(maxsize=16_384)
def _instant(at: datetime | None) -> str:
    """Each is said several times: where one stretch ends the next begins."""
    if at is None:
        return "null"
    said = msgspec.json.encode(at).decode()
    if not said.endswith('Z"'):
        said = msgspec.json.encode(at.astimezone(UTC)).decode()
    return said if "." in said else f'{said[:-2]}.000000Z"'
