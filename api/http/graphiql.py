"""The GraphiQL page. All its files are served by this service; the page uses no other host."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.http.static_files import named_by_content

#: Everything comes from files of this service. GraphiQL's dialogs would write one inline style, to
#: stop the page behind them from scrolling, which it cannot do anyway: that style is blocked.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)

PAGE = named_by_content("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>GraphiQL · AEO registry</title>
<link rel="icon" href="/static/mark.svg">
<link rel="stylesheet" href="/static/vendor/graphiql-3.9.0.min.css">
<link rel="stylesheet" href="/static/graphiql.css">
</head>
<body>
<div id="graphiql"><p>GraphiQL needs JavaScript. Questions can also be sent by POST to /graphql.</p>
</div>
<script src="/static/vendor/react-18.2.0.min.js"></script>
<script src="/static/vendor/react-dom-18.2.0.min.js"></script>
<script src="/static/vendor/graphiql-3.9.0.min.js"></script>
<script src="/static/graphiql.js"></script>
</body>
</html>
""")


def page(request: Request) -> Response:
    """Returns the page for a browser that opens /graphql. A token goes into the editor's Headers
    tab."""
    return HTMLResponse(
        PAGE,
        headers={
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        },
    )
