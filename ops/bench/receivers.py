"""Receivers of webhooks on this machine, of which one may be slow, and what they were sent."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psycopg

from api.local.processes import Helper
from ops.bench import common, installing
from ops.bench.common import Unfit
from ops.bench.servers import PEERS, World, family
from ops.bench.subscribers import percentiles
from ops.bench.suspensions import Recording

SLOW = 10.0  # seconds that the slow receiver takes
BEGIN = 15.0  # seconds in which the sender begins its lanes

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
    world: World,
    codes: list[str],
    count: int,
    rate: float,
    *,
    slow: bool,
) -> dict[str, float]:
    """So many webhooks while suspensions are recorded at this rate: attempts a second, the time
    from a recording to the message that tells of it, and the processor time of an attempt."""
    folder = world.folder
    port, log = common.free_port(), folder / f"posted-{time.time_ns()}"
    register(recording.url, port, codes, count, slow=slow)
    program = [sys.executable, "-c", RECEIVER, str(port), str(SLOW), str(log)]
    with common.process(program, {}, folder / "receiver.log"):
        common.listening(port, folder / "receiver.log")
        helper = Helper("webhooks", folder, "--demo")
        helper.tell(recording.url)
        try:
            time.sleep(BEGIN)
            pids = family(helper.process.pid)
            used = common.processor_seconds(pids)
            recorded = recording.run(rate, world.seconds)
            time.sleep(3.0)
            used = common.processor_seconds(pids) - used
        finally:
            helper.stop()
    first, last = min(e.at for e in recorded.values()), max(e.at for e in recorded.values())
    sent = [line.split() for line in log.read_text().splitlines()]
    times = [(path, int(until), float(when)) for path, _, until, when in sent]
    quick = [(until, when) for path, until, when in times if path != "/slow" and when >= first]
    within = [when for _, when in quick if when <= last]
    delays = [when - recorded[until].at for until, when in quick if until in recorded]
    if len(delays) < 2:
        raise Unfit("nothing was sent")
    slow_ones = len(times) - sum(path != "/slow" for path, _, _ in times)
    common.console.print(
        f"{len(recorded)} events in {last - first:.1f} s; {len(quick)} messages to {count} webhooks"
        f", {slow_ones} to the slow one; {used / (last - first):.2f} cores used by the sender"
    )
    p50, p99 = percentiles(delays)
    return {
        "rate": len(within) / (last - first),
        "p50": p50,
        "p99": p99,
        "server_us": used / len(quick) * 1_000_000,
    }


def posted_by_peer(world: World, lanes: int) -> dict[str, float]:
    """The same messages by aiohttp, to the same receiver, as fast as it can. Raises Unfit."""
    port, log = common.free_port(), world.folder / f"peer-{time.time_ns()}"
    program = [sys.executable, "-c", RECEIVER, str(port), str(SLOW), str(log)]
    environment = {
        "PEER_PORT": str(port),
        "PEER_LANES": str(lanes),
        "PEER_SECONDS": str(world.seconds),
    }
    with common.process(program, {}, world.folder / "receiver.log"):
        common.listening(port, world.folder / "receiver.log")
        done = subprocess.run(
            [installing.python(), str(PEERS / "posting.py")],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise Unfit(done.stderr.strip()[-160:])
    count, seconds, used = map(float, done.stdout.split())
    return {"rate": count / seconds, "server_us": used / count * 1_000_000}
