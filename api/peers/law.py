"""The law of a peer: its programmes, agreements, administrations and blocs are taken as it sent
them, after they are proven in its log, and what its own administrations decided is recorded here
(decisions 0293 and 0336).

A programme is the peer's own: its events become events here. An agreement has several sides: what
the peer's side did is decided here again, for the same reasons as a command; what is of all sides
together, or of another side, is only compared. An administration of the peer that is not recorded
here is entered as it is there, and who joins or leaves a bloc of the peer is decided here again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec
import structlog
from eventsourcing.persistence import StoredEvent

from api.peers.peer_log import PeerContradicts, PeerLog
from api.peers.store import NotYetRecorded, PeerStore
from api.peers.transport import PeerClient, PeerDeclined, SentEvent, SentPage
from projections.reads.peer_law import (
    ADMINISTRATION_TOPICS,
    LAW_LEVEL,
    THERE,
    LawAct,
    compared,
    here_statement,
    last_acts,
    law_stream,
)
from registry.application.registry import Registry
from registry.domain.administrations import Administration, Membership
from registry.domain.aggregates import AGGREGATES
from registry.domain.agreements.events import Agreement
from registry.domain.agreements.foreign_acts import decide_again
from registry.domain.decisions import civil_day_of
from registry.domain.errors import Refusal
from registry.domain.values import AdministrationCode
from registry.ledger.failpoints import reach

log = structlog.get_logger("peers")
_KEEP = """
insert into peers.law (peer, history, position, leaf_index, salt, originator_id, originator_version,
    topic, state, recorded_at, known_at, command_id, actor, decided_by, legal_ground)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_BEGINNINGS = {
    "programme.registered": "programme",
    "agreement.proposed": "agreement",
    "administration.registered": "administration",
}
#: The kinds of streams that this release knows; those of a later one are not judged.
_KINDS = frozenset(cast(Any, aggregate).TOPIC for aggregate in AGGREGATES)


