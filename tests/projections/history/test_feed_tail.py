"""Twin of the feed: what is computed from one step for many is what each page would have."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from projections.history import feed_pages
from projections.history.feed import EARLIEST, Change
from projections.history.feed_tail import FeedTail, changes_of
from projections.reads.row_security import SERVICE, stated
from projections.reads.visibility import VisibilityScope
from registry.domain.values import AdministrationCode
from registry.ledger.connections import AsyncSession
from tests.api.client import Client
from tests.api.region import (
    FRUIT,
    OPEN,
    STEEL,
    Line,
    consent,
    operator,
    own_region,
    record,
    recorded_region,
)

__all__ = ["own_region", "recorded_region"]

SCOPES = [
    VisibilityScope("auditor"),
    *(VisibilityScope("partner", code) for code in ("CN", "KR", "AU", "EU", "DE", "JP")),
    *(VisibilityScope("officer", code) for code in ("CN", "KR", "EU")),
]
TERRITORIES = ("CN", "KR", "AU", "EU", "DE", "JP")


def about(command: str, tin: str, day: str, **said: Any) -> Line:
    return {
        "command": command,
        "tin": tin,
        "effective": day,
        "legal_ground": "a law",
        "known_at": f"{day}T02:00:00Z",
        **said,
    }


ROUNDS: list[Sequence[Line]] = [
    operator("KR44444444", "Synthetic New", "KR-AEO", "AA", "KRAEO4444", "2026-05-04"),
    [
        about("suspend_authorisation", "KR44444444", "2026-06-01", reason="late books"),
        about("suspend_authorisation", FRUIT, "2026-06-02", reason="late books"),
    ],
    [
        about("lift_suspension", FRUIT, "2026-07-01"),
        about("revoke_authorisation", "KR44444444", "2026-07-02", reason="fraud"),
        consent(OPEN, "2026-07-03", partner="KR"),
    ],
    operator("DE7777777", "Synthetic Shy", "EU-AEO", "AEOS", "DEAEOS7777", "2026-02-01"),
    [consent("DE7777777", "2026-08-01", partner="CN")],
    [about("lift_suspension", STEEL, "2026-08-02")],
    [
        {
            "command": "annul_authorisation",
            "tin": STEEL,
            "reason": "fraud",
            "legal_ground": "Art. 27",
            "known_at": "2026-09-01T02:00:00Z",
        }
    ],
]


async def connection(database: str, role: str) -> AsyncSession[Any]:
    """As the service reads the feed: it sees every row, and decides for each subject itself."""
    subject = stated(SERVICE, datetime.now(UTC))
    return await AsyncSession.connect(
        database,
        autocommit=True,
        options=f"-c role={role} -c timezone=UTC -c aeo.subject={subject}",
    )


def shown(changes: Sequence[Change]) -> list[Any]:
    return [
        (change.position, change.tin, change.was, change.effective_from, change.course())
        for change in changes
    ]


def test_what_is_computed_from_a_step_is_what_the_page_has(own_region: Client) -> None:
    settled = compared = 0

    async def compare(
        tail: FeedTail, views: AsyncSession[Any], ledger: AsyncSession[Any]
    ) -> tuple[int, int]:
        settled = compared = 0
        for code in TERRITORIES:
            await tail.load_law(views, AdministrationCode(code))
        while (step := await tail.step(views, ledger)) is not None:
            for scope in SCOPES:
                for code in TERRITORIES:
                    into = tail.law(AdministrationCode(code))
                    subject_law = tail.law(AdministrationCode(scope.administration or code))
                    if not step.settled or into is None or subject_law is None:
                        continue
                    settled += 1
                    found = await changes_of(step, into, subject_law, scope, step.after)
                    page = await feed_pages.page(
                        views,
                        ledger,
                        scope,
                        AdministrationCode(code),
                        step.after,
                        1_000,
                        datetime.now(UTC),
                        since=EARLIEST,
                    )
                    assert shown(found) == shown(page.changes), (scope, code)
                    compared += len(found)
        return settled, compared

    async def run() -> tuple[int, int]:
        settled = compared = 0
        async with (
            await connection(own_region.database, "aeo_reader") as views,
            await connection(own_region.database, "aeo_auditor") as ledger,
        ):
            tail = FeedTail()
            await tail.start(views, datetime.now(UTC))
            for lines in ROUNDS:
                await asyncio.to_thread(record, own_region.database, *lines)
                counts = await compare(tail, views, ledger)
                settled, compared = settled + counts[0], compared + counts[1]
        return settled, compared

    settled, compared = asyncio.run(run())
    assert settled > 200
    assert compared > 20


@pytest.mark.parametrize(
    "line",
    [
        {
            "command": "terminate_agreement",
            "agreement": "CN-KR-AEO",
            "effective": "2026-09-01",
            "source": "a gazette",
            "known_at": "2026-09-02T02:00:00Z",
        },
        {
            "command": "leave_bloc",
            "administration": "EU",
            "member": "FR",
            "effective": "2026-09-01",
            "legal_ground": "a treaty",
            "source": "a gazette",
            "known_at": "2026-09-02T02:00:00Z",
        },
    ],
    ids=lambda line: line["command"],
)
def test_a_step_in_which_the_law_moved_is_not_settled(own_region: Client, line: Line) -> None:
    async def run() -> bool:
        async with (
            await connection(own_region.database, "aeo_reader") as views,
            await connection(own_region.database, "aeo_auditor") as ledger,
        ):
            tail = FeedTail()
            await tail.start(views, datetime.now(UTC))
            await tail.load_law(views, AdministrationCode("KR"))
            await asyncio.to_thread(record, own_region.database, line)
            step = await tail.step(views, ledger)
            assert step is not None
            assert tail.law(AdministrationCode("KR")) is None  # it is read anew
            return step.settled

    assert asyncio.run(run()) is False


def test_a_step_on_whose_day_a_consent_begins_is_not_settled(own_region: Client) -> None:
    """The day of a consent passes between two events: what it changes belongs to the second."""

    async def run() -> tuple[bool, bool]:
        async with (
            await connection(own_region.database, "aeo_reader") as views,
            await connection(own_region.database, "aeo_auditor") as ledger,
        ):
            tail = FeedTail()
            await tail.start(views, datetime(2026, 1, 1, tzinfo=UTC))
            with psycopg.connect(own_region.database) as owner:
                owner.execute(
                    "update views.consent set valid_from = '2026-03-01' where tin = %s", [OPEN]
                )
            await tail.refresh(views, datetime(2026, 1, 1, tzinfo=UTC))
            due = tail.due(datetime(2026, 4, 1, tzinfo=UTC))
            await asyncio.to_thread(record, own_region.database, *ROUNDS[0])
            step = await tail.step(views, ledger)
            assert step is not None
            return due, step.settled

    assert asyncio.run(run()) == (True, False)
