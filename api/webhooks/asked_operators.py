"""Which operators anybody was ever asked about: one statement for all lanes that want to know it.

A change makes an answer different only where there was one. Each step of the feed concerns many
territories, and each would read that for itself; what is wanted while a statement runs is read by
the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from api.graphql.context import Pool
from projections.history.answered import ever_asked_about


class AskedOperators:
    """Reads the read log, for every lane of one process."""

    def __init__(self, ledger: Pool) -> None:
        self._ledger = ledger
        self._waiting: list[tuple[Collection[str], asyncio.Future[set[str]]]] = []
        self._task: asyncio.Task[None] | None = None

    async def among(self, tins: Collection[str]) -> set[str]:
        """Those of these TINs. Raises what the database raises."""
        found: asyncio.Future[set[str]] = asyncio.get_running_loop().create_future()
        self._waiting.append((tins, found))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read(), name="asked operators")
        return (await found) & set(tins)

    async def _read(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                async with self._ledger.connection() as ledger:
                    asked = await ever_asked_about(ledger, {t for tins, _ in waiting for t in tins})
            except BaseException as error:
                for _, found in waiting:
                    if not found.done():
                        found.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            else:
                for _, found in waiting:
                    if not found.done():
                        found.set_result(asked)
