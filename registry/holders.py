"""Whose a number is: a certificate number is one operator's within its issuing administration, and
an identifier of a scheme that is unique by its own rules is one operator's at a time.

What one operator holds is worked out here from its events. The ledger keeps it beside the events
and compares it under the lock under which it appends, so that of two commands at one instant only
one takes a number. A second holder is recorded where the command says why in `shared`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec

from registry import commands as c
from registry.decisions import day_of
from registry.identifiers import normal, schemes
from registry.operators import Operator, amended
from registry.standing import identifiers

#: In the place of a scheme: the number of a certificate.
CERTIFICATE = "CERTIFICATE"
#: The events after which an operator may hold other numbers.
KINDS: tuple[type[Operator.Event], ...] = (
    Operator.Granted,
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

    def meets(self, other: Number) -> bool:
        """The same number, on a day on which the other is held."""
        mine, its = (self.scheme, self.issuer, self.value), (other.scheme, other.issuer, other.value)
        first = max(self.from_day or date.min, other.from_day or date.min)
        return mine == its and first < min(self.to_day or date.max, other.to_day or date.max)


class Held(msgspec.Struct, frozen=True):
    """All that one operator holds."""

    holder: str  # TIN
    home: str
    numbers: tuple[Number, ...]

    def written(self) -> str:
        return msgspec.json.encode(self.numbers).decode()


def changed(events: Iterable[Any]) -> bool:
    """May the operator hold other numbers after these events?"""
    return any(isinstance(event, KINDS) for event in events)


def held(operator: Operator) -> Held:
    """What an operator holds by all its events, in one order."""
    home = operator.administration.text
    said = amended(operator.past) if operator.corrected else operator.past
    certificates: dict[str, bool] = {}
    for event in said:
        if isinstance(event, Operator.Granted):
            number = normal(event.number)
            certificates[number] = certificates.get(number, False) or bool(event.shared)
    found = {
        Number(CERTIFICATE, home, number, None, None, shared)
        for number, shared in certificates.items()
    }
    zone = operator.time_zone
    for it in identifiers(said, zone):
        if is_unique(it.scheme):
            end = None if it.valid_to is None else day_of(it.valid_to, zone)
            number = normal(it.value, it.scheme)
            begin = day_of(it.valid_from, zone)
            found.add(Number(it.scheme, "", number, begin, end, it.shared))
    return Held(operator.tin.text, home, tuple(sorted(found, key=_in_order)))


def _in_order(it: Number) -> tuple[Any, ...]:
    return (it.scheme, it.value, it.from_day or date.min, it.to_day or date.max, it.shared)


def is_unique(scheme: str) -> bool:
    known = schemes().get(scheme)
    return known is not None and known.unique


def wanted(command: c.Command) -> Number | None:
    """The number that a command would have an operator hold, if it is one operator's alone."""
    match command:
        case c.GrantAuthorisation(number=number, shared=shared):
            home = command.tin.country
            return Number(CERTIFICATE, home, normal(number), None, None, bool(shared))
        case c.AddIdentifier(scheme=scheme, value=value) if is_unique(scheme):
            return Number(
                scheme, "", normal(value, scheme), command.effective, command.valid_to,
                bool(command.shared),
            )  # fmt: skip
    return None


def another_holds(number: Number, tin: str | None) -> str:
    """The sentence of a refusal. `tin`: of the other operator, where the asker may know it."""
    what = f"value: {number.scheme} {number.value}"
    if number.scheme == CERTIFICATE:
        what = f"number: the certificate number {number.value} of {number.issuer}"
    whose = f"that of operator {tin}" if tin else "another operator's"
    return f"{what} is {whose}; if the authority gave it to both, say why in shared"
