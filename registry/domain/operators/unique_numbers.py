"""Numbers that only one operator can hold at a time.

A certificate number is unique within its issuing administration. An identifier of some schemes is
unique by the rules of the scheme. This module derives the numbers of an operator from its events.
The ledger stores them and compares them under its append lock, so that of two concurrent commands
only one obtains a number. A second holder is possible if the command gives a reason in `shared`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from registry.domain import commands as c
from registry.domain.decisions import civil_day_of
from registry.domain.errors import HeldByAnother
from registry.domain.identifiers import normal_form, schemes
from registry.domain.operators.events import Operator, corrected_events
from registry.domain.operators.timeline import identifiers
from registry.domain.sentences import Sentence

#: The scheme name that stands for certificate numbers.
CERTIFICATE = "CERTIFICATE"
#: The events that can change the numbers of an operator.
KINDS: tuple[type[Operator.Event], ...] = (
    Operator.Granted,
    Operator.Listed,
    Operator.IdentifierAdded,
    Operator.IdentifierEnded,
    Operator.Corrected,
)


class Number(msgspec.Struct, frozen=True):
    """A number in its normal form, held over an interval of civil days in the home time zone.

    None means without beginning or end; `to_day` is exclusive. `issuer`: the administration within
    which it is unique; empty if it is unique within its scheme. `shared`: a reason was given why
    another operator may hold it too.
    """

    scheme: str
    issuer: str
    value: str
    from_day: date | None
    to_day: date | None
    shared: bool

    def covers(self, other: Number) -> bool:
        """Whether it is the same number, held on every day on which the other is held."""
        begins_before = (self.from_day or date.min) <= (other.from_day or date.min)
        return (
            self.key == other.key
            and begins_before
            and ((self.to_day or date.max) >= (other.to_day or date.max))
        )

    def meets(self, other: Number) -> bool:
        """Whether it is the same number, held on a day on which the other is held."""
        first = max(self.from_day or date.min, other.from_day or date.min)
        last = min(self.to_day or date.max, other.to_day or date.max)
        return self.key == other.key and first < last

    @property
    def key(self) -> tuple[str, str, str]:
        """Scheme, issuer and value: equal for equal numbers."""
        return (self.scheme, self.issuer, self.value)


class HeldNumbers(msgspec.Struct, frozen=True):
    """All numbers that one operator holds. `holder` is its TIN."""

    holder: str  # TIN
    home: str
    numbers: tuple[Number, ...]

    def written(self) -> str:
        """The numbers as JSON, as the ledger stores them."""
        return msgspec.json.encode(self.numbers).decode()


def can_change_numbers(events: Iterable[Any]) -> bool:
    """Whether one of these events can change the numbers that the operator holds."""
    return any(isinstance(event, KINDS) for event in events)


def numbers_held(operator: Operator) -> HeldNumbers:
    """The numbers that the operator holds according to all its events, sorted."""
    home = operator.administration.text
    events = corrected_events(operator.history) if operator.corrected else operator.history
    certificates: dict[str, bool] = {}
    for event in events:
        if isinstance(event, (Operator.Granted, Operator.Listed)) and event.number:
            number = normal_form(event.number)
            certificates[number] = certificates.get(number, False) or bool(event.shared)
    found = {
        Number(CERTIFICATE, home, number, None, None, shared)
        for number, shared in certificates.items()
    }
    zone = operator.time_zone
    for identifier in identifiers(events, zone):
        if is_unique(identifier.scheme):
            end = None if identifier.valid_to is None else civil_day_of(identifier.valid_to, zone)
            number = normal_form(identifier.value, identifier.scheme)
            begin = civil_day_of(identifier.valid_from, zone)
            found.add(Number(identifier.scheme, "", number, begin, end, identifier.shared))
    return HeldNumbers(operator.tin.text, home, tuple(sorted(found, key=_in_order)))


def _in_order(number: Number) -> tuple[Any, ...]:
    return (
        number.scheme,
        number.value,
        number.from_day or date.min,
        number.to_day or date.max,
        number.shared,
    )


def is_unique(scheme: str) -> bool:
    """Whether a number of this scheme belongs to one operator at a time."""
    known = schemes().get(scheme)
    return known is not None and known.unique


def number_requested(command: c.Command, today: date) -> Number | None:
    """The unique number that a command would give to an operator, or None.

    `today`: the first day if the command states none.
    """
    match command:
        case c.GrantAuthorisation(number=str(number)) | c.ListOperator(number=str(number)):
            shared = command.shared
            home = command.tin.country
            return Number(CERTIFICATE, home, normal_form(number), None, None, bool(shared))
        case c.AddIdentifier(scheme=scheme, value=value) if is_unique(scheme):
            return Number(
                scheme,
                "",
                normal_form(value, scheme),
                command.effective or today,
                command.valid_to,
                bool(command.shared),
            )
    return None


#: Looks up the holders of a number in the ledger: `LedgerRecorder.find_holders`.
Find = Callable[[str, str], list[tuple[Any, ...]]]


class NumberDraft:
    """The holders of numbers, by the ledger and by decisions that are not recorded yet."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._own: dict[str, HeldNumbers] = {}
        self._by_key: dict[tuple[str, str, str], set[str]] = {}

    def hold(self, held: HeldNumbers) -> None:
        """Sets the numbers of an operator after a decision."""
        self._own[held.holder] = held
        for number in held.numbers:
            self._by_key.setdefault(number.key, set()).add(held.holder)

    def check(self, command: c.Command) -> None:
        """Raises HeldByAnother if the command needs a number of another operator.

        It runs before the decision, because a decision cannot be undone.
        """
        day = (command.known_at or datetime.now(UTC)).date()
        number = number_requested(command, day)
        if number is None or number.shared:
            return
        assert isinstance(command, c.OperatorCommand)
        tin, home = command.tin.text, command.tin.country
        known = list(self._holders(number))
        if any(holder == tin and own.covers(number) for own, holder, _ in known):
            return
        for held, holder, holder_home in known:
            # A refusal because of another administration's operator would say that there is one
            # (decision 0242).
            if holder != tin and holder_home == home and held.meets(number):
                what = Sentence(
                    "value: %(scheme)s %(number)s", scheme=number.scheme, number=number.value
                )
                if number.scheme == CERTIFICATE:
                    what = Sentence(
                        "number: the certificate number %(number)s of %(issuer)s",
                        number=number.value,
                        issuer=number.issuer,
                    )
                raise HeldByAnother(
                    "%(what)s is that of operator %(holder)s; if the authority gave it to "
                    "both, say why in shared",
                    what=what,
                    holder=holder,
                )

    def _holders(self, number: Number) -> Iterator[tuple[Number, str, str]]:
        """Every holder of the number, with the TIN and the home administration."""
        for issuer, holder, home, from_day, to_day, shared in self._find(
            number.scheme, number.value
        ):
            if holder not in self._own:
                held_number = Number(number.scheme, issuer, number.value, from_day, to_day, shared)
                yield held_number, holder, home
        for holder in sorted(self._by_key.get(number.key, ())):
            held = self._own[holder]
            yield from (
                (own_number, holder, held.home)
                for own_number in held.numbers
                if own_number.key == number.key
            )
