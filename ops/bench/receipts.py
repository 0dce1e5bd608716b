"""What a receipt costs beside its answer, over HTTP, both in one run.

    python -m ops.bench.receipts [--rounds 200] [--operators 3000]

Starts the service on a register of synthetic operators in a home that is thrown away, and asks the
same question with and without a receipt in turn, also of a thousand operators at once. Prints the
medians of the wall clock and of the processor time of service and database, and the cost of a
receipt as a share of the answer beside it. That answer is measured twice: as the planner gives it,
and as the resolvers do, which is the way of an answer with a receipt. The target is a third.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import secrets
from contextlib import ExitStack
from statistics import median
from time import perf_counter

import psycopg

from api.access.tokens import issue
from ops.bench import common, servers

FIELDS = "outcome legal operational reasons { code message } bases { authorisation } position"
MANY = 1_000


def documents() -> dict[str, str]:
    """The documents by name, each with the variables $tin and $tins."""
    one, many = 'recognition(tin: $tin, in: "SG"', 'recognitions(tins: $tins, in: "SG"'
    wanted = f"{FIELDS} receipt {{ id jwt }}"
    # A field that no plan has: the same resolvers answer, without a receipt.
    stock = f"{FIELDS} receipt {{ id }}"
    a, each = "query ($tin: TIN!)", "query ($tins: [TIN!]!)"
    return {
        "one, planned": f"{a} {{ {one}) {{ {FIELDS} }} }}",
        "one, resolvers": f"{a} {{ {one}) {{ {stock} }} }}",
        "one, with a receipt": f"{a} {{ {one}, receipt: true) {{ {wanted} }} }}",
        "1,000, planned": f"{each} {{ {many}) {{ {FIELDS} }} }}",
        "1,000, resolvers": f"{each} {{ {many}) {{ {stock} }} }}",
        "1,000, with receipts": f"{each} {{ {many}, receipt: true) {{ {wanted} }} }}",
    }


class Asking:
    """One connection to the service, and what its answers took."""

    def __init__(self, server: servers.Server, url: str, token: str, tins: list[str]) -> None:
        self._server, self._url, self._tins = server, url, tins
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        self.wall: dict[str, list[float]] = {}
        self.processor: dict[str, list[float]] = {}

    def _used(self) -> float:
        return common.processor_seconds(self._server.pids) + servers.database_seconds(self._url)

    def ask(self, name: str, document: str, times: int) -> None:
        """Asks so many times, and notes the milliseconds of one answer."""
        used = self._used()
        for _ in range(times):
            some = secrets.SystemRandom().sample(self._tins, MANY)
            many = "$tins" in document
            variables = {"tins": some} if many else {"tin": some[0]}
            began = perf_counter()
            body = json.dumps({"query": document, "variables": variables})
            self._connection.request("POST", "/graphql", body, self._headers)
            found = json.loads(self._connection.getresponse().read())
            if "errors" in found:
                raise SystemExit(f"{name}: {found['errors'][0]['message']}")
            self.wall.setdefault(name, []).append((perf_counter() - began) * 1e3)
        self.processor.setdefault(name, []).append((self._used() - used) / times * 1e3)


def main() -> None:
    """Runs the bench."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--operators", type=int, default=3_000)
    asked = options.parse_args()
    os.environ["AEO_DEADLINE"] = "60"  # a busy machine answers late, and answers
    with common.home() as home, common.server(home) as url, ExitStack() as stack:
        common.register(url, asked.operators)
        with psycopg.connect(url) as connection:
            rows = connection.execute("select tin from views.operator").fetchall()
        tins = [tin for (tin,) in rows]
        token = issue("auditor:*", home)
        world = servers.World(home, url, token, tins, 0, 0, 1)
        asking = Asking(servers.ours(world, stack), url, token, tins)
        for turn in range(12):
            for name, document in documents().items():
                many = name.startswith("1,000")
                asking.ask(name, document, max(1, asked.rounds // (200 if many else 10)))
            if turn == 1:  # the first ones prepare statements and plans
                asking.wall, asking.processor = {}, {}
    wall = {name: median(times) for name, times in asking.wall.items()}
    processor = {name: median(times) for name, times in asking.processor.items()}
    for name, milliseconds in wall.items():
        print(f"{name:24} {milliseconds:8.2f} ms, processor {processor[name]:8.2f} ms")
    for number, receipt in (("one", "a receipt"), ("1,000", "receipts")):
        for answer in ("planned", "resolvers"):
            cost = {
                clock: (found[f"{number}, with {receipt}"] / found[f"{number}, {answer}"]) - 1
                for clock, found in (("wall clock", wall), ("processor", processor))
            }
            told = ", ".join(f"{share:.2f} by the {clock}" for clock, share in cost.items())
            print(f"{number}: a receipt costs so much of its answer ({answer}): {told}")


if __name__ == "__main__":
    main()
