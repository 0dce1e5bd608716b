"""The malicious administrator: what a superuser of the database can do, and who finds it.

`python -m ops.attacks` loads a world, attacks it at twenty places in every way, and each time lets
the attacker export the audit bundle with our own program. `ops/aeo-verify`, which knows nothing of
the database, is shown the bundle; the table says what it found. Nothing here touches a register
that anybody uses.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import psycopg

from api.audit.bundle import Scope, export
from api.demo.load import load_operators
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from registry.transparency import merkle
from registry.transparency.leaves import COLUMNS, SALT, Row, entry, event_bytes
from registry.transparency.signed_notes import COSIGNATURE, ED25519, MLDSA44, Checkpoint, Signer

VERIFIER = Path(__file__).parent / "aeo-verify"
ORIGIN = "registry.example/aeo/1"
OPERATORS, PLACES = 300, 20

#: The log's own keys, and those of three partner administrations who watch it.
LOG = (Signer.of_seed(ORIGIN, ED25519, b"l" * 32), Signer.of_seed(ORIGIN, MLDSA44, b"m" * 32))
WITNESSES = tuple(
    Signer.of_seed(f"{code}.example", COSIGNATURE, code.encode() * 16)
    for code in ("kr", "jp", "ch")
)
KEYS = "".join(f"log {signer.key}\n" for signer in LOG)
TRUSTING = f"{KEYS}quorum none\n"
WATCHED = (
    KEYS
    + "".join(f"witness {witness.name} {witness.key}\n" for witness in WITNESSES)
    + f"group partners 2 {' '.join(witness.name for witness in WITNESSES)}\nquorum partners\n"
)

Connection = psycopg.Connection[Any]
Shown = tuple[str, int, list[str]]  # what was brought, the verifier's code, its findings


@dataclass(frozen=True)
class Found:
    """What became of one attack."""

    attack: str
    position: int
    by: str
    code: int
    sentences: list[str]

    @property
    def names_it(self) -> bool:
        """Does one of the sentences say the position?"""
        wanted = (f"position {self.position:,}:", f"positions {self.position:,} ")
        return any(sentence.startswith(wanted) for sentence in self.sentences)


# ------------------------------------------------------------------------ the honest register


def prepare(conninfo: str, operators: int = OPERATORS) -> list[int]:
    """A world with signed and witnessed heads. Answers the places that are to be attacked."""
    load_operators(conninfo, operators)
    return watched(conninfo)


def watched(conninfo: str) -> list[int]:
    """The same of a register that is loaded already."""
    Projector(conninfo).catch_up()
    size = Integrator(conninfo).catch_up()
    places = [size * (2 * n + 1) // (2 * PLACES) for n in range(PLACES)]
    with psycopg.connect(conninfo) as connection:
        for reached in (*(place - 1 for place in places), size):
            sign(connection, reached)
    return places


def sign(connection: Connection, size: int, witnesses: tuple[Signer, ...] = WITNESSES[:2]) -> None:
    """A checkpoint of the tree as it stands, and who of the witnesses has seen it."""
    node = merkle.from_tiles(lambda level, index: _tile(connection, level, index))
    root = merkle.root(node, size)
    text, now = Checkpoint(ORIGIN, size, root).text, datetime.now(UTC)
    note = text + "\n" + "".join(signer.line(text) for signer in LOG)
    connection.execute(
        "insert into proof.checkpoint (size, root, note, signed_at) values (%s, %s, %s, %s)",
        [size, root, note, now],
    )
    for witness in witnesses:
        connection.execute(
            "insert into proof.cosignature (size, key, line, cosigned_at) values (%s, %s, %s, %s)",
            [size, str(witness.key), witness.line(text, int(now.timestamp())), now],
        )


def _tile(connection: Connection, level: int, index: int) -> bytes:
    row = connection.execute(
        "select hashes from proof.tile where level = %s and index = %s", [level, index]
    ).fetchone()
    assert row is not None
    return bytes(row[0])


# -------------------------------------------------------------------------------- the attacks

Attack = Callable[[Connection, int], None]
GUARDED = (
    "ledger.event",
    "proof.leaf",
    "proof.salt",
    "proof.tile",
    "proof.state",
    "proof.checkpoint",
    "proof.cosignature",
)


def edit(connection: Connection, at: int) -> None:
    day = """regexp_replace(state, '"effective":"....', '"effective":"1999')"""
    _rewrite(connection, at, f"state = {day}")


def change_type(connection: Connection, at: int) -> None:
    _rewrite(
        connection,
        at,
        "topic = case topic when 'operator.suspended' then 'operator.renewed'"
        " else 'operator.suspended' end",
    )


def another_hand(connection: Connection, at: int) -> None:
    _rewrite(connection, at, "actor = actor || '2'")


def delete(connection: Connection, at: int) -> None:
    connection.execute("delete from ledger.event where position = %s", [at])


def insert_back_dated(connection: Connection, at: int) -> None:
    """A registration that never was, between two that were; everything later moves up."""
    _move(connection, "position >= %s", [at], "-position - 1")
    connection.execute(
        f"insert into ledger.event ({COLUMNS}) select %(at)s, gen_random_uuid(), 1, topic,"
        ' replace(state, \'"tin":"\', \'"tin":"X\'), recorded_at, known_at, gen_random_uuid(),'
        " actor, decided_by, legal_ground from ledger.event where topic = 'operator.registered'"
        " order by abs(position - %(at)s) limit 1",
        {"at": at},
    )


def swap(connection: Connection, at: int) -> None:
    _move(connection, "position in (%s, %s)", [at, at + 1], f"-({2 * at + 1} - position)")


def drop_the_last(connection: Connection, at: int) -> None:
    connection.execute("delete from ledger.event where position >= %s", [at])


def restore_yesterday(connection: Connection, at: int) -> None:
    """The register as it was just before, with the head that was signed then."""
    connection.execute("delete from ledger.event where position >= %s", [at])
    for table in ("salt", "leaf"):
        connection.execute(f"delete from proof.{table} where leaf_index >= %s", [at - 1])
    for table in ("cosignature", "checkpoint"):
        connection.execute(f"delete from proof.{table} where size >= %s", [at])
    leaves = connection.execute("select entry from proof.leaf order by leaf_index").fetchall()
    _plant(connection, [merkle.leaf_hash(leaf) for (leaf,) in leaves])
    connection.execute("update proof.state set size = %s, position = %s", [at - 1, at - 1])


def rewrite_leaf_and_salt(connection: Connection, at: int) -> None:
    another_hand(connection, at)
    [row] = connection.execute(f"select {COLUMNS} from ledger.event where position = %s", [at])
    salt = os.urandom(SALT)
    connection.execute("update proof.salt set salt = %s where leaf_index = %s", [salt, at - 1])
    connection.execute(
        "update proof.leaf set entry = %s where position = %s",
        [entry(salt, event_bytes(Row(*row))), at],
    )


def rewrite_the_tree(connection: Connection, at: int) -> None:
    """Leaf, salt and every tile above it: all but the signature, for which the key is missing."""
    rewrite_leaf_and_salt(connection, at)
    leaves = connection.execute("select entry from proof.leaf order by leaf_index").fetchall()
    _plant(connection, [merkle.leaf_hash(leaf) for (leaf,) in leaves])


def sign_with_the_stolen_key(connection: Connection, at: int) -> None:
    """Whoever has the log's key can sign any tree; the partners' keys are not on the server."""
    rewrite_the_tree(connection, at)
    [(size,)] = connection.execute("select size from proof.state")
    connection.execute("delete from proof.cosignature")
    connection.execute("delete from proof.checkpoint")
    sign(connection, size, witnesses=())


def log_anew(connection: Connection) -> None:
    """The whole log made of the ledger as it is now, and signed with the stolen key."""
    rows = connection.execute(f"select {COLUMNS} from ledger.event order by position").fetchall()
    leaves = []
    for index, row in enumerate(rows):
        salt = os.urandom(SALT)
        made = entry(salt, event_bytes(Row(*row)))
        leaves.append(merkle.leaf_hash(made))
        connection.execute("update proof.salt set salt = %s where leaf_index = %s", [salt, index])
        connection.execute("update proof.leaf set entry = %s where leaf_index = %s", [made, index])
    _plant(connection, leaves)
    connection.execute("delete from proof.cosignature")
    connection.execute("delete from proof.checkpoint")
    sign(connection, len(rows), witnesses=())


def _rewrite(connection: Connection, at: int, change: str) -> None:
    done = connection.execute(f"update ledger.event set {change} where position = {at}")
    assert done.rowcount == 1


def _move(connection: Connection, which: str, values: list[int], place: str) -> None:
    """By way of negative numbers: no two events ever have the same position."""
    connection.execute(f"update ledger.event set position = {place} where {which}", values)
    connection.execute("update ledger.event set position = -position where position < 0")


def _plant(connection: Connection, leaves: list[bytes]) -> None:
    """The tiles of another tree."""
    connection.execute("delete from proof.tile")
    for level, index, hashes in merkle.growth(0, leaves, lambda level, index: b""):
        connection.execute("insert into proof.tile values (%s, %s, %s)", [level, index, hashes])


NOTHING, POLICY = "nothing", "a policy of 2 in 3"
HEAD, EARLIER = "the head seen last", "an earlier bundle"
STOLEN = "sign with the stolen key"

#: Each attack, what the auditor brings along, and the codes with which the verifier may end: where
#: an event is gone the history is incomplete (4), and contradicts the read models, too, if the
#: event moved them (1).
ATTACKS: tuple[tuple[str, Attack, str, tuple[int, ...]], ...] = (
    ("edit", edit, NOTHING, (1,)),
    ("delete", delete, NOTHING, (1, 4)),
    ("insert back-dated", insert_back_dated, NOTHING, (1,)),
    ("swap two events", swap, NOTHING, (1,)),
    ("drop the last k", drop_the_last, NOTHING, (1, 4)),
    ("change type", change_type, NOTHING, (1,)),
    ("another hand", another_hand, NOTHING, (1,)),
    ("restore yesterday", restore_yesterday, NOTHING, (0,)),
    ("restore yesterday", restore_yesterday, HEAD, (1,)),
    ("rewrite leaf and salt", rewrite_leaf_and_salt, NOTHING, (1,)),
    ("rewrite the tree", rewrite_the_tree, NOTHING, (1,)),
    ("rewrite the tree", rewrite_the_tree, EARLIER, (1,)),
    (STOLEN, sign_with_the_stolen_key, NOTHING, (0,)),
    (STOLEN, sign_with_the_stolen_key, POLICY, (3,)),
    (STOLEN, sign_with_the_stolen_key, HEAD, (1,)),
    (STOLEN, sign_with_the_stolen_key, EARLIER, (1,)),
)
#: Where a root is all that can be compared, no position can be named.
NAMELESS = {
    ("rewrite the tree", NOTHING),
    (STOLEN, POLICY),
    (STOLEN, HEAD),
}


# --------------------------------------------------------------------------------- the auditor


class Auditor:
    """Has seen the honest register once, and kept what the brochure tells auditors to keep."""

    def __init__(
        self, folder: Path, conninfo: str, shown_as: Callable[[Path], None] = lambda bundle: None
    ) -> None:
        """`shown_as`: what is done to a bundle before it is shown."""
        self.shown_as = shown_as
        self.folder, self.conninfo = folder, conninfo
        self.bundle, self.heads = folder / "kept.zip", folder / "heads.json"
        self.trusting, self.watched = folder / "trusting.txt", folder / "watched.txt"
        self.trusting.write_text(TRUSTING)
        self.watched.write_text(WATCHED)
        with psycopg.connect(conninfo) as connection:
            export(connection, Scope(), self.bundle, TRUSTING)
        shown_as(self.bundle)
        kept = ["--policy", str(self.watched), "--remember", str(self.heads)]
        code, said = verify("bundle", str(self.bundle), *kept)
        assert code == 0, said

    def attack(self, attack: Attack, at: int, bringing: list[str]) -> Iterator[Shown]:
        """What the verifier says of the attacker's own bundle, by what else it is given."""
        shown = self.folder / "shown.zip"
        with psycopg.connect(self.conninfo) as connection:
            for table in GUARDED:
                connection.execute(f"alter table {table} disable trigger user")
            attack(connection, at)
            export(connection, Scope(), shown, TRUSTING)
            connection.rollback()  # so that the next attack finds an honest register
        self.shown_as(shown)
        for brought in bringing:
            yield brought, *verify("bundle", str(shown), *self._words(brought))

    def _words(self, brought: str) -> list[str]:
        if brought == POLICY:
            return ["--policy", str(self.watched)]
        words = ["--policy", str(self.trusting)]
        if brought == HEAD:
            return [*words, "--remember", str(self.heads)]
        return [*words, "--earlier", str(self.bundle)] if brought == EARLIER else words


