"""The rules of a programme on one day. Each has one of three states: a value, none, or unknown.

A rule that is not on record is unknown. It is none only if a source says that the law has no such
rule. MEANINGS states what none means for each rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from registry.domain.consent import OF_ADEQUACY
from registry.domain.errors import BadValue
from registry.domain.sentences import Listing
from registry.domain.values import RuleState

#: The rules that decisions and deadlines read, with their meaning. For `parts.<TYPE>`,
#: `consultation_days`, `dispute_days`, `recognised_part`, `second_person`, `sharing_consent`,
#: `consent_proof`, `adequate.<CODE>`, `validity_end` and `suspension_end`, a missing rule has a
#: meaning of its own, stated at the method that reads it: nothing is limited.
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
#: The rules without which a decision cannot be made: if one is unknown, the decision must state its
#: legal ground. The other rules set deadlines. A deadline is an alert, and is unknown if its rule
#: is. `working_days_calendar` is needed if working days are counted. If no rule names a calendar,
#: that of the authority's own country is used, which may be unknown too.
GUARDS = frozenset(
    {
        "bar_years",
        "decision_extension_days",
        "effect_after",
        "validity_years",
        "working_days_calendar",
    }
)
#: The rules that limit something only if they are on record (see above), and the ways of counting.
LIMITS = frozenset(
    {
        "consent_proof",
        "consultation_days",
        "day_counting",
        "dispute_days",
        "recognised_part",
        "second_person",
        "second_person_days",
        "sharing_consent",
        "suspension_end",
        "validity_end",
    }
)
#: The commands that `second_person` can name, joined by `+`: those that give, change or end what
#: partners rely on, or that destroy something. A surrender is the operator's own act, but its
#: customs may record it, which ends an authorisation as a revocation does.
SECOND_PERSON_COMMANDS = frozenset(
    {
        "annul_authorisation",
        "change_type",
        "correct_record",
        "erase_person",
        "expire_authorisation",
        "extend_suspension",
        "grant_authorisation",
        "lift_suspension",
        "list_operator",
        "merge_into",
        "refuse_application",
        "reject_application",
        "renew_authorisation",
        "revoke_authorisation",
        "split_from",
        "surrender_authorisation",
        "suspend_authorisation",
    }
)
#: Days for which a proposal can be confirmed where no rule `second_person_days` is on record.
PROPOSAL_DAYS = 30
#: Days for the answer to a dispute where no rule `dispute_days` is on record: the month that a
#: person has to wait at most for a rectification (GDPR Art. 12(3)), applied to every dispute.
DISPUTE_DAYS = 30
#: The rules that no decision reads; they are shown to readers of the programme.
TOLD = frozenset({"consultation_reply", "grades", "validation_years", "validity"})
#: The prefixes of rule names: the parts of a type, a single day of a calendar, a partner whose data
#: protection was found adequate (consent.py), and rules that no decision reads and that have no
#: name yet.
BEGINNINGS = ("parts.", "calendar.", OF_ADEQUACY, "other.")
#: The values of `validity_end` and `suspension_end`. By law: it ends on its day without a decision.
#: By decision: the status after the day is unknown until a decision is recorded. The rule on the
#: effective day of the grant, renewal or suspension applies to its end.
ENDS = ("by law", "by decision")
#: The source of an unknown rule if nothing is on record.
NOT_ON_RECORD = "not on record"


def check_rule_name(rule: str) -> None:
    """Raises BadValue for a rule name that no decision and no reader uses.

    A misspelt rule would be on record, and the intended rule would remain unknown.
    """
    known = sorted({*MEANINGS, *GUARDS, *LIMITS, *TOLD})
    begins = next((each for each in BEGINNINGS if rule.startswith(each)), None)
    if rule in known or (begins and rule != begins):
        return
    near = get_close_matches(rule, known, 1)
    raise BadValue(
        "rule: found %(rule)s, wanted one of %(known)s, parts.<TYPE>, adequate.<CODE> or "
        "calendar.<PLACE>.<DAY>; a rule that no decision reads is named other.<NAME>",
        rule=f"{rule[:90]!r} ({near[0]}?)" if near else repr(rule[:90]),
        known=", ".join(known),
    )


def check_unit(rule: str, unit: str | None) -> None:
    """Raises BadValue for a unit in which the rule is not counted."""
    wanted: tuple[str, ...] = ()
    if rule == "effect_after":
        wanted = ("days", "working days")
    elif rule.endswith(("_days", "_years")):
        wanted = (rule.rsplit("_", maxsplit=1)[-1],)
    if unit is not None and wanted and unit not in wanted:
        raise BadValue(
            "unit: found %(unit)s; %(rule)s is counted in %(wanted)s",
            unit=repr(unit[:90]),
            rule=rule,
            wanted=Listing(wanted, " or "),
        )


_UNKNOWN = "_unknown"


def unknown_rule_flags(rule_unknown: Iterable[str] | None) -> tuple[str, ...]:
    """The flags of an authorisation for the unknown rules that its decision needed."""
    return tuple(f"{rule}{_UNKNOWN}" for rule in rule_unknown or () if rule in GUARDS)


def rules_unknown(flags: Iterable[str]) -> list[str]:
    """The unknown rules that the flags of an authorisation name, sorted."""
    known = (flag.removesuffix(_UNKNOWN) for flag in flags if flag.endswith(_UNKNOWN))
    return sorted(rule for rule in known if rule in GUARDS)


@dataclass(frozen=True)
class Rule:
    """One rule on one day. `value` is a text, and None unless the state is VALUE."""

    name: str
    state: RuleState
    value: str | None = None
    unit: str | None = None
    source: str = NOT_ON_RECORD  # the legal ground, or else the source

    @property
    def number(self) -> int | None:
        """The value as a whole number; None if the law sets none or if it is unknown."""
        return int(self.value) if self.value is not None else None

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows the rule."""
        return self.state is RuleState.UNKNOWN


