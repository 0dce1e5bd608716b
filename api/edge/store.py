"""The data of an edge in one SQLite file: the records of a golden copy, its law, its instants, the
pinned keys, and the looks that are still to be handed back.

Every change is one transaction: a reader sees the copy before it or after it, and a change that
fails leaves what was there.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from api.golden_copy.looks import Look
from api.golden_copy.manifest import CopyMoment
from projections.history.golden_copy import CopiedLaw, CopyRecord, read_law, read_record

_TABLES = """
create table if not exists state (name text primary key, value blob not null) without rowid;
create table if not exists operator (tin text primary key, record blob not null) without rowid;
create table if not exists look (id blob primary key, body blob not null) without rowid;
"""
BATCH = 5_000
_TAIL = b',"recognition":'  # the course, which an edge works out by the rule


class EdgeState(msgspec.Struct, frozen=True):
    """What the edge has: whose copy, and of which instants.

    `moment.at`: up to then the register has confirmed the data; the age of the data is counted from
    it. `manifest`: the SHA-256 of the manifest of the copy that it is exactly, else None. `size`:
    of the last signed tree of the log that it has seen.
    """

    partner: str
    moment: CopyMoment
    manifest: str | None
    size: int


class NotFilled(LookupError):
    """The edge has no copy yet."""


class EdgeStore:
    """The SQLite file of an edge. May be used by several threads: each has its connection."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._threads = threading.local()
        self._law: tuple[str, CopiedLaw] | None = None
        with closing(self._opened()) as connection:
            connection.executescript(_TABLES)

    # --------------------------------------------------------------- reading

    def state(self) -> EdgeState:
        """What the edge has. Raises NotFilled."""
        found = self._value("state")
        if found is None:
            raise NotFilled("the edge has no golden copy yet")
        return msgspec.json.decode(found, type=EdgeState)

    def pinned(self) -> list[str]:
        """The pinned verifier keys."""
        found = self._value("keys")
        return [] if found is None else msgspec.json.decode(found, type=list[str])

    def records(self, tins: Iterable[str]) -> tuple[EdgeState, CopiedLaw, dict[str, CopyRecord]]:
        """The state, the law and the records of these operators, of one instant. Raises
        NotFilled."""
        connection = self._connection()
        connection.execute("begin")
        try:
            state = self.state()
            law = self._current_law()
            found: dict[str, CopyRecord] = {}
            for tin in tins:
                row = connection.execute(
                    "select record from operator where tin = ?", [tin]
                ).fetchone()
                if row is not None:
                    found[tin] = read_record(row[0])
        finally:
            connection.execute("commit")
        return state, law, found

    def count(self) -> int:
        """How many records the copy has."""
        [(found,)] = self._connection().execute("select count(*) from operator").fetchall()
        return int(found)

    # --------------------------------------------------------------- writing

    def pin(self, keys: Iterable[str]) -> None:
        """Pins the verifier keys that must sign, instead of those before."""
        with self._writing() as connection:
            _put(connection, "keys", msgspec.json.encode(list(keys)))

    def replace(self, state: EdgeState, law: bytes, lines: Iterable[bytes]) -> int:
        """Puts a whole copy in place of what is there. Returns how many records it has."""
        with self._writing() as connection:
            connection.execute("delete from operator")
            count = _insert(connection, lines)
            _put(connection, "law", law)
            _put(connection, "state", msgspec.json.encode(state))
        return count

    def apply(self, state: EdgeState, law: bytes | None, changes: Iterable[bytes]) -> int:
        """Applies the lines of a delta. `law`: None where it is the same. Returns how many."""
        with self._writing() as connection:
            count = _insert(connection, changes)
            if law is not None:
                _put(connection, "law", law)
            _put(connection, "state", msgspec.json.encode(state))
        return count

    # --------------------------------------------------------------- looks

    def keep(self, looks: Iterable[Look]) -> None:
        """Stores answers that were given."""
        with self._writing() as connection:
            connection.executemany(
                "insert or ignore into look (id, body) values (?, ?)",
                [(look.id.bytes, msgspec.json.encode(look)) for look in looks],
            )

    def looks(self, most: int) -> list[Look]:
        """Looks that are to be handed back."""
        rows = self._connection().execute("select body from look limit ?", [most]).fetchall()
        return [msgspec.json.decode(body, type=Look) for (body,) in rows]

    def waiting(self) -> int:
        """How many looks are to be handed back."""
        [(found,)] = self._connection().execute("select count(*) from look").fetchall()
        return int(found)

    def handed_back(self, looks: Iterable[Look]) -> None:
        """Forgets looks that the register has."""
        with self._writing() as connection:
            connection.executemany(
                "delete from look where id = ?", [(look.id.bytes,) for look in looks]
            )

    def checkpoint(self) -> None:
        """Copies what was written ahead into the file, beside the answers that are given."""
        self._connection().execute("pragma wal_checkpoint(passive)")

    # --------------------------------------------------------------- inside

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=60.0)
        connection.execute("pragma page_size = 16384")  # several records each
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        # Whoever answers would wait for the pages to be copied; the task that follows does it.
        connection.execute("pragma wal_autocheckpoint = 0")
        return connection

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if found is None:
            found = self._threads.connection = self._opened()
        return found

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        connection.execute("begin immediate")
        try:
            yield connection
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")

    def _value(self, name: str) -> bytes | None:
        row = self._connection().execute("select value from state where name = ?", [name])
        found = row.fetchone()
        return None if found is None else bytes(found[0])

    def _current_law(self) -> CopiedLaw:
        """The law; decoded once for each content."""
        body = self._value("law")
        if body is None:
            raise NotFilled("the edge has no golden copy yet")
        key = str(hash(body))
        if self._law is None or self._law[0] != key:
            self._law = key, read_law(body)
        return self._law[1]


class _Line(msgspec.Struct, frozen=True):
    tin: str
    removed: bool = False


_line = msgspec.json.Decoder(_Line)


def _insert(connection: sqlite3.Connection, lines: Iterable[bytes]) -> int:
    count, batch = 0, []
    for line in lines:
        count += 1
        key = _line.decode(line)
        if key.removed:
            connection.execute("delete from operator where tin = ?", [key.tin])
            continue
        cut = line.rfind(_TAIL)
        batch.append((key.tin, line[:cut] + b"}" if cut > 0 else line))
        if len(batch) == BATCH:
            _put_operators(connection, batch)
            batch = []
    _put_operators(connection, batch)
    return count


def _put_operators(connection: sqlite3.Connection, rows: list[tuple[str, bytes]]) -> None:
    connection.executemany("insert or replace into operator (tin, record) values (?, ?)", rows)


def _put(connection: sqlite3.Connection, name: str, value: Any) -> None:
    connection.execute("insert or replace into state (name, value) values (?, ?)", [name, value])


def age(state: EdgeState, now: datetime) -> float:
    """Seconds since the register confirmed the data; not negative."""
    return max(0.0, (now - state.moment.at).total_seconds())
