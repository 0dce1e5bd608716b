"""What the planner selects: the rows of each type, with the row above as `{me}`.

The columns have the names of the fields. `{key}` is what is looked up. PostgreSQL computes only
the columns that an answer asks for, so a column here costs nothing to those who leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass

from projections.models.operator_snapshot import LATEST
from projections.reads.bitemporal_sql import POSITION, believed, holds, on_both
from projections.reads.crossings import in_sql
from projections.reads.verdicts import HELD, LEGAL_STATE_VERSION
from projections.reads.visibility import VISIBLE, at_home, disclosed, visible
from registry.domain.values import Status


@dataclass(frozen=True)
class Ready:
    """A text as it lies, for the selection that is asked most: a list's, or, over its own row, an
    object's.

    `text`: an expression. `select`: the rows that are read where it is NULL, said so that a
    statement which seldom needs them is not made larger; without it the text is never NULL. `kept`:
    it has a mark in it, for verdicts that the process keeps (api.graphql.planner.verdict_cache).
    """

    selection: str
    text: str
    select: str = ""
    kept: bool = False


#: Before and after what is worded outside of SQL; in JSON text it is always escaped.
MARK = r"e'\x01'"


def global_id(kind: str, key: str) -> str:
    """SQL: the global id of an object, as it is believed at the instants of the question."""
    return f"'{kind}' || %(belief)s || {{me}}.{key}"


_RANK = "array[" + ", ".join(f"'{status.value}'" for status in Status) + "]"

#: Does the row `o` of an operator answer by itself: is all that its events decided in effect, and
#: no end that was said in advance come yet?
SETTLED = """(o.settled <= least(%(at)s, %(known)s)
    and (o.settled_until is null or o.settled_until > %(at)s))"""

#: Of the operators that the asker may see. Wants SIGHT in the same statement. One that is settled
#: at both instants says itself how it stood.
_OPERATOR = f"""
select o.tin, o.id, o.administration, o.time_zone, o.source, n.name, n.local_name, n.address,
    n.roles, n.successor,
    case when s.at_home then n.standing
        when s.settled then rule.certified_standing(o.held_statuses)
        else rule.certified_standing_then(o.tin, %(at)s, %(known)s) end as standing,
    {POSITION} as position, s.settled, s.at_home, o.held,
    o.held_programmes, o.held_types, o.held_statuses, o.held_abroad, o.held_roles, o.held_from,
    o.schemes, o.identifiers, o.consents, o.latest
from (
    select o.* from views.operator o where o.tin = WANTED
    offset 0  -- a fence: else each partition carries all that is asked of the operator
) o
cross join lateral (
    select {SETTLED} as settled, {at_home("o")} as at_home
    offset 0  -- a fence: else it is worked out wherever it is asked for
) s
cross join lateral (
    select o.name, o.local_name, o.address, o.roles, o.successor, o.standing where s.settled
    union all
    select n.name, n.local_name, n.address, n.roles, n.successor, n.standing
    from rule.stood(o.tin, %(at)s, %(known)s) n where not s.settled
) n
where o.registered <= %(known)s and {visible("%(known)s", "s.at_home")}"""

OPERATOR = _OPERATOR.replace("WANTED", "{key}")
SUCCESSOR = _OPERATOR.replace("WANTED", "{me}.successor")
#: Where the row does not answer by itself, the tables do.
STANDING_ABROAD = """case
    when not {me}.settled then
        rule.abroad_then({me}.tin, %(at)s, %(known)s, {me}.at_home)
    when {me}.at_home then rule.best({me}.held_abroad)
    else rule.certified_standing({me}.held_abroad) end"""
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
    p.status, p.abroad as status_abroad, rule.suspended_parts(p.flags) as suspended_parts,
    p.roles, p.effective_from, p.valid_until,
    case when {at_home("p")} then p.flags
        else array(select f from unnest(p.flags) f where starts_with(f, 'part_')) end as flags,
    array_position({_RANK}, p.status) as rank,
    (select min(e.valid_from) from views.status_period e
        where e.tin = p.tin and e.authorisation = p.authorisation and e.status = p.status
            and e.valid_from <= p.valid_from and {believed("e")} and not exists (
                select from views.status_period r
                where r.tin = p.tin and r.authorisation = p.authorisation
                    and r.status <> p.status and {believed("r")}
                    and r.valid_from > e.valid_from and r.valid_from < p.valid_from)
    ) as since
from views.status_period p
where p.tin = {{me}}.tin and {on_both("p")} and {disclosed("p")}"""
BEST_FIRST = "{it}.rank, {it}.authorisation"

