"""Findings of the background check: each is recorded once, logged once, and closed when it is
repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
import structlog
from psycopg.rows import class_row

from projections.checking.comparison import CheckedSubject, Difference
from projections.models.catalogue import stream_of

log = structlog.get_logger()

CHANNEL = "checks_found"  # notification channel: a finding was opened or closed


@dataclass(frozen=True)
class CheckStatus:
    """Status of the background check.

    `age`: seconds since the last complete walk, None if there was none. `progress`: share of the
    current walk, from 0 to 1. `streams`: number of streams derived so far. `findings`: total number
    of findings; `unmended`: open findings about read models; `of_ledger`: open findings about the
    ledger. Instants are in UTC.
    """

    whole_at: datetime | None
    age: float | None
    whole_seconds: float | None
    looked_at: datetime | None
    progress: float
    streams: int
    findings: int
    last_found_at: datetime | None
    unmended: int
    of_ledger: int


COLUMNS: LiteralString = """
w.whole_at, extract(epoch from clock_timestamp() - w.whole_at)::float8 as age, w.whole_seconds,
w.looked_at, w.progress, w.streams,
(select coalesce(max(number), 0) from checks.finding) as findings,
(select max(found_at) from checks.finding) as last_found_at,
(select count(*) from checks.finding where mended_at is null and noun <> '') as unmended,
(select count(*) from checks.finding where mended_at is null and noun = '') as of_ledger"""


def checked(connection: psycopg.Connection[Any]) -> CheckStatus:
    """Reads the status of the background check."""
    with connection.cursor(row_factory=class_row(CheckStatus)) as cursor:
        found = cursor.execute(f"select {COLUMNS} from checks.walk w").fetchone()
    assert found is not None
    return found


def record(
    connection: psycopg.Connection[Any], difference: Difference, why_not: str | None = None
) -> None:
    """Records a finding that was repaired in this transaction, or not, for the reason `why_not`. An
    open finding is not recorded or logged again."""
    row = connection.execute(
        "insert into checks.finding (relation, noun, subject, what, position, last_whole_at,"
        " mended_at, why_not) select %(relation)s, %(noun)s, %(subject)s, %(what)s, %(position)s,"
        " w.whole_at, case when %(why_not)s::text is null then clock_timestamp() end, %(why_not)s"
        " from checks.walk w on conflict (relation, subject) where mended_at is null"
        " do update set why_not = excluded.why_not returning xmax = 0",
        {
            "relation": difference.relation,
            "noun": difference.noun,
            "subject": difference.key,
            "what": difference.what,
            "position": difference.position,
            "why_not": why_not,
        },
    ).fetchone()
    if row and row[0]:
        log.error(
            "checker.found",
            table=difference.relation,
            subject=difference.key,
            what=difference.what,
            mended=why_not is None,
            **({"why_not": why_not} if why_not else {}),
        )
        connection.execute("select pg_notify(%s, '')", [CHANNEL])


def close_repaired(connection: psycopg.Connection[Any], subject: CheckedSubject) -> None:
    """Closes the open findings of a subject, because it is repaired."""
    closed = connection.execute(
        "update checks.finding set mended_at = clock_timestamp()"
        " where mended_at is null and noun = %s and subject = %s",
        [subject.noun, subject.key],
    ).rowcount
    if closed:
        log.info("checker.mended", subject=subject.key)
        connection.execute("select pg_notify(%s, '')", [CHANNEL])


def close_absent(
    connection: psycopg.Connection[Any], after: int, until: int, still: Sequence[str]
) -> None:
    """Closes the open findings about the ledger at the positions (after, until], except those in
    `still`."""
    connection.execute(
        "update checks.finding set mended_at = clock_timestamp() where mended_at is null"
        " and noun = '' and position > %s and position <= %s and subject <> all(%s)",
        [after, until, list(still)],
    )


def open_findings(
    connection: psycopg.Connection[Any],
) -> dict[CheckedSubject, list[Difference]]:
    """Returns the open findings about read models, by subject."""
    rows = connection.execute(
        "select relation, noun, subject, what, position from checks.finding"
        " where mended_at is null and noun <> '' order by number limit 1000"
    ).fetchall()
    found: dict[CheckedSubject, list[Difference]] = {}
    for row in rows:
        difference = Difference(*row)
        subject = CheckedSubject(
            difference.noun, difference.key, stream_of(difference.noun, difference.key)
        )
        found.setdefault(subject, []).append(difference)
    return found
