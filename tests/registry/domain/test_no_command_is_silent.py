"""No command is silent (domain.md, section 2).

The identical command records nothing. With any one of its fields changed it is recorded as one
event, or refused in words; it is never answered as recorded with nothing recorded. The table is
made from the commands themselves: every command, each of its fields with other values, in every
standing. A new command, or a new field of one, has no values here and fails the test.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from registry.application.dispatch import BEGINNINGS
from registry.domain import commands as c
from registry.domain.errors import Refusal
from tests.registry.domain.command_values import first, others, said_by
from tests.registry.domain.standings import things
from tests.scenario import Fact, when

#: With how many of the commands that a standing takes every field is changed afterwards; all of
#: them, where somebody has a minute: AEO_EVERY_PAIR=1.
PAIRS = 1_000 if os.environ.get("AEO_EVERY_PAIR") else 1
#: Who begins a stream that is there is refused
#: (tests/registry/application/test_repeated_commands.py).
KINDS = [kind for kind in c.COMMANDS.values() if kind not in BEGINNINGS]


def outcome(thing: Any, command: c.Command) -> int:
    """How many events; -1 for a refusal."""
    try:
        return len(when(thing, command))
    except Refusal as refusal:
        assert str(refusal).strip()
        assert thing.collect_events() == []
        return -1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_command_with_every_field_changed_is_told_what_became_of_it(
    kind: type[c.Command],
) -> None:
    recorded = 0
    for standing, make in things(kind.noun).items():
        recorded_here = 0
        for command in (first(kind), *others(first(kind))):
            thing = make()
            where = f"of what is {standing}: {shown(command)}"
            try:
                events = when(thing, command)
            except Refusal as refusal:
                assert str(refusal).strip() and thing.collect_events() == [], where
                continue
            assert len(events) == 1, where
            assert outcome(thing, command) == 0, f"{where}: not known when it was said again"
            if recorded_here < PAIRS:
                told_of_another(make, command, events, where)
            recorded_here += 1
        recorded += recorded_here
    assert recorded, f"{kind.__name__} is recorded in none of these standings"


def told_of_another(
    make: Callable[[], Any], command: c.Command, events: list[Fact], where: str
) -> None:
    """After it was recorded, with each of its fields changed."""
    for other in others(command):
        thing = make()
        when(thing, command)
        if outcome(thing, other) == 0 and not names_the_same(command, other):
            assert says(make(), other) == events, f"{where}, then {shown(other)}: dropped"


def names_the_same(command: c.Command, other: c.Command) -> bool:
    """Only the authorisation is named otherwise (by its reference, by its number, or not at all),
    or the day of decision is left out, of which then nothing is said."""
    fields = type(command).__struct_fields__
    changed = {name for name in fields if getattr(other, name) != getattr(command, name)}
    return changed == {"authorisation"} or (changed == {"decided"} and other.decided is None)


def says(thing: Any, command: c.Command) -> Any:
    """What it would have recorded, had it come first. A field that is left out may say the same as
    one that is filled in: the type of the application, the only authorisation that there is."""
    try:
        return when(thing, command)
    except Refusal as refusal:
        return refusal


def shown(command: c.Command) -> str:
    usual = first(type(command))
    other = {
        name: getattr(command, name)
        for name in said_by(type(command))
        if getattr(command, name) != getattr(usual, name)
    }
    return f"{type(command).__name__} {other or ''}"
