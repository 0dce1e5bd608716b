"""Signed notes, checkpoints, cosignatures and proofs of the transparency log (C2SP signed-note,
tlog-checkpoint, tlog-cosignature, tlog-proof).

A log signs with a plain Ed25519 signature (0x01). A witness adds the time at which it saw the tree
and signs it too (0x04), or does so in ML-DSA-44 (0x06), which resists quantum computers; a log may
add such a signature of its own. Parsing is strict: text that is not in the one canonical form is
refused.
"""

from __future__ import annotations

import unicodedata
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MLDSA44: Final = 0x06

_PUBLIC = {ED25519: 32, COSIGNATURE: 32, MLDSA44: 1312}  # bytes
_SIGNATURE = {ED25519: 64, COSIGNATURE: 64, MLDSA44: 2420}
_DASH = "\N{EM DASH} "
_PROOF = "c2sp.org/tlog-proof@v1"
_MAX_SIGNATURES = 64  # signatures in a note; the standard requires 16
_LATEST = (1 << 63) - 1


class BadNote(ValueError):
    """A text is not a well-formed note, checkpoint, key or proof."""


class BadSignature(ValueError):
    """A signature by a known key does not match the text."""


# --------------------------------------------------------------------------- keys


@dataclass(frozen=True)
class VerifierKey:
    """A name and a public key, in the text form `name+id+base64` (a vkey)."""

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise BadNote(f"{self.name!r} is no name of a key: spaces and + are not allowed.")
        if _PUBLIC.get(self.kind) != len(self.public):
            raise BadNote(f"No key of type {self.kind:#04x} has {len(self.public)} bytes.")

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature line names its key."""
        message = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return sha256(message).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_base64(bytes([self.kind]) + self.public)}"

    def check(self, text: str, signature: bytes) -> int | None:
        """Verifies a signature. Returns the time of a cosignature (POSIX seconds), or None for a
        log's plain signature.

        Raises BadSignature.
        """
        time = None
        if self.kind != ED25519:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        if len(signature) != _SIGNATURE[self.kind] or (time or 0) > _LATEST:
            raise BadSignature(f"The signature of {self.name} does not have the right form.")
        try:
            if self.kind == MLDSA44:
                key = MLDSA44PublicKey.from_public_bytes(self.public)
                key.verify(signature, _subtree(self.name, time or 0, text))
            else:
                message = text if time is None else _timed(time, text)
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message.encode())
        except InvalidSignature:
            raise BadSignature(f"The signature of {self.name} is not of this text.") from None
        return time


def read_key(vkey: str) -> VerifierKey:
    """Parses a verifier key. Raises BadNote unless it has a known type and the canonical form."""
    name, _, rest = vkey.partition("+")
    id, _, body = rest.partition("+")
    material = _bytes(body)
    if not material:
        raise BadNote("A verifier key is name+id+base64.")
    key = VerifierKey(name, material[0], material[1:])
    if key.id.hex() != id:
        raise BadNote(f"The key of {name} has the id {key.id.hex()}, not {id!r}.")
    return key


@dataclass(frozen=True)
class Signer:
    """A private key with its name. `kind` determines what its signatures mean."""

    name: str
    kind: int
    private: Ed25519PrivateKey | MLDSA44PrivateKey = field(repr=False)

    @classmethod
    def of_seed(cls, name: str, kind: int, seed: bytes) -> Signer:
        """Creates a signer from a seed of 32 bytes, from which both kinds of key are derived."""
        if kind == MLDSA44:
            return cls(name, kind, MLDSA44PrivateKey.from_seed_bytes(seed))
        return cls(name, kind, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def key(self) -> VerifierKey:
        """The verifier key that belongs to the private key."""
        return VerifierKey(self.name, self.kind, self.private.public_key().public_bytes_raw())

    def line(self, text: str, time: int = 0) -> str:
        """Returns the signature line for a note. `time`: POSIX seconds, for a cosignature."""
        if self.kind == MLDSA44:
            body = self.private.sign(_subtree(self.name, time, text))
        else:
            message = text if self.kind == ED25519 else _timed(time, text)
            body = self.private.sign(message.encode())
        stamp = b"" if self.kind == ED25519 else time.to_bytes(8, "big")
        return f"{_DASH}{self.name} {_base64(self.key.id + stamp + body)}\n"


def is_name(name: str) -> bool:
    """Whether a text may be the name of a key."""
    return bool(name) and not any(
        c == "+" or c.isspace() or unicodedata.category(c) in ("Zs", "Cc", "Cs") for c in name
    )


# -------------------------------------------------------------------------- notes


@dataclass(frozen=True)
class Signature:
    """A signature line of a note, by any key."""

    name: str
    id: bytes
    body: bytes

    @property
    def line(self) -> str:
        """The signature line as it stands in a note."""
        return f"{_DASH}{self.name} {_base64(self.id + self.body)}\n"


@dataclass(frozen=True)
class SignedNote:
    """A text with its signature lines."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def written(self) -> str:
        """The note in its canonical text form."""
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)

    def signed_by(self, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int | None]:
        """Returns the known keys that signed, each with the time of its cosignature (POSIX
        seconds).

        Raises BadSignature if the signature of a known key does not match; then none counts.
        """
        known = {(key.name, key.id): key for key in keys}
        found: dict[VerifierKey, int | None] = {}
        for signature in self.signatures:
            if key := known.get((signature.name, signature.id)):
                found[key] = key.check(self.text, signature.body)
        return found


