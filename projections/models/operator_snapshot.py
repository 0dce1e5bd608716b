"""The rows of an operator itself: its particulars over time, in views.particulars, and its
denormalised current state, in views.operator.

Most queries ask for today, and most operators have no future changes. For those the row alone
answers, without the bitemporal tables, and its latest status periods are stored as the JSON text
that is sent. Nothing here depends on an agreement or on the subject who asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec

from projections.models.read_model import BigInt, InstantArray, TableRow, TextArray
from projections.models.tables import array, optional, uncached_array
from registry.domain.bitemporal import NEVER_AT, BitemporalRow
from registry.domain.operators.timeline import Named, OperatorTimeline, Period
from registry.domain.recognition import held_since
from registry.domain.texts import folded
from registry.domain.values import Status

LATEST = 10  # number of status periods stored as JSON text
_RANK = {status: rank for rank, status in enumerate(Status)}


class StoredOperator(TableRow):
    """A row of views.operator: the state once all recorded decisions are in effect."""

    tin: str
    id: UUID
    administration: str
    time_zone: str
    source: str | None
    registered: datetime
    name: str
    local_name: str | None
    address: str | None
    roles: TextArray
    successor: str | None
    standing: str
    programmes: TextArray
    types: TextArray
    position: BigInt
    settled: datetime
    settled_until: datetime | None
    end_to_record: datetime | None
    held: TextArray
    held_programmes: TextArray
    held_types: TextArray
    held_statuses: TextArray
    held_abroad: TextArray
    held_roles: TextArray
    held_from: InstantArray
    schemes: TextArray
    identifiers: TextArray
    consents: TextArray
    latest: TextArray
    authorised: date | None


class StoredParticulars(TableRow):
    """A row of views.particulars: what an operator is called in an interval."""

    tin: str
    name: str
    local_name: str | None
    address: str | None
    roles: TextArray
    successor: str | None
    folded: str | None
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


#: The columns that views.particulars and the current state in views.operator have in common.
PARTICULARS = tuple(
    name
    for name in StoredParticulars.__struct_fields__
    if name in StoredOperator.__struct_fields__ and name not in ("tin", "position")
)


def particulars_of(alias: str) -> str:
    """SQL: the columns of the particulars, of the row with this alias."""
    return ", ".join(f"{alias}.{name}" for name in PARTICULARS)


def current_row(timeline: OperatorTimeline) -> StoredOperator:
    """Returns the row of an operator, for lists, searches, and questions about its current state.

    Its columns from `settled` on are valid for every as-of pair at or after `settled` and before
    `settled_until`, the instant of an end known in advance (None: no such end). When that end is
    recorded, the row is written again. `standing` is that of the same instants.
    """
    first = timeline.registered.event
    believed = [r.fact for r in timeline.periods if r.recorded_to is None]
    last = max(
        (r.fact for r in timeline.names if r.recorded_to is None), key=lambda n: n.valid_from
    )
    named = last.particulars
    latest = {p.authorisation: p for p in sorted(believed, key=lambda p: p.valid_from)}
    since = _last_change(timeline)
    ends = [end for end in timeline.ends if end > since]
    held = sorted(_valid_at(timeline.periods, since), key=lambda p: p.authorisation)
    identified: dict[str, str] = {}
    for identifier in _open_ended(timeline.identifiers):
        identified[identifier.scheme] = min(
            identifier.value, identified.get(identifier.scheme, identifier.value)
        )
    return StoredOperator(
        tin=timeline.tin.text,
        id=first.originator_id,
        administration=first.administration.text,
        time_zone=first.time_zone,
        source=first.source,
        registered=timeline.registered.known_at,
        name=named.name,
        local_name=named.local_name,
        address=named.address,
        roles=array(named.roles),
        successor=optional(last.successor),
        standing=min((p.status for p in held), key=_RANK.__getitem__, default=Status.NONE).value,
        programmes=array(tuple(sorted({p.programme for p in latest.values()}))),
        types=array(tuple(sorted({p.type for p in latest.values()}))),
        position=timeline.last,
        settled=since,
        settled_until=min(ends, default=None),
        end_to_record=timeline.to_record,
        held=uncached_array([p.number or p.authorisation for p in held]),
        held_programmes=array(tuple(p.programme for p in held)),
        held_types=array(tuple(p.type for p in held)),
        held_statuses=array(tuple(p.status for p in held)),
        held_abroad=array(tuple(p.abroad for p in held)),
        held_roles=array(tuple(",".join(role.value for role in p.roles) for p in held)),
        held_from=array(tuple(_held_from(timeline, p) for p in held)),
        schemes=array(tuple(sorted(identified))),
        identifiers=uncached_array([identified[scheme] for scheme in sorted(identified)]),
        consents=array(tuple(sorted(c.scope for c in _open_ended(timeline.consents)))),
        latest=uncached_array(_period_json(r) for r in _latest_first(timeline.periods)[:LATEST]),
        authorised=min((p.effective_from for p in held if p.effective_from), default=None),
    )


def particulars_row(tin: str, r: BitemporalRow[Named]) -> StoredParticulars:
    """Returns the row of views.particulars for an interval."""
    named = r.fact.particulars
    return StoredParticulars(
        tin,
        named.name,
        named.local_name,
        named.address,
        array(named.roles),
        optional(r.fact.successor),
        _search_names(named.name, named.local_name),
        r.fact.valid_from,
        r.fact.valid_to,
        r.recorded_from,
        r.recorded_to,
        r.position,
        r.position_to,
    )


def _search_names(name: str, local_name: str | None) -> str:
    """Returns the text that a search by name looks in. No normal form contains two spaces in a row,
    so a search term cannot match across the two names."""
    return f"{folded(name)}  {folded(local_name)}" if local_name else folded(name)


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
    written = msgspec.json.encode(at).decode()
    if not written.endswith('Z"'):
        written = msgspec.json.encode(at.astimezone(UTC)).decode()
    return written if "." in written else f'{written[:-2]}.000000Z"'
