"""Whether the time of an answer tells a hidden operator from one that does not exist.

    python -m ops.absence [--times 300] [--operators 200] [--doors operator,recognition]

A register of its own with the published world; a partner asks in turns, at every door
(`ops/doors.py`), about an operator that is hidden from it and one that does not exist, in an order
drawn by lot. Printed are, for each door, the medians and 90th percentiles in milliseconds, the
statistic of Kolmogorov and Smirnov (the largest distance between the two distributions, 0 to 1) and
the probability of one that large by chance. Ends with 1 where a door has less than one in a
thousand and medians more than a tenth of a millisecond and 2 % apart.

The operator is hidden for want of consent, where the register is asked most: its row is found, the
agreements are read, and it is not shown.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from math import exp, sqrt
from random import Random
from statistics import median, quantiles
from typing import Any

import psycopg

from api.access.tokens import issue
from ops.bench import common
from ops.bench.servers import World, ours
from ops.doors import DOORS, AskedAbout, Door
from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.domain import commands
from registry.ledger.database import environment

#: Of the published world: an agreement of this home with that partner asks for consent.
SUBJECT = "partner:CN"
HIDDEN, NOWHERE = "FR7777777770001", "FR7777777770002"
NUMBERS = "FRAEOF77770001", "FRAEOF77770002"
NAMES = "Synthetic Hidden", "Synthetic Hiddan"
SURE, APART, SHARE = 0.001, 0.1, 0.02  # probability; milliseconds; of the median


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m ops.absence", description=__doc__)
    options.add_argument("--times", type=int, default=300, help="requests a door and operator")
    options.add_argument("--operators", type=int, default=200)
    options.add_argument("--doors", help="only those whose names hold one of these, by commas")
    asked = options.parse_args()
    words = asked.doors.split(",") if asked.doors else [""]
    doors = [door for door in DOORS if any(word in door.name for word in words)]
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        common.register(url, asked.operators)
        _register_hidden(url)
        world = World(folder, url, issue(SUBJECT, folder), [], 0.0, 0.0, 1)
        server = ours(world, stack, AEO_WORKERS="1")
        operators = [
            _asked_about(world, server.port, *names)
            for names in zip((HIDDEN, NOWHERE), NUMBERS, NAMES, strict=True)
        ]
        told = [_measure(server.port, world.token, door, asked.times, operators) for door in doors]
    sys.exit(1 if any(told) else 0)


def _register_hidden(url: str) -> None:
    """Records an operator with a valid authorisation that consents to nothing."""
    registry = Registry(environment(url))
    said = {"tin": HIDDEN, "known_at": "2024-01-01T00:00:00Z", "source": "synthetic"}
    number = {"number": NUMBERS[0], "legal_ground": "a law", "effective": "2024-01-01"}
    lines: list[dict[str, Any]] = [
        {"command": "register_operator", "name": NAMES[0], "roles": ["EXPORTER"]},
        {"command": "lodge_application", "programme": "EU-AEO", "type": "AEOF"},
        {"command": "accept_application"},
        {"command": "start_examination"},
        {"command": "grant_authorisation", **number},
    ]
    for line in lines:
        registry.execute(commands.read({**said, **line}), "bench")
    registry.close()
    Projector(url).catch_up()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


def _asked_about(world: World, port: int, tin: str, number: str, name: str) -> AskedAbout:
    """An operator, with a receipt of the subject about it and one that an auditor holds. About the
    one that does not exist nobody else has one: no receipt has that id."""

    def receipt(token: str) -> str:
        question = f'recognition(tin: "{tin}", in: "{SUBJECT[-2:]}", receipt: true)'
        body = json.dumps({"query": f"{{ {question} {{ receipt {{ id }} }} }}"}).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/graphql", body, headers)
        found = json.loads(connection.getresponse().read())
        connection.close()
        return str(found["data"]["recognition"]["receipt"]["id"])

    asked = AskedAbout(tin, number, name, SUBJECT[-2:], own_receipt=receipt(world.token))
    if tin == NOWHERE:
        return asked
    return replace(asked, receipt=receipt(issue("auditor:*", world.folder)))


def _measure(
    port: int, token: str, door: Door, times: int, operators: Sequence[AskedAbout]
) -> bool:
    """Prints a line for a door; returns whether the times tell the two apart."""
    lot = Random(door.name)
    took: dict[str, list[float]] = {HIDDEN: [], NOWHERE: []}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for number in range(times + 20):
        for asked in lot.sample(operators, len(operators)):
            method, path, body = door.request(asked)
            headers = {"content-type": "application/json"} if door.path == "/graphql" else {}
            if not door.public:
                headers["authorization"] = f"Bearer {token}"
            began = time.perf_counter()
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            answer.read()
            if number >= 20:  # the first ones warm the caches
                took[asked.tin].append((time.perf_counter() - began) * 1e3)
    connection.close()
    one, other = took[HIDDEN], took[NOWHERE]
    distance, chance = kolmogorov_smirnov(one, other)
    apart = abs(median(one) - median(other))
    tells = chance < SURE and apart > max(APART, SHARE * median(other))
    common.console.print(
        f"{door.name:<40} hidden {median(one):7.2f} ms (p90 {quantiles(one, n=10)[-1]:7.2f}),"
        f" absent {median(other):7.2f} ({quantiles(other, n=10)[-1]:7.2f}),"
        f" D {distance:.3f}, p {chance:.3f}{'  TELLS' if tells else ''}",
        soft_wrap=True,
    )
    return tells


def kolmogorov_smirnov(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """The largest distance between the distributions of two samples, and the probability of one
    that large where both are the same (asymptotic, Kolmogorov 1933; good from 50 values on)."""
    values = sorted(
        [(value, 1 / len(one)) for value in one] + [(value, -1 / len(other)) for value in other]
    )
    distance = total = 0.0
    for place, (value, share) in enumerate(values):
        total += share
        if place + 1 == len(values) or values[place + 1][0] != value:
            distance = max(distance, abs(total))
    size = sqrt(len(one) * len(other) / (len(one) + len(other)))
    at = (size + 0.12 + 0.11 / size) * distance
    chance = 2 * sum((-1) ** (k - 1) * exp(-2 * (k * at) ** 2) for k in range(1, 101))
    return distance, min(1.0, max(0.0, chance)) if at > 0.2 else 1.0


if __name__ == "__main__":
    main()
