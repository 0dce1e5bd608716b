"""Contact persons of an operator: its home customs, or the operator itself, adds and erases
them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from api.access import policy
from api.access.policy import Action, Resource, SubjectRole
from api.languages.language import _
from api.pages import forms
from api.pages.command_drafts import drafted, sign_in_first
from api.pages.command_receipts import is_recorded
from api.pages.errors import PageRoute
from api.pages.labels import day
from api.pages.query import PageQuery, ask, context
from api.pages.refusals import refusal
from api.pages.render import HEADERS, page
from api.pages.sentences import translated
from projections.persons import MAX_LENGTH
from registry.domain import commands as c
from registry.domain.values import ContactRole, Tin

router = APIRouter(route_class=PageRoute)

CONTACTS = """\
query Contacts($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    contacts {
      person role since until erased
      particulars { name email telephone }
    }
  }
}"""

KEEP = """\
mutation Keep($tin: TIN!, $particulars: JSON!) {
  keepParticulars(tin: $tin, particulars: $particulars) {
    ... on ParticularsKept { person commitment }
    ... on Refused { code message }
  }
}"""

OUTCOME = """{
    ... on Recorded { position }
    ... on Proposed { proposal expires }
    ... on Refused { code message }
  }"""
NAME = f"""\
mutation Name($input: NameContactInput!) {{
  nameContact(input: $input) {OUTCOME}
}}"""
ERASE = f"""\
mutation Erase($input: ErasePersonInput!) {{
  erasePerson(input: $input) {OUTCOME}
}}"""

FIELDS = ("role", *MAX_LENGTH)
ROLES = [role.value for role in ContactRole]
GROUND = 500  # characters


def naming(typed: dict[str, str] | None = None, **wrong: str) -> dict[str, Any]:
    """Returns the form for a new contact person, with what was typed and the error of each
    field."""
    given = typed or {}
    return {
        "typed": {name: given.get(name, "") for name in FIELDS},
        "wrong": dict.fromkeys(FIELDS, "") | wrong,
        "longest": MAX_LENGTH,
        "roles": ROLES,
        "command_id": given.get("command_id") or str(uuid4()),
    }


async def may_name(request: Request, tin: Tin) -> bool:
    """Whether the subject may name contact persons of this operator."""
    return not await _forbidden(request, tin, c.NameContact)


@router.get("/operators/{tin}/persons")
async def form(request: Request, tin: str) -> Response:
    """Shows the form that names a contact person, with what was typed where a session has ended."""
    found = await _permitted_tin(request, tin, c.NameContact)
    if isinstance(found, Response):
        return found
    return _naming(request, found, naming(await drafted(request)))


@router.post("/operators/{tin}/persons")
async def name(request: Request, tin: str) -> Response:
    """Stores the person in the erasable side store first, then records the contact under its
    pseudonym."""
    found = await _permitted_tin(request, tin, c.NameContact)
    if isinstance(found, Response):
        return found
    typed = await forms.sent(request)
    wrong = {
        field: _("At most %(most)s characters.", most=most)
        for field, most in MAX_LENGTH.items()
        if len(typed.get(field, "")) > most
    }
    if not typed.get("name"):
        wrong["name"] = _("Nobody is named here: write who it is.")
    if typed.get("role") not in ROLES:
        wrong["role"] = _("Choose what the person is to the operator.")
    if wrong:
        sentence = _("Nothing was recorded. Put right what is marked, and send it again.")
        return _naming(request, found, naming(typed, **wrong), sentence)
    who = {field: typed[field] for field in MAX_LENGTH if typed.get(field)}
    if (since := await _named_since(request, found, typed["role"], who)) is not None:
        return await _named_already(request, found, typed, since)
    saved = await ask(request, KEEP, tin=found.text, particulars=who)
    result = (saved.data or {}).get("keepParticulars") or {}
    if "person" in result:
        input = {"tin": found.text, "role": typed["role"], **_command(typed), **result}
        done = await ask(request, NAME, input=input)
        result = (done.data or {}).get("nameContact") or {}
        if "position" in result:
            return _back(found)
        if result.get("code") == "OTHER_COMMAND":
            # Sent twice at once: no event uses the second pseudonym. Otherwise another person was
            # typed into a form that was sent before, and a new form can be sent by itself.
            if (since := await _named_since(request, found, typed["role"], who)) is not None:
                return await _named_already(request, found, typed, since)
            typed = typed | {"command_id": str(uuid4())}
    sentence = _refused(result, saved)
    return _naming(request, found, naming(typed), sentence)


async def _named_already(request: Request, tin: Tin, typed: dict[str, str], since: str) -> Response:
    """The answer to a form about a person who is a contact already: of a form that is sent twice
    the same as at first; of another form the sentence that says so."""
    if await is_recorded(request, typed.get("command_id", "")):
        return _back(tin)
    sentence = _(
        "%(name)s is named already, since %(day)s. Nothing was recorded a second time.",
        name=typed["name"],
        day=day(since),
    )
    return _naming(request, tin, naming(typed), sentence)


async def _named_since(request: Request, tin: Tin, role: str, who: dict[str, str]) -> str | None:
    """The civil day since which a person with these particulars is a contact in this role; None
    where there is none now."""
    answer = await ask(request, CONTACTS, tin=tin.text)
    for contact in ((answer.data or {}).get("operator") or {"contacts": []})["contacts"]:
        particulars = contact["particulars"] or {}
        known = {field: text for field, text in particulars.items() if text}
        if (contact["role"], known) == (role, who) and not (contact["until"] or contact["erased"]):
            return str(contact["since"])
    return None


@router.get("/operators/{tin}/persons/{person}")
async def shown(request: Request, tin: str, person: str) -> Response:
    """Shows a contact person, with the form that erases it."""
    found = await _permitted_tin(request, tin, c.ErasePerson)
    if isinstance(found, Response):
        return found
    return await _erasing(request, found, person, await drafted(request))


@router.post("/operators/{tin}/persons/{person}")
async def erase(request: Request, tin: str, person: str) -> Response:
    """Erases the particulars of a contact person, with a legal ground, and shows the operator
    again."""
    found = await _permitted_tin(request, tin, c.ErasePerson)
    if isinstance(found, Response):
        return found
    typed = await forms.sent(request)
    ground = typed.get("ground", "")
    if not ground or len(ground) > GROUND:
        wrong = _("Say why, by which article, in at most %(most)s characters.", most=GROUND)
        return await _erasing(request, found, person, typed, wrong)
    input = {"tin": found.text, "person": person, "ground": ground, **_command(typed)}
    done = await ask(request, ERASE, input=input)
    result = (done.data or {}).get("erasePerson") or {}
    if "proposal" in result:  # nothing is erased before a second person confirms it
        return RedirectResponse(f"/operators/{found}#proposals", 303, HEADERS)
    if "position" in result:
        return _back(found)
    sentence = _refused(result, done)
    return await _erasing(request, found, person, typed, sentence=sentence)


async def _permitted_tin(request: Request, typed: str, kind: type[c.Command]) -> Tin | Response:
    """Returns the operator's TIN; or an error page."""
    try:
        tin = Tin.parse(typed.upper())
    except ValueError as wrong:
        return page(
            request, "wrong.html", status=400, title=_("Not a TIN"), sentence=translated(str(wrong))
        )
    if (await context(request)).subject.role is SubjectRole.PUBLIC:
        return sign_in_first(request)
    reason = await _forbidden(request, tin, kind)
    if reason:
        return page(
            request,
            "wrong.html",
            status=403,
            title=_("Not for you to do"),
            sentence=refusal("FORBIDDEN", reason),
        )
    return tin


