"""An AEO programme: its types, and its rules as dated data, so that a new order is a new date."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from eventsourcing.domain import AggregateCreated, BaseAggregate

from registry.decisions import DatedFact, Decision
from registry.errors import BadValue, WrongDates
from registry.streams import stream_id
from registry.values import AdministrationCode

#: Rules that are numbers, beside all those that end in _days or _years.
COUNTED = frozenset({"effect_after"})
#: What they count at most: more leads past the last year that a date can hold, and whoever
#: counts on from a day could not be answered.
MOST_DAYS, MOST_YEARS = 36_525, 100


@dataclass(frozen=True)
class Rules:
    """A programme's rules of one day: what the law of that day says."""

    found: dict[str, tuple[str, str | None, str | None]]

    def number(self, rule: str) -> int | None:
        value = self.found.get(rule)
        return int(value[0]) if value else None

    def parts(self, type: str) -> frozenset[str]:
        """The parts of an authorisation of this type; the type itself where it has none."""
        value = self.found.get(f"parts.{type}")
        return frozenset(value[0].split("+")) if value else frozenset((type,))

    @property
    def recognised_part(self) -> str | None:
        """The part that counts abroad: of an EU authorisation, security and safety (S)."""
        value = self.found.get("recognised_part")
        return value[0] if value else None

    def source(self, rule: str) -> str:
        """Who says so, for the person who asks why."""
        value = self.found.get(rule)
        return (value[2] if value else None) or rule

    def day_of_effect(self, decided: date) -> date:
        """UCC Delegated Act Art. 29: the fifth day after the decision, where nothing else is said.

        The pre-2016 United Kingdom counted ten working days (Monday to Friday here: the
        holidays of a past year in one country are not part of this record).
        """
        days, unit = self.number("effect_after") or 0, (self.found.get("effect_after") or "  ")[1]
        if unit != "working days":
            return decided + timedelta(days=days)
        day = decided
        while days:
            day += timedelta(days=1)
            days -= day.weekday() < 5
        return day


class Programme(BaseAggregate[UUID]):
    TOPIC = "programme"

    class Event(DatedFact): ...

    class Registered(Event, AggregateCreated):
        TOPIC = "programme.registered"
        programme: str
        administration: AdministrationCode
        time_zone: str  # of the administration: the days of its rules begin there
        name: str
        types: tuple[str, ...]
        local_name: str | None = None
        launched: str | None = None
        operators_described: str | None = None
        confidence: str | None = None

    class TypesSet(Event):
        TOPIC = "programme.types_set"
        types: tuple[str, ...]

        def apply(self, programme: Programme) -> None:
            programme.types.append((self.effective, self.types))

    class RuleSet(Event):
        TOPIC = "programme.rule_set"
        rule: str
        value: str
        unit: str | None = None
        until: date | None = None

        def apply(self, programme: Programme) -> None:
            programme.rules.append(self)
            programme._turns = None
            programme._of_day.clear()

    def __init__(
        self,
        programme: str,
        administration: AdministrationCode,
        time_zone: str,
        name: str,
        types: tuple[str, ...],
        effective: date,
        local_name: str | None = None,
        launched: str | None = None,
        operators_described: str | None = None,
        confidence: str | None = None,
        decided: date | None = None,
        decided_by: AdministrationCode | None = None,
        legal_ground: str | None = None,
        source: str | None = None,
    ) -> None:
        self.programme, self.administration, self.name = programme, administration, name
        self.types: list[tuple[date, tuple[str, ...]]] = [(date.min, types)]
        self.rules: list[Programme.RuleSet] = []
        self._turns: list[date] | None = None  # the days on which a rule begins or ends
        self._of_day: dict[int, Rules] = {}  # by how many turns came before

    @staticmethod
    def create_id(programme: str) -> UUID:
        return stream_id(f"programme/{programme}")

    def types_on(self, day: date) -> tuple[str, ...]:
        """Those of that day; of two that begin on one day, the ones said last."""
        held = [types for types in self.types if types[0] <= day]
        return sorted(held, key=lambda types: types[0])[-1][1]

    def rules_on(self, day: date) -> Rules:
        """The rules of that day; of two that hold, the newer law, else the one said last."""
        if self._turns is None:
            ends = [r.until for r in self.rules if r.until]
            self._turns = sorted({r.effective for r in self.rules}.union(ends))
        since = bisect(self._turns, day)  # between two turns every day has the same rules
        if since not in self._of_day:
            self._of_day[since] = Rules(
                {
                    r.rule: (r.value, r.unit, r.legal_ground or r.source)
                    for r in sorted(self.rules, key=lambda r: r.effective)
                    if r.effective <= day and (r.until is None or day < r.until)
                }
            )
        return self._of_day[since]

    def set_types(self, by: Decision, types: tuple[str, ...]) -> None:
        facts = by.envelope()
        if self.types_on(facts["effective"]) != types:
            self.trigger_event(self.TypesSet, types=types, **facts)

    def set_rule(
        self, by: Decision, rule: str, value: str, unit: str | None, until: date | None
    ) -> None:
        counted = rule in COUNTED or rule.endswith(("_days", "_years"))
        if counted and not value.isdecimal():
            raise BadValue(f"value: found {value[:90]!r}, and {rule} wants a whole number")
        most = MOST_YEARS if rule.endswith("_years") else MOST_DAYS if counted else None
        if most and (len(value) > 9 or int(value) > most):
            raise BadValue(f"value: found {value[:90]}, and {rule} is {most} at most")
        facts = by.envelope()
        if until and until <= facts["effective"]:
            raise WrongDates(f"until: {until} is not after {facts['effective']}, its beginning")
        # Only the last word of a day is the law: an earlier one said again takes its place.
        place = (rule, facts["effective"])
        last = next((r for r in reversed(self.rules) if (r.rule, r.effective) == place), None)
        if last and (last.value, last.unit, last.until) == (value, unit, until):
            return
        self.trigger_event(self.RuleSet, rule=rule, value=value, unit=unit, until=until, **facts)
