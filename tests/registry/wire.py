"""The line between a recorder and its database, with somebody's hand on it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

READY = b"Z\x00\x00\x00\x05I"  # the server's last word on a statement: done, and committed


class Wire:
    """Passes everything on, both ways, except what a test cuts or holds back.

    `cut` is asked when the server has answered an append, after its commit: true closes the line
    instead of passing the answer on. `refuse` lets nobody connect any more. A request that
    contains `hold` waits for `released`, and says so by `held`.
    """

    def __init__(self, conninfo: str, folder: Path) -> None:
        given = conninfo_to_dict(conninfo)
        port = given.get("port") or "5432"
        self.conninfo = make_conninfo(conninfo, host=str(folder))
        self.cut: Callable[[], bool] = lambda: False
        self.refuse = False
        self.hold = b"nothing that anybody says"
        self.held, self.released = threading.Event(), threading.Event()
        self._server = f"{given['host']}/.s.PGSQL.{port}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{port}"))
        self._listener.listen(50)
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        for end in [self._listener, *self._ends]:
            _close(end)
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        self._threads.append(threading.Thread(target=target, args=args))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refuse:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._ends += [client, server]
                appends = threading.Event()
                self._start(self._forth, client, server, appends)
                self._start(self._back, client, server, appends)

    def _forth(
        self, client: socket.socket, server: socket.socket, appends: threading.Event
    ) -> None:
        with suppress(OSError):
            while words := client.recv(65536):
                if b"append" in words:
                    appends.set()
                if self.hold in words:
                    self.held.set()
                    self.released.wait()
                server.sendall(words)
        _close(server)

    def _back(self, client: socket.socket, server: socket.socket, appends: threading.Event) -> None:
        reply = b""
        with suppress(OSError):
            while words := server.recv(65536):
                reply += words
                if appends.is_set():
                    if not reply.endswith(READY):
                        continue
                    if b"SELECT" in reply and self.cut():  # and not: prepared
                        break
                client.sendall(reply)
                reply = b""
        _close(client)
        _close(server)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
