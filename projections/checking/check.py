"""The check command: compares the read models with the ledger and with each other.

By construction, no two rows of one fact overlap in valid time and transaction time. Here this is
verified for whole tables, because no exclusion constraint enforces it (that would cost more than
the projection itself).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import psycopg
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier, Literal

from projections.checking import feed_check, proposals
from projections.checking.law_proposals import alone_about_law
from projections.engine.derivation import UNICODE, outdated
from projections.engine.projector import Projector
from projections.engine.rebuild import create_tables
from projections.engine.rederive import HELD_NUMBERS, unique_schemes
from projections.models.catalogue import READ_MODELS, TABLES
from projections.models.operator_snapshot import LATEST, particulars_of
from projections.reads.bitemporal_sql import holds
from registry.domain import working_days
from registry.domain.decisions import end_of_day
from registry.domain.time_zones import RELEASE
from registry.ledger import locks
from registry.ledger.connections import Session

SCRATCH = "views_check"
#: Key of the advisory lock that allows one check at a time, because a check uses a scratch schema:
#: "AEOC" in ASCII.
CHECK_LOCK = 0x41454F43
_LEDGER: dict[str, str] = {
    "positions have no gap": (
        "select 'the last position is ' || coalesce(max(position), 0) || ', and there are '"
        " || count(*) || ' events' from ledger.event having coalesce(max(position), 0) <> count(*)"
    ),
    "versions have no gap": (
        "select 'stream ' || originator_id || ' ends with version ' || max(originator_version)"
        " || ' and has ' || count(*) || ' events' from ledger.event group by originator_id"
        " having max(originator_version) - min(originator_version) + 1 <> count(*)"
    ),
    "recording time never decreases": (
        "select 'position ' || position || ' was recorded before the one it follows' from ("
        " select position, recorded_at, lag(recorded_at) over (order by position) as before"
        " from ledger.event) e where recorded_at < before"
    ),
    "transaction time never decreases in a stream": (
        "select 'position ' || position || ' was known before what it follows, or later than its'"
        " || ' recording' from (select position, known_at, recorded_at, lag(known_at) over"
        " (partition by originator_id order by originator_version) as before from ledger.event) e"
        " where known_at < before or known_at > recorded_at"
    ),
    "columns equal the fields of the events": (
        "select 'position ' || position || ' has decided_by ' || coalesce(decided_by, '-')"
        " from ledger.event where decided_by is distinct from state::jsonb ->> 'decided_by'"
        " or legal_ground is distinct from state::jsonb ->> 'legal_ground'"
    ),
    "every command has its events": (
        "select 'command ' || c.command_id || ' recorded ' || c.events || ' events, and '"
        " || count(e.position) || ' are there' from ledger.command c"
        " left join ledger.event e on e.command_id = c.command_id"
        " group by c.command_id having c.events <> count(e.position)"
    ),
}
_INSTANT = """to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
#: Compares the row `o` of an operator, with its denormalised current state, with the bitemporal
#: tables.
_DIFFERS = f"""(
    row({particulars_of("o")}, o.standing)::text is distinct from (
        select row({particulars_of("n")}, n.standing)::text from rule.stood(o.tin, now(), now()) n)
    or o.consents is distinct from array(
        select c from unnest(rule.consents_then(o.tin, now())) c order by c collate "C")
    or row(o.held, o.held_statuses, o.held_abroad)::text is distinct from (
        select row(coalesce(array_agg(p.number order by p.reference), '{{}}'),
            coalesce(array_agg(p.status order by p.reference), '{{}}'),
            coalesce(array_agg(p.abroad order by p.reference), '{{}}'))::text
        from (select coalesce(p.number, p.authorisation) as number, p.status, p.abroad,
                p.authorisation collate "C" as reference
            from views.status_period p where p.tin = o.tin
                and p.recorded_to is null and {holds("p", "now()")}) p)
    or array(select text::jsonb from unnest(o.latest) text) is distinct from array(
        select jsonb_build_object('authorisation', coalesce(p.number, p.authorisation),
            'status', p.status, 'validFrom', {_INSTANT.format("p.valid_from")},
            'validTo', {_INSTANT.format("nullif(p.valid_to, '9999-12-31T00:00Z')")},
            'recordedFrom', {_INSTANT.format("p.recorded_from")},
            'recordedTo', {_INSTANT.format("p.recorded_to")})
        from rule.periods_then(o.tin, now(), {LATEST}) p)
)"""
_VIEWS: dict[str, str] = {
    "every operator has its row": (
        "select 'operator ' || (e.state::jsonb ->> 'tin') || ' is missing' from ledger.event e"
        " where e.topic = 'operator.registered' and e.position <= (select position from"
        " views.tracking where projection = 'operators') and not exists"
        " (select from views.operator o where o.id = e.originator_id)"
    ),
    "every agreement has its row": (
        "select 'agreement ' || (e.state::jsonb ->> 'agreement') || ' is missing'"
        " from ledger.event e where e.topic = 'agreement.proposed'"
        " and e.position <= (select position from"
        " views.tracking where projection = 'agreements') and not exists"
        " (select from views.agreement a where a.id = e.state::jsonb ->> 'agreement')"
    ),
    "no operator without its event": (
        "select 'operator ' || o.tin || ' has no event' from views.operator o where not exists"
        " (select from ledger.event e where e.originator_id = o.id and e.originator_version = 1"
        " and e.state::jsonb ->> 'tin' = o.tin)"
    ),
    "standing is that of the best status period": (
        "select 'operator ' || o.tin || ' stands ' || o.standing || ' without such a period'"
        " from views.operator o where o.standing <> 'NONE' and not exists (select from"
        " views.status_period p where p.tin = o.tin and p.status = o.standing"
        f" and p.recorded_to is null and {holds('p', 'o.settled')})"
    ),
    "the current state of an operator equals its bitemporal tables": (
        "select 'the row of operator ' || o.tin || ' differs from its tables' from (select * from"
        " views.operator where settled <= now() and coalesce(settled_until, 'infinity') > now()"
        f" order by md5(tin) limit 1000) o where {_DIFFERS}"
    ),
}


