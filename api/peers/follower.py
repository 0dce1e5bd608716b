"""Follows one peer: verifies its log, proves each event in it, and records it here.

One follower of a peer works at a time (advisory lock); a second one waits. It may be killed at any
instant: it continues from its position, which is moved together with what it records.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import structlog
from eventsourcing.persistence import PersistenceError, StoredEvent

from api.peers.law import PeerLaw
from api.peers.peer_log import PeerContradicts, PeerLog, VerifiedHead
from api.peers.store import NotToBeFollowed, NotYetRecorded, PeerStore, connect, leader_lock
from api.peers.transport import PeerAway, PeerClient, PeerDeclined, SentEvent, SentPage
from projections.engine.leader_lock import acquire_leadership, log_database_failure
from registry.domain.aggregates import AGGREGATES
from registry.domain.operators.events import Operator
from registry.domain.values import Tin
from registry.ledger.mapper import EventMapper
from registry.transparency.signed_notes import read_key

log = structlog.get_logger("peers")
POLL = 0.5  # seconds between two rounds at least, where the first brought nothing
#: Seconds for which the peer lets a question wait that has no answer yet. Whatever it records
#: arrives at once; a follower that is told to end does so within these seconds.
WAIT = 2.0
PAUSE = 2.0  # seconds until a peer that could not answer is asked again
EVERY = 900.0  # seconds after which it is recorded again that the peer's data is fresh
COMPARED = 600.0  # seconds after which all streams are compared, for those that became visible
NIL = UUID(int=0)


class PeerFollower:
    """Follows one peer into one database."""

    def __init__(
        self,
        conninfo: str,
        home: Path,
        client: PeerClient,
        *,
        name: str,
        url: str,
        administrations: Sequence[str],
        key: str,
    ) -> None:
        """`administrations`: those for which the peer is authoritative. `key`: the verifier key of
        its log. `home`: the folder for evidence."""
        self._conninfo, self._home, self._client = conninfo, home, client
        self.name, self._url, self._key = name, url, key
        self._administrations = sorted(administrations)
        self._mapper = EventMapper(AGGREGATES)
        self._law: PeerLaw | None = None
        self._received = self._compared = float("-inf")
        self._position = 0  # of the peer's ledger: how far the last round came

    def run(self, stop: threading.Event, poll: float = POLL) -> str | None:
        """Follows until `stop` is set. Returns why the peer is followed no further; None where it
        was stopped from here. Raises NotToBeFollowed."""
        while not stop.is_set():
            try:
                with connect(self._conninfo) as connection:
                    acquire_leadership(connection, self._lock, stop, f"peer {self.name}")
                    if not stop.is_set():
                        return self._rounds(
                            PeerStore(connection, self._conninfo, self.name), stop, poll
                        )
            except (psycopg.OperationalError, PersistenceError) as error:
                log_database_failure(log, f"peer {self.name}", error)
                stop.wait(PAUSE)
        return None

    def catch_up(self) -> str | None:
        """Runs one round. Returns why the peer is stopped. Raises NotToBeFollowed, NotYetRecorded,
        PeerAway, PeerDeclined."""
        with (
            connect(self._conninfo) as connection,
            closing(self._store(connection)) as store,
        ):
            return self._once(store, self._log(store))

    def _store(self, connection: psycopg.Connection[Any]) -> PeerStore:
        return PeerStore(connection, self._conninfo, self.name)

    def _rounds(self, store: PeerStore, stop: threading.Event, poll: float) -> str | None:
        peer_log = self._log(store)
        while not stop.is_set():
            wait, began, before = poll, time.monotonic(), self._position
            try:
                if why := self._once(store, peer_log, WAIT):
                    return why
                if self._position > before:
                    continue
                wait = max(0.0, poll - (time.monotonic() - began))
            except (PeerAway, PeerDeclined, NotYetRecorded) as error:
                log.warning("peers.waiting", peer=self.name, why=str(error))
                store.waiting(str(error))
                wait = max(poll, PAUSE)
            stop.wait(wait)
        return None

    def _log(self, store: PeerStore) -> PeerLog:
        row = store.begin(self._url, self._administrations, self._key)
        return PeerLog(self._client, read_key(self._key), row.head)

    def _once(self, store: PeerStore, peer_log: PeerLog, wait: float = 0.0) -> str | None:
        row = store.row()
        assert row is not None  # `begin` made it
        if row.stopped_at is not None:
            return row.why
        remembered = peer_log.head
        try:
            self._round(store, peer_log, row.position, wait)
        except PeerContradicts as contradiction:
            return self._stop(store, remembered, contradiction)
        return None

    def _round(self, store: PeerStore, peer_log: PeerLog, position: int, wait: float) -> None:
        self._advance(store, peer_log)
        while True:
            page = self._client.events(position, wait)
            wait = 0.0
            if page.size > peer_log.head.size:
                self._advance(store, peer_log)
            law = self._law_of(store, peer_log)
            law.take(page.position)  # before what rests on it
            events = self._to_record(store, peer_log, page.events)
            if events or page.next > position:
                store.record(events, page.epoch, page.next)
                log.info("peers.recorded", peer=self.name, events=len(events), position=page.next)
            position = self._position = page.next
            if position >= page.position:
                break
        if time.monotonic() - self._compared > COMPARED:
            self._compare(store, peer_log)
            law.record()
            self._compared = time.monotonic()
        store.heard(page.epoch, page.as_of)
        self._receive(store, page)

    def _law_of(self, store: PeerStore, peer_log: PeerLog) -> PeerLaw:
        if self._law is None or self._law.store is not store:
            self._law = PeerLaw(store, self._client, peer_log, self._administrations)
        return self._law

    def _advance(self, store: PeerStore, peer_log: PeerLog) -> None:
        if peer_log.advance():
            store.verified(peer_log.head)

    def _receive(self, store: PeerStore, page: SentPage) -> None:
        if time.monotonic() - self._received < EVERY:
            return
        as_of = min(page.as_of, datetime.now(UTC))
        for code in self._administrations:
            if why := store.receive(code, as_of):
                log.warning("peers.not_received", peer=self.name, administration=code, why=why)
        self._received = time.monotonic()

    def _compare(self, store: PeerStore, peer_log: PeerLog) -> None:
        """Takes what is missing of streams that became visible without an event of their own."""
        after: UUID | None = NIL
        while after is not None:
            page = self._client.streams(after)
            here = store.versions(stream for stream, _ in page.streams)
            for stream, version in page.streams:
                if here.get(stream, 0) < version:
                    events = self._whole(stream, here.get(stream, 0))
                    new_events = self._to_record(store, peer_log, events)
                    store.record(new_events, "", None)
            after = page.next

    def _whole(self, stream: UUID, version: int) -> list[SentEvent]:
        """Returns the events of a stream after a version."""
        found: list[SentEvent] = []
        while page := self._client.of_stream(stream, version).events:
            found += page
            version = page[-1].version
        return found

    def _to_record(
        self, store: PeerStore, peer_log: PeerLog, events: Iterable[SentEvent]
    ) -> list[SentEvent]:
        """Returns the events that are not here yet, each stream without a gap, all of them
        proven."""
        events = list(events)
        versions = store.versions({event.stream for event in events})
        new_events: list[SentEvent] = []
        fetched: dict[tuple[UUID, int], tuple[str, str]] = {}  # of this page, not recorded yet
        for event in events:
            before = versions.get(event.stream, 0)
            if event.version <= before:  # it came with its stream
                here = fetched.get((event.stream, event.version))
                here = here or store.contents(event.stream).get(event.version)
                if (event.topic, event.state) != here:
                    words = f"position {event.position} is another event than was recorded before"
                    raise PeerContradicts(words, peer_log.head.note)
                continue
            new = [event]
            if event.version > before + 1:
                new = self._whole(event.stream, before)
                if [each.version for each in new] != list(range(before + 1, before + 1 + len(new))):
                    raise PeerContradicts(f"stream {event.stream} has a gap after version {before}")
            new_events += new
            fetched |= {(each.stream, each.version): (each.topic, each.state) for each in new}
            versions[event.stream] = new[-1].version if new else before
        if any(event.leaf >= peer_log.head.size for event in new_events):
            self._advance(store, peer_log)
        peer_log.check(new_events)
        self._check_own(store, new_events)
        return new_events

    def _check_own(self, store: PeerStore, events: Sequence[SentEvent]) -> None:
        """Checks that the events are of operators of the peer's administrations, and that this
        register knows what they name."""
        own = store.own({event.stream for event in events})
        programmes = store.programmes() if events else set()
        for event in events:
            if event.stream not in own:
                self._check_registration(event)
                own.add(event.stream)
            try:
                state = msgspec.json.decode(event.state)
                stored = StoredEvent(event.stream, event.version, event.topic, event.state.encode())
                self._mapper.to_domain_event(stored)
            except Exception as error:  # whatever a later release writes
                raise NotYetRecorded(
                    f"position {event.position}: this release cannot read {event.topic}: {error}"
                ) from None
            programme = state.get("programme")
            if programme is not None and programme not in programmes:
                raise NotYetRecorded(
                    f"position {event.position} names the programme {programme}, which this"
                    " register does not know: register_programme first"
                )

    def _check_registration(self, event: SentEvent) -> None:
        why = f"position {event.position}: {event.topic} begins no operator of the peer"
        if event.topic != Operator.Registered.TOPIC or event.version != 1:
            raise PeerContradicts(why)
        try:
            state = msgspec.json.decode(event.state)
            tin = Tin(state["tin"])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise PeerContradicts(f"{why}: {error}") from None
        home = state.get("administration")
        if home not in self._administrations or Operator.create_id(tin) != event.stream:
            raise PeerContradicts(
                f"position {event.position}: {tin} is of {home}, and the peer is authoritative for"
                f" {', '.join(self._administrations)}"
            )

    # ------------------------------------------------------------------- a fork

    def _stop(
        self, store: PeerStore, remembered: VerifiedHead, contradiction: PeerContradicts
    ) -> str:
        why, shown = str(contradiction), contradiction.shown
        folder = self._evidence(remembered, shown, why)
        reported = self._report(remembered, shown, why)
        store.stopped(why, str(folder), reported)
        log.error("peers.stopped", peer=self.name, why=why, evidence=str(folder), told=reported)
        return why

    def _evidence(self, remembered: VerifiedHead, shown: str, why: str) -> Path:
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        folder = self._home / "peers" / self.name / f"evidence-{re.sub('[-:]', '', now)}Z"
        folder.mkdir(parents=True)
        (folder / "remembered.note").write_text(remembered.note, encoding="utf-8")
        (folder / "shown.note").write_text(shown, encoding="utf-8")
        (folder / "why.txt").write_text(f"{self._url}\n{why}\n", encoding="utf-8")
        return folder

    def _report(self, remembered: VerifiedHead, shown: str, why: str) -> bool:
        """Tells the peer. Returns whether it was told."""
        body = {"remembered": remembered.note, "shown": shown, "why": why[:1000]}
        try:
            self._client.report(msgspec.json.encode(body))
        except (PeerAway, PeerDeclined) as error:
            log.warning("peers.not_told", peer=self.name, why=str(error))
            return False
        return True

    @property
    def _lock(self) -> int:
        return leader_lock(self.name)


__all__ = ["NotToBeFollowed", "NotYetRecorded", "PeerFollower"]
