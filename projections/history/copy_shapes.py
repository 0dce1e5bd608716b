"""The lines of a golden copy, made once for each shape of what an operator holds.

What a record says depends on the order of an operator's instants among themselves and among those
of the law, and on which of its numbers and identifiers are the same: not on which they are. So the
record of the first operator of a shape is a template for all others, which put their own values in.
The slow twin is `record` in projections/history/golden_copy_reads.py, which makes the first record;
a test compares the two.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec

from projections.reads.recognition import edges
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.disclosure import disclosed_flags
from registry.domain.operators.particulars import NAMES
from registry.domain.recognition import RecognitionFacts

#: TIN, administration and source of an operator; its particulars, periods, identifiers and consents
#: as JSON; and until when it was recognised, where a consent that reached the partner ended.
Row = tuple[str, str, str | None, str, str, str, str, datetime | None]
#: A line with places for values, and which of the values go there. None: it is not in the copy.
_Template = tuple[bytes, Callable[[Sequence[bytes]], tuple[bytes, ...]]] | None

MOST = 1_024  # templates at once; those of one home are used together
_OWN = ("tin", "source", *NAMES)  # the values of every operator
#: The fields with an operator's own instants, days, numbers, identifiers and roles.
_FIELDS = (
    ("valid_from", "valid_to", "since"),
    ("effective_from", "valid_until", "authorised_on"),
    ("authorisation", "number"),
    ("identifier", "value"),
    ("roles",),
)
_Places = dict[str, dict[Any, int]]
_PLACE = re.compile(rb'"\\u0000(\d+)"')


class _Period(msgspec.Struct, frozen=True, gc=False):
    """A period as the database writes it. So are the other structs here: instants and days are
    texts, because their order is that of the texts, and nothing is calculated with them."""

    authorisation: str
    programme: str
    type: str
    status: str
    abroad: str
    valid_from: str
    valid_to: str | None
    number: str | None
    roles: tuple[str, ...]
    effective_from: str | None
    valid_until: str | None
    flags: tuple[str, ...]


class _Identified(msgspec.Struct, frozen=True, gc=False):
    scheme: str
    value: str
    issuer: str | None
    verified_by: str | None
    valid_from: str
    valid_to: str | None


class _Consented(msgspec.Struct, frozen=True, gc=False):
    partner: str | None
    valid_from: str
    valid_to: str | None
    general: bool


_names = msgspec.json.Decoder(list[dict[str, Any]])
_periods = msgspec.json.Decoder(list[_Period])
_identifiers = msgspec.json.Decoder(list[_Identified])
_consents = msgspec.json.Decoder(list[_Consented])
_instant = msgspec.json.Decoder(datetime)
_encode = msgspec.json.Encoder().encode


class CopyShapes:
    """Makes the lines of one copy.

    `at`: its instant of valid time, UTC. `law`: the facts of the law towards the partner from a
    home. `line`: the slow twin, which makes a line from a row.
    """

    def __init__(
        self,
        at: datetime,
        law: Callable[[str], RecognitionFacts],
        line: Callable[[Row], bytes | None],
    ) -> None:
        self._at, self._law, self._slow = at, law, line
        self._at_text = written(at)
        self._home: str | None = None
        self._cuts: list[str] = []
        self._by_role = False  # whether a clause of the home's agreements names roles
        self._templates: dict[Any, _Template] = {}
        self._tokens: dict[str, bytes] = {}

    def line(self, row: Row) -> bytes | None:
        """The line of an operator of which no consent ended, without the line's end; None where it
        is not in the copy."""
        tin, home, source, names, periods, identifiers, consents, _ = row
        if home != self._home:
            self._begin(home)
        held = _joined(_periods.decode(periods))
        identified: list[_Identified] = _identifiers.decode(identifiers)
        consented: list[_Consented] = _consents.decode(consents)
        ranks, instants = _ranked(
            [
                text
                for rows in (held, identified, consented)
                for each in rows
                for text in (each.valid_from, each.valid_to)
            ]
        )
        day_ranks, days = _ranked([d for p in held for d in (p.effective_from, p.valid_until)])
        number_ranks, numbers = _ranked([n for p in held for n in (p.authorisation, p.number)])
        value_ranks, values = _ranked([tin, *(i.value for i in identified)])
        role_ranks, roles = _ranked([p.roles for p in held])
        key = (
            ranks,
            tuple([_place(self._cuts, text) for text in instants]),
            day_ranks,
            number_ranks,
            value_ranks,
            role_ranks,
            tuple(roles) if self._by_role else None,
            tuple([(p.programme, p.type, p.status, p.abroad, p.flags) for p in held]),
            tuple([(i.scheme, i.issuer, i.verified_by) for i in identified]),
            tuple([(c.partner, c.general) for c in consented]),
        )
        try:
            template = self._templates[key]
        except KeyError:
            if len(self._templates) >= MOST:
                self._templates.clear()
            line = self._slow(row)
            template = (
                None
                if line is None
                else self._template(line, instants, days, numbers, values, roles)
            )
            self._templates[key] = template
        if template is None:
            return None
        named = self._named(_names.decode(names))
        own = (tin, source, *[named[name] for name in NAMES])
        filling = [*map(_encode, own), *map(self._token, instants)]
        filling += map(_encode, (*days, *numbers, *values, *roles))
        line, chosen = template
        return line % chosen(filling)

    def _begin(self, home: str) -> None:
        """Operators come in the order of TINs, so those of a home come together."""
        self._home = home
        self._templates.clear()
        law = self._law(home)
        self._cuts = sorted(map(written, {ALWAYS, NEVER_AT, self._at, *edges(law)}))
        self._by_role = any(link.clause.roles for link in law.links)

    def _named(self, names: Sequence[dict[str, Any]]) -> dict[str, Any]:
        before = (name for name in reversed(names) if name["valid_from"] <= self._at_text)
        return next(before, names[0])

    def _token(self, text: str) -> bytes:
        """An instant as a line has it."""
        try:
            return self._tokens[text]
        except KeyError:
            if len(self._tokens) >= MOST:
                self._tokens.clear()
            found: bytes = _encode(_instant.decode(f'"{text}"'))
            self._tokens[text] = found
            return found

    def _template(self, line: bytes, instants: Sequence[str], *others: Sequence[Any]) -> _Template:
        """The template of a shape, from the line of an operator that has it. `others`: its days,
        numbers, identifiers and roles."""
        as_shown = [self._token(text)[1:-1].decode() for text in instants]
        places: _Places = {}
        first = len(_OWN)
        for fields, texts in zip(_FIELDS, (as_shown, *others), strict=True):
            of_texts = {text: first + n for n, text in enumerate(texts)}
            places |= dict.fromkeys(fields, of_texts)
            first += len(texts)
        record = _with_places(msgspec.json.decode(line), places)
        record |= {name: _sign(n) for n, name in enumerate(_OWN)}
        parts = _PLACE.split(_encode(record))
        constants = [part.replace(b"%", b"%%") for part in parts[::2]]
        return b"%b".join(constants), itemgetter(*map(int, parts[1::2]))


def written(at: datetime) -> str:
    """An instant (UTC) as the database writes it in JSON."""
    whole, _, fraction = at.astimezone(UTC).replace(tzinfo=None).isoformat().partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}+00:00" if fraction else f"{whole}+00:00"


def _joined(periods: Sequence[_Period]) -> list[_Period]:
    """The periods without the flags that are not disclosed, joined where nothing else changes."""
    found: list[_Period] = []
    last: _Period | None = None
    for period in periods:
        if period.valid_from == period.valid_to:
            continue
        if period.flags:
            flags = _disclosed(period.flags)
            if flags != period.flags:
                period = msgspec.structs.replace(period, flags=flags)
        if last is not None and last.valid_to == period.valid_from and _same(last, period):
            last = found[-1] = msgspec.structs.replace(last, valid_to=period.valid_to)
        else:
            found.append(period)
            last = period
    return found


@lru_cache(maxsize=MOST)
def _disclosed(flags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(disclosed_flags(flags))


def _same(one: _Period, other: _Period) -> bool:
    """Whether two periods differ in their interval alone."""
    return (
        one.status == other.status
        and one.abroad == other.abroad
        and one.flags == other.flags
        and one.number == other.number
        and one.authorisation == other.authorisation
        and one.programme == other.programme
        and one.type == other.type
        and one.roles == other.roles
        and one.effective_from == other.effective_from
        and one.valid_until == other.valid_until
    )


def _ranked(values: Sequence[Any]) -> tuple[tuple[int, ...], list[Any]]:
    """The place of each value among all, -1 for None, and the values in their order."""
    known = {*values}
    known.discard(None)
    ordered = sorted(known)
    if len(ordered) == 1:  # as most have: one number, one day, one set of roles
        [value] = ordered
        return tuple([0 if each == value else -1 for each in values]), ordered
    ranks: dict[Any, int] = {value: rank for rank, value in enumerate(ordered)}
    ranks[None] = -1
    return tuple([ranks[value] for value in values]), ordered


def _place(cuts: Sequence[str], text: str) -> int:
    """Where an instant lies among others: an even number between two of them, an odd one on one."""
    place = bisect_left(cuts, text)
    return 2 * place + (place < len(cuts) and cuts[place] == text)


def _sign(place: int) -> str:
    return f"\0{place}"


def _with_places(value: Any, places: _Places) -> Any:
    """A record with places for what is the operator's own."""
    if isinstance(value, list):
        return [_with_places(each, places) for each in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, each in value.items():
        of_field = places.get(name)
        own = tuple(each) if name == "roles" else each
        if of_field is None or isinstance(each, dict) or own not in of_field:
            found[name] = _with_places(each, places)
        else:
            found[name] = _sign(of_field[own])
    return found
