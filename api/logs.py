"""The service's log: one JSON object a line, on standard error, with instants in UTC."""

from __future__ import annotations

import logging
import sys
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
