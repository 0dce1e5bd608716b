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
from api.pages.render import page
from projections.reads.shared_numbers import SharedNumbers, shared_numbers
from registry.domain.identifiers import schemes
from registry.domain.texts import has_nul

router = APIRouter(route_class=PageRoute)

MOST = 50  # numbers that the page lists
AT_ONCE = 100  # operators that one question names
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
        return sign_in_first(request)
    if asked.subject.role is SubjectRole.COMPANY:
        title, sentence = (
            _("Not for you to do"),
            _("Customs administrations and auditors may read this"),
        )
        return page(request, "wrong.html", status=403, title=title, sentence=sentence)

    scheme, _space, value = request.query_params.get("from", "").partition(" ")
    if has_nul([scheme, value]) or (scheme and scheme not in schemes()):
        title, sentence = _("Not found"), _("This list has no such page.")
        return page(request, "wrong.html", status=400, title=title, sentence=sentence)

    async def read(connection: Connection) -> SharedNumbers:
        return await shared_numbers(connection, MOST, (scheme, value))

    found, following = await again.read(asked.views, read)
    tins = sorted({tin for each in found for tin in (each.one, each.other)})
    holders: dict[str, Any] = {}
    question = None
    for first in range(0, len(tins), AT_ONCE):
        question = await ask(request, HOLDERS, tins=tins[first : first + AT_ONCE])
        rows = (question.data or {}).get("operatorsByTin") or []
        holders |= {row["tin"]: row for row in rows if row}
    shown = [each for each in found if each.one in holders and each.other in holders]
    return page(
        request,
        "shared_numbers.html",
        title=_("Numbers that two administrations hold"),
        numbers=shown,
        holders=holders,
        following=following and " ".join(following),
        is_first=not scheme,
        question=question,
    )
