"""Verdicts that are kept: those of one operator answer for all that hold alike, by the same law.

A statement leaves a mark where they belong, with what an operator holds and in which state the
law was at that very moment. The text is made once, by the rule in SQL; what is the operator's own
is put into its places. Nothing here knows who asks: a mark is left for those alone who may see.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from prometheus_client import Counter as Metric

from api.graphql.context import Pool
from api.graphql.deadlines import left_when_cancelled
from api.graphql.sql_fields import NotPlanned
from api.observability import counters
from projections.reads import verdicts as reads
from projections.reads.bitemporal_sql import AsOf
from projections.reads.verdicts import (
    Consignment,
    HeldStatuses,
    LegalState,
    TerritoryVerdict,
    VerdictQuestion,
)

LETTERS = 8_000_000  # of texts that are kept; those made first go first
WAYS = 20_000  # ways to hold that are known by their own words
LAWS = 4  # states of the law; questions that are under way may still be of the last
#: Verdicts of one answer that are worded at a stretch; then others have their turn. 50 take a
#: millisecond or two.
IN_TURN = 50
#: `kept`: its text lay ready; `made`: the database was asked for it.
VERDICTS = Metric("aeo_verdicts", "Verdicts in answers, by where their text came from", ["found"])
_KEPT, _MADE = map(VERDICTS.labels, ("kept", "made"))
#: Between what those who hold alike have in common and an operator's own; JSON escapes it.
OWN = b"\x02"
#: As registry.domain.recognition.in_full has it.
WANTING = {"NO_INFORMATION": "NO_CONSENT"}


class _Head(msgspec.Struct, array_like=True):
    """What a mark says of those who hold alike. `clocks`: of which Bound its instants are, and its
    territory. `reach`: the territories that are told; None: all, and all of the operator."""

    clocks: int
    law: str
    reach: str | None
    held: HeldStatuses


class _Own(msgspec.Struct, array_like=True):
    """Of each authorisation."""

    numbers: list[str]
    since: list[str]
    #: Of a batch of questions, each of its own instant and consignment: which one it is of.
    place: int | None = None


_head, _own = msgspec.json.Decoder(_Head).decode, msgspec.json.Decoder(_Own).decode


@dataclass(frozen=True)
class _Text:
    """The bytes between which an operator's own belong, and of each place which authorisation,
    since when the clause has held, and by which agreement."""

    parts: list[bytes]
    places: list[tuple[int, str, str]]

    @property
    def letters(self) -> int:
        return sum(map(len, self.parts))

    def of(self, own: _Own, belief: str) -> bytes:
        """`belief`: what an agreement's global id has before its key."""
        if not self.places:
            return self.parts[0]
        parts = list(self.parts)
        for n, (place, since, agreement) in enumerate(self.places):
            begun = max(_instant(own.since[place]), since)
            parts[2 * n + 1] = (
                f'{belief}{agreement}"}},"authorisation":{_quoted(own.numbers[place])}'
                f',"since":"{begun}"'
            ).encode()
        return b"".join(parts)


class _Kind(NamedTuple):
    """Those who are told the same. `law`: a state of it, and a stretch on each clock. `wanted`: the
    territory; None: all. `consigned`: what is asked of a consignment. `order`: see Asked."""

    law: tuple[str, int, int]
    wanted: str | None
    consigned: Consignment | None
    reach: str | None
    order: tuple[int, ...]
    held: HeldStatuses


@dataclass
class _Kept:
    """`as_of`: of whoever asked first. `text`: None while it is not made."""

    kind: _Kind
    as_of: AsOf
    text: _Text | None = None


