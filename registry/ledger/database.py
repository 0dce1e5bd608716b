"""The database: brought up to date by numbered migrations, and named to the library."""

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

from registry.ledger import locks, privileges
from registry.ledger.connections import Session
from registry.paths import MIGRATIONS

Result = TypeVar("Result")

#: Any number will do; this one is "AEO" in ASCII. One migrator at a time in one database.
LOCK = 0x41454F

WAIT = 300.0  # seconds for which another migration is waited for

NO_REGISTER = "this database has no register: ./aeo migrate makes one"


class MigrationRefused(Exception):
    """The migrations on disk do not continue those of the database. Nothing was changed."""


def migrate(
    conninfo: str,
    folder: Path = MIGRATIONS,
    *,
    say: Callable[[str], None] = lambda line: None,
    seconds: float = WAIT,
) -> list[str]:
    """Apply what is missing, in order, and name it. Forward only, one transaction a file.

    `conninfo`: a libpq string or URL of a role that may create roles and schemas. `say` is told
    that another migration is waited for, `seconds` at the most.
    Raises MigrationRefused, PrivilegeMissing, TimeoutError, and psycopg.Error when a file fails
    (those before it stay).
    """
    files = _numbered(folder)
    with Session.connect(conninfo, autocommit=True) as connection:
        locks.take(connection, LOCK, "migration", say, seconds)
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
        _compare(files, applied)
        missing = [(number, file) for number, file in files.items() if number not in applied]
        if missing:
            privileges.require(connection)
        for number, file in missing:
            text = file.read_bytes()
            with connection.transaction():
                said = privileges.without_roles_that_are_there(connection, text.decode())
                connection.execute(said.encode())
                connection.execute(
                    "insert into public.migration (number, name, sha256) values (%s, %s, %s)",
                    [number, file.name, sha256(text).hexdigest()],
                )
        if missing:
            privileges.take_on(connection)
        return [file.name for _, file in missing]


def require_schema(conninfo: str, folder: Path = MIGRATIONS) -> None:
    """Is the schema of the database the one that this program is written for?

    Raises MigrationRefused, in words: the database has no register, is of an earlier release, or
    of a later one.
    """
    files = _numbered(folder)
    with Session.connect(conninfo, autocommit=True) as connection:
        row = connection.execute("select to_regclass('public.migration') is not null").fetchone()
        if not (row and row[0]):
            raise MigrationRefused(NO_REGISTER)
        try:
            rows = connection.execute("select number, name from public.migration").fetchall()
        except psycopg.errors.InsufficientPrivilege:  # 0130 lets everybody read it
            raise MigrationRefused(
                "this database is of an earlier release: its owner runs ./aeo migrate"
            ) from None
    applied: dict[int, str] = dict(rows)
    if not applied:
        raise MigrationRefused(NO_REGISTER)
    missing = [file.name for number, file in files.items() if number not in applied]
    unknown = [name for number, name in sorted(applied.items()) if number not in files]
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
    """The variables that make an eventsourcing application keep its events in this database.

    `conninfo` may say anything libpq understands: sockets, TLS, several hosts.
    `role`: what the connections may do, whatever their login could do more.
    """
    return {
        "PERSISTENCE_MODULE": "registry.ledger.recorder:LedgerFactory",
        "LEDGER_CONNINFO": conninfo,
        "LEDGER_ROLE": role or "",
        "POSTGRES_SCHEMA": "ledger",
        "CREATE_TABLE": "no",  # the migrations did
        "POSTGRES_POOL_SIZE": "2",
        "POSTGRES_CONNECT_TIMEOUT": "3",  # the library tries ten times: half a minute in all
    }


#: Seconds without a word from the server, after which a connection that somebody waits for is given
#: up. A server process that was stopped keeps its connection: the network knows of no fault.
REPLY_TIMEOUT = 10.0


class ConnectionWithTimeout(Session[Row]):
    """A connection that is given up when its server falls silent. No statement on it may take
    longer than SILENCE.

    Raises psycopg.OperationalError, and is closed then.
    """

    def wait(
        self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None
    ) -> Result:
        try:
            return super().wait(gen, interval, REPLY_TIMEOUT if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:
            if timeout is not None:
                raise
            self.pgconn.finish()  # a word from us would wait for one of theirs
            raise psycopg.OperationalError("the server did not answer in time") from None


#: SQLSTATEs, or the classes they begin with, that mean a lost connection: connection exceptions,
#: and a server that shuts down or starts up.
_LEAVING = ("08", "57P01", "57P02", "57P03")


def is_lost(error: BaseException | None) -> bool:
    """Whether the connection failed, and not the statement. A broken connection has no SQLSTATE.

    A full disk, a table that cannot be written and a statement that took too long are errors of
    class psycopg.OperationalError, too, and are no lost connection.
    """
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_LEAVING)


def with_settings(parameters: dict[str, Any], **settings: str) -> dict[str, Any]:
    """Connection parameters with server settings that hold from the first statement on.

    Settings in the parameters' own `options` stay, and yield to these. For the classes of
    registry/ledger/connections.py, which set them by a statement.
    """
    # libpq splits options at blanks, so a blank inside a value wants a backslash.
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


def _numbered(folder: Path) -> dict[int, Path]:
    files: dict[int, Path] = {}
    for file in sorted(folder.glob("*.sql")):
        if not re.fullmatch(r"\d{4}_\w+\.sql", file.name):
            raise MigrationRefused(f"{file.name} is not named like 0001_what_it_does.sql")
        number = int(file.name[:4])
        if number in files:
            raise MigrationRefused(f"{files[number].name} and {file.name} have the same number")
        files[number] = file
    return files


def _compare(files: dict[int, Path], applied: dict[int, tuple[str, str]]) -> None:
    for number, (name, digest) in applied.items():
        if number not in files:
            raise MigrationRefused(f"{name} was applied to this database and is gone from disk")
        if sha256(files[number].read_bytes()).hexdigest() != digest:
            raise MigrationRefused(
                f"{name} was applied to this database and has changed since; "
                "put it back and write a new migration"
            )
    for number, file in files.items():
        if number not in applied and number < max(applied, default=0):
            last = applied[max(applied)][0]
            raise MigrationRefused(f"{file.name} is missing here, and {last} is already applied")
