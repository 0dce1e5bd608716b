"""Errors of a projection: which pass by themselves, and what of one may be shown."""

from __future__ import annotations

import psycopg

from registry.ledger.database import is_lost


def is_transient(error: BaseException) -> bool:
    """Whether the same batch may succeed when it is tried again: after a lost connection, or a
    conflict with another transaction (SQLSTATE class 40). Any other error stops a projection."""
    in_the_way = isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith("40")
    return is_lost(error) or in_the_way


def summary(error: Exception) -> str:
    """The message of an error without its detail and context, which can hold values of a row."""
    message = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return message or str(error)
