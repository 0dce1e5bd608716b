"""Subscribers at the counter: one over server-sent events, one over WebSocket, in process."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

from api.access.tokens import issue
from tests.api.client import Client

PATIENCE = 30.0  # seconds; on a busy machine an answer may take its time
PROTOCOL = "graphql-transport-ws"

CHANGED = """subscription ($for: AdministrationCode!, $after: Position, $epoch: String) {
  recognitionChanged(for: $for, after: $after, epoch: $epoch) {
    position tin was now effectiveFrom next epoch
    reasons { code } course { from to outcome reasons { code } } } }"""


class _Connection:
    """An ASGI connection that stays open, on the event loop of a client."""

    def __init__(self, client: Client, scope: dict[str, Any]) -> None:
        self.client = client
        self._scope = {"asgi": {"version": "3.0"}, "http_version": "1.1", **scope}
        self._scope |= {"scheme": "http", "path": "/graphql", "root_path": "", "query_string": b""}
        self._scope |= {"client": ("127.0.0.1", 1), "server": ("localhost", 80)}
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.slow = asyncio.Event()
        self.slow.set()

    def __enter__(self) -> Self:
        async def start() -> asyncio.Task[None]:
            return asyncio.create_task(self._run())

        self._task = self.run(start())
        return self

    async def _run(self) -> None:
        async def send(message: Any) -> None:
            await self.slow.wait()
            self.got.put_nowait(message)

        await self.client.app(self._scope, self.sent.get, send)  # type: ignore[arg-type]

    def __exit__(self, *exception: object) -> None:
        async def end() -> None:
            self.sent.put_nowait({"type": self.gone, "code": 1000})
            self.slow.set()
            await asyncio.wait_for(self._task, PATIENCE)

        self.run(end())

    gone = "http.disconnect"

    def run(self, work: Any) -> Any:
        return self.client._runner.run(work)

    def message(self, seconds: float = PATIENCE) -> dict[str, Any]:
        found: dict[str, Any] = self.run(asyncio.wait_for(self.got.get(), seconds))
        return found


def _headers(client: Client, by: str | None, more: dict[str, str]) -> list[tuple[bytes, bytes]]:
    said = {"host": "localhost", **more}
    if by:
        said["authorization"] = f"Bearer {issue(by, client.home)}"
    return [(name.encode(), value.encode()) for name, value in said.items()]


class EventStream(_Connection):
    """GraphQL over server-sent events."""

    def __init__(
        self,
        client: Client,
        by: str | None,
        document: str = CHANGED,
        headers: dict[str, str] | None = None,
        **variables: Any,
    ) -> None:
        more = {"accept": "text/event-stream", "content-type": "application/json"}
        said = _headers(client, by, more | (headers or {}))
        super().__init__(client, {"type": "http", "method": "POST", "headers": said})
        body = json.dumps({"query": document, "variables": variables}).encode()
        self.sent.put_nowait({"type": "http.request", "body": body})
        self._events: list[tuple[str, str, Any]] = []
        self._text = ""
        self.status = 0
        self.complete = False

    def start(self) -> int:
        """The status of the response."""
        message = self.message()
        assert message["type"] == "http.response.start", message
        self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        self.status = int(message["status"])
        return self.status

    def event(self) -> tuple[str, str, Any]:
        """The next event: its name, its id and its data."""
        if not self.status:
            assert self.start() == 200
        while not self._events:
            message = self.message()
            assert message["type"] == "http.response.body", message
            self._text += message["body"].decode()
            *whole, self._text = self._text.split("\n\n")
            self._events += [_event(text) for text in whole if not text.startswith(":")]
        return self._events.pop(0)

    def next(self) -> dict[str, Any]:
        """The data of the next answer, which has no error."""
        name, _, said = self.event()
        assert name == "next" and "errors" not in said, said
        found: dict[str, Any] = said["data"]["recognitionChanged"]
        return found

    def error(self) -> dict[str, Any]:
        """The one error with which the stream ends."""
        name, _, said = self.event()
        assert name == "next" and said.get("data") is None, said
        assert self.event()[0] == "complete"
        [error] = said["errors"]
        return {"message": error["message"], **error["extensions"]}


def _event(text: str) -> tuple[str, str, Any]:
    fields = dict(
        line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in text.split("\n")
    )
    data = fields.get("data")
    return fields["event"], fields.get("id", ""), json.loads(data) if data else None


class Socket(_Connection):
    """GraphQL over WebSocket."""

    gone = "websocket.disconnect"

    def __init__(
        self,
        client: Client,
        by: str | None = None,
        headers: dict[str, str] | None = None,
        protocols: tuple[str, ...] = (PROTOCOL,),
    ) -> None:
        said = _headers(client, by, headers or {})
        scope = {"type": "websocket", "headers": said, "subprotocols": list(protocols)}
        super().__init__(client, scope)
        self.sent.put_nowait({"type": "websocket.connect"})

    def send(self, **message: Any) -> None:
        self.text(json.dumps(message))

    def text(self, text: str) -> None:
        self.sent.put_nowait({"type": "websocket.receive", "text": text})

    def receive(self) -> dict[str, Any]:
        """The next message."""
        message = self.message()
        assert message["type"] == "websocket.send", message
        found: dict[str, Any] = json.loads(message["text"])
        return found

    def closed(self) -> tuple[int, str]:
        """The code and the reason of the close frame."""
        while (message := self.message())["type"] != "websocket.close":
            pass
        return message["code"], message.get("reason") or ""

    def opened(self, payload: dict[str, Any] | None = None) -> Self:
        """After the handshake of the protocol."""
        assert self.message()["type"] == "websocket.accept"
        self.send(type="connection_init", **({"payload": payload} if payload else {}))
        assert self.receive() == {"type": "connection_ack", "payload": {}}
        return self

    def subscribe(self, id: str, document: str = CHANGED, **variables: Any) -> None:
        payload = {"query": document, "variables": variables}
        self.send(type="subscribe", id=id, payload=payload)

    def next(self, id: str) -> dict[str, Any]:
        message = self.receive()
        assert message["type"] == "next" and message["id"] == id, message
        assert "errors" not in message["payload"], message
        found: dict[str, Any] = message["payload"]["data"]["recognitionChanged"]
        return found
