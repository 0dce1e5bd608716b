"""Particulars of persons, encrypted one by one, so that each can be erased from every copy.

The encrypted text is in the database. Its key and salt are a file in the home folder, which no
database backup contains. Destroying that file erases the person from tables, write-ahead logs,
replicas and backups alike (crypto-shredding): what is left in them cannot be decrypted. Erasure on
request: GDPR article 17.
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
DOMAIN_SEPARATOR = b"aeo-person/v1\x00"
KEY = SALT = 32  # bytes
NONCE = 12
BLOCK = 256  # bytes: padding, so that the length of the encrypted text does not reveal a name
MAX_LENGTH = {"name": 200, "email": 254, "telephone": 40}
UNNAMED_RETENTION = "1 day"  # after this time, particulars that no event names are deleted


class Particulars(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The particulars of a person. Their repr shows nothing, so they appear in no log or
    traceback."""

    name: str
    email: str | None = None
    telephone: str | None = None

    def __repr__(self) -> str:
        return "Particulars(...)"


def particulars(found: object) -> Particulars:
    """Reads particulars from plain data. Raises BadValue, whose message repeats nothing of the
    input."""
    try:
        read = msgspec.convert(found, Particulars, strict=True)
        fields = msgspec.structs.asdict(read)
        if not read.name or any(len(fields[n] or "") > most for n, most in MAX_LENGTH.items()):
            raise ValueError
        texts.check_fields(fields)
    except (msgspec.ValidationError, ValueError, BadValue):
        wanted = ", ".join(
            f"{name} (at most {most} characters)" for name, most in MAX_LENGTH.items()
        )
        raise BadValue(
            "particulars: wanted %(wanted)s, of which only name must be; what was "
            "found is not repeated here",
            wanted=wanted,
        ) from None
    return read


class Persons:
    """Stores the particulars of one register. Blocking; opens a connection for each call.
    Thread-safe."""

    def __init__(self, conninfo: str, home: Path) -> None:
        self._conninfo, self._folder = conninfo, home / FOLDER

    def keep(self, tin: Tin, who: Particulars) -> tuple[UUID, str]:
        """Encrypts and stores particulars. Returns a new pseudonym and the commitment that an event
        may carry.

        Also deletes particulars that no event named within a day.
        """
        self._sweep()
        person, secret = uuid4(), secrets.token_bytes(KEY + SALT)
        text = _pad(who)
        nonce = secrets.token_bytes(NONCE)
        sealed = nonce + AESGCM(secret[:KEY]).encrypt(nonce, text, _associated_data(person, tin))
        self._write(person, secret)  # first, because an encrypted text without its key is useless
        with self._connect("aeo_writer") as connection:
            connection.execute(
                "insert into person.particulars (person, tin, sealed) values (%s, %s, %s)",
                [person, tin.text, sealed],
            )
        return person, _commitment(secret, text)

    def name(self, tin: Tin, person: UUID, commitment: str) -> None:
        """Marks a person as named, before an event names it. Raises UnknownPerson, and BadValue if
        the commitment does not match."""
        with self._connect("aeo_writer") as connection:
            [*found] = connection.execute(
                "update person.particulars set named = true where person = %s and tin = %s"
                " returning sealed",
                [person, tin.text],
            )
            text, secret = self._decrypt(person, tin, found[0][0] if found else None)
            if text is None:  # within the transaction, so that the mark is rolled back
                raise UnknownPerson(
                    "person: of %(person)s nothing is kept here for %(tin)s", person=person, tin=tin
                )
            if commitment != _commitment(secret, text):
                raise BadValue(
                    "commitment: it is not the one answered with %(person)s", person=person
                )

    def read(self, tin: Tin, named: Iterable[Contact]) -> dict[UUID, Particulars]:
        """Returns the particulars of those named persons that are not erased and can be decrypted
        here."""
        with self._connect("aeo_writer") as connection:
            rows = connection.execute(
                "select person, sealed from person.particulars where tin = %s", [tin.text]
            )
            encrypted: dict[UUID, bytes | None] = dict(rows.fetchall())
        found = {}
        for contact in named:
            text, secret = self._decrypt(contact.person, tin, encrypted.get(contact.person))
            if text is None:
                continue
            if _commitment(secret, text) != contact.commitment:
                log.error(
                    "person.not_what_was_committed_to", person=str(contact.person), tin=tin.text
                )
                continue
            found[contact.person] = msgspec.json.decode(text, type=Particulars)
        return found

    def operator_of(self, person: UUID) -> Tin:
        """Returns the operator to which a person belongs or belonged. Raises UnknownPerson."""
        with self._connect("aeo_erasure") as connection:
            row = connection.execute(
                "select tin from person.particulars where person = %s", [person]
            ).fetchone()
        if row is None:
            raise UnknownPerson("person: nothing was ever kept here of %(person)s", person=person)
        return Tin(row[0])

    def erase(self, tin: Tin, person: UUID) -> None:
        """Destroys the key and salt of a person, and then deletes the encrypted text. May be
        repeated.

        The salts of the log are kept: without them nobody could tell the naming of a contact from a
        suspension that was overwritten and presented as one, and what they open is only a
        pseudonym. Raises UnknownPerson for a person of another operator, which an import may have
        named as its own.
        """
        if self.operator_of(person) != tin:
            raise UnknownPerson(
                "person: of %(person)s nothing was ever kept here for %(tin)s",
                person=person,
                tin=tin,
            )
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
                [UNNAMED_RETENTION],
            ).fetchall()
            # Within the transaction: if it is interrupted, the rows remain and are deleted next
            # time. A key without its row would never be found, and a backup holds the text that it
            # decrypts.
            for (person,) in gone:
                self._destroy(person)

    def _decrypt(self, person: UUID, tin: Tin, sealed: bytes | None) -> tuple[bytes | None, bytes]:
        """Returns the decrypted text, and key and salt; None for a text whose key or row is
        missing."""
        try:
            secret = (self._folder / str(person)).read_bytes()
        except FileNotFoundError:
            return None, b""
        if sealed is None or len(secret) != KEY + SALT:
            return None, b""
        try:
            box = AESGCM(secret[:KEY])
            return box.decrypt(
                sealed[:NONCE], sealed[NONCE:], _associated_data(person, tin)
            ), secret
        except InvalidTag:  # the row was changed, or moved to another operator
            log.error("person.unreadable", person=str(person), tin=tin.text)
            return None, b""

    def _write(self, person: UUID, secret: bytes) -> None:
        """Writes a key file, durable on disk when this returns, and atomically."""
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
            with path.open("r+b") as file:  # overwritten first, for disks that write in place
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
            os.fsync(folder)  # the directory entry too, or a power failure would restore the key
        finally:
            os.close(folder)


def _pad(who: Particulars) -> bytes:
    text = msgspec.json.encode(who)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK)


def _associated_data(person: UUID, tin: Tin) -> bytes:
    """Returns the associated data of the encryption, which binds the text to its person and
    operator: it cannot be moved to another row."""
    return DOMAIN_SEPARATOR + person.bytes + tin.text.encode()


def _commitment(secret: bytes, text: bytes) -> str:
    return sha256(DOMAIN_SEPARATOR + secret[KEY:] + text).hexdigest()
