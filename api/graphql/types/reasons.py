"""The reasons of recognition answers and control results: code, facts as data, and sentence.

The rule (registry.domain.recognition) gives the codes. This module collects the facts on which each
code is based from the facts that the rule used. The sentence is made from code and facts alone
(api/graphql/types/reason_sentences.py), so that a client can word it in another language.

Nothing here changes an answer or raises: an instant that is not the beginning of a civil day, or
that is outside the calendar of a zone, is given as an instant instead of a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import strawberry

from api.graphql import sql_fields
from api.graphql.scalars import instant_text
from api.graphql.types.reason_facts import Fact, FactsBuilder, Zones
from api.graphql.types.reason_sentences import sentence
from registry.domain.agreements.links import Link, LinkState
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.consent import GENERAL, PER_PARTNER, requiring
from registry.domain.control_results import Inspection, Reliance
from registry.domain.operators.authorisation_parts import suspended_parts
from registry.domain.operators.timeline import Period
from registry.domain.programme_rules import rules_unknown
from registry.domain.recognition import (
    Question,
    RecognitionFacts,
    RecognitionResult,
    age_limit,
    crosses,
    is_valid_at,
    scope_reason,
)
from registry.domain.values import COUNTS_ABROAD, ENDED, AdministrationCode, ReasonCode, Status


@strawberry.type
class Reason:
    """A reason for the outcome of an answer."""

    code: ReasonCode
    message: str = strawberry.field(
        metadata=sql_fields.worded_later("{me}.code"),
        description="The reason as an English sentence, made from `code` and `facts` alone.",
    )
    facts: list[Fact] = strawberry.field(
        metadata=sql_fields.worded_later("{me}.code"),
        description="The facts from which the sentence is made (dates with their time zone, "
        "parties, agreement, clause, part). A client can word the reason in any language from "
        "them.",
    )


def recognition_reasons(
    facts: RecognitionFacts,
    asked: Question,
    answer: RecognitionResult,
    zones: Zones,
    *,
    all_of_it: bool,
) -> list[Reason]:
    """The reasons of a recognition answer. Those of a hidden operator do not show that it exists.

    `all_of_it`: the subject may read everything about the operator, so the reasons also name the
    rules that were unknown when it was granted.
    """
    collector = _RecognitionReasons(facts, asked, zones, all_of_it)
    return [_reason(code, collector.facts_of(code, answer)) for code in answer.reasons]


def control_reasons(
    links: Sequence[Link], asked: Inspection, answer: Reliance, zones: Zones
) -> list[Reason]:
    """The reasons of an answer about control results."""
    return [
        _reason(code, _control_facts(links, asked, answer, code, zones)) for code in answer.reasons
    ]


def parties(links: Iterable[Link], *codes: AdministrationCode | None) -> list[str]:
    """The codes of the administrations in whose time zones the facts give civil days, sorted."""
    found = {code for link in links for code in (link.clause.from_, link.clause.to)}
    return sorted({str(code) for code in (*found, *codes) if code})


def _reason(code: ReasonCode, builder: FactsBuilder) -> Reason:
    return Reason(code=code, message=sentence(code, builder.found), facts=builder.found)


#: The statuses that a reason about an authorisation is about.
_STATUSES: dict[ReasonCode, frozenset[Status]] = {
    ReasonCode.AUTHORISATION_SUSPENDED: frozenset({Status.SUSPENDED}),
    ReasonCode.AUTHORISATION_ENDED: ENDED,
    ReasonCode.NOT_YET_EFFECTIVE: frozenset({Status.GRANTED}),
    ReasonCode.DECISION_AWAITED: frozenset({Status.DECISION_AWAITED}),
    ReasonCode.NO_AUTHORISATION: frozenset(),
}
#: The reason for each state of a link that is not live.
_STATES: dict[LinkState, ReasonCode] = {
    LinkState.NOT_IMPLEMENTED: ReasonCode.AGREEMENT_NOT_IMPLEMENTED,
    LinkState.SUSPENDED: ReasonCode.AGREEMENT_SUSPENDED,
    LinkState.TERMINATED: ReasonCode.AGREEMENT_TERMINATED,
    LinkState.UNCERTAIN: ReasonCode.DATE_UNCERTAIN,
}


class _RecognitionReasons:
    """The facts of a recognition question that applied at the instant asked about."""

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

    def facts_of(self, code: ReasonCode, answer: RecognitionResult) -> FactsBuilder:
        builder = FactsBuilder(self.zones).add("at", instant_text(self.at))
        builder.add("territory", self.asked.territory)
        if code is ReasonCode.NO_INFORMATION:
            if self.facts.withdrawn:
                builder.add_day("recognisedUntil", self.facts.withdrawn, self.asked.territory)
            return builder  # else the same for a hidden operator as for an unknown one
        builder.add("home", self.facts.administration).add("operator", self.facts.tin)
        match code:
            case ReasonCode.IN_FORCE | ReasonCode.UNMATCHED_IDENTIFIER:
                self._bases(builder, code, answer)
            case ReasonCode.NO_CONSENT:
                self._missing_consents(builder)
            case ReasonCode.STALE_DATA:
                self._stale_lists(builder)
            case ReasonCode.NO_AGREEMENT:
                self._ended_agreements(builder)
            case _ if code in _STATUSES:
                self._statuses(builder, code)
            case _:
                for link in self._links_with(code):
                    builder.begin_item().add("agreement", link.agreement)
                    if link.ordinal:
                        builder.add("clause", link.ordinal)
                    self._scope(builder, link, code)
                if code is ReasonCode.TYPE_OUT_OF_SCOPE and not self.abroad:
                    self._without_recognised_part(builder)
                if code is ReasonCode.DATE_UNCERTAIN:
                    self._between_lists(builder)
        return builder.close()

    def _bases(self, builder: FactsBuilder, code: ReasonCode, answer: RecognitionResult) -> None:
        for basis in answer.bases:
            if code is ReasonCode.UNMATCHED_IDENTIFIER:
                if basis.identifier is None:
                    builder.begin_item().add("agreement", basis.agreement)
                    builder.add("identifierScheme", basis.identifier_scheme)
                continue
            builder.begin_item().add("agreement", basis.agreement)
            if basis.ordinal:
                builder.add("clause", basis.ordinal)
            builder.add("authorisation", basis.authorisation)
            builder.add_day("since", basis.since, self.asked.territory, self.facts.administration)
            if self.all_of_it:
                builder.add("ruleUnknown", *self._unknown_rules(basis.authorisation))
            if basis.assumed:
                builder.add("assumed", "true")

    def _unknown_rules(self, authorisation: str) -> list[str]:
        """The names of the rules that the decision on this authorisation needed and that were
        unknown."""
        named = (p for p in self.abroad if authorisation in (p.number, p.authorisation))
        return [rule for period in named for rule in rules_unknown(period.flags)]

    def _missing_consents(self, builder: FactsBuilder) -> None:
        """Adds the law of consent, the day on which a consent was withdrawn, and the agreements for
        which a consent is missing: they require it, or the law of these programmes does."""
        laws = [law for law in self.facts.consent_laws if is_valid_at(law, self.at)]
        held = {p.programme for p in self.periods}
        lawful = sorted(held & requiring(laws))
        general = [code for code in lawful if any(k.programme == code and k.general for k in laws)]
        parties = {m.bloc for m in self.facts.members if self._covers(m.bloc, self.asked.territory)}
        parties.add(self.asked.territory)
        if lawful:
            builder.add("consentLaw", GENERAL if general else PER_PARTNER)
        if general and any(c.general and is_valid_at(c, self.at) for c in self.facts.consents):
            builder.add("consentGiven", GENERAL)
        for code in general:
            if not any(k.programme == code and k.adequate in parties for k in laws):
                builder.add("notFoundAdequate", self.asked.territory)
        ended = [
            c.valid_to
            for c in self.facts.consents
            if c.valid_to and c.valid_to <= self.at
            if (c.general if general else c.partner in parties)
        ]
        if ended:
            builder.add_day("withdrawnOn", max(ended), self.facts.administration)
        given = {c.partner for c in self.facts.consents if is_valid_at(c, self.at)}
        for link in self.links:
            if not general and given & {self.asked.territory, link.clause.to}:
                continue
            if link.clause.consent_required:
                builder.begin_item().add("agreement", link.agreement)
            elif lawful:
                builder.begin_item().add("agreement", link.agreement).add("programme", *lawful)

    def _ended_agreements(self, builder: FactsBuilder) -> None:
        """Adds the agreements that linked the two administrations earlier, until a party withdrew,
        a clause ended or one of them left a bloc. `until`: the end, exclusive."""
        ends: dict[str, datetime] = {}
        for link in self.facts.links:
            sides = (
                (link.clause.from_, self.facts.administration),
                (link.clause.to, self.asked.territory),
            )
            for one, other in product(*(self._membership_intervals(*side) for side in sides)):
                both_live = max(link.valid_from, one[0], other[0])
                over = min(link.valid_to or NEVER_AT, one[1], other[1])
                if both_live < over <= self.at:
                    ends[link.agreement] = max(over, ends.get(link.agreement, over))
        for agreement, over in sorted(ends.items()):
            builder.begin_item().add("agreement", agreement)
            builder.add_day("until", over, self.asked.territory, self.facts.administration)

    def _membership_intervals(
        self, party: AdministrationCode, code: AdministrationCode | None
    ) -> list[tuple[datetime, datetime]]:
        """The intervals of valid time in which a party of an agreement included this
        administration: always if it is the party itself; for a bloc, while the administration was a
        member."""
        if party == code:
            return [(ALWAYS, NEVER_AT)]
        return [
            (m.valid_from, m.valid_to or NEVER_AT)
            for m in self.facts.members
            if m.bloc == party and m.member == code
        ]

    def _stale_lists(self, builder: FactsBuilder) -> None:
        listed = self.facts.list_as_of
        for link in self.links:
            limit = age_limit(link.clause.max_age_hours, self.facts.list_cadence)
            if limit is not None and listed and self.at - listed > timedelta(hours=limit):
                builder.begin_item().add("agreement", link.agreement)
                builder.add("listAsOf", instant_text(listed)).add("maxAgeHours", limit)
                if limit != link.clause.max_age_hours:
                    builder.add("declaredBy", self.facts.administration)

    def _statuses(self, builder: FactsBuilder, code: ReasonCode) -> None:
        wanted = _STATUSES[code]
        for period in self.periods:
            if not {period.status, period.abroad} & wanted:
                continue
            builder.begin_item().add("authorisation", period.number or period.authorisation)
            in_part = period.status not in wanted
            builder.add("standing", period.abroad if in_part else period.status)
            if in_part:
                builder.add("part", *(suspended_parts(period.flags) or ["abroad"]))
            builder.add_day("since", self._status_since(period), self.facts.administration)

    def _status_since(self, period: Period) -> datetime:
        """The instant since which the status has been the same. A period also ends where something
        else changes, such as the beginning of a reassessment, so equal periods are joined."""
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

    def _without_recognised_part(self, builder: FactsBuilder) -> None:
        """Adds the valid authorisations that lack the part that partners recognise."""
        held = {f"{p.programme} {p.type}" for p in self.periods if p.abroad is Status.NONE}
        builder.begin_item().add("held", *sorted(held))

    def _between_lists(self, builder: FactsBuilder) -> None:
        """Adds the authorisations that began or ended on an unknown day between two readings of a
        list."""
        for period in self.periods:
            if Status.UNCERTAIN in (period.status, period.abroad):
                builder.begin_item().add("authorisation", period.number or period.authorisation)
                builder.add("standing", Status.UNCERTAIN)
                builder.add_day("since", period.valid_from, self.facts.administration)
                builder.add_day("until", period.valid_to, self.facts.administration)

    def _links_with(self, code: ReasonCode) -> Iterator[Link]:
        """The links (clauses between the two sides) to which this reason applies, each once."""
        for link in self.links:
            found = {scope_reason(period, link, self.asked) for period in self.abroad}
            if code in found or (None in found and _STATES.get(link.state) is code):
                yield link

    def _scope(self, builder: FactsBuilder, link: Link, code: ReasonCode) -> None:
        clause, asked = link.clause, self.asked
        match code:
            case ReasonCode.TYPE_OUT_OF_SCOPE:
                if link.ordinal == 0 or not clause.types:
                    builder.add("from", clause.from_).add("to", clause.to)
                    return
                builder.add("coveredType", *clause.types).add(
                    "coveredProgramme", *clause.programmes
                )
                builder.add("held", *sorted({f"{p.programme} {p.type}" for p in self.abroad}))
            case ReasonCode.ROLE_OUT_OF_SCOPE:
                own = sorted({str(role) for p in self.abroad for role in p.roles})
                if asked.role and own and str(asked.role) not in own:
                    builder.add("authorisedRole", *own).add("role", asked.role)
                    return
                builder.add("coveredRole", *sorted(map(str, clause.roles)))
                builder.add("role", *([asked.role] if asked.role else own))
            case ReasonCode.DIRECTION_OUT_OF_SCOPE:
                builder.add("coveredDirection", clause.direction).add("direction", asked.direction)
            case ReasonCode.GOODS_OUT_OF_SCOPE:
                builder.add("coveredHs", *sorted(map(str, clause.hs))).add("hs", asked.hs)
            case ReasonCode.CROSSING_OUT_OF_SCOPE:
                builder.add("coveredCrossing", *clause.crossings).add("coveredMode", *clause.modes)
                builder.add("crossing", asked.crossing or None).add("mode", asked.mode or None)
            case _:
                _state(builder, link, code)


def _state(builder: FactsBuilder, link: Link, code: ReasonCode) -> None:
    """Adds the parties that put the link into the state of the reason, its beginning and, where the
    dates are uncertain, its end, as civil days of the importing side if possible."""
    sides = (link.clause.to, link.clause.from_)
    builder.add("side", *link.hindered_by)
    if code is not ReasonCode.AGREEMENT_NOT_IMPLEMENTED:  # this state has no beginning
        builder.add_day("since", link.valid_from, *sides)
    if code is ReasonCode.DATE_UNCERTAIN:
        builder.add_day("until", link.valid_to, *sides)


# ---------------------------------------------------------- control results


def _control_facts(
    links: Sequence[Link], asked: Inspection, answer: Reliance, code: ReasonCode, zones: Zones
) -> FactsBuilder:
    builder = FactsBuilder(zones).add("at", instant_text(asked.at))
    builder.add("from", asked.exporter).add("territory", asked.importer)
    builder.add("hs", asked.hs).add("crossing", asked.crossing).add("subject", "controls")
    names = {link.agreement for link in answer.clauses} or {link.agreement for link in links}
    builder.add("agreement", *sorted(names))
    for link in answer.clauses:
        here = not link.clause.crossings or crosses(link.clause.crossings, asked.crossing)
        if here and _STATES.get(link.state) is code:
            builder.begin_item().add("agreement", link.agreement).add(
                "clause", link.ordinal or None
            )
            whole = _uncertain(links, link) if code is ReasonCode.DATE_UNCERTAIN else link
            _state(builder, whole, code)
    return builder.close()


def _uncertain(links: Sequence[Link], link: Link) -> Link:
    """The link with the whole interval in which it is uncertain whether the clause applied. The
    interval is stored in several rows where the dates of the agreement and of the clause are both
    uncertain."""
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
