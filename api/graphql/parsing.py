"""New documents are read in a thread of their own, in slices: an event loop answers meanwhile.

Reading one takes milliseconds of Python, in which nothing else would be answered. The thread works
for `SLICE` seconds at most before it lets others at the interpreter, and rests for longer than it
worked while questions are being answered, so that new documents have a bounded share of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep
from typing import Any

from graphql import ASTValidationRule, GraphQLSchema, ValidationContext, specified_rules

from api.graphql.limits import CheckedDocument, Documents, read

SLICE = 0.001  # seconds of work at a stretch
REST = 0.003  # seconds between two of them while others are answered: a quarter of the time
YIELD = 0.000_05  # and while nobody is: only so long that whoever waits gets its turn


class Parser:
    """One a process. `busy`: has anything been answered since it was last asked?"""

    def __init__(
        self, schema: GraphQLSchema, documents: Documents, busy: Callable[[], bool]
    ) -> None:
        self._schema, self._documents, self._busy = schema, documents, busy
        self._thread = ThreadPoolExecutor(1, "parser")
        self._reading: dict[str, asyncio.Future[CheckedDocument]] = {}
        self._rules = (*specified_rules, _paced(busy))

    async def read(self, text: str) -> CheckedDocument:
        """Of many who bring the same text, one has it read and the others wait for it."""
        reading = self._reading.get(text)
        if reading is None:
            reading = self._reading[text] = asyncio.ensure_future(self._read(text))
            reading.add_done_callback(lambda _: self._reading.pop(text, None))
        return await asyncio.shield(reading)

    async def _read(self, text: str) -> CheckedDocument:
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._thread, read, self._schema, text, self._rules)
        self._documents.keep(text, made)
        return made

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)


def _paced(busy: Callable[[], bool]) -> type[ASTValidationRule]:
    """A rule that finds nothing wrong: it is asked at every node, and rests between slices."""

    class Paced(ASTValidationRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self._until = perf_counter() + SLICE

        def enter(self, *_: Any) -> None:
            if perf_counter() >= self._until:
                sleep(REST if busy() else YIELD)
                self._until = perf_counter() + SLICE

    return Paced