async def _forbidden(request: Request, tin: Tin, kind: type[c.Command]) -> str:
    subject = (await context(request)).subject
    about = Resource(policy.operator(tin).home, tin, command=kind)
    return policy.decide(subject, Action.RECORD, about).reason


def _refused(result: dict[str, Any], asked: PageQuery) -> str:
    """Returns why nothing was recorded, in the reader's language."""
    if result.get("message"):
        return refusal(result["code"], result["message"])
    return Markup("; ").join(asked.sentences) or _("Nothing was recorded.")


def _command(typed: dict[str, str]) -> dict[str, str]:
    return {"commandId": typed.get("command_id") or str(uuid4())}


def _back(tin: Tin) -> Response:
    return RedirectResponse(f"/operators/{tin}?tab=numbers#persons", 303, HEADERS)


def _naming(request: Request, tin: Tin, form: dict[str, Any], sentence: str = "") -> Response:
    return page(
        request,
        "naming.html",
        status=400 if sentence else 200,
        title=_("Name a person"),
        tin=tin.text,
        naming=form,
        sentence=sentence,
    )


async def _erasing(
    request: Request,
    tin: Tin,
    person: str,
    typed: dict[str, str] | None = None,
    wrong: str = "",
    sentence: str = "",
) -> Response:
    answer = await ask(request, CONTACTS, tin=tin.text)
    known = ((answer.data or {}).get("operator") or {"contacts": []})["contacts"]
    erasable = next((contact for contact in known if contact["person"] == person.lower()), None)
    if erasable is None:
        title = _("Nobody of that name")
        why = _("%(tin)s has no contact under this pseudonym", tin=str(tin))
        return page(request, "wrong.html", status=404, title=title, sentence=why)
    return page(
        request,
        "person.html",
        status=400 if wrong or sentence else 200,
        title=_("Erase a person"),
        tin=tin.text,
        person=erasable,
        ground=(typed or {}).get("ground", ""),
        wrong=wrong,
        sentence=sentence,
        longest=GROUND,
        command_id=(typed or {}).get("command_id") or str(uuid4()),
    )
