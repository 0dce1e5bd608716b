"""The forms with which an officer confirms, rejects or withdraws a proposal of an administration: a
decision about a programme, an agreement or the administration itself (four eyes).

Three steps of one address, as for the commands about an operator: the form (GET), `check` (POST,
records nothing, and shows what a confirmation changes), `record` (POST, by the same mutation as any
client). The forms of these commands among those of an administration lead here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access import policy
from api.access.policy import Action, Resource, SubjectRole
from api.graphql.command_trials import CommandTrial, try_command
from api.graphql.context import Context
from api.graphql.errors import Refused
from api.graphql.types.command_inputs import SPELLED
from api.graphql.types.mutations import command_of_line
from api.graphql.types.proposals import SENDING
from api.languages.language import _, joined
from api.pages import command_receipts, forms
from api.pages.agreement_effects import agreement_effects
from api.pages.command_drafts import drafted, sign_in_first
from api.pages.command_fields import FormField, fields_of, read_fields
from api.pages.command_names import mutation_of, title_of
from api.pages.command_places import OF_PROPOSALS
from api.pages.command_receipts import CommandReceipt
from api.pages.commands import WAIT
from api.pages.errors import PageRoute, missing
from api.pages.law_effects import law_effects
from api.pages.moved_records import MovedRecord, moved_records
from api.pages.query import ask, context
from api.pages.record_effects import record_effect
from api.pages.refusals import refusal
from api.pages.render import HEADERS, page
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.decisions import civil_day_of
from registry.domain.errors import Refusal, UnknownProposal
from registry.domain.proposed import ProposedDecision
from registry.domain.values import AdministrationCode

router = APIRouter(route_class=PageRoute)

FORM = "/proposals/{code}/{proposal}/{command:proposal_command}"
#: Fields that the address gives.
_GIVEN = ("administration", "proposal")
#: Fields of the form beside those of the command.
_OWN = ("csrf", "step", "draft")


@dataclass(frozen=True)
class ProposalForm:
    """A form as it is shown: of which proposal, what was typed, and what is wrong."""

    address: str
    kind: type[c.AdministrationProposalCommand]
    proposed: Administration.DecisionProposed
    fields: tuple[FormField, ...]
    typed: dict[str, str]
    wrong: dict[str, str]
    sentence: str = ""
    #: What became of the proposal, where it is closed.
    closed: Sequence[MovedRecord] = ()

    @property
    def title(self) -> str:
        """The name of the command in the reader's language."""
        return title_of(self.kind)

    @property
    def command(self) -> str:
        """The name of the proposed command, in snake case."""
        return str(self.proposed.command["command"])

    @property
    def input(self) -> dict[str, Any]:
        """The fields of the proposed command."""
        content = self.proposed.command
        return {name: value for name, value in content.items() if name not in SENDING}

    @property
    def hidden_fields(self) -> dict[str, str]:
        """What was typed, for the hidden fields of the next step."""
        return {name: text for name, text in self.typed.items() if name not in _OWN}

    @property
    def answers(self) -> list[tuple[str, str]]:
        """What was typed as a list to check: the label of each field, and the value."""
        given = [(field.label, self.typed.get(field.name, "")) for field in self.fields]
        return [(label, text) for label, text in given if text]


@router.get(FORM)
async def form(request: Request, code: str, proposal: str, command: str) -> Response:
    """Shows the form, or what became of the command that was recorded."""
    found = await _named(request, code, proposal, command)
    if isinstance(found, Response):
        return found
    if sealed := request.query_params.get("recorded"):
        receipt = command_receipts.opened(request, found.address, sealed)
        if receipt is not None:
            return await _done(request, found, receipt)
    typed = await drafted(request)
    typed.setdefault("command_id", str(uuid4()))
    return _shown(request, replace(found, typed=typed))


@router.post(FORM)
async def step(request: Request, code: str, proposal: str, command: str) -> Response:
    """Checks or records what was typed."""
    typed = {**await forms.sent(request)}
    typed.setdefault("command_id", str(uuid4()))
    found = await _named(request, code, proposal, command)
    if isinstance(found, Response):
        return found
    shown = replace(found, typed=typed)
    if typed.get("step") == "change":
        return _shown(request, shown)
    input, wrong = read_fields(shown.fields, typed)
    if wrong:
        return _shown(request, replace(shown, wrong=wrong), status=400)
    proposed = shown.proposed
    input |= {"administration": proposed.administration.text, "proposal": str(proposed.proposal)}
    input["commandId"] = typed["command_id"]
    if typed.get("signature"):
        input["signature"] = typed["signature"]
    if typed.get("step") == "record":
        return await _record(request, shown, input)
    return await _check(request, shown, input)


# ------------------------------------------------------------------------------ inside


