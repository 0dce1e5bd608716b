"""The clerk: records what ended by law, so that history, feed and proof carry it.

The answers are the same before and after: an end that was said in advance is law on its day, and
its record changes nothing (registry/domain/operators/end_decisions.py). One clerk works at a time;
another waits until it is gone. It may be stopped at any instant: each record has a command id made
of the operator, the authorisation, what ended and its day, so that nothing is recorded twice.
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
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.decisions import day_of
from registry.domain.errors import Refusal
from registry.domain.operators.end_decisions import EndByLaw, unrecorded
from registry.domain.values import Tin
from registry.ledger.database import environment

log = structlog.get_logger()

ACTOR = "clerk"
#: "AEOE" in ASCII. Advisory lock: one clerk a database.
LEADER = 0x41454F45
#: Command ids of the clerk's records.
RECORDS = UUID("b6f6f0a5-5b0e-4c37-9d5c-2f1a3b0c7e41")
MOST = 500  # operators that are looked at in one round
POLL = 60.0  # seconds between two rounds

#: Operators of whom something ended by law and is not recorded. Those that were tried in vain in
#: this round are left out, so that they do not stand before the others.
_CANDIDATES = """
select o.tin from views.operator o
where o.end_to_record <= %s and o.tin <> all(%s)
order by o.end_to_record, o.tin limit %s"""


class EndRecorder:
    """Records the ends by law of one database."""

    def __init__(self, conninfo: str, role: str = "aeo_reader") -> None:
        """`role`: what its reading of the read models may do. It writes as everybody does, by the
        one door."""
        self.conninfo, self.role = conninfo, role

    def run(self, stop: threading.Event, poll: float = POLL) -> None:
        """Rounds until told to stop. A database that is lost is waited for."""
        while not stop.is_set():
            try:
                with self._connect() as connection:
                    acquire_leadership(connection, LEADER, stop, "clerk")
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
        """One round. Answers how many ends were recorded."""
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
        """Everything that ended by `now` (UTC) and that the read models know of."""
        seen: list[str] = []
        recorded = 0
        while not (stop and stop.is_set()):
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
        ends = unrecorded(operator, day_of(now, operator.time_zone))
        return sum(_told(registry, command) for command in records(tin, ends))

    def _connect(self) -> psycopg.Connection[tuple[str]]:
        connection = psycopg.connect(
            self.conninfo,
            autocommit=True,
            application_name="aeo-clerk",
            options="-c timezone=UTC",
        )
        connection.execute(SQL("set role {}").format(Identifier(self.role)))
        return connection


def records(tin: Tin, ends: Sequence[EndByLaw]) -> list[c.RecordEnd]:
    """The commands that record these ends of an operator, each with its own id for ever."""
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


def _told(registry: Registry, command: c.RecordEnd) -> bool:
    """Was it recorded? A refusal (somebody was faster, or decided otherwise) is left for later."""
    try:
        return bool(registry.execute(command, ACTOR).positions)
    except Refusal as refusal:
        log.warning("clerk.refused", tin=command.tin.text, why=str(refusal))
        return False
