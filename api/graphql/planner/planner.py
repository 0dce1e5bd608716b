"""Answers a query by one SQL statement, or declines it.

A declined query is answered by the stock executor, which words every refusal and error, so a
planned answer never has errors. For a declined query nothing is read and nothing is written to the
read log. Fields that are always declined are listed in api.graphql.planner.unplanned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import cache, cached_property, lru_cache
from typing import Any

import msgspec
import psycopg
from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.values import get_argument_values
from prometheus_client import Counter as Metric
from strawberry import Schema
from strawberry.types.arguments import convert_arguments

from api.access.policy import Subject
from api.graphql.context import Context, Pool
from api.graphql.deadlines import left_when_cancelled
from api.graphql.limits import CheckedDocument, read
from api.graphql.pipelined_connection import cell
from api.graphql.planner.batcher import Asked, RequestBatcher, run
from api.graphql.planner.compiler import BoundField, Compiler, Plan
from api.graphql.planner.logged_lookups import LoggedLookup, logged_lookup
from api.graphql.planner.operations import (
    CompiledOperation,
    FieldArguments,
    PreparedPlan,
    with_field_name,
)
from api.graphql.planner.verdict_cache import VerdictCache
from api.graphql.positions import NotThere
from api.graphql.sql_fields import MARK, NotPlanned
from api.graphql.types.planned_reasons import FactsFromSql, read_facts
from api.observability import counters
from projections.reads.shared_laws import SharedLaws
from registry.domain.recognition import RecognitionFacts

YIELD_ABOVE = 50  # More placeholders than this are replaced in turns with other requests.
MOST_VARIANTS = 16  # Plans kept for one document: @skip and @include with variables make others.

#: What is asked for the facts of the rule: a field that Python words, and nothing else.
_FACTS = """query ($tin: TIN!, $in: AdministrationCode!) {
  recognition(tin: $tin, in: $in) { position validFrom } }"""

PLANNED = Metric("aeo_planned", "Questions answered by one statement")
DECLINED = Metric(
    "aeo_declined",
    "Questions answered by the stock executor, why and for which field",
    ["reason", "field"],
)
_declined = cache(DECLINED.labels)


class Planner:
    """The planner of one process.

    `views`: connections for plans with a statement of their own, such as look-ups of many keys.
    `batch_connections`: connections for all other plans, which are batched. `laws`: what answers
    with receipts share.
    """

    def __init__(
        self,
        schema: Schema,
        core: GraphQLSchema,
        views: Pool,
        batch_connections: Pool,
        seconds: float = 2.0,
    ) -> None:
        self._schema, self._core, self._views = schema, core, views
        self.laws = SharedLaws()
        self._batcher, self._verdicts = (
            RequestBatcher(batch_connections, seconds),
            VerdictCache(views),
        )

    async def close(self) -> None:
        """Closes the connections of the batcher."""
        await self._batcher.close()

    async def answer(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        *,
        own_statement: bool = False,
    ) -> bytes | None:
        """The JSON text of `data`, or None where the planner declines the query.

        `own_statement`: the query is not batched. Raises the errors of api.graphql.executor.LATER,
        which the stock executor could not answer either, and NotThere where the read models have
        not reached the position that the subject requires.
        """
        try:
            text = await self._answer(context, document, operation, variables, own_statement)
        except NotPlanned as declined:
            counters.count(_declined(declined.reason, declined.field))
            return None
        counters.count(PLANNED)
        return text

    async def recognition_facts(
        self, context: Context, parameters: Mapping[str, Any]
    ) -> tuple[FactsFromSql[RecognitionFacts], int]:
        """The facts of the rule for one question, read as for a planned answer, and the position
        up to which the read models show the register. `parameters`: of the question; what is asked
        is logged by the caller. Raises psycopg.Error, and NotThere as `answer` does."""
        planned = self._of_facts
        subject = _subject_parameters(context.subject)
        row = _parameter_row(planned.plan, context.now, subject, [parameters])
        asked = Asked(row, _stated(context.subject), context.now)
        plan = planned.for_tins(context, [parameters["tin"]])
        text = await self._batcher.ask(plan, asked)
        if context.least:
            state, _, text = text.partition(b" ")
            context.least.check(state.decode())
        head, facts, before, _, after = text.split(MARK.encode())
        answer = msgspec.json.decode(head + before + b"null" + after)
        return read_facts(facts, self.laws), answer["recognition"]["position"]

    @cached_property
    def _of_facts(self) -> PreparedPlan:
        """The plan that brings the facts of the rule for one question."""
        document = read(self._core, _FACTS)
        operation = document.operation(None)
        assert operation is not None
        compiled = CompiledOperation(self._core, document, operation)
        return self._plan(compiled, operation, {}, {"tin": "CN1", "in": "CN"})

    async def _answer(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        own_statement: bool,
    ) -> bytes:
        name = operation.name.value if operation.name else None
        compiled: CompiledOperation | None = document.plans.get(name)
        if compiled is None:
            compiled = document.plans[name] = CompiledOperation(self._core, document, operation)
        variable_values = compiled.variables.read(variables)
        planned = self._plan(compiled, operation, variable_values, variables)
        bound = [
            self._bind(field, context, variable_values, compiled, variables)
            for field in planned.fields
        ]
        subject = _subject_parameters(context.subject)
        try:
            row = _parameter_row(planned.plan, context.now, subject, bound)
        except ValueError as error:
            raise NotPlanned("refused", str(error)) from None
        logged = [logged_lookup(context, lookup, bound[lookup.number]) for lookup in planned.logged]
        plan = planned.for_context(context, logged)
        try:
            asked = Asked(row, _stated(context.subject), context.now)
            return await self._ask(plan, asked, context, bound, logged, own_statement)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise NotPlanned("sql", str(error)) from error

    async def _ask(
        self,
        plan: Plan,
        asked: Asked,
        context: Context,
        bound: list[Mapping[str, Any]],
        logged: list[LoggedLookup],
        own_statement: bool,
    ) -> bytes:
        declined, answer = False, b""
        try:
            if not (plan.own_statement or own_statement):
                text = await self._batcher.ask(plan, asked)
            else:
                # psycopg gives up a silent connection only after ten seconds.
                text = await left_when_cancelled(
                    self._run_alone(plan, asked, prepare=not own_statement)
                )
            if context.least:
                state, _, text = text.partition(b" ")
                context.least.check(state.decode())
            if plan.wording or plan.has_cached_verdicts:
                text = await self._replace_placeholders(text, plan, bound)
            answer = text
            return answer
        except (NotPlanned, NotThere):
            declined = True
            raise
        except psycopg.Error as error:
            declined = not isinstance(error, psycopg.OperationalError)
            raise
        finally:
            if not declined:  # A declined query is answered by the executor, which logs it then.
                for lookup in logged:
                    lookup.record(context, answer)

    async def _run_alone(self, plan: Plan, asked: Asked, *, prepare: bool) -> bytes:
        """Runs the plan for one request, on a pooled connection. Raises psycopg.Error."""
        async with self._views.connection() as connection:
            return await run(connection, plan, asked, prepare=prepare)

    async def _replace_placeholders(
        self, text: bytes, plan: Plan, bound: list[Mapping[str, Any]]
    ) -> bytes:
        """Replaces each placeholder by its text, and removes the facts, which precede the
        placeholders."""
        pieces = text.split(MARK.encode())
        texts = await self._verdicts.texts(pieces, bound) if plan.has_cached_verdicts else {}
        for number in range(1, len(pieces), 2):
            if number in texts:
                pieces[number] = texts[number]
            elif plan.wording and pieces[number].startswith(b"{"):
                word_field = plan.wording.begin(pieces[number])
                pieces[number] = b""
                if len(pieces) > YIELD_ABOVE:  # Other requests of this process run meanwhile.
                    await asyncio.sleep(0)
            else:
                pieces[number] = word_field(pieces[number])
        return b"".join(pieces)

    def _bind(
        self,
        field: FieldArguments,
        context: Context,
        variable_values: Mapping[str, Any],
        compiled: CompiledOperation,
        variables: Any,
    ) -> Mapping[str, Any]:
        """The parameters of a field. Raises NotPlanned for whatever its resolver would refuse."""
        try:
            arguments = (
                field.arguments.read(variable_values)
                if field.arguments
                else self._by_graphql_core(field.bound, compiled, variables)
            )
            return field.bound.bind(context, **arguments)
        except GraphQLError as error:
            raise with_field_name(field, NotPlanned("refused", error.message)) from error
        except NotPlanned as declined:
            raise with_field_name(field, declined) from None

    def _by_graphql_core(
        self, bound: BoundField, compiled: CompiledOperation, variables: Any
    ) -> dict[str, Any]:
        arguments = get_argument_values(
            bound.field, bound.node, compiled.variable_values(variables)
        )
        return convert_arguments(
            arguments,
            bound.field.extensions["strawberry-definition"].arguments,
            self._schema.schema_converter.scalar_registry,
            self._schema.config,
        )

    def _plan(
        self,
        compiled: CompiledOperation,
        operation: OperationDefinitionNode,
        variable_values: Mapping[str, Any],
        variables: Mapping[str, Any],
    ) -> PreparedPlan:
        """The plan for these variables; made once for a document and each combination of its @skip
        and @include variables."""
        variant = tuple(variable_values.get(switch) for switch in compiled.switches)
        planned = compiled.plans.get(variant)
        if planned is None:
            if len(compiled.plans) >= MOST_VARIANTS:
                raise NotPlanned("variants")
            try:
                plan = Compiler(
                    self._core, compiled.fragments, operation, compiled.variable_values(variables)
                ).plan()
                planned = PreparedPlan(plan)
            except NotPlanned as declined:
                planned = declined
            except GraphQLError as error:
                planned = NotPlanned("refused", error.message)
            compiled.plans[variant] = planned
        if isinstance(planned, NotPlanned):
            raise planned
        return planned


@lru_cache(maxsize=1_000)
def _subject_parameters(subject: Subject) -> dict[str, bytes]:
    """The parameters that depend only on the subject."""
    # The instant of the request is a parameter of each row instead.
    scope_parameters = subject.visibility.parameters(datetime.min)
    texts = scope_parameters | {
        "reach": ",".join(code.text for code in subject.reach),
    }
    return {name: cell(value) for name, value in texts.items()}


@lru_cache(maxsize=1_000)
def _stated(subject: Subject) -> str:
    """The subject for row-level security."""
    return subject.visibility.stated


def _parameter_row(
    plan: Plan, now: datetime, subject: Mapping[str, bytes], bound: list[Mapping[str, Any]]
) -> list[bytes]:
    """The parameters of one request. Most queries are as of now on both time axes, so the current
    instant is encoded once. Raises ValueError for a text that PostgreSQL cannot hold."""
    now_cell, null_cell = cell(now), cell(None)
    return [
        (now_cell if name == "now" else subject[name])
        if number is None
        else null_cell
        if (value := bound[number][name]) is None
        else now_cell
        if value is now
        else _parameter_cell(value)
        for number, name in plan.columns
    ]


def _parameter_cell(value: Any) -> bytes:
    """One parameter. Many keys are sent as one JSON text, since PostgreSQL would flatten an array
    of arrays."""
    return cell(msgspec.json.encode(value).decode() if isinstance(value, list) else value)
