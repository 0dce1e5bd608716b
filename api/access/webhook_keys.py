"""The keys that sign the messages of webhooks, by the Standard Webhooks specification.

One file in the home folder holds an Ed25519 key, which signs for every webhook (`v1a`, checked with
the public key `whpk_...`), and a secret from which the secret of each webhook with a symmetric
signature is derived (`v1`, `whsec_...`). So the database holds no secret, and a copy of it signs
nothing.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import new as hmac
from pathlib import Path
from secrets import token_bytes
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FILE = "webhook-keys.json"


@dataclass(frozen=True)
class WebhookKeys:
    """The keys of this home."""

    ed25519: Ed25519PrivateKey = field(repr=False)
    master: bytes = field(repr=False)

    @property
    def public(self) -> str:
        """The public key of the asymmetric signature."""
        raw = self.ed25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"whpk_{b64encode(raw).decode()}"

    def secret(self, webhook: UUID) -> str:
        """The secret of one webhook with a symmetric signature."""
        return f"whsec_{b64encode(self._secret(webhook)).decode()}"

    def _secret(self, webhook: UUID) -> bytes:
        derived = HKDF(SHA256(), 32, salt=webhook.bytes, info=b"aeo webhook v1")
        return derived.derive(self.master)

    def headers(
        self, webhook: UUID, signature: str, message: str, timestamp: int, body: bytes
    ) -> list[tuple[str, str]]:
        """The headers of a message. `signature`: ED25519 or HMAC; `timestamp`: seconds since 1970
        (UTC), of this attempt."""
        signed = f"{message}.{timestamp}.".encode() + body
        if signature == "HMAC":
            made = hmac(self._secret(webhook), signed, sha256).digest()
            text = f"v1,{b64encode(made).decode()}"
        else:
            text = f"v1a,{b64encode(self.ed25519.sign(signed)).decode()}"
        return [
            ("webhook-id", message),
            ("webhook-timestamp", str(timestamp)),
            ("webhook-signature", text),
        ]


def webhook_keys(home: Path) -> WebhookKeys:
    """The keys of this home; made where it has none."""
    path = home / FILE
    if not path.exists():
        _make(path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    return WebhookKeys(
        Ed25519PrivateKey.from_private_bytes(b64decode(stored["ed25519"])),
        b64decode(stored["master"]),
    )


def _make(path: Path) -> None:
    """Writes new keys under another name first and then links them, so that two processes agree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = {name: b64encode(token_bytes(32)).decode() for name in ("ed25519", "master")}
    draft = path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(keys))
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
