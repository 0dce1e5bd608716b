"""Operators become one another's successors, and never in a ring, however fast they are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest

from registry.application.execute import Receipt
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import Superseded, WrongStatus
from registry.domain.values import Tin
from registry.ledger.database import environment
from tests.law import KR

HANA, DORI, SORI = Tin("KR1234567"), Tin("KR7654321"), Tin("KR1111111")


@pytest.fixture
def registry(database: str) -> Iterator[Registry]:
    with closing(Registry(environment(database))) as new_closing:
        do(
            new_closing,
            c.RegisterAdministration(administration=KR, name_="Korea", time_zone="Asia/Seoul"),
        )
        for tin in (HANA, DORI, SORI):
            do(new_closing, c.RegisterOperator(tin=tin, name_="One of them"))
        yield new_closing


def do(registry: Registry, command: c.Command) -> Receipt:
    return registry.execute(command, "officer:1")


def test_operators_are_not_merged_in_a_ring(registry: Registry) -> None:
    do(registry, c.MergeInto(tin=HANA, successor=DORI))
    do(registry, c.MergeInto(tin=DORI, successor=SORI))

    with pytest.raises(WrongStatus, match="KR1234567 leads back to KR1111111"):
        do(registry, c.MergeInto(tin=SORI, successor=HANA))
    with pytest.raises(Superseded, match="was merged into KR7654321"):
        do(registry, c.AmendParticulars(tin=HANA, name_="Hana Lines"))


def test_nor_by_two_who_merge_them_into_each_other_at_one_instant(
    registry: Registry, database: str
) -> None:
    pairs = [(Tin(f"KR20000000{n}"), Tin(f"KR30000000{n}")) for n in range(8)]
    for tin in (tin for pair in pairs for tin in pair):
        do(registry, c.RegisterOperator(tin=tin, name_="One of two"))
    start = Barrier(2)

    def merged(at: Registry, tin: Tin, successor: Tin) -> bool:
        start.wait()
        try:
            do(at, c.MergeInto(tin=tin, successor=successor))
        except WrongStatus:
            return False
        return True

    with closing(Registry(environment(database))) as other, ThreadPoolExecutor(2) as both:
        for left, right in pairs:
            one = both.submit(merged, registry, left, right)
            two = both.submit(merged, other, right, left)
            assert sorted([one.result(), two.result()]) == [False, True]
