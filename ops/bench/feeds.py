"""How soon changes are told: to subscribers, and to webhooks of which one is slow.

    python -m ops.bench.feeds [--quick] [--keep] [--subscribers 200] [--rate 200]

Suspensions are recorded at an even rate, and projected. Of each change the time is measured from
its recording (the ledger's clock, before the commit) to its arrival at each subscriber or receiver.
"Each sees what it may": partners of several territories. "All see all": partners of one territory,
and only operators that are recognised there, so every event is a message to every subscriber.
Beside us, in the same run: `websockets` broadcasts the same bytes at the same rate, and aiohttp
posts the same signed message.
"""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial

import psycopg

from api.access.tokens import issue
from ops.bench import common, installing, results, servers
from ops.bench.common import Section
from ops.bench.receivers import posted, posted_by_peer
from ops.bench.subscribers import (
    EventStreamSubscriber,
    Kind,
    WebSocketSubscriber,
    delays,
    greeting,
    masked,
    subscribed,
)
from ops.bench.suspensions import Recorded, Recording

WARM = 1.0  # seconds that are recorded before anything is measured
JOIN = 5.0  # seconds in which every process of the service is there


def told(
    kind: Kind,
    recording: Recording,
    server: servers.Server,
    tokens: dict[str, str],
    asked: argparse.Namespace,
) -> dict[str, float]:
    """Subscribers of this kind while suspensions are recorded."""
    used = 0.0

    def record() -> dict[int, Recorded]:
        nonlocal used
        recording.run(asked.rate, WARM)
        time.sleep(WARM)
        used = common.processor_seconds(server.pids)
        return recording.run(asked.rate, asked.seconds)

    subscribers, recorded = subscribed(
        kind, tokens, server.port, asked.subscribers, head(recording.url), record
    )
    used = common.processor_seconds(server.pids) - used
    return _figures(delays(subscribers, recorded), used, asked)


def told_by_peer(world: servers.World, asked: argparse.Namespace) -> dict[str, float]:
    """The same bytes, broadcast by a peer that computes nothing."""
    port, count = common.free_port(), int(asked.rate * asked.seconds)
    environment = {"PEER_PORT": str(port), "PEER_RATE": str(asked.rate)}
    command = [installing.python(), str(servers.PEERS / "broadcast.py")]
    log = world.folder / "broadcast.log"
    with common.process(command, environment, log) as started:
        common.listening(port, log)

        def record() -> dict[int, Recorded]:
            with closing(socket.create_connection(("127.0.0.1", port))) as connection:
                connection.sendall(greeting(port, "") + masked({"type": "begin", "count": count}))
                time.sleep(asked.seconds + 1.0)
            return {}

        subscribers, _ = subscribed(
            WebSocketSubscriber, {"peer": ""}, port, asked.subscribers, 0, record
        )
        used = common.processor_seconds([started.pid])
    made = {position for each in subscribers for _, position in each.changes()}
    recorded = {position: Recorded(position / 1e6, position / 1e6) for position in made}
    return _figures(delays(subscribers, recorded), used, asked)


def _figures(found: dict[str, float], used: float, asked: argparse.Namespace) -> dict[str, float]:
    messages = found.pop("messages")
    return {
        "rate": messages / asked.seconds,
        **found,
        "server_us": used / messages * 1_000_000,
    }


def head(url: str) -> int:
    """The last position of the ledger. Who follows after it is told all that is recorded now,
    however long it takes to join."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select max(position) from ledger.event").fetchone()
    return int(row[0]) if row else 0


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
    options.add_argument("--workers", type=int, default=0, help="processes; 0: one per core")
    asked = results.parse(options, quick=20_000, operators=40_000, seconds=10.0, rounds=3)
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        common.register(url, asked.operators)
        token = issue("auditor:*", folder)
        world = servers.World(folder, url, token, [], asked.seconds, asked.seconds, 1)
        servers.follow(world, stack)
        wanted = results.wanted(asked, ["subscribers", "webhooks"], ["subscribers"])
        sections = []
        if "subscribers" in wanted:
            sections += _told(world, asked)
        if "webhooks" in wanted:
            sections.append(_posted(world, asked))
        results.keep("feeds", sections, asked, url)


def _told(world: servers.World, asked: argparse.Namespace) -> Iterator[Section]:
    for title, count in (("all see all", 1), ("each sees what it may", asked.territories)):
        codes = territories(world.url, count)
        one = codes[0] if count == 1 else None
        recording = Recording(world.url, list(homes(world.url, codes)), one)
        section = Section(
            f"{asked.subscribers} subscribers, {asked.rate:g} events/s, {title}",
            "messages/s",
            "",
            drawn=False,
        )
        with ExitStack() as stack:
            settings = {"AEO_SUBSCRIPTIONS": "1000", "AEO_WORKERS": str(asked.workers)}
            server = servers.ours(world, stack, **settings)
            time.sleep(JOIN)
            server.pids = servers.family(server.pids[0])
            tokens = {code: issue(f"partner:{code}", world.folder) for code in codes}
            contenders = {
                "ours, server-sent events": partial(
                    told, EventStreamSubscriber, recording, server, tokens, asked
                ),
                "ours, WebSocket": partial(
                    told, WebSocketSubscriber, recording, server, tokens, asked
                ),
            }
            if not asked.smoke:
                contenders["websockets, broadcast of the same bytes"] = partial(
                    told_by_peer, world, asked
                )
            common.take_turns(section, contenders, asked.rounds)
        common.show(section)
        yield section


def _posted(world: servers.World, asked: argparse.Namespace) -> Section:
    codes = territories(world.url, asked.territories)
    recording = Recording(world.url, list(homes(world.url, codes)))
    title = f"{asked.webhooks} webhooks, {asked.rate:g} events/s"
    section = Section(title, "attempts/s", "", drawn=False)
    ours = partial(posted, recording, world, codes, asked.webhooks, asked.rate)
    common.take_turns(
        section,
        {
            "ours, all answer": partial(ours, slow=False),
            "ours, one takes 10 s": partial(ours, slow=True),
            "aiohttp, without a pause": partial(posted_by_peer, world, asked.webhooks),
        },
        asked.rounds,
    )
    common.show(section)
    return section


if __name__ == "__main__":
    main()
