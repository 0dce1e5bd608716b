"""Executes subscriptions: each change is an answer to the subscriber's own selection.

Subscribers with the same rights who ask for the same get the same bytes: the answers of a batch of
changes are made once and sent to all of them. What the read log says stays each one's own. A
selection of plain fields is answered without the executor (api/graphql/plain_changes.py).
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncGenerator, Callable, Hashable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import cached_property
from inspect import isawaitable
from typing import Any
from weakref import WeakValueDictionary

import orjson
import structlog
from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode
from graphql.execution import Executor as GraphQLExecutor
from graphql.execution import create_source_event_stream

from api.access.partner_readings import ReadingWay
from api.access.read_log import ReadLog, ReadLogEntry
from api.graphql.change_stream import RETRY
from api.graphql.context import Context
from api.graphql.executor import later, response_of
from api.graphql.limits import CheckedDocument
from api.graphql.plain_changes import plain_answer
from api.graphql.schema import core
from api.graphql.streamed_batches import StreamedBatch, StreamedChange
from api.graphql.types.changes import FollowedChanges, RecognitionChange

log = structlog.get_logger("subscriptions")

ATTEMPTS = 5  # to make an answer while the database fails
TURN = 10  # answers that are made before other requests have their turn
AT_ONCE = 100  # answers without the executor that are: they take less than a millisecond
NAMES = 16  # names of subscriptions for which the messages of a batch are held


class NotSubscribed(Exception):
    """There is no stream, or it has ended: the errors, as GraphQL shows them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as JSON text. `cursor`: `EPOCH:POSITION`, to resume after it."""

    text: bytes
    cursor: str


@dataclass(frozen=True)
class AnswerBatch:
    """Answers that are sent together. `looks`: at operators that the answers contain."""

    answers: list[Answer]
    looks: list[ReadLogEntry] = field(default_factory=list)

    @cached_property
    def _messages(self) -> dict[tuple[str, str], list[str]]:
        return {}

    def messages(self, before: str, behind: str) -> list[str]:
        """The answers as texts between two others, in order. Most clients name their subscription
        alike, so these are made once for all of them."""
        key = before, behind
        if key not in self._messages:
            if len(self._messages) >= NAMES:
                self._messages.clear()
            self._messages[key] = [
                f"{before}{answer.text.decode()}{behind}" for answer in self.answers
            ]
        return self._messages[key]

    @cached_property
    def events(self) -> bytes:
        """The answers as server-sent events, the same bytes for every subscriber."""
        return b"".join(
            [
                b"event: next\nid: %b\ndata: %b\n\n" % (answer.cursor.encode(), answer.text)
                for answer in self.answers
            ]
        )


class _SubscriptionKey:
    """Who asks for what. Hashed once, and equal ones are one object (`_KEYS`): each batch of
    changes is looked up by it for each subscriber."""

    def __init__(self, of: tuple[Hashable, ...]) -> None:
        self._of, self._hash = of, hash(of)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SubscriptionKey) and self._of == other._of


_KEYS: WeakValueDictionary[_SubscriptionKey, _SubscriptionKey] = WeakValueDictionary()


class _Looks(ReadLog):
    """Collects the looks of answers that several subscribers share."""

    def __init__(self) -> None:
        self.entries: list[ReadLogEntry] = []

    def keep(self, entry: ReadLogEntry) -> None:
        self.entries.append(entry)


async def answer_batches(
    context: Context,
    document: CheckedDocument,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any] | None,
) -> AsyncGenerator[AnswerBatch, None]:
    """The answers of a subscription, until it is closed. Raises NotSubscribed."""
    subscription = _Subscription(context, document, operation, variables or {})
    source = await subscription.source()
    async with aclosing(source.batches()) as batches:
        try:
            async for batch in batches:
                yield await subscription.answered(batch)
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
        self._plain: Callable[[RecognitionChange], bytes] | None = plain_answer(operation)
        #: Who asks for what: the subject without its id, the document and its variables.
        key = _SubscriptionKey(
            (
                replace(context.subject, id="", agent="", person=None),
                document.node.loc.source.body,
                name,
                orjson.dumps(dict(variables), option=orjson.OPT_SORT_KEYS),
            )
        )
        self._key = _KEYS.setdefault(key, key)

    async def source(self) -> FollowedChanges:
        """What is told. Raises NotSubscribed: the subject may not, or the cursor is wrong."""
        stream: Any = create_source_event_stream(self._executor)
        if isawaitable(stream):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            raise NotSubscribed(shown(list(stream.errors or ()), self._context))
        assert isinstance(stream, FollowedChanges)
        return stream

    async def answered(self, batch: StreamedBatch) -> AnswerBatch:
        """The answers for a batch, and this subscriber's entries in the read log."""
        plain = self._plain
        found: AnswerBatch
        if plain and len(batch.changes) <= AT_ONCE:
            found = batch.at_once(self._key, lambda: _plain_answers(batch, plain))
        else:
            found = await batch.once(self._key, lambda: self._answers(batch))
        if found.looks:
            context = self._context.at_this_instant()
            for look in found.looks:
                context.repeat(look)
        if batch.changes:
            last = batch.changes[-1].next
            self._context.read_log.reached(self._context.subject, ReadingWay.SUBSCRIPTION, last)
        return found

    async def _answers(self, batch: StreamedBatch) -> AnswerBatch:
        answers: list[Answer] = []
        looks = _Looks()
        for number, streamed in enumerate(batch.changes):
            if number % TURN == TURN - 1:
                await sleep(0)
            change = RecognitionChange.of(streamed)
            text = self._plain(change) if self._plain else await self._executed(change, looks)
            answers.append(Answer(text, _cursor(streamed)))
        return AnswerBatch(answers, looks.entries)

    async def _executed(self, change: RecognitionChange, looks: _Looks) -> bytes:
        """The answer for a change. Where the database fails it is tried again; at the last attempt
        the answer has the error."""
        attempt = 1
        while True:
            attempted = _Looks()
            context = replace(self._context.at_this_instant(), read_log=attempted)
            executor = self._executor.build_per_event_executor(change)
            executor.context_value = context
            result: Any = executor.execute_operation(False)
            if isawaitable(result):
                result = await result
            errors = list(result.errors or ())
            failed = next((e for e in errors if later(e.original_error)), None)
            if failed is None or attempt == ATTEMPTS:
                looks.entries += attempted.entries
                return orjson.dumps(response_of(result.data, errors, context).body)
            log.warning("an answer is made again", why=str(failed.original_error))
            attempt += 1
            await sleep(RETRY)


def _plain_answers(
    batch: StreamedBatch, plain: Callable[[RecognitionChange], bytes]
) -> AnswerBatch:
    return AnswerBatch(
        [
            Answer(plain(RecognitionChange.of(streamed)), _cursor(streamed))
            for streamed in batch.changes
        ]
    )


def _cursor(streamed: StreamedChange) -> str:
    return f"{streamed.epoch}:{streamed.next}"
