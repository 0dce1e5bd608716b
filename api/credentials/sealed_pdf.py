"""The PDF that carries a credential, and the seal on it.

The file is made by Typst; the credential is attached to it as `credential.jwt`. Its last line,
after the end that readers of PDF look for, is a comment with a signature over all bytes before it:

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

TEMPLATE = TEMPLATES / "certificate.typ"
FONTS = TEMPLATES / "fonts"
SEAL_TYPE = "aeo-pdf-seal+jws"
#: Bytes of a file that is read, and of one stream of it when it is unpacked.
LARGEST, LARGEST_STREAM = 3_000_000, 1_000_000
STREAMS = 2_000  # streams of a file that are looked at

_SEAL = re.compile(rb"%aeo-seal ([A-Za-z0-9_.-]{20,2000})\n\Z")
_STREAM = re.compile(rb"stream\r?\n")
CREDENTIAL = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\s*", re.ASCII)


@dataclass(frozen=True)
class PresentedPdf:
    """A PDF as it was presented. `body`: the bytes before the seal; `seal`: None without one;
    `credential`: the attached one; None without one."""

    body: bytes
    seal: str | None
    credential: str | None


def typeset(data: Mapping[str, Any], link: str, jwt: str, proof: str, at: datetime) -> bytes:
    """Returns the PDF, without its seal. `data`: the texts of the template; `link`: what the QR
    code leads to; `at`: the date of the document."""
    picture = io.BytesIO()
    segno.make(link, error="m", micro=False).save(
        picture, kind="svg", border=4, xmldecl=False, svgns=True, nl=False
    )
    files = {
        "main.typ": TEMPLATE.read_bytes(),
        "qr.svg": picture.getvalue(),
        "data.json": msgspec.json.encode({**data, "issued": [at.year, at.month, at.day]}),
        "credential.jwt": jwt.encode(),
        "event.tlog-proof": proof.encode(),
    }
    made: bytes = typst.compile(files, font_paths=_fonts(), ignore_system_fonts=True, format="pdf")
    return made


@lru_cache(maxsize=1)
def _fonts() -> Any:
    return typst.Fonts(include_system_fonts=False, font_paths=[str(FONTS)])


def seal(home: Path, address: str, pdf: bytes, credential: str) -> bytes:
    """Returns the PDF with the seal after it. `credential`: the id of the one that it carries."""
    body = pdf if pdf.endswith(b"\n") else pdf + b"\n"
    claims = {"credential": credential, "sha256": sha256(body).hexdigest(), "size": len(body)}
    text = sign(home, address, SEAL_TYPE, msgspec.json.encode(claims))
    return body + b"%aeo-seal " + text.encode() + b"\n"


def read_pdf(file: bytes) -> PresentedPdf:
    """Returns what a file carries. Never raises: a file that is no PDF carries nothing."""
    found = _SEAL.search(file)
    body = file[: found.start()] if found else file
    credential = next((text for text in _attached(body)), None)
    return PresentedPdf(body, found[1].decode() if found else None, credential)


def _attached(body: bytes) -> Iterator[str]:
    """The streams of a PDF that have the form of a credential."""
    for count, found in enumerate(_STREAM.finditer(body)):
        if count == STREAMS:
            return
        start = found.end()
        end = body.find(b"endstream", start)
        if end < 0:
            return
        raw = body[start:end]
        for text in (_unpacked(raw), raw.strip()):
            if text.startswith(b"eyJ") and CREDENTIAL.fullmatch(text):
                yield text.strip().decode()


def _unpacked(raw: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, LARGEST_STREAM)
    except zlib.error:
        return b""
