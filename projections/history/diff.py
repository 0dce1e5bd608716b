"""Compares two moments: the operators with different results, and the events that lie in between.

It works with sets first: a result can differ only where a row of the operator, or of the law of its
home, is valid at one moment and not at the other. Only those operators are evaluated, by the rule
in SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import psycopg

from projections.reads.bitemporal_sql import on_both
from projections.reads.recognition import IS_CONSENT_LAW

Connection = psycopg.Connection[Any]
Progress = Callable[[int, int], None]  # Operators examined, and how many there are to examine.

CHUNK = 200  # Operators examined in one statement.
RECOGNISED, NOT_RECOGNISED, UNKNOWN = "RECOGNISED", "NOT_RECOGNISED", "UNKNOWN"


@dataclass(frozen=True)
class Moment:
    """A pair of instants: valid time and transaction time, both in UTC."""

    at: datetime
    known: datetime


@dataclass(frozen=True)
class TerritoryDifference:
    """The outcomes of one territory at the two moments."""

    territory: str
    one: str
    other: str


@dataclass
class AnswerDifference:
    """An operator with different results. A standing of None: nothing was known about it yet.

    `event_positions`: the positions of the events that lie between the facts of both moments.
    """

    tin: str
    administration: str
    standing: tuple[str | None, str | None]
    answers: list[TerritoryDifference] = field(default_factory=list)
    event_positions: set[int] = field(default_factory=set)


def _valid_at(moment: str) -> str:
    """SQL: the row `t` is valid at that moment, in valid time and in transaction time."""
    at, known = f"%({moment}_at)s::timestamptz", f"%({moment}_known)s::timestamptz"
    return f"({on_both('t', at, known)})"


_ONE, _OTHER = _valid_at("one"), _valid_at("other")
#: SQL: the event in between, which introduced the row or ended it.
_EVENT = f"""case when t.recorded_to <= case when {_ONE} then %(other_known)s else %(one_known)s end
    then t.position_to else t.position end"""


def _changed_rows(table: str, columns: str, where: str = "true") -> str:
    """SQL: rows of a table such that only one of the moments has a row with the same columns."""
    return f"""(
select * from (
    select {columns}, {_EVENT} as event,
        bool_or({_ONE}) over same_fact as in_one, bool_or({_OTHER}) over same_fact as in_other
    from views.{table} t
    where ({_ONE} or {_OTHER}) and {where}
    window same_fact as (partition by {columns})
) m where m.in_one <> m.in_other)"""


_LINK = """t.from_party, t.to_party, t.state, t.programmes, t.types, t.roles, t.identifier_scheme,
    t.consent_required, t.max_age_hours"""
#: SQL: the law that differs: its owner, the other side, and the event in between.
LAW = f"""
select 'link', m.from_party, m.to_party, m.event
from {_changed_rows("link", _LINK, "t.kind = 'AEO_MUTUAL_RECOGNITION'")} m
union select 'member', m.member, m.bloc, m.event
from {_changed_rows("membership", "t.bloc, t.member", "t.sense = 'CUSTOMS_TERRITORY'")} m
union select 'consent', p.administration, null, m.event
from {_changed_rows("programme_rule", "t.programme, t.rule, t.value", IS_CONSENT_LAW)} m
join views.programme p on p.code = m.programme
union select 'list', l.administration, null, p.position
from (
    select r.administration,
        max(r.position) filter (where r.recorded_from <= %(one_known)s) as one,
        max(r.position) filter (where r.recorded_from <= %(other_known)s) as other
    from views.list_received r group by r.administration
) l
left join views.list_received one
    on one.administration = l.administration and one.position = l.one
left join views.list_received other
    on other.administration = l.administration and other.position = l.other
join (select distinct t.max_age_hours as age from views.link t
    where t.kind = 'AEO_MUTUAL_RECOGNITION') a
    on coalesce(one.as_of < %(one_at)s
            - make_interval(hours => least(a.age, one.cadence_hours)), false)
        <> coalesce(other.as_of < %(other_at)s
            - make_interval(hours => least(a.age, other.cadence_hours)), false)
