"""Requests that are held until there is something to answer (long polling)."""

from __future__ import annotations

from starlette.requests import Request

from api.graphql.errors import RequestDeclined

MOST = 20.0  # seconds: proxies close a connection on which nothing comes for longer


def seconds_to_wait(request: Request) -> float:
    """Returns the seconds for which the client lets its answer wait (`wait`); 0 without it. Raises
    RequestDeclined."""
    text = request.query_params.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MOST:
        raise RequestDeclined(
            400, "BAD_REQUEST", f"wait: found {text[:20]!r}, wanted seconds from 0 to {MOST:g}."
        )
    return seconds
