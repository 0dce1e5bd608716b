"""GraphQL over HTTP, as its specification has it: what is taken, and with which status answered."""

from __future__ import annotations

from time import monotonic
from typing import Any

import msgspec
import orjson
import psycopg
from psycopg_pool import TooManyRequests
from starlette.requests import Request
from starlette.responses import Response

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


class Declined(Exception):
    """The request never came to a question: an HTTP status, a code, a sentence."""

    def __init__(self, status: int, code: str, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


async def graphql(request: Request) -> Response:
    """POST /graphql: one document, executed for the asker that the token names."""
    service: Service = request.app.state.service
    media = RESPONSE
    try:
        media = accepted(request.headers.get("accept"))
        asked, length = await read(request)
        asker = await service.askers.by_header(request.headers.get("authorization"))
        await _seen(service, request.headers.get(HEADER))
        answer = await _answer(service, request, asker, asked, length)
    except InvalidToken as error:
        # Whoever shows a bad token is told so, and not answered as if none had been shown.
        challenge = 'Bearer error="invalid_token"'
        return _declined(
            Declined(401, "UNAUTHENTICATED", str(error), WWW_Authenticate=challenge), media
        )
    except Declined as declined:
        return _declined(declined, media)
    except (psycopg.OperationalError, TooManyRequests) as error:  # a full pool is one, too
        code, sentence = later(error) or ("UNAVAILABLE", "Ask again.")
        return _declined(Declined(503, code, sentence), media)
    # The older media type has no status of its own for a document that is wrong.
    status = 200 if media == LEGACY and not answer.read else answer.status
    return _response(answer.text or answer.body, status, media)


async def _answer(
    service: Service, request: Request, asker: Asker, asked: Asked, length: int
) -> Answer:
    counter = service.counter
    if not counter.documents.known(asked.query):
        _may_show_another(service, request, asker)
    document = counter.documents.get(asked.query)
    operation = document.operation(asked.operation_name)
    if document.errors or operation is None:
        return unanswerable(document, asked.operation_name)
    if length > BODY and not may_be_long(operation):
        raise _too_long(BODY)
    context = service.context(asker, request.headers.get("purpose"))
    return await counter.execute(
        context, document, operation, asked.variables, as_text=True
    )


def _may_show_another(service: Service, request: Request, asker: Asker) -> None:
    """Raises Declined, 429, for who shows more new documents than it may."""
    client = request.client
    # Whoever has no token is told apart by where it comes from.
    who = f"{asker.subject} {client.host if client and asker.role is Role.PUBLIC else ''}"
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


async def read(request: Request) -> tuple[Asked, int]:
    """The body, and how many bytes it had. Raises Declined: 415, 413 or 400."""
    media, *parameters = (request.headers.get("content-type") or "").lower().split(";")
    charset = next((p.strip()[8:] for p in parameters if p.strip().startswith("charset=")), "utf-8")
    if media.strip() != LEGACY or charset.strip('"') not in ("utf-8", "utf8"):
        raise Declined(
            415, "UNSUPPORTED_MEDIA_TYPE", f"content-type: wanted {LEGACY} in UTF-8", Accept=LEGACY
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BATCH_BODY:
            raise _too_long(BATCH_BODY)
    try:
        return msgspec.json.decode(bytes(body), type=Asked), len(body)
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
    body: dict[str, Any] | bytes, status: int, media: str, headers: dict[str, str] | None = None
) -> Response:
    more = {"Retry-After": "1"} if status == 503 else {}
    return Response(
        body if isinstance(body, bytes) else orjson.dumps(body),
        status,
        {"Cache-Control": "no-store", **more, **(headers or {})},
        media_type=f"{media}; charset=utf-8",
    )
