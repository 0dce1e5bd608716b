"""The clerk: shows the read models everything recorded since the last event they saw.

One follower leads (an advisory lock). It reads the ledger in batches; a projection's rows and its
position are written in one transaction, so that after any crash it goes on exactly where it was.
The rows of a stream are a pure function of its events: what a batch touches is written anew from
the whole stream, and a rebuild from zero gives the same tables, byte for byte.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import psycopg
import structlog
from eventsourcing.persistence import StoredEvent
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from projections import administrations, agreements, operators, programmes, publications
from projections.tables import Rows, copy, forget
from registry.application import AGGREGATES
from registry.clocks import Known
from registry.ledger import RecordedNotification
from registry.stored import EventMapper

log = structlog.get_logger()

BATCH = 2_000  # events a transaction, at most
LEADER = 0x41454F46  # advisory lock: one follower a database
SWAP = 0x41454F53  # advisory lock: shared by whoever writes, alone for who swaps rebuilt tables in
CHANNEL = "views_moved"  # its payload is the position up to which the read models are

_COLUMNS = (
    "originator_id, originator_version, topic, state, position, recorded_at, known_at, command_id,"
    " actor, decided_by, legal_ground"
)


@dataclass(frozen=True)
class Projection:
    """What a follower must know of a read model: whose events, which tables, which rows."""

    name: str
    nouns: tuple[str, ...]
    rows: dict[str, Callable[[Sequence[Known[Any]]], Rows]]
    #: The column of each table by which a stream's rows are found, and forgotten.
    keys: dict[str, str]


PROJECTIONS = (
    Projection(
        "administrations",
        ("administration",),
        {"administration": administrations.rows},
        {"administration": "code", "membership": "bloc", "list_received": "administration"},
    ),
    Projection(
        "programmes",
        ("programme",),
        {"programme": programmes.rows},
        {"programme": "code", "programme_type": "programme", "programme_rule": "programme"},
    ),
    Projection(
        "agreements",
        ("agreement",),
        {"agreement": agreements.rows},
        {table: "id" if table == "agreement" else "agreement" for table in agreements.TABLES},
    ),
    Projection(
        "publications",
        ("claim", "document"),
        {"claim": publications.claim_rows, "document": publications.document_rows},
        {"claim": "id", "document": "id", "target": "document"},
    ),
    Projection(
        "operators",
        ("operator",),
        {"operator": operators.rows},
        dict.fromkeys(operators.TABLES, operators.KEY),
    ),
)


class Follower:
    """Follows the ledger of one database into the read models of one schema."""

    def __init__(
        self, conninfo: str, *, schema: str = "views", role: str = "aeo_projector"
    ) -> None:
        self.conninfo, self.schema, self.role = conninfo, schema, role
        self.mapper = EventMapper(AGGREGATES)

    # ------------------------------------------------------------------ running

    def catch_up(
        self, progress: Callable[[int, int], None] | None = None, until: int | None = None
    ) -> int:
        """Project everything recorded by now (or up to a position), and answer how far it is."""
        with self._connect() as connection:
            return self._catch_up(connection, progress, until)

    def catch_up_in(self, connection: psycopg.Connection[Any]) -> int:
        """The same on a connection at hand, for instance inside its transaction."""
        return self._catch_up(connection, None, None)

    def run(self, stop: threading.Event, poll: float = 1.0) -> None:
        """Follow until told to stop. A notification wakes it; a poll is the safety net."""
        while not stop.is_set():
            try:
                with self._connect() as connection:
                    self._lead(connection, stop)
                    connection.execute("listen ledger_event")
                    while not stop.is_set():
                        self._catch_up(connection, None, None)
                        for _ in connection.notifies(timeout=poll, stop_after=1):
                            pass
            except psycopg.OperationalError as error:
                log.warning("follower.database_lost", error=str(error).strip())
                stop.wait(poll)

    def _lead(self, connection: psycopg.Connection[Any], stop: threading.Event) -> None:
        """Wait until no other follower leads: it may die at any time, and then we go on."""
        while not stop.is_set():
            row = connection.execute("select pg_try_advisory_lock(%s)", [LEADER]).fetchone()
            if row and row[0]:
                return
            stop.wait(0.5)

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self.conninfo,
            autocommit=True,
            row_factory=tuple_row,
            options="-c jit=off -c synchronous_commit=off -c timezone=UTC",
            application_name="aeo-follower",
        )
        connection.execute(SQL("set role {}").format(Identifier(self.role)))
        return connection

    # ------------------------------------------------------------------ a batch

    def _catch_up(
        self,
        connection: psycopg.Connection[Any],
        progress: Callable[[int, int], None] | None,
        until: int | None,
    ) -> int:
        while True:
            places = self._places(connection)
            running = [p for p in PROJECTIONS if not places[p.name][1]]
            reached = min((places[p.name][0] for p in running), default=0)
            batch = self._read(connection, reached, until)
            if not batch:
                return reached
            for projection in running:
                own = [n for n in batch if n.id > places[projection.name][0]]
                self._advance(connection, projection, own, batch[-1].id)
            self._tell(connection, batch[-1].id)
            if progress:
                progress(batch[-1].id, batch[-1].id - reached)
            if until is not None and batch[-1].id >= until:
                return batch[-1].id

    def _advance(
        self,
        connection: psycopg.Connection[Any],
        projection: Projection,
        batch: list[RecordedNotification],
        last: int,
    ) -> None:
        """Rows and position in one transaction. What cannot be read stops this projection alone,
        exactly in front of the event, and everything before it is kept."""
        own = [n for n in batch if n.topic.split(".", 1)[0] in projection.nouns]
        try:
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock_shared(%s)", [SWAP])
                self._project(connection, projection, own)
                self._place(connection, projection, last)
        except psycopg.OperationalError:
            raise
        except Exception as error:
            if len(own) > 1:
                half = len(own) // 2
                self._advance(connection, projection, own[:half], own[half - 1].id)
                if not self._places(connection)[projection.name][1]:
                    self._advance(connection, projection, own[half:], last)
                return
            poison = own[0].id if own else last
            log.error(
                "follower.poison", projection=projection.name, position=poison, error=str(error)
            )
            self._place(connection, projection, poison - 1, stopped_at=poison, why=str(error))

    def _project(
        self,
        connection: psycopg.Connection[Any],
        projection: Projection,
        batch: list[RecordedNotification],
    ) -> None:
        if not batch:
            return
        streams: dict[UUID, list[RecordedNotification]] = {}
        for notification in batch:
            streams.setdefault(cast(UUID, notification.originator_id), []).append(notification)
        begun = [id for id, own in streams.items() if own[0].originator_version > 1]
        past = self._past(connection, begun, batch[0].id) if begun else {}
        written: Rows = {table: [] for table in projection.keys}
        moved: Rows = {"change": []}
        forgotten: dict[str, set[str]] = {table: set() for table in projection.keys}
        for id, own in streams.items():
            events = [self._known(n) for n in past.get(id, [])]
            new = [self._known(n) for n in own]
            events += new
            noun = own[0].topic.split(".", 1)[0]
            made = projection.rows[noun](events)
            for table, rows in made.items():
                written[table] += rows
                if id in past:
                    forgotten[table].add(_key(noun, events[0].event))
            if noun == "operator":
                told = list(zip(new, (n.recorded_at for n in own), strict=True))
                moved["change"] += operators.changes(events[0].event, told)["change"]
        with connection.cursor() as cursor:
            for table, keys in forgotten.items():
                if keys:
                    forget(cursor, self.schema, table, projection.keys[table], sorted(keys))
            for table, rows in (written | (moved if moved["change"] else {})).items():
                if rows:
                    copy(cursor, self.schema, table, rows)

    def project_streams(
        self, connection: psycopg.Connection[Any], projection: Projection, streams: Sequence[UUID]
    ) -> list[str]:
        """These streams' rows alone, up to where the projection stands, into this schema's empty
        tables. Answers the words by which their rows are found."""
        row = connection.execute(
            "select position from views.tracking where projection = %s", [projection.name]
        ).fetchone()
        told = self._past(connection, streams, (row[0] if row else 0) + 1)
        for page in _pages([n for own in told.values() for n in own], BATCH):
            self._project(connection, projection, page)
        firsts = [self._known(own[0]).event for own in told.values()]
        nouns = [own[0].topic.split(".", 1)[0] for own in told.values()]
        return [_key(noun, first) for noun, first in zip(nouns, firsts, strict=True)]

    def _known(self, it: RecordedNotification) -> Known[Any]:
        return Known(self.mapper.to_domain_event(cast(StoredEvent, it)), it.id, it.known_at)

    # --------------------------------------------------------------- the ledger

    def _read(
        self, connection: psycopg.Connection[Any], after: int, until: int | None
    ) -> list[RecordedNotification]:
        rows = connection.execute(
            f"select {_COLUMNS} from ledger.event where position > %s"
            " and position <= coalesce(%s, 9223372036854775807) order by position limit %s",
            [after, until, BATCH],
            prepare=True,
        ).fetchall()
        return [_notification(row) for row in rows]

    def _past(
        self, connection: psycopg.Connection[Any], streams: Sequence[UUID], before: int
    ) -> dict[UUID, list[RecordedNotification]]:
        """What these streams held before the batch."""
        found: dict[UUID, list[RecordedNotification]] = {}
        for row in connection.execute(
            f"select {_COLUMNS} from ledger.event where originator_id = any(%s)"
            " and position < %s order by originator_id, originator_version",
            [list(streams), before],
            prepare=True,
        ):
            found.setdefault(row[0], []).append(_notification(row))
        return found

    # ------------------------------------------------------------------- places

    def _places(self, connection: psycopg.Connection[Any]) -> dict[str, tuple[int, int | None]]:
        rows = connection.execute(
            SQL("select projection, position, stopped_at from {}").format(
                Identifier(self.schema, "tracking")
            )
        ).fetchall()
        found = {name: (position, stopped) for name, position, stopped in rows}
        return {p.name: found.get(p.name, (0, None)) for p in PROJECTIONS}

    def _place(
        self,
        connection: psycopg.Connection[Any],
        projection: Projection,
        position: int,
        stopped_at: int | None = None,
        why: str | None = None,
    ) -> None:
        connection.execute(
            SQL(
                "insert into {} (projection, position, stopped_at, why) values (%s, %s, %s, %s)"
                # Tables rebuilt beside these may have come in meanwhile, and be further already.
                " on conflict (projection) do update set"
                " position = greatest(tracking.position, excluded.position),"
                " stopped_at = excluded.stopped_at, why = excluded.why,"
                " updated_at = clock_timestamp()"
            ).format(Identifier(self.schema, "tracking")),
            [projection.name, position, stopped_at, why],
        )

    def _tell(self, connection: psycopg.Connection[Any], position: int) -> None:
        """One wake-up a batch: read-your-writes and subscriptions wait for it."""
        if self.schema == "views":
            connection.execute("select pg_notify(%s, %s)", [CHANNEL, str(position)])


def resume(conninfo: str, projection: str, schema: str = "views") -> None:
    """Let a stopped projection try its event again, once its cause was mended."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            SQL("update {} set stopped_at = null, why = null where projection = %s").format(
                Identifier(schema, "tracking")
            ),
            [projection],
        )


