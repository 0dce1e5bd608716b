"""Reads one record for the pages on which a command about it is given: an agreement, a programme, a
document or an administration.

`record_file` returns a `RecordFile`: the aggregate with its stream, its version and the
administrations that decide about it. `may_give_about` says whether a subject may give a command of
a kind about it, by the access policy; a command that the state of the record would refuse anyway is
not offered. Nothing is recorded. Days are civil days in the zone of the subject's administration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.domain import BaseAggregate
from fastapi import Request

from api.access import policy
from api.access.policy import AccessDecision, Action, Resource, Subject
from api.graphql.context import Context
from api.graphql.types.command_inputs import input_class
from api.pages.command_places import (
    ADMINISTRATION,
    AGREEMENT,
    DOCUMENT,
    PROGRAMME,
    CommandPlace,
    key_field,
)
from api.pages.query import context
from registry.application.allowed_commands import of_the_file
from registry.application.dispatch import BEGINNINGS
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.clients import Client
from registry.domain.decisions import civil_day_of
from registry.domain.errors import Refusal
from registry.domain.programmes import Programme
from registry.domain.proposed import ProposedDecision
from registry.domain.publications import Document
from registry.domain.values import AdministrationCode

Codes = frozenset[AdministrationCode]


@dataclass(frozen=True)
class RecordFile:
    """What the forms at a place are about. `record`: as it is recorded; None where it is not in the
    register. `homes`: the administrations that decide about it. `zone`: of the subject's own
    administration, in which its civil days are; `today`: the day there.

    `version`: of the stream that the command changes, 0 for a new one. `events`: those of that
    stream that are later than the version that the form was opened with.
    """

    place: CommandPlace
    key: str
    name: str
    record: BaseAggregate[UUID] | None
    homes: Codes
    zone: str
    today: date
    version: int = 0
    events: Sequence[Any] = ()
    #: The commands that its state does not allow today, of those that were tried.
    refused: frozenset[type[c.Command]] = field(default_factory=frozenset)
    #: Why they are not, whatever is typed: the sentences of the refusals.
    refusals: Sequence[str] = ()

    @property
    def exists(self) -> bool:
        """Whether it is in the register."""
        return self.record is not None

    @property
    def page(self) -> str:
        """The address of its page."""
        return self.place.page_of(self.key)

    def since(self, version: int) -> Sequence[Any]:
        """What was recorded after a version."""
        return self.events

    def allows(self, kind: type[c.Command]) -> bool:
        """Whether its state allows a command today, as far as that can be tried."""
        return kind not in self.refused


def may_give_about(subject: Subject, file: RecordFile, kind: type[c.Command]) -> AccessDecision:
    """Decides whether the subject may give this command about it. Whoever accedes to an agreement
    is not a party of it yet."""
    homes = subject.own if kind is c.AccedeToAgreement else file.homes
    return policy.decide(subject, Action.RECORD, Resource(homes, command=kind))


async def record_file(
    request: Request,
    place: CommandPlace,
    key: str,
    kinds: Sequence[type[c.Command]],
    typed: Mapping[str, str],
) -> RecordFile:
    """Reads what the forms at a place are about, and tries these commands on it. `typed`: what the
    form says, for a command whose stream only its fields name."""
    asked = await context(request)
    work = partial(_read, asked, place, key, kinds, typed)
    return await asyncio.get_running_loop().run_in_executor(asked.writers, work)


def _read(
    asked: Context,
    place: CommandPlace,
    key: str,
    kinds: Sequence[type[c.Command]],
    typed: Mapping[str, str],
) -> RecordFile:
    zone = _zone(asked)
    key, record = _found(asked, place, key)
    today = civil_day_of(asked.now, zone)
    if record is None:
        own = AdministrationCode.FORM.fullmatch(key) if place is ADMINISTRATION else None
        homes = frozenset({AdministrationCode(key)}) if own else frozenset()
        return RecordFile(place, key, "", None, homes, zone, today)
    name, homes = _whose(asked, record)
    file = RecordFile(place, key, name, record, homes, zone, today)
    allowed = [kind for kind in kinds if may_give_about(asked.subject, file, kind).allowed]
    refusals: list[Refusal] = []
    refused = frozenset(kind for kind in allowed if not _is_accepted(asked, file, kind, refusals))
    file = replace(file, refused=refused, refusals=of_the_file(refusals) if refused else ())
    stream = _stream(asked, record, kinds, typed)
    if stream is None:
        return file
    seen = typed.get("expected_version", "")
    events: list[Any] = []
    if seen.isdecimal() and 0 < int(seen[:9]) < stream.version:
        events = list(asked.registry.events.get(stream.id, gt=int(seen[:9])))
    return replace(file, version=stream.version, events=events)


def _zone(asked: Context) -> str:
    code = asked.subject.administration
    try:
        return asked.registry.administration(code).time_zone if code else "UTC"
    except Refusal:
        return "UTC"


#: The stream ids of what has a page, by the place.
_IDS: dict[CommandPlace, Callable[[str], UUID]] = {
    AGREEMENT: Agreement.create_id,
    PROGRAMME: Programme.create_id,
    DOCUMENT: Document.create_id,
}


def _found(asked: Context, place: CommandPlace, key: str) -> tuple[str, BaseAggregate[UUID] | None]:
    """What an address names, with its key as it is on record. Of an administration that is not in
    the register the key is its code, too."""
    if place is ADMINISTRATION:
        try:
            code = AdministrationCode.parse(key.upper())
        except ValueError:
            return key, None
        return code.text, _get(asked, Administration.create_id(code))
    for spelled in dict.fromkeys((key, key.upper())):
        if (record := _get(asked, _IDS[place](spelled))) is not None:
            return spelled, record
    return key, None


def _get(asked: Context, id: UUID) -> BaseAggregate[UUID] | None:
    try:
        found: BaseAggregate[UUID] = asked.registry.repository.get(id)
    except AggregateNotFoundError:
        return None
    return found


def _whose(asked: Context, record: BaseAggregate[UUID]) -> tuple[str, Codes]:
    """The name of a record, and the administrations that decide about it."""
    match record:
        case Programme():
            return record.name, frozenset({record.administration})
        case Administration():
            return record.name, frozenset({record.code})
    first: Any = next(iter(asked.registry.events.get(record.id, lte=1)))
    parties = record.parties if isinstance(record, Agreement) else first.parties
    return str(first.title), frozenset(parties)


def _stream(
    asked: Context,
    record: BaseAggregate[UUID],
    kinds: Sequence[type[c.Command]],
    typed: Mapping[str, str],
) -> BaseAggregate[UUID] | None:
    """The stream that the command of a form changes; None for a new one, and where nobody can say
    before the form is filled in."""
    if len(kinds) != 1 or issubclass(kinds[0], (*BEGINNINGS, c.RetractClaim)):
        return None
    if issubclass(kinds[0], c.ClientCommand):
        return _get(asked, Client.create_id(typed.get("client", "")))
    return record


# ------------------------------------------------------------------ what the state allows


def own_sides(subject: Subject, file: RecordFile) -> list[AdministrationCode]:
    """The sides of an agreement for which the subject decides."""
    return sorted(file.homes & subject.own)


def open_proposals(file: RecordFile) -> dict[UUID, ProposedDecision]:
    """The proposals of an administration that nobody has closed."""
    if not isinstance(file.record, Administration):
        return {}
    return {id: each for id, each in file.record.proposals.items() if each.closed is None}


def _is_accepted(
    asked: Context, file: RecordFile, kind: type[c.Command], refusals: list[Refusal]
) -> bool:
    """Whether a command is accepted today with the values of one of the trials; True where it needs
    values that nobody but the sender can know. `refusals`: those of the trials are added."""
    tried = False
    for fields in _trials(asked.subject, file, kind):
        if fields is None:
            return True
        tried = True
        command = kind(**{key_field(kind): _key(file)}, legal_ground="a trial", **fields)
        try:
            after = asked.registry.try_on(
                deepcopy(file.record), command, asked.subject.administration, asked.subject.person
            )
        except Refusal as error:
            refusals.append(error)
            continue
        if after.pending_events:
            return True
    return not tried and kind not in _OF_SOMETHING


#: Commands about something that the record may not have at all.
_OF_SOMETHING = (
    c.RetireKey,
    c.LeaveBloc,
    c.ConfirmAdministrationProposal,
    c.RejectAdministrationProposal,
    c.WithdrawAdministrationProposal,
)


def _key(file: RecordFile) -> Any:
    return AdministrationCode(file.key) if file.place is ADMINISTRATION else file.key


def _trials(
    subject: Subject, file: RecordFile, kind: type[c.Command]
) -> Iterator[dict[str, Any] | None]:
    """The own fields of each trial of a command; None where it is not tried."""
    if issubclass(kind, c.SideCommand):
        yield from ({"side": code} for code in own_sides(subject, file))
    elif kind is c.WithdrawFromAgreement:
        yield from ({"member": code} for code in own_sides(subject, file))
    elif kind is c.AccedeToAgreement:
        yield from ({"member": code} for code in sorted(subject.own - file.homes))
    elif input_class(kind) is c.TerminateAgreement:  # a step of the whole agreement
        yield {}
    elif issubclass(kind, c.AdministrationProposalCommand):
        own = {} if kind is c.ConfirmAdministrationProposal else {"reason": "a trial"}
        yield from ({"proposal": id, **own} for id in open_proposals(file))
    elif isinstance(file.record, Administration) and kind is c.RetireKey:
        yield from ({"key": key} for key in file.record.keys)
    elif isinstance(file.record, Administration) and kind is c.LeaveBloc:
        yield from ({"member": m, "sense": sense} for m, sense in file.record.members)
    elif isinstance(file.record, Administration) and kind is c.JoinBloc:
        yield None if file.record.bloc else {"member": AdministrationCode(file.key)}
    else:
        yield None
