"""The page of proposals: decisions that wait for a second person (four eyes)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access import policy
from api.access.policy import Action
from api.languages.language import _
from api.pages.errors import PageRoute
from api.pages.query import ask, context
from api.pages.render import page
from registry.domain import commands as c
from registry.domain.values import Tin

router = APIRouter(route_class=PageRoute)

#: Commands about the law of an administration; the others are about itself.
_LAW = (c.ProgrammeCommand, c.AgreementCommand, c.ProposeAgreement)
_FIELDS = """\
tin programme command input state proposedBy isOwn proposedAt expires closedBy closedAt reason
      proposal"""
OPEN = f"""\
query Proposals($after: String) {{
  proposals(first: 50, after: $after) {{
    edges {{ node {{
      {_FIELDS}
    }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
OF_ADMINISTRATION = """\
query AdministrationProposals {
  administrationProposals(first: 50) {
    edges { node {
      administration command input state proposedBy isOwn proposedAt expires closedBy reason
      proposal
    } }
  }
}"""
OF_OPERATOR = f"""\
query ProposalsOf($tin: TIN!) {{
  operator(tin: $tin) {{
    proposals(first: 20) {{
      {_FIELDS}
    }}
  }}
}}"""


@router.get("/proposals")
async def proposals(request: Request) -> Response:
    """Lists what waits for a second person at the visitor's administration."""
    found = await ask(request, OPEN, after=request.query_params.get("after"))
    others = await ask(request, OF_ADMINISTRATION)
    status = 403 if found.forbidden else 400 if found.errors else 200
    return page(
        request,
        "proposals.html",
        status=status,
        title=_("Proposals"),
        found=found,
        connection=(found.data or {}).get("proposals"),
        groups=groups_of(
            edge["node"]
            for edge in ((others.data or {}).get("administrationProposals") or {"edges": ()})[
                "edges"
            ]
        ),
    )


def groups_of(proposals: Iterable[dict[str, Any]]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """What administrations propose, by what it is about: the name of the group in the address, its
    heading, and the proposals."""
    law: list[dict[str, Any]] = []
    itself: list[dict[str, Any]] = []
    for each in proposals:
        is_law = issubclass(c.COMMANDS[each["command"]], _LAW)
        (law if is_law else itself).append(each)
    return [
        ("administration", _("About programmes and agreements"), law),
        (
            "itself",
            _("About an administration itself: its blocs, keys, programs and rules"),
            itself,
        ),
    ]


async def of_operator(request: Request, tin: Tin) -> list[dict[str, Any]] | None:
    """Returns the latest proposals about an operator; None where the visitor may not read them."""
    if not (await context(request)).may(Action.READ_PROPOSALS, policy.operator(tin)):
        return None
    found = await ask(request, OF_OPERATOR, tin=tin.text)
    return ((found.data or {}).get("operator") or {"proposals": []})["proposals"]  # type: ignore[no-any-return]
