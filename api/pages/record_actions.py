"""What can be decided now about an agreement, a programme, a document or by an administration: the
links to the forms of commands, on its page."""

from __future__ import annotations

from fastapi import Request

from api.access.policy import SubjectRole
from api.languages.language import N_, current
from api.pages.command_actions import CommandLink
from api.pages.command_names import GRAVE, title_of
from api.pages.command_places import CommandPlace, address_of
from api.pages.query import context
from api.pages.record_file import may_give_about, record_file
from registry.domain import commands as c

#: The groups of commands that are not about an operator, in their order.
RECORD_GROUPS: tuple[tuple[str, tuple[type[c.Command], ...]], ...] = (
    (
        N_("Steps"),
        (
            c.OpenNegotiation,
            c.SignActionPlan,
            c.SignAgreement,
            c.StartPilot,
            c.TerminateAgreement,
        ),
    ),
    (
        N_("Your side"),
        (
            c.ImplementAgreement,
            c.SuspendAgreement,
            c.ResumeAgreement,
            c.AccedeToAgreement,
            c.WithdrawFromAgreement,
            c.SetScope,
        ),
    ),
    (N_("Record"), (c.SetDates, c.NoteOnAgreement, c.AmendAgreement)),
    (N_("Law"), (c.SetTypes, c.SetRule)),
    (N_("Document"), (c.AmendDocument, c.SetTarget, c.LinkAgreement)),
    (
        N_("New"),
        (
            c.RegisterProgramme,
            c.ProposeAgreement,
            c.PublishDocument,
            c.PublishClaim,
            c.RetractClaim,
            c.RegisterAdministration,
        ),
    ),
    (
        N_("Second persons"),
        (
            c.RequireSecondPerson,
            c.ConfirmAdministrationProposal,
            c.RejectAdministrationProposal,
            c.WithdrawAdministrationProposal,
        ),
    ),
    (N_("Data"), (c.DeclareCadence, c.ReceiveList, c.JoinBloc, c.LeaveBloc)),
    (
        N_("Keys and programs"),
        (
            c.AddKey,
            c.RetireKey,
            c.RegisterClient,
            c.AddClientKey,
            c.RetireClientKey,
            c.RevokeClient,
        ),
    ),
)


async def actions_about(
    request: Request, place: CommandPlace, key: str
) -> list[tuple[str, list[CommandLink]]]:
    """The commands that the record allows to the subject today, by group; empty for subjects who
    may give none."""
    asked = await context(request)
    if asked.subject.role is not SubjectRole.OFFICER:
        return []
    file = await record_file(request, place, key, place.kinds, {})
    groups = [
        (
            current.get().gettext(name),
            [
                CommandLink(title_of(kind), address_of(kind, file.key), kind in GRAVE)
                for kind in kinds
                if kind in place.kinds
                and file.exists is not (kind is c.RegisterAdministration)
                and file.allows(kind)
                and may_give_about(asked.subject, file, kind).allowed
            ],
        )
        for name, kinds in RECORD_GROUPS
    ]
    return [(name, links) for name, links in groups if links]
