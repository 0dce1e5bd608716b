"""GraphQL of an edge: a subset of the register's schema, by the same names (schema.graphql)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from api.edge.answers import NotAnsweredHere, answers, operator
from api.edge.store import EdgeStore, NotFilled, age
from api.golden_copy.looks import Look
from registry.domain.instants import TOLERANCE
from registry.domain.instants import parse as parse_instant
from registry.domain.recognition import Question
from registry.domain.values import AdministrationCode, Direction, HsCode, Role, Tin
from registry.paths import EDGE_SCHEMA

MOST = 1_000  # operators in one question
TOKENS = 2_000  # of a document
AHEAD = timedelta(days=3653)  # ten years, as in the register


def schema() -> GraphQLSchema:
    """The executable schema."""
    made = build_schema(EDGE_SCHEMA.read_text(encoding="utf-8"))
    for name, parsed in _SCALARS.items():
        scalar = cast(GraphQLScalarType, made.type_map[name])
        scalar.parse_value = scalar.coerce_input_value = _wording(  # type: ignore[method-assign, assignment]
            name, parsed
        )
        scalar.serialize = scalar.coerce_output_value = _written  # type: ignore[method-assign]
    return made


_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "TIN": Tin.parse,
    "AdministrationCode": AdministrationCode.parse,
    "HSCode": HsCode,
    "DateTime": parse_instant,
    "Position": int,
    "Date": str,
}


def _wording(name: str, parsed: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        try:
            return parsed(value)
        except (ValueError, TypeError) as error:
            raise GraphQLError(f"{name}: {error}", extensions={"code": "BAD_INPUT"}) from None

    return read


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None)
        return f"{plain.isoformat(timespec='microseconds')}Z"
    return value if isinstance(value, int) else str(value)


class EdgeGraphQL:
    """Executes documents against the copy of an edge, and stores each look at an operator."""

    def __init__(self, store: EdgeStore) -> None:
        self._store, self._schema = store, schema()
        self._checked = lru_cache(maxsize=256)(self._parsed)

    def execute(
        self, query: str, variables: Mapping[str, Any] | None, purpose: str | None
    ) -> dict[str, Any]:
        """The response to one document; `extensions.edge` has the age of the data."""
        document, wrong = self._checked(query)
        if wrong or document is None:
            return {"errors": wrong}
        try:
            state = self._store.state()
        except NotFilled as error:
            return {"errors": [_error(str(error), "UNAVAILABLE")]}
        root = _Root(self._store, purpose)
        done = execute_sync(self._schema, document, root, variable_values=dict(variables or {}))
        if root.looks:
            self._store.keep(root.looks)
        now = datetime.now(UTC)
        found: dict[str, Any] = {"data": done.data}
        if done.errors:
            found["errors"] = [_formatted(error) for error in done.errors]
        found["extensions"] = {
            "edge": {
                "partner": state.partner,
                "position": state.moment.position,
                "epoch": state.moment.epoch,
                "asOf": _written(state.moment.at),
                "ageSeconds": round(age(state, now), 3),
            }
        }
        return found

    def _parsed(self, query: str) -> tuple[DocumentNode | None, list[dict[str, Any]]]:
        try:
            document = parse(query, max_tokens=TOKENS)
        except GraphQLError as error:
            return None, [_formatted(error)]
        return document, [_formatted(error) for error in validate(self._schema, document)]


class _Root:
    """The root value: a method for each query."""

    def __init__(self, store: EdgeStore, purpose: str | None) -> None:
        self._store, self._purpose = store, purpose
        self._now = datetime.now(UTC)
        self.looks: list[Look] = []

    def recognition(self, info: Any, tin: Tin, **arguments: Any) -> dict[str, Any]:
        return self.recognitions(info, [tin], **arguments)[0]

    def recognitions(self, info: Any, tins: list[Tin], **arguments: Any) -> list[dict[str, Any]]:
        if len(tins) > MOST:
            raise _refused(f"tins: found {len(tins):,}, wanted at most {MOST:,}")
        at = self._at(arguments.get("asOf"))
        consignment = {
            k: v for k, v in (arguments.get("consignment") or {}).items() if v is not None
        }
        question = Question(
            arguments["in"],
            at,
            _term(Role, consignment.get("role")),
            _term(Direction, consignment.get("direction")),
            consignment.get("hs"),
            consignment.get("crossing"),
            consignment.get("mode"),
        )
        try:
            found = answers(self._store, tins, question)
        except NotAnsweredHere as error:
            raise _refused(str(error)) from None
        texts = {name: str(value) for name, value in consignment.items()} or None
        self.looks += [answer.look(self._now, self._purpose, texts) for answer in found]
        return [answer.as_fields() for answer in found]

    def operator(self, info: Any, tin: Tin, asOf: Any = None) -> dict[str, Any] | None:  # noqa: N803
        return operator(self._store, tin, self._at(asOf))

    def _at(self, as_of: Any) -> datetime:
        """The instant of valid time. Raises GraphQLError for another transaction time than now."""
        instants = as_of or {}
        at, known = instants.get("at") or self._now, instants.get("knownAt")
        if known is not None and abs(known - self._now) > TOLERANCE:
            raise _refused(
                f"asOf.knownAt: found {_written(known)}, and an edge knows what its copy shows;"
                " ask the register what was known earlier"
            )
        if at.year < 1900 or at > self._now + AHEAD:
            raise _refused(f"asOf.at: found {_written(at)}, wanted from 1900 to ten years ahead")
        return cast(datetime, at)


def _term(kind: Any, name: str | None) -> Any:
    return None if name is None else kind(name)


def _refused(sentence: str) -> GraphQLError:
    return GraphQLError(sentence, extensions={"code": "BAD_INPUT"})


def _formatted(error: GraphQLError) -> dict[str, Any]:
    original = error.original_error
    if original is not None and not isinstance(original, GraphQLError):
        raise original  # a defect, for the log
    found = dict(error.formatted)
    found.setdefault("extensions", {"code": "BAD_INPUT"})
    return found


def _error(sentence: str, code: str) -> dict[str, Any]:
    return {"message": sentence, "extensions": {"code": code}}