def wait_until(conninfo: str, position: int, seconds: float = 10.0) -> bool:
    """Has every projection seen this position? Waits for it, `seconds` at most."""
    deadline = time.monotonic() + seconds
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"listen {CHANNEL}")
        while True:
            row = connection.execute("select min(position) from views.tracking").fetchone()
            if row and row[0] is not None and row[0] >= position:
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for _ in connection.notifies(timeout=min(left, 0.5), stop_after=1):
                pass


_FIELDS = (
    "originator_id", "originator_version", "topic", "state", "id", "recorded_at", "known_at",
    "command_id", "actor", "decided_by", "legal_ground",
)  # fmt: skip


def _notification(row: tuple[Any, ...]) -> RecordedNotification:
    fields = dict(zip(_FIELDS, row, strict=True))
    fields["state"] = row[3].encode()
    made = object.__new__(RecordedNotification)
    made.__dict__.update(fields)  # a frozen dataclass of eleven fields is slow to call
    return made


def _pages(
    batch: list[RecordedNotification], size: int
) -> Iterator[list[RecordedNotification]]:
    """Whole streams together, about `size` events a page."""
    page: list[RecordedNotification] = []
    for notification in batch:
        if len(page) >= size and notification.originator_version == 1:
            yield page
            page = []
        page.append(notification)
    if page:
        yield page


def _key(noun: str, first: Any) -> str:
    """The words by which a stream's rows are found in the tables."""
    if noun == "claim":
        return str(first.originator_id)
    return str(getattr(first, "tin" if noun == "operator" else noun))
