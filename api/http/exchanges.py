"""One HTTP request and its response: request id, log line, metrics and common headers.

Every response carries `X-Request-Id`: the value of the request, or a new UUID. Every request has
one log line and one count in the metrics, also one that is refused before a GraphQL document is
read (401, 404, 405, 413, 415, 429). The query string of an address is not logged. Every response
has a `Cache-Control`; where the handler sets none, the response says `no-store`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from time import perf_counter
from typing import Any
from uuid import UUID

from prometheus_client import Counter as Metric
from starlette.types import Message, Scope, Send

from api.access.quotas import QuotaAccount
from api.http import compression
from api.observability import counters, logging

RESPONSES = Metric(
    "aeo_http_responses", "HTTP responses, by what answers the address and status", ["by", "status"]
)
REFUSED = Metric(
    "aeo_http_refused",
    "Requests refused before a question was read, by what answers the address and code",
    ["by", "code"],
)
_responses, _refused = cache(RESPONSES.labels), cache(REFUSED.labels)

#: Request ids that are accepted from the client. Anything else is replaced, so that a header
#: cannot forge a log line.
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
#: W3C Trace Context: version, trace id, parent id, flags.
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
#: Names of the handlers in the metrics, by prefix of the path; every other path is a page.
_HANDLERS = (
    ("/graphql", "graphql"),
    ("/static/", "static"),
    ("/log/", "log"),
    ("/healthz", "health"),
    ("/readyz", "health"),
    ("/metrics", "health"),
    ("/schema.graphql", "description"),
    ("/openapi.json", "description"),
    ("/oauth/", "oauth"),
    ("/.well-known/", "description"),
)
KEY = "aeo.exchange"
IDS = 256  # ids made with one system call: one call for each would dominate their cost


class Exchange:
    """One HTTP request and its response.

    `id`: the request id as text. `headers`: the request's headers by lower-case name; of a repeated
    header, the first. `trace`: the trace id of a `traceparent` header, or None. `answered`: further
    fields of the log line, filled in by the handler. `wanted`: the accepted content coding.
    `account`: in which the request was counted; the answer says what is left of its quota.
    """

    __slots__ = (
        "_began",
        "_more",
        "_number",
        "_send",
        "account",
        "answered",
        "bytes",
        "headers",
        "id",
        "method",
        "path",
        "status",
        "trace",
        "wanted",
    )

    def __init__(
        self, scope: Scope, head: bytes | None, more: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        """`head`: the value of `Aeo-Log-Head`; `more`: further headers of every response."""
        self.method, self.path = scope["method"], scope["path"]
        self.status, self.bytes, self.trace = 0, 0, None
        self.answered: dict[str, Any] = {}
        self.account: QuotaAccount | None = None
        self._number: UUID | None = None
        self._send: Send | None = None
        self._began = perf_counter()
        # ASGI header names are lower case.
        self.headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        request_id = self.headers.get(b"x-request-id")
        self.id = (
            request_id.decode("ascii") if request_id and _ID.fullmatch(request_id) else _new_id()
        )
        encodings = self.headers.get(b"accept-encoding")
        self.wanted = compression.AS_IT_IS
        if encodings is not None:
            self.wanted = compression.wanted(encodings)
        parent = self.headers.get(b"traceparent")
        if parent and (found := _TRACE.fullmatch(parent)):
            self.trace = found[1].decode("ascii")
        self._more = [(b"x-request-id", self.id.encode("ascii")), *more]
        if head is not None:
            self._more.append((b"aeo-log-head", head))
        scope[KEY] = self

    @property
    def number(self) -> UUID:
        """The request id as a UUID, or a new UUID where it is none. The read log uses it as its
        key."""
        if self._number is None:
            self._number = _uuid(self.id) or UUID(_new_id())
        return self._number

    @property
    def by(self) -> str:
        """The name of the handler of this path, as the metrics have it."""
        if self.path == "/graphql":
            return "graphql"
        return next((by for begin, by in _HANDLERS if self.path.startswith(begin)), "page")

    def watched(self, send: Send) -> Send:
        """Wraps `send`: adds the common headers, compresses the body and counts its bytes. The
        response to a HEAD request gets no body."""
        bodiless = self.method == "HEAD"
        more = self._more

        async def watching(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                headers = message.get("headers", ())
                quota = self.account.headers() if self.account else ()
                message["headers"] = [
                    *headers,
                    *more,
                    *quota,
                    *compression.of_every_answer(headers),
                ]
            elif message["type"] == "http.response.body":
                self.bytes += len(message.get("body", b""))
                if bodiless:
                    message = {**message, "body": b""}
            await send(message)

        if not bodiless:
            self._send = send
        if self.wanted.coding is None:
            return watching
        return compression.compressing(watching, self.wanted)

    async def answer(self, headers: list[tuple[bytes, bytes]], body: bytes, send: Send) -> None:
        """Sends status 200 with a text body and these headers, which include `Cache-Control`.

        `send`: the result of `watched`.
        """
        headers = [*headers, (b"content-length", b"%d" % len(body))]
        direct, length = self._send, len(body)
        as_it_is = self.wanted.coding is None or not (
            self.wanted.whole or length >= compression.LEAST
        )
        if direct is not None and as_it_is:  # the same as `watched`, in fewer steps
            self.status, self.bytes = 200, length
            quota = self.account.headers() if self.account else ()
            headers += (*self._more, *quota, *compression.OF_ANSWERS)
            send = direct
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def add(self, name: bytes, value: str) -> None:
        """Adds a header to the response, which has not begun."""
        self._more.append((name, value.encode("ascii")))

    def refused(self, code: str) -> None:
        """Counts a request that was refused before its document was read. `code`: the reason."""
        counters.count(_refused(self.by, code))

    def ended(self) -> None:
        """Writes the log line and counts the response. Status 499: the client closed the connection
        before the answer."""
        status = self.status or 499
        counters.count(_responses(self.by, status))
        line = {
            "request": self.id,
            "method": self.method,
            "path": self.path,
            "status": status,
            "bytes": self.bytes,
            "ms": round((perf_counter() - self._began) * 1000, 1),
        }
        if self.trace:
            line["trace"] = self.trace
        line.update(self.answered)
        logging.gather("request", line)


_ids: list[str] = []
_VARIANT = {digit: "89ab"[number % 4] for number, digit in enumerate("0123456789abcdef")}


def _new_id() -> str:
    """Returns a random UUID (RFC 9562, version 4) as text."""
    if not _ids:
        digits = os.urandom(16 * IDS).hex()
        for at in range(0, len(digits), 32):
            text = digits[at : at + 32]
            _ids.append(
                f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"
            )
    return _ids.pop()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
