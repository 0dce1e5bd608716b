"""Clients of the witnesses (C2SP tlog-witness): each in its own thread, so that none delays the
log.

A witness that cannot be reached is asked again later. A witness that has seen a larger tree than
this signer has signed, or that rejects the checkpoint as inconsistent, raises an alarm: the request
and the answer are kept as evidence.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from base64 import b64encode
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import structlog
from psycopg.sql import SQL, Identifier

from projections.transparency.verify_log import InconsistentLog
from registry.ledger.connections import Session
from registry.transparency import merkle
from registry.transparency.signed_notes import (
    Checkpoint,
    SignedNote,
    VerifierKey,
    read_number,
    read_signatures,
)
from registry.transparency.witness_policy import Policy

log = structlog.get_logger()

PATIENCE = 10.0  # seconds: network timeout
RENEW = 600.0  # seconds after which the same checkpoint is cosigned again, with a newer time
RETRY = 15.0  # seconds until a witness that failed is asked again
LONGEST = 64 * 1024  # bytes of an answer
ROLE = "aeo_signer"


class Unwilling(Exception):
    """A witness answered without a cosignature."""


class Contradiction(Unwilling):
    """A witness has a cosignature or a size that is inconsistent with this log."""


@dataclass
class WitnessClient:
    """One witness: its URL, and all keys that the policy has for it."""

    url: str
    keys: list[VerifierKey]
    seen: int | None = None  # leaves of the last tree that it cosigned, as far as is known
    pause: float = 0.0  # seconds until the next request, after a failure
    answered: threading.Event = field(default_factory=threading.Event)


class Witnesses:
    """The witnesses of a policy that have a URL."""

    def __init__(self, conninfo: str, home: Path, policy: Policy) -> None:
        self.conninfo, self.home = conninfo, home
        self._news = threading.Condition()
        self._head: tuple[SignedNote, Checkpoint] | None = None
        self._closed = False
        self._ahead: str | None = None
        by_url: dict[str, WitnessClient] = {}
        for party in policy.witnesses.values():
            if party.url is not None:
                by_url.setdefault(party.url, WitnessClient(party.url, [])).keys.append(party.key)
        self.all = list(by_url.values())
        for client in self.all:
            threading.Thread(
                target=self._attend, args=(client,), daemon=True, name=client.url
            ).start()

    def show(self, note: SignedNote, head: Checkpoint) -> None:
        """Sets the checkpoint to be cosigned. Returns at once."""
        with self._news:
            self._head = (note, head)
            self._news.notify_all()

    def hear(self, patience: float) -> None:
        """Waits until each witness has answered once, for `patience` seconds in all."""
        end = time.monotonic() + patience
        for client in self.all:
            client.answered.wait(max(0.0, end - time.monotonic()))

    def check(self) -> None:
        """Raises InconsistentLog when a witness has seen a larger tree than this signer has
        signed."""
        if self._ahead:
            raise InconsistentLog(self._ahead)

    def close(self) -> None:
        """Ends the thread after the requests that are under way."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _attend(self, witness: WitnessClient) -> None:
        shown: Checkpoint | None = None
        while (found := self._next(witness, shown)) is not None:
            note, shown = found
            try:
                self._ask(witness, note, shown)
            except (
                OSError,
                http.client.HTTPException,
                ValueError,
                LookupError,
                psycopg.Error,
                Unwilling,
            ) as error:
                if not witness.pause:  # logged once, and not for every checkpoint
                    log.warning("witness.silent", witness=witness.url, why=str(error).strip())
                witness.pause = RENEW if isinstance(error, Contradiction) else RETRY
            else:
                if witness.pause:
                    log.info("witness.back", witness=witness.url, size=shown.size)
                witness.pause = 0.0
            finally:
                witness.answered.set()

    def _next(
        self, witness: WitnessClient, shown: Checkpoint | None
    ) -> tuple[SignedNote, Checkpoint] | None:
        """Waits for the next checkpoint to show: a new one, or the same again after a while. None:
        closed."""

        def wanted() -> bool:
            news = self._head is not None and self._head[1] != shown
            return self._closed or self._ahead is not None or (news and not witness.pause)

        with self._news:
            self._news.wait_for(wanted, witness.pause or RENEW)
            while self._head is None and not self._closed:
                self._news.wait()
            return None if self._closed or self._ahead is not None else self._head

    def _ask(self, witness: WitnessClient, note: SignedNote, head: Checkpoint) -> None:
        """Asks for a cosignature. Raises Unwilling, and the errors of the network and of invalid
        answers."""
        if witness.seen is None:
            witness.seen = self._remembered(witness)
        for _ in range(2):
            asked = self._request(min(witness.seen, head.size), note, head)
            status, kind, response = _post(witness.url, asked)
            if status == 200:
                self._keep(witness, note, head, response)
                witness.seen = head.size
                return
            if status != 409 or kind != "text/x.tlog.size":
                break
            witness.seen = read_number(response.removesuffix("\n"))
            assert self._head is not None
            if witness.seen > self._head[1].size:
                self._evidence(witness, asked, status, response)
                self._ahead = (
                    f"{witness.url} has seen {witness.seen} leaves of this log, and we have signed"
                    f" no more than {self._head[1].size}: this is not the latest state of it."
                )
                raise Contradiction(self._ahead)
        answered = f"it answered {status}: {response[:200].strip()}"
        if status in (409, 422):
            self._evidence(witness, asked, status, response)
            raise Contradiction(answered)
        raise Unwilling(answered)

    def _request(self, old: int, note: SignedNote, head: Checkpoint) -> bytes:
        lines = [
            f"old {old}",
            *(b64encode(data).decode() for data in self._path(old, head.size)),
            "",
        ]
        return ("\n".join(lines) + "\n" + note.written).encode()

    def _path(self, old: int, new: int) -> list[bytes]:
        if old in (0, new):
            return []
        with connect(self.conninfo) as connection:

            @lru_cache
            def tile(level: int, index: int) -> bytes:
                [(hashes,)] = connection.execute(
                    "select hashes from proof.tile where level = %s and index = %s", [level, index]
                ).fetchall()
                found: bytes = hashes
                return found

            return merkle.consistency_path(merkle.from_tiles(tile), old, new)

    def _remembered(self, witness: WitnessClient) -> int:
        with connect(self.conninfo) as connection:
            [(size,)] = connection.execute(
                "select coalesce(max(size), 0) from proof.cosignature where key = any(%s)",
                [[str(key) for key in witness.keys]],
            ).fetchall()
        return int(size)

    def _keep(
        self, witness: WitnessClient, note: SignedNote, head: Checkpoint, response: str
    ) -> None:
        """Stores the cosignature. Raises BadNote and BadSignature where it is not one of this
        checkpoint."""
        lines = SignedNote(note.text, read_signatures(response))
        times = lines.signed_by(witness.keys)
        if not times:
            raise Unwilling("it signed with none of the keys that witnesses.txt has of it")
        with connect(self.conninfo) as connection:
            for key, second in times.items():
                [line] = {
                    signature.line for signature in lines.signatures if signature.id == key.id
                }
                connection.execute(
                    "insert into proof.cosignature (size, key, line, cosigned_at)"
                    " values (%s, %s, %s, to_timestamp(%s)) on conflict do nothing",
                    [head.size, str(key), line, second],
                )

    def _evidence(self, witness: WitnessClient, asked: bytes, status: int, response: str) -> None:
        folder = self.home / "evidence"
        folder.mkdir(exist_ok=True)
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        file = folder / f"{re.sub('[-:]', '', now)}Z-{status}.txt"
        answer = f"\nanswered {status}\n\n{response}"
        file.write_bytes(f"asked of {witness.url}\n\n".encode() + asked + answer.encode())
        log.error(
            "log.contradicted", witness=witness.url, status=status, said=response, kept=str(file)
        )


def connect(conninfo: str) -> psycopg.Connection[Any]:
    """Connects as the signer's role, which reads what is signed and writes nothing but
    signatures."""
    connection = Session.connect(
        conninfo,
        autocommit=True,
        options="-c jit=off -c timezone=UTC",
        application_name="aeo-sign",
    )
    connection.execute(SQL("set role {}").format(Identifier(ROLE)))
    return connection


def _post(url: str, body: bytes) -> tuple[int, str, str]:
    where = urlsplit(url)
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    with closing(kind(where.hostname or "", where.port, timeout=PATIENCE)) as asking:
        asking.request("POST", f"{where.path.rstrip('/')}/add-checkpoint", body)
        answer = asking.getresponse()
        response = answer.read(LONGEST).decode("utf-8", "replace")
        return answer.status, (answer.headers["content-type"] or "").split(";")[0].strip(), response
