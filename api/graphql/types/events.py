"""The GraphQL types of events: the register's single sequence of events, filtered and in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from api.graphql.loaders import load
from api.graphql.scalars import Json, Position
from api.graphql.types.event_parts import EventsPart
from api.graphql.types.log import (
    OPENED,
    PROVED,
    Commitment,
    InclusionProof,
    commitment_opening,
    inclusion_proof,
)
from api.graphql.types.signatures import SIGNED, DecisionSignature, decision_signature
from projections.reads.events import (
    EventPage,
    EventRow,
    EventSelection,
    Readable,
    objects,
    page,
)
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.publications import Document
from registry.domain.values import AdministrationCode, Tin

#: The fields with texts from one customs administration to another. The operator concerned is not
#: shown them.
NOTES = frozenset({"reply"})
REDACTED = "REDACTED"
#: The function from an object's key to its stream id, by type. Each raises ValueError for a bad
#: key.
STREAMS: Mapping[str, Callable[[str], UUID]] = {
    "Operator": lambda key: Operator.create_id(Tin(key)),
    "Agreement": Agreement.create_id,
    "Administration": lambda key: Administration.create_id(AdministrationCode(key)),
    "Programme": Programme.create_id,
    "Document": Document.create_id,
}


@strawberry.type
class Event(Node):
    """A recorded event. It is never changed or deleted; a later event can correct it
    (`corrects`)."""

    id: strawberry.ID = strawberry.field(description=ID)
    position: Position
    stream: strawberry.ID = strawberry.field(
        description="The id of the stream (of the operator, "
        "agreement, ...) to which the event belongs, a UUID."
    )
    version: int = strawberry.field(
        description="The version of the stream after this event, from 1."
    )
    type: str = strawberry.field(
        description="The type of the event: operator.suspended, "
        "agreement.signed, ... A type never changes its meaning."
    )
    recorded_at: datetime = strawberry.field(
        description="The transaction time: when the event was recorded, by the clock of the ledger."
    )
    known_at: datetime = strawberry.field(
        description="The instant from which the fact counts as known. It equals `recordedAt`, "
        "except for an event that was imported from the authority's own earlier register."
    )
    effective: date | None = strawberry.field(
        description="The valid time: the first civil day on which the decision applies, in the "
        "zone of the deciding authority. Null: the event has none."
    )
    decided: date | None
    decided_by: AdministrationCode | None
    legal_ground: str | None
    payload: Json = strawberry.field(
        description="The fields of the event as they are stored. A "
        "field that you may not read is `REDACTED`."
    )
    corrects: Position | None = strawberry.field(
        description="The position of the earlier event that this one corrects. Null: it corrects "
        "none."
    )
    imported: bool = strawberry.field(
        description="True: the event was taken from a source, or was known earlier to the "
        "authority's own register. Without a `signature` it is an unsigned import, which no "
        "administration has confirmed here."
    )
    opens: strawberry.Private[bool] = False

    @strawberry.field
    async def about(self, info: Info) -> strawberry.ID | None:
        """What the event is about: the global id of the operator, agreement, administration,
        programme or document. Null for an event of something that has no global id: a claim or a
        client."""
        context, stream = info.context, UUID(str(self.stream))
        found = await load(context, objects, key=stream, of=context.ledger)
        return strawberry.ID(":".join(found)) if found else None

    @costs(PROVED)
    @strawberry.field
    async def proof(self, info: Info) -> InclusionProof | None:
        """The proof that the event is in the transparency log. Null until a signed checkpoint
        includes it."""
        return await inclusion_proof(info.context, self.position)

    @costs(OPENED)
    @strawberry.field
    async def commitment(self, info: Info) -> Commitment | None:
        """The data that opens the commitment in the event's leaf. Only for auditors and the home
        customs, who may read the whole event; null for others."""
        return await commitment_opening(info.context, self.position) if self.opens else None

    @costs(SIGNED)
    @strawberry.field
    async def signature(self, info: Info) -> DecisionSignature | None:
        """The signature of the deciding administration. Null where the decision was not signed (see
        `imported`), and for subjects who may not read the whole of an operator's event."""
        shown = self.opens or not self.type.startswith("operator.")
        return await decision_signature(info.context, self.position) if shown else None

    @classmethod
    def of(cls, row: EventRow, *, with_notes: bool = True, opens: bool = False) -> Event:
        """The event as a GraphQL object.

        `with_notes`: False for a company, which is not shown what one administration wrote to
        another. `opens`: the subject may read everything that is stored, and who did it.
        """
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


@strawberry.type
class EventEdge:
    """An event and its cursor in the list."""

    cursor: str
    node: Event


@strawberry.type
class EventConnection:
    """A page of events, in the order of their positions. A page can have fewer entries than `first`
    although more follow, because each page reads a limited part of the sequence: use
    `pageInfo.hasNextPage`."""

    edges: list[EventEdge]
    page_info: paging.PageInfo


