"""The audit bundle: what an auditor needs to check the register's history without the register.

A zip that is the same to the byte whenever it is made of the same tree. What is in it is read
from the database as it stands, and nothing is put right: a bundle of a forged register shows the
forgery. `ops/aeo-verify` reads it, and shares no line with this.
"""

from __future__ import annotations

import os
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec
import psycopg

from api.archive import Archive, canonical, described
from api.readings import expected_state
from projections.reads.log import HEAD
from registry import proofs
from registry.administrations import Administration
from registry.agreements import Agreement
from registry.nouns import AGGREGATES
from registry.operators import Operator
from registry.stored import Form
from registry.values import AdministrationCode, Text, Tin

FORMAT = "aeo-audit-bundle/1"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ITEMS = 5_000  # rows at a time from the database

Progress = Callable[[int, int], None]
Connection = psycopg.Connection[Any]


class NothingToExport(LookupError):
    """There is no such thing in the register, or no signed tree that has it yet."""


@dataclass(frozen=True)
class Scope:
    """What is exported: `all`, or one `administration`, `operator` or `agreement`.

    With it come the streams of the administrations whose signatures its decisions may need.
    An administration is its own stream, its programmes, its operators, and the agreements that it
    was a party of from the start.
    """

    kind: str = "all"
    id: str | None = None


