"""Subscribers that note when each part of their stream arrives, and read it when all is over.

They do as little as can be while they are measured, because they share the machine with the
service: sockets without a client library, all of which are looked at every `LOOK` seconds. Between
two looks nobody waits for them, so the service does not pay for waking a client with each message.
What arrives is noted when it is looked at, up to `LOOK` late.
"""

from __future__ import annotations

import json
import select
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import quantiles

from ops.bench.common import Unfit
from ops.bench.suspensions import Recorded

#: Subscribers that come one after another: their document is new to each process of the service, in
#: which it would be too much for all at once.
ALONE = 10
SETTLE = 60.0  # seconds in which the last change has to arrive
LOOK = 0.004  # seconds between two looks at all sockets
MOST = 1 << 18  # bytes that are read at once
QUERY = """subscription ($for: AdministrationCode!, $after: Position) {
  recognitionChanged(for: $for, after: $after) { position tin was now next epoch } }"""


@dataclass
class Subscriber:
    """One subscription, after a position. `parts`: what came, and when (time.time)."""

    token: str
    territory: str
    port: int
    after: int
    parts: list[tuple[float, bytes]] = field(default_factory=list)
    lost: bool = False

    def connect(self) -> socket.socket:
        """Asks for the stream."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(self.request())
        connection.setblocking(False)
        return connection

    def read(self, connection: socket.socket) -> None:
        """Notes what came, or that the stream has ended."""
        data = connection.recv(MOST)
        self.lost = not data
        if data:
            self.parts.append((time.time(), data))

    def payload(self) -> dict[str, object]:
        """The subscription as GraphQL sends it."""
        return {"query": QUERY, "variables": {"for": self.territory, "after": self.after}}

    def request(self) -> bytes:
        """What is sent to begin."""
        raise NotImplementedError

    def changes(self) -> Iterator[tuple[float, int]]:
        """When each change came, and its position."""
        raise NotImplementedError


class EventStreamSubscriber(Subscriber):
    """A subscription over server-sent events."""

    def request(self) -> bytes:
        """The request with its body."""
        body = json.dumps(self.payload()).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            "Accept: text/event-stream\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def changes(self) -> Iterator[tuple[float, int]]:
        """When each change came, and its position."""
        rest = b""
        for at, part in self.parts:
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    yield at, _position(json.loads(line[6:]))


class WebSocketSubscriber(Subscriber):
    """A subscription over graphql-transport-ws."""

    def request(self) -> bytes:
        """The handshake, and the messages that begin the subscription: the order is kept."""
        begin = {"id": "1", "type": "subscribe", "payload": self.payload()}
        return greeting(self.port, self.token) + masked(begin)

    def changes(self) -> Iterator[tuple[float, int]]:
        """When each change came, and its position."""
        held, begun = b"", False
        for at, part in self.parts:
            held += part
            if not begun:
                _, end, rest = held.partition(b"\r\n\r\n")
                begun, held = bool(end), rest if end else held
                if not end:
                    continue
            while len(held) >= 2 and len(held) >= (size := _frame(held)[1]):
                start, _ = _frame(held)
                message = json.loads(held[start:size]) if held[0] & 15 == 1 else {}
                held = held[size:]
                if message.get("type") == "next":
                    yield at, _position(message["payload"])


def greeting(port: int, token: str) -> bytes:
    """The handshake, and the message `connection_init`."""
    key = b64encode(b"a bench of this!").decode()
    head = (
        f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    return head.encode() + masked({"type": "connection_init"})


def masked(message: dict[str, object]) -> bytes:
    """A text frame of a client, with a mask of zeros (RFC 6455, 5.2)."""
    text = json.dumps(message).encode()
    length = bytes([128 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + text


def _frame(held: bytes) -> tuple[int, int]:
    """Where the text of the first frame begins and ends."""
    length, start = held[1] & 127, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        length = int.from_bytes(held[2:start], "big")
    return start, start + length


def _position(answer: dict[str, dict[str, dict[str, int]]]) -> int:
    return answer["data"]["recognitionChanged"]["position"]


Kind = type[EventStreamSubscriber] | type[WebSocketSubscriber]


class _Connections:
    """The open connections of the subscribers."""

    def __init__(self) -> None:
        self._poll, self._open = select.epoll(), dict[int, tuple[Subscriber, socket.socket]]()

    def add(self, subscriber: Subscriber, connection: socket.socket) -> None:
        """Looks at this one too."""
        self._open[connection.fileno()] = subscriber, connection
        self._poll.register(connection, select.EPOLLIN)

    def look(self) -> None:
        """Reads what came since the last look, and waits until the next."""
        for number, _ in self._poll.poll(0):
            subscriber, connection = self._open[number]
            subscriber.read(connection)
            if subscriber.lost:
                self._poll.unregister(connection)
        time.sleep(LOOK)

    def look_for(self, seconds: float) -> None:
        """Looks for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()