@dataclass(frozen=True)
class Finding:
    """One check with its result. `what`: what was checked; `wrong`: the violations, ten at most;
    `noted`: what is no fault of the register and somebody should know, ten at most."""

    what: str
    wrong: tuple[str, ...]
    noted: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether there is no violation."""
        return not self.wrong


def check(
    conninfo: str,
    *,
    streams: int = 200,
    progress: Callable[[str], None] | None = None,
    say: Callable[[str], None] = locks.silent,
) -> list[Finding]:
    """Runs every check. `streams`: how many streams of each kind are derived again and compared.
    `progress` is called with the name of each check. Another check in this database is waited for,
    an hour at most; `say` is told so. Raises TimeoutError when it has not ended."""
    with Session.connect(conninfo, autocommit=True, row_factory=tuple_row) as connection:
        connection.execute("set jit = off")
        connection.execute("set timezone = 'UTC'")
        # held until this connection is closed
        locks.take(connection, CHECK_LOCK, "check", say, locks.LONG)
        found: list[Finding] = []
        for what, wrong in _checks(connection, conninfo, streams):
            if progress:
                progress(what)
            found.append(Finding(what, tuple(wrong)))
        noted = _numbers_of_two_administrations(connection)
        what = "numbers that operators of two administrations hold"
        return [*found, Finding(what, (), tuple(noted))]


def _checks(
    connection: psycopg.Connection[Any], conninfo: str, streams: int
) -> Iterator[tuple[str, list[str]]]:
    for what, statement in (_LEDGER | _VIEWS).items():
        rows = connection.execute(cast(Any, statement + " limit 10")).fetchall()
        yield what, [str(row[0]) for row in rows]
    for table in TABLES.values():
        if table.fact:
            yield (
                f"{table.name}: no overlap in valid time and transaction time",
                _overlaps(connection, table.name, table.fact),
            )
    yield "periods end with their term", _unbounded(connection)
    yield from _rows_without_stream(connection)
    alone = [
        *proposals.decided_alone(connection),
        *proposals.alone_by_administrations(connection),
        *islice(alone_about_law(connection), proposals.MOST_FINDINGS),
    ]
    yield "what needs two persons was decided by two", alone
    yield "every confirmation has its decision", proposals.loose_confirmations(connection)
    yield "every number has one holder, or is marked as shared", _duplicate_holders(connection)
    yield "held numbers follow from the events", _held_number_differences(connection)
    why = outdated(connection)
    by = f"time zones {RELEASE} and Unicode {UNICODE}"
    yield f"all rows derived by one release, with {by}", [why] if why else []
    # A deadline counted by an earlier release keeps its day; its event names the release.
    yield f"working days are counted by the public holidays of {working_days.release()}", []
    yield (
        "every projection is running",
        [
            f"{name} stands at {position}, in front of position {stopped}: {why}"
            for name, position, stopped, why in connection.execute(
                "select projection, position, stopped_at, why from views.tracking"
                " where stopped_at is not null"
            )
        ],
    )
    yield "the folded change feed equals the answers", feed_check.differences(conninfo)
    yield (
        f"{streams} streams derived again give the same rows",
        _derive_again(connection, conninfo, streams),
    )


def _duplicate_holders(connection: psycopg.Connection[Any]) -> list[str]:
    """Returns numbers that two operators of one administration hold on one day although neither is
    marked as shared. What operators of two administrations both hold is disputed between them, and
    nothing is wrong here (decision 0242)."""
    rows = connection.execute(
        "select a.scheme || ' ' || a.value || coalesce(' of ' || nullif(a.issuer, ''), '')"
        " || ' is held by ' || a.holder || ' and by ' || b.holder"
        " from ledger.held_number a join ledger.held_number b"
        " on (a.scheme, a.issuer, a.value) = (b.scheme, b.issuer, b.value) and a.holder < b.holder"
        " and coalesce(a.from_day, '-infinity') < coalesce(b.to_day, 'infinity')"
        " and coalesce(b.from_day, '-infinity') < coalesce(a.to_day, 'infinity')"
        " where a.home = b.home and not (a.shared or b.shared) limit 10"
    ).fetchall()
    return [str(row[0]) for row in rows]


def _numbers_of_two_administrations(connection: psycopg.Connection[Any]) -> list[str]:
    """Returns numbers that operators of two administrations hold on one day: disputed between them,
    or rightly held by one company in two territories (decision 0242)."""
    rows = connection.execute(
        "select a.scheme || ' ' || a.value || ' is held by ' || a.holder || ' and by ' || b.holder"
        " from ledger.held_number a join ledger.held_number b"
        " on (a.scheme, a.issuer, a.value) = (b.scheme, b.issuer, b.value) and a.holder < b.holder"
        " and coalesce(a.from_day, '-infinity') < coalesce(b.to_day, 'infinity')"
        " and coalesce(b.from_day, '-infinity') < coalesce(a.to_day, 'infinity')"
        " where a.home <> b.home order by 1 limit 10"
    ).fetchall()
    return [str(row[0]) for row in rows]


def _held_number_differences(connection: psycopg.Connection[Any]) -> list[str]:
    """Compares the ledger's table of held numbers with the read models, for operators without newer
    events."""
    rows = connection.execute(
        f"""
        with derived as ({HELD_NUMBERS}), kept as (
            select scheme, issuer, value, holder, home, from_day, to_day, shared
            from ledger.held_number
        ), differ as (
            (select * from derived except all select * from kept)
            union all (select * from kept except all select * from derived)
        )
        select distinct d.scheme || ' ' || d.value || ' of ' || d.holder
            || ' is stored differently from its events'
        from differ d left join views.operator o on o.tin = d.holder
        where not exists (
            select from ledger.event e where e.originator_id = o.id and e.position > o.position)
        order by 1 limit 10""",
        {"unique": unique_schemes()},
    ).fetchall()
    return [str(row[0]) for row in rows]


def _overlaps(
    connection: psycopg.Connection[Any], table: str, subject: tuple[str, ...]
) -> list[str]:
    """Returns two rows of one fact that overlap in valid time and transaction time."""
    same = SQL(" and ").join(SQL("a.{0} = b.{0}").format(Identifier(name)) for name in subject)
    words = SQL(" || ' ' || ").join(SQL("a.{}").format(Identifier(name)) for name in subject)
    rows = connection.execute(
        SQL(
            "select {} || ' from ' || a.valid_from || ' and from ' || b.valid_from"
            " from views.{} a join views.{} b on {}"
            " and (a.valid_from, a.recorded_from, a.position)"
            " < (b.valid_from, b.recorded_from, b.position)"
            " and a.valid_from < coalesce(b.valid_to, 'infinity')"
            " and b.valid_from < coalesce(a.valid_to, 'infinity')"
            " and a.recorded_from < coalesce(b.recorded_to, 'infinity')"
            " and b.recorded_from < coalesce(a.recorded_to, 'infinity') limit 10"
        ).format(words, Identifier(table), Identifier(table), same)
    ).fetchall()
    return [str(row[0]) for row in rows]


def _unbounded(connection: psycopg.Connection[Any]) -> list[str]:
    """Returns believed periods that continue after the last day of their term. The instants are
    computed in Python, the only source of time zones."""
    rows = connection.execute(
        "select o.time_zone, p.valid_until, p.tin, p.valid_to from views.operator o"
        " join (select distinct on (s.tin, s.valid_until) s.tin, s.valid_until, s.valid_to"
        " from views.status_period s where s.recorded_to is null and s.valid_until is not null"
        " and s.status in ('GRANTED', 'VALID', 'SUSPENDED')"
        " and 'expiry_decision_awaited' <> all (s.flags)"
        " order by s.tin, s.valid_until, s.valid_to desc nulls first) p on p.tin = o.tin"
        " where p.valid_until < date '9999-12-31'"
    )
    wrong = (
        f"operator {tin} is held until {valid_to}, and the term ended with {last}"
        for zone, last, tin, valid_to in rows
        if valid_to is None or valid_to > end_of_day(last, zone)
    )
    return list(islice(wrong, 10))


def _rows_without_stream(connection: psycopg.Connection[Any]) -> Iterator[tuple[str, list[str]]]:
    """Returns rows of streams that do not exist. Deriving existing streams again would not find
    them."""
    for aggregate in [aggregate for model in READ_MODELS for aggregate in model.aggregates]:
        first, *others = aggregate.tables
        recorded = SQL(
            "select {} as key from ledger.event where originator_version = 1"
            " and topic like {} || '.%%'"
        ).format(
            SQL("state::jsonb ->> {}").format(Literal(aggregate.key_field))
            if aggregate.key_field
            else SQL("originator_id::text"),
            Literal(aggregate.noun),
        )
        listed = SQL("select {}::text as key from views.{}").format(
            Identifier(first.key), Identifier(first.name)
        )
        known = [(table, listed) for table in others]
        if aggregate.noun != "operator":  # operators are many, and were checked by their ids
            known.insert(0, (first, recorded))
        for table, keys in known:
            rows = connection.execute(
                SQL(
                    "select distinct t.{key}::text from views.{table} t where not exists"
                    " (select from ({keys}) k where k.key = t.{key}::text) limit 10"
                ).format(key=Identifier(table.key), table=Identifier(table.name), keys=keys),
                [],
            ).fetchall()
            yield (
                f"{table.name}: no row without its stream",
                [f"{row} has no event" for (row,) in rows],
            )


def _derive_again(connection: psycopg.Connection[Any], conninfo: str, streams: int) -> list[str]:
    """Derives the rows of some streams again in a scratch schema and compares them.

    The sample is chosen by the hash of the stream id, so it is the same in every check.
    """
    create_tables(connection, SCRATCH)
    projector = Projector(conninfo, schema=SCRATCH)
    wrong: list[str] = []
    for model in READ_MODELS:
        keys: list[str] = []
        for noun in model.nouns:
            ids = connection.execute(
                "select originator_id from ledger.event where topic like %s"
                " and originator_version = 1 order by md5(originator_id::text) limit %s",
                [f"{noun}.%", streams],
            ).fetchall()
            keys += projector.project_streams(connection, model, [id for (id,) in ids])
        for table in model.tables:
            every = SQL(", ").join(map(Identifier, table.columns))
            made = SQL("select {} from {}").format(every, Identifier(SCRATCH, table.name))
            stored = SQL("select {} from {} where {}::text = any({})").format(
                every, Identifier("views", table.name), Identifier(table.key), Literal(keys)
            )
            rows = connection.execute(
                # EXCEPT ALL: in a table without a primary key, a duplicate row is a difference.
                SQL("(({0}) except all ({1})) union all (({1}) except all ({0})) limit 3").format(
                    made, stored
                )
            ).fetchall()
            wrong += [f"{table.name}: {row[:4]} differs from what its events say" for row in rows]
    connection.execute(SQL("drop schema {} cascade").format(Identifier(SCRATCH)))
    return wrong[:10]
