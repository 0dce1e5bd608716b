"""The GraphQL types and query of corrected answers: answers that were given and that today's record
changes.

They are found in the read log, which stores the questions of customs administrations. It is
confidential: an administration sees its own questions, the home customs those about its operators,
an auditor all.
"""

from __future__ import annotations

from datetime import UTC, datetime

import strawberry

from api.access.policy import Action, Resource
from api.graphql import paging, positions
from api.graphql.as_of import AHEAD, EARLIEST
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.scalars import Json, Position
from api.graphql.types.divergences import (
    From,
    Territory,
    To,
    disclosed_event,
    events,
    is_cause_of_divergence,
)
from api.graphql.types.events import Event
from projections.history import answered as reads
from projections.history.answered import CorrectedGivenAnswer, GivenAnswer
from projections.reads.bitemporal_sql import POSITION
from projections.reads.events import EventRow
from projections.reads.operators import of_stream, visible
from registry.domain.values import AdministrationCode, Outcome, Tin

MOST = 1_000  # the answers that one page examines


@strawberry.type
class CorrectedAnswer:
    """A corrected answer: an answer that was given to a customs administration and would be
    different by today's record."""

    tin: Tin
    in_: AdministrationCode = strawberry.field(
        name="in", description="The territory in which recognition was asked about, by its code."
    )
    at: datetime = strawberry.field(description="The instant of valid time that was asked about.")
    asked_at: datetime = strawberry.field(
        description="When the question was asked and answered (transaction time)."
    )
    asked_by: str = strawberry.field(
        description="The subject of the token with which it was asked."
    )
    purpose: str | None = strawberry.field(
        description="The purpose that the client stated (request header `Purpose`). Null: none."
    )
    consignment: Json | None = strawberry.field(
        description="The consignment that was asked about: an object with role, direction, hs, "
        "crossing and mode, as far as given. Null: none."
    )
    answered: Outcome = strawberry.field(description="The outcome that was answered.")
    correct: Outcome = strawberry.field(
        description="The outcome for the same question by today's record."
    )
    because: Event | None = strawberry.field(
        description="The later event that made the difference known. Null where no single event "
        "did."
    )
    position: Position | None = strawberry.field(
        description="The position up to which events were included in the answer, at least. Null: "
        "not on record."
    )


@strawberry.type
class CorrectedAnswerEdge:
    """A corrected answer and its cursor in the list."""

    cursor: str
    node: CorrectedAnswer


@strawberry.type
class CorrectedAnswerConnection:
    """A page of corrected answers, in the order in which they were given. A page can have fewer
    entries than `first` although more follow, because each page examines a limited number of
    answers: use `pageInfo.hasNextPage`."""

    edges: list[CorrectedAnswerEdge]
    page_info: paging.PageInfo


@strawberry.type
class CorrectedAnswerQuery:
    """The query for given answers that later knowledge corrected."""

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
        """The answers about an interval of valid time that customs administrations were really
        given and that today's record changes. An administration sees the answers to its own
        questions, the home customs those about its operators, an auditor all. Questions with an
        earlier `knownAt` than their own time are not included."""
        context = info.context
        context.demand(Action.READ_LOOKS)
        size = paging.size(first)
        epoch, key = paging.after_in("correctedAnswers", after, (int, int))
        if from_ >= to:
            raise bad_input(
                "to: found %(to)s, wanted an instant after `from`, %(start)s", to=to, start=from_
            )
        place = (int(key[0]), int(key[1])) if key else (0, 0)
        window = from_.astimezone(UTC), to.astimezone(UTC)
        found, last = await _page(context, in_, window, place, epoch)
        more = last is not None or len(found) > size
        if len(found) > size:
            found, last = found[:size], None
        known_events = await events(
            context, {corrected.event_position for corrected in found if corrected.event_position}
        )
        context.looked("correctedAnswers", sorted({corrected.given.tin for corrected in found}))
        edges = [
            CorrectedAnswerEdge(
                cursor=_cursor(context, corrected.given),
                node=_node(
                    corrected,
                    disclosed_event(
                        context, Tin(corrected.given.tin), known_events[corrected.event_position]
                    )
                    if corrected.event_position
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
) -> tuple[list[CorrectedGivenAnswer], GivenAnswer | None]:
    """The corrected answers among those that a page examines, and the last answer examined if not
    all were."""
    subject, visibility = context.subject, context.subject.visibility
    members = sorted(code.text for code in subject.own)
    async with positions.of_epoch(context.ledger, epoch) as ledger:
        given = await reads.given(ledger, visibility, members, territory, window, after, MOST)
    if not given:
        return [], None
    async with context.whole.connection() as views:
        tins = sorted({each.tin for each in given})
        seen = await visible(views, visibility, context.now, tins)
        row = await (await views.execute(f"select {POSITION}")).fetchone()
        visible_answers = [each for each in given if each.tin in seen]
        found = await reads.corrected(views, territory, visible_answers, row[0] if row else 0)
    return found, given[-1] if len(given) == MOST else None


async def event_as_cause(context: Context, row: EventRow) -> Event | None:
    """An operator's event as shown to a customs administration that may not read it: only if it is
    the cause of a divergence or of a corrected answer of its own. None otherwise."""
    visibility = context.subject.visibility
    async with context.views.connection() as views:
        tin = await of_stream(views, visibility, context.now, row.stream)
    if tin is None:
        return None
    for territory in sorted(context.subject.reach):
        if await is_cause_of_divergence(context, territory, tin, row.position) or await _corrected(
            context, territory, tin, row.position
        ):
            context.looked("node", [tin])
            return disclosed_event(context, Tin(tin), row)
    return None


async def _corrected(
    context: Context, territory: AdministrationCode, tin: str, position: int
) -> bool:
    """Whether this event corrected an answer about this operator that the subject may see."""
    members = sorted(code.text for code in context.subject.own)
    window, after = (EARLIEST, context.now + AHEAD), (0, 0)
    while True:
        async with context.ledger.connection() as ledger:
            given = await reads.given(
                ledger, context.subject.visibility, members, territory, window, after, MOST, tin
            )
        if not given:
            return False
        async with context.whole.connection() as views:
            row = await (await views.execute(f"select {POSITION}")).fetchone()
            found = await reads.corrected(views, territory, given, row[0] if row else 0)
        if any(corrected.event_position == position for corrected in found):
            return True
        after = given[-1].number, given[-1].place


async def corrected_by_change(
    context: Context, territory: AdministrationCode, tin: Tin, position: int
) -> list[CorrectedAnswer]:
    """The answers that the subject's administration was given about an operator and that the event
    at this position made different. None where it may not see the operator now."""
    if not context.may(Action.READ_LOOKS, Resource()):
        return []
    scope = context.subject.visibility
    async with (
        context.whole.connection() as views,
        context.ledger.connection() as ledger,
    ):
        if tin.text not in await visible(views, scope, context.now, [tin.text]):
            return []
        found = await reads.corrected_by(views, ledger, scope, territory, [tin.text], {position})
    known_events = await events(context, {position} if found else set())
    return [_node(each, disclosed_event(context, tin, known_events[position])) for each in found]


def _node(corrected: CorrectedGivenAnswer, cause: Event | None) -> CorrectedAnswer:
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
        because=cause,
        position=Position(given.position) if given.position else None,
    )


def _cursor(context: Context, given: GivenAnswer) -> str:
    return paging.cursor_in(context.epoch, "correctedAnswers", [given.number, given.place])
