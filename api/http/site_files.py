"""`/robots.txt`, `/favicon.ico` and `/opensearch.xml`: what programs ask every site for."""

from __future__ import annotations

from html import escape

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


#: OpenSearch 1.1: how the bar of a browser asks this site. `{searchTerms}` is the standard's own.
_OPENSEARCH = """\
<?xml version="1.0" encoding="UTF-8"?>
<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">
  <ShortName>AEO register</ShortName>
  <Description>Authorised economic operators, and the agreements that recognise them</Description>
  <InputEncoding>UTF-8</InputEncoding>
  <Url type="text/html" method="get" template="{base}/search?q={{searchTerms}}"/>
  <Url type="application/x-suggestions+json" method="get"
    template="{base}/search/suggest?q={{searchTerms}}"/>
</OpenSearchDescription>
"""


async def opensearch(request: Request) -> Response:
    """How a browser's bar searches this site. Public."""
    text = _OPENSEARCH.format(base=escape(str(request.base_url).rstrip("/"), quote=True))
    return Response(text, media_type="application/opensearchdescription+xml")
