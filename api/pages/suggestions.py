"""Suggestions of the search field as one types: what has a page and a name like the words.

The same question, executor and rights as those of the search. The answer has the form of OpenSearch
suggestions (JSON): the words, the titles, their descriptions and their addresses, each a list.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.languages.language import _, current
from api.pages import search_meanings
from api.pages.errors import PageRoute
from api.pages.labels import closeness, country
from api.pages.query import Unavailable, ask
from api.pages.record_texts import plain_title
from api.pages.render import HEADERS, language_of
from api.pages.search import by_name, exact_operator, exact_record, holders, meant_territory
from api.pages.site import LANGUAGE, in_language

router = APIRouter(route_class=PageRoute)

LEAST = 2  # characters: one letter would suggest everything
MOST = 10
#: How many of each kind are suggested at most, so that no kind hides another.
OF_A_KIND = 4

NAMES = """\
query Suggest($words: String!) {
  administrations { code name }
  programmes(contains: $words) { code name administration }
  agreements(filter: { contains: $words }, first: 4) {
    edges { node { code title titles kind status } }
  }
  documents(contains: $words, first: 4) { edges { node { code title titles } } }
}"""

#: Title, description, address without a language.
Suggestion = tuple[str, str, str]


@router.get("/search/suggest")
async def suggest(request: Request, q: str = "") -> Response:
    """Suggests pages whose names are like the words, at most ten. Fewer than two characters have no
    suggestion."""
    current.set(language_of(request))
    q = " ".join(q.split())[:200]
    found = await _suggestions(request, q) if len(q) >= LEAST else []
    tag = request.scope.get(LANGUAGE)
    base = str(request.base_url).rstrip("/")
    body = [
        q,
        [title for title, _description, _address in found],
        [description for _title, description, _address in found],
        [base + (in_language(address, tag) if tag else address) for *_words, address in found],
    ]
    headers = HEADERS | ({} if tag else {"Vary": "Accept-Language"})
    return JSONResponse(body, 200, headers, media_type="application/x-suggestions+json")


async def _suggestions(request: Request, q: str) -> list[Suggestion]:
    keys = await _by_key(request, q)
    found = (await ask(request, NAMES, words=q)).data
    if found is None:
        return keys
    groups = (
        keys,
        _territories(found["administrations"], q),
        await _named(request, q),
        [
            (plain_title(node), f"{node['code']}, {_('agreement')}", f"/agreements/{node['code']}")
            for node in _nodes(found["agreements"])
        ],
        [
            (each["name"], f"{_('programme')}, {country(each['administration'])}", address)
            for each in found["programmes"]
            if (address := f"/programmes/{each['code']}")
        ],
        [
            (plain_title(node), _("document"), f"/documents/{node['code']}")
            for node in _nodes(found["documents"])
        ],
        [
            (text, f"HS {code}, {_('goods')}", f"/control-results?hs={code}")
            for code, text in search_meanings.goods(q)
        ],
        [(title, _("page"), address) for address, title in search_meanings.pages(q)],
    )
    unique = {each[2]: each for group in groups for each in group[:OF_A_KIND]}
    return list(unique.values())[:MOST]


async def _by_key(request: Request, q: str) -> list[Suggestion]:
    """What an exact key leads to: a TIN, a certificate, the code of a territory, of an agreement, a
    programme or a document."""
    if code := meant_territory(q):
        return [(country(code), f"{code}, {_('customs territory')}", f"/countries/{code}")]
    if record := await exact_record(request, q):
        return [(record.code, f"{record.noun}, {record.name}", record.address)]
    if tin := await exact_operator(request, q):
        return [(tin, _("operator"), f"/operators/{tin}")]
    return [
        (each["name"], f"{each['tin']}, {_('operator')}", f"/operators/{each['tin']}")
        for each in await holders(request, q)
    ]


async def _named(request: Request, q: str) -> list[Suggestion]:
    """Operators with a name like the words, for those who may list operators."""
    try:
        found = await by_name(request, q, OF_A_KIND)
    except Unavailable:  # the other suggestions stand; the page of the search says what is missing
        return []
    nodes = _nodes(found.data["operators"]) if found and found.data else []
    return [
        (each["name"], f"{each['tin']}, {_('operator')}", f"/operators/{each['tin']}")
        for each in nodes
    ]


def _territories(administrations: list[dict[str, str]], q: str) -> list[Suggestion]:
    """Territories with a name like the words in one of the languages, the closest name first."""
    ranked = sorted(
        (rank, country(each["code"]), each["code"])
        for each in administrations
        if (rank := closeness(each["code"], each["name"], q)) is not None
    )
    return [
        (name, f"{code}, {_('customs territory')}", f"/countries/{code}")
        for _rank, name, code in ranked
    ]


def _nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]
