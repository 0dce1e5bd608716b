"""The audit bundle: everything that an auditor needs to verify the register's history offline.

A zip file that is identical byte for byte whenever it is made from the same tree. Its content is
read from the database unchanged: a bundle of a forged register shows the forgery. `ops/aeo-verify`
reads it, and shares no code with this module.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec
import psycopg

from api.audit.events import decisions_of, events_of, indexes_of, streams_of
from api.audit.expected_state import expected_state
from api.audit.zip import Archive, canonical, described
from projections.engine.derivation import VERSION
from projections.reads.log import HEAD, Head
from registry.domain.aggregates import AGGREGATES
from registry.domain.time_zones import RELEASE, names, written
from registry.domain.values import Text
from registry.ledger.mapper import EventCodec
from registry.transparency import merkle

FORMAT = "aeo-audit-bundle/1"

Progress = Callable[[int, int], None]
Connection = psycopg.Connection[Any]


class NothingToExport(LookupError):
    """The object is not in the register, or not in a signed tree yet."""


@dataclass(frozen=True)
class Scope:
    """What is exported: `all`, or one `administration`, `operator` or `agreement`.

    The streams of the administrations that may have signed its decisions are included. An
    administration consists of its own stream, its programmes, its operators, and the agreements of
    which it was a party from the start.
    """

    kind: str = "all"
    id: str | None = None


@dataclass(frozen=True)
class Exported:
    """The result of an export."""

    events: int
    size: int  # leaves of the signed tree
    position: int  # of the last event in it


def export(
    connection: Connection,
    scope: Scope,
    out: Path,
    policy: str,
    *,
    since: int | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Writes the bundle as of the last checkpoint, in one transaction and in constant memory.

    `connection`: in a transaction with snapshot isolation, of a role that reads the schemas ledger,
    proof and views. `policy`: a C2SP tlog-policy. `since`: the size of the earlier checkpoint that
    the consistency proof starts from; by default the one before the last. Raises NothingToExport;
    psycopg.Error.
    """
    connection.execute("set local timezone to 'UTC'")
    note, size, position = _last_checkpoint(connection)
    _require_projected(connection, position)
    before = _previous_checkpoint(connection, size, since)
    streams = None if scope.id is None else streams_of(connection, scope.kind, scope.id)
    indexes = None if streams is None else indexes_of(connection, streams, size)
    if indexes == []:
        raise NothingToExport(f"no {scope.kind} {scope.id} in the signed tree of {size:,} leaves")
    node = _nodes(connection)
    small = {"checkpoint": note, "policy.txt": policy, "keys.txt": _keys(policy), "proof": ""}
    if before is not None:
        small["checkpoint.previous"] = before[0]
        small["consistency"] = _lines(merkle.consistency_path(node, before[1], size))
    if indexes is not None:
        small["proof"] = _lines(_inclusion_proof(node, indexes, 0, size))
    small |= _schemas()

    zones: set[str] = set()
    large = {
        "decisions.jsonl": decisions_of(connection, streams, position),
        "events.jsonl": _with_progress(
            _zoned(events_of(connection, streams, position), zones),
            size if indexes is None else len(indexes),
            progress,
        ),
        "expected-state.jsonl": expected_state(connection, streams, position),
        "leaves": _leaves(connection, indexes, size),
    }
    contents = {name: [text.encode()] for name, text in small.items()} | large
    part = out.with_name(out.name + ".part")
    with ZipFile(part, "w") as into:
        bundle = Archive(into)
        # The names are sorted, and the manifest has the digests of all files. The files after it
        # in the order are small: texts, and the time zone files that the events name.
        first = [name for name in sorted(contents) if name < "manifest.json"]
        lines = {name: bundle.add(name, contents[name]) for name in first}
        count = lines["events.jsonl"]
        behind = {name: text.encode() for name, text in small.items() if name not in lines}
        behind |= {f"zones/{zone}": written(zone) for zone in zones & names()}
        manifest = {
            "format": FORMAT,
            "scope": {"kind": scope.kind, "id": scope.id},
            "size": size,
            "position": position,
            "events": count,
            "time_zones": RELEASE,
            "rules": VERSION,
            "files": bundle.files | {name: described(text) for name, text in behind.items()},
        }
        bundle.add("manifest.json", [canonical(manifest).encode()])
        for name in sorted(behind):
            bundle.add(name, [behind[name]])
    os.replace(part, out)
    return Exported(count, size, position)


def _with_progress(
    lines: Iterator[bytes], total: int, progress: Progress | None
) -> Iterator[bytes]:
    """Yields the same lines, and reports the progress."""
    count = 0
    for count, line in enumerate(lines, start=1):
        if progress and count % 1_000 == 0:
            progress(count, max(total, count))
        yield line
    if progress:
        progress(count, count)


#: A time zone in an event's state, which is a JSON text inside a JSON line.
_TIME_ZONE = re.compile(rb'\\"time_zone\\":\\"([^"\\]+)\\"')


def _zoned(lines: Iterator[bytes], zones: set[str]) -> Iterator[bytes]:
    """Yields the same lines; the time zones that they name are added to `zones`."""
    for line in lines:
        if b"time_zone" in line:
            zones.update(name.decode() for name in _TIME_ZONE.findall(line))
        yield line