@strawberry.input
class EventFilter:
    """The conditions of a list of events; an event must meet all that are given."""

    stream: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only events of one stream: its UUID, or the global id of the object.",
    )
    tin: Tin | None = None
    agreement: strawberry.ID | None = None
    administration: AdministrationCode | None = strawberry.field(
        default=None,
        description="Only events of this administration, by its code: of its own stream and of "
        "its programmes, agreements and operators.",
    )
    types: list[str] | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = strawberry.field(
        default=None, description="Only events recorded before this instant."
    )
    effective_from: date | None = strawberry.field(
        default=None,
        description="Only decisions that apply from this civil day or from a later one.",
    )
    effective_to: date | None = strawberry.field(
        default=None,
        description="Only decisions that apply from this civil day or from an earlier one.",
    )
    decided_by: AdministrationCode | None = strawberry.field(
        default=None, description="Only events that this administration decided, by its code."
    )
    after_position: Position | None = strawberry.field(
        default=None, description="Only events with a greater position than this one."
    )
    before_position: Position | None = strawberry.field(
        default=None, description="Only events with a smaller position than this one."
    )


@strawberry.type
class EventQuery:
    """The query for recorded events."""

    @strawberry.field
    async def events(
        self,
        info: Info,
        filter: EventFilter | None = None,
        first: int | None = 50,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> EventConnection:
        """The register's single sequence of events, in the order of recording.

        Everybody sees the public law (administrations, programmes, agreements, documents). Officers
        also see the events of their own operators, a company its own, and auditors all.
        """
        wanted = _wanted(filter or EventFilter())
        part = EventsPart.of(first, after, last, before)
        return await _connection(info.context, wanted, readable(info.context.subject), part)


async def history(
    context: Context, stream: UUID, about: Resource, first: int | None, after: str | None
) -> EventConnection:
    """A page of one stream's events, in order. Raises Unanswered (FORBIDDEN) where the subject may
    not read the events of that operator."""
    if about.tin is not None:
        context.demand(Action.READ_EVENTS, about)
    # What its customs proposes, and has not decided, is not for the operator itself.
    may = Readable(everything=context.subject.role is not SubjectRole.COMPANY, itself=stream)
    if about.tin is None:
        may = readable(context.subject)
    part = EventsPart.of(first, after, None, None)
    return await _connection(context, EventSelection((stream,)), may, part)


def readable(subject: Subject) -> Readable:
    """The operators whose events the subject may read. Everybody may read the public law."""
    itself = Operator.create_id(subject.tin) if subject.tin else None
    own = subject.own if subject.role is SubjectRole.OFFICER else ()
    return Readable(
        subject.role is SubjectRole.AUDITOR, tuple(sorted(code.text for code in own)), itself
    )


async def _connection(
    context: Context, wanted: EventSelection, may: Readable, part: EventsPart
) -> EventConnection:
    for epoch in part.epochs[1:]:
        async with positions.of_epoch(context.ledger, epoch):
            pass  # of another epoch than the first cursor: raises
    first_epoch = part.epochs[0] if part.epochs else None
    async with positions.of_epoch(context.ledger, first_epoch) as connection:
        found = await page(connection, part.within(wanted), may, part.size)
    edges = [
        EventEdge(cursor=_cursor(context, row.position), node=event_for(context, row))
        for row in found.rows
    ]
    return EventConnection(edges=edges, page_info=_page_info(context, found, part, edges))


def _page_info(
    context: Context, found: EventPage, part: EventsPart, edges: list[EventEdge]
) -> paging.PageInfo:
    """A page of which nothing was found yet has a cursor, too: reading goes on from there."""
    some = bool(found.rows or found.more)
    if part.backwards:
        begins = _cursor(context, found.first) if some else None
        return paging.PageInfo(
            has_next_page=part.before is not None,
            has_previous_page=found.more or part.after is not None,
            start_cursor=begins,
            end_cursor=_cursor(context, found.last),
        )
    return paging.PageInfo(
        has_next_page=found.more or part.before is not None,
        has_previous_page=part.after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=_cursor(context, found.last) if some else None,
    )


def event_for(context: Context, row: EventRow) -> Event:
    """The event as this subject may read it. It is the same in every field that returns it, so that
    a client's cache can treat it as one object."""
    # Every subject that may read an operator's events may read the notes, except the operator.
    notes = context.subject.role is not SubjectRole.COMPANY
    reads_all = context.subject.role in (SubjectRole.AUDITOR, SubjectRole.OFFICER)
    # Of another administration's operator the version is 0.
    return Event.of(row, with_notes=notes, opens=reads_all and row.version > 0)


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
        decided_by=asked.decided_by,
        effective_from=asked.effective_from,
        effective_to=asked.effective_to,
        after=asked.after_position or 0,
        before=asked.before_position,
    )


def _stream(text: str) -> UUID:
    """The stream that is named by its UUID or by the global id of its object. Raises Unanswered
    (BAD_INPUT)."""
    try:
        if ":" not in text:
            return UUID(text)
        found = GlobalId.parse(text, "stream")
        if found.kind in STREAMS:
            return STREAMS[found.kind](found.key)
    except ValueError:
        pass
    raise bad_input(
        "stream: %(text)s is not the id of a stream: a UUID, or the global id of what has one",
        text=repr(text),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
