"""The service's log: one JSON object per line on standard error, with instants in UTC."""

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
    """Configures structlog: level info and above."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *named: structlog.PrintLogger(
            sys.stderr
        ),  # looked up at each call, so that it can be replaced
        cache_logger_on_first_use=False,
    )


def _json(line: object, **_: Any) -> str:
    return orjson.dumps(line, default=str).decode()


PAUSE = 0.2  # seconds over which lines are collected
_gathered: list[bytes] = []


def gather(event: str, fields: dict[str, Any]) -> None:
    """Buffers a line of level `info`, for events that happen thousands of times per second.
    `fields` becomes part of the line and is changed."""
    fields["event"], fields["level"], fields["timestamp"] = event, "info", datetime.now(UTC)
    _gathered.append(orjson.dumps(fields, default=str, option=orjson.OPT_UTC_Z))
    if len(_gathered) == 1:
        asyncio.get_running_loop().call_later(PAUSE, write)


def write() -> None:
    """Writes the buffered lines. Also called at shutdown."""
    lines = b"\n".join((*_gathered, b"")).decode()
    _gathered.clear()
    with suppress(OSError, ValueError):  # a closed standard error must not stop the service
        sys.stderr.write(lines)
        sys.stderr.flush()
