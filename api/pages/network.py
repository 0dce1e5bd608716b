"""The network of agreements, of one territory or of all, at the end of any year."""

from __future__ import annotations

from datetime import datetime
from itertools import combinations
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages import forms, growth, network_graph, parameters, world_map
from api.pages.downloads import csv_file
from api.pages.errors import PageRoute
from api.pages.labels import territory
from api.pages.query import PageQuery, ask, context
from api.pages.render import page, picture
from registry.domain.values import AgreementKind

router = APIRouter(route_class=PageRoute)

FIRST = 1990
#: The style class of an agreement by its status; others are not drawn.
DRAWN = {
    "IN_FORCE": "force",
    "PILOT": "signed",
    "SIGNED": "signed",
    "SUSPENDED": "signed",
    "TERMINATED": "ended",
}

NETWORK = """\
query Network($filter: AgreementFilter, $asOf: AsOf, $after: String) {
  agreements(filter: $filter, asOf: $asOf, first: 100, after: $after) {
    edges {
      node {
        code title titles kind status
        parties { code }
        dates { what side earliest latest }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
  administrations(asOf: $asOf) { code members { code } }
}"""


@router.get("/network")
async def network(request: Request) -> Response:
    """Shows the agreements at the end of `?year=`, of `?of=` or of all, as map, graph and table.
    `?format=` is `map.svg`, `graph.svg` or `agreements.csv`."""
    asked = request.query_params
    clocks = await forms.of(request, "", asked.get("known-at", ""))
    now = (await context(request)).now
    year = parameters.whole_number(request, "year", FIRST, now.year, now.year)
    chosen = {"of": territory(asked.get("of", "")), "kind": asked.get("kind", "")}
    found, agreements = await _agreements(request, clocks, year, now, chosen)
    links = _links(agreements)
    statuses = _statuses(agreements, found, chosen["of"])
    on_map = _on_map(links, found, chosen["of"])
    years = growth.by_year((growth.signed_years(a["dates"]) for a in agreements), now.year)
    drawn = [a for a in agreements if a["status"] in DRAWN]
    values: dict[str, Any] = {
        "chosen": chosen,
        "year": year,
        "map": world_map.draw(statuses, on_map),
        "graph": network_graph.draw(links, chosen["of"]),
    }
    match parameters.one_of(request, "format", ("map.svg", "graph.svg", "agreements.csv")):
        case "map.svg":
            return picture("network_map.html", f"agreements-{year}-map.svg", **values)
        case "graph.svg":
            return picture("network_graph.html", f"agreements-{year}-graph.svg", **values)
        case "agreements.csv":
            return _csv(drawn, year)
    return page(
        request,
        "network.html",
        status=clocks.status if found.data else 400,
        title=_("Network"),
        asked=found,
        clocks=clocks,
        agreements=drawn,
        in_force=sum(a["status"] == "IN_FORCE" for a in drawn),
        territories=len([code for code, status in statuses.items() if status in ("force", "self")]),
        years=range(FIRST, now.year + 1),
        kinds=[kind.name for kind in AgreementKind],
        growth=growth.draw(years, year),
        signed={a["code"]: _signed(a) for a in drawn},
        host=request.url.netloc,
        recorded_by=clocks.known or now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        **values,
    )


async def _agreements(
    request: Request,
    clocks: forms.AsOfFields,
    year: int,
    now: datetime,
    chosen: dict[str, str],
) -> tuple[PageQuery, list[dict[str, Any]]]:
    """Returns the first answer, and the agreements of all of them."""
    as_of = dict(clocks.as_of)
    if year < now.year:
        as_of["at"] = f"{year}-12-31T23:59:59Z"
    wanted = {"party": chosen["of"], "kind": chosen["kind"]}
    selected = {name: value for name, value in wanted.items() if value}
    after, first, nodes = None, None, list[dict[str, Any]]()
    while True:
        found = await ask(request, NETWORK, filter=selected, asOf=as_of, after=after)
        first = first or found
        if found.data is None:
            return found, []
        nodes += [edge["node"] for edge in found.data["agreements"]["edges"]]
        after = found.data["agreements"]["pageInfo"]["endCursor"]
        if not found.data["agreements"]["pageInfo"]["hasNextPage"]:
            return first, nodes


def _links(agreements: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Returns each pair of parties with the strongest status between them."""
    pairs: dict[tuple[str, str], dict[str, str]] = {}
    for agreement in agreements:
        status = DRAWN.get(agreement["status"], "")
        if status in ("force", "signed"):
            codes = sorted(party["code"] for party in agreement["parties"])
            for first, second in combinations(codes, 2):
                pairs.setdefault((first, second), {})[agreement["code"]] = status
    return [
        (first, second, world_map.strongest(found.values()), ", ".join(found))
        for (first, second), found in sorted(pairs.items())
    ]


def _members(found: PageQuery) -> dict[str, list[str]]:
    """Returns the members of each bloc."""
    administrations = found.data["administrations"] if found.data else []
    return {a["code"]: [m["code"] for m in a["members"]] for a in administrations if a["members"]}


def _statuses(agreements: list[dict[str, Any]], found: PageQuery, of: str) -> dict[str, str]:
    """Returns the status of each territory on the map; that of a bloc is its members'."""
    members = _members(found)
    each: dict[str, list[str]] = {}
    for agreement in agreements:
        if status := DRAWN.get(agreement["status"]):
            for party in agreement["parties"]:
                for code in members.get(party["code"], [party["code"]]):
                    each.setdefault(code, []).append(status)
    found_statuses = {code: world_map.strongest(statuses) for code, statuses in each.items()}
    return found_statuses | dict.fromkeys(members.get(of, [of]) if of else [], "self")


def _on_map(
    links: list[tuple[str, str, str, str]], found: PageQuery, of: str
) -> list[tuple[str, str, str, str]]:
    """Returns the links on the map: a bloc is drawn from its largest member, here Germany or else
    the first."""
    members = _members(found)

    def at(code: str) -> str:
        own = members.get(code)
        return code if not own else "DE" if "DE" in own else own[0]

    return [(at(a), at(b), status, title) for a, b, status, title in links if at(a) != at(b)]


def _signed(agreement: dict[str, Any]) -> dict[str, str] | None:
    """Returns the day of the signature, as far as the sources say."""
    found = [each for each in agreement["dates"] if each["what"] == "SIGNED"]
    if not found:
        return None
    earliest, latest = min(d["earliest"] for d in found), max(d["latest"] for d in found)
    return {"earliest": earliest, "latest": latest}


def _csv(agreements: list[dict[str, Any]], year: int) -> Response:
    """Returns the agreements as a file."""
    columns = [
        "agreement",
        "title",
        "kind",
        "parties",
        "status",
        "signed_earliest",
        "signed_latest",
    ]
    rows = []
    for a in agreements:
        signed = _signed(a) or {"earliest": "", "latest": ""}
        parties = " ".join(party["code"] for party in a["parties"])
        days = signed["earliest"], signed["latest"]
        rows.append([a["code"], a["title"], a["kind"], parties, a["status"], *days])
    return csv_file(f"agreements-{year}.csv", columns, rows)
