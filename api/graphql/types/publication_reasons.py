"""The reasons of goals and published counts: code, facts as data, and sentence.

Facts of a goal: `signedStates` and `states` are numbers, `by` and `deadline` civil days,
`notSigned`, `uncertain` and `willingnessUnknown` codes of administrations. Facts of a count:
`claimed` and `counted` are numbers, `countOf` what was counted, `asOf` a civil day; each counted
party is a group of `party` and, for a bloc, `members`; each party that may have been in it by then
a group of `uncertainParty`, `earliest` and, where it was in it at all, `latest`.
"""

from __future__ import annotations

from datetime import date

import strawberry

from api.graphql.types.agreement_clauses import DateInterval
from api.graphql.types.publication_sentences import claim_sentence, target_sentence
from api.graphql.types.reason_facts import Fact, FactsBuilder
from projections.reads.publications import ClaimRow, Counted, SignatureRow, TargetRow
from registry.domain.targets import Judgement, TargetReasonCode, TargetStanding
from registry.domain.values import NEVER, AdministrationCode, Term

strawberry.enum(
    TargetReasonCode,
    name="TargetReasonCode",
    description="Why a goal counts as met, not met or unknown.",
)
strawberry.enum(
    TargetStanding,
    name="TargetStanding",
    description="Whether a state that a goal could mean had signed by the day that counts: the "
    "deadline, or the day asked about if that is earlier.",
)


@strawberry.enum(description="How a published count compares with the register's own.")
class ClaimReasonCode(Term):
    """How a published count compares with the register's own."""

    AGREES = "AGREES"
    REGISTER_HAS_MORE = "REGISTER_HAS_MORE"
    DATES_UNCERTAIN = "DATES_UNCERTAIN"
    NOT_ON_RECORD = "NOT_ON_RECORD"


@strawberry.type
class TargetReason:
    """Why a goal counts as met, not met or unknown."""

    code: TargetReasonCode
    message: str = strawberry.field(
        description="The reason as an English sentence, made from `code` and `facts` alone."
    )
    facts: list[Fact] = strawberry.field(
        description="The facts from which the sentence is made: numbers, days and codes of "
        "administrations. A client can word the reason in any language from them."
    )


@strawberry.type
class ClaimReason:
    """How a published count compares with the register's own, and what explains the difference."""

    code: ClaimReasonCode
    message: str = strawberry.field(
        description="The comparison in English sentences, made from `facts` alone."
    )
    facts: list[Fact] = strawberry.field(
        description="The facts from which the sentences are made: numbers, a day, and the parties "
        "that were counted or may have to be. A client can word them in any language."
    )


@strawberry.type
class TargetSignature:
    """The signature of an agreement that counts towards a goal."""

    agreement: strawberry.ID = strawberry.field(description="The code of the agreement.")
    signed: DateInterval


@strawberry.type
class TargetState:
    """A state that a goal could mean, and how far it had come by the day that counts."""

    state: AdministrationCode = strawberry.field(description="The administration, by its code.")
    standing: TargetStanding
    willing: str | None = strawberry.field(
        description="The source that says that the state is willing. Null: no source says so."
    )
    signatures: list[TargetSignature] = strawberry.field(
        description="The signatures on record, whenever they were: also those after the deadline."
    )


def target_reason(row: TargetRow, judgement: Judgement) -> TargetReason:
    """The reason of a judgement."""
    builder = FactsBuilder({})
    if judgement.standings is not None:
        signed = judgement.states(TargetStanding.SIGNED)
        builder.add("signedStates", len(signed)).add("states", len(judgement.standings))
    facts = [
        *builder.found,
        *_day("by", judgement.by, row.time_zone),
        *_day("deadline", row.deadline, row.time_zone),
    ]
    lists = FactsBuilder({})
    lists.add("notSigned", *judgement.states(TargetStanding.NOT_SIGNED))
    lists.add("uncertain", *judgement.states(TargetStanding.UNCERTAIN))
    lists.add("willingnessUnknown", *judgement.states(TargetStanding.WILLINGNESS_UNKNOWN))
    facts += lists.found
    return TargetReason(
        code=judgement.reason, message=target_sentence(judgement.reason, facts), facts=facts
    )


def target_states(
    row: TargetRow, judgement: Judgement, found: dict[AdministrationCode, list[SignatureRow]]
) -> list[TargetState]:
    """The states of a goal with their signatures, in the order of the goal. Empty where the goal
    cannot be judged."""
    return [
        TargetState(
            state=state,
            standing=standing,
            willing=row.willing.get(state.text),
            signatures=[
                TargetSignature(
                    agreement=strawberry.ID(each.agreement),
                    signed=DateInterval(earliest=each.dates.earliest, latest=each.dates.latest),
                )
                for each in found.get(state, ())
            ],
        )
        for state, standing in (judgement.standings or {}).items()
    ]


def claim_reason(row: ClaimRow, counted: Counted) -> ClaimReason:
    """The comparison of a published count with the register's own."""
    builder = FactsBuilder({}).add("claimed", row.value).add("counted", counted.number)
    builder.add("countOf", counted.of)
    whole = [*builder.found, *_day("asOf", row.as_of, row.time_zone)]
    items = 0
    for party, members in counted.parties:
        items += 1
        whole.append(Fact(name="party", value=party, item=items, zone=None))
        if members:
            whole.append(Fact(name="members", value=str(members), item=items, zone=None))
    for party, dates in counted.perhaps:
        items += 1
        whole.append(Fact(name="uncertainParty", value=party, item=items, zone=None))
        whole += _day("earliest", dates.earliest, row.time_zone, items)
        if dates.latest != NEVER:
            whole += _day("latest", dates.latest, row.time_zone, items)
    return ClaimReason(
        code=_code(row.value - counted.number, len(counted.perhaps)),
        message=claim_sentence(whole),
        facts=whole,
    )


def _day(name: str, day: date | None, zone: str, item: int = 0) -> list[Fact]:
    return [Fact(name=name, value=day.isoformat(), item=item, zone=zone)] if day else []


def _code(difference: int, perhaps: int) -> ClaimReasonCode:
    if difference == 0:
        return ClaimReasonCode.AGREES
    if difference < 0:
        return ClaimReasonCode.REGISTER_HAS_MORE
    if difference > perhaps:
        return ClaimReasonCode.NOT_ON_RECORD
    return ClaimReasonCode.DATES_UNCERTAIN