@lru_cache(maxsize=1_024)
def _not_on_record(name: str) -> Rule:
    """The unknown rule of this name."""
    return Rule(name, RuleState.UNKNOWN)


@dataclass(frozen=True)
class Rules:
    """The rules of a programme on one day, as far as they are known."""

    found: Mapping[str, Rule]

    def rule(self, name: str) -> Rule:
        """The rule with this name; unknown if nothing is on record."""
        return self.found.get(name) or _not_on_record(name)

    def number(self, name: str) -> int | None:
        """The rule's number, or None. Use `rule` where none and unknown differ."""
        return self.rule(name).number

    def unknown(self, *names: str) -> tuple[str, ...]:
        """The unknown rules among these names, in the order given."""
        return tuple(name for name in names if self.rule(name).is_unknown)

    def source(self, name: str) -> str:
        """The source of a date that was computed from a rule.

        If the rule has no value, the date was stated by the decision.
        """
        rule = self.rule(name)
        return rule.source if rule.state is RuleState.VALUE else "the decision"

    def takes_decision(self, name: str) -> bool | None:
        """Whether an end (`validity_end`, `suspension_end`) needs a decision.

        True if it does, None if it ends by law. Without a record it ends by law. A rule recorded as
        unknown needs a decision.
        """
        rule = self.found.get(name)
        awaited = rule and (rule.value == "by decision" or rule.is_unknown)
        return True if awaited else None

    def parts(self, type: str) -> frozenset[str]:
        """The parts of an authorisation of this type; the type itself if no rule names parts."""
        value = self.rule(f"parts.{type}").value
        return frozenset(value.split("+")) if value else frozenset((type,))

    def abroad(self, type: str) -> bool | None:
        """Whether partners can recognise an authorisation of this type.

        False if it lacks the part that partners recognise, such as an AEOC; else None. A type
        without named parts is recognised as a whole.
        """
        named = self.rule(f"parts.{type}").value and self.recognised_part
        return False if named and self.recognised_part not in self.parts(type) else None

    @property
    def recognised_part(self) -> str | None:
        """The part that partners recognise: for the EU, security and safety (S).

        None if no rule names one; the whole authorisation is then recognised.
        """
        return self.rule("recognised_part").value

    @property
    def second_person(self) -> frozenset[str]:
        """The names of the commands that need a second person (four eyes).

        Empty if no rule names any.
        """
        value = self.rule("second_person").value
        return frozenset(value.split("+")) if value else frozenset()

    @property
    def second_person_days(self) -> int | None:
        """The days after that of the proposal on which it can still be confirmed.

        None if a rule says that there is no limit.
        """
        rule = self.rule("second_person_days")
        return PROPOSAL_DAYS if rule.is_unknown else rule.number

    @property
    def dispute_days(self) -> int | None:
        """The days after that of a dispute in which it is to be answered.

        None if a rule says that there is no limit.
        """
        rule = self.rule("dispute_days")
        return DISPUTE_DAYS if rule.is_unknown else rule.number
