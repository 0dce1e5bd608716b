"""What a stranger presents: a code, a link, a credential, a receipt, a PDF, or a picture of a QR
code."""

from __future__ import annotations

import codecs
import io
import re
import threading
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import zxingcpp
from PIL import Image, UnidentifiedImageError

from api.credentials.codes import digest, read_code
from api.credentials.jwt_parts import is_receipt
from api.credentials.sealed_pdf import LARGEST

#: Pixels of a picture that is decoded.
LARGEST_PICTURE = 40_000_000
PICTURES = ("PNG", "JPEG", "WEBP", "GIF")
QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
ARCHIVE = b"PK\x03\x04"  # how a ZIP file begins, which can have a PDF in it as it is
LONGEST_TEXT = 100_000  # characters
#: Pictures are decoded one after the other: each takes memory.
_ONE_AT_A_TIME = threading.Lock()

_LINK = re.compile(r"(?:/[A-Za-z]{2,3}(?:-[A-Za-z]+)?)?/(verify|receipts)/([^/]+)/?")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(~\S*)?", re.ASCII)


class PresentedKind(Enum):
    """The kinds of what is presented."""

    CODE = "code"  # printed on a certificate
    SHARE = "share"  # the token of a link
    CREDENTIAL = "credential"
    RECEIPT = "receipt"  # itself
    RECEIPT_ID = "receipt id"
    PDF = "PDF"
    ELSEWHERE = "link to another host"
    NO_QR = "picture without a QR code"
    OTHER_FILE = "file of a kind that is not read here"
    NOTHING = "nothing that is known here"
    TOO_LARGE = "too large"


@dataclass(frozen=True)
class PresentedThing:
    """What was presented, as far as its form says. `text`: the code, token or document; `file`: of
    a PDF."""

    kind: PresentedKind
    text: str = ""
    file: bytes = b""


def of_text(typed: str, hosts: frozenset[str]) -> PresentedThing:
    """Returns what a text is by its form. `hosts`: those of this register, with the port."""
    text = typed.strip()
    if len(text) > LONGEST_TEXT:
        return PresentedThing(PresentedKind.TOO_LARGE)
    if re.match(r"https?://", text, re.IGNORECASE):
        return _of_link(text, hosts)
    if code := read_code(text):
        return PresentedThing(PresentedKind.CODE, code)
    if digest(text):
        return PresentedThing(PresentedKind.SHARE, text)
    if _TOKEN.fullmatch(text):
        kind = PresentedKind.RECEIPT if is_receipt(text) else PresentedKind.CREDENTIAL
        return PresentedThing(kind, text)
    if id := _uuid(text.removeprefix("urn:uuid:")):
        return PresentedThing(PresentedKind.RECEIPT_ID, id)
    return PresentedThing(PresentedKind.NOTHING, text[:60])


def of_file(file: bytes, hosts: frozenset[str]) -> PresentedThing:
    """Returns what a file is by its first bytes. Takes time for a picture: not for an event
    loop."""
    if len(file) > LARGEST:
        return PresentedThing(PresentedKind.TOO_LARGE)
    if b"%PDF-" in file[:1024] and not file.startswith(ARCHIVE):
        return PresentedThing(PresentedKind.PDF, file=file)
    if (text := _as_text(file)) is not None:
        return of_text(text, hosts)
    try:
        text = qr_text(file)
    except NotAPicture:
        return PresentedThing(PresentedKind.OTHER_FILE)
    if text is None:
        return PresentedThing(PresentedKind.NO_QR)
    return of_text(text, hosts)


def _as_text(file: bytes) -> str | None:
    """Returns the text of a file in UTF-8, or in UTF-16 with a byte order mark; None for any other
    file."""
    marked = file.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return file.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        return None


class NotAPicture(ValueError):
    """A file that is no picture of a kind that is read, or a broken one."""


def qr_text(file: bytes) -> str | None:
    """Returns the text of the QR code in a picture; None where none is found. Raises
    NotAPicture."""
    try:
        with Image.open(io.BytesIO(file), formats=PICTURES) as opened, _ONE_AT_A_TIME:
            if opened.width * opened.height > LARGEST_PICTURE:
                return None
            picture = opened.convert("L")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, MemoryError) as error:
        raise NotAPicture(str(error)) from error
    found: list[Any] = zxingcpp.read_barcodes(picture, formats=QR)
    return next((str(each.text) for each in found if each.text), None)


def _of_link(text: str, hosts: frozenset[str]) -> PresentedThing:
    try:
        parts = urlsplit(text)
        host = parts.netloc.lower()
    except ValueError:
        return PresentedThing(PresentedKind.NOTHING, text[:60])
    found = _LINK.fullmatch(unquote(parts.path))
    if host not in hosts:
        return PresentedThing(PresentedKind.ELSEWHERE, host)
    if found is None:
        return PresentedThing(PresentedKind.NOTHING, text[:60])
    if found[1] == "receipts":
        id = _uuid(found[2])
        return PresentedThing(PresentedKind.RECEIPT_ID if id else PresentedKind.NOTHING, id or text)
    if code := read_code(found[2]):
        return PresentedThing(PresentedKind.CODE, code)
    return PresentedThing(
        PresentedKind.SHARE if digest(found[2]) else PresentedKind.NOTHING, found[2][:60]
    )


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
