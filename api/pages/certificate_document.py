"""The texts of a certificate, in two languages, for the template that is typeset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from api.credentials.codes import grouped
from api.languages import catalogues
from api.languages.language import N_, Language, _, current
from api.pages import labels, type_names
from projections.reads.credentials import CredentialRow
from registry.transparency.signed_notes import read_checkpoint, read_proof

#: Characters that the fonts of the program have: Latin, Greek, Cyrillic, Arabic, and punctuation.
_COVERED = ((0x20, 0x24F), (0x370, 0x4FF), (0x600, 0x6FF), (0x1E00, 0x1EFF), (0x2010, 0x205E))


class CertificateRow(NamedTuple):
    """A line of the certificate: label and value in both languages; a code has only one value."""

    label: list[str]
    value: list[str]
    code: bool


class _Texts:
    """Makes texts in both languages, the reader's first."""

    def __init__(self, languages: list[Language]) -> None:
        self._languages = languages

    def of(self, make: Callable[[], str]) -> list[str]:
        """The text in each language."""
        found = []
        for language in self._languages:
            with _speaking(language):
                found.append(_plain(make()))
        return found

    def row(self, label: str, make: Callable[[], str]) -> CertificateRow:
        """A line with a text."""
        return CertificateRow(self.of(lambda: _(label)), self.of(make), code=False)

    def code(self, label: str, value: str) -> CertificateRow:
        """A line with a code."""
        return CertificateRow(self.of(lambda: _(label)), [value], code=True)


@contextmanager
def _speaking(language: Language) -> Iterator[None]:
    token = current.set(language)
    try:
        yield
    finally:
        current.reset(token)


def _plain(text: str) -> str:
    return str(text)


def second_language(first: Language, territory: str) -> Language:
    """Returns the language beside the reader's: English, and for an English reader the first
    official one of the territory that has a catalogue; English where none has."""
    if not first.is_source:
        return catalogues.language("en")
    wanted = labels.language(territory)
    found = next((tag for tag in catalogues.tags() if tag.partition("-")[0] == wanted), "en")
    return catalogues.language(found)


def is_covered(text: str) -> bool:
    """Whether the fonts of the program have every character of a text: besides the alphabets above
    the Chinese characters of GB 2312, level 1, with its Greek, Cyrillic and kana."""
    return all(_has(letter) for letter in text)


def _has(letter: str) -> bool:
    if any(first <= ord(letter) <= last for first, last in _COVERED):
        return True
    try:
        row = letter.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return 0xA1 <= row <= 0xA9 or 0xB0 <= row <= 0xD7


def document(
    row: CredentialRow, claims: dict[str, Any], address: str, reader: Language
) -> dict[str, Any]:
    """Returns the texts of the certificate of a credential, as its template takes them."""
    subject = claims["credentialSubject"]
    authorisation = subject["authorisation"]
    territory = authorisation["administration"]
    languages = [reader, second_language(reader, territory)]
    texts = _Texts(languages)
    local = subject["localName"]
    proof = read_checkpoint(read_proof(claims["evidence"][0]["proof"]).checkpoint.text)
    return {
        "language": reader.tag.partition("-")[0],
        "direction": reader.direction,
        "register": "AEO mutual recognition register",
        "address": address,
        "title": texts.of(lambda: _("Certificate of authorisation")),
        "statement": texts.of(
            lambda: _(
                "On the day of issue the register states that this operator holds the authorisation"
                " below, and that it is valid."
            )
        ),
        "name": subject["name"] if is_covered(subject["name"]) else subject["registeredId"],
        "local-name": local if local and local != subject["name"] and is_covered(local) else None,
        "rows": [each._asdict() for each in _rows(texts, row, subject, authorisation)],
        "check": texts.of(lambda: _("Check it: scan the code, or type the address")),
        "link": link(address, row.code),
        "code": grouped(row.code),
        "notes": [texts.of(lambda note=note: _(note)) for note in NOTES],  # type: ignore[misc]
        "id": claims["id"],
        "head": f"{proof.origin}, {proof.size}",
    }


NOTES = (
    N_("What counts is what the register answers when you ask, and not this paper."),
    N_("A suspension shows at that address within five seconds."),
    N_("The signed credential is attached to this file. A picture of it proves nothing."),
)


def link(address: str, code: str) -> str:
    """Returns the address at which a certificate is checked."""
    return f"{address}/verify/{code}"


def type_name(programme: str, type: str) -> str:
    """Returns the name of a type of authorisation in the reader's language, with its code."""
    found = type_names.of(programme, type)
    return f"{found.translated} ({type})" if found else type


def _rows(
    texts: _Texts, row: CredentialRow, subject: dict[str, Any], authorisation: dict[str, Any]
) -> Iterator[CertificateRow]:
    territory = authorisation["administration"]
    yield texts.code(N_("Trader identification number (TIN)"), subject["registeredId"])
    if authorisation["number"]:
        yield texts.code(N_("Number of the authorisation"), authorisation["number"])
    yield texts.row(
        N_("Programme"), lambda: f"{authorisation['programmeName']} ({authorisation['programme']})"
    )
    yield texts.row(
        N_("Type"), lambda: type_name(authorisation["programme"], authorisation["type"])
    )
    yield texts.row(
        N_("Customs administration"),
        lambda: f"{authorisation['administrationName']}, {labels.country(territory)}",
    )
    yield texts.row(N_("Status"), lambda: labels.sign(authorisation["status"]).word)
    if authorisation["effectiveFrom"]:
        yield texts.row(N_("In effect from"), lambda: labels.day(authorisation["effectiveFrom"]))
    if authorisation["validUntil"]:
        yield texts.row(N_("Valid until"), lambda: labels.day(authorisation["validUntil"]))
    yield texts.row(N_("Issued"), lambda: labels.instant(row.issued_at.isoformat()))
    yield texts.row(
        N_("This certificate expires"), lambda: labels.instant(row.valid_until.isoformat())
    )
