"""The tip of the change feed, read once for every subscriber of a process.

`feed_pages.page` reads one page for one subject. Many subscribers who wait for the same next event
would repeat the same statements: here a step reads what follows a position once, and the changes of
each territory are computed from it in memory.

That is possible while neither the law nor the time moved: where an event of a step changed an
agreement, a membership, a consent law or a list, or a day began on which something changes, the
page is read instead (`TailStep.settled`). A test compares both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from projections.history.agreement_access import AgreementAccess
from projections.history.belief_history import LawBeliefs, OperatorPast, TransactionTime
from projections.history.belief_history_sql import (
    Connection,
    LawHistory,
    law_history,
    past_of,
)
from projections.history.feed import Change, FeedStep, change
from projections.reads.bitemporal_sql import POSITION
from projections.reads.visibility import VisibilityScope
from registry.domain.bitemporal import NEVER_AT
from registry.domain.recognition import RecognitionFacts
from registry.domain.values import AdministrationCode
from registry.ledger.epochs import CURRENT

MOST = 200  # events of operators in one step; those of one position are never divided
YIELD = 10  # changes that are computed before other requests have their turn

#: What follows a position, in one statement, so that all of it belongs to one head: the head, the
#: last position of this step, the events of operators up to it, in order, and whether a fact of the
#: law towards any territory began or ended to be believed in it; the same facts as `_LAW` in
#: projections/history/changed_positions.py.
_STEP = f"""
with head as materialized (select {POSITION} as position),
own as materialized (
    select c.position, c.tin, c.administration from views.change c
    where c.position > %(after)s and c.position <= (select position from head)
    order by c.position fetch first (%(most)s) rows with ties),
step as materialized (
    select case when count(*) < %(most)s then (select position from head) else max(position) end
        as until
    from own)
select head.position, step.until,
    (select coalesce(json_agg(json_build_array(o.position, o.tin, o.administration)
        order by o.position), '[]')::text from own o),
    exists (
        select from views.link t where t.kind = 'AEO_MUTUAL_RECOGNITION'
            and (t.position > %(after)s and t.position <= step.until
                or t.position_to > %(after)s and t.position_to <= step.until)
    ) or exists (
        select from views.membership t
        where t.position > %(after)s and t.position <= step.until
            or t.position_to > %(after)s and t.position_to <= step.until
    ) or exists (
        select from views.programme_rule t
        where (t.rule = 'sharing_consent' or starts_with(t.rule, 'adequate.'))
            and (t.position > %(after)s and t.position <= step.until
                or t.position_to > %(after)s and t.position_to <= step.until)
    ) or exists (
        select from views.list_received t
        where t.position > %(after)s and t.position <= step.until
    ),
    {CURRENT}
