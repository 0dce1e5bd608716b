"""What row-level security costs the database: the planner's own statements, with it and without.

    python -m ops.bench.row_security [--operators 5000] [--rounds 7] [--smoke]

The statements of the read bench are run as the service runs them (role aeo_reader, prepared, one
plan for every subject), for an officer of the operators' home, a partner with an agreement and an
auditor, with 1 and 16 requests in a statement. Row-level security is switched off and on in
turns. Printed are microseconds of processor time of the database a request, the median of the
rounds, and what the policies add. Other work of the machine does not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import psycopg
from graphql import OperationDefinitionNode
from graphql.execution.values import get_variable_values

from api.access.policy import Subject, named
from api.graphql.limits import read
from api.graphql.pipelined_connection import cell
from api.graphql.planner.batcher import Asked, parameters
from api.graphql.planner.compiler import Compiler, Plan
from api.graphql.schema import core
from ops.bench import common
from ops.bench.questions import KINDS, Kind
from projections.models.tables import GUARDED
from registry.ledger.connections import Session

SIZES = (1, 16)  # requests in one statement
PARTNERS = {"CN": "KR", "KR": "CN", "JP": "KR"}
READER = (
    "-c role=aeo_reader -c plan_cache_mode=force_generic_plan -c jit=off -c timezone=UTC"
    " -c random_page_cost=1.1 -c default_transaction_read_only=on"
)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m ops.bench.row_security", description=__doc__)
    options.add_argument("--operators", type=int, default=1_000)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--smoke", action="store_true", help="a moment each")
    asked = options.parse_args()
    operators = 20 if asked.smoke else asked.operators
    requests = 64 if asked.smoke else 960
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        common.register(url, operators)
        home, tins = most(url)
        subjects = [f"officer:{home}", f"partner:{PARTNERS.get(home, 'KR')}", "auditor:*"]
        for kind in KINDS:
            if not kind.many:
                plan = _plan(kind)
                for subject in subjects:
                    for size in SIZES:
                        rows = _rows(plan, kind, named(subject), tins, size)
                        off, on = _in_turns(url, plan, rows, requests // size, asked.rounds, size)
                        more = on - off
                        common.console.print(
                            f"{kind.name:<12} {subject:<12} {size:>2} in one statement:"
                            f" {off:8.1f} µs without, {on:8.1f} with, {more:+7.1f}"
                            f" ({more / off:+.1%})"
                        )


def most(url: str) -> tuple[str, list[str]]:
    """The administration with the most operators, and their TINs."""
    with psycopg.connect(url, autocommit=True) as owner:
        found = owner.execute(
            "select administration, array_agg(tin order by tin) from views.operator"
            " group by 1 order by count(*) desc limit 1"
        ).fetchone()
    assert found is not None
    return found[0], found[1]


def _plan(kind: Kind) -> Plan:
    document = read(core, kind.ours)
    assert document.node is not None
    [operation] = document.node.definitions
    assert isinstance(operation, OperationDefinitionNode)
    given = kind.variables(["CN1"], ["KR"], Random(1))
    values = get_variable_values(core, operation.variable_definitions or (), given)
    assert not isinstance(values, list), values
    return Compiler(core, {}, operation, values).plan()


def _rows(
    plan: Plan, kind: Kind, subject: Subject, tins: Sequence[str], size: int
) -> list[list[str]]:
    """The parameters of some statements."""
    chance, now = Random(3), datetime.now(UTC)
    scope = subject.visibility
    reach = subject.administration.text if subject.administration else ""
    fixed: Mapping[str, Any] = {
        **{name: cell(value) for name, value in scope.parameters(now).items()},
        **{"at": cell(now), "known": cell(now), "belief": cell(":"), "reach": cell(reach)},
        **{"own": cell(reach) if subject.role.value == "officer" else cell("")},
    }

    def one() -> Asked:
        given = {
            name: cell(value)
            for name, value in kind.variables(tins, [reach or "KR"], chance).items()
        }
        row = [given.get(name) or fixed.get(name, cell(None)) for _, name in plan.columns]
        return Asked(row, scope.stated, now)

    return [[p.decode() for p in parameters([one() for _ in range(size)])] for _ in range(50)]


def _in_turns(
    url: str, plan: Plan, rows: list[list[str]], statements: int, rounds: int, size: int
) -> tuple[float, float]:
    """Microseconds of the database a request: without row-level security, and with it."""
    took: dict[str, list[float]] = {"disable": [], "enable": []}
    with Session.connect(url, options=READER, autocommit=True) as reader:
        for _ in range(rounds):
            for how, seconds in took.items():
                _switch(url, how)
                _run(reader, plan, rows, max(10, statements // 10))  # plans it anew
                before = _seconds(reader)
                _run(reader, plan, rows, statements)
                seconds.append((_seconds(reader) - before) / statements / size * 1e6)
    return median(took["disable"]), median(took["enable"])


def _run(
    reader: psycopg.Connection[Any], plan: Plan, rows: list[list[str]], statements: int
) -> None:
    with psycopg.RawCursor(reader) as cursor:
        for number in range(statements):
            cursor.execute(plan.sql, rows[number % len(rows)], prepare=True)


def _switch(url: str, how: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        for table in sorted(GUARDED):
            owner.execute(f"alter table views.{table} {how} row level security".encode())


def _seconds(reader: psycopg.Connection[Any]) -> float:
    """Processor seconds of the session's own server process, in nanoseconds by the scheduler."""
    path = Path(f"/proc/{reader.info.backend_pid}/schedstat")
    return int(path.read_text().split()[0]) / 1e9


if __name__ == "__main__":
    main()
