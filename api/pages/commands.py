"""The pages of commands: a form for each command about an operator, a preview of what it changes
abroad, and what became of it.

Three steps of one address: the form (GET), `check` (POST, records nothing), `record` (POST). What
was typed goes with every step in the form itself, with the command id and the version of the file
that was seen. A form that is sent twice is therefore recorded once, and who was overtaken by a
colleague is told by what.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from api.access import policy
from api.access.form_drafts import FormDrafts
from api.access.policy import SubjectRole
from api.access.token_reasons import InvalidToken
from api.graphql.command_trials import CommandTrial, try_command
from api.graphql.errors import Refused
from api.graphql.types.command_inputs import SPELLED
from api.graphql.types.mutations import command_of_line
from api.languages.language import _
from api.pages import command_receipts, forms
from api.pages.command_effects import effects
from api.pages.command_fields import FormField, read_fields
from api.pages.command_file import OperatorFile, file_of, form_fields, may_give
from api.pages.command_names import address_of, mutation_of, title_of
from api.pages.command_receipts import CommandReceipt
from api.pages.errors import PageRoute, missing
from api.pages.labels import original
from api.pages.query import COOKIE, SESSION, ask, context
from api.pages.refusals import refusal
from api.pages.render import HEADERS, page
from api.pages.site import page_at
from registry.application.execute import DecisionProposed
from registry.domain import commands as c
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator
from registry.domain.values import Tin

router = APIRouter(route_class=PageRoute)

#: Commands that end, void or destroy something: the TIN is typed once more before that.
GRAVE = (c.RevokeAuthorisation, c.AnnulAuthorisation, c.ErasePerson, c.MergeInto)
#: Seconds for which the last step waits until the read models answer with what was recorded.
WAIT = 10.0
#: Fields of the form beside those of the command.
_OWN = ("csrf", "step", "confirm")


@dataclass(frozen=True)
class CommandForm:
    """A form as it is shown: whose file, which command, what was typed, and what is wrong."""

    file: OperatorFile
    kind: type[c.OperatorCommand]
    fields: tuple[FormField, ...]
    typed: dict[str, str]
    wrong: dict[str, str]
    sentence: str = ""
    status: int = 200

    @property
    def tin(self) -> str:
        """The operator's TIN."""
        return self.file.tin.text

    @property
    def address(self) -> str:
        """The page of the form."""
        return address_of(self.file.tin, self.kind)

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
        """Whether the TIN is typed once more before the command is recorded."""
        return self.kind in GRAVE

    @property
    def hidden_fields(self) -> dict[str, str]:
        """What was typed, for the hidden fields of the next step."""
        return {name: text for name, text in self.typed.items() if name not in _OWN}


#: The address of the form of a command about an operator.
FORM = "/operators/{tin}/{command}"


@router.get(FORM)
async def form(request: Request, tin: str, command: str) -> Response:
    """Shows the form of a command, or what became of the one that was recorded."""
    _refuse_other_page(tin, command)
    found = await _named(request, tin, command)
    if isinstance(found, Response):
        return found
    subject, kind = found
    if sealed := request.query_params.get("recorded"):
        receipt = command_receipts.opened(request, address_of(subject, kind), sealed)
        if receipt is not None:
            return await _done(request, subject, kind, receipt)
    file = await file_of(request, subject, kind)
    if (file.operator is None) is not (kind is c.RegisterOperator):
        return _not_here(request, file, kind)
    typed = dict(request.query_params)
    if draft := typed.pop("draft", ""):
        typed = await drafted(request, draft, address_of(subject, kind)) or typed
    typed.setdefault("command_id", str(uuid4()))
    typed.setdefault("expected_version", str(file.version))
    fields = await form_fields(request, file, kind)
    shown = CommandForm(file, kind, fields, typed, {})
    return await _form(request, shown, back=bool(draft))


