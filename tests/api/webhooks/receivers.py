"""Receivers of webhooks on this machine: each does what its test says and notes what it is sent."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep
from typing import Any

PATIENCE = 30.0  # seconds


@dataclass
class Sent:
    """A request that a receiver was sent."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """`answer`: the status, and headers besides; or something that takes its time."""

    url: str = ""
    answer: Callable[[Sent], tuple[int, dict[str, str]]] = lambda sent: (204, {})
    sent: list[Sent] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int) -> list[Sent]:
        """The requests, once there are so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.sent) >= count, PATIENCE), (
                f"{len(self.sent)} requests, wanted {count}"
            )
            return list(self.sent)


@contextmanager
def receiving(
    answer: Callable[[Sent], tuple[int, dict[str, str]]] = lambda sent: (204, {}),
    tls: ssl.SSLContext | None = None,
) -> Iterator[Receiver]:
    receiver = Receiver(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            sent = Sent(self.path, headers, body, monotonic())
            with receiver.arrived:
                receiver.sent.append(sent)
                receiver.arrived.notify_all()
            status, more = receiver.answer(sent)
            self.send_response(status)
            for name, value in {"Content-Length": "0", **more}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *said: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *said: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    scheme = "https" if tls else "http"
    receiver.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/hooks"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw(answer: bytes, *, close: bool = True) -> Iterator[str]:
    """A receiver that says these bytes to whoever comes; its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0.1)
        ending = threading.Event()

        def serve() -> None:
            held = []
            while not ending.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                held.append(connection)
                connection.sendall(answer)
                if close:
                    connection.recv(65_536)
                    connection.close()
            for connection in held:
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/hooks"
        finally:
            ending.set()
            thread.join()


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/hooks"


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What the condition gives, once it is true."""
    end = monotonic() + seconds
    while not (found := condition()):
        assert monotonic() < end, "it never came"
        sleep(0.02)
    return found
