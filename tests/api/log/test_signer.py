"""The signer signs what the ledger makes of the log, and never contradicts what it has signed."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import psycopg
import pytest
import structlog

from api.log.signer import HeadSigner
from api.log.signing_keys import alone, open_signing_keys
from projections.transparency.verify_log import InconsistentLog
from registry.transparency import merkle
from registry.transparency.signed_notes import Checkpoint, read_checkpoint, read_note
from registry.transparency.witness_policy import satisfied
from tests.api.client import small_world
from tests.keeping_log import (
    asked,
    copied,
    eventually,
    heads,
    is_signed,
    leaves,
    logged,
    roots,
    signing,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def refused(database: str, home: Path) -> str:
    """Why it does not sign; and it has published nothing."""
    before = heads(database)
    with pytest.raises(InconsistentLog) as found:
        HeadSigner(database, home).run(threading.Event())
    assert heads(database) == before
    return str(found.value)


def as_superuser(database: str, *statements: str) -> None:
    """What only the owner of the machine can do: nothing is in the way."""
    with psycopg.connect(database) as connection:
        connection.execute("set session_replication_role = replica")
        for table in ("ledger.event", "proof.leaf", "proof.tile", "proof.state", "proof.salt"):
            connection.execute(f"alter table {table} disable trigger all")  # type: ignore[call-overload]
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def test_every_head_is_the_root_of_what_was_recorded_signed_twice(
    database: str, home: Path
) -> None:
    with signing(database, home):
        eventually(lambda: 0 in heads(database))  # it begins with the empty tree
        for first, last in ((0, 20), (20, 21), (21, 60)):
            size = logged(database, first, last)
            eventually(lambda size=size: size in heads(database))

    box = open_signing_keys(home)
    published = {size: read_note(note) for size, note in heads(database).items()}
    expected = roots(leaves(database), *published)
    for size, note in published.items():
        assert list(note.signed_by(box.keys)) == list(box.keys)
        assert read_checkpoint(note.text) == Checkpoint(box.origin, size, expected[size])
        assert satisfied(box.policy(), note) == (True, {})
    assert (home / "log.head").read_text() == published[max(published)].written
    assert all((home / literal).stat().st_mode & 0o077 == 0 for literal in ("log.key", "log.head"))


def test_the_read_models_go_on_while_heads_are_signed(database: str, home: Path) -> None:
    """Each of the processes has a lock of its own; the signer holds its for as long as it runs."""
    with signing(database, home):
        eventually(lambda: 0 in heads(database))
        world = threading.Thread(target=small_world, args=[database], daemon=True)
        world.start()
        world.join(60)
        assert not world.is_alive()
    assert asked(database, "select from views.operator")


def test_where_nothing_happens_nothing_is_signed(database: str, home: Path) -> None:
    size = logged(database, 0, 5)
    is_signed(database, home, size)
    before = heads(database)
    for _ in range(2):
        is_signed(database, home, size)
    assert heads(database) == before


def test_it_counts_through_full_tiles_from_wherever_it_stopped(database: str, home: Path) -> None:
    last = 0
    for end in (200, 230, 330, 520):
        size = logged(database, last, end)
        is_signed(database, home, size)
        last = end
    assert size > 2 * merkle.WIDTH
    published = [read_checkpoint(read_note(note).text) for note in heads(database).values()]
    assert {checkpoint.size: checkpoint.root for checkpoint in published} == roots(
        leaves(database), *(checkpoint.size for checkpoint in published)
    )


def test_a_head_signed_but_not_published_is_what_is_published(database: str, home: Path) -> None:
    size = logged(database, 0, 9)
    box = open_signing_keys(home)
    expected = roots(leaves(database), size)[size]
    box.remember(box.signed(Checkpoint(box.origin, size, expected)))  # and then the power failed
    written = (home / "log.head").read_text()
    is_signed(database, home, size)
    assert heads(database)[size] == written


def test_what_cannot_be_remembered_is_not_published(database: str, home: Path) -> None:
    is_signed(database, home, logged(database, 0, 9))
    half = home / "log.head.half"
    with structlog.testing.capture_logs() as said, signing(database, home):
        half.mkdir()  # nothing can be written there any more
        size = logged(database, 9, 30)
        eventually(
            lambda: any(
                mutable_mapping["event"] == "log.cannot_remember" for mutable_mapping in said
            )
        )
        assert size not in heads(database)
        half.rmdir()
        eventually(lambda: size in heads(database))


# ---------------------------------------------------------------------- going back


def test_a_restored_database_is_not_signed(server: str, database: str, home: Path) -> None:
    logged(database, 0, 9)
    with copied(server, database) as yesterday:
        is_signed(database, home, logged(database, 9, 30))
        assert "restored from a copy that is too old" in refused(yesterday, home)

        # Nor when it has recorded other things since, and is as long again.
        logged(yesterday, 40, 90)
        assert "do not make the root that was signed" in refused(yesterday, home)


def test_a_restored_memory_does_not_sign_again(database: str, home: Path) -> None:
    is_signed(database, home, logged(database, 0, 9))
    yesterday = (home / "log.head").read_text()
    is_signed(database, home, logged(database, 9, 30))
    (home / "log.head").write_text(yesterday)
    assert "memory was restored from a copy, or somebody else signs" in refused(database, home)


@pytest.mark.parametrize("lost", ["log.head", "log.key", "log.origin"])
def test_a_lost_memory_or_key_is_not_made_anew(database: str, home: Path, lost: str) -> None:
    is_signed(database, home, logged(database, 0, 9))
    kept = (home / lost).read_text()
    (home / lost).unlink()
    assert f"{lost} is gone" in refused(database, home)
    (home / lost).write_text(kept)
    is_signed(database, home, logged(database, 9, 12))


def test_the_head_of_another_log_is_no_memory_of_this_one(
    database: str, home: Path, tmp_path: Path
) -> None:
    is_signed(database, home, logged(database, 0, 9))
    other = open_signing_keys(tmp_path / "other")
    (home / "log.head").write_text((other.home / "log.head").read_text())
    assert "head of another log" in refused(database, home)
    (home / "log.head").write_text("nonsense")
    assert "no head of this log" in refused(database, home)


def test_a_key_that_is_gone_beside_a_head_that_is_spoilt_is_missed(
    database: str, home: Path
) -> None:
    open_signing_keys(home)
    (home / "log.key").unlink()
    (home / "log.head").write_text("nonsense")
    assert "log.key is gone" in refused(database, home)


def test_a_beginning_cut_short_is_begun_again(database: str, home: Path) -> None:
    open_signing_keys(home)
    (home / "log.key").unlink()  # the last that is written
    (home / "witnesses.txt").unlink()
    is_signed(database, home, logged(database, 0, 3))


def test_two_signers_of_one_home_take_turns(database: str, home: Path) -> None:
    logged(database, 0, 3)
    stop = threading.Event()
    second = threading.Thread(target=HeadSigner(database, home).run, args=(stop,))
    with alone(home, threading.Event()):
        second.start()
        stop.set()
        second.join()
    assert not (home / "log.key").exists() and heads(database) == {}


# ------------------------------------------------------ what changed after it was taken in


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ("update ledger.event set actor = 'somebody' where position = 12", "Position 12 is not"),
        (
            "update ledger.event set known_at = known_at - interval '1 day' where position = 12",
            "Position 12 is not",
        ),
        (
            "update proof.leaf set entry = set_byte(entry, 43, get_byte(entry, 43) # 1)"
            " where position = 12",
            "Position 12 is not",
        ),
        (
            "update proof.salt set salt = set_byte(salt, 0, get_byte(salt, 0) # 1)"
            " where leaf_index = 11",
            "Position 12 is not",
        ),
        ("delete from proof.salt where leaf_index = 11", "Position 12 is not"),
        ("delete from ledger.event where position = 12", "Leaf 11 has no event"),
        ("delete from proof.leaf where position = 12", "Leaf 11 is missing"),
        (
            "delete from proof.leaf where leaf_index = (select max(leaf_index) from proof.leaf)",
            "is not in the log",
        ),
        (
            "update proof.leaf set position = -position where leaf_index in (10, 11);"
            "update proof.leaf set position = case position when -11 then 12 else 11 end"
            " where position < 0",
            "Position 12 is not what leaf 10",
        ),
        (
            "update proof.tile set hashes = set_byte(hashes, 370, get_byte(hashes, 370) # 1)",
            r"Tile 0/000.p/\d+ is not",
        ),
        (
            "update proof.tile set hashes = substr(hashes, 1, octet_length(hashes) - 32)",
            r"Tile 0/000.p/\d+ is not",
        ),
    ],
)
def test_what_was_changed_since_it_was_taken_in_is_not_signed(
    database: str, home: Path, changed: str, why: str
) -> None:
    is_signed(database, home, logged(database, 0, 5))
    logged(database, 5, 30)
    as_superuser(database, *changed.split(";"))
    assert re.search(why, refused(database, home))


def test_a_log_cut_back_while_it_is_signed_is_noticed(database: str, home: Path) -> None:
    size = logged(database, 0, 9)
    why = rf"had {size} leaves and has 4"
    with pytest.raises(InconsistentLog, match=why), signing(database, home) as worker:
        eventually(lambda: size in heads(database))
        as_superuser(database, "update proof.state set size = 4")
        worker.join()
    assert max(heads(database)) == size
    assert asked(database, "select size from proof.state") == [(4,)]
