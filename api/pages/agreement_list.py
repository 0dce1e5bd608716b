"""The list of agreements: filters, an order, and files to keep, all as of two instants. Needs no
script; filters and order are in the address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages import forms, parameters
from api.pages.command_places import address_of
from api.pages.downloads import csv_file, json_file
from api.pages.errors import PageRoute
from api.pages.labels import OPEN_END, territory
from api.pages.query import PageQuery, ask, context
from api.pages.render import page
from registry.domain import commands as c
from registry.domain.values import AgreementKind, AgreementStatus, Pillar

router = APIRouter(route_class=PageRoute)

SIZE = 50  # agreements of a page
AGREEMENTS = """\
query Agreements($filter: AgreementFilter, $asOf: AsOf, $first: Int, $after: String) {
  agreements(filter: $filter, asOf: $asOf, first: $first, after: $after) {
    totalCount
    edges {
      node {
        code title titles kind status
        parties { code }
        dates { what earliest latest }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""

#: The columns by which the list is ordered; a minus before one stands for the other end.
SORTED = ("code", "kind", "parties", "status", "signed")
ORDERS = (*SORTED, *(f"-{name}" for name in SORTED))
COLUMNS = (
    *("code", "title", "kind", "status", "parties", "signed_earliest", "signed_latest"),
    *("status_on", "recorded_by"),
)


@router.get("/agreements")
async def agreements(request: Request) -> Response:
    """Lists agreements by party, kind, status, pillar and words, in the order of `?by=`; fifty a
    page. `?format=csv` and `?format=json`: all of them as a file."""
    asked = request.query_params
    clocks = await forms.clocks(request, territory(asked.get("party", "")))
    chosen = {
        "party": territory(asked.get("party", "")),
        "with": territory(asked.get("with", "")),
        "kind": asked.get("kind", ""),
        "status": asked.get("status", ""),
        "pillar": asked.get("pillar", ""),
        "contains": asked.get("contains", "").strip(),
    }
    by = parameters.one_of(request, "by", ORDERS, SORTED[0])
    form = parameters.one_of(request, "format", ("csv", "json"))
    if form:
        parameters.absent(request, parameters.WHOLE_FILE, "after", "from")
    # By code the list is read from a cursor on; in another order as a whole, from a number on.
    parameters.absent(request, parameters.OTHER_ORDER, "from" if by == SORTED[0] else "after")
    found, edges, more = await _found(request, chosen, clocks, by, everything=bool(form))
    instants = [clocks.instant(name, found.now) for name in ("at", "knownAt")]
    at, known = (each.isoformat(timespec="seconds").replace("+00:00", "Z") for each in instants)
    if form and found.data and clocks.status == 200:
        return _file(form, [edge["node"] for edge in edges], at, known)
    own = (await context(request)).subject.administration_of_officer
    given = {name: value for name, value in chosen.items() if value}
    dates = {name: text for name, text in (("at", clocks.law), ("known-at", clocks.belief)) if text}
    cited = given | {"at": at, "known-at": known}
    return page(
        request,
        "agreements.html",
        status=clocks.status if found.data else 400,
        title=_("Agreements"),
        asked=found,
        found=found.data and found.data["agreements"],
        edges=edges,
        chosen=chosen,
        clocks=clocks,
        kinds=[kind.name for kind in AgreementKind],
        statuses=["SIGNED_OR_LATER", *(status.name for status in AgreementStatus)],
        pillars=[pillar.name for pillar in Pillar],
        new=address_of(c.ProposeAgreement, own.text) if own else "",
        by=by,
        to=lambda **changed: _address(given | dates, by, changed),
        more=more,
        cited=f"{request.url.netloc}/agreements?{urlencode(cited, safe=':')}",
        instants=(at, known),
    )


def _address(given: dict[str, str], by: str, changed: dict[str, object]) -> str:
    """Returns the address of the list of agreements with these filters and this order. `changed`:
    filters that replace the given ones, or are added."""
    order = {"by": by} if by != SORTED[0] else {}
    query = {name: value for name, value in (given | order | changed).items() if value}
    return f"/agreements?{urlencode(query)}" if query else "/agreements"


async def _found(
    request: Request,
    chosen: dict[str, str],
    clocks: forms.AsOfFields,
    by: str,
    *,
    everything: bool,
) -> tuple[PageQuery, list[dict[str, Any]], dict[str, object]]:
    """Returns the first answer, the agreements of the page, or all of them, and the parameter that
    leads to the next page. By code the list is read page by page; in another order as a whole."""
    whole = everything or by != SORTED[0]
    after = request.query_params.get("after")
    edges: list[dict[str, Any]] = []
    first = None
    while True:
        found = await ask(
            request,
            AGREEMENTS,
            filter=_filter(chosen),
            asOf=clocks.as_of,
            first=100 if whole else SIZE,
            after=after,
        )
        first = first or found
        if found.data is None:
            return found, [], {}
        edges += found.data["agreements"]["edges"]
        info = found.data["agreements"]["pageInfo"]
        if not whole:
            return first, edges, {"after": info["endCursor"]} if info["hasNextPage"] else {}
        after = info["endCursor"]
        if not info["hasNextPage"]:
            break
    edges.sort(key=lambda edge: _key(edge["node"], by.strip("-")), reverse=by.startswith("-"))
    if everything:
        return first, edges, {}
    start = parameters.whole_number(request, "from", 0, max(len(edges) - 1, 0), 0)
    more: dict[str, object] = {"from": start + SIZE} if start + SIZE < len(edges) else {}
    return first, edges[start : start + SIZE], more


def _key(node: dict[str, Any], column: str) -> tuple[str, str]:
    """What an agreement is ordered by; one without a day of signature comes last."""
    match column:
        case "parties":
            return " ".join(party["code"] for party in node["parties"]), node["code"]
        case "signed":
            return _signed(node)[0] or OPEN_END, node["code"]
    return node[column] or "", node["code"]


def _signed(node: dict[str, Any]) -> tuple[str, str]:
    """The earliest day of signature as sources give it; empty texts for none."""
    days = [
        (each["earliest"], each["latest"]) for each in node["dates"] if each["what"] == "SIGNED"
    ]
    return min(days, default=("", ""))


def _file(form: str, nodes: list[dict[str, Any]], at: str, known: str) -> Response:
    """All agreements as a file of this form, with both instants."""
    if form == "json":
        return json_file("agreements.json", {"at": at, "knownAt": known, "agreements": nodes})
    rows = (
        [
            *(node[name] for name in ("code", "title", "kind", "status")),
            " ".join(party["code"] for party in node["parties"]),
            *_signed(node),
            at,
            known,
        ]
        for node in nodes
    )
    return csv_file("agreements.csv", COLUMNS, rows)


def _filter(chosen: dict[str, str]) -> dict[str, Any]:
    """Returns the value of the GraphQL argument `filter` for the choices of the form. Where two
    parties are chosen, the agreements are those between the two."""
    parties = [code for code in (chosen["party"], chosen["with"]) if code]
    given: dict[str, Any] = {
        name: value for name, value in chosen.items() if value and name not in ("party", "with")
    }
    if len(parties) == 2:
        return given | {"between": parties}
    return given | ({"party": parties[0]} if parties else {})
