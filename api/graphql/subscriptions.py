"""Executes subscriptions: each change is an answer to the subscriber's own selection.

Subscribers with the same rights who ask for the same get the same bytes: each answer is made once
and sent to all of them. What the read log says stays each one's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Hashable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Any, cast

import orjson
import structlog
from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode
from graphql.execution import Executor as GraphQLExecutor
from graphql.execution import create_source_event_stream

from api.access.read_log import ReadLog, ReadLogEntry
from api.graphql.change_stream import RETRY, StreamedChange
from api.graphql.context import Context
from api.graphql.executor import later, response_of
from api.graphql.limits import CheckedDocument
from api.graphql.schema import core
from api.graphql.types.changes import RecognitionChange

log = structlog.get_logger("subscriptions")

ATTEMPTS = 5  # to render an answer while the database fails


class NotSubscribed(Exception):
    """There is no stream, or it has ended: the errors, as GraphQL shows them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Payload:
    """One answer as JSON text. `cursor`: `EPOCH:POSITION`, to resume after it. `last`: nothing
    follows at once."""

    text: bytes
    cursor: str
    last: bool


@dataclass(frozen=True, slots=True)
class _Rendered:
    """An answer, and the looks at operators that it contains."""

    text: bytes
    looks: list[ReadLogEntry]


class _Looks(ReadLog):
    """Collects the looks of an answer that several subscribers share."""

    def __init__(self) -> None:
        self.entries: list[ReadLogEntry] = []

    def keep(self, entry: ReadLogEntry) -> None:
        self.entries.append(entry)


async def payloads(
    context: Context,
    document: CheckedDocument,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any] | None,
) -> AsyncGenerator[Payload, None]:
    """The answers of a subscription, until it is closed. Raises NotSubscribed."""
    subscription = _Subscription(context, document, operation, variables or {})
    stream = await subscription.source()
    async with aclosing(cast(AsyncGenerator[RecognitionChange, None], stream)) as changes:
        try:
            async for change in changes:
                yield await subscription.payload(change)
        except GraphQLError as error:
            raise NotSubscribed(shown([error], context)) from None


def shown(errors: list[GraphQLError], context: Context) -> list[dict[str, Any]]:
    """Errors as they are sent."""
    found: list[dict[str, Any]] = response_of(None, errors, context).body["errors"]
    return found


class _Subscription:
    """One subscription that is executed."""

    def __init__(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        assert document.node is not None and document.node.loc is not None
        if too_costly := document.too_costly(operation, variables):
            raise NotSubscribed(shown([too_costly], context))
        self._context = context
        name = operation.name.value if operation.name else None
        built = GraphQLExecutor.build(core, document.node, None, context, dict(variables), name)
        if isinstance(built, list):
            raise NotSubscribed(shown(built, context))
        self._executor = built
        #: Who asks for what: the subject without its id, the document and its variables.
        self._key: Hashable = (
            replace(context.subject, id="", agent="", person=None),
            document.node.loc.source.body,
            name,
            orjson.dumps(dict(variables), option=orjson.OPT_SORT_KEYS),
        )

    async def source(self) -> AsyncIterable[RecognitionChange]:
        """The stream of changes. Raises NotSubscribed: the subject may not, or the cursor is
        wrong."""
        stream = create_source_event_stream(self._executor)
        if isawaitable(stream):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            raise NotSubscribed(shown(list(stream.errors or ()), self._context))
        return stream

    async def payload(self, change: RecognitionChange) -> Payload:
        streamed: StreamedChange = change.streamed
        found = streamed.rendered.get(self._key)
        if found is None:
            found = streamed.rendered[self._key] = asyncio.ensure_future(self._render(change))
        rendered = found.result() if found.done() else await asyncio.shield(found)
        for look in rendered.looks:
            self._context.at_this_instant().repeat(look)
        return Payload(rendered.text, f"{streamed.epoch}:{streamed.next}", streamed.last)

    async def _render(self, change: RecognitionChange) -> _Rendered:
        """The answer for a change. Where the database fails it is tried again; at the last attempt
        the answer has the error."""
        attempt = 1
        while True:
            looks = _Looks()
            context = replace(self._context.at_this_instant(), read_log=looks)
            executor = self._executor.build_per_event_executor(change)
            executor.context_value = context
            result: Any = executor.execute_operation(False)
            if isawaitable(result):
                result = await result
            errors = list(result.errors or ())
            failed = next((e for e in errors if later(e.original_error)), None)
            if failed is None or attempt == ATTEMPTS:
                body = response_of(result.data, errors, context).body
                return _Rendered(orjson.dumps(body), looks.entries)
            log.warning("an answer is made again", why=str(failed.original_error))
            attempt += 1
            await asyncio.sleep(RETRY)
