"""Unknown is not none: every decision that needs a rule, with the rule a value, none, unknown."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

from registry.application.dispatch import DECISIONS
from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import Barred, GroundNeeded, NotOffered, WrongDates, WrongStatus
from registry.domain.operators.deadlines import deadlines
from registry.domain.operators.events import Operator
from registry.domain.operators.status_periods import last_statuses
from registry.domain.programme_rules import GUARDS, MEANINGS
from registry.domain.programmes import Programme
from registry.domain.values import RuleState, Tin
from registry.paths import WORLD
from tests.law import CN, TODAY, without_rules
from tests.law import due as due_on
from tests.scenario import Fact, fact, given

BAR = Tin("CN9BAR000001")
REF, AGAIN = "CN-AEO/1", "CN-AEO/2"
GROUND = "GACC Order 282, as the office reads it"

registered = fact(
    Operator.Registered,
    tin=BAR,
    administration=CN,
    time_zone="Asia/Shanghai",
    name="Bar",
    effective=date(2020, 1, 2),
)
lodged = fact(
    Operator.Lodged, authorisation=REF, programme="CN-AEO", type="ACE", effective=date(2026, 1, 5)
)
accepted = fact(
    Operator.Accepted,
    authorisation=REF,
    due=due_on("decision", TODAY.isoformat()),
    effective=date(2026, 1, 6),
)
granted = fact(
    Operator.Granted, authorisation=REF, number="N1", type="ACE", effective=date(2026, 1, 7)
)
valid = (lodged, accepted, granted)
reassessed = fact(Operator.ReassessmentOpened, authorisation=REF, effective=date(2026, 1, 9))
revoked = fact(Operator.Revoked, authorisation=REF, reason="fraud", effective=date(2026, 1, 20))
lodged_again = fact(
    Operator.Lodged, authorisation=AGAIN, programme="CN-AEO", type="ACE", effective=date(2026, 2, 2)
)
accepted_again = fact(Operator.Accepted, authorisation=AGAIN, effective=date(2026, 2, 3))


class Needed(NamedTuple):
    """A command that needs a rule, and the past before it. What it does where the rule has that
    value, and where the law has no such rule: a refusal, or a field of the event (`...`: it is
    set)."""

    rule: str
    value: str
    past: tuple[Fact, ...]
    command: c.Command
    with_value: Any
    with_none: Any


def in_days(days: int) -> list[date]:
    return [TODAY + timedelta(days=days)]


LODGE = c.LodgeApplication(tin=BAR, programme="CN-AEO", type="ACE")
EXTEND = c.ExtendDeadline(tin=BAR, days=20, reason="a fire")
GRANT = c.GrantAuthorisation(tin=BAR, number="N2")
SUSPEND = c.SuspendAuthorisation(tin=BAR, reason="in doubt")
REVOKE = c.RevokeAuthorisation(tin=BAR, reason="fraud")
NEEDED = (
    Needed("acceptance_days", "30", (), LODGE, {"due": in_days(30)}, {"due": []}),
    Needed(
        "decision_days",
        "90",
        (lodged,),
        c.AcceptApplication(tin=BAR),
        {"due": in_days(90)},
        {"due": []},
    ),
    Needed(
        "decision_extension_days",
        "30",
        (lodged, accepted),
        EXTEND,
        {"due": in_days(20)},
        WrongDates,
    ),
    Needed(
        "effect_after",
        "5",
        (lodged, accepted),
        GRANT,
        {"effective": in_days(5)[0]},
        {"effective": TODAY},
    ),
    Needed(
        "validity_years",
        "3",
        (lodged, accepted),
        GRANT,
        {"valid_until": ...},
        {"valid_until": None},
    ),
    Needed("review_years", "3", (lodged, accepted), GRANT, {"due": ...}, {"due": []}),
    Needed(
        "review_years",
        "3",
        (*valid, reassessed),
        c.CloseReassessment(tin=BAR),
        {"due": ...},
        {"due": []},
    ),
    Needed("suspension_days", "30", valid, SUSPEND, {"due": in_days(30)}, {"due": []}),
    Needed("bar_years", "1", valid, REVOKE, {"barred_until": ...}, {"barred_until": None}),
    Needed(
        "bar_years",
        "1",
        (*valid, revoked, lodged_again, accepted_again),
        GRANT,
        Barred,
        {"number": "N2"},
    ),
)
#: A rule that is on record as unknown, and one of which nothing is on record.
UNKNOWN = (RuleState.UNKNOWN, None)
cases = pytest.mark.parametrize(
    "needed", NEEDED, ids=[f"{item.command.name}, {item.rule}" for item in NEEDED]
)


def law(rule: str, state: RuleState | None, value: str | None = None) -> Programme:
    """A law that has none of the rules, but for one, which is of that state or not on record."""
    programme = Programme(
        programme="CN-AEO",
        administration=CN,
        time_zone="Asia/Shanghai",
        name="AEO",
        types=("ACE",),
        effective=date(2008, 1, 1),
    )
    for said in without_rules("CN-AEO"):
        if said.rule != rule:
            DECISIONS[c.SetRule](programme, said, Decision(date(2008, 1, 1), source=said.source))
    if state:
        programme.set_rule(Decision(date(2008, 1, 1), source="x"), rule, value, state=state)
    return programme


def decide(
    past: tuple[Fact, ...], command: c.Command, programme: Programme, today: date = TODAY
) -> Any:
    """The one event that the command makes."""
    operator = given(Operator, registered, *past)
    by = Decision(
        today,
        command.effective,
        legal_ground=command.legal_ground,
        programme={programme.programme: programme}.__getitem__,
    )
    DECISIONS[type(command)](operator, command, by)
    [event] = operator.collect_events()
    return event


def with_ground(command: c.Command) -> c.Command:
    return msgspec.structs.replace(command, legal_ground=GROUND)


def is_as(event: Any, wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        found = getattr(event, name)
        found = [item.due for item in found] if name == "due" else found
        assert bool(found) if value is ... else found == value, (name, found)


# ------------------------------------------------------------------- the table


def test_every_rule_is_needed_by_a_decision_of_this_table() -> None:
    assert {item.rule for item in NEEDED} == set(MEANINGS)
    assert GUARDS - set(MEANINGS) == {
        "working_days_calendar"
    }  # tests/registry/domain/test_working_days.py


@cases
@pytest.mark.parametrize("ground", [False, True])
@pytest.mark.parametrize("state", [RuleState.VALUE, RuleState.NONE])
def test_what_is_known_is_followed_and_needs_no_ground(
    needed: Needed, state: RuleState, ground: bool
) -> None:
    value = needed.value if state is RuleState.VALUE else None
    programme = law(needed.rule, state, value)
    command = with_ground(needed.command) if ground else needed.command
    wanted = needed.with_value if state is RuleState.VALUE else needed.with_none

    if isinstance(wanted, dict):
        event = decide(needed.past, command, programme)
        is_as(event, wanted)
        assert event.rule_unknown is None
    else:
        with pytest.raises(wanted):
            decide(needed.past, command, programme)


@cases
@pytest.mark.parametrize("state", UNKNOWN)
def test_what_nobody_knows_needs_a_ground_where_it_guards_and_is_marked(
    needed: Needed, state: RuleState | None
) -> None:
    programme = law(needed.rule, state)
    # A revocation only says what the next grant will need.
    if needed.rule in GUARDS and needed.command is not REVOKE:
        with pytest.raises(GroundNeeded, match=f"nobody knows {needed.rule} of CN-AEO"):
            decide(needed.past, needed.command, programme)
        event = decide(needed.past, with_ground(needed.command), programme)
    else:
        event = decide(needed.past, needed.command, programme)

    assert event.rule_unknown == (needed.rule,)


@cases
@pytest.mark.parametrize("state", UNKNOWN)
def test_a_deadline_whose_rule_nobody_knows_is_unknown_and_not_absent(
    needed: Needed, state: RuleState | None
) -> None:
    event = decide(needed.past, with_ground(needed.command), law(needed.rule, state))
    found = [deadline for deadline in deadlines([event]) if deadline.due is None]

    of_rule = {
        "acceptance_days": ["acceptance"],
        "decision_days": ["decision"],
        "validity_years": ["renewal"],
        "review_years": ["review"],
        "suspension_days": ["end of suspension"],
    }
    assert [deadline.what for deadline in found] == of_rule.get(needed.rule, [])
    assert all(
        (deadline.rule, deadline.met_on, deadline.dropped) == (needed.rule, None, False)
        for deadline in found
    )


@pytest.mark.parametrize("state", UNKNOWN)
@pytest.mark.parametrize(
    ("rule", "past", "command"),
    [
        (
            "effect_after",
            (lodged, accepted),
            c.GrantAuthorisation(tin=BAR, number="N2", effective=TODAY),
        ),
        (
            "validity_years",
            (lodged, accepted),
            c.GrantAuthorisation(tin=BAR, number="N2", valid_until=date(2030, 1, 1)),
        ),
        (
            "bar_years",
            valid,
            c.RevokeAuthorisation(tin=BAR, reason="x", barred_until=date(2030, 1, 1)),
        ),
        (
            "suspension_days",
            valid,
            c.SuspendAuthorisation(tin=BAR, reason="x", until=date(2030, 1, 1)),
        ),
        ("validity_years", valid, c.RenewAuthorisation(tin=BAR, valid_until=date(2030, 1, 1))),
    ],
)
def test_a_decision_that_says_the_day_itself_needs_no_rule(
    rule: str, past: tuple[Fact, ...], command: c.Command, state: RuleState | None
) -> None:
    assert getattr(decide(past, command, law(rule, state)), "rule_unknown", None) is None


@pytest.mark.parametrize("state", [RuleState.NONE, *UNKNOWN])
def test_a_renewal_names_its_day_where_no_term_is_known_and_says_which_it_is(
    state: RuleState | None,
) -> None:
    renew = c.RenewAuthorisation(tin=BAR, legal_ground=GROUND)
    says = "no term that" if state is RuleState.NONE else "nobody knows the term"

    with pytest.raises(NotOffered, match=says):
        decide(valid, renew, law("validity_years", state))


@pytest.mark.parametrize("barred", [date(2026, 1, 20), date(2026, 2, 20)])
def test_a_revocation_that_named_the_end_of_its_bar_leaves_nothing_unknown(barred: date) -> None:
    named = Fact(revoked.type, revoked.fields | {"barred_until": barred})
    past = (*valid, named, lodged_again, accepted_again)

    assert decide(past, GRANT, law("bar_years", None)).rule_unknown is None


def test_a_bar_that_was_unknown_at_the_revocation_and_is_known_since_bars() -> None:
    programme = law("bar_years", None)
    programme.set_rule(
        Decision(TODAY, effective=date(2026, 1, 1), source="Order 282, found"), "bar_years", "1"
    )
    past = (*valid, revoked, lodged_again, accepted_again)

    with pytest.raises(Barred, match="2027-01-"):
        decide(past, with_ground(GRANT), programme)


# ------------------------------------------------------- the shipped programmes


def shipped(code: str) -> Programme:
    """A programme as the world that we ship has it."""
    item: Any = None
    for line in (WORLD / "02-programmes.jsonl").read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        if said["programme"] != code:
            continue
        command = c.read(said)
        by = Decision(
            date(2026, 11, 29),
            command.effective,
            legal_ground=command.legal_ground,
            source=command.source,
        )
        if isinstance(command, c.RegisterProgramme):
            item = Programme(
                programme=code,
                administration=command.administration,
                time_zone="Asia/Shanghai",
                name=command.name_,
                types=command.types,
                effective=date(2005, 6, 23),
            )
        elif type(command) in DECISIONS:
            DECISIONS[type(command)](item, command, by)
    return item  # type: ignore[no-any-return]


def test_under_order_282_nobody_knows_the_bar_and_a_grant_after_a_revocation_says_its_ground() -> (
    None
):
    china, day = shipped("CN-AEO"), date(2026, 5, 5)
    past = (
        *valid,
        Fact(revoked.type, revoked.fields | {"effective": date(2026, 5, 1)}),
        Fact(lodged_again.type, lodged_again.fields | {"effective": date(2026, 5, 4)}),
        Fact(accepted_again.type, accepted_again.fields | {"effective": date(2026, 5, 4)}),
    )

    with pytest.raises(GroundNeeded, match="bar_years of CN-AEO"):
        decide(past, GRANT, china, day)
    event = decide(past, with_ground(GRANT), china, day)

    assert event.rule_unknown == ("bar_years", "review_years")
    operator = given(Operator, registered, *past)
    stands = last_statuses([*operator.history, event], operator.time_zone)
    assert (stands[AGAIN].status.value, stands[AGAIN].flags) == ("VALID", ("bar_years_unknown",))
    assert stands[AGAIN].ground == GROUND


def test_under_order_251_the_bar_was_a_year() -> None:
    past = (*valid, revoked, lodged_again, accepted_again)

    with pytest.raises(Barred):
        decide(past, GRANT, shipped("CN-AEO"))


@pytest.mark.parametrize(
    "code",
    ["EU-AEO", "GB-AEO", "CN-AEO", "US-CTPAT", "JP-AEO", "KR-AEO", "SG-STP", "CH-AEO", "HK-AEO"],
)
def test_of_the_programmes_that_were_read_up_every_rule_is_on_record_today(code: str) -> None:
    today = shipped(code).rules_on(date(2026, 11, 29))

    assert set(MEANINGS) <= set(today.found)
    assert all(today.rule(name).source != name for name in MEANINGS)


def test_more_time_where_no_rule_set_a_day_says_so_of_what_was_accepted() -> None:
    after = (lodged, fact(Operator.Accepted, authorisation=REF, effective=date(2026, 1, 6)))
    china = shipped("CN-AEO")
    with pytest.raises(WrongStatus, match="it is ACCEPTED, and no rule of CN-AEO"):
        decide(after, with_ground(EXTEND), china, date(2026, 5, 5))
    with pytest.raises(WrongStatus, match="accept it first"):
        decide((lodged,), with_ground(EXTEND), china, date(2026, 5, 5))
