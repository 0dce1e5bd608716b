"""Compiles a validated GraphQL selection into one SQL statement that returns the answer as JSON
text.

The statement is a function over a table of parameter rows, so that many requests of one plan share
it, with different operators, subjects and as-of instants. graphql-core decides what the selection
means (fragments, merging of fields, @skip and @include). A NULL where the schema allows none makes
the object around it NULL, and there `rule.no_null` raises an error; the stock executor then
answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from strawberry.types.field import StrawberryField

from api.graphql.planner.answers import OutcomeReader, TerritoryOutcomeReader
from api.graphql.planner.json_sql import array, element_type, leaf, literal
from api.graphql.positions import STATE
from api.graphql.sql_fields import (
    SELECTED,
    TYPES,
    Bind,
    NotPlanned,
    PythonWording,
    Rows,
    Value,
    WordedField,
    place,
)
from projections.reads.planner_selects import MARK
from projections.reads.row_security import in_statement
from projections.reads.visibility import reading_all, reading_at_home, with_both

SUBJECT_PARAMETERS = ("subject_role", "own_territory", "own_tin", "own", "reach", "now")
_PARAMETER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class BoundField:
    """A field whose arguments become parameters of the statement.

    `logged` names the parameter with the TINs for the read log; empty where nothing is logged.
    `outcomes` and `territory_outcomes` read the outcomes of recognition from the answer.
    """

    bind: Bind
    field: GraphQLField
    node: FieldNode
    logged: str
    names: Mapping[str, str]  # Python names of the arguments, by GraphQL name.
    outcomes: OutcomeReader | None = None
    territory_outcomes: TerritoryOutcomeReader | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """The compiled statement of one document.

    `columns` says what each column of the parameter table is: the number of its BoundField, or None
    for a parameter of the subject, and its name. The parameter after them states for whom the
    statement reads (projections/reads/row_security.py). `own_statement`: the plan is not batched.
    `wording` builds the texts that replace placeholders; `has_cached_verdicts`: the text has
    placeholders for cached verdicts (api.graphql.planner.verdict_cache). `sql_at_home`: the
    statement for a subject that needs no agreement or consent to see the operators whose TINs are
    its arguments; None where there is no other.
    """

    sql: str
    bound: tuple[BoundField, ...]
    columns: tuple[tuple[int | None, str], ...]
    own_statement: bool
    wording: PythonWording | None
    has_cached_verdicts: bool
    sql_at_home: str | None = None

    def at_home(self) -> Plan:
        """The same plan for a subject that needs no agreement or consent."""
        return replace(self, sql=self.sql_at_home) if self.sql_at_home else self

    def with_state(self) -> Plan:
        """The same plan; before each text stands the state of the database that it sees."""
        return replace(self, sql=f"select {STATE} || ' ' || {self.sql.removeprefix('select ')}")


@dataclass
class _Scope:
    """The parameters that a place in the selection can name: each by the number of its BoundField,
    by None for the subject, or by an SQL expression where a row above gives it."""

    names: Mapping[str, int | str | None]
    me: str = ""
    key: str = ""
    wording: PythonWording | None = None


@dataclass
class Compiler:
    """Compiles one Plan. Raises NotPlanned for a selection that it does not cover."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDetails]
    operation: OperationDefinitionNode
    variables: VariableValues
    _bound: list[BoundField] = field(default_factory=list)
    _columns: dict[tuple[int | None, str], int] = field(default_factory=dict)
    _row_count: int = 0
    _own_statement: bool = False
    _wording: PythonWording | None = None
    _has_cached_verdicts: bool = False

    def plan(self) -> Plan:
        """Returns the plan of the operation. Raises NotPlanned where a selection has no place in
        the planner."""
        root = self.schema.query_type
        assert root is not None
        collected = collect_fields(
            self.schema, self.fragments, self.variables, root, self.operation
        )
        if collected.new_defer_usages:
            raise NotPlanned("uncovered", "@defer")
        scope = _Scope(dict.fromkeys(SUBJECT_PARAMETERS))
        text = self._object_text(root, collected.grouped_field_set, scope)
        if not self._columns:
            raise NotPlanned("uncovered", "nothing is looked up")
        arrays = ", ".join(
            f"${n}::{TYPES.get(name, 'text')}[]"
            for n, (_, name) in enumerate(self._columns, start=1)
        )
        names = ", ".join(f"p{n}" for n in self._columns.values())
        stating = in_statement(f"${len(self._columns) + 1}::text")
        sql = (
            f"select {text} from {stating},"
            f" unnest({arrays}) with ordinality as request ({names}, place)"
            " order by request.place"
        )
        return Plan(
            reading_all(sql),
            tuple(self._bound),
            tuple(self._columns),
            self._own_statement,
            self._wording,
            self._has_cached_verdicts,
            reading_at_home(sql),
        )

    def _object_text(
        self, type: GraphQLObjectType, selection: GroupedFieldSet, scope: _Scope
    ) -> str:
        """An SQL expression for the JSON text of an object. It raises an error where a part is NULL
        and may not be."""
        parts: list[str] = []
        before = "{"
        for name, details in selection.items():
            before += f'"{name}":'
            if details[0].node.name.value == "__typename":
                before += f'"{type.name}"'
            else:
                parts += [literal(before), self._field_text(type, details, scope)]
                before = ""
            before += ","
        parts.append(literal(before.removesuffix(",") + "}"))
        text = " || ".join(parts)
        return text if len(parts) == 1 else f"coalesce({text}, rule.no_null('{type.name}'))"

    def _field_text(
        self, parent: GraphQLObjectType, details: list[FieldDetails], scope: _Scope
    ) -> str:
        node = details[0].node
        if details[0].fragment_variable_values or node.name.value not in parent.fields:
            # Introspection is answered by the executor.
            raise NotPlanned("uncovered", node.name.value)
        defined = parent.fields[node.name.value]
        definition = defined.extensions.get("strawberry-definition")
        about = f"{parent.name}.{node.name.value}"
        if not isinstance(definition, StrawberryField):
            raise NotPlanned("uncovered", about)
        field_place = place(definition.metadata)
        nullable = not isinstance(defined.type, GraphQLNonNull)
        kind = defined.type if nullable else defined.type.of_type
        if isinstance(field_place, Rows):
            bound = len(self._bound)
            text = self._subquery(field_place, kind, details, defined, scope)
            absent = "'null'"
            if field_place.absent and field_place.key:
                key = _Scope(dict.fromkeys(field_place.gives, bound))
                absent = f"{field_place.absent}({self._bind_names(f'%({field_place.key})s', key)})"
            return f"coalesce({text}, {absent})" if nullable else text
        if isinstance(field_place, WordedField):
            return self._placeholder(field_place, kind, details, scope, about)
        if field_place is None and definition.base_resolver is None and scope.me:
            field_place = Value(f"{{me}}.{definition.python_name}")
        if field_place is None:
            raise NotPlanned("uncovered", about)
        text = leaf(kind, self._bind_names(field_place.sql, scope), about)
        return f"coalesce({text}, 'null')" if nullable else text

    def _placeholder(
        self,
        field_place: WordedField,
        kind: Any,
        details: list[FieldDetails],
        scope: _Scope,
        about: str,
    ) -> str:
        if scope.wording is None or self._wording not in (None, scope.wording):
            raise NotPlanned("uncovered", about)
        self._wording = scope.wording
        before = ""
        if isinstance(element_type(kind), GraphQLObjectType):
            shape = self._shape(element_type(kind), details)
            if shape is None or "{" in shape:
                raise NotPlanned("uncovered", about)
            before = literal(shape + SELECTED) + " || "
        return f"{MARK} || {before}{self._bind_names(field_place.mark, scope)} || {MARK}"

    def _row(
        self, field_place: Rows, kind: Any, details: list[FieldDetails], scope: _Scope, text: str
    ) -> str:
        """The JSON text of a row's object. Where a field is worded in Python, the facts stand
        before it; where a precomputed text exists for the selection, that is used."""
        row_names = {name: sql.replace("{me}", text) for name, sql in field_place.names.items()}
        inner = _Scope(
            {**scope.names, **row_names}, text, wording=field_place.wording or scope.wording
        )
        if field_place.ready:
            object_text = self._object_of(element_type(kind), details, inner)
            return f"coalesce({self._bind_names(field_place.ready.text, inner)}, {object_text})"
        before, self._wording = self._wording, None
        object_text = self._object_of(element_type(kind), details, inner)
        if field_place.wording and self._wording:
            facts = self._bind_names(field_place.wording.facts, inner)
            object_text = f"{MARK} || {facts} || {MARK} || {object_text}"
        if before is not None and self._wording not in (None, before):
            raise NotPlanned("uncovered", "two ways of wording")
        self._wording = self._wording or before
        return object_text

    def _subquery(
        self,
        field_place: Rows,
        kind: Any,
        details: list[FieldDetails],
        defined: GraphQLField,
        scope: _Scope,
    ) -> str:
        if field_place.bind is not None:
            names = dict.fromkeys(field_place.gives, len(self._bound))
            arguments = defined.extensions["strawberry-definition"].arguments
            python = dict(
                zip(defined.args, (argument.python_name for argument in arguments), strict=True)
            )
            node = details[0].node
            readers = (
                self._outcome_readers(field_place, kind, details)
                if field_place.logged
                else (None, None)
            )
            self._bound.append(
                BoundField(field_place.bind, defined, node, field_place.logged, python, *readers)
            )
            scope = _Scope({**scope.names, **names}, scope.me, wording=scope.wording)
        if field_place.narrowed and details[0].node.arguments:
            field_place = replace(
                field_place, select=field_place.select + field_place.narrowed, ready=None
            )
        field_place = self._with_ready_text(field_place, kind, details)
        if field_place.logged and field_place.logged in (field_place.key, field_place.keys):
            # The TINs are arguments, so the planner knows whose operators they are.
            field_place = replace(field_place, select=with_both(field_place.select))
        self._own_statement = self._own_statement or field_place.own_statement
        if field_place.keys:
            return self._each_key(field_place, kind, details, scope)
        if field_place.key:
            key = self._bind_names(f"%({field_place.key})s", scope)
            scope = _Scope(scope.names, scope.me, key, scope.wording)
        if field_place.ready and isinstance(kind, GraphQLList):
            text = self._bind_names(field_place.ready.text, scope)
            if not field_place.ready.select:
                return text
            rows = self._selected(replace(field_place, ready=None), kind, details, scope)
            return f"coalesce({text}, {rows})"
        return self._selected(field_place, kind, details, scope)

    def _outcome_readers(
        self, field_place: Rows, kind: Any, details: list[FieldDetails]
    ) -> tuple[OutcomeReader | None, TerritoryOutcomeReader | None]:
        node, is_list = details[0].node, isinstance(kind, GraphQLList)
        name = node.alias.value if node.alias else node.name.value
        selection = self._selected_fields(kind, details)
        # In a batch, each question has an answer that contains its recognition.
        if field_place.names:
            recognition, object_text = selection.get("recognition", (None, None))
            inner = self._selected_fields(
                element_type(kind).fields["recognition"].type, object_text or []
            )
            outcome = inner["outcome"][0] if recognition and "outcome" in inner else None
            return OutcomeReader(name, is_list, outcome, recognition or ""), None
        if "in" in field_place.gives:
            return OutcomeReader(name, is_list, selection.get("outcome", (None,))[0]), None
        if "recognisedIn" not in selection:
            return None, None
        list_, object_text = selection["recognisedIn"]
        inner = self._selected_fields(element_type(kind).fields["recognisedIn"].type, object_text)
        if not {"in", "outcome"} <= inner.keys():
            return None, None
        return None, TerritoryOutcomeReader(
            name, is_list, (list_, inner["in"][0], inner["outcome"][0])
        )

    def _selected_fields(
        self, kind: Any, details: list[FieldDetails]
    ) -> dict[str, tuple[str, list[FieldDetails]]]:
        """The selected fields by GraphQL name, each with its name in the answer."""
        collected = collect_subfields(
            self.schema, self.fragments, self.variables, self.operation, element_type(kind), details
        )
        selection = collected.grouped_field_set.items()
        fields = [each[0].node.name.value for _, each in selection]
        if fields.count("recognisedIn") > 1:  # The two may be filtered by different outcomes.
            raise NotPlanned("uncovered", "recognisedIn twice")
        return dict(zip(fields, selection, strict=True))

    def _with_ready_text(self, field_place: Rows, kind: Any, details: list[FieldDetails]) -> Rows:
        """Keeps `ready` only where the selection is the one that is precomputed, with its own
        SELECT."""
        ready = field_place.ready
        if ready is None or ready.selection != self._shape(element_type(kind), details):
            return replace(field_place, ready=None)
        self._has_cached_verdicts = self._has_cached_verdicts or ready.has_placeholder
        return replace(field_place, select=ready.select or field_place.select)

    def _selected(
        self, field_place: Rows, kind: Any, details: list[FieldDetails], scope: _Scope
    ) -> str:
        ctes = self._bind_names(f"with {field_place.ctes} ", scope) if field_place.ctes else ""
        source = self._bind_names(field_place.select, scope)
        self._row_count += 1
        text = f"row{self._row_count}"
        is_list = isinstance(kind, GraphQLList)
        object_text = self._row(field_place, kind, details, scope, text)
        if not is_list:
            return f"({ctes}select {object_text} from ({source}) {text})"
        assert field_place.order, "a list without an order differs from one reading to the next"
        order = field_place.order.replace("{it}", text)
        return f"({ctes}select {array(object_text, order)} from ({source}) {text})"

    def _shape(self, type: Any, details: list[FieldDetails]) -> str | None:
        """The selection as text, `id agreement { id }`, if it has only plain fields by their own
        names; otherwise None."""
        words: list[str] = []
        selection = collect_subfields(
            self.schema, self.fragments, self.variables, self.operation, type, details
        )
        for name, each in selection.grouped_field_set.items():
            node = each[0].node
            if node.name.value != name or node.arguments or name not in type.fields:
                return None
            words.append(name)
            inner = element_type(type.fields[name].type)
            if isinstance(inner, GraphQLObjectType):
                object_text = self._shape(inner, each)
                if object_text is None:
                    return None
                words.append(f"{{ {object_text} }}")
        return " ".join(words)

    def _each_key(
        self, field_place: Rows, kind: Any, details: list[FieldDetails], scope: _Scope
    ) -> str:
        """The entries for many keys, in the order asked."""
        self._own_statement = True
        keys = self._bind_names(f"%({field_place.keys})s", scope)
        ctes = self._bind_names(f"with {field_place.ctes} ", scope) if field_place.ctes else ""
        source = self._bind_names(field_place.select, _Scope(scope.names, scope.me, "wanted.key"))
        self._row_count += 1
        text = f"row{self._row_count}"
        object_text = self._row(field_place, kind, details, scope, text)
        one = f"(select {object_text} from ({source}) {text})"
        absent = f"{field_place.absent}(wanted.key)" if field_place.absent else literal("null")
        if isinstance(kind.of_type, GraphQLNonNull):
            absent = f"rule.no_null('{element_type(kind).name}')"
        entries = array(f"coalesce({one}, {absent})", "wanted.place")
        each = f"jsonb_array_elements_text({keys}::jsonb) with ordinality as wanted (key, place)"
        return f"({ctes}select {entries} from {each})"

    def _object_of(self, type: Any, details: list[FieldDetails], scope: _Scope) -> str:
        if not isinstance(type, GraphQLObjectType):
            raise NotPlanned("uncovered", str(type))
        collected = collect_subfields(
            self.schema, self.fragments, self.variables, self.operation, type, details
        )
        return self._object_text(type, collected.grouped_field_set, scope)

    def _bind_names(self, sql: str, scope: _Scope) -> str:
        """The SQL with the rows and parameters named as in this statement."""

        def column(match: re.Match[str]) -> str:
            name = match[1]
            of = scope.names[name]
            if isinstance(of, str):
                return of
            wanted = (of, name)
            number = self._columns.setdefault(wanted, len(self._columns) + 1)
            return f"request.p{number}"

        sql = sql.replace("{me}", scope.me).replace("{key}", scope.key)
        sql = sql.replace("{clocks}", str(scope.names.get("known")))
        return _PARAMETER.sub(column, sql)
