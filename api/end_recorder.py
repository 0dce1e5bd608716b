"""The end recorder (`aeo clerk`): records terms and suspensions that ended by law as events.

Answers are the same before and after: an end that is known in advance takes effect on its day, and
its record changes nothing (registry/domain/operators/end_decisions.py). One recorder per database
works at a time (advisory lock); another waits until it has ended. It may be killed at any time:
each record has a command id derived from the operator, the authorisation, what ended and the day,
so nothing is recorded twice (idempotency).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

import psycopg
import structlog
from eventsourcing.persistence import PersistenceError
from psycopg.sql import SQL, Identifier

from projections.engine.leader_lock import acquire_leadership, log_database_failure
from projections.reads.row_security import SERVICE, STATE, stated
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.decisions import civil_day_of
from registry.domain.errors import Refusal
from registry.domain.operators.end_decisions import EndByLaw, unrecorded
from registry.domain.values import Tin
from registry.ledger.connections import Session
from registry.ledger.database import environment

log = structlog.get_logger()

ACTOR = "clerk"
#: "AEOE" in ASCII. Advisory lock: one end recorder per database.
LEADER_LOCK = 0x41454F45
#: Namespace of the command ids of the records.
RECORDS = UUID("b6f6f0a5-5b0e-4c37-9d5c-2f1a3b0c7e41")
MOST = 500  # operators in one batch
POLL = 60.0  # seconds between two rounds

#: Operators with an end by law that is not recorded. Those that were tried in this round are left
#: out, so that a refused one does not block the others, and so are those of a followed register,
#: which records their ends itself.
_CANDIDATES = """
select o.tin from views.operator o
where o.end_to_record <= %s and o.tin <> all(%s)
    and o.administration not in (select unnest(p.administrations) from peers.peer p)
order by o.end_to_record, o.tin limit %s"""


class EndRecorder:
    """Records the ends by law of one database."""

    def __init__(self, conninfo: str, role: str = "aeo_reader") -> None:
        """`role`: the database role for reading the read models. Writing uses the registry, as
        every client does."""
        self.conninfo, self.role = conninfo, role

    def run(self, stop: threading.Event, poll: float = POLL) -> None:
        """Runs rounds until `stop` is set. Waits for a database that cannot be reached."""
        while not stop.is_set():
            try:
                with self._connect() as connection:
                    acquire_leadership(connection, LEADER_LOCK, stop, "clerk")
                    registry = Registry(environment(self.conninfo))
                    try:
                        while not stop.is_set():
                            self.round(connection, registry, datetime.now(UTC), stop)
                            stop.wait(poll)
                    finally:
                        registry.close()
            except (psycopg.OperationalError, PersistenceError) as error:
                log_database_failure(log, "clerk", error)
                stop.wait(min(poll, 5.0))

    def catch_up(self, now: datetime | None = None) -> int:
        """Runs one round. Returns how many ends were recorded."""
        with self._connect() as connection:
            registry = Registry(environment(self.conninfo))
            try:
                return self.round(connection, registry, now or datetime.now(UTC))
            finally:
                registry.close()

    def round(
        self,
        connection: psycopg.Connection[tuple[str]],
        registry: Registry,
        now: datetime,
        stop: threading.Event | None = None,
    ) -> int:
        """Records everything that ended by `now` (UTC) and that the read models show. Returns how
        many."""
        seen: list[str] = []
        recorded = 0
        while not (stop and stop.is_set()):
            with connection.transaction():
                connection.execute(STATE, [stated(SERVICE, now)])
                rows = connection.execute(_CANDIDATES, [now, seen, MOST]).fetchall()
            for (tin,) in rows:
                if stop and stop.is_set():
                    break
                recorded += self._record(registry, Tin(tin), now)
            seen += [tin for (tin,) in rows]
            if len(rows) < MOST:
                break
        if recorded:
            log.info("clerk.recorded", ends=recorded, operators=len(seen))
        return recorded

    def _record(self, registry: Registry, tin: Tin, now: datetime) -> int:
        operator = registry.operator(tin)
        ends = unrecorded(operator, civil_day_of(now, operator.time_zone))
        return sum(_executed(registry, command) for command in records(tin, ends))

    def _connect(self) -> psycopg.Connection[tuple[str]]:
        connection = Session.connect(
            self.conninfo,
            autocommit=True,
            application_name="aeo-clerk",
            options="-c timezone=UTC",
        )
        connection.execute(SQL("set role {}").format(Identifier(self.role)))
        return connection


def records(tin: Tin, ends: Sequence[EndByLaw]) -> list[c.RecordEnd]:
    """Returns the commands that record these ends of an operator, each with a fixed command id."""
    return [
        c.RecordEnd(
            tin=tin,
            command_id=uuid5(RECORDS, f"{tin}/{end.authorisation}/{end.what}/{end.day}"),
            effective=end.day,
            authorisation=end.authorisation,
            what=end.what,
        )
        for end in ends
    ]


def _executed(registry: Registry, command: c.RecordEnd) -> bool:
    """Executes the command; returns whether it recorded an event. A refusal (another client decided
    first) is left for the next round."""
    try:
        return bool(registry.execute(command, ACTOR).positions)
    except Refusal as refusal:
        log.warning("clerk.refused", tin=command.tin.text, why=str(refusal))
        return False
