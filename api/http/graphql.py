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
from prometheus_client import Counter as Metric
from psycopg_pool import TooManyRequests
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access.policy import Subject, SubjectRole
from api.access.tokens import InvalidToken
from api.graphql.errors import RequestDeclined
from api.graphql.executor import GraphQLResponse, later, unanswerable
from api.graphql.limits import BODY, COST, CheckedDocument, longest
from api.graphql.persisted_queries import not_found
from api.graphql.positions import (
    HEADER,
    Behind,
    CheckedReaders,
    MinPosition,
    OtherEpoch,
    other_epoch,
)
from api.graphql.read_your_writes import PATIENCE
from api.http.cost_report import CostReport, wanted
from api.http.exchanges import KEY, Exchange
from api.http.request import (
    LEGACY,
    RESPONSE,
    GraphQLRequest,
    accepted,
    fits,
    is_question,
    read,
    read_address,
    too_long,
)
from api.http.service import Service
from api.observability import counters

LONG = 5_000  # microseconds of work, from which on a question is a long one
READING = 5_000  # microseconds that reading a new document is taken to cost
AGAIN = 0.1  # seconds between two attempts to have an answer that is not too old

#: `known`: it lay ready; `refused`: that it is wrong was known already; `new`: it had to be read.
DOCUMENTS = Metric("aeo_documents", "Documents of requests by what was known of them", ["found"])
_KNOWN, _REFUSED, _NEW = map(DOCUMENTS.labels, ("known", "refused", "new"))

__all__ = ["graphql", "is_question", "not_allowed", "unavailable"]


