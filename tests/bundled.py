"""Bundles as files by name: taken apart, changed by hand, and written anew with right digests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from api.audit.zip import Archive, canonical, described

Files = dict[str, list[bytes]]  # by name, lines with their ends


def read(path: Path) -> Files:
    with ZipFile(path) as bundle:
        return {name: bundle.read(name).splitlines(keepends=True) for name in bundle.namelist()}


def write(files: Files, path: Path) -> Path:
    """These files as a bundle, in whose manifest every digest is right."""
    manifest = json.loads(b"".join(files["manifest.json"]))
    others = {name: b"".join(lines) for name, lines in files.items() if name != "manifest.json"}
    manifest["files"] = {name: described(text) for name, text in others.items()}
    others["manifest.json"] = canonical(manifest).encode()
    with ZipFile(path, "w") as into:
        archive = Archive(into)
        for name in sorted(others):
            archive.add(name, [others[name]])
    return path


def line(item: Any) -> bytes:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
