"""Who may see an operator: SQL that every statement about operators carries.

Seeing is a question of today, on both clocks: who may look up a past day is decided by the
agreements and consents of now, never by those of that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from projections.reads.bitemporal_sql import on_both


@dataclass(frozen=True)
class VisibilityScope:
    """The asker, as far as seeing goes: one of five roles, and whose.

    `role`: public, partner, officer, company or auditor. `administration` belongs to the
    partner or officer, `tin` to the company.
    """

    role: str
    administration: str | None = None
    tin: str | None = None
    #: The home territories of an officer today.
    own: tuple[str, ...] = ()

    def parameters(self, now: datetime) -> dict[str, Any]:
        """`now`: the real instant of the request, not the one it asks about."""
        return {
            "asker": self.role,
            "own_territory": self.administration,
            "own_tin": self.tin,
            "own": ",".join(self.own),
            "now": now,
        }


_NOW = "%(now)s"


def _today(table: str) -> str:
    return on_both(table, _NOW, _NOW)


#: Common table expressions for `with`, used by VISIBLE. Never computed for askers without need.
#: `covering`: the parties that stand for the asker's territory: itself and its blocs of today.
#: `sight`: the home territories that the asker's agreements reach today, and what they ask for.
#: A territory may be in them twice, which changes nothing: making it unique costs every statement.
SIGHT = f"""
covering as materialized (
    select %(own_territory)s::text as party
    union all
    select m.bloc from views.membership m
    where m.member = %(own_territory)s and m.sense = 'CUSTOMS_TERRITORY' and {_today("m")}
),
own as materialized (
    select %(own_territory)s::text as territory
    union all
    select m.member from views.membership m
    where m.bloc = %(own_territory)s and m.sense = 'CUSTOMS_TERRITORY' and {_today("m")}
),
sight as materialized (
    select home.territory, bool_and(l.consent_required) as consent_required,
        (select array_agg(c.party) from covering c) as consent_to
    from views.link l
    cross join lateral (
        select l.from_party as territory
        union all
        select m.member from views.membership m
        where m.bloc = l.from_party and m.sense = 'CUSTOMS_TERRITORY' and {_today("m")}
    ) home
    where l.kind = 'AEO_MUTUAL_RECOGNITION' and l.state in ('LIVE', 'UNCERTAIN') and {_today("l")}
        and l.to_party in (select c.party from covering c)
    group by home.territory
),
consent_law as materialized (
    select r.programme from views.programme_rule r
    where r.rule = 'sharing_consent' and r.value = 'required' and {_today("r")}
)"""

#: To whom the operator `o` consents today: its row knows, unless something is still to come of it.
_CONSENTS = f"""(case when o.settled <= {_NOW} then o.consents
    else rule.consents_then(o.tin, {_NOW}) end)"""

_CERTIFIED = "rule.certified()"


def at_home(row: str) -> str:
    """SQL: is the asker the home customs of the operator on this row (of anything that has a
    `tin`), the operator itself, or an auditor? They alone are told all of it."""
    return f"""(%(asker)s = 'auditor'
    or (%(asker)s = 'company' and {row}.tin = %(own_tin)s)
    or (%(asker)s = 'officer'
        and case left({row}.tin, 2) when 'XI' then 'GB' else left({row}.tin, 2) end
        = any(string_to_array(%(own)s, ','))))"""


def certified(row: str, known: str) -> str:
    """SQL: whether the operator on this row of views.operator was granted anything by that instant.
    Before that only those at home are told of the operator (registry/domain/disclosure.py)."""
    return f"""(({row}.settled <= {known} and {row}.held_statuses && {_CERTIFIED})
    or rule.certified_by({row}.tin, {known}))"""


def disclosed(row: str) -> str:
    """SQL: is the asker told of this row of views.status_period at all?"""
    return f"({row}.status = any({_CERTIFIED}) or {at_home(row)})"


#: Is there an agreement or a consent by which the asker may see the operator `o`?
_SIGHTED = f"""(
    %(asker)s = 'auditor'
    or (%(asker)s = 'company' and o.tin = %(own_tin)s)
    or (%(asker)s = 'officer' and (o.administration = %(own_territory)s
        or o.administration in (select t.territory from own t)))
    or (%(asker)s in ('officer', 'partner') and exists (
        select from sight s
        where s.territory = o.administration and (
            (not s.consent_required and not exists (
                select from consent_law w where w.programme = any(o.programmes)))
            or s.consent_to && {_CONSENTS}
        )
    ))
    or (%(asker)s = 'public' and '*' = any({_CONSENTS}))
)"""


def visible(known: str, home: str = at_home("o")) -> str:
    """SQL: may the asker see the operator `o`, as known at that instant? Wants the expressions of
    SIGHT in the same statement. `home`: where the statement has `at_home` of `o` already."""
    return f"({_SIGHTED} and ({home} or {certified('o', known)}))"


VISIBLE = visible("%(known)s")
#: For statements that ask of no past knowledge.
VISIBLE_NOW = visible(_NOW)
