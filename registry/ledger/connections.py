"""Database connections whose settings are made by a statement, so that they work behind a session
pooler.

PostgreSQL also accepts settings at the start of a session (`options=-c role=aeo_reader`), but
pgbouncer refuses or ignores them. So the settings are removed from `options` and set by one
statement before the connection is used. This costs one round trip for each connection, and none for
a query.
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

#: Timeout in seconds for the settings of a new connection. A pooler may make it wait for a free
#: session.
SETTLING = 10.0

#: The marker that every connection leaves in its session. DISCARD ALL removes it.
MARK = "aeo.session"

ADVICE = "a pooler between this program and the database must be in session mode"

#: Settings that PostgreSQL accepts only at the start of a session.
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
    """The connection parameter `options`, parsed.

    `settings`: by name, to be set by a statement. `rest`: what only the start of a session accepts,
    such as the name of an endpoint.
    """

    settings: dict[str, str]
    rest: str


def parse_options(options: str) -> Options:
    """Parses `-c name=value`, `-cname=value` and `--name=value` as PostgreSQL does: spaces separate
    words, and a backslash escapes the next character."""
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
    """A connection whose `options` are set by a statement. The options of the conninfo are kept,
    and overridden by those of the keyword argument."""

    @classmethod
    def connect(
        cls, conninfo: str = "", *, row_factory: RowFactory[Row] | None = None, **kwargs: Any
    ) -> Self:
        """Connects and applies the settings. Raises psycopg.OperationalError, and WrongSession if
        another connection used the session before."""
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
    """The same as `Session`, for asyncio."""

    @classmethod
    async def connect(
        cls, conninfo: str = "", *, row_factory: AsyncRowFactory[Row] | None = None, **kwargs: Any
    ) -> Self:
        """Connects and applies the settings. Raises psycopg.OperationalError, and WrongSession if
        another connection used the session before."""
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
    """Returns the parameters of a connection that makes no settings, not even those in its
    conninfo."""
    _, parameters = _taken_apart(conninfo, {})
    return conninfo_to_dict(conninfo, **parameters)


def _taken_apart(conninfo: str, kwargs: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    given = conninfo_to_dict(conninfo).get("options")
    if given is None:  # libpq reads the variable only if nothing else is given
        given = os.environ.get("PGOPTIONS")
    settings, rest = parse_options(f"{given or ''} {kwargs.get('options') or ''}")
    kwargs = {name: value for name, value in kwargs.items() if name != "options"}
    # An empty value overrides the conninfo and the variable; an absent one leaves the options of a
    # service file.
    return settings, kwargs if given is None and not rest else {**kwargs, "options": rest}


def _statement(settings: Mapping[str, str]) -> tuple[bytes, list[bytes]]:
    """Returns the statement that applies the settings, and its parameters. The role is set last,
    because the login may be allowed to set more."""
    ordered = sorted(settings.items(), key=lambda setting: setting[0].lower() == "role")
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
    """Returns the exception to raise instead, or None. A refused setting fails the connection, as
    it does at the start of a session."""
    if isinstance(error, psycopg.errors._WaitTimeout):
        return psycopg.OperationalError(
            f"the database gave no session within {SETTLING:.0f} s; a pooler between this program"
            " and the database must have as many as there are connections (default_pool_size)"
        )
    if isinstance(error, psycopg.Error) and not isinstance(error, psycopg.OperationalError):
        return psycopg.OperationalError(f"a setting of the session was refused: {error}")
    return None