def verify(*words: str) -> tuple[int, list[str]]:
    """The code with which the verifier ends, and its findings."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = verifier().main(list(words))
    about = (
        "bundle: ",
        "time zones: ",
        "rules: ",
        "policy: ",
        "checkpoint: ",
        "history: ",
        "keys: ",
        "decisions: ",
        "events: ",
        "read models: ",
        "verdict: ",
    )
    return code, [line for line in said.getvalue().splitlines() if not line.startswith(about)]


@lru_cache(maxsize=1)
def verifier() -> Any:
    """The one file as a module: started anew for each bundle it would mostly import."""
    loader = SourceFileLoader("aeo_verify", str(VERIFIER))
    spec = spec_from_loader("aeo_verify", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def run(conninfo: str, folder: Path, places: list[int]) -> Iterator[Found]:
    """Every attack at every place, with everything that an auditor may bring along for it."""
    auditor = Auditor(folder, conninfo)
    for name, attack in {name: attack for name, attack, _, _ in ATTACKS}.items():
        bringing = [brought for text, _, brought, _ in ATTACKS if text == name]
        for at in places:
            for brought, code, said in auditor.attack(attack, at, bringing):
                yield Found(name, at, brought, code, said)


def main() -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from api.demo.load import load_world
    from api.local import postgres
    from registry.ledger.database import migrate

    console = Console(width=None if os.isatty(1) else 200, highlight=False, markup=False)
    table = Table(
        "Attack",
        "Position",
        "The auditor brings",
        "Ends with",
        "Sentence printed",
        box=box.SIMPLE_HEAD,
    )
    with tempfile.TemporaryDirectory(prefix="aeo-attacks-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root the server is run by another user, who must get through
        os.environ.pop("DATABASE_URL", None)
        with postgres.database(folder, ("fsync=off", "synchronous_commit=off")) as url:
            migrate(url)
            load_world(url)
            places = prepare(url)
            for found in run(url, folder, places):
                sentence = found.sentences[0] if found.sentences else "verdict: good"
                table.add_row(
                    found.attack, f"{found.position:,}", found.by, str(found.code), sentence
                )
    console.print(table)


if __name__ == "__main__":
    main()
