"""Executes GraphQL documents within their limits and builds the response.

HTTP requests and the service's own pages use the same executor. An internal error is logged under a
number and shown as that number, never as a stack trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from graphql import ExecutionResult as CommandResult
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
from api.graphql.planner import mutations, receipt_answers
from api.graphql.planner.planner import Planner
from api.graphql.positions import NotThere
from api.graphql.schema import core, schema
from api.graphql.variable_faults import for_people
from api.observability import counters, logging
from api.observability.tracing import spanned
from registry.domain.errors import Refusal
from registry.domain.sentences import Sentence
from registry.ledger.types import Busy, Closed, OutcomeUnknown, Unreachable

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = structlog.get_logger("executor")

ANSWERED = Metric(
    "aeo_answers", "Documents answered, by kind of operation and HTTP status", ["kind", "status"]
)
SECONDS = Histogram("aeo_answer_seconds", "Time from document to answer", ["kind"])
_answered, _seconds = cache(ANSWERED.labels), cache(SECONDS.labels)

#: Temporary failures: the error code and message, by exception class.
LATER: dict[type[BaseException], tuple[str, str]] = {
    Busy: ("BUSY", Sentence("Too many commands are waiting; nothing was recorded. Send it again.")),
    Unreachable: ("UNAVAILABLE", Sentence("The ledger cannot be reached; nothing was recorded.")),
    Closed: (
        "UNAVAILABLE",
        Sentence("The service is stopping; nothing was recorded. Send it again."),
    ),
    OutcomeUnknown: (
        "OUTCOME_UNKNOWN",
        Sentence(
            "The ledger fell silent. Send the same command, with the same commandId, again: "
            "the answer tells what became of it."
        ),
    ),
    PoolTimeout: ("BUSY", Sentence("Too many questions are waiting. Ask again.")),
    TooManyRequests: ("BUSY", Sentence("Too many questions are waiting. Ask again.")),
    psycopg.errors.QueryCanceled: (
        "DEADLINE",
        Sentence("The question takes too long to answer. Ask for less of it."),
    ),
    TimeoutError: ("UNAVAILABLE", Sentence("The database does not answer. Ask again.")),
    psycopg.OperationalError: (
        "UNAVAILABLE",
        Sentence("The database cannot be reached. Ask again."),
    ),
}


@dataclass(slots=True)
class GraphQLResponse:
    """The response to send: the body as GraphQL defines it, and the HTTP status.

    `read`: the document was valid and executed; otherwise the errors are the client's. `text`: the
    body as JSON text where the database wrote it; `body` is then empty. `expected`: an error that
    is part of a protocol between client and service, and counts as no refusal.
    """

    body: dict[str, Any]
    status: int = 200
    read: bool = True
    text: bytes | None = None
    expected: bool = False

    @property
    def refused(self) -> bool:
        """True where the client's own request is the reason that the answer is not complete."""
        wrong = not self.read or (self.status < 500 and "errors" in self.body)
        return wrong and not self.expected


