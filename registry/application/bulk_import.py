"""Whole lives from an earlier register, one command each, taken in by the rule of imports.

An administration that has a key vouches for what it decides since. So a life is taken in only
where all that its home administration decided in it was known before the first key; every event of
it is shown as an unsigned import for ever. What was known later comes command by command, signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from registry.application.registry import Registry, held_numbers_record, metadata
from registry.domain.errors import SignatureMissing
from registry.domain.operators.events import Operator
from registry.domain.values import AdministrationCode
from registry.ledger.append_encoding import EncodedRequest, encode_request
from registry.ledger.types import AppendRequest

#: Seconds for which whoever records need not have heard of a key: half of what the verifier allows.
GRACE = 30
#: What an operator does for itself: the events of `signatures.OF_OPERATORS`.
OWN_ACTS = (
    Operator.ConsentGiven,
    Operator.ConsentWithdrawn,
    Operator.Lodged,
    Operator.Withdrawn,
    Operator.Surrendered,
    Operator.ContactNamed,
    Operator.ContactEnded,
    Operator.PersonErased,
)


@dataclass
class History:
    """The whole past of one operator, from a register that kept it before: one command.

    `known`: for each pending event of the operator, the instant at which that register knew it.
    """

    operator: Operator
    known: Sequence[datetime]
    command_id: UUID
    actor: str


@dataclass
class EncodedHistory:
    """A history as the ledger takes it: it can be sent from one process to another.

    `known`: when the last of what its `home` decided was known; None where that decided nothing.
    """

    encoded: EncodedRequest
    home: AdministrationCode
    known: datetime | None


def encode_history(registry: Registry, history: History) -> EncodedHistory:
    """Reads and records nothing, so that a closed register will do."""
    numbers = held_numbers_record(history.operator)
    pending = history.operator.collect_events()
    request = AppendRequest(
        history.command_id, sha256(history.command_id.bytes).digest(), history.actor
    )
    request.held_numbers = numbers
    request.metadata = [
        metadata(event, known) for event, known in zip(pending, history.known, strict=True)
    ]
    encoded = encode_request(request, [registry.mapper.to_stored_event(event) for event in pending])
    request.metadata, request.held_numbers = (), None  # they are in the ticket
    # What is known never goes back in a stream, or the ledger refuses it: the last one is enough.
    latest = zip(reversed(pending), reversed(history.known), strict=True)
    decided = next((known for event, known in latest if type(event) not in OWN_ACTS), None)
    return EncodedHistory(encoded, history.operator.administration, decided)


def record_encoded(registry: Registry, batch: Sequence[EncodedHistory]) -> list[int]:
    """All of them in one commit. Repeating it is harmless. Answers each history's last position.

    Raises SignatureMissing, and then nothing was recorded; else the first error of the ledger,
    after the others were recorded.
    """
    homes = {history.home for history in batch}
    keyed = {home: registry.administration(home, GRACE).keyed_since for home in homes}
    for history in batch:
        since = keyed[history.home]
        if since and history.known and history.known >= since:
            raise SignatureMissing(
                f"signature: {history.home} has a key since {since}, and what it decided was known"
                f" at {history.known}: it is recorded command by command, each signed with the key"
            )
    for outcome in registry.ledger.append_encoded([each_history.encoded for each_history in batch]):
        if isinstance(outcome, Exception):
            raise outcome
    return [each_history.encoded.command.positions[-1] for each_history in batch]


def record_histories(registry: Registry, histories: Iterable[History]) -> list[int]:
    return record_encoded(registry, [encode_history(registry, history) for history in histories])
