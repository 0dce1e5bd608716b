"""Why an answer is what it is: the code of each reason, its facts as data, and its sentence.

The rule gives codes. Here the facts that each code rests on are taken from what the rule saw; the
sentence is made of code and facts alone (api/graphql/types/reason_sentences.py), so that anybody
can word it in another language. Nothing here changes an answer, and nothing here can fail: an
instant that no civil day of a zone begins at, or that lies outside the calendar there, is told as
an instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import product

import strawberry

from api.graphql import sql_fields
from api.graphql.scalars import instant_text
from api.graphql.types.reason_sentences import sentence
from registry.domain.agreements.timeline import Link, LinkState
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.control_results import Inspection, Reliance
from registry.domain.decisions import begins, day_of
from registry.domain.operators.authorisation_parts import suspended_parts
from registry.domain.operators.timeline import Period
from registry.domain.programme_rules import rules_unknown
from registry.domain.recognition import (
    Question,
    RecognitionFacts,
    RecognitionResult,
    crosses,
    is_valid_at,
    scope_reason,
)
from registry.domain.values import COUNTS_ABROAD, ENDED, AdministrationCode, ReasonCode, Status

#: In which zone (IANA name) the civil days of an administration begin, by its code.
Zones = Mapping[str, str]


@strawberry.type(
    description="One fact that a reason rests on. A name may come several times: each of its "
    "values counts."
)
class Fact:
    name: str = strawberry.field(description="at, territory, agreement, since, part, ...")
    value: str = strawberry.field(
        description="A code, a name, a number; a civil date where `zone` is given; else, of an "
        "instant, RFC 3339 in UTC."
    )
    item: int = strawberry.field(
        description="0: of the whole reason. Facts of the same other number belong together: one "
        "clause of one agreement, or one authorisation."
    )
    zone: str | None = strawberry.field(
        description="IANA name of the zone in which the value is a civil day; null: it is none."
    )


@strawberry.type(description="One reason for an answer.")
class Reason:
    code: ReasonCode
    message: str = strawberry.field(
        metadata=sql_fields.worded_later("{me}.code"),
        description="The reason as an English sentence, made of code and facts alone.",
    )
    facts: list[Fact] = strawberry.field(
        metadata=sql_fields.worded_later("{me}.code"),
        description="What the sentence is made of: dates with their zone, parties, agreement, "
        "clause, part; from them it can be said in any language.",
    )


def why(
    facts: RecognitionFacts,
    asked: Question,
    answer: RecognitionResult,
    zones: Zones,
    *,
    all_of_it: bool,
) -> list[Reason]:
    """The reasons of a recognition answer. Of a hidden operator no word shows that it exists.

    `all_of_it`: the asker is told all of the operator, and so which rules its grant did without.
    """
    telling = _Recognition(facts, asked, zones, all_of_it)
    return [_reason(code, telling.of(code, answer)) for code in answer.reasons]


def why_relied(
    links: Sequence[Link], asked: Inspection, answer: Reliance, zones: Zones
) -> list[Reason]:
    """The reasons of an answer about the results of controls."""
    return [_reason(code, _reliance(links, asked, answer, code, zones)) for code in answer.reasons]


def parties(links: Iterable[Link], *codes: AdministrationCode | None) -> list[str]:
    """The administrations whose zones the facts need."""
    found = {code for link in links for code in (link.clause.from_, link.clause.to)}
    return sorted({str(code) for code in (*found, *codes) if code})


def civil_day(at: datetime, zone: str) -> date | None:
    """The civil day that begins at this instant in this zone; None where none does, and at the
    ends of the calendar, and in no zone that nobody knows."""
    try:
        day = day_of(at, zone)
        return day if begins(day, zone) == at else None
    except (OverflowError, ValueError, KeyError):
        return None


def _reason(code: ReasonCode, told: _Facts) -> Reason:
    return Reason(code=code, message=sentence(code, told.found), facts=told.found)


@dataclass
class _Facts:
    """Facts as they are collected. `of` begins an item; what is unknown or without end is left
    out, and an item that says the same as another is told once."""

    zones: Zones
    found: list[Fact] = field(default_factory=list)
    _items: set[tuple[tuple[str, str], ...]] = field(default_factory=set)
    _new: list[Fact] | None = None

    def say(self, name: str, *values: object) -> _Facts:
        for value in values:
            if value is not None:
                self._add(name, str(value), None)
        return self

    def when(self, name: str, at: datetime | None, *whose: object) -> _Facts:
        """A civil day of one of these administrations where one begins then, else the instant;
        nothing at the ends of time."""
        if at is None or at <= ALWAYS or at >= NEVER_AT:
            return self
        for zone in (self.zones.get(str(code)) for code in whose):
            day = civil_day(at, zone) if zone else None
            if day is not None:
                self._add(name, day.isoformat(), zone)
                return self
        self._add(name, instant_text(at), None)
        return self

    def item(self) -> _Facts:
        """Begins the next item: the facts that follow belong to it."""
        self.close()
        self._new = []
        return self

    def close(self) -> _Facts:
        if self._new:
            key = tuple((fact.name, fact.value) for fact in self._new)
            if key not in self._items:
                self._items.add(key)
                self.found += [
                    Fact(name=f.name, value=f.value, item=len(self._items), zone=f.zone)
                    for f in self._new
                ]
        self._new = None
        return self

    def _add(self, name: str, value: str, zone: str | None) -> None:
        into = self.found if self._new is None else self._new
        into.append(Fact(name=name, value=value, item=0, zone=zone))


_STANDING: dict[ReasonCode, frozenset[Status]] = {
    ReasonCode.AUTHORISATION_SUSPENDED: frozenset({Status.SUSPENDED}),
    ReasonCode.AUTHORISATION_ENDED: ENDED,
    ReasonCode.NOT_YET_EFFECTIVE: frozenset({Status.GRANTED}),
    ReasonCode.DECISION_AWAITED: frozenset({Status.DECISION_AWAITED}),
    ReasonCode.NO_AUTHORISATION: frozenset(),
}
_STATES: dict[LinkState, ReasonCode] = {
    LinkState.NOT_IMPLEMENTED: ReasonCode.AGREEMENT_NOT_IMPLEMENTED,
    LinkState.SUSPENDED: ReasonCode.AGREEMENT_SUSPENDED,
    LinkState.TERMINATED: ReasonCode.AGREEMENT_TERMINATED,
    LinkState.UNCERTAIN: ReasonCode.DATE_UNCERTAIN,
}


class _Recognition:
    """What held at the instant that was asked about."""

    def __init__(
        self, facts: RecognitionFacts, asked: Question, zones: Zones, all_of_it: bool
    ) -> None:
        self.facts, self.asked, self.at, self.zones = facts, asked, asked.at, zones
        self.all_of_it = all_of_it
        self.periods = [p for p in facts.periods if is_valid_at(p, self.at)]
        self.abroad = [p for p in self.periods if p.abroad in COUNTS_ABROAD]
        self.links = [
            link
            for link in facts.links
            if is_valid_at(link, self.at)
            and self._covers(link.clause.from_, facts.administration)
            and self._covers(link.clause.to, asked.territory)
        ]

    def _covers(self, party: AdministrationCode, code: AdministrationCode | None) -> bool:
        return party == code or any(
            m.bloc == party and m.member == code and is_valid_at(m, self.at)
            for m in self.facts.members
        )

    def of(self, code: ReasonCode, answer: RecognitionResult) -> _Facts:
        told = _Facts(self.zones).say("at", instant_text(self.at))
        told.say("territory", self.asked.territory)
        if code is ReasonCode.NO_INFORMATION:
            return told  # the same of an operator that is hidden as of one that is unknown
        told.say("home", self.facts.administration).say("operator", self.facts.tin)
        match code:
            case ReasonCode.IN_FORCE | ReasonCode.UNMATCHED_IDENTIFIER:
                self._bases(told, code, answer)
            case ReasonCode.NO_CONSENT:
                self._wanting(told)
            case ReasonCode.STALE_DATA:
                self._stale(told)
            case ReasonCode.NO_AGREEMENT:
                self._ended(told)
            case _ if code in _STANDING:
                self._standing(told, code)
            case _:
                for link in self._because(code):
                    told.item().say("agreement", link.agreement)
                    if link.ordinal:
                        told.say("clause", link.ordinal)
                    self._scope(told, link, code)
                if code is ReasonCode.TYPE_OUT_OF_SCOPE and not self.abroad:
                    self._at_home_only(told)
                if code is ReasonCode.DATE_UNCERTAIN:
                    self._between_lists(told)
        return told.close()

    def _bases(self, told: _Facts, code: ReasonCode, answer: RecognitionResult) -> None:
        for basis in answer.bases:
            if code is ReasonCode.UNMATCHED_IDENTIFIER:
                if basis.identifier is None:
                    told.item().say("agreement", basis.agreement)
                    told.say("identifierScheme", basis.identifier_scheme)
                continue
            told.item().say("agreement", basis.agreement)
            if basis.ordinal:
                told.say("clause", basis.ordinal)
            told.say("authorisation", basis.authorisation)
            told.when("since", basis.since, self.asked.territory, self.facts.administration)
            if self.all_of_it:
                told.say("ruleUnknown", *self._unknown(basis.authorisation))
            if basis.assumed:
                told.say("assumed", "true")

    def _unknown(self, authorisation: str) -> list[str]:
        """The rules that the decision on it needed and that nobody knew."""
        named = (p for p in self.abroad if authorisation in (p.number, p.authorisation))
        return [rule for period in named for rule in rules_unknown(period.flags)]

    def _wanting(self, told: _Facts) -> None:
        """Which agreements ask for a consent that is not there, or which programme's law does."""
        laws = {law.programme for law in self.facts.consent_laws if is_valid_at(law, self.at)}
        lawful = sorted({p.programme for p in self.periods if p.programme in laws})
        given = {c.partner for c in self.facts.consents if is_valid_at(c, self.at)}
        for link in self.links:
            if given & {self.asked.territory, link.clause.to}:
                continue
            if link.clause.consent_required:
                told.item().say("agreement", link.agreement)
            elif lawful:
                told.item().say("agreement", link.agreement).say("programme", *lawful)

    def _ended(self, told: _Facts) -> None:
        """Which agreements linked the two before: until a side withdrew, a clause ended, or one of
        the two left a bloc. `until`: the first day on which that was so no more."""
        ends: dict[str, datetime] = {}
        for link in self.facts.links:
            sides = (
                (link.clause.from_, self.facts.administration),
                (link.clause.to, self.asked.territory),
            )
            for one, other in product(*(self._belonged(*side) for side in sides)):
                begun = max(link.valid_from, one[0], other[0])
                over = min(link.valid_to or NEVER_AT, one[1], other[1])
                if begun < over <= self.at:
                    ends[link.agreement] = max(over, ends.get(link.agreement, over))
        for agreement, over in sorted(ends.items()):
            told.item().say("agreement", agreement)
            told.when("until", over, self.asked.territory, self.facts.administration)

    def _belonged(
        self, party: AdministrationCode, code: AdministrationCode | None
    ) -> list[tuple[datetime, datetime]]:
        """When this party stood for that administration: always for itself, a bloc for each of its
        members while it was one."""
        if party == code:
            return [(ALWAYS, NEVER_AT)]
        return [
            (m.valid_from, m.valid_to or NEVER_AT)
            for m in self.facts.members
            if m.bloc == party and m.member == code
        ]

    def _stale(self, told: _Facts) -> None:
        listed = self.facts.list_as_of
        for link in self.links:
            limit = link.clause.max_age_hours
            if limit is not None and listed and self.at - listed > timedelta(hours=limit):
                told.item().say("agreement", link.agreement)
                told.say("listAsOf", instant_text(listed)).say("maxAgeHours", limit)

    def _standing(self, told: _Facts, code: ReasonCode) -> None:
        wanted = _STANDING[code]
        for period in self.periods:
            if not {period.status, period.abroad} & wanted:
                continue
            told.item().say("authorisation", period.number or period.authorisation)
            in_part = period.status not in wanted
            told.say("standing", period.abroad if in_part else period.status)
            if in_part:
                told.say("part", *(suspended_parts(period.flags) or ["abroad"]))
            told.when("since", self._begun(period), self.facts.administration)

    def _begun(self, period: Period) -> datetime:
        """Since when it has stood so. A stretch ends also where something else changes, as where a
        reassessment begins; the standing goes on."""
        stands = (period.status, period.abroad)
        found = period.valid_from
        before = {
            each.valid_to: each.valid_from
            for each in self.facts.periods
            if each.authorisation == period.authorisation
            and (each.status, each.abroad) == stands
            and each.valid_to
            and each.valid_from < each.valid_to
        }
        while found in before:
            found = before[found]
        return found

    def _at_home_only(self, told: _Facts) -> None:
        """What is valid, and lacks the part that partners recognise."""
        held = {f"{p.programme} {p.type}" for p in self.periods if p.abroad is Status.NONE}
        told.item().say("held", *sorted(held))

    def _between_lists(self, told: _Facts) -> None:
        """What may have begun, or ended, between two readings of a published list."""
        for period in self.periods:
            if Status.UNCERTAIN in (period.status, period.abroad):
                told.item().say("authorisation", period.number or period.authorisation)
                told.say("standing", Status.UNCERTAIN)
                told.when("since", period.valid_from, self.facts.administration)
                told.when("until", period.valid_to, self.facts.administration)

    def _because(self, code: ReasonCode) -> Iterator[Link]:
        """The links that stand for this reason, each once."""
        for link in self.links:
            found = {scope_reason(period, link, self.asked) for period in self.abroad}
            if code in found or (None in found and _STATES.get(link.state) is code):
                yield link

    def _scope(self, told: _Facts, link: Link, code: ReasonCode) -> None:
        clause, asked = link.clause, self.asked
        match code:
            case ReasonCode.TYPE_OUT_OF_SCOPE:
                if link.ordinal == 0 or not clause.types:
                    told.say("from", clause.from_).say("to", clause.to)
                    return
                told.say("coveredType", *clause.types).say("coveredProgramme", *clause.programmes)
                told.say("held", *sorted({f"{p.programme} {p.type}" for p in self.abroad}))
            case ReasonCode.ROLE_OUT_OF_SCOPE:
                own = sorted({str(role) for p in self.abroad for role in p.roles})
                if asked.role and own and str(asked.role) not in own:
                    told.say("authorisedRole", *own).say("role", asked.role)
                    return
                told.say("coveredRole", *sorted(map(str, clause.roles)))
                told.say("role", *([asked.role] if asked.role else own))
            case ReasonCode.DIRECTION_OUT_OF_SCOPE:
                told.say("coveredDirection", clause.direction).say("direction", asked.direction)
            case ReasonCode.GOODS_OUT_OF_SCOPE:
                told.say("coveredHs", *sorted(map(str, clause.hs))).say("hs", asked.hs)
            case ReasonCode.CROSSING_OUT_OF_SCOPE:
                told.say("coveredCrossing", *clause.crossings).say("coveredMode", *clause.modes)
                told.say("crossing", asked.crossing or None).say("mode", asked.mode or None)
            case _:
                _state(told, link, code)