@dataclass(frozen=True)
class Exported:
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
    """Write the bundle as of the last checkpoint. In one transaction, in constant memory.

    `connection`: in a transaction that sees one moment, of a role that reads ledger, proof and
    views. `policy`: C2SP tlog-policy. `since`: the size of the checkpoint that it shows itself to
    go on from; else the one before the last. Raises NothingToExport; psycopg.Error.
    """
    connection.execute("set local timezone to 'UTC'")
    note, size, position = _head(connection)
    _caught_up(connection, position)
    before = _before(connection, size, since)
    streams = None if scope.kind == "all" else _streams(connection, scope)
    indexes = None if streams is None else _indexes(connection, streams, size)
    if indexes == []:
        raise NothingToExport(f"no {scope.kind} {scope.id} in the signed tree of {size:,} leaves")
    node = _nodes(connection)
    small = {"checkpoint": note, "policy.txt": policy, "keys.txt": _keys(policy), "proof": ""}
    if before is not None:
        small["checkpoint.previous"] = before[0]
        small["consistency"] = _lines(proofs.consistency_path(node, before[1], size))
    if indexes is not None:
        small["proof"] = _lines(_beside(node, indexes, 0, size))
    small |= {f"schema/{topic}.json": text for topic, text in _schemas()}

    large = {
        "decisions.jsonl": _decisions(connection, streams, position),
        "events.jsonl": _told(
            _events(connection, streams, position),
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
        # The names are in order, and the manifest among them has the digests of all: what comes
        # behind it is small, and known before.
        first = [name for name in sorted(contents) if name < "manifest.json"]
        lines = {name: bundle.add(name, contents[name]) for name in first}
        count = lines["events.jsonl"]
        behind = sorted(small.keys() - lines)
        manifest = {
            "format": FORMAT, "scope": {"kind": scope.kind, "id": scope.id}, "size": size,
            "position": position, "events": count,
            "files": bundle.files | {name: described(small[name].encode()) for name in behind},
        }  # fmt: skip
        bundle.add("manifest.json", [canonical(manifest).encode()])
        for name in behind:
            bundle.add(name, contents[name])
    os.replace(part, out)
    return Exported(count, size, position)


def _told(lines: Iterator[bytes], total: int, progress: Progress | None) -> Iterator[bytes]:
    """The same lines, told to whoever waits for them."""
    count = 0
    for count, line in enumerate(lines, start=1):
        if progress and count % 1_000 == 0:
            progress(count, max(total, count))
        yield line
    if progress:
        progress(count, count)


# ------------------------------------------------------------------------ what the log says


def _head(connection: Connection) -> tuple[str, int, int]:
    row = connection.execute(HEAD + " order by c.size desc limit 1").fetchone()
    if row is None:
        raise NothingToExport("no checkpoint was ever signed: ./aeo up signs one every second")
    size, _, note = row
    last = connection.execute("select position from proof.leaf where leaf_index = %s", [size - 1])
    found = last.fetchone()
    return note, size, found[0] if found else size


def _caught_up(connection: Connection, position: int) -> None:
    """Read models that lag behind the signed tree would look like a forgery."""
    row = connection.execute("select min(position) from views.tracking").fetchone()
    reached = row[0] if row and row[0] is not None else 0
    if reached < position:
        raise NothingToExport(
            f"the read models have come to position {reached:,}, and the signed tree to "
            f"{position:,}: wait for ./aeo follow, or start it"
        )


def _before(connection: Connection, size: int, since: int | None) -> tuple[str, int] | None:
    """An earlier checkpoint, from which the last goes on."""
    if since is not None:
        row = connection.execute(HEAD + " where c.size = %s", [since]).fetchone()
        if row is None or since > size:
            raise NothingToExport(f"no checkpoint of {since:,} leaves was ever signed")
    else:
        row = connection.execute(
            HEAD + " where c.size < %s order by c.size desc limit 1", [size]
        ).fetchone()
    return None if row is None else (row[2], row[0])


def _nodes(connection: Connection) -> proofs.Node:
    @lru_cache(maxsize=1_024)
    def tile(level: int, index: int) -> bytes:
        row = connection.execute(
            "select hashes from proof.tile where level = %s and index = %s", [level, index]
        ).fetchone()
        return b"" if row is None else bytes(row[0])

    return proofs.from_tiles(tile)


def _beside(node: proofs.Node, indexes: list[int], begin: int, end: int) -> Iterator[bytes]:
    """The hashes of the greatest complete subtrees that have none of these leaves, from the left:
    with the leaves they make the root."""
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
    yield from _beside(node, indexes, begin, middle)
    yield from _beside(node, indexes, middle, end)


def _leaves(connection: Connection, indexes: list[int] | None, size: int) -> Iterator[bytes]:
    """The hashes of the lowest row of tiles, of the whole tree or of these leaves."""
    tiles = None if indexes is None else sorted({index // proofs.WIDTH for index in indexes})
    with connection.cursor(name="audit_tiles") as cursor:
        cursor.itersize = 100
        cursor.execute(
            "select index, hashes from proof.tile where level = 0 and index * 256 < %s"
            + ("" if tiles is None else " and index = any(%s)") + " order by index",
            [size] if tiles is None else [size, tiles],
        )  # fmt: skip
        for tile, hashes in cursor:
            first = tile * proofs.WIDTH
            if indexes is None:
                yield bytes(hashes)[: (size - first) * proofs.HASH]
                continue
            own = indexes[bisect_left(indexes, first) : bisect_left(indexes, first + proofs.WIDTH)]
            for at in ((index - first) * proofs.HASH for index in own):
                yield bytes(hashes)[at : at + proofs.HASH]


# --------------------------------------------------------------------- what the ledger says

_IN_SCOPE = {
    "operator": "originator_id = %(stream)s",
    "agreement": "originator_id = %(stream)s",
    # Read from the ledger and not from the read models, which are what is to be checked.
    "administration": """originator_version = 1 and (
        topic in ('operator.registered', 'administration.registered', 'programme.registered')
        and state::jsonb ->> 'administration' = %(id)s
        or topic = 'agreement.proposed' and state::jsonb -> 'parties'
            @> jsonb_build_array(jsonb_build_object('administration', %(id)s::text)))""",
}

_EVENTS = """
select l.leaf_index, e.position, e.originator_id::text, e.originator_version, e.topic, e.state,
    e.recorded_at, e.known_at, e.command_id::text, e.actor, e.decided_by, e.legal_ground, s.salt
from ledger.event e
left join proof.leaf l using (position)
left join proof.salt s using (leaf_index)
where e.position <= %(position)s
    and (%(streams)s::uuid[] is null or e.originator_id = any(%(streams)s))
    and (e.topic like 'administration.%%') = %(administrations)s
order by e.originator_id, e.originator_version, e.position
"""

_SIGNED = """
select coalesce(e.originator_id::text, '~'), coalesce(e.originator_version, 0),
    coalesce(e.topic, '~'), s.command_id::text, s.administration, s.key, s.text, s.signature
from ledger.signature s
join ledger.command k using (command_id)
left join ledger.event e on e.position = k.first_position  -- whose event is gone stands at the end
where k.first_position <= %(position)s
    and (%(streams)s::uuid[] is null or e.originator_id = any(%(streams)s))
order by e.topic not like 'administration.%%', e.originator_id, e.originator_version, e.position
"""

#: Whose keys may have signed what these streams hold: home customs, parties, and who did sign.
_CONCERNED = """
select state::jsonb ->> 'administration' from ledger.event
    where originator_id = any(%(streams)s::uuid[]) and topic like '%%.registered'
union select it ->> 'administration' from ledger.event,
    jsonb_array_elements(state::jsonb -> 'parties') as it
    where originator_id = any(%(streams)s::uuid[]) and topic = 'agreement.proposed'
union select state::jsonb -> 'party' ->> 'administration' from ledger.event
    where originator_id = any(%(streams)s::uuid[]) and topic = 'agreement.acceded'
union select s.administration from ledger.signature s join ledger.command k using (command_id)
    join ledger.event e on e.position = k.first_position
    where e.originator_id = any(%(streams)s::uuid[])
"""


def _streams(connection: Connection, scope: Scope) -> list[str]:
    assert scope.id is not None
    stream = None
    if scope.kind == "operator":
        stream = Operator.create_id(Tin(scope.id))
    elif scope.kind == "agreement":
        stream = Agreement.create_id(scope.id)
    rows = connection.execute(
        "select distinct originator_id::text from ledger.event where " + _IN_SCOPE[scope.kind],
        {"stream": stream, "id": scope.id},
    )
    found = {it for (it,) in rows}
    concerned = connection.execute(_CONCERNED, {"streams": list(found)})
    codes = [AdministrationCode(code) for (code,) in concerned if code]
    return sorted(found | {str(Administration.create_id(code)) for code in codes})


def _indexes(connection: Connection, streams: list[str], size: int) -> list[int]:
    rows = connection.execute(
        "select l.leaf_index from ledger.event e join proof.leaf l using (position)"
        " where e.originator_id = any(%s::uuid[]) and l.leaf_index < %s order by l.leaf_index",
        [streams, size],
    )
    return [it for (it,) in rows]


def _events(connection: Connection, streams: list[str] | None, position: int) -> Iterator[bytes]:
    """By streams, each from its first version on: so a history can be read with nothing kept.

    The administrations come first, because their keys judge the rest.
    """
    asked = {"position": position, "streams": streams}
    for administrations in (True, False):
        yield from _lines_of(connection, asked | {"administrations": administrations})


def _lines_of(connection: Connection, asked: dict[str, Any]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    with connection.cursor(name="audit_events") as cursor:
        cursor.itersize = ITEMS
        cursor.execute(_EVENTS, asked)
        for row in cursor:
            line = dict(zip(_COLUMNS, row, strict=True))
            line["recorded"] = (line["recorded"] - EPOCH) // MICROSECOND
            line["known"] = (line["known"] - EPOCH) // MICROSECOND
            salt = line["salt"]
            line["salt"] = None if salt is None else b64encode(salt).decode()
            line["says"] = sentence(line)
            yield encode(line) + b"\n"


def _decisions(
    connection: Connection, streams: list[str] | None, position: int
) -> Iterator[bytes]:
    """What the administrations signed, in the order of the events."""
    encode = msgspec.json.Encoder().encode
    with connection.cursor(name="audit_decisions") as cursor:
        cursor.itersize = ITEMS
        cursor.execute(_SIGNED, {"position": position, "streams": streams})
        for *said, signature in cursor:
            line = dict(zip(_OF_DECISIONS, said, strict=True))
            yield encode(line | {"signature": b64encode(signature).decode()}) + b"\n"


_OF_DECISIONS = ("stream", "version", "topic", "command", "administration", "key", "text")
_COLUMNS = (
    "index", "position", "stream", "version", "topic", "state", "recorded", "known", "command",
    "actor", "decided_by", "legal_ground", "salt",
)  # fmt: skip


def sentence(it: dict[str, Any]) -> str:
    """The event in words. The verifier writes it anew from the columns, and compares.

    It only takes the quotes away, because it is done a million times and need not be taken back.
    """
    told = it["state"][1:-1].replace('":', " ").replace(',"', "; ").replace('"', "")
    what = it["topic"].replace(".", " ").replace("_", " ")
    known = "" if it["known"] == it["recorded"] else f" (known {_instant(it['known'])})"
    return f"{_instant(it['recorded'])}{known} {it['actor']}: {what}: {told}"


@lru_cache(maxsize=16_384)
def _instant(microseconds: int) -> str:
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


# ------------------------------------------------------------------------------ the archive


def _schemas() -> Iterator[tuple[str, str]]:
    """The form of every event, by its stored name: JSON Schema."""
    for aggregate in AGGREGATES:
        for event in vars(aggregate).values():
            if isinstance(event, type) and "TOPIC" in vars(event):
                form = Form(event, aggregate)
                schema = msgspec.json.schema(form.shape, schema_hook=_word)
                yield form.topic, canonical(schema) + "\n"


def _word(kind: type) -> dict[str, str]:
    assert issubclass(kind, Text)
    return {"type": "string", "pattern": f"^{kind.FORM.pattern}$", "description": kind.WANTED}


def _keys(policy: str) -> str:
    """Every key that the policy names, one a line after what it is for."""
    found = []
    for words in map(str.split, policy.splitlines()):
        if words[:1] == ["log"] or words[:1] == ["witness"]:
            found.append(f"{words[0]} {words[1 if words[0] == 'log' else 2]}\n")
    return "".join(found)


def _lines(hashes: Iterable[bytes]) -> str:
    return "".join(f"{b64encode(it).decode()}\n" for it in hashes)
