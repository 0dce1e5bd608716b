"""What can be decided about an operator now: the links to the forms of commands, on its page."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from api.access import policy
from api.access.policy import SubjectRole
from api.languages.language import N_, current
from api.pages.command_file import file_of, may_give
from api.pages.command_names import GRAVE, title_of
from api.pages.command_places import address_of
from api.pages.query import context
from registry.domain import commands as c
from registry.domain.values import Tin

DISPUTE = N_("Dispute")
#: The groups of commands on an operator's page, in their order.
GROUPS: tuple[tuple[str, tuple[type[c.OperatorCommand], ...]], ...] = (
    (
        N_("Application"),
        (
            c.LodgeApplication,
            c.AcceptApplication,
            c.RejectApplication,
            c.WithdrawApplication,
            c.StartExamination,
            c.RequestConsultation,
            c.RecordConsultationReply,
            c.ExtendDeadline,
            c.GrantAuthorisation,
            c.RefuseApplication,
        ),
    ),
    (
        N_("Authorisation"),
        (
            c.SuspendAuthorisation,
            c.ExtendSuspension,
            c.LiftSuspension,
            c.RenewAuthorisation,
            c.ChangeType,
            c.AmendRoles,
            c.OpenReassessment,
            c.CloseReassessment,
            c.SurrenderAuthorisation,
            c.ExpireAuthorisation,
            c.RevokeAuthorisation,
            c.AnnulAuthorisation,
        ),
    ),
    (
        N_("Particulars"),
        (
            c.AmendParticulars,
            c.AddIdentifier,
            c.EndIdentifier,
            c.GiveConsent,
            c.WithdrawConsent,
            c.NameContact,
            c.EndContact,
            c.ErasePerson,
            c.SplitFrom,
            c.MergeInto,
        ),
    ),
    (
        N_("Record"),
        (
            c.ConfirmProposal,
            c.RejectProposal,
            c.WithdrawProposal,
            c.CorrectRecord,
            c.ListOperator,
            c.RecordEnd,
        ),
    ),
    (
        DISPUTE,
        (
            c.OpenDispute,
            c.AnswerDispute,
            c.CloseDispute,
            c.WithdrawDispute,
        ),
    ),
)


@dataclass(frozen=True)
class CommandLink:
    """A link to the form of a command."""

    title: str
    address: str
    is_grave: bool


async def actions_of(request: Request, tin: Tin) -> list[tuple[str, list[CommandLink]]]:
    """The commands that the operator's file allows to the subject today, by group; empty for
    subjects who may give none."""
    asked = await context(request)
    if asked.subject.role is SubjectRole.PUBLIC or not any(
        may_give(asked, tin, kind) for _, kinds in GROUPS for kind in kinds
    ):
        return []
    if policy.is_foreign_customs(asked.subject, tin):
        # What was opened is withdrawn from the list of disputes.
        return [(current.get().gettext(DISPUTE), [_link(tin, c.OpenDispute)])]
    allowed = {each.kind for each in (await file_of(request, tin)).allowed if each.today}
    groups = [
        (
            current.get().gettext(name),
            [_link(tin, kind) for kind in kinds if kind in allowed],
        )
        for name, kinds in GROUPS
    ]
    return [(name, links) for name, links in groups if links]


def _link(tin: Tin, kind: type[c.OperatorCommand]) -> CommandLink:
    # The particulars of a person are typed there, and stored before the person is named.
    persons = f"/operators/{tin}?tab=numbers#persons"
    address = persons if kind is c.NameContact else address_of(kind, tin.text)
    return CommandLink(title_of(kind), address, kind in GRAVE)