class VerdictCache:
    """One a process. `views`: where laws and verdicts are asked for."""

    def __init__(self, views: Pool) -> None:
        self._views = views
        self._laws: OrderedDict[str, LegalState] = OrderedDict()
        self._ways: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()
        self._kinds: OrderedDict[_Kind, _Kept] = OrderedDict()
        self._letters = 0
        self._missing: dict[_Kind, _Kept] = {}
        self._asking = asyncio.Lock()

    async def told(
        self, pieces: Sequence[bytes], bound: Sequence[Mapping[str, Any]]
    ) -> dict[int, bytes]:
        """The texts for those pieces that are marks of verdicts.

        Raises Declined where the law changes meanwhile, and psycopg.Error.
        """
        marks = {n: data for n in range(1, len(pieces), 2) if (data := pieces[n])[:1] == b"["}
        if not marks:
            return {}
        # One statement sees one state of the law.
        version = _head(next(iter(marks.values())).partition(OWN)[0]).law
        law = self._laws.get(version) or await self._law(version)
        clocks: dict[tuple[bytes, int | None], _Clocks] = {}
        kept: dict[int, tuple[_Kept, _Own, str]] = {}
        for count, (n, mark) in enumerate(marks.items(), start=1):
            if not count % IN_TURN:
                await asyncio.sleep(0)
            head, _, rest = mark.partition(OWN)
            own = _own(rest)
            number = head[1 : head.index(b",")]
            alike = None if own.place is None else bound[int(number)]["alike"][own.place]
            asked = clocks.get((number, alike))
            if asked is None:
                asked = clocks[number, alike] = _Clocks(law, bound[int(number)], alike)
            order = _order(own)
            way = (asked.law, asked.wanted, asked.consigned, order, head)
            found = self._ways.get(way)
            if found is None or found.text is None:  # it may have gone, and be there by another way
                found = self._kept(way, law, asked)
            kept[n] = found, own, asked.belief
        made = sum(each_kept.text is None for each_kept, _, _ in kept.values())
        counters.count(_MADE, made)
        counters.count(_KEPT, len(kept) - made)
        # Again, where one that was there has gone meanwhile.
        while missing := {
            each_kept.kind: each_kept for each_kept, _, _ in kept.values() if each_kept.text is None
        }:
            await self._make(law, missing)
        # Taken all at once: what is forgotten while others have their turn is still told here.
        texts = [
            (n, each_kept.text, own, belief)
            for n, (each_kept, own, belief) in kept.items()
            if each_kept.text
        ]
        told: dict[int, bytes] = {}
        for n, text, own, belief in texts:
            if not (len(told) + 1) % IN_TURN:
                await asyncio.sleep(0)
            told[n] = text.of(own, belief)
        return told

    def _kept(self, way: tuple[Any, ...], law: LegalState, asked: _Clocks) -> _Kept:
        _, _, _, order, words = way
        head = _head(words)
        held, consigned = law.essence(head.held, asked.wanted, asked.consigned)
        kind = _Kind(asked.law, asked.wanted, consigned, head.reach, order, held)
        kept = self._ways[way] = self._kinds.setdefault(kind, _Kept(kind, asked.as_of))
        if len(self._ways) > WAYS:
            self._ways.popitem(last=False)
        return kept

    async def _law(self, version: str) -> LegalState:
        async with self._asking:  # who comes meanwhile wants the same
            if version in self._laws:
                return self._laws[version]
            law = await left_when_cancelled(self._read_law())
        if law.version != version:
            raise NotPlanned("law", "it has just changed")
        self._laws[version] = law
        if len(self._laws) > LAWS:
            self._laws.popitem(last=False)
        return law

    async def _read_law(self) -> LegalState:
        """Reads the legal state. A caller that is cancelled leaves it and frees the lock at
        once: psycopg gives up a silent connection only after ten seconds."""
        async with self._views.connection() as connection:
            return await reads.law(connection)

    async def _read_verdicts(
        self, law: LegalState, questions: list[VerdictQuestion]
    ) -> list[list[TerritoryVerdict]] | None:
        """Reads the verdicts; None where the legal state is another one by now. A caller that is
        cancelled leaves it, as with `_read_law`."""
        async with self._views.connection() as connection:
            return await reads.verdicts(connection, law, questions)

    async def _make(self, law: LegalState, missing: dict[_Kind, _Kept]) -> None:
        self._missing |= missing
        async with self._asking:  # whose turn it is makes those of all who wait
            if any(kept.text is None for kept in missing.values()):
                waiting, self._missing = {**self._missing, **missing}, {}
                await self._ask(
                    law,
                    [
                        kept
                        for kept in waiting.values()
                        if kept.text is None and kept.kind.law[0] == law.version
                    ],
                )

    async def _ask(self, law: LegalState, wanted: Collection[_Kept]) -> None:
        while self._letters > LETTERS:
            _, first = self._kinds.popitem(last=False)
            if first.text:
                self._letters -= first.text.letters
                first.text = None
        asked = [
            VerdictQuestion(
                each_kept.kind.held,
                each_kept.kind.order,
                each_kept.kind.wanted,
                each_kept.as_of,
                each_kept.kind.consigned,
            )
            for each_kept in wanted
        ]
        found = await left_when_cancelled(self._read_verdicts(law, asked))
        if found is None:
            raise NotPlanned("law", "it has just changed")
        for kept, verdicts in zip(wanted, found, strict=True):
            before = self._kinds.get(kept.kind)
            if before and before.text:  # it went while it was being asked for, and came again
                self._letters -= before.text.letters
                before.text = None
            kept.text = _text(kept.kind, verdicts)
            self._kinds[kept.kind] = kept
            self._letters += kept.text.letters


