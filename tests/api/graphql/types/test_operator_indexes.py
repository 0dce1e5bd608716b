"""An index serves each filter of operators, where a list is long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from projections.reads import operator_lists
from projections.reads.bitemporal_sql import AsOf
from projections.reads.operator_lists import OperatorConditions, count_sql, page_sql
from projections.reads.operator_order import OperatorOrder, OrderedSpan, ordered_sql
from projections.reads.operators import statement_parameters
from projections.reads.spans import TextRange
from projections.reads.visibility import VisibilityScope
from registry.domain.values import Status
from tests.api.client import AUDITOR
from tests.api.graphql.types.operator_population import (
    DAY,
    MIDS,
    TODAY,
    Population,
    pages,
    population,
)
from tests.api.region import region

__all__ = ["population", "region"]


#: The index by which each filter finds its operators, where they are few.
INDEXES = {
    "status_period_ends": {"valid_until_from": TODAY, "valid_until_to": TODAY + DAY},
    "deadline_over": {"overdue": True},
    "deadline_unanswered": {"due_before": TODAY},
    "operator_position": {"changed_after": 100_000 + 3_900},
    "identifier_normal": {"scheme": "MID", "identifier": MIDS[0]},
}
GROWN = 4_000  # operators more
#: Copies of the rows of one operator, each with its own TIN, number, days and position.
GROW = """
create temp table fresh as
    select o.tin, 'ZZ' || n as mine, n from views.operator o, generate_series(1, %(grown)s) n
    where o.tin = %(tin)s;
insert into views.operator select (jsonb_populate_record(o, jsonb_build_object(
    'tin', f.mine, 'id', gen_random_uuid(), 'position', 100000 + f.n))).*
    from views.operator o join fresh f using (tin);
insert into views.status_period select (jsonb_populate_record(p, jsonb_build_object(
    'tin', f.mine, 'valid_until', date '2010-01-01' + f.n * 3))).*
    from views.status_period p join fresh f using (tin);
insert into views.deadline select (jsonb_populate_record(d, jsonb_build_object(
    'tin', f.mine, 'met_on', null, 'met_at', null, 'dropped', false,
    'due', date '2010-01-01' + f.n * 3, 'over_at', date '2010-01-02' + f.n * 3))).*
    from views.deadline d join fresh f using (tin);
insert into views.identifier (tin, scheme, value, normal, valid_from, recorded_from, position)
    select f.mine, 'MID', 'CN' || f.n, 'CN' || f.n, now(), now(), 1 from fresh f;
