"""Connections to the database, whose settings are made by statements.

PostgreSQL takes settings with the start of a session, too (`options=-c role=aeo_reader`), and
poolers do not: pgbouncer refuses a start with `options`, or ignores them. So everything in
`options` is taken out of the start and set by one statement, before anybody uses the connection.
That costs a round trip for each connection, and none for a question.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from uuid import uuid4

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.generators import execute
from psycopg.pq import ExecStatus
from psycopg.rows import AsyncRowFactory, Row, RowFactory

#: Seconds until a new connection has its settings. A pooler makes it wait for a free session.
SETTLING = 10.0

#: The mark that every connection leaves in its session. PostgreSQL forgets it with DISCARD ALL.
MARK = "aeo.session"

CURE = "a pooler between this program and the database must be in session mode"

#: Settings that PostgreSQL takes at the start of a session only.
_AT_START = frozenset(
    {
        "ignore_system_indexes",
        "jit_debugging_support",
        "jit_profiling_support",
        "log_connections",
        "log_disconnections",
        "post_auth_delay",
    }
)


class WrongSession(psycopg.OperationalError):
    """The database provided another session than the requested one."""


class Options(NamedTuple):
    """The parameter `options` of a connection, taken apart.

    `settings`: by their names, as statements set them. `rest`: what only the start of a session
    takes, such as the name of an endpoint.
    """

    settings: dict[str, str]
    rest: str


def parse_options(options: str) -> Options:
    """Reads `-c name=value`, `-cname=value` and `--name=value`, as PostgreSQL does: blanks
    separate words, and a backslash keeps the next character."""
    words = re.findall(r"(?:\\.|[^\s\\])+", options, re.DOTALL)
    settings: dict[str, str] = {}
    rest: list[str] = []
    while words:
        word = words.pop(0)
        if word == "-c" and words:
            word += words.pop(0)
        found = re.fullmatch(r"(?:-c|--)([^=]+)=(.*)", word, re.DOTALL)
        name = found[1].replace("-", "_") if found else ""
        if found is None or name.lower() in _AT_START:
            rest.append(word)
        else:
            settings[name] = re.sub(r"\\(.)", r"\1", found[2], flags=re.DOTALL)
    return Options(settings, " ".join(rest))


class Session(psycopg.Connection[Row]):
    """A connection whose `options` are set by a statement. Those of the conninfo stay, and yield
    to those of the keyword."""

    @classmethod
    def connect(
        cls, conninfo: str = "", *, row_factory: RowFactory[Row] | None = None, **kwargs: Any
    ) -> Self:
        """Raises psycopg.OperationalError, and WrongSession where the session was another's."""
        settings, kwargs = _taken_apart(conninfo, kwargs)
        connection = super().connect(conninfo, row_factory=row_factory, **kwargs)
        try:
            connection.pgconn.send_query_params(*_statement(settings))
            results = connection.wait(execute(connection.pgconn), timeout=SETTLING)
            _require_settled(results, connection.info.encoding)
        except BaseException as error:
            connection.close()
            if (reason := _reason(error)) is None:
                raise
            raise reason from error
        return connection


class AsyncSession(AsyncConnection[Row]):
    """`Session` for a task."""

    @classmethod
    async def connect(
        cls, conninfo: str = "", *, row_factory: AsyncRowFactory[Row] | None = None, **kwargs: Any
    ) -> Self:
        """Raises psycopg.OperationalError, and WrongSession where the session was another's."""
        settings, kwargs = _taken_apart(conninfo, kwargs)
        connection = await super().connect(conninfo, row_factory=row_factory, **kwargs)
        try:
            connection.pgconn.send_query_params(*_statement(settings))
            results = await connection.wait(execute(connection.pgconn), timeout=SETTLING)
            _require_settled(results, connection.info.encoding)
        except BaseException as error:
            await connection.close()
            if (reason := _reason(error)) is None:
                raise
            raise reason from error
        return connection


def without_settings(conninfo: str) -> dict[str, Any]:
    """The parameters of a connection that sets nothing, not even what its conninfo asks for."""
    _, parameters = _taken_apart(conninfo, {})
    return conninfo_to_dict(conninfo, **parameters)


def _taken_apart(conninfo: str, kwargs: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    given = conninfo_to_dict(conninfo).get("options")
    if given is None:  # libpq reads the variable only where nothing else is said
        given = os.environ.get("PGOPTIONS")
    settings, rest = parse_options(f"{given or ''} {kwargs.get('options') or ''}")
    kwargs = {name: value for name, value in kwargs.items() if name != "options"}
    # An empty one overrides the conninfo and the variable; none leaves those of a service file.
    return settings, kwargs if given is None and not rest else {**kwargs, "options": rest}


def _statement(settings: Mapping[str, str]) -> tuple[bytes, list[bytes]]:
    """The statement, and its parameters. The role comes last: its login may set more."""
    ordered = sorted(settings.items(), key=lambda item: item[0].lower() == "role")
    calls = [f"current_setting('{MARK}', true)"]
    values: list[bytes] = []
    for name, value in [*ordered, (MARK, uuid4().hex)]:
        values += [name.encode(), value.encode()]
        calls.append(f"set_config(${len(values) - 1}, ${len(values)}, false)")
    return f"select {', '.join(calls)}".encode(), values


def _require_settled(results: list[Any], encoding: str) -> None:
    result = results[-1]
    if result.status != ExecStatus.TUPLES_OK:
        raise psycopg.errors.error_from_result(result, encoding)
    if result.get_value(0, 0):
        raise WrongSession(
            "session: found what another connection left in it, wanted one that is as new;"
            " a pooler between this program and the database must have"
            " server_reset_query = DISCARD ALL"
        )


def _reason(error: BaseException) -> Exception | None:
    """What to raise instead, if anything. A setting that is refused fails the connection, as it
    does at the start of a session."""
    if isinstance(error, psycopg.errors._WaitTimeout):
        return psycopg.OperationalError(
            f"the database gave no session within {SETTLING:.0f} s; a pooler between this program"
            " and the database must have as many as there are connections (default_pool_size)"
        )
    if isinstance(error, psycopg.Error) and not isinstance(error, psycopg.OperationalError):
        return psycopg.OperationalError(f"a setting of the session was refused: {error}")
    return None
