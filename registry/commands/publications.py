"""Of what was published: claims, and documents with the goals that they set."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date

import msgspec

from registry.commands.command import Command
from registry.values import AdministrationCode, AgreementKind


class PublishClaim(Command):
    """A count that somebody published. Never computed, never bent to fit."""

    noun = "claim"
    subject: AdministrationCode
    measure: str
    value: int
    as_of: date
    text: str | None = None
    precision: str | None = None  # "day", "month" or "year": how exactly the source dates it


class DocumentCommand(Command):
    noun = "document"
    document: str


class PublishDocument(DocumentCommand):
    title: str
    date_: date | None = msgspec.field(name="date", default=None)
    parties: tuple[AdministrationCode, ...] = ()
    measures: tuple[str, ...] = ()
    text: str | None = None
    confidence: str | None = None


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


class LinkAgreement(DocumentCommand):
    agreement: str
