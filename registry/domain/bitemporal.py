"""Bitemporal rows: facts with valid time and transaction time.

Valid time is when a fact counts in law. Transaction time is when the register held it to be true.
The set of facts believed at one transaction time is a belief, and every event may change it.
`bitemporal_rows` turns a sequence of beliefs into rows that carry both times, so that a question
about any valid time, as known at any transaction time, needs no replay of events.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec

#: The open lower bound of an interval, in UTC. Shown as "no beginning".
ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
#: The open upper bound of an interval, in UTC. Shown as "no end".
NEVER_AT = datetime(9999, 12, 31, tzinfo=UTC)


E = TypeVar("E")
F = TypeVar("F")


class TimedEvent(msgspec.Struct, Generic[E], frozen=True, gc=False):
    """An event with its position in the ledger and its transaction time.

    `known_at` is an instant in UTC.
    """

    event: E
    position: int
    known_at: datetime


class BitemporalRow(msgspec.Struct, Generic[F], frozen=True, gc=False):
    """A fact with the transaction time over which it was believed.

    The interval is [recorded_from, recorded_to), both in UTC; `recorded_to` is None while the fact
    is still believed. `position` and `position_to` give the same interval by ledger position.
    """

    fact: F
    recorded_from: datetime
    recorded_to: datetime | None
    position: int
    position_to: int | None


class BeliefHistory(Generic[F]):
    """Builds bitemporal rows from beliefs given in the order of recording.

    Of several beliefs at one transaction time only the last is kept, because no question can ask
    for a time between them.
    """

    def __init__(self) -> None:
        self._held: dict[F, tuple[int, datetime]] = {}
        self._past: list[BitemporalRow[F]] = []

    def believe(self, position: int, known_at: datetime, facts: Iterable[F]) -> None:
        """Replaces the current belief: from `known_at` on exactly these facts are believed."""
        now = list(facts)
        still_held = set(now) if len(now) > 8 else now
        self.change(
            position, known_at, [fact for fact in self._held if fact not in still_held], now
        )

    def change(
        self, position: int, known_at: datetime, gone: Iterable[F], new: Iterable[F]
    ) -> None:
        """Changes the current belief by its difference.

        `gone`: facts that are no longer believed. `new`: facts that are believed from `known_at`
        on.
        """
        held = self._held
        for fact in gone:
            began, since = held.pop(fact)
            if since < known_at:
                self._past.append(BitemporalRow(fact, since, known_at, began, position))
        for fact in new:
            if fact not in held:
                held[fact] = (position, known_at)

    def facts(self) -> list[BitemporalRow[F]]:
        """Returns every row, ended ones first, each group in the order of recording."""
        still = [BitemporalRow(f, since, None, n, None) for f, (n, since) in self._held.items()]
        return self._past + still


def bitemporal_rows(beliefs: Iterable[tuple[int, datetime, Iterable[F]]]) -> list[BitemporalRow[F]]:
    """Turns a sequence of beliefs into bitemporal rows.

    `beliefs`: for each, the ledger position, the transaction time, and every fact believed from
    then on.
    """
    history: BeliefHistory[F] = BeliefHistory()
    for position, known_at, belief in beliefs:
        history.believe(position, known_at, belief)
    return history.facts()
