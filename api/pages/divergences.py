"""Answers that were corrected later: what a territory would have been answered on its days, and
what customs were really answered. A list to follow up."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import QueryParams

from api.languages.language import _
from api.pages import forms
from api.pages.errors import PageRoute
from api.pages.labels import first_day
from api.pages.labels import territory as meant
from api.pages.query import ask, context
from api.pages.render import page
from api.pages.typed_days import no_instant
from registry.domain import instants
from registry.domain.decisions import civil_day_of, end_of_day, start_of_day
from registry.domain.texts import ascii_digits

router = APIRouter(route_class=PageRoute)

DIVERGENCES = """\
query Divergences($in: AdministrationCode!, $from: DateTime!, $to: DateTime!, $after: String) {
  divergences(in: $in, from: $from, to: $to, first: 50, after: $after) {
    edges {
      node {
        tin
        at
        answered
        correct
        because { position type effective knownAt }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
GIVEN = """\
query Given($in: AdministrationCode!, $from: DateTime!, $to: DateTime!, $after: String) {
  correctedAnswers(in: $in, from: $from, to: $to, first: 50, after: $after) {
    edges {
      node {
        tin
        at
        askedAt
        askedBy
        purpose
        answered
        correct
        because { position type effective knownAt }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
#: The default range of days.
LATELY = timedelta(days=365)


@router.get("/divergences")
async def divergences(request: Request) -> Response:
    """Shows the answers of a territory that later knowledge corrected, of the days asked for."""
    typed = request.query_params
    territory = meant(typed.get("in", ""))
    now = (await context(request)).now
    zones = await forms.zones(request)
    zone = zones.get(territory, "UTC")
    days = {
        "from": _typed(typed, "from") or civil_day_of(now - LATELY, zone).isoformat(),
        "to": _typed(typed, "to") or civil_day_of(now, zone).isoformat(),
    }
    wrong: dict[str, str] = {}
    window: dict[str, str] = {}
    for name, text in days.items():
        try:
            window[name] = _instant(text, zone, end=name == "to").isoformat()
        except ValueError:
            wrong[name] = no_instant(text)
    asked = answer = None
    if territory and not wrong:
        variables = {"in": territory, **window}
        answer = await ask(request, GIVEN, **variables, after=typed.get("given"))
        asked = await ask(request, DIVERGENCES, **variables, after=typed.get("after"))
    given = answer.data["correctedAnswers"] if answer and answer.data else None
    # A home customs sees the answers that others got about its operators, and nothing else.
    some = bool(given and given["edges"])
    answered = not wrong and (asked is None or asked.data is not None or some)
    if answer and answer.errors and not answer.forbidden:
        answered = False
    return page(
        request,
        "divergences.html",
        status=200 if answered else 400,
        title=_("Answers that were put right"),
        territory=territory,
        days=days,
        wrong=wrong,
        asked=asked,
        found=asked.data["divergences"] if asked and asked.data else None,
        answer=answer,
        given=given,
        first_day=lambda tin, at: first_day(
            at, [zones[code] for code in (territory, tin[:2]) if code in zones]
        ),
    )


def _typed(asked: QueryParams, name: str) -> str:
    return ascii_digits(asked.get(name, "").strip())


def _instant(text: str, zone: str, end: bool) -> datetime:
    """Days are whole ones, in the zone of the territory that was answered: the last counts too.

    Raises ValueError.
    """
    if not instants.is_day(text):
        return instants.parse(text)
    day = instants.parse_day(text)
    return end_of_day(day, zone) if end else start_of_day(day, zone)
