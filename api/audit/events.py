"""The events of an audit bundle: the streams in its scope, and their events as JSON lines.

They are read from the ledger only, not from the read models, because those are to be checked.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import psycopg

from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.operators.events import Operator
from registry.domain.values import AdministrationCode, Tin

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ITEMS = 5_000  # rows that the cursor fetches at a time

Connection = psycopg.Connection[Any]

_IN_SCOPE = {
    "operator": "originator_id = %(stream)s",
    "agreement": "originator_id = %(stream)s",
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

#: Administrations whose keys may have signed events of these streams: home customs, parties, and
#: those that did sign.
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


def streams_of(connection: Connection, kind: str, id: str) -> list[str]:
    """Returns the stream ids of an administration, operator or agreement, and of the
    administrations that may have signed in them."""
    stream = None
    if kind == "operator":
        stream = Operator.create_id(Tin(id))
    elif kind == "agreement":
        stream = Agreement.create_id(id)
    rows = connection.execute(
        "select distinct originator_id::text from ledger.event where " + _IN_SCOPE[kind],
        {"stream": stream, "id": id},
    )
    found = {row for (row,) in rows}
    concerned = connection.execute(_CONCERNED, {"streams": list(found)})
    codes = [AdministrationCode(code) for (code,) in concerned if code]
    return sorted(found | {str(Administration.create_id(code)) for code in codes})


def indexes_of(connection: Connection, streams: list[str], size: int) -> list[int]:
    """Returns the leaf indexes of all events of these streams, ascending, in a tree of that
    size."""
    rows = connection.execute(
        "select l.leaf_index from ledger.event e join proof.leaf l using (position)"
        " where e.originator_id = any(%s::uuid[]) and l.leaf_index < %s order by l.leaf_index",
        [streams, size],
    )
    return [row for (row,) in rows]


def events_of(connection: Connection, streams: list[str] | None, position: int) -> Iterator[bytes]:
    """Yields the events by stream, each from its first version on, so that a reader needs no index.

    The administrations come first, because their keys verify the signatures of the rest.
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


def decisions_of(
    connection: Connection, streams: list[str] | None, position: int
) -> Iterator[bytes]:
    """Yields the decisions that administrations signed, in the order of the events."""
    encode = msgspec.json.Encoder().encode
    with connection.cursor(name="audit_decisions") as cursor:
        cursor.itersize = ITEMS
        cursor.execute(_SIGNED, {"position": position, "streams": streams})
        for *columns, signature in cursor:
            line = dict(zip(_OF_DECISIONS, columns, strict=True))
            yield encode(line | {"signature": b64encode(signature).decode()}) + b"\n"


_OF_DECISIONS = ("stream", "version", "topic", "command", "administration", "key", "text")
_COLUMNS = (
    "index",
    "position",
    "stream",
    "version",
    "topic",
    "state",
    "recorded",
    "known",
    "command",
    "actor",
    "decided_by",
    "legal_ground",
    "salt",
)


def sentence(entry: dict[str, Any]) -> str:
    """Returns the event as a sentence. The verifier builds it from the columns and compares.

    It only removes JSON punctuation and quotes, because it runs a million times and need not be
    parsed.
    """
    state_text = entry["state"][1:-1].replace('":', " ").replace(',"', "; ").replace('"', "")
    what = entry["topic"].replace(".", " ").replace("_", " ")
    known = "" if entry["known"] == entry["recorded"] else f" (known {_instant(entry['known'])})"
    return f"{_instant(entry['recorded'])}{known} {entry['actor']}: {what}: {state_text}"


@lru_cache(maxsize=16_384)
def _instant(microseconds: int) -> str:
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
