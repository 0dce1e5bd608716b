"""Read model of agreements: sides, dates and scopes in both valid and transaction time, and the
links between pairs of parties."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from projections.models.read_model import (
    AggregateRows,
    BigInt,
    Events,
    Json,
    ReadModel,
    Rows,
    Table,
    TableRow,
    TextArray,
)
from projections.models.tables import array, optional
from registry.domain.agreements.events import Agreement, AgreementReading
from registry.domain.agreements.links import Link
from registry.domain.agreements.timeline import build_timeline
from registry.domain.amendments import apply_amendment
from registry.domain.bitemporal import BitemporalRow
from registry.domain.texts import folded
from registry.domain.values import Dates, encode_value


class StoredAgreement(TableRow):
    """A row of views.agreement."""

    id: str
    kind: str
    pillars: TextArray
    title: str
    legal_basis: str | None
    confidence: str | None
    details: Json
    source: str | None
    words: str
    registered: datetime
    proposed: date
    position: BigInt
    titles: Json
    names: Json


class StoredParty(TableRow):
    """A row of views.party: an interval in which an administration is a party."""

    agreement: str
    party: str
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredStage(TableRow):
    """A row of views.stage: the status of an agreement in an interval."""

    agreement: str
    status: str
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredSide(TableRow):
    """A row of views.side: how far a party implements an agreement in an interval."""

    agreement: str
    party: str
    implemented_from: date | None
    suspended: bool
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredDated(TableRow):
    """A row of views.dated: a date that an agreement sets, as exactly as it is known."""

    agreement: str
    what: str
    side: str | None
    term: int | None
    earliest: date
    latest: date
    source: str | None
    assumed: bool
    note: str | None
    from_at: datetime
    by_at: datetime
    over_at: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


class StoredLink(TableRow):
    """A row of views.link: what one party grants the operators of another in an interval."""

    from_party: str
    to_party: str
    agreement: str
    kind: str
    ordinal: int
    state: str
    assumed: bool
    programmes: TextArray
    types: TextArray
    roles: TextArray
    direction: str | None
    hs: TextArray
    crossings: TextArray
    modes: TextArray
    identifier_scheme: str | None
    declaration_box: str | None
    benefits: TextArray
    consent_required: bool
    max_age_hours: int | None
    valid_from: datetime
    valid_to: datetime | None
    hindered_by: TextArray
    begins_earliest: date | None
    begins_latest: date | None
    ends_earliest: date | None
    ends_latest: date | None
    recorded_from: datetime
    recorded_to: datetime | None
    position: BigInt
    position_to: BigInt | None


def rows(events: Events) -> Rows:
    """Returns every row of an agreement, from its whole stream. A pure function of the events."""
    timeline = build_timeline(events)
    first = timeline.proposed.event
    reading = AgreementReading.of(first)
    for known in events[1:]:
        if isinstance(known.event, Agreement.Amended):
            reading = apply_amendment(reading, known.event)
    words = _search_text(events, reading)
    return {
        "agreement": [
            StoredAgreement(
                id=first.agreement,
                kind=first.kind.value,
                pillars=array(first.pillars),
                title=reading.title,
                legal_basis=reading.legal_basis,
                confidence=reading.confidence,
                details=_json(reading.details),
                source=first.source,
                words=words,
                registered=timeline.proposed.known_at,
                proposed=first.effective,
                position=timeline.last,
                titles=_json(reading.titles),
                names=_json(reading.names),
            )
        ],
        "party": [
            StoredParty(
                agreement=first.agreement,
                party=r.fact.party.text,
                valid_from=r.fact.valid_from,
                valid_to=r.fact.valid_to,
                recorded_from=r.recorded_from,
                recorded_to=r.recorded_to,
                position=r.position,
                position_to=r.position_to,
            )
            for r in timeline.parties
        ],
        "stage": [
            StoredStage(
                agreement=first.agreement,
                status=r.fact.status.value,
                valid_from=r.fact.valid_from,
                valid_to=r.fact.valid_to,
                recorded_from=r.recorded_from,
                recorded_to=r.recorded_to,
                position=r.position,
                position_to=r.position_to,
            )
            for r in timeline.stages
        ],
        "side": [
            StoredSide(
                agreement=first.agreement,
                party=r.fact.party.text,
                implemented_from=r.fact.implemented_from,
                suspended=r.fact.suspended,
                valid_from=r.fact.valid_from,
                valid_to=r.fact.valid_to,
                recorded_from=r.recorded_from,
                recorded_to=r.recorded_to,
                position=r.position,
                position_to=r.position_to,
            )
            for r in timeline.sides
        ],
        "dated": [
            StoredDated(
                agreement=first.agreement,
                what=r.fact.what.value,
                side=optional(r.fact.side),
                term=r.fact.term,
                earliest=r.fact.dates.earliest,
                latest=r.fact.dates.latest,
                source=r.fact.source,
                assumed=r.fact.assumed,
                note=r.fact.note,
                from_at=r.fact.from_at,
                by_at=r.fact.by_at,
                over_at=r.fact.over_at,
                recorded_from=r.recorded_from,
                recorded_to=r.recorded_to,
                position=r.position,
                position_to=r.position_to,
            )
            for r in timeline.dated
        ],
        "link": [_link(r) for r in timeline.links],
    }


def _search_text(events: Events, reading: AgreementReading) -> str:
    """Returns the text that a search looks in: titles and names in every language, details, and the
    crossings, goods, schemes and notes of the clauses. Goods are found by their code alone and by
    "HS" in front of the code."""
    first = events[0].event
    searched: list[str | None] = [first.agreement, reading.title, *reading.titles.values()]
    searched += [reading.legal_basis, first.source, *reading.details, *reading.details.values()]
    searched += [
        text for words in reading.names.values() for pair in words.items() for text in pair
    ]
    searched += [str(p.administration) for p in first.parties]
    for known in events[1:]:
        event = known.event
        searched += [getattr(event, "note", None), getattr(event, "text", None)]
        if isinstance(event, Agreement.ScopeSet):
            clause = event.clause
            searched += [*clause.crossings, *clause.modes, clause.identifier_scheme]
            searched += [f"HS {code}" for code in clause.hs]
    return "\n".join(dict.fromkeys(folded(text) for text in searched if text))


def _link(r: BitemporalRow[Link]) -> StoredLink:
    link, c = r.fact, r.fact.clause
    begins_earliest, begins_latest = _ends(link.begins)
    ends_earliest, ends_latest = _ends(link.ends)
    return StoredLink(
        from_party=c.from_.text,
        to_party=c.to.text,
        agreement=link.agreement,
        kind=link.kind.value,
        ordinal=link.ordinal,
        state=link.state.value,
        assumed=link.assumed,
        programmes=array(c.programmes),
        types=array(c.types),
        roles=array(c.roles),
        direction=optional(c.direction),
        hs=array(c.hs),
        crossings=array(c.crossings),
        modes=array(c.modes),
        identifier_scheme=c.identifier_scheme,
        declaration_box=c.declaration_box,
        benefits=array(c.benefits),
        consent_required=c.consent_required,
        max_age_hours=c.max_age_hours,
        valid_from=link.valid_from,
        valid_to=link.valid_to,
        hindered_by=array(link.hindered_by),
        begins_earliest=begins_earliest,
        begins_latest=begins_latest,
        ends_earliest=ends_earliest,
        ends_latest=ends_latest,
        recorded_from=r.recorded_from,
        recorded_to=r.recorded_to,
        position=r.position,
        position_to=r.position_to,
    )


def _ends(dates: Dates | None) -> tuple[date | None, date | None]:
    return (dates.earliest, dates.latest) if dates else (None, None)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=encode_value, order="sorted").decode()


AGREEMENTS = ReadModel(
    "agreements",
    (
        AggregateRows(
            "agreement",
            key_field="agreement",
            tables=(
                Table(
                    "agreement",
                    StoredAgreement,
                    "id",
                    shown="select t.*, s.status from {schema}.agreement t"
                    " left join {schema}.stage_at s on s.agreement = t.id",
                    after=("stage",),
                ),
                Table("party", StoredParty, "agreement", fact=("agreement", "party")),
                Table("stage", StoredStage, "agreement", fact=("agreement",)),
                Table("side", StoredSide, "agreement", fact=("agreement", "party")),
                Table(
                    "dated",
                    StoredDated,
                    "agreement",
                    valid="t.from_at <= {at} and t.recorded_to is null",
                ),
                Table(
                    "link",
                    StoredLink,
                    "agreement",
                    fact=("agreement", "from_party", "to_party", "ordinal"),
                ),
            ),
            rows=rows,
        ),
    ),
)