async def graphql(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """/graphql: one document, executed for the asker that the token names. A GET may ask and not
    command (GraphQL over HTTP, 6.1)."""
    exchange: Exchange = scope[KEY]
    headers = exchange.headers
    media = RESPONSE
    who = _whence(scope)
    try:
        # What is cheap to look at comes first: the headers, who asks, and only then the body.
        media = accepted(_text(headers, b"accept"))
        by_get = scope["method"] == "GET"
        if not by_get:
            fits(_text(headers, b"content-type"), _text(headers, b"content-length"))
        authorization = _text(headers, b"authorization")
        asker = service.askers.at_once(authorization) or await service.askers.by_header(
            authorization
        )
        if asker.role is not SubjectRole.PUBLIC:
            who = asker.subject
        if by_get:
            asked, length = read_address(scope["query_string"])
        else:
            asked, length = await read(receive)
        least = _least(_text(headers, HEADER.encode()))
        purpose = _text(headers, b"purpose")
        report = wanted(headers, service.allowance)
        asks = _Asks(service, who, asker, purpose, exchange, by_get, least, report)
        answer = await _answer(asks, asked, length)
        if report:
            answer = report.added_to(answer, who)
    except InvalidToken as error:
        # Whoever shows a bad token is told so, and not answered as if none had been shown.
        challenge = 'Bearer error="invalid_token"'
        declined = RequestDeclined(401, "UNAUTHENTICATED", str(error), WWW_Authenticate=challenge)
        cut = await _slowed(service, who)
        await _declined(declined, media, exchange, cut)(scope, receive, send)
    except RequestDeclined as declined:
        cut = declined.status < 500 and await _slowed(service, who)
        await _declined(declined, media, exchange, cut)(scope, receive, send)
    except (psycopg.OperationalError, TooManyRequests, TimeoutError) as error:
        code, sentence = later(error) or ("UNAVAILABLE", "Ask again.")
        await _declined(RequestDeclined(503, code, sentence), media, exchange)(scope, receive, send)
    else:
        if answer.text is not None:
            service.refusals.answered(who)
            await exchange.answer(_HEADERS[media], answer.text, send)
            return
        cut = False
        if answer.refused:
            cut = await _slowed(service, who)
        else:
            service.refusals.answered(who)
        for said in answer.body.get("errors", ()):
            said.setdefault("extensions", {})["requestId"] = exchange.id
        # The older media type has no status of its own for a document that is wrong.
        status = 200 if media == LEGACY and not answer.read else answer.status
        if status == 200 and not cut:
            await exchange.answer(_HEADERS[media], orjson.dumps(answer.body), send)
            return
        await _response(answer.body, status, media, _CUT if cut else None)(scope, receive, send)


#: Of an answer after which its connection is closed (RFC 9112, 9.6).
_CUT = {"Connection": "close"}


def _whence(scope: Scope) -> str:
    """Whoever shows no token is told apart by the address that it comes from."""
    client = scope.get("client")
    return f"public {client[0]}" if client else "public"


async def _slowed(service: Service, who: str) -> bool:
    """Holds a refusal back, the longer the more of them this asker had in a row. True: too many
    are held back already, so this one is not, and its connection is to be closed."""
    return not await service.refusals.hold_back(who)


def unavailable(code: str, sentence: str, exchange: Exchange) -> Response:
    """503: the service is there, and answers no question yet."""
    return _declined(RequestDeclined(503, code, sentence), RESPONSE, exchange)


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    found = headers.get(name)
    return None if found is None else found.decode("latin-1")


#: Of every good answer.
_HEADERS = {
    media: [
        (b"cache-control", b"no-store"),
        (b"content-type", f"{media}; charset=utf-8".encode()),
    ]
    for media in (RESPONSE, LEGACY)
}


@dataclass(slots=True)
class _Asks:
    """Who asks, by which name it has its share, what for, in which exchange, whether by GET, what
    the answer must not be older than, and where its cost is told, if that is asked for."""

    service: Service
    who: str
    asker: Subject
    purpose: str | None
    exchange: Exchange
    by_get: bool
    least: MinPosition | None
    report: CostReport | None


async def _answer(asks: _Asks, asked: GraphQLRequest, length: int) -> GraphQLResponse:
    service, counter = asks.service, asks.service.counter
    text = service.persisted.text(asked.query, asked.extensions)
    if text is None:
        return GraphQLResponse({"errors": [not_found()]}, expected=True)
    document = counter.documents.kept(text)
    fresh = document is None
    counters.count(_NEW if document is None else _REFUSED if document.errors else _KNOWN)
    if document is None:
        document = await _read_new(asks, text)
    operation = document.operation(asked.operation_name)
    if document.errors or operation is None:
        return unanswerable(document, asked.operation_name)
    service.persisted.keep(text, asked.extensions)
    if asks.by_get and operation.operation is not OperationType.QUERY:
        raise RequestDeclined(
            405,
            "METHOD_NOT_ALLOWED",
            "Commands are sent by POST; a GET may only ask.",
            Allow="POST",
        )
    if length > BODY and length > longest(operation):
        raise too_long(longest(operation))
    price = document.cost(operation, asked.variables or {})
    if asks.report:
        asks.report.requested = price
    # A command waits for the disk, and its work is the same whether its document is new.
    fresh = fresh and operation.operation is OperationType.QUERY
    queue = service.new if fresh else service.short
    if LONG <= price <= COST:  # what costs more is refused at once
        queue = service.long

    async def execute(least: MinPosition | None) -> GraphQLResponse:
        if not queue.at_once():
            await queue.wait(asks.who, price)
        began, came = monotonic(), service.short.came
        try:
            context = service.context(
                asks.asker, asks.purpose, asks.exchange, least, asks.exchange.answered
            )
            return await counter.execute(
                context,
                document,
                operation,
                asked.variables,
                as_text=True,
                price=price,
                apart=fresh,
            )
        finally:
            if queue is service.short:
                queue.leave()
            else:
                queue.rest(monotonic() - began, service.short.came - came)

    if asks.least is None:
        return await execute(None)
    return await _not_older(
        service, asks.least, execute, once=operation.operation is not OperationType.QUERY
    )


async def _read_new(asks: _Asks, text: str) -> CheckedDocument:
    """A document that was never seen before, read when it is this asker's turn: known ones go
    before it. Raises Declined, 429, for who shows more of them than it may."""
    service = asks.service
    wait = service.allowance.take(asks.who, monotonic())
    if wait:
        raise RequestDeclined(
            429,
            "TOO_MANY_DOCUMENTS",
            "Too many new documents. Say what differs from question to question in variables: "
            "a document that was read once is answered at once.",
            Retry_After=str(wait),
        )
    queue = service.new
    if not queue.at_once():
        await queue.wait(asks.who, READING)
    try:
        return await service.parser.read(text)
    finally:
        queue.leave()


def _least(wanted: str | None) -> MinPosition | None:
    """What the answer must not be older than. Raises Declined, 400, for what is no position."""
    if wanted is None:
        return None
    try:
        return MinPosition.parse(wanted)
    except ValueError as error:
        raise RequestDeclined(400, "BAD_REQUEST", f"{HEADER}: {error}") from None


async def _not_older(
    service: Service,
    least: MinPosition,
    execute: Callable[[MinPosition | None], Awaitable[GraphQLResponse]],
    *,
    once: bool,
) -> GraphQLResponse:
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
            raise RequestDeclined(412, "EPOCH", f"{HEADER}: {sentence}.") from None
        except Behind as behind:
            service.sight.doubt(behind.found)
            if monotonic() >= until:
                raise RequestDeclined(
                    503,
                    "BEHIND",
                    f"{HEADER}: found {least.position}, and the read models show what was recorded "
                    f"up to {behind.found}. Ask again.",
                ) from None
        await asyncio.sleep(AGAIN)


def not_allowed(request: Request) -> Response:
    """Neither a POST nor a GET with a document."""
    return _declined(
        RequestDeclined(
            405,
            "METHOD_NOT_ALLOWED",
            "Questions are sent by POST, or by GET with ?query=; commands by POST.",
            Allow="GET, POST",
        ),
        RESPONSE,
        request.scope[KEY],
    )


def _declined(
    declined: RequestDeclined, media: str, exchange: Exchange, cut: bool = False
) -> Response:
    exchange.refused(declined.code)
    extensions = {"code": declined.code, "requestId": exchange.id}
    error = {"message": declined.sentence, "extensions": extensions}
    headers = declined.headers | (_CUT if cut else {})
    return _response({"errors": [error]}, declined.status, media, headers)


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
