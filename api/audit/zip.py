"""A zip that depends on nothing but what is in it: no times, no owners, names as they come."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo


class Archive:
    """Writes files one after the other, and knows the size and SHA-256 of each."""

    def __init__(self, into: ZipFile) -> None:
        self._into = into
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, chunks: Iterable[bytes]) -> int:
        """Answers how many chunks it was. None of them is kept."""
        zip_info = ZipInfo(name)  # of 1980, as every file in it is
        zip_info.compress_type = ZIP_DEFLATED
        zip_info.create_system, zip_info.external_attr = 3, 0o644 << 16
        digest, length, count = sha256(), 0, 0
        with self._into.open(zip_info, "w", force_zip64=True) as into:
            for chunk in chunks:
                into.write(chunk)
                digest.update(chunk)
                length += len(chunk)
                count += 1
        self.files[name] = {"bytes": length, "sha256": digest.hexdigest()}
        return count


def described(written: bytes) -> dict[str, Any]:
    """The same of a file that is not written yet."""
    return {"bytes": len(written), "sha256": sha256(written).hexdigest()}


def canonical(item: Any) -> str:
    """JSON in one way only: sorted, without a blank (RFC 8785, where all numbers are whole)."""
    return json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
