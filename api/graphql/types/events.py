"""The register's one sequence of events in GraphQL: filter, page, replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
import strawberry

from api.access.policy import Action, Resource, Subject, SubjectRole
from api.graphql import paging, positions
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.global_ids import ID, GlobalId, Node, key_of
from api.graphql.scalars import Json, Position
from api.graphql.types.log import OPENED, PROVED, Commitment, InclusionProof, opened, proved
from api.graphql.types.signatures import SIGNED, DecisionSignature, signed
from projections.reads.events import EventRow, EventSelection, Readable, page
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.publications import Document
from registry.domain.values import AdministrationCode, Tin

#: What one customs administration wrote to another; the operator concerned is not shown it.
NOTES = frozenset({"reply"})
REDACTED = "REDACTED"
#: The stream of an object, by its type and from its key. Raise ValueError for what is no key.
STREAMS: Mapping[str, Callable[[str], UUID]] = {
    "Operator": lambda key: Operator.create_id(Tin(key)),
    "Agreement": Agreement.create_id,
    "Administration": lambda key: Administration.create_id(AdministrationCode(key)),
    "Programme": Programme.create_id,
    "Document": Document.create_id,
}


@strawberry.type(description="Something that was recorded. It is never changed; see `corrects`.")
class Event(Node):
    id: strawberry.ID = strawberry.field(description=ID)
    position: Position
    stream: strawberry.ID = strawberry.field(description="The thing that it happened to: a UUID.")
    version: int = strawberry.field(description="Its place in that stream, from 1.")
    type: str = strawberry.field(description="For ever: operator.suspended, agreement.signed, ...")
    recorded_at: datetime = strawberry.field(description="By the ledger's own clock.")
    known_at: datetime = strawberry.field(
        description="Equal to recordedAt unless imported from an authority's own earlier register."
    )
    effective: date | None = strawberry.field(
        description="The civil day it counts from, in the authority's own zone."
    )
    decided: date | None
    decided_by: AdministrationCode | None
    legal_ground: str | None
    payload: Json = strawberry.field(description="The event's own fields as they are stored.")
    corrects: Position | None = strawberry.field(
        description="The position of the earlier event that this one puts right."
    )
    imported: bool = strawberry.field(
        description="It was read from a source, or known before to an authority's own register. "
        "With no signature it is an unsigned import: no administration vouches for it here."
    )
    opens: strawberry.Private[bool] = False

    @costs(PROVED)
    @strawberry.field
    async def proof(self, info: Info) -> InclusionProof | None:
        """That it lies in the log; null until a signed tree covers it."""
        return await proved(info.context, self.position)

    @costs(OPENED)
    @strawberry.field
    async def commitment(self, info: Info) -> Commitment | None:
        """What opens its leaf: for auditors and the home customs, who are shown all of it."""
        return await opened(info.context, self.position) if self.opens else None

    @costs(SIGNED)
    @strawberry.field
    async def signature(self, info: Info) -> DecisionSignature | None:
        """The deciding administration's own; null for what was not signed, and for those who are
        not shown the whole of an operator's event. See `imported`."""
        shown = self.opens or not self.type.startswith("operator.")
        return await signed(info.context, self.position) if shown else None

    @classmethod
    def of(cls, row: EventRow, *, with_notes: bool = True, opens: bool = False) -> Event:
        """`opens`: who asks may read all that is stored, and who did it."""
        state: dict[str, Any] = msgspec.json.decode(row.state)
        if not with_notes:
            state |= {name: REDACTED for name in NOTES & state.keys()}
        corrects = state.get("corrects")
        return cls(
            id=strawberry.ID(f"Event:{row.key}"),
            position=Position(row.position),
            stream=strawberry.ID(str(row.stream)),
            version=row.version,
            type=row.type,
            recorded_at=row.recorded_at,
            known_at=row.known_at,
            effective=_day(state.get("effective")),
            decided=_day(state.get("decided")),
            decided_by=AdministrationCode(row.decided_by) if row.decided_by else None,
            legal_ground=row.legal_ground,
            payload=Json(state),
            corrects=None if corrects is None else Position(corrects),
            imported="source" in state or row.known_at != row.recorded_at,
            opens=opens,
        )


@strawberry.type(description="An event and its place in the list.")
class EventEdge:
    cursor: str
    node: Event


