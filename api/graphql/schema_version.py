"""The version of the GraphQL schema, and the rules for deprecated names.

The policy (ops/README.md, "Versions of the schema"): a name can be added at any time. It keeps its
meaning while the major version stays the same. It is removed only after it was deprecated for a
year; the reason of the deprecation names its replacement and the first day on which it may be
removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    print_schema,
)

from api.graphql.context import Info

#: The major version. It increases when a name of the schema is removed or changes its meaning.
MAJOR = 1
#: The shortest time for which a deprecated name is served beside its replacement.
NOTICE = timedelta(days=365)

_REASON = re.compile(
    r"Use `(?P<instead>[^`]+)` instead(?:: .+)?\. Deprecated since (?P<since>\d{4}-\d\d-\d\d), "
    r"removed on (?P<removal>\d{4}-\d\d-\d\d) or later\."
)


def deprecated(instead: str, since: date, removal: date, why: str = "") -> str:
    """The reason of a deprecation: `strawberry.field(deprecation_reason=deprecated(...))`.

    `instead`: the replacement, as `Type.field`, `Type.field(argument)` or `Enum.VALUE`. Both days
    are civil days in UTC. Raises ValueError if there is less than a year between them.
    """
    if removal - since < NOTICE:
        raise ValueError(f"removal: found {removal}, wanted a year after {since} or later")
    why_text = f": {why}" if why else ""
    days = f"Deprecated since {since}, removed on {removal} or later."
    return f"Use `{instead}` instead{why_text}. {days}"


def faults(schema: GraphQLSchema, today: date) -> list[str]:
    """The errors in the deprecations of this schema, one sentence each: a reason without an
    existing replacement or without a day, a notice of less than a year, a name whose day of removal
    has come."""
    found = []
    for name, reason in _deprecations(schema):
        deprecation = _REASON.fullmatch(reason)
        if deprecation is None:
            found.append(f"{name}: the reason names no replacement and no day of removal: {reason}")
            continue
        since, removal = (
            date.fromisoformat(deprecation["since"]),
            date.fromisoformat(deprecation["removal"]),
        )
        if not _is_there(schema, deprecation["instead"]):
            found.append(
                f"{name}: `{deprecation['instead']}` takes its place, and is not in the schema"
            )
        if removal - since < NOTICE:
            found.append(f"{name}: removed on {removal}, which is less than a year after {since}")
        if removal <= today:
            found.append(f"{name}: was to be removed on {removal}")
    return found


def _deprecations(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """The deprecated names of the schema (`Type.field`), each with its reason."""
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        members: dict[str, Any] = {}
        if isinstance(kind, GraphQLEnumType):
            members = dict(kind.values)
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            members = dict(kind.fields)
        for name, member in members.items():
            if member.deprecation_reason is not None:
                yield f"{kind.name}.{name}", member.deprecation_reason
            for called, argument in getattr(member, "args", {}).items():
                if argument.deprecation_reason is not None:
                    yield f"{kind.name}.{name}({called})", argument.deprecation_reason


def _is_there(schema: GraphQLSchema, name: str) -> bool:
    match = re.fullmatch(r"(\w+)\.(\w+)(?:\((\w+)\))?", name)
    kind: Any = schema.type_map.get(match[1]) if match else None
    if match is None or kind is None:
        return False
    members = kind.values if isinstance(kind, GraphQLEnumType) else getattr(kind, "fields", {})
    member = members.get(match[2])
    if member is None or member.deprecation_reason is not None:
        return False
    return match[3] is None or match[3] in getattr(member, "args", {})


@cache
def version(schema: GraphQLSchema) -> str:
    """The version: the major version, a hyphen and the first 12 hexadecimal digits of the SHA-256
    of the schema's text."""
    return f"{MAJOR}-{sha256(print_schema(schema).encode()).hexdigest()[:12]}"


@strawberry.type
class SchemaVersionQuery:
    """The query for the version of the schema."""

    @strawberry.field
    def schema_version(self, info: Info) -> str:
        """The version of this schema: `1-0123456789ab`. The number before the hyphen changes when a
        name is removed or changes its meaning; this is announced a year before by `@deprecated`.
        The part after the hyphen is a hash of the schema's text and changes with every edit."""
        return version(info.schema._schema)
