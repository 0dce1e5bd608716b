"""How soon changes are told: to subscribers, and to webhooks of which one is slow.

    python -m ops.bench.feeds [--quick] [--keep] [--subscribers 200] [--rate 200]

Suspensions are recorded at an even rate, and projected. Of each change the time is measured from
its recording (the ledger's clock, before the commit) to its arrival at each subscriber or receiver.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import psycopg

from api.access.tokens import issue
from api.local.processes import Helper
from ops.bench import common, results, servers
from ops.bench.common import Section, Unfit
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import Refusal
from registry.domain.values import Tin
from registry.ledger.database import environment

WRITERS = 8  # threads that record
SETTLE = 60.0  # seconds in which the last change has to arrive
SLOW = 10.0  # seconds that the slow receiver takes
QUERY = """subscription ($for: AdministrationCode!) { recognitionChanged(for: $for) {
  position tin was now next epoch } }"""


# ------------------------------------------------------------------------ what is recorded


class Recording:
    """Suspensions of valid operators, each once, at an even rate."""

    def __init__(self, url: str, homes: list[str]) -> None:
        self.url = url
        with psycopg.connect(url) as connection:
            rows = connection.execute(
                "select tin from views.operator where standing = 'VALID'"
                " and administration = any(%s) order by md5(tin)",
                [homes],
            ).fetchall()
        self._tins = iter([tin for (tin,) in rows])
        self._lock = threading.Lock()
        self.left = len(rows)

    def run(self, rate: float, seconds: float) -> list[int]:
        """The positions of what was recorded."""
        registry = Registry(environment(self.url))
        began, done, turns = time.monotonic(), [], iter(range(int(rate * seconds)))

        def write() -> None:
            while True:
                with self._lock:
                    turn, tin = next(turns, None), next(self._tins, None)
                    self.left -= 1
                if turn is None or tin is None:
                    return
                time.sleep(max(0.0, began + turn / rate - time.monotonic()))
                try:
                    command = c.SuspendAuthorisation(
                        tin=Tin(tin),
                        command_id=uuid4(),
                        reason="a bench",
                        effective=date.today(),
                        legal_ground="a bench",
                    )
                    done.extend(registry.execute(command, "bench").positions)
                except Refusal as refusal:
                    print(f"refused: {refusal}", file=sys.stderr)

        threads = [threading.Thread(target=write) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        registry.close()
        return sorted(done)


def recorded_at(url: str, positions: list[int]) -> dict[int, float]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select position, extract(epoch from recorded_at)::float8 from ledger.event"
            " where position = any(%s)",
            [positions],
        ).fetchall()
    return dict(rows)


# --------------------------------------------------------------------------- subscribers


@dataclass
class Subscriber(asyncio.Protocol):
    """One subscription over server-sent events. `told`: when each position came (time.time)."""

    token: str
    territory: str
    port: int
    told: list[tuple[int, float]] = field(default_factory=list)
    ready: bool = False
    _rest: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        body = json.dumps({"query": QUERY, "variables": {"for": self.territory}}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            "Accept: text/event-stream\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self.ready = True
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if line.startswith(b"data: {"):
                said = json.loads(line[6:])
                change = said["data"]["recognitionChanged"]
                self.told.append((change["position"], now))


async def subscribed(
    tokens: dict[str, str], port: int, count: int, recording: Recording, rate: float, seconds: float
) -> tuple[list[Subscriber], list[int]]:
    loop = asyncio.get_running_loop()
    codes = list(tokens)
    subscribers = [
        Subscriber(tokens[codes[n % len(codes)]], codes[n % len(codes)], port) for n in range(count)
    ]
    transports = []
    for subscriber in subscribers:
        transport, _ = await loop.create_connection(lambda s=subscriber: s, "127.0.0.1", port)
        transports.append(transport)
    while not all(subscriber.ready for subscriber in subscribers):
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)  # each has joined the stream
    positions = await asyncio.to_thread(recording.run, rate, seconds)
    end = time.monotonic() + SETTLE
    last = -1
    while (arrived := sum(len(s.told) for s in subscribers)) != last or not arrived:
        if time.monotonic() > end:
            break
        last = arrived
        await asyncio.sleep(3.0)
    for transport in transports:
        transport.close()
    return subscribers, positions


def percentiles(delays: list[float]) -> dict[str, float]:
    cuts = quantiles(delays, n=100)
    return {"p50": cuts[49] * 1000, "p99": cuts[98] * 1000}


def told(
    recording: Recording, server: servers.Server, tokens: dict[str, str], asked: argparse.Namespace
) -> dict[str, float]:
    before = common.processor_seconds(server.pids)
    began = time.monotonic()
    subscribers, positions = asyncio.run(
        subscribed(tokens, server.port, asked.subscribers, recording, asked.rate, asked.seconds)
    )
    took, used = time.monotonic() - began, common.processor_seconds(server.pids) - before
    at = recorded_at(recording.url, positions)
    delays = [when - at[place] for s in subscribers for place, when in s.told if place in at]
    if len(delays) < asked.subscribers:
        raise Unfit(f"{len(delays)} changes were told to {asked.subscribers} subscribers")
    _complete(subscribers)
    by = {s.territory for s in subscribers if s.told}
    print(
        f"{len(positions)} events in {asked.seconds:g} s; {len(delays)} messages to "
        f"{asked.subscribers} subscribers of {len(by)} territories; {used / took:.2f} cores used"
    )
    return {"rate": len(delays) / asked.seconds, **percentiles(delays)}


def _complete(subscribers: list[Subscriber]) -> None:
    """Those of one territory were told the same. Raises Unfit."""
    found: dict[str, set[tuple[int, ...]]] = {}
    for subscriber in subscribers:
        told = tuple(place for place, _ in subscriber.told)
        found.setdefault(subscriber.territory, set()).add(told)
    different = [code for code, lists in found.items() if len(lists) > 1]
    if different:
        raise Unfit(f"subscribers of {different} were told different changes")


# ------------------------------------------------------------------------------ webhooks

RECEIVER = """
import asyncio, json, sys, time
import uvloop

