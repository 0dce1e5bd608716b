"""The questions that every server of the read bench is asked, each in its own tongue."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASES = "bases { agreement { id } authorisation since }"
VERDICT = f"in outcome legal operational reasons {{ code }} {BASES}"
PERIODS = "periods(first: 5) { authorisation status validFrom validTo recordedFrom recordedTo }"
SIMPLE = "tin name localName standing source address"
RICH = f"{SIMPLE} roles {PERIODS} recognisedIn {{ {VERDICT} }}"
MANY = f"{SIMPLE} roles {PERIODS}"

# PostGraphile answers the same under its own names, and hands out reasons and bases as they lie.
P_VERDICT = "in: territory outcome legal operational reasons bases"
P_PERIODS = (
    "periods: periodsList(first: 5, orderBy: [VALID_FROM_DESC, RECORDED_FROM_DESC,"
    " REFERENCE_ASC, POSITION_DESC])"
    " { authorisation status validFrom validTo recordedFrom recordedTo }"
)
P_RICH = f"{SIMPLE} roles {P_PERIODS} recognisedIn: recognisedInList {{ {P_VERDICT} }}"

# The statements of the servers written by hand, over `k(key, n)`: keys in the order asked.
S_OPERATOR = (
    "'tin', o.tin, 'name', o.name, 'localName', o.local_name, 'standing', o.standing,"
    " 'source', o.source, 'address', o.address"
)
S_PERIODS = """'periods', (select coalesce(json_agg(json_build_object(
    'authorisation', p.authorisation, 'status', p.status, 'validFrom', p.valid_from,
    'validTo', p.valid_to, 'recordedFrom', p.recorded_from, 'recordedTo', p.recorded_to)), '[]')
    from (select * from peer.period p where p.tin = o.tin
          order by p.valid_from desc, p.recorded_from desc, p.reference, p.position desc
          limit 5) p)"""
S_VERDICT = """json_build_object('tin', r.tin, 'in', r.territory, 'outcome', r.outcome,
    'legal', r.legal, 'operational', r.operational, 'reasons', r.reasons, 'bases', r.bases)"""
S_RICH = f"""{S_OPERATOR}, 'roles', o.roles, {S_PERIODS}, 'recognisedIn', (
    select coalesce(json_agg({S_VERDICT}), '[]') from peer.verdicts(array[o.tin], null) r)"""
S_MANY = f"{S_OPERATOR}, 'roles', o.roles, {S_PERIODS}"


def operators(fields: str) -> str:
    return (
        f"select coalesce((select json_build_object({fields})::text from peer.operator o"
        " where o.tin = k.key), 'null') from {keys} order by k.n"
    )


VERDICTS = (
    f"select {S_VERDICT}::text from {{keys}} cross join lateral"
    " peer.verdicts(array[split_part(k.key, ' ', 1)], split_part(k.key, ' ', 2)) r order by k.n"
)
#: All keys of one request name the same territory.
VERDICTS_OF_ONE = (
    f"select {S_VERDICT}::text from ("
    "select array_agg(split_part(k.key, ' ', 1) order by k.n) as tins,"
    " min(split_part(k.key, ' ', 2)) as place from {keys}) a cross join lateral"
    " peer.verdicts(a.tins, a.place) r"
)


@dataclass(frozen=True)
class Kind:
    """`ours` is also what the peers of our making are asked; `many`: TINs in one request."""

    name: str
    title: str
    ours: str
    postgraphile: str
    statement: str
    territory: bool = False
    many: int = 0

    def variables(
        self, tins: Sequence[str], territories: Sequence[str], chance: random.Random
    ) -> dict[str, Any]:
        """What is asked about, by chance."""
        given: dict[str, Any] = (
            {"tins": chance.sample(tins, min(self.many, len(tins)))}
            if self.many
            else {"tin": chance.choice(tins)}
        )
        if self.territory:
            given["in"] = chance.choice(territories)
        return given

    @property
    def keys(self) -> str:
        """The statement for a server, which gives it the keys as an array."""
        return self.statement.format(keys="unnest($1::text[]) with ordinality k(key, n)")

    @property
    def alone(self) -> str:
        """The statement for pgbench, which draws the number of a key."""
        own = "pair" if self.territory else "key"
        return self.statement.format(keys=f"(select {own} as key, n from peer.key where n = :n) k")


ONE = "($tin: TIN!)"
KINDS = (
    Kind(
        "simple",
        "six scalars of one operator",
        f"query Simple{ONE} {{ operator(tin: $tin) {{ {SIMPLE} }} }}",
        f"query Simple($tin: String!) {{ operator: operatorByTin(tin: $tin) {{ {SIMPLE} }} }}",
        operators(S_OPERATOR),
    ),
    Kind(
        "rich",
        "one operator with its periods and where it is recognised",
        f"query Rich{ONE} {{ operator(tin: $tin) {{ {RICH} }} }}",
        f"query Rich($tin: String!) {{ operator: operatorByTin(tin: $tin) {{ {P_RICH} }} }}",
        operators(S_RICH),
    ),
    Kind(
        "recognition",
        "recognition of one TIN with its bases",
        "query One($tin: TIN!, $in: AdministrationCode!)"
        f" {{ recognition(tin: $tin, in: $in) {{ tin {VERDICT} }} }}",
        "query One($tin: String!, $in: String!)"
        " { recognition: verdictsList(tins: [$tin], wanted: $in)"
        f" {{ tin {P_VERDICT} }} }}",
        VERDICTS,
        territory=True,
    ),
    Kind(
        "many",
        "1,000 operators with their periods in one request",
        f"query Many($tins: [TIN!]!) {{ operatorsByTin(tins: $tins) {{ {MANY} }} }}",
        "query Many($tins: [String!]!)"
        " { operatorsByTin: operatorsByTinList(tins: $tins)"
        f" {{ {SIMPLE} roles {P_PERIODS} }} }}",
        operators(S_MANY),
        many=1_000,
    ),
    Kind(
        "recognitions",
        "recognition of 1,000 TINs in one request",
        "query All($tins: [TIN!]!, $in: AdministrationCode!)"
        f" {{ recognitions(tins: $tins, in: $in) {{ tin {VERDICT} }} }}",
        "query All($tins: [String!]!, $in: String!)"
        " { recognitions: verdictsList(tins: $tins, wanted: $in)"
        f" {{ tin {P_VERDICT} }} }}",
        VERDICTS_OF_ONE,
        territory=True,
        many=1_000,
    ),
)


def peers(query: str) -> str:
    """The question to a peer whose scalars are all String."""
    return query.replace("TIN!", "String!").replace("AdministrationCode!", "String!")


def write_bodies(file: Path, query: str, made: Callable[[], dict[str, Any]], count: int) -> Path:
    with file.open("w") as out:
        for _ in range(count):
            out.write(json.dumps({"query": query, "variables": made()}) + "\n")
    return file


def essence(answer: dict[str, Any]) -> Any:
    """What an answer says, without how each server words instants and lists: to hold them equal."""
    if "errors" in answer:
        return answer["errors"]
    [told] = answer["data"].values()
    if isinstance(told, list) and len(told) == 1:  # PostGraphile's way to one row of a function
        [told] = told
    return [_essence(item) for item in told] if isinstance(told, list) else _essence(told)


def _essence(entry: dict[str, Any] | None) -> Any:
    if entry is None:
        return None
    plain = {key: value for key, value in entry.items() if isinstance(value, str | None)}
    if "periods" in entry:
        plain["periods"] = [(p["authorisation"], p["status"]) for p in entry["periods"]]
    if "roles" in entry:
        plain["roles"] = sorted(entry["roles"])
    if "recognisedIn" in entry:
        plain["recognisedIn"] = [_essence(each) for each in entry["recognisedIn"]]
    if "reasons" in entry:
        plain.pop("tin", None)
        plain["reasons"] = sorted(r if isinstance(r, str) else r["code"] for r in entry["reasons"])
        plain["bases"] = [
            b["agreement"]
            if isinstance(b["agreement"], str)
            else b["agreement"]["id"].removeprefix("Agreement:")  # peers have the key alone
            for b in entry["bases"]
        ]
    return plain
