"""No way to an operator is forgotten: each field, argument, command, page and route of the service
is a door or a list, or is in a table with the reason why it leads to no operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    ObjectFieldNode,
    OperationDefinitionNode,
    get_named_type,
    parse,
    validate,
)
from starlette.routing import BaseRoute, Mount, Route

from api.app import create_app
from api.graphql.schema import core
from api.pages.site import PAGES
from api.settings import Settings
from ops.doors import DOORS, AskedAbout, Door, types_below
from ops.lists import (
    CURSORS,
    LISTS,
    NAMES_NONE,
    NO_OPERATOR,
    NO_OPERATOR_PAGES,
    NO_OPERATOR_ROUTES,
    SUBJECTS,
)

ASKED = AskedAbout("FR4444444", "FRAEOS0001", "Synthetic Perfumes", "KR")
#: What leads to an operator.
LEADING = {"TIN", "Operator", "Receipt"}
#: Types by whose values something can be named.
NAMING = {"TIN", "ID", "String", "JSON"}


def document(door: Door) -> Any:
    return parse(ASKED.in_place(door.document))


def asked_fields() -> set[str]:
    return {
        selection.name.value
        for door in (*DOORS, *LISTS)
        if door.document
        for operation in document(door).definitions
        if isinstance(operation, OperationDefinitionNode)
        for selection in operation.selection_set.selections
        if isinstance(selection, FieldNode)
    }


def _given(path: str, node: Any) -> Iterator[str]:
    """The paths of the values that are given in an argument."""
    values = getattr(node, "values", None) or [node]
    fields = [each for value in values for each in getattr(value, "fields", ())]
    if not fields:
        yield path
    for each in fields:
        assert isinstance(each, ObjectFieldNode)
        yield from _given(f"{path}.{each.name.value}", each.value)


def given_arguments() -> set[str]:
    found = set()
    for door in (*DOORS, *LISTS):
        for operation in document(door).definitions if door.document else ():
            for field in operation.selection_set.selections:
                for argument in field.arguments or ():
                    assert isinstance(argument, ArgumentNode)
                    name = f"{field.name.value}.{argument.name.value}"
                    found |= set(_given(name, argument.value))
    return found


def _naming(path: str, kind: Any) -> Iterator[str]:
    named = get_named_type(kind)
    for name, field in getattr(named, "fields", {}).items():
        yield from _naming(f"{path}.{name}", field.type)
    if named.name in NAMING:
        yield path


def test_every_document_is_valid() -> None:
    for door in (*DOORS, *LISTS):
        if door.document:
            assert not validate(core, document(door)), door.name


def test_every_query_and_subscription_is_a_door_or_leads_to_no_operator() -> None:
    asked = asked_fields()
    for root in (core.query_type, core.subscription_type):
        assert root is not None
        for name, field in root.fields.items():
            assert (name in asked) != (name in NO_OPERATOR), name
            kinds = types_below(field.type)
            for argument in field.args.values():
                kinds |= types_below(argument.type)
            if name in NO_OPERATOR and name != "recognitionChanged":
                assert not kinds & LEADING, name


def test_every_argument_that_names_something_is_asked_or_names_no_operator() -> None:
    assert core.query_type
    given = given_arguments()
    for name, field in core.query_type.fields.items():
        if name in NO_OPERATOR:
            continue
        for argument, of in field.args.items():
            for path in _naming(f"{name}.{argument}", of.type):
                if path.rpartition(".")[2] not in CURSORS:
                    assert (path in given) != (path in NAMES_NONE), path
    assert given >= {
        "receipt.id",
        "node.id",
        "events.filter.stream",
        "operators.filter.nameContains",
    }


def test_every_command_that_names_an_operator_is_a_door() -> None:
    assert core.mutation_type
    asked = asked_fields()
    suspicious = re.compile(
        r"^tins?$|(?i:operator$|receipt|stream|holder|company|actsfor|successor)"
    )
    for name, field in core.mutation_type.fields.items():
        kinds = set().union(*(types_below(of.type) for of in field.args.values()))
        assert ("TIN" in kinds) == (name in asked), name
        if "TIN" not in kinds:
            inputs = {
                each
                for of in field.args.values()
                for each in getattr(get_named_type(of.type), "fields", {})
            }
            named = {each for each in inputs if suspicious.search(each)}
            assert named <= set(SUBJECTS), (name, named)


def _routes(routes: list[BaseRoute]) -> Iterator[str]:
    for route in routes:
        if isinstance(route, Route | Mount):
            yield route.path
        elif inner := getattr(route, "routes", None):
            yield from _routes(inner)


def _as_pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)))


def test_every_page_and_every_route_is_a_door_or_leads_to_no_operator(tmp_path: Path) -> None:
    asked = {
        ASKED.in_place(door.path).partition("?")[0].replace("/fr/", "/")
        for door in (*DOORS, *LISTS)
    }
    pages = {page.address for page in PAGES}
    app = create_app(Settings(home=tmp_path, database="", demo=True))
    routes = set(_routes(app.routes)) - pages

    for addresses, none in ((pages, NO_OPERATOR_PAGES), (routes, NO_OPERATOR_ROUTES)):
        for address in sorted(addresses):
            literal = any(_as_pattern(address).fullmatch(path) for path in asked)
            reached = literal and not (address in none and "{" in address)
            if address == "/graphql":
                reached = False
            assert reached != (address in none), address
        assert set(none) <= addresses
