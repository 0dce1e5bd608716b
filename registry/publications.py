"""What others published: counts that are claimed, and documents with the goals they set.

A claim is never computed and never bent to fit; a target is kept in its own words.
"""

from __future__ import annotations

from datetime import date
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import AggregateCreated, BaseAggregate

from registry import commands as c
from registry.decisions import DatedFact, Decision
from registry.values import AdministrationCode, AgreementKind


class Claim(BaseAggregate[UUID]):
    TOPIC = "claim"

    class Event(DatedFact): ...

    class Published(Event, AggregateCreated):
        TOPIC = "claim.published"
        subject: AdministrationCode
        measure: str
        value: int
        as_of: date
        text: str | None = None
        precision: str | None = None

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

    @staticmethod
    def create_id(
        subject: AdministrationCode, measure: str, as_of: date, source: str | None
    ) -> UUID:
        """Two sources of one day are two claims: conflicting sources are both kept."""
        return uuid5(NAMESPACE_URL, f"claim/{subject}/{measure}/{as_of}/{source or ''}")


class Document(BaseAggregate[UUID]):
    TOPIC = "document"

    class Event(DatedFact): ...

    class Published(Event, AggregateCreated):
        TOPIC = "document.published"
        document: str
        title: str
        dated: date | None = None
        parties: tuple[AdministrationCode, ...] = ()
        measures: tuple[str, ...] = ()
        text: str | None = None
        confidence: str | None = None

    class TargetSet(Event):
        TOPIC = "document.target_set"
        target: str
        text: str
        owner: AdministrationCode | None = None
        deadline: date | None = None
        relation: AgreementKind | None = None
        condition: str | None = None
        states: tuple[AdministrationCode, ...] = ()
        willing: dict[str, str] | None = None

        def apply(self, document: Document) -> None:
            document.targets[self.target] = self

    class AgreementLinked(Event):
        TOPIC = "document.agreement_linked"
        agreement: str

        def apply(self, document: Document) -> None:
            document.agreements.add(self.agreement)

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
        decided: date | None = None,
        decided_by: AdministrationCode | None = None,
        legal_ground: str | None = None,
        source: str | None = None,
    ) -> None:
        self.document, self.title = document, title
        self.targets: dict[str, Document.TargetSet] = {}
        self.agreements: set[str] = set()

    @staticmethod
    def create_id(document: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"document/{document}")


def set_target(document: Document, it: c.SetTarget, by: Decision) -> None:
    """Said again with another word (a state is found willing), the later stands for both."""
    said = {
        "target": it.target, "text": it.text, "owner": it.owner, "deadline": it.deadline,
        "relation": it.relation, "condition": it.condition, "states": it.states,
        "willing": it.willing or None, "source": by.source,
    }  # fmt: skip
    known = document.targets.get(it.target)
    if known is None or any(getattr(known, name) != value for name, value in said.items()):
        document.trigger_event(Document.TargetSet, **by.envelope() | said)


def link_agreement(document: Document, it: c.LinkAgreement, by: Decision) -> None:
    if it.agreement not in document.agreements:
        document.trigger_event(
            Document.AgreementLinked, agreement=it.agreement, **by.envelope()
        )
