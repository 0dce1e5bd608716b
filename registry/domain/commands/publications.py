"""The commands about publications: claims, and documents with the targets that they set."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date

import msgspec

from registry.domain.commands.command import Command, Names
from registry.domain.values import AdministrationCode, AgreementKind


class PublishClaim(Command):
    """Records a count as a source published it. The register never computes or adjusts it."""

    noun = "claim"
    subject: AdministrationCode
    measure: str
    value: int
    as_of: date
    text: str | None = None
    # "day", "month" or "year": the precision of the date in the source.
    precision: str | None = None


class RetractClaim(Command, kw_only=True):
    """Withdraws a claim that its source does not make; it was recorded by mistake.

    `claimed_by` is the `source` of the claim. `source` is the source of the retraction.
    """

    noun = "claim"
    subject: AdministrationCode
    measure: str
    as_of: date
    claimed_by: str | None = None
    why: str


class DocumentCommand(Command):
    """The base of the commands about one document."""

    noun = "document"
    document: str


class PublishDocument(DocumentCommand):
    """Enters a published document into the register.

    `text` is a summary. `quotation` is a short passage in the document's own `language` (BCP 47
    tag). `note` is a remark of the editor. `titles` are by language tag. `measure_names` gives the
    original words of a measure, by language tag and by its text here.
    """

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
    """Records a better reading of a published document.

    What is left out stays unchanged. `measures` replaces the whole list; `measure_names` is added
    to the known ones.
    """

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
    """Records a target that the document sets.

    `states` are the administrations to which it can apply. `willing` names those known to be
    willing, each with a source. `condition` is "all" or "willing".
    """

    target: str
    owner: AdministrationCode | None = None
    text: str
    deadline: date | None = None
    relation: AgreementKind | None = None
    condition: str | None = None
    states: tuple[AdministrationCode, ...] = ()
    willing: dict[str, str] = msgspec.field(default_factory=dict)
    quotation: str | None = None  # the sentence that states the target, in its original language
    note: str | None = None  # a remark of the editor, separate from the text


class LinkAgreement(DocumentCommand):
    """The document led to this agreement."""

    agreement: str
