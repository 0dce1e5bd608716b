"""The delta feed in GraphQL: what entered and what left the set that a territory recognises."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry

from api import paging, reasons
from api.access import Action, Resource
from api.administrations import zones
from api.context import Context, Info
from api.costs import costs
from api.reasons import Reason
from api.refusals import bad_input
from api.vocabulary import Position
from projections.reads import changes as reads
from projections.reads.changes import Change
from projections.reads.operators import visible
from registry.recognition import Question, recognise
from registry.values import AdministrationCode, Outcome, ReasonCode, Tin

MOST = 500  # operators' own events that one page looks at
CHUNK = 500  # operators whose past is read at once

Territory = Annotated[
    AdministrationCode,
    strawberry.argument(name="for", description="The territory that recognises."),
]
After = Annotated[
    Position,
    strawberry.argument(description="The `next` of the page before; 0 for everything."),
]


@strawberry.type(description="An operator entered the recognised set, or left it, from some day.")
class RecognitionChange:
    position: Position = strawberry.field(description="Of the event that made it so.")
    tin: Tin
    was: Outcome = strawberry.field(description="The answer for that day until this was recorded.")
    now: Outcome = strawberry.field(description="The answer for that day since.")
    effective_from: datetime = strawberry.field(
        description="The first instant, in law, that is answered otherwise."
    )
    change: strawberry.Private[Change]
    territory: strawberry.Private[AdministrationCode]

    @classmethod
    def of(cls, it: Change, territory: AdministrationCode) -> RecognitionChange:
        return cls(
            change=it,
            territory=territory,
            position=Position(it.position),
            tin=it.tin,
            was=it.was,
            now=it.now.outcome,
            effective_from=it.effective_from,
        )

    @strawberry.field
    async def reasons(self, info: Info) -> list[Reason]:
        """Why the new answer is what it is."""
        facts, asked = self.change.facts, Question(self.territory, self.effective_from)
        sides = reasons.parties(facts.links, facts.administration, self.territory)
        return reasons.why(facts, asked, self.change.now, await zones(info, sides))


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


@strawberry.type
class ChangeQuery:
    @costs(50_000)
    @strawberry.field
    async def changes(
        self, info: Info, for_: Territory, after: After, first: int | None = 100
    ) -> ChangePage:
        """What changed in the set recognised by this territory since a position."""
        info.context.demand(Action.FOLLOW_CHANGES, Resource(territory=for_))
        size = paging.size(first, default=100)
        async with info.context.views.connection() as connection:
            moves = await reads.moves(connection, for_, after, MOST)
            if after > moves.head:
                raise bad_input(f"after: found {after}, and the register goes up to {moves.head}")
            touched: dict[int, set[str]] = {place: set() for place in moves.homes}
            for place, tin in moves.operators:
                touched.setdefault(place, set()).add(tin)
            known = await reads.pasts(connection, for_, [tin for _, tin in moves.operators])
            found: list[Change] = []
            until = moves.until
            for place in sorted(touched):
                homes = moves.homes.get(place)
                moved = await reads.operators_of(connection, homes, place) if homes else ()
                wanted = sorted(touched[place].union(moved))
                missing = [tin for tin in wanted if tin not in known]
                for start in range(0, len(missing), CHUNK):
                    known |= await reads.pasts(connection, for_, missing[start : start + CHUNK])
                for number, tin in enumerate(wanted):
                    found += reads.differences(known[tin], for_, place)
                    if number % 50 == 49:
                        await asyncio.sleep(0)  # thousands of them must not keep others waiting
                if len(found) >= size:
                    until = place
                    break
            found = await _told(info.context, connection, found, known, for_)
        info.context.looked("changes", sorted({change.tin.text for change in found}))
        return ChangePage(
            changes=[RecognitionChange.of(change, for_) for change in found],
            next=Position(until),
            head=Position(moves.head),
        )


#: Why an operator is not for this territory to see, whatever its authorisation is worth.
UNSEEN = frozenset(
    {
        ReasonCode.NO_INFORMATION, ReasonCode.NO_AGREEMENT, ReasonCode.AGREEMENT_NOT_IMPLEMENTED,
        ReasonCode.AGREEMENT_SUSPENDED, ReasonCode.AGREEMENT_TERMINATED,
    }
)  # fmt: skip


async def _told(
    context: Context,
    connection: Any,
    found: list[Change],
    known: Mapping[str, reads.Past],
    territory: AdministrationCode,
) -> list[Change]:
    """Those that the asker may hear of. Of who is hidden today it hears how it came to be: whoever
    keeps the set must strike it out. What is recorded of it after that is not for its ears."""
    tins = sorted({it.tin.text for it in found})
    seen = await visible(connection, context.asker.sight, context.now, tins)
    today, told = Question(territory, context.now), []
    for number, it in enumerate(found):
        if it.tin.text not in seen:
            past = known[it.tin.text]
            before = recognise(past.at(it.position - 1), today)
            entered = recognise(past.at(it.position), today).outcome is Outcome.RECOGNISED
            if not entered and not UNSEEN.isdisjoint(before.reasons):
                continue
        told.append(it)
        if number % 50 == 49:
            await asyncio.sleep(0)
    return told
