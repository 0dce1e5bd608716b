"""The pages of commands: a form for each command of the register, a preview of what it changes, and
what became of it.

Three steps of one address: the form (GET), `check` (POST, records nothing), `record` (POST). What
was typed goes with every step in the form itself, with the command id and the version of the file
that was seen. A form that is sent twice is therefore recorded once, and who was overtaken by a
colleague is told by what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.graphql.command_trials import CommandTrial, try_command
from api.graphql.errors import Refused
from api.graphql.types.command_inputs import SPELLED
from api.graphql.types.mutations import command_of_line
from api.languages.language import _, joined
from api.pages import address_parameters, command_receipts, forms
from api.pages.agreement_effects import agreement_effects
from api.pages.command_drafts import OWN, drafted
from api.pages.command_effects import arising, effects
from api.pages.command_fields import FormField, answers_of, read_fields
from api.pages.command_names import GRAVE, mutation_of, title_of
from api.pages.command_places import (
    OPERATOR,
    PLACES,
    address_of,
    key_field,
    page_of_proposal,
)
from api.pages.command_receipts import CommandReceipt
from api.pages.command_subject import CommandFile, asked_for, file_for, form_fields
from api.pages.errors import PageRoute
from api.pages.law_effects import law_effects
from api.pages.moved_records import MovedRecord, moved_records
from api.pages.query import ask, context
from api.pages.record_effects import record_effect
from api.pages.record_file import RecordFile
from api.pages.record_offers import first_answers
from api.pages.refusals import refusal
from api.pages.render import HEADERS, page
from registry.application.execute import DecisionProposed
from registry.domain import commands as c
from registry.domain.agreements.events import Agreement
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator

router = APIRouter(route_class=PageRoute)

#: Seconds for which the last step waits until the read models answer with what was recorded.
WAIT = 10.0


@dataclass(frozen=True)
class CommandForm:
    """A form as it is shown: whose file, which command, what was typed, and what is wrong."""

    file: CommandFile
    kind: type[c.Command]
    fields: tuple[FormField, ...]
    typed: dict[str, str]
    wrong: dict[str, str]
    sentence: str = ""
    status: int = 200

    @property
    def key(self) -> str:
        """The key of what it is about: a TIN, or a code."""
        return self.file.key

    @property
    def address(self) -> str:
        """The page of the form."""
        return address_of(self.kind, self.key)

    @property
    def title(self) -> str:
        """The name of the command in the reader's language."""
        return title_of(self.kind)

    @property
    def command_id(self) -> str:
        """The id of the command (idempotency key)."""
        return self.typed["command_id"]

    @property
    def is_grave(self) -> bool:
        """Whether the key is typed once more before the command is recorded."""
        return self.kind in GRAVE

    @property
    def hidden_fields(self) -> dict[str, str]:
        """What was typed, for the hidden fields of the next step."""
        return {name: text for name, text in self.typed.items() if name not in OWN}


#: The parameters of a form that are no fields of its command.
_OF_THE_FORM = ("command_id", "draft", "expected_version", "recorded")


async def form(request: Request) -> Response:
    """Shows the form of a command, or what became of the one that was recorded."""
    typed = dict(request.query_params)
    kind, key = asked_for(request)
    if issubclass(kind, c.AdministrationProposalCommand):
        return _to_proposals(kind, key, typed)
    file = await file_for(request, kind, key, typed)
    if isinstance(file, Response):
        return file
    if sealed := typed.get("recorded"):
        receipt = command_receipts.opened(request, address_of(kind, file.key), sealed)
        if receipt is not None:
            return await _done(request, file, kind, receipt)
    if (failure := _not_here(request, file, kind)) is not None:
        return failure
    if typed.pop("draft", ""):
        typed = await drafted(request) or typed
    elif isinstance(file, RecordFile) and not typed:
        typed = first_answers(file, kind)
    typed.setdefault("command_id", str(uuid4()))
    typed.setdefault("expected_version", str(file.version))
    fields = await form_fields(request, file, kind)
    names = (name for each in fields for name in each.names)
    address_parameters.check_names(request, (*names, *_OF_THE_FORM))
    return await _form(request, CommandForm(file, kind, fields, typed, {}))


