"""The ledger recorder: reads and writes stored events, as a recorder of the eventsourcing library.

`registry/ledger/factory.py` makes it.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    InterfaceError,
    OperationalError,
    StoredEvent,
    Subscription,
)
from eventsourcing.postgres import (
    PostgresApplicationRecorder,
    PostgresDatastore,
)
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier

from registry.ledger import baseline
from registry.ledger.append_encoding import EncodedRequest, encode_request
from registry.ledger.append_protocol import FUNCTIONS
from registry.ledger.committer_connection import committer_connection
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

CAPACITY = 4096  # queued commands; more are refused at once (back-pressure)
READ_TIMEOUT = 15.0  # seconds until a read is given up; a read in progress is finished
APPEND_TIMEOUT = 30.0  # seconds until a command without a reply has an unknown outcome
#: The names of the ledger's objects in the baseline; another ledger replaces them by its own names.
NAMES = re.compile(
    r"\bledger\.(event|command|head|append|append_each|append_one|signature|refuse_change"
    r"|held_number|held_by_another)\b"
    r"|\bledger_event\b"
)
_CREATES = re.compile(r"^create (?:or replace )?(?:table|function) (ledger\.\w+)", re.MULTILINE)
#: Another ledger has no roles of its own.
_GRANT = re.compile(r"^grant .*?;\n", re.MULTILINE | re.DOTALL)
COLUMNS = "recorded_at, known_at, command_id, actor, decided_by, legal_ground"
T = TypeVar("T")


def ledger_text(migrations: Path = MIGRATIONS) -> str:
    """The SQL of the baseline that creates a ledger, without its schema and its rights."""
    base = baseline.read(migrations).baseline
    made = [_GRANT.sub("", text) for _, text in base.texts()] if base else []
    return "".join(text for text in made if (of := _CREATES.search(text)) and NAMES.match(of[1]))


class LedgerRecorder(PostgresApplicationRecorder):
    """Application recorder with one gap-free global sequence of positions, metadata in columns, and
    idempotent commands (idempotency key: the command id).

    With an events table other than `event` (used by the library's test cases), the other tables and
    the functions are named after that table.

    Thread-safe. `_async_committers` and `_closed` are guarded by `_async_committers_lock`; the
    appender `_bulk` is guarded by `_bulk_lock`; each group committer owns its own appender.
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
        connect = partial(committer_connection, datastore)
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
        """Appends the events of one command, all or none, and returns their positions.

        Waits for the group commit that it shares with other threads. `command` is filled in as the
        receipt. A command without events is stored too, so that a repetition cannot take effect
        later. Without events and without a command, nothing is stored and None is returned.

        Raises StreamMoved, CommandMismatch, KnownAtRefused, NumberHeld, Repeated (all of them
        IntegrityError), Busy, Unreachable, Closed (nothing was recorded), OutcomeUnknown, and
        ValueError if the request is malformed.
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
        """Like `insert_events`, for an asyncio task: no thread waits. Cancelling the task withdraws
        the command only while it is queued."""
        encoded = self._encode(stored_events, command, kwargs)
        if encoded is None:
            return None
        loop = asyncio.get_running_loop()
        committer = self._async_committers.get(loop) or self._async_committer(loop)
        return _positions(await committer.submit(encoded))

    def append_many(
        self, batch: Sequence[tuple[AppendRequest, Sequence[StoredEvent]]]
    ) -> list[Outcome]:
        """Appends many commands without the queue, for bulk loaders. A batch has up to 512 commands
        or 4 MB.

        Returns for each command its positions, or the exception that `insert_events` would raise;
        never raises. Commands on one stream go into successive batches, in order.
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
        """Like `append_many`, for requests that were encoded before, perhaps in another process."""
        outcomes: dict[EncodedRequest, Outcome] = {}
        queue = deque(requests)
        with self._bulk_lock:
            while queue:
                part = take_batch(queue)
                outcomes.update(zip(part, self._bulk.append(part), strict=True))
        return [outcomes[encoded] for encoded in requests]

    def find_holders(self, scheme: str, value: str) -> list[tuple[Any, ...]]:
        """Returns the holders of a number in its normal form: issuer, holder, home, from_day,
        to_day, shared (see registry/domain/operators/unique_numbers.py)."""
        text = SQL(
            "select issuer, holder, home, from_day, to_day, shared from {}"
            " where scheme = %s and value = %s"
        )
        found = self._select(text.format(self._identifier("held_number")), [scheme, value])
        return list(found)

    def find_all_holders(
        self, scheme: str, values: Sequence[str]
    ) -> dict[str, list[tuple[Any, ...]]]:
        """Like `find_holders`, for many numbers of one scheme: the holders by number, of those
        numbers that somebody holds."""
        text = SQL(
            "select value, issuer, holder, home, from_day, to_day, shared from {}"
            " where scheme = %s and value = any(%s)"
        )
        found: dict[str, list[tuple[Any, ...]]] = {}
        for value, *holder in self._select(
            text.format(self._identifier("held_number")), [scheme, list(values)]
        ):
            found.setdefault(value, []).append(tuple(holder))
        return found

    def find_followed(self) -> dict[str, tuple[str, int]]:
        """Returns the administrations that another register records, each with the address of that
        register, and up to which level it sends its law (0: not at all). Empty for a ledger of
        another name, which has no peers."""
        if self.events_table_name != "event":
            return {}
        text = SQL("select unnest(administrations), url, law_level from peers.peer order by 1")
        return {code: (url, level) for code, url, level in self._select(Composed([text]), [])}

    def find_programmes(self) -> Sequence[RecordedEvent]:
        """Returns the event that registered each programme, in the order of the positions."""
        statement = SQL(
            "select originator_id, originator_version, topic, state, {} from {}"
            " where topic = 'programme.registered' order by position"
        ).format(SQL(COLUMNS), self._table)
        return [_from_row(RecordedEvent, row) for row in self._select(statement, [])]

    def find_command(self, id: UUID) -> RecordedCommand | None:
        """Returns what a command id has recorded; None if it was never used."""
        rows = self._select(
            SQL(
                "select digest, first_position, events, recorded_at from {} where command_id = %s"
            ).format(self._commands),
            [id],
        )
        return RecordedCommand(*rows[0]) if rows else None

    def find_commands(self, ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """Returns the digests of those command ids that were used before."""
        text = SQL("select command_id, digest from {} where command_id = any(%s)")
        return dict(self._select(text.format(self._commands), [list(ids)]))

    def find_same_request(self, stream: UUID, digest: bytes) -> RecordedCommand | None:
        """Returns the first recorded command of this digest in this stream, under any command
        id."""
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
        """Finishes the batches in flight and answers queued commands with Closed. Later commands
        raise Closed."""
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
        """Returns the events of one stream, in the order of their versions. `gt` is exclusive,
        `lte` inclusive."""
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

    def select_streams(self, originator_ids: Sequence[UUID]) -> Sequence[RecordedEvent]:
        """Returns all events of many streams, stream by stream, in the order of their versions."""
        statement = SQL(
            "select originator_id, originator_version, topic, state, {} from {}"
            " where originator_id = any(%s) order by originator_id, originator_version"
        ).format(SQL(COLUMNS), self._table)
        return [
            _from_row(RecordedEvent, row) for row in self._select(statement, [list(originator_ids)])
        ]

    def actors(self, stream: UUID, version: int) -> dict[int, str]:
        """Who recorded each event of a stream from a version on, as opaque ids, by version."""
        statement = SQL(
            "select e.originator_version, e.actor from {} e"
            " where e.originator_id = %s and e.originator_version >= %s"
        ).format(self._table)
        return dict(self._select(statement, [stream, version]))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[RecordedNotification]:
        """Returns a page of the global sequence, by position. `stop` is inclusive. `limit` counts
        events that have one of the `topics`. To read everything, ask again from the last id with
        `inclusive_of_start=False`."""
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
        """Returns the last position; None if the ledger is empty."""
        [[last]] = self._select(SQL("select max(position) from {}").format(self._table), [])
        assert last is None or isinstance(last, int)
        return last

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[PostgresApplicationRecorder]:
        """Returns an endless iterator of the notifications after `gt`. Each subscription holds one
        connection."""
        return LedgerSubscription(recorder=self, gt=gt, topics=topics)

    # ------------------------------------------------------------ a new ledger

    def create_table(self) -> None:
        """Creates an empty ledger under this recorder's names, from the text of the baseline.

        In production the migrations create it, with roles and privileges, and CREATE_TABLE is `no`.
        """
        made = NAMES.sub(
            lambda found: self._identifier(found[1]).as_string() if found[1] else self.channel_name,
            ledger_text(),
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
        # The library passes its own arguments on. Only tracking could matter: a transaction that
        # the client controls must never hold the ledger's lock.
        if kwargs.get("tracking") is not None:
            raise ValueError("The ledger records no tracking; projections keep their own.")
        if command is None and not events:
            return None
        return encode_request(command or AppendRequest.anonymous(), events)

    def _select(self, statement: Composed, values: list[Any]) -> list[tuple[Any, ...]]:
        """Runs a SELECT and retries it on a lost connection, for at most `READ_TIMEOUT`
        seconds. Then raises OutcomeUnknown, because it may be read for a command that is
        already recorded."""
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


def _from_row(kind: type[T], row: Sequence[Any]) -> T:
    """Builds a frozen dataclass from a row in the order of its fields, bypassing the slow
    constructor."""
    made = object.__new__(kind)
    fields = dict(zip(kind.__dataclass_fields__, row, strict=True))  # type: ignore[attr-defined]
    fields["state"] = fields["state"].encode()
    object.__setattr__(made, "__dict__", fields)
    return made


def _positions(outcome: Outcome) -> list[int]:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
