"""Who may see an operator: the SQL condition in every statement about operators.

Visibility is decided as of now, on both time axes: whether a subject may look up a past instant
depends on the agreements and consents of today, never on those of that instant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from projections.reads.bitemporal_sql import on_both
from registry.domain.consent import TO_ALL_ADEQUATE


@dataclass(frozen=True)
class VisibilityScope:
    """The subject, as far as visibility depends on it.

    `role`: public, partner, officer, company or auditor. `administration` is set for a partner or
    officer, `tin` for a company.
    """

    role: str
    administration: str | None = None
    tin: str | None = None
    #: The home territories of an officer as of now.
    own: tuple[str, ...] = ()

    def parameters(self, now: datetime) -> dict[str, Any]:
        """The SQL parameters. `now`: the instant of the request, not the as-of instant."""
        return {
            "subject_role": self.role,
            "own_territory": self.administration,
            "own_tin": self.tin,
            "own": ",".join(self.own),
            "now": now,
        }

    def is_at_home(self, tins: Iterable[str]) -> bool:
        """Whether the subject needs no agreement and no consent to see the operators with these
        TINs that it may see at all (`reading_at_home`)."""
        if self.role == "officer":
            return all(("GB" if tin[:2] == "XI" else tin[:2]) in self.own for tin in tins)
        return self.role in ("auditor", "company")

    @property
    def stated(self) -> str:
        """The subject as the policies of row-level security read it, without the instant."""
        return f"{self.role}|{self.administration or ''}|{self.tin or ''}|"


_NOW = "%(now)s"


def _today(table: str) -> str:
    return on_both(table, _NOW, _NOW)


#: Common table expressions for `with`, used by VISIBLE. PostgreSQL computes them only for subjects
#: that need them. `covering`: the parties that stand for the subject's territory, that is, itself
#: and its blocs as of now. `visible_homes`: the home territories that the subject's agreements
#: reach as of now, and what those agreements require. A territory may occur twice, which changes
#: nothing: removing duplicates would cost every statement.
VISIBILITY_CTES = f"""
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
visible_homes as materialized (
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
    select coalesce(array_agg(k.programme), '{{}}') as programmes,
        coalesce(array_agg(k.programme) filter (where k.general), '{{}}') as general,
        coalesce(array_agg(k.programme) filter (where not k.general), '{{}}') as each,
        coalesce(array_agg(k.programme) filter (where k.general and not k.adequate), '{{}}')
            as closed,
        coalesce(bool_or(k.general and k.adequate), false) as adequate
    from (
        select r.programme, r.value = 'general' as general, exists (
            select from views.programme_rule a join covering c on a.rule = 'adequate.' || c.party
            where a.programme = r.programme and starts_with(a.rule, 'adequate.')
                and a.value = 'adequate' and {_today("a")}
        ) as adequate
        from views.programme_rule r
        where r.rule = 'sharing_consent' and r.value in ('general', 'per partner', 'required')
            and {_today("r")}
    ) k
)"""

#: SQL: to whom the operator `o` consents as of now. Its row holds that, unless something decided
#: has yet to take effect.
_CONSENTS = f"""(case when o.settled <= {_NOW} then o.consents
    else rule.consents_then(o.tin, {_NOW}) end)"""

#: SQL: its consents reach the subject, by the law `w` of its programmes: see
#: registry/domain/consent.py.
_CONSENTED = f"""rule.consented(w.general && o.programmes, w.each && o.programmes,
    '{TO_ALL_ADEQUATE}' = any({_CONSENTS}) and case when w.general && o.programmes
        then not w.closed && o.programmes else w.adequate end,
    s.consent_to && {_CONSENTS})"""


def withdrawn(tin: str) -> str:
    """SQL: until when an operator that is hidden from the subject, a partner or an officer, was
    recognised in the subject's territory, where its consent was withdrawn since; else NULL."""
    return f"""case when %(subject_role)s in ('partner', 'officer')
        then rule.withdrawn({tin}, %(own_territory)s, {_NOW}) end"""


