"""How long a question may take: cut short as asyncio.timeout does it, but for thousands a second.

A timer for each would take a twentieth of an answer. One looks at all of them, ten times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

TICK = 0.1  # seconds: so much longer than its patience a question may take


class RequestDeadlines:
    """One a process."""

    def __init__(self) -> None:
        self._until: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float | None) -> asyncio.Task[object]:
        """From here until `end` the current task is cancelled once it has taken so long."""
        task = asyncio.current_task()
        assert task is not None
        if seconds is not None:
            self._until[task] = monotonic() + seconds
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(TICK, self._look)
        return task

    def end(self, task: asyncio.Task[object]) -> None:
        self._until.pop(task, None)
        self._late.discard(task)

    def was_late(self, task: asyncio.Task[object]) -> bool:
        """Of a task that is being cancelled: was it for this alone? Then it goes on from here."""
        return task in self._late and task.uncancel() == 0

    def _look(self) -> None:
        now = monotonic()
        for task, until in self._until.items():
            if until <= now and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._timer = None
        if self._until:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._look)


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What the work returns. Raises TimeoutError when it takes longer, without waiting for it to
    stop: whoever reads from a database that has fallen silent takes seconds to give up."""
    task = asyncio.ensure_future(work)
    if not await _has_ended(task, seconds):
        _leave(task)
        raise TimeoutError(f"the database did not answer within {seconds:g} seconds")
    return task.result()


async def left_when_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns. Whoever is cancelled before is free at once, without waiting for the
    work to stop, as in `within`."""
    task = asyncio.ensure_future(work)
    await _has_ended(task, None)
    return task.result()


async def _has_ended(task: asyncio.Future[Any], seconds: float | None) -> bool:
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        _leave(task)
        raise
    return bool(done)


def _leave(task: asyncio.Future[Any]) -> None:
    task.cancel()
    task.add_done_callback(_forgotten)


def _forgotten(task: asyncio.Future[Any]) -> None:
    """Reads the exception of a task that nobody awaits, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()
