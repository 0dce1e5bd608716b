"""The key that signs the manifests of golden copies, and how a signed manifest is verified.

A manifest is signed in a note (C2SP signed-note) that names its format, the partner, the position
and its SHA-256. The key is not the log's: a note that the log's key signs is a checkpoint.
"""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from api.log.signing_keys import EXAMPLE, ORIGIN
from registry.transparency.signed_notes import (
    ED25519,
    BadNote,
    BadSignature,
    Signer,
    VerifierKey,
    read_note,
)

KEY = "golden-copy.key"
#: The end of the key's name: it is not the log's.
SUFFIX = "/golden-copy"


def open_signer(home: Path) -> Signer:
    """Opens the key of golden copies in this home, or makes it where there is none."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / KEY
    if not path.exists():
        half = path.with_name(f"{KEY}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{b64encode(secrets.token_bytes(32)).decode()}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its key counts
            os.link(half, path)
        half.unlink()
    try:
        origin = (home / ORIGIN).read_text().strip()
    except FileNotFoundError:
        origin = EXAMPLE
    return Signer.of_seed(f"{origin}{SUFFIX}", ED25519, b64decode(path.read_text().strip()))


def signed(signer: Signer, format_: str, partner: str, position: int, manifest: bytes) -> str:
    """Returns the note that signs a manifest."""
    text = _text(format_, partner, position, manifest)
    return f"{text}\n{signer.line(text)}"


def require_signed(
    note: bytes, keys: Iterable[VerifierKey], format_: str, partner: str, position: int, body: bytes
) -> None:
    """Raises BadSignature or BadNote unless one of the keys signed this manifest."""
    found = read_note(note)
    if found.text != _text(format_, partner, position, body):
        raise BadNote("It signs another manifest.")
    if not found.signed_by(keys):
        signers = ", ".join(sorted({signature.name for signature in found.signatures}))
        raise BadSignature(f"No pinned key signed it; it is signed by {signers}.")


def _text(format_: str, partner: str, position: int, manifest: bytes) -> str:
    return f"{format_}\n{partner}\n{position}\n{sha256(manifest).hexdigest()}\n"
