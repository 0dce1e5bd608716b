"""Four eyes: which commands need a second person, and the decisions about proposals.

A programme's rule `second_person` names the commands. Such a command is not decided when it is
sent: it becomes a proposal, which another person confirms, rejects, or which its author withdraws.
A person is an opaque id that the access token vouches for; a program without a person can neither
propose nor confirm. A proposal lapses by itself after its last day; no event says so, as with other
ends that were set before.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
    BadValue,
    OwnProposal,
    PersonNeeded,
    ProposalClosed,
    Refusal,
    UnknownProposal,
    WrongDates,
)
from registry.domain.operators.events import Operator, ProposedDecision
from registry.domain.programme_rules import SECOND_PERSON_COMMANDS
from registry.domain.repeated_commands import refuse_unless_identical

#: The command of each event for which a second person may be needed.
COMMAND_OF_EVENT: dict[type[Operator.Event], str] = {
    Operator.Annulled: "annul_authorisation",
    Operator.Corrected: "correct_record",
    Operator.Expired: "expire_authorisation",
    Operator.Granted: "grant_authorisation",
    Operator.Listed: "list_operator",
    Operator.Merged: "merge_into",
    Operator.NotAccepted: "reject_application",
    Operator.PersonErased: "erase_person",
    Operator.Refused: "refuse_application",
    Operator.Renewed: "renew_authorisation",
    Operator.Revoked: "revoke_authorisation",
    Operator.Split: "split_from",
    Operator.Surrendered: "surrender_authorisation",
    Operator.Suspended: "suspend_authorisation",
    Operator.SuspensionExtended: "extend_suspension",
    Operator.SuspensionLifted: "lift_suspension",
    Operator.TypeChanged: "change_type",
    Operator.Unlisted: "list_operator",
}
#: How a command was sent, which does not distinguish one proposal from another.
_SENDING = {"command_id": None, "expected_version": None, "signature": None}


def may_need_second_person(operator: Operator, command: c.Command, by: Decision) -> bool:
    """Whether a rule of a programme of this operator could want a second person for the command.

    Cheap; `programme_that_requires` decides, when the command was tried.
    """
    if command.name not in SECOND_PERSON_COMMANDS:
        return False
    if isinstance(command, c.CorrectRecord):
        return any(_named(programme, by) for programme in _programmes(operator, command))
    return any(command.name in _named(code, by) for code in _programmes(operator, command))


def programme_that_requires(trial: Operator, by: Decision) -> str | None:
    """Returns the programme whose rules want a second person for what was tried; None if no rule
    does.

    `trial`: a copy of the operator on which the command was decided. An event of no authorisation
    (an erasure, a merger) is one of all programmes of the operator. A correction needs a second
    person where the corrected event does. An end by law is no decision.
    """
    for event in trial.pending_events:
        assert isinstance(event, Operator.Event)
        if getattr(event, "by_law", None):
            continue
        names, about = {COMMAND_OF_EVENT.get(type(event), "")}, event
        if isinstance(event, Operator.Corrected):
            about = next(e for e in trial.history if e.originator_version == event.version)
            names.add(COMMAND_OF_EVENT.get(type(about), ""))
        authorisation = trial.authorisations.get(getattr(about, "authorisation", ""))
        programmes = {authorisation.programme} if authorisation else _programmes(trial)
        for code in sorted(programmes):
            if names & _named(code, by):
                return code
    return None


def propose(
    operator: Operator, command: c.Command, by: Decision, programme: str, person: str | None
) -> None:
    """Records a command as a proposal.

    Raises PersonNeeded, AlreadyRecorded (the same is proposed already), WrongDates, GroundNeeded.
    """
    proposer = _person(person, f"{command.name} needs two persons by the rules of {programme}")
    plain = c.plain(command)
    for proposal in operator.proposals.values():
        if is_open(proposal, by) and _says_the_same(proposal, command):
            raise AlreadyRecorded(
                f"The same is proposed already, as {proposal.proposed.proposal}, and waits for a "
                "second person"
            )
    rules = by.programme(programme).rules_on(by.today) if by.programme else None
    days = rules.second_person_days if rules else None
    operator.trigger_event(
        Operator.DecisionProposed,
        proposal=c.id_of_line(command),
        programme=programme,
        command=plain,
        proposer=proposer,
        expires=None if days is None else by.today + timedelta(days=days),
        **_envelope_of_today(by),
    )


def is_open(proposal: ProposedDecision, by: Decision) -> bool:
    """Whether the proposal can be confirmed on this day."""
    last = proposal.proposed.expires
    return proposal.closed is None and (last is None or by.today <= last)


def proposed_command(operator: Operator, proposal: UUID) -> c.OperatorCommand:
    """The command of a proposal, as it is decided at its confirmation: for whatever version of the
    stream. Raises UnknownProposal."""
    command = c.read(_find(operator, proposal).proposed.command)
    assert isinstance(command, c.OperatorCommand)
    return replace(command, expected_version=None)


def confirm(
    operator: Operator, command: c.ConfirmProposal, by: Decision, person: str | None
) -> bool:
    """Records the confirmation; the caller records the decision itself after it. Returns False
    where this person confirmed it already.

    Raises UnknownProposal, PersonNeeded, OwnProposal, ProposalClosed, AlreadyRecorded.
    """
    proposal = _find(operator, command.proposal)
    confirmer = _person(person, "a confirmation is made by a person")
    if _was_closed_so(proposal, Operator.ProposalConfirmed, by, confirmer=confirmer):
        return False
    if confirmer == proposal.proposed.proposer:
        raise OwnProposal("proposal: you made it yourself; another person confirms it")
    _refuse_unless_open(proposal, by)
    operator.trigger_event(
        Operator.ProposalConfirmed,
        proposal=command.proposal,
        proposer=proposal.proposed.proposer,
        confirmer=confirmer,
        **_today_only(by),
    )
    return True


def reject(operator: Operator, command: c.RejectProposal, by: Decision, person: str | None) -> None:
    """Records the rejection.

    Raises UnknownProposal, PersonNeeded, OwnProposal, ProposalClosed, BadValue.
    """
    proposal = _find(operator, command.proposal)
    rejecter = _person(person, "a rejection is made by a person")
    if not command.reason.strip() or len(command.reason) > 500:
        raise BadValue(f"reason: found {len(command.reason)} characters, wanted 1 to 500")
    content = {"rejecter": rejecter, "reason": command.reason}
    if _was_closed_so(proposal, Operator.ProposalRejected, by, **content):
        return
    if rejecter == proposal.proposed.proposer:
        raise OwnProposal("proposal: you made it yourself; withdraw it instead")
    _refuse_unless_open(proposal, by)
    operator.trigger_event(
        Operator.ProposalRejected, proposal=command.proposal, **content, **_today_only(by)
    )


def withdraw(
    operator: Operator, command: c.WithdrawProposal, by: Decision, person: str | None
) -> None:
    """Records that the author withdraws the proposal.

    Raises UnknownProposal, PersonNeeded, OwnProposal, ProposalClosed.
    """
    proposal = _find(operator, command.proposal)
    proposer = _person(person, "a proposal is withdrawn by the person who made it")
    if proposer != proposal.proposed.proposer:
        raise OwnProposal("proposal: another person made it; reject it instead")
    content = {"proposer": proposer, "reason": command.reason}
    if _was_closed_so(proposal, Operator.ProposalWithdrawn, by, **content):
        return
    _refuse_unless_open(proposal, by)
    operator.trigger_event(
        Operator.ProposalWithdrawn, proposal=command.proposal, **content, **_today_only(by)
    )


# ------------------------------------------------------------------------- inside


def _named(programme: str, by: Decision) -> frozenset[str]:
    """The commands for which this programme wants a second person today; none for a programme that
    is not registered, which the decision itself refuses."""
    if by.programme is None:
        return frozenset()
    try:
        return by.programme(programme).rules_on(by.today).second_person
    except Refusal:
        return frozenset()


def _programmes(operator: Operator, command: c.Command | None = None) -> set[str]:
    own = {authorisation.programme for authorisation in operator.authorisations.values()}
    return own | ({command.programme} if isinstance(command, c.ListOperator) else set())


def _person(person: str | None, why: str) -> str:
    if person is None:
        raise PersonNeeded(
            f"No person is behind this request, and {why}. Sign in, or use a token that names a "
            "person"
        )
    return person


def _find(operator: Operator, id: UUID) -> ProposedDecision:
    found = operator.proposals.get(id)
    if found is None:
        raise UnknownProposal(f"proposal: {operator.tin} has no proposal {id}")
    return found


def _says_the_same(proposal: ProposedDecision, command: c.Command) -> bool:
    proposed = c.read(proposal.proposed.command)
    return replace(proposed, **_SENDING) == replace(command, **_SENDING)


def _was_closed_so(
    proposal: ProposedDecision, kind: type[Operator.ProposalEvent], by: Decision, **content: Any
) -> bool:
    """Whether the proposal was closed by this person in this way. Raises AlreadyRecorded where that
    was done with another reason or ground."""
    closed = proposal.closed
    if not isinstance(closed, kind):
        return False
    who = {name: value for name, value in content.items() if name != "reason"}
    if any(getattr(closed, name) != value for name, value in who.items()):
        return False
    about = f"what became of proposal {closed.proposal}"
    refuse_unless_identical([closed], by, about, "it is closed once", **content)
    return True


def _refuse_unless_open(proposal: ProposedDecision, by: Decision) -> None:
    closed, last = proposal.closed, proposal.proposed.expires
    if closed is not None:
        done = closed.TOPIC.rpartition("_")[2]
        raise ProposalClosed(f"proposal: it was {done} as of {closed.effective}")
    if not is_open(proposal, by):
        raise ProposalClosed(f"proposal: {last} was its last day; the decision is proposed anew")


def _today_only(by: Decision) -> dict[str, Any]:
    if by.effective not in (None, by.today):
        raise WrongDates(
            f"effective: found {by.effective}; a proposal is confirmed, rejected or withdrawn from "
            "the day on which that is done"
        )
    if by.decided not in (None, by.today):
        raise WrongDates(
            f"decided: found {by.decided}; it is confirmed, rejected or withdrawn today, {by.today}"
        )
    return by.envelope(source_suffices=False)


def _envelope_of_today(by: Decision) -> dict[str, Any]:
    """The envelope of the proposal itself: it counts from today, whatever it proposes."""
    return replace(by, effective=None, decided=None).envelope(source_suffices=False)
