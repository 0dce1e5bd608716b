"""Bulk import of whole operator histories from an earlier register, one command for each operator.

An administration that has registered a signing key signs what it decides from then on. A history is
therefore accepted unsigned only if everything that its home administration decided in it was known
before the administration's first key. Later decisions are sent command by command, each with its
signature. The events of a history are marked as an unsigned import for ever. In the same way, a
history is accepted without a second person only if everything in it was known before a rule of one
of its programmes, or of an administration that it is under, wanted one (four eyes). That two
persons decided it in the earlier register cannot be told here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID

from registry.application.append_metadata import held_numbers_record, metadata
from registry.application.registry import Registry
from registry.domain.decisions import civil_day_of
from registry.domain.errors import PersonNeeded, SignatureMissing, UnknownProgramme
from registry.domain.operators.events import OWN_ACTS, Operator
from registry.domain.operators.proposals import COMMAND_OF_EVENT
from registry.domain.programme_rules import SECOND_PERSON_COMMANDS
from registry.domain.values import AdministrationCode
from registry.ledger.append_encoding import EncodedRequest, encode_request
from registry.ledger.types import AppendRequest

#: How many seconds old the cached administration may be when its first key is looked up: half of
#: the time that the verifier allows.
GRACE = 30
#: Those that a rule can want two persons for: the operator's customs may record them, too.
OWN_ACTS_OF_TWO = tuple(kind for kind in OWN_ACTS if kind in COMMAND_OF_EVENT)


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
    the history holds no decision of it. `named`: the same, of the last decision, surrender or
    erasure, for which a rule may want a second person.
    """

    encoded: EncodedRequest
    home: AdministrationCode
    known: datetime | None
    named: datetime | None = None
    #: The codes of the programmes in it, and the home time zone, for the rule of the second person.
    programmes: tuple[str, ...] = ()
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
    alone = set(OWN_ACTS) - set(OWN_ACTS_OF_TWO)
    named = next((known for event, known in latest if type(event) not in alone), None)
    operator = history.operator
    programmes = tuple({each.programme for each in operator.authorisations.values()})
    return EncodedHistory(
        encoded, operator.administration, decided, named, programmes, operator.time_zone
    )


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
                f"signature: {history.home} has a key since {since}, and what it decided was known"
                f" at {history.known}: it is recorded command by command, each signed with the key"
            )
    _refuse_without_second_person(registry, batch)
    for outcome in registry.ledger.append_encoded([history.encoded for history in batch]):
        if isinstance(outcome, Exception):
            raise outcome
    return [history.encoded.command.positions[-1] for history in batch]


def _refuse_without_second_person(registry: Registry, batch: Sequence[EncodedHistory]) -> None:
    """Raises PersonNeeded for what was decided when a programme, or an administration, wanted a
    second person."""
    for history in batch:
        if history.named is None:
            continue
        day = civil_day_of(history.named, history.zone)
        administrations = {history.home}
        for code in history.programmes:
            try:
                programme = registry.programme(code)
            except UnknownProgramme:
                continue
            administrations.add(programme.administration)
            days = [r.effective for r in programme.rules if r.rule == "second_person" and r.value]
            _refuse_since(min(days, default=None), day, code, history)
        for home in sorted(administrations, key=str):
            administration = registry.administration(home)
            if not administration.second_person:
                continue
            day = civil_day_of(history.named, administration.time_zone)
            named = [
                r.effective
                for r in administration.second_person
                if r.commands & SECOND_PERSON_COMMANDS
            ]
            _refuse_since(min(named, default=None), day, home.text, history)


def _refuse_since(first: date | None, day: date, code: str, history: EncodedHistory) -> None:
    """Raises PersonNeeded for a history with a decision on a day since the first day of a rule."""
    if first and day >= first:
        raise PersonNeeded(
            f"{code} wants a second person since {first}, and what was decided for {history.home}"
            f" was known on {day}: it is proposed by one officer and confirmed by another"
        )


def record_histories(registry: Registry, histories: Iterable[History]) -> list[int]:
    """Encodes and records histories in one batch; see `record_encoded`."""
    return record_encoded(registry, [encode_history(registry, history) for history in histories])
