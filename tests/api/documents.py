"""Documents nobody wrote: every way of saying what can be asked, drawn from the schema itself."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)

from api.graphql.schema import core
from api.graphql.sql_fields import Rows, Value, WordedField, place
from tests.api.region import FRUIT, OLD, OPEN, QUIET, SHUT, STEEL

ROOTS = ("operator", "operatorsByTin", "recognition", "recognitions", "agreement", "recognitionsOf")
SUBJECTS = {
    "auditor:*": ("KR", "DE", "CN", "AU", "EU", "JP"),
    "officer:CN": ("CN",),
    "officer:EU": ("DE", "EU", "FR"),
    "partner:KR": ("KR",),
    "partner:CN": ("CN",),
    "partner:DE": ("DE", "EU"),
    f"company:{FRUIT}": ("KR", "DE"),
    "public": ("KR",),
}
TINS = (FRUIT, QUIET, STEEL, OPEN, SHUT, OLD, "AEOCN1234567890", "KR99999999", "XI123456789000")
BAD_TINS = ("cn1234567890", 'CN"\\', "", "ZZ1")
INSTANTS = (
    "2016-05-01T16:00:00Z",
    "2016-05-01T15:59:59.999999Z",
    "2018-03-01T00:00:00+11:00",
    "2020-01-01T00:00:00+08:00",
    "2019-12-31T15:59:59.999999Z",
    "2021-01-01T00:00:00Z",
    "2025-01-10T02:00:00Z",
    "2025-01-09T16:00:00.000001Z",
    "2026-02-28T15:00:00Z",
    "2026-03-10T02:00:00Z",
    "2023-12-14T02:00:00Z",
    "2015-01-01T00:00:00Z",
)
NAMED = "2020-01-01T00:00:00.000000Z"
KEYS = ("1", "", 'a "key"', "back\\slash", "\u6d77\u5173", "{1,2}", "NULL")
BAD_QUESTIONS: tuple[tuple[str, Any], ...] = (
    ("tin", "ZZ1"),
    ("tin", 'CN"\\'),
    ("tin", None),
    ("tin", 7),
    ("at", "2026-03-05"),
    ("at", "2026-02-30T00:00:00Z"),
    ("at", "1066-10-14T00:00:00Z"),
    ("at", "2090-01-01T00:00:00Z"),
    ("role", "BOSS"),
    ("direction", "UP"),
    ("hs", "123"),
    ("hs", 12),
    ("crossing", "x" * 101),
    ("mode", []),
    ("goods", "0702"),
    ("key", None),
    ("consignment", "rail"),
)
CASES: dict[str, tuple[Any, ...]] = {
    "receipt": (False,),
    "outcome": ("RECOGNISED", "NOT_RECOGNISED", "UNKNOWN", None),
    "first": (None, 1, 2, 5, 100),
    "id": (
        "CN-KR-AEO",
        "CN-AU-AEO",
        "CN-RU-CONTROL",
        'no "such"',
        "\u6d77\u5173",
        "Agreement:CN-KR-AEO",
        f"Agreement@{NAMED},{NAMED}:CN-AU-AEO",
        "Operator:CN-KR-AEO",
    ),
    "direction": (None, "IMPORT", "EXPORT"),
    "role": (None, "EXPORTER", "CARRIER"),
    "hs": (None, "0702", "12"),
    "crossing": (None, "Heihe", "a'b\"c\\"),
    "mode": (None, "rail", "ROAD"),
    "at": (None, *INSTANTS),
    "knownAt": (None, *INSTANTS),
}


@dataclass
class Asking:
    """One document with its variables, in the words of one subject. `features`: what is in it."""

    subject: str
    seed: int
    features: Counter[str] = field(default_factory=Counter)
    variables: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    _fragments: list[str] = field(default_factory=list)
    _declared: list[str] = field(default_factory=list)
    _names: int = 0

    def __post_init__(self) -> None:
        self.luck = random.Random(self.seed)
        chosen = self.luck.choices(ROOTS, (8, 4, 2, 1, 2, 2), k=self.luck.choice((1, 1, 1, 1, 2)))
        if self.subject == "public":
            chosen = ["operator"]
        assert core.query_type
        fields = [self._one(core.query_type, name, 0) for name in chosen]
        if self._chance(0.1):
            fields.append("__typename")
        body = " ".join(fields)
        head = f"query Q({', '.join(self._declared)}) " if self._declared else "query Q "
        self.text = head + "{ " + body + " } " + " ".join(self._fragments)

    # ----------------------------------------------------------- selections

    def _selection(self, type: GraphQLObjectType, depth: int) -> str:
        names = [n for n, f in type.fields.items() if self._wanted(type, n, f, depth)]
        # One field in all that no statement answers, however many there are: such a document is
        # declined whole, and each new pair of its features would be one more of them.
        declined = [n for n, f in type.fields.items() if self._declines(f, depth)]
        if declined and self._chance(0.015):
            names.append(self.luck.choice(declined))
        parts = [] if names else ["__typename"]
        for name in self.luck.choices(names, k=self.luck.randint(1, 5)) if names else ():
            part = self._one(type, name, depth)
            parts.append(self._wrapped(part, type))
            if not type.fields[name].args and self._chance(0.1):
                self.features["merged"] += 1
                parts.append(self._again(part, type, name, depth))
        if self._chance(0.1):
            self.features["typename"] += 1
            parts.append(self.luck.choice(("__typename", "kind_of: __typename")))
        return "{ " + " ".join(parts) + " }"

    def _wanted(
        self, type: GraphQLObjectType, name: str, defined: GraphQLField, depth: int
    ) -> bool:
        if self.subject == "public" and name in ("identifiers", "periods", "recognisedIn"):
            return self._chance(0.02)
        if isinstance(_place(defined), WordedField):  # of recognisedIn nothing is worded
            return depth < 3 or self._chance(0.001)
        return _is_reached(defined, depth) and _is_planned(defined)

    def _declines(self, defined: GraphQLField, depth: int) -> bool:
        worded = isinstance(_place(defined), WordedField)
        return _is_reached(defined, depth) and not worded and not _is_planned(defined)

    def _one(self, type: GraphQLObjectType, name: str, depth: int) -> str:
        defined = type.fields[name]
        self.features[f"{type.name}.{name}"] += 1
        alias = ""
        if defined.args or depth == 0:
            alias = f"{name}_{self._name()}: "  # with other arguments it is another field
        elif self._chance(0.2):
            self.features["alias"] += 1
            alias = f"{name}_{'x' * 64 if self._chance(0.2) else 'again'}: "
        inner = get_named_type(defined.type)
        chosen = self._selection(inner, depth + 1) if isinstance(inner, GraphQLObjectType) else ""
        return alias + name + self._arguments(defined) + self._switch() + " " + chosen

    def _again(self, part: str, type: GraphQLObjectType, name: str, depth: int) -> str:
        """The same response key once more: of an object with another selection."""
        inner = get_named_type(type.fields[name].type)
        if not isinstance(inner, GraphQLObjectType):
            return part
        key = part.split("{", maxsplit=1)[0].split("@", maxsplit=1)[0]
        return key + self._selection(inner, depth + 1)

    def _wrapped(self, part: str, type: GraphQLObjectType) -> str:
        match self.luck.randint(0, 11):
            case 0:
                self.features["inline"] += 1
                return f"... on {type.name}{self._switch()} {{ {part} }}"
            case 1:
                self.features["untyped"] += 1
                return f"...{self._switch()} {{ {part} }}"
            case 2:
                self.features["named"] += 1
                name = f"F{self._name()}"
                self._fragments.append(f"fragment {name} on {type.name} {{ {part} }}")
                return f"...{name}{self._switch()}" + (f" ...{name}" if self._chance(0.2) else "")
        return part

    def _switch(self) -> str:
        if not self._chance(0.06):
            return ""
        which, answer = self.luck.choice(("skip", "include")), self.luck.choice((True, False))
        self.features[which] += 1
        said = json.dumps(answer)
        if self._chance(0.5):
            self.features["switched by a variable"] += 1
            said = self._variable("Boolean!", answer)
        return f" @{which}(if: {said})"

    # ------------------------------------------------------------ arguments

    def _arguments(self, defined: GraphQLField) -> str:
        said = []
        for name, argument in defined.args.items():
            needed = isinstance(argument.type, GraphQLNonNull)
            if not needed and self._chance(0.5):
                continue
            if name == "receipt" and self._chance(0.9):
                continue
            said.append(f"{name}: {self._value(name, argument)}")
        return f"({', '.join(said)})" if said else ""

    def _value(self, name: str, argument: GraphQLArgument) -> str:
        needed = isinstance(argument.type, GraphQLNonNull)
        kind = str(argument.type)
        made = self._made(name, argument)
        if self._chance(0.5):
            return _literal(made, argument.type)
        self.features["variable"] += 1
        style = self.luck.randint(0, 19)
        if style < 12:
            return self._variable(kind if needed or made is None else f"{kind}!", made)
        default = f"{kind.rstrip('!')} = {_literal(made, argument.type)}"
        if style < 16 and made is not None:
            self.features["default"] += 1
            return self._variable(default)
        if needed:
            if style == 19 and made is not None and self._chance(0.2):
                self.features["null for what may not be"] += 1
                return self._variable(default, None, given=True)
            return self._variable(kind, made)
        if style < 18:
            self.features["missing"] += 1
            return self._variable(kind)
        self.features["null"] += 1
        return self._variable(kind, None, given=True)

    def _variable(self, kind: str, value: Any = None, given: bool | None = None) -> str:
        name = f"v{self._name()}"
        self._declared.append(f"${name}: {kind}")
        if given or value is not None:
            self.variables[name] = value
        return f"${name}"

    def _made(self, name: str, argument: GraphQLArgument | Any) -> Any:
        inner = get_named_type(argument.type)
        if name == "questions":
            return [self._question() for _ in range(self.luck.choice((0, 1, 3, 8)))]
        if isinstance(inner, GraphQLInputObjectType):
            self.features[name] += 1
            return {n: self._made(n, f) for n, f in inner.fields.items() if self._chance(0.6)}
        match name:
            case "tin":
                return self._tin()
            case "tins":
                return [self._tin() for _ in range(self.luck.choice((0, 1, 3, 8)))]
            case "in":
                foreign = self._chance(0.05)
                return self.luck.choice(("KR", "CN", "ZZ") if foreign else SUBJECTS[self.subject])
        if name == "first" and self._chance(0.03):
            return self.luck.choice((0, -1, 101))
        return self.luck.choice(CASES.get(name, (None,)))

    def _question(self) -> dict[str, Any]:
        """Of a batch of declarations: one in five is wrong somewhere."""
        said: dict[str, Any] = {"key": self.luck.choice(KEYS), "tin": self._tin()}
        if self._chance(0.6):
            said["at"] = self.luck.choice(CASES["at"])
        if self._chance(0.6):
            names = ("role", "direction", "hs", "crossing", "mode")
            said["consignment"] = {
                name: self.luck.choice(CASES[name]) for name in names if self._chance(0.5)
            }
        if self._chance(0.2):
            self.features["bad question"] += 1
            name, bad = self.luck.choice(BAD_QUESTIONS)
            if name in CASES and name != "at":
                said["consignment"] = {**said.get("consignment", {}), name: bad}
            else:
                said[name] = bad
        elif self._chance(0.2):
            said["tin"] = self.luck.choice(("  {} ", "{}")).format(said["tin"].lower())
        return said

    def _tin(self) -> str:
        return self.luck.choice(BAD_TINS if self._chance(0.01) else TINS)

    def _chance(self, share: float) -> bool:
        return self.luck.random() < share

    def _name(self) -> int:
        self._names += 1
        return self._names


def _place(defined: GraphQLField) -> Any:
    return place(defined.extensions["strawberry-definition"].metadata)


def _is_leaf(defined: GraphQLField) -> bool:
    return bool(is_leaf_type(get_named_type(defined.type)))


def _is_reached(defined: GraphQLField, depth: int) -> bool:
    return _is_leaf(defined) or depth < 4


def _is_planned(defined: GraphQLField) -> bool:
    """Whether its value lies in a column or in rows, or the resolver is the attribute itself."""
    own = defined.extensions["strawberry-definition"]
    return isinstance(_place(defined), Rows | Value) or (
        _is_leaf(defined) and not own.base_resolver
    )


def _literal(value: Any, kind: Any) -> str:
    """In the syntax of GraphQL: like JSON, but for names of enums and of fields."""
    inner = get_named_type(kind)
    if isinstance(value, dict):
        kinds = {name: field.type for name, field in inner.fields.items()}
        said = (f"{name}: {_literal(item, kinds.get(name))}" for name, item in value.items())
        return "{" + ", ".join(said) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item, inner) for item in value) + "]"
    if isinstance(value, str) and hasattr(inner, "values"):
        return value
    return json.dumps(value)