class PeerLaw:
    """Takes the law of one peer."""

    def __init__(
        self,
        store: PeerStore,
        client: PeerClient,
        peer_log: PeerLog,
        administrations: Sequence[str],
    ) -> None:
        self.store, self._client = store, client
        self._log, self._administrations = peer_log, frozenset(administrations)
        row = store.row()
        assert row is not None  # `begin` made it
        self._history, self._position = row.history, row.law_position or 0
        self._level = row.law_level
        self._given = {"name": store.name, "history": row.history}
        self._reached = -1  # of the peer's ledger: its law was taken up to here, in this process

    def take(self, reached: int) -> None:
        """Takes the law up to a position of the peer's ledger, unless that is done.

        Raises PeerContradicts, PeerAway, PeerDeclined, NotYetRecorded.
        """
        changed = self._reached < 0
        while self._reached < reached:
            page = self._client.law(self._position)
            if not page.law:
                if self._reached < 0:
                    log.warning("peers.no_law", peer=self.store.name)
                self._reached = reached
                return
            if not self._is_of_level(page):
                continue
            if page.size > self._log.head.size and self._log.advance():
                self.store.verified(self._log.head)
            events = self._new(page.events)
            self._log.check(events)
            self._check(events)
            self._keep(events, page.next)
            self._position, changed = page.next, changed or bool(events)
            self._reached = page.next if page.next < page.position else max(reached, page.position)
        if changed:
            self.record()

    def record(self) -> None:
        """Records what the peer's administrations decided and is not here yet. Why an act cannot be
        recorded is kept, and tried again when something moves."""
        there = self.store.connection.execute(THERE, self._given).fetchall()
        streams: dict[UUID, list[Any]] = {}
        for row in there:
            streams.setdefault(row[0], []).append(row)
        statement, given = here_statement(there)
        here = self.store.connection.execute(statement.encode(), given).fetchall()
        for stream, rows in streams.items():
            known = [row[2:4] for row in here if row[0] == stream]
            here += self._begin(rows, known)
        homes = self._administrations
        differences = compared(self.store.name, homes, last_acts(here), last_acts(there))
        for difference in sorted(differences, key=lambda each: each.act.position or 0):
            act = difference.there
            if act is None or act.position is None or act.side not in self._administrations:
                continue
            why = self._take_act(act)
            if why != act.refused:
                self.store.connection.execute(
                    "update peers.law set refused = %s"
                    " where peer = %s and history = %s and position = %s",
                    [why, self.store.name, self._history, act.position],
                )

    # ---------------------------------------------------------------- recording

    def _begin(self, rows: Sequence[Any], known: Sequence[Any]) -> Sequence[Any]:
        """Appends what one stream here may take as the peer sent it: what follows of a programme,
        and the registration of an administration. `known`: what is here. Returns the rows."""
        new: Sequence[Any] = []
        if rows[0][2] == "programme.registered":
            is_beginning = [row[2:4] for row in rows][: len(known)] == known
            new = rows[len(known) :] if is_beginning else []
        elif rows[0][2] == Administration.Registered.TOPIC and not known:
            new = rows[:1] if self._is_own(rows[0]) else []
        if new:
            self._append([row[4] for row in new], len(known))
        return new

    def _is_own(self, row: Any) -> bool:
        code = msgspec.json.decode(row[3])["administration"]
        return code in self._administrations

    def _take_act(self, act: LawAct) -> str | None:
        """Records one act at the end of its stream here. Returns why not, where it is refused."""
        assert act.position is not None and act.side is not None  # a peer sent it, of its side
        stream, code = law_stream(act.kind, act.code), act.code
        version = self.store.versions([stream]).get(stream, 0)
        if not version:
            return f"{code} is not recorded here: each side of an agreement records it for itself"
        [event] = self._sent([act.position])
        if act.kind == "programme":
            if event.version == 1:
                return f"{code} was registered here otherwise"
        elif act.kind == "administration":
            if event.version == 1:
                return f"{code} was registered here with another name or time zone"
            if why := self._membership_refusal(event):
                return why
        elif why := self._refusal(event, AdministrationCode(act.side)):
            return why
        self._append([act.position], version)
        return None

    def _refusal(self, event: SentEvent, side: AdministrationCode) -> str | None:
        registry = self.store.registry
        agreement: Agreement | None = None
        for known in registry.ledger.select_streams([event.stream]):
            agreement = cast(Any, registry.mapper.to_domain_event(known)).mutate(agreement)
        assert agreement is not None  # it has a version
        happened = cast(Agreement.DatedEvent, _domain_event(registry, event))
        zone = agreement.parties.get(side, "UTC")
        try:
            decide_again(agreement, happened, civil_day_of(event.recorded_at, zone))
        except Refusal as refusal:
            return f"{refusal.code}: {refusal}"[:1000]
        return None

    def _membership_refusal(self, event: SentEvent) -> str | None:
        """Decides who joins or leaves a bloc again. Returns why not."""
        registry = self.store.registry
        bloc: Administration | None = None
        for known in registry.ledger.select_streams([event.stream]):
            bloc = cast(Any, registry.mapper.to_domain_event(known)).mutate(bloc)
        assert bloc is not None  # it has a version
        happened = cast(Membership, _domain_event(registry, event))
        member = Administration.create_id(happened.member)
        if not self.store.versions([member]):
            return f"{happened.member} is not registered here: register_administration first"
        try:
            bloc.decide_again(happened, civil_day_of(event.recorded_at, bloc.time_zone))
        except Refusal as refusal:
            return f"{refusal.code}: {refusal}"[:1000]
        return None

    def _append(self, positions: Sequence[int], version: int) -> None:
        """Appends events of the peer after a version of their stream."""
        requests = [
            (
                self.store.request_for(event),
                StoredEvent(event.stream, version + n, event.topic, event.state.encode()),
            )
            for n, event in enumerate(self._sent(positions), 1)
        ]
        with self.store.connection.transaction():
            self.store.append(requests)
            reach("peers.before_law_recorded")
        log.info("peers.law_recorded", peer=self.store.name, events=len(requests))

    def _sent(self, positions: Sequence[int]) -> list[SentEvent]:
        rows = self.store.connection.execute(
            "select position, leaf_index, encode(salt, 'hex'), originator_id, originator_version,"
            " topic, state, recorded_at, known_at, command_id, actor, decided_by, legal_ground"
            " from peers.law where peer = %s and history = %s and position = any(%s)"
            " order by position",
            [self.store.name, self._history, list(positions)],
        )
        return [SentEvent(*row) for row in rows]

    # ------------------------------------------------------------- what was sent

    def _is_of_level(self, page: SentPage) -> bool:
        """Whether a page is of the same level as those before it. If not, the law is taken from
        its beginning: the peer was updated and sends more, or went back to an earlier release."""
        if page.level == self._level:
            return True
        if not 1 <= page.level <= LAW_LEVEL:
            words = f"level {page.level}, and 1 to {LAW_LEVEL} was wanted"
            raise PeerDeclined(f"/peer/events is answered with law of {words}")
        first, self._level = self._position == 0, page.level
        self._position = 0
        return first

    def _new(self, events: Iterable[SentEvent]) -> list[SentEvent]:
        """Returns the events that are not kept yet, each stream without a gap; only of an
        administration some events are law, so that its versions have gaps."""
        events = list(events)
        known = dict(
            self.store.connection.execute(
                "select originator_id, max(originator_version) from peers.law"
                " where peer = %(name)s and history = %(history)s group by 1",
                self._given,
            ).fetchall()
        )
        found: list[SentEvent] = []
        for event in events:
            last = known.get(event.stream, 0)
            if event.version <= last:
                continue
            missing = [event]
            if event.topic in ADMINISTRATION_TOPICS:
                if not last and event.version > 1:  # its bloc is older
                    missing = self._whole(event)
                found += missing
                known[event.stream] = event.version
                continue
            if event.version > last + 1:  # it became a party of an older agreement
                missing = [each for each in self._whole(event) if last < each.version]
            if [each.version for each in missing] != list(range(last + 1, event.version + 1)):
                raise PeerContradicts(f"stream {event.stream} has a gap after version {last}")
            found += missing
            known[event.stream] = event.version
        return found

    def _whole(self, event: SentEvent) -> list[SentEvent]:
        """Returns the events of the stream of an event, up to that one."""
        whole = self._client.law(0, event.stream).events
        found = [each for each in whole if each.version <= event.version]
        if not found or found[0].version != 1:
            raise PeerContradicts(f"stream {event.stream} has no beginning")
        return found

    def _check(self, events: Sequence[SentEvent]) -> None:
        """Checks that the events are of the peer's law, and that this release can read them. What
        only a later release knows is no contradiction: it waits for this release to be updated."""
        for event in events:
            kind = event.topic.partition(".")[0]
            if kind not in _KINDS:
                raise NotYetRecorded(
                    f"position {event.position}: this release does not know {event.topic}"
                )
            if event.version == 1:
                self._check_beginning(event)
            elif kind not in _BEGINNINGS.values():
                raise PeerContradicts(f"position {event.position}: {event.topic} is no law")
            try:
                _domain_event(self.store.registry, event)
            except Exception as error:  # whatever a later release writes
                raise NotYetRecorded(
                    f"position {event.position}: this release cannot read {event.topic}: {error}"
                ) from None

    def _check_beginning(self, event: SentEvent) -> None:
        why = f"position {event.position}: {event.topic} begins no law of it"
        kind = _BEGINNINGS.get(event.topic)
        try:
            state = msgspec.json.decode(event.state)
            good = kind is not None and law_stream(kind, state[kind]) == event.stream
            home = state["administration"] if kind == "programme" else None
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise PeerContradicts(f"{why}: {error}") from None
        if not good:
            raise PeerContradicts(why)
        if kind == "programme" and home not in self._administrations:
            raise PeerContradicts(
                f"position {event.position}: {state[kind]} is of {home}, and the peer is"
                f" authoritative for {', '.join(self._administrations)}"
            )

    def _keep(self, events: Sequence[SentEvent], position: int) -> None:
        with self.store.connection.transaction(), self.store.connection.cursor() as cursor:
            cursor.executemany(
                _KEEP,
                [
                    [
                        self.store.name,
                        self._history,
                        event.position,
                        event.leaf,
                        bytes.fromhex(event.salt),
                        event.stream,
                        event.version,
                        event.topic,
                        event.state,
                        event.recorded_at,
                        event.known_at,
                        event.command_id,
                        event.actor,
                        event.decided_by,
                        event.legal_ground,
                    ]
                    for event in events
                ],
            )
            reach("peers.before_law_position")
            cursor.execute(
                "update peers.peer set law_position = %s, law_level = %s where name = %s",
                [position, self._level, self.store.name],
            )
        reach("peers.after_law_position")


def _domain_event(registry: Registry, event: SentEvent) -> Any:
    stored = StoredEvent(event.stream, event.version, event.topic, event.state.encode())
    return registry.mapper.to_domain_event(stored)
