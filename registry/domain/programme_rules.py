"""A programme's rules of one day, each with one of three states: a value, none, unknown.

A rule that is not on record is unknown. It is none only where a source says that the law has no
such rule. What none means is said beside each name in MEANINGS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from registry.domain.errors import BadValue
from registry.domain.values import RuleState

#: The rules that decisions and deadlines ask for by name, and what each means. Of `parts.<TYPE>`,
#: `recognised_part`, `sharing_consent`, `validity_end` and `suspension_end` an absent rule has a
#: meaning of its own, given at the method that reads it: they limit nothing.
MEANINGS: dict[str, str] = {
    "acceptance_days": "days from the application to its acceptance; none: no time limit",
    "decision_days": "days from the acceptance to the decision; none: no time limit",
    "decision_extension_days": "days by which a decision may be put off; none: it may not be",
    "effect_after": "days or working days from the decision to its effect; none: the same day",
    "validity_years": "years of validity from the day of effect; none: valid without end",
    "review_years": "years from one review to the next; none: no review at fixed intervals",
    "bar_years": "years after a revocation without a new grant; none: no bar",
    "suspension_days": "days of a suspension that names no end; none: it is open-ended",
}
#: Of these, those that a decision cannot do without: where they are unknown it states its legal
#: ground. The others set deadlines. A deadline is an alert, and unknown where its rule is.
#: `working_days_calendar` is asked for where working days are counted. Where no rule names a
#: calendar it is that of the authority's own country, which may be unknown, too.
GUARDS = frozenset(
    {
        "bar_years",
        "decision_extension_days",
        "effect_after",
        "validity_years",
        "working_days_calendar",
    }
)
#: Rules that limit something only where they are on record (see above), and the ways of counting.
LIMITS = frozenset(
    {"day_counting", "recognised_part", "sharing_consent", "suspension_end", "validity_end"}
)
#: Rules that no decision reads: a reader of the programme is told them.
TOLD = frozenset({"consultation_reply", "grades", "validation_years", "validity"})
#: How a rule begins that has a name of its own: the parts of a type, a single day of a calendar,
#: and what no decision reads and has no name yet.
BEGINNINGS = ("parts.", "calendar.", "other.")
#: What `validity_end` and `suspension_end` may say. By law: on its day, without anybody. By
#: decision: what holds after the day is unknown until a decision is recorded. The rule of the day
#: from which a grant, renewal or suspension counts is the one that holds for its end.
ENDS = ("by law", "by decision")
#: What the source of an unknown rule says where nobody has recorded anything.
NOT_ON_RECORD = "not on record"


def check_rule_name(rule: str) -> None:
    """Raises BadValue for a name that no decision and no reader looks for. A misspelt rule would be
    on record, and the one that was meant would go on unknown."""
    known = sorted({*MEANINGS, *GUARDS, *LIMITS, *TOLD})
    begins = next((each for each in BEGINNINGS if rule.startswith(each)), None)
    if rule in known or (begins and rule != begins):
        return
    near = get_close_matches(rule, known, 1)
    meant = f" ({near[0]}?)" if near else ""
    raise BadValue(
        f"rule: found {rule[:90]!r}{meant}, wanted one of {', '.join(known)}, parts.<TYPE> or "
        "calendar.<PLACE>.<DAY>; a rule that no decision reads is named other.<NAME>"
    )


def check_unit(rule: str, unit: str | None) -> None:
    """Raises BadValue for a unit in which the rule is not counted: it would be read as another."""
    wanted: tuple[str, ...] = ()
    if rule == "effect_after":
        wanted = ("days", "working days")
    elif rule.endswith(("_days", "_years")):
        wanted = (rule.rsplit("_", maxsplit=1)[-1],)
    if unit is not None and wanted and unit not in wanted:
        raise BadValue(f"unit: found {unit[:90]!r}; {rule} is counted in {' or '.join(wanted)}")


_UNKNOWN = "_unknown"


def unknown_rule_flags(rule_unknown: Iterable[str] | None) -> tuple[str, ...]:
    """A flag of the authorisation for each rule that a decision needed and that nobody knew."""
    return tuple(f"{rule}{_UNKNOWN}" for rule in rule_unknown or () if rule in GUARDS)


def rules_unknown(flags: Iterable[str]) -> list[str]:
    """Of the flags of an authorisation, the rules that nobody knew when it was decided on."""
    known = (flag.removesuffix(_UNKNOWN) for flag in flags if flag.endswith(_UNKNOWN))
    return sorted(rule for rule in known if rule in GUARDS)


@dataclass(frozen=True)
class Rule:
    """One rule on one day. `value` is a text, and None where the state is not VALUE."""

    name: str
    state: RuleState
    value: str | None = None
    unit: str | None = None
    source: str = NOT_ON_RECORD  # the legal ground, else where it was read

    @property
    def number(self) -> int | None:
        """The value as a whole number; None where the law sets none and where nobody knows."""
        return int(self.value) if self.value is not None else None

    @property
    def is_unknown(self) -> bool:
        return self.state is RuleState.UNKNOWN


@lru_cache(maxsize=1_024)
def _not_on_record(name: str) -> Rule:
    return Rule(name, RuleState.UNKNOWN)


@dataclass(frozen=True)
class Rules:
    """A programme's rules of one day: what the law of that day says, as far as it is known."""

    found: Mapping[str, Rule]

    def rule(self, name: str) -> Rule:
        """The rule of that name; unknown where nothing is on record."""
        return self.found.get(name) or _not_on_record(name)

    def number(self, name: str) -> int | None:
        """The rule's number, or None. A caller for whom none and unknown differ asks `rule`."""
        return self.rule(name).number

    def unknown(self, *names: str) -> tuple[str, ...]:
        """Those of these names that nobody knows the rule of, in the order asked."""
        return tuple(name for name in names if self.rule(name).is_unknown)

    def source(self, name: str) -> str:
        """On what a date rests that was counted by a rule. Where the law sets none, and where
        nobody knows, it was the decision that said the date."""
        rule = self.rule(name)
        return rule.source if rule.state is RuleState.VALUE else "the decision"

    def takes_decision(self, name: str) -> bool | None:
        """Does it take a decision to end (`validity_end`, `suspension_end`)? None: it ends by law,
        which is what holds where nothing is on record. A rule recorded as unknown takes one."""
        rule = self.found.get(name)
        awaited = rule and (rule.value == "by decision" or rule.is_unknown)
        return True if awaited else None

    def parts(self, type: str) -> frozenset[str]:
        """The parts of an authorisation of this type; the type itself where no rule names any."""
        value = self.rule(f"parts.{type}").value
        return frozenset(value.split("+")) if value else frozenset((type,))

    def abroad(self, type: str) -> bool | None:
        """False: an authorisation of this type lacks the part that counts abroad, as an AEOC does.
        None: it counts there; of a type of which no rule names parts the whole does."""
        named = self.rule(f"parts.{type}").value and self.recognised_part
        return False if named and self.recognised_part not in self.parts(type) else None

    @property
    def recognised_part(self) -> str | None:
        """The part that counts abroad: of an EU authorisation, security and safety (S).

        None where no rule names one: the whole authorisation counts.
        """
        return self.rule("recognised_part").value
