"""The GraphQL types and query of divergences between past answers and today's record.

A divergence is an answer that a territory would have received on a day, whether it asked or not,
and that today's record changes. The answers that were really given are in
api/graphql/types/corrected_answers.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import strawberry

from api.access.policy import Action, Resource, operator
from api.graphql import paging
from api.graphql.as_of import EARLIEST
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.scalars import Json
from api.graphql.types.events import REDACTED, Event, event_for, readable
from projections.history.belief_history import TimeInterval
from projections.history.belief_history_sql import law_history, operator_beliefs
from projections.history.divergence_candidates import candidates
from projections.history.divergences import Divergence, divergences
from projections.reads.events import EventRow, some
from registry.domain.bitemporal import NEVER_AT
from registry.domain.values import AdministrationCode, Outcome, Tin

MOST = 500  # the operators that one page examines
CHUNK = 200  # the operators whose history is read with one statement
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)

Territory = Annotated[
    AdministrationCode,
    strawberry.argument(
        name="in", description="The territory that asked, or could have asked, by its code."
    ),
]
From = Annotated[
    datetime,
    strawberry.argument(
        name="from", description="The beginning of the interval of valid time, inclusive."
    ),
]
To = Annotated[
    datetime,
    strawberry.argument(
        description="The end of the interval of valid time, exclusive, at most now."
    ),
]


@strawberry.type(name="Divergence")
class DivergenceNode:
    """A divergence: an answer that would have been given on a day, by what was known then, and that
    would be different by today's record. The query `correctedAnswers` has the answers that were
    really given."""

    tin: Tin
    at: datetime = strawberry.field(
        description="The first instant of valid time whose answer diverges."
    )
    answered: Outcome = strawberry.field(
        description="The outcome that would have been answered on that day, by what was known then."
    )
    correct: Outcome = strawberry.field(description="The outcome for that day by today's record.")
    because: Event = strawberry.field(
        description="The event that made the difference known. For "
        "subjects who may not read the operator's events its payload is REDACTED."
    )


@strawberry.type
class DivergenceEdge:
    """A divergence and its cursor in the list."""

    cursor: str
    node: DivergenceNode


@strawberry.type
class DivergenceConnection:
    """A page of divergences, ordered by operator and then by day. A page can have fewer entries
    than `first` although more follow, because each page examines a limited number of operators: use
    `pageInfo.hasNextPage`."""

    edges: list[DivergenceEdge]
    page_info: paging.PageInfo


@strawberry.type
class DivergenceQuery:
    """The query for days whose answer later knowledge corrected."""

    @costs(50_000)
    @strawberry.field
    async def divergences(
        self,
        info: Info,
        in_: Territory,
        from_: From,
        to: To,
        first: int | None = 50,
        after: str | None = None,
    ) -> DivergenceConnection:
        """The answers about an interval of valid time that would have been different if today's
        record had been known then, whether they were asked for or not. Only the customs of that
        territory and auditors may read them; others get the error FORBIDDEN."""
        context = info.context
        context.demand(Action.FOLLOW_CHANGES, Resource(territory=in_))
        size = paging.size(first)
        key = paging.after("divergences", after, (str, int))
        if from_ >= to:
            raise bad_input(
                "to: found %(to)s, wanted an instant after `from`, %(start)s", to=to, start=from_
            )
        window = from_.astimezone(UTC), min(to.astimezone(UTC), context.now)
        found, until = await _page(context, in_, window, size, key)
        more = until is not None or len(found) > size
        found = found[:size]
        causes = await events(context, {divergence.event_position for divergence in found})
        context.looked("divergences", sorted({divergence.tin.text for divergence in found}))
        edges = [
            DivergenceEdge(
                cursor=_cursor(divergence),
                node=DivergenceNode(
                    tin=divergence.tin,
                    at=divergence.at,
                    answered=divergence.answered,
                    correct=divergence.correct,
                    because=disclosed_event(
                        context, divergence.tin, causes[divergence.event_position]
                    ),
                ),
            )
            for divergence in found
        ]
        end = None
        if until is not None and len(found) < size:
            end = paging.cursor("divergences", [until, _micros(NEVER_AT)])
        return DivergenceConnection(
            edges=edges, page_info=paging.PageInfo.of(edges, more=more, after=after, end=end)
        )


async def _page(
    context: Context,
    territory: AdministrationCode,
    window: TimeInterval,
    size: int,
    key: tuple[paging.Key, ...] | None,
) -> tuple[list[Divergence], str | None]:
    """The divergences of a page, one more than `size` if there are that many, and the TIN of the
    last operator examined if not all were."""
    tin, place = (str(key[0]), int(key[1])) if key else ("", 0)
    found: list[Divergence] = []
    if window[0] >= window[1]:
        return found, None
    async with context.whole.connection() as connection:
        law = await law_history(connection, territory)
        tins = await candidates(
            connection, context.subject.visibility, context.now, law, window, tin, MOST
        )
        for start in range(0, len(tins), CHUNK):
            chunk = await operator_beliefs(connection, law, tins[start : start + CHUNK])
            for beliefs in chunk.values():
                found += [
                    divergence
                    for divergence in divergences(beliefs, territory, window)
                    if divergence.tin.text != tin or _micros(divergence.at) > place
                ]
            if len(found) > size:
                return found, None
            await asyncio.sleep(0)  # lets other requests run between two chunks
    return found, tins[-1] if len(tins) == MOST else None


async def is_cause_of_divergence(
    context: Context, territory: AdministrationCode, tin: str, position: int
) -> bool:
    """Whether an event is the cause of a divergence for this operator and territory."""
    window = EARLIEST, context.now
    async with context.whole.connection() as connection:
        law = await law_history(connection, territory)
        operators = await operator_beliefs(connection, law, [tin])
    return any(
        divergence.event_position == position
        for beliefs in operators.values()
        for divergence in divergences(beliefs, territory, window)
    )


async def events(context: Context, positions: set[int]) -> dict[int, EventRow]:
    """The events at these positions, by position."""
    if not positions:
        return {}
    async with context.ledger.connection() as connection:
        found = await some(connection, sorted(positions), readable(context.subject))
        return {row.position: row for row in found}


def disclosed_event(context: Context, tin: Tin, row: EventRow) -> Event:
    """An event as shown to a subject that may not read the operator's events: its payload and
    ground are REDACTED, its type and dates are shown. Events of the public law are shown in
    full."""
    if not row.type.startswith("operator.") or context.may(Action.READ_EVENTS, operator(tin)):
        return event_for(context, row)
    event = Event.of(replace(row, version=0))  # a version would count what is not shown
    payload: Mapping[str, object] = msgspec.json.decode(row.state)
    event.payload = Json(dict.fromkeys(payload, REDACTED))
    event.legal_ground = REDACTED if row.legal_ground else None
    return event


def _cursor(divergence: Divergence) -> str:
    return paging.cursor("divergences", [divergence.tin.text, _micros(divergence.at)])


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _INSTANT
