"""Persons' particulars, sealed one by one, so that one can be erased from every copy there is.

The sealed text is in the database; its key and salt are a file of their own in the home folder,
which no backup of the database has. Whoever destroys that file has erased the person from tables,
write-ahead logs, replicas and backups alike: what is left in them is noise.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.rows import tuple_row

from registry.domain import texts
from registry.domain.errors import BadValue, UnknownPerson
from registry.domain.operators.person_decisions import Contact
from registry.domain.values import Tin
from registry.ledger.connections import Session

log = structlog.get_logger("persons")

FOLDER = "persons"  # in the home folder
WHAT = b"aeo-person/v1\x00"
KEY = SALT = 32  # bytes
NONCE = 12
BLOCK = 256  # bytes: the length of what is sealed must not tell a name
LONGEST = {"name": 200, "email": 254, "telephone": 40}
UNNAMED = "1 day"  # what was kept and never named is swept away


class Particulars(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who a person is. It does not show itself in a log or a traceback."""

    name: str
    email: str | None = None
    telephone: str | None = None

    def __repr__(self) -> str:
        return "Particulars(...)"


def particulars(found: object) -> Particulars:
    """Reads them from plain data. Raises BadValue, which repeats nothing of what was found."""
    try:
        read = msgspec.convert(found, Particulars, strict=True)
        said = msgspec.structs.asdict(read)
        if not read.name or any(len(said[n] or "") > most for n, most in LONGEST.items()):
            raise ValueError
        texts.check_fields(said)
    except (msgspec.ValidationError, ValueError, BadValue):
        wanted = ", ".join(f"{name} (at most {most} characters)" for name, most in LONGEST.items())
        raise BadValue(
            f"particulars: wanted {wanted}, of which only name must be; "
            "what was found is not repeated here"
        ) from None
    return read


