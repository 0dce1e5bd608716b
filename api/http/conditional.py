"""Answers that may be kept, and are asked for again by their entity tag (RFC 9110, 13)."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

#: What every document that anybody may read says besides: any web page may read it, and a browser
#: takes it for nothing but what it is said to be, and runs nothing in it.
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
ASK_AGAIN = "public, no-cache"  # it may be kept, and is asked for with its entity tag


def tagged(tag: str, if_none_match: str) -> bool:
    """Does a conditional request name this entity tag? Compared weakly (RFC 9110, 13.1.2), for the
    compressed answer has the same tag as a weak one."""
    strong = tag.removeprefix("W/")
    return any(
        each.strip().removeprefix("W/") in (strong, "*") for each in if_none_match.split(",")
    )


def given(
    request: Request, body: bytes, cache: str, kind: str, more: Mapping[str, str] | None = None
) -> Response:
    """The body, or 304 for whoever has it. `cache`: the value of Cache-Control; `kind`: the media
    type; `more`: further headers."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {**SAFE, "Cache-Control": cache, "ETag": tag, "Content-Type": kind, **(more or {})}
    if tagged(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers)
