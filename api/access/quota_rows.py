"""The quotas that differ from those that the program comes with: rows of `access.quota`, read and
changed by whoever runs the register."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow, tuple_row

from api.access.policy import named
from api.access.quotas import DEFAULTS, Quota, QuotaRows, Quotas
from registry.ledger.connections import Session

#: Kind (group, subject, client) and name.
QuotaKey = tuple[str, str]


def key_of(whose: str) -> QuotaKey:
    """Reads whose quota is meant. Raises ValueError."""
    if whose in DEFAULTS:
        return "group", whose
    subject, slash, agent = whose.partition("/")
    if whose.startswith("token-client "):
        return "client", whose
    try:
        found = named(subject).id
    except ValueError as error:
        groups = ", ".join(DEFAULTS)
        raise ValueError(f"WHOSE: {error}; or a group: {groups}") from None
    if slash and not agent:
        raise ValueError(f"WHOSE: found {whose!r}, wanted the id of a client after the slash")
    return ("client", f"{found}/{agent}") if slash else ("subject", found)


def quotas_of(conninfo: str, key: QuotaKey | None) -> list[tuple[str, Quota, str]]:
    """Returns the quotas that are in force, each with its name and where it comes from: all, or the
    one of a key."""
    with _connected(conninfo) as connection:
        rows = _rows(connection)
    if key is not None:
        return [_in_force(rows, *key)]
    named_ones = sorted(key for key in rows if key[0] != "group")
    return [_in_force(rows, *key) for key in (*(("group", name) for name in DEFAULTS), *named_ones)]


def change(
    conninfo: str,
    key: QuotaKey,
    actor: str,
    requests: int | None,
    work: int | None,
    *,
    default: bool,
) -> None:
    """Sets a quota, or removes it (`default`). What is None stays as it is in force."""
    with _connected(conninfo) as connection:
        if default:
            connection.execute("delete from access.quota where (kind, name) = (%s, %s)", key)
            return
        _, now, _ = _in_force(_rows(connection), *key)
        connection.execute(
            "insert into access.quota (kind, name, requests, work, changed_by)"
            " values (%s, %s, %s, %s, %s) on conflict (kind, name) do update"
            " set requests = excluded.requests, work = excluded.work,"
            " changed_by = excluded.changed_by, changed_at = clock_timestamp()",
            [*key, requests or now.requests, work or now.work, actor],
        )


def _in_force(rows: QuotaRows, kind: str, name: str) -> tuple[str, Quota, str]:
    quotas = Quotas()
    quotas.adopt(rows)
    group = name if kind == "group" else name.split(":", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    found = quotas.quota(group, name)
    if (kind, name) in rows:
        return name, found, "set"
    subject = name.partition("/")[0]
    if kind == "client" and ("subject", subject) in rows:
        return name, found, f"of {subject}"
    if kind != "group" and ("group", group) in rows:
        return name, found, f"of {group}"
    return name, found, "default"


def _rows(connection: psycopg.Connection[TupleRow]) -> QuotaRows:
    found = connection.execute("select kind, name, requests, work from access.quota").fetchall()
    return {(kind, name): Quota(requests, work) for kind, name, requests, work in found}


@contextmanager
def _connected(conninfo: str) -> Iterator[psycopg.Connection[TupleRow]]:
    options = "-c role=aeo_writer -c timezone=UTC"
    with Session.connect(conninfo, options=options, row_factory=tuple_row) as connection:
        yield connection