@router.post(FORM)
async def step(request: Request, tin: str, command: str) -> Response:
    """Checks or records what was typed."""
    _refuse_other_page(tin, command)
    typed = {**await forms.sent(request)}
    typed.setdefault("command_id", str(uuid4()))
    try:
        found = await _named(request, tin, command)
    except InvalidToken:
        return await session_ended(request, f"/operators/{tin}/{command}", typed)
    if isinstance(found, Response):
        is_public = (await context(request)).subject.role is SubjectRole.PUBLIC
        if is_public and found.status_code == 403:
            return await session_ended(request, f"/operators/{tin}/{command}", typed)
        return found
    subject, kind = found
    file = await file_of(request, subject, kind)
    if file.operator is None and kind is not c.RegisterOperator:
        return _not_here(request, file, kind)
    fields = await form_fields(request, file, kind)
    shown = CommandForm(file, kind, fields, typed, {})
    if typed.get("step") == "change":
        return await _form(request, shown)
    input, wrong = read_fields(fields, typed)
    if wrong:
        return await _form(request, replace(shown, wrong=wrong, status=400))
    for name, value in (("tin", subject.text), ("commandId", shown.command_id)):
        input[name] = value
    version = typed.get("expected_version", "")
    if version.isdecimal() and version != "0":
        input["expectedVersion"] = int(version[:9])
    if typed.get("signature"):
        input["signature"] = typed["signature"]
    if typed.get("step") != "record":
        return await _check(request, shown, input)
    if shown.is_grave and typed.get("confirm", "").upper() != subject.text:
        sentence = _("Type %(tin)s here: this cannot be taken back.", tin=subject.text)
        return await _check(request, replace(shown, wrong={"confirm": sentence}), input)
    return await _record(request, shown, input)


# --------------------------------------------------------------------------- the steps


async def _form(request: Request, shown: CommandForm, *, back: bool = False) -> Response:
    """The form, with what changed in the file since it was opened."""
    typed, moved = shown.typed, []
    seen = typed.get("expected_version", "")
    if seen.isdecimal() and int(seen[:9]) < shown.file.version:
        moved = shown.file.since(int(seen[:9]))
        shown = replace(shown, typed=typed | {"expected_version": str(shown.file.version)})
    return page(
        request,
        "command.html",
        status=shown.status,
        title=shown.title,
        form=shown,
        moved=moved,
        back=back,
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
        trial = await try_command(asked, command)  # type: ignore[arg-type]
    except Refusal as error:
        refused = Refused.of(error, names, input)
        return await _refused(request, shown, refused.code.value, str(error), refused.path)
    return page(
        request,
        "command_check.html",
        status=400 if shown.wrong else 200,
        title=shown.title,
        form=shown,
        trial=trial,
        answers=_answers(shown),
        changes=await effects(asked, trial, shown.file.today),
        event=_event(trial),
    )


async def _record(request: Request, shown: CommandForm, input: dict[str, Any]) -> Response:
    """Records the command through the same mutation as any client."""
    done = await ask(request, mutation_of(shown.kind), input=input)
    result: dict[str, Any] = (done.data or {}).get("outcome") or {}
    if "position" not in result:
        code, message = result.get("code", ""), result.get("message", "")
        if not message:
            return await _form(request, replace(shown, sentence="; ".join(done.sentences)))
        if code == "OTHER_COMMAND":  # a new form, so that what was changed can be sent by itself
            shown = replace(shown, typed=shown.typed | {"command_id": str(uuid4())})
        fresh = replace(shown, file=await file_of(request, shown.file.tin, shown.kind))
        return await _refused(request, fresh, code, message, result.get("path"))
    position, version = int(result["position"]), int(result["version"])
    if result.get("events") == []:
        receipt = CommandReceipt(position, 0, 0)
    else:
        started = perf_counter()
        is_shown = await (await context(request)).reached(position, WAIT)
        elapsed = round((perf_counter() - started) * 1000)
        receipt = CommandReceipt(position, version, elapsed if is_shown else None)
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
    request: Request, tin: Tin, kind: type[c.OperatorCommand], receipt: CommandReceipt
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
        tin=tin.text,
        receipt=receipt,
        seconds=None if receipt.milliseconds is None else receipt.milliseconds / 1000,
        events=events,
        proposed=proposed,
        warnings=[refusal(warning.code, warning.message) for warning in warnings],
    )


