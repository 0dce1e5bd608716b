"""An AEO programme: its types and its rules, as dated data.

A change of the law is a new date in the data, not a change of this code.
"""

from __future__ import annotations

from bisect import bisect
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from eventsourcing.domain import AggregateCreated, BaseAggregate

from registry.domain.consent import ADEQUATE, CONSENT_LAWS, OF_ADEQUACY, WRITTEN
from registry.domain.decisions import DatedFact, Decision
from registry.domain.errors import BadValue, GroundNeeded, WrongDates
from registry.domain.programme_rules import (
    ENDS,
    SECOND_PERSON_COMMANDS,
    Rule,
    Rules,
    check_rule_name,
    check_unit,
)
from registry.domain.repeated_commands import difference
from registry.domain.sentences import Listing
from registry.domain.stream_ids import stream_id
from registry.domain.values import AdministrationCode, RuleState
from registry.domain.working_days import REGULATION_1182, Calendar, place_of

#: The rules that are numbers, beside those whose names end in _days or _years.
COUNTED = frozenset({"effect_after"})
#: The largest values. A larger one would lead past the last possible date.
MOST_DAYS, MOST_YEARS = 36_525, 100
#: The prefix of a rule about a single day of a calendar, and its possible values.
OF_CALENDAR = "calendar."
HOLIDAY, WORKING_DAY = "holiday", "working day"
#: The values of the rules of consent (registry/domain/consent.py).
_WORDS: dict[str, tuple[str, ...]] = {
    "sharing_consent": CONSENT_LAWS,
    "consent_proof": (WRITTEN,),
    OF_ADEQUACY: (ADEQUATE,),
}


