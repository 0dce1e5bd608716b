"""GraphQL over server-sent events, in distinct connections: one subscription a connection.

Each answer is an event `next` whose id is `EPOCH:POSITION`; a client that was interrupted sends the
last one as `Last-Event-ID`, or as the arguments `epoch` and `after`. The stream ends with the event
`complete`. A comment line is sent from time to time, so that nobody between takes the connection
for idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import OperationDefinitionNode
from starlette.types import Receive, Send

from api.graphql.context import Context
from api.graphql.deadlines import RequestDeadlines
from api.graphql.limits import CheckedDocument
from api.graphql.subscriptions import AnswerBatch, NotSubscribed, answer_batches
from api.http.exchanges import Exchange
from api.http.service import Service
from api.http.stream_rights import until_refused

ALIVE = 12.0  # seconds between two comment lines
#: Seconds that a client may take to read what it was sent; then its connection ends, and it goes on
#: from its position.
PATIENCE = 60.0

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy passes each event on at once
]
COMPLETE = b"event: complete\ndata:\n\n"


@dataclass(frozen=True, slots=True)
class Opened:
    """A subscription that is asked for."""

    context: Context
    document: CheckedDocument
    operation: OperationDefinitionNode
    variables: Mapping[str, Any] | None


def errors(found: list[dict[str, Any]]) -> bytes:
    """Errors as the last answer of a stream."""
    return b"event: next\ndata: %b\n\n%b" % (orjson.dumps({"errors": found}), COMPLETE)


async def single(exchange: Exchange, body: bytes, send: Send) -> None:
    """Answers an operation that has one answer as a stream of one. `body`: JSON text."""
    text = b"event: next\ndata: %b\n\n%b" % (body, COMPLETE)
    await exchange.answer(list(HEADERS), text, send)


async def stream(
    service: Service, opened: Opened, authorization: str | None, receive: Receive, send: Send
) -> None:
    """Answers a subscription until the client goes, its token ends, or the stream does."""
    await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
    connection = _Connection(send, service.sending)
    await connection.send(b":\n\n")
    work = [
        asyncio.ensure_future(connection.tell(opened)),
        asyncio.ensure_future(connection.stay_alive()),
        asyncio.ensure_future(_gone(receive)),
    ]
    ending = asyncio.ensure_future(until_refused(service, authorization, opened.context.subject))
    try:
        done, _ = await asyncio.wait([*work, ending], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*work, ending):
            task.cancel()
        await asyncio.gather(*work, ending, return_exceptions=True)
    if ending in done:
        error = {"message": ending.result(), "extensions": {"code": "UNAUTHENTICATED"}}
        await connection.send(errors([error]))
    if work[2] not in done:
        with suppress(OSError, TimeoutError):
            await connection.send(b"", more=False)
    for task in done:
        if (failed := task.exception()) and not isinstance(failed, OSError | TimeoutError):
            raise failed


class _Connection:
    """One connection that carries events; one part is sent at a time."""

    def __init__(self, send: Send, deadlines: RequestDeadlines) -> None:
        self._send, self._turn, self._deadlines = send, asyncio.Lock(), deadlines

    async def send(self, body: bytes, *, more: bool = True) -> None:
        """Sends a part. Raises TimeoutError where the client does not read."""
        with self._deadlines.limit(PATIENCE):
            async with self._turn:
                await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def tell(self, opened: Opened) -> None:
        """Sends the answers; those that become known together in one part."""
        found: AsyncGenerator[AnswerBatch, None] = answer_batches(
            opened.context, opened.document, opened.operation, opened.variables
        )
        try:
            async with aclosing(found) as batches:
                async for batch in batches:
                    await self.send(batch.events)
            await self.send(COMPLETE)
        except NotSubscribed as error:
            await self.send(errors(error.errors))

    async def stay_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE)
            await self.send(b":\n\n")


async def _gone(receive: Receive) -> None:
    """Waits until the client closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
