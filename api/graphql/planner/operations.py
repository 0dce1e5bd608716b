"""Operations of documents as the planner keeps them: compiled once, used for every request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    VariableNode,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues, get_variable_values

from api.access.policy import SubjectRole
from api.graphql.context import Context
from api.graphql.limits import CheckedDocument
from api.graphql.planner.arguments import Arguments, NotCompilable, Variables
from api.graphql.planner.compiler import BoundField, Plan
from api.graphql.planner.logged_lookups import LoggedField, LoggedLookup
from api.graphql.sql_fields import NotPlanned

#: Who sees operators without any agreement or consent, or not at all.
_AT_HOME = frozenset({SubjectRole.AUDITOR, SubjectRole.COMPANY})


class FieldArguments:
    """A field with its compiled arguments; None where graphql-core reads them for every request."""

    def __init__(self, bound: BoundField) -> None:
        self.bound = bound
        try:
            self.arguments: Arguments | None = Arguments(bound.field, bound.node)
        except NotCompilable:
            self.arguments = None


def with_field_name(field: FieldArguments, declined: NotPlanned) -> NotPlanned:
    """The same exception with the name of the field whose arguments were read."""
    declined.field = declined.field or field.bound.node.name.value
    return declined


class PreparedPlan:
    """The plan of one selection, with what each request needs of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self._at_home = plan, plan.at_home()
        self._with_state = {each: each.with_state() for each in {plan, self._at_home}}
        self.fields = [FieldArguments(bound) for bound in plan.bound]
        self.logged = [
            LoggedField(
                number,
                bound.node.name.value,
                bound.logged,
                bound.outcomes,
                bound.territory_outcomes,
            )
            for number, bound in enumerate(plan.bound)
            if bound.logged
        ]

    def for_context(self, context: Context, logged: Sequence[LoggedLookup]) -> Plan:
        """The plan for a request with these look-ups."""
        foreign = any(lookup.foreign for lookup in logged)
        return self._for_subject(context, foreign)

    def for_tins(self, context: Context, tins: Sequence[str]) -> Plan:
        """The plan for a request about these operators."""
        return self._for_subject(context, any(context.foreign(tins)))

    def _for_subject(self, context: Context, foreign: bool) -> Plan:
        role = context.subject.role
        at_home = role in _AT_HOME or (role is SubjectRole.OFFICER and not foreign)
        plan = self._at_home if at_home else self.plan
        return self._with_state[plan] if context.least else plan


class CompiledOperation:
    """One operation of a document with its compiled variables and plans."""

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
        #: Variables of @skip and @include, which decide what is selected.
        self.switches = sorted(switches(document.node))
        self.plans: dict[tuple[Any, ...], PreparedPlan | NotPlanned] = {}

    def variable_values(self, variables: Mapping[str, Any]) -> VariableValues:
        """The variables as graphql-core coerces them. Raises NotPlanned."""
        declared = self._operation.variable_definitions or ()
        variable_values = get_variable_values(self._schema, declared, dict(variables))
        if isinstance(variable_values, list):
            raise NotPlanned("variables")
        return variable_values


def switches(node: Node) -> set[str]:
    """The variables of @skip and @include in a document."""
    found: set[str] = set()
    waiting: list[Any] = [node]
    while waiting:
        value = waiting.pop()
        for directive in getattr(value, "directives", None) or ():
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    found.add(argument.value.name.value)
        waiting += getattr(value, "definitions", None) or ()
        chosen = getattr(value, "selection_set", None)
        waiting += chosen.selections if chosen else ()
    return found
