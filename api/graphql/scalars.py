"""The register's words in GraphQL: parsed at the edge, and never after it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import Enum, EnumMeta
from typing import Any, NewType

import strawberry
from graphql import IntValueNode, ValueNode, print_ast
from strawberry.types.scalar import ScalarDefinition

from registry.domain import instants
from registry.domain.values import (
    AdministrationCode,
    AgreementKind,
    AgreementStatus,
    ContactRole,
    Direction,
    HsCode,
    Outcome,
    Pillar,
    ReasonCode,
    Role,
    RuleState,
    Sense,
    Status,
    Step,
    TargetOutcome,
    Text,
    Tin,
)

Position = NewType("Position", int)
Json = NewType("Json", object)

LARGEST = 2**53 - 1  # the largest integer that every JSON reader keeps exact


class AskedStatus(Enum):
    """How far an agreement came; as a question also SIGNED_OR_LATER: signed, and not ended."""

    PROPOSED = "PROPOSED"
    NEGOTIATING = "NEGOTIATING"
    ACTION_PLAN = "ACTION_PLAN"
    SIGNED = "SIGNED"
    PILOT = "PILOT"
    IN_FORCE = "IN_FORCE"
    SUSPENDED = "SUSPENDED"
    TERMINATED = "TERMINATED"
    SIGNED_OR_LATER = "SIGNED_OR_LATER"

    @property
    def statuses(self) -> tuple[AgreementStatus, ...]:
        """What the question covers. A terminated agreement is no longer one."""
        if self is AskedStatus.SIGNED_OR_LATER:
            later = "SIGNED", "PILOT", "IN_FORCE", "SUSPENDED"
            return tuple(AgreementStatus[name] for name in later)
        return (AgreementStatus[self.name],)

    @classmethod
    def of(cls, status: AgreementStatus) -> AskedStatus:
        """An agreement's own status, in the one enum that the contract has for both."""
        return cls[status.name]


def instant_text(at: datetime) -> str:
    """RFC 3339 in UTC with six digits of a second, so that texts sort as instants do."""
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"  # strftime pads no year


def parse_position(number: object) -> int:
    """Raises ValueError."""
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= LARGEST:
        return number
    raise ValueError(f"{number!r} is not a position: a whole number from 0 to {LARGEST}")


#: Where each scalar of this schema is specified, for people: what programs that generate code link.
SPECIFIED = {
    # The Guidelines on the Trader Identification Number are a part of the SAFE package.
    "TIN": "https://www.wcoomd.org/en/topics/facilitation/instrument-and-tools/"
    "frameworks-of-standards/safe_package.aspx",
    "AdministrationCode": "https://www.iso.org/iso-3166-country-codes.html",
    "HSCode": "https://www.wcoomd.org/en/topics/nomenclature/overview/"
    "what-is-the-harmonized-system.aspx",
    "Date": "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    "DateTime": "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    "Position": "https://www.rfc-editor.org/rfc/rfc8259#section-6",
    "JSON": "https://www.rfc-editor.org/rfc/rfc8259",
}


def _text_scalar(name: str, kind: type[Text], description: str) -> ScalarDefinition:
    # A refused value is worded by ValueError; graphql-core puts field and path beside it.
    return strawberry.scalar(
        name=name,
        description=description,
        specified_by_url=SPECIFIED[name],
        serialize=str,
        parse_value=kind.parse,
    )


def _literal_position(node: ValueNode, variables: Any = None) -> int:
    if not isinstance(node, IntValueNode):
        raise ValueError(f"{print_ast(node)} is not a position: a whole number from 0")
    return parse_position(int(node.value))


