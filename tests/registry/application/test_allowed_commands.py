"""What an operator's file allows is what the decisions accept, in every standing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from msgspec.structs import replace

from registry.application.allowed_commands import OPERATOR_COMMANDS, TrialLaw, allowed_commands
from registry.domain import commands as c
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator
from tests.law import PROGRAMMES, TODAY
from tests.registry.domain.command_values import first, others
from tests.registry.domain.standings import things
from tests.scenario import BO, decide, when

LAW = TrialLaw([PROGRAMMES["EU-AEO"]], TODAY, BO)
#: Every kind of standing; the others differ from one of these in dates alone.
STANDINGS = {
    name: make
    for name, make in things("operator").items()
    if name
    in {
        "none", "lodged", "examined", "valid", "proposed", "part suspended", "revoked", "overdue",
        "merged", "listed", "known", "erased",
    }
}  # fmt: skip


@pytest.mark.parametrize("standing", STANDINGS)
def test_what_is_offered_is_what_is_accepted(standing: str) -> None:
    make = STANDINGS[standing]
    offered = {allowed.kind: allowed.today for allowed in allowed_commands(make(), LAW, decide)}

    accepted = accepted_days(make)
    from_some_day = {kind.__name__ for kind, days in accepted.items() if days}
    today = {kind.__name__ for kind, days in accepted.items() if days & {None, TODAY}}
    if accepted[c.RecordEnd]:  # of an end that is over: its day is that of the end
        today.add("RecordEnd")
    assert from_some_day <= {kind.__name__ for kind in offered}
    assert {kind.__name__ for kind, now in offered.items() if now} == today


def variants(kind: type[c.OperatorCommand]) -> list[c.Command]:
    usual = first(kind)
    if kind is c.RecordEnd:
        return [usual, *others(usual)]
    return [*others(usual), *others(replace(usual, effective=None))]


def accepted_days(
    make: Callable[[], Operator],
) -> dict[type[c.OperatorCommand], set[date | None]]:
    """The effective days with which each command is recorded."""
    found: dict[type[c.OperatorCommand], set[date | None]] = {}
    thing = make()
    for kind in OPERATOR_COMMANDS:
        found[kind] = set()
        for command in variants(kind):
            try:
                events = when(thing, command)
            except Refusal:
                continue
            if events:
                found[kind].add(command.effective)
                thing = make()
    return found