#: Is the asker told all of the operator on row `{me}`?
_AT_HOME = at_home("{me}")

#: `met`: null while it is open.
DEADLINES = f"""
select d.what, d.due, d.rule, d.ordinal,
    case when d.met_at <= %(at)s then d.met_on <= d.due
        when d.over_at <= %(at)s then false end as met,
    (d.met_at is null or d.met_at > %(at)s) and d.over_at <= %(at)s as overdue
from views.deadline d
where d.tin = {{me}}.tin and d.authorisation = {{me}}.authorisation and not d.dropped
    and d.due is not null and {_AT_HOME}"""
SOONEST_FIRST = "{it}.due, {it}.ordinal"

UNKNOWN_DEADLINES = f"""
select d.what, d.rule, d.ordinal
from views.deadline d
where d.tin = {{me}}.tin and d.authorisation = {{me}}.authorisation and not d.dropped
    and d.due is null and (d.met_at is null or d.met_at > %(at)s) and {_AT_HOME}"""
AS_SET = "{it}.ordinal"

IDENTIFIERS = f"""
select i.scheme, i.value, i.issuer, i.verified_by, i.valid_from as since,
    i.from_day as valid_from, i.to_day as valid_to
from views.identifier i
where i.tin = {{me}}.tin and {on_both("i")}"""
BY_SCHEME = "{it}.scheme, {it}.value, {it}.since"

_ONE_PERIOD = """coalesce(p.number, p.authorisation) as authorisation, p.status, p.valid_from,
    nullif(p.valid_to, '9999-12-31T00:00Z') as valid_to, p.recorded_from,
    case when p.recorded_to <= %(known)s then p.recorded_to end as recorded_to"""
#: What those are told who are not at home.
_DISCLOSED = "from rule.disclosed_periods({me}.tin, %(known)s, %(first)s) p where not {me}.at_home"


def _at_corner(column: str) -> str:
    """SQL: what was believed at the beginning of a disclosed stretch, which is so all over it."""
    return f"""(select {column} from views.status_period q
        where q.tin = {{me}}.tin and q.authorisation = p.authorisation
            and {on_both("q", "p.valid_from", "p.recorded_from")} limit 1)"""


PERIODS = f"""
(select {_ONE_PERIOD}, p.abroad as status_abroad,
    rule.suspended_parts(p.flags) as suspended_parts, p.ground,
    p.authorisation as reference, p.position
from views.status_period p
where p.tin = {{me}}.tin and p.recorded_from <= %(known)s and {{me}}.at_home
order by p.valid_from desc, p.recorded_from desc, p.authorisation collate "C", p.position desc
limit %(first)s)
union all
select {_ONE_PERIOD}, {_at_corner("q.abroad")}, rule.suspended_parts({_at_corner("q.flags")}),
    'REDACTED', p.authorisation, p.place {_DISCLOSED}"""
NEWEST_FIRST = (
    '{it}.valid_from desc, {it}.recorded_from desc, {it}.reference collate "C", {it}.position desc'
)
#: The same from the texts that lie with the operator: all of its periods, or as many as are asked.
PERIODS_READY = Ready(
    "authorisation status validFrom validTo recordedFrom recordedTo",
    f"""case when {{me}}.settled and {{me}}.at_home
        and (%(first)s <= {LATEST} or cardinality({{me}}.latest) < {LATEST})
        then '[' || array_to_string({{me}}.latest[1:%(first)s], ',') || ']' end""",
    f"""
select {_ONE_PERIOD}, p.authorisation as reference, p.place as position
from rule.periods_then({{me}}.tin, %(known)s, %(first)s) p where {{me}}.at_home
union all
select {_ONE_PERIOD}, p.authorisation, p.place {_DISCLOSED}""",
)


def _bases_text(row: str) -> str:
    """The bases of a row in the selection that is asked most."""
    return (
        "(select '[' || coalesce(string_agg(rule.basis_text(b.agreement, b.authorisation, b.since),"
        f" ','), '') || ']' from unnest({row}.bases) b)"
    )


def _told(reasons: str, at_home: str) -> str:
    """Those who are told all hear that consent is wanting; to others that is no information."""
    wanting = f"array_replace({reasons}, 'NO_INFORMATION', 'NO_CONSENT')"
    return f"case when {at_home} then {wanting} else {reasons} end"


_VERDICT = f"""
    v.legal, v.operational, v.bases, %(at)s as at, %(known)s as known_at, {POSITION} as position"""

