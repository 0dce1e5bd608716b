"""How long a recognition question takes over HTTP, on both clocks, at a steady pace.

    python -m ops.bench.recognition [--operators 100000] [--rate 50] [--seconds 30] [--home DIR]

Starts `aeo up` (in a home that is thrown away, or in --home, which is kept) and asks as an auditor
for one TIN after another, each at another instant of law and of knowledge. A question is due at a
fixed time and its answer is measured from then, whether or not the one before it was answered.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from time import monotonic, sleep

from api.access.tokens import issue

QUERY = """
query ($tin: TIN!, $in: AdministrationCode!, $at: DateTime, $knownAt: DateTime) {
  recognition(tin: $tin, in: $in, asOf: {at: $at, knownAt: $knownAt}) {
    outcome legal operational reasons { code message } bases { agreement { id } }
    validFrom validTo position
  }
}"""
#: What a declaration system asks: the verdict, its codes and its bases, and no sentences.
BRIEF = """
query ($tin: TIN!, $in: AdministrationCode!, $at: DateTime, $knownAt: DateTime) {
  recognition(tin: $tin, in: $in, asOf: {at: $at, knownAt: $knownAt}) {
    outcome legal operational reasons { code } bases { agreement { id } authorisation identifier }
    position
  }
}"""
TERRITORIES = ("CN", "KR", "JP", "US", "SG", "DE", "GB", "CH", "AU", "TH", "MX", "NZ")
START = datetime(2012, 1, 1, tzinfo=UTC)
CALLERS = 8

_held = threading.local()


def ask(port: int, token: str, variables: dict[str, str], query: str) -> str:
    """The outcome. Each thread keeps its connection."""
    if not hasattr(_held, "connection"):
        _held.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    body = json.dumps({"query": query, "variables": variables})
    _held.connection.request("POST", "/graphql", body, headers)
    answer = json.load(_held.connection.getresponse())
    outcome: str = answer["data"]["recognition"]["outcome"]
    return outcome


def ask_nothing(port: int) -> str:
    """What the way there and back takes, and the machine's other work."""
    _held.connection = getattr(_held, "connection", None) or http.client.HTTPConnection(
        "127.0.0.1", port, timeout=30
    )
    _held.connection.request("GET", "/healthz")
    return str(_held.connection.getresponse().read().decode().strip())


def question(tins: list[str], chance: random.Random) -> dict[str, str]:
    days = (datetime.now(UTC) - START).days
    known = START + timedelta(days=chance.randrange(days))
    at = START + timedelta(days=chance.randrange(days))
    return {
        "tin": chance.choice(tins),
        "in": chance.choice(TERRITORIES),
        "at": at.isoformat(),
        "knownAt": (datetime.now(UTC) if chance.random() < 0.5 else known).isoformat(),
    }


def all_tins(home: Path) -> list[str]:
    replay = [sys.executable, "-m", "api", "replay", "--home", str(home)]
    done = subprocess.run(
        [*replay, "--type", "operator.registered"], stdout=subprocess.PIPE, check=True
    )
    return [json.loads(line)["payload"]["tin"] for line in done.stdout.splitlines()]


def measure(
    port: int, token: str, tins: list[str], rate: float, seconds: float, query: str | None
) -> tuple[list[float], Counter[str]]:
    """Milliseconds of each answer, and what was answered. Without a query nothing is asked."""
    chance = random.Random(1)
    took: list[float] = []
    outcomes: Counter[str] = Counter()

    def asked(variables: dict[str, str]) -> str:
        return ask(port, token, variables, query) if query else ask_nothing(port)

    def one(due: float) -> None:
        outcome = asked(question(tins, chance))
        took.append((monotonic() - due) * 1000)
        outcomes[outcome] += 1

    with ThreadPoolExecutor(CALLERS) as callers:
        # Plans are made, caches filled: in each process and on each connection of theirs.
        warming = [question(tins, chance) for _ in range(400)]
        list(callers.map(asked, warming))
        began = monotonic()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            sleep(max(0.0, due - monotonic()))
            callers.submit(one, due)
    return took, outcomes


def tell(name: str, asked: argparse.Namespace, took: list[float], outcomes: Counter[str]) -> None:
    cuts = quantiles(took, n=100)
    print(
        f"{name}: {len(took):,} questions at {asked.rate:g}/s, {asked.operators:,} operators: "
        f"p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms, p99 {cuts[98]:.1f} ms, "
        f"longest {max(took):.1f} ms; {dict(outcomes)}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--operators", type=int, default=100_000)
    options.add_argument("--rate", type=float, default=50.0)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--home", type=Path)
    asked = options.parse_args()
    home = asked.home or Path(tempfile.mkdtemp(prefix="aeo-bench-"))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711)  # as root the server is run by another user, who must get through
    with closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
    up = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "api",
            "up",
            "--home",
            str(home),
            "--port",
            str(port),
            "--operators",
            str(asked.operators),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert up.stdout is not None
        if not any(line.startswith("ready") for line in up.stdout):
            sys.exit("it did not start")
        token = issue("auditor:*", home)
        tins = all_tins(home)
        kinds = ("with its words", QUERY), ("verdict, codes and bases", BRIEF), ("nothing", None)
        for name, query in kinds:
            took, outcomes = measure(port, token, tins, asked.rate, asked.seconds, query)
            tell(name, asked, took, outcomes)
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait()
        if asked.home is None:
            shutil.rmtree(home)


if __name__ == "__main__":
    main()