class Programme(BaseAggregate[UUID]):
    """An AEO programme of an administration (event-sourced aggregate)."""

    TOPIC = "programme"

    class Event(DatedFact):
        """The base of every event of a programme."""

    class Registered(Event, AggregateCreated):
        """The programme is entered into the register with its types."""

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
        """The types that the programme offers from this day on."""

        TOPIC = "programme.types_set"
        types: tuple[str, ...]

        def apply(self, programme: Programme) -> None:
            """Sets the types from the effective day."""
            programme.types.append((self.effective, self.types))
            programme.types_said[self.effective] = self

    class RuleSet(Event):
        """A rule from `effective` to `until` (exclusive): a value, none, or unknown.

        Version 1 had values only. From version 2 on `value` may be missing, and `state` then says
        whether the law has no such rule or nobody knows it.
        """

        TOPIC = "programme.rule_set"
        class_version = 2
        rule: str
        value: str | None = None
        unit: str | None = None
        until: date | None = None
        state: RuleState | None = None  # None: a value

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Upcast: in version 1 every rule has a value and no state.

            The stored text needs no change.
            """

        @property
        def as_rule(self) -> Rule:
            """The rule that the event sets."""
            source = self.legal_ground or self.source or self.rule
            state = self.state or RuleState.VALUE
            return Rule(self.rule, state, self.value, self.unit, source)

        def apply(self, programme: Programme) -> None:
            """Adds the rule and clears what was derived from the rules."""
            programme.rules.append(self)
            programme._change_days = None
            programme._rules_by_interval.clear()
            programme._calendars.clear()

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
        self.since = effective  # no authorisation of it existed before
        self.types: list[tuple[date, tuple[str, ...]]] = [(date.min, types)]
        self.types_said: dict[date, Programme.TypesSet] = {}  # the latest event of each day
        self.rules: list[Programme.RuleSet] = []
        self._change_days: list[date] | None = None  # the days on which a rule begins or ends
        self._rules_by_interval: dict[int, Rules] = {}  # by the number of such days before
        self._calendars: dict[str, Calendar] = {}

    @staticmethod
    def create_id(programme: str) -> UUID:
        """The stream id (UUIDv5), derived from the programme's code."""
        return stream_id(f"programme/{programme}")

    def types_on(self, day: date) -> tuple[str, ...]:
        """The types on a civil day; of two events of one day, the later recorded one decides."""
        held = [types for types in self.types if types[0] <= day]
        return sorted(held, key=lambda types: types[0])[-1][1]

    def rules_on(self, day: date) -> Rules:
        """The rules on a civil day.

        If two events about a rule apply, the one with the later effective day decides; of two with
        the same day, the later recorded one.
        """
        if self._change_days is None:
            ends = [r.until for r in self.rules if r.until]
            self._change_days = sorted({r.effective for r in self.rules}.union(ends))
        since = bisect(self._change_days, day)  # the rules are the same between two such days
        if since not in self._rules_by_interval:
            self._rules_by_interval[since] = Rules(
                {
                    r.rule: r.as_rule
                    for r in sorted(self.rules, key=lambda r: r.effective)
                    if r.effective <= day and (r.until is None or day < r.until)
                }
            )
        return self._rules_by_interval[since]

    def calendar(self, authority: str, day: date) -> Calendar:
        """The working days of an authority in that country under the rules of a day.

        The single days that the programme's data correct (`calendar.<place>.<day>`) are included,
        whenever they were recorded.
        """
        place = place_of(self.rules_on(day), authority)
        if place not in self._calendars:
            changed: dict[date, bool] = {}
            for rule in self.rules:
                if rule.rule.startswith(of_place := f"{OF_CALENDAR}{place}."):
                    changed.pop(
                        exception_day := date.fromisoformat(rule.rule.removeprefix(of_place)), None
                    )
                    if rule.value is not None:
                        changed[exception_day] = rule.value == WORKING_DAY
            self._calendars[place] = Calendar(place, changed)
        return self._calendars[place]

    def set_types(self, by: Decision, types: tuple[str, ...]) -> None:
        """Records the types that are offered from a day on, unless they are recorded already."""
        facts = by.envelope()
        last = self.types_said.get(facts["effective"])
        if last is None or difference(last, by, types=types) is not None:
            self.trigger_event(self.TypesSet, types=types, **facts)

    def set_rule(
        self,
        by: Decision,
        rule: str,
        value: str | None,
        unit: str | None = None,
        until: date | None = None,
        state: RuleState = RuleState.VALUE,
    ) -> None:
        """Records a rule from a day on. Raises BadValue, GroundNeeded, WrongDates."""
        check_rule_name(rule)
        check_unit(rule, unit)
        if rule.startswith(OF_CALENDAR):
            _check_calendar_rule(rule)
        if rule.startswith(OF_ADEQUACY):
            _check_adequacy(rule, by)
        if state is RuleState.VALUE:
            _check_value(rule, value)
        elif value is not None or unit is not None:
            raise BadValue(
                "value: found %(value)s, and a rule that is %(state)s has none",
                value=repr(value or unit),
                state=state,
            )
        elif state is RuleState.NONE and not (by.legal_ground or by.source):
            raise GroundNeeded(
                "source: found nothing; that %(programme)s has no rule %(rule)s needs a "
                "legal ground or a source: where nobody knows the rule its state is UNKNOWN",
                programme=self.programme,
                rule=rule,
            )
        facts = by.envelope()
        if until and until <= facts["effective"]:
            raise WrongDates(
                "until: %(until)s is not after %(effective)s, its beginning",
                until=until,
                effective=facts["effective"],
            )
        if rule == "second_person":
            self._refuse_sudden_relief(value, facts["effective"], until, by.today)
        content = {
            "value": value,
            "unit": unit,
            "until": until,
            "state": None if state is RuleState.VALUE else state,
        }
        # Only the latest event of a day applies, so an earlier one that is repeated replaces it.
        place = (rule, facts["effective"])
        last = next((r for r in reversed(self.rules) if (r.rule, r.effective) == place), None)
        if last and difference(last, by, None, content) is None:
            return
        self.trigger_event(self.RuleSet, rule=rule, **content, **facts)

    def dropped_by(
        self, rule: str, value: str | None, first: date, until: date | None
    ) -> frozenset[str]:
        """The commands that would need no second person any more, on a day of this interval, if the
        rule were set so."""
        if rule != "second_person":
            return frozenset()
        begins = {first, *(r.effective for r in self.rules if r.effective > first)}
        begins |= {r.until for r in self.rules if r.until and r.until > first}
        days = [day for day in begins if until is None or day < until]
        # A rule that begins later decides on its days, whatever an earlier one says.
        later = {r.effective for r in self.rules if r.rule == rule and r.effective > first}
        named: set[str] = set()
        for day in days:
            if not any(each <= day and self._names(each, day) for each in later):
                named |= self.rules_on(day).second_person
        return frozenset(named - set((value or "").split("+")))

    def _names(self, effective: date, day: date) -> bool:
        """Whether a rule about the second person that begins on `effective` still applies."""
        return any(
            r.until is None or day < r.until
            for r in self.rules
            if r.rule == "second_person" and r.effective == effective
        )

    def second_person_since(self, day: date) -> date | None:
        """The day on which the rule about the second person began that applies on this day; None:
        there is none."""
        beginnings = [
            r.effective
            for r in self.rules
            if r.rule == "second_person"
            and r.effective <= day
            and (r.until is None or day < r.until)
        ]
        return max(beginnings, default=None)

    def second_person_from(self, day: date) -> frozenset[str]:
        """The commands that need a second person on this day or a later one."""
        begins = {day, *(r.effective for r in self.rules if r.effective > day)}
        return frozenset().union(*(self.rules_on(each).second_person for each in begins))

    def _refuse_sudden_relief(
        self, value: str | None, first: date, until: date | None, today: date
    ) -> None:
        """Refuses that a command needs no second person any more, unless from a later day on.
        Raises WrongDates."""
        tomorrow = today + timedelta(days=1)
        if first < tomorrow and (
            dropped := self.dropped_by(
                "second_person", value, first, min(until or tomorrow, tomorrow)
            )
        ):
            raise WrongDates(
                "effective: found %(first)s; %(dropped)s may do without a second person "
                "from a day after %(today)s on",
                first=first,
                dropped=", ".join(sorted(dropped)),
                today=today,
            )


