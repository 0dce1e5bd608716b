"""The golden copy of a partner: the record of one operator, as that partner may see it.

A golden copy shows what the register held at one position, as of one instant of valid time. A
record carries the facts of the rule of recognition and the whole course of its result over valid
time, so that a copy is right on later days too. All functions are pure; golden_copy_reads.py reads
the facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import msgspec

from projections.history.belief_history import LawBeliefs
from projections.reads.recognition import edges
from registry.domain.agreements.links import Link
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.consent import Consented, ConsentLaw, requiring
from registry.domain.disclosure import CERTIFIED, disclosed_flags
from registry.domain.operators.particulars import NAMES, OperatorParticulars
from registry.domain.operators.timeline import Identified, Period
from registry.domain.recognition import (
    Basis,
    Member,
    Question,
    RecognitionFacts,
    RecognitionResult,
    is_valid_at,
    recognise,
)
from registry.domain.values import (
    AdministrationCode,
    ReasonCode,
    Status,
    Tin,
    decode_value,
    encode_value,
)

_RANK = {status: rank for rank, status in enumerate(Status)}


class CopiedBasis(msgspec.Struct, frozen=True, gc=False):
    """A basis of recognition. `since`: an instant in UTC; None: without a beginning."""

    agreement: str
    ordinal: int
    authorisation: str
    since: datetime | None
    identifier_scheme: str | None
    identifier: str | None
    declaration_box: str | None
    benefits: tuple[str, ...]
    assumed: bool


class CopiedStretch(msgspec.Struct, frozen=True, gc=False):
    """The result in an interval [valid_from, valid_to) of valid time, in UTC. None: no limit."""

    valid_from: datetime | None
    valid_to: datetime | None
    outcome: str
    legal: str
    operational: str
    reasons: tuple[str, ...]
    bases: tuple[CopiedBasis, ...]


class WithheldStretch(msgspec.Struct, frozen=True, gc=False):
    """An interval of valid time, in UTC, in which nothing is disclosed for want of consent."""

    valid_from: datetime
    valid_to: datetime | None = None


class CopiedAuthorisation(msgspec.Struct, frozen=True, gc=False):
    """The authorisation with the best certified status at the copy's instant.

    `since`: from when the status has been the same, in UTC; None: without a beginning.
    `authorised_on` and `valid_until` are civil days of the home administration.
    """

    number: str
    programme: str
    type: str
    status: str
    since: datetime | None
    authorised_on: date | None
    valid_until: date | None


class CopiedOperator(OperatorParticulars, frozen=True, gc=False, kw_only=True):
    """An operator in a golden copy.

    Name, address and roles are those at the copy's instant of valid time; the standing is the best
    certified status of that instant, and `authorisation` has it. `periods`, `identifiers` and
    `consents` (to this partner) cover all of valid time, and `recognition` the results over all of
    it. `withheld`: where the result is NO_INFORMATION although the disclosed facts alone would give
    another.
    """

    tin: str
    administration: str
    source: str | None
    standing: str
    standing_abroad: str
    authorisation: CopiedAuthorisation | None
    periods: tuple[Period, ...]
    identifiers: tuple[Identified, ...]
    consents: tuple[Consented, ...]
    withheld: tuple[WithheldStretch, ...]
    recognition: tuple[CopiedStretch, ...] = ()


class WithdrawnOperator(msgspec.Struct, frozen=True, gc=False):
    """In place of an operator that a partner is shown no longer, because a consent was withdrawn:
    until when it was recognised in the partner's territory, in UTC, and nothing else."""

    withdrawn: datetime
    tin: str
    administration: str


#: How the line of a WithdrawnOperator begins, and no other.
WITHDRAWN = b'{"withdrawn":'
#: A record of a copy.
CopyRecord = CopiedOperator | WithdrawnOperator


class CopiedLaw(msgspec.Struct, frozen=True):
    """The law towards the partner's territory: agreements, blocs, consent laws, the last list of
    each home administration with its cadence, and the time zones in which civil days are given."""

    territory: str
    links: tuple[Link, ...]
    members: tuple[Member, ...]
    consent_laws: tuple[ConsentLaw, ...]
    lists: dict[str, datetime]
    zones: dict[str, str]
    cadences: dict[str, int] = {}  # in hours, by the home whose source declared it

    def towards(self, home: AdministrationCode) -> RecognitionFacts:
        """The facts of the law from one home territory, without an operator."""
        territory = AdministrationCode(self.territory)
        members = [m for m in self.members if m.member in (home, territory)]
        parties = {home, *(m.bloc for m in members)}
        return RecognitionFacts(
            None,
            home,
            links=[link for link in self.links if link.clause.from_ in parties],
            members=members,
            consent_laws=self.consent_laws,
            list_as_of=self.lists.get(home.text),
            list_cadence=self.cadences.get(home.text),
        )


