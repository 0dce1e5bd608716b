"""Pages about the site itself: what it is, help, privacy, accessibility, and its components."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages.errors import PageRoute
from api.pages.labels import OUTCOME, STATUS
from api.pages.render import page

router = APIRouter(route_class=PageRoute)


@router.get("/about")
async def about(request: Request) -> Response:
    """Says what the register is, and what it is not."""
    return page(request, "about.html", title=_("About this register"))


@router.get("/help")
async def help(request: Request) -> Response:
    """Says how to find an answer."""
    return page(request, "help.html", title=_("Help"))


@router.get("/privacy")
async def privacy(request: Request) -> Response:
    """Says what the site stores about its visitors and about persons."""
    return page(request, "privacy.html", title=_("Privacy"))


@router.get("/accessibility")
async def accessibility(request: Request) -> Response:
    """Says what the pages do so that everybody can use them, and what they lack."""
    return page(request, "accessibility.html", title=_("Accessibility"))


@router.get("/components")
async def components(request: Request) -> Response:
    """Shows the design of the pages: values, type scale, and each component."""
    return page(
        request,
        "components_page.html",
        title="Components of the pages",
        statuses=list(STATUS),
        outcomes=list(OUTCOME),
    )
