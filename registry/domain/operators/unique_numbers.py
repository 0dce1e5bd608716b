"""Whose a number is: a certificate number is one operator's within its issuing administration, and
an identifier of a scheme that is unique by its own rules is one operator's at a time.

What one operator holds is worked out here from its events. The ledger keeps it beside the events
and compares it under the lock under which it appends, so that of two commands at one instant only
one takes a number. A second holder is recorded where the command says why in `shared`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from registry.domain import commands as c
from registry.domain.decisions import day_of
from registry.domain.errors import HeldByAnother
from registry.domain.identifiers import normal, schemes
from registry.domain.operators.events import Operator, corrected_events
from registry.domain.operators.timeline import identifiers

#: In the place of a scheme: the number of a certificate.
CERTIFICATE = "CERTIFICATE"
#: The events after which an operator may hold other numbers.
KINDS: tuple[type[Operator.Event], ...] = (
    Operator.Granted,
    Operator.Listed,
    Operator.IdentifierAdded,
    Operator.IdentifierEnded,
    Operator.Corrected,
)


class Number(msgspec.Struct, frozen=True):
    """A number in its normal form, held from a civil day of the home administration until another;
    None is without beginning or end. `issuer`: within which administration it is one operator's;
    empty: within its scheme. `shared`: why another operator may hold it, too, was said."""

    scheme: str
    issuer: str
    value: str
    from_day: date | None
    to_day: date | None
    shared: bool

    def covers(self, other: Number) -> bool:
        """The same number, held on every day on which the other is."""
        begun = (self.from_day or date.min) <= (other.from_day or date.min)
        return (
            self.key == other.key
            and begun
            and ((self.to_day or date.max) >= (other.to_day or date.max))
        )

    def meets(self, other: Number) -> bool:
        """The same number, on a day on which the other is held."""
        first = max(self.from_day or date.min, other.from_day or date.min)
        last = min(self.to_day or date.max, other.to_day or date.max)
        return self.key == other.key and first < last

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.scheme, self.issuer, self.value)


class HeldNumbers(msgspec.Struct, frozen=True):
    """All that one operator holds."""

    holder: str  # TIN
    home: str
    numbers: tuple[Number, ...]

    def written(self) -> str:
        return msgspec.json.encode(self.numbers).decode()


def can_change_numbers(events: Iterable[Any]) -> bool:
    """True where one of these events can change which certificate numbers and identifiers the
    operator holds."""
    return any(isinstance(event, KINDS) for event in events)


def numbers_held(operator: Operator) -> HeldNumbers:
    """What an operator holds by all its events, in one order."""
    home = operator.administration.text
    said = corrected_events(operator.past) if operator.corrected else operator.past
    certificates: dict[str, bool] = {}
    for event in said:
        if isinstance(event, (Operator.Granted, Operator.Listed)) and event.number:
            number = normal(event.number)
            certificates[number] = certificates.get(number, False) or bool(event.shared)
    found = {
        Number(CERTIFICATE, home, number, None, None, shared)
        for number, shared in certificates.items()
    }
    zone = operator.time_zone
    for identifier in identifiers(said, zone):
        if is_unique(identifier.scheme):
            end = None if identifier.valid_to is None else day_of(identifier.valid_to, zone)
            number = normal(identifier.value, identifier.scheme)
            begin = day_of(identifier.valid_from, zone)
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
    known = schemes().get(scheme)
    return known is not None and known.unique


def number_requested(command: c.Command, today: date) -> Number | None:
    """The number that a command would have an operator hold, if it is one operator's alone.

    `today`: from which day, where the command says none.
    """
    match command:
        case c.GrantAuthorisation(number=str(number)) | c.ListOperator(number=str(number)):
            shared = command.shared
            home = command.tin.country
            return Number(CERTIFICATE, home, normal(number), None, None, bool(shared))
        case c.AddIdentifier(scheme=scheme, value=value) if is_unique(scheme):
            return Number(
                scheme,
                "",
                normal(value, scheme),
                command.effective or today,
                command.valid_to,
                bool(command.shared),
            )
    return None


#: Who holds a number by the ledger: `LedgerRecorder.find_holders`.
Find = Callable[[str, str], list[tuple[Any, ...]]]


class NumberDraft:
    """Who holds which number, by the ledger and by what was decided and is not recorded yet."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._own: dict[str, HeldNumbers] = {}
        self._by_key: dict[tuple[str, str, str], set[str]] = {}

    def hold(self, held: HeldNumbers) -> None:
        self._own[held.holder] = held
        for number in held.numbers:
            self._by_key.setdefault(number.key, set()).add(held.holder)

    def check(self, command: c.Command) -> None:
        """Raises HeldByAnother, before anything is decided: a decision is not taken back."""
        day = (command.known_at or datetime.now(UTC)).date()
        number = number_requested(command, day)
        if number is None or number.shared:
            return
        assert isinstance(command, c.OperatorCommand)
        tin, home = command.tin.text, command.tin.country
        known = list(self._holders(number))
        if any(holder == tin and item.covers(number) for item, holder, _ in known):
            return
        for each_number, holder, its_home in known:
            if holder != tin and each_number.meets(number):
                whose = f"that of operator {holder}" if its_home == home else "another operator's"
                what = f"value: {number.scheme} {number.value}"
                if number.scheme == CERTIFICATE:
                    what = f"number: the certificate number {number.value} of {number.issuer}"
                raise HeldByAnother(
                    f"{what} is {whose}; if the authority gave it to both, say why in shared"
                )

    def _holders(self, number: Number) -> Iterator[tuple[Number, str, str]]:
        for issuer, holder, home, from_day, to_day, shared in self._find(
            number.scheme, number.value
        ):
            if holder not in self._own:
                new_number = Number(number.scheme, issuer, number.value, from_day, to_day, shared)
                yield new_number, holder, home
        for holder in sorted(self._by_key.get(number.key, ())):
            held = self._own[holder]
            yield from (
                (each_number, holder, held.home)
                for each_number in held.numbers
                if each_number.key == number.key
            )
