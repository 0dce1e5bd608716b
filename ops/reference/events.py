"""The page on events: every stored event with its versions and fields."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any, cast

from ops.reference.markdown import comments_by_name, page, prose, sentence, table
from registry.domain.aggregates import AGGREGATES
from registry.ledger.mapper import ENVELOPE
from registry.paths import ROOT

#: One approved text for each event and version (tests/registry/ledger/test_stored_events.py).
APPROVED_EVENTS = ROOT / "tests" / "registry" / "stored"
_COMMON = (
    ("effective", "the civil day from which it counts in law, in the authority's time zone"),
    ("decided", "the day on which it was decided"),
    ("decided_by", "the administration that decided"),
    ("legal_ground", "the legal ground"),
    ("source", "where it is known from"),
)


def events() -> str:
    """Every event with its versions and fields, and an approved text of each version."""
    parts = [
        "## What every event has\n\nThe text of an event holds these fields and its own. Fields "
        "without a value are left out. Stream, version, position, time, actor and command are "
        "columns of `ledger.event` ([tables](tables.md)).\n\n"
        + table(("Field", "Meaning"), ((f"`{name}`", words) for name, words in _COMMON))
    ]
    for aggregate in AGGREGATES:
        noun = str(vars(aggregate)["TOPIC"])
        parts.append(f"## {noun.capitalize()}\n\n{prose(aggregate.__dict__.get('__doc__'))}")
        for event in vars(aggregate).values():
            topic = vars(event).get("TOPIC") if isinstance(event, type) else None
            if topic is not None and _approved(topic):
                parts.append(_event(event, topic))
    return page(
        "Events",
        "What is stored for ever. A name of an event or a field is never changed; an event of an "
        "earlier version is brought to the current one (*upcast*) when it is read.",
        *filter(None, map(str.strip, parts)),
    )


def _approved(topic: str) -> list[Path]:
    return sorted(APPROVED_EVENTS.glob(f"{topic}.v*.json"))


def _event(event: type, topic: str) -> str:
    version = getattr(event, "class_version", 1)
    own = vars(event).get("__doc__") or ""
    lines = [f"### {topic}", prose("" if own.startswith(f"{event.__name__}(") else own)]
    upcasts = [
        f"- Version {number} to {number + 1}: {prose(upcast.__doc__) or 'see the code.'}"
        for number in range(1, version)
        if (upcast := getattr(event, f"upcast_v{number}_v{number + 1}", None))
    ]
    meanings: dict[str, str] = {}
    for kind in reversed(event.__mro__):
        if kind.__module__.startswith("registry."):  # the bases of an event have fields, too
            meanings |= comments_by_name(inspect.getsource(kind))
    rows = [
        (
            f"`{field.name}`",
            f"`{_type(field.type)}`",
            _default(field),
            sentence(meanings.get(field.name, "")),
        )
        for field in dataclasses.fields(cast(Any, event))
        if field.name not in ENVELOPE and field.name not in dict(_COMMON)
    ]
    lines.append(f"Version {version}.")
    lines.append("\n".join(upcasts))
    if rows:
        lines.append(table(("Field", "Type", "If left out", "Meaning"), rows).strip())
    lines.append(f"```json\n{_approved(topic)[-1].read_text(encoding='utf-8').strip()}\n```")
    return "\n\n".join(filter(None, lines))


def _type(annotation: Any) -> str:
    return (
        annotation
        if isinstance(annotation, str)
        else getattr(annotation, "__name__", str(annotation))
    )


def _default(field: Any) -> str:
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return "required"
    return "none" if field.default is None else f"`{field.default!r}`"
