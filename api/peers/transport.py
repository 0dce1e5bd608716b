"""Asks another register over HTTP: its signed head, the tiles of its log, and its events."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import msgspec

from api.access.client_tokens import NoToken
from api.access.renewed_tokens import RenewedToken
from projections.reads.peer_law import LAW_LEVEL

T = TypeVar("T")

PATIENCE = 30.0  # seconds: the network timeout
LONGEST = 64 * 1024 * 1024  # bytes of an answer


class PeerAway(Exception):
    """The peer cannot be reached, or cannot answer now. It is asked again later."""


class PeerDeclined(Exception):
    """The peer refuses to answer this register: the token, the arrangement or the question."""


class SentEvent(msgspec.Struct, frozen=True, rename="camel"):
    """An event as the peer sends it. `salt`: in hexadecimal; instants have a time zone."""

    position: int
    leaf: int
    salt: str
    stream: UUID
    version: int
    topic: str
    state: str
    recorded_at: datetime
    known_at: datetime
    command_id: UUID
    actor: str
    decided_by: str | None
    legal_ground: str | None


class SentPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of events. `next`: everything up to this position was looked at. `as_of`: what the
    peer has is complete as of this instant. `law`: the events are those of its law, and `level`:
    of what kinds of streams (projections/reads/peer_law.py)."""

    epoch: str
    size: int
    position: int
    as_of: datetime
    administrations: list[str]
    events: list[SentEvent]
    next: int = 0
    law: bool = False
    level: int = 1


class SentStreams(msgspec.Struct, frozen=True, rename="camel"):
    """A page of streams, each with its last version. `next`: the last of them if more follow."""

    streams: list[tuple[UUID, int]]
    next: UUID | None


class PeerClient:
    """One peer's HTTP interface. `token`: called for each request, because tokens expire."""

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise ValueError(f"found {url!r}, wanted http:// or https:// and a host")
        self._secure = where.scheme == "https"
        self._host, self._port = where.hostname, where.port
        self._base, self._token = where.path.rstrip("/"), token

    def keys(self) -> list[str]:
        """Returns the verifier keys of the peer's log."""
        return self._get("/log/keys", signed_in=False).decode("ascii", "replace").split()

    def checkpoint(self) -> bytes:
        """Returns the last signed head of the peer's log, as a signed note."""
        return self._get("/log/checkpoint", signed_in=False)

    def tile(self, path: str) -> bytes:
        """Returns the hashes of a tile."""
        return self._get(f"/log/tile/{path}", signed_in=False)

    def events(self, after: int, wait: float = 0.0) -> SentPage:
        """Returns the events after a position of the peer's ledger. Where there is none, the peer
        waits `wait` seconds for one before it answers."""
        query = {"after": str(after)} | ({"wait": f"{wait:g}"} if wait else {})
        return self._read(f"/peer/events?{urlencode(query)}", SentPage)

    def of_stream(self, stream: UUID, version: int) -> SentPage:
        """Returns the events of one stream after a version."""
        query = urlencode({"stream": str(stream), "version": version})
        return self._read(f"/peer/events?{query}", SentPage)

    def law(self, after: int, stream: UUID | None = None) -> SentPage:
        """Returns the events of the peer's law after a position; `stream`: of that stream alone.
        A peer of an earlier release answers with a lower level, or with other events, and `law` is
        not set."""
        query = {"law": "true", "level": str(LAW_LEVEL), "after": str(after)}
        query |= {"stream": str(stream)} if stream else {}
        return self._read(f"/peer/events?{urlencode(query)}", SentPage)

    def streams(self, after: UUID) -> SentStreams:
        """Returns the streams that the peer publishes to this register, after that one."""
        return self._read(f"/peer/streams?{urlencode({'after': str(after)})}", SentStreams)

    def report(self, body: bytes) -> None:
        """Tells the peer that two heads of its log contradict each other."""
        self._ask("POST", "/peer/report", body)

    def _read(self, path: str, kind: type[T]) -> T:
        body = self._get(path)
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise PeerDeclined(f"{path} is answered otherwise than expected: {error}") from None

    def _get(self, path: str, *, signed_in: bool = True) -> bytes:
        return self._ask("GET", path, None, signed_in=signed_in)

    def _ask(self, method: str, path: str, body: bytes | None, *, signed_in: bool = True) -> bytes:
        headers = {"Accept": "application/json"} if signed_in else {}
        if signed_in:
            try:
                headers["Authorization"] = f"Bearer {self._token()}"
            except NoToken as error:
                raise PeerAway(f"there is no token for it: {error}") from None
        status, content = self._send(method, path, body, headers)
        if status in (200, 204):
            return content
        if status == 401 and isinstance(self._token, RenewedToken):
            self._token.discard()
        words = content[:300].decode("utf-8", "replace").strip()
        if status >= 500 or status in (404, 429):
            raise PeerAway(f"{path} is answered with {status}: {words}")
        raise PeerDeclined(f"{path} is answered with {status}: {words}")

    def _send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Returns the status and the body of a response. Raises PeerAway."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        try:
            with closing(kind(self._host, self._port, timeout=PATIENCE)) as asking:
                asking.request(method, f"{self._base}{path}", body, headers)
                answer = asking.getresponse()
                return answer.status, answer.read(LONGEST)
        except (OSError, http.client.HTTPException) as error:
            raise PeerAway(f"{path} is not answered: {error or type(error).__name__}") from None