slow = float(sys.argv[2])

class Receiver(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""
    def data_received(self, data):
        self.rest += data
        while True:
            head, end, more = self.rest.partition(b"\\r\\n\\r\\n")
            if not end:
                return
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\\r\\n")[0])
            if len(more) < length:
                return
            self.rest = more[length:]
            now, path = time.time(), head.split(b" ", 2)[1].decode()
            data = json.loads(more[:length])["data"]
            out.write(f"{path} {data['after']} {data['until']} {now}\\n")
            answer = b"HTTP/1.1 204 No Content\\r\\n\\r\\n"
            if path == "/slow":
                asyncio.get_running_loop().call_later(slow, self.transport.write, answer)
            else:
                self.transport.write(answer)

async def main():
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", int(sys.argv[1]))
    while True:
        await asyncio.sleep(0.2)
        out.flush()

out = open(sys.argv[3], "w")
uvloop.run(main())
"""


def register(url: str, port: int, codes: list[str], count: int, *, slow: bool) -> None:
    """So many webhooks, spread over the territories, from now on; one of them slow."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "truncate access.webhook_dead_letter, access.webhook_state, access.webhook"
        )
        for number in range(count):
            code, path = codes[number % len(codes)], f"w{number}"
            connection.execute(
                "with made as (insert into access.webhook (id, owner, subject, role,"
                " administration, territory, url, signature, registered_at) values"
                " (gen_random_uuid(), %(code)s, 'bench', 'partner', %(code)s, %(code)s, %(url)s,"
                " 'ED25519', now()) returning id) insert into access.webhook_state (webhook, epoch,"
                " position, replayed, attempts, delivered, failures) select id,"
                " (select id from proof.epoch order by number desc limit 1),"
                " (select min(position) from views.tracking), 0, 0, 0, 0 from made",
                {
                    "code": code,
                    "url": f"http://127.0.0.1:{port}/{'slow' if slow and not number else path}",
                },
            )
        connection.execute("notify webhooks_changed")


