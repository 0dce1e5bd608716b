"""Clients of one kind, each with one connection that asks again as soon as it was answered.

A process of its own, so that what one kind costs its clients is not what another waits for. Reads
one JSON object on standard input (`Asked`), asks for so many seconds, and writes one (`Told`).
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import uvloop

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
NUMBER = b"@N@"  # in a request: replaced by another number each time
PAUSE = 0.02  # seconds before a client whose connection was closed makes another
MOST = 60.0  # seconds that any run may take


@dataclass
class Asked:
    """`sources`: the address that each client comes from; empty: all from one. `requests`: each a
    list of headers, and a body; taken in turns.."""

    port: int
    clients: int
    seconds: float
    requests: list[list[tuple[list[str], str]]]
    sources: list[str] = field(default_factory=list)


@dataclass
class Told:
    """Milliseconds from a request to its whole answer; how many answers had each status."""

    p50: float
    p99: float
    most: float
    answers: int
    statuses: dict[str, int]


async def ask(asked: Asked) -> Told:
    took: list[float] = []
    statuses: Counter[str] = Counter()
    sent = [[_request(headers, body.encode()) for headers, body in own] for own in asked.requests]
    until = perf_counter() + min(asked.seconds, MOST)
    number = 0

    async def client(n: int) -> None:
        nonlocal number
        texts = sent[n % len(sent)]
        source = (asked.sources[n % len(asked.sources)], 0) if asked.sources else None
        while perf_counter() < until:
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", asked.port, local_addr=source
                )
            except OSError:
                await asyncio.sleep(PAUSE)
                continue
            try:
                while perf_counter() < until:
                    number += 1
                    head, body = texts[(number + n) % len(texts)]
                    body = body.replace(NUMBER, b"%d" % number)
                    head = head.replace(NUMBER, b"%d" % number)
                    began = perf_counter()
                    writer.write(b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body))
                    status = await _status(reader)
                    took.append((perf_counter() - began) * 1000)
                    statuses[status] += 1
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                statuses["closed"] += 1
                await asyncio.sleep(PAUSE)
            finally:
                writer.close()

    clients = [asyncio.ensure_future(client(n)) for n in range(asked.clients)]
    _, late = await asyncio.wait(clients, timeout=min(asked.seconds, MOST) + 0.2)
    for each in late:  # it waits for an answer: that it has waited for so long counts, too
        each.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    took.sort()
    return Told(
        _share(took, 0.50),
        _share(took, 0.99),
        took[-1] if took else 0.0,
        len(took),
        dict(statuses),
    )


def _request(headers: list[str], body: bytes) -> tuple[bytes, bytes]:
    head = "".join(f"{line}\r\n" for line in headers)
    return f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}".encode(), body


async def _status(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    found = LENGTH.search(head)
    if found:
        await reader.readexactly(int(found[1]))
    return head.split(b" ", 2)[1].decode()


def _share(took: list[float], part: float) -> float:
    return took[min(len(took) - 1, int(len(took) * part))] if took else float("nan")


def main() -> None:
    said: dict[str, Any] = json.load(sys.stdin)
    json.dump(asdict(uvloop.run(ask(Asked(**said)))), sys.stdout)


if __name__ == "__main__":
    main()