# ------------------------------------------------------------------------------ inside


def _refuse_other_page(tin: str, command: str) -> None:
    """Refuses the address of another page, which was asked by a method that it does not have."""
    there = page_at(f"/operators/{tin}/{command}")
    if there is not None and there.address != FORM:
        raise HTTPException(405)


async def _named(
    request: Request, tin: str, command: str
) -> tuple[Tin, type[c.OperatorCommand]] | Response:
    """The operator and the command of an address; or the page that says why there is no form."""
    kind = c.COMMANDS.get(command.replace("-", "_"))
    if kind is None or not issubclass(kind, c.OperatorCommand) or "_" in command:
        return await missing(request, LookupError())
    try:
        subject = Tin.parse(tin.upper())
    except ValueError as wrong:
        return page(
            request, "wrong.html", status=400, title=_("Not a TIN"), sentence=original(str(wrong))
        )
    asked = await context(request)
    if asked.subject.role is SubjectRole.PUBLIC:
        return sign_in_first(request, address_of(subject, kind))
    if not may_give(asked, subject, kind):
        home = policy.Resource(policy.operator(subject).home, subject, command=kind)
        reason = policy.decide(asked.subject, policy.Action.RECORD, home).reason
        title = _("Not for you to do")
        return page(
            request, "wrong.html", status=403, title=title, sentence=refusal("FORBIDDEN", reason)
        )
    return subject, kind


def sign_in_first(request: Request, next: str, *, has_draft: bool = False) -> Response:
    """The page that leads to signing in, and from there to the address `next`."""
    return page(
        request,
        "command_sign_in.html",
        status=401 if has_draft else 403,
        title=_("Sign in to do this"),
        next=next,
        has_draft=has_draft,
    )


async def session_ended(request: Request, address: str, typed: dict[str, str]) -> Response:
    """Stores what was typed, for the same browser, and leads back to it by way of signing in."""
    fields = {name: text for name, text in typed.items() if name not in (*_OWN, "signature")}
    id = _uuid(typed["command_id"])
    await _drafts(request).keep(id, request.cookies[forms.CSRF_COOKIE], address, fields)
    answer = sign_in_first(request, f"{address}?draft={id}", has_draft=True)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    answer.delete_cookie(SESSION, secure=True, httponly=True, samesite="strict")
    return answer


async def drafted(request: Request, draft: str, address: str) -> dict[str, str]:
    """What was typed into the form of this address when the session had ended."""
    browser = request.cookies.get(forms.CSRF_COOKIE, "")
    return await _drafts(request).read(_uuid(draft), browser, address)


def _drafts(request: Request) -> FormDrafts:
    return FormDrafts(request.app.state.settings.database)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()


def _not_here(request: Request, file: OperatorFile, kind: type[c.OperatorCommand]) -> Response:
    there = file.operator is not None
    sentence = (
        _("%(tin)s is in the register already", tin=file.tin.text)
        if there
        else _("%(tin)s is not in this register", tin=file.tin.text)
    )
    return page(
        request,
        "wrong.html",
        status=409 if there else 404,
        title=title_of(kind),
        sentence=sentence,
    )


def _answers(shown: CommandForm) -> list[tuple[str, list[str]]]:
    """Returns what was typed as a list to check: the label of each field with a value, and the
    value in words."""
    found = []
    for field in shown.fields:
        labels = {choice.value: choice.label for choice in field.choices}
        if field.kind in ("many", "parts"):
            given = [
                labels[choice.value] if field.kind == "many" else f"{choice.label}: {text}"
                for choice, name in zip(field.choices, field.names, strict=True)
                if (text := shown.typed.get(name))
            ]
        else:
            text = shown.typed.get(field.name, "")
            given = [_("yes") if field.kind == "yes" else labels.get(text, text)] if text else []
        if given:
            found.append((field.label, given))
    return found


def _event(trial: CommandTrial) -> Any:
    """The event that the command would record; None where there is nothing to change."""
    pending = trial.after.pending_events
    return pending[-1] if pending else None
