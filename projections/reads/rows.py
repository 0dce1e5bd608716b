"""What the planner selects: the rows of each type, with the row above as `{me}`.

The columns have the names of the fields. `{key}` is what is looked up. PostgreSQL computes only
the columns that an answer asks for, so a column here costs nothing to those who leave it out.
"""

from __future__ import annotations

from projections.reads.clocks import POSITION, believed, on_both
from projections.reads.operators import STANDING
from projections.reads.visibility import VISIBLE
from registry.values import Status

_RANK = "array[" + ", ".join(f"'{status.value}'" for status in Status) + "]"

#: Of the operators that the asker may see. Wants SIGHT in the same statement.
_OPERATOR = f"""
select o.tin, o.id, o.administration, o.time_zone, o.source, n.name, n.local_name, n.address,
    n.roles, n.successor, {STANDING} as standing, {POSITION} as position
from views.operator o
cross join lateral (
    select n.name, n.local_name, n.address, n.roles, n.successor from views.particulars n
    where n.tin = o.tin and {believed("n")}
    order by greatest(n.valid_from, %(at)s), n.valid_from desc limit 1
) n
where o.registered <= %(known)s and {VISIBLE}"""

OPERATOR = f"{_OPERATOR} and o.tin = {{key}}"
SUCCESSOR = f"{_OPERATOR} and o.tin = {{me}}.successor"
#: The public is told the standing alone.
ADDRESS = "case when %(asker)s <> 'public' then {me}.address end"

ADMINISTRATION = """
select a.code, a.name, a.time_zone, a.bloc, a.source
from views.administration a where a.code = {me}.administration"""

PROGRAMME = f"""
select p.code, p.administration, p.name, p.local_name, p.launched, p.operators_described,
    p.confidence, p.source,
    coalesce((select t.types from views.programme_type t
        where t.programme = p.code and {on_both("t")} limit 1), '{{}}') as types
from views.programme p where p.code = {{me}}.programme"""

AUTHORISATIONS = f"""
select p.tin, p.authorisation, coalesce(p.number, p.authorisation) as number, p.programme, p.type,
    p.status, p.roles, p.effective_from, p.valid_until, p.flags,
    array_position({_RANK}, p.status) as rank,
    (%(at)s at time zone {{me}}.time_zone)::date as today,
    (select min(e.valid_from) from views.status_period e
        where e.tin = p.tin and e.authorisation = p.authorisation and e.status = p.status
            and e.valid_from <= p.valid_from and {believed("e")} and not exists (
                select from views.status_period r
                where r.tin = p.tin and r.authorisation = p.authorisation
                    and r.status <> p.status and {believed("r")}
                    and r.valid_from > e.valid_from and r.valid_from < p.valid_from)
    ) as since
from views.status_period p
where p.tin = {{me}}.tin and {on_both("p")}"""
BEST_FIRST = "{it}.rank, {it}.authorisation"

#: `met`: null while it is open.
DEADLINES = """
select d.what, d.due, d.rule, d.ordinal,
    case when d.met_on <= {me}.today then d.met_on <= d.due
        when {me}.today > d.due then false end as met,
    (d.met_on is null or d.met_on > {me}.today) and {me}.today > d.due as overdue
from views.deadline d
where d.tin = {me}.tin and d.authorisation = {me}.authorisation and not d.dropped"""
SOONEST_FIRST = "{it}.due, {it}.ordinal"

IDENTIFIERS = f"""
select i.scheme, i.value, i.issuer, i.verified_by, i.valid_from as since,
    (i.valid_from at time zone {{me}}.time_zone)::date as valid_from,
    (i.valid_to at time zone {{me}}.time_zone)::date as valid_to
from views.identifier i
where i.tin = {{me}}.tin and {on_both("i")}"""
BY_SCHEME = "{it}.scheme, {it}.value, {it}.since"

#: Is the asker the home customs of the operator on row `{me}`, the operator itself, an auditor?
_AT_HOME = """(%(asker)s = 'auditor'
    or (%(asker)s = 'company' and {me}.tin = %(own_tin)s)
    or (%(asker)s = 'officer' and case left({me}.tin, 2) when 'XI' then 'GB' else left({me}.tin, 2)
        end = any(string_to_array(%(own)s, ','))))"""

PERIODS = f"""
select coalesce(p.number, p.authorisation) as authorisation, p.status, p.valid_from,
    nullif(p.valid_to, '9999-12-31T00:00Z') as valid_to, p.recorded_from,
    case when p.recorded_to <= %(known)s then p.recorded_to end as recorded_to,
    case when {_AT_HOME} then p.ground else 'REDACTED' end as ground,
    p.authorisation as reference, p.position
from views.status_period p
where p.tin = {{me}}.tin and p.recorded_from <= %(known)s
order by p.valid_from desc, p.recorded_from desc, p.authorisation, p.position desc
limit %(first)s"""
NEWEST_FIRST = "{it}.valid_from desc, {it}.recorded_from desc, {it}.reference, {it}.position desc"

_VERDICT = f"""
    v.legal, v.operational, v.bases, %(at)s as at, %(known)s as known_at, {POSITION} as position"""

#: In every territory of which the asker may ask.
RECOGNISED_IN = f"""
select {{me}}.tin, v.territory as in_, v.outcome, v.reasons, {_VERDICT}
from rule.verdicts({{me}}.tin, {{me}}.administration, null, %(at)s, %(known)s,
    null, null, null, null, null) v
where {_AT_HOME} or v.territory = any(string_to_array(%(reach)s, ','))"""
BY_TERRITORY = '{it}.in_ collate "C"'

_RECOGNITION = f"""
select {{key}} as tin, %(in)s as in_, coalesce(v.outcome, 'UNKNOWN') as outcome,
    coalesce(v.legal, 'UNKNOWN') as legal, coalesce(v.operational, 'UNKNOWN') as operational,
    coalesce(v.reasons, array['NO_INFORMATION']) as reasons, v.bases,
    %(at)s as at, %(known)s as known_at, {POSITION} as position
from (values (true)) as always_one_row
left join lateral (
    select o.tin, o.administration from views.operator o
    where o.tin = {{key}} and o.registered <= %(known)s and {VISIBLE}
) o on true
left join lateral rule.verdicts(o.tin, o.administration, %(in)s, %(at)s, %(known)s,
    ASKED) v on o.tin is not null"""
#: Hidden and unknown are the same row.
RECOGNITION = _RECOGNITION.replace(
    "ASKED", "%(role)s, %(direction)s, %(hs)s, %(crossing)s, %(mode)s"
)
RECOGNITIONS = _RECOGNITION.replace("ASKED", "null, null, null, null, null")

REASONS = "select r.code from unnest({me}.reasons) as r (code)"
BASES = "select b.* from unnest({me}.bases) as b"

_AGREEMENT = f"""
select g.id, g.kind, g.pillars, g.title, g.legal_basis, g.confidence, g.details, g.source,
    coalesce((select s.status from views.stage s
        where s.agreement = g.id and {on_both("s")} limit 1), 'PROPOSED') as status,
    {POSITION} as position
from views.agreement g where g.registered <= %(known)s"""
AGREEMENT = f"{_AGREEMENT} and g.id = {{key}}"
BASIS_AGREEMENT = f"{_AGREEMENT} and g.id = {{me}}.agreement"
