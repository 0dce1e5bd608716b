"""The manifest of a golden copy or of a delta: which files it consists of, and what they show."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

import msgspec

COPY, DELTA = "aeo-golden-copy/1", "aeo-golden-copy-delta/1"
MANIFEST, NOTE = "manifest.json", "manifest.note"


class BadCopy(ValueError):
    """A golden copy or delta is not what its manifest says. `file`: the name of the wrong file."""

    def __init__(self, file: str | Path, why: str) -> None:
        super().__init__(f"{file}: {why}")
        self.file = str(file)


class CopyFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file: its SHA-256 (hex), its size in bytes, and its rows where it is a table."""

    sha256: str
    bytes: int
    rows: int | None = None


class CopyMoment(msgspec.Struct, frozen=True):
    """What a copy shows: the events up to a position of an epoch, as of two instants in UTC.

    `at`: valid time. `known_at`: transaction time, at which the event at the position was recorded.
    """

    epoch: str
    position: int
    at: datetime
    known_at: datetime

    @property
    def name(self) -> str:
        """The name of the copy: sorted by name, copies are in the order of time."""
        at = self.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        return f"{at.replace('-', '').replace(':', '')}Z-{self.position}"


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The manifest of a copy, or of a delta from one copy to a later one.

    `checkpoint`: the first signed head of the transparency log that covers the position, with the
    log's own signatures. `base`: for a delta, the earlier copy, and the SHA-256 of its manifest.
    """

    format: str
    partner: str
    moment: CopyMoment
    checkpoint: str | None
    files: dict[str, CopyFile]
    base: CopyMoment | None = None
    base_manifest: str | None = None

    @property
    def written(self) -> bytes:
        """The manifest as canonical JSON, which is signed."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=1) + b"\n"


def read_manifest(folder: Path, format_: str) -> tuple[Manifest, bytes]:
    """Reads the manifest in a folder, and its bytes. Raises BadCopy."""
    try:
        body = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise BadCopy(folder / MANIFEST, f"it cannot be read ({error.strerror})") from None
    return parsed(body, format_, folder / MANIFEST), body


def parsed(body: bytes, format_: str, name: str | Path) -> Manifest:
    """Parses a manifest. Raises BadCopy."""
    found = parsed_any(body, name)
    if found.format != format_:
        raise BadCopy(name, f"format: found {found.format}, wanted {format_}")
    return found


def parsed_any(body: bytes, name: str | Path) -> Manifest:
    """Parses the manifest of a copy or of a delta. Raises BadCopy."""
    try:
        found = msgspec.json.decode(body, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BadCopy(name, f"it is no manifest: {error}") from None
    if found.format not in (COPY, DELTA):
        raise BadCopy(name, f"format: found {found.format}, wanted {COPY} or {DELTA}")
    if any("/" in file or file.startswith(".") for file in found.files):
        raise BadCopy(name, "a name of a file leads out of the folder")
    return found


def described(path: Path, rows: int | None = None) -> CopyFile:
    """Describes a file on disk."""
    with path.open("rb") as file:
        return CopyFile(file_digest(file, "sha256").hexdigest(), path.stat().st_size, rows)


def require_files(folder: Path, manifest: Manifest) -> None:
    """Raises BadCopy, with the name of the file, unless every file is as the manifest says."""
    for name, wanted in sorted(manifest.files.items()):
        path = folder / name
        try:
            found = described(path)
        except OSError as error:
            raise BadCopy(path, f"it cannot be read ({error.strerror})") from None
        if found.sha256 != wanted.sha256:
            raise BadCopy(
                path, f"sha256: found {found.sha256}, wanted {wanted.sha256} as in the manifest"
            )


def pretty(value: Any) -> bytes:
    """JSON for a file that people read as well."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
