"""The documentation at /docs: the Markdown files of `ops/docs`, in the look of all other pages.

The menu of the documentation is the list of links of its first page, `ops/docs/index.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from posixpath import normpath

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from api.http.static_files import FOR_EVER
from api.pages import markdown
from api.pages.errors import PageRoute, missing
from api.pages.render import page
from registry.paths import CHANGES, CONTRIBUTING, DECISIONS, DOCS, PICTURES, ROOT

router = APIRouter(route_class=PageRoute)

_PICTURE = re.compile(r"[0-9a-f]{16}-(?:light|dark)\.svg")
_PICTURE_HEADERS = {
    "Cache-Control": FOR_EVER,
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


@dataclass(frozen=True)
class MenuSection:
    """A heading of the first page and the pages below it: name and title of each."""

    title: str
    pages: tuple[tuple[str, str], ...]


@cache
def files() -> dict[str, Path]:
    """Every page by its name: `index`, `guides/partners`, `decisions/0041-...`, `changes`."""
    own = {each.relative_to(DOCS).with_suffix("").as_posix(): each for each in DOCS.rglob("*.md")}
    decisions = {f"decisions/{each.stem}": each for each in DECISIONS.glob("*.md")}
    other = {"changes": CHANGES, "contributing": CONTRIBUTING}
    return own | decisions | {name: file for name, file in other.items() if file.is_file()}


@cache
def menu() -> tuple[MenuSection, ...]:
    """The sections of the first page, each with the links of its list."""
    sections: list[MenuSection] = []
    for part in re.split(r"^## ", markdown.read(DOCS / "index.md"), flags=re.M)[1:]:
        title, _, body = part.partition("\n")
        found = re.findall(r"^- \[([^\]]+)\]\(([^)#]+)\)", body, re.M)
        linked = [(name_of(DOCS / "index.md", path), words) for words, path in found]
        pages = tuple((name, words) for name, words in linked if name is not None)
        if pages:
            sections.append(MenuSection(title, pages))
    return tuple(sections)


def name_of(file: Path, link: str) -> str | None:
    """The name of the page to which a relative link in `file` leads, or None."""
    target = ROOT / normpath((file.parent / link).relative_to(ROOT).as_posix())
    return next((name for name, each in files().items() if each == target), None)


@cache
def rendered(name: str) -> markdown.Page:
    """The page of that name. Raises KeyError where there is none."""
    file = files()[name]

    def address(link: str) -> str | None:
        found = name_of(file, link)
        return None if found is None else address_of(found)

    return markdown.render(markdown.read(file), address)


def address_of(name: str) -> str:
    """The address of a page."""
    return "/docs" if name == "index" else f"/docs/{name}"


@router.get("/docs/pictures/{name}")
async def picture(request: Request, name: str) -> Response:
    """A picture as SVG. Its name is a hash of its source, so it may be cached for ever."""
    if not _PICTURE.fullmatch(name) or not (PICTURES / name).is_file():
        return await missing(request, LookupError(name))
    return FileResponse(PICTURES / name, media_type="image/svg+xml", headers=_PICTURE_HEADERS)


@router.get("/docs")
@router.get("/docs/{name:path}")
async def documentation(request: Request, name: str = "index") -> Response:
    """A page of the documentation."""
    name = name.strip("/").removesuffix(".md") or "index"
    if name not in files():
        return await missing(request, LookupError(name))
    shown = rendered(name)
    return page(request, "docs.html", title=shown.title, name=name, shown=shown, menu=menu())
