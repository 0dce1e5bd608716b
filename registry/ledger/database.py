"""The database: migrations, connection settings, and the environment of the eventsourcing
library."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import Row
from psycopg.sql import SQL, Identifier

from registry.ledger import baseline, locks, privileges
from registry.ledger.baseline import MigrationRefused as MigrationRefused
from registry.ledger.baseline import Migrations
from registry.ledger.connections import Session
from registry.paths import MIGRATIONS

Result = TypeVar("Result")

#: Key of the advisory lock that allows one migrator at a time in a database: "AEO" in ASCII.
MIGRATION_LOCK = 0x41454F

WAIT = 300.0  # seconds to wait for another migration

NO_REGISTER = "this database has no register: ./aeo migrate makes one"


def migrate(
    conninfo: str,
    folder: Path = MIGRATIONS,
    *,
    say: Callable[[str], None] = locks.silent,
    seconds: float = WAIT,
) -> list[str]:
    """Applies the missing migrations in order and returns their names. Forward only, one
    transaction for each file.

    An empty database is made from the baseline (registry/ledger/baseline.py). `conninfo`: a libpq
    string or URL of a role that may create roles and schemas. `say` is called with a line if
    another migration is running; it waits for that one for at most `seconds`. Raises
    MigrationRefused, PrivilegeMissing, TimeoutError, and psycopg.Error if a file fails (earlier
    files stay applied).
    """
    migrations = baseline.read(folder)
    with Session.connect(conninfo, autocommit=True) as connection:
        locks.take(connection, MIGRATION_LOCK, "migration", say, seconds)
        connection.execute(
            "create table if not exists public.migration ("
            " number integer primary key, name text not null, sha256 text not null,"
            " applied_at timestamptz not null default now())"
        )
        applied = {
            number: (name, digest)
            for number, name, digest in connection.execute(
                "select number, name, sha256 from public.migration order by number"
            )
        }
        _check_applied(migrations, applied)
        missing = [n for n in migrations.needed(set(applied)) if n not in applied]
        if missing:
            privileges.require(connection)
            _apply(connection, migrations, missing, from_baseline=not applied)
            privileges.grant_own_roles(connection)
        return [migrations.names[number] for number in missing]


def _apply(
    connection: Session[Any], migrations: Migrations, missing: list[int], *, from_baseline: bool
) -> None:
    """`from_baseline`: the database is empty. Otherwise its numbered files have made what the
    baseline holds, which is then recorded and not applied."""
    base = migrations.baseline
    made = base.through if base and from_baseline else 0
    if base and from_baseline:
        with connection.transaction():
            for role, text in base.texts():
                _create(connection, role, text)
            for number in missing:
                if number <= made:
                    _record(connection, migrations, number)
    for number in missing:
        if number > made:
            with connection.transaction():
                if base is None or number != base.number:
                    file = {**migrations.before, **migrations.after}[number]
                    text = file.read_bytes().decode()
                    statements = privileges.without_existing_roles(connection, text)
                    connection.execute(statements.encode())
                _record(connection, migrations, number)


def _create(connection: Session[Any], role: str, text: str) -> None:
    if role != baseline.LOGIN:
        connection.execute(SQL("set local role {}").format(Identifier(role)))
    connection.execute(text.encode())
    connection.execute("reset role")


def _record(connection: Session[Any], migrations: Migrations, number: int) -> None:
    connection.execute(
        "insert into public.migration (number, name, sha256) values (%s, %s, %s)",
        [number, migrations.names[number], _digest(migrations, number)],
    )


def _digest(migrations: Migrations, number: int) -> str:
    """The SHA-256 of a numbered file; of the baseline none, because the files of the objects are
    edited together with each later migration."""
    base = migrations.baseline
    if base and number == base.number:
        return ""
    file = {**migrations.before, **migrations.after}[number]
    return sha256(file.read_bytes()).hexdigest()


def require_schema(conninfo: str, folder: Path = MIGRATIONS) -> None:
    """Checks that the schema of the database is the one that this program needs.

    Raises MigrationRefused with a message: the database has no register, or belongs to an earlier
    or a later release.
    """
    migrations = baseline.read(folder)
    with Session.connect(conninfo, autocommit=True) as connection:
        row = connection.execute("select to_regclass('public.migration') is not null").fetchone()
        if not (row and row[0]):
            raise MigrationRefused(NO_REGISTER)
        try:
            rows = connection.execute("select number, name from public.migration").fetchall()
        except psycopg.errors.InsufficientPrivilege:  # migration 0130 lets every role read it
            raise MigrationRefused(
                "this database is of an earlier release: its owner runs ./aeo migrate"
            ) from None
    applied: dict[int, str] = dict(rows)
    if not applied:
        raise MigrationRefused(NO_REGISTER)
    names = migrations.names
    missing = [names[number] for number in migrations.needed(set(applied)) if number not in applied]
    unknown = [name for number, name in sorted(applied.items()) if number not in names]
    if unknown:
        raise MigrationRefused(
            f"this database is of a later release (it has {unknown[-1]}): use that program"
        )
    if missing:
        raise MigrationRefused(
            f"this database is of an earlier release (it lacks {missing[0]}"
            f"{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}): ./aeo migrate"
        )


def environment(conninfo: str, role: str | None = "aeo_writer") -> dict[str, str]:
    """Returns the environment variables by which an eventsourcing application stores its events in
    this database.

    `conninfo` may hold anything that libpq accepts: sockets, TLS, several hosts. `role` limits what
    the connections may do, whatever else their login may do.
    """
    return {
        "PERSISTENCE_MODULE": "registry.ledger.factory:LedgerFactory",
        "LEDGER_CONNINFO": conninfo,
        "LEDGER_ROLE": role or "",
        "POSTGRES_SCHEMA": "ledger",
        "CREATE_TABLE": "no",  # the migrations create it
        "POSTGRES_POOL_SIZE": "2",
        "POSTGRES_CONNECT_TIMEOUT": "3",  # the library tries ten times: half a minute in total
    }


#: Seconds without a reply from the server, after which a blocking connection is closed. A server
#: process that was stopped keeps its TCP connection, so the network reports no error.
REPLY_TIMEOUT = 10.0


class ConnectionWithTimeout(Session[Row]):
    """A connection that is closed if the server does not reply. No statement on it may take longer
    than REPLY_TIMEOUT.

    Raises psycopg.OperationalError; the connection is then closed.
    """

    def wait(
        self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None
    ) -> Result:
        """Waits for the server, for at most REPLY_TIMEOUT seconds."""
        try:
            return super().wait(gen, interval, REPLY_TIMEOUT if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:
            if timeout is not None:
                raise
            self.pgconn.finish()  # a regular close would wait for the server
            raise psycopg.OperationalError("the server did not answer in time") from None


#: SQLSTATEs, or their classes, of a lost connection: connection exceptions, and a server that shuts
#: down or starts up.
_CONNECTION_STATES = ("08", "57P01", "57P02", "57P03")


def is_lost(error: BaseException | None) -> bool:
    """Whether an error means that the connection failed, and not the statement. A broken connection
    has no SQLSTATE.

    A full disk, a table that cannot be written and a statement timeout are psycopg.OperationalError
    as well, but no lost connection.
    """
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_CONNECTION_STATES)


def with_settings(parameters: dict[str, Any], **settings: str) -> dict[str, Any]:
    """Adds server settings to connection parameters, for the classes of
    registry/ledger/connections.py, which set them by a statement.

    Settings in the parameters' own `options` are kept, and overridden by these.
    """
    # libpq splits options at spaces, so a space within a value is escaped by a backslash.
    ours = [f"-c {name}=" + re.sub(r"([\\ ])", r"\\\1", text) for name, text in settings.items()]
    return {**parameters, "options": " ".join([parameters.get("options") or "", *ours]).strip()}


def connection_parameters(
    conninfo: str, settings: Mapping[str, str] | None = None, **given: Any
) -> dict[str, Any]:
    """The arguments of `psycopg.connect` for a database that somebody else names.

    `conninfo`: a libpq string or URL; whatever it says holds, its `options` too, unless `given`
    (connection parameters, and arguments of psycopg) or `settings` (of the server) say otherwise.
    A name may stand in both: `connect(**conninfo_to_dict(...), connect_timeout=5)` is a TypeError
    as soon as the conninfo has a connect_timeout, so every connection with parameters of its own
    is made from these. Raises psycopg.ProgrammingError where the conninfo cannot be read.
    """
    return {**with_settings(conninfo_to_dict(conninfo), **(settings or {})), **given}


def _check_applied(migrations: Migrations, applied: dict[int, tuple[str, str]]) -> None:
    names = migrations.names
    for number, (name, digest) in applied.items():
        if number not in names:
            raise MigrationRefused(f"{name} was applied to this database and is gone from disk")
        if _digest(migrations, number) not in ("", digest):
            raise MigrationRefused(
                f"{name} was applied to this database and has changed since; "
                "put it back and write a new migration"
            )
    for number in migrations.needed(set(applied)):
        if number not in applied and number < max(applied, default=0):
            last = applied[max(applied)][0]
            raise MigrationRefused(
                f"{names[number]} is missing here, and {last} is already applied"
            )