SCALARS: dict[object, ScalarDefinition] = {
    Tin: _text_scalar(
        "TIN",
        Tin,
        "WCO Trader Identification Number: ISO 3166-1 alpha-2, then 1 to 15 capital letters or "
        "digits. A national AEO code such as AEOCN1234567890 is taken as CN1234567890.",
    ),
    AdministrationCode: _text_scalar(
        "AdministrationCode",
        AdministrationCode,
        "A customs administration: ISO 3166-1 alpha-2 of its territory, or EU.",
    ),
    HsCode: _text_scalar("HSCode", HsCode, "Harmonised System: 2, 4 or 6 digits."),
    date: strawberry.scalar(
        name="Date",
        specified_by_url=SPECIFIED["Date"],
        description="A civil day, YYYY-MM-DD, in the zone of the authority concerned.",
        serialize=date.isoformat,
        parse_value=instants.parse_day,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        specified_by_url=SPECIFIED["DateTime"],
        description="An instant, RFC 3339. Answered in UTC; refused without a zone. Any number of "
        "fractional digits is read, and cut to microseconds.",
        serialize=instant_text,
        parse_value=instants.parse,
    ),
    Position: strawberry.scalar(
        name="Position",
        specified_by_url=SPECIFIED["Position"],
        description="A place in the register's one sequence of events, from 1; 0 is before all.",
        serialize=int,
        parse_value=parse_position,
        parse_literal=_literal_position,
    ),
    Json: strawberry.scalar(
        name="JSON",
        specified_by_url=SPECIFIED["JSON"],
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}


def _enum(kind: EnumMeta, name: str, description: str, order: str = "") -> None:
    strawberry.enum(kind, name=name, description=description)
    if order:  # the contract's order, where the register keeps another for its own reasons
        names = order.split()
        values = kind.__strawberry_definition__.values  # type: ignore[attr-defined]
        values.sort(key=lambda value: names.index(value.name))


_enum(Outcome, "Outcome3", "Three answers: a missing fact is never turned into a no.")
_enum(Role, "Role", "What an operator does in the supply chain.")
_enum(Direction, "Direction", "Which way the goods go.")
_enum(AgreementKind, "AgreementKind", "What an agreement is about.")
_enum(Pillar, "Pillar", "The triad of SAFE: information, recognition of controls, enforcement.")
_enum(AskedStatus, "AgreementStatus", AskedStatus.__doc__ or "")
_enum(
    RuleState,
    "RuleState",
    "What is known of a programme's rule on a day: a value, that the law has none, or nothing.",
)
_enum(TargetOutcome, "TargetOutcome", "Whether the record shows a goal met.")
_enum(Step, "Step", "What happened to an agreement. An action plan is not an agreement.")
_enum(ContactRole, "ContactRole", "What a person is to an operator.")
_enum(Sense, "Sense", "Member of what: of the bloc's customs territory, or of the union itself.")
_enum(
    Status,
    "AuthorisationStatus",
    "Where an authorisation stands, from application to end.",
    "NONE LODGED ACCEPTED UNDER_EXAMINATION GRANTED VALID SUSPENDED REVOKED ANNULLED SURRENDERED "
    "EXPIRED SUPERSEDED NOT_ACCEPTED WITHDRAWN REFUSED DECISION_AWAITED "
    "LISTED UNCERTAIN DELISTED",
)
_enum(
    ReasonCode,
    "ReasonCode",
    "Why a recognition answer is what it is.",
    "IN_FORCE NO_AUTHORISATION NOT_YET_EFFECTIVE AUTHORISATION_SUSPENDED AUTHORISATION_ENDED "
    "NO_AGREEMENT AGREEMENT_NOT_IMPLEMENTED AGREEMENT_SUSPENDED AGREEMENT_TERMINATED "
    "TYPE_OUT_OF_SCOPE ROLE_OUT_OF_SCOPE DIRECTION_OUT_OF_SCOPE GOODS_OUT_OF_SCOPE "
    "CROSSING_OUT_OF_SCOPE NO_INFORMATION UNMATCHED_IDENTIFIER STALE_DATA DATE_UNCERTAIN "
    "SAME_ADMINISTRATION NO_CONSENT DECISION_AWAITED",
)
