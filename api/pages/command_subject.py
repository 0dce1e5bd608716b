"""What the address of a command's form names: the command, and the file that it is about, as far as
the subject may give that command."""

from __future__ import annotations

from typing import TypeAlias

from fastapi import Request
from fastapi.responses import Response

from api.access import policy
from api.access.policy import AccessDecision, SubjectRole
from api.languages.language import _
from api.pages.command_drafts import sign_in_first
from api.pages.command_fields import FormField, fields_of
from api.pages.command_file import OperatorFile, file_of, may_give, offered
from api.pages.command_places import OPERATOR, place_of
from api.pages.query import context
from api.pages.record_file import RecordFile, may_give_about, record_file
from api.pages.record_offers import record_offers
from api.pages.refusals import refusal
from api.pages.render import page
from api.pages.sentences import translated
from registry.domain import commands as c
from registry.domain.values import Tin

CommandFile: TypeAlias = OperatorFile | RecordFile


def named(command: str) -> type[c.Command]:
    """Returns the command that the last part of an address names."""
    return c.COMMANDS[command.replace("-", "_")]


def asked_for(request: Request) -> tuple[type[c.Command], str]:
    """Returns the command that the address of a form names, and the key of what it is about."""
    kind = named(request.path_params["command"])
    return kind, request.path_params[place_of(kind).parameter]


async def file_for(
    request: Request, kind: type[c.Command], key: str, typed: dict[str, str]
) -> CommandFile | Response:
    """Returns the file that the form of a command is about; or the page that says why the subject
    has no form."""
    asked = await context(request)
    if asked.subject.role is SubjectRole.PUBLIC:
        return sign_in_first(request)
    place = place_of(kind)
    if place is not OPERATOR:
        file = await record_file(request, place, key, [kind], typed)
        verdict = may_give_about(asked.subject, file, kind)
        is_unknown = not file.exists and kind is not c.RegisterAdministration
        return file if verdict.allowed or is_unknown else _not_yours(request, verdict)
    assert issubclass(kind, c.OperatorCommand)
    try:
        tin = Tin.parse(key.upper())
    except ValueError as wrong:
        return page(
            request, "wrong.html", status=400, title=_("Not a TIN"), sentence=translated(str(wrong))
        )
    if not may_give(asked, tin, kind):
        home = policy.Resource(policy.operator(tin).home, tin, command=kind)
        return _not_yours(request, policy.decide(asked.subject, policy.Action.RECORD, home))
    return await file_of(request, tin, kind)


def _not_yours(request: Request, verdict: AccessDecision) -> Response:
    return page(
        request,
        "wrong.html",
        status=403,
        title=_("Not for you to do"),
        sentence=refusal("FORBIDDEN", verdict.reason),
    )


async def form_fields(
    request: Request, file: CommandFile, kind: type[c.Command]
) -> tuple[FormField, ...]:
    """The fields of a command's form, as far as the subject can fill them in: another
    administration reads no events of an operator, so it names none."""
    if isinstance(file, RecordFile):
        return fields_of(kind, await record_offers(request, file, kind))
    fields = fields_of(kind, await offered(request, file, kind))
    return tuple(f for f in fields if not (file.is_foreign and f.name == "position"))
