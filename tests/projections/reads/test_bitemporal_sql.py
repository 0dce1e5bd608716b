"""The bitemporal predicate is written once in Python and once in SQL, and both say the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import product

import psycopg

from projections.reads.bitemporal_sql import in_interval
from registry.paths import ROOT, SQL

#: A bound of a bitemporal row that is compared with an instant and may be without end.
BY_HAND = re.compile(
    r"(?:valid|recorded)_to\s+is\s+null\s+or\b"
    r"|coalesce\(\s*[\w.]*(?:valid|recorded)_to\s*,\s*'infinity'\)\s*>",
    re.IGNORECASE,
)
PACKAGES = ("registry", "projections", "api")


def test_no_statement_words_the_predicate_by_hand() -> None:
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    files += SQL.rglob("*.sql")
    found = [path for path in files if BY_HAND.search(path.read_text("utf-8"))]

    assert found == []


def test_what_is_worded_by_hand_would_be_found() -> None:
    by_hand = (
        "t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())",
        "(recorded_to IS NULL\n  OR recorded_to > known)",
        "coalesce(p.valid_to, 'infinity') > now()",
    )

    assert all(map(BY_HAND.search, by_hand))


def test_the_function_of_the_database_is_the_predicate_of_the_statements(database: str) -> None:
    instants = [None, *(datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3))]
    rows = list(product(instants, repeat=3))
    with psycopg.connect(database) as connection:
        found = connection.execute(
            f"select {in_interval('i', 's', 'e')}, rule.in_interval(i, s, e)"
            " from unnest(%s::timestamptz[], %s::timestamptz[], %s::timestamptz[])"
            " as t (i, s, e)".encode(),
            [list(column) for column in zip(*rows, strict=True)],
        ).fetchall()

    assert all(ours == theirs for ours, theirs in found)
    assert {ours for ours, _ in found} == {True, False, None}
