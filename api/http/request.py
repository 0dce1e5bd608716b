"""Reads a GraphQL request from HTTP: media type, body, query string."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from api.graphql.errors import RequestDeclined
from api.graphql.limits import BATCH_BODY, BODY, DECLARATIONS_BODY

RESPONSE = "application/graphql-response+json"
LEGACY = "application/json"
#: GraphQL over SSE: the answers of a subscription, one event each.
EVENTS = "text/event-stream"
#: Apollo and urql send one of these where a GET has no document of its own.
_ASKS = re.compile(rb"(?:^|&)(?:query|extensions)=")


class GraphQLRequest(msgspec.Struct, rename="camel"):
    """The body of a request. Unknown members are ignored, as the specification asks."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(GraphQLRequest)


def from_message(payload: Any) -> GraphQLRequest:
    """Reads the payload of a WebSocket message. Raises ValueError with what is wrong."""
    try:
        asked = msgspec.convert(payload, GraphQLRequest)
    except msgspec.ValidationError as error:
        raise ValueError(f"payload: wanted an object with `query`; {error}") from None
    if len(asked.query or "") > BODY:
        raise ValueError(f"query: found {len(asked.query or '')} characters, wanted at most {BODY}")
    return asked


def is_question(scope: Scope) -> bool:
    """True for a request that holds a GraphQL document: every POST, and a GET with a document in
    its query string."""
    if scope["method"] == "POST":
        return True
    return scope["method"] == "GET" and bool(_ASKS.search(scope["query_string"]))


@lru_cache(maxsize=256)
def accepted(accept: str | None) -> str:
    """Returns the media type to answer in. Raises RequestDeclined (406) where the client takes
    neither."""
    wanted = _preferred(accept or "*/*")
    for media in wanted:
        if media in (RESPONSE, "application/*", "*/*"):
            return RESPONSE
        if media in (LEGACY, EVENTS):
            return media
    raise RequestDeclined(
        406,
        "NOT_ACCEPTABLE",
        f"accept: answers are {RESPONSE} or {LEGACY}, and those of a subscription {EVENTS}",
    )


def _preferred(accept: str) -> list[str]:
    weighed = []
    for entry in accept.split(","):
        media, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weighed.append((-float(weight), media))
        except ValueError:
            continue
    return [media for weight, media in sorted(weighed, key=lambda pair: pair[0]) if weight < 0]


@lru_cache(maxsize=256)
def _is_json(content_type: str | None) -> bool:
    media, *parameters = (content_type or "").lower().split(";")
    charset = next((p.strip()[8:] for p in parameters if p.strip().startswith("charset=")), "utf-8")
    return media.strip() == LEGACY and charset.strip('"') in ("utf-8", "utf8")


def fits(content_type: str | None, length: str | None) -> None:
    """Checks the headers of a body. Raises RequestDeclined: 415 or 413."""
    if not _is_json(content_type):
        raise RequestDeclined(
            415, "UNSUPPORTED_MEDIA_TYPE", f"content-type: wanted {LEGACY} in UTF-8", Accept=LEGACY
        )
    number = length if length is not None and length.isdecimal() else "0"
    if len(number) > 9 or int(number) > DECLARATIONS_BODY:
        raise too_long(DECLARATIONS_BODY)


async def read(receive: Receive) -> tuple[GraphQLRequest, int]:
    """Reads the body. Returns the request and the length of the body in bytes.

    Raises RequestDeclined: 413 or 400; ClientDisconnect.
    """
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > DECLARATIONS_BODY:
            raise too_long(DECLARATIONS_BODY)
    try:
        return _decoder.decode(body), len(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestDeclined(
            400, "BAD_REQUEST", f"body: wanted one JSON object with `query`; {error}"
        ) from None


def read_address(query_string: bytes) -> tuple[GraphQLRequest, int]:
    """Reads a GET request. Returns it and the length of the query string in bytes.

    The query string has `query`, `operationName`, and `variables` and `extensions` as JSON (GraphQL
    over HTTP, 6.1). Raises RequestDeclined: 413 or 400.
    """
    if len(query_string) > BODY:
        raise too_long(BODY)
    try:
        found = parse_qs(query_string.decode("ascii"), keep_blank_values=True, errors="strict")
        for name in ("query", "variables", "operationName", "extensions"):
            if len(found.get(name, ())) > 1:
                raise RequestDeclined(
                    400, "BAD_REQUEST", f"address: found {name} more than once, wanted one"
                )
        given = {name: values[0] or None for name, values in found.items()}
        objects = {
            name: msgspec.json.decode(text, type=dict[str, Any] | None)
            for name in ("variables", "extensions")
            if (text := given.get(name))
        }
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RequestDeclined(
            400, "BAD_REQUEST", f"address: wanted query, variables and extensions as JSON; {error}"
        ) from None
    asked = GraphQLRequest(
        given.get("query"),
        objects.get("variables"),
        given.get("operationName"),
        objects.get("extensions"),
    )
    return asked, len(query_string)


def too_long(limit: int) -> RequestDeclined:
    """Returns the error of a body longer than the limit in bytes: status 413, code TOO_LARGE."""
    return RequestDeclined(
        413,
        "TOO_LARGE",
        f"body: longer than {limit} bytes. Look-ups by many keys may have {BATCH_BODY}, batches of "
        f"declarations {DECLARATIONS_BODY}, everything else {BODY}; larger things are imported.",
    )
