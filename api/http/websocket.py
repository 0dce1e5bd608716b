"""GraphQL over WebSocket, by the protocol graphql-transport-ws: subscriptions alone.

The protocol itself is strawberry's: the order of its messages, its time limits and its close codes.
Here are the token, the limits of a document, and the answers. A token comes in the header
Authorization or, as browsers cannot send one, in the payload of `connection_init`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from inspect import iscoroutine
from typing import Any, cast

import msgspec
import orjson
import psycopg
import structlog
from graphql import OperationType
from psycopg_pool import PoolTimeout, TooManyRequests
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.http.exceptions import NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)

from api.access.policy import PUBLIC, Subject, SubjectRole
from api.access.presented import presented
from api.access.token_reasons import InvalidToken, IssuerUnreachable
from api.graphql.deadlines import RequestDeadlines
from api.graphql.errors import RequestDeclined
from api.graphql.executor import GraphQLResponse
from api.graphql.limits import BODY
from api.graphql.schema import schema
from api.graphql.subscriptions import AnswerBatch, NotSubscribed, answer_batches
from api.http.event_stream import PATIENCE
from api.http.exchanges import Exchange
from api.http.graphql import RequestContext, prepare
from api.http.quotas import account_of, admit
from api.http.request import GraphQLRequest, from_message
from api.http.service import Service
from api.http.stream_rights import until_refused

log = structlog.get_logger("websocket")

INIT = timedelta(seconds=10)  # the time that a client has for `connection_init`
CLOSING = 5.0  # seconds that the close frame may take, for a client that does not read
PING = 25.0  # seconds between two pings
REASON = 123  # bytes: the longest reason of a close frame (RFC 6455, 5.5)
#: Close codes of the protocol, and of RFC 6455.
UNAUTHENTICATED, FORBIDDEN, INVALID, LATER, TOO_SLOW = 4401, 4403, 4400, 1013, 1008


class _Message(msgspec.Struct):
    """A message of a client. `payload` is read when its type is known."""

    type: str
    id: str | None = None
    payload: dict[str, Any] | None = None


class _Wrong(Exception):
    """A message that the protocol does not have. The message of the error says what is wrong."""


class _Socket:
    """The connection, as strawberry's handler uses it."""

    def __init__(self, websocket: WebSocket, send: Send, deadlines: RequestDeadlines) -> None:
        self._websocket, self._turn, self._send = websocket, asyncio.Lock(), send
        self._deadlines = deadlines
        #: Set where the client does not read what it is sent.
        self.stuck = asyncio.Event()

    async def iter_json(self) -> AsyncGenerator[object, None]:
        while self._websocket.application_state is WebSocketState.CONNECTED:
            try:
                message = await self._websocket.receive()
            except RuntimeError:
                return
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            try:
                yield _read(text)
            except _Wrong as error:
                await self.close(INVALID, str(error))
                return

    async def send_json(self, message: Mapping[str, object]) -> None:
        await self.send(orjson.dumps(message).decode())

    async def send(self, *texts: str) -> None:
        """Sends messages, one after the other. Raises WebSocketDisconnected where the client is
        gone, or does not read.

        All are handed to the server before the first is waited for: it writes them in this order,
        and one message no longer waits for the event loop to hear of the one before.
        """
        handed: deque[Any] = deque()
        try:
            with self._deadlines.limit(PATIENCE):
                async with self._turn:
                    if self._websocket.application_state is not WebSocketState.CONNECTED:
                        raise WebSocketDisconnected
                    # As the framework sends, without what it checks for each of its own callers.
                    for text in texts:
                        handed.append(self._send({"type": "websocket.send", "text": text}))
                    while handed:
                        await handed.popleft()
        except TimeoutError:
            self.stuck.set()
            raise WebSocketDisconnected from None
        except (WebSocketDisconnect, RuntimeError, OSError):
            raise WebSocketDisconnected from None
        finally:
            for left in handed:
                (left.close if iscoroutine(left) else left.cancel)()

    async def close(self, code: int, reason: str) -> None:
        """Closes the connection. A client that does not read is not waited for."""
        with suppress(RuntimeError, WebSocketDisconnect, OSError, TimeoutError):
            async with asyncio.timeout(CLOSING):
                await self._websocket.close(code, _cut(reason))


