"""The query `node(id:)`, and the object that a command changed (`Recorded.node`).

An id is answered like the query that returned it, with the access rights of the present subject:
null where the object is unknown or may not be shown.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated

import strawberry

from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import Unanswered, bad_input
from api.graphql.global_ids import GlobalId, Node
from api.graphql.loaders import load
from api.graphql.positions import Behind, CheckedPool, MinPosition
from api.graphql.read_your_writes import MOST_WAIT
from api.graphql.scalars import LARGEST
from api.graphql.types.administrations import AdministrationType
from api.graphql.types.agreements import AgreementType
from api.graphql.types.corrected_answers import event_as_cause
from api.graphql.types.events import Event, event_for, readable
from api.graphql.types.operators import operator_by_tin
from api.graphql.types.programmes import ProgrammeType
from api.graphql.types.publications import DocumentType
from projections.reads import administrations, agreements, events, programmes, publications
from projections.reads.bitemporal_sql import AsOf
from registry.application.dispatch import slug_of
from registry.domain import commands as c
from registry.domain.values import Tin

EVERYTHING = events.Readable(everything=True)
AGAIN = 0.05  # seconds between two reads of the position of the read models


GivenId = Annotated[
    strawberry.ID, strawberry.argument(description="A global id that this service returned.")
]


@strawberry.type
class NodeQuery:
    """The query for any object by its global id."""

    @costs(500)
    @strawberry.field
    async def node(self, info: Info, id: GivenId) -> Node | None:
        """Any object by its global id. Null where it is unknown or may not be shown to you; the two
        cases have the same answer. An id that contains instants is answered as of these
        instants."""
        found = GlobalId.parse(id, "id")
        as_of = found.clocks(info.context.now, "id")
        return await _node(info.context, found, as_of, "id")


async def _node(context: Context, of: GlobalId, as_of: AsOf, argument: str) -> Node | None:
    """The object of a global id; None where it is unknown or hidden from the subject. Raises
    Unanswered (BAD_INPUT) for a key that is invalid for its type."""
    key = of.key
    match of.kind:
        case "Operator":
            tin = _tin(key, argument)
            context.looked("node", [tin.text])
            return await operator_by_tin(context, tin, as_of)
        case "Agreement":
            agreement = await load(context, agreements.agreements, as_of, key=key)
            return AgreementType.of(agreement, as_of) if agreement else None
        # Answers about operators name administrations and programmes, so both are shown at every
        # instant, also before their registration.
        case "Administration":
            row = await load(context, administrations.administrations, key=key)
            return AdministrationType.of(row, as_of) if row else None
        case "Programme":
            programme = await load(context, programmes.programmes, as_of, key=key)
            return ProgrammeType.of(programme, as_of) if programme else None
        case "Document":
            document = await load(context, publications.by_id, as_of.known, key=key)
            return DocumentType.of(document, as_of) if document else None
        case _:
            return await _event(context, key, argument)


def _tin(key: str, argument: str) -> Tin:
    try:
        return Tin(key)
    except ValueError as error:
        raise bad_input("%(field)s: %(error)s", field=argument, error=error) from None


async def _event(context: Context, key: str, argument: str) -> Event | None:
    number, _, recorded = key.partition(".")
    if not (number.isdecimal() and recorded.isdecimal() and int(number) <= LARGEST):
        raise bad_input(
            "%(field)s: %(found)s is the key of no event", field=argument, found=repr(key[:40])
        )
    hidden = None
    async with context.ledger.connection() as connection:
        row = await events.one(connection, int(number), readable(context.subject))
        if row is None and context.subject.reach:
            hidden = await events.one(connection, int(number), EVERYTHING)
    if row is not None:
        return event_for(context, row) if row.key == key else None
    if hidden is None or hidden.key != key:
        return None
    return await event_as_cause(context, hidden)


# ------------------------------------------------------- what a command changed


def changed_by(command: c.Command) -> GlobalId | None:
    """The object whose stream a command changes; None for a claim, which has no global id."""
    match command:
        case c.OperatorCommand(tin=tin):
            return GlobalId("Operator", tin.text)
        case c.ProposeAgreement():
            return GlobalId("Agreement", slug_of(command))
        case c.AgreementCommand(agreement=code):
            return GlobalId("Agreement", code)
        case c.AdministrationCommand(administration=administration):
            return GlobalId("Administration", administration.text)
        case c.ProgrammeCommand(programme=code):
            return GlobalId("Programme", code)
        case c.DocumentCommand(document=code):
            return GlobalId("Document", code)
    return None


async def node_when_projected(context: Context, of: GlobalId, position: int) -> Node | None:
    """The object that a command changed, read from read models that include this position.

    Waits up to MOST_WAIT seconds for them, then raises Unanswered (BEHIND); the command is recorded
    nevertheless.
    """
    until = monotonic() + MOST_WAIT
    await context.reached(position, MOST_WAIT)
    least = MinPosition(position, context.epoch or None)
    read_models = CheckedPool(context.read_models, least)
    # The request began before its command was recorded, so its own `now` may be too early.
    async with context.ledger.connection() as connection:
        event = await events.one(connection, position, EVERYTHING)
    while True:
        now = max(datetime.now(UTC), event.recorded_at if event else context.now)
        try:
            checked = replace(context, now=now, read_models=read_models, _once={})
            return await _node(checked, of, AsOf(now, now), "node")
        except Behind as behind:
            if monotonic() >= until:
                raise Unanswered(
                    "BEHIND",
                    f"node: the command is recorded, at position {position}, and the read models "
                    f"show what was recorded up to {behind.found}. Ask for it again.",
                ) from None
        await asyncio.sleep(AGAIN)
