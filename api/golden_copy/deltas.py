"""Deltas between two golden copies, and folding: a copy and a delta give the later copy.

A delta has the records that are new or changed, and the TINs of those that are no longer in the
copy, in the order of TINs. It carries the signed manifest of the later copy, so that the result of
a fold is compared with it, byte for byte, before anything is put in place.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from api.golden_copy.files import (
    LAW,
    OPERATORS,
    XML,
    CopyWriter,
    lines_in,
    put_in_place,
    write_lines,
)
from api.golden_copy.manifest import (
    COPY,
    DELTA,
    MANIFEST,
    NOTE,
    BadCopy,
    Manifest,
    described,
    parsed,
    read_manifest,
    require_files,
)
from api.golden_copy.signing import require_signed, signed
from projections.history.golden_copy import read_law
from registry.transparency.signed_notes import BadNote, BadSignature, Signer, VerifierKey

CHANGES, LATER, LATER_NOTE = "changes.jsonl.zst", "later-manifest.json", "later-manifest.note"


class Removed(msgspec.Struct, frozen=True):
    """A line of a delta: this operator is no longer in the copy."""

    tin: str
    removed: bool


class _Key(msgspec.Struct, frozen=True):
    tin: str
    removed: bool = False


_key = msgspec.json.Decoder(_Key)
_END = "\uffff"  # sorts after every TIN


def differences(earlier: Iterable[bytes], later: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a delta, from the records of two copies in the order of TINs."""
    before, after = _keyed(earlier), _keyed(later)
    tin, line = next(before)
    other, new = next(after)
    while min(tin, other) != _END:
        if other < tin or (other == tin and line != new):
            yield new
        elif tin < other:
            yield removed(tin)
        passed = min(tin, other)
        if tin == passed:
            tin, line = next(before)
        if other == passed:
            other, new = next(after)


def folded(records: Iterable[bytes], changes: Iterable[bytes]) -> Iterator[bytes]:
    """The records of the later copy, from those of the earlier one and a delta."""
    before, after = _keyed(records), _keyed(changes)
    tin, line = next(before)
    other, new = next(after)
    while min(tin, other) != _END:
        if tin < other:
            yield line
        elif not _key.decode(new).removed:
            yield new
        passed = min(tin, other)
        if tin == passed:
            tin, line = next(before)
        if other == passed:
            other, new = next(after)


def tin_of(line: bytes) -> str:
    """The TIN in a record or in a line of a delta."""
    return _key.decode(line).tin


def removed(tin: str) -> bytes:
    """The line of a delta for an operator that is no longer in the copy."""
    return msgspec.json.encode(Removed(tin, True))


