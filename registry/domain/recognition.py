"""The rule of recognition: is this operator recognised in that territory, at this time, and why?

The time is a pair: valid time, and the transaction time as of which the facts were known. The rule
is pure and exists once, in Python; the read models only supply its facts. A property test compares
the SQL for bulk questions with it. All instants are in UTC; intervals are half open. A missing fact
gives UNKNOWN with its reason, never a no.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from registry.domain.agreements.links import Link, LinkState
from registry.domain.consent import Consented, ConsentLaw, is_consented, requiring
from registry.domain.operators.timeline import Identified, Period
from registry.domain.values import (
    COUNTS_ABROAD,
    ENDED,
    AdministrationCode,
    Direction,
    HsCode,
    Outcome,
    ReasonCode,
    Role,
    Status,
    Tin,
)


@dataclass(frozen=True)
class Member:
    """A valid-time interval in which a territory belongs to a bloc's customs territory."""

    bloc: AdministrationCode
    member: AdministrationCode
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True)
class RecognitionFacts:
    """All facts that were known at one transaction time and can matter.

    `tin` is None if no such operator was known, or if it may not be shown; `withdrawn` is then the
    instant until which a consent, withdrawn since, let a partner see it as recognised.
    """

    tin: Tin | None
    administration: AdministrationCode | None = None
    periods: Sequence[Period] = ()
    identifiers: Sequence[Identified] = ()
    consents: Sequence[Consented] = ()
    links: Sequence[Link] = ()
    members: Sequence[Member] = ()
    consent_laws: Sequence[ConsentLaw] = ()
    #: The instant of the home administration's last list; None if it records here directly.
    list_as_of: datetime | None = None
    #: How often the source of that data declared to send; None: it declared nothing.
    list_cadence: int | None = None
    withdrawn: datetime | None = None


@dataclass(frozen=True)
class Question:
    """The question: the territory, the valid time `at`, and what the answer is limited to."""

    territory: AdministrationCode
    at: datetime
    role: Role | None = None
    direction: Direction | None = None
    hs: HsCode | None = None
    crossing: str | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Basis:
    """One agreement, clause and authorisation that together give recognition.

    `since`: from when the clause has been live, and the authorisation valid abroad with this type,
    without interruption.
    """

    agreement: str
    ordinal: int
    authorisation: str
    since: datetime
    identifier_scheme: str | None
    identifier: str | None
    declaration_box: str | None
    benefits: tuple[str, ...]
    assumed: bool


@dataclass(frozen=True)
class RecognitionResult:
    """The answer with its reasons and bases.

    `legal`: recognised by law. `operational`: the recognition can be used now. `outcome` combines
    both.
    """

    outcome: Outcome
    legal: Outcome
    operational: Outcome
    reasons: tuple[ReasonCode, ...]
    bases: tuple[Basis, ...] = ()


@dataclass
class _Findings:
    """The results of all pairs of authorisation and link.

    Recognised prevails over unknown, and unknown over not recognised; each keeps its own reasons.
    """

    bases: list[tuple[Basis, ReasonCode | None]] = field(default_factory=list)
    unknown: set[ReasonCode] = field(default_factory=set)
    no: set[ReasonCode] = field(default_factory=set)


