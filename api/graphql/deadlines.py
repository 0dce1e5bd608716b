"""Request deadlines: cancels tasks like asyncio.timeout, but cheaply enough for thousands a second.

A timer for each request would take a twentieth of the time of an answer. One timer checks all
requests ten times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

CHECK_INTERVAL = 0.1  # Seconds; a request may exceed its deadline by this much.


class RequestDeadlines:
    """The request deadlines of one process."""

    def __init__(self) -> None:
        self._deadlines: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float | None) -> asyncio.Task[object]:
        """Starts a deadline for the current task: it is cancelled after `seconds`, unless `end` is
        called."""
        task = asyncio.current_task()
        assert task is not None
        if seconds is not None:
            self._deadlines[task] = monotonic() + seconds
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(CHECK_INTERVAL, self._check)
        return task

    def end(self, task: asyncio.Task[object]) -> None:
        """Ends the deadline of a task."""
        self._deadlines.pop(task, None)
        self._late.discard(task)

    def limit(self, seconds: float) -> _Limit:
        """A context whose body raises TimeoutError after `seconds`, at the cost of two entries of a
        dictionary."""
        return _Limit(self, seconds)

    def was_late(self, task: asyncio.Task[object]) -> bool:
        """True where a cancelled task was cancelled only because of its deadline; the task may then
        go on."""
        return task in self._late and task.uncancel() == 0

    def _check(self) -> None:
        now = monotonic()
        for task, deadline in self._deadlines.items():
            if deadline <= now and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._timer = None
        if self._deadlines:
            self._timer = asyncio.get_running_loop().call_later(CHECK_INTERVAL, self._check)


class _Limit:
    """As `asyncio.timeout`."""

    __slots__ = ("_deadlines", "_seconds", "_task")

    def __init__(self, deadlines: RequestDeadlines, seconds: float) -> None:
        self._deadlines, self._seconds = deadlines, seconds

    def __enter__(self) -> None:
        self._task = self._deadlines.begin(self._seconds)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        late = kind is asyncio.CancelledError and self._deadlines.was_late(self._task)
        self._deadlines.end(self._task)
        if late:
            raise TimeoutError from None


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work. Raises TimeoutError after `seconds` without waiting until the work
    stops: a read from a database that no longer answers takes seconds to give up."""
    task = asyncio.ensure_future(work)
    if not await _has_ended(task, seconds):
        _abandon(task)
        raise TimeoutError(f"the database did not answer within {seconds:g} seconds")
    return task.result()


async def left_when_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work. When the caller is cancelled it is free at once, without waiting
    until the work stops, as with `within`."""
    task = asyncio.ensure_future(work)
    await _has_ended(task, None)
    return task.result()


async def _has_ended(task: asyncio.Future[Any], seconds: float | None) -> bool:
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        _abandon(task)
        raise
    return bool(done)


def _abandon(task: asyncio.Future[Any]) -> None:
    task.cancel()
    task.add_done_callback(_consume_exception)


def _consume_exception(task: asyncio.Future[Any]) -> None:
    """Reads the exception of an abandoned task, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()
