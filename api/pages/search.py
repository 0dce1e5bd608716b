"""The first page: one field for everything that has a page, and the tour."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.pages.asking import ask
from api.pages.cases import CASES
from api.pages.faults import PageRoute
from api.pages.render import page
from api.pages.words import is_called
from registry.texts import folded
from registry.values import Tin

router = APIRouter(route_class=PageRoute)

EXAMPLES = ("CN1234567890", "DESYNTHETIC0001", "China", "CN-RU-CONTROL", "绿色通道", "Order 282")

OPERATOR = """\
query ByTin($tin: TIN!) {
  operator(tin: $tin) { tin }
}"""

CERTIFICATE = """\
query ByCertificate($number: String!) {
  operatorByCertificate(number: $number) { tin }
}"""

LAW = """\
query Search($words: String!) {
  administrations { code name }
  programmes(contains: $words) { code name localName administration }
  agreements(filter: { contains: $words }, first: 50) {
    totalCount
    edges { node { id title titles kind status parties { code } } }
  }
  documents(contains: $words, first: 20) {
    edges { node { id title titles date source } }
  }
}"""


@router.get("/")
async def home(request: Request) -> Response:
    return page(request, "home.html", title="Search", cases=CASES, examples=EXAMPLES, q="")


@router.get("/search")
async def search(request: Request, q: str = "") -> Response:
    """To the one page that is meant, else what comes near. Operators only by an exact key."""
    q = " ".join(q.split())[:200]
    if not q:
        return RedirectResponse("/", 303)
    if address := await _exact(request, q):
        return RedirectResponse(address, 303)
    law = await ask(request, LAW, words=q)
    found = law.data
    countries = [a for a in found["administrations"] if _names(a, q)] if found else []
    return page(
        request, "found.html", status=200 if found else 400, title=f"Search: {q}", q=q, law=law,
        found=found, countries=countries, like_tin=_tin(q),
    )  # fmt: skip


async def _exact(request: Request, q: str) -> str | None:
    if tin := _tin(q):
        found = await ask(request, OPERATOR, tin=tin)
        if found.data and found.data["operator"]:
            return f"/operators/{found.data['operator']['tin']}"
    if re.fullmatch(r"[\w./-]{3,40}", q):
        found = await ask(request, CERTIFICATE, number=q)
        if found.data and found.data["operatorByCertificate"]:
            return f"/operators/{found.data['operatorByCertificate']['tin']}"
    if re.fullmatch(r"[A-Za-z]{2}", q):
        return f"/countries/{q.upper()}"
    return None


def _tin(q: str) -> str | None:
    """The TIN that somebody may have meant, spaces and small letters forgiven."""
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
