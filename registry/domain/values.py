"""The value types of the register: codes, closed lists and date intervals.

An invalid value cannot exist. A constructor accepts everything that the oldest stored event
contains, because loading uses it. `parse` is stricter and is used for input.
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

from registry.domain.sentences import Sentence

#: The open end of an interval of dates: the event may never have happened.
NEVER = date.max


@total_ordering
class Text:
    """A text of a fixed form. It is stored as text and equal only to values of the same class."""

    __slots__ = ("_hash", "text")
    FORM: ClassVar[re.Pattern[str]]
    WANTED: ClassVar[str]

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not self.FORM.fullmatch(text):
            raise ValueError(
                Sentence("%(text)s is not %(wanted)s", text=repr(text), wanted=self.WANTED)
            )
        self.text = text
        self._hash = hash(text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses input. Raises ValueError with what was found and what was expected."""
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
    """The code of a customs territory: ISO 3166-1 alpha-2, or EU."""

    __slots__ = ()
    FORM = re.compile(r"[A-Z]{2}")
    WANTED = Sentence("an administration: two capital letters (ISO 3166-1 alpha-2), or EU")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses input. Raises ValueError for a code that is not a customs territory."""
        code = cls(text)
        if text not in _territories() or text in OTHER_CODES:
            own = OTHER_CODES.get(text)
            if own:
                raise ValueError(
                    Sentence(
                        "%(text)s is not a customs territory of ISO 3166-1, nor EU; %(text)s is "
                        "written for %(own)s",
                        text=text,
                        own=own,
                    )
                )
            raise ValueError(
                Sentence("%(text)s is not a customs territory of ISO 3166-1, nor EU", text=text)
            )
        return code


#: Codes used elsewhere for a territory: reserved in ISO 3166-1 (UK), the EU's own code of Greece
#: (EL), and that of Northern Ireland (XI), whose customs administration is the United Kingdom's.
OTHER_CODES = {"UK": "GB", "EL": "GR", "XI": "GB"}


class Tin(Text):
    """A WCO Trader Identification Number: ISO 3166-1 alpha-2, then 1 to 15 letters or digits."""

    __slots__ = ()
    FORM = re.compile(r"[A-Z]{2}[A-Z0-9]{1,15}")
    WANTED = Sentence("a TIN: two capital letters, then 1 to 15 capital letters or digits")
    _AEO_CODE: ClassVar[re.Pattern[str]] = re.compile(r"AEO([A-Z]{2})([0-9A-Z]{10})")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses input, also a national AEO code.

        `AEOCN1234567890` is `CN1234567890` (GACC notices). Raises ValueError.
        """
        coded = cls._AEO_CODE.fullmatch(text) if isinstance(text, str) else None
        if coded and coded[1] in _territories():
            return cls(coded[1] + coded[2])
        tin = cls(text)
        if tin.country not in _territories():
            raise ValueError(
                Sentence(
                    "%(text)s is not a TIN: %(country)s is not a customs territory",
                    text=repr(text),
                    country=tin.country,
                )
            )
        return tin

    @property
    def country(self) -> str:
        """The code of the issuing administration. For Northern Ireland (XI) that is GB."""
        prefix = self.text[:2]
        return "GB" if prefix == "XI" else prefix


class HsCode(Text):
    """A Harmonised System chapter, heading or subheading: 2, 4 or 6 digits."""

    __slots__ = ()
    FORM = re.compile(r"[0-9]{2}([0-9]{2}([0-9]{2})?)?")
    WANTED = Sentence("an HS code: 2, 4 or 6 digits")

    def covers(self, goods: HsCode) -> bool:
        """Whether the goods are within this code.

        A chapter covers its headings; a heading does not cover the whole chapter.
        """
        return goods.text.startswith(self.text)


@lru_cache(maxsize=1)
def _territories() -> frozenset[str]:
    """The codes of all customs territories."""
    names = map(str, Locale("en").territories)
    not_territories = {
        "EZ",
        "UN",
        "QO",
        "XA",
        "XB",
        "ZZ",
    }  # codes of CLDR that are no customs territory
    return frozenset(c for c in names if len(c) == 2 and c.isalpha()) - not_territories | {
        "EU",
        "XI",
    }


_KINDS = frozenset({AdministrationCode, Tin, HsCode})


@lru_cache(maxsize=65_536)
def _cached_text(kind: Hashable, text: str) -> Text:
    """A cached value: equal texts give the same object."""
    return cast(type[Text], kind)(text)


def encode_value(value: Any) -> Any:
    """The `enc_hook` of msgspec: a Text is stored as its text."""
    if isinstance(value, Text):
        return value.text
    raise TypeError(f"{type(value).__name__} has no stored form")


def decode_value(kind: type, text: Any) -> Any:
    """The `dec_hook` of msgspec: a Text is created by its constructor, once for each text."""
    if kind in _KINDS:
        return _cached_text(kind, text)
    raise TypeError(f"{kind.__name__} has no stored form")


class Term(Enum):
    """A member of a closed list. Its value is the text that is stored and shown."""

    # Members are singletons; the library's hash of their names costs a Python call each.
    __hash__ = object.__hash__

    def __str__(self) -> str:
        return str(self.value)


class Role(Term):
    """What an operator does in the supply chain."""

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
    """What is known of a programme's rule on a day.

    NONE and UNKNOWN are different answers: a law without a bar allows a grant, an unknown law does
    not.
    """

    VALUE = "VALUE"  # the law gives a value, and the source says where
    NONE = "NONE"  # the law is known and has no such rule
    UNKNOWN = "UNKNOWN"  # nobody knows the law; also for a rule that is not on record


