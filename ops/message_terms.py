"""The names of codes, which stand in no source as texts. The context of each is its code."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from enum import Enum
from typing import get_type_hints

from api.graphql.codes import REFUSALS
from api.graphql.types.proposals import ProposalState
from api.pages import type_names
from api.pages.agreements import STEP
from api.pages.command_fields import fields_of
from api.pages.labels import (
    ENVELOPE,
    MEASURES,
    OUTCOME,
    STATUS,
    english_event_name,
    english_phrase,
)
from api.pages.record_texts import RECORD
from api.pages.refusals import MEANINGS
from ops import record_texts
from registry.domain import programme_rules, values
from registry.domain.aggregates import AGGREGATES
from registry.domain.agreements.events import Clause
from registry.domain.commands import COMMANDS
from registry.paths import WORLD

#: Names that are kept as data: flags of an authorisation, and deadlines.
FLAGS = ("listed", "under_reassessment", "suspension_decision_awaited", "expiry_decision_awaited")
DEADLINES = ("acceptance", "decision", "renewal", "review", "end of suspension", "consultation")
#: A choice of the list of agreements that is no status.
CHOICES = ("SIGNED_OR_LATER",)


def terms() -> Iterator[tuple[str, str]]:
    """The code and the English name of each, without repetition."""
    seen: set[tuple[str, str]] = set()
    for code, text in _all():
        if text and (code, text) not in seen:
            seen.add((code, text))
            yield code, text


def _all() -> Iterator[tuple[str, str]]:
    for table in (STATUS, OUTCOME, STEP):
        yield from ((code, sign.word) for code, sign in table.items())
    yield from MEASURES.items()
    for kind in vars(values).values():
        if isinstance(kind, type) and issubclass(kind, Enum):
            yield from ((str(term.value), english_phrase(str(term.value))) for term in kind)
    for word in (
        *COMMANDS,
        *(state.value for state in ProposalState),
        *CHOICES,
        *FLAGS,
        *DEADLINES,
        *_rules(),
        *_fields(),
        *_data(),
    ):
        yield word, english_phrase(word)
    yield from ((RECORD, text) for text in record_texts.texts())
    yield from _events()
    yield from MEANINGS.items()
    yield from REFUSALS.items()
    for (programme, type_), (_, _, english) in type_names.table().items():
        yield f"{programme} {type_}", english


def _data() -> list[str]:
    """The names of measures, of details of agreements and of units that the record itself has."""
    found: set[str] = set()
    for file in sorted(WORLD.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            command = json.loads(line) if line.strip() else {}
            found |= {command[name] for name in ("measure", "unit") if command.get(name)}
            details = command.get("details")
            found |= set(details) if isinstance(details, dict) else set()
    return sorted(found - set(MEASURES))


def _rules() -> list[str]:
    known = programme_rules
    return sorted({*known.MEANINGS, *known.GUARDS, *known.LIMITS, *known.TOLD})


def _of_aggregates() -> Iterator[type]:
    for aggregate in AGGREGATES:
        for event in vars(aggregate).values():
            if isinstance(event, type) and vars(event).get("TOPIC"):
                yield event


def _events() -> Iterator[tuple[str, str]]:
    for event in _of_aggregates():
        topic = str(vars(event)["TOPIC"])
        yield topic, english_event_name(topic)


def _fields() -> list[str]:
    """The names of the fields that events and the forms of commands show."""
    found: set[str] = set()
    for event in _of_aggregates():
        if dataclasses.is_dataclass(event):
            found |= {field.name for field in dataclasses.fields(event)}
        else:
            found |= set(get_type_hints(event))
    found |= set(Clause.__struct_encode_fields__)
    for command in COMMANDS.values():
        found |= set(command.__struct_encode_fields__)
    asked = {field.name for kind in COMMANDS.values() for field in fields_of(kind)}
    own = ENVELOPE - asked | {
        "originator_id",
        "originator_version",
        "timestamp",
        "TOPIC",
        "class_version",
    }
    return sorted(name for name in found - own if not name.startswith("_"))
