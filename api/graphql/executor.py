"""The counter: takes a GraphQL document, has it executed within its limits, and words the answer.

The same for whoever asks: a request over HTTP, a page of the house. What goes wrong inside is
logged under a number and shown as that number, never as a stack trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from graphql import ExecutionResult as OfCommand
from graphql import FieldNode, GraphQLError, OperationDefinitionNode, OperationType
from prometheus_client import Counter as Metric
from prometheus_client import Histogram
from psycopg_pool import PoolTimeout, TooManyRequests
from strawberry.types import ExecutionResult

from api.graphql import retry
from api.graphql.context import Context
from api.graphql.deadlines import RequestDeadlines, left_when_cancelled
from api.graphql.errors import Unanswered
from api.graphql.limits import CheckedDocument, Documents
from api.graphql.planner import mutations
from api.graphql.planner.planner import Planner
from api.graphql.positions import NotThere
from api.graphql.schema import core, schema
from api.observability import counters, logging
from api.observability.tracing import spanned
from registry.domain.errors import Refusal
from registry.ledger.types import Busy, Closed, OutcomeUnknown, Unreachable

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = structlog.get_logger("counter")

ANSWERED = Metric(
    "aeo_answers", "Documents answered, by kind of operation and HTTP status", ["kind", "status"]
)
SECONDS = Histogram("aeo_answer_seconds", "Time from document to answer", ["kind"])
_answered, _seconds = cache(ANSWERED.labels), cache(SECONDS.labels)

#: Try again in a moment: the words, by what was raised.
LATER: dict[type[BaseException], tuple[str, str]] = {
    Busy: ("BUSY", "Too many commands are waiting; nothing was recorded. Send it again."),
    Unreachable: ("UNAVAILABLE", "The ledger cannot be reached; nothing was recorded."),
    Closed: ("UNAVAILABLE", "The service is stopping; nothing was recorded. Send it again."),
    OutcomeUnknown: (
        "OUTCOME_UNKNOWN",
        "The ledger fell silent. Send the same command, with the same commandId, again: "
        "the answer tells what became of it.",
    ),
    PoolTimeout: ("BUSY", "Too many questions are waiting. Ask again."),
    TooManyRequests: ("BUSY", "Too many questions are waiting. Ask again."),
    psycopg.errors.QueryCanceled: (
        "DEADLINE",
        "The question takes too long to answer. Ask for less of it.",
    ),
    TimeoutError: ("UNAVAILABLE", "The database does not answer. Ask again."),
    psycopg.OperationalError: ("UNAVAILABLE", "The database cannot be reached. Ask again."),
}


@dataclass(slots=True)
class GraphQLResponse:
    """What to send: the body as GraphQL has it, and the status that HTTP has for it.

    `read`: the document was good, and executed. Without it the errors are the asker's own.
    `text`: the body as JSON, where the database wrote it; `body` is then empty. `refused`: it was
    the asker's own doing that there is no whole answer. `expected`: an error that a protocol has
    its clients meet, which is no refusal.
    """

    body: dict[str, Any]
    status: int = 200
    read: bool = True
    text: bytes | None = None
    expected: bool = False

    @property
    def refused(self) -> bool:
        wrong = not self.read or (self.status < 500 and "errors" in self.body)
        return wrong and not self.expected


class Executor:
    """One a process. `deadline`: seconds that a question may take; a command has the ledger's.

    `planner`: for the questions that one statement can answer; without it none is. `tracer`: makes
    spans (api/observability/tracing.py); without it nothing is traced.
    """

    def __init__(
        self, deadline: float, planner: Planner | None = None, tracer: Tracer | None = None
    ) -> None:
        self._tracer = tracer
        self.documents = Documents(core)
        self._deadline, self._planner, self._patience = deadline, planner, RequestDeadlines()

    async def answer(
        self,
        context: Context,
        text: str,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
    ) -> GraphQLResponse:
        """Never raises, but when it is cancelled."""
        document = self.documents.get(text)
        operation = document.operation(operation_name)
        if document.errors or operation is None:
            return unanswerable(document, operation_name)
        return await self.execute(context, document, operation, variables)

    def _may_take(self, operation: OperationDefinitionNode) -> float | None:
        """Seconds. A command has the ledger's own time limits, and this one beyond them."""
        if operation.operation is not OperationType.QUERY:
            return COMMAND_PATIENCE
        feed = all(
            isinstance(selection, FieldNode) and selection.name.value in FEED
            for selection in operation.selection_set.selections
        )
        return FEED_PATIENCE if feed else self._deadline

    async def execute(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None = None,
        *,
        as_text: bool = False,
        counted: bool = True,
        price: int | None = None,
        apart: bool = False,
    ) -> GraphQLResponse:
        """A document that was found good. Never raises, but when it is cancelled, and NotThere
        where the context says what the answer must not be older than: then it is not counted.

        `as_text`: the body may be JSON text, as the database wrote it. `counted`: it is in the
        metrics and in the log; a question of the service's own to itself is in neither. `price`:
        its cost, where it is known. `apart`: its statement is not shared with others' questions,
        for a statement that the database has never seen keeps it longer.
        """
        variables = document.examined(operation, variables or {})
        too_costly = document.too_costly(operation, variables, price)
        if too_costly:  # before either way of answering: the longer one would not be shorter
            return _request_error([too_costly])
        began, kind = perf_counter(), operation.operation.value
        name = operation.name.value if operation.name else None
        task = self._patience.begin(self._may_take(operation))
        try:
            try:
                answer = await self._said(
                    context, document, operation, variables, as_text, apart=apart
                )
            except psycopg.OperationalError as error:
                if not (operation.operation is OperationType.QUERY and retry.was_dead(error)):
                    raise
                log.info("asked once more", request=str(context.request), why=str(error))
                await retry.renewed(context.views, context.ledger)
                answer = await self._said(
                    context.afresh(), document, operation, variables, as_text, last=True
                )
        except asyncio.CancelledError:
            if not self._patience.was_late(task):
                raise
            answer = _not_now(_too_late(operation))
        except TimeoutError:
            answer = _not_now(_too_late(operation))
        except (psycopg.OperationalError, PoolTimeout, TooManyRequests) as error:
            log.warning("not now", request=str(context.request), why=str(error))
            answer = _not_now(error)
        finally:
            self._patience.end(task)
        if not counted:
            return answer
        took = perf_counter() - began
        counters.count(_answered(kind, answer.status))
        counters.observe(_seconds(kind), took)
        said = {
            "subject": context.asker.subject,
            "kind": kind,
            "operation": name,
            "errors": len(answer.body.get("errors", ())),
        }
        if context.answered is not None:
            context.answered.update(said)
        else:
            line = {"request": context.request, "status": answer.status}
            logging.gather("answered", line | {"ms": round(took * 1000, 1)} | said)
        return answer

    async def _executed(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> ExecutionResult | OfCommand:
        """Not planned: a command, or a question that the resolvers answer."""
        if operation.operation is OperationType.MUTATION:
            prompt = await mutations.answer(core, context, document, operation, variables)
            if prompt:
                return prompt
        return await _by_resolvers(context, document, operation, variables)

    async def _said(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        as_text: bool,
        *,
        last: bool = False,
        apart: bool = False,
    ) -> GraphQLResponse:
        """The answer, planned or executed. Of a question that is not asked for the `last` time, a
        dead connection is raised and not worded."""
        is_query = operation.operation is OperationType.QUERY
        if as_text and self._planner and is_query:
            asked = self._planner.answer(
                context, document, operation, variables, own_statement=apart
            )
            planned = await (spanned(self._tracer, "statement", asked) if self._tracer else asked)
            if planned is not None:
                return GraphQLResponse({}, text=b'{"data":' + planned + b"}")
        work = self._executed(context, document, operation, variables)
        kind = "question" if is_query else "command"
        result = await (spanned(self._tracer, kind, work) if self._tracer else work)
        errors = result.errors or []
        dead = next((e.original_error for e in errors if retry.was_dead(e.original_error)), None)
        if dead is not None and is_query and not last:
            raise dead
        for error in errors:  # a part of it was read elsewhere: it is no answer at all
            if isinstance(error.original_error, NotThere):
                raise error.original_error
        return _worded(result.data, errors, context)


async def _by_resolvers(
    context: Context,
    document: CheckedDocument,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> ExecutionResult:
    work = schema.execute(
        None,
        variable_values=dict(variables),
        context_value=context,
        operation_name=operation.name.value if operation.name else None,
        operation_extensions={"document": document},
    )
    return await left_when_cancelled(work)


def _too_late(operation: OperationDefinitionNode) -> Exception:
    """Of a command nobody knows then what became of it: its sender learns that by its id."""
    if operation.operation is OperationType.QUERY:
        return psycopg.errors.QueryCanceled()
    return OutcomeUnknown("it took too long")


#: The delta feed never splits what one event changed, and one event can change thousands of
#: operators: a partner that follows it waits longer rather than never getting past it.
FEED, FEED_PATIENCE = {"changes", "__typename"}, 60.0
#: Seconds after which the sender of a command is told that its outcome is not known. The ledger
#: gives up before, but where it does not answer at one place after another.
COMMAND_PATIENCE = 45.0


def unanswerable(document: CheckedDocument, operation_name: str | None) -> GraphQLResponse:
    """Why no operation of this document is executed."""
    errors = list(document.errors)
    if not errors and operation_name is None:
        errors = [GraphQLError("There are several operations; operationName says which is meant.")]
    elif not errors:
        errors = [GraphQLError(f"operationName: there is no operation {operation_name!r}.")]
    return _request_error(errors)


def _request_error(errors: list[GraphQLError]) -> GraphQLResponse:
    ANSWERED.labels("none", 400).inc()
    return GraphQLResponse({"errors": [_shown(error) for error in errors]}, 400, read=False)


def _worded(
    data: dict[str, Any] | None, errors: list[GraphQLError], context: Context
) -> GraphQLResponse:
    if data is None and errors and not any(error.path for error in errors):
        return _request_error(errors)  # the variables are not what the operation wants
    status = 200
    shown = []
    for error in errors:
        passing = later(error.original_error)
        if passing:
            status = 503
            code, sentence = passing
            log.warning("not now", request=str(context.request), why=str(error.original_error))
            shown.append(_error(sentence, code, error))
        elif isinstance(error.original_error, Refusal):
            refusal = error.original_error
            shown.append(_error(str(refusal), refusal.code, error))
        elif error.original_error is None or isinstance(error.original_error, GraphQLError):
            shown.append(_shown(error))
        else:
            shown.append(_fault(error, context))
    return GraphQLResponse({"data": data} | ({"errors": shown} if shown else {}), status)


def _not_now(error: BaseException) -> GraphQLResponse:
    code, sentence = later(error) or ("UNAVAILABLE", "Ask again.")
    return GraphQLResponse({"errors": [_error(sentence, code)]}, 503)


def later(error: BaseException | None) -> tuple[str, str] | None:
    """The code and the sentence for what will pass by itself; None for anything else."""
    return next((words for kind, words in LATER.items() if isinstance(error, kind)), None)


def _fault(error: GraphQLError, context: Context) -> dict[str, Any]:
    log.error("fault", request=str(context.request), path=error.path, exc_info=error.original_error)
    sentence = f"Something went wrong here. It is in the service's log as {context.request}."
    return _error(sentence, "INTERNAL", error)


def _shown(error: GraphQLError) -> dict[str, Any]:
    worded = dict(error.formatted)
    own = error.original_error
    code = own.extensions["code"] if isinstance(own, Unanswered) and own.extensions else "BAD_INPUT"
    worded["extensions"] = {"code": code} | dict(error.extensions or {})
    return worded


def _error(sentence: str, code: str, error: GraphQLError | None = None) -> dict[str, Any]:
    where = dict(error.formatted) if error else {}
    return where | {"message": sentence, "extensions": {"code": code}}
