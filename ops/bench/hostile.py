"""What hostile clients cost the others: the waits of good ones, alone and beside sixteen others.

    python -m ops.bench.hostile [--quick] [--rounds 3] [--seconds 2] [--only "bad tokens,..."]

One service, as `aeo serve` runs it, on a register of its own. In every round the good clients ask
alone, beside sixteen clients of cheap known questions, and beside sixteen of each hostile kind;
each hostile client comes from an address of its own. The last column is what counts: how many
times longer the slowest hundredth of the good ones waits than beside as many cheap requests.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from rich.table import Table

from api.access.tokens import issue
from ops.bench import common, servers
from ops.bench.attacks import DOCUMENTS, PRODUCTS
from ops.bench.clients import Asked
from ops.bench.common import ROOT
from ops.bench.questions import RICH, SIMPLE, VERDICT
from ops.bench.servers import World

ALONE, CHEAP = "alone", "cheap requests"
GOOD, OTHERS = 8, 16
CALM = 0.7  # seconds in which what the last turn left undone is done
WARM = 0.5  # seconds of a turn that is not measured
HEAD = 0.3  # seconds by which the others begin earlier
JSON = "Content-Type: application/json"

Request = tuple[list[str], str]


@dataclass
class Found:
    """Of one situation: the good ones' waits in ms of each round, and what the others were told."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Officer:
    """Of an administration: it asks about the operators of its own."""

    token: str
    tins: list[str]


def requests(officer: Officer) -> dict[str, list[Request]]:
    """What a client of each kind sends, in turns."""
    chance = random.Random(officer.tins[0])
    token = [JSON, f"Authorization: Bearer {officer.token}"]

    def each(times: int, query: str) -> list[Request]:
        return [(token, _body(query, tin=chance.choice(officer.tins))) for _ in range(times)]

    many = {"tins": chance.choices(officer.tins, k=1_000)}
    keys = f"query Q($tins: [TIN!]!) {{ operatorsByTin(tins: $tins) {{ {SIMPLE} }} }}"
    aliases = " ".join(f'a{n}: operator(tin: "{officer.tins[n]}") {{ {RICH} }}' for n in range(8))
    costly, variables = PRODUCTS["the same by variables"]
    recognitions = (
        "query Many($tins: [TIN!]!, $in: AdministrationCode!)"
        f" {{ recognitions(tins: $tins, in: $in) {{ tin {VERDICT} }} }}"
    )
    return {
        CHEAP: each(200, f"query Simple($tin: TIN!) {{ operator(tin: $tin) {{ {SIMPLE} }} }}"),
        "new documents": each(
            20, f"query N@N@($tin: TIN!) {{ n@N@: operator(tin: $tin) {{ {RICH} }} }}"
        ),
        "over the rate limit": each(1, "query N@N@ { viewer { role n@N@: role } }"),
        "too deep or wide": [
            (token, _body(f"{DOCUMENTS[name]} #@N@"))
            for name in (
                "deep",
                "wide in fragments",
                "aliased a little",
                "variables",
                "the schema in width",
                "doubling fragments",
            )
        ],
        "too costly": [(token, _body(costly, **variables))],
        "misspelt": [(token, _body(DOCUMENTS["misspelt"] + " #@N@"))],
        "broken documents": [(token, _body("{ operator(tin: @N@) { " + "tin " * 200))],
        "broken bodies": [(token, '{"query": "{ viewer { role } }", "variables": {' + " " * 5_000)],
        "huge bodies": [(token, _body("# " + "x" * 1_000_000))],
        "bad tokens": [
            (
                [JSON, f"Authorization: Bearer {officer.token[:-12]}@N@"],
                _body("{ viewer { role } }"),
            )
        ],
        "wrong variables": [(token, _body(keys, tins={"@N@": 1}))],
        "batches of aliases": [(token, _body(f"{{ {aliases} }}"))],
        "aliases without end": [(token, _body(f"{{ {aliases} {aliases.replace('a', 'b')} }}"))],
        "thousand recognitions": [(token, _body(recognitions, **many, **{"in": "KR"}))],
        "thousand operators": [(token, _body(keys.replace(SIMPLE, RICH), **many))],
    }


def _body(query: str, **variables: Any) -> str:
    return json.dumps({"query": query, "variables": variables})


def _addresses(net: int) -> list[str]:
    """Linux takes a whole network for this machine's own."""
    if sys.platform != "linux":
        return []
    return [f"127.{10 + net // 250}.{net % 250}.{n}" for n in range(1, OTHERS + 1)]