def recognise(facts: RecognitionFacts, asked: Question) -> RecognitionResult:
    """The rule of recognition: its six conditions, in the order in which they decide."""
    if facts.tin is None or facts.administration is None:
        return _answer(Outcome.UNKNOWN, ReasonCode.NO_INFORMATION)
    at, home = asked.at, facts.administration
    periods = [p for p in facts.periods if is_valid_at(p, at)]
    if _same_customs_territory(home, asked.territory, facts.members, at):
        if any(p.status is Status.VALID for p in periods):
            return _answer(Outcome.RECOGNISED, ReasonCode.SAME_ADMINISTRATION)
        why = _status_reason(p.status for p in periods)
        open_ = why in (ReasonCode.DECISION_AWAITED, ReasonCode.DATE_UNCERTAIN)
        outcome = Outcome.UNKNOWN if open_ else Outcome.NOT_RECOGNISED
        return _answer(outcome, ReasonCode.SAME_ADMINISTRATION, why)
    links = [
        link
        for link in facts.links
        if is_valid_at(link, at)
        and _covers(link.clause.from_, home, facts.members, at)
        and _covers(link.clause.to, asked.territory, facts.members, at)
    ]
    laws_then = [law for law in facts.consent_laws if is_valid_at(law, at)]
    laws = requiring(laws_then)
    programmes = {p.programme for p in periods}
    lawful = not laws.isdisjoint(programmes)
    consented = is_consented(
        programmes,
        [c for c in facts.consents if is_valid_at(c, at)],
        laws_then,
        _parties(asked.territory, facts.members, at),
    )

    # Without a required consent, the answer is that for an unknown operator, given before anything
    # of its status could become visible.
    if links and not consented and (lawful or all(k.clause.consent_required for k in links)):
        return _answer(Outcome.UNKNOWN, ReasonCode.NO_INFORMATION)
    valid_abroad = [p for p in periods if p.abroad in COUNTS_ABROAD]
    if not valid_abroad:
        return _answer(Outcome.NOT_RECOGNISED, _status_reason(p.abroad for p in periods))
    if not links:
        return _answer(Outcome.NOT_RECOGNISED, ReasonCode.NO_AGREEMENT)

    findings = _Findings()
    for period in valid_abroad:
        for link in links:
            if (link.clause.consent_required or period.programme in laws) and not consented:
                findings.unknown.add(ReasonCode.NO_INFORMATION)
            elif against := scope_reason(period, link, asked):
                findings.no.add(against)
            elif link.state is LinkState.UNCERTAIN:
                findings.unknown.add(ReasonCode.DATE_UNCERTAIN)
            elif link.state is not LinkState.LIVE:
                findings.no.add(_STATE_REASONS[link.state])
            elif period.abroad is Status.DECISION_AWAITED:
                findings.unknown.add(ReasonCode.DECISION_AWAITED)
            elif period.abroad is Status.UNCERTAIN:
                findings.unknown.add(ReasonCode.DATE_UNCERTAIN)
            else:
                findings.bases.append(_basis(facts, period, link, asked))
    return _conclude(findings)


def with_consent_reason(answer: RecognitionResult, facts: RecognitionFacts) -> RecognitionResult:
    """The answer for those who may see the whole operator: the missing consent is stated.

    For a known operator nothing else gives NO_INFORMATION.
    """
    if facts.tin is None or ReasonCode.NO_INFORMATION not in answer.reasons:
        return answer
    return replace(
        answer,
        reasons=tuple(
            ReasonCode.NO_CONSENT if reason is ReasonCode.NO_INFORMATION else reason
            for reason in answer.reasons
        ),
    )


def is_valid_at(stretch: ValidInterval, at: datetime) -> bool:
    """Whether the instant is inside the half-open valid-time interval."""
    return stretch.valid_from <= at and (stretch.valid_to is None or at < stretch.valid_to)


class ValidInterval(Protocol):
    """Anything with a valid-time interval [valid_from, valid_to) in UTC."""

    @property
    def valid_from(self) -> datetime:
        """The beginning in valid time, inclusive."""

    @property
    def valid_to(self) -> datetime | None:
        """The end in valid time, exclusive; None where it is open."""


_STATE_REASONS = {
    LinkState.TERMINATED: ReasonCode.AGREEMENT_TERMINATED,
    LinkState.SUSPENDED: ReasonCode.AGREEMENT_SUSPENDED,
    LinkState.NOT_IMPLEMENTED: ReasonCode.AGREEMENT_NOT_IMPLEMENTED,
}


