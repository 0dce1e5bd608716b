"""The page of looks: which customs administrations asked about an operator, when, and why."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages.errors import PageRoute
from api.pages.query import ask
from api.pages.render import page
from api.pages.sentences import translated
from registry.domain.values import Tin

router = APIRouter(route_class=PageRoute)

LOOKS = """\
query Looks($tin: TIN!, $after: String) {
  operator(tin: $tin) {
    tin
    name
    looks(first: 50, after: $after) {
      edges { node {
        at administration askedBy askedThrough purpose operation in lawAt knownAt outcome
      } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""


@router.get("/operators/{tin}/looks")
async def looks(request: Request, tin: str) -> Response:
    """Shows the looks at an operator. An unknown and an invisible operator give the same page."""
    try:
        wanted = Tin.parse(tin.upper()).text
    except ValueError as wrong:
        return page(
            request, "wrong.html", status=400, title=_("Not a TIN"), sentence=translated(str(wrong))
        )
    found = await ask(request, LOOKS, tin=wanted, after=request.query_params.get("after"))
    operator = (found.data or {}).get("operator")
    status = 200 if operator else 403 if found.forbidden else 400 if found.errors else 404
    return page(
        request,
        "looks.html",
        status=status,
        title=_("Who asked about %(operator)s", operator=wanted),
        tin=wanted,
        found=found,
        operator=operator,
    )