async def _named(
    request: Request, code: str, proposal: str, command: str
) -> ProposalForm | Response:
    """The form of an address; or the page that says why there is none."""
    kind = OF_PROPOSALS.get(command)
    try:
        administration, id = AdministrationCode.parse(code), UUID(proposal)
    except ValueError:
        kind = None
    if kind is None:
        return await missing(request, LookupError())
    asked = await context(request)
    address = f"/proposals/{administration}/{id}/{command}"
    if asked.subject.role is SubjectRole.PUBLIC:
        return sign_in_first(request)
    about = Resource(frozenset({administration}), command=kind)
    decision = policy.decide(asked.subject, Action.RECORD, about)
    if not decision.allowed:
        title = _("Not for you to do")
        sentence = refusal("FORBIDDEN", decision.reason)
        return page(request, "wrong.html", status=403, title=title, sentence=sentence)
    try:
        held = await _in_thread(asked, _find, asked, administration, id)
    except Refusal as error:
        sentence = refusal(error.code, str(error))
        return page(request, "wrong.html", status=404, title=title_of(kind), sentence=sentence)
    fields = tuple(field for field in fields_of(kind) if field.name not in _GIVEN)
    closed = await moved_records(request, [held.closed] if held.closed else [])
    return ProposalForm(address, kind, held.proposed, fields, {}, {}, closed=closed)


def _find(asked: Context, code: AdministrationCode, id: UUID) -> ProposedDecision:
    found = asked.registry.administration(code, 0).proposals.get(id)
    if found is None:
        raise UnknownProposal("proposal: %(code)s has no proposal %(id)s", code=code, id=id)
    assert isinstance(found.proposed, Administration.DecisionProposed)
    return found


async def _in_thread(asked: Context, work: Any, *given: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(asked.writers, work, *given)


def _shown(request: Request, shown: ProposalForm, *, status: int = 200, **more: Any) -> Response:
    facts: dict[str, Any] = {
        "checked": False,
        "nothing": False,
        "to_sign": None,
        "receipt": None,
        "events": [],
        "effects": None,
    }
    facts |= more
    template = "administration_proposal.html"
    return page(request, template, status=status, title=shown.title, form=shown, **facts)


async def _check(request: Request, shown: ProposalForm, input: dict[str, Any]) -> Response:
    """The command is decided and not recorded, so that a refusal is shown here already."""
    asked, names = await context(request), SPELLED[shown.kind]
    try:
        command = command_of_line(
            shown.kind, {names.get(name, name): value for name, value in input.items()}
        )
        trial = await try_command(asked, command)
    except Refusal as error:
        refused = Refused.of(error, names, input)
        return _refused(request, shown, refused.code.value, str(error), refused.path)
    changes = await _effects(request, shown, trial)
    nothing = trial.to_sign is None and not trial.event
    return _shown(request, shown, checked=True, nothing=nothing, to_sign=trial.to_sign, **changes)


async def _effects(
    request: Request, shown: ProposalForm, trial: CommandTrial[Any]
) -> dict[str, Any]:
    """What a confirmation changes, and the name of the template that shows it."""
    if shown.kind is not c.ConfirmAdministrationProposal:
        return {}
    code = shown.proposed.administration.text
    zone = await forms.zone_of(request, code)
    today = civil_day_of((await context(request)).now, zone)
    found: dict[str, Any] = {"zone": zone, "event": trial.event}
    found["law"] = await law_effects(await context(request), trial)
    if isinstance(trial.after, Agreement):
        changes = await agreement_effects(request, trial, today, zone)
        return found | {"effects": "agreement_effects.html", "changes": changes}
    changes_of_record = await record_effect(request, trial, today)
    return found | {"effects": "record_effects.html", "changes": changes_of_record}


async def _record(request: Request, shown: ProposalForm, input: dict[str, Any]) -> Response:
    done = await ask(request, mutation_of(shown.kind), input=input)
    result: dict[str, Any] = (done.data or {}).get("outcome") or {}
    if "position" not in result:
        if not result.get("message"):
            return _shown(
                request, replace(shown, sentence=joined("; ", done.sentences)), status=400
            )
        if result["code"] == "OTHER_COMMAND":  # so that what was changed can be sent by itself
            shown = replace(shown, typed=shown.typed | {"command_id": str(uuid4())})
        return _refused(request, shown, result["code"], result["message"], result.get("path"))
    position = int(result["position"])
    version = int(result["version"]) if result.get("events") else 0
    await (await context(request)).reached(position, WAIT)
    sealed = CommandReceipt(position, version, None).sealed(request, shown.address)
    return RedirectResponse(f"{shown.address}?recorded={sealed}", 303, HEADERS)


def _refused(
    request: Request, shown: ProposalForm, code: str, message: str, path: list[str] | None
) -> Response:
    """The form again, with the refusal at its field."""
    sentence = refusal(code, message)
    names = {field.spelled: field.name for field in shown.fields}
    name = names.get(path[0]) if path else None
    shown = replace(
        shown, wrong={name: sentence} if name else {}, sentence="" if name else sentence
    )
    return _shown(request, shown, status=400)


async def _done(request: Request, shown: ProposalForm, receipt: CommandReceipt) -> Response:
    asked = await context(request)

    def read() -> list[Any]:
        """The events of the command: of a confirmation, the decision too."""
        first = receipt.position - (shown.kind is c.ConfirmAdministrationProposal)
        rows = asked.registry.recorder.select_notifications(
            start=first, limit=2, stop=receipt.position
        )
        return [asked.registry.mapper.to_domain_event(row) for row in rows]

    events = await _in_thread(asked, read) if receipt.version else []
    return _shown(request, shown, receipt=receipt, events=events)