async def step(request: Request) -> Response:
    """Checks or records what was typed."""
    kind, key = asked_for(request)
    typed = {**await forms.sent(request)}
    if issubclass(kind, c.AdministrationProposalCommand):
        return _to_proposals(kind, key, typed)
    typed.setdefault("command_id", str(uuid4()))
    file = await file_for(request, kind, key, typed)
    if isinstance(file, Response):
        return file
    if not file.exists and (failure := _not_here(request, file, kind)) is not None:
        return failure
    typed.setdefault("expected_version", str(file.version))  # whoever names none saw this one
    fields = await form_fields(request, file, kind)
    shown = CommandForm(file, kind, fields, typed, {})
    if typed.get("step") == "change":
        return await _form(request, shown)
    input, wrong = read_fields(fields, typed)
    if wrong:
        return await _form(request, replace(shown, wrong=wrong, status=400))
    input["commandId"] = shown.command_id
    if name := key_field(kind):
        input[name] = file.key
    version = typed.get("expected_version", "")
    if version.isdecimal() and version != "0":
        input["expectedVersion"] = int(version[:9])
    if typed.get("signature"):
        input["signature"] = typed["signature"]
    if typed.get("step") != "record":
        return await _check(request, shown, input)
    if shown.is_grave and typed.get("confirm", "").upper() != file.key.upper():
        sentence = _("Type %(tin)s here: this cannot be taken back.", tin=file.key)
        return await _check(request, replace(shown, wrong={"confirm": sentence}), input)
    return await _record(request, shown, input)


for _place in PLACES:
    router.add_api_route(_place.form, form, methods=["GET"])
    router.add_api_route(_place.form, step, methods=["POST"])


# --------------------------------------------------------------------------- the steps


async def _form(request: Request, shown: CommandForm) -> Response:
    """The form, with what changed in the file since it was opened."""
    typed = shown.typed
    moved: Sequence[MovedRecord] = ()
    seen = typed.get("expected_version", "")
    if seen.isdecimal() and int(seen[:9]) < shown.file.version:
        moved = await moved_records(request, shown.file.since(int(seen[:9])))
        shown = replace(shown, typed=typed | {"expected_version": str(shown.file.version)})
    return page(
        request,
        "command.html",
        status=shown.status,
        title=shown.title,
        form=shown,
        moved=moved,
        allowed=shown.file.allows(shown.kind),
    )


async def _check(request: Request, shown: CommandForm, input: dict[str, Any]) -> Response:
    """The preview: the answers, and what the command changes abroad."""
    asked = await context(request)
    names = SPELLED[shown.kind]
    try:
        command = command_of_line(
            shown.kind, {names.get(name, name): value for name, value in input.items()}
        )
        trial = await try_command(asked, command)
    except Refusal as error:
        refused = Refused.of(error, names, input)
        return await _refused(request, shown, refused.code.value, str(error), refused.path)
    if shown.typed.get("expected_version") == "0" and trial.version:
        shown = replace(shown, typed=shown.typed | {"expected_version": str(trial.version)})
    return page(
        request,
        "command_check.html",
        status=400 if shown.wrong else 200,
        title=shown.title,
        form=shown,
        trial=trial,
        answers=answers_of(shown.fields, shown.typed),
        event=trial.event,
        **await _effects(request, shown, trial),
    )


async def _effects(
    request: Request, shown: CommandForm, trial: CommandTrial[Any]
) -> dict[str, Any]:
    """Returns two values for the page that previews a command: `changes`, what the command would
    change, and `effects`, the file name of the template that shows the changes."""
    file = shown.file
    if file.place is OPERATOR:
        asked = await context(request)
        changes: Any = await effects(asked, trial, file.today)
        diverging = await arising(asked, trial, changes)
        return {"effects": "command_effects.html", "changes": changes, "diverging": diverging}
    law = await law_effects(await context(request), trial)
    if isinstance(trial.after, Agreement):
        changes = await agreement_effects(request, trial, file.today, file.zone)
        return {"effects": "agreement_effects.html", "changes": changes, "law": law}
    changes = await record_effect(request, trial, file.today)
    return {"effects": "record_effects.html", "changes": changes, "law": law}


