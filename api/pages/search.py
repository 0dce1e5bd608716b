"""The home page and the search: one field for everything that has a page."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.languages.language import _
from api.pages.acceptance_cases import CASES
from api.pages.errors import PageRoute
from api.pages.labels import is_called, territory
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
    """Shows the search form and the acceptance cases."""
    return page(request, "home.html", title=_("Search"), cases=CASES, examples=EXAMPLES, q="")


@router.get("/search")
async def search(request: Request, q: str = "") -> Response:
    """Redirects to the only match, else lists near matches. Operators are found by an exact key
    only."""
    q = " ".join(q.split())[:200]
    if not q:
        return RedirectResponse("/", 303)
    if address := await _exact(request, q):
        return RedirectResponse(address, 303)
    holders = await _holders(request, q)
    if len(holders) == 1:
        return RedirectResponse(f"/operators/{holders[0]['tin']}", 303)
    if not holders and (code := _territory(q)):
        return RedirectResponse(f"/countries/{code}", 303)
    law = await ask(request, LAW, words=q)
    found = law.data
    countries = [a for a in found["administrations"] if _names(a, q)] if found else []
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
        holders=holders,
    )


async def _exact(request: Request, q: str) -> str | None:
    if tin := _tin(q):
        found = await ask(request, OPERATOR, tin=tin)
        if found.data and found.data["operator"]:
            return f"/operators/{found.data['operator']['tin']}"
    return None


async def _holders(request: Request, q: str) -> list[dict[str, Any]]:
    """Returns the operators whose certificate has this number, in any spelling."""
    if not 3 <= len(normal_form(q)) <= LONGEST:
        return []
    found = await ask(request, CERTIFICATE, number=q)
    return found.data["operatorsByCertificate"] if found.data else []


def _territory(q: str) -> str | None:
    """Returns the code of the territory that was meant, also for other codes in use."""
    return territory(q) if re.fullmatch("[a-z]{2}", folded(q)) else None


def _tin(q: str) -> str | None:
    """Returns the TIN that was meant; spaces and small letters are accepted."""
    try:
        return Tin.parse(re.sub(r"[\s.-]", "", q).upper()).text
    except ValueError:
        return None


def _names(administration: dict[str, str], q: str) -> bool:
    wanted = folded(q)
    return (
        wanted == folded(administration["code"])
        or wanted in folded(administration["name"])
        or is_called(administration["code"], q)
    )
