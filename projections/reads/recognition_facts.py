"""SQL for the facts of one recognition as JSON text, for texts that are built in Python.

`{me}` is a row of planner_selects.RECOGNITION: `known` and `home` are the operator's TIN and
administration, NULL where it is hidden or unknown.
"""

from __future__ import annotations

from projections.reads.bitemporal_sql import believed
from projections.reads.crossings import in_sql
from projections.reads.recognition import (
    CONSENT,
    CONSENT_LAW,
    IDENTIFIER,
    IS_CONSENT_LAW,
    LINK,
    PERIOD,
)
from projections.reads.visibility import at_home, withdrawn

_BLOC = f"m.sense = 'CUSTOMS_TERRITORY' and {believed('m')}"


def _json_list(sql: str) -> str:
    return f"(select coalesce(json_agg(x), '[]') from ({sql}) x)"


def _operator_list(columns: str, table: str, order: str, condition: str = "") -> str:
    return _json_list(
        f"select {columns} from views.{table} t where t.tin = {{me}}.known and {believed('t')}"
        f"{condition} order by {order}"
    )


def _territory_and_blocs(code: str) -> str:
    """SQL: a territory and every bloc that it was ever a member of."""
    return (
        f"array(select {code} union all select m.bloc from views.membership m"
        f" where m.member = {code} and {_BLOC})"
    )


_HOME, _THERE = _territory_and_blocs("{me}.home"), _territory_and_blocs("{me}.in_")
_PERIODS = _operator_list(PERIOD, "status_period", "t.authorisation, t.valid_from")
_IDENTIFIERS = _operator_list(IDENTIFIER, "identifier", "t.scheme, t.value, t.valid_from")
_CONSENTS = _operator_list(CONSENT, "consent", "t.partner, t.valid_from", " and t.partner <> '*'")
_LINKS = _json_list(
    f"select {LINK} from views.link t"
    f" where t.kind = 'AEO_MUTUAL_RECOGNITION' and {believed('t')}"
    f" and t.from_party = any({_HOME}) and t.to_party = any({_THERE})"
    " order by t.agreement, t.ordinal, t.valid_from"
)
_MEMBERS = _json_list(
    "select m.bloc, m.member, m.valid_from, m.valid_to from views.membership m"
    f" where m.member in ({{me}}.home, {{me}}.in_) and {_BLOC}"
    " order by m.bloc, m.member, m.valid_from"
)
_LAWS = _json_list(
    f"select {CONSENT_LAW} from views.programme_rule t"
    f" where {IS_CONSENT_LAW} and {believed('t')}"
    " order by t.programme, t.valid_from"
)
_LIST = (
    "(select r.{column} from views.list_received r"
    " where r.administration = {{me}}.home and r.recorded_from <= %(known)s"
    " order by r.position desc limit 1)"
)
_AS_OF, _CADENCE = (_LIST.format(column=column) for column in ("as_of", "cadence_hours"))
_ZONES = (
    "(select coalesce(json_object_agg(a.code, a.time_zone), '{}') from views.administration a"
    f" where a.code = any({_HOME} || {_THERE}))"
)


_EXPRESSIONS = {"crossing": in_sql("%(crossing)s")}
_CONSIGNMENT = ("role", "direction", "hs", "crossing", "mode")


def _facts(*parameters: str) -> str:
    """`parameters`: the names of the question's parameters, besides the territory and the
    instant."""
    named = "".join(f", '{name}', {_EXPRESSIONS.get(name, f'%({name})s')}" for name in parameters)
    return f"""json_build_object(
    'asked', json_build_object('territory', {{me}}.in_, 'at', %(at)s{named}),
    'zones', {_ZONES}, 'in_full', {at_home("{me}")},
    'facts', case when {{me}}.home is null then json_build_object('tin', null, 'withdrawn',
            {withdrawn("{me}.tin")})
        else json_build_object('tin', {{me}}.known, 'administration', {{me}}.home,
            'periods', {_PERIODS}, 'identifiers', {_IDENTIFIERS}, 'consents', {_CONSENTS},
            'links', {_LINKS}, 'members', {_MEMBERS}, 'consent_laws', {_LAWS},
            'list_as_of', {_AS_OF}, 'list_cadence', {_CADENCE}) end)::text"""


FACTS, FACTS_OF_MANY = _facts(*_CONSIGNMENT), _facts()