#: In every territory of which the asker may ask.
RECOGNISED_IN = f"""
select {{me}}.tin, v.territory as in_, v.outcome,
    {_told("v.reasons", "asker.at_home")} as reasons, {_VERDICT}, v.bases_text
from (
    select {{me}}.at_home, string_to_array(%(reach)s, ',') as reach
    offset 0  -- a fence: else it is worked out for each territory
) asker
cross join lateral (
    select e.territory, e.outcome, e.legal, e.operational, e.reasons, e.bases, e.bases_text
    from rule.everywhere({{me}}.tin, {{me}}.administration, {{me}}.held, {{me}}.held_programmes,
        {{me}}.held_types, {{me}}.held_statuses, {{me}}.held_abroad, {{me}}.held_roles,
        {{me}}.held_from, {{me}}.schemes, {{me}}.identifiers, {{me}}.consents, %(at)s, %(known)s) e
    where {{me}}.settled
    union all
    select t.territory, t.outcome, t.legal, t.operational, t.reasons, t.bases, {_bases_text("t")}
    from rule.verdicts_then({{me}}.tin, {{me}}.administration, %(at)s, %(known)s) t
    where not {{me}}.settled
) v
where (asker.at_home or v.territory = any(asker.reach))"""
#: Of these those with one outcome.
WITH_OUTCOME = " and (%(outcome)s is null or v.outcome = %(outcome)s)"
VERDICT = (
    "in outcome legal operational reasons { code } bases { agreement { id } authorisation since }"
)


def mark(row: str, reach: str, place: str = "") -> str:
    """Where verdicts belong that the process keeps: of a row of views.operator that is settled.
    `reach`: an expression, as JSON text. `place`: of one of many questions, each of its own
    instant and consignment, an expression: which of them it is, from 0."""
    which = f" || ',' || {place}" if place else ""
    return f"""{MARK} || '[{{clocks}},' || to_json({LEGAL_STATE_VERSION})::text || ',' || {reach}
        || ',' || {HELD.format(it=row)} || e']\\x02[' || array_to_json({row}.held)::text || ','
        || array_to_json({row}.held_from)::text{which} || ']' || {MARK}"""


_REACH_OF = "case when {} then 'null' else to_json(%(reach)s)::text end"
_REACH = _REACH_OF.format("{me}.at_home")
#: The same, kept by the process, of an operator that is settled.
RECOGNISED_IN_READY = Ready(
    VERDICT,
    f"case when {{me}}.settled then {mark('{me}', _REACH)} end",
    f"""
select t.territory as in_, t.outcome, t.legal, t.operational,
    {_told("t.reasons", "{me}.at_home")} as reasons, t.bases, {_bases_text("t")} as bases_text
from rule.verdicts_then({{me}}.tin, {{me}}.administration, %(at)s, %(known)s) t
where {{me}}.at_home or t.territory = any(string_to_array(%(reach)s, ','))""",
    kept=True,
)
BY_TERRITORY = '{it}.in_ collate "C"'


def _blocs_of(member: str) -> str:
    """SQL: the customs territories that this one is a member of."""
    return f"""select m.bloc from views.membership m
        where m.member = {member} and m.sense = 'CUSTOMS_TERRITORY' and {on_both("m")}"""


#: One row of views.operator, behind a fence: else each partition carries all that is asked of it.
_FENCED = "(select o.* from views.operator o where o.tin = {key} offset 0)"
#: What recognition of many has in common: the parties there, and consent laws. With SIGHT in every
#: statement about recognition.
IN_COMMON = f"""
common as materialized (
    select array(select %(in)s::text union all
            {_blocs_of("%(in)s")}) as theirs,
        array(select r.programme from views.programme_rule r
            where r.rule = 'sharing_consent' and r.value = 'required' and {on_both("r")}) as laws
)"""
_RECOGNITION = f"""
select {{key}} as tin, %(in)s as in_, coalesce(v.outcome, 'UNKNOWN') as outcome,
    coalesce(v.legal, 'UNKNOWN') as legal, coalesce(v.operational, 'UNKNOWN') as operational,
    coalesce({_told("v.reasons", "o.at_home")}, array['NO_INFORMATION']) as reasons, v.bases,
    coalesce(v.bases_text, '[]') as bases_text,
    %(at)s as at, %(known)s as known_at, {POSITION} as position,
    o.tin as known, o.administration as home
from common
left join lateral (
    select o.*, {SETTLED} and num_nonnulls(ASKED) = 0 as shortly,
        array[o.administration]
            || array({_blocs_of("o.administration")}) as ours, {at_home("o")} as at_home
    from {_FENCED} o
    where o.registered <= %(known)s and {VISIBLE}
    offset 0
) o on true
left join lateral (
    select t.outcome, t.legal, t.operational, t.reasons, t.bases, t.bases_text
    from rule.there(o.tin, o.administration, o.ours, %(in)s, common.theirs, common.laws,
        o.held, o.held_programmes, o.held_types, o.held_statuses, o.held_abroad, o.held_roles,
        o.held_from, o.schemes, o.identifiers, o.consents, %(at)s, %(known)s) t
    where o.shortly
    union all
    select t.outcome, t.legal, t.operational, t.reasons, t.bases, {_bases_text("t")}
    from rule.verdict_then(o.tin, o.administration, %(in)s, %(at)s, %(known)s, ASKED) t
    where not o.shortly
) v on true"""
_CROSSING = in_sql("%(crossing)s")
_CONSIGNMENT = f"%(role)s, %(direction)s, %(hs)s, {_CROSSING}, %(mode)s"
_NO_CONSIGNMENT = "null, null, null, null, null"
#: Hidden and unknown are the same row.
RECOGNITION = _RECOGNITION.replace("ASKED", _CONSIGNMENT)
#: Of many, without a consignment.
RECOGNITIONS = _RECOGNITION.replace("ASKED", _NO_CONSIGNMENT)

