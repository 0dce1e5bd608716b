"""Two clocks: what counts in law, and what was known when.

A belief is a set of facts, each with its stretch of law; every event may change the belief.
`remember` turns the succession of beliefs into rows that carry both clocks, so that any past
belief about any day can be looked up without replaying anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec

#: Before every fact. Shown as "no beginning".
ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
#: Never, as an instant. Shown as "no end".
NEVER_AT = datetime(9999, 12, 31, tzinfo=UTC)


E = TypeVar("E")
F = TypeVar("F")


class TimedEvent(msgspec.Struct, Generic[E], frozen=True, gc=False):
    """An event with its place in the register's sequence and the instant it was known."""

    event: E
    position: int
    known_at: datetime


class BitemporalRow(msgspec.Struct, Generic[F], frozen=True, gc=False):
    """A fact, and how long it was believed: [recorded_from, recorded_to), both instants in UTC.

    The same by position: believed from `position` on, until `position_to`.
    """

    fact: F
    recorded_from: datetime
    recorded_to: datetime | None
    position: int
    position_to: int | None


class BeliefHistory(Generic[F]):
    """The beliefs so far, told in their order, and over which stretch each fact was believed.

    Of several beliefs at one instant only the last is kept: nobody could have asked between them.
    """

    def __init__(self) -> None:
        self._held: dict[F, tuple[int, datetime]] = {}
        self._past: list[BitemporalRow[F]] = []

    def believe(self, position: int, known_at: datetime, facts: Iterable[F]) -> None:
        """These facts, and no others, from then on."""
        now = list(facts)
        kept = set(now) if len(now) > 8 else now
        self.change(position, known_at, [fact for fact in self._held if fact not in kept], now)

    def change(
        self, position: int, known_at: datetime, gone: Iterable[F], new: Iterable[F]
    ) -> None:
        """The same, of which only what is different is said. `gone`: believed until now."""
        held = self._held
        for fact in gone:
            began, since = held.pop(fact)
            if since < known_at:
                self._past.append(BitemporalRow(fact, since, known_at, began, position))
        for fact in new:
            if fact not in held:
                held[fact] = (position, known_at)

    def facts(self) -> list[BitemporalRow[F]]:
        """Every fact, in the order of belief."""
        still = [BitemporalRow(f, since, None, n, None) for f, (n, since) in self._held.items()]
        return self._past + still


def remember(beliefs: Iterable[tuple[int, datetime, Iterable[F]]]) -> list[BitemporalRow[F]]:
    """Every fact with the stretch over which it was believed. `beliefs`: position, instant, and all
    that was believed from then on."""
    memory: BeliefHistory[F] = BeliefHistory()
    for position, known_at, belief in beliefs:
        memory.believe(position, known_at, belief)
    return memory.facts()
