"""The site map: every page of the registry of pages below its parent, and who can use it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages.errors import PageRoute
from api.pages.render import page
from api.pages.site import PAGES, SitePage

router = APIRouter(route_class=PageRoute)


@router.get("/sitemap")
async def sitemap(request: Request) -> Response:
    """Shows all pages. One that exists for each of many things has no link of its own."""
    return page(request, "sitemap.html", title=_("Site map"), tree=_below(None))


def _below(parent: str | None) -> list[tuple[SitePage, list[object]]]:
    """Returns the pages below a page, each with those below it."""
    return [
        (each, list[object](_below(each.address)))
        for each in PAGES
        if each.parent == parent and each.shown
    ]
