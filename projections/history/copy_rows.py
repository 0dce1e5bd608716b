"""The rows of a golden copy: what the database gives of each operator, and the facts in them.

The facts of a kind come as one text, because to make JSON of them costs the database more than to
find them: RECORD stands between two facts, UNIT between the fields of one, and GROUP between terms
that many operators share. These control characters are refused on input
(registry/domain/texts.py). An empty field is NULL. Instants and days are texts as PostgreSQL writes
them; instants are in UTC, and their order is that of the texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from psycopg import AsyncConnection, AsyncServerCursor

from registry.domain.consent import TO_ALL_ADEQUATE, Consented
from registry.domain.disclosure import CERTIFIED
from registry.domain.operators.particulars import NAMES, OperatorParticulars
from registry.domain.operators.timeline import Identified, Period
from registry.domain.values import CLOSED, PENDING, AdministrationCode, Role, Status

RECORD, UNIT, GROUP = "\x1e", "\x1f", "\x1d"
_RECORD, _UNIT, _GROUP = (f"E'\\x{ord(sign):02x}'" for sign in (RECORD, UNIT, GROUP))
#: TIN, administration and source of an operator; its particulars, periods, identifiers and
#: consents; and until when it was recognised (UTC), where a consent that reached the partner ended.
Row = tuple[str, str, str | None, str, str | None, str | None, str | None, datetime | None]


class ControlCharacter(ValueError):
    """A fact has one of the characters that separate facts, which the register refuses on input."""


# ------------------------------------------------------------------ statement


def _texts(between: str, *columns: str) -> str:
    """SQL: the columns as one text; NULL is empty."""
    return f"concat({f', {between}, '.join(columns)})"


def _texts_of(name: str) -> str:
    """SQL: a column as a text."""
    return f"array_to_string(t.{name}, ',')" if name == "roles" else f"t.{name}"


def _facts(table: str, text: str, order: str, which: str, more: str = "") -> str:
    """SQL: the facts of each operator that were believed at the position, as one text. `which`:
    only these facts. `more`: further columns."""
    return (
        f"(select t.tin, string_agg({text}, {_RECORD} order by {order}) as facts{more}"
        f" from views.{table} t where {_KNOWN} and {_BELIEVED} and {which}{{tins}} group by t.tin)"
    )


_KNOWN = "t.position <= %(position)s"
_BELIEVED = "(t.position_to is null or t.position_to > %(position)s)"
_CERTIFIED = ", ".join(sorted(f"'{status.value}'" for status in CERTIFIED))
#: Applications count for nobody abroad, unless the law of a programme makes consent necessary.
_APPLICATION = ", ".join(sorted(f"'{status.value}'" for status in PENDING | CLOSED))
_COUNTS = (
    f"(t.status not in ({_APPLICATION}) or t.abroad not in ({_APPLICATION})"
    " or t.programme = any(%(lawful)s::text[]))"
)
_ROLES = _texts_of("roles")
#: Each has a sign before it, because it may be NULL or empty.
_NAMES = _facts(
    "particulars",
    _texts(_UNIT, "t.valid_from", *(f"'=' || {_texts_of(name)}" for name in NAMES)),
    "t.valid_from",
    "true",
)
_PERIODS = _facts(
    "status_period",
    _texts(
        _UNIT,
        *("t.valid_from", "t.valid_to", "t.effective_from", "t.valid_until"),
        _texts(
            _GROUP,
            *("t.programme", "t.type", "t.status", "t.abroad", "array_to_string(t.flags, ',')"),
        ),
        *(_ROLES, "t.authorisation", "t.number"),
    ),
    "t.authorisation, t.valid_from",
    _COUNTS,
    f", bool_or(t.status in ({_CERTIFIED})) as certified",
)
_IDENTIFIERS = _facts(
    "identifier",
    _texts(
        _UNIT,
        *("t.valid_from", "t.valid_to"),
        _texts(_GROUP, "t.scheme", "t.issuer", "t.verified_by"),
        "t.value",
    ),
    "t.scheme, t.value, t.valid_from",
    "true",
)
_CONSENTS = _facts(
    "consent",
    _texts(_UNIT, "t.valid_from", "t.valid_to", "t.partner"),
    "t.partner, t.valid_from",
    "t.partner = any(%(consent_to)s)",
    ", max(greatest(t.valid_to, t.recorded_from)) filter ("
    " where t.valid_to <= %(at)s and t.partner = any(%(reached)s)) as ended",
)
#: When a consent ended that reached the partner, where the operator was recognised there until
#: then, by what was known then (rule.withdrawn says the same of now); else NULL.
_RECOGNISED_UNTIL = """case when c.ended is not null then (
        select c.ended from rule.verdict_then(
            o.tin, o.administration, %(territory)s,
            c.ended - interval '1 microsecond', c.ended - interval '1 microsecond',
            null, null, null, null, null) v
        where v.outcome = 'RECOGNISED') end"""
#: Those to whom anything was ever granted. That is looked up where nothing is granted now.
_HELD = f"""
select o.tin, o.administration, o.source, n.facts, p.facts, i.facts, c.facts, {_RECOGNISED_UNTIL}
from views.operator o
join {_NAMES} n on n.tin = o.tin
left join {_PERIODS} p on p.tin = o.tin
left join {_IDENTIFIERS} i on i.tin = o.tin
left join {_CONSENTS} c on c.tin = o.tin
where o.administration = any(%(homes)s::text[]){{only}} and (p.certified or exists (
    select from views.status_period t
    where t.tin = o.tin and {_KNOWN} and t.status in ({_CERTIFIED})))
