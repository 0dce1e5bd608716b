"""The population of synthetic operators, whose histories are decided by the real commands.

A history depends on the seed and the operator's number only. A load that was interrupted can
therefore continue, in batches of any size, and a larger population starts with the smaller one.
"""

from __future__ import annotations

import csv
from bisect import bisect
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import cast
from uuid import UUID

from api.demo import dataset
from api.demo.operator_history import DAY, LAST_DAY, LAW, Beginning, DemoPlace, OperatorHistory
from registry.application.registry import Registry
from registry.domain.programmes import Programme
from registry.domain.values import AdministrationCode, Sense, Tin
from registry.paths import OPERATOR_COUNTS

FIRST_DAY = date(2008, 1, 1)  # few programmes are older; nothing synthetic happens before
GOLDEN = 0.6180339887498949

#: Digits of a national number; the first is always 9, which the fixed operators do not use.
DIGITS = {"CN": 10, "GB": 12, "JP": 15, "KR": 10, "US": 11}
#: Members of a bloc with many operators are chosen more often.
LARGE = {"EU": ("DE",) * 20 + ("NL", "FR", "IT", "PL", "ES", "BE") * 4}
#: The outcome of a history, per thousand operators. The order is part of the seed.
FATES = {
    "pending": 40,
    "not accepted": 20,
    "withdrawn": 25,
    "refused": 40,
    "valid": 680,
    "suspended": 15,
    "revoked": 35,
    "annulled": 3,
    "surrendered": 50,
    "expired": 60,
    "merged": 32,
}
_FATES, _UP_TO = tuple(FATES), tuple(accumulate(FATES.values()))


class Population:
    """The synthetic operators by number, from 0 on. `registry` holds the programmes."""

    def __init__(self, registry: Registry, seed: int = dataset.SEED) -> None:
        self.seed = seed
        with OPERATOR_COUNTS.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self._places = [_place(registry, row["programme"]) for row in rows]
        sizes = [int(row["operators"]) for row in rows]
        self._ends = [end / sum(sizes) for end in accumulate(sizes)]

    def place(self, number: int) -> DemoPlace:
        """Returns the programme of an operator.

        Multiples of the golden ratio are evenly distributed, so every prefix of the population has
        the right shares of programmes.
        """
        return self._places[bisect(self._ends, number * GOLDEN % 1)]

    def command_id(self, number: int, what: str = "life") -> UUID:
        """Returns the idempotency key of an operator's events, the same at every load."""
        return dataset.life(number, self.seed, what)

    @staticmethod
    def may_err(number: int) -> bool:
        """Returns whether this operator's history may contain a mistake that is corrected later."""
        return number % 137 == 1

    def life(self, number: int) -> OperatorHistory:
        """Returns the whole history, decided but not recorded."""
        life = OperatorHistory(self, number)
        life.lead()
        return life

    def beginning(self, number: int) -> Beginning:
        """Returns the fixed facts of a history. All its randomness comes from one generator, which
        the seed and the number initialise."""
        place, random = self.place(number), Random(self.seed << 40 | number).random
        home, zone = place.homes[int(random() * len(place.homes))]
        digits = DIGITS.get(home.text, 9)
        tin = Tin(f"{home}9{number:0{digits - 1}d}")
        fate = _FATES[bisect(_UP_TO, random() * 1000)]
        # A pending application was lodged recently.
        open_for = 120 if fate == "pending" else (LAST_DAY - place.opened).days
        day = LAST_DAY - timedelta(days=int(open_for * random() ** 1.2))
        return Beginning(tin, home, zone, day, fate, random)

    def elder(self, number: int, before: date) -> Tin | None:
        """Returns an older operator of the same home, for a merger or a split; None where none is
        near.

        At distances of Fibonacci numbers the multiples of the golden ratio are close to each other,
        so the operator there probably has the same programme.
        """
        home, step, next = self.beginning(number).home, 1, 2
        while step <= number:
            other = self.beginning(number - step)
            if other.home == home and other.day < before and other.fate == "valid":
                return other.tin
            step, next = next, step + next
        return None


def _place(registry: Registry, code: str) -> DemoPlace:
    programme = registry.programme(code)
    administration = registry.administration(programme.administration)
    codes = [administration.code]
    if administration.bloc:
        customs = Sense.CUSTOMS_TERRITORY
        members = sorted(m for m, sense in administration.members if sense is customs)
        large = [AdministrationCode(m) for m in LARGE.get(administration.code.text, ())]
        codes = members + [m for m in large if m in members]
    homes = tuple((code, registry.administration(code).time_zone) for code in codes)
    [registered] = cast(list[Programme.Registered], list(registry.events.get(programme.id, lte=1)))
    opened = max(registered.effective + 366 * DAY, FIRST_DAY)
    law = LAW.get(administration.code.text, "the programme's own rules")
    return DemoPlace(programme, homes, opened, law)
