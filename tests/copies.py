"""Databases that are copied: what many tests begin with is recorded once in each process of the
tests, and a copy costs a twentieth of a second.

A database that is copied has nobody connected to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
from psycopg.conninfo import make_conninfo

_numbers = count(1)
#: The databases that are there to be copied, by their server and name.
_made: set[tuple[str, str]] = set()


def recorded_once(server: str, blank: str, name: str, make: Callable[[str], object]) -> str:
    """The name of a database to be copied, which `make` has filled, given its conninfo. `blank`:
    the migrated database that it begins as."""
    if (server, name) not in _made:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank} STRATEGY file_copy")
        make(make_conninfo(server, dbname=name))
        _made.add((server, name))
    return name


@contextmanager
def copied(server: str, template: str, kind: str) -> Iterator[str]:
    """The conninfo, as its owner, of a copy, which is dropped at the end. `kind`: how its name
    begins."""
    name = f"{kind}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        # Copying files beats replaying them through the log, which is what a plain copy does.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
