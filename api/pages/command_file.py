"""An operator's file as the forms of commands need it: its state, the law of the day, and what the
subject may do with it now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Request

from api.access import policy
from api.access.policy import Action, Resource, SubjectRole
from api.graphql.context import Context
from api.graphql.types.disputes import has_opened
from api.graphql.types.mutations import is_visible
from api.languages.language import _
from api.pages.command_fields import Choice, Offered
from api.pages.command_places import OPERATOR, CommandPlace
from api.pages.labels import country, day, event_name, phrase, standing
from api.pages.query import ask, context
from registry.application.allowed_commands import (
    AllowedCommand,
    TrialLaw,
    allowed_commands,
    of_the_file,
)
from registry.application.execute import version_shown
from registry.domain import commands as c
from registry.domain.decisions import civil_day_of
from registry.domain.errors import AlreadyRecorded, Refusal, UnknownOperator
from registry.domain.identifiers import schemes
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.events import PROPOSAL_EVENTS, Operator
from registry.domain.operators.preconditions import as_of_day
from registry.domain.programmes import Programme
from registry.domain.values import AdministrationCode, Tin

T = TypeVar("T")

HOME = """\
query Home($code: AdministrationCode!) {
  administration(code: $code) { timeZone programmes { code } }
}"""
RECORDS = """\
query Records($tin: TIN!, $after: String) {
  operator(tin: $tin) {
    history(first: 100, after: $after) {
      edges { node { position type effective } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""


@dataclass(frozen=True)
class OperatorFile:
    """`operator` is None for a TIN that is not registered. `zone`: of the home administration, in
    which its civil days are; `today`: the day there."""

    tin: Tin
    operator: Operator | None
    zone: str
    today: date
    programmes: list[Programme] = field(default_factory=list)
    allowed: list[AllowedCommand] = field(default_factory=list)
    #: Whether it is another customs administration's: the subject may then dispute it, and is shown
    #: nothing else of it.
    is_foreign: bool = False
    #: Whether the subject sees proposals: what its customs proposes is not for the operator itself.
    sees_proposals: bool = True
    #: Why a form's command is not allowed, whatever is typed: the sentences of its refusals.
    refusals: Sequence[str] = ()
    #: Whether a form's command would add nothing today: what it says is on record already.
    adds_nothing: bool = False

    @property
    def place(self) -> CommandPlace:
        """The place of the forms about it."""
        return OPERATOR

    @property
    def key(self) -> str:
        """The TIN."""
        return self.tin.text

    @property
    def name(self) -> str:
        """The operator's name; "" where it is not registered."""
        return self.operator.particulars.name if self.operator else ""

    @property
    def exists(self) -> bool:
        """Whether it is in the register."""
        return self.operator is not None

    @property
    def page(self) -> str:
        """The address of its page."""
        return OPERATOR.page_of(self.key)

    @property
    def version(self) -> int:
        """The version of the operator's stream as the subject sees it; 0 where there is none."""
        if self.operator is None or self.is_foreign:
            return 0
        return version_shown(self.operator, self.sees_proposals)

    def since(self, version: int) -> Sequence[Any]:
        """What was recorded after a version, as far as the subject sees it."""
        if self.operator is None or self.is_foreign:
            return []
        hidden = () if self.sees_proposals else PROPOSAL_EVENTS
        seen = [event for event in self.operator.history if not isinstance(event, hidden)]
        return seen[max(version - 1, 0) :]  # version 1 is the registration

    def allows(self, kind: type[c.Command]) -> AllowedCommand | None:
        """What the file allows of a command; None where it does not allow it."""
        return next((allowed for allowed in self.allowed if allowed.kind is kind), None)


def may_give(context: Context, tin: Tin, kind: type[c.Command]) -> bool:
    """Whether the subject may give this command about this operator."""
    home = Resource(policy.operator(tin).home, tin, command=kind)
    return policy.decide(context.subject, Action.RECORD, home).allowed


async def file_of(request: Request, tin: Tin, only: type[c.Command] | None = None) -> OperatorFile:
    """Reads the file, and tries which of the subject's commands it allows: today, or with `only`
    whether it allows this one from any day."""
    asked = await context(request)
    home = await ask(request, HOME, code=tin.country)
    administration = (home.data or {}).get("administration") or {"timeZone": "UTC"}
    codes = [programme["code"] for programme in administration.get("programmes", ())]
    zone = administration["timeZone"]
    today = civil_day_of(asked.now, zone)
    if policy.is_foreign_customs(asked.subject, tin) and not (
        await is_visible(asked, tin) or await has_opened(asked, tin)
    ):
        return OperatorFile(tin, None, zone, today, is_foreign=True)
    return await _in_thread(asked, partial(_read, asked, tin, zone, today, codes, only))


async def _in_thread(asked: Context, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(asked.writers, work)


def _read(
    asked: Context,
    tin: Tin,
    zone: str,
    today: date,
    codes: list[str],
    only: type[c.Command] | None,
) -> OperatorFile:
    registry, subject = asked.registry, asked.subject
    sees = subject.role is not SubjectRole.COMPANY
    foreign = policy.is_foreign_customs(subject, tin)
    programmes = [registry.programme(code) for code in codes]
    try:
        operator = registry.operator(tin)
    except UnknownOperator:
        return OperatorFile(tin, None, zone, today, programmes)
    kinds = [kind for kind in c.COMMANDS.values() if may_give(asked, tin, kind)]
    if only is not None:
        kinds = [kind for kind in kinds if kind is only]
    if not kinds:
        return OperatorFile(tin, operator, zone, today, programmes, [], foreign, sees)

    refusals: list[Refusal] = []
    adding_nothing: list[c.OperatorCommand] = []

    def decide(trial: Operator, command: c.OperatorCommand) -> None:
        try:
            registry.try_on(trial, command, subject.administration, subject.person)
        except Refusal as error:
            if command.effective is None:  # a refusal of a day that was made up names that day
                refusals.append(error)
                if isinstance(error, AlreadyRecorded):
                    adding_nothing.append(command)
            raise
        if command.effective is None and not trial.pending_events:
            adding_nothing.append(command)

    law = TrialLaw(programmes, today, subject.person, only is not None)
    allowed = allowed_commands(operator, law, decide, kinds)
    why = of_the_file(refusals) if only is not None and not allowed else []
    nothing = bool(adding_nothing) and not allowed
    return OperatorFile(
        tin, operator, zone, today, programmes, allowed, foreign, sees, why, adds_nothing=nothing
    )


# ------------------------------------------------------------------ what the fields offer


async def offered(request: Request, file: OperatorFile, kind: type[c.Command]) -> Offered:
    """What the fields of a command's form offer, by the file and by the law of the day."""
    allowed = file.allows(kind)
    choices = dict(allowed.choices) if allowed else {}
    found: dict[str, Sequence[Choice | str]] = {}
    operator = file.operator
    if operator and choices.get("authorisation"):
        held = {str(a): a for a in operator.authorisations.values()}
        named = choices["authorisation"]
        found["authorisation"] = [_authorisation(operator, held[n], file) for n in named]
    for name in ("proposal", "person", "value", "scheme"):
        if name in choices:
            found[name] = [Choice(str(value), str(value)) for value in choices[name]]
    if kind is c.AddIdentifier:
        found["scheme"] = [Choice(code, code) for code in sorted(schemes())]
    if kind is c.RecordEnd and "what" in choices:
        found["what"] = [Choice(what, phrase(what)) for what in choices["what"]]
    if kind is c.RecordConsultationReply and "asked" in choices:
        codes: Sequence[AdministrationCode] = choices["asked"]
        found["asked"] = [Choice(code.text, code.text) for code in codes]
    if "dispute" in choices and operator:
        found["dispute"] = [_dispute(operator, id) for id in choices["dispute"]]
    if kind is c.CorrectRecord or (kind is c.OpenDispute and not file.is_foreign):
        found["position"] = await _records(request, file.tin)
    found |= _of_law(file, kind)
    return found


def _authorisation(operator: Operator, held: Authorisation, file: OperatorFile) -> Choice:
    status = as_of_day(operator, held, file.today).status
    words = standing({"status": status.value, "suspendedParts": []}).word
    return Choice(str(held), f"{held} \N{MIDDLE DOT} {held.programme} {held.type}, {words}")


def _dispute(operator: Operator, id: UUID) -> Choice:
    opened = operator.disputes[id].opened
    who = country(opened.opened_by.text) if opened.opened_by else operator.particulars.name
    words = f"{phrase(opened.kind.value)}, {day(opened.effective.isoformat())}, {who}"
    return Choice(str(id), f"{words}: {opened.statement[:80]}")


def _of_law(file: OperatorFile, kind: type[c.Command]) -> dict[str, Sequence[Choice | str]]:
    """Programmes, types, parts and grounds by the programmes' rules of the day."""
    held = {a.programme for a in file.operator.authorisations.values()} if file.operator else set()
    apply = kind in (c.LodgeApplication, c.ListOperator)
    programmes = [p for p in file.programmes if apply or p.programme in held]
    types = [type for p in programmes for type in p.types_on(file.today)]
    parts = [
        part
        for p in programmes
        for type in p.types_on(file.today)
        for part in sorted(p.rules_on(file.today).parts(type) - {type})
    ]
    grounds = [rule.source for p in programmes for rule in p.rules_on(file.today).found.values()]
    return {
        "programme": [Choice(p.programme, f"{p.name} ({p.programme})") for p in programmes],
        "type": [Choice(type, type) for type in dict.fromkeys(types)],
        "part": [Choice(part, part) for part in dict.fromkeys(parts)],
        "legal_ground": sorted(set(grounds)),
    }


#: The beginnings of the types of records that no correction reaches.
NOT_CORRECTABLE = (
    "operator.dispute_",
    "operator.proposal_",
    "operator.decision_proposed",
    "operator.person_erased",
    "operator.suspension_ended",
    "operator.corrected",
)
#: Pages of records that are read for the choices, the first of them the earliest.
_PAGES = 10


async def _records(request: Request, tin: Tin) -> list[Choice | str]:
    """The records that a correction can change, the latest first."""
    found: list[Choice] = []
    after: str | None = None
    for _page in range(_PAGES):
        asked = await ask(request, RECORDS, tin=tin.text, after=after)
        history: dict[str, Any] = ((asked.data or {}).get("operator") or {}).get("history") or {}
        found += [
            Choice(
                str(edge["node"]["position"]),
                _(
                    "%(what)s, %(day)s",
                    what=event_name(edge["node"]["type"]),
                    day=day(edge["node"]["effective"]),
                ),
            )
            for edge in history.get("edges", ())
            if not edge["node"]["type"].startswith(NOT_CORRECTABLE)
        ]
        page = history.get("pageInfo") or {"hasNextPage": False}
        if not page["hasNextPage"]:
            break
        after = page["endCursor"]
    return list(reversed(found))
