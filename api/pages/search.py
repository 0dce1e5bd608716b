"""The home page and the search: one field for everything that has a page."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.languages.language import _
from api.pages.errors import PageRoute
from api.pages.labels import closeness, territory
from api.pages.query import ask
from api.pages.render import page
from registry.domain.identifiers import LONGEST, normal_form
from registry.domain.texts import folded
from registry.domain.values import Tin

router = APIRouter(route_class=PageRoute)

EXAMPLES = ("CN1234567890", "DESYNTHETIC0001", "China", "CN-RU-CONTROL", "绿色通道", "Order 282")

OPERATOR = """\
query ByTin($tin: TIN!) {
  operator(tin: $tin) { tin }
}"""

CERTIFICATE = """\
query ByCertificate($number: String!) {
  operatorsByCertificate(number: $number) { tin name administration { code } }
}"""

AGREEMENT = """\
query ByCode($id: ID!) {
  agreement(id: $id) { code kind }
}"""

LAW = """\
query Search($words: String!) {
  administrations { code name }
  programmes(contains: $words) { code name localName administration }
  agreements(filter: { contains: $words }, first: 50) {
    totalCount
    edges { node { code title titles kind status parties { code } } }
  }
  documents(contains: $words, first: 20) {
    edges { node { code title titles date source } }
  }
}"""


@router.get("/")
async def home(request: Request) -> Response:
    """Shows the search form, how much is on record and when it was signed last, and where to go.
    Needs no database."""
    signed = request.app.state.service.current_checkpoint.signed
    return page(request, "home.html", title=_("Search"), examples=EXAMPLES, signed=signed, q="")


@router.get("/search")
async def search(request: Request, q: str = "") -> Response:
    """Redirects to the only match, else lists near matches. Operators are found by an exact key
    only."""
    q = " ".join(q.split())[:200]
    if not q:
        return RedirectResponse("/", 303)
    if tin := await exact_operator(request, q):
        return RedirectResponse(f"/operators/{tin}", 303)
    found_holders = await holders(request, q)
    if len(found_holders) == 1:
        return RedirectResponse(f"/operators/{found_holders[0]['tin']}", 303)
    if not found_holders and (code := meant_territory(q)):
        # A page that was not asked for by its own code says what was typed: "UK" is no code.
        typed = f"?{urlencode({'searched': q})}" if code != folded(q).upper() else ""
        return RedirectResponse(f"/countries/{code}{typed}", 303)
    if not found_holders and (agreement := await exact_agreement(request, q)):
        return RedirectResponse(f"/agreements/{quote(agreement['code'])}", 303)
    law = await ask(request, LAW, words=q)
    found = law.data
    countries = _territories(found["administrations"], q) if found else []
    return page(
        request,
        "found.html",
        status=200 if found else 400,
        title=_("Search: %(words)s", words=q),
        q=q,
        law=law,
        found=found,
        countries=countries,
        like_tin=_tin(q),
        holders=found_holders,
    )


async def exact_operator(request: Request, q: str) -> str | None:
    """Returns the TIN of the operator that the subject may see and that has this TIN."""
    if tin := _tin(q):
        found = await ask(request, OPERATOR, tin=tin)
        if found.data and found.data["operator"]:
            return str(found.data["operator"]["tin"])
    return None


async def holders(request: Request, q: str) -> list[dict[str, Any]]:
    """Returns the operators whose certificate has this number, in any spelling."""
    if not 3 <= len(normal_form(q)) <= LONGEST:
        return []
    found = await ask(request, CERTIFICATE, number=q)
    return found.data["operatorsByCertificate"] if found.data else []


async def exact_agreement(request: Request, q: str) -> dict[str, str] | None:
    """Returns the agreement whose code this is, in any letter case."""
    if not re.fullmatch(r"[A-Za-z]{2}-[A-Za-z0-9-]{2,60}", q):
        return None
    found = await ask(request, AGREEMENT, id=q.upper())
    return found.data["agreement"] if found.data else None


def meant_territory(q: str) -> str | None:
    """Returns the code of the territory that was meant, also for other codes in use."""
    return territory(q) if re.fullmatch("[a-z]{2}", folded(q)) else None


def _tin(q: str) -> str | None:
    """Returns the TIN that was meant; spaces and small letters are accepted."""
    try:
        return Tin.parse(re.sub(r"[\s.-]", "", q).upper()).text
    except ValueError:
        return None


def _territories(administrations: list[dict[str, str]], q: str) -> list[dict[str, str]]:
    """Returns those with a name like the words in one of the languages, the closest first."""
    ranked = [
        (rank, each["code"], each)
        for each in administrations
        if (rank := closeness(each["code"], each["name"], q)) is not None
    ]
    return [each for _rank, _code, each in sorted(ranked, key=lambda found: found[:2])]