_encode = msgspec.json.Encoder(enc_hook=encode_value).encode
_operator = msgspec.json.Decoder(CopiedOperator, dec_hook=decode_value)
_withdrawn = msgspec.json.Decoder(WithdrawnOperator)
_law = msgspec.json.Decoder(CopiedLaw, dec_hook=decode_value)


def encode(record: CopyRecord | CopiedLaw) -> bytes:
    """The canonical JSON of a record: equal records have equal bytes."""
    return _encode(record)


def read_operator(line: bytes) -> CopiedOperator:
    """Parses the record of an operator. Raises msgspec.ValidationError, msgspec.DecodeError."""
    return _operator.decode(line)


def read_record(line: bytes) -> CopyRecord:
    """Parses any record. Raises msgspec.ValidationError, msgspec.DecodeError."""
    return _withdrawn.decode(line) if line.startswith(WITHDRAWN) else _operator.decode(line)


def read_law(text: bytes) -> CopiedLaw:
    """Parses the law of a copy. Raises msgspec.ValidationError, msgspec.DecodeError."""
    return _law.decode(text)


@dataclass(frozen=True)
class CopyInstant:
    """What a copy shows: everything recorded up to `position`, as of `at` (valid time, UTC)."""

    position: int
    at: datetime


def copied(
    facts: RecognitionFacts,
    territory: AdministrationCode,
    named: OperatorParticulars,
    source: str | None,
    at: datetime,
    stretches: tuple[CopiedStretch, ...],
) -> CopiedOperator:
    """The record of an operator that the partner may see.

    `facts`: those believed at the copy's position about the operator and the law towards the
    partner. `named`: the particulars at the copy's instant. `at`: that instant of valid time, in
    UTC. `stretches`: the course of the result.
    """
    assert facts.tin is not None and facts.administration is not None
    disclosed = disclosed_periods(facts.periods)
    disclosed_facts = replace(facts, periods=disclosed)
    now = [p for p in disclosed if is_valid_at(p, at)]
    return CopiedOperator(
        **{name: getattr(named, name) for name in NAMES},
        tin=facts.tin.text,
        administration=facts.administration.text,
        source=source,
        standing=_best(p.status for p in now).value,
        standing_abroad=_best(p.abroad for p in now).value,
        authorisation=_best_authorisation(disclosed, now),
        periods=tuple(disclosed),
        identifiers=tuple(facts.identifiers),
        consents=tuple(facts.consents),
        withheld=withheld(facts, disclosed_facts, territory),
        recognition=stretches,
    )


def disclosed_periods(periods: Sequence[Period]) -> list[Period]:
    """The certified periods without grounds and home flags, joined where nothing disclosed changes;
    in the order of authorisation and valid time."""
    found: list[Period] = []
    for period in sorted(periods, key=lambda p: (p.authorisation, p.valid_from)):
        if period.status not in CERTIFIED or period.valid_from == period.valid_to:
            continue
        disclosed = period
        if period.flags or period.ground:
            flags = tuple(disclosed_flags(period.flags))
            disclosed = msgspec.structs.replace(period, flags=flags, ground=None)
        if found and found[-1].valid_to == disclosed.valid_from and _alike(found[-1], disclosed):
            found[-1] = msgspec.structs.replace(found[-1], valid_to=disclosed.valid_to)
        else:
            found.append(disclosed)
    return found


def _alike(one: Period, other: Period) -> bool:
    """Whether two periods differ in their valid time alone."""
    return (
        one.authorisation == other.authorisation
        and one.status is other.status
        and one == msgspec.structs.replace(other, valid_from=one.valid_from, valid_to=one.valid_to)
    )


def course(facts: RecognitionFacts, territory: AdministrationCode) -> tuple[CopiedStretch, ...]:
    """The results over all of valid time, joined where they do not change."""
    found: list[tuple[datetime, RecognitionResult]] = []
    for start in (ALWAYS, *sorted(edges(facts))):
        result = recognise(facts, Question(territory, start))
        if not found or found[-1][1] != result:
            found.append((start, result))
    ends = [start for start, _ in found[1:]]
    return tuple(
        _stretch(start, end, result)
        for (start, result), end in zip(found, [*ends, None], strict=True)
    )


