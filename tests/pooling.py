"""pgbouncer between a test and its database, where the machine has it."""

from __future__ import annotations

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

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

POOLER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
needs_pooler = pytest.mark.skipif(
    POOLER is None, reason="pgbouncer is not installed (Debian: apt-get install pgbouncer)"
)


@contextmanager
def pooler(
    database: str, mode: str, ignore: str = "extra_float_digits", size: int = 4, more: str = ""
) -> Iterator[str]:
    """pgbouncer on loopback in front of the database: its conninfo. As root it runs as another.

    `ignore`: the parameters of a start that it leaves out; it refuses those that it does not know.
    `size`: how many sessions it has for a database. `more`: lines of its settings.
    """
    assert POOLER is not None
    folder = Path(tempfile.mkdtemp(prefix="aeo-pooler-"))  # those of pytest are one user's alone
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
        f"ignore_startup_parameters={ignore}\nmax_client_conn=200\n{more}\n"
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
        shutil.rmtree(folder)