#: The same, kept by the process, of an operator that is settled. (Of one TIN it saves nothing: its
#: territory is another one each time.)
_KEPT = mark("o", _REACH_OF.format("o.at_home"))
_RECOGNITIONS_READY = f"""
select {{key}} as tin, %(in)s as in_, coalesce(v.outcome, 'UNKNOWN') as outcome,
    coalesce(v.legal, 'UNKNOWN') as legal, coalesce(v.operational, 'UNKNOWN') as operational,
    coalesce({_told("v.reasons", "o.at_home")}, array['NO_INFORMATION']) as reasons, v.bases,
    coalesce(v.bases_text, '[]') as bases_text,
    case when o.shortly then '{{"tin":' || to_json({{key}})::text || ',' || {_KEPT}
        || '}}' end as kept
from (values (true)) as always_one_row
left join lateral (
    select o.*, {SETTLED} as shortly, {at_home("o")} as at_home
    from {_FENCED} o
    where o.registered <= %(known)s and {VISIBLE}
    offset 0
) o on true
left join lateral (
    select t.*, {_bases_text("t")} as bases_text
    from rule.verdict_then(o.tin, o.administration, %(in)s, %(at)s, %(known)s, {_NO_CONSIGNMENT}) t
    where not o.shortly
    offset 0  -- a fence: else it is asked before it is known whether it has to be
) v on true"""
RECOGNITIONS_READY = Ready(f"tin {VERDICT}", "{me}.kept", _RECOGNITIONS_READY, kept=True)

#: The questions of a batch of declarations, each with its own instant and consignment; of what was
#: refused `wanted` is null. An array that is empty is one of nulls. `exact`: not null where the
#: instant of knowledge was asked for.
QUESTIONS = """
select q.key, coalesce(q.tin, q.wanted) as tin, q.wanted,
    coalesce(q.at, %(now)s) as at, %(known)s as known,
    q.at is not null or %(exact)s is not null as asked, q.role, q.direction, q.hs, q.crossing,
    q.mode, q.code, q.message, string_to_array(q.path, '.') as path, q.place - 1 as place
from unnest(%(keys)s::text[], %(asked_tins)s::text[], %(tins)s::text[], %(ats)s::timestamptz[],
    %(roles)s::text[], %(directions)s::text[], %(hss)s::text[], %(crossings)s::text[],
    %(modes)s::text[], %(codes)s::text[], %(messages)s::text[], %(paths)s::text[]) with ordinality
    as q (key, tin, wanted, at, role, direction, hs, crossing, mode, code, message, path, place)"""
