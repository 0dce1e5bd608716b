"""The recorder: how the library's applications write into the ledger, and read from it.

Chosen by `PERSISTENCE_MODULE=registry.ledger.recorder:LedgerFactory` (the class, because the
library counts every factory it finds in a module). `registry.ledger.database.environment` gives the
rest.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from functools import partial
from threading import Lock
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    InterfaceError,
    OperationalError,
    StoredEvent,
    Subscription,
)
from eventsourcing.postgres import (
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresFactory,
)
from eventsourcing.utils import Environment, EnvType
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier

from registry.ledger.append_encoding import EncodedRequest, encode_request
from registry.ledger.append_protocol import FUNCTIONS
from registry.ledger.connections import Session
from registry.ledger.database import ConnectionWithTimeout, with_settings
from registry.ledger.group_commit import (
    RECONNECT_PAUSE,
    Appender,
    GroupCommitter,
    closed,
    take_batch,
)
from registry.ledger.group_commit_async import AsyncGroupCommitter
from registry.ledger.subscription import LedgerSubscription
from registry.ledger.types import (
    AppendRequest,
    Outcome,
    OutcomeUnknown,
    RecordedCommand,
    RecordedEvent,
    RecordedNotification,
)
from registry.paths import MIGRATIONS

CAPACITY = 4096  # commands that may wait; more are refused at once
READ_TIMEOUT = 15.0  # seconds until what cannot be read is given up, but for a reading under way
APPEND_TIMEOUT = 30.0  # seconds until a command that gets no answer is called unknown

#: The migrations that make a ledger, without the rights to it.
LEDGER_MIGRATIONS = (
    "0002_ledger.sql",
    "0031_append.sql",
    "0034_signature.sql",
    "0037_append_each.sql",
    "0087_held_number.sql",
)
#: The names of the ledger's objects in them, which other ledgers replace by theirs.
NAMES = re.compile(
    r"\bledger\.(event|command|head|append|append_each|append_one|signature|refuse_change"
    r"|held_number|held_by_another)\b"
    r"|\bledger_event\b"
)
COLUMNS = "recorded_at, known_at, command_id, actor, decided_by, legal_ground"

#: A host that vanished without a word is noticed within about ten seconds.
KEEPALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}

T = TypeVar("T")


class LedgerRecorder(PostgresApplicationRecorder):
    """An application recorder of the library with one gap-free sequence, metadata in columns,
    and commands that are recorded once however often they are sent.

    Built on another table than `event` (the library's test cases do), its sister tables and
    its function are named after that table.
    """

    def __init__(
        self,
        datastore: PostgresDatastore,
        *,
        events_table_name: str = "event",
        capacity: int = CAPACITY,
        timeout: float | None = None,
    ) -> None:
        if datastore.enable_db_functions:
            raise ValueError(
                "POSTGRES_ENABLE_DB_FUNCTIONS is refused: it drops the lock that keeps positions "
                "in commit order, and readers then miss events."
            )
        if datastore.originator_id_type != "uuid":
            raise ValueError("ORIGINATOR_ID_TYPE must be uuid: the ledger's streams have UUIDs.")
        super().__init__(datastore, events_table_name=events_table_name)
        self.channel_name = self._named("ledger_event")
        self._table = SQL("{}").format(self._identifier("event"))
        self._commands = SQL("{}").format(self._identifier("command"))
        connect = partial(_connect, datastore)
        functions = [self._identifier(name).as_string() for name in FUNCTIONS]
        self._appender = partial(Appender, connect, functions, timeout or APPEND_TIMEOUT)
        self._capacity = capacity
        self._committer = GroupCommitter(self._appender(), capacity)
        self._async_committers: dict[asyncio.AbstractEventLoop, AsyncGroupCommitter] = {}
        self._async_committers_lock = Lock()
        self._bulk = self._appender()
        self._bulk_lock = Lock()
        self._closed = False

    # ------------------------------------------------------------- recording

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        command: AppendRequest | None = None,
        **kwargs: Any,
    ) -> list[int] | None:
        """Record the events of one command, all or none, and answer their positions.

        Waits for its turn and the commit, together with whoever else is recording. `command`
        is filled in as the receipt. A command without events is kept too, so that its repeat
        cannot act later; no events and no command is nothing, and None.

        Raises StreamMoved, CommandMismatch, KnownAtRefused, Repeated (all IntegrityError), Busy,
        Unreachable, Closed (nothing was recorded), OutcomeUnknown, and ValueError when the
        command itself is malformed.
        """
        encoded = self._encode(stored_events, command, kwargs)
        return None if encoded is None else _positions(self._committer.record(encoded))

    async def insert_events_async(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        command: AppendRequest | None = None,
        **kwargs: Any,
    ) -> list[int] | None:
        """`insert_events` for a task: no thread waits. Cancelling it withdraws the command only
        while it is queued."""
        encoded = self._encode(stored_events, command, kwargs)
        if encoded is None:
            return None
        loop = asyncio.get_running_loop()
        committer = self._async_committers.get(loop) or self._async_committer(loop)
        return _positions(await committer.submit(encoded))

    def append_many(
        self, batch: Sequence[tuple[AppendRequest, Sequence[StoredEvent]]]
    ) -> list[Outcome]:
        """For loaders: one commit for up to 512 commands or 4 MB, without queueing with others.

        Answers for each command its positions, or the exception that `insert_events` would have
        raised; never raises. Commands on one stream go into successive commits, in order.
        """
        outcomes: list[Outcome] = [[] for _ in batch]
        number: dict[EncodedRequest, int] = {}
        for n, (command, events) in enumerate(batch):
            try:
                number[encode_request(command, events)] = n
            except Exception as error:
                outcomes[n] = error
        for n, outcome in zip(number.values(), self.append_encoded(list(number)), strict=True):
            outcomes[n] = outcome
        return outcomes

    def append_encoded(self, requests: Sequence[EncodedRequest]) -> list[Outcome]:
        """The same of commands that were written out before, perhaps in another process."""
        outcomes: dict[EncodedRequest, Outcome] = {}
        queue = deque(requests)
        with self._bulk_lock:
            while queue:
                part = take_batch(queue)
                outcomes.update(zip(part, self._bulk.append(part), strict=True))
        return [outcomes[encoded] for encoded in requests]

    def find_holders(self, scheme: str, value: str) -> list[tuple[Any, ...]]:
        """Who holds a number, in its normal form, by the ledger: issuer, holder, home, from_day,
        to_day, shared (registry/domain/operators/unique_numbers.py)."""
        text = SQL(
            "select issuer, holder, home, from_day, to_day, shared from {}"
            " where scheme = %s and value = %s"
        )
        found = self._select(text.format(self._identifier("held_number")), [scheme, value])
        return list(found)

    def find_command(self, id: UUID) -> RecordedCommand | None:
        """What a command id has recorded, if it was ever used."""
        rows = self._select(
            SQL(
                "select digest, first_position, events, recorded_at from {} where command_id = %s"
            ).format(self._commands),
            [id],
        )
        return RecordedCommand(*rows[0]) if rows else None

    def find_commands(self, ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """The digests of those command ids that were used before."""
        text = SQL("select command_id, digest from {} where command_id = any(%s)")
        return dict(self._select(text.format(self._commands), [list(ids)]))

    def find_same_request(self, stream: UUID, digest: bytes) -> RecordedCommand | None:
        """What a request of this digest has recorded in this stream first, under whatever id."""
        rows = self._select(
            SQL(
                "select digest, first_position, events, recorded_at from {} where command_id in "
                "(select command_id from {} where originator_id = %s) and digest = %s "
                "order by first_position limit 1"
            ).format(self._commands, self._table),
            [stream, digest],
        )
        return RecordedCommand(*rows[0]) if rows else None

    def close(self) -> None:
        """Finish what is in flight, refuse what is queued. Later commands raise Closed."""
        self._committer.close()
        with self._async_committers_lock:
            self._closed = True
        for committer in self._async_committers.values():
            committer.close()
        self._bulk.close_soon()
        with self._bulk_lock:
            self._bulk.disconnect()

    # --------------------------------------------------------------- reading

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[RecordedEvent]:
        """The events of one stream, in the order of their versions."""
        statement = SQL(
            "select originator_id, originator_version, topic, state, {} from {}"
            " where originator_id = %s"
        ).format(SQL(COLUMNS), self._table)
        values: list[Any] = [originator_id]
        if gt is not None:
            statement += SQL(" and originator_version > %s")
            values.append(gt)
        if lte is not None:
            statement += SQL(" and originator_version <= %s")
            values.append(lte)
        statement += SQL(" order by originator_version") + SQL(" desc" if desc else "")
        if limit is not None:
            statement += SQL(" limit %s")
            values.append(limit)
        return [_from_row(RecordedEvent, row) for row in self._select(statement, values)]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[RecordedNotification]:
        """A page of the one sequence, by position. `stop` is inclusive; `limit` counts what has
        one of the `topics`. To read everything, ask again from the last id, exclusively."""
        statement = SQL(
            "select originator_id, originator_version, topic, state, position, {} from {}"
            " where position {} %s"
        ).format(SQL(COLUMNS), self._table, SQL(">=" if inclusive_of_start else ">"))
        values: list[Any] = [start or 0]
        if stop is not None:
            statement += SQL(" and position <= %s")
            values.append(stop)
        if topics:
            statement += SQL(" and topic = any(%s)")
            values.append(list(topics))
        statement += SQL(" order by position limit %s")
        values.append(limit)
        return [_from_row(RecordedNotification, row) for row in self._select(statement, values)]

    def max_notification_id(self) -> int | None:
        """The last position, or None in an empty ledger."""
        [[last]] = self._select(SQL("select max(position) from {}").format(self._table), [])
        assert last is None or isinstance(last, int)
        return last

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[PostgresApplicationRecorder]:
        """Notifications after `gt`, without end. Each subscription keeps a connection to itself."""
        return LedgerSubscription(recorder=self, gt=gt, topics=topics)

    # ------------------------------------------------------------ a new ledger

    def create_table(self) -> None:
        """Make an empty ledger under this recorder's names, from the text of the migrations.

        In production the migrations make it, with roles and rights, and CREATE_TABLE is `no`.
        """
        made = NAMES.sub(
            lambda found: self._identifier(found[1]).as_string() if found[1] else self.channel_name,
            "".join((MIGRATIONS / name).read_text(encoding="utf-8") for name in LEDGER_MIGRATIONS),
        )
        with self.datastore.get_connection() as connection, connection.transaction():
            connection.execute(
                SQL("select pg_advisory_xact_lock(hashtext(%s))"), [self.channel_name]
            )
            found = connection.execute("select to_regclass(%s) as it", [self._table.as_string()])
            if found.fetchone() == {"it": None}:
                connection.execute(made.encode())

    # ----------------------------------------------------------------- inside

    def _async_committer(self, loop: asyncio.AbstractEventLoop) -> AsyncGroupCommitter:
        with self._async_committers_lock:
            if self._closed:
                raise closed()
            for old in [of_loop for of_loop in self._async_committers if of_loop.is_closed()]:
                self._async_committers.pop(old).close()
            return self._async_committers.setdefault(
                loop, AsyncGroupCommitter(loop, self._appender(), self._capacity)
            )

    def _encode(
        self, events: Sequence[StoredEvent], command: AppendRequest | None, kwargs: dict[str, Any]
    ) -> EncodedRequest | None:
        # The library passes its own arguments on, of which only tracking could matter: a lock on
        # the ledger must never be held by a transaction that the client controls.
        if kwargs.get("tracking") is not None:
            raise ValueError("The ledger records no tracking; projections keep their own.")
        if command is None and not events:
            return None
        return encode_request(command or AppendRequest.anonymous(), events)

    def _select(self, statement: Composed, values: list[Any]) -> list[tuple[Any, ...]]:
        """Tries again on a lost connection, and no longer than `READING` seconds in all; then
        raises OutcomeUnknown: it may be read for a command that is recorded already."""
        until = monotonic() + READ_TIMEOUT
        while True:
            try:
                with self.datastore.get_connection() as connection:
                    cursor = connection.cursor(row_factory=tuple_row)
                    return cursor.execute(statement, values, prepare=True).fetchall()
            except (InterfaceError, OperationalError) as error:
                if monotonic() + RECONNECT_PAUSE > until:
                    raise OutcomeUnknown(f"The ledger cannot be read: {error}") from error
                sleep(RECONNECT_PAUSE)

    def _named(self, name: str) -> str:
        own = self.events_table_name
        return name if own == "event" else f"{own}_{name}"

    def _identifier(self, name: str) -> Identifier:
        table = self.events_table_name if name == "event" else self._named(name)
        return Identifier(self.datastore.schema, table)


class LedgerFactory(PostgresFactory):
    """Makes recorders on one database: `LEDGER_CONNINFO`, or the library's POSTGRES_ variables.

    `LEDGER_CONNINFO` is anything libpq understands; `LEDGER_ROLE` is assumed by every connection.
    Snapshots, tracking and process recorders are the library's own.
    """

    application_recorder_class = LedgerRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        env = env if isinstance(env, Environment) else Environment(env=env)
        conninfo = env.get("LEDGER_CONNINFO")
        if conninfo:  # the library insists on four words that libpq may do without
            for name in ("DBNAME", "HOST", "USER", "PASSWORD"):
                env.setdefault(f"POSTGRES_{name}", "")
        super().__init__(env)
        pool = self.datastore.pool
        given: dict[str, Any] = dict(pool.kwargs)  # type: ignore[arg-type]
        if conninfo:
            given = {"row_factory": given["row_factory"], **conninfo_to_dict(conninfo)}
        role = self.env.get("LEDGER_ROLE")
        pool.kwargs = with_settings(
            {**KEEPALIVE, **given}, timezone="UTC", **({"role": role} if role else {})
        )
        pool.connection_class = ConnectionWithTimeout
        self._recorders: list[LedgerRecorder] = []

    def application_recorder(self) -> LedgerRecorder:
        """Raises ValueError when events would be enciphered or compressed: SQL reads the state."""
        if self.cipher() or self.compressor():
            raise ValueError("The ledger keeps JSON text: no CIPHER and no COMPRESSOR with it.")
        recorder = self.application_recorder_class(
            self.datastore, events_table_name=self.env.get("LEDGER_TABLE") or "event"
        )
        if self.env_create_table():
            recorder.create_table()
        self._recorders.append(recorder)
        return recorder

    def close(self) -> None:
        for recorder in self._recorders:
            recorder.close()
        super().close()


def _connect(datastore: PostgresDatastore) -> psycopg.Connection[Any]:
    """The committer's own connection, out of the pool, with an end to every wait."""
    pool = datastore.pool
    given: dict[str, Any] = dict(pool.kwargs)  # type: ignore[arg-type]
    del given["row_factory"]
    if pool.get_password_func:  # passwords that expire are asked for each time
        given["password"] = pool.get_password_func()
    given = with_settings(
        {**KEEPALIVE, **given},
        # Not the database's default: under any other level the append is refused.
        default_transaction_isolation="read committed",
        lock_timeout="3s",
        statement_timeout="15s",
        timezone="UTC",
    )
    return Session.connect(**given, autocommit=True)


def _from_row(kind: type[T], row: Sequence[Any]) -> T:
    """A frozen dataclass from a row in the order of its fields, without the cost of calling it."""
    made = object.__new__(kind)
    fields = dict(zip(kind.__dataclass_fields__, row, strict=True))  # type: ignore[attr-defined]
    fields["state"] = fields["state"].encode()
    object.__setattr__(made, "__dict__", fields)
    return made


def _positions(outcome: Outcome) -> list[int]:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
