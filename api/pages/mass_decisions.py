"""One decision about many operators: one form, one preview, and a command of its own for each.

The id of each command is derived from that of the form and the TIN, so a form that is sent twice
records each decision once. A refused one stops no other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.policy import SubjectRole
from api.graphql.command_trials import try_command
from api.graphql.context import Context
from api.graphql.errors import Forbidden, Refused
from api.graphql.types.command_inputs import SPELLED
from api.graphql.types.mutations import command_of_line
from api.languages.language import _, joined
from api.pages import address_parameters, forms
from api.pages.arising_divergences import (
    ArisingDivergences,
    ChangedOperator,
    arising_of_operators,
)
from api.pages.command_drafts import drafted, sign_in_first
from api.pages.command_effects import changed_operator, effects
from api.pages.command_fields import FormField, answers_of, fields_of, read_fields
from api.pages.command_names import GRAVE, mutation_of, title_of
from api.pages.command_places import FOR_MANY, MANY, path_of
from api.pages.command_subject import named
from api.pages.errors import PageRoute
from api.pages.moved_records import MovedRecord, moved_after
from api.pages.query import ask, context
from api.pages.refusals import refusal
from api.pages.render import page
from api.pages.sentences import translated
from registry.domain import commands as c
from registry.domain.decisions import civil_day_of
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator
from registry.domain.texts import ascii_digits
from registry.domain.values import Outcome, Tin

router = APIRouter(route_class=PageRoute)

MOST = 200  # operators of one form
#: The page of work, under which the forms of commands about many operators stand.
WORK = "/work"
#: The address of the form of a command about many operators, as a route.
FORM = f"{WORK}/{{command:{MANY}}}"


@dataclass(frozen=True)
class MassRow:
    """What becomes of one operator. `wrong`: why it is refused; `lost` and `gained`: in how many
    territories it loses and gains recognition; `position`: of the record; `proposed`: a second
    person confirms it; `nothing`: it is on record already, and nothing is added."""

    tin: str
    wrong: str = ""
    lost: int = 0
    gained: int = 0
    position: int = 0
    proposed: bool = False
    version: int = 0
    #: What becomes of it on days gone by; None where the decision reaches back to none.
    changed: ChangedOperator | None = None
    #: What was recorded about it after the preview, where that keeps the decision from being taken.
    moved: Sequence[MovedRecord] = ()
    nothing: bool = False


@dataclass(frozen=True)
class MassForm:
    """The form: which command, what was typed, and what is wrong with its fields."""

    kind: type[c.OperatorCommand]
    fields: tuple[FormField, ...]
    typed: dict[str, str]
    wrong: dict[str, str] = field(default_factory=dict)
    rows: list[MassRow] = field(default_factory=list)
    #: The divergences that arise, of all the operators; None where nothing reaches back.
    diverging: ArisingDivergences | None = None
    #: The time zone of the subject's administration, in which civil days are shown.
    zone: str = "UTC"

    @property
    def address(self) -> str:
        """The page of the form."""
        return address_of(self.kind)

    @property
    def title(self) -> str:
        """The name of the command in the reader's language."""
        return title_of(self.kind)

    @property
    def is_grave(self) -> bool:
        """Whether the number of operators is typed before anything is recorded."""
        return self.kind in GRAVE

    @property
    def good(self) -> list[MassRow]:
        """The rows of those that are decided."""
        return [row for row in self.rows if not (row.wrong or row.nothing)]

    @property
    def answers(self) -> list[tuple[str, list[str]]]:
        """What was typed about all of them, as a list to check."""
        return answers_of(self.fields, self.typed)

    @property
    def overtaken(self) -> list[MassRow]:
        """The rows that a record after the preview kept from being decided."""
        return [row for row in self.rows if row.moved]

    @property
    def hidden_fields(self) -> dict[str, str]:
        """What was typed, for the hidden fields of the next step, and the versions of the files."""
        own = ("csrf", "step", "confirm", "versions")
        versions = " ".join(f"{row.tin}:{row.version}" for row in self.good)
        return {k: v for k, v in self.typed.items() if k not in own} | {"versions": versions}

    @property
    def fields_again(self) -> dict[str, str]:
        """What was typed, for a new form about those that were overtaken."""
        own = ("csrf", "step", "confirm", "versions", "tins", "command_id")
        again = {k: v for k, v in self.typed.items() if k not in own}
        return again | {"tins": "\n".join(row.tin for row in self.overtaken)}


