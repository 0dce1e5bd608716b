"""Which commands the state of an operator's file allows, found by asking the decisions themselves.

Every command is tried on a copy of the operator with values that could be accepted: for each
authorisation, contact person, proposal and identifier of the file, from today, from an earlier and
from a later day. What is recorded in one of these trials is allowed. No table repeats what the
decisions know, so a new command, or a new condition of one, is followed by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

from registry.domain import commands as c
from registry.domain.consent import TO_ALL_ADEQUATE, TO_THE_PUBLIC
from registry.domain.errors import Refusal
from registry.domain.identifiers import schemes
from registry.domain.operators import particulars_decisions
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.end_decisions import unrecorded
from registry.domain.operators.events import Operator
from registry.domain.operators.person_decisions import contacts
from registry.domain.operators.preconditions import (
    events_in_force,
    is_about,
    merged_on,
)
from registry.domain.programmes import Programme
from registry.domain.values import (
    AdministrationCode,
    ContactRole,
    DisputeKind,
    DisputeOutcome,
    Role,
)

#: Decides a command on an operator, whose pending event it then is. Raises a Refusal.
Decide = Callable[[Operator, c.OperatorCommand], object]
#: The fields that name a part of the file. Their accepted values are the choices of a form.
KEYS = ("authorisation", "person", "proposal", "dispute", "asked", "scheme", "value", "what")
#: The commands about another operator, which must exist: they are possible while the particulars
#: can be amended. Nothing else of the file is against them.
_OF_TWO = (c.MergeInto, c.SplitFrom)
_WORD = "a trial"
_FAR = date(2199, 12, 31)
_DAY = timedelta(days=1)
_OTHER = AdministrationCode("AQ")  # Antarctica, where no customs administration is
_MADE_UP = re.compile(rf"\b({_WORD}|{_OTHER}|{_FAR.year}-\d\d-\d\d)\b")


@dataclass(frozen=True)
class AllowedCommand:
    """A command that the file allows. `today`: it is accepted without a stated day; otherwise only
    from another day than today. `choices`: for each of KEYS that the command has, the values with
    which it is accepted, in the order of the file."""

    kind: type[c.OperatorCommand]
    today: bool
    choices: dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class TrialLaw:
    """What a trial stands on: the programmes that an application can be for, the authority's today,
    and who tries."""

    programmes: Sequence[Programme]
    today: date
    person: str | None = None
    #: Whether other days than today are tried, too.
    other_days: bool = True


def allowed_commands(
    operator: Operator,
    law: TrialLaw,
    decide: Decide,
    kinds: Collection[type[c.Command]] = (),
) -> list[AllowedCommand]:
    """The commands that the operator's file allows now, in the order of the schema.

    `kinds`: those that are tried; empty: all.
    `decide` leaves what it would record pending on the operator that it is given.
    """
    found = []
    copy = deepcopy(operator)
    for kind in OPERATOR_COMMANDS:
        if kinds and kind not in kinds:
            continue
        if kind is c.CorrectRecord:  # named by a position, which only the ledger knows
            if any(map(particulars_decisions.is_correctable, operator.history)):
                found.append(AllowedCommand(kind, True, {}))
            continue
        accepted: list[c.OperatorCommand] = []
        for trial in _trials(kind, operator, law):
            try:
                decide(copy, trial)
            except Refusal:
                continue
            if copy.pending_events:
                accepted.append(trial)
                copy = deepcopy(operator)
        if accepted:
            today = any(
                command.effective is None or isinstance(command, c.RecordEnd)
                for command in accepted
            )
            found.append(AllowedCommand(kind, today, _choices(kind, accepted)))
    return found


def of_the_file(refusals: Iterable[Refusal]) -> list[str]:
    """Returns the messages of refused trials that concern the file itself, each once.

    A message that names a value which only the trial has (a day, a word, a territory) is left out:
    nobody typed that value."""
    sentences = dict.fromkeys(error.args[0] for error in refusals)
    return [text for text in sentences if not _MADE_UP.search(text)]


#: Every command about an operator that is in the register.
OPERATOR_COMMANDS: tuple[type[c.OperatorCommand], ...] = tuple(
    kind
    for kind in c.COMMANDS.values()
    if issubclass(kind, c.OperatorCommand) and kind is not c.RegisterOperator
)


def _choices(
    kind: type[c.OperatorCommand], accepted: Iterable[c.OperatorCommand]
) -> dict[str, tuple[Any, ...]]:
    return {
        key: tuple(dict.fromkeys(getattr(command, key) for command in accepted))
        for key in KEYS
        if key in kind.__struct_fields__
    }


def _trials(
    kind: type[c.OperatorCommand], operator: Operator, law: TrialLaw
) -> Iterator[c.OperatorCommand]:
    """The command with values of the file, as often as the file has something that it can be
    about."""
    common: dict[str, Any] = {"tin": operator.tin, "legal_ground": _WORD}
    before: list[dict[str, Any]] = [{}]
    if law.other_days and operator.successor and not issubclass(kind, c.AuthorisationCommand):
        before.append({"effective": merged_on(operator) - _DAY})
    for day in before:
        if kind in _OF_TWO:
            yield c.AmendParticulars(**common, name_=_WORD, **day)
            continue
        for about in _about(kind, operator, law):
            yield kind(**common, **about | day)


def _about(
    kind: type[c.OperatorCommand], operator: Operator, law: TrialLaw
) -> Iterator[dict[str, Any]]:
    """The fields of each trial of a command, without those that all have."""
    if issubclass(kind, c.AuthorisationCommand | c.GrantAuthorisation):
        for authorisation in operator.authorisations.values():
            for own in _of_authorisation(kind, operator, authorisation, law):
                for day in _days(operator, authorisation, law):
                    yield {"authorisation": str(authorisation), "effective": day, **own}
    elif issubclass(kind, c.PersonCommand):
        yield from _of_persons(kind, operator)
    elif issubclass(kind, c.ProposalCommand):
        own = {} if kind is c.ConfirmProposal else {"reason": _WORD}
        yield from ({"proposal": id, **own} for id in operator.proposals)
    elif issubclass(kind, c.OpenDispute | c.DisputeCommand):
        yield from _of_disputes(kind, operator)
    elif issubclass(kind, c.ConsentCommand):
        yield from _of_consents(kind, operator, law)
    elif kind in (c.LodgeApplication, c.ListOperator):
        yield from _of_programmes(kind, operator, law)
    else:
        yield from _of_particulars(kind, operator, law)


def _of_particulars(
    kind: type[c.OperatorCommand], operator: Operator, law: TrialLaw
) -> Iterator[dict[str, Any]]:
    """Yields trial commands about the operator's particulars, its identifiers, and its recorded
    events."""
    if kind is c.AmendParticulars:
        yield {"name_": f"{operator.particulars.name} ({_WORD})"}
    elif kind is c.AddIdentifier:
        scheme = next(scheme.code for scheme in schemes().values() if not scheme.checker)
        yield {"scheme": scheme, "value": uuid4().hex, "override": _WORD, "shared": _WORD}
    elif kind is c.EndIdentifier:
        yield from ({"scheme": e.scheme, "value": e.value} for e in operator.identifiers.values())
    elif kind is c.RecordEnd:
        for end in unrecorded(operator, law.today):
            yield {"authorisation": end.authorisation, "what": end.what, "effective": end.day}


def _days(operator: Operator, authorisation: Authorisation, law: TrialLaw) -> list[date | None]:
    """The effective days to try: none stated, the days before the latest events, and a late one."""
    if not law.other_days:
        return [None]
    about = is_about(authorisation, (Operator.Event,))
    before = [e.effective - _DAY for e in events_in_force(operator, about)][:3]
    ahead = [authorisation.latest + _DAY] if authorisation.latest > law.today else []
    return list(dict.fromkeys([None, authorisation.latest, *before, *ahead, _FAR - 10 * _DAY]))


def _of_authorisation(
    kind: type[c.OperatorCommand],
    operator: Operator,
    authorisation: Authorisation,
    law: TrialLaw,
) -> list[dict[str, Any]]:
    """The own fields of each trial of a command about an authorisation."""
    reason = {"reason": _WORD}
    if kind is c.GrantAuthorisation:
        return [{"number": uuid4().hex[:12].upper()}]
    if kind is c.RequestConsultation:
        return [{"asked": _OTHER, **reason}]
    if kind is c.RecordConsultationReply:
        asked = [e.asked for e in operator.history if isinstance(e, Operator.ConsultationRequested)]
        return [{"asked": code, "reply": _WORD, **reason} for code in dict.fromkeys(asked)]
    if kind is c.ExtendDeadline:
        return [{"days": 1, **reason}]
    if kind is c.ChangeType:
        types = [
            type
            for programme in law.programmes
            if programme.programme == authorisation.programme
            for type in programme.types_on(law.today)
        ]
        return [{"type": type, **reason} for type in types if type != authorisation.type]
    if kind is c.AmendRoles:
        roles = (tuple(Role), (Role.CARRIER,))
        return [{"roles": given, **reason} for given in roles if given != authorisation.roles]
    if kind is c.RenewAuthorisation:
        return [{"valid_until": _FAR, **reason}]
    if kind is c.ExtendSuspension:
        return [{"until": _FAR, **reason}]
    if kind is c.SuspendAuthorisation:
        return [reason, {"until": authorisation.suspended_until, **reason}]
    return [reason]


def _of_persons(kind: type[c.OperatorCommand], operator: Operator) -> Iterator[dict[str, Any]]:
    if kind is c.NameContact:
        yield {"person": uuid4(), "role": ContactRole.IN_CHARGE, "commitment": "0" * 64}
        return
    own = {"ground": _WORD} if kind is c.ErasePerson else {}
    named: Iterable[UUID] = contacts(operator.history)
    yield from ({"person": person, **own} for person in named)


def _of_disputes(kind: type[c.OperatorCommand], operator: Operator) -> Iterator[dict[str, Any]]:
    if kind is c.OpenDispute:
        yield {"kind": DisputeKind.NOT_US, "statement": uuid4().hex}
        return
    own: dict[type[c.OperatorCommand], dict[str, Any]] = {
        c.AnswerDispute: {"answer": uuid4().hex},
        c.CloseDispute: {"outcome": DisputeOutcome.UPHELD, "reason": _WORD},
    }
    yield from ({"dispute": id, **own.get(kind, {})} for id in operator.disputes)


def _of_consents(
    kind: type[c.OperatorCommand], operator: Operator, law: TrialLaw
) -> Iterator[dict[str, Any]]:
    scopes: Iterable[str] = sorted(operator.consents_spoken_of)
    if kind is c.GiveConsent:
        scopes = (TO_THE_PUBLIC, TO_ALL_ADEQUATE, _OTHER.text)
    for scope in scopes:
        marks = {TO_THE_PUBLIC: "publication", TO_ALL_ADEQUATE: "general"}
        named: dict[str, Any] = (
            {marks[scope]: True} if scope in marks else {"partner": AdministrationCode(scope)}
        )
        for day in (None, _FAR - 10 * _DAY) if law.other_days else (None,):
            yield {**named, "proof": _WORD, "effective": day}


def _of_programmes(
    kind: type[c.OperatorCommand], operator: Operator, law: TrialLaw
) -> Iterator[dict[str, Any]]:
    lists = {each.list for each in operator.authorisations.values() if each.list} or {"trial"}
    for programme in law.programmes:
        for type in programme.types_on(law.today):
            own = {"programme": programme.programme, "type": type}
            if kind is c.LodgeApplication:
                yield own
                continue
            for name, absent in product(lists, (False, True)):
                yield {**own, "list_": name, "read_on": law.today, "absent": absent}
