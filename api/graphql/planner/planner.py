"""Answers a question by one SQL statement, or declines it.

What is declined is answered by the stock executor, which words every refusal and error; so a
planned answer has none. Nothing is read, and no look is kept, for a question that is declined.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

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

from api.access.policy import Subject
from api.access.read_log import LoggedQuestion, consignment
from api.graphql.context import Context, Pool
from api.graphql.deadlines import left_when_cancelled
from api.graphql.limits import CheckedDocument
from api.graphql.planner.answers import Answers, Elsewhere
from api.graphql.planner.arguments import Arguments, Odd, Variables
from api.graphql.planner.batcher import Coalescer, cell, run
from api.graphql.planner.compiler import Bound, Compiler, Plan
from api.graphql.planner.verdict_cache import VerdictCache
from api.graphql.positions import NotThere
from api.graphql.sql_fields import MARK, NotPlanned
from api.observability import counters

LONG = 50  # marks in an answer, beyond which its wording is done in turns with others
VARIANTS = 16  # plans of one document: @skip and @include by variables make others

PLANNED = Metric("aeo_planned", "Questions answered by one statement")
DECLINED = Metric(
    "aeo_declined",
    "Questions answered by the stock executor, why and for which field",
    ["reason", "field"],
)
_declined = cache(DECLINED.labels)


class Planner:
    """One a process. `views`: for look-ups of many keys, each a statement of its own; `lanes`:
    for all others, which share theirs."""

    def __init__(
        self, schema: Schema, core: GraphQLSchema, views: Pool, lanes: Pool, seconds: float = 2.0
    ) -> None:
        self._schema, self._core, self._views = schema, core, views
        self._coalescer, self._verdicts = Coalescer(lanes, seconds), VerdictCache(views)

    async def close(self) -> None:
        await self._coalescer.close()

    async def answer(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        *,
        apart: bool = False,
    ) -> bytes | None:
        """The JSON text of `data`; None for what is answered the long way. `apart`: by a statement
        of its own.

        Raises what passes by itself (api.graphql.executor.LATER): then the long way is no way
        either; and NotThere, where the asker says what the answer must not be older than.
        """
        try:
            text = await self._answer(context, document, operation, variables, apart)
        except NotPlanned as declined:
            counters.count(_declined(declined.reason, declined.field))
            return None
        counters.count(PLANNED)
        return text

    async def _answer(
        self,
        context: Context,
        document: CheckedDocument,
        operation: OperationDefinitionNode,
        given: Mapping[str, Any],
        apart: bool,
    ) -> bytes:
        name = operation.name.value if operation.name else None
        known: _Known | None = document.plans.get(name)
        if known is None:
            known = document.plans[name] = _Known(self._core, document, operation)
        values = known.variables.read(given)
        planned = self._plan(known, operation, values, given)
        bound = [self._bind(field, context, values, known, given) for field in planned.fields]
        own = _own(context.asker)
        try:
            row = _row(planned.plan, context.now, own, bound)
        except ValueError as error:
            raise NotPlanned("refused", str(error)) from None
        looks = [_look(look, bound[look.number]) for look in planned.looks]
        plan = planned.with_state if context.least else planned.plan
        try:
            return await self._ask(plan, row, context, bound, looks, apart)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise NotPlanned("sql", str(error)) from error

    async def _ask(
        self,
        plan: Plan,
        row: list[bytes],
        context: Context,
        bound: list[Mapping[str, Any]],
        looks: list[_Looked],
        apart: bool,
    ) -> bytes:
        declined, answer = False, b""
        try:
            if not (plan.many or apart):
                text = await self._coalescer.ask(plan, row)
            else:
                # psycopg gives up a silent connection only after ten seconds.
                text = await left_when_cancelled(self._run_alone(plan, row, prepare=not apart))
            if context.least:
                state, _, text = text.partition(b" ")
                context.least.check(state.decode())
            if plan.telling or plan.kept:
                text = await self._worded(text, plan, bound)
            answer = text
            return answer
        except (NotPlanned, NotThere):
            declined = True
            raise
        except psycopg.Error as error:
            declined = not isinstance(error, psycopg.OperationalError)
            raise
        finally:
            if not declined:  # else it is answered otherwise, or again, and kept then
                for look in looks:
                    look.keep(context, answer)

    async def _run_alone(self, plan: Plan, row: list[bytes], *, prepare: bool) -> bytes:
        """Runs the plan for one request, on a pooled connection. Raises psycopg.Error."""
        async with self._views.connection() as connection:
            return await run(connection, plan, row, prepare=prepare)

    async def _worded(self, text: bytes, plan: Plan, bound: list[Mapping[str, Any]]) -> bytes:
        """What the marks stand for in their places; the facts, which come first, are left out."""
        pieces = text.split(MARK.encode())
        told = await self._verdicts.told(pieces, bound) if plan.kept else {}
        for number in range(1, len(pieces), 2):
            if number in told:
                pieces[number] = told[number]
            elif plan.telling and pieces[number].startswith(b"{"):
                word = plan.telling.begin(pieces[number])
                pieces[number] = b""
                if len(pieces) > LONG:  # others want to be answered, too
                    await asyncio.sleep(0)
            else:
                pieces[number] = word(pieces[number])
        return b"".join(pieces)

    def _bind(
        self, field: _Field, context: Context, values: Mapping[str, Any], known: _Known, given: Any
    ) -> Mapping[str, Any]:
        """Its parameters. Raises Declined for whatever the resolver would refuse."""
        try:
            said = (
                field.arguments.read(values)
                if field.arguments
                else self._odd(field.bound, known, given)
            )
            return field.bound.bind(context, **said)
        except GraphQLError as error:
            raise _for(field, NotPlanned("refused", error.message)) from error
        except NotPlanned as declined:
            raise _for(field, declined) from None

    def _odd(self, bound: Bound, known: _Known, given: Any) -> dict[str, Any]:
        said = get_argument_values(bound.field, bound.node, known.values(given))
        return convert_arguments(
            said,
            bound.field.extensions["strawberry-definition"].arguments,
            self._schema.schema_converter.scalar_registry,
            self._schema.config,
        )

    def _plan(
        self,
        known: _Known,
        operation: OperationDefinitionNode,
        values: Mapping[str, Any],
        given: Mapping[str, Any],
    ) -> _Planned:
        """Made once for a document, and for each way in which variables skip and include."""
        variant = tuple(values.get(switch) for switch in known.switches)
        planned = known.plans.get(variant)
        if planned is None:
            if len(known.plans) >= VARIANTS:
                raise NotPlanned("variants")
            try:
                plan = Compiler(self._core, known.fragments, operation, known.values(given)).plan()
                planned = _Planned(plan)
            except NotPlanned as declined:
                planned = declined
            except GraphQLError as error:
                planned = NotPlanned("refused", error.message)
            known.plans[variant] = planned
        if isinstance(planned, NotPlanned):
            raise planned
        return planned


class _Field:
    """A field with its arguments read as far as a document says them; None: graphql-core does."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        try:
            self.arguments: Arguments | None = Arguments(bound.field, bound.node)
        except Odd:
            self.arguments = None


