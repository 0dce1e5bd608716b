"""Contenders that answer over HTTP: ours as in production, the peers as their manuals have them."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from api.local.processes import Helper
from ops.bench import common, installing, pgbench
from ops.bench.common import Unfit
from ops.bench.questions import KINDS, Kind, peers

PEERS = Path(__file__).parent / "peers"
#: A bench asks more in a minute than a client does. Its requests are counted like any others.
UNHINDERED = """
insert into access.quota (kind, name, requests, work, changed_by)
select 'group', name, 1000000000, 1000000000000, 'bench'
from unnest(array['public', 'company', 'partner', 'officer', 'auditor']) as name
on conflict do nothing"""


@dataclass
class World:
    """What is asked about, and by whom."""

    folder: Path
    url: str
    token: str
    tins: list[str]
    seconds: float
    warm: float
    connections: int


@dataclass
class Server:
    """A contender over HTTP. `asked`: what it is asked for a kind of question."""

    port: int
    asked: Callable[[Kind], str]
    headers: dict[str, str] = field(default_factory=dict)
    pids: list[int] = field(default_factory=list)
    checked: set[str] = field(default_factory=set)

    def ask(self, query: str, variables: dict[str, Any]) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"content-type": "application/json", "accept": "application/json"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, headers | self.headers
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Unfit(error.read().decode(errors="replace")[:150]) from None


def ours(world: World, stack: ExitStack, **environment: str) -> Server:
    """Our service, as `aeo up` starts it: the bench asks as demo identities."""
    with psycopg.connect(world.url) as connection:
        connection.execute(UNHINDERED)
    port = common.free_port()
    helper = Helper("serve", world.folder, "--port", str(port), "--demo", environment=environment)
    stack.callback(helper.stop)
    helper.tell(world.url)
    common.answering(helper.process, f"http://127.0.0.1:{port}/graphql", helper.log)
    headers = {"Authorization": f"Bearer {world.token}"}
    return Server(port, lambda kind: kind.ours, headers, family(helper.process.pid))


def follow(world: World, stack: ExitStack) -> int:
    """Our follower, as `aeo follow` runs it. Answers its number."""
    command = [sys.executable, "-m", "api", "follow", "--home", str(world.folder)]
    started = stack.enter_context(
        common.process(command, {"DATABASE_URL": world.url}, world.folder / "follow.log")
    )
    return started.pid


def node_peer(world: World, stack: ExitStack, script: str) -> Server:
    node, modules = installing.node()
    port = common.free_port()
    environment = {
        "PEER_MODULES": str(modules),
        "PEER_DATABASE": _options(world.url),
        "PEER_PORT": str(port),
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }
    started = _up(stack, [node, str(PEERS / script)], environment, port, world)
    if script == "postgraphile.mjs":
        return Server(port, lambda kind: kind.postgraphile, pids=started)
    return Server(port, lambda kind: peers(kind.ours), pids=started)


def python_peer(world: World, stack: ExitStack, module: str, **environment: str) -> Server:
    port = common.free_port()
    given = {"PEER_DATABASE": _options(world.url), **environment}
    if module == "hand":
        asked = world.folder / "asked.json"
        asked.write_text(json.dumps({peers(kind.ours): kind.name for kind in KINDS}))
        statements = world.folder / "statements.json"
        statements.write_text(json.dumps({kind.name: kind.keys for kind in KINDS}))
        given |= {"PEER_QUESTIONS": str(asked), "PEER_STATEMENTS": str(statements)}
    command = [
        installing.python(),
        "-m",
        "uvicorn",
        f"{module}:app",
        "--app-dir",
        str(PEERS),
        "--port",
        str(port),
        "--workers",
        "2",
        "--log-level",
        "warning",
        "--no-access-log",
    ]
    started = _up(stack, command, given, port, world)
    return Server(port, lambda kind: peers(kind.ours), pids=started)


def _up(
    stack: ExitStack, command: list[str], environment: dict[str, str], port: int, world: World
) -> list[int]:
    log = world.folder / f"{port}.log"
    started = stack.enter_context(common.process(command, environment, log))
    common.answering(started, f"http://127.0.0.1:{port}/graphql", log)
    return family(started.pid)


def family(pid: int) -> list[int]:
    """A process and those that it started (Linux)."""
    found = [pid]
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return found
    for child in children:
        found += family(int(child))
    return found


def address(url: str) -> str:
    """The database as drivers in other languages want it named."""
    told = psycopg.conninfo.conninfo_to_dict(url)
    return f"postgresql://{told['user']}@/{told['dbname']}?host={told.get('host') or 'localhost'}"


def _options(url: str) -> str:
    """The same with the settings that our own service reads it with: fair is fair."""
    settings = pgbench.SETTINGS.replace(" ", "%20").replace("=", "%3D")
    return f"{address(url)}&options={settings}"


def database_seconds(url: str) -> float:
    """Of the server's processes, living and ended."""
    pid = int(_written(url))
    used = common.processor_seconds(family(pid))
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return used
    return used + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _written(url: str) -> str:
    """The number of the server's first process, as it wrote it down."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select (string_to_array(pg_read_file('postmaster.pid'), E'\\n'))[1]"
        ).fetchone()
    assert row is not None
    return str(row[0])
