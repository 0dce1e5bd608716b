"""`/robots.txt` and `/favicon.ico`: what programs ask every site for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from api.http.static_files import address

#: Search engines may list what the register says of law: countries, agreements, documents. An
#: operator is found by its number, so that no suspension lives on in an index.
ROBOTS = """\
User-agent: *
Disallow: /operators/
Disallow: /*/operators/
Disallow: /search
Disallow: /audit
Disallow: /receipts
Disallow: /as
Disallow: /graphql
"""


async def robots(request: Request) -> Response:
    """What search engines may read. Public."""
    return PlainTextResponse(ROBOTS, headers={"Cache-Control": "public, max-age=86400"})


async def favicon(request: Request) -> Response:
    """Redirects to the mark of the site. Public."""
    return RedirectResponse(address("mark.svg"), 307, {"Cache-Control": "public, max-age=86400"})
