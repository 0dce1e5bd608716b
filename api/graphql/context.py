"""The context of a request, as resolvers use it: subject, instant, read models, register."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
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
from api.graphql.positions import ConnectionPool, MinPosition, SubjectPool, whole
from api.graphql.receipt_issuer import ReceiptIssuer
from api.log.head import CurrentCheckpoint
from projections.persons import Persons
from projections.reads.bitemporal_sql import AsOf
from registry.application.registry import Registry

if TYPE_CHECKING:
    from api.access.webhooks import WebhookStore
    from api.graphql.change_stream import ChangeStream
    from api.http.exchanges import Exchange

T = TypeVar("T")
Connection = AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]


async def _already_reached(position: int, seconds: float) -> bool:
    return True


@dataclass(slots=True)
class Context:
    """One request. `now` (UTC) is read once, so that all parts of an answer refer to one instant.

    `read_models` reads the read models and nothing else, and of operators none unless a subject is
    stated: `views` and `whole` state one. `ledger` reads the events; `writers` are the threads in
    which commands run, since the register waits for the disk.
    """

    subject: Subject
    now: datetime
    read_models: ConnectionPool
    ledger: ConnectionPool
    registry: Registry
    writers: Executor
    read_log: ReadLog
    current_checkpoint: CurrentCheckpoint
    receipts: ReceiptIssuer
    persons: Persons
    purpose: str | None = None
    #: The position of the read models when the request arrived; 0 where it is not known.
    position: int = 0
    #: The HTTP request; None for a query of the service itself, or of a page.
    exchange: Exchange | None = None
    #: The epoch of the ledger, as this process knows it.
    epoch: str = ""
    #: The minimum position of the answer. The connections of both pools check it.
    least: MinPosition | None = None
    #: Fields for the request's own log line; None: the answer is logged in a line of its own.
    answered: dict[str, Any] | None = None
    #: The change feed as a stream; None where nothing can be subscribed to.
    stream: ChangeStream | None = None
    #: The webhooks of this database.
    webhooks: WebhookStore | None = None
    #: Where a subscription goes on that was interrupted: the header Last-Event-ID.
    resumed: MinPosition | None = None
    #: Waits until the read models reach a position, for so many seconds at most.
    reached: Callable[[int, float], Awaitable[bool]] = _already_reached
    #: The id of the first receipt that a query issues, where its sender may send it again: its
    #: receipts are then issued once. None: new ones.
    receipt_id: UUID | None = None
    #: The id of the request in its receipts, where the receipts of several queries belong together.
    #: None: that of the request.
    receipt_request: UUID | None = None
    _once: dict[str, Any] = field(default_factory=dict)
    _request: UUID | None = None

    @property
    def views(self) -> SubjectPool:
        """Connections to the read models that see the operators of the subject."""
        return SubjectPool(self.read_models, self.subject.visibility, self.now)

    @property
    def whole(self) -> SubjectPool:
        """Connections to the read models that see every operator, for what the places listed at
        `projections.reads.row_security.SERVICE` decide or count themselves."""
        return whole(self.read_models)

    @property
    def request(self) -> UUID:
        """The id of the request; created when first needed, because most answers need none."""
        if self._request is None:
            self._request = self.exchange.number if self.exchange else uuid4()
        return self._request

    def clocks(self, as_of: AsOfInput | None) -> AsOf:
        """The as-of instants. Raises Unanswered for an instant outside the limits."""
        return clocks(as_of, self.now)

    def afresh(self) -> Context:
        """The same request without any cached data, for a retry."""
        return replace(self, _once={})

    def at_this_instant(self) -> Context:
        """The same request at the present instant, for an answer of a subscription. Its expensive
        parts are not shared with earlier answers."""
        return replace(self, now=datetime.now(UTC), _once={}, _request=None)

    def demand(self, action: Action, about: Resource = Resource()) -> None:  # noqa: B008
        """Raises Unanswered (FORBIDDEN) unless the subject may do it."""
        verdict = decide(self.subject, action, about)
        if not verdict.allowed:
            raise forbidden(verdict.reason)

    def may(self, action: Action, about: Resource) -> bool:
        """Whether the access policy allows the subject to do this."""
        return decide(self.subject, action, about).allowed

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Creates something on first use in this request and caches it, such as a data loader."""
        if name not in self._once:
            self._once[name] = make()
        made: T = self._once[name]
        return made

    def foreign(self, tins: Sequence[str]) -> list[bool]:
        """For each TIN: a look-up is logged, because the subject is an administration and the
        operator is not its own."""
        if self.subject.role is SubjectRole.PARTNER:
            return [True] * len(tins)
        if self.subject.role is not SubjectRole.OFFICER:
            return [False] * len(tins)
        home = self.subject.home
        return [("GB" if tin[:2] == "XI" else tin[:2]) not in home for tin in tins]

    def looked(
        self,
        operation: str,
        tins: list[str],
        asked: LoggedQuestion | None = None,
        outcomes: Sequence[str | None] | None = None,
    ) -> None:
        """Writes a read-log entry for every read of operators by another administration.

        `tins`: those asked for, whether or not they were shown. A look-up by an officer of the home
        administration is daily work and is not logged, except for particulars of persons. `asked`
        and `outcomes`: for recognition, the question and the outcome for each operator.
        """
        foreign = self.foreign(tins)
        if not all(foreign):
            tins = list(compress(tins, foreign))
            outcomes = list(compress(outcomes, foreign)) if outcomes else None
            if asked and asked.each is not None:
                asked = asked._replace(each=list(compress(asked.each, foreign)))
        if tins:
            self._keep(operation, tins, asked, outcomes)

    def repeat(self, look: ReadLogEntry) -> None:
        """Writes the read-log entry of an answer that was made for another subscriber with the same
        rights, as one of this subject."""
        self.read_log.keep(
            look._replace(
                at=self.now,
                subject=self.subject.id,
                agent=self.subject.agent or None,
                purpose=self.purpose,
                request=self.request,
            )
        )

    def looked_at_persons(self, tin: str) -> None:
        """Writes a read-log entry for everybody who was shown an operator's persons, also at home:
        the person may ask who read the data (GDPR Art. 15)."""
        self._keep("contacts", [tin])

    def _keep(
        self,
        operation: str,
        tins: list[str],
        asked: LoggedQuestion | None = None,
        outcomes: Sequence[str | None] | None = None,
    ) -> None:
        subject = self.subject
        code = subject.administration.text if subject.administration else None
        look = ReadLogEntry(
            self.now,
            subject.id,
            subject.role.value,
            code,
            self.purpose,
            operation,
            tins,
            self.request,
            agent=subject.agent or None,
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
                    consignments=array_text([consignment for _, consignment in asked.each]),
                )
        self.read_log.keep(look)


Info = StrawberryInfo[Context, None]
