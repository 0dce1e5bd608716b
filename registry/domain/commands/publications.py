"""Of what was published: claims, and documents with the goals that they set."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date

import msgspec

from registry.domain.commands.command import Command, Names
from registry.domain.values import AdministrationCode, AgreementKind


class PublishClaim(Command):
    """A count that somebody published. Never computed, never bent to fit."""

    noun = "claim"
    subject: AdministrationCode
    measure: str
    value: int
    as_of: date
    text: str | None = None
    precision: str | None = None  # "day", "month" or "year": how exactly the source dates it


class RetractClaim(Command, kw_only=True):
    """A claim was recorded that its source does not make. `claimed_by` is the `source` of the
    claim; `source` says where the retraction comes from."""

    noun = "claim"
    subject: AdministrationCode
    measure: str
    as_of: date
    claimed_by: str | None = None
    why: str


class DocumentCommand(Command):
    noun = "document"
    document: str


class PublishDocument(DocumentCommand):
    """`text` is a summary; `quotation` is a short passage in the document's own `language` (a BCP
    47 tag); `note` is the editor's. `titles` are by language tag; `measure_names` gives the
    original words of a measure, by language tag and by its text here."""

    title: str
    date_: date | None = msgspec.field(name="date", default=None)
    parties: tuple[AdministrationCode, ...] = ()
    measures: tuple[str, ...] = ()
    text: str | None = None
    confidence: str | None = None
    titles: dict[str, str] = msgspec.field(default_factory=dict)
    language: str | None = None
    measure_names: Names = msgspec.field(default_factory=dict)
    quotation: str | None = None
    note: str | None = None


class AmendDocument(DocumentCommand):
    """A better reading of a published document. What is left out stays as it was; `measures`
    replaces the whole list, `measure_names` adds to those that are known."""

    title: str | None = None
    date_: date | None = msgspec.field(name="date", default=None)
    measures: tuple[str, ...] | None = None
    text: str | None = None
    confidence: str | None = None
    titles: dict[str, str] = msgspec.field(default_factory=dict)
    language: str | None = None
    measure_names: Names = msgspec.field(default_factory=dict)
    quotation: str | None = None
    note: str | None = None


class SetTarget(DocumentCommand, kw_only=True):
    """A goal that the document sets. `states` are those it could mean; `willing` names, with
    a source each, those known to be willing; `condition` is "all" or "willing"."""

    target: str
    owner: AdministrationCode | None = None
    text: str
    deadline: date | None = None
    relation: AgreementKind | None = None
    condition: str | None = None
    states: tuple[AdministrationCode, ...] = ()
    willing: dict[str, str] = msgspec.field(default_factory=dict)
    quotation: str | None = None  # the sentence that the goal rests on, in its own language
    note: str | None = None  # the editor's, apart from the text


class LinkAgreement(DocumentCommand):
    agreement: str
