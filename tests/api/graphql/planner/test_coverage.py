"""Every field of the schema is answered by the planner, or listed with a reason why it is not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import pytest
from graphql import (
    GraphQLNonNull,
    GraphQLObjectType,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
    parse,
)
from graphql.execution.values import VariableValues

from api.graphql.planner.compiler import Compiler, Plan
from api.graphql.planner.unplanned import UNPLANNED
from api.graphql.schema import core
from api.graphql.sql_fields import NotPlanned
from tests.api.client import Client
from tests.api.region import region

__all__ = ["region"]


class Selected(NamedTuple):
    """A field of a type that is reached through planned fields: `{ operator { tin } }`."""

    type: GraphQLObjectType
    name: str
    path: tuple[str, ...]
    above: str  # the label of the field through which the type is reached

    @property
    def label(self) -> str:
        return f"{self.type.name}.{self.name}"

    @property
    def document(self) -> str:
        """Selects the field, and of an object its first plain field."""
        kind = get_named_type(self.type.fields[self.name].type)
        path = [*self.path, self.name]
        if isinstance(kind, GraphQLObjectType):
            path.append(_first_leaf(kind))
        return "{ " + " { ".join(path) + " }" * len(path)


def test_each_field_is_planned_or_listed_with_a_reason() -> None:
    declined = _declined()

    fell_off = sorted(declined - UNPLANNED.keys())
    assert not fell_off, (
        f"{fell_off}: the planner declines these fields. Say where the value lies in SQL"
        " (api/graphql/sql_fields.py), or give a reason in api/graphql/planner/unplanned.py."
    )
    outdated = sorted(UNPLANNED.keys() - declined)
    assert not outdated, f"{outdated}: planned, or no fields: take them out of unplanned.py"


def test_every_reason_is_a_sentence() -> None:
    for field, reason in UNPLANNED.items():
        assert len(reason) > 20, field
        assert reason.endswith("."), field


def test_no_type_is_left_out() -> None:
    """A type outside the walk is reached only through a field with a reason, a mutation, or a
    subscription, which the planner does not answer."""
    walked = {field.type.name for field, _ in _walk()}
    excused = [_type_of(label) for label in UNPLANNED if label.count(".") == 1]
    assert core.mutation_type and core.subscription_type
    roots = [core.mutation_type, core.subscription_type]
    below = {type.name for type in _reachable([*excused, *roots])}
    types = {name for name, type in core.type_map.items() if isinstance(type, GraphQLObjectType)}

    assert {name for name in types - walked - below if not name.startswith("__")} == set()


def test_the_columns_of_planned_fields_are_in_their_selects(region: Client) -> None:
    """A plain field is read from the column of its name: PostgreSQL says where there is none."""
    missing: list[str] = []
    with psycopg.connect(region.database, autocommit=True) as connection:
        for field, plan in _walk():
            if plan is None:
                continue
            try:
                connection.execute(f"prepare planned as {plan.sql}".encode())
                connection.execute("deallocate planned")
            except psycopg.Error as error:
                missing.append(f"{field.document}: {error.diag.message_primary}")
    assert not missing, missing


def test_a_field_without_a_place_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk itself: a resolver that says nothing of SQL is declined with the field's name."""
    tin = core.type_map["Operator"].fields["tin"]  # type: ignore[attr-defined]
    monkeypatch.setitem(tin.extensions, "strawberry-definition", object())

    declined = _declined()

    assert "Operator.tin" in declined - UNPLANNED.keys()


# ------------------------------------------------------------------- helpers


def _walk() -> Iterator[tuple[Selected, Plan | None]]:
    """Each field below each planned field, with its plan; None where the planner declines it.

    One type may have several SELECTs: the fields of Operator are walked below `operator`, below
    `successor` and so on. Each planned field is entered once.
    """
    assert core.query_type
    waiting: deque[tuple[GraphQLObjectType, tuple[str, ...], str]]
    waiting = deque([(core.query_type, (), "")])
    entered: set[str] = set()
    while waiting:
        type, path, above = waiting.popleft()
        for name, defined in type.fields.items():
            field = Selected(type, name, path, above)
            plan = _plan(field)
            yield field, plan
            kind = get_named_type(defined.type)
            if plan and isinstance(kind, GraphQLObjectType) and field.label not in entered:
                entered.add(field.label)
                waiting.append((kind, (*path, name), field.label))


def _declined() -> set[str]:
    """The keys of UNPLANNED as they should be. A field that is planned below one field and not
    below another is named with the field above: `Operator.recognisedIn.validFrom`."""
    walked = list(_walk())
    planned = {field.label for field, plan in walked if plan}
    return {
        f"{field.above}.{field.name}" if field.label in planned else field.label
        for field, plan in walked
        if plan is None
    }


def _plan(field: Selected) -> Plan | None:
    [operation] = parse(field.document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    try:
        return Compiler(core, {}, operation, VariableValues({}, {})).plan()
    except NotPlanned as declined:
        assert declined.reason == "uncovered"
        return None


def _first_leaf(type: GraphQLObjectType) -> str:
    """A plain field that the planner reads from a column, where the type has one."""
    for name, defined in type.fields.items():
        own = defined.extensions["strawberry-definition"]
        bare = defined.type.of_type if isinstance(defined.type, GraphQLNonNull) else defined.type
        if is_leaf_type(bare) and getattr(own, "base_resolver", None) is None:
            return str(name)
    return str(next(iter(type.fields)))


def _type_of(label: str) -> GraphQLObjectType:
    parent, _, name = label.partition(".")
    type = core.type_map[parent]
    assert isinstance(type, GraphQLObjectType)
    kind = get_named_type(type.fields[name].type)
    return kind if isinstance(kind, GraphQLObjectType) else type


def _reachable(types: list[GraphQLObjectType]) -> Iterator[GraphQLObjectType]:
    waiting, found = deque(types), set[str]()
    while waiting:
        type = waiting.popleft()
        for defined in type.fields.values():
            kind = get_named_type(defined.type)
            members = core.get_possible_types(kind) if hasattr(kind, "types") else [kind]
            waiting += [
                member
                for member in members
                if isinstance(member, GraphQLObjectType) and member.name not in found
            ]
            found.update(member.name for member in members)
        yield type