cross join lateral (values (l.one), (l.other)) p (position)
where p.position is not null
"""
CANDIDATES = f"""
create temporary table contrasted on commit drop as
select t.tin from views.status_period t where {_ONE} <> {_OTHER}
union select t.tin from views.consent t where t.partner <> '*' and {_ONE} <> {_OTHER}
union select t.tin from views.identifier t where {_ONE} <> {_OTHER}
union select o.tin from views.operator o
where (o.registered <= %(one_known)s) <> (o.registered <= %(other_known)s)
    or o.administration = any(%(homes)s::text[])"""


def _territory_outcomes(moment: str) -> str:
    """SQL: the outcomes of every territory for the operators of the chunk. The other members of a
    customs territory that the home belongs to have the outcome of the home itself."""
    at, known = f"%({moment}_at)s", f"%({moment}_known)s"
    verdicts = "rule.verdicts(c.tin, c.home, {}, " + f"{at}, {known}, null, null, null, null, null)"
    return f"""
    select distinct on (c.tin, v.territory) c.tin, v.territory, v.outcome
    from chunk c cross join lateral (
        select v.territory, v.outcome, 1 as place from {verdicts.format("%(territory)s::text")} v
        union all
        select m.member, v.outcome, 2
        from {verdicts.format("c.home")} v join rule.members({at}, {known}) m
            on m.bloc = any(rule.parties(c.home, {at}, {known})) and m.member <> c.home
        where %(territory)s::text is null
    ) v
    where c.in_{moment} and (v.territory <> c.home or %(territory)s::text is not null)
    order by c.tin, v.territory, v.place"""


def _outcome(moment: str) -> str:
    """SQL: the outcome of a territory; evaluated separately where only the other moment leads to
    it."""
    return f"""case when not c.in_{moment} then '{UNKNOWN}' else coalesce({moment}.outcome, (
        select v.outcome from rule.verdicts(c.tin, c.home, coalesce(one.territory, other.territory),
            %({moment}_at)s, %({moment}_known)s, null, null, null, null, null) v)) end"""


CHUNK_OF_DIFFERENCES = f"""
with chunk as materialized (
    select o.tin, o.administration as home, o.registered <= %(one_known)s as in_one,
        o.registered <= %(other_known)s as in_other
    from views.operator o where o.tin = any(%(tins)s::text[])
),
one as materialized ({_territory_outcomes("one")}),
other as materialized ({_territory_outcomes("other")}),
answered as (
    select c.tin, coalesce(one.territory, other.territory) as territory,
        {_outcome("one")} as one, {_outcome("other")} as other
    from one full join other on one.tin = other.tin and one.territory = other.territory
    join chunk c on c.tin = coalesce(one.tin, other.tin)
),
stood as (
    select c.*,
        (select s.standing from rule.stood(c.tin, %(one_at)s, %(one_known)s) s where c.in_one) as a,
        (select s.standing from rule.stood(c.tin, %(other_at)s, %(other_known)s) s
            where c.in_other) as b
    from chunk c
)
select s.tin, s.home, s.a, s.b, w.territory, w.one, w.other
from stood s left join answered w on w.tin = s.tin and w.one <> w.other
    -- An operator that was not known yet was never answered anything but no.
    and (s.in_one and s.in_other or '{RECOGNISED}' in (w.one, w.other))
where s.a is distinct from s.b or w.tin is not null
order by s.tin, w.territory"""
#: SQL: the operator's own events in between: those of its standing, and those of other facts that
#: recognition depends on.
OWN_EVENTS = f"""
select m.tin, 'standing', m.event from {
    _changed_rows(
        "status_period",
        "t.tin, t.authorisation, t.programme, t.type, t.status, t.abroad, t.roles",
        "t.tin = any(%(tins)s::text[])",
    )
} m
union select m.tin, 'recognition', m.event from {
    _changed_rows(
        "consent", "t.tin, t.partner", "t.partner <> '*' and t.tin = any(%(tins)s::text[])"
    )
} m
union select m.tin, 'recognition', m.event from {
    _changed_rows("identifier", "t.tin, t.scheme, t.value", "t.tin = any(%(tins)s::text[])")
} m
union select o.tin, 'standing',
    (select min(n.position) from views.particulars n where n.tin = o.tin)
