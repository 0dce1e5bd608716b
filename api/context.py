"""What a resolver can reach: who asks, when, the views to read, the register to change."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from strawberry import Info as StrawberryInfo

from api.access import Action, Asker, Resource, Role, decide
from api.asof import AsOfInput, clocks
from api.heads import Heads
from api.readlog import Look, ReadLog
from api.refusals import forbidden
from projections.persons import Persons
from projections.reads.clocks import AsOf
from registry.application import Registry

T = TypeVar("T")
Pool = AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]


@dataclass(slots=True)
class Context:
    """One request. `now` (UTC) is read once, so that every part of an answer is of one instant.

    `views` reads the read models and can do nothing else; `ledger` reads the events; `writers`
    are the threads in which the register, which waits for its disk, is changed.
    """

    asker: Asker
    now: datetime
    views: Pool
    ledger: Pool
    registry: Registry
    writers: Executor
    readlog: ReadLog
    heads: Heads
    persons: Persons
    purpose: str | None = None
    request: UUID = field(default_factory=uuid4)
    _once: dict[str, Any] = field(default_factory=dict)

    def clocks(self, as_of: AsOfInput | None) -> AsOf:
        """Raises Unanswered for an instant that nobody can answer for."""
        return clocks(as_of, self.now)

    def demand(self, action: Action, about: Resource = Resource()) -> None:  # noqa: B008
        """Raises Unanswered, FORBIDDEN, unless the asker may."""
        verdict = decide(self.asker, action, about)
        if not verdict.allowed:
            raise forbidden(verdict.reason)

    def may(self, action: Action, about: Resource) -> bool:
        return decide(self.asker, action, about).allowed

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Made at the first need of this request and kept for the others: a loader, a table."""
        if name not in self._once:
            self._once[name] = make()
        made: T = self._once[name]
        return made

    def looked(self, operation: str, tins: list[str]) -> None:
        """Who, what, when, what for: kept of every read of operators by another customs.

        `tins`: what was asked for, whether or not it was shown. An officer's look at operators
        of its own administration is its daily work and is not kept, but for persons' particulars.
        """
        asker = self.asker
        if asker.role is Role.OFFICER:
            own = {code.text for code in asker.own}
            tins = [tin for tin in tins if ("GB" if tin[:2] == "XI" else tin[:2]) not in own]
        if tins and asker.role in (Role.PARTNER, Role.OFFICER):
            self._keep(operation, tins)

    def looked_at_persons(self, tin: str) -> None:
        """The same of everybody who was shown who an operator's persons are, at home too: whoever
        is named may ask who read it (GDPR Art. 15)."""
        self._keep("contacts", [tin])

    def _keep(self, operation: str, tins: list[str]) -> None:
        asker = self.asker
        code = asker.administration.text if asker.administration else None
        self.readlog.keep(
            Look(
                self.now, asker.subject, asker.role.value, code,
                self.purpose, operation, tins, self.request,
            )
        )  # fmt: skip


Info = StrawberryInfo[Context, None]
