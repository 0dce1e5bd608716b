"""The texts of a receipt's PDF, in two languages, for the template that is typeset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.languages.language import N_, Language, _
from api.pages import labels
from api.pages.bilingual import BilingualRow, BilingualTexts, is_covered, second_language
from registry.transparency.signed_notes import read_checkpoint, read_note

NOTES = (
    N_("The link is opened by whoever asked, and by auditors. Others give this file at /verify."),
    N_("The signed receipt is attached to this file. A picture of it proves nothing."),
    N_("A record that is made later can change the answer. Whoever asked is told so."),
)


def document(claims: dict[str, Any], address: str, reader: Language) -> dict[str, Any]:
    """Returns the texts of the receipt with these claims, as its template takes them."""
    subject = claims["credentialSubject"]
    question, answer = subject["question"], subject["answer"]
    languages = [reader, second_language(reader, question["in"])]
    texts = BilingualTexts(languages)
    head = read_checkpoint(read_note(subject["logHead"]).text) if subject["logHead"] else None
    return {
        "language": reader.tag.partition("-")[0],
        "direction": reader.direction,
        "register": "AEO mutual recognition register",
        "address": address,
        "title": texts.of(lambda: _("Receipt")),
        "statement": texts.of(
            lambda: _("The register answered a question about recognition. This is its answer.")
        ),
        "tone": labels.outcome(answer["outcome"]).tone,
        "outcome": texts.of(lambda: labels.outcome(answer["outcome"]).word),
        "operator": question["tin"],
        "rows": [each._asdict() for each in _rows(texts, subject, claims["validFrom"])],
        "check": texts.of(lambda: _("Check it: scan the code, or give this file at /verify")),
        "link": link(address, claims["id"]),
        "notes": [texts.of(lambda note=note: _(note)) for note in NOTES],  # type: ignore[misc]
        "id": claims["id"],
        "head": f"{head.origin}, {head.size}" if head else "",
    }


def link(address: str, id: str) -> str:
    """Returns the address of the page of a receipt."""
    return f"{address}/receipts/{id.removeprefix('urn:uuid:')}"


def _rows(texts: BilingualTexts, subject: dict[str, Any], issued: str) -> Iterator[BilingualRow]:
    question, answer = subject["question"], subject["answer"]
    yield texts.row(N_("Customs territory"), lambda: labels.country(question["in"]))
    yield texts.row(N_("In law at"), lambda: labels.instant(question["at"]))
    yield texts.row(N_("As recorded by"), lambda: labels.instant(question["knownAt"]))
    for name, value in (question["consignment"] or {}).items():
        yield texts.code(N_("Consignment"), _shown(f"{name} {value}"))
    for reason in answer["reasons"]:
        yield texts.code(N_("Reason"), _shown(f"{reason['message']} ({reason['code']})"))
    for basis in answer["bases"]:
        yield texts.code(N_("Basis"), _shown(f"{basis['agreement']}, {basis['authorisation']}"))
        if code := basis["identifier"]:
            of = filter(None, (code, basis["identifierScheme"], basis["declarationBox"]))
            yield texts.code(N_("Code for the declaration"), _shown(", ".join(of)))
    yield texts.code(N_("Asked by"), _shown(subject["askedBy"]))
    if subject["purpose"]:
        yield texts.code(N_("Purpose"), _shown(subject["purpose"]))
    yield texts.row(N_("Answered at"), lambda: labels.instant(issued))
    yield texts.code(N_("Position in the record"), subject["position"])


def _shown(text: str) -> str:
    """A text as it is where the fonts have all its characters; others as a question mark each."""
    return "".join(letter if is_covered(letter) else "?" for letter in str(text))
