"""The texts of a certificate, in two languages, for the template that is typeset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.credentials.codes import grouped
from api.languages.language import N_, Language, _, current
from api.pages import labels, type_names
from api.pages.bilingual import (
    BilingualRow,
    BilingualTexts,
    breakable,
    is_covered,
    second_language,
)
from projections.reads.credentials import CredentialRow
from registry.transparency.signed_notes import read_checkpoint, read_proof


def document(
    row: CredentialRow, claims: dict[str, Any], address: str, reader: Language
) -> dict[str, Any]:
    """Returns the texts of the certificate of a credential, as its template takes them."""
    subject = claims["credentialSubject"]
    authorisation = subject["authorisation"]
    territory = authorisation["administration"]
    languages = [reader, second_language(reader, territory)]
    texts = BilingualTexts(languages)
    local = subject["localName"]
    is_shown = is_covered(subject["name"])
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
        "name": breakable(subject["name"] if is_shown else subject["registeredId"]),
        "local-name": breakable(local)
        if local and local != subject["name"] and is_covered(local)
        else None,
        "unprinted": [] if is_shown else texts.of(lambda: _(UNPRINTED)),
        "rows": [each._asdict() for each in _rows(texts, row, subject, authorisation)],
        "check": texts.of(lambda: _("Check it: scan the code, or type the address")),
        "link": link(address, row.code),
        "code": grouped(row.code),
        "notes": [texts.of(lambda note=note: _(note)) for note in NOTES],  # type: ignore[misc]
        "id": claims["id"],
        "head": f"{proof.origin}, {proof.size}",
    }


UNPRINTED = N_(
    "The name of the operator has characters that cannot be printed here. The credential that is"
    " attached has it, and the check shows it."
)
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
    texts: BilingualTexts,
    row: CredentialRow,
    subject: dict[str, Any],
    authorisation: dict[str, Any],
) -> Iterator[BilingualRow]:
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
        lambda: _administration(authorisation["administrationName"], territory),
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


def _administration(name: str, territory: str) -> str:
    """Returns the territory in the language of the line. The register has the administration's
    name in English, so that the name stands in the English line alone."""
    country = labels.country(territory)
    return f"{name}, {country}" if current.get().is_source else country
