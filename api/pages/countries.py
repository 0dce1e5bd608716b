"""The page of a customs territory: a matrix of its partners, its programmes, its blocs, published
claims."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.languages.language import _, current
from api.pages import forms, growth, parameters, world_map
from api.pages.command_places import ADMINISTRATION
from api.pages.errors import PageRoute
from api.pages.labels import country as name_of
from api.pages.labels import territory
from api.pages.query import ask
from api.pages.record_actions import actions_about
from api.pages.render import page
from api.pages.sentences import translated
from registry.domain.decisions import civil_day_of
from registry.domain.values import AdministrationCode

#: The published count that is compared with the register's own in a picture.
#: The published counts that are drawn beside the register's own.
MEASURES = (
    "aeo_partner_territories_signed",
    "aeo_partner_territories_implemented",
    "aeo_partner_economies_signed",
    "aeo_partner_economies_implemented",
)

router = APIRouter(route_class=PageRoute)

COUNTRY = """\
query Country($code: AdministrationCode!, $asOf: AsOf) {
  administration(code: $code, asOf: $asOf) {
    code
    name
    timeZone
    operatorCount
    bloc
    memberships { member sense validFrom validTo ground }
    programmes {
      code name localName types operatorCount
      rules { name state value unit validFrom validTo source }
    }
  }
  union: administration(code: "EU", asOf: $asOf) {
    timeZone
    memberships { member sense validFrom validTo ground }
  }
  partners(of: $code, asOf: $asOf) {
    administration { code name }
    recognises
    recognisedBy
    blocs
    agreements {
      code title status
      parties { code }
      sides { party certainFrom suspended }
    }
  }
  agreements(filter: { party: $code }, first: 100) {
    totalCount
    edges {
      node {
        code title kind status
        parties { code }
        dates { what earliest latest }
      }
    }
    pageInfo { hasNextPage }
  }
}"""

#: Every claim is recounted, so it is a query of its own, for which the rest of the page need not
#: wait.
CLAIMS = """\
query Claims($code: AdministrationCode!) {
  claims(subject: $code) {
    measure value asOf source registryCount difference
    reason { code message facts { name value item zone } }
  }
}"""

COUNT_STEPS = """\
query CountSteps($code: AdministrationCode!, $measure: String!) {
  countSteps(subject: $code, measure: $measure) { day count }
}"""

GOALS = """\
query Goals($code: AdministrationCode!, $asOf: AsOf) {
  targets(owner: $code, asOf: $asOf) { document text deadline met quotation }
}"""

#: The parts of each tab, in order; each is a template in `countries/`. `all`: everything, to print.
TABS: dict[str, tuple[str, ...]] = {
    "overview": ("map",),
    "partners": ("partners", "members"),
    "programmes": ("programmes",),
    "promises": ("claims", "targets"),
    "agreements": ("others",),
    "all": ("map", "partners", "programmes", "members", "claims", "targets", "others"),
}


@router.get("/countries/{code}")
async def country(request: Request, code: str) -> Response:
    """Shows one territory. Another spelling of its code is redirected to the code."""
    if code != (meant := territory(code)):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/countries/{quote(meant)}{query}", 307)
    try:
        AdministrationCode.parse(code)
    except ValueError as wrong:
        title, sentence = _("No such territory"), translated(str(wrong))
        return page(request, "wrong.html", status=404, title=title, sentence=sentence)
    clocks = await forms.clocks(request, code)
    asked = await ask(request, COUNTRY, code=code, asOf=clocks.as_of)
    if asked.data is None or asked.data["administration"] is None:
        return page(
            request,
            "nothing.html",
            status=404 if asked.data else 400,
            title=name_of(code),
            clocks=clocks,
            asked=asked,
            sentence=_("The register knows no customs administration %(code)s.", code=code),
            look=("/countries", _("All customs territories")),
        )
    found_territory = asked.data["administration"]
    tab = parameters.one_of(request, "tab", TABS, "overview")
    rows = [_row(code, partner) for partner in asked.data["partners"]]
    return page(
        request,
        "country.html",
        status=clocks.status,
        title=name_of(code),
        territory=found_territory,
        asked=asked,
        clocks=clocks,
        searched=request.query_params.get("searched", "")[:200],
        tab=tab,
        parts=TABS[tab],
        rows=sorted(rows, key=lambda row: current.get().alphabetical(row["name"])),
        actions=await actions_about(request, ADMINISTRATION, code) if tab == "overview" else [],
        **_pictures(code, asked.data, rows, asked.now),
        **await _promises(request, code, clocks, TABS[tab]),
        **_others(asked.data["agreements"]),
        **_memberships(found_territory, asked.data["union"]),
    )


def _pictures(
    code: str, data: dict[str, Any], rows: list[dict[str, Any]], now: datetime
) -> dict[str, Any]:
    """Returns the map of the partners, and how the number of the agreements grew."""
    statuses = {
        row["code"]: "force" if row["recognises"] or row["recognisedBy"] else "signed"
        for row in rows
    }
    today = civil_day_of(now, data["administration"]["timeZone"]).isoformat()
    members = [
        m["member"]
        for m in data["administration"]["memberships"]
        if data["administration"]["bloc"] and (m["validTo"] is None or m["validTo"] > today)
    ]
    nodes = [edge["node"] for edge in data["agreements"]["edges"]]
    signed = [
        growth.signed_years(node["dates"])
        for node in nodes
        if node["kind"] == "AEO_MUTUAL_RECOGNITION"
    ]
    return {
        "map": world_map.draw(statuses | dict.fromkeys([code, *members], "self")),
        "growth": growth.draw(growth.by_year(signed, now.year)),
    }


async def _promises(
    request: Request, code: str, clocks: forms.AsOfFields, parts: Sequence[str]
) -> dict[str, Any]:
    """Returns what was published, and the goals, where the tab shows them."""
    if "claims" not in parts:
        return {"published": None, "claims": [], "goals": None, "compared": []}
    published = await ask(request, CLAIMS, code=code)
    claims = published.data["claims"] if published.data else []
    goals = await ask(request, GOALS, code=code, asOf=clocks.as_of)
    return {
        "published": published,
        "claims": sorted(claims, key=lambda claim: str(claim["asOf"])),
        "goals": goals.data["targets"] if goals.data else [],
        "compared": await _reconciled(request, code, claims, goals.now),
    }


async def _reconciled(
    request: Request, code: str, claims: Sequence[dict[str, Any]], now: datetime
) -> list[tuple[str, growth.GrowthDrawing, list[dict[str, Any]]]]:
    """Returns, for each measure that was published at least twice and that the register counts, its
    two step lines, and the steps of the register's own count."""
    found = []
    for measure in MEASURES:
        some = [each for each in claims if each["measure"] == measure]
        if len(some) < 2:
            continue
        asked = await ask(request, COUNT_STEPS, code=code, measure=measure)
        steps = asked.data["countSteps"] if asked.data else []
        drawn = growth.compared(steps, some, now.date()) if steps else None
        if drawn:
            found.append((measure, drawn, steps))
    return found


