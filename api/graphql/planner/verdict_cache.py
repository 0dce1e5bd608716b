"""Cache of recognition results (verdicts).

Operators with the same home, authorisation types, statuses and consents get the same results under
the same legal state, so one computed text serves all of them. The planned SQL statement returns a
placeholder that contains what an operator holds and the version of the legal state that the
statement saw. This module replaces the placeholder by the cached text, with the operator's own
numbers and dates put in. On a miss the text is computed by the rule in SQL. Nothing here depends on
the subject: the statement returns placeholders only for what the subject may see.
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

#: Most characters in cached texts; the oldest entries are evicted first (FIFO).
MOST_CHARACTERS = 8_000_000
#: Most aliases, that is, placeholders whose cache entry is known without decoding them.
MOST_ALIASES = 20_000
MOST_LEGAL_STATES = 4  # Legal states kept; running requests may still need the last one.
#: After this many verdicts of one answer other requests of the process run; 50 take a millisecond
#: or two.
YIELD_EVERY = 50
#: `kept`: a cache hit. `made`: a miss, computed by the database.
VERDICTS = Metric("aeo_verdicts", "Verdicts in answers, by where their text came from", ["found"])
_HITS, _MISSES = map(VERDICTS.labels, ("kept", "made"))
#: Separates the shared part of a placeholder from the operator's own part; JSON escapes it.
OWN = b"\x02"
#: Reasons shown to the home administration, as in registry.domain.recognition.in_full.
REASONS_IN_FULL = {"NO_INFORMATION": "NO_CONSENT"}


class _SharedPart(msgspec.Struct, array_like=True):
    """The part of a placeholder that is the same for all operators with the same results.

    `clocks`: the number of the BoundField that gave the as-of instants and the territory. `reach`:
    the territories that may be shown, or None for all, with all details of the operator.
    """

    clocks: int
    version: str
    reach: str | None
    held: HeldStatuses


class _OwnPart(msgspec.Struct, array_like=True):
    """The operator's own part of a placeholder: for each authorisation its number and its start."""

    numbers: list[str]
    since: list[str]
    #: The index of the question, in a batch of questions with their own instants and consignments.
    place: int | None = None


_decode_shared, _decode_own = (
    msgspec.json.Decoder(_SharedPart).decode,
    msgspec.json.Decoder(_OwnPart).decode,
)


@dataclass(frozen=True)
class _Template:
    """A cached text with gaps for the operator's own data.

    `parts`: the bytes around the gaps. `places`: for each gap the index of the authorisation, since
    when the clause has applied, and the key of the agreement.
    """

    parts: list[bytes]
    places: list[tuple[int, str, str]]

    @property
    def characters(self) -> int:
        return sum(map(len, self.parts))

    def of(self, own: _OwnPart, belief: str) -> bytes:
        """The text for one operator. `belief`: the part of a global id before the key
        (AsOf.belief)."""
        if not self.places:
            return self.parts[0]
        parts = list(self.parts)
        for n, (place, since, agreement) in enumerate(self.places):
            since_text = max(_instant(own.since[place]), since)
            parts[2 * n + 1] = (
                f'{belief}{agreement}"}},"authorisation":{_json_string(own.numbers[place])}'
                f',"since":"{since_text}"'
            ).encode()
        return b"".join(parts)


class _CacheKey(NamedTuple):
    """Identifies equal results.

    `law`: the version of the legal state and the numbers of its intervals of valid time and
    transaction time. `wanted`: the territory, or None for all. `consigned`: what is asked of a
    consignment, reduced to what matters. `order`: see VerdictQuestion.
    """

    law: tuple[str, int, int]
    wanted: str | None
    consigned: Consignment | None
    reach: str | None
    order: tuple[int, ...]
    held: HeldStatuses


@dataclass
class _CacheEntry:
    """A cached text. `as_of`: the instants of the first request for it. `text`: None until
    computed."""

    key: _CacheKey
    as_of: AsOf
    text: _Template | None = None


