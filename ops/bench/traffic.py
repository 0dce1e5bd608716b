"""Load on a server of this machine, bounded in time: by wrk where it is, else by ourselves."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter

HERE = Path(__file__).parent
GRACE = 30  # seconds after which a generator that hangs is ended


@dataclass(frozen=True)
class Load:
    """`bodies`: a file of request bodies, one a line; `once`: each is sent once, in their order."""

    port: int
    path: str
    bodies: Path
    headers: dict[str, str]
    connections: int
    seconds: float
    once: bool = False


class BadAnswers(Exception):
    """Some answers were not 200, or the server closed on us: such a figure says nothing."""


def run(load: Load) -> dict[str, float]:
    """`rate` a second and `p50`, `p99` in ms. Raises BadAnswers."""
    wrk = shutil.which("wrk")
    return _wrk(wrk, load) if wrk else asyncio.run(_own(load))


def _wrk(wrk: str, load: Load) -> dict[str, float]:
    headers = [
        part for name, header in load.headers.items() for part in ("-H", f"{name}: {header}")
    ]
    done = subprocess.run(
        [
            wrk,
            "-t1",
            f"-c{load.connections}",
            f"-d{max(1, round(load.seconds))}s",
            "--timeout",
            "20s",
            "-s",
            str(HERE / "traffic.lua"),
            *headers,
            f"http://127.0.0.1:{load.port}{load.path}",
            "--",
            str(load.bodies),
            "once" if load.once else "random",
        ],
        capture_output=True,
        text=True,
        timeout=load.seconds + GRACE,
    )
    told = re.search(r"^measured (.*)$", done.stdout, re.MULTILINE)
    if told is None:
        raise BadAnswers(f"wrk: {(done.stderr or done.stdout).strip()[-200:]}")
    requests, micros, p50, p99, bad = map(float, told[1].split())
    return _figures(int(requests), micros / 1e6, p50 / 1e3, p99 / 1e3, int(bad))


def _figures(requests: int, seconds: float, p50: float, p99: float, bad: int) -> dict[str, float]:
    if not requests:
        raise BadAnswers(f"slower than this can measure: not one answer in {seconds:.0f} s")
    if bad:
        raise BadAnswers(f"{bad:,} bad answers of {requests:,}")
    return {"rate": requests / seconds, "p50": p50, "p99": p99}


async def _own(load: Load) -> dict[str, float]:
    """Slower than wrk, so that fast servers look slower than they are: ratios shrink to 1."""
    bodies = load.bodies.read_bytes().splitlines()
    chance = random.Random(1)
    took: list[float] = []
    bad, sent = 0, 0
    head = "".join(f"{name}: {header}\r\n" for name, header in load.headers.items())
    until = perf_counter() + load.seconds

    async def caller() -> None:
        nonlocal bad, sent
        reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
        while perf_counter() < until:
            body = bodies[sent % len(bodies)] if load.once else chance.choice(bodies)
            sent += 1
            began = perf_counter()
            writer.write(
                f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            status = await _answer(reader)
            took.append((perf_counter() - began) * 1000)
            bad += status != 200
        writer.close()

    began = perf_counter()
    async with asyncio.timeout(load.seconds + GRACE):
        await asyncio.gather(*(caller() for _ in range(load.connections)))
    cuts = quantiles(took, n=100) if len(took) > 1 else [0.0] * 99
    return _figures(len(took), perf_counter() - began, cuts[49], cuts[98], bad)


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if length := re.search(rb"content-length: (\d+)", head):
        await reader.readexactly(int(length[1]))
    else:  # in pieces, each with its size before it
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
    return int(head.split(b" ", 2)[1])
