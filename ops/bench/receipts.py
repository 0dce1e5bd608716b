"""What a receipt costs beside its answer, over HTTP, both in one run.

    python -m ops.bench.receipts [--rounds 200]

Starts `aeo up` with no synthetic operators in a home that is thrown away, and asks the same
question with and without a receipt in turn, also of a thousand operators at once. Prints medians in
milliseconds, and the cost of a receipt as a share of the answer beside it. The answer beside it is
measured twice: as the planner gives it, and as the resolvers do (with an argument that the planner
declines), which is the way of an answer with a receipt.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from api.access.tokens import issue

TINS = ["CN0000000012", "CN1234567890", "KR0000000015"]
FIELDS = "outcome legal operational reasons { code message } bases { authorisation } position"


def documents() -> dict[str, str]:
    """The documents by name. Those that begin with 1,000 take the variable $tins."""
    one, many = f'recognition(tin: "{TINS[0]}", in: "SG"', 'recognitions(tins: $tins, in: "SG"'
    wanted = f"{FIELDS} receipt {{ id jwt }}"
    # A field that no plan has: the same resolvers answer, without a receipt.
    stock = f"{FIELDS} receipt {{ id }}"
    each = "query ($tins: [TIN!]!)"
    return {
        "one, planned": f"{{ {one}) {{ {FIELDS} }} }}",
        "one, resolvers": f"{{ {one}) {{ {stock} }} }}",
        "one, with a receipt": f"{{ {one}, receipt: true) {{ {wanted} }} }}",
        "1,000, resolvers": f"{each} {{ {many}) {{ {stock} }} }}",
        "1,000, with receipts": f"{each} {{ {many}, receipt: true) {{ {wanted} }} }}",
    }


def measured(port: int, token: str, rounds: int) -> dict[str, list[float]]:
    """The milliseconds of each answer, by document."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    took: dict[str, list[float]] = {}
    tins = (TINS * 334)[:1000]
    for turn in range(rounds + 5):
        for name, document in documents().items():
            many = name.startswith("1,000")
            if many and turn % 10:
                continue
            asked = {"query": document, "variables": {"tins": tins} if many else {}}
            begin = monotonic()
            connection.request("POST", "/graphql", json.dumps(asked), headers)
            body = json.load(connection.getresponse())
            if "errors" in body:
                raise SystemExit(f"{name}: {body['errors'][0]['message']}")
            if turn >= 5:  # the first ones prepare statements and plans
                took.setdefault(name, []).append((monotonic() - begin) * 1000)
    return took


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=200)
    asked = options.parse_args()
    home = Path(tempfile.mkdtemp(prefix="aeo-bench-"))
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "api", "up", "--home", home, "--port", str(port)]
    patient = {**os.environ, "AEO_DEADLINE": "60"}  # a busy machine answers late, and answers
    up = subprocess.Popen([*command, "--operators", "0"], stdout=subprocess.DEVNULL, env=patient)
    try:
        _wait(port)
        took = measured(port, issue("auditor:*", home), asked.rounds)
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)
        shutil.rmtree(home, ignore_errors=True)
    middle = {name: median(times) for name, times in took.items()}
    for name, milliseconds in middle.items():
        print(f"{name:24} {milliseconds:8.2f} ms")
    for number in ("one", "1,000"):
        plain = middle[f"{number}, resolvers"]
        with_one = middle[f"{number}, with {'a receipt' if number == 'one' else 'receipts'}"]
        print(f"{number}: a receipt costs {(with_one - plain) / plain:.2f} of its answer")


def _wait(port: int) -> None:
    for _ in range(300):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            try:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
        sleep(0.5)
    raise SystemExit("the service did not become ready")


if __name__ == "__main__":
    main()