class VerdictCache:
    """The cache of one process. `views`: connections to read the legal state and to compute
    results."""

    def __init__(self, views: Pool) -> None:
        self._views = views
        self._legal_states: OrderedDict[str, LegalState] = OrderedDict()
        self._aliases: OrderedDict[tuple[Any, ...], _CacheEntry] = OrderedDict()
        self._entries: OrderedDict[_CacheKey, _CacheEntry] = OrderedDict()
        self._characters = 0
        self._missing: dict[_CacheKey, _CacheEntry] = {}
        self._asking = asyncio.Lock()

    async def texts(
        self, pieces: Sequence[bytes], bound: Sequence[Mapping[str, Any]]
    ) -> dict[int, bytes]:
        """The texts for those pieces that are placeholders of verdicts, by the index of the piece.

        Raises NotPlanned where the legal state changes meanwhile, and psycopg.Error.
        """
        marks = {n: data for n in range(1, len(pieces), 2) if (data := pieces[n])[:1] == b"["}
        if not marks:
            return {}
        # One statement sees one legal state.
        version = _decode_shared(next(iter(marks.values())).partition(OWN)[0]).version
        legal_state = self._legal_states.get(version) or await self._legal_state(version)
        classes: dict[tuple[bytes, int | None], _QuestionClass] = {}
        found: dict[int, tuple[_CacheEntry, _OwnPart, str]] = {}
        for count, (n, mark) in enumerate(marks.items(), start=1):
            if not count % YIELD_EVERY:
                await asyncio.sleep(0)
            head, _, rest = mark.partition(OWN)
            own = _decode_own(rest)
            number = head[1 : head.index(b",")]
            question_number = None if own.place is None else bound[int(number)]["alike"][own.place]
            asked = classes.get((number, question_number))
            if asked is None:
                asked = classes[number, question_number] = _QuestionClass(
                    legal_state, bound[int(number)], question_number
                )
            order = _basis_order(own)
            alias = (asked.law, asked.wanted, asked.consigned, order, head)
            entry = self._aliases.get(alias)
            # An evicted entry may exist again under another alias.
            if entry is None or entry.text is None:
                entry = self._entry_for(alias, legal_state, asked)
            found[n] = entry, own, asked.belief
        misses = sum(entry.text is None for entry, _, _ in found.values())
        counters.count(_MISSES, misses)
        counters.count(_HITS, len(found) - misses)
        # Repeated where an entry was evicted meanwhile.
        while missing := {entry.key: entry for entry, _, _ in found.values() if entry.text is None}:
            await self._fill(legal_state, missing)
        # The texts are collected before other requests run, so that an eviction does not lose them.
        templates = [
            (n, entry.text, own, belief) for n, (entry, own, belief) in found.items() if entry.text
        ]
        texts: dict[int, bytes] = {}
        for n, template, own, belief in templates:
            if not (len(texts) + 1) % YIELD_EVERY:
                await asyncio.sleep(0)
            texts[n] = template.of(own, belief)
        return texts

    def _entry_for(
        self, alias: tuple[Any, ...], legal_state: LegalState, asked: _QuestionClass
    ) -> _CacheEntry:
        _, _, _, order, shared_part = alias
        head = _decode_shared(shared_part)
        held, consigned = legal_state.reduced(head.held, asked.wanted, asked.consigned)
        key = _CacheKey(asked.law, asked.wanted, consigned, head.reach, order, held)
        entry = self._aliases[alias] = self._entries.setdefault(key, _CacheEntry(key, asked.as_of))
        if len(self._aliases) > MOST_ALIASES:
            self._aliases.popitem(last=False)
        return entry

    async def _legal_state(self, version: str) -> LegalState:
        async with self._asking:  # Concurrent requests wait for the same legal state.
            if version in self._legal_states:
                return self._legal_states[version]
            legal_state = await left_when_cancelled(self._read_legal_state())
        if legal_state.version != version:
            raise NotPlanned("law", "it has just changed")
        self._legal_states[version] = legal_state
        if len(self._legal_states) > MOST_LEGAL_STATES:
            self._legal_states.popitem(last=False)
        return legal_state

    async def _read_legal_state(self) -> LegalState:
        """Reads the legal state. A caller that is cancelled leaves it and frees the lock at
        once: psycopg gives up a silent connection only after ten seconds."""
        async with self._views.connection() as connection:
            return await reads.legal_state(connection)

    async def _read_verdicts(
        self, legal_state: LegalState, questions: list[VerdictQuestion]
    ) -> list[list[TerritoryVerdict]] | None:
        """Reads the verdicts; None where the legal state is another one by now. A caller that is
        cancelled leaves it, as with `_read_legal_state`."""
        async with self._views.connection() as connection:
            return await reads.verdicts(connection, legal_state, questions)

    async def _fill(self, legal_state: LegalState, missing: dict[_CacheKey, _CacheEntry]) -> None:
        self._missing |= missing
        async with self._asking:  # One task computes the entries of all that wait.
            if any(entry.text is None for entry in missing.values()):
                waiting, self._missing = {**self._missing, **missing}, {}
                await self._query(
                    legal_state,
                    [
                        entry
                        for entry in waiting.values()
                        if entry.text is None and entry.key.law[0] == legal_state.version
                    ],
                )

    async def _query(self, legal_state: LegalState, wanted: Collection[_CacheEntry]) -> None:
        while self._characters > MOST_CHARACTERS:
            _, first = self._entries.popitem(last=False)
            if first.text:
                self._characters -= first.text.characters
                first.text = None
        asked = [
            VerdictQuestion(
                entry.key.held,
                entry.key.order,
                entry.key.wanted,
                entry.as_of,
                entry.key.consigned,
            )
            for entry in wanted
        ]
        found = await left_when_cancelled(self._read_verdicts(legal_state, asked))
        if found is None:
            raise NotPlanned("law", "it has just changed")
        for entry, verdicts in zip(wanted, found, strict=True):
            before = self._entries.get(entry.key)
            if before and before.text:  # Evicted while it was computed, and computed again.
                self._characters -= before.text.characters
                before.text = None
            entry.text = _template(entry.key, verdicts)
            self._entries[entry.key] = entry
            self._characters += entry.text.characters


