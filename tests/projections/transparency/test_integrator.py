"""The log takes in every event once, in order, and nothing that is in it ever changes."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise

import psycopg
import pytest
from psycopg import errors

from projections.reads import log as reads
from projections.transparency import integrator as integrating
from projections.transparency.integrator import Integrator, LedgerBroken
from registry.application.registry import Registry
from registry.transparency import merkle
from registry.transparency.leaves import COLUMNS, Row, entry, event_bytes


def _leaves(connection: psycopg.Connection[tuple[object, ...]]) -> list[bytes]:
    """Worked out anew from the ledger and the salts alone."""
    rows = connection.execute(
        f"select salt, {COLUMNS} from ledger.event"
        " join proof.leaf using (position) join proof.salt using (leaf_index) order by leaf_index"
    ).fetchall()
    return [merkle.leaf_hash(entry(row[0], event_bytes(Row(*row[1:])))) for row in rows]  # type: ignore[arg-type]


def _root(leaves: list[bytes]) -> bytes:
    """As the standard defines it, by recursion over the leaves themselves."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return merkle.node_hash(_root(leaves[:left]), _root(leaves[left:]))


def test_every_event_is_a_leaf_whatever_the_batches_were(
    database: str, a_world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = a_world.ledger.max_notification_id()
    monkeypatch.setattr(integrating, "BATCH", 7)
    assert Integrator(database).catch_up() == last
    assert Integrator(database).catch_up() == last  # nothing new: nothing done

    with psycopg.connect(database) as connection:
        leaves = _leaves(connection)
        assert len(leaves) == last
        tiles = {
            (level, index): hashes
            for level, index, hashes in connection.execute("select * from proof.tile")
        }
    node = merkle.from_tiles(lambda level, index: tiles[level, index])
    for size in range(1, len(leaves) + 1):
        assert merkle.root(node, size) == _root(leaves[:size])


def test_each_event_is_proved_under_any_later_tree(database: str, a_world: Registry) -> None:
    size = Integrator(database).catch_up()

    async def prove() -> None:
        async with await psycopg.AsyncConnection.connect(database) as connection:
            for position in range(1, size + 1, 3):
                then = await reads.inclusion(connection, position, position)
                now = await reads.inclusion(connection, position, size)
                for inclusion in (then, now):
                    merkle.verify_inclusion(
                        inclusion.leaf,
                        position - 1,
                        inclusion.tree_size,
                        inclusion.path,
                        inclusion.root,
                    )
                path = await reads.consistency(connection, position, size)
                merkle.verify_consistency(position, size, then.root, now.root, path)
            with pytest.raises(reads.NotInTheLog):
                await reads.inclusion(connection, size, size - 1)
            with pytest.raises(reads.NotInTheLog):
                await reads.consistency(connection, 1, size + 1)

    asyncio.run(prove())


def test_whoever_asks_while_the_log_grows_is_told_the_same_as_a_newcomer(database: str) -> None:
    """What a connection keeps of the upper tiles never makes another proof of it."""
    leaves = [merkle.leaf_hash(b"%044d" % n) for n in range(66_100)]
    tiles: dict[tuple[int, int], bytes] = {}
    node = merkle.from_tiles(lambda level, index: tiles[level, index])

    def grown(connection: psycopg.Connection[tuple[object, ...]], size: int, to: int) -> None:
        gained = list(merkle.growth(size, leaves[size:to], lambda *place: tiles.get(place, b"")))
        for level, index, hashes in gained:
            tiles[level, index] = tiles.get((level, index), b"") + hashes
            connection.execute(
                "insert into proof.tile values (%(level)s, %(index)s, %(hashes)s)"
                " on conflict (level, index) do update set hashes = excluded.hashes",
                {"level": level, "index": index, "hashes": tiles[level, index]},
            )
        for n in (size, to - 1):
            leaf = [n, n + 1, b"%044d" % n]
            connection.execute("insert into proof.leaf values (%s, %s, %s)", leaf)
        connection.execute("update proof.state set size = %(to)s, position = %(to)s", {"to": to})

    async def prove() -> None:
        connect = psycopg.AsyncConnection.connect
        sizes, asked = [0, 200, 300, 70 * 256, 65_530, 65_540, 66_100], []
        async with await connect(database, autocommit=True) as stays:
            for before, size in pairwise(sizes):
                with psycopg.connect(database) as writing:
                    grown(writing, before, size)
                asked += [before + 1, size]
                async with await connect(database) as newcomer:
                    told = await reads.inclusions(stays, asked, size)
                    assert told == await reads.inclusions(newcomer, asked, size)
                    path = await reads.consistency(stays, before, size)
                    assert path == merkle.consistency_path(node, before, size)
                assert told.keys() == set(asked)
                for position, inclusion in told.items():
                    assert inclusion.path == merkle.inclusion_path(node, position - 1, size)
                    assert inclusion.root == merkle.root(node, size)
                    assert inclusion == await reads.inclusion(stays, position, size)

    asyncio.run(prove())


def test_the_log_follows_those_who_record(database: str, a_world: Registry) -> None:
    stop = threading.Event()
    following = threading.Thread(target=Integrator(database).run, args=(stop,))
    following.start()
    try:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("listen log_grown")
            expected = a_world.ledger.max_notification_id()
            for note in connection.notifies(timeout=20):
                if note.payload == str(expected):
                    break
            row = connection.execute("select size, position from proof.state").fetchone()
    finally:
        stop.set()
        following.join()
    assert row == (expected, expected)


def test_an_event_taken_out_of_the_ledger_stops_the_log(database: str, a_world: Registry) -> None:
    with psycopg.connect(database) as connection:  # as only an owner can
        connection.execute("alter table ledger.event disable trigger all")
        connection.execute("delete from ledger.event where position = 5")
    with pytest.raises(LedgerBroken, match="Position 5 is missing"):
        Integrator(database).catch_up()


@pytest.mark.parametrize(
    "statement",
    [
        "update proof.leaf set entry = entry",
        "delete from proof.leaf",
        "truncate proof.leaf",
        "update proof.salt set salt = salt",
        "delete from proof.tile",
        "update proof.tile set hashes = decode(repeat('00', 32), 'hex')",
        "update proof.tile set hashes = substr(hashes, 1, 32)",
        "update proof.state set size = 1",
        "delete from proof.checkpoint",
    ],
)
def test_what_is_in_the_log_stays(database: str, a_world: Registry, statement: str) -> None:
    Integrator(database).catch_up()
    with (
        psycopg.connect(database) as connection,
        pytest.raises(errors.InsufficientPrivilege, match=r"append-only|only grows|go back"),
    ):
        connection.execute(statement)