analyze;"""


@pytest.fixture(scope="module")
def grown(population: Population) -> Iterator[psycopg.Connection[Any]]:
    """A connection that sees many more operators, and then takes them back."""
    tin = next(
        entry["tin"]
        for entry in population.read(AUDITOR)
        if any(a["deadlines"] for a in entry["authorisations"])
    )
    with psycopg.connect(population.counter.database) as connection:
        for statement in GROW.split(";"):
            if statement.strip():
                said = {"grown": GROWN, "tin": tin}
                connection.execute(statement.encode(), said)
        connection.execute("set plan_cache_mode = force_generic_plan")
        yield connection
        connection.rollback()


def generic_plan(
    connection: psycopg.Connection[Any], statement: str, said: dict[str, Any]
) -> list[str]:
    """As the service has it planned: once, for whatever parameters."""
    names = sorted({name for name in said if f"%({name})s" in statement})
    for number, name in enumerate(names, start=1):
        statement = statement.replace(f"%({name})s", f"${number}")
    kinds = {datetime: "timestamptz", date: "date", int: "bigint"}
    types = ", ".join(kinds.get(type(said[name]), "text") for name in names)
    given = ", ".join(sql.Literal(said[name]).as_string(connection) for name in names)
    connection.execute(f"prepare asked ({types}) as {statement}".encode())
    try:
        rows = connection.execute(f"explain execute asked ({given})".encode()).fetchall()
    finally:
        connection.execute("deallocate asked")
    return [row[0] for row in rows]


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize(
    "statement", [lambda wanted: page_sql(wanted, TextRange(51)), count_sql], ids=["page", "count"]
)
def test_an_index_serves_each_filter(
    grown: psycopg.Connection[Any],
    index: str,
    statement: Callable[[OperatorConditions], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operator_lists, "MOST_CANDIDATES", 200)
    wanted = OperatorConditions(**INDEXES[index])  # type: ignore[arg-type]
    now = datetime.now(UTC)
    said = (
        statement_parameters(VisibilityScope("auditor"), now, AsOf(now, now))
        | wanted.parameters
        | {"size": 51}
    )
    rows = generic_plan(grown, statement(wanted), said)
    names = dict(
        grown.execute(
            "select c.relname, p.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " join pg_class p on p.oid = i.inhparent where c.relkind = 'i'"
        ).fetchall()
    )
    plan = "\n".join(rows)
    used = {names[word] for word in plan.split() if word in names}
    assert index in used, plan


def test_where_many_are_found_the_list_is_walked_and_is_the_same(
    population: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    for filter in (
        {"changedAfter": 1},
        {"validUntilFrom": "2020-01-01"},
        {"overdue": True},
        {"nameContains": "SYNTHETIC"},
        {"changedAfter": 1, "validUntilFrom": "2020-01-01"},
    ):
        few = pages(population.counter, AUDITOR, "tin", filter, {}, 3)
        monkeypatch.setattr(operator_lists, "MOST_CANDIDATES", 0)
        many = pages(population.counter, AUDITOR, "tin", filter, {}, 3)
        monkeypatch.undo()
        assert few == many and few[1] > 1


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("order", "index"),
    [
        (OperatorOrder.NAME, "operator_by_name"),
        (OperatorOrder.STANDING, "operator_by_standing"),
        (OperatorOrder.AUTHORISED, "operator_by_authorised"),
    ],
)
def test_an_index_serves_each_order_from_any_page_on(
    grown: psycopg.Connection[Any], order: OperatorOrder, index: str, descending: bool
) -> None:
    key = {"STANDING": "1", "AUTHORISED": "2020-01-01"}.get(order.value, "m")
    span = OrderedSpan(order, 51, (key, "CN"), descending)
    wanted, now = OperatorConditions(), datetime.now(UTC)
    asked = (
        statement_parameters(VisibilityScope("auditor"), now, AsOf(now, now))
        | wanted.parameters
        | span.parameters
    )
    rows = generic_plan(grown, ordered_sql(wanted, span), asked)
    plan = "\n".join(rows)
    partitions = grown.execute(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " join pg_class p on p.oid = i.inhparent where p.relname = %s",
        (index,),
    ).fetchall()
    walked = [row for row in rows if any(f"using {name} on" in row for (name,) in partitions)]
    assert len(walked) == len(partitions) == 8, plan
    assert "Seq Scan on operator_" not in plan, plan


ORDERED = """
query ($order: OperatorOrder!, $descending: Boolean!, $after: String, $of: AdministrationCode) {
  operators(order: $order, descending: $descending, after: $after, first: 4,
    filter: {administration: $of}) {
    pageInfo { hasNextPage endCursor }
    edges { node { tin name standing authorisations { effectiveFrom } } }
  }
}"""


def ordered(
    population: Population, by: str, order: str, descending: bool, of: str | None
) -> list[dict[str, Any]]:
    """The whole list in an order, four a page."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        given = {"order": order, "descending": descending, "after": after, "of": of}
        page = population.counter.ask(ORDERED, by, **given)["operators"]
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def test_a_list_in_an_order_has_each_operator_once_and_in_its_place(population: Population) -> None:
    with psycopg.connect(population.counter.database) as connection:
        rows_of = connection.execute("select o.tin, o.standing from views.operator o").fetchall()
    decided = dict(rows_of)  # by the last event: what ends by itself is recorded by and by
    keys: dict[str, Callable[[dict[str, Any]], Any]] = {
        "TIN": lambda node: "",
        "NAME": lambda node: node["name"].lower(),
        "STANDING": lambda node: list(Status).index(Status[decided[node["tin"]]]),
        "AUTHORISED": lambda node: min(
            (a["effectiveFrom"] for a in node["authorisations"] if a["effectiveFrom"]),
            default="infinity",
        ),
    }
    everybody = {entry["tin"] for entry in population.read(AUDITOR)}
    for by, of in ((AUDITOR, None), ("officer:CN", "CN")):
        for order, key in keys.items():
            for descending in (False, True):
                rows = ordered(population, by, order, descending, of)
                places = [(key(row), row["tin"]) for row in rows]
                assert places == sorted(places, reverse=descending), (by, order)
                tins = {row["tin"] for row in rows}
                wanted = {tin for tin in everybody if of is None or tin.startswith(of)}
                assert tins == wanted and len(rows) == len(tins), (by, order)


def test_the_operators_of_others_are_in_the_order_of_their_tins_alone(
    population: Population,
) -> None:
    given = {"order": "STANDING", "descending": False, "after": None}
    for by, of in (("officer:KR", "CN"), ("officer:KR", None), ("partner:KR", "KR")):
        error = population.counter.error(ORDERED, by, **given, of=of)
        assert error["code"] == "BAD_INPUT" and "of its own administration" in error["message"]
    cursor = population.counter.ask(ORDERED, AUDITOR, **given, of=None)["operators"]["pageInfo"]
    other = given | {"order": "NAME", "after": cursor["endCursor"]}
    assert "is not a cursor of" in population.counter.error(ORDERED, AUDITOR, **other)["message"]
