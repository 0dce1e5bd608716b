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
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import msgspec

from projections.history.copy_rows import (
    GROUP,
    ControlCharacter,
    Row,
    instant,
    named,
    roles_in,
    units,
    written,
)
from projections.reads.recognition import edges
from registry.domain.bitemporal import ALWAYS, NEVER_AT
from registry.domain.disclosure import disclosed_flags
from registry.domain.operators.particulars import NAMES
from registry.domain.recognition import RecognitionFacts

#: A line with places for values, and which of the values go there. None: it is not in the copy.
_Template = tuple[bytes, Callable[[Sequence[bytes]], tuple[bytes, ...]]] | None

MOST = 1_024  # templates at once; those of one home are used together
_MOST_INSTANTS = 4_096
_OWN = ("tin", "source", *NAMES)  # the values of every operator
#: The fields with an operator's own instants, days, numbers, identifiers and roles.
_FIELDS = (
    ("valid_from", "valid_to", "since"),
    ("effective_from", "valid_until", "authorised_on"),
    ("authorisation", "number"),
    ("identifier", "value"),
    ("roles",),
)
_ROLES = NAMES.index("roles")
_Places = dict[str, dict[Any, int]]
_PLACE = re.compile(rb'"\\u0000(\d+)"')

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
        self._instants = _Instants(self._cuts)
        self._roles: dict[str, bytes] = {}
        self._disclosed: dict[str, str] = {}

    def line(self, row: Row) -> bytes | None:
        """The line of an operator of which no consent ended, without the line's end; None where it
        is not in the copy. Raises ControlCharacter."""
        tin, home, source, names, periods, identifiers, consents, _ = row
        if home != self._home:
            self._begin(home)
        try:
            own = named(names, self._at_text)
            held = _columns(self._joined(periods), _PERIOD)
            begin, end, kinds, value = _columns(units(identifiers), _IDENTIFIER)
            since, until, partner = _columns(units(consents), _CONSENT)
        except (IndexError, ValueError):
            raise ControlCharacter(f"operator {tin}: a fact has a control character") from None
        begins, ends, effective, valid_until, terms, roles, authorisation, number = held
        instants, instant_ranks = _ranked((*begins, *ends, *begin, *end, *since, *until))
        days, day_ranks = _ranked((*effective, *valid_until))
        numbers, number_ranks = _ranked((*authorisation, *number))
        values, value_ranks = _ranked((tin, *value))
        all_roles, role_ranks = _ranked(roles)
        known = [self._instants[text] for text in instants]
        key = (
            *(instant_ranks, tuple([place for place, _ in known])),
            *(day_ranks, number_ranks, value_ranks, role_ranks),
            *(terms, kinds, partner, roles if self._by_role else None),
        )
        try:
            template = self._templates[key]
        except KeyError:
            template = self._templates[key] = self._made(
                row, [token for _, token in known], days, numbers, values, all_roles
            )
        if template is None:
            return None
        line, chosen = template
        own_texts = [*map(_encode, own)]
        own_texts[_ROLES] = self._roles_of(own[_ROLES] or "")
        return line % chosen(
            [
                *(_encode(tin), _encode(source), *own_texts),
                *[token for _, token in known],
                *map(_encode, days),
                *map(_encode, numbers),
                *map(_encode, values),
                *map(self._roles_of, all_roles),
            ]
        )

    def _begin(self, home: str) -> None:
        """Operators come in the order of TINs, so those of a home come together."""
        self._home = home
        self._templates.clear()
        law = self._law(home)
        self._instants = _Instants(sorted(map(written, {ALWAYS, NEVER_AT, self._at, *edges(law)})))
        self._by_role = any(link.clause.roles for link in law.links)

    def _joined(self, facts: str | None) -> list[list[str]]:
        """The periods without the flags that are not disclosed, joined where nothing else
        changes."""
        found: list[list[str]] = []
        last = None
        for period in units(facts):
            if period[0] == period[1]:
                continue
            terms = period[_TERMS]
            try:
                period[_TERMS] = self._disclosed[terms]
            except KeyError:
                period[_TERMS] = self._disclosed[terms] = _without_hidden_flags(terms)
            if last is not None and last[1] == period[0] and last[2:] == period[2:]:
                last[1] = period[1]
            else:
                found.append(period)
                last = period
        return found

    def _roles_of(self, text: str) -> bytes:
        """Roles as a line has them."""
        try:
            return self._roles[text]
        except KeyError:
            found = self._roles[text] = _encode(roles_in(text))
            return found

    def _made(self, row: Row, instants: Sequence[bytes], *others: Sequence[str]) -> _Template:
        """The template of the shape of this operator. `others`: its days, numbers, identifiers and
        roles."""
        if len(self._templates) >= MOST:
            self._templates.clear()
        line = self._slow(row)
        if line is None:
            return None
        *texts, roles = others
        as_shown = [token[1:-1].decode() for token in instants]
        places: _Places = {}
        first = len(_OWN)
        of_fields = (as_shown, *texts, [tuple(roles_in(text)) for text in roles])
        for fields, values in zip(_FIELDS, of_fields, strict=True):
            of_texts = {value: first + n for n, value in enumerate(values) if value}
            places |= dict.fromkeys(fields, of_texts)
            first += len(values)
        record = _with_places(msgspec.json.decode(line), places)
        record |= {name: _sign(n) for n, name in enumerate(_OWN)}
        parts = _PLACE.split(_encode(record))
        constants = [part.replace(b"%", b"%%") for part in parts[::2]]
        return b"%b".join(constants), itemgetter(*map(int, parts[1::2]))


class _Instants(dict[str, tuple[int, bytes]]):
    """Where an instant lies among the cuts: an even number between two of them, an odd one on one;
    and how a line has it. NULL lies before them all."""

    def __init__(self, cuts: Sequence[str]) -> None:
        self._cuts = cuts

    def __missing__(self, text: str) -> tuple[int, bytes]:
        if len(self) >= _MOST_INSTANTS:
            self.clear()
        place = bisect_left(self._cuts, text)
        is_cut = place < len(self._cuts) and self._cuts[place] == text
        found = self[text] = 2 * place + is_cut, _encode(instant(text) if text else "")
        return found


#: The columns of no period, identifier and consent.
_PERIOD, _IDENTIFIER, _CONSENT = ((),) * 8, ((),) * 4, ((),) * 3
_TERMS = 4  # the place of what many periods share


def _columns(rows: Iterable[list[str]], none: Sequence[tuple[str, ...]]) -> Any:
    """Returns the columns of the rows: for each field, its values in all rows. `none`: the result
    for no rows. Raises ValueError where a row has another number of fields."""
    found = tuple(zip(*rows, strict=True)) or none
    if len(found) != len(none):
        raise ValueError(found)
    return found


def _without_hidden_flags(terms: str) -> str:
    *others, flags = terms.split(GROUP)
    return GROUP.join([*others, ",".join(disclosed_flags(flags.split(",")))])


def _ranked(values: Sequence[str]) -> tuple[list[str], tuple[int, ...]]:
    """The values in their order, after the empty one, and the place of each among them."""
    ordered = sorted({"", *values})
    return ordered, tuple(map(ordered.index, values))


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
