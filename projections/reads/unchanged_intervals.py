"""The intervals in which the answers to one question stay the same, worked out for many operators.

Between two instants at which a fact of its own begins or ends, what the rule of recognition says of
an operator depends on the shape of what it holds, and on the law, which all operators of a home
share. So the rule is evaluated once for each shape and each interval of the law. The slow twin is
`unchanged_interval` in projections/reads/recognition.py; a test compares the two.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from projections.reads.recognition import edges, unchanged_around, verdict
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.recognition import Question, RecognitionFacts, ValidInterval, recognise

MOST_QUESTIONS = 1_000  # questions under one law each that are kept; then all are forgotten
MOST_VERDICTS = 10_000  # verdicts kept of one of them; then all of its are forgotten
_Verdict = tuple[Any, ...]


class UnchangedIntervals:
    """The intervals of answers to questions about operators under the same law."""

    def __init__(self) -> None:
        self._laws: dict[tuple[Any, ...], _LawVerdicts] = {}

    def of(self, facts: RecognitionFacts, asked: Question) -> tuple[datetime, datetime | None]:
        """The interval of valid time around `asked.at`: see `unchanged_interval`."""
        key = (
            *(id(facts.links), id(facts.members), id(facts.consent_laws)),
            *(facts.list_as_of, facts.list_cadence, facts.administration, facts.tin is None),
            *(asked.territory.text, asked.role, asked.direction, asked.hs and asked.hs.text),
            *(asked.crossing, asked.mode),
        )
        law = self._laws.get(key)
        if law is None:
            if len(self._laws) >= MOST_QUESTIONS:
                self._laws.clear()
            law = self._laws[key] = _LawVerdicts(facts)
        own = _own_cuts(facts)
        return unchanged_around(
            sorted({*law.cuts, *own}), asked.at, law.verdicts(facts, asked, own)
        )


class _LawVerdicts:
    """What the rule says under the law of one home. Holds the facts, so that their identity stays
    that of the law."""

    def __init__(self, facts: RecognitionFacts) -> None:
        self._facts = facts
        self.cuts = sorted(edges(replace(facts, periods=(), identifiers=(), consents=())))
        self._found: dict[tuple[Any, ...], _Verdict] = {}

    def verdicts(
        self, facts: RecognitionFacts, asked: Question, own: Sequence[datetime]
    ) -> Callable[[datetime], _Verdict]:
        """What the rule says of an operator at an instant. `own`: where its own facts change."""
        shapes: dict[int, tuple[Any, ...]] = {}

        def at_instant(at: datetime) -> _Verdict:
            place = bisect_right(own, at)
            shape = shapes.get(place)
            if shape is None:
                shape = shapes[place] = _shape(facts, at)
            key = bisect_right(self.cuts, at), shape
            found = self._found.get(key)
            if found is None:
                if len(self._found) >= MOST_VERDICTS:
                    self._found.clear()
                found = self._found[key] = verdict(recognise(facts, replace(asked, at=at)))
            return found

        return at_instant


def _shape(facts: RecognitionFacts, at: datetime) -> tuple[Any, ...]:
    """What the rule asks for of the facts of an operator that hold at an instant."""
    return (
        tuple(
            [
                (p.programme, p.type, p.status, p.abroad, p.roles)
                for p in facts.periods
                if _holds(p, at)
            ]
        ),
        frozenset([i.scheme for i in facts.identifiers if _holds(i, at)]),
        tuple([(c.partner, c.general) for c in facts.consents if _holds(c, at)]),
    )


def _own_cuts(facts: RecognitionFacts) -> list[datetime]:
    found = set()
    for held in (facts.periods, facts.identifiers, facts.consents):
        for row in held:
            found.add(row.valid_from)
            found.add(row.valid_to or NEVER_AT)
    return sorted([cut for cut in found if ALWAYS < cut < NEVER_AT])


def _holds(row: ValidInterval, at: datetime) -> bool:
    return row.valid_from <= at and (row.valid_to is None or at < row.valid_to)
