"""The courses of the results in a golden copy, worked out once for all operators that hold alike.

Between two instants at which a fact of its own begins or ends, an operator's results depend on the
shape of what it holds, and on the law, which all operators of a home share. So the rule is
evaluated for each shape once, with placeholders for numbers and days. The slow twin is
projections/history/golden_copy.course; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from projections.history.golden_copy import CopiedBasis, CopiedStretch, shown
from projections.reads.recognition import edges
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.consent import Consented
from registry.domain.operators.timeline import Identified, Period
from registry.domain.recognition import Basis, Question, RecognitionFacts, recognise
from registry.domain.values import AdministrationCode

_Shape = tuple[Any, ...]
_Scope = tuple[AdministrationCode | None, bool]  # of a consent: the partner, or general
MOST = 1_024  # shapes at once


class _Run(NamedTuple):
    """A result of a shape from an instant on. `bases`: `authorisation` is the place of the period,
    and `identifier` a placeholder."""

    start: datetime
    outcome: str
    legal: str
    operational: str
    reasons: tuple[str, ...]
    bases: tuple[Basis, ...]


class HomeCourses:
    """The courses of the operators of one home. `law`: the facts of the law towards the partner,
    without an operator."""

    def __init__(self, law: RecognitionFacts, territory: AdministrationCode) -> None:
        self._law, self._territory = law, territory
        self._cuts = [ALWAYS, *sorted(edges(law))]
        self._runs: dict[_Shape, list[_Run]] = {}

    def of(self, facts: RecognitionFacts) -> tuple[CopiedStretch, ...]:
        """The results over all of valid time, joined where they do not change."""
        found: list[tuple[datetime, tuple[Any, ...]]] = []
        periods = _simplified(facts.periods)
        filling = _Filling(facts, periods)
        for start, end in pairwise(_own_cuts(facts, periods)):
            valid = [p for p in periods if _holds(p, start)]
            identified: dict[str, str] = {}
            for i in facts.identifiers:
                if _holds(i, start):
                    value = identified.get(i.scheme)
                    identified[i.scheme] = i.value if value is None else min(value, i.value)
            consents = tuple((c.partner, c.general) for c in facts.consents if _holds(c, start))
            for run in self._of_shape(facts, valid, consents, tuple(sorted(identified))):
                if run.start >= end:
                    break
                bases = filling.bases(run.bases, valid, identified) if run.bases else ()
                result = (*run[1:5], bases)
                if run.start <= start:
                    if found and found[-1][0] == start:
                        found.pop()
                    begins = start
                else:
                    begins = run.start
                found.append((begins, result))
        return _joined(found)

    def _of_shape(
        self,
        facts: RecognitionFacts,
        valid: Sequence[Period],
        consents: tuple[_Scope, ...],
        schemes: tuple[str, ...],
    ) -> list[_Run]:
        held = tuple((p.programme, p.type, p.status, p.abroad, p.roles) for p in valid)
        key = facts.administration, held, consents, schemes
        found = self._runs.get(key)
        if found is None:
            if len(self._runs) >= MOST:
                self._runs.clear()
            found = self._runs[key] = self._worked_out(facts, valid, consents, schemes)
        return found

    def _worked_out(
        self,
        facts: RecognitionFacts,
        valid: Sequence[Period],
        consents: Iterable[_Scope],
        schemes: Iterable[str],
    ) -> list[_Run]:
        shape = replace(
            self._law,
            tin=facts.tin,
            administration=facts.administration,
            periods=[
                msgspec.structs.replace(
                    p, authorisation=f"{place:04}", number=None, valid_from=ALWAYS, valid_to=None
                )
                for place, p in enumerate(valid)
            ],
            identifiers=[Identified(scheme, "?", None, None, ALWAYS) for scheme in schemes],
            consents=[Consented(partner, ALWAYS, general=every) for partner, every in consents],
        )
        found: list[_Run] = []
        for start in self._cuts:
            result = recognise(shape, Question(self._territory, start))
            run = _Run(
                start,
                result.outcome.value,
                result.legal.value,
                result.operational.value,
                tuple(reason.value for reason in result.reasons),
                result.bases,
            )
            if not found or found[-1][1:] != run[1:]:
                found.append(run)
        return found


class _Filling:
    """Puts the numbers, days and identifiers of one operator into the bases of its shape."""

    def __init__(self, facts: RecognitionFacts, periods: Sequence[Period]) -> None:
        self._facts, self._periods = facts, periods
        self._before: dict[tuple[Any, ...], datetime] | None = None

    def bases(
        self, bases: Sequence[Basis], valid: Sequence[Period], identified: dict[str, str]
    ) -> tuple[CopiedBasis, ...]:
        found = []
        for basis in bases:
            period = valid[int(basis.authorisation)]
            scheme = basis.identifier_scheme
            found.append(
                CopiedBasis(
                    basis.agreement,
                    basis.ordinal,
                    period.number or period.authorisation,
                    shown(max(self._held_since(period), basis.since)),
                    scheme,
                    identified.get(scheme) if scheme else str(self._facts.tin),
                    basis.declaration_box,
                    basis.benefits,
                    basis.assumed,
                )
            )
        if len(found) > 1:
            found.sort(key=lambda b: (b.agreement, b.ordinal, b.authorisation, b.since or ALWAYS))
        return tuple(found)

    def _held_since(self, period: Period) -> datetime:
        """registry.domain.recognition.held_since, with its table made once for an operator."""
        if self._before is None:
            self._before = {
                (p.authorisation, p.abroad, p.type, p.valid_to): p.valid_from
                for p in self._periods
                if p.valid_to and p.valid_from < p.valid_to
            }
        since = period.valid_from
        while (
            earlier := self._before.get((period.authorisation, period.abroad, period.type, since))
        ) is not None:
            since = earlier
        return since


def _simplified(periods: Iterable[Period]) -> list[Period]:
    """The periods, joined where nothing changes that the rule of recognition asks for."""
    found: list[Period] = []
    for period in periods:
        if found:
            last = found[-1]
            if (
                last.valid_to == period.valid_from
                and last.valid_to != last.valid_from
                and last.authorisation == period.authorisation
                and last.status is period.status
                and last.abroad is period.abroad
                and last.type == period.type
                and last.programme == period.programme
                and last.number == period.number
                and last.roles == period.roles
            ):
                found[-1] = msgspec.structs.replace(last, valid_to=period.valid_to)
                continue
        found.append(period)
    return found


def _own_cuts(facts: RecognitionFacts, periods: Sequence[Period]) -> list[datetime]:
    found = {ALWAYS, NEVER_AT}
    for held in (periods, facts.identifiers, facts.consents):
        for row in held:
            found.add(row.valid_from)
            if row.valid_to is not None:
                found.add(row.valid_to)
    return sorted(cut for cut in found if ALWAYS <= cut <= NEVER_AT)


def _holds(row: Any, at: datetime) -> bool:
    return row.valid_from <= at and (row.valid_to is None or at < row.valid_to)


def _joined(found: Sequence[tuple[datetime, tuple[Any, ...]]]) -> tuple[CopiedStretch, ...]:
    joined: list[tuple[datetime, tuple[Any, ...]]] = []
    for start, result in found:
        if not joined or joined[-1][1] != result:
            joined.append((start, result))
    ends: list[datetime | None] = [start for start, _ in joined[1:]]
    return tuple(
        CopiedStretch(shown(start), end, *result)
        for (start, result), end in zip(joined, [*ends, None], strict=True)
    )
