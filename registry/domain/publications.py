"""Publications: claims (counts that somebody published), and documents with their targets.

A claim is stored as published; it is never computed or adjusted. A target keeps the words of its
document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import AggregateCreated, BaseAggregate

from registry.domain import commands as c
from registry.domain.amendments import Names, apply_amendment, record_amendment
from registry.domain.decisions import DatedFact, Decision
from registry.domain.errors import BadValue
from registry.domain.repeated_commands import difference, refuse_unless_identical
from registry.domain.sentences import Sentence
from registry.domain.values import AdministrationCode, AgreementKind


class Claim(BaseAggregate[UUID]):
    """A count that a source published (event-sourced aggregate)."""

    TOPIC = "claim"

    class Event(DatedFact):
        """The base of every event of a claim."""

    class Published(Event, AggregateCreated):
        """The claim is entered into the register."""

        TOPIC = "claim.published"
        subject: AdministrationCode
        measure: str
        value: int
        as_of: date
        text: str | None = None
        precision: str | None = None

    class Retracted(Event):
        """The source does not make this claim: it was recorded by mistake."""

        TOPIC = "claim.retracted"
        why: str

        def apply(self, claim: Claim) -> None:
            """Marks the claim as retracted."""
            claim.retracted = self

    def __init__(
        self,
        subject: AdministrationCode,
        measure: str,
        value: int,
        as_of: date,
        effective: date,
        text: str | None = None,
        precision: str | None = None,
        decided: date | None = None,
        decided_by: AdministrationCode | None = None,
        legal_ground: str | None = None,
        source: str | None = None,
    ) -> None:
        self.value, self.source = value, source
        self.retracted: Claim.Retracted | None = None

    @staticmethod
    def create_id(
        subject: AdministrationCode, measure: str, as_of: date, source: str | None
    ) -> UUID:
        """The stream id (UUIDv5).

        Claims of two sources for one day are two claims, so both are kept.
        """
        return uuid5(NAMESPACE_URL, f"claim/{subject}/{measure}/{as_of}/{source or ''}")


@dataclass(frozen=True)
class DocumentReading:
    """The fields of a document that can be amended, with every amendment applied."""

    title: str
    dated: date | None
    measures: tuple[str, ...]
    text: str | None
    confidence: str | None
    titles: Mapping[str, str]
    language: str | None
    measure_names: Names
    quotation: str | None
    note: str | None

    @classmethod
    def of(cls, first: Document.Published) -> DocumentReading:
        """The reading of the first event, before any amendment."""
        given = {field.name: getattr(first, field.name) for field in fields(cls)}
        return cls(
            **given | {"titles": first.titles or {}, "measure_names": first.measure_names or {}}
        )


class Document(BaseAggregate[UUID]):
    """A published document and the targets that it sets (event-sourced aggregate)."""

    TOPIC = "document"

    class Event(DatedFact):
        """The base of every event of a document."""

    class Published(Event, AggregateCreated):
        """The document is entered into the register."""

        TOPIC = "document.published"
        class_version = 2
        document: str
        title: str
        dated: date | None = None
        parties: tuple[AdministrationCode, ...] = ()
        measures: tuple[str, ...] = ()
        text: str | None = None
        confidence: str | None = None
        titles: dict[str, str] | None = None
        language: str | None = None
        measure_names: Names | None = None
        quotation: str | None = None
        note: str | None = None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Upcast: version 1 has no original names, quotation and note.

            The stored text needs no change.
            """

    class Amended(Event):
        """A better reading of the document.

        A field that is None stays unchanged; `measure_names` is added to the known ones.
        """

        TOPIC = "document.amended"
        title: str | None = None
        dated: date | None = None
        measures: tuple[str, ...] | None = None
        text: str | None = None
        confidence: str | None = None
        titles: dict[str, str] | None = None
        language: str | None = None
        measure_names: Names | None = None
        quotation: str | None = None
        note: str | None = None

        def apply(self, document: Document) -> None:
            """Changes the particulars that the amendment names."""
            document.reading = apply_amendment(document.reading, self)
            document.amendments.append(self)

    class TargetSet(Event):
        """A target that the document sets."""

        TOPIC = "document.target_set"
        class_version = 2
        target: str
        text: str
        owner: AdministrationCode | None = None
        deadline: date | None = None
        relation: AgreementKind | None = None
        condition: str | None = None
        states: tuple[AdministrationCode, ...] = ()
        willing: dict[str, str] | None = None
        quotation: str | None = None
        note: str | None = None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Upcast: version 1 has no quotation and note. The stored text needs no change."""

        def apply(self, document: Document) -> None:
            """Sets the target of that code."""
            document.targets[self.target] = self

    class AgreementLinked(Event):
        """The document led to this agreement."""

        TOPIC = "document.agreement_linked"
        agreement: str

        def apply(self, document: Document) -> None:
            """Links the agreement."""
            document.agreements[self.agreement] = self

    def __init__(
        self,
        document: str,
        title: str,
        effective: date,
        dated: date | None = None,
        parties: tuple[AdministrationCode, ...] = (),
        measures: tuple[str, ...] = (),
        text: str | None = None,
        confidence: str | None = None,
        titles: dict[str, str] | None = None,
        language: str | None = None,
        measure_names: Names | None = None,
        quotation: str | None = None,
        note: str | None = None,
        decided: date | None = None,
        decided_by: AdministrationCode | None = None,
        legal_ground: str | None = None,
        source: str | None = None,
    ) -> None:
        self.document = document
        self.reading = DocumentReading(
            title,
            dated,
            measures,
            text,
            confidence,
            titles or {},
            language,
            measure_names or {},
            quotation,
            note,
        )
        self.amendments: list[Document.Amended] = []
        self.targets: dict[str, Document.TargetSet] = {}
        self.agreements: dict[str, Document.AgreementLinked] = {}

    @staticmethod
    def create_id(document: str) -> UUID:
        """The stream id (UUIDv5), derived from the document's code."""
        return uuid5(NAMESPACE_URL, f"document/{document}")


