"""Divergences in GraphQL: what a territory would have been answered on a day, whether it asked or
not, and would not be answered any more. What was really answered:
api/graphql/types/corrected_answers.py."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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
from api.graphql.types.events import REDACTED, Event, event_for
from projections.history import divergence_facts as reads
from projections.history.divergences import Between, Divergence, divergences
from projections.reads.events import EventRow, some
from registry.domain.bitemporal import NEVER_AT
from registry.domain.values import AdministrationCode, Outcome, Tin

MOST = 500  # operators that one page looks at
CHUNK = 200  # operators whose past is read at once
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)

Territory = Annotated[
    AdministrationCode,
    strawberry.argument(name="in", description="The territory that asked, or could have asked."),
]
From = Annotated[
    datetime, strawberry.argument(name="from", description="The first instant of law asked about.")
]
To = Annotated[
    datetime, strawberry.argument(description="The end of that time, exclusive; at most now.")
]


@strawberry.type(
    name="Divergence",
    description="What anybody would have been told on a day, by what was known then, and would be "
    "told otherwise today. Whether anybody asked is another question: `correctedAnswers`.",
)
class DivergenceNode:
    tin: Tin
    at: datetime = strawberry.field(
        description="The first instant, in law, that would have been answered so and is not any "
        "more."
    )
    answered: Outcome = strawberry.field(
        description="What would have been answered on that day itself, by what was known then."
    )
    correct: Outcome = strawberry.field(description="For that day, as it is known now.")
    because: Event = strawberry.field(description="What was recorded, by which it became known.")


@strawberry.type(description="A divergence and its place in the list.")
class DivergenceEdge:
    cursor: str
    node: DivergenceNode


@strawberry.type(
    description="A page of divergences, by operator and then by day. It may hold fewer than were "
    "asked for although more follow, because a page looks at only so many operators."
)
class DivergenceConnection:
    edges: list[DivergenceEdge]
    page_info: paging.PageInfo


@strawberry.type
class DivergenceQuery:
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
        """Which answers would have been different on those days, had today's record been known
        then: asked for or not."""
        context = info.context
        context.demand(Action.FOLLOW_CHANGES, Resource(territory=in_))
        size = paging.size(first)
        key = paging.after("divergences", after, (str, int))
        if from_ >= to:
            raise bad_input(f"to: found {to}, wanted an instant after `from`, {from_}")
        window = from_.astimezone(UTC), min(to.astimezone(UTC), context.now)
        found, until = await _page(context, in_, window, size, key)
        more = until is not None or len(found) > size
        found = found[:size]
        because = await events(context, {divergence.because for divergence in found})
        context.looked("divergences", sorted({divergence.tin.text for divergence in found}))
        edges = [
            DivergenceEdge(
                cursor=_cursor(divergence),
                node=DivergenceNode(
                    tin=divergence.tin,
                    at=divergence.at,
                    answered=divergence.answered,
                    correct=divergence.correct,
                    because=shown(context, divergence.tin, because[divergence.because]),
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
    window: Between,
    size: int,
    key: tuple[paging.Key, ...] | None,
) -> tuple[list[Divergence], str | None]:
    """One more than `size`, where there are so many; and, where not everybody was looked at, the
    last operator who was."""
    tin, place = (str(key[0]), int(key[1])) if key else ("", 0)
    found: list[Divergence] = []
    if window[0] >= window[1]:
        return found, None
    async with context.views.connection() as connection:
        laws = await reads.laws(connection, territory)
        tins = await reads.candidates(
            connection, context.asker.sight, context.now, laws, window, tin, MOST
        )
        for start in range(0, len(tins), CHUNK):
            for past in await reads.pasts(connection, laws, tins[start : start + CHUNK]):
                found += [
                    divergence
                    for divergence in divergences(past, territory, window)
                    if divergence.tin.text != tin or _micros(divergence.at) > place
                ]
            if len(found) > size:
                return found, None
            await asyncio.sleep(0)  # hundreds of them must not keep others waiting
    return found, tins[-1] if len(tins) == MOST else None


async def diverged(
    context: Context, territory: AdministrationCode, tin: str, position: int
) -> bool:
    """Is an event the reason of any divergence of this operator and territory?"""
    window = EARLIEST, context.now
    async with context.views.connection() as connection:
        laws = await reads.laws(connection, territory)
        pasts = await reads.pasts(connection, laws, [tin])
    return any(
        divergence.because == position
        for past in pasts
        for divergence in divergences(past, territory, window)
    )


async def events(context: Context, positions: set[int]) -> dict[int, EventRow]:
    if not positions:
        return {}
    async with context.ledger.connection() as connection:
        return {row.position: row for row in await some(connection, sorted(positions))}


def shown(context: Context, tin: Tin, row: EventRow) -> Event:
    """Public law is everybody's. Why the home customs decided is not for other customs, nor what
    exactly: only that, and when."""
    if not row.type.startswith("operator.") or context.may(Action.READ_EVENTS, operator(tin)):
        return event_for(context, row)
    event = Event.of(row)
    said: Mapping[str, object] = msgspec.json.decode(row.state)
    event.payload = Json(dict.fromkeys(said, REDACTED))
    event.legal_ground = REDACTED if row.legal_ground else None
    return event


def _cursor(divergence: Divergence) -> str:
    return paging.cursor("divergences", [divergence.tin.text, _micros(divergence.at)])


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _INSTANT
