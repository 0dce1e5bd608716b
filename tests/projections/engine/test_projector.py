"""The clerk: nothing missed, nothing twice, the same tables however it came to them."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from time import sleep
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from projections.checking.check import check
from projections.checking.status import resume
from projections.engine import projector as following
from projections.engine.fold import fold
from projections.engine.projector import Projector
from projections.engine.read_your_writes import wait_until
from projections.engine.rebuild import digests, rebuild
from registry.application.registry import Registry
from registry.domain import commands


def _digests(database: str) -> dict[str, str]:
    with psycopg.connect(database, autocommit=True) as connection:
        return digests(connection)


def _places(database: str) -> dict[str, tuple[int, int | None]]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("select projection, position, stopped_at from views.tracking")
        return {name: (position, stopped) for name, position, stopped in rows}


def test_replay_from_zero_gives_the_same_tables_byte_for_byte(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BATCH", 37)  # most streams are cut by the end of a batch
    last = Projector(database).catch_up()
    as_followed = _digests(database)
    monkeypatch.undo()

    assert rebuild(database) == last

    assert _digests(database) == as_followed
    assert as_followed["status_period"] != as_followed["link"]  # neither is the digest of nothing
    assert _places(database) == dict.fromkeys(_places(database), (last, None))


def test_the_live_follower_goes_on_through_a_rebuild(database: str, a_world: Registry) -> None:
    stop = threading.Event()
    live = threading.Thread(target=Projector(database).run, args=(stop, 0.1))
    live.start()
    try:
        for number in range(5):
            _register(a_world, f"CN55500000{number:02}")
            rebuild(database)
        last = a_world.ledger.max_notification_id()
        assert last is not None
        assert wait_until(database, last)
    finally:
        stop.set()
        live.join()

    as_followed = _digests(database)
    rebuild(database)
    assert _digests(database) == as_followed


def test_of_two_rebuilds_one_waits_for_the_other(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BATCH", 100)
    last = Projector(database).catch_up()
    as_followed = _digests(database)
    other: list[Future[int]] = []

    def another_begins(position: int, events: int) -> None:
        if not other:
            other.append(pool.submit(rebuild, database))
            sleep(0.5)  # time enough to throw away what is here so far

    with ThreadPoolExecutor(1) as pool:
        assert rebuild(database, another_begins) == last
        assert other[0].result() == last

    assert _digests(database) == as_followed


@pytest.mark.parametrize("far", [2, 1_000_000])
def test_an_event_that_cannot_be_read_stops_its_projection_alone(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch, far: int
) -> None:
    """Whether it is alone, or other processes fold ahead."""
    monkeypatch.setattr(following, "BATCH", 2)
    monkeypatch.setattr(following, "PARALLEL_FROM", far)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(following, "BATCH", 2_000)
        Projector(database).catch_up()
    before = a_world.ledger.max_notification_id() or 0
    _register(a_world, "CN5550000001")
    with psycopg.connect(database) as connection:  # as no writer could: with the owner's hand
        connection.execute("alter table ledger.event disable trigger all")
        connection.execute(
            "update ledger.event set state = '{\"unreadable\": true}' where position = %s",
            [before + 1],
        )
    _register(a_world, "CN5550000002")
    a_world.execute(
        commands.read(
            {
                "command": "set_rule",
                "programme": "CN-AEO",
                "rule": "review_years",
                "value": "4",
                "source": "test",
            }
        ),
        "test",
    )

    Projector(database).catch_up()

    places = _places(database)
    assert places["operators"] == (before, before + 1)
    assert places["programmes"] == (before + 3, None)
    [wrong] = [f for f in check(database, streams=0) if f.what == "every projection is running"]
    assert f"in front of position {before + 1}" in wrong.wrong[0]

    with psycopg.connect(database) as connection:
        connection.execute(
            "update ledger.event set state = (select replace(state, 'CN5550000002',"
            " 'CN5550000001') from ledger.event where position = %s) where position = %s",
            [before + 2, before + 1],
        )
    resume(database, "operators")
    Projector(database).catch_up()

    assert _places(database)["operators"] == (before + 3, None)
    with psycopg.connect(database) as connection:
        found = connection.execute("select tin from views.operator where tin like 'CN555%'")
        assert sorted(tin for (tin,) in found) == ["CN5550000001", "CN5550000002"]


def test_one_that_is_let_go_on_far_behind_takes_no_other_back(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    Projector(database).catch_up(until=40)
    with psycopg.connect(database) as connection:
        connection.execute(
            "update views.tracking set stopped_at = position + 1 where projection = 'publications'"
        )
    Projector(database).catch_up()
    last = a_world.ledger.max_notification_id() or 0
    monkeypatch.setattr(following, "BATCH", 50)
    behind: list[set[str]] = []

    resume(database, "publications")
    Projector(database).catch_up(
        lambda *_: behind.append(
            {text for text, at in _places(database).items() if at != (last, None)}
        )
    )

    assert behind[:-1] == [{"publications"}] * (len(behind) - 1)
    assert len(behind) > 10 and behind[-1] == set()
    as_followed = _digests(database)
    rebuild(database)
    assert _digests(database) == as_followed


def test_who_is_overtaken_says_how_far_it_really_is(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else writes a little while a batch up to the same position is folded."""
    once = [True]

    def slowly(*given: Any) -> Any:
        if once and once.pop():
            Projector(database).catch_up(until=60)
        return fold(*given)

    monkeypatch.setattr(following, "fold", slowly)

    assert Projector(database).catch_up(until=400) == 400

    assert _places(database) == dict.fromkeys(_places(database), (400, None))