def _check_value(rule: str, value: str | None) -> None:
    """Raises BadValue for a value that a decision could not use."""
    counted = rule in COUNTED or rule.endswith(("_days", "_years"))
    if value is None:
        raise BadValue("value: found nothing; wanted the value of %(rule)s, or a state", rule=rule)
    if rule.startswith(OF_CALENDAR) and value not in (HOLIDAY, WORKING_DAY):
        raise BadValue(
            "value: found %(value)s, wanted %(holiday)s or %(working_day)s",
            value=repr(value[:90]),
            holiday=repr(HOLIDAY),
            working_day=repr(WORKING_DAY),
        )
    if rule == "second_person" and (unknown := set(value.split("+")) - SECOND_PERSON_COMMANDS):
        raise BadValue(
            "value: found %(unknown)s, wanted some of %(second_person_commands)s, joined by +",
            unknown=repr(", ".join(sorted(unknown))[:90]),
            second_person_commands=", ".join(sorted(SECOND_PERSON_COMMANDS)),
        )
    if rule == "day_counting" and value != REGULATION_1182:
        raise BadValue(
            "value: found %(value)s, wanted %(regulation_1182)s or state NONE",
            value=repr(value[:90]),
            regulation_1182=repr(REGULATION_1182),
        )
    if counted and not value.isdecimal():
        raise BadValue(
            "value: found %(value)s, and %(rule)s wants a whole number",
            value=repr(value[:90]),
            rule=rule,
        )
    most = MOST_YEARS if rule.endswith("_years") else MOST_DAYS if counted else None
    if most and (len(value) > 9 or int(value) > most):
        raise BadValue(
            "value: found %(value)s, and %(rule)s is %(most)s at most",
            value=value[:90],
            rule=rule,
            most=most,
        )
    wanted = _WORDS.get(OF_ADEQUACY if rule.startswith(OF_ADEQUACY) else rule)
    if wanted and value not in wanted:
        raise BadValue(
            "value: found %(value)s, and %(rule)s is %(words)s; that the law has no "
            "such rule is state NONE",
            value=repr(value[:90]),
            rule=rule,
            words=Listing(map(repr, wanted), " or "),
        )
    if rule in ("validity_end", "suspension_end") and value not in ENDS:
        raise BadValue(
            "value: found %(value)s, and %(rule)s is %(ends)s",
            value=repr(value[:90]),
            rule=rule,
            ends=Listing(ENDS, " or "),
        )


def _check_adequacy(rule: str, by: Decision) -> None:
    """Raises BadValue if the rule's name is not a partner, and GroundNeeded without a source."""
    code = rule.removeprefix(OF_ADEQUACY)
    try:
        AdministrationCode.parse(code)
    except ValueError:
        raise BadValue(
            "rule: found %(rule)s, wanted a partner, like adequate.JP", rule=repr(rule[:90])
        ) from None
    if not (by.legal_ground or by.source):
        raise GroundNeeded(
            "source: found nothing; whether the data protection of %(code)s was found "
            "adequate needs a legal ground or a source",
            code=code,
        )


def _check_calendar_rule(rule: str) -> None:
    """Raises BadValue if the rule's name is not a day of a calendar."""
    _, place, day = [*rule.split("."), "", ""][:3]
    try:
        if f"{OF_CALENDAR}{place}.{date.fromisoformat(day)}" == rule and place:
            return
    except ValueError:
        pass
    raise BadValue(
        "rule: found %(rule)s, wanted a day, like calendar.GB-ENG.2022-09-19", rule=repr(rule[:90])
    )