order by o.tin{{order}}"""
#: One pass through all tables side by side, in the order of their primary keys: that takes neither
#: memory nor a table of its own, and the first rows come at once.
_IN_ORDER = {
    "enable_partitionwise_aggregate": "on",
    "enable_bitmapscan": "off",
    "enable_hashagg": "off",
    "enable_hashjoin": "off",
    "enable_nestloop": "off",
    "enable_seqscan": "off",
    "enable_sort": "off",
    "max_parallel_workers_per_gather": "0",
}
#: The planner takes a thousand operators for a part of a table that is worth a scan.
_BY_INDEX = {"enable_seqscan": "off", "max_parallel_workers_per_gather": "0"}
#: Whether the database sorts texts by their code, as its indexes do then.
_SORTS_BY_CODE = """
select datlocprovider = 'b' or datlocprovider = 'c' and datcollate in ('C', 'POSIX')
from pg_database where datname = current_database()"""


async def open_rows(
    connection: AsyncConnection[Any],
    cursor: AsyncServerCursor[Row],
    parameters: Mapping[str, Any],
    tins: Sequence[str] | None,
) -> None:
    """Opens the rows of the operators of the homes, or of these operators, in the order of TINs."""
    asked = await connection.execute(_SORTS_BY_CODE)
    [[sorts_by_code]] = await asked.fetchall()
    some = " and t.tin = any(%(tins)s::text[])"
    statement = _HELD.format(
        tins="" if tins is None else some,
        only="" if tins is None else " and o.tin = any(%(tins)s::text[])",
        order="" if sorts_by_code else ' collate "C"',
    )
    planned = _IN_ORDER if tins is None else _BY_INDEX
    for name, value in planned.items():
        await connection.execute(f"set local {name} = {value}".encode())
    await cursor.execute(statement.encode(), {**parameters, "tins": tins and list(tins)})
    for name in planned:  # the statement is planned when it is opened
        await connection.execute(f"set local {name} to default".encode())


# ----------------------------------------------------------------------- facts


@dataclass(frozen=True)
class RowFacts:
    """The facts in a row."""

    named: OperatorParticulars
    periods: list[Period]
    identifiers: list[Identified]
    consents: list[Consented]


def facts_in(row: Row, at: datetime) -> RowFacts:
    """Parses a row. `at`: the instant of the particulars, in UTC. Raises ControlCharacter."""
    tin, _, _, names, periods, identifiers, consents, _ = row
    try:
        own: dict[str, Any] = dict(zip(NAMES, named(names, written(at)), strict=True))
        return RowFacts(
            OperatorParticulars(**own | {"roles": _roles(own["roles"] or "")}),
            [_period(*fields) for fields in units(periods)],
            [_identified(*fields) for fields in units(identifiers)],
            [_consented(*fields) for fields in units(consents)],
        )
    except (TypeError, ValueError) as error:
        raise ControlCharacter(f"operator {tin}: a fact cannot be read: {error}") from None


def named(names: str, at: str) -> list[str | None]:
    """Returns the operator's particulars (name, address, ...) that are valid at an instant, in the
    order of NAMES. `at`: the instant (valid time) as text, in the form of PostgreSQL."""
    first, *later = names.split(RECORD)
    # Before the first particulars begin, they count already: projections/reads/operators.py.
    found = next((text for text in reversed(later) if text[: text.index(UNIT)] <= at), first)
    return [field[1:] if field else None for field in found.split(UNIT)[1:]]


def units(facts: str | None) -> Iterator[list[str]]:
    """The fields of each fact in a text."""
    return (fact.split(UNIT) for fact in facts.split(RECORD)) if facts else iter(())


def written(at: datetime) -> str:
    """An instant (UTC) as the database writes it."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return f"{text.rstrip('0') if at.microsecond else text}+00"


def instant(text: str) -> datetime:
    """An instant (UTC) from how the database writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)


def roles_in(text: str) -> list[str]:
    """The roles in a text."""
    return text.split(",") if text else []


def _roles(text: str) -> tuple[Role, ...]:
    return tuple(map(Role, roles_in(text)))


def _end(text: str) -> datetime | None:
    return instant(text) if text else None


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _period(
    begins: str,
    ends: str,
    effective_from: str,
    valid_until: str,
    terms: str,
    roles: str,
    authorisation: str,
    number: str,
) -> Period:
    programme, kind, status, abroad, flags = terms.split(GROUP)
    return Period(
        authorisation,
        programme,
        kind,
        Status(status),
        Status(abroad),
        instant(begins),
        _end(ends),
        number or None,
        _roles(roles),
        _day(effective_from),
        _day(valid_until),
        tuple(flags.split(",")) if flags else (),
    )


def _identified(begins: str, ends: str, terms: str, value: str) -> Identified:
    scheme, issuer, verified_by = terms.split(GROUP)
    return Identified(
        scheme,
        value,
        AdministrationCode(issuer) if issuer else None,
        verified_by or None,
        instant(begins),
        _end(ends),
    )


def _consented(begins: str, ends: str, partner: str) -> Consented:
    general = partner == TO_ALL_ADEQUATE
    return Consented(
        None if general else AdministrationCode(partner), instant(begins), _end(ends), general
    )
