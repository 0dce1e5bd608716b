"""A deterministic zip file: the same content gives the same bytes (no times, no owners)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo


class Archive:
    """Writes files one after another, and records the size and SHA-256 of each."""

    def __init__(self, into: ZipFile) -> None:
        self._into = into
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, chunks: Iterable[bytes]) -> int:
        """Writes a file and returns the number of chunks. Keeps none of them in memory."""
        info = ZipInfo(name)  # with the date 1980-01-01, the default
        info.compress_type = ZIP_DEFLATED
        info.create_system, info.external_attr = 3, 0o644 << 16
        digest, length, count = sha256(), 0, 0
        with self._into.open(info, "w", force_zip64=True) as into:
            for chunk in chunks:
                into.write(chunk)
                digest.update(chunk)
                length += len(chunk)
                count += 1
        self.files[name] = {"bytes": length, "sha256": digest.hexdigest()}
        return count


def described(written: bytes) -> dict[str, Any]:
    """Returns the size and SHA-256 of a file that is not written yet."""
    return {"bytes": len(written), "sha256": sha256(written).hexdigest()}


def canonical(value: Any) -> str:
    """Returns canonical JSON: sorted keys, no spaces (RFC 8785, for whole numbers only)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
