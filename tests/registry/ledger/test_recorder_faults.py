"""What becomes of a command when the line breaks, the queue fills, or somebody gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import count
from threading import Event
from time import sleep
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import ProgrammingError, StoredEvent

from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import AppendRequest, Busy, Closed, OutcomeUnknown, Unreachable
from tests.registry.wire import Wire

OpenRecorder = Callable[..., LedgerRecorder]


@pytest.fixture
def locked(database: str) -> Iterator[psycopg.Connection]:
    """A stranger who holds the lock that every append needs, until it is rolled back."""
    with psycopg.connect(database) as stranger:
        stranger.execute("select * from ledger.head for update")
        yield stranger


def request(id: UUID | None = None) -> AppendRequest:
    return AppendRequest(id or uuid4(), sha256(b"suspend").digest(), "officer:7")


def event(stream: UUID | None = None, version: int = 1) -> StoredEvent:
    return StoredEvent(stream or uuid4(), version, "operator.suspended", b"{}")


def positions(recorder: LedgerRecorder) -> list[int]:
    return [n.id for n in recorder.select_notifications(1, 10_000)]


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        sleep(0.01)


def somebody_waits_for_the_lock(database: str) -> Callable[[], bool]:
    def look() -> bool:
        with psycopg.connect(database) as connection:
            found = connection.execute(
                "select from pg_stat_activity where wait_event_type = 'Lock'"
                " and datname = current_database()"
            )
            return found.fetchone() is not None

    return look


# ------------------------------------------------------------- the line breaks


def test_a_command_whose_answer_was_lost_is_recorded_once(
    open_recorder: OpenRecorder, wire: Wire
) -> None:
    number = count(1)
    wire.cut = lambda: next(number) % 3 == 0  # every third commit goes unanswered
    recorder = open_recorder(wire.conninfo)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: recorder.insert_events([event()]), range(80)))

    assert sorted(p for answer in answers for p in answer or []) == list(range(1, 81))
    assert positions(open_recorder()) == list(range(1, 81))


def test_who_never_got_an_answer_may_ask_again_with_the_same_id(
    open_recorder: OpenRecorder, wire: Wire
) -> None:
    operator, id = uuid4(), uuid4()

    def cut_for_good() -> bool:
        wire.refuse = True
        return True

    wire.cut = cut_for_good
    with pytest.raises(OutcomeUnknown, match=f"not known whether command {id} was recorded"):
        open_recorder(wire.conninfo, timeout=0.5).insert_events(
            [event(operator)], command=request(id)
        )

    again = request(id)  # by another process, after the first has died
    answer = open_recorder().insert_events([event(operator)], command=again)

    assert (answer, again.repeated) == ([1], True)
    assert positions(open_recorder()) == [1]


def test_a_bulk_whose_answer_was_lost_is_recorded_once(
    open_recorder: OpenRecorder, wire: Wire
) -> None:
    number = count(1)
    wire.cut = lambda: next(number) == 1
    recorder = open_recorder(wire.conninfo)

    outcomes = recorder.append_many([(request(), [event()]) for _ in range(20)])

    assert outcomes == [[n] for n in range(1, 21)]
    assert positions(recorder) == list(range(1, 21))


def test_who_came_before_a_migration_is_served_after_it(
    database: str, open_recorder: OpenRecorder
) -> None:
    recorder = open_recorder()
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("alter function ledger.append_one rename to append_later")
        with pytest.raises(ProgrammingError, match="append_one"):
            recorder.insert_events([event()])
        owner.execute("alter function ledger.append_later rename to append_one")

    assert recorder.insert_events([event()]) == [1]


def test_what_never_reached_the_database_is_said_to_be_unrecorded(
    open_recorder: OpenRecorder, wire: Wire
) -> None:
    recorder = open_recorder(wire.conninfo, timeout=0.5)
    wire.refuse = True

    with pytest.raises(Unreachable, match="nothing was recorded"):
        recorder.insert_events([event()])


def test_backends_killed_at_random_lose_and_double_nothing(
    database: str, open_recorder: OpenRecorder
) -> None:
    recorder, over = open_recorder(), Event()

    def write(_: int) -> list[int]:
        mine: list[int] = []
        while not over.is_set():
            mine += recorder.insert_events([event()]) or []
        return mine

    with ThreadPoolExecutor(8) as pool, psycopg.connect(database, autocommit=True) as killer:
        writing = pool.map(write, range(8))
        killed = 0
        while killed < 20:
            sleep(0.01)
            killed += killer.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where"
                " datname = current_database() and query like '%append%'"
                " and pid <> pg_backend_pid()"
            ).rowcount
        over.set()
        acknowledged = sorted(position for mine in writing for position in mine)

    assert acknowledged == list(range(1, len(acknowledged) + 1))
    assert positions(recorder) == acknowledged


def test_a_lock_that_is_not_given_up_is_waited_for_only_so_long(
    locked: psycopg.Connection, open_recorder: OpenRecorder
) -> None:
    recorder = open_recorder(timeout=0.5)

    with pytest.raises(Unreachable, match="lock timeout"):
        recorder.insert_events([event()])
    locked.rollback()

    assert recorder.insert_events([event()]) == [1]


# ----------------------------------------------------------- many share a commit


def test_tasks_and_threads_record_side_by_side(open_recorder: OpenRecorder) -> None:
    recorder = open_recorder()

    async def tasks() -> list[list[int] | None]:
        return await asyncio.gather(*(recorder.insert_events_async([event()]) for _ in range(200)))

    with ThreadPoolExecutor(10) as pool:
        loops = [pool.submit(asyncio.run, tasks()) for _ in range(2)]
        threads = [pool.submit(recorder.insert_events, [event(), event()]) for _ in range(100)]
    answers = [answer for loop in loops for answer in loop.result()]
    answers += [thread.result() for thread in threads]

    assert sorted(p for answer in answers for p in answer or []) == list(range(1, 601))


def test_one_that_the_database_cannot_take_troubles_nobody_else(
    database: str, locked: psycopg.Connection, open_recorder: OpenRecorder
) -> None:
    with psycopg.connect(database, autocommit=True) as owner:  # nothing that we can write is bad
        owner.execute("alter table ledger.event add constraint good check (state <> 'poison')")
    recorder, poison = open_recorder(), StoredEvent(uuid4(), 1, "operator.suspended", b"poison")

    async def share_a_commit() -> list[object]:
        first = asyncio.create_task(recorder.insert_events_async([event()]))
        await asyncio.to_thread(until, somebody_waits_for_the_lock(database))
        others = [recorder.insert_events_async([e]) for e in (event(), poison, event())]
        waiting = asyncio.gather(first, *others, return_exceptions=True)
        await asyncio.sleep(0)
        locked.rollback()
        return await waiting

    first, second, poisoned, third = asyncio.run(share_a_commit())

    assert [first, second, third] == [[1], [2], [3]]
    assert 'violates check constraint "good"' in str(poisoned)


def test_two_for_one_stream_never_share_a_commit(
    database: str, locked: psycopg.Connection, open_recorder: OpenRecorder
) -> None:
    recorder, operator = open_recorder(), uuid4()

    async def follow_each_other() -> list[object]:
        first = asyncio.create_task(recorder.insert_events_async([event(operator)]))
        await asyncio.to_thread(until, somebody_waits_for_the_lock(database))
        rest = [recorder.insert_events_async([event(operator, n)]) for n in (2, 3, 3, 4)]
        waiting = asyncio.gather(first, *rest, return_exceptions=True)
        await asyncio.sleep(0)
        locked.rollback()
        return await waiting

    answers = asyncio.run(follow_each_other())

    assert answers[:3] + answers[4:] == [[1], [2], [3], [4]]
    assert "stands at version 3" in str(answers[3])


# ---------------------------------------------------------- full, given up, closed


def test_a_full_queue_refuses_at_once_and_keeps_its_word_to_those_in_it(
    database: str, locked: psycopg.Connection, open_recorder: OpenRecorder
) -> None:
    recorder = open_recorder(capacity=2)

    async def crowd() -> list[object]:
        first = asyncio.create_task(recorder.insert_events_async([event()]))
        await asyncio.to_thread(until, somebody_waits_for_the_lock(database))
        rest = [recorder.insert_events_async([event()]) for _ in range(3)]
        waiting = asyncio.gather(first, *rest, return_exceptions=True)
        await asyncio.sleep(0)
        locked.rollback()
        return await waiting

    *served, refused = asyncio.run(crowd())

    assert served == [[1], [2], [3]]
    assert isinstance(refused, Busy)
    assert positions(recorder) == [1, 2, 3]


def test_a_cancelled_task_withdraws_only_what_is_still_queued(
    database: str, locked: psycopg.Connection, open_recorder: OpenRecorder
) -> None:
    recorder, taken, queued = open_recorder(), request(), request()

    async def give_up() -> None:
        first = asyncio.create_task(recorder.insert_events_async([event()], command=taken))
        await asyncio.to_thread(until, somebody_waits_for_the_lock(database))
        second = asyncio.create_task(recorder.insert_events_async([event()], command=queued))
        third = asyncio.create_task(recorder.insert_events_async([event()]))
        await asyncio.sleep(0)
        first.cancel()
        second.cancel()
        await asyncio.sleep(0)
        locked.rollback()
        assert await third == [2]

    asyncio.run(give_up())

    assert recorder.find_command(taken.id) is not None  # its id tells what became of it
    assert recorder.find_command(queued.id) is None


def test_a_loop_that_ends_first_leaves_the_others_served(
    database: str, locked: psycopg.Connection, open_recorder: OpenRecorder
) -> None:
    recorder, abandoned = open_recorder(), request()

    async def leave() -> None:
        task = asyncio.create_task(recorder.insert_events_async([event()], command=abandoned))
        await asyncio.to_thread(until, somebody_waits_for_the_lock(database))
        task.cancel()

    asyncio.run(leave())
    locked.rollback()

    assert recorder.insert_events([event()]) == [2]
    assert recorder.find_command(abandoned.id) is not None


def test_closing_finishes_what_is_in_flight_and_refuses_the_rest(
    database: str, locked: psycopg.Connection, open_recorder: OpenRecorder
) -> None:
    recorder = open_recorder()

    async def close() -> list[object]:
        first = asyncio.create_task(recorder.insert_events_async([event()]))
        await asyncio.to_thread(until, somebody_waits_for_the_lock(database))
        rest = [recorder.insert_events_async([event()]) for _ in range(2)]
        waiting = asyncio.gather(first, *rest, return_exceptions=True)
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(recorder.close))
        await asyncio.sleep(0.1)
        locked.rollback()
        await closing
        return await waiting

    first, *refused = asyncio.run(close())

    assert first == [1]
    assert [type(answer) for answer in refused] == [Closed, Closed]
    with pytest.raises(Closed):
        recorder.insert_events([event()])
    [outcome] = recorder.append_many([(request(), [event()])])
    assert isinstance(outcome, Closed)
    assert positions(open_recorder()) == [1]