class Persons:
    """The particulars of one register. Blocking; a connection is opened for each call."""

    def __init__(self, conninfo: str, home: Path) -> None:
        self._conninfo, self._folder = conninfo, home / FOLDER

    def keep(self, tin: Tin, who: Particulars) -> tuple[UUID, str]:
        """Seal them, and answer a new pseudonym and the commitment that an event may carry.

        What was kept before and named in no event within a day is destroyed on the way.
        """
        self._sweep()
        person, secret = uuid4(), secrets.token_bytes(KEY + SALT)
        text = _padded(who)
        nonce = secrets.token_bytes(NONCE)
        sealed = nonce + AESGCM(secret[:KEY]).encrypt(nonce, text, _bound(person, tin))
        self._write(person, secret)  # first: a sealed text without its key is worth nothing
        with self._connect("aeo_writer") as connection:
            connection.execute(
                "insert into person.particulars (person, tin, sealed) values (%s, %s, %s)",
                [person, tin.text, sealed],
            )
        return person, _commitment(secret, text)

    def name(self, tin: Tin, person: UUID, commitment: str) -> None:
        """An event is about to name this person. Raises UnknownPerson, and BadValue where the
        commitment is to something else."""
        with self._connect("aeo_writer") as connection:
            [*found] = connection.execute(
                "update person.particulars set named = true where person = %s and tin = %s"
                " returning sealed",
                [person, tin.text],
            )
            text, secret = self._opened(person, tin, found[0][0] if found else None)
            if text is None:  # before the end of the transaction: nothing was named then
                raise UnknownPerson(f"person: of {person} nothing is kept here for {tin}")
            if commitment != _commitment(secret, text):
                raise BadValue(f"commitment: it is not the one answered with {person}")

    def read(self, tin: Tin, named: Iterable[Contact]) -> dict[UUID, Particulars]:
        """Of those whom the events name, everybody who is not erased and can be read here."""
        with self._connect("aeo_writer") as connection:
            rows = connection.execute(
                "select person, sealed from person.particulars where tin = %s", [tin.text]
            )
            kept: dict[UUID, bytes | None] = dict(rows.fetchall())
        found = {}
        for contact in named:
            text, secret = self._opened(contact.person, tin, kept.get(contact.person))
            if text is None:
                continue
            if _commitment(secret, text) != contact.commitment:
                log.error(
                    "person.not_what_was_committed_to", person=str(contact.person), tin=tin.text
                )
                continue
            found[contact.person] = msgspec.json.decode(text, type=Particulars)
        return found

    def whose(self, person: UUID) -> Tin:
        """The operator whose person it is, or was. Raises UnknownPerson."""
        with self._connect("aeo_erasure") as connection:
            row = connection.execute(
                "select tin from person.particulars where person = %s", [person]
            ).fetchone()
        if row is None:
            raise UnknownPerson(f"person: nothing was ever kept here of {person}")
        return Tin(row[0])

    def erase(self, tin: Tin, person: UUID) -> None:
        """Destroy key and salt, and then what was sealed with them. Safe to repeat.

        The salts of the log stay: without them nobody could tell a naming from a suspension that
        was written over and called one, and what they open says no more than a pseudonym. Raises
        UnknownPerson for another operator's person, whom an import may have named as its own.
        """
        if self.whose(person) != tin:
            raise UnknownPerson(f"person: of {person} nothing was ever kept here for {tin}")
        self._destroy(person)
        with self._connect("aeo_erasure") as connection:
            connection.execute(
                "update person.particulars set sealed = null, erased_at = now()"
                " where person = %s and sealed is not null",
                [person],
            )

    # ------------------------------------------------------------------ inside

    @contextmanager
    def _connect(self, role: str) -> Iterator[psycopg.Connection[Any]]:
        with Session.connect(
            self._conninfo, row_factory=tuple_row, options=f"-c role={role} -c timezone=UTC"
        ) as connection:
            yield connection

    def _sweep(self) -> None:
        with self._connect("aeo_erasure") as connection:
            gone = connection.execute(
                "delete from person.particulars"
                " where not named and kept_at < now() - %s::interval returning person",
                [UNNAMED],
            ).fetchall()
            # Before the end of the transaction: cut short, the rows are there to be swept again. A
            # key whose row is gone would be found by nobody, and a backup has what it opens.
            for (person,) in gone:
                self._destroy(person)

    def _opened(self, person: UUID, tin: Tin, sealed: bytes | None) -> tuple[bytes | None, bytes]:
        """The text as it was sealed, and key and salt. None where they are gone, or not here."""
        try:
            secret = (self._folder / str(person)).read_bytes()
        except FileNotFoundError:
            return None, b""
        if sealed is None or len(secret) != KEY + SALT:
            return None, b""
        try:
            box = AESGCM(secret[:KEY])
            return box.decrypt(sealed[:NONCE], sealed[NONCE:], _bound(person, tin)), secret
        except InvalidTag:  # somebody changed the row, or moved it to another operator
            log.error("person.unreadable", person=str(person), tin=tin.text)
            return None, b""

    def _write(self, person: UUID, secret: bytes) -> None:
        """On the disk when this returns, whole or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = self._folder / f"{person}.half"
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self._folder / str(person))
        self._sync()

    def _destroy(self, person: UUID) -> None:
        path = self._folder / str(person)
        try:
            with path.open("r+b") as file:  # written over first, for disks that write in place
                file.write(bytes(KEY + SALT))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            return
        path.unlink(missing_ok=True)
        self._sync()

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name too, or a power cut brings the key back
        finally:
            os.close(folder)


def _padded(who: Particulars) -> bytes:
    text = msgspec.json.encode(who)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK)


def _bound(person: UUID, tin: Tin) -> bytes:
    """What the sealed text is of: nobody can put it into another row."""
    return WHAT + person.bytes + tin.text.encode()


def _commitment(secret: bytes, text: bytes) -> str:
    return sha256(WHAT + secret[KEY:] + text).hexdigest()
