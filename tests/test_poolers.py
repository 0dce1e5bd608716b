"""The product behind pgbouncer: in session mode every command runs and every answer is its
subject's own; in the other modes every command refuses to run, in words."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg.rows import scalar_row

from api.access.tokens import issue
from api.cli import GROUPS
from api.cli.audit import app as audit
from api.cli.client import app as client
from api.cli.peer_decisions import app as peer
from tests import warm_commands
from tests.api.served import served
from tests.pooling import needs_pooler, pooler

SUBJECTS, EACH = 24, 60
WORDS = "aeo: session: .*; a pooler between this program and the database must be in session mode"

#: Every command that connects, as it is called here.
CONNECTING: dict[str, tuple[str, ...]] = {
    "up": ("--port", "18423"),
    "serve": ("--port", "18424"),
    "follow": (),
    "clerk": (),
    "checker": (),
    "webhooks": (),
    "follow-peer": ("http://127.0.0.1:9", "--administrations", "KR", "--token-file", "token"),
    "import partner-list": ("list.csv", "--administration", "PE", "--as-of", "2026-01-01"),
    "log": (),
    "sign": (),
    "ask": ("CN1234567890", "--in", "KR"),
    "history": ("CN1234567890",),
    "replay": (),
    "diff": ("2026-01-01", "now"),
    "migrate": (),
    "load": (),
    "import": ("commands.jsonl",),
    "rebuild": (),
    "check": (),
    "status": (),
    "resume": (),
    "new-epoch": ("--why", "a test"),
    "erase": ("0b6ff7ee-6a0a-4a3a-8f3c-7d9b8f1f6c11", "--ground", "a test"),
    "client new": ("partner:KR",),
    "client revoke": ("a-client",),
    "client retire-key": ("a-client", "a-key"),
    "client list": (),
    "client quota": (),
    "peer accept": ("korea", "--why", "a test", "--actor", "kim", "--token-file", "token"),
    "peer forget": ("korea", "--why", "a test", "--actor", "kim"),
    "peer law": (),
    "audit export": ("--all", "--out", "bundle"),
}
#: Those that connect to no database, or to one of their own (bench).
OTHERS = {"bench", "new-key", "sign-commands", "token", "export-schema", "completion"}
OTHERS |= {"client token", "mcp"}  # ask the service
OTHERS |= {"webhooks rotate", "new-receipt-key"}  # files of the home

LIST = """RUC;Razón social;Estado;Fecha de resolución;N° de certificado
20100000000;Exportadora S.A.C.;Vigente;13/01/2022;PE-0001
"""
LINE = {
    "command": "register_operator",
    "tin": "CN7777777777",
    "name": "Pear",
    "roles": ["EXPORTER"],
}


class Commands:
    """Runs commands on one database."""

    def __init__(self, database: str, home: Path) -> None:
        self._home = home
        self._environment = {
            "DATABASE_URL": database,
            "AEO_HOME": str(home),
            "AEO_CWD": str(home),
            "PATH": "/usr/bin:/bin",
            "COLUMNS": "200",
        }
        (home / "commands.jsonl").write_text(json.dumps(LINE) + "\n", encoding="utf-8")
        (home / "list.csv").write_text(LIST, encoding="utf-8")
        (home / "token").write_text("a-token-of-the-peer\n", encoding="utf-8")

    def run(self, *words: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        return warm_commands.run(*words, environment=self._environment, seconds=seconds)

    @contextmanager
    def running(self, *words: str) -> Iterator[warm_commands.Running]:
        """Ends it by SIGTERM; fails where it has ended before."""
        with (self._home / f"{words[0]}.out").open("wb") as out:
            process = warm_commands.start(*words, environment=self._environment, out=out, err=out)
        try:
            yield process
            assert process.poll() is None, (self._home / f"{words[0]}.out").read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def ask(address: str, body: bytes, token: str | None) -> tuple[int, Any]:
    asking = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        asking.request("POST", "/graphql", body, headers)
        answer = asking.getresponse()
        told = json.loads(answer.read())
        for error in told.get("errors", ()):  # another for each request
            error["extensions"].pop("requestId", None)
        return answer.status, told
    finally:
        asking.close()


def until(what: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_table_has_every_command() -> None:
    named = {name for commands in GROUPS.values() for name in commands}
    for group, app in (("audit", audit), ("client", client), ("peer", peer)):
        named |= {
            f"{group} {each.name or each.callback.__name__}"
            for each in app.registered_commands
            if each.callback
        }
    assert named == CONNECTING.keys() | OTHERS


@needs_pooler
@pytest.mark.parametrize(
    ("mode", "names"), [("transaction", tuple(CONNECTING)), ("statement", ("migrate", "serve"))]
)
def test_commands_refuse_a_pooler_that_shares_sessions(
    database: str, mode: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    with pooler(database, mode) as pooled:
        commands = Commands(pooled, tmp_path)

        def refused(name: str) -> tuple[int, str]:
            done = commands.run(*name.split(), *CONNECTING[name], seconds=60.0)
            return done.returncode, done.stderr.splitlines()[-1]

        # One after another: two at once share sessions, and each would judge what the other left.
        found = {name: refused(name) for name in names}

    for name, (code, said) in found.items():
        assert code == 3, (name, code, said)
        assert re.fullmatch(WORDS, said), (name, said)
    with psycopg.connect(database, row_factory=scalar_row) as connection:
        # Nothing is left behind for which others would wait.
        locks = connection.execute("select count(*) from pg_locks where locktype = 'advisory'")
        assert locks.fetchone() == 0


@needs_pooler
def test_in_session_mode_every_command_runs(database: str, tmp_path: Path) -> None:
    """`status` ends with 0 when each background process leads, and its work is done."""
    with pooler(database, "session", size=60) as pooled, ExitStack() as stack:
        commands = Commands(pooled, tmp_path)

        def run(*words: str) -> str:
            done = commands.run(*words)
            assert done.returncode == 0, (words, done.stdout, done.stderr)
            return done.stdout

        run("migrate")
        run("load", "--operators", "20")
        run("rebuild")
        for name in ("follow", "log", "sign", "clerk", "checker"):
            stack.enter_context(commands.running(name))
        run("import", "commands.jsonl")
        until(lambda: commands.run("status").returncode == 0)
        run("ask", "CN7777777777", "--in", "KR")
        run("history", "CN7777777777")
        run("replay", "--from", "1", "--until", "10")
        run("replay", "--at", "2026-01-01", "--known-at", "now", "--models", "agreements")
        run("replay", "--drop")
        run("diff", "2026-01-01", "2026-01-01")
        run("check", "--streams", "20")
        run("resume")
        run("new-epoch", "--why", "a test")


@needs_pooler
def test_in_session_mode_every_answer_is_the_one_that_a_direct_connection_gets(
    world: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,440 questions of public, partner, officer and auditor, at once, of mixed documents."""
    # What 24 ask at once of one process waits; 503 DEADLINE would be about the machine's load.
    monkeypatch.setenv("AEO_DEADLINE", "60")
    with psycopg.connect(world, row_factory=scalar_row) as connection:
        instant = connection.execute(
            "select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
        ).fetchone()
        tins = connection.execute("select distinct tin from views.operator").fetchall()
    random = Random(20261129)
    tins = sorted(tins)[:300]
    as_of = f'asOf: {{at: "{instant}", knownAt: "{instant}"}}'
    subjects = [None, "partner:KR", "officer:CN", "auditor:*", "partner:US", "officer:EU"]
    forms = [
        "query ($tins: [TIN!]!) {{ recognitions(tins: $tins, in: {to}, {as_of})"
        " {{ tin outcome reasons {{ code }} }} }}",
        "query ($tins: [TIN!]!) {{ operatorsByTin(tins: $tins, {as_of})"
        " {{ tin name standingAbroad }} }}",
        "query ($tin: TIN!) {{ operator(tin: $tin, {as_of})"
        " {{ id name standing identifiers {{ scheme value }} }} }}",
        "query ($code: ID!) {{ agreement(id: $code, {as_of})"
        " {{ title status sides {{ __typename }} }} }}",
        "{{ administrations {{ code name }} }}",
    ]

    def question() -> tuple[bytes, str | None]:
        text = random.choice(forms).format(to=random.choice(["KR", "EU", "CN", "US"]), as_of=as_of)
        known = {
            "tins": random.sample(tins, 5),
            "tin": random.choice(tins),
            "code": random.choice(["CN-KR-AEO", "CN-EU-AEO", "AAMRA", "CN-SG-AEO"]),
        }
        variables = {name: value for name, value in known.items() if f"${name}:" in text}
        body = json.dumps({"query": text, "variables": variables})
        return body.encode(), random.choice(subjects)

    questions = [question() for _ in range(SUBJECTS * EACH)]
    homes = [tmp_path / "direct", tmp_path / "pooled"]
    for home in homes:
        home.mkdir()
    with (
        pooler(world, "session", "extra_float_digits,options", 60) as pooled,
        served(world, homes[0]) as direct,
        served(pooled, homes[1]) as behind,
        ThreadPoolExecutor(SUBJECTS) as pool,
    ):
        tokens = [{who: issue(who, home) for who in subjects if who} for home in homes]

        def answers(address: str, tokens: dict[str, str]) -> list[tuple[int, Any]]:
            return list(
                pool.map(
                    lambda asked: ask(address, asked[0], tokens.get(asked[1] or "")), questions
                )
            )

        wanted, found = answers(direct, tokens[0]), answers(behind, tokens[1])

    equal = sum(one == other for one, other in zip(wanted, found, strict=True))
    assert not [answer for answer in wanted if answer[0] != 200]
    assert (equal, len(found)) == (1440, 1440)
