"""The page of the table of access: who may do what, and who reads which field of an operator."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.permissions import (
    FIELDS,
    NOT_FOR_THE_PUBLIC,
    PERMISSIONS,
    Reader,
    Relation,
)
from api.access.policy import OWN_COMMANDS
from api.languages.language import _
from api.pages.errors import PageRoute
from api.pages.query import context
from api.pages.render import page

router = APIRouter(route_class=PageRoute)


@router.get("/access")
async def access(request: Request) -> Response:
    """Shows both tables of api/access/permissions.py. Everybody may read them."""
    await context(request)
    return page(
        request,
        "access.html",
        title=_("Who may see what"),
        relations=list(Relation),
        permissions=PERMISSIONS,
        own_commands=sorted(command.__name__ for command in OWN_COMMANDS),
        readers=list(Reader),
        fields=FIELDS,
        not_for_the_public=sorted(NOT_FOR_THE_PUBLIC["Operator"]),
    )
