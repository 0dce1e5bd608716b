"""Corrected answers in GraphQL: what was really answered, to whom, and would be another today.

From the log of looks, which keeps the questions of customs. Who asked what is confidential: a
customs hears of its own questions, the home customs of those about its own operators, an auditor
of all.
"""

from __future__ import annotations

from datetime import UTC, datetime

import strawberry

from api.access.policy import Action
from api.graphql import paging, positions
from api.graphql.as_of import AHEAD, EARLIEST
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.scalars import Json, Position
from api.graphql.types.divergences import From, Territory, To, diverged, events, shown
from api.graphql.types.events import Event
from projections.history import answered as reads
from projections.history.answered import Corrected, Given
from projections.reads.bitemporal_sql import POSITION
from projections.reads.events import EventRow
from projections.reads.operators import of_stream, visible
from registry.domain.values import AdministrationCode, Outcome, Tin

MOST = 1_000  # answers that one page looks at


@strawberry.type(description="An answer that was given to a customs, and would be another today.")
class CorrectedAnswer:
    tin: Tin
    in_: AdministrationCode = strawberry.field(
        name="in", description="The territory in which recognition was asked."
    )
    at: datetime = strawberry.field(description="The instant whose law was asked for.")
    asked_at: datetime = strawberry.field(
        description="When it was asked, and answered by what was known then."
    )
    asked_by: str = strawberry.field(description="The subject of the token that asked.")
    purpose: str | None = strawberry.field(description="What the asker said that it was for.")
    consignment: Json | None = strawberry.field(
        description="What was asked of a consignment: role, direction, hs, crossing, mode."
    )
    answered: Outcome = strawberry.field(description="What the asker was told.")
    correct: Outcome = strawberry.field(description="For the same question, as it is known now.")
    because: Event | None = strawberry.field(
        description="What was recorded later, by which it became known; null where no single event "
        "says it."
    )
    position: Position | None = strawberry.field(
        description="What was told rested on everything up to this position, at least."
    )


@strawberry.type(description="A corrected answer and its place in the list.")
class CorrectedAnswerEdge:
    cursor: str
    node: CorrectedAnswer


@strawberry.type(
    description="A page of corrected answers, in the order in which they were given. It may hold "
    "fewer than were asked for although more follow, because a page looks at only so many answers."
)
class CorrectedAnswerConnection:
    edges: list[CorrectedAnswerEdge]
    page_info: paging.PageInfo


@strawberry.type
class CorrectedAnswerQuery:
    @costs(50_000)
    @strawberry.field
    async def corrected_answers(
        self,
        info: Info,
        in_: Territory,
        from_: From,
        to: To,
        first: int | None = 50,
        after: str | None = None,
    ) -> CorrectedAnswerConnection:
        """What customs were really answered about the law of those days, and would be answered
        otherwise today. Questions for what had been known earlier still are left out."""
        context = info.context
        context.demand(Action.READ_LOOKS)
        size = paging.size(first)
        epoch, key = paging.after_in("correctedAnswers", after, (int, int))
        if from_ >= to:
            raise bad_input(f"to: found {to}, wanted an instant after `from`, {from_}")
        place = (int(key[0]), int(key[1])) if key else (0, 0)
        window = from_.astimezone(UTC), to.astimezone(UTC)
        found, last = await _page(context, in_, window, place, epoch)
        more = last is not None or len(found) > size
        if len(found) > size:
            found, last = found[:size], None
        because = await events(
            context, {corrected.because for corrected in found if corrected.because}
        )
        context.looked("correctedAnswers", sorted({corrected.given.tin for corrected in found}))
        edges = [
            CorrectedAnswerEdge(
                cursor=_cursor(context, corrected.given),
                node=_node(
                    corrected,
                    shown(context, Tin(corrected.given.tin), because[corrected.because])
                    if corrected.because
                    else None,
                ),
            )
            for corrected in found
        ]
        end = _cursor(context, last) if last else None
        return CorrectedAnswerConnection(
            edges=edges, page_info=paging.PageInfo.of(edges, more=more, after=after, end=end)
        )


async def _page(
    context: Context,
    territory: AdministrationCode,
    window: tuple[datetime, datetime],
    after: tuple[int, int],
    epoch: str | None,
) -> tuple[list[Corrected], Given | None]:
    """And, where not every answer was looked at, the last one that was."""
    asker, sight = context.asker, context.asker.sight
    members = sorted(code.text for code in asker.own)
    async with positions.of_epoch(context.ledger, epoch) as ledger:
        given = await reads.given(ledger, sight, members, territory, window, after, MOST)
    if not given:
        return [], None
    async with context.views.connection() as views:
        tins = sorted({each.tin for each in given})
        seen = await visible(views, sight, context.now, tins)
        row = await (await views.execute(f"select {POSITION}")).fetchone()
        kept = [each for each in given if each.tin in seen]
        found = await reads.corrected(views, territory, kept, row[0] if row else 0)
    return found, given[-1] if len(given) == MOST else None


async def reason_told(context: Context, row: EventRow) -> Event | None:
    """An operator's event as customs are told of it who may not read it: as the reason of a
    divergence, or of a corrected answer of their own. None where it is no such reason."""
    sight = context.asker.sight
    async with context.views.connection() as views:
        tin = await of_stream(views, sight, context.now, row.stream)
    if tin is None:
        return None
    for territory in sorted(context.asker.reach):
        if await diverged(context, territory, tin, row.position) or await _corrected(
            context, territory, tin, row.position
        ):
            context.looked("node", [tin])
            return shown(context, Tin(tin), row)
    return None


async def _corrected(
    context: Context, territory: AdministrationCode, tin: str, position: int
) -> bool:
    """Was an answer about this operator, of which the asker may hear, put right by this event?"""
    members = sorted(code.text for code in context.asker.own)
    window, after = (EARLIEST, context.now + AHEAD), (0, 0)
    while True:
        async with context.ledger.connection() as ledger:
            given = await reads.given(
                ledger, context.asker.sight, members, territory, window, after, MOST, tin
            )
        if not given:
            return False
        async with context.views.connection() as views:
            row = await (await views.execute(f"select {POSITION}")).fetchone()
            found = await reads.corrected(views, territory, given, row[0] if row else 0)
        if any(corrected.because == position for corrected in found):
            return True
        after = given[-1].number, given[-1].place


def _node(corrected: Corrected, because: Event | None) -> CorrectedAnswer:
    given = corrected.given
    return CorrectedAnswer(
        tin=Tin(given.tin),
        in_=AdministrationCode(given.territory),
        at=given.law_at,
        asked_at=given.asked_at,
        asked_by=given.asked_by,
        purpose=given.purpose,
        consignment=Json(given.consignment) if given.consignment else None,
        answered=Outcome(given.outcome),
        correct=corrected.correct,
        because=because,
        position=Position(given.position) if given.position else None,
    )


def _cursor(context: Context, given: Given) -> str:
    return paging.cursor_in(context.epoch, "correctedAnswers", [given.number, given.place])
