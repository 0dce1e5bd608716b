"""Restarts a database under a service, again and again, and counts what was answered meanwhile.

    python -m ops.restarts --rounds 50

Needs nothing that runs: a database server and a service are started in a folder of their own, on
loopback, and stopped at the end. Ends with 1 where the service was dead after a restart, or where
an answer was neither good nor one that passes by itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from random import Random

from api.access import quota_rows
from api.access.quota_rows import key_of
from api.demo.load import load_world
from api.local import postgres
from api.local.cluster import find_cluster, runner
from api.local.processes import Helper
from ops.bench.common import free_port
from projections.engine.projector import Projector
from registry.ledger.database import migrate

QUESTIONS = ('{ agreement(id: "CN-KR-AEO") { id } }', "{ administrations { code } }")
PASSING = {"UNAVAILABLE", "BUSY", "DEADLINE"}
AGAIN = 20.0  # seconds after a restart by which the service must answer


def ask(port: int, question: str) -> tuple[int, tuple[str, ...]]:
    """The status, and the codes of the errors."""
    body = json.dumps({"query": question}).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            status, said = answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        status, said = error.code, json.load(error)
    return status, tuple(error["extensions"]["code"] for error in said.get("errors", ()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    rounds, random = parser.parse_args().rounds, Random(parser.parse_args().seed)
    with tempfile.TemporaryDirectory(prefix="aeo-restarts-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        with postgres.database(home) as url:
            migrate(url)
            # The questions under load are not those of one address of the public.
            quota_rows.change(url, key_of("public"), "restarts", 10**9, 10**15, default=False)
            load_world(url)
            Projector(url).catch_up()
            port = free_port()
            options = ("--port", str(port), "--workers", "1", "--demo")
            service = Helper("serve", home / "service", *options)
            try:
                service.tell(url)
                return run(home, port, rounds, random)
            finally:
                service.stop()


def run(home: Path, port: int, rounds: int, random: Random) -> int:
    cluster, seen, loaded = find_cluster(home.resolve()), Counter[str](), threading.Event()
    over, dead, slowest = threading.Event(), 0, 0.0

    def keep_asking(question: str) -> None:
        while not over.is_set():
            if not loaded.wait(0.2):
                continue
            status, codes = ask(port, question)
            seen["good" if status == 200 else ",".join(codes) or str(status)] += 1

    threads = [
        threading.Thread(target=keep_asking, args=[question], daemon=True)
        for question in QUESTIONS * 2
    ]
    for each in threads:
        each.start()
    answered(port)
    for number in range(rounds):
        loaded.set() if number % 2 else loaded.clear()  # every other round it is idle
        time.sleep(random.random())
        mode = random.choice(["fast", "immediate"])
        runner(cluster)(
            cluster.programs / "pg_ctl",
            "restart",
            "-w",
            "-D",
            cluster.data,
            "-m",
            mode,
            "-l",
            cluster.log,
        )
        took = answered(port)
        dead += took is None
        slowest = max(slowest, took or AGAIN)
    over.set()
    for each in threads:
        each.join(20)
    strange = {code: times for code, times in seen.items() if code not in PASSING | {"good"}}
    print(f"{rounds} restarts: {dead} times dead, answering again after {slowest:.1f} s at most")
    print(f"answers meanwhile: {dict(seen)}; neither good nor passing: {strange or 'none'}")
    return 1 if dead or strange else 0


def answered(port: int) -> float | None:
    """Seconds until every way of answering answers; None where none did in time."""
    begun = time.monotonic()
    while time.monotonic() - begun < AGAIN:
        try:
            if all(ask(port, question)[0] == 200 for question in QUESTIONS):
                return time.monotonic() - begun
        except OSError:
            pass
        time.sleep(0.1)
    return None


if __name__ == "__main__":
    sys.exit(main())
