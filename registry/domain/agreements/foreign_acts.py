"""What one side of an agreement did, as its own register recorded it, decided again here.

A side's acts are its own: its implementation, its suspension, its withdrawal, the clauses of what
it recognises, and the dates of those. An act is refused here for the same reasons as a command.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from registry.domain import commands as c
from registry.domain.agreements import decisions
from registry.domain.agreements.events import Agreement
from registry.domain.decisions import Decision
from registry.domain.values import AdministrationCode

#: The command and the decision of each act of a side, and the fields that they share.
_ACTS: dict[type[Agreement.DatedEvent], tuple[type[c.DatedCommand], Any, tuple[str, ...]]] = {
    Agreement.Implemented: (c.ImplementAgreement, decisions.implement, ("side",)),
    Agreement.Suspended: (c.SuspendAgreement, decisions.suspend_side, ("side",)),
    Agreement.Resumed: (c.ResumeAgreement, decisions.resume_side, ("side",)),
    Agreement.Withdrew: (c.WithdrawFromAgreement, decisions.withdraw_member, ("member",)),
    Agreement.DatesSet: (
        c.SetDates,
        decisions.set_dates,
        ("what", "side", "conflicting", "term"),
    ),
    Agreement.ScopeSet: (c.SetScope, decisions.set_scope, ("until",)),
}


def side_of(command: c.Command) -> AdministrationCode | None:
    """The side whose act a command about an agreement is; None: of all sides together, or of
    none."""
    match command:
        case c.SideCommand(side=side):
            return side
        case c.WithdrawFromAgreement(member=member):
            return member
        case c.SetScope(to=recognising):
            return recognising
        case c.SetDates(side=side):
            return side
    return None


def decide_again(agreement: Agreement, event: Agreement.DatedEvent, today: date) -> bool:
    """Decides an act that another register recorded on the civil day `today` of that side. Returns
    whether it would change this agreement, which is not to be used afterwards. Raises a Refusal."""
    command_class, decide, names = _ACTS[type(event)]
    content = {name: getattr(event, name) for name in names}
    if isinstance(event, Agreement.ScopeSet):
        clause = event.clause
        content |= {name: getattr(clause, name) for name in clause.__struct_fields__}
    command = command_class(
        agreement=agreement.agreement,
        earliest=event.dates.earliest,
        latest=event.dates.latest,
        assumed=event.assumed,
        note=event.note,
        **content,
    )
    by = Decision(
        today,
        decided=event.decided,
        decided_by=event.decided_by,
        legal_ground=event.legal_ground,
        source=event.source,
    )
    before = len(agreement.pending_events)
    decide(agreement, command, by)
    return len(agreement.pending_events) > before