class _QuestionClass:
    """The as-of instants, territory and consignment of one BoundField, reduced by one legal state
    to what can make a difference. `question_number`: the index of the question in a batch."""

    def __init__(
        self, legal_state: LegalState, bound: Mapping[str, Any], question_number: int | None = None
    ) -> None:
        consignment: Consignment | None = None
        if question_number is None:
            self.as_of = AsOf(bound["at"], bound["known"])
            self.belief: str = bound["belief"]
        else:
            self.as_of, consignment = bound["asked"][question_number]
            self.belief = self.as_of.belief
        self.law = (legal_state.version, *legal_state.interval(self.as_of))
        self.wanted: str | None = bound.get("in")
        self.consigned = legal_state.consigned(consignment) if consignment else None


def _basis_order(own: _OwnPart) -> tuple[int, ...]:
    """The indices of the authorisations in the order in which bases are listed: by number, then by
    start."""
    if len(own.numbers) < 2:
        return (0,) * len(own.numbers)
    authorisations = list(zip(own.numbers, own.since, strict=True))
    return tuple(sorted(range(len(authorisations)), key=authorisations.__getitem__))


def _template(key: _CacheKey, verdicts: list[TerritoryVerdict]) -> _Template:
    """The results as a template: of one territory the content of its JSON object, of all a JSON
    list."""
    parts, places = [""], list[tuple[int, str, str]]()
    reach = None if key.reach is None else key.reach.split(",")
    shown = [verdict for verdict in verdicts if reach is None or verdict.territory in reach]
    one_territory = key.wanted is not None
    for n, verdict in enumerate(shown):
        parts[-1] += "" if one_territory else "," * (n > 0) + "{"
        codes = (
            REASONS_IN_FULL.get(code, code) if reach is None else code for code in verdict.reasons
        )
        reasons = ",".join(f'{{"code":"{code}"}}' for code in codes)
        parts[-1] += (
            f'"in":"{verdict.territory}","outcome":"{verdict.outcome}","legal":"{verdict.legal}",'
            f'"operational":"{verdict.operational}","reasons":[{reasons}],"bases":['
        )
        for m, (agreement, rank, since) in enumerate(verdict.bases):
            parts[-1] += "," * (m > 0) + '{"agreement":{"id":"Agreement'
            places.append((key.order[int(rank)], since, _json_string(agreement)[1:-1]))
            parts += ["", "}"]
        parts[-1] += "]" if one_territory else "]}"
    if not one_territory:
        parts[0] = "[" + parts[0]
        parts[-1] += "]"
    return _Template([part.encode() for part in parts], places)


@lru_cache(maxsize=4_096)
def _json_string(text: str) -> str:
    return msgspec.json.encode(text).decode()


@lru_cache(maxsize=16_384)
def _instant(at: str) -> str:
    """A PostgreSQL JSON timestamp in UTC, always with microseconds."""
    instant, _, zone = at.partition("+")
    assert zone == "00:00", at
    return f"{instant.ljust(26, '0') if '.' in instant else instant + '.000000'}Z"
