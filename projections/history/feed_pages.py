"""Pages of the change feed: where something changed since a position, and what the subject is
shown.

A result may change at the position of an event. It may also change when an instant passes, because
the subject may then see an operator, or no longer; that is shown at the first event recorded after
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from projections.history.belief_history import OperatorBeliefs
from projections.history.belief_history_sql import (
    Connection,
    LawHistory,
    law_history,
    operator_beliefs,
)
from projections.history.changed_positions import changes_after, operators_of, with_particulars
from projections.history.feed import Change, FeedStep, change, particulars_change
from projections.reads.visibility import VisibilityScope
from registry.domain.values import AdministrationCode

CHUNK = 500  # Operators whose history is read in one statement.
_INSTANT = timedelta(microseconds=1)


# ---------------------------------------------------------------------- time


async def _recorded(ledger: Connection, positions: Collection[int]) -> dict[int, datetime]:
    """When the events at these positions were recorded, in UTC."""
    statement = "select position, recorded_at from ledger.event where position = any(%s)"
    async with ledger.cursor() as cursor:
        await cursor.execute(statement, [sorted(positions)])
        return dict(await cursor.fetchall())


async def _first_after(ledger: Connection, instants: Iterable[datetime]) -> dict[datetime, int]:
    """The position of the first event recorded at or after each of these instants."""
    statement = "select i, ledger.position_before(i) + 1 from unnest(%s::timestamptz[]) i"
    async with ledger.cursor() as cursor:
        await cursor.execute(statement, [sorted(instants)])
        return dict(await cursor.fetchall())


def _edges_after_recording(*columns: tuple[str, str]) -> str:
    """SQL: the operators for which an instant of valid time in one of these columns (table, column)
    passes in an interval of time, after it was recorded."""
    edges = " union ".join(
        f"select t.tin, t.{column} as edge from views.{table} t where t.{column} > t.recorded_from"
        f" and t.{column} > %(after)s and t.{column} <= %(until)s"
        for table, column in columns
    )
    return f"""
