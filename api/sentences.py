"""Why an answer is what it is, as sentences with both facts in them.

The rule gives codes; here each is worded from the same facts. A sentence never changes an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import strawberry
from babel import Locale

from api.planning import sql
from registry.clocks import ALWAYS
from registry.control_results import Inspection, Reliance
from registry.decisions import begins, day_of
from registry.links import Link, LinkState
from registry.recognition import Answer, Facts, Question, crosses, holds
from registry.standing import Period
from registry.values import ENDED, AdministrationCode, ReasonCode, Status

#: In which zone (IANA name) the civil days of an administration begin, by its code.
Zones = Mapping[str, str]


@strawberry.type(description="One reason for an answer.")
class Reason:
    code: ReasonCode
    message: str = strawberry.field(metadata=sql.told("{me}.code"))


def why(facts: Facts, asked: Question, answer: Answer, zones: Zones) -> list[Reason]:
    """The reasons of a recognition answer. Of a hidden operator no word shows that it exists."""
    telling = _Recognition(facts, asked, zones)
    return [Reason(code=code, message=telling.of(code, answer)) for code in answer.reasons]


def territory(code: AdministrationCode | str) -> str:
    return str(Locale("en").territories.get(str(code), code))


def moment(at: datetime) -> str:
    """A day where the instant is its beginning in UTC, else the instant to the minute."""
    if (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0):
        return f"{at:%Y-%m-%d}"
    return f"{at:%Y-%m-%d %H:%M} UTC"


def day(at: datetime, zones: Zones, *codes: object) -> str:
    """The civil day that begins at this instant for one of these administrations, else the
    instant: the days of the law are the days of whoever made it."""
    for zone in (zones.get(str(code)) for code in codes):
        if zone and begins(day_of(at, zone), zone) == at:
            return f"{day_of(at, zone)}"
    return moment(at)


def parties(links: Iterable[Link], *codes: AdministrationCode | None) -> list[str]:
    """Whose zones the sentences need."""
    found = {code for link in links for code in (link.clause.from_, link.clause.to)}
    return sorted({str(code) for code in (*found, *codes) if code})


class _Recognition:
    """The facts of that instant that the sentences speak of."""

    def __init__(self, facts: Facts, asked: Question, zones: Zones) -> None:
        self.facts, self.asked, self.at, self.zones = facts, asked, asked.at, zones
        self.on = moment(asked.at)
        self.there = territory(asked.territory)
        self.periods = [p for p in facts.periods if holds(p, self.at)]
        self.abroad = [p for p in self.periods if p.abroad is Status.VALID]
        self.links = [
            link
            for link in facts.links
            if holds(link, self.at)
            and self._covers(link.clause.from_, facts.administration)
            and self._covers(link.clause.to, asked.territory)
        ]

    def _covers(self, party: AdministrationCode, code: AdministrationCode | None) -> bool:
        return party == code or any(
            m.bloc == party and m.member == code and holds(m, self.at) for m in self.facts.members
        )

    def of(self, code: ReasonCode, answer: Answer) -> str:
        home = territory(self.facts.administration or "")
        match code:
            case ReasonCode.NO_INFORMATION:
                return f"The register has nothing to tell of this operator in {self.there}."
            case ReasonCode.SAME_ADMINISTRATION:
                if self.facts.administration == self.asked.territory:
                    return f"{self.there} is the operator's own territory."
                return f"{home} and {self.there} were one customs territory on {self.on}."
            case ReasonCode.NO_AGREEMENT:
                return f"No agreement on record linked {home} to {self.there} on {self.on}."
            case ReasonCode.IN_FORCE:
                return _all(
                    f"{b.agreement}: in force from {home} into {self.there} on {self.on},"
                    f" and covers {b.authorisation}"
                    for b in answer.bases
                )
            case ReasonCode.UNMATCHED_IDENTIFIER:
                schemes = sorted(
                    {(b.agreement, b.identifier_scheme) for b in answer.bases if not b.identifier}
                )
                return _all(
                    f"{agreement}: {self.there} finds operators by {scheme}, and none of"
                    f" {self.facts.tin} is on record for {self.on}"
                    for agreement, scheme in schemes
                )
            case ReasonCode.STALE_DATA:
                return _all(
                    f"{link.agreement}: the last list of {home} is as of"
                    f" {moment(self.facts.list_as_of)}, older on {self.on} than the"
                    f" {link.clause.max_age_hours} hours that it allows"
                    for link in self.links
                    if link.clause.max_age_hours is not None and self.facts.list_as_of
                )
        if code.value.startswith("AUTHORISATION_") or code in _STANDING:
            return self._standing(code)
        return _all(self._scope(link, code) for link in self.links) or str(code)

    def _standing(self, code: ReasonCode) -> str:
        wanted = _STANDING[code]
        found = [p for p in self.periods if {p.status, p.abroad} & wanted]
        if not found:
            return f"No AEO authorisation of {self.facts.tin} was on record for {self.on}."
        return _all(
            f"{p.number or p.authorisation}: {_word(p, wanted)} {self._since(p)},"
            f" and so on {self.on}"
            for p in found
        )

    def _since(self, period: Period) -> str:
        if period.valid_from <= ALWAYS:
            return "from the first"
        return f"since {day(period.valid_from, self.zones, self.facts.administration)}"

    def _scope(self, link: Link, code: ReasonCode) -> str | None:
        clause, asked = link.clause, self.asked
        match code:
            case ReasonCode.TYPE_OUT_OF_SCOPE:
                types = sorted({f"{p.programme} {p.type}" for p in self.abroad})
                if link.ordinal == 0 or not clause.types:
                    return f"{link.agreement}: no clause on record for {_way(link)}"
                only = ", ".join(clause.types)
                if clause.programmes:
                    only += f" of {', '.join(clause.programmes)}"
                outside = [
                    p for p in self.abroad
                    if (clause.programmes and p.programme not in clause.programmes)
                    or (p.type not in clause.types and "*" not in clause.types)
                ]  # fmt: skip
                if not outside:
                    return None
                return f"{link.agreement}: covers {only}; the operator held {', '.join(types)}"
            case ReasonCode.ROLE_OUT_OF_SCOPE:
                own = {role for p in self.abroad for role in p.roles}
                if asked.role and own and asked.role not in own:
                    return f"{self.facts.tin}: authorised as {_list(own)}; asked {asked.role}"
                wanted = [asked.role] if asked.role else own
                return f"{link.agreement}: covers {_list(clause.roles)}; not {_list(wanted)}"
            case ReasonCode.DIRECTION_OUT_OF_SCOPE if clause.direction:
                return f"{link.agreement}: covers {clause.direction} alone; asked {asked.direction}"
            case ReasonCode.GOODS_OUT_OF_SCOPE if clause.hs:
                return f"{link.agreement}: covers HS {_list(clause.hs)}; asked HS {asked.hs}"
            case ReasonCode.CROSSING_OUT_OF_SCOPE if clause.crossings or clause.modes:
                covered = ", ".join((*clause.crossings, *clause.modes))
                given = asked.crossing or asked.mode
                return f"{link.agreement}: covers {covered}; asked {given}"
        return _state(link, code, self.at, self.there, self.zones)


_STANDING: dict[ReasonCode, frozenset[Status]] = {
    ReasonCode.AUTHORISATION_SUSPENDED: frozenset({Status.SUSPENDED}),
    ReasonCode.AUTHORISATION_ENDED: ENDED,
    ReasonCode.NOT_YET_EFFECTIVE: frozenset({Status.GRANTED}),
    ReasonCode.NO_AUTHORISATION: frozenset(),
}
_STATES: dict[ReasonCode, LinkState] = {
    ReasonCode.AGREEMENT_NOT_IMPLEMENTED: LinkState.NOT_IMPLEMENTED,
    ReasonCode.AGREEMENT_SUSPENDED: LinkState.SUSPENDED,
    ReasonCode.AGREEMENT_TERMINATED: LinkState.TERMINATED,
    ReasonCode.DATE_UNCERTAIN: LinkState.UNCERTAIN,
}


def _state(link: Link, code: ReasonCode, at: datetime, importer: str, zones: Zones) -> str | None:
    """A sentence for the link that is in the state that the reason names."""
    if link.state is not _STATES.get(code):
        return None
    sides = (link.clause.to, link.clause.from_)
    on, since = moment(at), day(link.valid_from, zones, *sides)
    match link.state:
        case LinkState.NOT_IMPLEMENTED:
            return f"{link.agreement}: {importer} had not implemented it on {on}"
        case LinkState.SUSPENDED:
            return f"{link.agreement}: {importer} had suspended it since {since}, on {on}"
        case LinkState.TERMINATED:
            return f"{link.agreement}: ended on {since}, before {on}"
        case _:
            until = f"to {day(link.valid_to, zones, *sides)}" if link.valid_to else "on"
            return (
                f"{link.agreement}: whether it was in force in {importer} on {on} no source says;"
                f" the dates leave open {since} {until}"
            )


# ---------------------------------------------------------- control results


def why_relied(
    links: Sequence[Link], asked: Inspection, answer: Reliance, zones: Zones
) -> list[Reason]:
    """The reasons of an answer about the results of controls."""
    return [
        Reason(code=code, message=_reliance(links, asked, answer, code, zones))
        for code in answer.reasons
    ]


def _reliance(
    links: Sequence[Link],
    asked: Inspection,
    answer: Reliance,
    code: ReasonCode,
    zones: Zones,
) -> str:
    way = f"from {territory(asked.exporter)} into {territory(asked.importer)}"
    goods, on = f"HS {asked.hs} at {asked.crossing}", moment(asked.at)
    names = _list({link.agreement for link in answer.clauses} or {k.agreement for k in links})
    match code:
        case ReasonCode.NO_AGREEMENT:
            return f"No agreement on the results of controls is on record {way}."
        case ReasonCode.IN_FORCE:
            return f"{names}: controls of {goods} were recognised {way} on {on}."
        case ReasonCode.DIRECTION_OUT_OF_SCOPE:
            return f"{names}: covers HS {asked.hs} in the other direction alone, not {way}."
        case ReasonCode.GOODS_OUT_OF_SCOPE:
            return f"{names}: covers no goods of HS {asked.hs} {way}."
        case ReasonCode.CROSSING_OUT_OF_SCOPE:
            return f"{names}: does not cover HS {asked.hs} at {asked.crossing} {way}."
    said = _all(
        _state(link, code, asked.at, territory(asked.importer), zones)
        for link in answer.clauses
        if not link.clause.crossings or crosses(link.clause.crossings, asked.crossing)
    )
    if said:
        return said
    begun = code is ReasonCode.AGREEMENT_TERMINATED
    return f"{names}: {'no longer' if begun else 'not yet'} covered {goods} {way} on {on}."


# -------------------------------------------------------------------- words


def _way(link: Link) -> str:
    return f"{territory(link.clause.from_)} into {territory(link.clause.to)}"


def _word(period: Period, wanted: frozenset[Status]) -> str:
    if period.status not in wanted:
        return "the part recognised abroad suspended"
    if period.status is Status.GRANTED:
        return "granted, and not yet in effect,"
    return str(period.status).lower()


def _list(words: Iterable[object]) -> str:
    return ", ".join(sorted(str(word) for word in words)) or "none"


def _all(sentences: Iterable[str | None]) -> str:
    """Each once, in order, as one text."""
    found = dict.fromkeys(sentence for sentence in sentences if sentence)
    return "; ".join(found) + "." if found else ""
