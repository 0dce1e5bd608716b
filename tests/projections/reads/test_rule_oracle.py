"""The rule from the bitemporal tables is what it was as one statement, at any two instants."""

from __future__ import annotations

from itertools import product
from string import ascii_uppercase

import psycopg

from registry.paths import ROOT
from tests.projections.reads.test_rule import _write
from tests.worlds import Maker

WORLDS = 16
ORACLE = ROOT / "tests" / "projections" / "reads" / "rule_oracle.sql"
_SAID = """(select array_agg(v.*::text order by v.territory) from {}.verdicts(
    q.tin, q.administration, null, q.at, q.known,
    c.role, c.direction, c.hs, c.crossing, c.mode) v)"""
#: Instants on and around the edges of what is known about the operators, in every combination.
_EVERY = f"""
with every as (
    select distinct t.instant + d.step as instant, left(s.tin, 1) as world
    from views.status_period s
    cross join lateral (values (s.valid_from), (s.valid_to), (s.recorded_from)) as t (instant)
    cross join (
        values (interval '0'), (interval '-1 microsecond'), (interval '40 days')
    ) as d (step)
    where t.instant between '1990-01-01' and '2100-01-01'
), instants as (
    select e.* from (
        select *, row_number() over (partition by world order by md5(instant::text)) as nth
        from every
    ) e where e.nth <= 8
), questions as (
    select o.tin, o.administration, a.instant as at, k.instant as known,
        row_number() over (partition by o.tin order by md5(o.tin || a.instant || k.instant)) as nth
    from views.operator o
    join instants a on a.world = left(o.tin, 1)
    join instants k on k.world = left(o.tin, 1) and k.instant >= o.registered
)
select q.tin, q.at, q.known, {_SAID.format("oracle")}, {_SAID.format("rule")}
from questions q
join lateral (values (0, null, null, null, null, null), (1, 'CARRIER', null, null, null, null),
    (2, 'EXPORTER', 'IMPORT', '0702', null, null), (3, null, 'EXPORT', '1201', 'Heihe', 'RAIL'))
    as c (n, role, direction, hs, crossing, mode) on c.n = q.nth % 4
where q.nth <= 12"""


def test_the_rule_from_the_tables_is_that_of_the_oracle_in_every_territory(database: str) -> None:
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        _write(connection, [Maker(500 + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)])
        connection.execute(ORACLE.read_bytes())
        rows = connection.execute(_EVERY.encode()).fetchall()

    for tin, at, known, oracle, rule in rows:
        assert rule == oracle, (tin, at, known)
    assert len(rows) > 200
    assert sum(oracle is not None for _, _, _, oracle, _ in rows) > 100
