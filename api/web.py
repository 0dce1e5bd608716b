"""GraphQL over HTTP, as its specification has it: what is taken, and with which status answered."""

from __future__ import annotations

from functools import lru_cache
from time import monotonic
from typing import Any

import msgspec
import orjson
import psycopg
from psycopg_pool import TooManyRequests
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access import Asker, Role
from api.counter import Answer, later, unanswerable
from api.limits import BATCH_BODY, BODY, may_be_long
from api.service import Service
from api.sight import HEADER
from api.tokens import InvalidToken
from api.vocabulary import parse_position

RESPONSE = "application/graphql-response+json"
LEGACY = "application/json"


class Asked(msgspec.Struct, rename="camel"):
    """The body of a request. What else it says is left alone, as the specification asks."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(Asked)


class Declined(Exception):
    """The request never came to a question: an HTTP status, a code, a sentence."""

    def __init__(self, status: int, code: str, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


async def graphql(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """POST /graphql: one document, executed for the asker that the token names."""
    # Repeated headers count as their first, and names are in small letters (ASGI).
    headers = dict(reversed(scope["headers"]))
    media = RESPONSE
    try:
        media = accepted(_text(headers, b"accept"))
        asked, length = await read(_text(headers, b"content-type"), receive)
        asker = await service.askers.by_header(_text(headers, b"authorization"))
        await _seen(service, _text(headers, HEADER.encode()))
        purpose = _text(headers, b"purpose")
        answer = await _answer(service, scope.get("client"), asker, asked, length, purpose)
    except InvalidToken as error:
        # Whoever shows a bad token is told so, and not answered as if none had been shown.
        challenge = 'Bearer error="invalid_token"'
        declined = Declined(401, "UNAUTHENTICATED", str(error), WWW_Authenticate=challenge)
        await _declined(declined, media)(scope, receive, send)
    except Declined as declined:
        await _declined(declined, media)(scope, receive, send)
    except (psycopg.OperationalError, TooManyRequests) as error:  # a full pool is one, too
        code, sentence = later(error) or ("UNAVAILABLE", "Ask again.")
        await _declined(Declined(503, code, sentence), media)(scope, receive, send)
    else:
        if answer.text is not None:
            await _send(answer.text, media, send)
            return
        # The older media type has no status of its own for a document that is wrong.
        status = 200 if media == LEGACY and not answer.read else answer.status
        if status == 200:
            await _send(orjson.dumps(answer.body), media, send)
            return
        await _response(answer.body, status, media)(scope, receive, send)


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    found = headers.get(name)
    return None if found is None else found.decode("latin-1")


async def _send(body: bytes, media: str, send: Send) -> None:
    """A body, with the headers of every good answer."""
    headers = [*_HEADERS[media], (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_HEADERS = {
    media: [
        (b"cache-control", b"no-store"),
        (b"content-type", f"{media}; charset=utf-8".encode()),
    ]
    for media in (RESPONSE, LEGACY)
}


async def _answer(
    service: Service,
    client: tuple[str, int] | None,
    asker: Asker,
    asked: Asked,
    length: int,
    purpose: str | None,
) -> Answer:
    counter = service.counter
    if not counter.documents.known(asked.query):
        _may_show_another(service, client, asker)
    document = counter.documents.get(asked.query)
    operation = document.operation(asked.operation_name)
    if document.errors or operation is None:
        return unanswerable(document, asked.operation_name)
    if length > BODY and not may_be_long(operation):
        raise _too_long(BODY)
    context = service.context(asker, purpose)
    return await counter.execute(
        context, document, operation, asked.variables, as_text=True
    )


def _may_show_another(
    service: Service, client: tuple[str, int] | None, asker: Asker
) -> None:
    """Raises Declined, 429, for who shows more new documents than it may."""
    # Whoever has no token is told apart by where it comes from.
    who = f"{asker.subject} {client[0] if client and asker.role is Role.PUBLIC else ''}"
    wait = service.allowance.take(who, monotonic())
    if wait:
        raise Declined(
            429, "TOO_MANY_DOCUMENTS",
            "Too many new documents. Say what differs from question to question in variables: "
            "a document that was read once is answered at once.", Retry_After=str(wait),
        )  # fmt: skip


async def _seen(service: Service, wanted: str | None) -> None:
    """Waits until the read models show a position, for whoever asks after what it recorded.

    Raises Declined: 400 for what is no position, 503 where they stay behind it.
    """
    if wanted is None:
        return
    try:
        position = parse_position(int(wanted) if wanted.isdecimal() else wanted)
    except ValueError as error:
        raise Declined(400, "BAD_REQUEST", f"{HEADER}: {error}") from None
    if not await service.sight.reached(position):
        raise Declined(
            503, "BEHIND",
            f"{HEADER}: found {position}, and the read models show what was recorded up to "
            f"{service.sight.position}. Ask again.",
        )  # fmt: skip


@lru_cache(maxsize=256)
def accepted(accept: str | None) -> str:
    """The media type to answer in. Raises Declined, 406, where the asker takes neither."""
    wanted = _preferred(accept or "*/*")
    for media in wanted:
        if media in (RESPONSE, "application/*", "*/*"):
            return RESPONSE
        if media == LEGACY:
            return LEGACY
    raise Declined(406, "NOT_ACCEPTABLE", f"accept: answers are {RESPONSE} or {LEGACY}")


def _preferred(accept: str) -> list[str]:
    weighed = []
    for entry in accept.split(","):
        media, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weighed.append((-float(weight), media))
        except ValueError:
            continue
    return [media for weight, media in sorted(weighed, key=lambda it: it[0]) if weight < 0]


@lru_cache(maxsize=256)
def _is_json(content_type: str | None) -> bool:
    media, *parameters = (content_type or "").lower().split(";")
    charset = next((p.strip()[8:] for p in parameters if p.strip().startswith("charset=")), "utf-8")
    return media.strip() == LEGACY and charset.strip('"') in ("utf-8", "utf8")


async def read(content_type: str | None, receive: Receive) -> tuple[Asked, int]:
    """The body, and how many bytes it had. Raises Declined: 415, 413 or 400."""
    if not _is_json(content_type):
        raise Declined(
            415, "UNSUPPORTED_MEDIA_TYPE", f"content-type: wanted {LEGACY} in UTF-8", Accept=LEGACY
        )
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BATCH_BODY:
            raise _too_long(BATCH_BODY)
    try:
        return _decoder.decode(body), len(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Declined(
            400, "BAD_REQUEST", f"body: wanted one JSON object with `query`; {error}"
        ) from None


def not_allowed(request: Request) -> Response:
    """Anything but POST: a question has no place in an address, where logs and caches keep it."""
    return _declined(
        Declined(405, "METHOD_NOT_ALLOWED", "Questions are sent by POST.", Allow="POST"), RESPONSE
    )


def _too_long(limit: int) -> Declined:
    return Declined(
        413, "TOO_LARGE",
        f"body: longer than {limit} bytes. Look-ups by many keys may have {BATCH_BODY}, "
        f"everything else {BODY}; larger things are imported.",
    )  # fmt: skip


def _declined(declined: Declined, media: str) -> Response:
    error = {"message": declined.sentence, "extensions": {"code": declined.code}}
    return _response({"errors": [error]}, declined.status, media, declined.headers)


def _response(
    body: dict[str, Any], status: int, media: str, headers: dict[str, str] | None = None
) -> Response:
    more = {"Retry-After": "1"} if status == 503 else {}
    return Response(
        orjson.dumps(body),
        status,
        {"Cache-Control": "no-store", **more, **(headers or {})},
        media_type=f"{media}; charset=utf-8",
    )
