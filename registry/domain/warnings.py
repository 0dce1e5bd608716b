"""Warnings about recorded commands: each was lawful, but somebody should check it.

Warnings depend on the stream alone, so the same command sent again gets the same warnings.
"""

from __future__ import annotations

from typing import Any

import msgspec
from eventsourcing.domain import BaseAggregate

from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import events_as_corrected
from registry.domain.values import AdministrationCode


class CommandWarning(msgspec.Struct, frozen=True):
    """`code` is a name for ever; `message` names what was recorded and what stands beside it."""

    code: str
    message: str


#: The events of which there may be something to say.
WARNED = (Operator.Granted,)


def warnings(aggregate: BaseAggregate[Any], event: Any) -> tuple[CommandWarning, ...]:
    """Of an event of this aggregate, which knows what came before it."""
    if isinstance(aggregate, Operator) and isinstance(event, Operator.Granted):
        return _open_consultations(aggregate, event)
    return ()


def _open_consultations(operator: Operator, grant: Operator.Granted) -> tuple[CommandWarning, ...]:
    """Granted before an administration that was consulted has replied (UCC Delegated Act
    2015/2446, Art. 14, gives it time; whether its silence is consent is for the officer to say)."""
    asked: dict[AdministrationCode, Operator.ConsultationRequested] = {}
    for event in events_as_corrected(operator):
        if event.originator_version >= grant.originator_version:
            break
        if getattr(event, "authorisation", None) != grant.authorisation:
            continue
        if isinstance(event, Operator.ConsultationRequested):
            asked[event.asked] = event
        elif isinstance(event, Operator.ConsultationReplied):
            asked.pop(event.asked, None)
    return tuple(
        CommandWarning(
            "CONSULTATION_OPEN",
            f"{grant.number} is granted while a consultation is open: {code} was asked as of "
            f"{event.effective} and has not replied",
        )
        for code, event in asked.items()
    )