def _others(agreements: dict[str, Any]) -> dict[str, Any]:
    """Returns the agreements about other things than authorised operators."""
    nodes = [edge["node"] for edge in agreements["edges"]]
    return {
        "others": [node for node in nodes if node["kind"] != "AEO_MUTUAL_RECOGNITION"],
        "more": agreements["pageInfo"]["hasNextPage"],
    }


def _row(of: str, partner: dict[str, Any]) -> dict[str, Any]:
    """Returns a row of the matrix, with the first day on which each side had certainly implemented
    it."""
    code = partner["administration"]["code"]
    there = {code, *partner["blocs"]}
    first_days: dict[bool, list[str]] = {True: [], False: []}
    for agreement in partner["agreements"]:
        for side in agreement["sides"]:
            ours = side["party"] == of or (side["party"] == "EU" and "EU" not in there)
            if side["certainFrom"] and (ours or side["party"] in there):
                first_days[ours].append(side["certainFrom"])
    return partner | {
        "code": code,
        "name": name_of(code),
        "recognised_since": min(first_days[True], default=None),
        "recognising_since": min(first_days[False], default=None),
    }


def _memberships(administration: dict[str, Any], union: dict[str, Any] | None) -> dict[str, Any]:
    """Returns a bloc's members, or the intervals of a territory's membership in the bloc."""
    if administration["bloc"]:
        return {"memberships": administration["memberships"], "zone": administration["timeZone"]}
    own = (
        [m for m in union["memberships"] if m["member"] == administration["code"]] if union else []
    )
    return {"memberships": own, "zone": union["timeZone"] if union else administration["timeZone"]}