_CERTIFIED = "rule.certified()"


def at_home(row: str) -> str:
    """SQL: the subject may see everything of the operator of this row (of any table with a
    `tin`): it is its home administration, the operator itself, or an auditor."""
    return f"""(%(subject_role)s = 'auditor'
    or (%(subject_role)s = 'company' and {row}.tin = %(own_tin)s)
    or (%(subject_role)s = 'officer'
        and case left({row}.tin, 2) when 'XI' then 'GB' else left({row}.tin, 2) end
        = any(string_to_array(%(own)s, ','))))"""


def certified(row: str, known: str) -> str:
    """SQL: the operator of this row of views.operator was granted anything by that instant. Before
    that only its home administration may see it (registry/domain/disclosure.py)."""
    return f"""(({row}.settled <= {known} and {row}.held_statuses && {_CERTIFIED})
    or rule.certified_by({row}.tin, {known}))"""


def disclosed(row: str) -> str:
    """SQL: the subject may see this row of views.status_period."""
    return f"({row}.status = any({_CERTIFIED}) or {at_home(row)})"


#: SQL: an agreement or a consent lets the subject see the operator `o`.
_BY_AGREEMENT_OR_CONSENT = f"""(
    %(subject_role)s = 'auditor'
    or (%(subject_role)s = 'company' and o.tin = %(own_tin)s)
    or (%(subject_role)s = 'officer' and (o.administration = %(own_territory)s
        or o.administration in (select t.territory from own t)))
    or (%(subject_role)s in ('officer', 'partner') and exists (
        select from visible_homes s
        where s.territory = o.administration and (
            (not s.consent_required and not exists (
                select from consent_law w where w.programmes && o.programmes))
            or exists (
                select from consent_law w where {_CONSENTED})
        )
    ))
    or (%(subject_role)s = 'public' and '*' = any({_CONSENTS}))
)"""


#: SQL: the subject sees the operator `o` without an agreement or a consent. This is a part of
#: _BY_AGREEMENT_OR_CONSENT, so it never shows more.
_AT_HOME = """(
    %(subject_role)s = 'auditor'
    or (%(subject_role)s = 'company' and o.tin = %(own_tin)s)
    or (%(subject_role)s = 'officer' and o.administration = any(string_to_array(%(own)s, ',')))
)"""
_BOTH = re.compile("\x03(.*?)\x04(.*?)\x05", re.DOTALL)


def with_both(sql: str) -> str:
    """SQL that `reading_all` and `reading_at_home` complete; its parameters can be named before."""
    both = f"\x03{_BY_AGREEMENT_OR_CONSENT}\x04{_AT_HOME}\x05"
    return sql.replace(_BY_AGREEMENT_OR_CONSENT, both)


def reading_all(sql: str) -> str:
    """The SQL for every subject."""
    return _BOTH.sub(r"\1", sql)


def reading_at_home(sql: str) -> str | None:
    """The SQL for a subject that needs no agreement and no consent to see the operators it asks
    about: an auditor, the operator itself, its home administration. None where it is no other.

    PostgreSQL prepares the common table expressions of VISIBILITY_CTES for each execution, also
    where no row needs them: a third of the time of a statement about one operator.
    """
    return _BOTH.sub(r"\2", sql) if _BOTH.search(sql) else None


def visible(known: str, home: str = at_home("o")) -> str:
    """SQL: the subject may see the operator `o`, as known at that instant.

    Needs VISIBILITY_CTES in the same statement. `home`: the expression of `at_home` for `o`, where
    the statement has it already.
    """
    return f"({_BY_AGREEMENT_OR_CONSENT} and ({home} or {certified('o', known)}))"


VISIBLE = visible("%(known)s")
#: For statements about what is known now.
VISIBLE_NOW = visible(_NOW)
