"""Cacheable responses with entity tags, and conditional requests (RFC 9110, section 13)."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

#: Headers of every public document: any web page may read it, and a browser neither guesses another
#: media type nor runs anything in it.
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
ASK_AGAIN = "public, no-cache"  # may be cached, and is validated with its entity tag each time


def tagged(tag: str, if_none_match: str) -> bool:
    """Returns whether an If-None-Match header names this entity tag.

    Tags are compared weakly (RFC 9110, 13.1.2), because a compressed response has the same tag as a
    weak one.
    """
    strong = tag.removeprefix("W/")
    return any(
        candidate.strip().removeprefix("W/") in (strong, "*")
        for candidate in if_none_match.split(",")
    )


def given(
    request: Request, body: bytes, cache: str, kind: str, more: Mapping[str, str] | None = None
) -> Response:
    """Returns the body, or 304 for a client that has it.

    `cache`: the value of Cache-Control; `kind`: the media type; `more`: further headers.
    """
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {**SAFE, "Cache-Control": cache, "ETag": tag, "Content-Type": kind, **(more or {})}
    if tagged(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers)
