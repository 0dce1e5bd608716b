"""The SELECTs of the planner, one for each GraphQL type, with the row above as `{me}`.

The columns have the names of the GraphQL fields in Python. `{key}` is the key that is looked up.
PostgreSQL computes only the columns that an answer needs, so a column costs nothing where it is not
selected. "Current" rows (`settled`): see projections.models.operator_snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

from projections.models.operator_snapshot import LATEST, particulars_of
from projections.reads.bitemporal_sql import POSITION, believed, holds, on_both
from projections.reads.crossings import in_sql
from projections.reads.verdicts import HELD, LEGAL_STATE_VERSION
from projections.reads.visibility import VISIBLE, at_home, disclosed, visible
from registry.domain.values import Status


@dataclass(frozen=True)
class PrecomputedText:
    """A precomputed text for the one selection that is asked most: the text of a list, or of an
    object over its own row.

    `selection`: the selection, as the compiler writes it. `text`: an SQL expression. `select`: the
    rows to read where the text is NULL, worded so that a statement which seldom needs them is not
    made larger; without it the text is never NULL. `has_placeholder`: the text has a placeholder
    for cached verdicts (api.graphql.planner.verdict_cache).
    """

    selection: str
    text: str
    select: str = ""
    has_placeholder: bool = False


#: SQL: delimits facts and placeholders, which Python replaces. JSON escapes this character.
MARK = r"e'\x01'"


def global_id(kind: str, key: str) -> str:
    """SQL: the global id of an object at the as-of instants of the query."""
    return f"'{kind}' || %(belief)s || {{me}}.{key}"


_RANK = "array[" + ", ".join(f"'{status.value}'" for status in Status) + "]"

#: SQL: the row `o` of an operator is its current state: everything that its events decided has
#: taken effect, and no end that was announced in advance has come.
IS_CURRENT = """(o.settled <= least(%(at)s, %(known)s)
    and (o.settled_until is null or o.settled_until > %(at)s))"""

#: The operators that the subject may see. Needs the CTEs of projections.reads.visibility in the
#: same statement. A row that is current at both instants is used as it is; otherwise the bitemporal
#: tables are read.
_OPERATOR = f"""
select o.tin, o.id, o.administration, o.time_zone, o.source, {particulars_of("n")},
    case when s.at_home then n.standing
        when s.settled then rule.certified_standing(o.held_statuses)
        else rule.certified_standing_then(o.tin, %(at)s, %(known)s) end as standing,
    {POSITION} as position, s.settled, s.at_home, o.held,
    o.held_programmes, o.held_types, o.held_statuses, o.held_abroad, o.held_roles, o.held_from,
    o.schemes, o.identifiers, o.consents, o.latest
from (
    select o.* from views.operator o where o.tin = WANTED
    offset 0  -- optimisation fence: otherwise every partition computes all columns
) o
cross join lateral (
    select {IS_CURRENT} as settled, {at_home("o")} as at_home
    offset 0  -- optimisation fence: otherwise the expression is computed at each use
) s
cross join lateral (
    select {particulars_of("o")}, o.standing where s.settled
    union all
    select {particulars_of("n")}, n.standing
    from rule.stood(o.tin, %(at)s, %(known)s) n where not s.settled
) n
where o.registered <= %(known)s and {visible("%(known)s", "s.at_home")}"""

OPERATOR = _OPERATOR.replace("WANTED", "{key}")
SUCCESSOR = _OPERATOR.replace("WANTED", "{me}.successor")
#: The standing as shown abroad; from the bitemporal tables where the row is not current.
STANDING_ABROAD = """case
    when not {me}.settled then
        rule.abroad_then({me}.tin, %(at)s, %(known)s, {me}.at_home)
    when {me}.at_home then rule.best({me}.held_abroad)
    else rule.certified_standing({me}.held_abroad) end"""
#: The public is shown the standing, but not the address.
ADDRESS = "case when %(subject_role)s <> 'public' then {me}.address end"

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

#: SQL: the subject may see everything of the operator of row `{me}`.
_AT_HOME = at_home("{me}")

#: `met`: NULL while the deadline is open.
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
BY_ORDINAL = "{it}.ordinal"

IDENTIFIERS = f"""
select i.scheme, i.value, i.issuer, i.verified_by, i.valid_from as since,
    i.from_day as valid_from, i.to_day as valid_to
