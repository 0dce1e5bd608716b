"""A side's implementation is a term: it begins, it ends, and another one may begin."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from registry.application.dispatch import DECISIONS
from registry.domain import commands as c
from registry.domain.agreements import decisions as agreement_decisions
from registry.domain.agreements.events import Agreement, Party
from registry.domain.agreements.timeline import AgreementTimeline, build_timeline
from registry.domain.bitemporal import TimedEvent
from registry.domain.decisions import Decision, start_of_day
from registry.domain.errors import Refusal
from registry.domain.values import AdministrationCode, AgreementKind, Step
from tests.arrangements import LATER, NOW, at, day, implemented, of, said, scope, state
from tests.chance import TIMES
from tests.law import AU, CN, SG, TH
from tests.scenario import believed, noon

ALL = (SG, TH, CN)


def came_back(*more: Any) -> AgreementTimeline:
    """Thailand implemented in 2020, withdrew in 2022, acceded again in 2024."""
    return of(
        implemented(SG, "2015-01-01"),
        scope(SG, TH),
        scope(TH, SG),
        scope(SG, CN),
        implemented(TH, "2020-01-01"),
        said(c.WithdrawFromAgreement, "2022-01-01", member=TH),
        said(c.AccedeToAgreement, "2024-01-01", member=TH),
        *more,
        parties=ALL,
    )


def test_after_it_came_back_a_side_implements_anew_and_the_first_term_stands() -> None:
    before = [
        "2019-12-31",
        "2020-01-02",
        "2021-12-31",
        "2022-01-02",
        "2023-12-31",
        "2024-01-02",
        "2024-05-31",
    ]

    told = came_back(implemented(TH, "2024-06-01"))

    for pair in ((SG, TH), (TH, SG)):
        assert [state(told, *pair, on) for on in (*before, "2024-06-02")] == [
            "NOT_IMPLEMENTED",
            "LIVE",
            "LIVE",
            None,
            None,
            "NOT_IMPLEMENTED",
            "NOT_IMPLEMENTED",
            "LIVE",
        ]


def test_who_came_back_and_implemented_nothing_is_linked_and_not_in_practice() -> None:
    assert state(came_back(), SG, TH, "2026-01-01") == "NOT_IMPLEMENTED"


def test_it_is_told_which_side_has_not_implemented() -> None:
    told = came_back()

    # Into Singapore, too: there it is Thailand's term that is wanting, not Singapore's.
    assert at(told, TH, SG, "2026-01-01")[0].hindered_by == (TH,)
    assert at(told, SG, TH, "2026-01-01")[0].hindered_by == (TH,)
    assert at(told, SG, CN, "2026-01-01")[0].hindered_by == (CN,)
    assert at(told, SG, TH, "2014-12-31")[0].hindered_by == (TH, SG)
    assert at(told, SG, TH, "2021-01-01")[0].hindered_by == ()


def test_a_later_source_leaves_open_the_first_term_and_not_the_second() -> None:
    told = came_back(
        implemented(TH, "2024-06-01"),
        said(c.SetDates, "2020-03-01", what=Step.IMPLEMENTED, side=TH, term=1, conflicting=True),
    )

    found = [state(told, SG, TH, on) for on in ("2020-02-01", "2020-03-01", "2024-05-31")]
    assert found == ["UNCERTAIN", "LIVE", "NOT_IMPLEMENTED"]
    steps_ = [(d.term, d.dates.earliest) for d in believed(told.dated, NOW) if d.side == TH]
    assert steps_ == [(1, day("2020-01-01")), (1, day("2020-03-01")), (2, day("2024-06-01"))]


def test_a_date_set_without_a_term_is_of_the_latest() -> None:
    better = said(c.SetDates, "2024-07-01", what=Step.IMPLEMENTED, side=TH)
    told = came_back(implemented(TH, "2024-06-01"), (LATER, better))

    assert [state(told, SG, TH, on) for on in ("2020-01-01", "2024-06-15", "2024-07-01")] == [
        "LIVE",
        "NOT_IMPLEMENTED",
        "LIVE",
    ]
    assert state(told, SG, TH, "2024-06-15", known=noon(date(2025, 3, 1))) == "LIVE"


def test_a_suspension_does_not_outlive_the_membership_of_who_suspended() -> None:
    told = of(
        implemented(SG, "2015-01-01"),
        scope(SG, TH),
        implemented(TH, "2020-01-01"),
        said(c.SuspendAgreement, "2021-01-01", side=TH),
        said(c.WithdrawFromAgreement, "2022-01-01", member=TH),
        said(c.AccedeToAgreement, "2024-01-01", member=TH),
        implemented(TH, "2024-01-01"),
        parties=ALL,
    )

    assert [state(told, SG, TH, on) for on in ("2021-06-01", "2024-01-01")] == [
        "SUSPENDED",
        "LIVE",
    ]


def test_an_agreement_is_suspended_when_every_party_of_that_day_is() -> None:
    told = of(
        implemented(SG, "2015-01-01"),
        implemented(TH, "2015-01-01"),
        said(c.SuspendAgreement, "2021-01-01", side=SG),
        said(c.SuspendAgreement, "2021-01-01", side=TH),
        said(c.WithdrawFromAgreement, "2022-01-01", member=CN),
        said(c.AccedeToAgreement, "2023-01-01", member=AU),
        parties=ALL,
    )

    stages = {s.valid_from.date(): s.status.value for s in believed(told.stages, NOW)}
    assert [stages[d] for d in sorted(stages)][-3:] == ["IN_FORCE", "SUSPENDED", "IN_FORCE"]


def test_a_side_shows_the_term_that_runs_or_is_next() -> None:
    told = came_back(implemented(TH, "2024-06-01"))

    sides = [s for s in believed(told.sides, NOW) if s.party == TH]
    assert [(s.implemented_from, s.valid_to) for s in sides] == [
        (day("2020-01-01"), start_of_day(day("2022-01-01"), "Asia/Bangkok")),
        (day("2024-06-01"), None),
    ]


def test_a_second_implementation_of_an_old_ledger_puts_the_date_of_the_first_right() -> None:
    agreement = Agreement(
        agreement="A",
        kind=AgreementKind.AEO_MUTUAL_RECOGNITION,
        title="A",
        parties=(Party(CN, "UTC"), Party(AU, "UTC")),
        effective=date(2010, 1, 1),
    )
    for on in (date(2016, 2, 1), date(2016, 5, 1)):
        dates = implemented(AU, str(on))
        agreement.trigger_event(
            Agreement.Implemented,
            side=AU,
            dates=agreement_decisions._dates_of(dates, Decision(today=on)),
            effective=on,
        )

    told = build_timeline(
        [TimedEvent(e, n, NOW) for n, e in enumerate(agreement.collect_events(), start=1)]
    )

    days = [datetime(2016, month, 15, tzinfo=UTC) for month in (3, 5)]
    assert [state(told, CN, AU, on) for on in days] == ["NOT_IMPLEMENTED", "LIVE"]
    assert [(d.term, d.dates.earliest) for d in believed(told.dated, NOW)] == [
        (1, date(2016, 5, 1))
    ]


# --------------------------------------------------------- random steps against an oracle

START = date(2016, 1, 1)
DAYS = 40
Stretch = list[Any]  # [first day, day of its end or None]


@dataclass
class Oracle:
    """The same law, said as simply as can be, for agreements all of whose days are known."""

    parties: tuple[AdministrationCode, ...]
    members: dict[AdministrationCode, list[Stretch]] = field(default_factory=dict)
    terms: dict[AdministrationCode, list[Stretch]] = field(default_factory=dict)
    pauses: dict[AdministrationCode, list[Stretch]] = field(default_factory=dict)
    over: date | None = None
    plurilateral: bool = False

    def __post_init__(self) -> None:
        self.members = {party: [[date.min, None]] for party in self.parties}
        self.plurilateral = len(self.parties) > 2

    def runs(self, side: AdministrationCode) -> bool:
        return any(end is None for _, end in self.terms.get(side, []))

    def tell(self, word: Any, on: date) -> None:
        match word:
            case c.ImplementAgreement(side=side):
                assert not self.runs(side)
                self.terms.setdefault(side, []).append([on, None])
            case c.SetDates(side=side, term=None):
                self.terms[side][-1][0] = on
            case c.SetDates(side=side, term=term):
                self.terms[side][term - 1][0] = on
            case c.SuspendAgreement(side=side):
                own = self.pauses.setdefault(side, [])
                if own and own[-1][1] is None:
                    own[-1][0] = on  # found to have begun earlier
                else:
                    own.append([on, None])
            case c.ResumeAgreement(side=side):
                self._end(self.pauses, side, on)
            case c.AccedeToAgreement(member=side):
                self.members.setdefault(side, []).append([on, None])
                self.plurilateral = True
            case c.WithdrawFromAgreement(member=side):
                for ends in (self.members, self.terms, self.pauses):
                    self._end(ends, side, on)
            case c.TerminateAgreement():
                self.over = on

    def _end(self, of: dict[Any, list[Stretch]], side: AdministrationCode, on: date) -> None:
        for stretch in of.get(side, []):
            if stretch[1] is None:
                stretch[1] = on

    def state(self, home: AdministrationCode, there: AdministrationCode, on: date) -> str | None:
        def inside(of: dict[Any, list[Stretch]], side: AdministrationCode) -> bool:
            found = of.get(side, [])
            return any(begun <= on and (end is None or on < end) for begun, end in found)

        if not (inside(self.members, home) and inside(self.members, there)):
            return None
        if self.over and on >= self.over:
            return "TERMINATED"
        if inside(self.pauses, there):
            return "SUSPENDED"
        wanted = (home, there) if self.plurilateral else (there,)
        return "LIVE" if all(inside(self.terms, s) for s in wanted) else "NOT_IMPLEMENTED"


class Course:
    """Random steps, taken by the real decisions, with the days on which they lie."""

    def __init__(self, seed: int, width: int) -> None:
        self.random, self.width = random.Random(seed), width
        self.parties = self.random.choice(((SG, TH), ALL))
        self.it = Agreement(
            agreement="A",
            kind=AgreementKind.AEO_MUTUAL_RECOGNITION,
            title="made up",
            parties=tuple(Party(p, "UTC") for p in self.parties),
            effective=START,
            source="x",
        )
        self.taken: list[tuple[Any, date, date]] = []
        for _ in range(14):
            self._step()
        self.told = build_timeline(
            [TimedEvent(e, n, noon(START)) for n, e in enumerate(self.it.collect_events(), start=1)]
        )

    def _step(self) -> None:
        earliest = START + timedelta(days=self.random.randrange(DAYS))
        uncertain = len([1 for _, a, b in self.taken if a != b]) < 4 and self.random.random() < 0.4
        latest = earliest + timedelta(days=self.random.randrange(self.width) if uncertain else 0)
        side = self.random.choice(ALL)
        days: dict[str, Any] = {
            "agreement": "A",
            "source": "x",
            "earliest": earliest,
            "latest": latest,
        }
        words: list[Any] = [
            c.ImplementAgreement(side=side, **days),
            c.ImplementAgreement(side=side, **days),
            c.SuspendAgreement(side=side, **days),
            c.ResumeAgreement(side=side, **days),
            c.WithdrawFromAgreement(member=side, **days),
            c.AccedeToAgreement(member=side, **days),
            c.AccedeToAgreement(member=side, **days),
        ]
        if self.it.running.get(side):
            terms = [None, *range(1, self.it.terms[side] + 1)]
            words.append(
                c.SetDates(what=Step.IMPLEMENTED, side=side, term=self.random.choice(terms), **days)
            )
        if self.random.random() < 0.05:
            words = [c.TerminateAgreement(**days)]
        word = self.random.choice(words)
        by, version = Decision(today=START + timedelta(days=DAYS), source="x"), self.it.version
        try:
            if isinstance(word, c.AccedeToAgreement):
                agreement_decisions.accede(self.it, word, by, "UTC")
            else:
                DECISIONS[type(word)](self.it, word, by)
        except Refusal:
            return
        if self.it.version > version:
            self.taken.append((word, earliest, latest))

    def oracles(self) -> list[Oracle]:
        """One for each way of reading the days: every uncertain one at either of its ends, but
        none in which a side comes back before it left, or resumes before it suspended."""
        found = []
        for choice in product(*({a, b} for _, a, b in self.taken)):
            if not self._in_order(choice):
                continue
            oracle = Oracle(self.parties)
            for (word, _, _), on in zip(self.taken, choice, strict=True):
                oracle.tell(word, on)
            found.append(oracle)
        return found

    def _in_order(self, choice: tuple[date, ...]) -> bool:
        last: dict[Any, date] = {}
        paused: dict[Any, date] = {}
        for (word, _, _), on in zip(self.taken, choice, strict=True):
            match word:
                case c.AccedeToAgreement(member=side) | c.WithdrawFromAgreement(member=side):
                    place: Any = "member", side
                    paused.pop(side, None)
                case c.SuspendAgreement(side=side):
                    paused[side] = on
                    if on < last.get(("resumed", side), on):
                        return False
                    continue
                case c.ResumeAgreement(side=side):
                    place = "resumed", side
                    if on < paused.pop(side, on):
                        return False
                case _:
                    continue
            if on < last.get(place, on):
                return False
            last[place] = on
        return True


PAIRS = [(one, other) for one in ALL for other in ALL if one != other]


@pytest.mark.parametrize("seed", range(120 * TIMES))
def test_each_day_of_random_steps_is_as_the_oracle_says(seed: int) -> None:
    course = Course(seed, width=1)
    [oracle] = course.oracles()

    for n in range(-1, DAYS + 1):
        on = START + timedelta(days=n)
        for pair in PAIRS:
            found = at(course.told, *pair, start_of_day(on, "UTC"))
            assert [link.state.value for link in found] == [
                state for state in [oracle.state(*pair, on)] if state
            ], (on, pair, course.taken)


@pytest.mark.parametrize("seed", range(120 * TIMES))
def test_what_is_certainly_live_or_not_is_so_in_every_reading_of_the_days(seed: int) -> None:
    course = Course(seed, width=9)
    oracles = course.oracles()

    for n in range(-1, DAYS + 12):
        on = START + timedelta(days=n)
        for pair in PAIRS:
            found = at(course.told, *pair, start_of_day(on, "UTC"))
            told = found[0].state.value if found else None
            live = {oracle.state(*pair, on) == "LIVE" for oracle in oracles}
            if told != "UNCERTAIN":
                assert live == {told == "LIVE"}, (on, pair, course.taken)
