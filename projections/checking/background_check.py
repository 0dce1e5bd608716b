"""The background check: derives the read models anew from the ledger, all the time and slowly.

A row that was changed behind the register's back is found within a day at the latest, recorded as
a finding, and put right from its stream in the same transaction. Where it cannot be put right the
finding stays open, it is tried again, and the service answers no question meanwhile.

A walk goes through the whole ledger by positions and derives each stream that begins there; then
through each table by its keys, for rows that belong to no stream. Where it is stands in the
database, so that it goes on there after any end. Between its steps streams are sampled by chance.
One process checks a database, by an advisory lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg.rows import class_row, tuple_row
from psycopg.sql import SQL, Identifier

from projections.checking import findings, ledger_check
from projections.checking.comparison import (
    CheckedSubject,
    Comparison,
    Difference,
    NotMended,
    Outdated,
)
from projections.engine.leader_lock import acquire_leadership, log_database_failure
from projections.engine.projector import is_transient
from projections.models.catalogue import NOUNS, stream_of, tables_of
from registry.ledger.connections import Session
from registry.ledger.failpoints import reach

log = structlog.get_logger()

LEADER = 0x41454F57  # "AEOW". Advisory lock: one background check a database
STRETCH = 1_000  # positions that a step of the walk goes on
KEYS = 2_000  # keys of a table that a step looks at
SAMPLE = 40  # positions whose streams are looked at by chance, each round
HOURS = 24.0  # within which the whole is to be walked
#: Shares of one core, of this process and its server process together: what is used where it is
#: enough, and the most that is, where the whole would take longer than it may.
CALM_SHARE, MOST_SHARE = 0.02, 0.25
ROUND = 1.0  # seconds between two rounds at least
TRIES = 3  # to put a subject right, where another transaction is in the way
WAIT = 5.0  # seconds until it is looked again where nothing can be checked

#: The parts of a walk after the ledger: each table, and whose rows are in it.
TABLES = {table: noun for noun in NOUNS for table in tables_of(noun)}
_LEDGER = "ledger"
_LEDGER_PART = 0.8  # of a walk, as its progress counts


@dataclass(frozen=True)
class Walk:
    """Where the walk is: its part (empty: none has begun), and the place in it."""

    phase: str
    place: str


class BackgroundCheck:
    """Checks the read models of one database."""

    def __init__(
        self,
        conninfo: str,
        *,
        role: str = "aeo_projector",
        hours: float = HOURS,
        share: float = MOST_SHARE,
        random: Random | None = None,
    ) -> None:
        self.conninfo, self.role = conninfo, role
        self.hours, self.share = hours, share
        self._random = random or Random()
        self._said: str | None = None

    # ------------------------------------------------------------------ running

    def run(self, stop: threading.Event) -> None:
        """Check until told to stop. A database that is lost is waited for."""
        while not stop.is_set():
            try:
                with self._connect() as connection:
                    acquire_leadership(connection, LEADER, stop, "checker")
                    comparison = Comparison(connection)
                    while not stop.is_set():
                        began = monotonic()
                        why = _why_not(connection)
                        if why is None:
                            try:
                                self.round(connection, comparison)
                            except Outdated as error:
                                why = str(error)
                        self._say_waits(why)
                        busy = monotonic() - began
                        stop.wait(WAIT if why else self._pause(connection, busy))
            except psycopg.Error as error:
                log_database_failure(log, "checker", error)
                stop.wait(WAIT)

    def round(self, connection: psycopg.Connection[Any], comparison: Comparison) -> bool:
        """One step of the walk, and some streams by chance. Answers whether a walk was ended by
        it. Raises Outdated and psycopg.Error."""
        self._try_again(connection, comparison)
        self._sample(connection, comparison)
        return self._step(connection, comparison)

    def whole(self) -> None:
        """Everything once, from where the walk is to its end, without a pause."""
        with self._connect() as connection:
            comparison = Comparison(connection)
            self._try_again(connection, comparison)
            while not self._step(connection, comparison):
                pass

    def _pause(self, connection: psycopg.Connection[Any], busy: float) -> float:
        """Seconds to rest after a round: so long that the share holds, which is the greater one
        where the walk is behind its day."""
        row = connection.execute(
            "select progress, extract(epoch from clock_timestamp() - began_at) from checks.walk"
        ).fetchone()
        progress, since = row if row else (0.0, None)
        behind = since is not None and progress < float(since) / (self.hours * 3600)
        share = self.share if behind else min(CALM_SHARE, self.share)
        return max(ROUND, busy / share - busy)

    def _say_waits(self, why: str | None) -> None:
        if why != self._said:
            self._said = why
            log.warning("checker.waits", why=why) if why else log.info("checker.goes_on")

    def _connect(self) -> psycopg.Connection[Any]:
        connection = Session.connect(
            self.conninfo,
            autocommit=True,
            row_factory=tuple_row,
            # A place that a crash of the server takes back is looked at again.
            options="-c jit=off -c synchronous_commit=off -c timezone=UTC"
            " -c max_parallel_workers_per_gather=0",
            application_name="aeo-checker",
        )
        connection.execute(SQL("set role {}").format(Identifier(self.role)))
        return connection

    # ------------------------------------------------------------------ looking

    def _sample(self, connection: psycopg.Connection[Any], comparison: Comparison) -> None:
        head = _head(connection)
        if not head:
            return
        after = self._random.randrange(head)
        with Snapshot(connection):
            ids = _streams(connection, after, after + SAMPLE, begun=False)
            found, keys = comparison.of_streams(ids)
        self._found(connection, comparison, found)
        connection.execute(
            "update checks.walk set looked_at = clock_timestamp(), streams = streams + %s",
            [sum(map(len, keys.values()))],
        )

    def _step(self, connection: psycopg.Connection[Any], comparison: Comparison) -> bool:
        walk = _walk(connection)
        if walk.phase not in (_LEDGER, *TABLES):
            connection.execute(
                "update checks.walk set began_at = clock_timestamp(), phase = %s, place = '0',"
                " progress = 0",
                [_LEDGER],
            )
            walk = _walk(connection)
        if walk.phase == _LEDGER:
            place, looked, progress = self._ledger_step(connection, comparison, int(walk.place))
        else:
            place, looked, progress = self._table_step(
                connection, comparison, walk.phase, walk.place
            )
        reach("checker.before_place")
        phase = walk.phase
        if place is None:
            phase, place = _after(phase), ""
        ended = phase == ""
        connection.execute(
            "update checks.walk set phase = %(phase)s, place = %(place)s, progress = %(progress)s,"
            " streams = streams + %(looked)s, looked_at = clock_timestamp(),"
            " whole_seconds = case when %(ended)s then"
            " extract(epoch from clock_timestamp() - began_at) else whole_seconds end,"
            " whole_at = case when %(ended)s then clock_timestamp() else whole_at end",
            {
                "phase": phase,
                "place": place,
                "progress": 0.0 if ended else progress,
                "looked": looked,
                "ended": ended,
            },
        )
        if ended:
            log.info("checker.whole")
        return ended

    def _ledger_step(
        self, connection: psycopg.Connection[Any], comparison: Comparison, after: int
    ) -> tuple[str | None, int, float]:
        """The streams that begin at the next positions, and what these positions say."""
        with Snapshot(connection):
            head = _head(connection)
            until = min(after + STRETCH, head)
            ids = _streams(connection, after, until, begun=True)
            found, keys = comparison.of_streams(ids)
            found += ledger_check.of_stretch(connection, after, until)
            found += _ahead(connection, head)
        self._found(connection, comparison, found)
        # By the rows, and so after they were put right.
        numbers = ledger_check.of_numbers(connection, keys.get("operator", []), until)
        self._found(connection, comparison, numbers)
        found += numbers
        findings.no_longer(
            connection,
            after,
            until,
            [difference.key for difference in found if not difference.noun],
        )
        looked = sum(map(len, keys.values()))
        if until >= head:
            return None, looked, _LEDGER_PART
        return str(until), looked, _LEDGER_PART * until / head

    def _table_step(
        self, connection: psycopg.Connection[Any], comparison: Comparison, table: str, after: str
    ) -> tuple[str | None, int, float]:
        """The next keys of a table: does each belong to a stream?"""
        noun = TABLES[table]
        key = SQL("{}::text" if table == "claim" else "{}").format(
            Identifier(tables_of(noun)[table])
        )
        statement = SQL("select distinct {0} from {1} where {0} > %s order by 1 limit %s")
        with Snapshot(connection):
            positions = comparison.places()
            rows = connection.execute(
                statement.format(key, Identifier("views", table)), [after, KEYS]
            ).fetchall()
            keys = [found for (found,) in rows]
            streams = {key: stream_of(noun, key) for key in keys}
            there = {
                id
                for (id,) in connection.execute(
                    "select originator_id from ledger.event where originator_id = any(%s)"
                    " and originator_version = 1",
                    [[id for id in streams.values() if id]],
                ).fetchall()
            }
        position = positions.get(NOUNS[noun].name, 0)
        self._found(
            connection,
            comparison,
            [
                Difference(
                    f"views.{table}",
                    noun,
                    item,
                    "there are rows of what was never recorded",
                    position,
                )
                for item, id in streams.items()
                if id not in there
            ],
        )
        done = list(TABLES).index(table) + 1
        progress = _LEDGER_PART + (1 - _LEDGER_PART) * done / len(TABLES)
        return (keys[-1] if len(keys) == KEYS else None), 0, progress

    # ------------------------------------------------------------------ putting right

    def _found(
        self,
        connection: psycopg.Connection[Any],
        comparison: Comparison,
        found: Iterable[Difference],
    ) -> None:
        """Each subject of which something differs, put right at once; and recorded."""
        subjects: dict[CheckedSubject, list[Difference]] = {}
        for difference in found:
            if difference.noun:
                id = stream_of(difference.noun, difference.key)
                subjects.setdefault(CheckedSubject(difference.noun, difference.key, id), []).append(
                    difference
                )
            elif difference.relation == ledger_check.HEAD:
                self._put_back(connection, difference)
            else:
                findings.record(connection, difference, "the ledger is never changed")
        for subject, differences in subjects.items():
            self._mend(connection, comparison, subject, differences)

    def _mend(
        self,
        connection: psycopg.Connection[Any],
        comparison: Comparison,
        subject: CheckedSubject,
        differences: Iterable[Difference],
    ) -> None:
        """What differed in a snapshot is looked at again under the lock: it may have been the
        moment in which a rebuild was swapped in. Who is in the way is waited for."""
        for left in reversed(range(TRIES)):
            try:
                with connection.transaction():
                    for difference in comparison.mend(subject):
                        findings.record(connection, difference)
                    findings.now_right(connection, subject)
                break
            except (NotMended, psycopg.Error) as error:
                if connection.closed:
                    raise
                if left and _in_the_way(error):
                    continue
                for difference in differences:
                    findings.record(connection, difference, str(error).strip())
                break
        reach("checker.after_mend")

    def _put_back(self, connection: psycopg.Connection[Any], difference: Difference) -> None:
        """A place that is further than the ledger: the follower would leave out what is still to
        come. The walk begins anew, for what was left out already."""
        with connection.transaction():
            connection.execute(
                "update views.tracking set position = %s where projection = %s and position > %s",
                [difference.position, difference.key, difference.position],
            )
            connection.execute("update checks.walk set phase = %s, place = '0'", [_LEDGER])
            findings.record(connection, difference)

    def _try_again(self, connection: psycopg.Connection[Any], comparison: Comparison) -> None:
        for subject, differences in findings.open_of_read_models(connection).items():
            self._mend(connection, comparison, subject, differences)


class Snapshot:
    """A transaction that sees one state of everything, and writes nothing."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._transaction = connection.transaction()

    def __enter__(self) -> None:
        self._transaction.__enter__()
        self._connection.execute("set transaction isolation level repeatable read, read only")

    def __exit__(self, *how: Any) -> Any:
        return self._transaction.__exit__(*how)