from views.identifier i
where i.tin = {{me}}.tin and {on_both("i")}"""
BY_SCHEME = "{it}.scheme, {it}.value, {it}.since"

_ONE_PERIOD = """coalesce(p.number, p.authorisation) as authorisation, p.status, p.valid_from,
    nullif(p.valid_to, '9999-12-31T00:00Z') as valid_to, p.recorded_from,
    case when p.recorded_to <= %(known)s then p.recorded_to end as recorded_to"""
#: The periods that are disclosed to subjects outside the home administration.
_DISCLOSED = "from rule.disclosed_periods({me}.tin, %(known)s, %(first)s) p where not {me}.at_home"


def _at_start(column: str) -> str:
    """SQL: a column as it was at the start of a disclosed interval; it does not change within the
    interval."""
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
select {_ONE_PERIOD}, {_at_start("q.abroad")}, rule.suspended_parts({_at_start("q.flags")}),
    'REDACTED', p.authorisation, p.place {_DISCLOSED}"""
NEWEST_FIRST = (
    '{it}.valid_from desc, {it}.recorded_from desc, {it}.reference collate "C", {it}.position desc'
)
#: The same from the texts in the operator's row: all its periods, or as many as are asked for.
PERIODS_READY = PrecomputedText(
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
    """SQL: the bases of a row as text, for the selection that is asked most."""
    return (
        "(select '[' || coalesce(string_agg(rule.basis_text(b.agreement, b.authorisation, b.since),"
        f" ','), '') || ']' from unnest({row}.bases) b)"
    )


def _reasons(reasons: str, at_home: str) -> str:
    """SQL: the reasons as shown to the subject. The home administration is shown that consent is
    missing; others get NO_INFORMATION."""
    wanting = f"array_replace({reasons}, 'NO_INFORMATION', 'NO_CONSENT')"
    return f"case when {at_home} then {wanting} else {reasons} end"


_VERDICT = f"""
    v.legal, v.operational, v.bases, %(at)s as at, %(known)s as known_at, {POSITION} as position"""

#: The results in every territory that the subject may ask about.
RECOGNISED_IN = f"""
select {{me}}.tin, v.territory as in_, v.outcome,
    {_reasons("v.reasons", "subject.at_home")} as reasons, {_VERDICT}, v.bases_text
from (
    select {{me}}.at_home, string_to_array(%(reach)s, ',') as reach
    offset 0  -- optimisation fence: otherwise computed for each territory
) subject
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
where (subject.at_home or v.territory = any(subject.reach))"""
#: Restricts them to one outcome.
OUTCOME_FILTER = " and (%(outcome)s is null or v.outcome = %(outcome)s)"
VERDICT = (
    "in outcome legal operational reasons { code } bases { agreement { id } authorisation since }"
)


def verdict_placeholder(row: str, reach: str, place: str = "") -> str:
    """SQL: the placeholder of cached verdicts for a row of views.operator that is current.

    `reach`: an expression for the territories that may be shown, as JSON text. `place`: in a batch
    of questions with their own instants and consignments, an expression for the index of the
    question, from 0.
    """
    which = f" || ',' || {place}" if place else ""
    return f"""{MARK} || '[{{clocks}},' || to_json({LEGAL_STATE_VERSION})::text || ',' || {reach}
        || ',' || {HELD.format(it=row)} || e']\\x02[' || array_to_json({row}.held)::text || ','
        || array_to_json({row}.held_from)::text{which} || ']' || {MARK}"""


_REACH_OF = "case when {} then 'null' else to_json(%(reach)s)::text end"
_REACH = _REACH_OF.format("{me}.at_home")
#: The same through the verdict cache, for a row that is current.
RECOGNISED_IN_READY = PrecomputedText(
    VERDICT,
    f"case when {{me}}.settled then {verdict_placeholder('{me}', _REACH)} end",
    f"""
select t.territory as in_, t.outcome, t.legal, t.operational,
    {_reasons("t.reasons", "{me}.at_home")} as reasons, t.bases, {_bases_text("t")} as bases_text
from rule.verdicts_then({{me}}.tin, {{me}}.administration, %(at)s, %(known)s) t
where {{me}}.at_home or t.territory = any(string_to_array(%(reach)s, ','))""",
    has_placeholder=True,
)
BY_TERRITORY = '{it}.in_ collate "C"'


def _blocs_of(member: str) -> str:
    """SQL: the customs territories (blocs) of which this territory is a member."""
    return f"""select m.bloc from views.membership m
        where m.member = {member} and m.sense = 'CUSTOMS_TERRITORY' and {on_both("m")}"""


#: One row of views.operator behind an optimisation fence: otherwise every partition computes all
#: columns.
_FENCED = "(select o.* from views.operator o where o.tin = {key} offset 0)"
#: CTEs shared by the recognition of many operators: the parties on the other side, and the
#: law of consent. Used together with the CTEs of
#: projections.reads.visibility.
SHARED_CTES = f"""
common as materialized (
    select array(select %(in)s::text union all
            {_blocs_of("%(in)s")}) as theirs,
        array(select c.law from rule.consent_laws(%(at)s, %(known)s) c) as laws
)"""
_RECOGNITION = f"""
select {{key}} as tin, %(in)s as in_, coalesce(v.outcome, 'UNKNOWN') as outcome,
    coalesce(v.legal, 'UNKNOWN') as legal, coalesce(v.operational, 'UNKNOWN') as operational,
    coalesce({_reasons("v.reasons", "o.at_home")}, array['NO_INFORMATION']) as reasons, v.bases,
    coalesce(v.bases_text, '[]') as bases_text,
    %(at)s as at, %(known)s as known_at, {POSITION} as position,
    o.tin as known, o.administration as home
from common
left join lateral (
    select o.*, {IS_CURRENT} and num_nonnulls(ASKED) = 0 as shortly,
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
#: A hidden operator gives the same row as an unknown one.
RECOGNITION = _RECOGNITION.replace("ASKED", _CONSIGNMENT)
#: For many operators, without a consignment.
RECOGNITIONS = _RECOGNITION.replace("ASKED", _NO_CONSIGNMENT)

#: The same through the verdict cache, for a row that is current. (For one TIN the cache saves
#: nothing: the territory is a different one each time.)
_PLACEHOLDER = verdict_placeholder("o", _REACH_OF.format("o.at_home"))
_RECOGNITIONS_READY = f"""
select {{key}} as tin, %(in)s as in_, coalesce(v.outcome, 'UNKNOWN') as outcome,
    coalesce(v.legal, 'UNKNOWN') as legal, coalesce(v.operational, 'UNKNOWN') as operational,
    coalesce({_reasons("v.reasons", "o.at_home")}, array['NO_INFORMATION']) as reasons, v.bases,
    coalesce(v.bases_text, '[]') as bases_text,
    case when o.shortly then '{{"tin":' || to_json({{key}})::text || ',' || {_PLACEHOLDER}
        || '}}' end as kept
from (values (true)) as always_one_row
left join lateral (
    select o.*, {IS_CURRENT} as shortly, {at_home("o")} as at_home
    from {_FENCED} o
    where o.registered <= %(known)s and {VISIBLE}
    offset 0
) o on true
left join lateral (
    select t.*, {_bases_text("t")} as bases_text
    from rule.verdict_then(o.tin, o.administration, %(in)s, %(at)s, %(known)s, {_NO_CONSIGNMENT}) t
    where not o.shortly
    offset 0  -- optimisation fence: otherwise evaluated before it is known to be needed
) v on true"""
RECOGNITIONS_READY = PrecomputedText(
    f"tin {VERDICT}", "{me}.kept", _RECOGNITIONS_READY, has_placeholder=True
)

#: The questions of a batch of declarations, each with its own instant and consignment; `wanted` is
#: NULL for a refused one. An empty array stands for an array of NULLs. `exact`: not NULL where the
#: transaction time was given.
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
#: The parameters that a question gives to the fields below it. `belief`: as AsOf.belief.
QUESTION_PARAMETERS = {
    **{name: f"{{me}}.{name}" for name in ("at", "role", "direction", "hs", "crossing", "mode")},
    "belief": f"""(case when {{me}}.asked then '@' || {_EXACTLY.format("{me}.at")} || ','
        || {_EXACTLY.format("{me}.known")} || ':' else ':' end)""",
}
#: CTEs shared by a batch of questions: blocs and consent laws in transaction time; the valid time
#: is each question's own.
SHARED_QUESTION_CTES = f"""
blocs as materialized (
    select m.member, m.bloc, m.valid_from, m.valid_to from views.membership m
    where m.sense = 'CUSTOMS_TERRITORY' and {believed("m")}
),
consent_rules as materialized (
    select r.law, r.valid_from, r.valid_to from rule.consent_laws_known(%(known)s) r
)"""
_COLUMNS = f"""
select {{me}}.wanted as tin, %(in)s as in_, coalesce(v.outcome, 'UNKNOWN') as outcome,
    coalesce(v.legal, 'UNKNOWN') as legal, coalesce(v.operational, 'UNKNOWN') as operational,
    coalesce({_reasons("v.reasons", "o.at_home")}, array['NO_INFORMATION']) as reasons, v.bases,
    coalesce(v.bases_text, '[]') as bases_text,
    %(at)s as at, %(known)s as known_at, {POSITION} as position,
    o.tin as known, o.administration as home"""
_ITS_OPERATOR = f"""
left join lateral (
    select o.*, {IS_CURRENT} as shortly, {at_home("o")} as at_home
    from {_FENCED.replace("{key}", "{me}.wanted")} o
    where o.registered <= %(known)s and {VISIBLE}
    offset 0
) o on true"""
_AS_OF_ROW = f"""
    select t.outcome, t.legal, t.operational, t.reasons, t.bases, {_bases_text("t")} as bases_text
    from rule.verdict_then(o.tin, o.administration, %(in)s, %(at)s, %(known)s, {_CONSIGNMENT}) t
    where not o.shortly"""
#: The recognition for a row of QUESTIONS; no row where the question was refused.
RECOGNITION_OF = f"""{_COLUMNS}
from (select where {{me}}.wanted is not null) as one_row {_ITS_OPERATOR}
left join lateral (
    select array(select %(in)s::text union all
            select b.bloc from blocs b where b.member = %(in)s and {holds("b")}) as theirs,
        array[o.administration] || array(
            select b.bloc from blocs b where b.member = o.administration and {holds("b")}) as ours,
        array(select r.law from consent_rules r where {holds("r")}) as laws
    where o.shortly
    offset 0  -- optimisation fence: otherwise computed at each use in the rule
) w on true
left join lateral (
    select t.outcome, t.legal, t.operational, t.reasons, t.bases, t.bases_text
    from rule.there(o.tin, o.administration, w.ours, %(in)s, w.theirs, w.laws,
        o.held, o.held_programmes, o.held_types, o.held_statuses, o.held_abroad, o.held_roles,
        o.held_from, o.schemes, o.identifiers, o.consents, %(at)s, %(known)s, {_CONSIGNMENT}) t
    where o.shortly
    union all{_AS_OF_ROW}
) v on true"""
_QUESTION_PLACEHOLDER = verdict_placeholder("o", _REACH_OF.format("o.at_home"), "{me}.place")
#: The same through the verdict cache, for a row that is current.
RECOGNITION_OF_READY = PrecomputedText(
    f"tin {VERDICT}",
    "{me}.kept",
    f"""{_COLUMNS}, case when o.shortly then '{{"tin":' || to_json({{me}}.wanted)::text || ','
        || {_QUESTION_PLACEHOLDER} || '}}' end as kept
from (select where {{me}}.wanted is not null) as one_row {_ITS_OPERATOR}
left join lateral ({_AS_OF_ROW}
    offset 0  -- optimisation fence: otherwise evaluated before it is known to be needed
) v on true""",
    has_placeholder=True,
)
REFUSED = "select {me}.code, {me}.message, {me}.path where {me}.message is not null"

REASONS = "select r.code from unnest({me}.reasons) as r (code)"
REASONS_READY = PrecomputedText(
    "code",
    """case when {me}.reasons = '{}' then '[]'
        else '[{"code":"' || array_to_string({me}.reasons, '"},{"code":"') || '"}]' end""",
)
BASES = "select b.* from unnest({me}.bases) as b"
#: The precomputed text holds the key of an agreement where its global id belongs.
BASES_READY = PrecomputedText(
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
