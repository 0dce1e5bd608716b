"""Who sees which operator, said three times and always the same: by the SQL of the planner, by the
pure decision of the access policy, and by row-level security where a statement forgets to ask.

`AEO_TEST_TIMES=5 ./aeo test tests/projections/reads/test_row_security.py -s` is the long test: over
100,000 pairs of a subject and an operator. It prints what was seen, by role.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from string import ascii_uppercase
from typing import Any

import psycopg
import pytest
from graphql import OperationDefinitionNode
from graphql.execution.values import get_variable_values
from psycopg import sql

from api.access.permissions import FIELDS
from api.access.policy import PUBLIC, Subject, SubjectRole
from api.access.visibility import Disclosure, OperatorFacts, disclosure, sees
from api.graphql.limits import read
from api.graphql.pipelined_connection import cell
from api.graphql.planner.batcher import Asked, parameters
from api.graphql.planner.compiler import Compiler, Plan
from api.graphql.schema import core
from projections.models.tables import GUARDED
from projections.reads.row_security import STATE, stated
from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.disclosure import CERTIFIED
from registry.domain.operators import consent_decisions
from registry.domain.operators import timeline as operator_timeline
from registry.domain.operators.events import Operator
from registry.domain.recognition import is_valid_at
from registry.domain.values import AdministrationCode, Tin
from tests.chance import TIMES
from tests.pooling import needs_pooler, pooler
from tests.projections.reads import test_rule as rule
from tests.worlds import Maker, World

ROUNDS, WORLDS, OPERATORS = TIMES, 5, 24  # a round: 177 subjects, 120 operators
DAY = timedelta(days=1)
#: By row-level security alone: everything that a reader would be given without a filter.
UNFILTERED = "select tin from views.operator"
#: The feed has a row for each operator: the worlds' rows come from no projector.
CHANGES = """truncate views.change;
insert into views.change select tin, administration, registered, registered, registered, position
from views.operator"""
QUESTION = "query ($tin: TIN!) { operator(tin: $tin) { tin } }"


class Populous(Maker):
    """More operators, some of which publish that they are authorised, and take it back."""

    def make(self) -> World:
        world = super().make()
        for number in range(6):
            pair = (self.random.choice((self.a, self.bloc)), self.random.choice((self.b, self.d)))
            self._agreement(f"{self.a}-more-{number}", pair)
        for number in range(len(world.operators), OPERATORS):
            self._operator(self.random.choice(world.territories), number)
        return world

    def _operator(self, home: AdministrationCode, number: int) -> None:
        programme = f"{self.bloc if home == self.member else home}-AEO"
        if programme not in self.programmes:
            home = self.a
        super()._operator(home, number)

    def _live(self, item: Any, steps: list[Callable[[Decision], None]], zone: str) -> list[Any]:
        if isinstance(item, Operator):
            steps = [*steps, *self._publication(item)]
        return super()._live(item, steps, zone)

    def _publication(self, operator: Operator) -> Iterator[Callable[[Decision], None]]:
        given = c.GiveConsent(tin=operator.tin, publication=True)
        taken = c.WithdrawConsent(tin=operator.tin, publication=True)
        if self.random.random() < 0.5:
            yield lambda by: consent_decisions.give_consent(operator, given, by)
            if self.random.random() < 0.4:
                yield lambda by: consent_decisions.withdraw_consent(operator, taken, by)


@dataclass(frozen=True)
class Register:
    """Operators of several worlds, in one database, at one instant."""

    now: datetime
    operators: list[OperatorFacts]
    subjects: list[Subject]


def _facts(world: World, stream: list[Any], now: datetime) -> OperatorFacts:
    own = operator_timeline.build_timeline(stream)
    believed = [row.fact for row in own.periods if row.recorded_to is None]
    latest = {p.authorisation: p for p in sorted(believed, key=lambda p: p.valid_from)}
    return OperatorFacts(
        own.tin,
        own.registered.event.administration,
        rule._facts(world, stream, now),
        frozenset(period.programme for period in latest.values()),
        any(row.fact.status in CERTIFIED for row in own.periods),
    )


def _subjects(world: World, operators: Sequence[OperatorFacts], now: datetime) -> Iterator[Subject]:
    members = [m for m in operators[0].facts.members if is_valid_at(m, now)]
    for code in world.territories:
        own = frozenset({code} | {m.member for m in members if m.bloc == code})
        reach = own | {m.bloc for m in members if m.member == code}
        for role in (SubjectRole.PARTNER, SubjectRole.OFFICER):
            yield Subject(role, f"{role.value}:{code}", code, own=own, reach=reach)
    for operator in operators:
        yield Subject(SubjectRole.COMPANY, f"company:{operator.tin}", tin=operator.tin)
    yield Subject(SubjectRole.COMPANY, "company:none", tin=Tin("CN9Z"))


def _register(connection: psycopg.Connection[Any], turn: int) -> Register:
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    first = 50_000 + turn * WORLDS
    worlds = [Populous(first + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)]
    rule._KEPT.clear()
    rule._write(connection, worlds)
    connection.execute(CHANGES)
    luck = random.Random(turn)
    streams = [
        *(s for w in worlds for s in (*w.operators, *w.agreements)),
        *(s for w in worlds for s in (*w.administrations, *w.programmes)),
    ]
    # What is decided ahead has not begun yet, on some days.
    now = max(e.known_at for s in streams for e in s) + luck.choice((0, 3, 20, 200)) * DAY
    operators: list[OperatorFacts] = []
    subjects = [PUBLIC, Subject(SubjectRole.AUDITOR, "auditor:*")]
    for world in worlds:
        found = [_facts(world, stream, now) for stream in world.operators]
        subjects += _subjects(world, found, now)
        operators += found
    return Register(now, operators, subjects)


def _plan() -> Plan:
    document = read(core, QUESTION)
    assert document.node is not None
    [operation] = document.node.definitions
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(core, operation.variable_definitions or (), {"tin": "CN1"})
    assert not isinstance(values, list)
    return Compiler(core, {}, operation, values).plan()


def _planned(
    connection: psycopg.Connection[Any], plan: Plan, subject: Subject, register: Register
) -> set[str]:
    """What the planner's own statement returns, asked for each operator by its TIN as the owner,
    whom row-level security does not bind."""
    of_subject = {name: cell(v) for name, v in subject.visibility.parameters(register.now).items()}
    now = cell(register.now)
    values = {"at": now, "known": now, "belief": cell(":"), "reach": cell("")} | of_subject
    batch = [
        Asked(
            [cell(o.tin.text) if name == "tin" else values[name] for _, name in plan.columns],
            subject.visibility.stated,
            register.now,
        )
        for o in register.operators
    ]
    with psycopg.RawCursor(connection) as cursor:
        rows = cursor.execute(plan.sql, [p.decode() for p in parameters(batch)]).fetchall()
    tins = [o.tin.text for o in register.operators]
    return {tin for tin, (text,) in zip(tins, rows, strict=True) if tin in text}


def _own(subject: Subject, register: Register) -> set[str]:
    """The operators that the subject sees by no agreement and no consent, or not at all."""
    match subject.role:
        case SubjectRole.AUDITOR | SubjectRole.COMPANY:
            return {o.tin.text for o in register.operators}
        case SubjectRole.OFFICER:
            return {o.tin.text for o in register.operators if o.tin.text[:2] in subject.home}
    return set()


def _unfiltered(
    reader: psycopg.Connection[Any], subject: Subject | None, now: datetime, statement: str
) -> set[Any]:
    with reader.transaction():
        if subject is not None:
            reader.execute(STATE, [stated(subject.visibility, now)])
        return {row[0] for row in reader.execute(statement.encode())}


def _reading(database: str) -> psycopg.Connection[Any]:
    # As the service: plans are made once, for whatever subject, and nothing can be written.
    options = "-c role=aeo_reader -c plan_cache_mode=force_generic_plan"
    options += " -c default_transaction_read_only=on -c timezone=UTC"
    reader = psycopg.connect(database, autocommit=True, options=options)
    reader.prepare_threshold = 0
    return reader


def test_sql_the_pure_decision_and_row_level_security_let_everybody_see_the_same(
    database: str,
) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    foreign = 0
    plan = _plan()
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("set timezone = 'UTC'")
        for register in (_register(owner, turn) for turn in range(ROUNDS)):
            with _reading(database) as reader:
                for subject in register.subjects:
                    decided = {
                        o.tin.text for o in register.operators if sees(subject, o, register.now)
                    }
                    planned = _planned(owner, plan, subject, register)
                    let_through = _unfiltered(reader, subject, register.now, UNFILTERED)
                    assert planned == decided, (subject.id, planned ^ decided)
                    assert let_through == decided, (subject.id, let_through ^ decided)
                    if subject.role is not SubjectRole.COMPANY or decided:
                        # The shorter statement, which the planner uses for `of_own` alone.
                        at_home = _planned(owner, plan.at_home(), subject, register)
                        of_own = _own(subject, register)
                        assert at_home & of_own == decided & of_own, (subject.id, at_home)
                        assert at_home <= decided, (subject.id, at_home - decided)
                    role = subject.role.value
                    seen[role, "seen"] += len(decided)
                    seen[role, "unseen"] += len(register.operators) - len(decided)
                    homes = {code.text for code in subject.own}
                    foreign += sum(tin[:2] not in homes for tin in decided)
    pairs = sum(seen.values())
    print(f"\n{pairs:,} pairs of a subject and an operator; SQL, decision and policies are equal")
    for role in SubjectRole:
        told, untold = seen[role.value, "seen"], seen[role.value, "unseen"]
        print(f"{role.value:>8}: seen {told:>7,}, not seen {untold:>7,}")
        assert told, f"a test in which {role.value} sees nobody proves nothing"
    assert pairs >= 20_000 * ROUNDS and foreign > pairs // 200


#: What a subject may read of an operator that it sees, table by table: all of it; of statuses what
#: is certified; of deadlines, proposals and disputes nothing, outside the home administration.
PARTS = {table: "true" for table in GUARDED} | {
    "status_period": "t.status = any(rule.certified())",
    "deadline": "false",
    "proposal": "false",
    "dispute": "false",  # but for its opener: tests/api/graphql/types/test_disputes.py
}


def test_each_table_shows_of_an_operator_what_is_disclosed(database: str) -> None:
    compared: Counter[str] = Counter()
    with psycopg.connect(database, autocommit=True) as owner, _reading(database) as reader:
        owner.execute("set timezone = 'UTC'")
        register = _register(owner, 990)
        for subject in register.subjects[:70]:
            decided = [o.tin.text for o in register.operators if sees(subject, o, register.now)]
            home = [
                o.tin.text
                for o in register.operators
                if disclosure(subject, o, "Authorisation", "deadlines", register.now)
                is Disclosure.VISIBLE
            ]
            for table in sorted(GUARDED):
                wanted = owner.execute(
                    f"select t::text from views.{table} t where t.tin = any(%s)"
                    f" or t.tin = any(%s) and {PARTS[table]}".encode(),
                    [home, decided],
                ).fetchall()
                every = f"select t::text from views.{table} t"
                found = _unfiltered(reader, subject, register.now, every)
                assert found == {text for (text,) in wanted}, (subject.id, table)
                compared[table] += len(found)
    assert min(compared[table] for table in GUARDED - {"proposal", "dispute"}) > 20, compared


def test_every_field_has_a_disclosure_for_everybody(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as owner:
        register = _register(owner, 991)
    told = {
        (subject.role, disclosure(subject, operator, type, field, register.now))
        for subject in register.subjects[:30]
        for operator in register.operators
        for type, fields in FIELDS.items()
        for field in fields
    }
    both = {Disclosure.VISIBLE, Disclosure.REDACTED}
    assert {d for role, d in told if role is SubjectRole.PARTNER} == both | {Disclosure.ABSENT}
    assert (SubjectRole.AUDITOR, Disclosure.ABSENT) not in told


# ------------------------------------------------------------------- the lock itself


@pytest.fixture
def register(database: str) -> Register:
    with psycopg.connect(database, autocommit=True) as owner:
        return _register(owner, 992)


def test_whoever_states_nobody_sees_nothing(database: str, register: Register) -> None:
    with _reading(database) as reader:
        for table in sorted(GUARDED):
            every = f"select t::text from views.{table} t"
            assert _unfiltered(reader, None, register.now, every) == set()
        auditor = register.subjects[1]
        assert len(_unfiltered(reader, auditor, register.now, UNFILTERED)) == len(
            register.operators
        )
        # What a transaction stated ends with it.
        assert _unfiltered(reader, None, register.now, UNFILTERED) == set()
        for nonsense in ("", "partner", "nobody|CN||", "PUBLIC|||", "auditor |||"):
            with reader.transaction():
                reader.execute(STATE, [f"{nonsense}|||{register.now.isoformat()}"])
                assert not reader.execute(UNFILTERED.encode()).fetchall()


def test_what_a_session_keeps_of_the_law_ends_with_the_law(
    database: str, register: Register
) -> None:
    """What the law says for an administration is kept between transactions, until it is changed or
    a day of it comes: with each of them, and back, the policies say what the decision says."""
    changed = "update views.link set consent_required = not consent_required"
    told = "update views.agreement set position = position + 100000"
    subjects = [s for s in register.subjects if s.role is SubjectRole.PARTNER][:8]
    with psycopg.connect(database, autocommit=True) as owner, _reading(database) as reader:
        owner.execute("set timezone = 'UTC'")
        seen = []
        for step in ((), (changed, told), (changed, told)):
            for statement in step:
                owner.execute(statement.encode())
            for now in (register.now, register.now + 4000 * DAY, register.now):
                for subject in subjects:
                    planned = _planned(owner, _plan(), subject, replace(register, now=now))
                    found = _unfiltered(reader, subject, now, UNFILTERED)
                    assert found == planned, (subject.id, now)
                    seen.append(frozenset(found))
    third = len(seen) // 3
    assert seen[:third] == seen[2 * third :] != seen[third : 2 * third]


def test_no_partition_leads_around_a_policy(database: str, register: Register) -> None:
    with psycopg.connect(database, autocommit=True) as owner:
        tables = owner.execute(
            "select c.relname, c.relrowsecurity, c.relispartition,"
            " has_table_privilege('aeo_reader', c.oid, 'select'), c.relowner::regrole::text"
            " from pg_class c where c.relnamespace = 'views'::regnamespace and c.relkind in"
            " ('r', 'p') and exists (select from pg_attribute a where a.attrelid = c.oid"
            " and a.attname = 'tin')"
        ).fetchall()
        bypassing = owner.execute(
            "select rolname from pg_roles where rolname like 'aeo\\_%' and"
            " (rolbypassrls or rolsuper)"
        ).fetchall()
    guarded = {name for name, secured, part, _, _ in tables if secured and not part}
    assert guarded == set(GUARDED) == {name for name, _, part, _, _ in tables if not part}
    assert not [name for name, _, part, readable, _ in tables if part and readable]
    # The owner alone is exempt, and it is nobody's login; the others have policies.
    assert {owner for *_, owner in tables} == {"aeo_owner"} and not bypassing


def test_the_projector_and_auditors_see_every_row_by_a_policy(
    database: str, register: Register
) -> None:
    for role in ("aeo_projector", "aeo_auditor"):
        with psycopg.connect(database, autocommit=True, options=f"-c role={role}") as connection:
            for table in sorted(GUARDED - {"proposal", "dispute"}):  # these worlds have none
                name = sql.Identifier("views", table)
                counted = connection.execute(sql.SQL("select count(*) from {}").format(name))
                row = counted.fetchone()
                assert row is not None and row[0] > 0, table


@needs_pooler
def test_behind_a_pooler_in_transaction_mode_each_transaction_has_its_own_subject(
    database: str, register: Register
) -> None:
    """One server process answers all, so what a session kept would be seen by the next."""
    now, subjects = register.now, [*register.subjects[:12], None] * 4
    with (
        pooler(database, "transaction", size=1) as conninfo,
        psycopg.connect(database, autocommit=True) as owner,
    ):
        login = owner.info.user
        owner.execute(
            sql.SQL("alter role {} in database {} set role aeo_reader").format(
                sql.Identifier(login), sql.Identifier(owner.info.dbname)
            )
        )
        connections = [psycopg.connect(conninfo, autocommit=True) for _ in range(3)]
        try:
            processes = set()
            for number, subject in enumerate(subjects):
                connection = connections[number % 3]
                connection.prepare_threshold = None
                processes.add(connection.execute("select pg_backend_pid()").fetchone())
                let_through = _unfiltered(connection, subject, now, UNFILTERED)
                decided = {
                    o.tin.text for o in register.operators if subject and sees(subject, o, now)
                }
                assert let_through == decided
            assert len(processes) == 1
        finally:
            for connection in connections:
                connection.close()