def subscribed(
    kind: Kind,
    tokens: dict[str, str],
    port: int,
    count: int,
    after: int,
    record: Callable[[], dict[int, Recorded]],
) -> tuple[list[Subscriber], dict[int, Recorded]]:
    """So many subscribers, spread over the territories, while `record` runs; and what it
    returns."""
    codes, subscribers, connections = list(tokens), list[Subscriber](), _Connections()
    with ExitStack() as stack:
        for number in range(count):
            code = codes[number % len(codes)]
            subscriber = kind(tokens[code], code, port, after)
            connections.add(subscriber, stack.enter_context(subscriber.connect()))
            subscribers.append(subscriber)
            if number < ALONE:
                _answered(subscribers, connections)
        _answered(subscribers, connections)
        connections.look_for(2.0)  # each has joined the stream
        recording = stack.enter_context(ThreadPoolExecutor(1)).submit(record)
        while not recording.done():
            connections.look()
        end, last = time.monotonic() + SETTLE, -1
        while (arrived := sum(len(s.parts) for s in subscribers)) != last:
            if time.monotonic() > end:
                break
            last = arrived
            connections.look_for(2.0)
        if lost := sum(subscriber.lost for subscriber in subscribers):
            raise Unfit(f"{lost} subscribers lost their connection")
        return subscribers, recording.result()


def _answered(subscribers: list[Subscriber], connections: _Connections) -> None:
    """Waits until each was answered. Raises Unfit where one was refused."""
    end = time.monotonic() + SETTLE
    while not all(subscriber.parts for subscriber in subscribers):
        if time.monotonic() > end:
            raise Unfit("not every subscriber was answered")
        connections.look()
    for subscriber in subscribers:
        status = subscriber.parts[0][1].partition(b"\r\n")[0]
        if status.split()[1] not in (b"200", b"101"):
            raise Unfit(f"a subscriber was answered {status.decode()}")


def percentiles(delays: list[float]) -> tuple[float, float]:
    """The median and the 99th percentile, in milliseconds."""
    cuts = quantiles(delays, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def delays(subscribers: list[Subscriber], recorded: dict[int, Recorded]) -> dict[str, float]:
    """How many changes were told, and the time from the recording of each to its arrival; also from
    its acknowledgement. Raises Unfit where subscribers of one territory were told different
    changes, or in another order."""
    found: list[float] = []
    acknowledged: list[float] = []
    told: dict[str, set[tuple[int, ...]]] = {}
    for subscriber in subscribers:
        changes = [change for change in subscriber.changes() if change[1] in recorded]
        positions = tuple(position for _, position in changes)
        if list(positions) != sorted(positions):
            raise Unfit("changes were told in another order")
        told.setdefault(subscriber.territory, set()).add(positions)
        found += [at - recorded[position].at for at, position in changes]
        acknowledged += [at - recorded[position].acknowledged for at, position in changes]
    different = [code for code, lists in told.items() if len(lists) > 1]
    if different:
        raise Unfit(f"subscribers of {different} were told different changes")
    if len(found) < len(subscribers):
        raise Unfit(f"{len(found)} changes were told to {len(subscribers)} subscribers")
    p50, p99 = percentiles(found)
    return {
        "messages": float(len(found)),
        "p50": p50,
        "p99": p99,
        "acknowledged": percentiles(acknowledged)[1],
    }
