"""Proposals: a decision that one person made and a second person confirms (four eyes).

A proposal is an event of the operator's stream, or of the administration's for what concerns no
operator. Another person confirms it, or rejects it, or its author withdraws it. A person is an
opaque id that the access token vouches for; a program without a person can neither propose nor
confirm. A proposal lapses by itself after its last day; no event says so, as with other ends that
were set before.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

from msgspec.structs import replace

from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
    BadValue,
    OwnProposal,
    PersonNeeded,
    ProposalClosed,
    UnknownProposal,
    WrongDates,
)
from registry.domain.operators.events import Operator
from registry.domain.proposed import ProposedDecision
from registry.domain.repeated_commands import refuse_unless_identical
from registry.domain.second_person import RequiredSecondPerson
from registry.domain.sentences import CodedTerm, Sentence

#: Whose stream has the proposals.
Proposals: TypeAlias = Operator | Administration
Confirm: TypeAlias = c.ConfirmProposal | c.ConfirmAdministrationProposal
Reject: TypeAlias = c.RejectProposal | c.RejectAdministrationProposal
Withdraw: TypeAlias = c.WithdrawProposal | c.WithdrawAdministrationProposal
#: How a command was sent, which does not distinguish one proposal from another.
_SENDING = {"command_id": None, "expected_version": None, "signature": None}


def propose(
    holder: Proposals,
    command: c.Command,
    by: Decision,
    person: str | None,
    wanted: RequiredSecondPerson,
    *,
    sees_proposals: bool = True,
) -> None:
    """Records a command as a proposal.

    `wanted`: by whose rules a second person is needed; an administration has the proposals that
    its own rule wants. `sees_proposals`: whether whoever proposes may know of the proposals of
    others; otherwise the same is proposed once more. Raises PersonNeeded, AlreadyRecorded (the same
    is proposed already), WrongDates, GroundNeeded.
    """
    facts = {"name": CodedTerm(command.name), "whose": wanted.whose}
    needed = Sentence("%(name)s needs two persons by the rules of %(whose)s", **facts)
    if wanted.since:
        needed = Sentence(
            "%(name)s needs two persons by the rules of %(whose)s since %(since)s, and this is of "
            "%(today)s",
            since=wanted.since,
            today=by.today,
            **facts,
        )
    proposer = _person(person, needed)
    plain = c.plain(command)
    for proposal in holder.proposals.values():
        is_known = sees_proposals or proposal.proposed.proposer == proposer
        if is_known and is_open(proposal, by) and _says_the_same(proposal, command):
            raise AlreadyRecorded(
                "The same is proposed already, as %(proposal)s, and waits for a second person",
                proposal=proposal.proposed.proposal,
            )
    rules: dict[str, Any] = {"programme": wanted.whose}
    if isinstance(holder, Administration):
        rules = {"administration": holder.code}
    holder.trigger_event(
        _kinds(holder).DecisionProposed,
        proposal=c.id_of_line(command),
        **rules,
        command=plain,
        proposer=proposer,
        expires=None if wanted.days is None else by.today + timedelta(days=wanted.days),
        **_envelope_of_today(by),
    )


def is_open(proposal: ProposedDecision, by: Decision) -> bool:
    """Whether the proposal can be confirmed on this day."""
    last = proposal.proposed.expires
    return proposal.closed is None and (last is None or by.today <= last)


def proposed_command(holder: Proposals, proposal: UUID) -> c.Command:
    """The command of a proposal, as it is decided at its confirmation: for whatever version of the
    stream. Raises UnknownProposal."""
    return replace(c.read(_find(holder, proposal).proposed.command), expected_version=None)


def confirm(holder: Proposals, command: Confirm, by: Decision, person: str | None) -> bool:
    """Records the confirmation; the caller records the decision itself after it. Returns False
    where this person confirmed it already.

    Raises UnknownProposal, PersonNeeded, OwnProposal, ProposalClosed, AlreadyRecorded.
    """
    proposal = _find(holder, command.proposal)
    confirmer = _person(person, Sentence("a confirmation is made by a person"))
    if _was_closed_so(proposal, _kinds(holder).ProposalConfirmed, by, confirmer=confirmer):
        return False
    if confirmer == proposal.proposed.proposer:
        raise OwnProposal("proposal: you made it yourself; another person confirms it")
    _refuse_unless_open(proposal, by)
    holder.trigger_event(
        _kinds(holder).ProposalConfirmed,
        proposal=command.proposal,
        proposer=proposal.proposed.proposer,
        confirmer=confirmer,
        **_today_only(by),
    )
    return True


def reject(holder: Proposals, command: Reject, by: Decision, person: str | None) -> None:
    """Records the rejection.

    Raises UnknownProposal, PersonNeeded, OwnProposal, ProposalClosed, BadValue.
    """
    proposal = _find(holder, command.proposal)
    rejecter = _person(person, Sentence("a rejection is made by a person"))
    if not command.reason.strip() or len(command.reason) > 500:
        raise BadValue(
            "reason: found %(length)s characters, wanted 1 to 500", length=len(command.reason)
        )
    content = {"rejecter": rejecter, "reason": command.reason}
    if _was_closed_so(proposal, _kinds(holder).ProposalRejected, by, **content):
        return
    if rejecter == proposal.proposed.proposer:
        raise OwnProposal("proposal: you made it yourself; withdraw it instead")
    _refuse_unless_open(proposal, by)
    holder.trigger_event(
        _kinds(holder).ProposalRejected, proposal=command.proposal, **content, **_today_only(by)
    )


def withdraw(holder: Proposals, command: Withdraw, by: Decision, person: str | None) -> None:
    """Records that the author withdraws the proposal.

    Raises UnknownProposal, PersonNeeded, OwnProposal, ProposalClosed.
    """
    proposal = _find(holder, command.proposal)
    proposer = _person(person, Sentence("a proposal is withdrawn by the person who made it"))
    if proposer != proposal.proposed.proposer:
        raise OwnProposal("proposal: another person made it; reject it instead")
    content = {"proposer": proposer, "reason": command.reason}
    if _was_closed_so(proposal, _kinds(holder).ProposalWithdrawn, by, **content):
        return
    _refuse_unless_open(proposal, by)
    holder.trigger_event(
        _kinds(holder).ProposalWithdrawn, proposal=command.proposal, **content, **_today_only(by)
    )


# ------------------------------------------------------------------------- inside

_DONE = {
    "confirmed": Sentence("confirmed"),
    "rejected": Sentence("rejected"),
    "withdrawn": Sentence("withdrawn"),
}


def _kinds(holder: Proposals) -> type[Operator] | type[Administration]:
    """The class of the aggregate, which has the classes of its events."""
    return Operator if isinstance(holder, Operator) else Administration


def _person(person: str | None, why: str) -> str:
    if person is None:
        raise PersonNeeded(
            "No person is behind this request, and %(why)s. Sign in, or use a token "
            "that names a person",
            why=why,
        )
    return person


def _find(holder: Proposals, id: UUID) -> ProposedDecision:
    found = holder.proposals.get(id)
    if found is None:
        whose = holder.tin if isinstance(holder, Operator) else holder.code
        raise UnknownProposal("proposal: %(whose)s has no proposal %(id)s", whose=whose, id=id)
    return found


def _says_the_same(proposal: ProposedDecision, command: c.Command) -> bool:
    proposed = c.read(proposal.proposed.command)
    return replace(proposed, **_SENDING) == replace(command, **_SENDING)


def _was_closed_so(
    proposal: ProposedDecision, kind: type[Any], by: Decision, **content: Any
) -> bool:
    """Whether the proposal was closed by this person in this way. Raises AlreadyRecorded where that
    was done with another reason or ground."""
    closed = proposal.closed
    if not isinstance(closed, kind):
        return False
    who = {name: value for name, value in content.items() if name != "reason"}
    if any(getattr(closed, name) != value for name, value in who.items()):
        return False
    about = Sentence("what became of proposal %(proposal)s", proposal=closed.proposal)
    refuse_unless_identical([closed], by, about, Sentence("it is closed once"), **content)
    return True


def _refuse_unless_open(proposal: ProposedDecision, by: Decision) -> None:
    closed, last = proposal.closed, proposal.proposed.expires
    if closed is not None:
        done = _DONE[str(closed.TOPIC).rpartition("_")[2]]
        raise ProposalClosed(
            "proposal: it was %(done)s as of %(effective)s", done=done, effective=closed.effective
        )
    if not is_open(proposal, by):
        raise ProposalClosed(
            "proposal: %(last)s was its last day; the decision is proposed anew", last=last
        )


def _today_only(by: Decision) -> dict[str, Any]:
    if by.effective not in (None, by.today):
        raise WrongDates(
            "effective: found %(effective)s; a proposal is confirmed, rejected or "
            "withdrawn from the day on which that is done",
            effective=by.effective,
        )
    if by.decided not in (None, by.today):
        raise WrongDates(
            "decided: found %(decided)s; it is confirmed, rejected or withdrawn today, %(today)s",
            decided=by.decided,
            today=by.today,
        )
    return by.envelope(source_suffices=False)


def _envelope_of_today(by: Decision) -> dict[str, Any]:
    """The envelope of the proposal itself: it counts from today, whatever it proposes."""
    return replace(by, effective=None, decided=None).envelope(source_suffices=False)