select t.tin, t.edge from ({edges}) t join views.operator o on o.tin = t.tin
where o.administration = any(%(homes)s::text[])
    and (%(only)s::text[] is null or t.tin = any(%(only)s))"""


_CONSENTS = _edges_after_recording(("consent", "valid_from"), ("consent", "valid_to"))
_PARTICULARS = _edges_after_recording(
    ("particulars", "valid_from"), ("identifier", "valid_from"), ("identifier", "valid_to")
)


async def _edges(
    views: Connection,
    statement: str,
    laws: LawHistory,
    between: tuple[datetime, datetime],
    only: Sequence[str] | None,
) -> list[tuple[str, datetime]]:
    """The operators and instants in (after, until] that one of these statements finds."""
    parameters = {
        "after": between[0],
        "until": between[1],
        "homes": sorted(laws.homes()),
        "only": list(only) if only else None,
    }
    async with views.cursor() as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()


async def _particulars_by_time(
    views: Connection,
    ledger: Connection,
    laws: LawHistory,
    between: tuple[datetime, datetime],
    only: Sequence[str] | None,
    place: int | None = None,
) -> dict[int, set[str]]:
    """The operators whose particulars changed in (after, until] because time passed, by the
    position of the first event recorded since; or at `place`, where it is given."""
    rows = await _edges(views, _PARTICULARS, laws, between, only)
    places = await _first_after(ledger, {edge for _, edge in rows}) if place is None else {}
    found: dict[int, set[str]] = {}
    for tin, edge in rows:
        found.setdefault(places.get(edge, place or 0), set()).add(tin)
    return found


@dataclass
class _VisibilityChanges:
    """Where operators became visible to the subject, or hidden, because time passed."""

    operators: dict[int, set[str]] = field(default_factory=dict)
    homes: dict[int, set[str]] = field(default_factory=dict)


async def _changes_by_time(
    views: Connection,
    ledger: Connection,
    scope: VisibilityScope,
    laws: LawHistory,
    between: tuple[datetime, datetime],
    only: Sequence[str] | None,
    place: int | None = None,
) -> _VisibilityChanges:
    """What changes in (after, until] because time passes, at the positions of the first events
    recorded since; or at `place`, where it is given."""
    found = _VisibilityChanges()
    if scope.role == "auditor":
        return found
    after, until = between
    homes = laws.homes()
    consents = await _edges(views, _CONSENTS, laws, between, only)
    edges = laws.edges(after, until)
    places: dict[datetime, int] = {}
    if place is None:
        places = await _first_after(ledger, edges | {edge for _, edge in consents})
    for tin, edge in consents:
        found.operators.setdefault(places.get(edge, place or 0), set()).add(tin)
    partner = AdministrationCode(scope.administration or "")
    for edge in edges:
        position = places.get(edge, place or 0)
        before = position - 1 if place is None else position
        for home in homes:
            code, law_beliefs = AdministrationCode(home), laws.beliefs_from(home)
            if law_beliefs.access(code, partner, before, edge) != law_beliefs.access(
                code, partner, before, edge - _INSTANT
            ):
                found.homes.setdefault(position, set()).add(home)
    return found


# --------------------------------------------------------------------- pages


@dataclass(frozen=True)
class FeedPage:
    """Changes in the order of their positions. `next`: the position up to which everything was
    examined; `head`: the position up to which the read models are projected."""

    changes: list[Change]
    next: int
    head: int


async def page(
    views: Connection,
    ledger: Connection,
    scope: VisibilityScope,
    territory: AdministrationCode,
    after: int,
    size: int,
    now: datetime,
    only: Sequence[str] | None = None,
    since: datetime | None = None,
    *,
    details: bool = False,
) -> FeedPage:
    """The changes of a territory's results that the subject is shown since a position.

    At least `size` changes, where there are so many: a page never splits the changes of one event.
    `now`: the instant of the request, in UTC. `only`: restricts the page to these TINs. `since`:
    the instant up to which changes by time alone were already sent. `details`: also changes of the
    bases alone, and of an operator's particulars.
    """
    changed = await changes_after(views, territory, after, only)
    particulars: dict[int, set[str]] = {}
    if details:
        changed, particulars = await with_particulars(views, territory, after, changed, only)
    at_head = changed.until == changed.head == after and since is not None
    if changed.until <= after and not at_head:
        return FeedPage([], max(after, changed.until), changed.head)
    into = await law_history(views, territory)
    own = scope.administration
    subject_law = (
        into if own in (None, territory.text) else await law_history(views, AdministrationCode(own))
    )
    ends = await _recorded(ledger, {max(after, 1), changed.until})
    between = ends[max(after, 1)], ends[changed.until]
    by_time = await _changes_by_time(views, ledger, scope, subject_law, between, only)
    if details:
        for place, tins in (await _particulars_by_time(views, ledger, into, between, only)).items():
            particulars.setdefault(place, set()).update(tins)
    places = {*changed.operators, *changed.homes, *by_time.operators, *by_time.homes, *particulars}
    clocks = await _recorded(ledger, {place - n for place in places for n in (0, 1)})
    builder = _PageBuilder(views, into, subject_law, scope, only, details)
    await builder.read(
        tin
        for by_position in (changed.operators, by_time.operators, particulars)
        for tins in by_position.values()
        for tin in tins
    )
    for place in sorted(places):
        at = clocks[place]
        step = FeedStep(place, place - 1, clocks.get(place - 1, at), at)
        homes = changed.homes.get(place, set()) | by_time.homes.get(place, set())
        tins = changed.operators.get(place, set()) | by_time.operators.get(place, set())
        await builder.add_step(step, tins, homes, particulars.get(place, ()))
        if len(builder.found) >= size:
            return FeedPage(builder.found, place, changed.head)
    if changed.until == changed.head:
        # Changes by time since the last event are sent with that event; later ones with the next
        # event, or to a client that says when it asked last.
        last = max(ends[changed.until], since) if at_head and since else ends[changed.until]
        by_time = await _changes_by_time(
            views, ledger, scope, subject_law, (last, now), only, changed.head
        )
        step = FeedStep(changed.head, changed.head, last, now)
        place = changed.head
        particulars_due = (
            await _particulars_by_time(views, ledger, into, (last, now), only, place)
            if details
            else {}
        )
        await builder.add_step(
            step,
            by_time.operators.get(place, ()),
            by_time.homes.get(place, ()),
            particulars_due.get(place, ()),
        )
    return FeedPage(builder.found, changed.until, changed.head)


@dataclass
class _PageBuilder:
    """Builds a page, with the histories that were read for it."""

    views: Connection
    into: LawHistory
    subject_law: LawHistory
    scope: VisibilityScope
    only: Sequence[str] | None
    details: bool = False
    found: list[Change] = field(default_factory=list)
    beliefs: dict[str, OperatorBeliefs] = field(default_factory=dict)
    whole: bool = False

    def home(self, tin: str) -> str:
        return self.beliefs[tin].administration.text

    async def selected(self) -> set[str]:
        """Those of the selected operators that are registered."""
        missing = sorted(set(self.only or ()) - self.beliefs.keys())
        if missing and not self.whole:
            self.beliefs |= await operator_beliefs(self.views, self.into, missing, self.subject_law)
            self.whole = True
        return set(self.only or ()) & self.beliefs.keys()

    async def read(self, tins: Iterable[str]) -> None:
        """Reads the histories of these operators, unless they were read before."""
        missing = sorted(set(tins) - self.beliefs.keys())
        for start in range(0, len(missing), CHUNK):
            self.beliefs |= await operator_beliefs(
                self.views, self.into, missing[start : start + CHUNK], self.subject_law
            )

    async def add_step(
        self,
        step: FeedStep,
        tins: Collection[str],
        homes: Collection[str],
        particulars: Collection[str] = (),
    ) -> None:
        """Adds the changes at one step. `particulars`: the operators whose particulars changed."""
        wanted = {*tins, *particulars}
        if homes and self.only is None:
            wanted.update(await operators_of(self.views, homes, step.position))
        elif homes:
            wanted.update(tin for tin in await self.selected() if self.home(tin) in homes)
        await self.read(wanted)
        for number, tin in enumerate(sorted(wanted)):
            one_operator, territory = self.beliefs[tin], self.into.territory
            new_change = change(one_operator, territory, step, self.scope, details=self.details)
            if not new_change and tin in particulars:
                new_change = particulars_change(one_operator, territory, step, self.scope)
            if new_change:
                self.found.append(new_change)
            if number % 50 == 49:
                await asyncio.sleep(0)  # Other requests run meanwhile.
