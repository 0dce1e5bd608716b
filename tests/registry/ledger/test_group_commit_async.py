"""What tasks are promised whose commands go out in their own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from itertools import count
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from registry.ledger import group_commit_async
from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import AppendRequest, Closed, Metadata, OutcomeUnknown, StreamMoved
from tests.registry.wire import Wire

OpenRecorder = Callable[..., LedgerRecorder]


def event(stream: UUID | None = None, version: int = 1) -> StoredEvent:
    return StoredEvent(stream or uuid4(), version, "operator.suspended", b"{}")


def positions(recorder: LedgerRecorder) -> list[int]:
    return [n.id for n in recorder.select_notifications(1, 10_000)]


async def each(recorder: LedgerRecorder, events: list[StoredEvent]) -> list[object]:
    tasks = [recorder.insert_events_async([event]) for event in events]
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_answers_that_are_lost_on_the_way_to_a_loop_are_had_again(
    wire: Wire, open_recorder: OpenRecorder
) -> None:
    recorder, answers = open_recorder(wire.conninfo), count(1)

    async def three_rounds() -> list[object]:
        await recorder.insert_events_async([event()])  # from here on the line is there
        wire.cut = lambda: next(answers) % 2 == 1
        return [
            item for _ in range(3) for item in await each(recorder, [event() for _ in range(100)])
        ]

    told = asyncio.run(three_rounds())

    assert sorted(p for item in told if isinstance(item, list) for p in item) == list(range(2, 302))
    assert positions(recorder) == list(range(1, 302))


def test_each_of_many_tasks_gets_its_own_answer(open_recorder: OpenRecorder) -> None:
    recorder, taken = open_recorder(), [event() for _ in range(20)]

    async def crowd() -> list[object]:
        await each(recorder, taken)
        return await each(
            recorder, [e for stored_event in taken for e in (event(), stored_event, event())] * 3
        )

    told = asyncio.run(crowd())

    # An event sent again is for a version that is there: 20 taken ones, thrice, and the rest.
    assert sum(isinstance(item, StreamMoved) for item in told) == 60 + 80
    assert sorted(p for item in told if isinstance(item, list) for p in item) == list(range(21, 61))


def test_what_is_wrong_with_an_instant_is_told_to_its_task_alone(
    open_recorder: OpenRecorder,
) -> None:
    recorder = open_recorder()

    async def two() -> list[object]:
        naive = AppendRequest(
            uuid4(), sha256(b"").digest(), "clerk", [Metadata(datetime(2020, 1, 1))]
        )
        return await asyncio.gather(
            recorder.insert_events_async([event()], command=naive),
            recorder.insert_events_async([event()]),
            return_exceptions=True,
        )

    wrong, right = asyncio.run(two())

    assert isinstance(wrong, ValueError)
    assert right == [1]


def test_one_loop_after_the_other_is_served(open_recorder: OpenRecorder) -> None:
    recorder = open_recorder()

    answers = [asyncio.run(recorder.insert_events_async([event()])) for _ in range(5)]

    assert answers == [[1], [2], [3], [4], [5]]


def test_a_loop_may_close_the_recorder_that_it_uses(open_recorder: OpenRecorder) -> None:
    recorder = open_recorder()

    async def leave() -> list[object]:
        await recorder.insert_events_async([event()])
        tasks = [asyncio.create_task(recorder.insert_events_async([event()])) for _ in range(100)]
        await asyncio.sleep(0)  # they submit
        await asyncio.sleep(0)  # half of them are sent
        recorder.close()
        return await asyncio.gather(*tasks, return_exceptions=True)

    told = asyncio.run(leave())

    recorded = [item for item in told if isinstance(item, list)]
    assert recorded and all(isinstance(item, (list, Closed)) for item in told)
    assert positions(open_recorder()) == list(range(1, len(recorded) + 2))
    with pytest.raises(Closed):
        asyncio.run(recorder.insert_events_async([event()]))


def test_a_loop_that_closes_the_recorder_does_not_wait_for_ever_for_the_database(
    wire: Wire, open_recorder: OpenRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit_async, "REPLY_TIMEOUT", 0.2)
    recorder = open_recorder(wire.conninfo)

    async def leave() -> list[object]:
        await recorder.insert_events_async([event()])
        wire.hold = b"held back"
        told = StoredEvent(uuid4(), 1, "operator.suspended", b'"held back"')
        task = asyncio.create_task(recorder.insert_events_async([told]))
        await asyncio.to_thread(wire.held.wait)
        recorder.close()
        return await asyncio.gather(task, return_exceptions=True)

    [told] = asyncio.run(leave())

    assert isinstance(told, OutcomeUnknown)
    assert positions(open_recorder()) == [1]
