"""Posts a message to a receiver over HTTP/1.1, and says in words why it was not accepted.

The host's name is resolved, every address is checked, and the connection is opened to one of these
addresses: between the check and the connection nobody can lead it elsewhere (DNS rebinding). No
redirect is followed. A connection is kept for the next message to the same receiver.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import h11

from api.access.webhook_addresses import AddressPolicy, AddressRefused, Destination

MOST_BODY = 64 * 1024  # bytes of an answer that are read; what follows is not waited for
MOST_HEADERS = 16 * 1024  # bytes
BLOCK = 16 * 1024
IDLE = 30.0  # seconds for which a connection is kept without a message
CONNECT = 5.0  # seconds for each address of a host

GONE = 410


class NotAccepted(Exception):
    """The receiver did not accept the message. The error's message is a sentence for its owner.

    `gone`: it never will. `retry_after`: the seconds that it asks to be left alone.
    """

    def __init__(self, sentence: str, *, gone: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.gone, self.retry_after = gone, retry_after


@dataclass(slots=True)
class _Open:
    """An open connection, and until when it may be used again (loop time)."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: h11.Connection
    until: float


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: float


class Receiver:
    """One receiver: its connection, and how a message is posted to it.

    `timeout`: seconds for a whole delivery, from the name's resolution to the answer.
    """

    def __init__(self, addresses: AddressPolicy, tls: ssl.SSLContext, timeout: float) -> None:
        self._addresses, self._tls, self._timeout = addresses, tls, timeout
        self._open: _Open | None = None

    async def post(self, to: Destination, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Posts a message. Raises NotAccepted."""
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._answer(to, headers, body)
        except TimeoutError:
            self.close()
            raise NotAccepted(f"there was no answer within {self._timeout:g} seconds.") from None
        except AddressRefused as error:
            self.close()
            raise NotAccepted(f"{error}.") from None
        except socket.gaierror:
            raise NotAccepted(f"the name {to.host} cannot be resolved.") from None
        except ssl.SSLCertVerificationError as error:
            raise NotAccepted(f"its certificate is not accepted: {error.verify_message}.") from None
        except (OSError, EOFError, h11.RemoteProtocolError) as error:
            self.close()
            raise NotAccepted(_in_words(error)) from None
        if 200 <= answer.status < 300:
            return
        if 300 <= answer.status < 400:
            raise NotAccepted(f"it answered {answer.status}, and no redirect is followed.")
        raise NotAccepted(
            f"it answered {answer.status}.",
            gone=answer.status == GONE,
            retry_after=answer.retry_after,
        )

    def close(self) -> None:
        """Closes the connection, where one is open."""
        if self._open:
            self._open.writer.close()
            self._open = None

    async def _answer(
        self, to: Destination, headers: Sequence[tuple[str, str]], body: bytes
    ) -> _Answer:
        now = asyncio.get_running_loop().time()
        if self._open and (self._open.until < now or self._open.reader.at_eof()):
            self.close()
        if self._open:
            with suppress(OSError, EOFError, h11.RemoteProtocolError):
                return await self._exchange(self._open, to, headers, body)
            self.close()  # The receiver closed it meanwhile; the id of the message stays the same.
        self._open = await self._connected(to)
        return await self._exchange(self._open, to, headers, body)

    async def _connected(self, to: Destination) -> _Open:
        # By the threads of the sender: the few of uvloop itself would wait for slow names.
        found = await asyncio.get_running_loop().run_in_executor(
            None, partial(socket.getaddrinfo, to.host, to.port, type=socket.SOCK_STREAM)
        )
        hosts = list(dict.fromkeys(str(info[4][0]) for info in found))
        self._addresses.check(hosts)
        secure = to.scheme == "https"
        failed: OSError | TimeoutError = OSError("no address")
        for host in hosts:
            try:
                async with asyncio.timeout(CONNECT):
                    reader, writer = await asyncio.open_connection(
                        host,
                        to.port,
                        ssl=self._tls if secure else None,
                        server_hostname=to.host if secure else None,
                        limit=BLOCK,
                    )
                state = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEADERS)
                return _Open(reader, writer, state, 0.0)
            except ssl.SSLError:
                raise
            except (OSError, TimeoutError) as error:
                failed = error
        raise failed

    async def _exchange(
        self, opened: _Open, to: Destination, headers: Sequence[tuple[str, str]], body: bytes
    ) -> _Answer:
        state, standard = opened.state, {"http": 80, "https": 443}[to.scheme]
        host = f"[{to.host}]" if ":" in to.host else to.host
        request = h11.Request(
            method="POST",
            target=to.target,
            headers=[
                ("Host", host if to.port == standard else f"{host}:{to.port}"),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("User-Agent", "aeo-registry-webhooks"),
                *headers,
            ],
        )
        sent = [state.send(request), state.send(h11.Data(body)), state.send(h11.EndOfMessage())]
        opened.writer.write(b"".join(filter(None, sent)))
        await opened.writer.drain()
        answer = await self._response(opened)
        if self._open is opened and state.our_state is h11.DONE and state.their_state is h11.DONE:
            state.start_next_cycle()
            opened.until = asyncio.get_running_loop().time() + IDLE
        else:
            self.close()
        return answer

    async def _response(self, opened: _Open) -> _Answer:
        answer: _Answer | None = None
        length, silent = 0, True
        while True:
            event = opened.state.next_event()
            if event is h11.NEED_DATA:
                data = await opened.reader.read(BLOCK)
                if not data and silent:
                    raise EOFError
                silent = False
                opened.state.receive_data(data)
            elif isinstance(event, h11.Response):
                answer = _Answer(event.status_code, _retry_after(event))
            elif isinstance(event, h11.Data):
                length += len(event.data)
                if length > MOST_BODY and answer:
                    return answer
            elif isinstance(event, h11.EndOfMessage):
                assert answer is not None
                return answer
            else:
                raise EOFError


def _retry_after(response: h11.Response) -> float:
    """The seconds of a Retry-After header; its other form, a date, is not read."""
    for name, value in response.headers:
        if name == b"retry-after" and value.isdigit() and len(value) < 9:
            return float(value)
    return 0.0


def _in_words(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens at that address."
    if isinstance(error, EOFError):
        return "it closed the connection without an answer."
    if isinstance(error, h11.RemoteProtocolError):
        return f"its answer is not HTTP: {error}."
    if isinstance(error, OSError) and error.strerror:
        return f"the connection failed: {error.strerror}."
    return "the connection failed."
