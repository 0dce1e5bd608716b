"""A session that others share is refused: behind pgbouncer in transaction mode nothing begins, and
in session mode every answer is the asker's own."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from registry.ledger.sessions import WrongSession, milliseconds, require_own_session, verify

POOLER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
needs_pooler = pytest.mark.skipif(
    POOLER is None, reason="pgbouncer is not installed (Debian: apt-get install pgbouncer)"
)


@contextmanager
def pooler(database: str, folder: Path, mode: str, ignore: str, size: int = 4) -> Iterator[str]:
    """pgbouncer on loopback in front of the database: its conninfo. As root it runs as another."""
    assert POOLER is not None
    told = conninfo_to_dict(database)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    users, written = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{told["user"]}" ""\n')
    written.write_text(
        f"[databases]\n* = host={told['host']} port={told.get('port', 5432)}\n"
        f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\n"
        f"auth_type=trust\nauth_file={users}\npool_mode={mode}\ndefault_pool_size={size}\n"
        f"logfile={folder / 'log'}\npidfile={folder / 'pid'}\n"
        f"ignore_startup_parameters={ignore}\nmax_client_conn=200\n"
    )
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:  # pgbouncer refuses root, and only its owner reaches the server's socket
        user = pwd.getpwuid(Path(told["host"]).stat().st_uid)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        for each in (folder, users, written):
            os.chown(each, user.pw_uid, user.pw_gid)
    process = subprocess.Popen(
        [POOLER, str(written)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **identity
    )
    try:
        until = time.monotonic() + 10
        while True:
            with socket.socket() as caller:
                if caller.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None and time.monotonic() < until, "pgbouncer did not start"
            time.sleep(0.05)
        yield make_conninfo(host="127.0.0.1", port=port, user=told["user"], dbname=told["dbname"])
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that another user reaches: those of pytest belong to whoever tests."""
    made = Path(tempfile.mkdtemp(prefix="aeo-pooler-"))
    yield made
    shutil.rmtree(made)


def test_a_session_of_one_s_own_is_taken(database: str) -> None:
    asyncio.run(require_own_session(database))


@needs_pooler
@pytest.mark.parametrize("ignore", ["extra_float_digits", "extra_float_digits,options"])
def test_a_pooler_in_transaction_mode_is_refused_in_words(
    database: str, folder: Path, ignore: str
) -> None:
    """With the options of a session left out, or refused by the pooler itself."""
    with (
        pooler(database, folder, "transaction", ignore) as conninfo,
        pytest.raises(psycopg.OperationalError) as refused,
    ):
        asyncio.run(require_own_session(conninfo))
    if "options" in ignore:
        assert isinstance(refused.value, WrongSession)
        assert "session mode" in str(refused.value)


@needs_pooler
@pytest.mark.parametrize("size", [1, 4])
def test_a_login_without_options_is_found_to_share_its_session(
    database: str, folder: Path, size: int
) -> None:
    """Of the role and the limits nothing is asked here: the server process alone tells."""
    with (
        pooler(database, folder, "transaction", "extra_float_digits,options", size) as conninfo,
        pytest.raises(psycopg.OperationalError, match="session mode"),
    ):
        asyncio.run(require_own_session(conninfo, role=None, seconds=2.0))


@needs_pooler
def test_in_session_mode_each_of_many_reads_its_own(database: str, folder: Path) -> None:
    """1,440 statements of 24 connections, prepared under like names: each is its own."""
    with pooler(database, folder, "session", "extra_float_digits,options", 40) as conninfo:

        async def ask(number: int) -> int:
            connection = await AsyncConnection.connect(conninfo, autocommit=True)
            right = 0
            async with connection:
                for turn in range(60):
                    cursor = await connection.execute(
                        f"select {number}, %s::int", [turn], prepare=True
                    )
                    right += await cursor.fetchone() == (number, turn)
            return right

        async def all_of_them() -> list[int]:
            return await asyncio.gather(*map(ask, range(24)))

        assert sum(asyncio.run(all_of_them())) == 24 * 60


@pytest.mark.parametrize(
    "wanted",
    [
        {"role": "aeo_auditor"},
        {"default_transaction_read_only": "off"},
        {"statement_timeout": "7001"},
        {"TimeZone": "Asia/Seoul"},
    ],
)
def test_another_session_than_the_one_asked_for_is_refused(
    database: str, wanted: dict[str, str]
) -> None:
    parameters = "-c default_transaction_read_only=on -c statement_timeout=7000 -c timezone=UTC"

    async def look() -> None:
        async with await AsyncConnection.connect(database, options=parameters) as connection:
            await verify(connection, wanted)

    with pytest.raises(WrongSession, match=next(iter(wanted))):
        asyncio.run(look())


@pytest.mark.parametrize(
    ("shown", "meant"),
    [("0", 0), ("1500ms", 1500), ("2s", 2000), ("1min", 60_000), ("1h", 3_600_000)],
)
def test_a_time_is_read_as_postgresql_shows_it(shown: str, meant: int) -> None:
    assert milliseconds(shown) == meant