def _stretch(start: datetime, end: datetime | None, result: RecognitionResult) -> CopiedStretch:
    return CopiedStretch(
        shown(start),
        end,
        result.outcome.value,
        result.legal.value,
        result.operational.value,
        tuple(reason.value for reason in result.reasons),
        tuple(_basis(basis) for basis in result.bases),
    )


def _basis(basis: Basis) -> CopiedBasis:
    return CopiedBasis(
        basis.agreement,
        basis.ordinal,
        basis.authorisation,
        shown(basis.since),
        basis.identifier_scheme,
        basis.identifier,
        basis.declaration_box,
        basis.benefits,
        basis.assumed,
    )


def withheld(
    facts: RecognitionFacts, disclosed_facts: RecognitionFacts, territory: AdministrationCode
) -> tuple[WithheldStretch, ...]:
    """Where an authorisation that is not disclosed makes its programme's law require consent."""
    laws = requiring(facts.consent_laws)
    if not any(p.programme in laws and p.status not in CERTIFIED for p in facts.periods):
        return ()
    found: list[WithheldStretch] = []
    cuts = [ALWAYS, *sorted(edges(facts)), NEVER_AT]
    for start, end in pairwise(cuts):
        asked = Question(territory, start)
        if recognise(facts, asked).reasons != (ReasonCode.NO_INFORMATION,):
            continue
        if recognise(disclosed_facts, asked).reasons == (ReasonCode.NO_INFORMATION,):
            continue
        until = None if end is NEVER_AT else end
        if found and found[-1].valid_to == start:
            found[-1] = WithheldStretch(found[-1].valid_from, until)
        else:
            found.append(WithheldStretch(start, until))
    return tuple(found)


def answered(
    record: CopyRecord | None, law: RecognitionFacts, asked: Question
) -> tuple[RecognitionFacts, RecognitionResult]:
    """The answer from a copy, by the rule of recognition, with the facts that it used.

    `law`: what CopiedLaw.towards gives for the operator's home.
    """
    hidden = RecognitionFacts(None)
    if isinstance(record, WithdrawnOperator):
        hidden = RecognitionFacts(None, withdrawn=record.withdrawn)
        return hidden, recognise(hidden, asked)
    if record is None or any(is_valid_at(stretch, asked.at) for stretch in record.withheld):
        return hidden, recognise(hidden, asked)
    facts = replace(
        law,
        tin=Tin(record.tin),
        administration=AdministrationCode(record.administration),
        periods=record.periods,
        identifiers=record.identifiers,
        consents=record.consents,
    )
    return facts, recognise(facts, asked)


def copied_law(law: LawBeliefs, territory: str, position: int, zones: dict[str, str]) -> CopiedLaw:
    """The law as believed at a position. `law`: of every home, with all its lists."""
    believed = law.at(position)
    rows = sorted((r for r in law.lists if r.position <= position), key=lambda r: r.position)
    lists = {row.administration: row.as_of for row in rows}
    cadences = {row.administration: row.cadence_hours for row in rows}
    return CopiedLaw(
        territory,
        tuple(sorted(believed.links, key=_encode)),
        tuple(sorted(believed.members, key=_encode)),
        tuple(sorted(believed.consent_laws, key=_encode)),
        dict(sorted(lists.items())),
        dict(sorted(zones.items())),
        {home: hours for home, hours in sorted(cadences.items()) if hours is not None},
    )


def shown(at: datetime | None) -> datetime | None:
    """An instant of a copy; None for the minimum and maximum, which mean no limit."""
    return None if at is None or at <= ALWAYS or at >= NEVER_AT else at


def _best_authorisation(
    periods: Sequence[Period], now: Sequence[Period]
) -> CopiedAuthorisation | None:
    best = min(now, key=lambda p: (_RANK[p.status], p.authorisation), default=None)
    if best is None:
        return None
    since = best.valid_from
    for period in reversed(periods):
        if period.authorisation == best.authorisation and period.valid_to == since:
            if period.status is not best.status:
                break
            since = period.valid_from
    return CopiedAuthorisation(
        best.number or best.authorisation,
        best.programme,
        best.type,
        best.status.value,
        shown(since),
        best.effective_from,
        best.valid_until,
    )


def _best(statuses: Any) -> Status:
    return min(statuses, key=_RANK.__getitem__, default=Status.NONE)
