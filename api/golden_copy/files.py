"""Writes the files of a golden copy from its records, and reads the records again.

The files appear under their names at the end and all at once: they are written into a folder
beside, which is then renamed.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from api.golden_copy.manifest import COPY, MANIFEST, NOTE, CopyFile, CopyMoment, Manifest, described
from api.golden_copy.signing import signed
from projections.history.golden_copy import WITHDRAWN, CopiedLaw, encode
from registry.transparency.signed_notes import Signer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OPERATORS, LAW, XML = "operators.jsonl.zst", "agreements.json", "operators.xml.zst"
CHUNK = 500  # records that are written together, with GROUP 5,000 in one row group
LEVEL = 3


class CopyWriter:
    """Writes one copy: every format of its records, in one pass and in constant memory.

    A thread writes some records while the next are made; what it does is done outside of Python.
    """

    def __init__(
        self, folder: Path, partner: str, moment: CopyMoment, *, xml: bool = False
    ) -> None:
        """`folder`: an existing one. `xml`: also as XML messages."""
        from api.golden_copy.tables import Tables
        from api.golden_copy.xml import XmlWriter

        self._folder, self._partner, self._moment = folder, partner, moment
        self._lines = zstd.ZstdFile(folder / OPERATORS, "wb", level=LEVEL)
        self._tables = Tables(folder, moment.at, lambda name: name)
        self._xml = XmlWriter(folder / XML, partner, moment) if xml else None
        self._waiting: list[bytes] = []
        self._thread = ThreadPoolExecutor(1, "golden-copy")
        self._writing: Future[None] | None = None
        self.rows = 0
        self._shown = 0  # those of operators that are shown, in the tables and in XML

    def add(self, line: bytes) -> None:
        """Adds a record, a line of JSON without its end."""
        self._waiting.append(line)
        if len(self._waiting) >= CHUNK:
            self._flush()

    def close(self, law: CopiedLaw, checkpoint: str | None) -> Manifest:
        """Finishes the files. Returns the manifest, which is written too."""
        self._flush()
        self._written()
        self._thread.shutdown()
        _finish(self._lines, self._folder / OPERATORS)
        self._tables.close()
        (self._folder / LAW).write_bytes(encode(law) + b"\n")
        found: dict[str, CopyFile] = {LAW: described(self._folder / LAW)}
        found[OPERATORS] = described(self._folder / OPERATORS, self.rows)
        if self._xml:
            self._xml.close()
            found[XML] = described(self._folder / XML, self._shown)
        for table, rows in self._tables.rows.items():
            for name in (f"{table}.csv.zst", f"{table}.parquet"):
                found[name] = described(self._folder / name, rows)
        manifest = Manifest(COPY, self._partner, self._moment, checkpoint, found)
        (self._folder / MANIFEST).write_bytes(manifest.written)
        return manifest

    def _flush(self) -> None:
        lines, self._waiting = self._waiting, []
        if not lines:
            return
        shown = [line for line in lines if not line.startswith(WITHDRAWN)]
        self.rows += len(lines)
        self._shown += len(shown)
        text = b"\n".join(lines)
        shown_text = text if len(shown) == len(lines) else b"\n".join(shown)
        self._written()
        self._writing = self._thread.submit(self._write, text, shown_text)

    def _written(self) -> None:
        """Waits until what was given to the thread is written. Raises what went wrong there."""
        if self._writing is not None:
            self._writing.result()

    def _write(self, text: bytes, shown: bytes) -> None:
        self._lines.write(text)
        self._lines.write(b"\n")
        if not shown:
            return
        self._tables.add(shown)
        if self._xml:
            self._xml.add(shown.split(b"\n"))


async def write_copy(
    folder: Path,
    partner: str,
    moment: CopyMoment,
    lines: AsyncIterable[Sequence[bytes]],
    law: CopiedLaw,
    checkpoint: str | None,
    signer: Signer,
    *,
    xml: bool = False,
) -> Manifest:
    """Writes a copy, signs it, and puts it under its name. `lines`: its records, some at a time.
    Raises FileExistsError."""
    with put_in_place(folder) as part:
        writer = CopyWriter(part, partner, moment, xml=xml)
        async for some in lines:
            for line in some:
                writer.add(line)
        manifest = writer.close(law, checkpoint)
        note = signed(signer, COPY, partner, moment.position, manifest.written)
        (part / NOTE).write_text(note, encoding="utf-8")
    return manifest


@contextmanager
def put_in_place(folder: Path) -> Iterator[Path]:
    """Yields a new folder beside this one, and renames it at the end; it is removed where that
    fails. Raises FileExistsError where there is something already."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder}: there is something already; name another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        with suppress(FileNotFoundError):
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def lines_in(path: Path) -> Iterator[bytes]:
    """The records of a file, each a line of JSON without its end."""
    with zstd.ZstdFile(path, "rb") as file:
        for line in file:
            yield line.rstrip(b"\n")


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Writes lines into a compressed file. Returns how many."""
    count, file = 0, zstd.ZstdFile(path, "wb", level=LEVEL)
    for line in lines:
        count += 1
        file.write(line + b"\n")
    _finish(file, path)
    return count


def _finish(file: zstd.ZstdFile, path: Path) -> None:
    file.close()
    if not path.stat().st_size:  # nothing was written; a file without a frame is no zstd file
        path.write_bytes(zstd.compress(b""))
