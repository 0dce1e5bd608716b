"""What an operator of this register decides about a peer that was stopped: to accept the history
that it shows now, or to forget it. Either is recorded (decision 0286)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from api.peers.peer_log import PeerLog, VerifiedHead
from api.peers.store import NotToBeFollowed, PeerRow, PeerStore
from api.peers.transport import PeerClient, SentEvent, SentPage
from registry.transparency.signed_notes import read_key

_HERE = """
select e.originator_id, e.originator_version, e.topic, e.state, e.decided_by, e.legal_ground
from ledger.event e join peers.event p using (originator_id, originator_version)
where p.peer = %(name)s
union all
select l.originator_id, l.originator_version, l.topic, l.state, l.decided_by, l.legal_ground
from peers.law l where l.peer = %(name)s and l.history = %(history)s"""
_LAW = """
select distinct l.originator_id from peers.law l
where l.peer = %(name)s and l.history = %(history)s"""
_DECIDE = """
insert into peers.decision (peer, kind, actor, why, stopped_for, evidence, remembered, accepted)
values (%s, %s, %s, %s, %s, %s, %s, %s)"""

_Key = tuple[UUID, int]
_Content = tuple[str, str, str | None, str | None]


@dataclass(frozen=True)
class HistoryComparison:
    """How what a peer shows now differs from what was recorded here. `different`: a sentence for
    each event; `hidden`: the operators that it does not show (any more); `same`: equal events."""

    different: list[str]
    hidden: int
    same: int


def compare_histories(
    connection: psycopg.Connection[Any], client: PeerClient, log: PeerLog, row: PeerRow
) -> HistoryComparison:
    """Compares all events of a peer that are here, of operators and of its law, with those that it
    shows now, each of which must be in its log. Raises PeerContradicts, PeerAway, PeerDeclined."""
    given = {"name": row.name, "history": row.history}
    here: dict[_Key, _Content] = {
        (stream, version): tuple(content)
        for stream, version, *content in connection.execute(_HERE, given)
    }
    law = {stream for (stream,) in connection.execute(_LAW, given)}
    different: list[str] = []
    there: dict[UUID, int] = {}
    same = 0
    for event in _shown(client, log):
        there[event.stream] = max(event.version, there.get(event.stream, 0))
        known = here.get((event.stream, event.version))
        if known is None:
            continue
        if known == (event.topic, event.state, event.decided_by, event.legal_ground):
            same += 1
        else:
            words = f"{event.topic} in place of {known[0]}" if event.topic != known[0] else "other"
            different.append(f"{event.stream} version {event.version}: {words} content")
    last: dict[UUID, int] = {}
    for stream, version in here:
        last[stream] = max(version, last.get(stream, 0))
    for stream, version in sorted(last.items()):
        shown = there.get(stream, 0 if stream in law else None)  # the law is shown to everybody
        if shown is not None and shown < version:
            different.append(f"{stream}: ends at version {shown}, and here at {version}")
    return HistoryComparison(different, len(last.keys() - there.keys() - law), same)


def accept_history(
    connection: psycopg.Connection[Any],
    store: PeerStore,
    client: PeerClient,
    actor: str,
    why: str,
) -> HistoryComparison:
    """Accepts the history that a stopped peer shows now, if it has all events that are recorded
    here; it is then followed from its beginning. Otherwise nothing is changed, and `different`
    says why. Raises NotToBeFollowed, PeerContradicts, PeerAway, PeerDeclined."""
    row = _stopped(store)
    log = PeerLog(client, read_key(row.log_key), VerifiedHead())
    log.advance()
    found = compare_histories(connection, client, log, row)
    if found.different:
        return found
    with connection.transaction():
        _record(connection, row, "accept", actor, why, log.head.note)
        connection.execute(
            "update peers.peer set history = history + 1, position = 0,"
            " law_position = law_position * 0, head_size = %s,"
            " head_root = %s, head_note = %s, stopped_at = null, why = null, evidence = null,"
            " reported_at = null where name = %s",
            [log.head.size, log.head.root, log.head.note, row.name],
        )
    return found


def forget_peer(
    connection: psycopg.Connection[Any], store: PeerStore, actor: str, why: str
) -> list[str]:
    """Forgets a stopped peer: its operators stay as they were known last, and this register may
    record what becomes of them. Returns its administrations. Raises NotToBeFollowed."""
    row = _stopped(store)
    with connection.transaction():
        _record(connection, row, "forget", actor, why, None)
        connection.execute(
            "update peers.peer set administrations = '{}' where name = %s", [row.name]
        )
    return row.administrations


def _shown(client: PeerClient, log: PeerLog) -> Iterator[SentEvent]:
    yield from _pages(client.events, log)
    if client.law(0).law:
        yield from _pages(client.law, log)


def _pages(ask: Callable[[int], SentPage], log: PeerLog) -> Iterator[SentEvent]:
    position = 0
    while True:
        page = ask(position)
        if page.size > log.head.size:
            log.advance()
        log.check(page.events)
        yield from page.events
        position = page.next
        if position >= page.position:
            return


def _stopped(store: PeerStore) -> PeerRow:
    row = store.row()
    if row is None:
        raise NotToBeFollowed(f"{store.name}: no register of this name is followed here")
    if row.stopped_at is None:
        raise NotToBeFollowed(f"{store.name} is not stopped, so there is nothing to decide")
    if not row.administrations:
        raise NotToBeFollowed(f"{store.name} was forgotten")
    return row


def _record(
    connection: psycopg.Connection[Any],
    row: PeerRow,
    kind: str,
    actor: str,
    why: str,
    accepted: str | None,
) -> None:
    remembered = row.head_note or ""
    values = [row.name, kind, actor, why, row.why, row.evidence, remembered, accepted]
    connection.execute(_DECIDE, values)
