"""The rights of a subscriber while its connection is open: they end with its token."""

from __future__ import annotations

import asyncio

import psycopg
import structlog
from psycopg_pool import PoolTimeout, TooManyRequests

from api.access.policy import Subject
from api.access.token_reasons import InvalidToken, IssuerUnreachable
from api.http.service import Service

log = structlog.get_logger("streams")

EVERY = 5.0  # seconds between two checks of a token


async def until_refused(service: Service, authorization: str | None, subject: Subject) -> str:
    """Waits until the token is no longer accepted, or names a subject with other rights. Returns
    why, as a sentence."""
    while True:
        await asyncio.sleep(EVERY)
        if authorization is None:
            continue  # the public has no token that could end
        try:
            found = await service.subjects.still_valid(authorization)
        except InvalidToken as error:
            return f"The token is no longer accepted: {error.code}."
        except (
            psycopg.Error,
            PoolTimeout,
            TooManyRequests,
            TimeoutError,
            IssuerUnreachable,
        ) as error:
            log.warning("a token cannot be checked", why=str(error))
            continue
        if found != subject:
            return "What this subject may see has changed. Subscribe again."
