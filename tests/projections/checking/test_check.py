"""`aeo check` finds what somebody with the database owner's hand has changed."""

from __future__ import annotations

import psycopg
import pytest

from projections.checking.check import check
from projections.engine.projector import Projector
from projections.models.catalogue import TABLES
from registry.application.registry import Registry
from tests.api.region import LINES, record


def test_a_register_that_nobody_touched_has_nothing_to_find(
    database: str, a_world: Registry
) -> None:
    Projector(database).catch_up()

    assert [finding for finding in check(database) if not finding.good] == []


@pytest.mark.parametrize(
    ("harm", "what", "said"),
    [
        (
            "update views.status_period set valid_to = null where status = 'LODGED'",
            "status_period: no overlap in valid time and transaction time",
            "/1 from",
        ),
        (
            "update views.status_period set valid_to = null"
            " where status = 'VALID' and valid_until = '2026-10-06' and recorded_to is null",
            "periods end with their term",
            "operator HKSYNTHETIC0001 is held until None, and the term ended with 2026-10-06",
        ),
        (
            "update views.operator set name = 'Somebody Else' where tin = 'CN1234567890'",
            "200 streams derived again give the same rows",
            "operator: ('CN1234567890'",
        ),
        (
            "delete from views.operator where tin = 'CN1234567890'",
            "every operator has its row",
            "operator CN1234567890 is missing",
        ),
        (
            "delete from views.consent where tin = 'FRSYNTHETIC0001'",
            "200 streams derived again give the same rows",
            "consent: ('FRSYNTHETIC0001'",
        ),
        (
            "delete from views.change where tin = 'CN1234567890'",
            "200 streams derived again give the same rows",
            "change: ('CN1234567890'",
        ),
        (
            "update views.operator set latest = latest[2:] where tin = 'CN1234567890'",
            "the current state of an operator equals its bitemporal tables",
            "the row of operator CN1234567890 differs",
        ),
        (
            "delete from ledger.event where position = 7",
            "positions have no gap",
            "and there are",
        ),
        (
            "update ledger.event set decided_by = 'XX' where position = 9",
            "columns equal the fields of the events",
            "position 9 has decided_by XX",
        ),
        (
            "update ledger.event set known_at = recorded_at + interval '1 day' where position = 5",
            "transaction time never decreases in a stream",
            "position 5 was known",
        ),
    ],
)
def test_what_was_changed_by_hand_is_found(
    database: str, a_world: Registry, harm: str, what: str, said: str
) -> None:
    Projector(database).catch_up()
    with psycopg.connect(database) as connection:
        connection.execute("alter table ledger.event disable trigger all")
        connection.execute("alter table ledger.event drop constraint if exists event_check")
        for (name,) in connection.execute(
            "select conname from pg_constraint where conrelid = 'ledger.event'::regclass"
            " and contype = 'c'"
        ).fetchall():
            connection.execute(f"alter table ledger.event drop constraint {name}")
        connection.execute(harm)

    found = {finding.what: finding.wrong for finding in check(database)}

    assert any(said in wrong for wrong in found[what]), found


FOLDED = "the folded change feed equals the answers"


def test_a_feed_that_does_not_fold_is_found(database: str) -> None:
    record(database, *LINES)
    [good] = [finding for finding in check(database) if finding.what == FOLDED]
    assert good.good, good

    with psycopg.connect(database) as connection:
        connection.execute("delete from views.change")
    [bad] = [finding for finding in check(database) if finding.what == FOLDED]
    assert any(
        "the feed says UNKNOWN (NO_INFORMATION), the answer is" in text for text in bad.wrong
    )


def test_a_row_of_what_was_never_recorded_is_found_in_every_table(
    database: str, a_world: Registry
) -> None:
    Projector(database).catch_up()
    spoilt = set()
    with psycopg.connect(database, autocommit=True) as connection:
        for number, (table, key) in enumerate((name, table.key) for name, table in TABLES.items()):
            made = connection.execute(
                f"create temporary table x as select * from views.{table} limit 1"
            ).rowcount
            new = "gen_random_uuid()" if table == "claim" else f"'CN00000000{number:02}'"
            connection.execute(f"update x set {key} = {new}")
            connection.execute(f"insert into views.{table} select * from x")
            connection.execute("drop table x")
            spoilt |= {table} if made else set()

    found = {finding.what.split(":")[0] for finding in check(database) if not finding.good}

    assert len(spoilt) > 12
    assert spoilt - {"operator"} <= found and "no operator without its event" in found


def test_a_row_that_is_there_twice_is_found_where_no_key_forbids_it(
    database: str, a_world: Registry
) -> None:
    Projector(database).catch_up()
    with psycopg.connect(database) as connection:
        connection.execute(
            "insert into views.programme_rule select * from views.programme_rule limit 1"
        )

    found = {finding.what: finding.wrong for finding in check(database)}

    assert "programme_rule" in found["200 streams derived again give the same rows"][0]