def posted(
    recording: Recording,
    folder: Path,
    codes: list[str],
    asked: argparse.Namespace,
    *,
    slow: bool,
) -> dict[str, float]:
    port, log = common.free_port(), folder / f"posted-{time.time_ns()}"
    register(recording.url, port, codes, asked.webhooks, slow=slow)
    program = [sys.executable, "-c", RECEIVER, str(port), str(SLOW), str(log)]
    with common.process(program, {}, folder / "receiver.log"):
        common.listening(port, folder / "receiver.log")
        helper = Helper("webhooks", folder, "--demo")
        helper.tell(recording.url)
        try:
            time.sleep(15.0)  # it has begun its lanes
            positions = recording.run(asked.rate, asked.seconds)
            time.sleep(3.0)
        finally:
            helper.stop()
    at = recorded_at(recording.url, positions)
    first, last = min(at.values()), max(at.values())
    sent = [line.split() for line in log.read_text().splitlines()]
    times = [(path, int(until), float(when)) for path, _, until, when in sent]
    within = [when for _, _, when in times if first <= when <= last]
    delays = [when - at[until] for path, until, when in times if until in at and path != "/slow"]
    slow_ones = sum(path == "/slow" for path, _, _ in times)
    print(
        f"{len(positions)} events in {last - first:.1f} s; {len(times)} messages to "
        f"{asked.webhooks} webhooks, {slow_ones} of them to the slow one"
    )
    if not within:
        raise Unfit("nothing was sent")
    return {"rate": len(within) / (last - first), **percentiles(delays)}


# --------------------------------------------------------------------------- the whole


def territories(url: str, count: int) -> list[str]:
    """Those to which most agreements lead."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select l.to_party, count(distinct l.from_party) from views.link l"
            " join views.administration a on a.code = l.to_party and not a.bloc"
            " where l.kind = 'AEO_MUTUAL_RECOGNITION' and l.state = 'LIVE'"
            " and l.recorded_to is null group by 1 order by 2 desc, 1 limit %s",
            [count],
        ).fetchall()
    return [code for code, _ in rows]


def homes(url: str, codes: list[str]) -> Iterator[str]:
    """Those from which an agreement leads to one of these, and whose operators need no consent."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select distinct l.from_party from views.link l where l.to_party = any(%s)"
            " and l.kind = 'AEO_MUTUAL_RECOGNITION' and l.state = 'LIVE' and l.recorded_to is null",
            [codes],
        ).fetchall()
    for (code,) in rows:
        yield code


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    results.add_options(options)
    options.add_argument("--subscribers", type=int, default=200)
    options.add_argument("--webhooks", type=int, default=500)
    options.add_argument("--territories", type=int, default=20)
    options.add_argument("--rate", type=float, default=200.0, help="events a second")
    asked = results.parse(options, quick=5_000, operators=20_000, seconds=10.0, rounds=3)
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        common.register(url, asked.operators)
        codes = territories(url, asked.territories)
        recording = Recording(url, list(homes(url, codes)))
        world = servers.World(
            folder, url, issue("auditor:*", folder), [], asked.seconds, asked.seconds, 1
        )
        servers.follow(world, stack)
        wanted = results.wanted(asked, ["subscribers", "webhooks"], ["subscribers"])
        sections = []
        if "subscribers" in wanted:
            sections.append(_told(recording, world, codes, asked))
        if "webhooks" in wanted:
            sections.append(_posted(recording, folder, codes, asked))
        results.keep("feeds", sections, asked, url)


def _told(
    recording: Recording, world: servers.World, codes: list[str], asked: argparse.Namespace
) -> Section:
    title = f"{asked.subscribers} subscribers, {asked.rate:g} events/s"
    section = Section(title, "messages/s", "", drawn=False)
    with ExitStack() as stack:
        server = servers.ours(world, stack, AEO_SUBSCRIPTIONS="1000")
        tokens = {code: issue(f"partner:{code}", world.folder) for code in codes}
        common.take_turns(
            section, {"ours": lambda: told(recording, server, tokens, asked)}, asked.rounds
        )
    common.show(section)
    return section


def _posted(
    recording: Recording, folder: Path, codes: list[str], asked: argparse.Namespace
) -> Section:
    title = f"{asked.webhooks} webhooks, {asked.rate:g} events/s"
    section = Section(title, "messages/s", "", drawn=False)
    common.take_turns(
        section,
        {
            "all answer": lambda: posted(recording, folder, codes, asked, slow=False),
            "one takes 10 s": lambda: posted(recording, folder, codes, asked, slow=True),
        },
        asked.rounds,
    )
    common.show(section)
    return section


if __name__ == "__main__":
    main()
