"""The home page and the search: one field for everything that has a page."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access import policy
from api.access.permissions import Relation
from api.access.policy import Action, Resource
from api.languages.language import _
from api.pages import check_numbers, mass_decisions, search_meanings
from api.pages.errors import PageRoute
from api.pages.labels import closeness, country, phrase, territory
from api.pages.query import PageQuery, Unavailable, ask, context
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

RECORD = """\
query ByCode($code: ID!, $words: String!) {
  agreement(id: $code) { code kind }
  programme(code: $code) { code name }
  documents(contains: $words, first: 20) { edges { node { code title } } }
}"""

LAW = """\
query Search($words: String!) {
  administrations { code name programmes { code types } }
  programmes(contains: $words) { code name localName administration }
  agreements(filter: { contains: $words }, first: 12) {
    totalCount
    edges { node { code title titles kind status parties { code } } }
  }
  documents(contains: $words, first: 12) {
    edges { node { code title titles date source } }
    pageInfo { hasNextPage }
  }
}"""

#: For those who may list operators.
NAMES = """\
query ByName($words: String!, $first: Int!) {
  operators(filter: { nameContains: $words }, first: $first) {
    edges { node { tin name localName administration { code } } }
    pageInfo { hasNextPage }
  }
}"""
NAMED = 12  # operators of a name that are shown


class NamedRecord(NamedTuple):
    """What a code names. `noun`: agreement, programme or document, in the reader's language;
    `name`: its name or title, of an agreement its kind."""

    noun: str
    code: str
    name: str
    address: str


@router.get("/")
async def home(request: Request) -> Response:
    """Shows the search form, how much is on record and when it was signed last, and where to go.
    Needs no database."""
    signed = request.app.state.service.current_checkpoint.signed
    return page(request, "home.html", title=_("Search"), examples=EXAMPLES, signed=signed, q="")


@router.get("/search")
async def search(request: Request, q: str = "", of: str = "") -> Response:
    """Redirects to the only match, else lists near matches. `of`: the country of a number that has
    none. Names of operators are looked for by those alone who may list operators."""
    q = " ".join(q.split())[:200]
    if search_meanings.is_bare_number(q) and len(of) == 2:
        q = territory(of) + q
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
    if not found_holders and (record := await exact_record(request, q)):
        return RedirectResponse(record.address, 303)
    return await _listed(request, q, found_holders)


async def _listed(request: Request, q: str, found_holders: list[dict[str, Any]]) -> Response:
    """Shows everything that the words can mean, by kinds. Where they find nothing, a number inside
    them is looked for instead, and the page says so."""
    law = await ask(request, LAW, words=q)
    found = law.data
    countries = _territories(found["administrations"], q) if found else []
    try:
        named, unnamed = await by_name(request, q, NAMED), False
    except Unavailable:  # what the law has of the words is shown all the same
        named, unnamed = None, True
    holders = [holder | {"scheme": ""} for holder in found_holders]
    operators = holders or await identified(request, q)
    groups: dict[str, Any] = {
        "operators": operators,
        "countries": countries,
        "goods": search_meanings.goods(q),
        "types": search_meanings.types(q, found["administrations"]) if found else [],
        "pages": search_meanings.pages(q),
        "parties": [] if countries else search_meanings.territories(q),
        "named": _edges(named),
    }
    nothing = not unnamed and not any(groups.values()) and _is_empty(found)
    instead = search_meanings.number_inside(q) if nothing else ""
    if instead:
        # Where the number finds nothing either, the page's question stays the one that was typed.
        other = await ask(request, LAW, words=instead)
        if _is_empty(other.data):
            instead = ""
        else:
            law, found = other, other.data
    return page(
        request,
        "found.html",
        status=200 if found else 400,
        title=_("Search: %(words)s", words=q),
        q=q,
        law=law,
        found=found,
        like_tin=_tin(q) if any(map(str.isdigit, q)) else None,
        names=named,
        unnamed=unnamed,
        nothing=nothing and not instead,
        instead=instead,
        homes=await _homes(request, found) if search_meanings.is_bare_number(q) else [],
        mine=await _own(request, operators, _edges(named)),
        many=mass_decisions.names(),
        **groups,
    )


def _edges(named: PageQuery | None) -> dict[str, Any]:
    """The operators of a name, with their number; empty where there are none."""
    found = named.data["operators"] if named and named.data else {}
    return found if found and found["edges"] else {}


async def _own(
    request: Request, operators: list[dict[str, Any]], named: dict[str, Any]
) -> frozenset[str]:
    """The TINs of those that were found about which the subject may decide as their customs."""
    subject = (await context(request)).subject
    nodes = [*operators, *(edge["node"] for edge in named.get("edges", ()))]
    tins = (Tin(node["tin"]) for node in nodes)
    return frozenset(
        tin.text for tin in tins if policy.has(subject, Relation.HOME_CUSTOMS, policy.operator(tin))
    )


def _is_empty(found: dict[str, Any] | None) -> bool:
    """Whether nothing in the law has the words; not where it could not be asked."""
    return found is not None and not (
        found["programmes"] or found["agreements"]["edges"] or found["documents"]["edges"]
    )


async def _homes(request: Request, found: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Returns the territories that register operators, for a number without its country: first
    that of the subject, then by name."""
    own = (await context(request)).subject.home
    codes = [a["code"] for a in found["administrations"] if a["programmes"]] if found else []
    return sorted(
        ((code, country(code)) for code in codes), key=lambda home: (home[0] not in own, home[1])
    )


async def by_name(request: Request, words: str, first: int) -> PageQuery | None:
    """Returns the operators whose name has the words, for those who may list operators; None for
    others, and for words that are too short. Raises Unavailable."""
    asked = await context(request)
    if len(words) < 2 or not asked.may(Action.LIST_OPERATORS, Resource()):
        return None
    return await ask(request, NAMES, words=words, first=first)


async def identified(request: Request, number: str) -> list[dict[str, Any]]:
    """Returns the operators with this identifier of a national or another scheme, for those who may
    list operators."""
    asked = await context(request)
    number_like = any(map(str.isdigit, number)) and 3 <= len(normal_form(number)) <= LONGEST
    if not number_like or not asked.may(Action.LIST_OPERATORS, Resource()):
        return []
    found = await check_numbers.identified(request, number)
    return [{"tin": each.tin, "name": each.name, "scheme": each.kind} for each in found]


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


async def exact_record(request: Request, q: str) -> NamedRecord | None:
    """Returns the agreement, the programme or the document whose code this is, in any letter
    case."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{3,60}", q):
        return None
    code = q.upper()
    found = (await ask(request, RECORD, code=code, words=code)).data
    if not found:
        return None
    if agreement := found["agreement"]:
        return NamedRecord(_("agreement"), code, phrase(agreement["kind"]), f"/agreements/{code}")
    if programme := found["programme"]:
        return NamedRecord(_("programme"), code, programme["name"], f"/programmes/{code}")
    for edge in found["documents"]["edges"]:
        if edge["node"]["code"] == code:
            title = edge["node"]["title"]
            return NamedRecord(_("document"), code, title, f"/documents/{code}")
    return None


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
