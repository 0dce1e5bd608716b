"""GraphQL over HTTP, as its specification has it: what is taken, and with which status answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson
import psycopg
from graphql import OperationType
from psycopg_pool import TooManyRequests
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access import Asker, Role
from api.counter import Answer, later, unanswerable
from api.exchanges import KEY, Exchange
from api.http_request import (
    LEGACY,
    RESPONSE,
    Asked,
    accepted,
    is_question,
    read,
    read_address,
    too_long,
)
from api.limits import BODY, may_be_long
from api.persisted import not_found
from api.positions import (
    HEADER,
    Behind,
    CheckedReaders,
    MinPosition,
    OtherEpoch,
    other_epoch,
)
from api.refusals import Declined
from api.service import Service
from api.sight import PATIENCE
from api.tokens import InvalidToken

AGAIN = 0.1  # seconds between two attempts to have an answer that is not too old

__all__ = ["graphql", "is_question", "not_allowed", "unavailable"]


async def graphql(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """/graphql: one document, executed for the asker that the token names. A GET may ask and not
    command (GraphQL over HTTP, 6.1)."""
    exchange: Exchange = scope[KEY]
    # Repeated headers count as their first, and names are in small letters (ASGI).
    headers = dict(reversed(scope["headers"]))
    media = RESPONSE
    try:
        media = accepted(_text(headers, b"accept"))
        by_get = scope["method"] == "GET"
        if by_get:
            asked, length = read_address(scope["query_string"])
        else:
            asked, length = await read(_text(headers, b"content-type"), receive)
        asker = await service.askers.by_header(_text(headers, b"authorization"))
        least = _least(_text(headers, HEADER.encode()))
        purpose = _text(headers, b"purpose")
        asks = _Asks(service, scope.get("client"), asker, purpose, exchange, by_get, least)
        answer = await _answer(asks, asked, length)
    except InvalidToken as error:
        # Whoever shows a bad token is told so, and not answered as if none had been shown.
        challenge = 'Bearer error="invalid_token"'
        declined = Declined(401, "UNAUTHENTICATED", str(error), WWW_Authenticate=challenge)
        await _declined(declined, media, exchange)(scope, receive, send)
    except Declined as declined:
        await _declined(declined, media, exchange)(scope, receive, send)
    except (psycopg.OperationalError, TooManyRequests, TimeoutError) as error:
        code, sentence = later(error) or ("UNAVAILABLE", "Ask again.")
        await _declined(Declined(503, code, sentence), media, exchange)(scope, receive, send)
    else:
        if answer.text is not None:
            await _send(answer.text, media, send)
            return
        for said in answer.body.get("errors", ()):
            said.setdefault("extensions", {})["requestId"] = exchange.id
        # The older media type has no status of its own for a document that is wrong.
        status = 200 if media == LEGACY and not answer.read else answer.status
        if status == 200:
            await _send(orjson.dumps(answer.body), media, send)
            return
        await _response(answer.body, status, media)(scope, receive, send)


def unavailable(code: str, sentence: str, exchange: Exchange) -> Response:
    """503: the service is there, and answers no question yet."""
    return _declined(Declined(503, code, sentence), RESPONSE, exchange)


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


@dataclass(frozen=True, slots=True)
class _Asks:
    """Who asks, from where, what for, in which exchange, whether by GET, and what the answer must
    not be older than."""

    service: Service
    client: tuple[str, int] | None
    asker: Asker
    purpose: str | None
    exchange: Exchange
    by_get: bool
    least: MinPosition | None


async def _answer(asks: _Asks, asked: Asked, length: int) -> Answer:
    service, counter = asks.service, asks.service.counter
    text = service.persisted.text(asked.query, asked.extensions)
    if text is None:
        return Answer({"errors": [not_found()]})
    if not counter.documents.known(text):
        _may_show_another(service, asks.client, asks.asker)
    document = counter.documents.get(text)
    operation = document.operation(asked.operation_name)
    if document.errors or operation is None:
        return unanswerable(document, asked.operation_name)
    service.persisted.keep(text, asked.extensions)
    if asks.by_get and operation.operation is not OperationType.QUERY:
        raise Declined(
            405, "METHOD_NOT_ALLOWED", "Commands are sent by POST; a GET may only ask.",
            Allow="POST",
        )  # fmt: skip
    if length > BODY and not may_be_long(operation):
        raise too_long(BODY)

    async def execute(least: MinPosition | None) -> Answer:
        context = service.context(
            asks.asker, asks.purpose, asks.exchange.number, least, asks.exchange.answered
        )
        return await counter.execute(
            context, document, operation, asked.variables, as_text=True
        )

    if asks.least is None:
        return await execute(None)
    return await _not_older(
        service, asks.least, execute, once=operation.operation is not OperationType.QUERY
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


def _least(wanted: str | None) -> MinPosition | None:
    """What the answer must not be older than. Raises Declined, 400, for what is no position."""
    if wanted is None:
        return None
    try:
        return MinPosition.parse(wanted)
    except ValueError as error:
        raise Declined(400, "BAD_REQUEST", f"{HEADER}: {error}") from None


async def _not_older(
    service: Service,
    least: MinPosition,
    execute: Callable[[MinPosition | None], Awaitable[Answer]],
    *,
    once: bool,
) -> Answer:
    """An answer from read models that show a position, for whoever asks after what it recorded.

    Waits until they do, and asks again for a while where an answer came from others that do not.
    `once`: a command, which is given once they do, and not again. Raises Declined: 503 where they
    stay behind, 412 where the ledger is in another epoch.
    """
    until = monotonic() + PATIENCE
    await service.sight.reached(least.position, PATIENCE)
    while True:
        try:
            if not once:
                return await execute(least)
            async with CheckedReaders(service.views, least).connection():
                pass
            return await execute(None)
        except OtherEpoch as error:
            sentence = await other_epoch(service.views, error)
            raise Declined(412, "EPOCH", f"{HEADER}: {sentence}.") from None
        except Behind as behind:
            service.sight.doubt(behind.found)
            if monotonic() >= until:
                raise Declined(
                    503, "BEHIND",
                    f"{HEADER}: found {least.position}, and the read models show what was recorded "
                    f"up to {behind.found}. Ask again.",
                ) from None  # fmt: skip
        await asyncio.sleep(AGAIN)


def not_allowed(request: Request) -> Response:
    """Neither a POST nor a GET with a document."""
    return _declined(
        Declined(
            405, "METHOD_NOT_ALLOWED",
            "Questions are sent by POST, or by GET with ?query=; commands by POST.",
            Allow="GET, POST",
        ),
        RESPONSE,
        request.scope[KEY],
    )  # fmt: skip


def _declined(declined: Declined, media: str, exchange: Exchange) -> Response:
    exchange.refused(declined.code)
    extensions = {"code": declined.code, "requestId": exchange.id}
    error = {"message": declined.sentence, "extensions": extensions}
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
