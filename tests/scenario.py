"""Given some facts, one call, then facts: how the tests of decisions read."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

import pytest
from eventsourcing.domain import BaseAggregate

from registry.application.dispatch import DECISIONS
from registry.domain import commands as c
from registry.domain import proposals
from registry.domain.agreements.decisions import accede
from registry.domain.bitemporal import BitemporalRow, TimedEvent
from registry.domain.decisions import Decision
from registry.domain.errors import Refusal
from registry.domain.operators.particulars_decisions import correct, merge_into
from registry.domain.trigger import create_aggregate
from registry.ledger.mapper import ENVELOPE
from tests.law import PROGRAMMES, TODAY, ZONES

#: The persons of proposals: the first, and the second.
ANNA, BO = "person-anna", "person-bo"


class Fact(NamedTuple):
    """An event without its envelope, and without what it leaves unsaid."""

    type: type[Any]
    fields: dict[str, Any]


def fact(type: type[Any], /, **fields: Any) -> Fact:
    unsaid = {f.name: f.default for f in dataclasses.fields(type)}
    return Fact(type, {k: v for k, v in fields.items() if unsaid.get(k) != v})


def begun(aggregate: type[BaseAggregate[Any]], created: Fact) -> BaseAggregate[Any]:
    """An aggregate whose first event is still to be collected."""
    names = inspect.signature(aggregate.create_id).parameters
    id = aggregate.create_id(**{name: created.fields.get(name) for name in names})
    return create_aggregate(aggregate, created.type, id, created.fields)


def given(aggregate: type[BaseAggregate[Any]], created: Fact, *later: Fact) -> Any:
    """An aggregate with this past and nothing new to record."""
    item: Any = begun(aggregate, created)
    for past in later:
        item.trigger_event(past.type, **past.fields)
    item.collect_events()
    return item


def recorded(aggregate: BaseAggregate[Any]) -> list[Fact]:
    """What the aggregate has decided since. The day of decision is shown where it is not today."""
    found = []
    for event in aggregate.collect_events():
        said = {k: v for k, v in vars(event).items() if k not in ENVELOPE}
        if said["decided"] == TODAY:
            del said["decided"]
        found.append(fact(type(event), **said))
    return found


def when(aggregate: Any, command: c.Command, today: date = TODAY) -> list[Fact]:
    """What one command makes it record."""
    decide(aggregate, command, today)
    return recorded(aggregate)


def refused(
    why: type[Refusal], aggregate: BaseAggregate[Any], command: c.Command, today: date = TODAY
) -> str:
    """The sentence with which a command is refused. Nothing is recorded."""
    with pytest.raises(why) as refusal:
        decide(aggregate, command, today)
    assert aggregate.collect_events() == []
    return str(refusal.value)


def decide(aggregate: Any, command: c.Command, today: date = TODAY) -> None:
    by = Decision(
        today=today,
        effective=command.effective,
        decided=command.decided,
        decided_by=command.decided_by,
        legal_ground=command.legal_ground,
        source=command.source,
        programme=PROGRAMMES.__getitem__,
        is_operator=command.decided_by is None,
    )
    match command:
        case c.MergeInto():  # the register looks for a ring first
            merge_into(aggregate, command, by)
        case c.AccedeToAgreement(member=member):
            accede(aggregate, command, by, ZONES[member.text])
        case c.CorrectRecord(position=position):  # positions are versions here: one stream only
            correct(aggregate, command, by, position)
        case (
            c.ConfirmProposal() | c.ConfirmAdministrationProposal()
        ):  # the register records the decision with it
            proposals.confirm(aggregate, command, by, BO)
        case c.RejectProposal() | c.RejectAdministrationProposal():
            proposals.reject(aggregate, command, by, BO)
        case c.WithdrawProposal() | c.WithdrawAdministrationProposal():
            proposals.withdraw(aggregate, command, by, ANNA)
        case _:
            DECISIONS[type(command)](aggregate, command, by)


def stream(
    aggregate: type[BaseAggregate[Any]], created: Fact, *words: tuple[date, c.Command]
) -> list[TimedEvent[Any]]:
    """A whole stream: each command decided, recorded and known at noon (UTC) of its day."""
    item: Any = begun(aggregate, created)
    known = [
        TimedEvent(event, 1, noon(created.fields["effective"])) for event in item.collect_events()
    ]
    for day, command in words:
        decide(item, command, day)
        for event in item.collect_events():
            known.append(TimedEvent(event, event.originator_version, noon(day)))
    return known


def believed(rows: Iterable[BitemporalRow[Any]], known: datetime) -> list[Any]:
    """The facts of those rows that were believed then."""
    return [
        row.fact
        for row in rows
        if row.recorded_from <= known and (row.recorded_to is None or known < row.recorded_to)
    ]


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
