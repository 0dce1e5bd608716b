"""Parses and validates new documents in a thread of its own, in slices, so that the event loop goes
on.

Reading a document takes milliseconds of Python, during which nothing else would be answered. The
thread works for WORK seconds at most, then releases the interpreter; while requests are being
answered it rests longer than it works, so that new documents get a bounded share of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep
from typing import Any

from graphql import ASTValidationRule, GraphQLSchema, ValidationContext, specified_rules

from api.graphql.limits import CheckedDocument, Documents, read

WORK = 0.001  # Seconds of work in one slice.
#: Seconds between two slices while requests are answered: documents get a quarter of the time.
REST = 0.003
SHORT_REST = 0.000_05  # Seconds between two slices otherwise, enough for another thread to run.


class Parser:
    """The parser of one process. `busy`: returns whether anything was answered since the last
    call."""

    def __init__(
        self, schema: GraphQLSchema, documents: Documents, busy: Callable[[], bool]
    ) -> None:
        self._schema, self._documents, self._busy = schema, documents, busy
        self._thread = ThreadPoolExecutor(1, "parser")
        self._reading: dict[str, asyncio.Future[CheckedDocument]] = {}
        self._rules = (*specified_rules, _pausing_rule(busy))

    async def read(self, text: str) -> CheckedDocument:
        """Reads a document. Concurrent requests with the same text wait for one parse."""
        reading = self._reading.get(text)
        if reading is None:
            reading = self._reading[text] = asyncio.ensure_future(self._read(text))
            reading.add_done_callback(lambda _: self._reading.pop(text, None))
        return await asyncio.shield(reading)

    async def _read(self, text: str) -> CheckedDocument:
        loop = asyncio.get_running_loop()
        checked = await loop.run_in_executor(self._thread, read, self._schema, text, self._rules)
        self._documents.keep(text, checked)
        return checked

    def close(self) -> None:
        """Ends the thread. Documents that still wait are not parsed."""
        self._thread.shutdown(cancel_futures=True)


def _pausing_rule(busy: Callable[[], bool]) -> type[ASTValidationRule]:
    """A validation rule that reports no error: it is called at every node and pauses between
    slices."""

    class PausingRule(ASTValidationRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self._until = perf_counter() + WORK

        def enter(self, *_: Any) -> None:
            if perf_counter() >= self._until:
                sleep(REST if busy() else SHORT_REST)
                self._until = perf_counter() + WORK

    return PausingRule