def _keyed(lines: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    return chain(((tin_of(line), line) for line in lines), [(_END, b"")] * 2)


def make_delta(earlier: Path, later: Path, folder: Path, signer: Signer) -> Manifest:
    """Writes the delta between two copies in folders. Raises BadCopy, FileExistsError, ValueError
    where the second copy is not a later one of the same partner."""
    old, _ = read_manifest(earlier, COPY)
    new, new_body = read_manifest(later, COPY)
    if old.partner != new.partner:
        raise ValueError(f"partner: found {new.partner}, wanted {old.partner} as in {earlier}")
    if old.moment.epoch != new.moment.epoch:
        raise ValueError(
            f"epoch: found {new.moment.epoch}, wanted {old.moment.epoch} as in {earlier}: a whole"
            " copy begins an epoch"
        )
    if (new.moment.position, new.moment.at) < (old.moment.position, old.moment.at):
        raise ValueError(f"{later} is not later than {earlier}")
    with put_in_place(folder) as part:
        rows = write_lines(
            part / CHANGES, differences(lines_in(earlier / OPERATORS), lines_in(later / OPERATORS))
        )
        shutil.copyfile(later / LAW, part / LAW)
        (part / LATER).write_bytes(new_body)
        shutil.copyfile(later / NOTE, part / LATER_NOTE)
        files = {name: described(part / name) for name in (LAW, LATER, LATER_NOTE)}
        files[CHANGES] = described(part / CHANGES, rows)
        digest = described(earlier / MANIFEST).sha256
        manifest = Manifest(
            DELTA, new.partner, new.moment, new.checkpoint, files, old.moment, digest
        )
        (part / MANIFEST).write_bytes(manifest.written)
        note = signed(signer, DELTA, new.partner, new.moment.position, manifest.written)
        (part / NOTE).write_text(note, encoding="utf-8")
    return manifest


def require_copy(folder: Path, keys: Sequence[VerifierKey], format_: str = COPY) -> Manifest:
    """Reads a copy's (or a delta's) manifest and verifies its signature and every file. Raises
    BadCopy, with the name of the file."""
    manifest, body = read_manifest(folder, format_)
    require_note(folder / NOTE, keys, format_, manifest, body)
    require_files(folder, manifest)
    return manifest


def require_note(
    path: Path, keys: Sequence[VerifierKey], format_: str, manifest: Manifest, body: bytes
) -> None:
    """Raises BadCopy unless one of the keys signed this manifest in the note at `path`."""
    try:
        note = path.read_bytes()
        require_signed(note, keys, format_, manifest.partner, manifest.moment.position, body)
    except OSError as error:
        raise BadCopy(path, f"it cannot be read ({error.strerror})") from None
    except (BadNote, BadSignature) as error:
        raise BadCopy(path, str(error)) from None


def require_follows(earlier: Manifest, digest: str, delta: Manifest, name: str | Path) -> None:
    """Raises BadCopy unless the delta begins where the copy with this manifest ends. `digest`: the
    SHA-256 of the copy's manifest."""
    if delta.partner != earlier.partner:
        raise BadCopy(name, f"partner: found {delta.partner}, wanted {earlier.partner}")
    if delta.base != earlier.moment or delta.base_manifest != digest:
        found = delta.base.name if delta.base else "none"
        raise BadCopy(
            name,
            f"it is a delta from {found}, wanted one from {earlier.moment.name}: a delta"
            " before it is missing, or they are in the wrong order",
        )


def fold(copy: Path, deltas: Sequence[Path], folder: Path, keys: Sequence[VerifierKey]) -> Manifest:
    """Writes the copy that the deltas lead to, after verifying everything.

    `deltas`: in their order. Nothing is left in `folder` where it fails. Raises BadCopy, with the
    name of the file, and FileExistsError.
    """
    manifest = require_copy(copy, keys)
    digest = described(copy / MANIFEST).sha256
    last = manifest
    for delta in deltas:
        step = require_copy(delta, keys, DELTA)
        require_follows(last, digest, step, delta)
        later = (delta / LATER).read_bytes()
        last = parsed(later, COPY, delta / LATER)
        require_note(delta / LATER_NOTE, keys, COPY, last, later)
        digest = described(delta / LATER).sha256
    if not deltas:
        raise ValueError("deltas: found none, wanted at least one")
    lines: Iterable[bytes] = lines_in(copy / OPERATORS)
    for delta in deltas:
        lines = folded(lines, lines_in(delta / CHANGES))
    with put_in_place(folder) as part:
        writer = CopyWriter(part, last.partner, last.moment, xml=XML in last.files)
        for line in lines:
            writer.add(line)
        law = read_law((deltas[-1] / LAW).read_bytes())
        made = writer.close(law, last.checkpoint)
        for name, wanted in last.files.items():
            if made.files.get(name) != wanted:
                raise BadCopy(
                    name, "the fold gives another file than the manifest of the later copy says"
                )
        if made.written != (deltas[-1] / LATER).read_bytes():
            raise BadCopy(deltas[-1] / LATER, "the fold gives another manifest")
        shutil.copyfile(deltas[-1] / LATER_NOTE, part / NOTE)
    return made
