"""The page of numbers that operators of two administrations hold: for auditors and customs, as far
as they may see both operators."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.policy import SubjectRole
from api.graphql import retry as again
from api.graphql.context import Connection
from api.languages.language import _
from api.pages.command_drafts import sign_in_first
from api.pages.errors import PageRoute
from api.pages.query import ask, context
from api.pages.refusals import refusal
from api.pages.render import page
from projections.reads.shared_numbers import SharedNumber, shared_numbers

router = APIRouter(route_class=PageRoute)

MOST = 50  # numbers that the page lists
#: Asked as everybody asks, so that a look at these operators is kept.
HOLDERS = """\
query Holders($tins: [TIN!]!) {
  operatorsByTin(tins: $tins) { tin name administration { code } }
}"""


@router.get("/audit/numbers")
async def numbers(request: Request) -> Response:
    """Lists the numbers, each with both holders."""
    asked = await context(request)
    if asked.subject.role is SubjectRole.PUBLIC:
        return sign_in_first(request, "/audit/numbers")
    if asked.subject.role is SubjectRole.COMPANY:
        title, reason = _("Not for you to do"), "Customs administrations and auditors may read this"
        sentence = refusal("FORBIDDEN", reason)
        return page(request, "wrong.html", status=403, title=title, sentence=sentence)

    async def read(connection: Connection) -> list[SharedNumber]:
        return await shared_numbers(connection, MOST + 1)

    found = await again.read(asked.views, read)
    tins = sorted({tin for each in found[:MOST] for tin in (each.one, each.other)})
    holders: dict[str, Any] = {}
    question = None
    if tins:
        question = await ask(request, HOLDERS, tins=tins)
        rows = (question.data or {}).get("operatorsByTin") or []
        holders = {row["tin"]: row for row in rows if row}
    shown = [each for each in found[:MOST] if each.one in holders and each.other in holders]
    return page(
        request,
        "shared_numbers.html",
        title=_("Numbers that two administrations hold"),
        numbers=shown,
        holders=holders,
        more=len(found) > MOST,
        question=question,
    )