# ------------------------------------------------------------------------ checkpoints and proofs


def _last_checkpoint(connection: Connection) -> tuple[str, int, int]:
    row = connection.execute(HEAD + " order by c.size desc limit 1").fetchone()
    if row is None:
        raise NothingToExport("no checkpoint was ever signed: ./aeo up signs one every second")
    head = Head(*row)
    last = connection.execute(
        "select position from proof.leaf where leaf_index = %s", [head.size - 1]
    )
    found = last.fetchone()
    return head.note, head.size, found[0] if found else head.size


def _require_projected(connection: Connection, position: int) -> None:
    """Raises NothingToExport where the read models lag behind the signed tree: that would look like
    a forgery."""
    row = connection.execute("select min(position) from views.tracking").fetchone()
    reached = row[0] if row and row[0] is not None else 0
    if reached < position:
        raise NothingToExport(
            f"the read models have come to position {reached:,}, and the signed tree to "
            f"{position:,}: wait for ./aeo follow, or start it"
        )


def _previous_checkpoint(
    connection: Connection, size: int, since: int | None
) -> tuple[str, int] | None:
    """Returns an earlier checkpoint, as note and size, from which the last one is proved
    consistent."""
    if since is not None:
        row = connection.execute(HEAD + " where c.size = %s", [since]).fetchone()
        if row is None or since > size:
            raise NothingToExport(f"no checkpoint of {since:,} leaves was ever signed")
    else:
        row = connection.execute(
            HEAD + " where c.size < %s order by c.size desc limit 1", [size]
        ).fetchone()
    if row is None:
        return None
    before = Head(*row)
    return before.note, before.size


def _nodes(connection: Connection) -> merkle.Node:
    @lru_cache(maxsize=1_024)
    def tile(level: int, index: int) -> bytes:
        row = connection.execute(
            "select hashes from proof.tile where level = %s and index = %s", [level, index]
        ).fetchone()
        return b"" if row is None else bytes(row[0])

    return merkle.from_tiles(tile)


def _inclusion_proof(
    node: merkle.Node, indexes: list[int], begin: int, end: int
) -> Iterator[bytes]:
    """Yields the inclusion proof of all these leaves: the hashes of the largest complete subtrees
    that contain none of them, from the left. With the leaves they give the root."""
    first = bisect_left(indexes, begin)
    count = end - begin
    if first == len(indexes) or indexes[first] >= end:
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            yield node(level, begin >> level)
            return
    elif count == 1:
        return
    middle = begin + (1 << (count - 1).bit_length() - 1)
    yield from _inclusion_proof(node, indexes, begin, middle)
    yield from _inclusion_proof(node, indexes, middle, end)


def _leaves(connection: Connection, indexes: list[int] | None, size: int) -> Iterator[bytes]:
    """Yields the leaf hashes of the whole tree, or of these leaves."""
    tiles = None if indexes is None else sorted({index // merkle.WIDTH for index in indexes})
    with connection.cursor(name="audit_tiles") as cursor:
        cursor.itersize = 100
        cursor.execute(
            "select index, hashes from proof.tile where level = 0 and index * 256 < %s"
            + ("" if tiles is None else " and index = any(%s)")
            + " order by index",
            [size] if tiles is None else [size, tiles],
        )
        for tile, hashes in cursor:
            first = tile * merkle.WIDTH
            if indexes is None:
                yield bytes(hashes)[: (size - first) * merkle.HASH]
                continue
            own = indexes[bisect_left(indexes, first) : bisect_left(indexes, first + merkle.WIDTH)]
            for at in ((index - first) * merkle.HASH for index in own):
                yield bytes(hashes)[at : at + merkle.HASH]


# ------------------------------------------------------------------------------ the archive


@cache
def _schemas() -> Mapping[str, str]:
    """Returns the files with the JSON Schema of every event, which are the same in every bundle:
    making them takes longer than the rest of a small one."""
    found = {}
    for aggregate in AGGREGATES:
        for event in vars(aggregate).values():
            if isinstance(event, type) and "TOPIC" in vars(event):
                form = EventCodec(event, aggregate)
                schema = msgspec.json.schema(form.shape, schema_hook=_pattern_schema)
                found[f"schema/{form.topic}.json"] = canonical(schema) + "\n"
    return found


def _pattern_schema(kind: type) -> dict[str, str]:
    assert issubclass(kind, Text)
    return {"type": "string", "pattern": f"^{kind.FORM.pattern}$", "description": kind.WANTED}


def _keys(policy: str) -> str:
    """Returns every key in the policy, one a line, after `log` or `witness`."""
    found = []
    for words in map(str.split, policy.splitlines()):
        if words[:1] == ["log"] or words[:1] == ["witness"]:
            found.append(f"{words[0]} {words[1 if words[0] == 'log' else 2]}\n")
    return "".join(found)


def _lines(hashes: Iterable[bytes]) -> str:
    return "".join(f"{b64encode(hash_).decode()}\n" for hash_ in hashes)