def _cut(reason: str) -> str:
    text = reason.encode()
    return reason if len(text) <= REASON else text[: REASON - 3].decode(errors="ignore") + "..."


def _read(text: str) -> dict[str, Any]:
    """A message, as the handler reads it. Raises _Wrong."""
    if len(text) > 2 * BODY:
        raise _Wrong(f"message: found {len(text)} characters, wanted at most {2 * BODY}")
    try:
        message = msgspec.json.decode(text, type=_Message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _Wrong(f"message: wanted a JSON object with `type`; {error}") from None
    if message.type in ("subscribe", "complete") and not message.id:
        raise _Wrong(f"{message.type}: found no `id`")
    if message.type == "subscribe":
        try:
            if from_message(message.payload).query is None:
                raise _Wrong("subscribe: found no `query` in the payload")
        except ValueError as error:
            raise _Wrong(f"subscribe: {error}") from None
    found = {"type": message.type, "id": message.id, "payload": message.payload}
    return {name: given for name, given in found.items() if given is not None}


class _Connected:
    """What strawberry's handler keeps for a connection: the payload of `connection_init`."""

    connection_params: dict[str, Any] | None = None


class _Handler(BaseGraphQLTransportWSHandler[_Connected, None]):
    """One connection. It is also what strawberry calls the view: it accepts `connection_init`."""

    def __init__(
        self,
        service: Service,
        websocket: WebSocket,
        scope: Scope,
        send: Send,
        exchange: Exchange,
    ) -> None:
        socket = _Socket(websocket, send, service.sending)
        super().__init__(
            cast(Any, self),
            cast(Any, socket),
            _Connected(),
            None,
            schema,
            INIT,
            service.settings.subscriptions,
        )
        self.socket, self.exchange, self.service = socket, exchange, service
        self.scope = scope
        self.subject: Subject = PUBLIC
        self.authorization: str | None = None
        self.purpose: str | None = None
        self._guards: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        self._guards.append(asyncio.create_task(self._ping()))
        handling = asyncio.create_task(self.handle())
        stuck = asyncio.create_task(self.socket.stuck.wait())
        try:
            await asyncio.wait([handling, stuck], return_when=asyncio.FIRST_COMPLETED)
            if not handling.done():
                sentence = "What was sent is not read. Subscribe again after `next`."
                await self.socket.close(TOO_SLOW, sentence)
        finally:
            tasks = [handling, stuck, *self._guards]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not handling.cancelled():
            handling.result()

    async def on_ws_connect(self, context: _Connected) -> object:
        """Reads the token. A connection whose token is not accepted is closed with 4401."""
        given = {name.lower(): value for name, value in (context.connection_params or {}).items()}
        headers = self.exchange.headers
        self.authorization = _text(given.get("authorization"), headers.get(b"authorization"))
        self.purpose = _text(given.get("purpose"), headers.get(b"purpose"))
        try:
            request = {**self.scope, "method": "GET"}
            self.subject = await self.service.subjects.by_header(
                self.authorization, lambda: presented(request, self.service.settings)
            )
        except InvalidToken as error:
            await self._refused(UNAUTHENTICATED, f"{error.code}: {error.sentence}")
        except IssuerUnreachable:
            await self._refused(LATER, "The issuer of the token does not answer. Connect again.")
        except (psycopg.Error, PoolTimeout, TooManyRequests, TimeoutError):
            await self._refused(LATER, "The database cannot be reached. Connect again.")
        if self.subject.role is SubjectRole.PUBLIC:
            await self._refused(FORBIDDEN, "The public may not subscribe: send a token.")
        try:
            admit(self.service, account_of(self.service, self.subject, self.scope), self.exchange)
        except RequestDeclined as error:
            await self._refused(LATER, f"{error.code}: {error.sentence}")
        self._guards.append(asyncio.create_task(self._until_refused()))
        self.exchange.answered["subject"] = self.subject.id
        return {}

    async def _refused(self, code: int, reason: str) -> None:
        await self.socket.close(code, reason)
        raise WebSocketDisconnected

    async def _until_refused(self) -> None:
        reason = await until_refused(self.service, self.authorization, self.subject)
        await self.socket.close(UNAUTHENTICATED, reason)

    async def _ping(self) -> None:
        with suppress(WebSocketDisconnected):
            while True:
                await asyncio.sleep(PING)
                if self.connection_acknowledged:
                    await self.socket.send('{"type":"ping"}')

    async def run_operation(self, operation: Operation[_Connected, None]) -> None:
        """Answers one subscription, from its document to `complete`."""
        try:
            await self._subscribed(operation)
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except NotSubscribed as error:
            await operation.send_operation_message(
                {"id": operation.id, "type": "error", "payload": cast(Any, error.errors)}
            )
        except WebSocketDisconnected:
            pass
        except Exception:
            log.exception("fault", request=self.exchange.id)
            await self.socket.close(1011, f"Something went wrong here: {self.exchange.id}.")

    async def _subscribed(self, operation: Operation[_Connected, None]) -> None:
        variables = cast(Any, operation.variables)
        asked = GraphQLRequest(operation.query, variables, operation.operation_name)
        account = account_of(self.service, self.subject, self.scope)
        request = RequestContext(
            self.service,
            self.subject.actor,
            self.subject,
            account,
            self.purpose,
            self.exchange,
            False,
            None,
            None,
        )
        try:
            admit(self.service, account, self.exchange)
            prepared = await prepare(request, asked, len(operation.query))
        except RequestDeclined as error:
            raise NotSubscribed([_error(error.sentence, error.code)]) from None
        if isinstance(prepared, GraphQLResponse):
            raise NotSubscribed(prepared.body["errors"])
        if prepared.operation.operation is not OperationType.SUBSCRIPTION:
            sentence = (
                "This connection carries subscriptions. Queries and commands are sent by POST."
            )
            raise NotSubscribed([_error(sentence, "BAD_INPUT")])
        context = self.service.context(self.subject, self.purpose)
        found: AsyncGenerator[AnswerBatch, None] = answer_batches(
            context, prepared.document, prepared.operation, asked.variables
        )
        begin = f'{{"id":{orjson.dumps(operation.id).decode()},"type":"next","payload":'
        async with aclosing(found) as batches:
            async for batch in batches:
                await self.socket.send(*batch.messages(begin, "}"))


def _text(*given: Any) -> str | None:
    """The first of these that is there, as text."""
    for each in given:
        if isinstance(each, bytes):
            return each.decode("latin-1")
        if isinstance(each, str):
            return each
    return None


def _error(sentence: str, code: str) -> dict[str, Any]:
    return {"message": sentence, "extensions": {"code": code}}


async def serve(
    service: Service, scope: Scope, receive: Receive, send: Send, why_not: str | None
) -> None:
    """Answers a WebSocket connection. `why_not`: why nothing is answered at present."""
    websocket = WebSocket(scope, receive, send)
    exchange = Exchange({**scope, "method": "GET"}, None)
    if GRAPHQL_TRANSPORT_WS_PROTOCOL not in scope.get("subprotocols", ()):
        await websocket.accept()
        sentence = f"Sec-WebSocket-Protocol: wanted {GRAPHQL_TRANSPORT_WS_PROTOCOL}"
        await websocket.close(4406, sentence)
        return
    await websocket.accept(GRAPHQL_TRANSPORT_WS_PROTOCOL)
    if why_not:
        await websocket.close(LATER, _cut(why_not))
        return
    exchange.status = 101
    try:
        await _Handler(service, websocket, scope, send, exchange).serve()
    finally:
        exchange.ended()
