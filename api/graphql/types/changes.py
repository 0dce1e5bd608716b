"""The GraphQL types and query of the change feed: the recognition answers that changed for a
territory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, cast

import strawberry

from api.access import policy
from api.access.partner_readings import ReadingWay
from api.access.policy import Action, Resource
from api.graphql import paging, positions
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.scalars import Position
from api.graphql.streamed_batches import (
    StreamedBatch,
    StreamedChange,
    StreamKey,
    streamed_changes,
)
from api.graphql.subscriber_looks import SubscriberLooks
from api.graphql.types import reasons
from api.graphql.types.administrations import zones
from api.graphql.types.corrected_answers import CorrectedAnswer, corrected_by_change
from api.graphql.types.operators import OperatorType, current_operator
from api.graphql.types.reasons import Reason
from api.graphql.types.recognition import RecognitionBasis
from projections.history import feed_pages as reads
from projections.history.feed import Change, CourseInterval
from projections.reads.bitemporal_sql import AsOf
from registry.domain.recognition import Question, RecognitionFacts, recognise, with_consent_reason
from registry.domain.values import AdministrationCode, Outcome, Tin

Territory = Annotated[
    AdministrationCode,
    strawberry.argument(name="for", description="The territory that recognises, by its code."),
]
After = Annotated[
    Position,
    strawberry.argument(
        description="The `next` of the previous page; 0 begins with the first change."
    ),
]

Following = Annotated[
    Position | None,
    strawberry.argument(
        name="after",
        description="The `next` of the last change that was received; 0 begins with the first "
        "change of the feed. Null: from now on.",
    ),
]
Details = Annotated[
    bool,
    strawberry.argument(
        description="True: also include changes in which the outcome stays the same but its bases "
        "change (identifier, declaration box, benefits) or the operator's name, roles or "
        "identifiers change; `course` then has an interval for each set of bases. Use it to "
        "maintain a list with these fields from this feed alone."
    ),
]
AfterEpoch = Annotated[
    str | None,
    strawberry.argument(
        description="The `epoch` of the previous page. If the ledger is in another epoch, because "
        "it was restored from a backup, the error EPOCH is returned, which says what to do. Null: "
        "the epoch is not checked."
    ),
]
Since = Annotated[
    datetime | None,
    strawberry.argument(
        description="The `at` of the previous page. At the head of the feed the page then also "
        "includes operators that became visible or hidden to you since then because a day began. "
        "Null: such changes are included with the next recorded event."
    ),
]


@strawberry.type
class RecognitionStretch:
    """An interval of valid time over which one recognition answer holds."""

    from_: datetime = strawberry.field(
        name="from", description="The beginning of the interval in valid time, inclusive."
    )
    to: datetime | None = strawberry.field(
        description="The end of the interval in valid time, exclusive. Null: no end is known."
    )
    outcome: Outcome
    stretch: strawberry.Private[CourseInterval]
    territory: strawberry.Private[AdministrationCode]

    @costs(40, each=2)
    @strawberry.field
    def bases(self, info: Info) -> list[RecognitionBasis]:
        """The bases of the answer at the beginning of the interval, with the identifier and its
        place on the declaration. With `details: true` they hold over the whole interval."""
        answer = recognise(self.stretch.facts, Question(self.territory, self.from_))
        as_of = AsOf(self.from_, info.context.now, asked=True)
        return [RecognitionBasis.of(basis, as_of) for basis in answer.bases]

    @strawberry.field
    async def reasons(self, info: Info) -> list[Reason]:
        """The reasons for the outcome at the beginning of the interval."""
        return await _why(info, self.stretch.facts, self.territory, self.from_)


@strawberry.type
class RecognitionChange:
    """A change of the recognition answers for one operator. To maintain a local copy, store for
    each operator the last `course` in place of what was stored from `effectiveFrom` on: the copy
    then has the right answer for now and for every later day. An operator that is not in the feed
    has the answer UNKNOWN with the reason NO_INFORMATION."""

    position: Position = strawberry.field(
        description="The position of the event that changed the answer. Where the beginning of a "
        "day changed it: the position of the first event recorded after that."
    )
    tin: Tin
    was: Outcome = strawberry.field(
        description="The outcome at `effectiveFrom` before this change. It is UNKNOWN for an "
        "operator that was hidden from the subject."
    )
    now: Outcome = strawberry.field(description="The outcome at `effectiveFrom` after this change.")
    effective_from: datetime = strawberry.field(
        description="The first instant of valid time at which the outcome or its reasons change."
    )
    next: Position = strawberry.field(
        description="The position to pass as `after` in order to go on after this change. Where "
        "one event changed the answers for several operators, it leads past that event only with "
        "the last of them."
    )
    epoch: str = strawberry.field(
        description="The epoch of the ledger to which `position` and `next` belong. Pass it as "
        "`epoch` beside `after`."
    )
    change: strawberry.Private[Change]
    streamed: strawberry.Private[StreamedChange]

    @classmethod
    def of(cls, streamed: StreamedChange) -> RecognitionChange:
        """The change as a GraphQL object."""
        change = streamed.change
        return cls(
            change=change,
            streamed=streamed,
            next=Position(streamed.next),
            epoch=streamed.epoch,
            position=Position(change.position),
            tin=change.tin,
            was=change.was,
            now=change.now,
            effective_from=change.effective_from,
        )

    @strawberry.field
    async def reasons(self, info: Info) -> list[Reason]:
        """The reasons for the new outcome, at `effectiveFrom`."""
        change, first = self.change, self.effective_from
        hidden = change.hidden_from is not None and first >= change.hidden_from
        facts = change.hidden_facts if hidden else change.facts
        return await _why(info, facts, change.territory, first)

    @costs(50, each=2)
    @strawberry.field
    def course(self) -> list[RecognitionStretch]:
        """The answers from `effectiveFrom` on, as intervals of valid time without gaps; the last
        one has no end. Store them in place of what was stored for these instants."""
        return [
            RecognitionStretch(
                from_=each.from_,
                to=each.to,
                outcome=each.verdict.outcome,
                stretch=each,
                territory=self.change.territory,
            )
            for each in self.change.course()
        ]

    @costs(200, each=1)
    @strawberry.field
    async def corrected_answers(self, info: Info) -> list[CorrectedAnswer]:
        """The answers that the subject's administration was given earlier and that this change
        makes different: what was answered, and what is right by today's record. For an auditor,
        those of every administration."""
        change = self.change
        return await corrected_by_change(info.context, change.territory, change.tin, self.position)

    @costs(60)
    @strawberry.field
    async def operator(self, info: Info) -> OperatorType | None:
        """The operator as it stands now. Null where the subject may not see it, or no longer."""
        return await current_operator(info, self.tin)


async def _why(
    info: Info, facts: RecognitionFacts, territory: AdministrationCode, at: datetime
) -> list[Reason]:
    """The reasons for the outcome that these facts give in the territory at an instant."""
    asked = Question(territory, at)
    sides = reasons.parties(facts.links, facts.administration, territory)
    answer = recognise(facts, asked)
    all_of_it = bool(facts.tin) and info.context.may(
        Action.READ_IN_FULL, policy.operator(cast(Tin, facts.tin))
    )
    if all_of_it:
        answer = with_consent_reason(answer, facts)
    return reasons.recognition_reasons(
        facts, asked, answer, await zones(info, sides), all_of_it=all_of_it
    )


@strawberry.type
class ChangePage:
    """A page of the change feed, in the order of positions. A page can be empty although more
    follows, and longer than `first`, because it never splits the changes of one event."""

    changes: list[RecognitionChange]
    next: Position = strawberry.field(
        description="The position to pass as `after` for the next page."
    )
    head: Position = strawberry.field(
        description="The position up to which events are projected. If it equals `next`, nothing "
        "follows yet."
    )
    epoch: str = strawberry.field(
        description="The epoch of the ledger to which these positions belong. Pass it as `epoch` "
        "for the next page."
    )
    at: datetime = strawberry.field(
        description="When this page was answered. Pass it as `since` for the next page."
    )


@strawberry.type
class ChangeQuery:
    """The query for the change feed."""

    @costs(50_000)
    @strawberry.field
    async def changes(
        self,
        info: Info,
        for_: Territory,
        after: After,
        first: int | None = 100,
        since: Since = None,
        epoch: AfterEpoch = None,
        details: Details = False,
    ) -> ChangePage:
        """The recognition answers that changed for this territory after a position. Only the
        customs of that territory and auditors may read them; others get the error FORBIDDEN."""
        context = info.context
        context.demand(Action.FOLLOW_CHANGES, Resource(territory=for_))
        size = paging.size(first, default=100)
        async with (
            positions.of_epoch(context.whole, epoch) as views,
            positions.of_epoch(context.ledger, epoch) as ledger,
        ):
            state = positions.State.read(await positions.state(views))
            page = await reads.page(
                views,
                ledger,
                context.subject.visibility,
                for_,
                after,
                size,
                context.now,
                since=since,
                details=details,
            )
        if after > page.head:
            raise bad_input(
                "after: found %(after)s, and the register goes up to %(head)s",
                after=after,
                head=page.head,
            )
        context.read_log.reached(context.subject, ReadingWay.CHANGES, page.next)
        context.looked("changes", sorted({change.tin.text for change in page.changes}))
        return ChangePage(
            changes=[
                RecognitionChange.of(streamed)
                for streamed in streamed_changes(page.changes, state.epoch)
            ],
            next=Position(page.next),
            head=Position(page.head),
            epoch=state.epoch,
            at=context.now,
        )


@strawberry.type
class Subscription:
    """The subscriptions: what is told as it becomes known. They are sent over WebSocket (the
    protocol graphql-transport-ws) or as server-sent events (GraphQL over SSE, distinct
    connections)."""

    @costs(50_000)
    @strawberry.subscription
    async def recognition_changed(
        self,
        info: Info,
        for_: Territory,
        after: Following = None,
        epoch: AfterEpoch = None,
        details: Details = False,
    ) -> AsyncGenerator[RecognitionChange, None]:
        """Each change of the recognition answers for this territory, as it becomes known: the same
        as the query `changes` returns, for the same subjects. A connection that ended is taken up
        again with `next` and `epoch` of the last change, and nothing is lost. A cursor of another
        epoch gets the error EPOCH, one after the last position BAD_INPUT."""
        context = info.context
        resumed = context.resumed
        if resumed:
            epoch, after = resumed.epoch, Position(resumed.position)
        context.demand(Action.FOLLOW_CHANGES, Resource(territory=for_))
        async with positions.of_epoch(context.views, epoch) as views:
            state = positions.State.read(await positions.state(views))
        if after is not None and after > state.position:
            raise bad_input(
                "after: found %(after)s, and the register goes up to %(head)s",
                after=after,
                head=state.position,
            )
        key = StreamKey(context.subject.visibility, for_, details, state.epoch)
        return cast(AsyncGenerator[RecognitionChange, None], FollowedChanges(context, key, after))


class FollowedChanges:
    """What a subscriber is told, with its entries in the read log.

    GraphQL iterates over changes one by one. `batches` are the same changes as they become known
    together; their answers are shared by many subscribers (api/graphql/subscriptions.py).
    """

    def __init__(self, context: Context, key: StreamKey, after: int | None) -> None:
        self._context, self._key, self._after = context, key, after

    async def __aiter__(self) -> AsyncGenerator[RecognitionChange, None]:
        async with aclosing(self.batches()) as batches:
            async for batch in batches:
                for streamed in batch.changes:
                    yield RecognitionChange.of(streamed)

    async def batches(self) -> AsyncGenerator[StreamedBatch, None]:
        """The changes, batch by batch. What was told is in the read log a moment later, and once
        the subscription ends."""
        context = self._context
        assert context.stream is not None
        looks = SubscriberLooks(context, "recognitionChanged")
        batches = context.stream.follow(self._key, context.subject.actor, self._after)
        async with aclosing(batches):
            try:
                async for batch in batches:
                    looks.add(batch.tins)
                    yield batch
            finally:
                looks.write()
