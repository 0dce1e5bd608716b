"""Bulk import of whole operator histories from an earlier register, one command for each operator.

An administration that has registered a signing key signs what it decides from then on. A history is
therefore accepted unsigned only if everything that its home administration decided in it was known
before the administration's first key. Later decisions are sent command by command, each with its
signature. The events of a history are marked as an unsigned import for ever.

Four eyes: each decision of a history is held against the rules of the civil day on which it was
known, of its programme, of its home, and of the administration of that programme (decision 0337).
Where a rule names its command, the confirmation of another person than the proposer stands directly
before it in the history, as in a stream of this register; otherwise the history is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from registry.application.append_metadata import held_numbers_record, metadata
from registry.application.registry import Registry
from registry.domain.administrations import Administration
from registry.domain.decisions import Decision, civil_day_of
from registry.domain.errors import PersonNeeded, Refusal, SignatureMissing
from registry.domain.operator_second_person import NameableDecision, nameable, required
from registry.domain.operators.events import OWN_ACTS, Operator
from registry.domain.programmes import Programme
from registry.domain.sentences import CodedTerm
from registry.domain.values import AdministrationCode
from registry.ledger.append_encoding import EncodedRequest, encode_request
from registry.ledger.types import AppendRequest

#: How many seconds old the cached administration may be when its first key is looked up: half of
#: the time that the verifier allows.
GRACE = 30


@dataclass
class History:
    """The whole past of one operator, taken from an earlier register and recorded as one command.

    `known`: for each pending event of the operator, the transaction time in that earlier register
    (an instant with a time zone).
    """

    operator: Operator
    known: Sequence[datetime]
    command_id: UUID
    actor: str


@dataclass
class EncodedHistory:
    """A history encoded for the ledger. It can be pickled and sent to another process.

    `known`: the transaction time of the last decision of `home`, the home administration; None if
    the history holds no decision of it. `alone`: what no second person confirmed, of what a rule
    can name, each with its transaction time. `zone`: the home time zone.
    """

    encoded: EncodedRequest
    home: AdministrationCode
    known: datetime | None
    alone: tuple[tuple[NameableDecision, datetime], ...] = ()
    zone: str = "UTC"


def encode_history(registry: Registry, history: History) -> EncodedHistory:
    """Encodes a history for the ledger. It neither reads nor writes the database, so a closed
    registry is enough."""
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
    request.metadata, request.held_numbers = (), None  # both are in `encoded` already
    # Within a stream the known instants never decrease (the ledger refuses it), so the last
    # decision is the latest one.
    latest = list(zip(reversed(pending), reversed(history.known), strict=True))
    decided = next((known for event, known in latest if type(event) not in OWN_ACTS), None)
    operator = history.operator
    alone = tuple(_decided_alone(operator, pending, history.known))
    return EncodedHistory(encoded, operator.administration, decided, alone, operator.time_zone)


def _decided_alone(
    operator: Operator, pending: Sequence[Any], known: Sequence[datetime]
) -> Iterator[tuple[NameableDecision, datetime]]:
    """What a rule can name, without the confirmation by another person directly before it."""
    before: Any = None
    for event, instant in zip(pending, known, strict=True):
        is_of_two = (
            isinstance(before, Operator.ProposalConfirmed) and before.proposer != before.confirmer
        )
        before = event
        if not is_of_two and (decision := nameable(operator, event)):
            yield decision, instant


def record_encoded(registry: Registry, batch: Sequence[EncodedHistory]) -> list[int]:
    """Records all histories in one batch and returns the last position of each. Repeating the call
    is harmless (idempotent).

    Raises SignatureMissing, PersonNeeded, and then records nothing. Otherwise raises the first
    error of the ledger, after the other histories were recorded.
    """
    homes = {history.home for history in batch}
    keyed = {home: registry.administration(home, GRACE).keyed_since for home in homes}
    for history in batch:
        since = keyed[history.home]
        if since and history.known and history.known >= since:
            raise SignatureMissing(
                "signature: %(home)s has a key since %(since)s, and what it decided was "
                "known at %(known)s: it is recorded command by command, each signed with "
                "the key",
                home=history.home,
                since=since,
                known=history.known,
            )
    _refuse_without_second_person(registry, batch)
    for outcome in registry.ledger.append_encoded([history.encoded for history in batch]):
        if isinstance(outcome, Exception):
            raise outcome
    return [history.encoded.command.positions[-1] for history in batch]


def _refuse_without_second_person(registry: Registry, batch: Sequence[EncodedHistory]) -> None:
    """Refuses a batch of imported histories with a decision of one person that a rule of its day
    wants two for: one officer who proposes and another who confirms. An import has no second one.

    The day is that on which the decision was known, in the time zone of the operator's home. Raises
    PersonNeeded before anything is recorded."""
    rules = _Rules(registry)
    for history in batch:
        for decision, known in history.alone:
            if not rules.any_for(history.home, decision.programmes):
                continue
            day = civil_day_of(known, history.zone)
            by = Decision(
                day, programme=rules.programme, administration=rules.administration, moment=known
            )
            if wanted := required(history.home, decision, by):
                raise PersonNeeded(
                    "%(field)s: %(whose)s wants a second person since %(since)s, and what was "
                    "decided for %(home)s was known on %(day)s: it is proposed by one officer and "
                    "confirmed by another",
                    field=CodedTerm(min(decision.commands)),
                    whose=wanted.whose,
                    since=wanted.since,
                    home=history.home,
                    day=day,
                )


class _Rules:
    """A cache of the programmes and administrations that one batch of an import names: each is read
    from the ledger once."""

    def __init__(self, registry: Registry) -> None:
        self.programme: Callable[[str], Programme] = cache(registry.programme)
        self.administration: Callable[[AdministrationCode], Administration] = cache(
            registry.administration
        )
        self.any_for = cache(self._any_for)

    def _any_for(self, home: AdministrationCode, programmes: frozenset[str]) -> bool:
        """Whether there is any rule about a second person for an operator of these, on any day."""
        administrations = {home}
        for code in programmes:
            try:
                programme = self.programme(code)
            except Refusal:
                continue  # an unregistered programme has no rules
            administrations.add(programme.administration)
            if any(rule.rule == "second_person" for rule in programme.rules):
                return True
        return any(self.administration(code).second_person for code in administrations)


def record_histories(registry: Registry, histories: Iterable[History]) -> list[int]:
    """Encodes and records histories in one batch; see `record_encoded`."""
    return record_encoded(registry, [encode_history(registry, history) for history in histories])
