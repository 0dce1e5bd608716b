"""The PDF files of certificates and receipts, and the seal on each.

A file is made by Typst; what it is about, a credential or a receipt, is attached to it. Its last
line, after the end that readers of PDF look for, is a comment with a signature over all bytes
before it:

    %aeo-seal HEADER.PAYLOAD.SIGNATURE

so a file in which anything was changed, a name on the page or the attachment, is found out, also
offline (ops/aeo-verify). Nothing here depends on a clock: the same credential gives the same bytes.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import segno
import typst

from api.credentials.keys import sign
from registry.paths import TEMPLATES

FONTS = TEMPLATES / "fonts"
#: What the templates have in common.
SHEET = "document.typ"
SEAL_TYPE = "aeo-pdf-seal+jws"
#: Bytes of a file that is read, and of one stream of it when it is unpacked.
LARGEST, LARGEST_STREAM = 3_000_000, 1_000_000
STREAMS = 2_000  # streams of a file that are looked at
#: Bytes of all its streams together, unpacked: a small file can be made to unpack to gigabytes.
LARGEST_UNPACKED = 20_000_000

_SEAL = re.compile(rb"%aeo-seal ([A-Za-z0-9_.-]{20,2000})\n\Z")
_STREAM = re.compile(rb"stream\r?\n")
#: A credential, or a receipt: one of many under one signature has a path after a tilde.
CARRIED = re.compile(
    rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:~[A-Za-z0-9_.~-]+)?\s*", re.ASCII
)


@dataclass(frozen=True)
class PresentedPdf:
    """A PDF as it was presented. `body`: the bytes before the seal; `seal`: None without one;
    `carried`: the attached credential or receipt; None without one. `is_locked`: it is encrypted,
    so that nothing in it can be read."""

    body: bytes
    seal: str | None
    carried: str | None
    is_locked: bool = False


def typeset(
    template: str, data: Mapping[str, Any], link: str, attached: Mapping[str, str], at: datetime
) -> bytes:
    """Returns the PDF, without its seal. `template`: the name of its file among the templates;
    `data`: its texts; `link`: what the QR code leads to; `attached`: the files that the template
    attaches, by name; `at`: the date of the document."""
    files = {
        "main.typ": (TEMPLATES / template).read_bytes(),
        SHEET: (TEMPLATES / SHEET).read_bytes(),
        "qr.svg": qr_code(link),
        "data.json": msgspec.json.encode({**data, "issued": [at.year, at.month, at.day]}),
        **{name: text.encode() for name, text in attached.items()},
    }
    made: bytes = typst.compile(files, font_paths=_fonts(), ignore_system_fonts=True, format="pdf")
    return made


def qr_code(text: str) -> bytes:
    """Returns the QR code of a text as SVG."""
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        picture, kind="svg", border=4, xmldecl=False, svgns=True, nl=False
    )
    return picture.getvalue()


@lru_cache(maxsize=1)
def _fonts() -> Any:
    return typst.Fonts(include_system_fonts=False, font_paths=[str(FONTS)])


def seal(home: Path, address: str, pdf: bytes, credential: str) -> bytes:
    """Returns the PDF with the seal after it. `credential`: the id of
    the credential or receipt that it carries."""
    body = pdf if pdf.endswith(b"\n") else pdf + b"\n"
    claims = {"credential": credential, "sha256": sha256(body).hexdigest(), "size": len(body)}
    text = sign(home, address, SEAL_TYPE, msgspec.json.encode(claims))
    return body + b"%aeo-seal " + text.encode() + b"\n"


def read_pdf(file: bytes) -> PresentedPdf:
    """Returns what a file carries. Never raises: a file that is no PDF carries nothing."""
    found = _SEAL.search(file)
    body = file[: found.start()] if found else file
    carried = next((text for text in _attached(body)), None)
    seal = found[1].decode() if found else None
    return PresentedPdf(body, seal, carried, is_locked=carried is None and b"/Encrypt" in body)


def _attached(body: bytes) -> Iterator[str]:
    """The streams of a PDF that have the form of a credential or a receipt."""
    unpacked = 0
    for count, found in enumerate(_STREAM.finditer(body)):
        if count == STREAMS or unpacked > LARGEST_UNPACKED:
            return
        start = found.end()
        end = body.find(b"endstream", start)
        if end < 0:
            return
        raw = body[start:end]
        inside = _unpacked(raw)
        unpacked += len(inside)
        for text in (inside, raw.strip()):
            if text.startswith(b"eyJ") and CARRIED.fullmatch(text):
                yield text.strip().decode()


def _unpacked(raw: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, LARGEST_STREAM)
    except zlib.error:
        return b""
