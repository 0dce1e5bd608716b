"""Background tasks of one process of the service: none of them may end without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger("background")


def watched(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task whose end is logged, unless it was cancelled. `/readyz` asks for tasks that ended."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(_say)
    return task


def _say(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    if error := task.exception():
        log.error("a background task ended", task=task.get_name(), exc_info=error)
    else:
        log.info("a background task ended", task=task.get_name())