class Status(Term):
    """The status of an authorisation, ordered from the best to the worst for its holder; in SQL by
    rule.standing_order."""

    VALID = "VALID"
    #: Abroad only: valid according to the authority's published list, assumed to continue.
    LISTED = "LISTED"
    #: A scheduled end has passed, and by the programme's rules it needs a decision.
    DECISION_AWAITED = "DECISION_AWAITED"
    #: Between two readings of a published list: the day of the beginning or end is unknown.
    UNCERTAIN = "UNCERTAIN"
    SUSPENDED = "SUSPENDED"
    GRANTED = "GRANTED"  # decided, not in effect yet
    UNDER_EXAMINATION = "UNDER_EXAMINATION"
    ACCEPTED = "ACCEPTED"
    LODGED = "LODGED"
    SUPERSEDED = "SUPERSEDED"
    EXPIRED = "EXPIRED"
    #: The authority's published list no longer names it; how and why it ended is unknown.
    DELISTED = "DELISTED"
    SURRENDERED = "SURRENDERED"
    REVOKED = "REVOKED"
    ANNULLED = "ANNULLED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    NONE = "NONE"


#: Final statuses: only a correction or a merger can follow.
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
#: Applications that ended without a grant.
CLOSED = frozenset({Status.NOT_ACCEPTED, Status.WITHDRAWN, Status.REFUSED})
PENDING = frozenset({Status.LODGED, Status.ACCEPTED, Status.UNDER_EXAMINATION})
HELD = frozenset(
    {Status.GRANTED, Status.VALID, Status.SUSPENDED, Status.DECISION_AWAITED, Status.UNCERTAIN}
)
#: Statuses abroad with which recognition is possible or unknown, but not excluded.
COUNTS_ABROAD = (Status.VALID, Status.LISTED, Status.DECISION_AWAITED, Status.UNCERTAIN)


class Direction(Term):
    """The direction of the goods."""

    IMPORT = "IMPORT"
    EXPORT = "EXPORT"


class DisputeKind(Term):
    """What is disputed about an operator."""

    NOT_US = "NOT_US"
    WRONG_RECORD = "WRONG_RECORD"
    NOT_RECOGNISED = "NOT_RECOGNISED"


class DisputeOutcome(Term):
    """How the home customs closes a dispute."""

    UPHELD = "UPHELD"
    REJECTED = "REJECTED"


class AgreementKind(Term):
    """The subject of an agreement."""

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
    """The three pillars of SAFE: information exchange, recognition of controls, enforcement."""

    INFORMATION_EXCHANGE = "INFORMATION_EXCHANGE"
    CONTROL_RECOGNITION = "CONTROL_RECOGNITION"
    ENFORCEMENT_ASSISTANCE = "ENFORCEMENT_ASSISTANCE"


class AgreementStatus(Term):
    """The status of an agreement as a whole."""

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
    LISTED = "LISTED"  # an authority lists it among its agreements, without a date of its start
    MEETING = "MEETING"
    EXERCISE = "EXERCISE"
    ANNOUNCED = "ANNOUNCED"


class Outcome(Term):
    """The three answers to a question of recognition. A missing fact gives UNKNOWN, never a no."""

    RECOGNISED = "RECOGNISED"
    NOT_RECOGNISED = "NOT_RECOGNISED"
    UNKNOWN = "UNKNOWN"


class ReasonCode(Term):
    """The reasons of an answer, in alphabetical order, which is their order in every answer."""

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
    NO_CONSENT = "NO_CONSENT"  # instead of NO_INFORMATION, for those who may see the whole operator
    NO_INFORMATION = "NO_INFORMATION"
    ROLE_OUT_OF_SCOPE = "ROLE_OUT_OF_SCOPE"
    SAME_ADMINISTRATION = "SAME_ADMINISTRATION"
    STALE_DATA = "STALE_DATA"
    TYPE_OUT_OF_SCOPE = "TYPE_OUT_OF_SCOPE"
    UNMATCHED_IDENTIFIER = "UNMATCHED_IDENTIFIER"


class DataChannel(Term):
    """How the data of an administration comes in."""

    FEED = "FEED"  # it records here itself
    LIST = "LIST"  # it sends lists
    PEER = "PEER"  # its own register is followed


class Sense(Term):
    """The two kinds of membership: of a union, and of its customs territory."""

    CUSTOMS_TERRITORY = "CUSTOMS_TERRITORY"
    UNION = "UNION"


class ContactRole(Term):
    """The function of a contact person.

    The list is closed, because free text could name a person.
    """

    CUSTOMS_CONTACT = "CUSTOMS_CONTACT"
    RESPONSIBLE_FOR_CUSTOMS = "RESPONSIBLE_FOR_CUSTOMS"
    IN_CHARGE = "IN_CHARGE"
    SECURITY_CONTACT = "SECURITY_CONTACT"


class TargetOutcome(Term):
    """Whether a target was met, as far as the record shows."""

    MET = "MET"
    NOT_MET = "NOT_MET"
    UNKNOWN = "UNKNOWN"


class Dates(msgspec.Struct, frozen=True):
    """The interval of civil days in which something happened, according to a source.

    A month or a year is an interval. `latest` is NEVER if it may not have happened at all.
    """

    earliest: date
    latest: date

    def __post_init__(self) -> None:
        if self.latest < self.earliest:
            raise ValueError(
                Sentence(
                    "the interval ends on %(latest)s, before %(earliest)s",
                    latest=self.latest,
                    earliest=self.earliest,
                )
            )

    @classmethod
    def on(cls, day: date) -> Dates:
        """The interval of a single day."""
        return cls(day, day)

    def hull(self, other: Dates) -> Dates:
        """The shortest interval that contains both, for conflicting sources."""
        return Dates(min(self.earliest, other.earliest), max(self.latest, other.latest))