from views.operator o
where o.tin = any(%(tins)s::text[])
    and (o.registered <= %(one_known)s) <> (o.registered <= %(other_known)s)"""


class MomentDiff:
    """Two moments of one register, compared in one transaction, so that nothing changes
    meanwhile."""

    def __init__(self, connection: Connection, one: Moment, other: Moment) -> None:
        """`connection`: in a REPEATABLE READ transaction, of a role that may create temporary
        tables."""
        self.connection = connection
        self.given: dict[str, Any] = {
            "one_at": one.at,
            "one_known": one.known,
            "other_at": other.at,
            "other_known": other.known,
        }
        self.law: list[tuple[str, str, str | None, int]] = self._fetch(LAW)
        self.blocs: dict[str, set[str]] = {}
        for bloc, member in self._fetch(
            "select distinct m.bloc, m.member from views.membership m"
            " where m.sense = 'CUSTOMS_TERRITORY'"
        ):
            self.blocs.setdefault(member, set()).add(bloc)

    def differences(
        self,
        *,
        territory: str | None = None,
        tin: str | None = None,
        after: str = "",
        progress: Progress | None = None,
    ) -> Iterator[AnswerDifference]:
        """Every operator with a different result, by TIN: for every territory, or for one."""
        if tin is None:
            self.connection.execute(CANDIDATES.encode(), self.given | {"homes": self._homes()})
            self.connection.execute("create index on contrasted (tin)")
            [(total,)] = self._fetch(
                "select count(*) from contrasted where tin > %(after)s", after=after
            )
        done = 0
        while True:
            tins = (
                [tin]
                if tin
                else [
                    row[0]
                    for row in self._fetch(
                        "select tin from contrasted where tin > %(after)s"
                        " order by tin limit %(most)s",
                        after=after,
                        most=CHUNK,
                    )
                ]
            )
            yield from self._chunk(tins, territory)
            done += len(tins)
            if progress and tin is None:
                progress(done, total)
            if tin or len(tins) < CHUNK:
                return
            after = tins[-1]

    def _chunk(self, tins: list[str], territory: str | None) -> list[AnswerDifference]:
        rows = self._fetch(CHUNK_OF_DIFFERENCES, tins=tins, territory=territory)
        found: dict[str, AnswerDifference] = {}
        for tin, of_it in groupby(rows, key=lambda row: row[0]):
            answers = list(of_it)
            _, home, one, other, *_ = answers[0]
            differences = [TerritoryDifference(*row[4:]) for row in answers if row[4] is not None]
            found[tin] = AnswerDifference(tin, home, (one, other), differences)
        for tin, kind, event in self._fetch(OWN_EVENTS, tins=list(found)):
            if kind == "standing" or found[tin].answers:
                found[tin].event_positions.add(event)
        for answer_difference in found.values():
            answer_difference.event_positions |= self._law_between(answer_difference)
        return list(found.values())

    def _law_between(self, answer_difference: AnswerDifference) -> set[int]:
        home = self._parties(answer_difference.administration)
        parties_there = {
            party
            for answer in answer_difference.answers
            for party in self._parties(answer.territory)
        }
        if not parties_there:
            return set()
        return {
            event
            for kind, whose, towards, event in self.law
            if (whose in home and (kind != "link" or towards in parties_there))
            or (kind == "member" and whose in parties_there)
        }

    def _homes(self) -> list[str]:
        """The administrations whose operators' results the changed law may affect."""
        changed = {whose for kind, whose, _, _ in self.law}
        blocs = {bloc for kind, _, bloc, _ in self.law if kind == "member" and bloc}
        # A member that joins or leaves affects those that link to it, and all members of its bloc.
        towards = blocs | {whose for kind, whose, _, _ in self.law if kind == "member"}
        changed |= blocs | {
            row[0]
            for row in self._fetch(
                "select distinct t.from_party from views.link t"
                " where t.to_party = any(%(towards)s)",
                towards=sorted(towards),
            )
        }
        return sorted(changed | {member for member, own in self.blocs.items() if own & changed})

    def _parties(self, code: str) -> set[str]:
        return {code} | self.blocs.get(code, set())

    def _fetch(self, statement: str, **more: Any) -> list[Any]:
        return self.connection.execute(statement.encode(), self.given | more).fetchall()
