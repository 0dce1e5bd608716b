"""Receipts of the answers to recognition questions: what they need, and how they are given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from api.graphql.context import Connection, Context
from api.graphql.sql_fields import NotPlanned
from api.graphql.types.reasons import parties
from api.graphql.types.receipts import issue
from api.graphql.types.recognition import Recognition
from projections.reads.administrations import administrations
from projections.reads.recognition import KnownOperators
from projections.reads.unchanged_intervals import UnchangedIntervals
from registry.domain.values import AdministrationCode

#: After so many answers with receipts other requests of the process run.
YIELD_EVERY = 20


def without(receipt: bool) -> None:
    """Raises NotPlanned for a question with a receipt: it is signed, and stored before the answer
    is given, which no SELECT does."""
    if receipt:
        raise NotPlanned("receipt")


async def zones_of(
    connection: Connection, known: KnownOperators, territory: AdministrationCode
) -> dict[str, str]:
    """The time zones of the civil days in the reasons of the answers, by administration."""
    # The operators of a home share the facts of the law.
    laws = {(each.administration, id(each.links)): each for each in known.facts.values()}
    codes = {territory.text}.union(*(parties(f.links, f.administration) for f in laws.values()))
    rows = await administrations(connection, sorted(codes))
    return {code: row.time_zone for code, row in rows.items()}


async def give_receipts(
    context: Context,
    found: Sequence[Recognition],
    zones: dict[str, str],
    intervals: UnchangedIntervals,
) -> None:
    """Issues the receipts of these answers, in their order."""
    answered = []
    for number, each in enumerate(found, 1):
        each.give_interval(intervals)
        each.give_reasons(zones)
        answered.append(each.answered())
        if not number % YIELD_EVERY:  # other requests of this process run meanwhile
            await asyncio.sleep(0)
    for each, receipt in zip(found, await issue(context, answered), strict=True):
        each.issued = receipt


async def give_receipts_of(
    context: Context,
    found: Sequence[Recognition],
    known: KnownOperators,
    territory: AdministrationCode,
) -> None:
    """Issues the receipts of these answers, of whose operators this is known."""
    async with context.views.connection() as connection:
        zones = await zones_of(connection, known, territory)
    await give_receipts(context, found, zones, UnchangedIntervals())
