"""The service's log: one JSON object a line, on standard error, with instants in UTC."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog


def to_json_lines() -> None:
    """Everything from `info` on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *named: structlog.PrintLogger(sys.stderr),  # as it is then
        cache_logger_on_first_use=False,
    )


def _json(line: object, **_: Any) -> str:
    return orjson.dumps(line, default=str).decode()


PAUSE = 0.2  # seconds over which lines are gathered
_gathered: list[bytes] = []


def gather(event: str, fields: dict[str, Any]) -> None:
    """A line of level `info` for what happens thousands of times a second: written with others.
    `fields` are the line from here on."""
    fields["event"], fields["level"], fields["timestamp"] = event, "info", datetime.now(UTC)
    _gathered.append(orjson.dumps(fields, default=str, option=orjson.OPT_UTC_Z))
    if len(_gathered) == 1:
        asyncio.get_running_loop().call_later(PAUSE, write)


def write() -> None:
    """Writes what was gathered. Called once more at the end."""
    lines = b"\n".join((*_gathered, b"")).decode()
    _gathered.clear()
    with suppress(OSError, ValueError):  # nobody reads the log: no reason not to answer
        sys.stderr.write(lines)
        sys.stderr.flush()
