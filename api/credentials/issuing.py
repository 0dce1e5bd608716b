"""Issues a credential of an authorisation: what it states is read from the register at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from api.credentials.claims import TYPE, VALIDITY, CredentialContent, written
from api.credentials.keys import sign
from api.credentials.store import CredentialStore, same_request
from api.graphql.receipt_issuer import issuer
from projections.reads import credentials as reads
from projections.reads.credentials import AuthorisationState, CredentialRow
from projections.reads.log import Inclusion, NotInTheLog, inclusion

#: Statuses that a credential can state.
STATED = ("VALID", "LISTED")


class WhyNotIssued(Enum):
    """Why no credential is issued."""

    NOT_VALID = "not valid"
    NOT_IN_LOG = "not in the log yet"


class NotIssued(Exception):
    """No credential is issued."""

    def __init__(self, why: WhyNotIssued) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True)
class CredentialRequest:
    """A request for a credential. `id`: its idempotency key; `operator`: the operator as the
    register shows it to its reader, with its authorisations; `subject`: who asks."""

    id: UUID
    tin: str
    authorisation: str
    operator: dict[str, Any]
    subject: str
    now: datetime


@dataclass(frozen=True)
class CredentialIssuer:
    """What issuing needs of the register. `whole`: a connection that sees every operator."""

    whole: AsyncConnection[Any]
    store: CredentialStore
    home: Path
    address: str
    epoch: str

    async def issue(self, request: CredentialRequest) -> CredentialRow:
        """Issues and stores a credential; a second time with the same id returns the same one.
        Raises NotIssued, OtherCommand and psycopg.Error."""
        if earlier := await reads.by_id(self.whole, request.id):
            return same_request(earlier, request.tin, request.authorisation)
        state = await self.state(request.tin, request.authorisation, request.now)
        try:
            evidence = await inclusion(self.whole, state.event)
        except NotInTheLog:
            raise NotIssued(WhyNotIssued.NOT_IN_LOG) from None
        position = await reads.position(self.whole)
        now = request.now.replace(microsecond=0)
        expires = min(now + VALIDITY, state.valid_to or now + VALIDITY).replace(microsecond=0)

        def made(code: str, place: tuple[int, int]) -> dict[str, Any]:
            content = self._content(request, state, evidence, code, place, (now, expires), position)
            return {
                "id": request.id,
                "code": code,
                "tin": request.tin,
                "authorisation": state.authorisation,
                "issued_at": now,
                "valid_until": expires,
                "subject": request.subject,
                "status_list": place[0],
                "place": place[1],
                "position": position,
                "jwt": sign(self.home, self.address, TYPE, written(content)),
            }

        return await self.store.issue(request.id, request.tin, request.authorisation, made)

    async def state(self, tin: str, authorisation: str, now: datetime) -> AuthorisationState:
        """The state of an authorisation of which a credential can be issued. Raises NotIssued."""
        for state in await reads.states(self.whole, tin, now, now):
            if state.authorisation == authorisation and is_stated(state):
                return state
        raise NotIssued(WhyNotIssued.NOT_VALID)

    def _content(
        self,
        request: CredentialRequest,
        state: AuthorisationState,
        evidence: Inclusion,
        code: str,
        place: tuple[int, int],
        interval: tuple[datetime, datetime],
        position: int,
    ) -> CredentialContent:
        shown = next(
            (a for a in request.operator["authorisations"] if a["number"] == state.number), None
        )
        return CredentialContent(
            id=request.id,
            code=code,
            operator=request.operator,
            state=state,
            programme=shown["programme"]["name"] if shown else state.programme,
            effective_from=shown["effectiveFrom"] if shown else None,
            valid_until=shown["validUntil"] if shown else None,
            address=self.address,
            register=issuer(self.home),
            issued_at=interval[0],
            expires_at=interval[1],
            place=place,
            epoch=self.epoch,
            position=position,
            evidence=evidence,
        )


def is_stated(state: AuthorisationState) -> bool:
    """Whether a credential can state this: it is valid, and counts abroad."""
    return state.status in STATED and state.abroad in STATED
