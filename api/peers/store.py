"""What is kept of a peer in the database, and recording its events.

The position is moved in the transaction that records the events, so that a crash at any instant
loses nothing and repeats nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, cast
from uuid import UUID, uuid5

import psycopg
from eventsourcing.persistence import StoredEvent

from api.peers.peer_log import VerifiedHead
from api.peers.transport import SentEvent
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import Refusal
from registry.domain.operators.unique_numbers import can_change_numbers, numbers_held
from registry.domain.values import AdministrationCode
from registry.ledger.append_encoding import encode_request
from registry.ledger.append_protocol import prepare, receive, send
from registry.ledger.connections import Session
from registry.ledger.database import environment
from registry.ledger.failpoints import reach
from registry.ledger.group_commit import take_batch
from registry.ledger.types import AppendRequest, HeldNumbersRecord, Metadata, NumberHeld

#: The namespace of the command ids under which events of peers are recorded (UUID version 5).
EVENTS = UUID("4f0b3f5e-6a0c-5a55-9d7e-2f57f9c0b1d4")
OPTIONS = "-c role=aeo_writer -c timezone=UTC"
_COLUMNS = (
    "name, url, administrations, log_key, epoch, position, head_size, head_root, head_note,"
    " fresh_at, stopped_at, why, evidence, reported_at, history,"
    " law_position, law_level"
)


def leader_lock(name: str) -> int:
    """Returns the key of the advisory lock: one follower of a peer in a database."""
    return int.from_bytes(sha256(f"aeo peer {name}".encode()).digest()[:7], "big")


class NotToBeFollowed(Exception):
    """This register cannot follow that one: a sentence says why, and what helps."""


class NotYetRecorded(Exception):
    """The next event cannot be recorded yet: a sentence says what stands against it here."""


@dataclass
class PeerRow:
    """A row of peers.peer."""

    name: str
    url: str
    administrations: list[str]
    log_key: str
    epoch: str | None
    position: int
    head_size: int
    head_root: bytes | None
    head_note: str | None
    fresh_at: datetime | None
    stopped_at: datetime | None
    why: str | None
    evidence: str | None
    reported_at: datetime | None
    history: int  # how many other histories of it were accepted
    law_position: int | None  # None: it has not sent its law
    law_level: int  # of which level its law is; 0: it has not sent it

    @property
    def head(self) -> VerifiedHead:
        """The last verified head."""
        if not self.head_size:
            return VerifiedHead()
        assert self.head_root is not None and self.head_note is not None  # set together
        return VerifiedHead(self.head_size, self.head_root, self.head_note)


class PeerStore:
    """The rows of one peer. One process at a time uses it (a leader lock)."""

    def __init__(self, connection: psycopg.Connection[Any], conninfo: str, name: str) -> None:
        self._connection, self._conninfo, self.name = connection, conninfo, name
        self._prepared, self._history = False, 0
        self._registry = Registry(environment(conninfo))

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The caller's connection, in which everything of the peer is read and written."""
        return self._connection

    @property
    def registry(self) -> Registry:
        """The register here: its ledger, and what reads its events."""
        return self._registry

    def row(self) -> PeerRow | None:
        """Returns the row; None where nobody follows this peer yet."""
        found = self._connection.execute(
            f"select {_COLUMNS} from peers.peer where name = %s".encode(), [self.name]
        ).fetchone()
        return PeerRow(*found) if found else None

    def begin(self, url: str, administrations: Sequence[str], key: str) -> PeerRow:
        """Adds the peer, or takes its new address. Raises NotToBeFollowed."""
        before = self.row()
        if before is None:
            self._check_new(administrations)
            self._connection.execute(
                "insert into peers.peer (name, url, administrations, log_key)"
                " values (%s, %s, %s, %s)",
                [self.name, url, list(administrations), key],
            )
        elif not before.administrations:
            raise NotToBeFollowed(f"{self.name} was forgotten: its operators are recorded here now")
        elif before.log_key != key:
            raise NotToBeFollowed(
                f"{self.name}: its log has the key {key}, and {before.log_key} was verified before"
            )
        elif sorted(before.administrations) != sorted(administrations):
            known = ", ".join(before.administrations)
            raise NotToBeFollowed(f"{self.name} is followed for {known}, and not for others")
        elif before.url != url:
            self._connection.execute(
                "update peers.peer set url = %s where name = %s", [url, self.name]
            )
        row = self.row()
        assert row is not None
        self._history = row.history
        return row

    def _check_new(self, administrations: Sequence[str]) -> None:
        codes = list(administrations)
        for name, followed in self._connection.execute(
            "select name, unnest(administrations) from peers.peer"
        ):
            if followed in codes:
                raise NotToBeFollowed(f"{followed} is followed from {name} already")
        known = self._connection.execute(
            "select state::json ->> 'administration' from ledger.event"
            " where topic = 'operator.registered'"
            " and state::json ->> 'administration' = any(%s) limit 1",
            [codes],
        ).fetchone()
        if known:
            raise NotToBeFollowed(
                f"operators of {known[0]} are recorded here already, so that theirs would be a"
                " second history: follow the peer from a register that has none of them"
            )

    def verified(self, head: VerifiedHead) -> None:
        """Remembers a head, before anything is recorded that rests on it."""
        self._connection.execute(
            "update peers.peer set head_size = %s, head_root = %s, head_note = %s where name = %s",
            [head.size, head.root, head.note, self.name],
        )

    def heard(self, epoch: str, fresh_at: datetime | None) -> None:
        """Remembers that the peer answered, and as of when its data is complete here."""
        self._connection.execute(
            "update peers.peer set heard_at = clock_timestamp(), epoch = %s, why = null,"
            " fresh_at = coalesce(greatest(fresh_at, %s), fresh_at, %s) where name = %s",
            [epoch, fresh_at, fresh_at, self.name],
        )

    def waiting(self, why: str) -> None:
        """Remembers why it cannot go on now."""
        self._connection.execute(
            "update peers.peer set why = %s where name = %s", [why[:1000], self.name]
        )

    def stopped(self, why: str, evidence: str, reported: bool) -> None:
        """Remembers that the peer is followed no further."""
        self._connection.execute(
            "update peers.peer set stopped_at = clock_timestamp(), why = %s, evidence = %s,"
            " reported_at = case when %s then clock_timestamp() end where name = %s",
            [why[:1000], evidence, reported, self.name],
        )

    def versions(self, streams: Iterable[UUID]) -> dict[UUID, int]:
        """Returns the last version here of each of these streams that there is."""
        return dict(
            self._connection.execute(
                "select originator_id, max(originator_version) from ledger.event"
                " where originator_id = any(%s) group by originator_id",
                [list(streams)],
            ).fetchall()
        )

    def contents(self, stream: UUID) -> dict[int, tuple[str, str]]:
        """Returns topic and state of the events of a stream here, by version."""
        rows = self._connection.execute(
            "select originator_version, topic, state from ledger.event where originator_id = %s",
            [stream],
        )
        return {version: (topic, state) for version, topic, state in rows}

    def own(self, streams: Iterable[UUID]) -> set[UUID]:
        """Returns those of these streams that came from this peer."""
        rows = self._connection.execute(
            "select distinct originator_id from peers.event"
            " where peer = %s and originator_id = any(%s)",
            [self.name, list(streams)],
        )
        return {stream for (stream,) in rows}

    def programmes(self) -> set[str]:
        """Returns the codes of the programmes that this register knows."""
        rows = self._connection.execute(
            "select state::json ->> 'programme' from ledger.event"
            " where topic = 'programme.registered'"
        )
        return {code for (code,) in rows}

    def record(self, events: Sequence[SentEvent], epoch: str, position: int | None) -> None:
        """Records events, which are in order within each stream, and moves the position: all of it
        in one transaction. Raises StreamMoved and other errors of the ledger."""
        with self._connection.transaction():
            if events:
                self.append(self._requests(events))
                self._keep_proofs(events)
            reach("peers.before_position")
            if position is not None:
                self._connection.execute(
                    "update peers.peer set position = greatest(position, %s), epoch = %s"
                    " where name = %s",
                    [position, epoch, self.name],
                )
        reach("peers.after_position")

    def append(self, requests: Iterable[tuple[AppendRequest, StoredEvent]]) -> None:
        """Appends events to the ledger, in the caller's transaction. Raises StreamMoved and other
        errors of the ledger, and NotYetRecorded."""
        if not self._prepared:
            prepare(self._connection)
            self._prepared = True
        queue = deque(encode_request(request, [stored]) for request, stored in requests)
        while queue:
            batch = take_batch(queue)
            send(self._connection, batch)
            for outcome in receive(self._connection, batch):
                if isinstance(outcome, NumberHeld):
                    raise NotYetRecorded(str(outcome)) from outcome
                if isinstance(outcome, Exception):
                    raise outcome

    def request_for(self, event: SentEvent) -> AppendRequest:
        """Returns the request that records an event of the peer here."""
        return AppendRequest(
            uuid5(EVENTS, f"{self.name} {event.position}{' ' * self._history}"),
            sha256(f"{event.topic} {event.state}".encode()).digest(),
            f"peer:{self.name}",
            [Metadata(None, event.decided_by, event.legal_ground)],
        )

    def _keep_proofs(self, events: Sequence[SentEvent]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "insert into peers.event (peer, position, leaf_index, salt, originator_id,"
                " originator_version, recorded_at, known_at, command_id, actor, history)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    [
                        self.name,
                        event.position,
                        event.leaf,
                        bytes.fromhex(event.salt),
                        event.stream,
                        event.version,
                        event.recorded_at,
                        event.known_at,
                        event.command_id,
                        event.actor,
                        self._history,
                    ]
                    for event in events
                ],
            )

    def _requests(self, events: Sequence[SentEvent]) -> Iterator[tuple[AppendRequest, StoredEvent]]:
        """The requests that record these events here. An event becomes known here when it is
        recorded here: what this register answered before did not rest on it."""
        operators: dict[UUID, Any] = {}
        for known in self._registry.ledger.select_streams(list({e.stream for e in events})):
            id = cast(UUID, known.originator_id)
            operators[id] = self._domain_event(known).mutate(operators.get(id))
        for event in events:
            stored = StoredEvent(event.stream, event.version, event.topic, event.state.encode())
            happened = self._domain_event(stored)
            operator = operators[event.stream] = happened.mutate(operators.get(event.stream))
            request = self.request_for(event)
            if can_change_numbers([happened]):
                held = numbers_held(operator)
                request.held_numbers = HeldNumbersRecord(held.holder, held.home, held.written())
            yield request, stored

    def _domain_event(self, stored: StoredEvent) -> Any:
        return self._registry.mapper.to_domain_event(stored)

    def receive(self, code: str, as_of: datetime) -> str | None:
        """Records that the data of an administration is known here as of an instant. Returns the
        sentence of a refusal."""
        office = AdministrationCode(code)  # its zone says which day it is
        command = c.ReceiveList(administration=office, as_of=as_of, decided_by=office)
        try:
            self._registry.execute(command, f"peer:{self.name}")
        except Refusal as refusal:
            return str(refusal)
        return None

    def close(self) -> None:
        """Closes what it opened itself; the connection is the caller's."""
        self._registry.close()


def connect(conninfo: str) -> psycopg.Connection[Any]:
    """Connects as the writer, which may append to the ledger and keep what is kept of peers."""
    return Session.connect(
        conninfo, options=OPTIONS, autocommit=True, application_name="aeo-follow-peer"
    )
