"""The page of a programme: its types, and its rules with their validity."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages import forms
from api.pages.command_places import PROGRAMME as PROGRAMME_PLACE
from api.pages.errors import PageRoute
from api.pages.query import ask
from api.pages.record_actions import actions_about
from api.pages.render import page
from registry.domain.programme_rules import NOT_ON_RECORD

router = APIRouter(route_class=PageRoute)

HOME = """\
query Home($code: ID!) {
  programme(code: $code) { administration }
}"""

PROGRAMME = """\
query Programme($code: ID!, $asOf: AsOf) {
  programme(code: $code, asOf: $asOf) {
    code
    administration
    name
    localName
    types
    operatorCount
    rules { name state value unit validFrom validTo source }
    allRules { name state value unit validFrom validTo source }
  }
}"""


@router.get("/programmes/{code}")
async def programme(request: Request, code: str) -> Response:
    """Shows one programme with its rules as of two instants."""
    home = await ask(request, HOME, code=code)
    found = home.data["programme"] if home.data else None
    clocks = await forms.clocks(request, found["administration"] if found else None)
    asked = await ask(request, PROGRAMME, code=code, asOf=clocks.as_of)
    if asked.data is None or asked.data["programme"] is None:
        return page(
            request,
            "nothing.html",
            status=404 if asked.data else 400,
            clocks=clocks,
            title=_("No such programme"),
            asked=asked,
            sentence=_("The register holds no programme %(id)s.", id=repr(code)),
            look=("/countries", _("Programmes by country")),
        )
    found_programme = asked.data["programme"]
    applies = {(rule["name"], rule["validFrom"]) for rule in found_programme["rules"]}
    recorded = [
        r | {"applies": (r["name"], r["validFrom"]) in applies} for r in found_programme["allRules"]
    ]
    absent = [
        r | {"applies": True} for r in found_programme["rules"] if r["source"] == NOT_ON_RECORD
    ]
    return page(
        request,
        "programme.html",
        status=clocks.status,
        title=f"{found_programme['code']}: {found_programme['name']}",
        programme=found_programme,
        asked=asked,
        clocks=clocks,
        actions=await actions_about(request, PROGRAMME_PLACE, code),
        rules=sorted(recorded + absent, key=lambda r: (r["name"], r["validFrom"] or "9999")),
    )