@strawberry.type(
    description="A page of events. It may hold fewer than were asked for although more follow, "
    "because a page looks only so far along the sequence."
)
class EventConnection:
    edges: list[EventEdge]
    page_info: paging.PageInfo


@strawberry.input(description="Which events; every condition given must hold.")
class EventFilter:
    stream: strawberry.ID | None = strawberry.field(
        default=None,
        description="Of one thing: the UUID of its stream, or its own global id.",
    )
    tin: Tin | None = None
    agreement: strawberry.ID | None = None
    administration: AdministrationCode | None = strawberry.field(
        default=None,
        description="Its own stream, its programmes', its agreements' and its operators'.",
    )
    types: list[str] | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = strawberry.field(default=None, description="Exclusive.")
    after_position: Position | None = strawberry.field(default=None, description="Exclusive.")


@strawberry.type
class EventQuery:
    @strawberry.field
    async def events(
        self,
        info: Info,
        filter: EventFilter | None = None,
        first: int | None = 50,
        after: str | None = None,
    ) -> EventConnection:
        """The register's one sequence of events, for auditors: filter, page, replay.

        Officers see their operators' events too, a company its own, everybody the public law.
        """
        wanted = _wanted(filter or EventFilter())
        return await _connection(info.context, wanted, readable(info.context.asker), first, after)


async def history(
    context: Context, stream: UUID, about: Resource, first: int | None, after: str | None
) -> EventConnection:
    """One stream's events, in order. Raises Unanswered where an operator's may not be read."""
    if about.tin is not None:
        context.demand(Action.READ_EVENTS, about)
    return await _connection(
        context, EventSelection((stream,)), Readable(everything=True), first, after
    )


def readable(asker: Subject) -> Readable:
    """Whose operators' events the asker may read; public law is everybody's."""
    itself = Operator.create_id(asker.tin) if asker.tin else None
    own = asker.own if asker.role is SubjectRole.OFFICER else ()
    return Readable(
        asker.role is SubjectRole.AUDITOR, tuple(sorted(code.text for code in own)), itself
    )


async def _connection(
    context: Context, wanted: EventSelection, may: Readable, first: int | None, after: str | None
) -> EventConnection:
    size = paging.size(first)
    epoch, key = paging.after_in("events", after, (int,))
    wanted = replace(wanted, after=max(wanted.after, int(key[0]) if key else 0))
    async with positions.of_epoch(context.ledger, epoch) as connection:
        found = await page(connection, wanted, may, size)
    edges = [
        EventEdge(cursor=_cursor(context, row.position), node=event_for(context, row))
        for row in found.rows
    ]
    end = _cursor(context, found.until) if found.rows or found.more else None
    return EventConnection(
        edges=edges, page_info=paging.PageInfo.of(edges, more=found.more, after=after, end=end)
    )


def event_for(context: Context, row: EventRow) -> Event:
    """An event that this asker may read: the same wherever it is read, so that a client's cache
    may take it for one object."""
    # Whoever may read an operator's events at all, but the operator itself, may read the notes.
    notes = context.asker.role is not SubjectRole.COMPANY
    return Event.of(
        row,
        with_notes=notes,
        opens=context.asker.role in (SubjectRole.AUDITOR, SubjectRole.OFFICER),
    )


def _cursor(context: Context, position: int) -> str:
    return paging.cursor_in(context.epoch, "events", [position])


def _wanted(asked: EventFilter) -> EventSelection:
    streams: list[set[UUID]] = []
    if asked.stream is not None:
        streams.append({_stream(asked.stream)})
    if asked.tin is not None:
        streams.append({Operator.create_id(asked.tin)})
    if asked.agreement is not None:
        streams.append({Agreement.create_id(key_of("Agreement", asked.agreement, "agreement"))})
    return EventSelection(
        streams=tuple(set.intersection(*streams)) if streams else None,
        types=tuple(asked.types) if asked.types is not None else None,
        administration=asked.administration,
        recorded_from=asked.recorded_from,
        recorded_to=asked.recorded_to,
        after=asked.after_position or 0,
    )


def _stream(text: str) -> UUID:
    """Of a UUID, or of the global id of what has a stream. Raises Unanswered."""
    try:
        if ":" not in text:
            return UUID(text)
        found = GlobalId.parse(text, "stream")
        if found.kind in STREAMS:
            return STREAMS[found.kind](found.key)
    except ValueError:
        pass
    raise bad_input(
        f"stream: {text!r} is not the id of a stream: a UUID, or the global id of what has one"
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
