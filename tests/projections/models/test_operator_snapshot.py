"""An operator's own row says what its tables say, from the instant on which it is settled."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from string import ascii_uppercase
from typing import Any

import psycopg

from registry.paths import ROOT
from tests.chance import TIMES
from tests.projections.reads.test_rule import _write
from tests.worlds import Maker

WORLDS = 80
#: The rule as one statement over the bitemporal tables.
ORACLE = ROOT / "tests" / "projections" / "reads" / "rule_oracle.sql"
LATER = (timedelta(0), timedelta(microseconds=1), timedelta(days=40), timedelta(days=2_000))
TURNS = 1 if TIMES > 1 else len(LATER)


def test_the_rule_of_a_settled_row_is_the_rule_of_the_tables(database: str) -> None:
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    everywhere, there, consigned, stood = 0, 0, 0, 0
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        worlds = [Maker(9_000 + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)]
        _write(connection, worlds)
        connection.execute(ORACLE.read_bytes())
        settled = connection.execute(
            "select count(*) filter (where settled < '9000-01-01'), count(*) from views.operator"
        ).fetchone()
        assert settled is not None
        assert settled[0] > 0.9 * settled[1], "hardly any row would ever answer"
        for at, known in product(LATER, LATER):
            later = {"at": at, "known": known}
            everywhere += _equal(connection, _EVERYWHERE, later)
            stood += _equal(connection, _STOOD, later)
        # The row is asked everywhere at each of them; into one territory the rule reads the same
        # columns, so that each pair, and each pair's consignment, is asked at one of the four.
        for turn, at in enumerate(LATER):
            later = {"at": at, "known": timedelta(0), "turn": turn, "turns": TURNS}
            there += _equal(connection, _THERE, later)
            consigned += _equal(connection, _CONSIGNED, later)
    assert everywhere > 2_000
    assert there > 5_000
    assert consigned > 5_000
    assert stood > 1_000


def _equal(connection: psycopg.Connection[Any], statement: str, later: dict[str, Any]) -> int:
    rows = connection.execute(statement.encode(), later).fetchall()
    for tin, long_way, short_way in rows:
        assert short_way == long_way, (tin, later)
    return len(rows)


_SETTLED = """
from (select o.*, o.settled + %(at)s as at, o.settled + %(known)s as known
    from views.operator o where o.settled < '9000-01-01'
        and coalesce(o.settled_until, 'infinity') > o.settled + %(at)s) o"""
_ROW = """o.held, o.held_programmes, o.held_types, o.held_statuses, o.held_abroad, o.held_roles,
    o.held_from, o.schemes, o.identifiers, o.consents, o.at, o.known"""
_WORDS = "outcome, v.legal, v.operational, v.reasons, v.bases"

_EVERYWHERE = f"""
select o.tin,
    (select array_agg(row(v.territory, v.{_WORDS})::text order by v.territory)
        from oracle.verdicts(o.tin, o.administration, null, o.at, o.known,
            null, null, null, null, null) v),
    (select array_agg(row(v.territory, v.{_WORDS})::text order by v.territory)
        from rule.everywhere(o.tin, o.administration, {_ROW}) v)
{_SETTLED}"""

_THERE = f"""
select o.tin || ' in ' || a.code,
    (select row(v.{_WORDS})::text
        from oracle.verdicts(o.tin, o.administration, a.code, o.at, o.known,
            null, null, null, null, null) v),
    (select row(v.{_WORDS})::text from rule.there(o.tin, o.administration,
        rule.parties(o.administration, o.at, o.known), a.code,
        rule.parties(a.code, o.at, o.known), array(
            select c.law from rule.consent_laws(o.at, o.known) c),
        {_ROW}) v)
{_SETTLED}
join views.administration a on left(a.code, 1) = left(o.administration, 1)
    and (hashtext(o.tin || a.code) + %(turn)s) %% %(turns)s = 0"""

#: The same, asked about with some of the consignments that clauses tell apart.
_ASKED = "null, null, null, null, null"
_CONSIGNED = (
    _THERE.replace(_ASKED, "c.role, c.direction, c.hs, c.crossing, c.mode").replace(
        f"{_ROW})", f"{_ROW}, c.role, c.direction, c.hs, c.crossing, c.mode)"
    )
    + """
cross join lateral (
    select * from (values ('CARRIER', null, null, null, null),
        ('EXPORTER', 'IMPORT', '0702', null, null), (null, 'EXPORT', '1201', 'Heihe', 'RAIL'),
        (null, null, '12', 'heihe-blagoveshchensk', 'road'),
        (null, null, '999999', 'Suifenhe', 'AIR')) as c (role, direction, hs, crossing, mode)
    order by md5(o.tin || a.code || c.*::text) limit 2
) c"""
)

_STOOD = f"""
select o.tin,
    (select row(n.*)::text from rule.stood(o.tin, o.at, o.known) n),
    row(o.name, o.local_name, o.address, o.roles, o.successor, o.standing)::text
{_SETTLED}
union all
select o.tin, array(
        select c from unnest(rule.consents_then(o.tin, greatest(o.at, o.known))) c
        order by c collate "C")::text,
    o.consents::text
{_SETTLED}"""
