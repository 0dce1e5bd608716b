"""The delta feed in GraphQL: what entered and what left the set that a territory recognises."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast

import strawberry

from api.access import policy
from api.access.policy import Action, Resource
from api.graphql import paging, positions
from api.graphql.context import Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.scalars import Position
from api.graphql.types import reasons
from api.graphql.types.administrations import zones
from api.graphql.types.operators import OperatorType, standing_now
from api.graphql.types.reasons import Reason
from api.graphql.types.recognition import RecognitionBasis
from projections.history import feed_pages as reads
from projections.history.feed import Change, CourseStretch
from projections.reads.bitemporal_sql import AsOf
from registry.domain.recognition import Question, RecognitionFacts, recognise, with_consent_reason
from registry.domain.values import AdministrationCode, Outcome, Tin

Territory = Annotated[
    AdministrationCode,
    strawberry.argument(name="for", description="The territory that recognises."),
]
After = Annotated[
    Position,
    strawberry.argument(description="The `next` of the page before; 0 for everything."),
]

Details = Annotated[
    bool,
    strawberry.argument(
        description="True: a change is also told where the answer stays and its bases become "
        "others (identifier, declaration box, benefits), or an operator's name, roles or "
        "identifiers do; a course is then cut where its bases change. For who keeps a list with "
        "them by this feed alone."
    ),
]
AfterEpoch = Annotated[
    str | None,
    strawberry.argument(
        description="The `epoch` of the page before: where the ledger is in another one, because "
        "it was restored from a copy, the answer is the error EPOCH, which says what to do. "
        "Without it the position alone counts."
    ),
]
Since = Annotated[
    datetime | None,
    strawberry.argument(
        description="The `at` of the page before. At the head of the feed, what became hidden "
        "since then, or is not any more, because a day came, is told as well; without it, it is "
        "told with the next event that is recorded."
    ),
]


@strawberry.type(description="A stretch of law over which one answer holds.")
class RecognitionStretch:
    from_: datetime = strawberry.field(name="from", description="From when, in law; inclusive.")
    to: datetime | None = strawberry.field(description="Exclusive; null: no end is known.")
    outcome: Outcome
    stretch: strawberry.Private[CourseStretch]
    territory: strawberry.Private[AdministrationCode]

    @costs(40, each=2)
    @strawberry.field
    def bases(self, info: Info) -> list[RecognitionBasis]:
        """What the answer rests on at the beginning of this stretch, with the identifier and where
        on the declaration it goes. Ask with `details`, and they are so all over the stretch."""
        answer = recognise(self.stretch.facts, Question(self.territory, self.from_))
        as_of = AsOf(self.from_, info.context.now, asked=True)
        return [RecognitionBasis.of(basis, as_of) for basis in answer.bases]

    @strawberry.field
    async def reasons(self, info: Info) -> list[Reason]:
        """Why the answer is what it is, at the beginning of this stretch."""
        return await _why(info, self.stretch.facts, self.territory, self.from_)


@strawberry.type(
    description="The answer for an operator takes another course. Whoever keeps, for each operator,"
    " the last course instead of what was kept for these instants, has the right answer for now and"
    " for every later day; an operator of which the feed says nothing is UNKNOWN, NO_INFORMATION."
)
class RecognitionChange:
    position: Position = strawberry.field(
        description="Of the event that changed the answer; where a day changed it, of the first"
        " event recorded after the day began."
    )
    tin: Tin
    was: Outcome = strawberry.field(
        description="What was told for `effectiveFrom` until then: UNKNOWN of an operator that was"
        " hidden from the asker."
    )
    now: Outcome = strawberry.field(
        description="What is told for `effectiveFrom` from this change on."
    )
    effective_from: datetime = strawberry.field(
        description="The first instant, in law, that is answered otherwise: by another outcome, or"
        " for other reasons."
    )
    change: strawberry.Private[Change]

    @classmethod
    def of(cls, change: Change) -> RecognitionChange:
        return cls(
            change=change,
            position=Position(change.position),
            tin=change.tin,
            was=change.was,
            now=change.now,
            effective_from=change.effective_from,
        )

    @strawberry.field
    async def reasons(self, info: Info) -> list[Reason]:
        """Why the new answer is what it is, at `effectiveFrom`."""
        change, first = self.change, self.effective_from
        hidden = change.hidden_from is not None and first >= change.hidden_from
        facts = RecognitionFacts(None) if hidden else change.facts
        return await _why(info, facts, change.territory, first)

    @costs(50, each=2)
    @strawberry.field
    def course(self) -> list[RecognitionStretch]:
        """The answer from `effectiveFrom` on, stretch by stretch, the last one open: what to keep
        instead of what was kept for these instants."""
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

    @costs(60)
    @strawberry.field
    async def operator(self, info: Info) -> OperatorType | None:
        """As it stands now; null where the asker may not see it, or may not any more."""
        return await standing_now(info, self.tin)


async def _why(
    info: Info, facts: RecognitionFacts, territory: AdministrationCode, at: datetime
) -> list[Reason]:
    asked = Question(territory, at)
    sides = reasons.parties(facts.links, facts.administration, territory)
    answer = recognise(facts, asked)
    all_of_it = bool(facts.tin) and info.context.may(
        Action.READ_IN_FULL, policy.operator(cast(Tin, facts.tin))
    )
    if all_of_it:
        answer = with_consent_reason(answer, facts)
    return reasons.why(facts, asked, answer, await zones(info, sides), all_of_it=all_of_it)


@strawberry.type(
    description="Changes in the order of their positions. A page may be empty although more "
    "follows, and longer than asked: it never splits what one event changed."
)
class ChangePage:
    changes: list[RecognitionChange]
    next: Position = strawberry.field(description="What to give as `after` for the next page.")
    head: Position = strawberry.field(
        description="How far the register is projected; equal to `next`: nothing follows yet."
    )
    epoch: str = strawberry.field(
        description="The epoch of the ledger that these positions are of: what to give as `epoch` "
        "for the next page."
    )
    at: datetime = strawberry.field(
        description="When this page was answered: what to give as `since` for the next one."
    )


@strawberry.type
class ChangeQuery:
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
        """What changed in the set recognised by this territory since a position."""
        context = info.context
        context.demand(Action.FOLLOW_CHANGES, Resource(territory=for_))
        size = paging.size(first, default=100)
        async with (
            positions.of_epoch(context.views, epoch) as views,
            positions.of_epoch(context.ledger, epoch) as ledger,
        ):
            state = positions.State.read(await positions.state(views))
            page = await reads.page(
                views,
                ledger,
                context.asker.sight,
                for_,
                after,
                size,
                context.now,
                since=since,
                details=details,
            )
        if after > page.head:
            raise bad_input(f"after: found {after}, and the register goes up to {page.head}")
        context.looked("changes", sorted({change.tin.text for change in page.changes}))
        return ChangePage(
            changes=[RecognitionChange.of(change) for change in page.changes],
            next=Position(page.next),
            head=Position(page.head),
            epoch=state.epoch,
            at=context.now,
        )
