"""The signer's state outside the database: the log's origin, its keys, and the last signed
checkpoint.

All of it is in the home folder, so restoring an old backup of the database does not restore it.
Where one of the files is missing, the signer stops instead of starting a new history.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from projections.transparency.verify_log import InconsistentLog
from registry.transparency import merkle
from registry.transparency.signed_notes import (
    ED25519,
    MLDSA44,
    BadNote,
    BadSignature,
    Checkpoint,
    SignedNote,
    Signer,
    VerifierKey,
    read_checkpoint,
    read_note,
)
from registry.transparency.witness_policy import BadPolicy, Policy, read_policy

log = structlog.get_logger()

ORIGIN, KEY, HEAD, WITNESSES = "log.origin", "log.key", "log.head", "witnesses.txt"
EXAMPLE = "registry.example/aeo"  # a placeholder: write your own origin into log.origin first

POLICY = """\
# Whose signatures a reader of this log should ask for, as a C2SP tlog-policy.
# Nobody watches this log yet: its head is believed because we say so, and `quorum none` admits it.
# A partner runs ops/aeo-witness and tells its key; then a line here names it and where it listens:
#   witness customs.kr/w1 KEY http://127.0.0.1:7380
#   group partners 2 customs.kr/w1 customs.nz/w1 customs.cn/w1
#   quorum partners
{logs}quorum none
"""


@dataclass(frozen=True)
class SigningKeys:
    """The signer's origin and keys. `signers`: Ed25519, which every verifier reads, then
    ML-DSA-44."""

    home: Path
    origin: str
    signers: tuple[Signer, ...] = field(repr=False)

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The verifier keys of the signers, in their order."""
        return tuple(signer.key for signer in self.signers)

    def signed(self, head: Checkpoint) -> str:
        """Returns the signed note, with a signature line of each key."""
        return f"{head.text}\n" + "".join(signer.line(head.text) for signer in self.signers)

    def head(self) -> tuple[SignedNote, Checkpoint]:
        """Returns the last signed checkpoint. Raises InconsistentLog where it cannot be read."""
        try:
            note = read_note((self.home / HEAD).read_bytes())
            known = self.keys[0] in note.signed_by(self.keys)
            head = read_checkpoint(note.text)
        except FileNotFoundError:
            raise InconsistentLog(
                f"{self.home / HEAD} is gone, and with it what was signed last: put back the last"
                " checkpoint that anybody has of this log."
            ) from None
        except (BadNote, BadSignature) as error:
            raise InconsistentLog(f"{self.home / HEAD} is no head of this log: {error}") from None
        if not known or head.origin != self.origin:
            raise InconsistentLog(f"{self.home / HEAD} is the head of another log, or key.")
        return note, head

    def remember(self, note: str) -> None:
        """Stores the checkpoint atomically; it is on disk when this returns. Raises OSError."""
        _put(self.home / HEAD, note)

    def policy(self) -> Policy:
        """Returns the policy with the witnesses to ask. Raises BadPolicy."""
        try:
            return read_policy((self.home / WITNESSES).read_bytes())
        except FileNotFoundError:
            raise BadPolicy(f"{self.home / WITNESSES} is gone: put it back.") from None


def open_signing_keys(home: Path) -> SigningKeys:
    """Opens the signer's state in this home, or creates it where there is none.

    Raises InconsistentLog where only some of the files are there.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (home / KEY).exists():
        _begin(home)
    try:
        origin = (home / ORIGIN).read_text().strip()
        seeds = [b64decode(line) for line in (home / KEY).read_text().split()]
    except FileNotFoundError as error:
        raise InconsistentLog(f"{error.filename} is gone: put it back.") from None
    return SigningKeys(home, origin, _signers(origin, seeds))


@contextmanager
def alone(home: Path, stop: threading.Event) -> Iterator[None]:
    """Waits until no other process signs from this home. Two signers with one record would fork the
    log."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "log.lock").open("a") as lock:
        waited = False
        while not stop.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    waited = True
                    log.warning(
                        "sign.waits",
                        why=f"another sign leads with the key in {home}; this one waits until it"
                        " has ended",
                    )
                stop.wait(0.2)
        yield


def _begin(home: Path) -> None:
    """Creates the keys, and the checkpoint of the empty tree.

    There is only one empty tree, so this checkpoint claims nothing. A key without a checkpoint then
    always means that the record was lost.
    """
    # The key is written last: the empty tree's checkpoint without a key is an incomplete creation.
    if (home / HEAD).exists():
        try:
            is_begun = read_checkpoint(read_note((home / HEAD).read_bytes()).text).size > 0
        except BadNote:  # a damaged checkpoint
            is_begun = True
        if is_begun:
            raise InconsistentLog(f"{home / KEY} is gone: put it back, or begin another log.")
    if not (home / ORIGIN).exists():
        _put(home / ORIGIN, f"{EXAMPLE}/{secrets.token_hex(4)}\n", 0o644)
    origin = (home / ORIGIN).read_text().strip()
    seeds = [secrets.token_bytes(32) for _ in range(2)]
    keys = SigningKeys(home, origin, _signers(origin, seeds))
    keys.remember(keys.signed(Checkpoint(origin, 0, merkle.EMPTY_ROOT)))
    if not (home / WITNESSES).exists():
        logs = "".join(f"log {key}\n" for key in keys.keys)
        _put(home / WITNESSES, POLICY.format(logs=logs), 0o644)
    _put(home / KEY, "".join(f"{b64encode(seed).decode()}\n" for seed in seeds))


def _signers(origin: str, seeds: list[bytes]) -> tuple[Signer, ...]:
    kinds = (ED25519, MLDSA44)
    return tuple(
        Signer.of_seed(origin, kind, seed) for kind, seed in zip(kinds, seeds, strict=True)
    )


def _put(path: Path, text: str, mode: int = 0o600) -> None:
    """Writes a file atomically, also across a power failure."""
    half = path.with_name(f"{path.name}.half")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too, or a power failure may bring the old file back
    finally:
        os.close(folder)