def measure(
    port: int,
    seconds: float,
    found: Found,
    own: list[Request],
    others: list[list[Request]],
    sources: list[str],
) -> None:
    """One turn: the good ones, and those beside them, if any."""
    good = Asked(port, GOOD, seconds, [own])
    beside = None
    if others:
        longer = seconds + 2 * HEAD
        beside = _begin(Asked(port, OTHERS, longer, others, sources))
        with suppress(subprocess.TimeoutExpired):
            beside.wait(HEAD)
    told = _end(_begin(good))
    if set(told["statuses"]) != {"200"}:
        common.console.print(f"good clients were told {told['statuses']}", markup=False)
    found.p50.append(told["p50"])
    found.p99.append(told["p99"])
    found.rate.append(told["answers"] / seconds)
    if beside:
        told = _end(beside)
        found.others.append(told["answers"] / longer)
        for status, times in told["statuses"].items():
            found.statuses[status] = found.statuses.get(status, 0) + times


def _begin(asked: Asked) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-m", "ops.bench.clients"],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert started.stdin is not None
    started.stdin.write(json.dumps(asdict(asked)))
    started.stdin.close()
    started.stdin = None
    return started


def _end(started: subprocess.Popen[str]) -> Any:
    try:
        told, _ = started.communicate(timeout=90)
    finally:
        started.kill()  # by its own number; it has ended already where all is well
    return json.loads(told)


def show(found: dict[str, Found]) -> None:
    table = Table(title=f"{GOOD} good clients beside {OTHERS} others", title_justify="left")
    table.add_column("beside", no_wrap=True)
    for head in ("good/s", "p50 ms", "p99 ms", "others/s", "told", "p50 x cheap", "p99 x cheap"):
        table.add_column(head, justify="right")
    for name, each_found in found.items():
        told = " ".join(
            f"{status}:{times}" for status, times in sorted(each_found.statuses.items())
        )
        table.add_row(
            name,
            f"{median(each_found.rate):,.0f}",
            f"{median(each_found.p50):.2f}",
            f"{median(each_found.p99):.2f}",
            f"{median(each_found.others):,.0f}" if each_found.others else "",
            told,
            _ratio(each_found.p50, found[CHEAP].p50),
            _ratio(each_found.p99, found[CHEAP].p99),
        )
    common.console.print(table)


def _ratio(own: list[float], base: list[float]) -> str:
    """The median of the ratios within each round, and the lowest and highest."""
    ratios = sorted(a / b for a, b in zip(own, base, strict=True))
    return f"{median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"


def _turns(chosen: list[str], rounds: int) -> Iterator[tuple[int, str]]:
    for number in range(rounds):
        for name in chosen:
            yield number, name


def officers(folder: Path, url: str) -> list[Officer]:
    """Of those administrations that have most operators."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select administration, array_agg(tin order by tin) from views.operator"
            " group by 1 order by count(*) desc, 1 limit %s",
            [OTHERS + 1],
        ).fetchall()
    return [Officer(issue(f"officer:{code}", folder), tins) for code, tins in found]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--operators", type=int, default=5_000)
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", help="these kinds, by commas")
    options.add_argument("--quick", action="store_true", help="one round of a second each")
    asked = options.parse_args()
    if asked.quick:
        asked.rounds, asked.seconds = 1, 1.0
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        common.register(url, asked.operators)
        good, *others = map(requests, officers(folder, url))
        chosen = [ALONE, *good]
        if asked.only:
            chosen = [text for text in chosen if text in {ALONE, CHEAP, *asked.only.split(",")}]
        world = World(folder, url, "", [], asked.seconds, 0.0, GOOD)
        running = servers.ours(world, stack)

        def turn(name: str, found: Found, sources: list[str]) -> None:
            beside = [other[name] for other in others] if name in good else []
            seconds = asked.seconds if sources else WARM
            time.sleep(CALM)
            measure(running.port, seconds, found, good[CHEAP], beside, sources)

        for name in (CHEAP, *(text for text in chosen if text not in (ALONE, CHEAP))):
            turn(name, Found(), [])  # what was never asked is slow
        found = {name: Found() for name in chosen}
        for number, (_, name) in enumerate(_turns(chosen, asked.rounds)):
            sources = _addresses(number)
            turn(name, found[name], sources)
        common.console.print(f"{common.machine(url)}; {common.commit()}, {common.now()}")
        show(found)


if __name__ == "__main__":
    main()