def read_note(written: str | bytes) -> SignedNote:
    """Parses a signed note. Raises BadNote."""
    if isinstance(written, bytes):
        try:
            written = written.decode()
        except UnicodeDecodeError as error:
            raise BadNote(f"A note is UTF-8: {error}") from None
    if any(ord(c) < 0x20 and c != "\n" for c in written):
        raise BadNote("A note has no control characters.")
    above, blank, below = written.rpartition("\n\n")
    if not blank or not below.endswith("\n"):
        raise BadNote("A note is a text, an empty line, and lines of signatures.")
    lines = below[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise BadNote(f"A note of over {_MAX_SIGNATURES} signatures is not read.")
    return SignedNote(above + "\n", tuple(_signature(line) for line in lines))


def read_signatures(lines: str) -> tuple[Signature, ...]:
    """Parses the signature lines that a witness returns. Raises BadNote."""
    if not lines.endswith("\n"):
        raise BadNote("A line of a signature ends with a newline.")
    return tuple(_signature(line) for line in lines[:-1].split("\n"))


def _signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise BadNote("A line of a signature begins with a dash.")
    name, space, body = line[len(_DASH) :].partition(" ")
    signature = _bytes(body)
    if not space or not is_name(name) or len(signature) < 5:
        raise BadNote("A line of a signature is: dash, name of the key, base64.")
    return Signature(name, signature[:4], signature[4:])


# -------------------------------------------------------------------- checkpoints


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint: the tree head of a log, with the number of leaves and the root hash."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text of the checkpoint, which is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """Parses the text of a checkpoint. Further lines are extensions, and are ignored.

    Raises BadNote.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not lines[0] or "" in lines[:-1]:
        raise BadNote("A checkpoint is three lines: origin, size, root.")
    root = _bytes(lines[2])
    if len(root) != 32:
        raise BadNote(f"A root has 32 bytes, this one {len(root)}.")
    return Checkpoint(lines[0], read_number(lines[1]), root)


def read_number(written: str) -> int:
    """Parses a whole number in the form of the standards. Raises BadNote for 007, +7, seven, or a
    number that is too large."""
    if not (written.isascii() and written.isdigit()) or (written[0] == "0" and written != "0"):
        raise BadNote(f"{written[:32]!r} is not a whole number without leading zeroes.")
    if len(written) > 19 or int(written) > _LATEST:
        raise BadNote("A number above 2**63 is not read.")
    return int(written)


# ------------------------------------------------------------------------- proofs


@dataclass(frozen=True)
class Proof:
    """Proof that a leaf is in the log, in one small file (`.tlog-proof`): an inclusion proof and a
    signed checkpoint."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: SignedNote
    extra: bytes | None = None

    @property
    def written(self) -> str:
        """The proof in its canonical text form."""
        extra = [] if self.extra is None else [f"extra {_base64(self.extra)}"]
        lines = [_PROOF, *extra, f"index {self.index}", *map(_base64, self.path), ""]
        return "\n".join(lines) + "\n" + self.checkpoint.written


def read_proof(written: str) -> Proof:
    """Parses a proof. Raises BadNote."""
    above, blank, note = written.partition("\n\n")
    lines = above.split("\n")
    if not blank or lines.pop(0) != _PROOF:
        raise BadNote(f"A proof begins with {_PROOF}.")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _bytes(lines.pop(0)[6:])
    if not lines or not lines[0].startswith("index "):
        raise BadNote("A proof says the index of its leaf.")
    index = read_number(lines.pop(0)[6:])
    path = read_hashes(lines)
    return Proof(index, path, read_note(note), extra)


def read_hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    """Parses hashes, one for each line, 63 at most. Raises BadNote."""
    hashes = tuple(map(_bytes, lines))
    if len(hashes) > 63 or any(len(hash_) != 32 for hash_ in hashes):
        raise BadNote("A path is at most 63 lines, each of 32 bytes in base64.")
    return hashes


# ------------------------------------------------------------------------- inside


def _timed(time: int, text: str) -> str:
    return f"cosignature/v1\ntime {time}\n{text}"


def _subtree(name: str, time: int, text: str) -> bytes:
    """Returns the bytes that an ML-DSA-44 signature covers: the tree head and the name of the
    signer."""
    head = read_checkpoint(text)
    cosigner, origin = name.encode(), head.origin.encode()
    if len(cosigner) > 255 or len(origin) > 255:
        raise BadNote("A name in an ML-DSA-44 signature has at most 255 bytes.")
    return b"".join(
        (
            b"subtree/v1\n\x00",
            bytes([len(cosigner)]),
            cosigner,
            time.to_bytes(8, "big"),
            bytes([len(origin)]),
            origin,
            bytes(8),
            head.size.to_bytes(8, "big"),
            head.root,
        )
    )


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(written: str) -> bytes:
    """Decodes base64 in its canonical form only. Raises BadNote."""
    try:
        found = b64decode(written, validate=True)
    except (NotBase64, ValueError):
        found = None
    if found is None or _base64(found) != written:
        raise BadNote(f"{written[:32]!r} is not base64 (RFC 4648 section 4).")
    return found
