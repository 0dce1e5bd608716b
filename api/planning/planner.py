"""Answers a question by one SQL statement, or declines it.

What is declined is answered by the stock executor, which words every refusal and error; so a
planned answer has none. Nothing is read, and no look is kept, for a question that is declined.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg
from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    VariableNode,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from prometheus_client import Counter as Metric
from strawberry import Schema
from strawberry.types.arguments import convert_arguments

from api.context import Context, Pool
from api.limits import Document
from api.planning.coalescer import Coalescer, run
from api.planning.compiler import Bound, Compiler, Declined, Plan

VARIANTS = 16  # plans of one document: @skip and @include by variables make others

PLANNED = Metric("aeo_planned", "Questions answered by one statement")
DECLINED = Metric("aeo_declined", "Questions answered by the stock executor", ["reason"])


class Planner:
    """One a process. `views`: for look-ups of many keys, each a statement of its own; `lanes`:
    for all others, which share theirs."""

    def __init__(self, schema: Schema, core: GraphQLSchema, views: Pool, lanes: Pool) -> None:
        self._schema, self._core, self._views = schema, core, views
        self._coalescer = Coalescer(lanes)

    async def answer(
        self,
        context: Context,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> str | None:
        """The JSON text of `data`; None for what is answered the long way.

        Raises what passes by itself (api.counter.LATER): then the long way is no way either.
        """
        try:
            text = await self._answer(context, document, operation, variables)
        except Declined as declined:
            DECLINED.labels(declined.reason).inc()
            return None
        PLANNED.inc()
        return text

    async def _answer(
        self,
        context: Context,
        document: Document,
        operation: OperationDefinitionNode,
        given: Mapping[str, Any],
    ) -> str:
        values = get_variable_values(self._core, operation.variable_definitions or (), dict(given))
        if isinstance(values, list):
            raise Declined("variables")
        plan = self._plan(document, operation, values)
        bound = [self._bind(it, context, values) for it in plan.bound]
        looks = [
            (it.node.name.value, found[it.looks])
            for it, found in zip(plan.bound, bound, strict=True)
            if it.looks
        ]
        own = _asker(context)
        row = [
            _parameter(own[name] if number is None else bound[number][name])
            for number, name in plan.columns
        ]
        try:
            return await self._ask(plan, row, context, looks)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise Declined("sql", str(error)) from error

    async def _ask(
        self, plan: Plan, row: list[Any], context: Context, looks: list[tuple[str, Any]]
    ) -> str:
        declined = False
        try:
            if not plan.many:
                return await self._coalescer.ask(plan, row)
            async with self._views.connection() as connection:
                [text] = await run(connection, plan, [row])
                return text
        except psycopg.Error as error:
            declined = not isinstance(error, psycopg.OperationalError)
            raise
        finally:
            if not declined:  # else the stock executor looks, and keeps it
                for name, tins in looks:
                    context.looked(name, [tins] if isinstance(tins, str) else tins)

    def _bind(self, it: Bound, context: Context, values: VariableValues) -> Mapping[str, Any]:
        """Its parameters. Raises Declined for whatever the resolver would refuse."""
        own = it.field.extensions["strawberry-definition"]
        try:
            given = get_argument_values(it.field, it.node, values)
            if any(isinstance(said, dict) for said in given.values()):
                given = convert_arguments(
                    given,
                    own.arguments,
                    self._schema.schema_converter.scalar_registry,
                    self._schema.config,
                )
            else:  # scalars are what they will be already; strawberry would look at each again
                given = {it.names[name]: said for name, said in given.items()}
            return it.bind(context, **given)
        except GraphQLError as error:
            raise Declined("refused", error.message) from error

    def _plan(
        self, document: Document, operation: OperationDefinitionNode, values: VariableValues
    ) -> Plan:
        """Made once for a document, and for each way in which variables skip and include."""
        assert document.node is not None
        name = operation.name.value if operation.name else None
        known = document.plans.get(name)
        if known is None:
            known = document.plans[name] = _Known(document)
        variant = tuple(values.coerced.get(it) for it in known.switches)
        plan = known.plans.get(variant)
        if plan is None:
            if len(known.plans) >= VARIANTS:
                raise Declined("variants")
            try:
                plan = Compiler(self._core, known.fragments, operation, values).plan()
            except Declined as declined:
                plan = declined
            except GraphQLError as error:
                plan = Declined("refused", error.message)
            known.plans[variant] = plan
        if isinstance(plan, Declined):
            raise plan
        return plan


class _Known:
    """What is known of one operation of a document."""

    def __init__(self, document: Document) -> None:
        assert document.node is not None
        self.fragments = {
            it.name.value: FragmentDetails(it)
            for it in document.node.definitions
            if isinstance(it, FragmentDefinitionNode)
        }
        #: The variables that decide what is selected.
        self.switches = sorted(_switches(document.node))
        self.plans: dict[tuple[Any, ...], Plan | Declined] = {}


def _switches(node: Node) -> set[str]:
    found: set[str] = set()
    waiting: list[Any] = [node]
    while waiting:
        it = waiting.pop()
        for directive in getattr(it, "directives", None) or ():
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    found.add(argument.value.name.value)
        waiting += getattr(it, "definitions", None) or ()
        chosen = getattr(it, "selection_set", None)
        waiting += chosen.selections if chosen else ()
    return found


def _asker(context: Context) -> dict[str, Any]:
    asker = context.asker
    return asker.sight.parameters(context.now) | {
        "own": ",".join(code.text for code in asker.own),
        "reach": ",".join(code.text for code in asker.reach),
    }


def _parameter(it: Any) -> Any:
    """Many keys travel as one text: an array of arrays would be taken for one flat array."""
    return msgspec.json.encode(it).decode() if isinstance(it, list) else it