class _Clocks:
    """What one Bound says, by one law. `alike`: which of its instants and consignments."""

    def __init__(self, law: LegalState, bound: Mapping[str, Any], alike: int | None = None) -> None:
        consignment: Consignment | None = None
        if alike is None:
            self.as_of = AsOf(bound["at"], bound["known"])
            self.belief: str = bound["belief"]
        else:
            self.as_of, consignment = bound["asked"][alike]
            self.belief = self.as_of.belief
        self.law = (law.version, *law.stretch(self.as_of))
        self.wanted: str | None = bound.get("in")
        self.consigned = law.consigned(consignment) if consignment else None


def _order(own: _Own) -> tuple[int, ...]:
    """Their places, in the order in which bases are told: of their numbers, then of their days."""
    if len(own.numbers) < 2:
        return (0,) * len(own.numbers)
    told = list(zip(own.numbers, own.since, strict=True))
    return tuple(sorted(range(len(told)), key=told.__getitem__))


def _text(kind: _Kind, verdicts: list[TerritoryVerdict]) -> _Text:
    """Of one territory what stands between the braces, of all a list."""
    parts, places = [""], list[tuple[int, str, str]]()
    reach = None if kind.reach is None else kind.reach.split(",")
    shown = [verdict for verdict in verdicts if reach is None or verdict.territory in reach]
    alone = kind.wanted is not None
    for n, territory_verdict in enumerate(shown):
        parts[-1] += "" if alone else "," * (n > 0) + "{"
        told = (
            WANTING.get(each, each) if reach is None else each for each in territory_verdict.reasons
        )
        reasons = ",".join(f'{{"code":"{each}"}}' for each in told)
        parts[-1] += (
            f'"in":"{territory_verdict.territory}","outcome":"{territory_verdict.outcome}","legal":"{territory_verdict.legal}",'
            f'"operational":"{territory_verdict.operational}","reasons":[{reasons}],"bases":['
        )
        for m, (agreement, rank, since) in enumerate(territory_verdict.bases):
            parts[-1] += "," * (m > 0) + '{"agreement":{"id":"Agreement'
            places.append((kind.order[int(rank)], since, _quoted(agreement)[1:-1]))
            parts += ["", "}"]
        parts[-1] += "]" if alone else "]}"
    if not alone:
        parts[0] = "[" + parts[0]
        parts[-1] += "]"
    return _Text([part.encode() for part in parts], places)


@lru_cache(maxsize=4_096)
def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


@lru_cache(maxsize=16_384)
def _instant(at: str) -> str:
    """As JSON has it in PostgreSQL, in UTC, with its microseconds always told."""
    told, _, zone = at.partition("+")
    assert zone == "00:00", at
    return f"{told.ljust(26, '0') if '.' in told else told + '.000000'}Z"
