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
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from hmac import new as hmac
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from projections.reads.webhooks import WebhookRow

FILE = "webhook-keys.json"


@dataclass(frozen=True)
class WebhookKeys:
    """The keys of this home. `former`: keys that were replaced, each with the instant until which
    it signs beside its successor (UTC)."""

    ed25519: Ed25519PrivateKey = field(repr=False)
    master: bytes = field(repr=False)
    former: tuple[tuple[Ed25519PrivateKey, datetime], ...] = field(default=(), repr=False)

    @property
    def public(self) -> str:
        """The public key of the asymmetric signature."""
        return _public(self.ed25519)

    def secret(self, webhook: UUID, generation: int = 0) -> str:
        """The secret of one webhook with a symmetric signature."""
        return f"whsec_{b64encode(self._secret(webhook, generation)).decode()}"

    def _secret(self, webhook: UUID, generation: int) -> bytes:
        info = b"aeo webhook v1" + (b" %d" % generation if generation else b"")
        return HKDF(SHA256(), 32, salt=webhook.bytes, info=info).derive(self.master)

    def headers(
        self, row: WebhookRow, message: str, timestamp: int, body: bytes
    ) -> list[tuple[str, str]]:
        """The headers of a message. `timestamp`: seconds since 1970 (UTC), of this attempt. While a
        key or secret is being replaced there are two signatures, the present one first."""
        now = datetime.fromtimestamp(timestamp, UTC)
        signed = f"{message}.{timestamp}.".encode() + body
        if row.signature == "HMAC":
            generations = [row.generation]
            if row.generation and row.former_until and now < row.former_until:
                generations.append(row.generation - 1)
            made = [
                ("v1", hmac(self._secret(row.id, each), signed, sha256).digest())
                for each in generations
            ]
        else:
            keys = [self.ed25519, *(key for key, until in self.former if now < until)]
            made = [("v1a", key.sign(signed)) for key in keys]
        return [
            ("webhook-id", message),
            ("webhook-timestamp", str(timestamp)),
            ("webhook-signature", " ".join(f"{v},{b64encode(each).decode()}" for v, each in made)),
        ]


def webhook_keys(home: Path) -> WebhookKeys:
    """The keys of this home; made where it has none. They are read again where the file changed."""
    path = home / FILE
    if not path.exists():
        _write(path, _draft({"ed25519": _random(), "master": _random()}, path), new=True)
    return _read(path, path.stat().st_mtime_ns)


def rotate_key(home: Path, until: datetime) -> WebhookKeys:
    """Replaces the key of the asymmetric signature. `until`: the former key signs, too (UTC)."""
    webhook_keys(home)
    path = home / FILE
    stored = json.loads(path.read_text(encoding="utf-8"))
    now = datetime.now(UTC)
    former = [
        each for each in stored.get("former", ()) if datetime.fromisoformat(each["until"]) > now
    ]
    former.insert(0, {"ed25519": stored["ed25519"], "until": until.isoformat()})
    changed = stored | {"ed25519": _random(), "former": former}
    _write(path, _draft(changed, path), new=False)
    return webhook_keys(home)


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> WebhookKeys:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return WebhookKeys(
        Ed25519PrivateKey.from_private_bytes(b64decode(stored["ed25519"])),
        b64decode(stored["master"]),
        tuple(
            (
                Ed25519PrivateKey.from_private_bytes(b64decode(each["ed25519"])),
                datetime.fromisoformat(each["until"]),
            )
            for each in stored.get("former", ())
        ),
    )


def _public(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"whpk_{b64encode(raw).decode()}"


def _random() -> str:
    return b64encode(token_bytes(32)).decode()


def _draft(keys: dict[str, Any], path: Path) -> Path:
    """Writes keys beside the file, under another name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(keys))
        file.flush()
        os.fsync(file.fileno())
    return draft


def _write(path: Path, draft: Path, *, new: bool) -> None:
    """Puts a draft in place. `new`: only where there is no file yet, so that two processes
    agree."""
    if not new:
        draft.replace(path)
        return
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