def test_who_joins_leaves_and_joins_on_one_day_is_a_member_once(
    database: str, registry: Registry
) -> None:
    """An import may know all of it at one instant."""
    said = {"administration": "EU", "source": "test"}
    registry.execute(
        commands.read(
            {
                **said,
                "command": "register_administration",
                "name": "EU",
                "bloc": True,
                "time_zone": "Europe/Brussels",
            }
        ),
        "test",
    )
    registry.execute(
        commands.read(
            {
                "command": "register_administration",
                "administration": "HR",
                "name": "HR",
                "time_zone": "Europe/Zagreb",
                "source": "test",
            }
        ),
        "test",
    )
    with psycopg.connect(database) as connection:
        row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    for command in ("join_bloc", "leave_bloc", "join_bloc"):
        step = {
            **said,
            "command": command,
            "member": "HR",
            "sense": "UNION",
            "effective": "2013-07-01",
            "known_at": row[0].isoformat(),
            "command_id": str(uuid4()),
        }
        registry.execute(commands.read(step), "test")

    Projector(database).catch_up()

    assert _places(database)["administrations"] == (5, None)
    with psycopg.connect(database) as connection:
        found = connection.execute("select member, valid_to from views.membership").fetchall()
    assert found == [("HR", None)]


def test_a_follower_that_dies_between_batches_goes_on_where_it_was(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BATCH", 100)

    def die(position: int, events: int) -> None:
        if position >= 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Projector(database).catch_up(die)
    Projector(database).catch_up()
    as_followed = _digests(database)
    rebuild(database)

    assert _digests(database) == as_followed


def test_only_one_follower_leads_and_the_other_takes_over(database: str, a_world: Registry) -> None:
    stops = [threading.Event(), threading.Event()]
    both = [threading.Thread(target=Projector(database).run, args=(stop, 0.1)) for stop in stops]
    for thread in both:
        thread.start()
    try:
        last = a_world.ledger.max_notification_id() or 0
        assert wait_until(database, last)
        stops[0].set()
        both[0].join()
        _register(a_world, "CN5550000009")
        assert wait_until(database, last + 1)
    finally:
        for stop, thread in zip(stops, both, strict=True):
            stop.set()
            thread.join()


def _register(registry: Registry, tin: str) -> None:
    registry.execute(
        commands.read({"command": "register_operator", "tin": tin, "name": "Test"}), "test"
    )


def test_why_a_projection_stands_still_shows_no_value_of_a_row(
    database: str, a_world: Registry
) -> None:
    """PostgreSQL names the whole row in the detail of an error; /readyz tells everybody why."""
    Projector(database).catch_up()
    with psycopg.connect(database) as owner:
        owner.execute(
            "alter table views.operator add constraint no_more check (tin <> 'CN5550000001')"
        )
    _register(a_world, "CN5550000001")

    Projector(database).catch_up()

    with psycopg.connect(database) as owner:
        rows = owner.execute("select why from views.tracking where stopped_at is not null")
        [(why,)] = rows.fetchall()
    assert "no_more" in why and "CN5550000001" not in why and "\n" not in why
