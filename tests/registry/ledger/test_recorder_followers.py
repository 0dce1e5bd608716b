"""Whoever follows the ledger sees every event, in order, and does not sleep on one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import Notification, StoredEvent

from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import AppendRequest, StreamMoved
from tests.registry.wire import Wire

OpenRecorder = Callable[..., LedgerRecorder]


def event(stream: UUID | None = None, version: int = 1) -> StoredEvent:
    return StoredEvent(stream or uuid4(), version, "operator.suspended", b"{}")


def history(stream: UUID, versions: int) -> list[StoredEvent]:
    return [event(stream, n + 1) for n in range(versions)]


def test_a_follower_misses_nothing_of_what_eight_writers_record(
    open_recorder: OpenRecorder,
) -> None:
    offices, follower = [open_recorder(), open_recorder()], open_recorder()
    done = Event()

    def write(number: int) -> int:
        recorded = 0
        for round in range(220):
            stream = uuid4()
            recorded += len(offices[number % 2].insert_events(history(stream, 1 + round % 5)) or [])
            with pytest.raises(StreamMoved):  # would leave a gap, if a refusal took a position
                offices[number % 2].insert_events([event(stream, 1)])
        return recorded

    def follow() -> list[int]:
        seen: list[int] = []
        while True:
            over = done.is_set()
            page = follower.select_notifications(len(seen), 500, inclusive_of_start=False)
            seen += [n.id for n in page]
            if over and not page:
                return seen

    with ThreadPoolExecutor(9) as pool:
        following = pool.submit(follow)
        recorded = sum(pool.map(write, range(8)))
        done.set()

    assert recorded >= 5_000
    assert following.result() == list(range(1, recorded + 1))


def test_a_subscription_cannot_sleep_on_a_recorded_event(
    open_recorder: OpenRecorder, wire: Wire
) -> None:
    recorder = open_recorder()
    recorder.insert_events([event()])
    wire.hold = b"listen"

    with open_recorder(wire.conninfo).subscribe(gt=0) as subscription:
        assert next(subscription).id == 1  # so it has looked, and is about to listen
        wire.held.wait()
        recorder.insert_events([event()])
        wire.released.set()
        with ThreadPoolExecutor(1) as pool:
            heard: Notification = pool.submit(next, subscription).result(timeout=30)

    assert heard.id == 2


def test_a_subscription_hears_of_each_commit(open_recorder: OpenRecorder) -> None:
    recorder = open_recorder()

    with recorder.subscribe(gt=0, topics=["operator.suspended"]) as subscription:
        heard = []
        for _ in range(20):
            recorder.insert_events([event(), event()])
            heard += [next(subscription).id, next(subscription).id]

    assert heard == list(range(1, 41))


def test_each_commit_is_announced_with_its_last_position(
    database: str, open_recorder: OpenRecorder
) -> None:
    recorder = open_recorder()

    with psycopg.connect(database, autocommit=True) as listener:
        listener.execute("listen ledger_event")
        recorder.append_many([(AppendRequest.anonymous(), [event()]) for _ in range(3)])
        with pytest.raises(StreamMoved):
            recorder.insert_events([event(version=7)])
        recorder.insert_events([event(), event()])
        announced = [notify.payload for notify in listener.notifies(timeout=30, stop_after=2)]

    assert announced == ["3", "5"]
