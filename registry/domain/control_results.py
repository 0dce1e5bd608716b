"""The rule for control results: may the importer's customs rely on the exporter's inspection?

The rule is pure, like the rule of recognition. An agreement on control results names its goods,
crossings and directions; anything else is not covered. All instants are in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.domain.agreements.links import Link, LinkState
from registry.domain.recognition import Member, ValidInterval, crosses, is_valid_at, plain_crossing
from registry.domain.values import AdministrationCode, HsCode, Outcome, ReasonCode


@dataclass(frozen=True)
class Inspection:
    """An inspection of goods of one HS code on their way from one territory to another."""

    exporter: AdministrationCode
    importer: AdministrationCode
    crossing: str
    hs: HsCode
    at: datetime


@dataclass(frozen=True)
class Reliance:
    """The answer and the clauses that decided it."""

    outcome: Outcome
    reasons: tuple[ReasonCode, ...]
    clauses: tuple[Link, ...] = ()


_NOT_LIVE = {
    LinkState.TERMINATED: ReasonCode.AGREEMENT_TERMINATED,
    LinkState.SUSPENDED: ReasonCode.AGREEMENT_SUSPENDED,
    LinkState.NOT_IMPLEMENTED: ReasonCode.AGREEMENT_NOT_IMPLEMENTED,
}


def rely(links: Sequence[Link], members: Sequence[Member], asked: Inspection) -> Reliance:
    """Answers whether the importer may rely on the inspection.

    `links`: every clause on control results between the two territories, of any day and direction.
    """

    def covers(party: AdministrationCode, code: AdministrationCode) -> bool:
        return party == code or any(
            m.bloc == party and m.member == code and is_valid_at(m, asked.at) for m in members
        )

    there = [
        link
        for link in links
        if covers(link.clause.from_, asked.exporter) and covers(link.clause.to, asked.importer)
    ]
    back = [
        link
        for link in links
        if covers(link.clause.from_, asked.importer) and covers(link.clause.to, asked.exporter)
    ]
    if not there and not back:
        return Reliance(Outcome.NOT_RECOGNISED, (ReasonCode.NO_AGREEMENT,))
    covered = [
        link for link in there if _covers_goods(link, asked) and _covers_crossing(link, asked)
    ]
    if not covered:
        return _answer_outside_scope(there, back, asked)
    return _answer_by_state(covered, asked.at)


def crossing_in_clauses(
    crossing: str, names: Iterable[Mapping[str, Mapping[str, str]]], named: Iterable[str]
) -> str:
    """The crossing, or one office of it, as the clauses name it, for a name in another language.

    `names`: original names by language, then by name. `named`: the crossings that clauses name. In
    a script without spaces, the beginning of a name is sufficient (绥芬河 for 绥芬河公路).
    A name that is not found, or that is ambiguous, is returned unchanged.
    """
    named = list(named)
    asked = plain_crossing(crossing)
    if crosses(named, asked):
        return crossing
    found: set[str] = set()
    for words in names:
        for language in words.values():
            for name in {*named} & language.keys():
                found |= _matching_names(asked, plain_crossing(language[name]), name)
    return found.pop() if len(found) == 1 else crossing


def _matching_names(asked: str, original: str, name: str) -> set[str]:
    """The crossing, or the office of it, whose name in that language was asked for."""
    if crosses([original], asked) and "-" in asked:
        return {name}
    offices = zip(original.split("-"), name.split("-"), strict=False)
    run_on = len(asked) > 1 and not asked.isascii()
    return {
        ours for theirs, ours in offices if theirs == asked or (run_on and theirs.startswith(asked))
    }


def _answer_by_state(covered: Sequence[Link], at: datetime) -> Reliance:
    """The answer if goods, crossing and direction are covered, by the state of the clauses."""
    of_day = [link for link in covered if is_valid_at(link, at)]
    live = tuple(link for link in of_day if link.state is LinkState.LIVE)
    if live:
        return Reliance(Outcome.RECOGNISED, (ReasonCode.IN_FORCE,), live)
    uncertain = tuple(link for link in of_day if link.state is LinkState.UNCERTAIN)
    if uncertain:
        return Reliance(Outcome.UNKNOWN, (ReasonCode.DATE_UNCERTAIN,), uncertain)
    reasons = {_NOT_LIVE[link.state] for link in of_day} or {
        ReasonCode.AGREEMENT_NOT_IMPLEMENTED
        if _begins_after(link, at)
        else ReasonCode.AGREEMENT_TERMINATED
        for link in covered
    }
    ordered = tuple(sorted(reasons, key=lambda reason: reason.value))
    return Reliance(Outcome.NOT_RECOGNISED, ordered, tuple(of_day))


def _answer_outside_scope(
    there: Sequence[Link], back: Sequence[Link], asked: Inspection
) -> Reliance:
    """The answer if they are not covered, with the reason that is nearest to being covered."""
    returning = tuple(link for link in back if _covers_goods(link, asked))
    same_place = tuple(link for link in returning if _covers_crossing(link, asked))
    elsewhere = tuple(link for link in there if _covers_goods(link, asked))
    known_crossing = any(_covers_crossing(link, asked) for link in (*there, *back))
    if same_place:
        reason, clauses = ReasonCode.DIRECTION_OUT_OF_SCOPE, same_place
    elif elsewhere or not known_crossing:
        reason, clauses = ReasonCode.CROSSING_OUT_OF_SCOPE, elsewhere
    elif returning:
        reason, clauses = ReasonCode.DIRECTION_OUT_OF_SCOPE, returning
    else:
        reason, clauses = ReasonCode.GOODS_OUT_OF_SCOPE, ()
    of_day = tuple(link for link in clauses if is_valid_at(link, asked.at))
    return Reliance(Outcome.NOT_RECOGNISED, (reason,), of_day)


def _covers_goods(link: Link, asked: Inspection) -> bool:
    """Whether the clause covers the goods."""
    return not link.clause.hs or any(hs.covers(asked.hs) for hs in link.clause.hs)


def _covers_crossing(link: Link, asked: Inspection) -> bool:
    """Whether the clause covers the crossing."""
    return not link.clause.crossings or crosses(link.clause.crossings, asked.crossing)


def _begins_after(stretch: ValidInterval, at: datetime) -> bool:
    """Whether the interval begins after the instant."""
    return at < stretch.valid_from
