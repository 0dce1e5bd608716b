"""Four eyes for what concerns no operator: the command that made an event of a programme, an
agreement, an administration or a client, and the administrations of which one had to decide it.

second_person_decisions.py asks the same of a command before it is recorded; this module is for
whoever checks what is recorded already.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.clients import Client
from registry.domain.programmes import Programme
from registry.domain.second_person import rule_on
from registry.domain.values import AdministrationCode

#: What such an event is about.
Subject: TypeAlias = Programme | Agreement | Administration | Client
#: The command of each event that is about no operator and that a rule can want two persons for.
COMMAND_OF_LAW: dict[type[Any], str] = {
    Programme.Registered: "register_programme",
    Programme.TypesSet: "set_types",
    Programme.RuleSet: "set_rule",
    Agreement.Proposed: "propose_agreement",
    Agreement.Amended: "amend_agreement",
    Agreement.NegotiationOpened: "open_negotiation",
    Agreement.ActionPlanSigned: "sign_action_plan",
    Agreement.Signed: "sign_agreement",
    Agreement.PilotStarted: "start_pilot",
    Agreement.Implemented: "implement_agreement",
    Agreement.Suspended: "suspend_agreement",
    Agreement.Resumed: "resume_agreement",
    Agreement.Terminated: "terminate_agreement",
    Agreement.Acceded: "accede_to_agreement",
    Agreement.Withdrew: "withdraw_from_agreement",
    Agreement.DatesSet: "set_dates",
    Agreement.Noted: "note_on_agreement",
    Agreement.ScopeSet: "set_scope",
    Administration.MemberJoined: "join_bloc",
    Administration.MemberLeft: "leave_bloc",
    Administration.CadenceDeclared: "declare_cadence",
    Administration.KeyAdded: "add_key",
    Administration.KeyRetired: "retire_key",
    Administration.SecondPersonRequired: "require_second_person",
    Client.Registered: "register_client",
    Client.KeyAdded: "add_client_key",
}


def deciders_of(event: Any, before: Subject | None) -> tuple[AdministrationCode, ...]:
    """The administrations of which one had to decide an event, told from its content and from the
    aggregate before it (None: it is the first), never from `decided_by`, which a forger would
    choose."""
    found: tuple[AdministrationCode | None, ...]
    match event:
        case Programme.Registered() | Client.Registered():
            found = (event.administration,)
        case Agreement.Proposed():
            found = tuple(dict.fromkeys(party.administration for party in event.parties))
        case Agreement.Acceded():
            found = (event.party.administration,)
        case Agreement.ScopeSet():
            found = (event.clause.to,)
        case Agreement.Withdrew():
            found = (event.member,)
        case Agreement.SideEvent():
            found = (event.side,)
        case Agreement.DatesSet() if event.side is not None:
            found = (event.side,)
        case _:
            found = _of_stream(before)
    return tuple(code for code in found if code)


def _of_stream(before: Subject | None) -> tuple[AdministrationCode | None, ...]:
    match before:
        case Programme() | Client():
            return (before.administration,)
        case Agreement():
            return tuple(before.parties)
        case Administration():
            return (before.code,)
    return ()


def loosens(event: Any, before: Subject | None) -> bool:
    """Whether a command needs no second person any more by this event, on a day on which it did."""
    if isinstance(event, Programme.RuleSet) and isinstance(before, Programme):
        return bool(before.dropped_by(event.rule, event.value, event.effective, event.until))
    if isinstance(event, Administration.SecondPersonRequired):
        assert isinstance(before, Administration)
        rule = rule_on(before.second_person, event.effective)
        return bool(rule.commands - set(event.commands))
    return False