def _for(field: _Field, declined: NotPlanned) -> NotPlanned:
    """The same, with the name of the field whose arguments were read."""
    declined.field = declined.field or field.bound.node.name.value
    return declined


class _Planned:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.with_state = plan.with_state()
        self.fields = [_Field(bound) for bound in plan.bound]
        self.looks = [
            _Looks(number, bound.node.name.value, bound.looks, bound.answers, bound.elsewhere)
            for number, bound in enumerate(plan.bound)
            if bound.looks
        ]


class _Looks(NamedTuple):
    """For the read log: of which Bound, the field, and the parameter with the TINs."""

    number: int
    name: str
    of: str
    answers: Answers | None
    elsewhere: Elsewhere | None


class _Looked(NamedTuple):
    """The same of one request."""

    of: _Looks
    tins: list[str]
    bound: Mapping[str, Any]

    def keep(self, context: Context, answer: bytes) -> None:
        """`answer`: its JSON text; empty where there was none."""
        if not any(context.foreign(self.tins)):
            return  # an answer is only taken apart where somebody's look is kept
        answers, elsewhere = self.of.answers, self.of.elsewhere
        asked = self.bound.get("look") or (self._asked(self.bound["in"]) if answers else None)
        outcomes = answers.read(answer) if answers and answer else None
        context.looked(self.of.name, self.tins, asked, outcomes)
        told = elsewhere.read(answer, self.tins) if elsewhere and answer else {}
        for territory, by_tin in told.items():
            context.looked(
                "recognisedIn", list(by_tin), self._asked(territory), list(by_tin.values())
            )

    def _asked(self, territory: str) -> LoggedQuestion:
        bound = self.bound
        return LoggedQuestion(territory, bound["at"], bound["known"], consignment(bound))


def _look(looks: _Looks, bound: Mapping[str, Any]) -> _Looked:
    tins = bound[looks.of]
    return _Looked(looks, [tins] if isinstance(tins, str) else tins, bound)


class _Known:
    """What is known of one operation of a document."""

    def __init__(
        self, schema: GraphQLSchema, document: CheckedDocument, operation: OperationDefinitionNode
    ) -> None:
        assert document.node is not None
        self._schema, self._operation = schema, operation
        self.variables = Variables(schema, operation)
        self.fragments = {
            definition.name.value: FragmentDetails(definition)
            for definition in document.node.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        #: The variables that decide what is selected.
        self.switches = sorted(_switches(document.node))
        self.plans: dict[tuple[Any, ...], _Planned | NotPlanned] = {}

    def values(self, given: Mapping[str, Any]) -> VariableValues:
        """As graphql-core has them. Raises Declined."""
        declared = self._operation.variable_definitions or ()
        values = get_variable_values(self._schema, declared, dict(given))
        if isinstance(values, list):
            raise NotPlanned("variables")
        return values


def _switches(node: Node) -> set[str]:
    found: set[str] = set()
    waiting: list[Any] = [node]
    while waiting:
        item = waiting.pop()
        for directive in getattr(item, "directives", None) or ():
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    found.add(argument.value.name.value)
        waiting += getattr(item, "definitions", None) or ()
        chosen = getattr(item, "selection_set", None)
        waiting += chosen.selections if chosen else ()
    return found


@lru_cache(maxsize=1_000)
def _own(asker: Subject) -> dict[str, bytes]:
    """The parameters that are the asker's, whatever is asked."""
    sight = asker.sight.parameters(datetime.min)  # the instant is each question's own
    told = sight | {
        "reach": ",".join(code.text for code in asker.reach),
    }
    return {name: cell(item) for name, item in told.items()}


def _row(
    plan: Plan, now: datetime, own: Mapping[str, bytes], bound: list[Mapping[str, Any]]
) -> list[bytes]:
    """Its parameters. Most questions are of now, on both clocks, so that is worded once. Raises
    ValueError for what is no text."""
    worded, nothing = cell(now), cell(None)
    return [
        (worded if name == "now" else own[name])
        if number is None
        else nothing
        if (value := bound[number][name]) is None
        else worded
        if value is now
        else _cell(value)
        for number, name in plan.columns
    ]


def _cell(item: Any) -> bytes:
    """Many keys travel as one text: an array of arrays would be taken for one flat array."""
    return cell(msgspec.json.encode(item).decode() if isinstance(item, list) else item)