async def _record(request: Request, shown: CommandForm, input: dict[str, Any]) -> Response:
    """Records the command through the same mutation as any client."""
    started = perf_counter()
    done = await ask(request, mutation_of(shown.kind), input=input)
    result: dict[str, Any] = (done.data or {}).get("outcome") or {}
    if "position" not in result:
        code, message = result.get("code", ""), result.get("message", "")
        if not message:
            return await _form(request, replace(shown, sentence=joined("; ", done.sentences)))
        if code == "OTHER_COMMAND":  # a new form, so that what was changed can be sent by itself
            shown = replace(shown, typed=shown.typed | {"command_id": str(uuid4())})
        fresh = await file_for(request, shown.kind, shown.key, shown.typed)
        shown = shown if isinstance(fresh, Response) else replace(shown, file=fresh)
        return await _refused(request, shown, code, message, result.get("path"))
    position, version = int(result["position"]), int(result["version"])
    if result.get("events") == []:
        receipt = CommandReceipt(position, 0, 0)
    else:
        is_shown = await (await context(request)).reached(position, WAIT)
        elapsed = round((perf_counter() - started) * 1000)
        # 0 says that nothing was recorded, and is the version that another administration is shown.
        receipt = CommandReceipt(position, max(version, 1), elapsed if is_shown else None)
    sealed = receipt.sealed(request, shown.address)
    return RedirectResponse(f"{shown.address}?recorded={sealed}", 303, HEADERS)


async def _refused(
    request: Request, shown: CommandForm, code: str, message: str, path: list[str] | None
) -> Response:
    """The form again, with the refusal at its field."""
    sentence = refusal(code, message)
    by_spelling = {field.spelled: field.name for field in shown.fields}
    name = by_spelling.get(path[0]) if path else None
    wrong = {name: sentence} if name else {}
    if code == "GROUND_NEEDED" and name != "legal_ground":
        wrong["legal_ground"] = sentence
    general = "" if wrong else sentence
    return await _form(request, replace(shown, wrong=wrong, sentence=general, status=400))


async def _done(
    request: Request, file: CommandFile, kind: type[c.Command], receipt: CommandReceipt
) -> Response:
    """What became of the command: its position, and when partners see it."""
    asked = await context(request)
    registry, position = asked.registry, receipt.position

    def read() -> tuple[list[Any], tuple[Any, ...]]:
        if not receipt.version:
            return [], ()
        [row] = registry.recorder.select_notifications(start=position, limit=1, stop=position)
        event = registry.mapper.to_domain_event(row)
        if not isinstance(event, Operator.Event):
            return [event], ()
        return [event], registry.result_at(event.originator_id, event.originator_version)[0]

    events, warnings = await asyncio.get_running_loop().run_in_executor(asked.writers, read)
    proposed = any(isinstance(event, DecisionProposed) for event in events)
    return page(
        request,
        "command_done.html",
        title=title_of(kind),
        file=file,
        receipt=receipt,
        seconds=None if receipt.milliseconds is None else receipt.milliseconds / 1000,
        events=events,
        proposed=proposed,
        warnings=[refusal(warning.code, warning.message) for warning in warnings],
    )


# ------------------------------------------------------------------------------ inside


def _to_proposals(kind: type[c.Command], key: str, typed: dict[str, str]) -> Response:
    """Leads to the form of a proposal, the one door of these commands. Nothing is recorded."""
    address = page_of_proposal(kind, key, typed.get("proposal", ""))
    return RedirectResponse(address, 303, HEADERS)


def _not_here(request: Request, file: CommandFile, kind: type[c.Command]) -> Response | None:
    """The page for what is not in the register, or is registered already; None where neither keeps
    the form from being shown."""
    begins = kind in (c.RegisterOperator, c.RegisterAdministration)
    if file.exists is not begins:
        return None
    sentence = (
        _("%(tin)s is in the register already", tin=file.key)
        if file.exists
        else _("%(tin)s is not in this register", tin=file.key)
    )
    return page(
        request,
        "wrong.html",
        status=409 if file.exists else 404,
        title=title_of(kind),
        sentence=sentence,
    )