_EXACTLY = """to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
#: What such a row gives as parameters to whatever is below it. `belief`: as AsOf.belief.
OF_QUESTION = {
    **{name: f"{{me}}.{name}" for name in ("at", "role", "direction", "hs", "crossing", "mode")},
    "belief": f"""(case when {{me}}.asked then '@' || {_EXACTLY.format("{me}.at")} || ','
        || {_EXACTLY.format("{me}.known")} || ':' else ':' end)""",
}
#: What a batch of them has in common: blocs and consent laws on the second clock; the first is each
#: question's own.
IN_COMMON_OF_QUESTIONS = f"""
blocs as materialized (
    select m.member, m.bloc, m.valid_from, m.valid_to from views.membership m
    where m.sense = 'CUSTOMS_TERRITORY' and {believed("m")}
),
consent_rules as materialized (
    select r.programme, r.valid_from, r.valid_to from views.programme_rule r
    where r.rule = 'sharing_consent' and r.value = 'required' and {believed("r")}
)"""
_ANSWERED = f"""
select {{me}}.wanted as tin, %(in)s as in_, coalesce(v.outcome, 'UNKNOWN') as outcome,
    coalesce(v.legal, 'UNKNOWN') as legal, coalesce(v.operational, 'UNKNOWN') as operational,
    coalesce({_told("v.reasons", "o.at_home")}, array['NO_INFORMATION']) as reasons, v.bases,
    coalesce(v.bases_text, '[]') as bases_text,
    %(at)s as at, %(known)s as known_at, {POSITION} as position,
    o.tin as known, o.administration as home"""
_ITS_OPERATOR = f"""
left join lateral (
    select o.*, {SETTLED} as shortly, {at_home("o")} as at_home
    from {_FENCED.replace("{key}", "{me}.wanted")} o
    where o.registered <= %(known)s and {VISIBLE}
    offset 0
) o on true"""
_THEN = f"""
    select t.outcome, t.legal, t.operational, t.reasons, t.bases, {_bases_text("t")} as bases_text
    from rule.verdict_then(o.tin, o.administration, %(in)s, %(at)s, %(known)s, {_CONSIGNMENT}) t
    where not o.shortly"""
#: Of a row of QUESTIONS; none where it was refused.
RECOGNITION_OF = f"""{_ANSWERED}
from (select where {{me}}.wanted is not null) as one_row {_ITS_OPERATOR}
left join lateral (
    select array(select %(in)s::text union all
            select b.bloc from blocs b where b.member = %(in)s and {holds("b")}) as theirs,
        array[o.administration] || array(
            select b.bloc from blocs b where b.member = o.administration and {holds("b")}) as ours,
        array(select r.programme from consent_rules r where {holds("r")}) as laws
    where o.shortly
    offset 0  -- a fence: else each is worked out wherever the rule reads it
) w on true
left join lateral (
    select t.outcome, t.legal, t.operational, t.reasons, t.bases, t.bases_text
    from rule.there(o.tin, o.administration, w.ours, %(in)s, w.theirs, w.laws,
        o.held, o.held_programmes, o.held_types, o.held_statuses, o.held_abroad, o.held_roles,
        o.held_from, o.schemes, o.identifiers, o.consents, %(at)s, %(known)s, {_CONSIGNMENT}) t
    where o.shortly
    union all{_THEN}
) v on true"""
#: The same, kept by the process, of an operator that is settled.
RECOGNITION_OF_READY = Ready(
    f"tin {VERDICT}",
    "{me}.kept",
    f"""{_ANSWERED}, case when o.shortly then '{{"tin":' || to_json({{me}}.wanted)::text || ','
        || {mark("o", _REACH_OF.format("o.at_home"), "{me}.place")} || '}}' end as kept
from (select where {{me}}.wanted is not null) as one_row {_ITS_OPERATOR}
left join lateral ({_THEN}
    offset 0  -- a fence: else it is asked before it is known whether it has to be
) v on true""",
    kept=True,
)
REFUSED = "select {me}.code, {me}.message, {me}.path where {me}.message is not null"

REASONS = "select r.code from unnest({me}.reasons) as r (code)"
REASONS_READY = Ready(
    "code",
    """case when {me}.reasons = '{}' then '[]'
        else '[{"code":"' || array_to_string({me}.reasons, '"},{"code":"') || '"}]' end""",
)
BASES = "select b.* from unnest({me}.bases) as b"
#: The text has the key of an agreement where its global id belongs.
BASES_READY = Ready(
    "agreement { id } authorisation since",
    """replace({me}.bases_text, '{"agreement":{"id":"',
        '{"agreement":{"id":"Agreement' || %(belief)s)""",
)

_AGREEMENT = f"""
select g.id, g.kind, g.pillars, g.title, g.legal_basis, g.confidence, g.details, g.source,
    coalesce((select s.status from views.stage s
        where s.agreement = g.id and {on_both("s")} limit 1), 'PROPOSED') as status,
    {POSITION} as position, g.titles, g.names
from views.agreement g where g.registered <= %(known)s"""
AGREEMENT = f"{_AGREEMENT} and g.id = {{key}}"
BASIS_AGREEMENT = f"{_AGREEMENT} and g.id = {{me}}.agreement"
