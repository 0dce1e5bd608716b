"""Cross-origin resource sharing (CORS): which other web pages may send requests.

Only origins of the allow-list may, with a token that they send themselves. Credentials of the
browser (cookies) are never allowed, so another page cannot act as its visitor.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Scope
from strawberry.http.websocket_origin import is_same_origin

#: Request headers that a page of another origin may send, and response headers it may read.
ASKED = (
    "authorization, content-type, purpose, aeo-min-position, aeo-cost, x-request-id, traceparent,"
    " last-event-id"
)
SHOWN = (
    "aeo-log-head, x-request-id, retry-after, www-authenticate, ratelimit, ratelimit-policy,"
    " dpop-nonce"
)
DAY = 86_400  # seconds for which a browser caches the answer to a preflight request

#: Paths that any web page may read. Their handlers set the header themselves, and a browser refuses
#: a response that has it twice.
FOR_EVERY_PAGE = ("/log/", "/aeo-verify", "/schema.graphql", "/openapi.json", "/.well-known/")


class Cors:
    """The allow-list of origins. `origins`: separated by commas."""

    def __init__(self, origins: str) -> None:
        listed = (origin.strip().rstrip("/").lower() for origin in origins.split(","))
        self._origins = frozenset(filter(None, listed))

    def headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Returns the CORS headers of every response to this request; none for an origin that is
        not listed."""
        if not self._origins or scope["path"].startswith(FOR_EVERY_PAGE):
            return []
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        headers_ = [(b"vary", b"origin")]
        if origin is not None and origin.decode("latin-1").lower() in self._origins:
            headers_.append((b"access-control-allow-origin", origin))
            headers_.append((b"access-control-expose-headers", SHOWN.encode()))
        return headers_

    def may_connect(self, headers: Mapping[bytes, bytes]) -> bool:
        """Returns whether a WebSocket may be opened: by a program, by a page of this host, or by
        one of a listed origin. Browsers ask no preflight for it."""
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        host = headers.get(b"host", b"").decode("latin-1").lower()
        return not origin or is_same_origin(origin, host) or origin in self._origins

    def preflight(self, scope: Scope) -> Response | None:
        """Returns the response to a preflight request; None for any other request."""
        if scope["method"] != "OPTIONS":
            return None
        if all(name != b"access-control-request-method" for name, _ in scope["headers"]):
            return None
        allowed = any(name == b"access-control-allow-origin" for name, _ in self.headers(scope))
        if not allowed:
            return Response(status_code=403)
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": "GET, HEAD, POST",
                "Access-Control-Allow-Headers": ASKED,
                "Access-Control-Max-Age": str(DAY),
            },
        )