from head, step"""
_own = msgspec.json.Decoder(list[tuple[int, str, str]])
#: The instants at which the events at some positions were recorded, and the epoch of their ledger.
_CLOCKS = f"""
select {CURRENT}, coalesce((
    select json_agg(json_build_array(e.position, e.recorded_at))
    from ledger.event e where e.position = any(%s)), '[]')::text"""
_clock_rows = msgspec.json.Decoder(list[tuple[int, datetime]])
#: The first instant after another at which a consent begins or ends.
_NEXT_CONSENT = """
select least(
    (select min(c.valid_from) from views.consent c where c.valid_from > %(at)s),
    (select min(c.valid_to) from views.consent c where c.valid_to > %(at)s))"""


@dataclass
class TailStep:
    """What was recorded in (after, until], for every territory.

    `operators`: by position, the TIN and the home administration of each operator with an event
    there. `at`: when the event at `until` was recorded (UTC). `law_moved`: an event changed the
    law. `first_edge`: an instant before which nothing changes because time passes, apart from the
    law.
    """

    after: int
    until: int
    head: int
    at: datetime
    operators: dict[int, list[tuple[str, str]]]
    clocks: Mapping[int, datetime]
    pasts: Mapping[str, OperatorPast]
    law_moved: bool
    first_edge: datetime

    @property
    def settled(self) -> bool:
        """True where the changes of every territory can be computed from this step alone, as far as
        its own law does not change on a day in it."""
        return not self.law_moved and self.first_edge > self.at


class EpochChanged(Exception):
    """The ledger is in another epoch, `current`."""

    def __init__(self, current: str) -> None:
        super().__init__(f"the ledger is in epoch {current}")
        self.current = current


class SettledLaw(LawBeliefs):
    """The law from one home territory, at positions among which it does not change."""

    @classmethod
    def of(cls, law: LawBeliefs, position: int) -> SettledLaw:
        """The law as it is believed at a position."""
        made = cls(law.links, law.members, law.consent_laws, law.lists, law.programmes)
        made._believed = law.at(position)
        made._known_edges = law.edges(position)
        made._accesses = {}
        return made

    _believed: RecognitionFacts
    _known_edges: set[datetime]
    _accesses: dict[tuple[AdministrationCode, AdministrationCode], AgreementAccess | None]

    def at(self, time: TransactionTime) -> RecognitionFacts:
        """What is believed at every one of these positions."""
        return self._believed

    def changes_at(self, position: int) -> list[Any]:
        """None: the law does not change."""
        return []

    def changed_intervals(self, position: int) -> list[tuple[datetime, datetime]]:
        """None: the law does not change."""
        return []

    def edges(self, position: int) -> set[datetime]:
        """Every instant at which a result could change, by this law."""
        return self._known_edges

    def access(
        self, home: AdministrationCode, partner: AdministrationCode, position: int, at: datetime
    ) -> AgreementAccess | None:
        """What the agreements let the subject see of this home's operators. It is the same at each
        of these positions, until a day changes the law."""
        key = home, partner
        if key not in self._accesses:
            self._accesses[key] = super().access(home, partner, position, at)
        return self._accesses[key]


@dataclass
class TerritoryLaw:
    """The law towards one territory, cached while it does not move.

    `at`: since when it did not move (UTC). `homes`: the territories from which an agreement ever
    led there. `edge`: the first instant after `at` at which it changes because time passes.
    """

    history: LawHistory
    position: int
    at: datetime
    homes: set[str] = field(default_factory=set)
    edge: datetime = NEVER_AT
    _settled: dict[str, SettledLaw] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.homes = self.history.homes()
        self.edge = min(self.history.edges(self.at, NEVER_AT), default=NEVER_AT)

    def from_home(self, home: str) -> SettledLaw:
        """The law from one home territory."""
        if home not in self._settled:
            law = self.history.beliefs_from(home)
            self._settled[home] = SettledLaw.of(law, self.position)
        return self._settled[home]


class FeedTail:
    """Reads step after step. One a process; its methods are called one at a time."""

    def __init__(self) -> None:
        self._laws: dict[AdministrationCode, TerritoryLaw] = {}
        self._next_consent: datetime | None = None
        self.position = 0
        #: When the last event of the last step was recorded; or the instant of `start`, `refresh`.
        self.at = NEVER_AT

    async def start(self, views: Connection, now: datetime) -> None:
        """Begins at the present head of the read models. `now`: UTC."""
        self.position, self.at = await _head(views), now
        self._laws.clear()
        self._next_consent = await _next_consent(views, self.at)

    async def step(
        self, views: Connection, ledger: Connection, epoch: str | None = None
    ) -> TailStep | None:
        """What follows the last step; None where nothing does yet. Raises EpochChanged where one of
        the two is not in this epoch."""
        after, at_before = self.position, self.at
        async with views.cursor() as cursor:
            await cursor.execute(_STEP.encode(), {"after": after, "most": MOST}, prepare=True)
            row = await cursor.fetchone()
        assert row is not None  # This SELECT always returns one row.
        head, until, law_moved = row[0], row[1], row[3]
        _same_epoch(epoch, row[4])
        if head <= after:
            return None
        own = _own.decode(row[2])
        places = {position for position, _, _ in own}
        clocks, pasts = await asyncio.gather(
            _clocks(ledger, {until, *places, *(place - 1 for place in places)}, epoch),
            past_of(views, {tin for _, tin, _ in own}),
        )
        if self._next_consent is None or self._next_consent <= at_before:
            self._next_consent = await _next_consent(views, at_before)
        for past in pasts.values():
            new = (edge for edge in past.consent_edges() if edge > at_before)
            self._next_consent = min(self._next_consent, *new, NEVER_AT)
        if law_moved:
            self._laws.clear()
        operators: dict[int, list[tuple[str, str]]] = {}
        for position, tin, home in own:
            operators.setdefault(position, []).append((tin, home))
        self.position, self.at = until, clocks.get(until, at_before)
        first_edge = self._next_consent
        return TailStep(
            after, until, head, self.at, operators, clocks, pasts, law_moved, first_edge
        )

    async def load_law(self, views: Connection, territory: AdministrationCode) -> None:
        """Reads the law towards a territory, for the next steps."""
        history = await law_history(views, territory)
        self._laws[territory] = TerritoryLaw(history, self.position, self.at)

    def law(self, territory: AdministrationCode) -> TerritoryLaw | None:
        """The law towards a territory, where it was read and did not move since."""
        return self._laws.get(territory)

    async def refresh(self, views: Connection, now: datetime) -> None:
        """Goes on from an instant up to which everything was told that changes by time alone."""
        self.at = now
        self._next_consent = await _next_consent(views, now)
        self._laws = {code: law for code, law in self._laws.items() if law.edge > now}

    def due(self, now: datetime) -> bool:
        """True where something may have changed by now because time passed."""
        if self._next_consent is not None and self._next_consent <= now:
            return True
        return any(law.edge <= now for law in self._laws.values())


async def changes_of(
    step: TailStep,
    into: TerritoryLaw,
    subject_law: TerritoryLaw,
    scope: VisibilityScope,
    after: int,
) -> list[Change]:
    """The changes in a settled step that the subject is told about a territory, after a position:
    the same as `feed_pages.page` has."""
    territory = into.history.territory
    found: list[Change] = []
    seen = 0
    for position, places in step.operators.items():
        if position <= after:
            continue
        at = step.clocks[position]
        one_step = FeedStep(position, position - 1, step.clocks.get(position - 1, at), at)
        for tin, home in sorted(places):
            if home not in into.homes or tin not in step.pasts:
                continue
            own_law, law = subject_law.from_home(home), into.from_home(home)
            beliefs = step.pasts[tin].beliefs(law, law if subject_law is into else own_law)
            if new := change(beliefs, territory, one_step, scope):
                found.append(new)
            seen += 1
            if seen % YIELD == 0:
                await asyncio.sleep(0)
    return found


async def _head(views: Connection) -> int:
    async with views.cursor() as cursor:
        await cursor.execute(f"select {POSITION}")
        row = await cursor.fetchone()
    return int(row[0] or 0) if row else 0


async def _clocks(
    ledger: Connection, positions: Iterable[int], epoch: str | None
) -> dict[int, datetime]:
    async with ledger.cursor() as cursor:
        await cursor.execute(_CLOCKS.encode(), [sorted(positions)], prepare=True)
        row = await cursor.fetchone()
    assert row is not None  # This SELECT always returns one row.
    _same_epoch(epoch, row[0])
    return {position: at.astimezone(UTC) for position, at in _clock_rows.decode(row[1])}


def _same_epoch(wanted: str | None, found: str) -> None:
    if wanted is not None and found != wanted:
        raise EpochChanged(found)


async def _next_consent(views: Connection, at: datetime) -> datetime:
    async with views.cursor() as cursor:
        await cursor.execute(_NEXT_CONSENT, {"at": at})
        row = await cursor.fetchone()
    return row[0] if row and row[0] else NEVER_AT
