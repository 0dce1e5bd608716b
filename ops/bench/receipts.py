"""What a receipt costs beside its answer, over HTTP, both in one run.

    python -m ops.bench.receipts [--rounds 200] [--operators 3000] [--clients 16]

Starts the service on a register of synthetic operators in a home that is thrown away, and asks the
same question with and without a receipt in turn, also of a thousand operators at once. Prints the
medians of the wall clock and of the processor time of service and database, and the cost of a
receipt as a share of the answer beside it. That answer is measured twice: as the planner gives it,
and as the resolvers do. One operator is asked about by one client, and by `--clients` at once, as a
service in use is asked: receipts of the same moment are stored in one round trip. The target is a
third.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from statistics import median
from time import perf_counter

import psycopg

from api.access.tokens import issue
from ops.bench import common, servers

FIELDS = "outcome legal operational reasons { code message } bases { authorisation } position"
MANY = 1_000
#: Marks the names of what several clients ask at once.
AT_ONCE = ", at once"


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
    """Connections to the service, one a client, and what its answers took."""

    def __init__(
        self, server: servers.Server, url: str, token: str, tins: list[str], clients: int
    ) -> None:
        self._server, self._url, self._tins = server, url, tins
        self._connections = [
            http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
            for _ in range(clients)
        ]
        self._pool, self._random = ThreadPoolExecutor(clients), Random(7)
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        self.wall: dict[str, list[float]] = {}
        self.processor: dict[str, list[float]] = {}

    def _used(self) -> float:
        return common.processor_seconds(self._server.pids) + servers.database_seconds(self._url)

    def ask(self, name: str, document: str, times: int, clients: int) -> None:
        """Each of so many clients asks so many times; notes the milliseconds of one answer."""
        bodies = [[self._body(document) for _ in range(times)] for _ in range(clients)]
        used = self._used()
        asked = [
            self._pool.submit(self._ask, name, connection, mine)
            for connection, mine in zip(self._connections, bodies, strict=False)
        ]
        for one in asked:
            self.wall.setdefault(name, []).extend(one.result())
        spent = (self._used() - used) / times / clients
        self.processor.setdefault(name, []).append(spent * 1e3)

    def _body(self, document: str) -> str:
        many = "$tins" in document
        some = self._random.sample(self._tins, MANY if many else 1)
        return json.dumps(
            {"query": document, "variables": {"tins": some} if many else {"tin": some[0]}}
        )

    def _ask(
        self, name: str, connection: http.client.HTTPConnection, bodies: list[str]
    ) -> list[float]:
        took = []
        for body in bodies:
            began = perf_counter()
            connection.request("POST", "/graphql", body, self._headers)
            found = json.loads(connection.getresponse().read())
            if "errors" in found:
                raise SystemExit(f"{name}: {found['errors'][0]['message']}")
            took.append((perf_counter() - began) * 1e3)
        return took


def main() -> None:
    """Runs the bench."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--operators", type=int, default=3_000)
    options.add_argument("--clients", type=int, default=16)
    asked = options.parse_args()
    os.environ["AEO_DEADLINE"] = "60"  # a busy machine answers late, and answers
    with common.home() as home, common.server(home) as url, ExitStack() as stack:
        common.register(url, asked.operators)
        with psycopg.connect(url) as connection:
            rows = connection.execute("select tin from views.operator").fetchall()
        tins = [tin for (tin,) in rows]
        token = issue("auditor:*", home)
        world = servers.World(home, url, token, tins, 0, 0, 1)
        asking = Asking(servers.ours(world, stack), url, token, tins, asked.clients)
        one = max(1, asked.rounds // 10)
        for turn in range(12):
            for name, document in documents().items():
                many = name.startswith("1,000")
                asking.ask(name, document, max(1, one // 20) if many else one, 1)
                if not many:
                    asking.ask(f"{name}{AT_ONCE}", document, one, asked.clients)
            if turn == 1:  # the first ones prepare statements and plans
                asking.wall, asking.processor = {}, {}
    _print(asking, asked.clients)


def _print(asking: Asking, clients: int) -> None:
    wall = {name: median(times) for name, times in asking.wall.items()}
    processor = {name: median(times) for name, times in asking.processor.items()}
    for name, milliseconds in wall.items():
        print(f"{name:34} {milliseconds:8.2f} ms, processor {processor[name]:8.2f} ms")
    for number, receipt, suffix, who in (
        ("one", "a receipt", "", "one client"),
        ("one", "a receipt", AT_ONCE, f"{clients} clients"),
        ("1,000", "receipts", "", "one client"),
    ):
        for answer in ("planned", "resolvers"):
            with_receipt, without = (
                f"{number}, with {receipt}{suffix}",
                f"{number}, {answer}{suffix}",
            )
            cost = {
                clock: found[with_receipt] / found[without] - 1
                for clock, found in (("wall clock", wall), ("processor", processor))
            }
            shares = ", ".join(f"{share:.2f} by the {clock}" for clock, share in cost.items())
            print(f"{number}, {who}: a receipt costs of its answer ({answer}): {shares}")


if __name__ == "__main__":
    main()