class Executor:
    """The executor of one process.

    `deadline`: seconds that a query may take; a command has the ledger's time limits. `planner`:
    answers queries by one SQL statement; without it every query is executed by the resolvers.
    `tracer`: makes spans (api/observability/tracing.py); without it nothing is traced.
    """

    def __init__(
        self, deadline: float, planner: Planner | None = None, tracer: Tracer | None = None
    ) -> None:
        self._tracer = tracer
        self.documents = Documents(core)
        self._deadline, self._planner, self._deadlines = deadline, planner, RequestDeadlines()

    async def answer(
        self,
        context: Context,
        text: str,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
    ) -> GraphQLResponse:
        """Executes a document given as text. Raises nothing, except when cancelled."""
        document = self.documents.get(text)
        operation = document.operation(operation_name)
        if document.errors or operation is None:
            return unanswerable(document, operation_name)
        return await self.execute(context, document, operation, variables)

    def _may_take(self, operation: OperationDefinitionNode) -> float | None:
        """The deadline in seconds. A command has the ledger's own time limits, and this one beyond
        them."""
        if operation.operation is not OperationType.QUERY:
            return COMMAND_SECONDS
        feed = all(
            isinstance(selection, FieldNode) and selection.name.value in FEED_FIELDS
            for selection in operation.selection_set.selections
        )
        return FEED_SECONDS if feed else self._deadline

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
        own_statement: bool = False,
    ) -> GraphQLResponse:
        """Executes a validated document.

        `as_text`: the body may be JSON text that the database wrote. `counted`: metrics and log
        include it; the service's own queries are in neither. `price`: its cost, where known.
        `own_statement`: the statement is not batched with other requests, because the database
        needs longer for one that it has never seen. Raises nothing, except when cancelled, and
        NotThere where the context requires a minimum position; such an attempt is not counted.
        """
        variables = document.examined(operation, variables or {})
        too_costly = document.too_costly(operation, variables, price)
        if too_costly:  # Checked before planning: the executor would take longer still.
            return _request_error([too_costly])
        if operation.operation is OperationType.SUBSCRIPTION:
            return _request_error([GraphQLError(NO_STREAM, operation)])
        began, kind = perf_counter(), operation.operation.value
        name = operation.name.value if operation.name else None
        task = self._deadlines.begin(self._may_take(operation))
        try:
            try:
                answer = await self._answer_once(
                    context, document, operation, variables, as_text, own_statement=own_statement
                )
            except psycopg.OperationalError as error:
                if not (operation.operation is OperationType.QUERY and retry.was_dead(error)):
                    raise
                log.info("asked once more", request=str(context.request), why=str(error))
                await retry.replace_dead_connections(context.views, context.ledger)
                answer = await self._answer_once(
                    context.afresh(), document, operation, variables, as_text, last=True
                )
        except asyncio.CancelledError:
            if not self._deadlines.was_late(task):
                raise
            answer = _not_now(_too_late(operation))
        except TimeoutError:
            answer = _not_now(_too_late(operation))
        except (psycopg.OperationalError, PoolTimeout, TooManyRequests) as error:
            log.warning("not now", request=str(context.request), why=str(error))
            answer = _not_now(error)
        finally:
            self._deadlines.end(task)
        if not counted:
            return answer
        seconds_taken = perf_counter() - began
        counters.count(_answered(kind, answer.status))
        counters.observe(_seconds(kind), seconds_taken)
        fields = {
            "subject": context.subject.id,
            "kind": kind,
            "operation": name,
            "errors": len(answer.body.get("errors", ())),
        }
        if context.answered is not None:
            context.answered.update(fields)
        else:
            log_line = {"request": context.request, "status": answer.status}
            logging.gather("answered", log_line | {"ms": round(seconds_taken * 1000, 1)} | fields)
        return answer

    async def _executed(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> ExecutionResult | CommandResult:
        """Executes what is not planned: a command, or a query through the resolvers."""
        if operation.operation is OperationType.MUTATION:
            fast_answer = await mutations.answer(core, context, document, operation, variables)
            if fast_answer:
                return fast_answer
        return await _by_resolvers(context, document, operation, variables)

    async def _planned(
        self,
        planner: Planner,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        *,
        own_statement: bool,
    ) -> GraphQLResponse | None:
        """The answer by one statement, or with receipts; None where the resolvers must answer."""
        with_receipts = partial(
            receipt_answers.answer, planner, core, context, document, operation, variables
        )
        found: bytes | CommandResult | None = None
        known = receipt_answers.is_question(document, operation)
        if known:
            found = await with_receipts()
        if found is None:
            asked = planner.answer(
                context, document, operation, variables, own_statement=own_statement
            )
            found = await (spanned(self._tracer, "statement", asked) if self._tracer else asked)
        if found is None and not known:
            found = await with_receipts()
        if isinstance(found, CommandResult):
            return response_of(found.data, found.errors or [], context)
        return None if found is None else GraphQLResponse({}, text=b'{"data":' + found + b"}")

    async def _answer_once(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        as_text: bool,
        *,
        last: bool = False,
        own_statement: bool = False,
    ) -> GraphQLResponse:
        """One attempt at an answer, planned or executed. Unless it is the `last` one, a query that
        meets a dead connection raises the error."""
        is_query = operation.operation is OperationType.QUERY
        if as_text and self._planner and is_query:
            answered = await self._planned(
                self._planner, context, document, operation, variables, own_statement=own_statement
            )
            if answered is not None:
                return answered
        work = self._executed(context, document, operation, variables)
        kind = "question" if is_query else "command"
        result = await (spanned(self._tracer, kind, work) if self._tracer else work)
        errors = result.errors or []
        dead = next((e.original_error for e in errors if retry.was_dead(e.original_error)), None)
        if dead is not None and is_query and not last:
            raise dead
        # Part of the answer was read from another database, so there is no answer.
        for error in errors:
            if isinstance(error.original_error, NotThere):
                raise error.original_error
        return response_of(result.data, errors, context)


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
    """The error for a missed deadline. For a command the outcome is unknown; its sender learns it
    by its command id (idempotency key)."""
    if operation.operation is OperationType.QUERY:
        return psycopg.errors.QueryCanceled()
    return OutcomeUnknown("it took too long")


#: The change feed never splits the changes of one event, and one event can change thousands of
#: operators: a partner that follows the feed waits longer rather than never passing that event.
FEED_FIELDS, FEED_SECONDS = {"changes", "__typename"}, 60.0
#: Seconds after which the sender of a command is told that its outcome is unknown. The ledger gives
#: up earlier, unless several of its parts do not answer one after another.
COMMAND_SECONDS = 45.0


#: The message where a subscription is sent as if it had one answer.
NO_STREAM = (
    "A subscription has many answers: send it with the header Accept: text/event-stream, or over "
    "WebSocket with the protocol graphql-transport-ws."
)


def unanswerable(document: CheckedDocument, operation_name: str | None) -> GraphQLResponse:
    """The response that says why no operation of this document is executed."""
    errors = list(document.errors)
    if not errors and operation_name is None:
        errors = [GraphQLError("There are several operations; operationName says which is meant.")]
    elif not errors:
        errors = [GraphQLError(f"operationName: there is no operation {operation_name!r}.")]
    return _request_error(errors)


def _request_error(errors: list[GraphQLError]) -> GraphQLResponse:
    ANSWERED.labels("none", 400).inc()
    return GraphQLResponse({"errors": [_shown(error) for error in errors]}, 400, read=False)


def response_of(
    data: dict[str, Any] | None, errors: list[GraphQLError], context: Context
) -> GraphQLResponse:
    """The response of an executed operation: its data, and its errors as they are shown."""
    if data is None and errors and not any(error.path for error in errors):
        return _request_error(errors)  # The variables do not match the operation.
    status = 200
    shown = []
    for error in errors:
        temporary = later(error.original_error)
        if temporary:
            status = 503
            code, sentence = temporary
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
    """The code and message of a temporary failure; None for any other error."""
    return next((words for kind, words in LATER.items() if isinstance(error, kind)), None)


def _fault(error: GraphQLError, context: Context) -> dict[str, Any]:
    log.error("fault", request=str(context.request), path=error.path, exc_info=error.original_error)
    sentence = Sentence(
        "Something went wrong here. It is in the service's log as %(id)s.", id=context.request
    )
    return _error(sentence, "INTERNAL", error)


def _shown(error: GraphQLError) -> dict[str, Any]:
    worded = dict(error.formatted) | {"message": for_people(error)}
    own = error.original_error
    code = own.extensions["code"] if isinstance(own, Unanswered) and own.extensions else "BAD_INPUT"
    worded["extensions"] = {"code": code} | dict(error.extensions or {})
    return worded


def _error(sentence: str, code: str, error: GraphQLError | None = None) -> dict[str, Any]:
    where = dict(error.formatted) if error else {}
    return where | {"message": sentence, "extensions": {"code": code}}