def address_of(kind: type[c.Command]) -> str:
    """Returns the address of a command's form for many operators."""
    return f"{WORK}/{path_of(kind)}"


def names() -> list[tuple[str, str]]:
    """The decisions about many operators: the title, and the last part of the address."""
    return [(title_of(kind), path_of(kind)) for kind in FOR_MANY]


def links() -> list[tuple[str, str]]:
    """The forms for many operators: title and address."""
    return [(title_of(kind), address_of(kind)) for kind in FOR_MANY]


@router.get(FORM)
async def form(request: Request, command: str) -> Response:
    """Shows the form for many operators."""
    kind = await _kind(request, command)
    if isinstance(kind, Response):
        return kind
    typed = dict(request.query_params)
    if typed.pop("draft", ""):
        typed = await drafted(request) or typed
    typed.setdefault("command_id", str(uuid4()))
    fields = _fields(kind)
    names = (name for each in fields for name in each.names)
    address_parameters.check_names(request, (*names, "tins", "command_id", "draft"))
    return _page(request, MassForm(kind, fields, typed))


@router.post(FORM)
async def step(request: Request, command: str) -> Response:
    """Checks or records the decision for each operator."""
    typed = {"command_id": str(uuid4()), **await forms.sent(request)}
    kind = await _kind(request, command)
    if isinstance(kind, Response):
        return kind
    shown = MassForm(kind, _fields(kind), typed)
    if typed.get("step") != "record":
        typed.pop("versions", None)
    input, wrong = read_fields(shown.fields, typed)
    tins = _tins(typed.get("tins", ""))
    if not tins or len(tins) > MOST:
        wrong["tins"] = _(
            "Found %(found)s operators, wanted 1 to %(most)s.", found=len(tins), most=MOST
        )
    if wrong or typed.get("step") == "change":
        shown = MassForm(kind, shown.fields, typed, wrong if typed.get("step") != "change" else {})
        return _page(request, shown, 400 if shown.wrong else 200)
    asked = await context(request)
    if typed.get("step") != "record":
        return await _check(request, shown, input, tins)
    if shown.is_grave and typed.get("confirm") != str(len(tins)):
        sentence = _("Type the number of operators, %(count)s.", count=len(tins))
        return await _check(request, replace(shown, wrong={"confirm": sentence}), input, tins)
    rows = [await _recorded(request, shown, input, tin) for tin in tins]
    done = replace(shown, rows=rows)
    if position := max((row.position for row in rows), default=0):
        await asked.reached(position, 10.0)
    return page(request, "mass_done.html", title=shown.title, form=done)


async def _kind(request: Request, command: str) -> type[c.OperatorCommand] | Response:
    """The command of an address; or the page that says why there is no form."""
    kind = named(command)
    assert issubclass(kind, c.OperatorCommand)
    role = (await context(request)).subject.role
    if role is SubjectRole.PUBLIC:
        return sign_in_first(request)
    if role is not SubjectRole.OFFICER:
        sentence = _("Only customs officers decide about many operators at once")
        title = _("Not for you to do")
        return page(request, "wrong.html", status=403, title=title, sentence=sentence)
    return kind


def _fields(kind: type[c.OperatorCommand]) -> tuple[FormField, ...]:
    return tuple(field for field in fields_of(kind) if field.name != "authorisation")