def _state(told: _Facts, link: Link, code: ReasonCode) -> None:
    """Which side's doing it is that the link is in the state that the reason names, since when, and
    until when where that may say something: in days of the importing side, else of the other."""
    sides = (link.clause.to, link.clause.from_)
    told.say("side", *link.hindered_by)
    if code is not ReasonCode.AGREEMENT_NOT_IMPLEMENTED:  # that has been so from the first
        told.when("since", link.valid_from, *sides)
    if code is ReasonCode.DATE_UNCERTAIN:
        told.when("until", link.valid_to, *sides)


# ---------------------------------------------------------- control results


def _reliance(
    links: Sequence[Link], asked: Inspection, answer: Reliance, code: ReasonCode, zones: Zones
) -> _Facts:
    told = _Facts(zones).say("at", instant_text(asked.at))
    told.say("from", asked.exporter).say("territory", asked.importer)
    told.say("hs", asked.hs).say("crossing", asked.crossing).say("subject", "controls")
    names = {link.agreement for link in answer.clauses} or {link.agreement for link in links}
    told.say("agreement", *sorted(names))
    for link in answer.clauses:
        here = not link.clause.crossings or crosses(link.clause.crossings, asked.crossing)
        if here and _STATES.get(link.state) is code:
            told.item().say("agreement", link.agreement).say("clause", link.ordinal or None)
            whole = _uncertain(links, link) if code is ReasonCode.DATE_UNCERTAIN else link
            _state(told, whole, code)
    return told.close()


def _uncertain(links: Sequence[Link], link: Link) -> Link:
    """The whole stretch over which the clause may or may not have been in force. It is in several
    rows where the agreement's own day and the clause's are both uncertain."""
    same = [
        each
        for each in links
        if each.state is link.state
        and (each.agreement, each.ordinal) == (link.agreement, link.ordinal)
    ]
    begins = {each.valid_to: each.valid_from for each in same if each.valid_from != each.valid_to}
    ends = {each.valid_from: each.valid_to for each in same if each.valid_from != each.valid_to}
    first, last = link.valid_from, link.valid_to
    while first in begins:
        first = begins[first]
    while last in ends:
        last = ends[last]
    return replace(link, valid_from=first, valid_to=last)
