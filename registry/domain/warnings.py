"""Warnings about recorded commands that were lawful but that somebody should check.

They depend on the stream alone, so a repeated command gets the same warnings.
"""

from __future__ import annotations

from typing import Any

import msgspec
from eventsourcing.domain import BaseAggregate

from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import events_as_corrected
from registry.domain.values import AdministrationCode


class CommandWarning(msgspec.Struct, frozen=True):
    """A warning. `code` is never renamed; `message` names the event and the fact beside it."""

    code: str
    message: str


#: The events for which a warning is possible.
WARNED = (Operator.Granted,)


def warnings(aggregate: BaseAggregate[Any], event: Any) -> tuple[CommandWarning, ...]:
    """The warnings for an event of this aggregate."""
    if isinstance(aggregate, Operator) and isinstance(event, Operator.Granted):
        return _open_consultations(aggregate, event)
    return ()


def _open_consultations(operator: Operator, grant: Operator.Granted) -> tuple[CommandWarning, ...]:
    """Warns about a grant before a consulted administration has replied.

    UCC Delegated Act 2015/2446, Art. 14, sets a time for the reply. Whether silence means consent
    is for the officer to decide.
    """
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