def _page(request: Request, shown: MassForm, status: int = 200) -> Response:
    return page(request, "mass.html", status=status, title=shown.title, form=shown, most=MOST)


def _tins(text: str) -> list[str]:
    """The TINs in a list that was pasted, each once, in their order."""
    found = re.split(r"[\s,;\u060c\u061b\u3001\uff0c\uff1b]+", ascii_digits(text).upper())
    return list(dict.fromkeys(tin for tin in found if tin))


def _command(shown: MassForm, input: dict[str, Any], tin: str) -> dict[str, Any]:
    """The input of one operator's command, for the version of its file that the preview saw."""
    try:
        form_id = UUID(shown.typed["command_id"])
    except ValueError:
        form_id = uuid5(UUID(int=0), shown.typed["command_id"])
    found = input | {"tin": tin, "commandId": str(uuid5(form_id, tin))}
    seen = dict(
        pair.split(":", 1) for pair in shown.typed.get("versions", "").split() if ":" in pair
    )
    version = seen.get(tin, "")
    return found | ({"expectedVersion": int(version[:9])} if version.isdecimal() else {})


async def _check(
    request: Request, shown: MassForm, input: dict[str, Any], tins: list[str]
) -> Response:
    """The one preview: what becomes of each, and the divergences of all of them."""
    asked = await context(request)
    rows = [await _tried(request, asked, shown, input, tin) for tin in tins]
    back = [row.changed for row in rows if row.changed]
    diverging = await arising_of_operators(asked, back) if back else None
    own = asked.subject.administration
    zone = await forms.zone_of(request, own.text) if own else "UTC"
    checked = replace(shown, rows=rows, diverging=diverging, zone=zone)
    status = 400 if shown.wrong else 200
    return page(request, "mass_check.html", status=status, title=shown.title, form=checked)


async def _tried(
    request: Request, asked: Context, shown: MassForm, input: dict[str, Any], tin: str
) -> MassRow:
    names = SPELLED[shown.kind]
    line = {names[name]: value for name, value in _command(shown, input, tin).items()}
    try:
        command = command_of_line(shown.kind, line)
        trial = await try_command(asked, command)
    except Forbidden as error:
        return MassRow(tin, refusal("FORBIDDEN", str(error)))
    except Refusal as error:
        return MassRow(tin, refusal(Refused.of(error).code.value, str(error)))
    if trial.to_sign:
        return MassRow(tin, _("It is signed one by one, on the page of the operator."))
    if trial.event is None:
        return MassRow(tin, nothing=True)
    today = civil_day_of(asked.now, trial.after.time_zone)
    changes = await effects(asked, trial, today)
    recognised = Outcome.RECOGNISED.value
    lost = {place for each in changes if each.before == recognised for place in each.territories}
    gained = {place for each in changes if each.after == recognised for place in each.territories}
    changed = changed_operator(trial, changes)
    proposed = trial.second_person is not None
    return MassRow(tin, "", len(lost), len(gained), 0, proposed, trial.version, changed)


async def _recorded(request: Request, shown: MassForm, input: dict[str, Any], tin: str) -> MassRow:
    try:
        Tin.parse(tin)
    except ValueError as error:
        return MassRow(tin, translated(str(error)))
    done = await ask(request, mutation_of(shown.kind), input=_command(shown, input, tin))
    result: dict[str, Any] = (done.data or {}).get("outcome") or {}
    if "position" in result:
        proposed, nothing = result["__typename"] == "Proposed", result.get("events") == []
        return MassRow(tin, position=int(result["position"]), proposed=proposed, nothing=nothing)
    if result.get("message"):
        moved: Sequence[MovedRecord] = ()
        if seen := _command(shown, input, tin).get("expectedVersion"):
            moved = await moved_after(request, Operator.create_id(Tin(tin)), seen)
        return MassRow(tin, refusal(result["code"], result["message"]), moved=moved)
    return MassRow(tin, joined("; ", done.sentences) or _("Nothing was recorded."))
