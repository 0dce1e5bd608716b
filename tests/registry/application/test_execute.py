"""A command's way: decided on what is at hand, and nobody is refused or answered on that alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.domain import BaseAggregate

from registry.application.cache import AggregateCache
from registry.application.execute import Receipt
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import AlreadyRegistered, NotOffered, OtherCommand, StaleVersion
from registry.domain.operators.events import Operator
from registry.domain.values import Tin
from registry.ledger.database import environment
from tests.law import CN, KR

CLERK = "officer:1"
HANA, SORI = Tin("KR1234567"), Tin("KR1111111")
Open = Callable[[], Registry]


@pytest.fixture
def another(database: str) -> Iterator[Open]:
    """Registers on the same ledger, each with its own connections and its own memory, as the
    processes of a service have them."""
    with ExitStack() as leave:

        def open_one() -> Registry:
            registry = Registry(environment(database))
            leave.callback(registry.close)
            return registry

        first = open_one()
        for command in (
            c.RegisterAdministration(administration=KR, name_="Korea", time_zone="Asia/Seoul"),
            c.RegisterAdministration(administration=CN, name_="China", time_zone="Asia/Shanghai"),
            c.RegisterProgramme(
                programme="KR-AEO", administration=KR, name_="AEO", types=("A", "AA", "AAA")
            ),
            c.RegisterOperator(tin=HANA, name_="Hana"),
        ):
            first.execute(command, CLERK)
        yield open_one


@pytest.fixture
def registry(another: Open) -> Registry:
    return another()


def renamed(name: str, **said: Any) -> c.AmendParticulars:
    return c.AmendParticulars(tin=HANA, name_=name, **said)


def names(registry: Registry, tin: Tin = HANA) -> list[str]:
    return [e.name for e in registry.events.get(Operator.create_id(tin)) if hasattr(e, "name")]


# ------------------------------------------------------- several processes


def test_two_processes_change_the_same_operators_by_turns(another: Open) -> None:
    both, tins = (another(), another()), [Tin(f"KR{n}") for n in range(1, 6)]
    for tin in tins:
        both[0].execute(c.RegisterOperator(tin=tin, name_="Hana"), CLERK)

    for tin in tins:
        for n in range(100):
            rename = c.AmendParticulars(tin=tin, name_=f"Hana {n}", expected_version=n + 1)
            receipt = both[n % 2].execute(rename, CLERK)
            # Each held what the other had left behind, and saw the version it was told of.
            assert (receipt.version, len(receipt.positions)) == (n + 2, 1)

    for tin in tins:
        assert names(both[0], tin) == ["Hana", *(f"Hana {n}" for n in range(100))]


def test_what_would_change_nothing_here_may_change_something_there(another: Open) -> None:
    gives, withdraws = another(), another()

    for _ in range(20):
        given = gives.execute(c.GiveConsent(tin=HANA, partner=CN, command_id=uuid4()), CLERK)
        taken = withdraws.execute(
            c.WithdrawConsent(tin=HANA, partner=CN, command_id=uuid4()), CLERK
        )
        assert given.positions and taken.positions

    assert gives.operator(HANA).consents == set()


def test_who_is_refused_here_may_have_become_right_there(another: Open) -> None:
    here, there = another(), another()
    lodge = c.LodgeApplication(tin=HANA, programme="KR-AEO", type="A")
    here.execute(lodge, CLERK)

    there.execute(c.AcceptApplication(tin=HANA), CLERK)

    # A process that had read the operator before would say: lodged, and not accepted.
    assert here.execute(c.StartExamination(tin=HANA), CLERK).positions


def test_a_type_that_is_offered_since_a_moment_can_be_applied_for(another: Open) -> None:
    here, there = another(), another()
    with pytest.raises(NotOffered):
        here.execute(c.LodgeApplication(tin=HANA, programme="KR-AEO", type="S"), CLERK)

    types = c.SetTypes(
        programme="KR-AEO", types=("A", "S"), effective=date(2020, 1, 1), legal_ground="a notice"
    )
    there.execute(types, CLERK)

    lodged = c.LodgeApplication(tin=HANA, programme="KR-AEO", type="S")
    assert here.execute(lodged, CLERK).positions


def test_an_operator_registered_there_is_not_registered_here(another: Open) -> None:
    here, there = another(), another()
    register = c.RegisterOperator(tin=SORI, name_="Sori", command_id=uuid4())
    first = there.execute(register, CLERK)

    with pytest.raises(AlreadyRegistered):
        here.execute(c.RegisterOperator(tin=SORI, name_="Sori", command_id=uuid4()), CLERK)
    with pytest.raises(OtherCommand):
        here.execute(register, "officer:2")
    assert here.execute(register, CLERK).positions == first.positions


def test_many_in_two_processes_at_the_same_time_lose_nothing(another: Open) -> None:
    both = another(), another()

    def rename(number: int) -> Receipt:
        command = renamed(f"Hana {number}", command_id=uuid4())
        while True:
            try:
                return both[number % 2].execute(command, CLERK)
            except StaleVersion:
                continue  # overtaken again and again: sent again, as the refusal says

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(rename, range(80)))

    assert sorted(receipt.version for receipt in receipts) == list(range(2, 82))
    assert sorted(names(both[0])[1:]) == sorted(f"Hana {n}" for n in range(80))


# --------------------------------------------------------------- many tasks


def together(registry: Registry, commands: list[c.Command]) -> list[Receipt]:
    async def run() -> list[Receipt]:
        with ThreadPoolExecutor(4) as threads:
            return await asyncio.gather(
                *(registry.execute_async(command, CLERK, threads) for command in commands)
            )

    return asyncio.run(run())


def test_many_tasks_on_one_operator_wait_for_each_other_and_nobody_is_refused(
    registry: Registry,
) -> None:
    receipts = together(registry, [renamed(f"Hana {n}") for n in range(60)])

    assert [receipt.version for receipt in receipts] == list(range(2, 62))
    assert names(registry)[-1] == "Hana 59"


def test_one_command_sent_by_many_tasks_is_recorded_once(registry: Registry) -> None:
    receipts = together(registry, [renamed("Hana Lines", command_id=uuid4())] * 6)

    assert [receipt.repeated for receipt in receipts] == [False, *[True] * 5]
    assert len({(receipt.version, *receipt.positions) for receipt in receipts}) == 1


def test_tasks_of_two_processes_change_one_operator(another: Open) -> None:
    both = another(), another()

    for n in range(0, 40, 2):
        for registry, number in ((both[0], n), (both[1], n + 1)):
            [receipt] = together(registry, [renamed(f"Hana {number}", expected_version=number + 1)])
            assert receipt.version == number + 2


# ---------------------------------------------------------- what is at hand

LIFE: list[c.Command] = [
    c.RegisterOperator(tin=SORI, name_="Sori", address="Busan"),
    c.GiveConsent(tin=SORI, partner=CN),
    c.AddIdentifier(tin=SORI, scheme="TIN", value="KR1111111"),
    c.LodgeApplication(tin=SORI, programme="KR-AEO", type="A"),
    c.AcceptApplication(tin=SORI),
    c.StartExamination(tin=SORI),
    c.GrantAuthorisation(
        tin=SORI, number="KR-1", valid_until=date(2031, 1, 1), legal_ground="Customs Act"
    ),
    c.SuspendAuthorisation(tin=SORI, reason="Art. 16", legal_ground="Art. 16"),
    c.LiftSuspension(tin=SORI, reason="mended", legal_ground="Art. 17"),
    c.ChangeType(tin=SORI, type="AA"),
    c.AmendParticulars(tin=SORI, name_="Sori Lines"),
    c.WithdrawConsent(tin=SORI, partner=CN),
    c.RevokeAuthorisation(tin=SORI, reason="Art. 28", legal_ground="Art. 28"),
]


def told(item: Any) -> Any:
    """An aggregate without the clock of the process that made it."""
    if isinstance(item, list | tuple):
        return [told(one) for one in item]
    if isinstance(item, dict):
        return {key: told(value) for key, value in item.items()}
    if type(item).__module__ == Operator.__module__ and hasattr(item, "__dict__"):
        clocks = ("timestamp", "_created_on", "_modified_on")
        return type(item), {k: told(v) for k, v in vars(item).items() if k not in clocks}
    return item


def test_what_is_at_hand_is_what_the_ledger_would_tell(registry: Registry) -> None:
    kept: BaseAggregate[Any] | None
    for command in LIFE:
        receipt = registry.execute(command, CLERK)
        kept = registry._aggregates.take(receipt.stream)
        assert kept is not None
        read = registry.operator(SORI)
        assert (told(kept), kept.version) == (told(read), read.version), command
        registry._aggregates.put(kept)


def test_only_so_many_are_kept_and_the_older_yields(registry: Registry) -> None:
    kept = AggregateCache(capacity=2)
    hana = registry.operator(HANA)
    others = [Operator.create_id(Tin(f"KR{n}")) for n in range(5)]

    for id in others:
        kept.put(_with_id(registry.operator(HANA), id))

    assert (len(kept), kept.take(others[2])) == (2, None)
    assert kept.take(others[4]) is not None and kept.take(others[4]) is None
    # One that comes back late does not replace what was recorded after it.
    newer = registry.operator(HANA)
    newer._version = 9
    kept.put(newer)
    kept.put(hana)
    assert kept.take(hana.id) is newer


def _with_id(operator: Operator, id: Any) -> Operator:
    operator._id = id
    return operator
