"""GraphQL over HTTP, by its specification: which requests are accepted, and the status of the
answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson
import psycopg
from graphql import OperationDefinitionNode, OperationType
from prometheus_client import Counter as Metric
from psycopg_pool import TooManyRequests
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access.policy import Subject, SubjectRole
from api.access.presented import client_address, presented
from api.access.quotas import QuotaAccount
from api.access.token_reasons import InvalidToken, IssuerUnreachable
from api.graphql.errors import RequestDeclined
from api.graphql.executor import GraphQLResponse, later, unanswerable
from api.graphql.limits import BODY, COST, CheckedDocument, longest
from api.graphql.persisted_queries import not_found
from api.graphql.positions import (
    HEADER,
    Behind,
    CheckedPool,
    MinPosition,
    OtherEpoch,
    other_epoch,
)
from api.graphql.read_your_writes import MOST_WAIT
from api.http.challenges import issuer_unreachable, unauthenticated
from api.http.cost_report import CostReport, wanted
from api.http.event_stream import Opened, single, stream
from api.http.exchanges import KEY, Exchange
from api.http.quotas import admit, admit_subject
from api.http.request import (
    EVENTS,
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

LONG = 5_000  # microseconds of estimated work from which a query goes to the queue for long ones
READING = 5_000  # microseconds: the assumed cost of parsing and validating a new document
AGAIN = 0.1  # seconds between two attempts to get an answer that is not too old

#: `known`: a valid document in the cache; `refused`: an invalid one in the cache; `new`: neither.
DOCUMENTS = Metric("aeo_documents", "Documents of requests by what was known of them", ["found"])
_KNOWN, _REFUSED, _NEW = map(DOCUMENTS.labels, ("known", "refused", "new"))

__all__ = [
    "READING",
    "RequestContext",
    "admitted",
    "declined",
    "graphql",
    "is_question",
    "prepare",
    "unavailable",
]


async def graphql(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """The endpoint /graphql: executes one document for the subject that the token names.

    A GET request may query but not mutate (GraphQL over HTTP, 6.1).
    """
    exchange: Exchange = scope[KEY]
    headers = exchange.headers
    media = RESPONSE
    who = f"public {client_address(scope, service.settings)}"
    try:
        # The cheap checks come first: the headers, the subject, and only then the body.
        media = accepted(_text(headers, b"accept"))
        by_get = scope["method"] == "GET"
        if not by_get:
            fits(_text(headers, b"content-type"), _text(headers, b"content-length"))
        authorization = _text(headers, b"authorization")
        subject = service.subjects.at_once(authorization) or await subject_of(
            service, scope, authorization
        )
        if subject.role is SubjectRole.PUBLIC:
            account = service.quotas.of_address(who.removeprefix("public "))
        else:
            who, account = subject.actor, service.quotas.of_subject(subject)
        admit(service, account, exchange)
        asked, length = read_address(scope["query_string"]) if by_get else await read(receive)
        least = _least(_text(headers, HEADER.encode()))
        purpose = _text(headers, b"purpose")
        report = wanted(headers, account)
        request_context = RequestContext(
            service, who, subject, account, purpose, exchange, by_get, least, report
        )
        if media == EVENTS:
            await _as_events(request_context, asked, length, receive, send)
            return
        answer = await _answer(request_context, asked, length)
        if report:
            answer = report.added_to(answer)
    except RequestDeclined as declined:
        cut = declined.status < 500 and await _delay_refusal(service, who)
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
            cut = await _delay_refusal(service, who)
        else:
            service.refusals.answered(who)
        for each_error in answer.body.get("errors", ()):
            each_error.setdefault("extensions", {})["requestId"] = exchange.id
        # The older media type has no status of its own for a document that is wrong.
        status = 200 if media == LEGACY and not answer.read else answer.status
        if status == 200 and not cut:
            await exchange.answer(_HEADERS[media], orjson.dumps(answer.body), send)
            return
        await _response(answer.body, status, media, _CUT if cut else None)(scope, receive, send)


#: The header of a response after which the connection is closed (RFC 9112, 9.6).
_CUT = {"Connection": "close"}


async def admitted(
    service: Service, scope: Scope, authorization: str | None, work: int = 0
) -> Subject:
    """Returns the subject of a request to a plain route, and counts the request in its quota.
    `work`: of the request, in microseconds. Raises RequestDeclined: as `subject_of`, and 429."""
    subject = await subject_of(service, scope, authorization)
    admit_subject(service, subject, scope, work)
    return subject


async def subject_of(service: Service, scope: Scope, authorization: str | None) -> Subject:
    """Returns the subject of a token. A bad token is refused, and not answered as if there were
    none. Raises RequestDeclined: 401, or 503 where the issuer does not answer."""
    exchange: Exchange = scope[KEY]
    try:
        found = await service.subjects.by_header(
            authorization, lambda: presented(scope, service.settings)
        )
        if b"dpop" in exchange.headers and (nonce := service.authenticator.nonce):
            exchange.add(b"dpop-nonce", nonce)  # for the next request
        return found
    except InvalidToken as error:
        raise unauthenticated(error, service.settings, exchange) from None
    except IssuerUnreachable as error:
        raise issuer_unreachable(error, exchange) from None


async def _delay_refusal(service: Service, who: str) -> bool:
    """Delays a refusal, the longer the more of them this subject had in a row.

    Returns True when too many are being delayed already; this one is then sent at once and its
    connection is to be closed.
    """
    return not await service.refusals.hold_back(who)


def unavailable(code: str, sentence: str, exchange: Exchange) -> Response:
    """Returns 503: the service is running and cannot answer queries yet."""
    return _declined(RequestDeclined(503, code, sentence), RESPONSE, exchange)


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    found = headers.get(name)
    return None if found is None else found.decode("latin-1")


#: Headers of every answer with status 200, by media type.
_HEADERS = {
    media: [
        (b"cache-control", b"no-store"),
        (b"content-type", f"{media}; charset=utf-8".encode()),
    ]
    for media in (RESPONSE, LEGACY)
}


@dataclass(slots=True)
class RequestContext:
    """One request: who sends it, and how.

    `who`: the name by which queues count. `account`: in which its work is counted. `purpose`: the
    header Purpose. `by_get`: it is a GET request. `least`: the position that the answer must not be
    older than. `report`: the cost report, where one is asked for.
    """

    service: Service
    who: str
    subject: Subject
    account: QuotaAccount
    purpose: str | None
    exchange: Exchange
    by_get: bool
    least: MinPosition | None
    report: CostReport | None


@dataclass(frozen=True, slots=True)
class PreparedOperation:
    """A document that may be executed, and which of its operations.

    `price`: its cost in microseconds; `fresh`: the document was not seen before.
    """

    document: CheckedDocument
    operation: OperationDefinitionNode
    price: int
    fresh: bool


async def prepare(
    request_context: RequestContext, asked: GraphQLRequest, length: int
) -> PreparedOperation | GraphQLResponse:
    """Reads, validates and measures a document; the response where it is not to be executed.
    `length`: of the request, in bytes. Raises RequestDeclined."""
    service, executor = request_context.service, request_context.service.executor
    text = service.persisted.text(asked.query, asked.extensions)
    if text is None:
        return GraphQLResponse({"errors": [not_found()]}, expected=True)
    document = executor.documents.cached(text)
    fresh = document is None
    counters.count(_NEW if document is None else _REFUSED if document.errors else _KNOWN)
    if document is None:
        document = await _read_new(request_context, text)
    operation = document.operation(asked.operation_name)
    if document.errors or operation is None:
        return unanswerable(document, asked.operation_name)
    service.persisted.keep(text, asked.extensions)
    if request_context.by_get and operation.operation is OperationType.MUTATION:
        raise RequestDeclined(
            405,
            "METHOD_NOT_ALLOWED",
            "Commands are sent by POST; a GET may only ask.",
            Allow="POST",
        )
    if length > BODY and length > longest(operation):
        raise too_long(longest(operation))
    price = document.cost(operation, asked.variables or {})
    if price <= COST:  # beyond it, it is refused at once
        service.quotas.spend(request_context.account, price)
    return PreparedOperation(document, operation, price, fresh)


async def _as_events(
    request_context: RequestContext,
    asked: GraphQLRequest,
    length: int,
    receive: Receive,
    send: Send,
) -> None:
    """Answers as server-sent events: a subscription as long as it lasts, anything else once."""
    service, exchange = request_context.service, request_context.exchange
    prepared = await prepare(request_context, asked, length)
    if (
        isinstance(prepared, GraphQLResponse)
        or prepared.operation.operation is not OperationType.SUBSCRIPTION
    ):
        answer = await _answer(request_context, asked, length)
        if not answer.read:
            await _delay_refusal(service, request_context.who)
        await single(exchange, answer.text or orjson.dumps(answer.body), send)
        return
    resumed = _last_event(_text(exchange.headers, b"last-event-id"))
    context = service.context(
        request_context.subject, request_context.purpose, exchange, None, exchange.answered
    )
    context.resumed = resumed
    exchange.answered |= {"subject": context.subject.id, "kind": "subscription"}
    opened = Opened(context, prepared.document, prepared.operation, asked.variables)
    authorization = _text(exchange.headers, b"authorization")
    await stream(service, opened, authorization, receive, send)


async def _answer(
    request_context: RequestContext, asked: GraphQLRequest, length: int
) -> GraphQLResponse:
    prepared = await prepare(request_context, asked, length)
    if isinstance(prepared, GraphQLResponse):
        return prepared
    service, executor = request_context.service, request_context.service.executor
    document, operation, price = prepared.document, prepared.operation, prepared.price
    if request_context.report:
        request_context.report.requested = price
    # A mutation waits for the disk, and costs the same whether its document is new or not.
    fresh = prepared.fresh and operation.operation is OperationType.QUERY
    queue = service.new if fresh else service.short
    if LONG <= price <= COST:  # a query beyond COST is refused at once
        queue = service.long

    async def execute(least: MinPosition | None) -> GraphQLResponse:
        if not queue.at_once():
            await queue.wait(request_context.who, price)
        began, came = monotonic(), service.short.came
        try:
            context = service.context(
                request_context.subject,
                request_context.purpose,
                request_context.exchange,
                least,
                request_context.exchange.answered,
            )
            return await executor.execute(
                context,
                document,
                operation,
                asked.variables,
                as_text=True,
                price=price,
                own_statement=fresh,
            )
        finally:
            if queue is service.short:
                queue.leave()
            else:
                queue.rest(monotonic() - began, service.short.came - came)

    if request_context.least is None:
        return await execute(None)
    return await _not_older(
        service, request_context.least, execute, once=operation.operation is not OperationType.QUERY
    )


async def _read_new(request_context: RequestContext, text: str) -> CheckedDocument:
    """Parses and validates a document that was not seen before, when it is this subject's turn.

    Requests with known documents go first. To read a document is counted as work.
    """
    service = request_context.service
    service.quotas.spend(request_context.account, READING)
    queue = service.new
    if not queue.at_once():
        await queue.wait(request_context.who, READING)
    try:
        return await service.parser.read(text)
    finally:
        queue.leave()


def _last_event(text: str | None) -> MinPosition | None:
    """Reads the header Last-Event-ID, by which a browser takes up a stream that was interrupted.
    Raises RequestDeclined (400)."""
    if not text:
        return None
    try:
        return MinPosition.parse(text)
    except ValueError as error:
        raise RequestDeclined(400, "BAD_REQUEST", f"Last-Event-ID: {error}") from None


def _least(wanted: str | None) -> MinPosition | None:
    """Reads the header Aeo-Min-Position. Raises RequestDeclined (400) where its value is no
    position."""
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
    """Executes on read models that show a position (read your writes).

    Waits until they do, and repeats for a while where an answer came from a database that lags.
    `once`: for a mutation, which is executed once they do and not repeated. Raises RequestDeclined:
    503 where the read models stay behind, 412 where the ledger is in another epoch.
    """
    until = monotonic() + MOST_WAIT
    await service.read_model_position.reached(least.position, MOST_WAIT)
    while True:
        try:
            answer = None if once else await execute(least)
            if not least.checked:  # a mutation, or a query that read nothing
                async with CheckedPool(service.views, least).connection():
                    pass
            return await execute(None) if answer is None else answer
        except OtherEpoch as error:
            sentence = await other_epoch(service.views, error)
            raise RequestDeclined(412, "EPOCH", f"{HEADER}: {sentence}.") from None
        except Behind as behind:
            service.read_model_position.doubt(behind.found)
            if monotonic() >= until:
                raise RequestDeclined(
                    503,
                    "BEHIND",
                    f"{HEADER}: found {least.position}, and the read models show what was recorded "
                    f"up to {behind.found}. Ask again.",
                ) from None
        await asyncio.sleep(AGAIN)


def declined(why: RequestDeclined, exchange: Exchange, media: str = RESPONSE) -> Response:
    """Returns the response to a request that is refused before a query is read, and counts it.
    `media`: of the body, which is that of a GraphQL error."""
    return _declined(why, media, exchange)


def _declined(
    declined: RequestDeclined, media: str, exchange: Exchange, cut: bool = False
) -> Response:
    exchange.refused(declined.code)
    extensions = {"code": declined.code, "requestId": exchange.id}
    if declined.reason:
        extensions["reason"] = declined.reason
    error = {"message": declined.sentence, "extensions": extensions}
    headers = declined.headers | (_CUT if cut else {})
    media = RESPONSE if media == EVENTS else media
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
