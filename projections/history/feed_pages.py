"""The pages of the feed: where something moved since a position, and what the asker is told of it.

An answer may become another at the position of an event, and, because the asker may see an
operator or may not, when an instant passes: that is told at the first event recorded after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from projections.history.belief_history import Past
from projections.history.change_facts import (
    Connection,
    LawHistory,
    law,
    moves,
    operators_of,
    pasts,
    with_particulars,
)
from projections.history.feed import Change, FeedStep, change, renewed
from projections.reads.visibility import VisibilityScope
from registry.domain.values import AdministrationCode

CHUNK = 500  # operators whose past is read at once
_INSTANT = timedelta(microseconds=1)


# ---------------------------------------------------------------------- time


async def _recorded(ledger: Connection, positions: Collection[int]) -> dict[int, datetime]:
    """When the events at these positions were recorded, in UTC."""
    statement = "select position, recorded_at from ledger.event where position = any(%s)"
    async with ledger.cursor() as cursor:
        await cursor.execute(statement, [sorted(positions)])
        return dict(await cursor.fetchall())


async def _first_after(ledger: Connection, instants: Iterable[datetime]) -> dict[datetime, int]:
    """The position of the first event recorded at each of these instants or later."""
    statement = "select i, ledger.position_before(i) + 1 from unnest(%s::timestamptz[]) i"
    async with ledger.cursor() as cursor:
        await cursor.execute(statement, [sorted(instants)])
        return dict(await cursor.fetchall())


#: Consents that begin or end after they were told, in a stretch of time.
_CONSENTS = """
select c.tin, c.edge from (
    select c.tin, c.valid_from as edge from views.consent c
    where c.valid_from > c.recorded_from
        and c.valid_from > %(after)s and c.valid_from <= %(until)s
    union
    select c.tin, c.valid_to from views.consent c
    where c.valid_to > c.recorded_from and c.valid_to > %(after)s and c.valid_to <= %(until)s
) c join views.operator o on o.tin = c.tin
where o.administration = any(%(homes)s::text[])
    and (%(only)s::text[] is null or c.tin = any(%(only)s))"""


#: Particulars and identifiers that begin or end after they were told, in the same way.
_PARTICULARS = """
select t.tin, t.edge from (
    select p.tin, p.valid_from as edge from views.particulars p
    where p.valid_from > p.recorded_from
        and p.valid_from > %(after)s and p.valid_from <= %(until)s
    union
    select i.tin, i.valid_from from views.identifier i
    where i.valid_from > i.recorded_from
        and i.valid_from > %(after)s and i.valid_from <= %(until)s
    union
    select i.tin, i.valid_to from views.identifier i
    where i.valid_to > i.recorded_from and i.valid_to > %(after)s and i.valid_to <= %(until)s
) t join views.operator o on o.tin = t.tin
where o.administration = any(%(homes)s::text[])
    and (%(only)s::text[] is null or t.tin = any(%(only)s))"""


async def _due(
    views: Connection,
    ledger: Connection,
    laws: LawHistory,
    between: tuple[datetime, datetime],
    only: Sequence[str] | None,
    place: int | None = None,
) -> dict[int, set[str]]:
    """Whose particulars became others in (after, until] because time passed, by the place of the
    first event recorded since, or, where a place is given, there."""
    parameters = {
        "after": between[0],
        "until": between[1],
        "homes": sorted(laws.homes()),
        "only": list(only) if only else None,
    }
    async with views.cursor() as cursor:
        await cursor.execute(_PARTICULARS, parameters)
        rows = await cursor.fetchall()
    places = await _first_after(ledger, {edge for _, edge in rows}) if place is None else {}
    found: dict[int, set[str]] = {}
    for tin, edge in rows:
        found.setdefault(places.get(edge, place or 0), set()).add(tin)
    return found


@dataclass
class _Passing:
    """Where the asker may see operators, or may not any more, because time passed."""

    operators: dict[int, set[str]] = field(default_factory=dict)
    homes: dict[int, set[str]] = field(default_factory=dict)


async def _passing(
    views: Connection,
    ledger: Connection,
    sight: VisibilityScope,
    laws: LawHistory,
    between: tuple[datetime, datetime],
    only: Sequence[str] | None,
    place: int | None = None,
) -> _Passing:
    """What passes in (after, until], at the places of the first events recorded since, or, where a
    place is given, there."""
    found = _Passing()
    if sight.role == "auditor":
        return found
    after, until = between
    homes = laws.homes()
    consents: list[tuple[str, datetime]] = []
    async with views.cursor() as cursor:
        await cursor.execute(
            _CONSENTS,
            {
                "after": after,
                "until": until,
                "homes": sorted(homes),
                "only": list(only) if only else None,
            },
        )
        consents = await cursor.fetchall()
    edges = laws.edges(after, until)
    places: dict[datetime, int] = {}
    if place is None:
        places = await _first_after(ledger, edges | {edge for _, edge in consents})
    for tin, edge in consents:
        found.operators.setdefault(places.get(edge, place or 0), set()).add(tin)
    asker = AdministrationCode(sight.administration or "")
    for edge in edges:
        position = places.get(edge, place or 0)
        before = position - 1 if place is None else position
        for home in homes:
            code, way = AdministrationCode(home), laws.way(home)
            if way.opened(code, asker, before, edge) != way.opened(
                code, asker, before, edge - _INSTANT
            ):
                found.homes.setdefault(position, set()).add(home)
    return found


# --------------------------------------------------------------------- pages


@dataclass(frozen=True)
class FeedPage:
    """Changes in the order of their positions. `next`: the position up to which all was looked at;
    `head`: the one up to which the read models are projected."""

    changes: list[Change]
    next: int
    head: int


async def page(
    views: Connection,
    ledger: Connection,
    sight: VisibilityScope,
    territory: AdministrationCode,
    after: int,
    size: int,
    now: datetime,
    only: Sequence[str] | None = None,
    since: datetime | None = None,
    *,
    details: bool = False,
) -> FeedPage:
    """What the asker is told of a territory's answers since a position. `details`: also where only
    the bases of an answer, or the particulars of an operator, became others.

    At least `size` changes, where there are so many: a page never splits what one event changed.
    `now`: the instant of the request, in UTC. `only`: the operators that are looked at, by TIN.
    `since`: the instant up to which the asker was told already what time alone has changed.
    """
    moved = await moves(views, territory, after, only)
    anew: dict[int, set[str]] = {}
    if details:
        moved, anew = await with_particulars(views, territory, after, moved, only)
    at_head = moved.until == moved.head == after and since is not None
    if moved.until <= after and not at_head:
        return FeedPage([], max(after, moved.until), moved.head)
    into = await law(views, territory)
    own = sight.administration
    seeing = into if own in (None, territory.text) else await law(views, AdministrationCode(own))
    ends = await _recorded(ledger, {max(after, 1), moved.until})
    between = ends[max(after, 1)], ends[moved.until]
    passing = await _passing(views, ledger, sight, seeing, between, only)
    if details:
        for place, tins in (await _due(views, ledger, into, between, only)).items():
            anew.setdefault(place, set()).update(tins)
    places = {*moved.operators, *moved.homes, *passing.operators, *passing.homes, *anew}
    clocks = await _recorded(ledger, {place - n for place in places for n in (0, 1)})
    feed = _Feed(views, into, seeing, sight, only, details)
    await feed.read(
        tin
        for each in (moved.operators, passing.operators, anew)
        for tins in each.values()
        for tin in tins
    )
    for place in sorted(places):
        at = clocks[place]
        step = FeedStep(place, place - 1, clocks.get(place - 1, at), at)
        homes = moved.homes.get(place, set()) | passing.homes.get(place, set())
        tins = moved.operators.get(place, set()) | passing.operators.get(place, set())
        await feed.tell(step, tins, homes, anew.get(place, ()))
        if len(feed.found) >= size:
            return FeedPage(feed.found, place, moved.head)
    if moved.until == moved.head:
        # What passed since the last event is told with it; later, with the event that follows, or
        # to whoever says when it asked last.
        last = max(ends[moved.until], since) if at_head and since else ends[moved.until]
        passing = await _passing(views, ledger, sight, seeing, (last, now), only, moved.head)
        step = FeedStep(moved.head, moved.head, last, now)
        place = moved.head
        due = await _due(views, ledger, into, (last, now), only, place) if details else {}
        await feed.tell(
            step,
            passing.operators.get(place, ()),
            passing.homes.get(place, ()),
            due.get(place, ()),
        )
    return FeedPage(feed.found, moved.until, moved.head)


@dataclass
class _Feed:
    """A page in the making, with the pasts that were read for it."""

    views: Connection
    into: LawHistory
    seeing: LawHistory
    sight: VisibilityScope
    only: Sequence[str] | None
    details: bool = False
    found: list[Change] = field(default_factory=list)
    known: dict[str, Past] = field(default_factory=dict)
    whole: bool = False

    def home(self, tin: str) -> str:
        return self.known[tin].administration.text

    async def chosen(self) -> set[str]:
        """Those of the operators that are looked at alone who are in the register."""
        missing = sorted(set(self.only or ()) - self.known.keys())
        if missing and not self.whole:
            self.known |= await pasts(self.views, self.into, self.seeing, missing)
            self.whole = True
        return set(self.only or ()) & self.known.keys()

    async def read(self, tins: Iterable[str]) -> None:
        """The pasts of these operators, where they are not there yet."""
        missing = sorted(set(tins) - self.known.keys())
        for start in range(0, len(missing), CHUNK):
            self.known |= await pasts(
                self.views, self.into, self.seeing, missing[start : start + CHUNK]
            )

    async def tell(
        self,
        step: FeedStep,
        tins: Collection[str],
        homes: Collection[str],
        particulars: Collection[str] = (),
    ) -> None:
        """`particulars`: the operators whose particulars moved."""
        wanted = {*tins, *particulars}
        if homes and self.only is None:
            wanted.update(await operators_of(self.views, homes, step.position))
        elif homes:
            wanted.update(tin for tin in await self.chosen() if self.home(tin) in homes)
        await self.read(wanted)
        for number, tin in enumerate(sorted(wanted)):
            past, territory = self.known[tin], self.into.territory
            told = change(past, territory, step, self.sight, details=self.details)
            if not told and tin in particulars:
                told = renewed(past, territory, step, self.sight)
            if told:
                self.found.append(told)
            if number % 50 == 49:
                await asyncio.sleep(0)  # thousands of them must not keep others waiting
