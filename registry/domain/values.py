"""The words of the register: the values that commands and events carry.

A value is right or it does not exist. Its constructor stays as wide as the oldest stored
event, because loading uses it; `parse` is the stricter door for what comes from outside.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import date
from enum import Enum
from functools import lru_cache, total_ordering
from typing import Any, ClassVar, Self, cast

import msgspec
from babel import Locale

#: "Nobody knows whether it has happened at all": the open end of an interval of dates.
NEVER = date.max


@total_ordering
class Text:
    """A word with a form of its own, stored as its text. Equal only to its own kind."""

    __slots__ = ("_hash", "text")
    FORM: ClassVar[re.Pattern[str]]
    WANTED: ClassVar[str]

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not self.FORM.fullmatch(text):
            raise ValueError(f"{text!r} is not {self.WANTED}")
        self.text = text
        self._hash = hash(text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From outside. Raises ValueError, naming what was found and what was wanted."""
        return cls(text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.text == self.text

    def __lt__(self, other: Text) -> bool:
        return self.text < other.text


class AdministrationCode(Text):
    """ISO 3166-1 alpha-2 of a customs territory, or EU."""

    __slots__ = ()
    FORM = re.compile(r"[A-Z]{2}")
    WANTED = "an administration: two capital letters (ISO 3166-1 alpha-2), or EU"

    @classmethod
    def parse(cls, text: str) -> Self:
        code = cls(text)
        if text not in _territories():
            own = OTHER_CODES.get(text)
            meant = f"; {text} is written for {own}" if own else ""
            raise ValueError(f"{text} is not a customs territory of ISO 3166-1, nor EU{meant}")
        return code


#: Codes that stand for a territory elsewhere: reserved in ISO 3166-1, the EU's own of Greece, and
#: that of Northern Ireland, whose customs are the United Kingdom's.
OTHER_CODES = {"UK": "GB", "EL": "GR", "XI": "GB"}


class Tin(Text):
    """A WCO Trader Identification Number: ISO 3166-1 alpha-2, then 1 to 15 letters or digits."""

    __slots__ = ()
    FORM = re.compile(r"[A-Z]{2}[A-Z0-9]{1,15}")
    WANTED = "a TIN: two capital letters, then 1 to 15 capital letters or digits"
    _AEO_CODE: ClassVar[re.Pattern[str]] = re.compile(r"AEO([A-Z]{2})([0-9A-Z]{10})")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Also takes a national AEO code: `AEOCN1234567890` is `CN1234567890` (GACC notices)."""
        coded = cls._AEO_CODE.fullmatch(text) if isinstance(text, str) else None
        if coded and coded[1] in _territories():
            return cls(coded[1] + coded[2])
        tin = cls(text)
        if tin.country not in _territories():
            raise ValueError(f"{text!r} is not a TIN: {tin.country} is not a customs territory")
        return tin

    @property
    def country(self) -> str:
        """The territory whose administration issued it. Northern Ireland's XI is the UK's."""
        prefix = self.text[:2]
        return "GB" if prefix == "XI" else prefix


class HsCode(Text):
    """A Harmonised System chapter, heading or subheading: 2, 4 or 6 digits."""

    __slots__ = ()
    FORM = re.compile(r"[0-9]{2}([0-9]{2}([0-9]{2})?)?")
    WANTED = "an HS code: 2, 4 or 6 digits"

    def covers(self, goods: HsCode) -> bool:
        """A chapter covers its headings; a heading does not cover the whole chapter."""
        return goods.text.startswith(self.text)


@lru_cache(maxsize=1)
def _territories() -> frozenset[str]:
    names = map(str, Locale("en").territories)
    made_up = {"EZ", "UN", "QO", "XA", "XB", "ZZ"}  # CLDR's own, of no customs territory
    return frozenset(c for c in names if len(c) == 2 and c.isalpha()) - made_up | {"EU", "XI"}


_KINDS = frozenset({AdministrationCode, Tin, HsCode})


@lru_cache(maxsize=65_536)
def _text(kind: Hashable, text: str) -> Text:
    return cast(type[Text], kind)(text)


def encode_value(value: Any) -> Any:
    """msgspec's `enc_hook`: a Text is written as its text."""
    if isinstance(value, Text):
        return value.text
    raise TypeError(f"{type(value).__name__} has no stored form")


def decode_value(kind: type, text: Any) -> Any:
    """msgspec's `dec_hook`: a Text is read by its constructor, once for each text."""
    if kind in _KINDS:
        return _text(kind, text)
    raise TypeError(f"{kind.__name__} has no stored form")


class Term(Enum):
    """A word from a closed list. Its value is its text: stored, asked for and shown alike."""

    # Members are one of a kind; the library's hash of their names takes a call of Python each.
    __hash__ = object.__hash__

    def __str__(self) -> str:
        return str(self.value)


class Role(Term):
    IMPORTER = "IMPORTER"
    EXPORTER = "EXPORTER"
    MANUFACTURER = "MANUFACTURER"
    CARRIER = "CARRIER"
    FREIGHT_FORWARDER = "FREIGHT_FORWARDER"
    CUSTOMS_BROKER = "CUSTOMS_BROKER"
    WAREHOUSE_KEEPER = "WAREHOUSE_KEEPER"
    TERMINAL_OPERATOR = "TERMINAL_OPERATOR"
    EXPRESS_CARRIER = "EXPRESS_CARRIER"
    OTHER = "OTHER"


class RuleState(Term):
    """What is known of a programme's rule on a day. None and unknown are two answers: the law
    that sets no bar lets a grant pass, the law that nobody has found does not."""

    VALUE = "VALUE"  # the law gives a value, and the source says where
    NONE = "NONE"  # the law is known, and it has no such rule
    UNKNOWN = "UNKNOWN"  # nobody knows what the law says; also of a rule that is not on record


class Status(Term):
    """Where an authorisation stands. Order: the first is the best standing to hold."""

    VALID = "VALID"
    #: Abroad alone: valid as the authority's published list says, which is assumed to go on.
    LISTED = "LISTED"
    #: An end said in advance has come, and in this programme it takes a decision to end.
    DECISION_AWAITED = "DECISION_AWAITED"
    #: Between two readings of published lists: nobody knows on which day it began, or ended.
    UNCERTAIN = "UNCERTAIN"
    SUSPENDED = "SUSPENDED"
    GRANTED = "GRANTED"  # decided, and not yet in effect
    UNDER_EXAMINATION = "UNDER_EXAMINATION"
    ACCEPTED = "ACCEPTED"
    LODGED = "LODGED"
    SUPERSEDED = "SUPERSEDED"
    EXPIRED = "EXPIRED"
    #: The authority's published list names it no longer; how and why it ended nobody says.
    DELISTED = "DELISTED"
    SURRENDERED = "SURRENDERED"
    REVOKED = "REVOKED"
    ANNULLED = "ANNULLED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    NONE = "NONE"


#: Nothing follows these but a correction or a merger.
ENDED = frozenset(
    {
        Status.REVOKED,
        Status.ANNULLED,
        Status.SURRENDERED,
        Status.EXPIRED,
        Status.SUPERSEDED,
        Status.DELISTED,
    }
)
#: An application that came to nothing.
CLOSED = frozenset({Status.NOT_ACCEPTED, Status.WITHDRAWN, Status.REFUSED})
PENDING = frozenset({Status.LODGED, Status.ACCEPTED, Status.UNDER_EXAMINATION})
HELD = frozenset(
    {Status.GRANTED, Status.VALID, Status.SUSPENDED, Status.DECISION_AWAITED, Status.UNCERTAIN}
)
#: Of the part that partners recognise: it is valid, or nobody can say that it is not.
COUNTS_ABROAD = (Status.VALID, Status.LISTED, Status.DECISION_AWAITED, Status.UNCERTAIN)


class Direction(Term):
    IMPORT = "IMPORT"
    EXPORT = "EXPORT"


class AgreementKind(Term):
    AEO_MUTUAL_RECOGNITION = "AEO_MUTUAL_RECOGNITION"
    CONTROL_RESULTS = "CONTROL_RESULTS"
    GREEN_LANE = "GREEN_LANE"
    MUTUAL_ASSISTANCE = "MUTUAL_ASSISTANCE"
    DATA_EXCHANGE = "DATA_EXCHANGE"
    ENFORCEMENT_COOPERATION = "ENFORCEMENT_COOPERATION"
    SINGLE_WINDOW = "SINGLE_WINDOW"
    REGIONAL_MINUTES = "REGIONAL_MINUTES"
    WORKING_GROUP = "WORKING_GROUP"
    TRANSIT_CONVENTION = "TRANSIT_CONVENTION"
    RAIL_FACILITATION = "RAIL_FACILITATION"
    PORT_TO_PORT = "PORT_TO_PORT"
    OTHER = "OTHER"


class Pillar(Term):
    """The triad of SAFE: information exchange, recognition of controls, help in enforcement."""

    INFORMATION_EXCHANGE = "INFORMATION_EXCHANGE"
    CONTROL_RECOGNITION = "CONTROL_RECOGNITION"
    ENFORCEMENT_ASSISTANCE = "ENFORCEMENT_ASSISTANCE"


class AgreementStatus(Term):
    PROPOSED = "PROPOSED"
    NEGOTIATING = "NEGOTIATING"
    ACTION_PLAN = "ACTION_PLAN"
    SIGNED = "SIGNED"
    PILOT = "PILOT"
    IN_FORCE = "IN_FORCE"
    SUSPENDED = "SUSPENDED"
    TERMINATED = "TERMINATED"


class Step(Term):
    """What happened to an agreement. An action plan is not an agreement."""

    PROPOSED = "PROPOSED"
    NEGOTIATING = "NEGOTIATING"
    ACTION_PLAN = "ACTION_PLAN"
    SIGNED = "SIGNED"
    PILOT = "PILOT"
    IMPLEMENTED = "IMPLEMENTED"  # by one side
    TERMINATED = "TERMINATED"
    LISTED = "LISTED"  # an authority names it among its agreements; says nothing of the start
    MEETING = "MEETING"
    EXERCISE = "EXERCISE"
    ANNOUNCED = "ANNOUNCED"


class Outcome(Term):
    """Three answers. A missing fact is never turned into a no."""

    RECOGNISED = "RECOGNISED"
    NOT_RECOGNISED = "NOT_RECOGNISED"
    UNKNOWN = "UNKNOWN"


class ReasonCode(Term):
    """Why. Alphabetical, and in this order in every answer."""

    AGREEMENT_NOT_IMPLEMENTED = "AGREEMENT_NOT_IMPLEMENTED"
    AGREEMENT_SUSPENDED = "AGREEMENT_SUSPENDED"
    AGREEMENT_TERMINATED = "AGREEMENT_TERMINATED"
    AUTHORISATION_ENDED = "AUTHORISATION_ENDED"
    AUTHORISATION_SUSPENDED = "AUTHORISATION_SUSPENDED"
    CROSSING_OUT_OF_SCOPE = "CROSSING_OUT_OF_SCOPE"
    DATE_UNCERTAIN = "DATE_UNCERTAIN"
    DECISION_AWAITED = "DECISION_AWAITED"
    DIRECTION_OUT_OF_SCOPE = "DIRECTION_OUT_OF_SCOPE"
    GOODS_OUT_OF_SCOPE = "GOODS_OUT_OF_SCOPE"
    IN_FORCE = "IN_FORCE"
    NOT_YET_EFFECTIVE = "NOT_YET_EFFECTIVE"
    NO_AGREEMENT = "NO_AGREEMENT"
    NO_AUTHORISATION = "NO_AUTHORISATION"
    NO_CONSENT = "NO_CONSENT"  # NO_INFORMATION, to those who are told all of the operator
    NO_INFORMATION = "NO_INFORMATION"
    ROLE_OUT_OF_SCOPE = "ROLE_OUT_OF_SCOPE"
    SAME_ADMINISTRATION = "SAME_ADMINISTRATION"
    STALE_DATA = "STALE_DATA"
    TYPE_OUT_OF_SCOPE = "TYPE_OUT_OF_SCOPE"
    UNMATCHED_IDENTIFIER = "UNMATCHED_IDENTIFIER"


class Sense(Term):
    """Two memberships that are not the same: of the union, and of its customs territory."""

    CUSTOMS_TERRITORY = "CUSTOMS_TERRITORY"
    UNION = "UNION"


class ContactRole(Term):
    """What a person is to an operator. A closed list: free text would name somebody one day."""

    CUSTOMS_CONTACT = "CUSTOMS_CONTACT"
    RESPONSIBLE_FOR_CUSTOMS = "RESPONSIBLE_FOR_CUSTOMS"
    IN_CHARGE = "IN_CHARGE"
    SECURITY_CONTACT = "SECURITY_CONTACT"


class TargetOutcome(Term):
    MET = "MET"
    NOT_MET = "NOT_MET"
    UNKNOWN = "UNKNOWN"


class Dates(msgspec.Struct, frozen=True):
    """When something happened, as a source gives it: a day, or the interval it lies in.

    A month or a year is an interval. `latest` is NEVER where it may not have happened at all.
    """

    earliest: date
    latest: date

    def __post_init__(self) -> None:
        if self.latest < self.earliest:
            raise ValueError(f"the interval ends on {self.latest}, before {self.earliest}")

    @classmethod
    def on(cls, day: date) -> Dates:
        return cls(day, day)

    def hull(self, other: Dates) -> Dates:
        """The shortest interval that holds both: what conflicting sources leave open."""
        return Dates(min(self.earliest, other.earliest), max(self.latest, other.latest))