def _answer(outcome: Outcome, *reasons: ReasonCode) -> RecognitionResult:
    """A result with this outcome and no basis."""
    ordered = tuple(sorted(set(reasons), key=lambda r: r.value))
    return RecognitionResult(outcome, outcome, outcome, ordered)


def _status_reason(found: Iterable[Status]) -> ReasonCode:
    """The reason why no authorisation counts: that of the most favourable status."""
    statuses = set(found)
    if Status.DECISION_AWAITED in statuses:
        return ReasonCode.DECISION_AWAITED
    if Status.UNCERTAIN in statuses:
        return ReasonCode.DATE_UNCERTAIN
    if Status.SUSPENDED in statuses:
        return ReasonCode.AUTHORISATION_SUSPENDED
    if Status.GRANTED in statuses:
        return ReasonCode.NOT_YET_EFFECTIVE
    if Status.NONE in statuses:  # valid at home, as a type that is not recognised abroad
        return ReasonCode.TYPE_OUT_OF_SCOPE
    if statuses & ENDED:
        return ReasonCode.AUTHORISATION_ENDED
    return ReasonCode.NO_AUTHORISATION


def _covers(
    party: AdministrationCode, code: AdministrationCode, members: Sequence[Member], at: datetime
) -> bool:
    """Whether the party is the territory, or a bloc of which it was a member at that time."""
    return party == code or any(
        m.bloc == party and m.member == code and is_valid_at(m, at) for m in members
    )


def _parties(
    code: AdministrationCode, members: Sequence[Member], at: datetime
) -> set[AdministrationCode]:
    """The territory and the blocs of which it was a member at that time."""
    return {code, *(m.bloc for m in members if m.member == code and is_valid_at(m, at))}


def _same_customs_territory(
    one: AdministrationCode, other: AdministrationCode, members: Sequence[Member], at: datetime
) -> bool:
    """Whether both belong to one customs territory, so that mutual recognition does not apply."""
    blocs = {m.bloc for m in members}
    return one == other or any(
        _covers(bloc, one, members, at) and _covers(bloc, other, members, at) for bloc in blocs
    )


def scope_reason(period: Period, link: Link, asked: Question) -> ReasonCode | None:
    """The first reason why the authorisation is outside the scope of the clause; None if inside.

    Scope must be stated: a clause without a type recognises nothing.
    """
    clause = link.clause
    if clause.programmes and period.programme not in clause.programmes:
        return ReasonCode.TYPE_OUT_OF_SCOPE
    if period.type not in clause.types and "*" not in clause.types:
        return ReasonCode.TYPE_OUT_OF_SCOPE
    if asked.role and period.roles and asked.role not in period.roles:
        return ReasonCode.ROLE_OUT_OF_SCOPE  # authorised, but not in the role asked about
    if clause.roles:
        wanted = {asked.role} if asked.role else set(period.roles)
        if not wanted & set(clause.roles):
            return ReasonCode.ROLE_OUT_OF_SCOPE
    if clause.direction and asked.direction and clause.direction is not asked.direction:
        return ReasonCode.DIRECTION_OUT_OF_SCOPE
    if clause.hs and asked.hs and not any(hs.covers(asked.hs) for hs in clause.hs):
        return ReasonCode.GOODS_OUT_OF_SCOPE
    if clause.crossings and asked.crossing and not crosses(clause.crossings, asked.crossing):
        return ReasonCode.CROSSING_OUT_OF_SCOPE
    if clause.modes and asked.mode and asked.mode.lower() not in clause.modes:
        return ReasonCode.CROSSING_OUT_OF_SCOPE
    return None


def crosses(crossings: Iterable[str], asked: str) -> bool:
    """Whether the crossing asked about is one of these.

    A crossing is named by its two offices (`Heihe-Blagoveshchensk`) in either order, or by one of
    them. Letter case, spaces and the kind of dash do not matter.
    """
    name = plain_crossing(asked)
    turned = "-".join(reversed(name.split("-")))
    for crossing in map(plain_crossing, crossings):
        if crossing in (name, turned) or name in crossing.split("-"):
            return True
    return False


