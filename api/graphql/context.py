"""What a resolver can reach: who asks, when, the views to read, the register to change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import compress
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from strawberry import Info as StrawberryInfo

from api.access.policy import Action, Resource, Subject, SubjectRole, decide
from api.access.read_log import LoggedQuestion, ReadLog, ReadLogEntry, array_text
from api.graphql.as_of import AsOfInput, clocks
from api.graphql.errors import forbidden
from api.graphql.positions import ConnectionPool, MinPosition
from api.log.head import CurrentCheckpoint
from projections.persons import Persons
from projections.reads.bitemporal_sql import AsOf
from registry.application.registry import Registry

if TYPE_CHECKING:
    from api.http.exchanges import Exchange

T = TypeVar("T")
Connection = AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]


async def _at_once(position: int, seconds: float) -> bool:
    return True


@dataclass(slots=True)
class Context:
    """One request. `now` (UTC) is read once, so that every part of an answer is of one instant.

    `views` reads the read models and can do nothing else; `ledger` reads the events; `writers`
    are the threads in which the register, which waits for its disk, is changed.
    """

    asker: Subject
    now: datetime
    views: ConnectionPool
    ledger: ConnectionPool
    registry: Registry
    writers: Executor
    readlog: ReadLog
    heads: CurrentCheckpoint
    persons: Persons
    purpose: str | None = None
    #: When the request came, the read models showed everything up to here; 0: it is not known.
    position: int = 0
    #: The request over HTTP; None: it is a question of the service's own, or of a page.
    exchange: Exchange | None = None
    #: The ledger's epoch, as this process knows it.
    epoch: str = ""
    #: What the answer must not be older than. `views` and `ledger` look at it by themselves.
    least: MinPosition | None = None
    #: Where the request's own line in the log is: what is answered is said there. None: in a line
    #: of its own.
    answered: dict[str, Any] | None = None
    #: Waits, for so many seconds at most, until the read models show a position, if that is known.
    reached: Callable[[int, float], Awaitable[bool]] = _at_once
    _once: dict[str, Any] = field(default_factory=dict)
    _request: UUID | None = None

    @property
    def request(self) -> UUID:
        """The number of the request. Most answers need none, so it is made at the first need."""
        if self._request is None:
            self._request = self.exchange.number if self.exchange else uuid4()
        return self._request

    def clocks(self, as_of: AsOfInput | None) -> AsOf:
        """Raises Unanswered for an instant that nobody can answer for."""
        return clocks(as_of, self.now)

    def afresh(self) -> Context:
        """The same request asked anew: nothing is kept of what was read so far."""
        return replace(self, _once={})

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

    def foreign(self, tins: Sequence[str]) -> list[bool]:
        """Of each: is a look at it kept: is the asker a customs, and the operator not its own?"""
        if self.asker.role is SubjectRole.PARTNER:
            return [True] * len(tins)
        if self.asker.role is not SubjectRole.OFFICER:
            return [False] * len(tins)
        home = self.asker.home
        return [("GB" if tin[:2] == "XI" else tin[:2]) not in home for tin in tins]

    def looked(
        self,
        operation: str,
        tins: list[str],
        asked: LoggedQuestion | None = None,
        outcomes: Sequence[str | None] | None = None,
    ) -> None:
        """Who, what, when, what for: kept of every read of operators by another customs.

        `tins`: what was asked for, whether or not it was shown. An officer's look at operators
        of its own administration is its daily work and is not kept, but for persons' particulars.
        `asked`, `outcomes`: of recognition, the question, and what each of them was answered.
        """
        foreign = self.foreign(tins)
        if not all(foreign):
            tins = list(compress(tins, foreign))
            outcomes = list(compress(outcomes, foreign)) if outcomes else None
            if asked and asked.each is not None:
                asked = asked._replace(each=list(compress(asked.each, foreign)))
        if tins:
            self._keep(operation, tins, asked, outcomes)

    def looked_at_persons(self, tin: str) -> None:
        """The same of everybody who was shown who an operator's persons are, at home too: whoever
        is named may ask who read it (GDPR Art. 15)."""
        self._keep("contacts", [tin])

    def _keep(
        self,
        operation: str,
        tins: list[str],
        asked: LoggedQuestion | None = None,
        outcomes: Sequence[str | None] | None = None,
    ) -> None:
        asker = self.asker
        code = asker.administration.text if asker.administration else None
        look = ReadLogEntry(
            self.now,
            asker.subject,
            asker.role.value,
            code,
            self.purpose,
            operation,
            tins,
            self.request,
        )
        if asked:
            look = look._replace(
                territory=asked.territory,
                law_at=asked.law_at,
                known_at=asked.known_at,
                consignment=asked.consignment,
                outcomes=list(outcomes) if outcomes else None,
                position=self.position or None,
            )
            if asked.each is not None:
                look = look._replace(
                    law_ats=array_text([at for at, _ in asked.each]),
                    consignments=array_text([said for _, said in asked.each]),
                )
        self.readlog.keep(look)


Info = StrawberryInfo[Context, None]
