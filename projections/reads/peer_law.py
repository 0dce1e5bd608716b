"""The law of followed registers beside the law that is recorded here: where the two differ.

Compared is what counts: of each thing that was recorded several times, such as a rule with effect
from one day, the last record. Titles, texts, citations and remarks change no answer and are left
out. Of an administration its name, its time zone and its memberships are compared, because an
answer names it; of one that is not the peer's own, only where both registers have it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import AsyncConnection, Connection

from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.programmes import Programme
from registry.domain.values import AdministrationCode

#: What the law of a register is, by level: 1 is its programmes and agreements; 2 is also its
#: administrations, and the blocs of which they are members. A peer says up to which level it
#: understands the law, and the answer says of which level it is, so that registers of different
#: releases go on following each other (decision 0336).
LAW_LEVEL = 2
#: Events and fields without effect on an answer.
_WITHOUT_EFFECT = ("agreement.amended", "agreement.noted")
_CITED = ("source", "note", "legal_ground", "decided", "decided_by", "assumed", "confidence")
_NAMED = ("details", "titles", "names", "title", "legal_basis", "name")
_TEXTS = frozenset([*_CITED, *_NAMED])
#: What counts of a programme that is registered; the rest are texts.
_REGISTERED = ("programme", "administration", "time_zone", "types", "effective")
_MEMBERSHIPS = ("administration.member_joined", "administration.member_left")
#: SQL: the events of an administration that are law. Its lists, keys, cadence, rule of second
#: persons, and proposals are each register's own.
ADMINISTRATION_TOPICS = ("administration.registered", *_MEMBERSHIPS)
ADMINISTRATION_EVENTS = "('" + "', '".join(ADMINISTRATION_TOPICS) + "')"
#: What a record is about, where a later one of the same replaces it. Of other events each is its
#: own.
_ABOUT: dict[str, tuple[str, ...]] = {
    "programme.registered": (),
    "programme.types_set": ("effective",),
    "programme.rule_set": ("rule", "effective"),
    "agreement.proposed": (),
    "agreement.dates_set": ("what", "side", "term", "conflicting"),
}
_PLACE = ("from", "to", "direction", "hs", "crossings")

PEERS = """
select p.name, p.administrations, p.history, p.law_position, p.law_level from peers.peer p
where p.administrations <> '{}' and (%(name)s::text is null or p.name = %(name)s) order by p.name"""
#: SQL: the law of a peer, as it sent it.
THERE = """
select l.originator_id, l.originator_version, l.topic, l.state, l.position, l.refused
from peers.law l where l.peer = %(name)s and l.history = %(history)s
order by l.originator_id, l.originator_version"""
#: SQL: the things that are the law of these administrations, up to a level (LAW_LEVEL).
CODES = """
select 'programme', code from views.programme where administration = any(%(homes)s)
union all
select distinct 'agreement', agreement from views.party where party = any(%(homes)s)
union all
select 'administration', code from views.administration
where code = any(%(homes)s) and %(level)s >= 2
union all
select distinct 'administration', bloc from views.membership
where member = any(%(homes)s) and bloc <> all(%(homes)s) and %(level)s >= 2"""
_HERE = f"""
select e.originator_id, e.originator_version, e.topic, e.state, null::bigint, null::text
from ledger.event e where e.originator_id = any(%(streams)s)
union all
select e.originator_id, e.originator_version, e.topic, e.state, null::bigint, null::text
from ledger.event e
where e.originator_id = any(%(administrations)s) and e.topic in {ADMINISTRATION_EVENTS}
order by 1, 2"""

LawRow = tuple[UUID, int, str, str, int | None, str | None]
ActKey = tuple[UUID, str, bytes]


@dataclass(frozen=True)
class LawAct:
    """The last record of one thing. `side`: the administration whose act it is; None: of all sides
    of an agreement together. `content`: JSON, without texts. `position`: in the peer's ledger;
    `refused`: why it could not be recorded here. Both only of what a peer sent."""

    kind: str
    code: str
    topic: str
    side: str | None
    content: str
    position: int | None = None
    refused: str | None = None


@dataclass(frozen=True)
class LawDifference:
    """What a peer and this register hold otherwise. One of `here` and `there` may be None."""

    peer: str
    here: LawAct | None
    there: LawAct | None

    @property
    def act(self) -> LawAct:
        """Whichever there is: what both are about."""
        found = self.there or self.here
        assert found is not None
        return found


class ComparedPeer(NamedTuple):
    """A peer whose law is compared. `compared`: False where it does not send it."""

    name: str
    compared: bool
    differences: list[LawDifference]


def law_stream(kind: str, code: str) -> UUID:
    """The stream of a programme, an agreement or an administration. Raises ValueError."""
    match kind:
        case "programme":
            return Programme.create_id(code)
        case "agreement":
            return Agreement.create_id(code)
    return Administration.create_id(AdministrationCode.parse(code))


def here_statement(
    there: Iterable[LawRow], codes: Iterable[tuple[str, str]] = ()
) -> tuple[str, dict[str, Any]]:
    """SQL, and its parameters: what is recorded here of the streams of `there`, which a peer sent,
    and of these kinds and codes."""
    streams = {row[0]: row[2].partition(".")[0] for row in there}
    streams |= {law_stream(kind, code): kind for kind, code in codes}
    own = [stream for stream, kind in streams.items() if kind == "administration"]
    others = [stream for stream, kind in streams.items() if kind != "administration"]
    return _HERE, {"streams": others, "administrations": own}


def last_acts(rows: Iterable[LawRow]) -> dict[ActKey, LawAct]:
    """The last record of each thing. `rows`: in the order of streams and versions."""
    found: dict[ActKey, LawAct] = {}
    code: dict[UUID, tuple[str, str, str | None]] = {}
    episodes = _Episodes()
    for stream, version, topic, text, position, refused in rows:
        state = orjson.loads(text)
        if version == 1:
            kind = topic.partition(".")[0]
            code[stream] = kind, state[kind], state.get("administration")
        if topic in _WITHOUT_EFFECT or stream not in code:
            continue
        kind, name, home = code[stream]
        for about, plain in _counting(stream, topic, state, episodes):
            side = home or _side(state)
            content = _json(plain)
            act = LawAct(kind, name, topic, side, content, position, refused)
            found[stream, topic, about] = act
    return found


class _Episodes:
    """The memberships of blocs: which joining and which leaving of a member belong together."""

    def __init__(self) -> None:
        self._last: dict[tuple[UUID, Any, Any], tuple[int, str]] = {}

    def number(self, stream: UUID, topic: str, state: Mapping[str, Any]) -> int:
        """How many times the member had joined before: who left may join again."""
        key = stream, state["member"], state["sense"]
        number, before = self._last.get(key, (0, topic))
        if before != topic and topic == Administration.MemberJoined.TOPIC:
            number += 1
        self._last[key] = number, topic
        return number


def _counting(
    stream: UUID, topic: str, state: Mapping[str, Any], episodes: _Episodes
) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """What of an event counts: each time what it is about, and the fields."""
    if topic == Administration.Registered.TOPIC:
        yield b"name", {"name": state["name"]}
        yield b"", {"time_zone": state["time_zone"], "bloc": state.get("bloc", False)}
        return
    plain = {
        field: value
        for field, value in state.items()
        if field not in _TEXTS
        and value not in (None, [], {}, False)
        and (field in _REGISTERED or topic != "programme.registered")
    }
    if topic in _MEMBERSHIPS:
        number = episodes.number(stream, topic, state)
        yield _json([state["member"], state["sense"], number]).encode(), plain
    else:
        yield _about(topic, plain), plain


def compared(
    peer: str,
    homes: Collection[str],
    here: Mapping[ActKey, LawAct],
    there: Mapping[ActKey, LawAct],
) -> list[LawDifference]:
    """What differs, by kind, code and position. `homes`: the administrations of the peer."""
    both = {key[0] for key in here} & {key[0] for key in there}
    found = [
        LawDifference(peer, here.get(key), there.get(key))
        for key in here.keys() | there.keys()
        if not (key in here and key in there and here[key].content == there[key].content)
    ]
    return sorted(
        (
            each
            for each in found
            if each.act.kind != "administration"
            or each.act.code in homes
            or law_stream(each.act.kind, each.act.code) in both
        ),
        key=lambda each: (each.act.kind, each.act.code, each.act.position or 0, each.act.content),
    )


async def law_differences(connection: AsyncConnection[Any]) -> list[ComparedPeer]:
    """Compares the law of all peers with what is recorded here."""
    peers = await (await connection.execute(PEERS, {"name": None})).fetchall()
    found = []
    for name, homes, history, position, level in peers:
        given = {"name": name, "history": history, "homes": homes, "level": level}
        there = await (await connection.execute(THERE, given)).fetchall()
        codes = await (await connection.execute(CODES, given)).fetchall()
        statement, streams = here_statement(there, codes)
        here = await (await connection.execute(statement.encode(), streams)).fetchall()
        found.append(_compared_peer(name, homes, position, here, there))
    return found


def law_differences_now(connection: Connection[Any], name: str | None = None) -> list[ComparedPeer]:
    """The same for the command line; `name`: of one peer."""
    found = []
    for peer, homes, history, position, level in connection.execute(
        PEERS, {"name": name}
    ).fetchall():
        given = {"name": peer, "history": history, "homes": homes, "level": level}
        there = connection.execute(THERE, given).fetchall()
        statement, streams = here_statement(there, connection.execute(CODES, given).fetchall())
        here = connection.execute(statement.encode(), streams).fetchall()
        found.append(_compared_peer(peer, homes, position, here, there))
    return found


def _compared_peer(
    name: str,
    homes: Collection[str],
    position: int | None,
    here: Iterable[LawRow],
    there: Iterable[LawRow],
) -> ComparedPeer:
    differences = compared(name, homes, last_acts(here), last_acts(there)) if position else []
    return ComparedPeer(name, position is not None, differences)


def _side(state: Mapping[str, Any]) -> str | None:
    side = state.get("side") or state.get("member") or (state.get("clause") or {}).get("to")
    return str(side) if side else None


def _about(topic: str, plain: Mapping[str, Any]) -> bytes:
    if topic == "agreement.scope_set":
        clause = plain["clause"]
        return _json([plain["dates"]["earliest"], *(clause.get(name) for name in _PLACE)]).encode()
    fields = _ABOUT.get(topic)
    return _json(plain if fields is None else [plain.get(name) for name in fields]).encode()


def _json(plain: Any) -> str:
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()
