"""A validated selection as one SQL statement that writes the answer's JSON text.

The statement is a function over a table of parameter rows: any requests of one plan may share it,
with different operators, askers and clocks. What a selection means (fragments, merging, @skip) is
graphql-core's to say. NULL is the alarm: in a place that may not be null it spreads to the object
around it, and there `rule.no_null` raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_leaf_type,
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

from api.graphql.planner.answers import Answers, Elsewhere
from api.graphql.positions import STATE
from api.graphql.sql_fields import (
    AS_IT_LIES,
    SELECTED,
    TYPES,
    Bind,
    NotPlanned,
    Rows,
    Telling,
    Value,
    WordedField,
    place,
)
from projections.reads.planner_selects import MARK

ASKER = ("asker", "own_territory", "own_tin", "own", "reach", "now")
_PARAMETER = re.compile(r"%\((\w+)\)s")
#: Written by to_json, which escapes them; everything else is written as it is.
_TEXTS = {"String", "ID", "TIN", "AdministrationCode", "HSCode"}
_PLAIN = {"Int", "Boolean", "Position", "JSON"}
_DATES = {
    "DateTime": r"""to_char({} at time zone 'UTC', '\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\"')""",
    "Date": r"""to_char({}, '\"YYYY-MM-DD\"')""",
}


@dataclass(frozen=True)
class Bound:
    """A field whose arguments become parameters. `looks`: for the read log, else empty. `answers`,
    `elsewhere`: where the outcomes of recognition are in the answer."""

    bind: Bind
    field: GraphQLField
    node: FieldNode
    looks: str
    names: Mapping[str, str]  # of its arguments in Python, by those in GraphQL
    answers: Answers | None = None
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """`columns`: which parameter each column of the table of rows is: of which Bound, or of the
    asker (None), and its name. `many`: it looks up many keys, and so goes alone. `telling`: who
    words what the text has marks for; `kept`: there are marks of verdicts in it."""

    sql: str
    bound: tuple[Bound, ...]
    columns: tuple[tuple[int | None, str], ...]
    many: bool
    telling: Telling | None
    kept: bool

    def with_state(self) -> Plan:
        """The same; before each text is the state of the database as this statement sees it."""
        return replace(self, sql=f"select {STATE} || ' ' || {self.sql.removeprefix('select ')}")


@dataclass
class _Scope:
    """Which parameters a place in the selection can name, and of which Bound they are, or which
    expression they are where a row above gives them."""

    names: Mapping[str, int | str | None]
    me: str = ""
    key: str = ""
    telling: Telling | None = None


@dataclass
class Compiler:
    """Makes one Plan. Raises Declined for what it does not cover."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDetails]
    operation: OperationDefinitionNode
    variables: VariableValues
    _bound: list[Bound] = field(default_factory=list)
    _columns: dict[tuple[int | None, str], int] = field(default_factory=dict)
    _rows: int = 0
    _many: bool = False
    _told: Telling | None = None
    _kept: bool = False

    def plan(self) -> Plan:
        root = self.schema.query_type
        assert root is not None
        collected = collect_fields(
            self.schema, self.fragments, self.variables, root, self.operation
        )
        if collected.new_defer_usages:
            raise NotPlanned("uncovered", "@defer")
        scope = _Scope(dict.fromkeys(ASKER))
        text = self._object(root, collected.grouped_field_set, scope)
        if not self._columns:
            raise NotPlanned("uncovered", "nothing is looked up")
        arrays = ", ".join(
            f"${n}::{TYPES.get(name, 'text')}[]"
            for n, (_, name) in enumerate(self._columns, start=1)
        )
        names = ", ".join(f"p{n}" for n in self._columns.values())
        sql = f"select {text} from unnest({arrays}) with ordinality as request ({names}, place)"
        return Plan(
            f"{sql} order by request.place",
            tuple(self._bound),
            tuple(self._columns),
            self._many,
            self._told,
            self._kept,
        )

    def _object(self, type: GraphQLObjectType, chosen: GroupedFieldSet, scope: _Scope) -> str:
        """An expression: the object's JSON text; it raises where a part is null and may not be."""
        parts: list[str] = []
        before = "{"
        for name, details in chosen.items():
            before += f'"{name}":'
            if details[0].node.name.value == "__typename":
                before += f'"{type.name}"'
            else:
                parts += [_literal(before), self._field(type, details, scope)]
                before = ""
            before += ","
        parts.append(_literal(before.removesuffix(",") + "}"))
        text = " || ".join(parts)
        return text if len(parts) == 1 else f"coalesce({text}, rule.no_null('{type.name}'))"

    def _field(self, parent: GraphQLObjectType, details: list[FieldDetails], scope: _Scope) -> str:
        node = details[0].node
        if details[0].fragment_variable_values or node.name.value not in parent.fields:
            raise NotPlanned("uncovered", node.name.value)  # introspection is no row of ours
        defined = parent.fields[node.name.value]
        own = defined.extensions.get("strawberry-definition")
        about = f"{parent.name}.{node.name.value}"
        if not isinstance(own, StrawberryField):
            raise NotPlanned("uncovered", about)
        where = place(own.metadata)
        nullable = not isinstance(defined.type, GraphQLNonNull)
        kind = defined.type if nullable else defined.type.of_type
        if isinstance(where, Rows):
            text = self._rows_of(where, kind, details, defined, scope)
            return f"coalesce({text}, 'null')" if nullable else text
        if isinstance(where, WordedField):
            return self._mark(where, kind, details, scope, about)
        if where is None and own.base_resolver is None and scope.me:
            where = Value(f"{{me}}.{own.python_name}")
        if where is None:
            raise NotPlanned("uncovered", about)
        text = _leaf(kind, self._filled(where.sql, scope), about)
        return f"coalesce({text}, 'null')" if nullable else text

    def _mark(
        self, where: WordedField, kind: Any, details: list[FieldDetails], scope: _Scope, about: str
    ) -> str:
        if scope.telling is None or self._told not in (None, scope.telling):
            raise NotPlanned("uncovered", about)
        self._told = scope.telling
        before = ""
        if isinstance(_element(kind), GraphQLObjectType):
            shape = self._shape(_element(kind), details)
            if shape is None or "{" in shape:
                raise NotPlanned("uncovered", about)
            before = _literal(shape + SELECTED) + " || "
        return f"{MARK} || {before}{self._filled(where.mark, scope)} || {MARK}"

    def _row(
        self, where: Rows, kind: Any, details: list[FieldDetails], scope: _Scope, text: str
    ) -> str:
        """The object of a row, after the facts where a part of it is worded from them; or its
        text where that lies ready."""
        given = {name: sql.replace("{me}", text) for name, sql in where.names.items()}
        inner = _Scope({**scope.names, **given}, text, telling=where.telling or scope.telling)
        if where.ready:
            inside = self._inside(_element(kind), details, inner)
            return f"coalesce({self._filled(where.ready.text, inner)}, {inside})"
        before, self._told = self._told, None
        inside = self._inside(_element(kind), details, inner)
        if where.telling and self._told:
            inside = f"{MARK} || {self._filled(where.telling.facts, inner)} || {MARK} || {inside}"
        if before is not None and self._told not in (None, before):
            raise NotPlanned("uncovered", "two ways of wording")
        self._told = self._told or before
        return inside

    def _rows_of(
        self,
        where: Rows,
        kind: Any,
        details: list[FieldDetails],
        defined: GraphQLField,
        scope: _Scope,
    ) -> str:
        if where.bind is not None:
            names = dict.fromkeys(where.gives, len(self._bound))
            arguments = defined.extensions["strawberry-definition"].arguments
            python = dict(
                zip(defined.args, (argument.python_name for argument in arguments), strict=True)
            )
            node = details[0].node
            told = self._told_of(where, kind, details) if where.looks else (None, None)
            self._bound.append(Bound(where.bind, defined, node, where.looks, python, *told))
            scope = _Scope({**scope.names, **names}, scope.me, telling=scope.telling)
        if where.narrowed and details[0].node.arguments:
            where = replace(where, select=where.select + where.narrowed, ready=None)
        where = self._as_it_lies(where, kind, details)
        self._many = self._many or where.alone
        if where.keys:
            return self._each_key(where, kind, details, scope)
        if where.key:
            key = self._filled(f"%({where.key})s", scope)
            scope = _Scope(scope.names, scope.me, key, scope.telling)
        if where.ready and isinstance(kind, GraphQLList):
            text = self._filled(where.ready.text, scope)
            if not where.ready.select:
                return text
            rows = self._selected(replace(where, ready=None), kind, details, scope)
            return f"coalesce({text}, {rows})"
        return self._selected(where, kind, details, scope)

    def _told_of(
        self, where: Rows, kind: Any, details: list[FieldDetails]
    ) -> tuple[Answers | None, Elsewhere | None]:
        node, many = details[0].node, isinstance(kind, GraphQLList)
        name = node.alias.value if node.alias else node.name.value
        chosen = self._chosen(kind, details)
        if where.names:  # each question of a batch has an answer around its recognition
            around, inside = chosen.get("recognition", (None, None))
            inner = self._chosen(_element(kind).fields["recognition"].type, inside or [])
            outcome = inner["outcome"][0] if around and "outcome" in inner else None
            return Answers(name, many, outcome, around or ""), None
        if "in" in where.gives:
            return Answers(name, many, chosen.get("outcome", (None,))[0]), None
        if "recognisedIn" not in chosen:
            return None, None
        list_, inside = chosen["recognisedIn"]
        inner = self._chosen(_element(kind).fields["recognisedIn"].type, inside)
        if not {"in", "outcome"} <= inner.keys():
            return None, None
        return None, Elsewhere(name, many, (list_, inner["in"][0], inner["outcome"][0]))

    def _chosen(
        self, kind: Any, details: list[FieldDetails]
    ) -> dict[str, tuple[str, list[FieldDetails]]]:
        """The fields that are selected, each with its name in the answer."""
        collected = collect_subfields(
            self.schema, self.fragments, self.variables, self.operation, _element(kind), details
        )
        chosen = collected.grouped_field_set.items()
        fields = [each[0].node.name.value for _, each in chosen]
        if fields.count("recognisedIn") > 1:  # each may ask for another outcome
            raise NotPlanned("uncovered", "recognisedIn twice")
        return dict(zip(fields, chosen, strict=True))

    def _as_it_lies(self, where: Rows, kind: Any, details: list[FieldDetails]) -> Rows:
        """`ready` is left where it is the selection that lies ready, with its own rows."""
        ready = where.ready
        if ready is None or ready.selection != self._shape(_element(kind), details):
            return replace(where, ready=None)
        self._kept = self._kept or ready.kept
        return replace(where, select=ready.select or where.select)

    def _selected(self, where: Rows, kind: Any, details: list[FieldDetails], scope: _Scope) -> str:
        ctes = self._filled(f"with {where.ctes} ", scope) if where.ctes else ""
        source = self._filled(where.select, scope)
        self._rows += 1
        text = f"row{self._rows}"
        many = isinstance(kind, GraphQLList)
        inside = self._row(where, kind, details, scope, text)
        if not many:
            return f"({ctes}select {inside} from ({source}) {text})"
        assert where.order, "a list without an order differs from one reading to the next"
        order = where.order.replace("{it}", text)
        return f"({ctes}select {_array(inside, order)} from ({source}) {text})"

    def _shape(self, type: Any, details: list[FieldDetails]) -> str | None:
        """What is selected, if that is plain fields by their own names: `id agreement { id }`."""
        words: list[str] = []
        chosen = collect_subfields(
            self.schema, self.fragments, self.variables, self.operation, type, details
        )
        for name, each in chosen.grouped_field_set.items():
            node = each[0].node
            if node.name.value != name or node.arguments or name not in type.fields:
                return None
            words.append(name)
            inner = _element(type.fields[name].type)
            if isinstance(inner, GraphQLObjectType):
                inside = self._shape(inner, each)
                if inside is None:
                    return None
                words.append(f"{{ {inside} }}")
        return " ".join(words)

    def _each_key(self, where: Rows, kind: Any, details: list[FieldDetails], scope: _Scope) -> str:
        """An entry for each of many keys, in the order asked."""
        self._many = True
        keys = self._filled(f"%({where.keys})s", scope)
        ctes = self._filled(f"with {where.ctes} ", scope) if where.ctes else ""
        source = self._filled(where.select, _Scope(scope.names, scope.me, "wanted.key"))
        self._rows += 1
        text = f"row{self._rows}"
        inside = self._row(where, kind, details, scope, text)
        one = f"(select {inside} from ({source}) {text})"
        absent = _literal("null")
        if isinstance(kind.of_type, GraphQLNonNull):
            absent = f"rule.no_null('{_element(kind).name}')"
        entries = _array(f"coalesce({one}, {absent})", "wanted.place")
        each = f"jsonb_array_elements_text({keys}::jsonb) with ordinality as wanted (key, place)"
        return f"({ctes}select {entries} from {each})"

    def _inside(self, type: Any, details: list[FieldDetails], scope: _Scope) -> str:
        if not isinstance(type, GraphQLObjectType):
            raise NotPlanned("uncovered", str(type))
        collected = collect_subfields(
            self.schema, self.fragments, self.variables, self.operation, type, details
        )
        return self._object(type, collected.grouped_field_set, scope)

    def _filled(self, sql: str, scope: _Scope) -> str:
        """The SQL with its rows and parameters named as they are in this statement."""

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


