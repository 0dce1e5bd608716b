"""The background check: derives the read models from the ledger again, continuously and slowly, and
repairs differences.

A row that was changed outside the register is found within a day, recorded as a finding, and
repaired from its stream in the same transaction. If it cannot be repaired, the finding stays open,
the repair is tried again, and the service answers no query meanwhile.

A walk goes through the whole ledger by position and derives each stream that begins there. Then it
goes through the keys of each table, to find rows that belong to no stream. Its position is stored
in the database (checkpoint), so it continues there after any interruption. Between the steps of the
walk, random streams are sampled. One process checks a database (advisory lock).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import Any

import psycopg
import structlog
from psycopg.rows import class_row, tuple_row
from psycopg.sql import SQL, Identifier

from projections.checking import findings, ledger_check
from projections.checking.comparison import (
    CheckedSubject,
    Comparison,
    Difference,
    Outdated,
    RepairFailed,
)
from projections.checking.ledger_positions import (
    last_position,
    positions_beyond_end,
    streams_between,
)
from projections.checking.snapshot import Snapshot
from projections.engine.leader_lock import acquire_leadership, log_database_failure
from projections.engine.projection_errors import is_transient, summary
from projections.models import catalogue
from projections.models.catalogue import NOUNS, stream_of, tables_of
from registry.ledger.connections import Session
from registry.ledger.failpoints import reach

log = structlog.get_logger()
LEADER_LOCK = 0x41454F57  # "AEOW": advisory lock, one background check in a database
STEP_POSITIONS = 1_000  # positions checked in one step of the walk
STEP_KEYS = 2_000  # keys of a table checked in one step
SAMPLE_POSITIONS = 40  # positions whose streams are sampled in each round
HOURS = 24.0  # within which a whole walk is to be completed
#: Share of one core used by this process and its server process together: normally, and at most
#: when the walk is behind schedule.
NORMAL_SHARE, MAX_SHARE = 0.02, 0.25
MIN_ROUND_SECONDS = 1.0  # minimum seconds between two rounds
REPAIR_ATTEMPTS = 3  # attempts to repair a subject while another transaction holds its lock
RETRY_SECONDS = 5.0  # seconds until the next attempt if nothing can be checked
#: The phases of a walk after the ledger: each table, with the noun whose rows it holds.
TABLES = {table.name: noun for noun in NOUNS for table in tables_of(noun)}
_LEDGER = "ledger"
_LEDGER_PART = 0.8  # share of a walk that the ledger phase counts as progress


@dataclass(frozen=True)
class Walk:
    """Position of the walk: its phase (empty: none has begun), and the place within it."""

    phase: str
    place: str


class BackgroundCheck:
    """Checks and repairs the read models of one database. Owned by one thread."""

    def __init__(
        self,
        conninfo: str,
        *,
        role: str = "aeo_projector",
        hours: float = HOURS,
        share: float = MAX_SHARE,
        random: Random | None = None,
    ) -> None:
        self.conninfo, self.role = conninfo, role
        self.hours, self.share = hours, share
        self._random = random or Random()
        self._logged_reason: str | None = None

    # ------------------------------------------------------------------ running

    def run(self, stop: threading.Event) -> None:
        """Checks until `stop` is set. After a lost connection it waits and reconnects."""
        while not stop.is_set():
            try:
                with self._connect() as connection:
                    acquire_leadership(connection, LEADER_LOCK, stop, "checker")
                    comparison = Comparison(connection)
                    while not stop.is_set():
                        began = monotonic()
                        why = _reason_not_to_check(connection)
                        if why is None:
                            try:
                                self.round(connection, comparison)
                            except Outdated as error:
                                why = str(error)
                        self._log_waiting(why)
                        busy = monotonic() - began
                        stop.wait(RETRY_SECONDS if why else self._pause(connection, busy))
            except psycopg.Error as error:
                log_database_failure(log, "checker", error)
                stop.wait(RETRY_SECONDS)

    def round(self, connection: psycopg.Connection[Any], comparison: Comparison) -> bool:
        """Performs one step of the walk and checks some random streams. Returns whether the step
        completed a walk. Raises Outdated and psycopg.Error."""
        self._retry_open_findings(connection, comparison)
        self._sample(connection, comparison)
        return self._step(connection, comparison)

    def whole(self) -> None:
        """Checks everything once, from the current position of the walk to its end, without a
        pause."""
        with self._connect() as connection:
            comparison = Comparison(connection)
            self._retry_open_findings(connection, comparison)
            while not self._step(connection, comparison):
                pass

    def _pause(self, connection: psycopg.Connection[Any], busy: float) -> float:
        """Returns the seconds to sleep after a round, so that the CPU share is not exceeded. The
        higher share applies while the walk is behind schedule."""
        row = connection.execute(
            "select progress, extract(epoch from clock_timestamp() - began_at) from checks.walk"
        ).fetchone()
        progress, since = row if row else (0.0, None)
        behind = since is not None and progress < float(since) / (self.hours * 3600)
        share = self.share if behind else min(NORMAL_SHARE, self.share)
        return max(MIN_ROUND_SECONDS, busy / share - busy)

    def _log_waiting(self, why: str | None) -> None:
        if why != self._logged_reason:
            self._logged_reason = why
            log.warning("checker.waits", why=why) if why else log.info("checker.goes_on")

    def _connect(self) -> psycopg.Connection[Any]:
        connection = Session.connect(
            self.conninfo,
            autocommit=True,
            row_factory=tuple_row,
            # A position lost in a server crash is only checked again, so commits do not wait for
            # the disk.
            options="-c jit=off -c synchronous_commit=off -c timezone=UTC"
            " -c max_parallel_workers_per_gather=0",
            application_name="aeo-checker",
        )
        connection.execute(SQL("set role {}").format(Identifier(self.role)))
        return connection

    # ------------------------------------------------------------------ checking

    def _sample(self, connection: psycopg.Connection[Any], comparison: Comparison) -> None:
        head = last_position(connection)
        if not head:
            return
        after = self._random.randrange(head)
        with Snapshot(connection):
            ids = streams_between(connection, after, after + SAMPLE_POSITIONS, from_first=False)
            found, keys = comparison.of_streams(ids)
        self._handle_differences(connection, comparison, found)
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
        """Checks the streams that begin at the next positions, and the events at these positions.
        Returns the next place (None: end of the phase), the number of streams checked, and the
        progress."""
        with Snapshot(connection):
            head = last_position(connection)
            until = min(after + STEP_POSITIONS, head)
            ids = streams_between(connection, after, until, from_first=True)
            found, keys = comparison.of_streams(ids)
            found += ledger_check.check_events(connection, after, until)
            found += positions_beyond_end(connection, head)
        self._handle_differences(connection, comparison, found)
        # Compared with the rows, so after these were repaired.
        numbers = ledger_check.check_held_numbers(connection, keys.get("operator", []), until)
        self._handle_differences(connection, comparison, numbers)
        found += numbers
        findings.close_absent(
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
        """Checks for the next keys of a table whether each belongs to a stream."""
        noun = TABLES[table]
        declared = catalogue.TABLES[table]
        types = {column.name: column.type for column in declared.typed_columns}
        key = SQL("{}" if types[declared.key] == "text" else "{}::text").format(
            Identifier(declared.key)
        )
        statement = SQL("select distinct {0} from {1} where {0} > %s order by 1 limit %s")
        with Snapshot(connection):
            positions = comparison.positions()
            rows = connection.execute(
                statement.format(key, Identifier("views", table)), [after, STEP_KEYS]
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
        self._handle_differences(
            connection,
            comparison,
            [
                Difference(
                    f"views.{table}",
                    noun,
                    row_key,
                    "the rows belong to no recorded stream",
                    position,
                )
                for row_key, id in streams.items()
                if id not in there
            ],
        )
        done = list(TABLES).index(table) + 1
        progress = _LEDGER_PART + (1 - _LEDGER_PART) * done / len(TABLES)
        return (keys[-1] if len(keys) == STEP_KEYS else None), 0, progress

    # ------------------------------------------------------------------ repair

    def _handle_differences(
        self,
        connection: psycopg.Connection[Any],
        comparison: Comparison,
        found: Iterable[Difference],
    ) -> None:
        """Repairs each subject with a difference at once, and records the findings."""
        subjects: dict[CheckedSubject, list[Difference]] = {}
        for difference in found:
            if difference.noun:
                id = stream_of(difference.noun, difference.key)
                subjects.setdefault(CheckedSubject(difference.noun, difference.key, id), []).append(
                    difference
                )
            elif difference.relation == ledger_check.HEAD:
                self._move_back(connection, difference)
            else:
                findings.record(connection, difference, "the ledger is never repaired")
        for subject, differences in subjects.items():
            self._repair(connection, comparison, subject, differences)

    def _repair(
        self,
        connection: psycopg.Connection[Any],
        comparison: Comparison,
        subject: CheckedSubject,
        differences: Iterable[Difference],
    ) -> None:
        """Repairs one subject. It is compared again under the lock, because the difference may come
        from a rebuild that was swapped in at that moment. Retries while another transaction holds
        the lock."""
        for left in reversed(range(REPAIR_ATTEMPTS)):
            try:
                with connection.transaction():
                    for difference in comparison.repair(subject):
                        findings.record(connection, difference)
                    findings.close_repaired(connection, subject)
                break
            except (RepairFailed, psycopg.Error) as error:
                if connection.closed:
                    raise
                if left and _is_lock_conflict(error):
                    continue
                for difference in differences:
                    findings.record(connection, difference, summary(error).strip())
                break
        reach("checker.after_mend")

    def _move_back(self, connection: psycopg.Connection[Any], difference: Difference) -> None:
        """Moves a projection back whose position is beyond the end of the ledger: the projector
        would skip the next events. The walk begins again, for events that were skipped already."""
        with connection.transaction():
            connection.execute(
                "update views.tracking set position = %s where projection = %s and position > %s",
                [difference.position, difference.key, difference.position],
            )
            connection.execute("update checks.walk set phase = %s, place = '0'", [_LEDGER])
            findings.record(connection, difference)

    def _retry_open_findings(
        self, connection: psycopg.Connection[Any], comparison: Comparison
    ) -> None:
        for subject, differences in findings.open_findings(connection).items():
            self._repair(connection, comparison, subject, differences)


def _walk(connection: psycopg.Connection[Any]) -> Walk:
    with connection.cursor(row_factory=class_row(Walk)) as cursor:
        found = cursor.execute("select phase, place from checks.walk").fetchone()
    assert found is not None
    return found


def _after(phase: str) -> str:
    """Returns the phase after this one; empty if it is the last."""
    parts = [_LEDGER, *TABLES, ""]
    return parts[parts.index(phase) + 1] if phase in parts else _LEDGER


def _reason_not_to_check(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute("select pg_is_in_recovery()").fetchone()
    if row and row[0]:
        return "the database is a copy of another one, which is checked there"
    return None


def _is_lock_conflict(error: Exception) -> bool:
    """Whether another transaction holds the lock and will release it."""
    return isinstance(error, psycopg.errors.LockNotAvailable) or is_transient(error)
