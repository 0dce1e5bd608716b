"""The law of followed registers beside the law that is recorded here: where the two differ.

Compared is what counts: of each thing that was recorded several times, such as a rule with effect
from one day, the last record. Titles, texts, citations and remarks change no answer and are left
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import AsyncConnection, Connection

from registry.domain.agreements.events import Agreement
from registry.domain.programmes import Programme

#: Events and fields without effect on an answer.
_WITHOUT_EFFECT = ("agreement.amended", "agreement.noted")
_CITED = ("source", "note", "legal_ground", "decided", "decided_by", "assumed", "confidence")
_NAMED = ("details", "titles", "names", "title", "legal_basis", "name")
_TEXTS = frozenset([*_CITED, *_NAMED])
#: What counts of a programme that is registered; the rest are texts.
_REGISTERED = ("programme", "administration", "time_zone", "types", "effective")
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
select p.name, p.administrations, p.history, p.law_position from peers.peer p
where p.administrations <> '{}' and (%(name)s::text is null or p.name = %(name)s) order by p.name"""
#: SQL: the law of a peer, as it sent it.
THERE = """
select l.originator_id, l.originator_version, l.topic, l.state, l.position, l.refused
from peers.law l where l.peer = %(name)s and l.history = %(history)s
order by l.originator_id, l.originator_version"""
#: SQL: the streams that concern the peer here.
CODES = """
select 'programme', code from views.programme where administration = any(%(homes)s)
union all
select distinct 'agreement', agreement from views.party where party = any(%(homes)s)"""
HERE = """
select e.originator_id, e.originator_version, e.topic, e.state, null::bigint, null::text
from ledger.event e where e.originator_id = any(%(streams)s)
order by e.originator_id, e.originator_version"""

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
    """The stream of a programme or an agreement."""
    return Programme.create_id(code) if kind == "programme" else Agreement.create_id(code)


def last_acts(rows: Iterable[LawRow]) -> dict[ActKey, LawAct]:
    """The last record of each thing. `rows`: in the order of streams and versions."""
    found: dict[ActKey, LawAct] = {}
    code: dict[UUID, tuple[str, str, str | None]] = {}
    for stream, version, topic, text, position, refused in rows:
        state = orjson.loads(text)
        if version == 1:
            kind = topic.partition(".")[0]
            code[stream] = kind, state[kind], state.get("administration")
        if topic in _WITHOUT_EFFECT or stream not in code:
            continue
        kind, name, home = code[stream]
        plain = {
            field: value
            for field, value in state.items()
            if field not in _TEXTS
            and value not in (None, [], {}, False)
            and (field in _REGISTERED or topic != "programme.registered")
        }
        act = LawAct(kind, name, topic, home or _side(state), _json(plain), position, refused)
        found[stream, topic, _about(topic, plain)] = act
    return found


def compared(
    peer: str, here: Mapping[ActKey, LawAct], there: Mapping[ActKey, LawAct]
) -> list[LawDifference]:
    """What differs, by kind, code and position."""
    found = [
        LawDifference(peer, here.get(key), there.get(key))
        for key in here.keys() | there.keys()
        if not (key in here and key in there and here[key].content == there[key].content)
    ]
    return sorted(
        found,
        key=lambda each: (each.act.kind, each.act.code, each.act.position or 0, each.act.content),
    )


async def law_differences(connection: AsyncConnection[Any]) -> list[ComparedPeer]:
    """Compares the law of all peers with what is recorded here."""
    peers = await (await connection.execute(PEERS, {"name": None})).fetchall()
    found = []
    for name, homes, history, position in peers:
        given = {"name": name, "history": history, "homes": homes}
        there = await (await connection.execute(THERE, given)).fetchall()
        codes = await (await connection.execute(CODES, given)).fetchall()
        here = await (await connection.execute(HERE, _streams(there, codes))).fetchall()
        differences = compared(name, last_acts(here), last_acts(there)) if position else []
        found.append(ComparedPeer(name, position is not None, differences))
    return found


def law_differences_now(connection: Connection[Any], name: str | None = None) -> list[ComparedPeer]:
    """The same for the command line; `name`: of one peer."""
    found = []
    for peer, homes, history, position in connection.execute(PEERS, {"name": name}).fetchall():
        given = {"name": peer, "history": history, "homes": homes}
        there = connection.execute(THERE, given).fetchall()
        codes = connection.execute(CODES, given).fetchall()
        here = connection.execute(HERE, _streams(there, codes)).fetchall()
        differences = compared(peer, last_acts(here), last_acts(there)) if position else []
        found.append(ComparedPeer(peer, position is not None, differences))
    return found


def _streams(there: Iterable[tuple[Any, ...]], codes: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    sent = {row[0] for row in there}
    return {"streams": list(sent | {law_stream(kind, code) for kind, code in codes})}


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
