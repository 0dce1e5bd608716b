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


class Known(msgspec.Struct, Generic[E], frozen=True, gc=False):
    """An event with its place in the register's sequence and the instant it was known."""

    event: E
    position: int
    known_at: datetime


class Remembered(msgspec.Struct, Generic[F], frozen=True, gc=False):
    """A fact, and how long it was believed: [recorded_from, recorded_to), both instants in UTC.

    The same by position: believed from `position` on, until `position_to`.
    """

    fact: F
    recorded_from: datetime
    recorded_to: datetime | None
    position: int
    position_to: int | None


def remember(beliefs: Iterable[tuple[int, datetime, Iterable[F]]]) -> list[Remembered[F]]:
    """Every fact with the stretch over which it was believed, in the order of belief.

    `beliefs`: position, instant, and all that was believed from then on. Of several beliefs at
    one instant only the last is kept: nobody could have asked between them.
    """
    held: dict[F, tuple[int, datetime]] = {}
    past: list[Remembered[F]] = []
    before: list[F] = []
    for position, known_at, belief in beliefs:
        now = list(belief)
        same = len(before) - 1
        if same >= 0 and now[:same] == before[:same] and same + 1 == len(held):
            # Mostly only the last stretch of law has changed, so nobody need look at the others.
            new, gone = now[same:], before[same:]
        else:
            new, gone = now, list(held)
        kept = set(new) if len(new) > 8 else new
        for fact in [fact for fact in gone if fact not in kept]:
            began, since = held.pop(fact)
            if since < known_at:
                past.append(Remembered(fact, since, known_at, began, position))
        for fact in new:
            if fact not in held:
                held[fact] = (position, known_at)
        before = now
    past += [Remembered(fact, since, None, began, None) for fact, (began, since) in held.items()]
    return past