def set_target(document: Document, command: c.SetTarget, by: Decision) -> None:
    """Records a target. A later command for the same target replaces the earlier one."""
    content = {
        "text": command.text,
        "owner": command.owner,
        "deadline": command.deadline,
        "relation": command.relation,
        "condition": command.condition,
        "states": command.states,
        "willing": command.willing or None,
        "quotation": command.quotation,
        "note": command.note,
    }
    known = document.targets.get(command.target)
    if known is None or difference(known, by, None, content) is not None:
        document.trigger_event(
            Document.TargetSet, target=command.target, **content, **by.envelope()
        )


def retract(claim: Claim, command: c.RetractClaim, by: Decision) -> None:
    """Records the retraction of a claim, once. Raises AlreadyRecorded, BadValue."""
    if not command.why.strip():
        raise BadValue("why: found nothing, wanted the reason of the retraction")
    if claim.retracted is not None:
        about, cure = Sentence("the retraction of this claim"), Sentence("it is recorded once")
        return refuse_unless_identical([claim.retracted], by, about, cure, why=command.why)
    claim.trigger_event(Claim.Retracted, why=command.why, **by.envelope())


def amend_document(document: Document, command: c.AmendDocument, by: Decision) -> None:
    """Records a better reading of a document.

    Raises BadValue if nothing would change, or if original words are given for a measure that the
    document does not have.
    """
    check_measure_names(
        command.measure_names,
        document.reading.measures if command.measures is None else command.measures,
    )
    given = {
        "title": command.title,
        "dated": command.date_,
        "measures": command.measures,
        "text": command.text,
        "confidence": command.confidence,
        "titles": command.titles or None,
        "language": command.language,
        "measure_names": command.measure_names or None,
        "quotation": command.quotation,
        "note": command.note,
    }
    record_amendment(document, Document.Amended, command, given, by)


def check_measure_names(names: Names, measures: Sequence[str]) -> None:
    """Raises BadValue if original words are given for a measure that the document does not have."""
    for name in {name for words in names.values() for name in words}:
        if name not in measures:
            raise BadValue(
                "measureNames: found %(name)s, wanted one of the document's measures",
                name=repr(name),
            )


def link_agreement(document: Document, command: c.LinkAgreement, by: Decision) -> None:
    """Records that the document led to an agreement. Raises AlreadyRecorded."""
    known = document.agreements.get(command.agreement)
    if known is not None:
        about = Sentence(
            "that %(document)s led to %(agreement)s",
            document=document.document,
            agreement=command.agreement,
        )
        return refuse_unless_identical([known], by, about, Sentence("it is recorded once"))
    document.trigger_event(Document.AgreementLinked, agreement=command.agreement, **by.envelope())
