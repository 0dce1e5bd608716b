"""Command dispatch: maps each command to its stream and its decision function, or creates the
aggregate of a new stream."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from registry.domain import clients, publications, signatures
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.agreements import decisions as agreement_decisions
from registry.domain.agreements.events import Agreement, Party
from registry.domain.clients import Client
from registry.domain.decisions import Decision
from registry.domain.errors import BadValue
from registry.domain.operators import (
    application_decisions,
    authorisation_decisions,
    consent_decisions,
    dispute_decisions,
    end_decisions,
    list_decisions,
    particulars_decisions,
    person_decisions,
    revocation_decisions,
    suspension_decisions,
)
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.publications import Claim, Document
from registry.domain.second_person_decisions import require_second_person
from registry.domain.time_zones import zone
from registry.domain.trigger import create_aggregate
from registry.domain.values import AdministrationCode, AgreementKind

#: Commands that start a new stream. All other commands need an existing stream.
BEGINNINGS = (
    c.RegisterOperator,
    c.ProposeAgreement,
    c.RegisterAdministration,
    c.RegisterProgramme,
    c.PublishClaim,
    c.PublishDocument,
    c.RegisterClient,
)
#: The decision function of each command. Commands whose decision needs more than the aggregate, the
#: command and the Decision are dispatched in Registry.decide_on.
DECISIONS: dict[type[c.Command], Callable[[Any, Any, Decision], None]] = {
    c.AmendParticulars: particulars_decisions.amend,
    c.AddIdentifier: particulars_decisions.add_identifier,
    c.EndIdentifier: particulars_decisions.end_identifier,
    c.GiveConsent: consent_decisions.give_consent,
    c.WithdrawConsent: consent_decisions.withdraw_consent,
    c.SplitFrom: particulars_decisions.split_from,
    c.OpenDispute: dispute_decisions.open_dispute,
    c.AnswerDispute: dispute_decisions.answer_dispute,
    c.CloseDispute: dispute_decisions.close_dispute,
    c.WithdrawDispute: dispute_decisions.withdraw_dispute,
    c.ListOperator: list_decisions.list_operator,
    c.LodgeApplication: application_decisions.lodge,
    c.AcceptApplication: application_decisions.accept,
    c.RejectApplication: application_decisions.reject,
    c.WithdrawApplication: application_decisions.withdraw,
    c.StartExamination: application_decisions.start_examination,
    c.RequestConsultation: application_decisions.request_consultation,
    c.RecordConsultationReply: application_decisions.record_consultation_reply,
    c.ExtendDeadline: application_decisions.extend_deadline,
    c.GrantAuthorisation: application_decisions.grant,
    c.RefuseApplication: application_decisions.refuse,
    c.ChangeType: authorisation_decisions.change_type,
    c.AmendRoles: authorisation_decisions.amend_roles,
    c.OpenReassessment: authorisation_decisions.open_reassessment,
    c.CloseReassessment: authorisation_decisions.close_reassessment,
    c.RenewAuthorisation: authorisation_decisions.renew,
    c.SuspendAuthorisation: suspension_decisions.suspend,
    c.ExtendSuspension: suspension_decisions.extend_suspension,
    c.LiftSuspension: suspension_decisions.lift_suspension,
    c.RevokeAuthorisation: revocation_decisions.revoke,
    c.AnnulAuthorisation: revocation_decisions.annul,
    c.SurrenderAuthorisation: revocation_decisions.surrender,
    c.ExpireAuthorisation: end_decisions.expire,
    c.RecordEnd: end_decisions.record_end,
    c.NameContact: person_decisions.name_contact,
    c.EndContact: person_decisions.end_contact,
    c.ErasePerson: person_decisions.erase_person,
    c.AmendAgreement: agreement_decisions.amend_agreement,
    c.OpenNegotiation: agreement_decisions.open_negotiation,
    c.SignActionPlan: agreement_decisions.sign_action_plan,
    c.SignAgreement: agreement_decisions.sign,
    c.StartPilot: agreement_decisions.start_pilot,
    c.ImplementAgreement: agreement_decisions.implement,
    c.SuspendAgreement: agreement_decisions.suspend_side,
    c.ResumeAgreement: agreement_decisions.resume_side,
    c.TerminateAgreement: agreement_decisions.terminate,
    c.WithdrawFromAgreement: agreement_decisions.withdraw_member,
    c.SetDates: agreement_decisions.set_dates,
    c.NoteOnAgreement: agreement_decisions.note,
    c.SetScope: agreement_decisions.set_scope,
    c.JoinBloc: lambda bloc, command, by: bloc.join(by, command.member, command.sense),
    c.LeaveBloc: lambda bloc, command, by: bloc.leave(by, command.member, command.sense),
    c.ReceiveList: lambda administration, command, by: administration.receive_list(
        by, command.as_of
    ),
    c.DeclareCadence: lambda administration, command, by: administration.declare_cadence(
        by, command.channel, command.hours
    ),
    c.RequireSecondPerson: require_second_person,
    c.AddKey: signatures.add_key,
    c.RetireKey: signatures.retire_key,
    c.SetTypes: lambda programme, command, by: programme.set_types(by, command.types),
    c.SetRule: lambda programme, command, by: programme.set_rule(
        by, command.rule, command.value, command.unit, command.until, command.state
    ),
    c.RetractClaim: publications.retract,
    c.AmendDocument: publications.amend_document,
    c.SetTarget: publications.set_target,
    c.LinkAgreement: publications.link_agreement,
    c.AddClientKey: clients.add_key,
    c.RetireClientKey: clients.retire_key,
    c.RevokeClient: clients.revoke,
}
#: The largest value of the GraphQL type Int.
MAX_COUNT = 2**31 - 1
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def stream_of(command: c.Command) -> tuple[UUID, str]:
    """Returns the id of the stream that a command changes, and the name of the stream for
    messages."""
    match command:
        case c.OperatorCommand(tin=tin):
            return Operator.create_id(tin), f"operator {tin}"
        case c.ProposeAgreement():
            id = slug_of(command)
            return Agreement.create_id(id), f"agreement {id}"
        case c.AgreementCommand(agreement=id):
            return Agreement.create_id(id), f"agreement {id}"
        case c.AdministrationCommand(administration=code):
            return Administration.create_id(code), f"administration {code}"
        case c.ProgrammeCommand(programme=id):
            return Programme.create_id(id), f"programme {id}"
        case c.PublishClaim(subject=subject, measure=measure, as_of=day, source=source):
            name = f"this source's claim of {measure} of {subject} on {day}"
            return Claim.create_id(subject, measure, day, source), name
        case c.RetractClaim(subject=subject, measure=measure, as_of=day, claimed_by=source):
            name = f"claim of {measure} of {subject} on {day} by {source or 'nobody named'}"
            return Claim.create_id(subject, measure, day, source), name
        case c.DocumentCommand(document=id):
            return Document.create_id(id), f"document {id}"
        case c.ClientCommand(client=id):
            return Client.create_id(id), f"client {id}"
    raise AssertionError(f"{type(command).__name__} goes nowhere")


def begin(
    command: c.Command,
    by: Decision,
    administration: Callable[[AdministrationCode], Administration],
) -> BaseAggregate[UUID]:
    """Creates the aggregate of a new stream, with its first event pending.

    `administration` returns an administration, or raises UnknownAdministration. Raises BadValue,
    and the refusals of `Decision.envelope`.
    """
    facts = by.envelope(source_suffices=not isinstance(command, c.OperatorCommand))
    match command:
        case c.RegisterOperator(tin=tin):
            home = administration(AdministrationCode(tin.country))
            content = {"administration": home.code, "time_zone": home.time_zone, **facts}
            content |= command.particulars | {"tin": tin, "name": _text("name", command.name_)}
            return create_aggregate(Operator, Operator.Registered, Operator.create_id(tin), content)
        case c.ProposeAgreement():
            if not command.parties:
                raise BadValue("parties: found none, wanted the administrations that agree")
            parties = tuple(
                Party(p, administration(p).time_zone) for p in dict.fromkeys(command.parties)
            )
            return Agreement(
                agreement=_slug("id", slug_of(command)),
                kind=command.kind,
                title=_text("title", command.title),
                parties=parties,
                pillars=command.pillars,
                legal_basis=command.legal_basis,
                confidence=command.confidence,
                details=command.details or None,
                titles=command.titles or None,
                names=command.names or None,
                **facts,
            )
        case c.RegisterAdministration():
            return Administration(
                administration=command.administration,
                name=_text("name", command.name_),
                time_zone=known_zone(command.time_zone),
                bloc=command.bloc,
                **facts,
            )
        case c.RegisterProgramme():
            return Programme(
                programme=_slug("programme", command.programme),
                administration=command.administration,
                time_zone=administration(command.administration).time_zone,
                name=_text("name", command.name_),
                types=command.types,
                local_name=command.local_name,
                launched=command.launched,
                operators_described=command.operators_described,
                confidence=command.confidence,
                **facts,
            )
        case c.PublishClaim():
            if not 0 <= command.value <= MAX_COUNT:
                raise BadValue("value: wanted a count from 0 to %(max_count)s", max_count=MAX_COUNT)
            return Claim(
                subject=command.subject,
                measure=_slug("measure", command.measure),
                value=command.value,
                as_of=command.as_of,
                text=command.text,
                precision=command.precision,
                **facts,
            )
        case c.PublishDocument():
            publications.check_measure_names(command.measure_names, command.measures)
            return Document(
                document=_slug("document", command.document),
                title=_text("title", command.title),
                dated=command.date_,
                parties=command.parties,
                measures=command.measures,
                text=command.text,
                confidence=command.confidence,
                titles=command.titles or None,
                language=command.language,
                measure_names=command.measure_names or None,
                quotation=command.quotation,
                note=command.note,
                **facts,
            )
        case c.RegisterClient():
            code = clients.administration_of(command.acts_for)
            return Client(
                client=_slug("client", command.client),
                name=_text("name", command.name_),
                acts_for=command.acts_for,
                administration=administration(code).code if code else None,
                **facts,
            )
    raise AssertionError(f"{type(command).__name__} begins nothing")


def slug_of(command: c.ProposeAgreement) -> str:
    """Returns the id of an agreement: the id in the command, or else its parties and kind, as in
    CN-SG-AEO."""
    aeo = command.kind is AgreementKind.AEO_MUTUAL_RECOGNITION
    short = "AEO" if aeo else command.kind.value.replace("_", "-")
    return command.id or "-".join([*(p.text for p in command.parties), short])


def _slug(name: str, text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise BadValue(
            "%(field)s: found %(text)s, wanted 1 to 80 letters, digits, . _ and -",
            field=name,
            text=repr(text[:90]),
        )
    return text


def _text(name: str, text: str) -> str:
    if not text.strip() or len(text) > 500:
        raise BadValue(
            "%(field)s: found %(length)s characters, wanted 1 to 500 that can be read",
            field=name,
            length=len(text),
        )
    return text


def known_zone(name: str) -> str:
    """Checks that a name is an IANA time zone and returns it. Raises BadValue."""
    try:
        zone(name)
    except KeyError:
        raise BadValue(
            "timeZone: found %(name)s, wanted an IANA name like Asia/Seoul", name=repr(name)
        ) from None
    return name