def _walk(connection: psycopg.Connection[Any]) -> Walk:
    with connection.cursor(row_factory=class_row(Walk)) as cursor:
        found = cursor.execute("select phase, place from checks.walk").fetchone()
    assert found is not None
    return found


def _after(phase: str) -> str:
    """The part of a walk that follows; empty: there is none."""
    parts = [_LEDGER, *TABLES, ""]
    return parts[parts.index(phase) + 1] if phase in parts else _LEDGER


def _why_not(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute("select pg_is_in_recovery()").fetchone()
    if row and row[0]:
        return "the database is a copy of another one, which is checked there"
    return None


def _in_the_way(error: Exception) -> bool:
    """Another transaction held what was wanted, and will let go of it."""
    return isinstance(error, psycopg.errors.LockNotAvailable) or is_transient(error)


def _head(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select coalesce(max(position), 0) from ledger.event").fetchone()
    return row[0] if row else 0


def _streams(
    connection: psycopg.Connection[Any], after: int, until: int, *, begun: bool
) -> dict[str, list[UUID]]:
    """The streams that have events at the positions (after, until], by their nouns. `begun`: of
    them those that begin there."""
    rows = connection.execute(
        "select distinct originator_id, split_part(topic, '.', 1) from ledger.event"
        " where position > %s and position <= %s and (originator_version = 1 or not %s)",
        [after, until, begun],
    ).fetchall()
    found: dict[str, list[UUID]] = {}
    for id, noun in rows:
        if noun in NOUNS:
            found.setdefault(noun, []).append(id)
    return found


def _ahead(connection: psycopg.Connection[Any], head: int) -> list[Difference]:
    rows = connection.execute(
        "select projection, position from views.tracking where position > %s", [head]
    )
    return [
        Difference(
            ledger_check.HEAD,
            "",
            name,
            f"it is said to have seen position {position}, and the ledger ends with {head}",
            head,
        )
        for name, position in rows
    ]