def _element(kind: Any) -> Any:
    """The type of an object, or of those in a list."""
    while isinstance(kind, GraphQLList | GraphQLNonNull):
        kind = kind.of_type
    return kind


def _leaf(kind: Any, sql: str, about: str) -> str:
    """The JSON text of a column: NULL where it is null."""
    if isinstance(kind, GraphQLList):
        if not isinstance(kind.of_type, GraphQLNonNull) or not _is_text(kind.of_type.of_type):
            raise NotPlanned("uncovered", about)
        return f"case when array_position({sql}, null) is null then array_to_json({sql})::text end"
    if not is_leaf_type(kind):
        raise NotPlanned("uncovered", about)
    if isinstance(kind, GraphQLEnumType):
        return f"'\"' || ({sql}) || '\"'"  # a name of GraphQL: nothing in it wants escaping
    if _is_text(kind):
        return f"to_json(({sql})::text)::text"
    if kind.name in _DATES:
        return _DATES[kind.name].format(f"({sql})")
    if kind.name in _PLAIN:
        return f"({sql})::text"
    raise NotPlanned("uncovered", about)


def _is_text(kind: Any) -> bool:
    """An enum's values are their names, in the columns as in the answers."""
    return isinstance(kind, GraphQLEnumType) or (
        isinstance(kind, GraphQLScalarType) and kind.name in _TEXTS
    )


def _array(element: str, order: str) -> str:
    sorting = "" if order == AS_IT_LIES else f" order by {order}"
    return f"'[' || coalesce(string_agg({element}, ','{sorting}), '') || ']'"


def _literal(text: str) -> str:
    """Names of GraphQL are letters, digits and underscores; quoted all the same."""
    return "'" + text.replace("'", "''") + "'"