_DASHES = str.maketrans({dash: "-" for dash in "\u2010\u2011\u2012\u2013\u2014\u2212"})


def plain_crossing(name: str) -> str:
    """The normal form of a crossing's name."""
    return "".join(name.lower().split()).translate(_DASHES)


def _basis(
    facts: RecognitionFacts, period: Period, link: Link, asked: Question
) -> tuple[Basis, ReasonCode | None]:
    """The basis, and the reason why it cannot be used now.

    It is legal recognition in either case.
    """
    clause, at = link.clause, asked.at
    own = sorted(
        i.value
        for i in facts.identifiers
        if i.scheme == clause.identifier_scheme and is_valid_at(i, at)
    )
    limit = age_limit(clause.max_age_hours, facts.list_cadence)
    against: ReasonCode | None = None
    if clause.identifier_scheme and not own:
        against = ReasonCode.UNMATCHED_IDENTIFIER
    elif limit is not None and facts.list_as_of and at - facts.list_as_of > timedelta(hours=limit):
        against = ReasonCode.STALE_DATA
    basis = Basis(
        link.agreement,
        link.ordinal,
        period.number or period.authorisation,
        max(held_since(facts.periods, period), link.valid_from),
        clause.identifier_scheme,
        own[0] if own else (None if clause.identifier_scheme else str(facts.tin)),
        clause.declaration_box,
        clause.benefits,
        link.assumed or period.abroad is Status.LISTED,
    )
    return basis, against


def age_limit(agreed: int | None, cadence: int | None) -> int | None:
    """The hours past which data is stale: what the agreement allows, or the cadence that its source
    declared, whichever is shorter. None: no limit."""
    return min((hours for hours in (agreed, cadence) if hours is not None), default=None)


def held_since(periods: Iterable[Period], period: Period) -> datetime:
    """From when the authorisation has been valid abroad (or listed) without interruption.

    The type stays the same. A period also ends if something else changes (a renewal, a
    reassessment, its roles); recognition continues.
    """
    before = {
        p.valid_to: p.valid_from
        for p in periods
        if p.authorisation == period.authorisation
        and p.abroad is period.abroad
        and p.type == period.type
        and p.valid_to
        and p.valid_from < p.valid_to
    }
    since = period.valid_from
    while since in before:
        since = before[since]
    return since


def _basis_order(basis: Basis) -> tuple[str, int, str, datetime]:
    """The sort key of a basis."""
    return basis.agreement, basis.ordinal, basis.authorisation, basis.since


def _conclude(findings: _Findings) -> RecognitionResult:
    """Combines the results: one usable basis is sufficient, and every basis is listed."""
    if not findings.bases:
        if findings.unknown:
            return _answer(Outcome.UNKNOWN, *findings.unknown)
        return _answer(Outcome.NOT_RECOGNISED, *findings.no)
    bases = tuple(sorted((b for b, _ in findings.bases), key=_basis_order))
    against = {reason for _, reason in findings.bases}
    if None in against:
        return RecognitionResult(
            Outcome.RECOGNISED,
            Outcome.RECOGNISED,
            Outcome.RECOGNISED,
            (ReasonCode.IN_FORCE,),
            bases,
        )
    reasons = sorted({ReasonCode.IN_FORCE, *(r for r in against if r)}, key=lambda r: r.value)
    stale = ReasonCode.STALE_DATA in against
    return RecognitionResult(
        Outcome.UNKNOWN if stale else Outcome.RECOGNISED,
        Outcome.RECOGNISED,
        Outcome.UNKNOWN if stale else Outcome.NOT_RECOGNISED,
        tuple(reasons),
        bases,
    )
