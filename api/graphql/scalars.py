"""The GraphQL scalars and enums, and how their values are parsed and written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import Enum, EnumMeta
from typing import Any, NewType

import strawberry
from graphql import IntValueNode, ValueNode, print_ast
from strawberry.types.scalar import ScalarDefinition

from registry.domain import instants
from registry.domain.sentences import Sentence
from registry.domain.values import (
    AdministrationCode,
    AgreementKind,
    AgreementStatus,
    ContactRole,
    DataChannel,
    Direction,
    DisputeKind,
    DisputeOutcome,
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
    """The status of an agreement. SIGNED_OR_LATER is only for filters: signed and not ended."""

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
        """The statuses that the filter accepts. SIGNED_OR_LATER leaves out TERMINATED."""
        if self is AskedStatus.SIGNED_OR_LATER:
            later = "SIGNED", "PILOT", "IN_FORCE", "SUSPENDED"
            return tuple(AgreementStatus[name] for name in later)
        return (AgreementStatus[self.name],)

    @classmethod
    def of(cls, status: AgreementStatus) -> AskedStatus:
        """The status of an agreement as a value of this enum: the schema has one enum for both."""
        return cls[status.name]


def instant_text(at: datetime) -> str:
    """An instant as RFC 3339 in UTC with six digits of a second, so that texts sort like
    instants."""
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"  # strftime pads no year


def parse_position(number: object) -> int:
    """A position from 0 to 2**53 - 1. Raises ValueError for anything else."""
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= LARGEST:
        return number
    raise ValueError(
        Sentence(
            "%(found)s is not a position: a whole number from 0 to %(most)s",
            found=repr(number),
            most=LARGEST,
        )
    )


#: The `@specifiedBy` URL of each scalar, for people and for code generators.
SPECIFIED = {
    # The Guidelines on the Trader Identification Number are part of the SAFE package.
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
    # The message of the ValueError is shown; graphql-core adds the field and the path.
    return strawberry.scalar(
        name=name,
        description=description,
        specified_by_url=SPECIFIED[name],
        serialize=str,
        parse_value=kind.parse,
    )


def _literal_position(node: ValueNode, variables: Any = None) -> int:
    if not isinstance(node, IntValueNode):
        raise ValueError(
            Sentence("%(found)s is not a position: a whole number from 0", found=print_ast(node))
        )
    return parse_position(int(node.value))


SCALARS: dict[object, ScalarDefinition] = {
    Tin: _text_scalar(
        "TIN",
        Tin,
        "A WCO Trader Identification Number: an ISO 3166-1 alpha-2 code, then 1 to 15 capital "
        "letters or digits. A national AEO code such as AEOCN1234567890 is read as CN1234567890.",
    ),
    AdministrationCode: _text_scalar(
        "AdministrationCode",
        AdministrationCode,
        "The code of a customs administration: ISO 3166-1 alpha-2 of its territory, or EU.",
    ),
    HsCode: _text_scalar("HSCode", HsCode, "A Harmonised System code: 2, 4 or 6 digits."),
    date: strawberry.scalar(
        name="Date",
        specified_by_url=SPECIFIED["Date"],
        description="A civil day as YYYY-MM-DD, in the time zone of the administration concerned.",
        serialize=date.isoformat,
        parse_value=instants.parse_day,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        specified_by_url=SPECIFIED["DateTime"],
        description="An instant as RFC 3339. Output is in UTC; input without a time zone is "
        "refused. Any number of fractional digits is accepted and cut to microseconds.",
        serialize=instant_text,
        parse_value=instants.parse,
    ),
    Position: strawberry.scalar(
        name="Position",
        specified_by_url=SPECIFIED["Position"],
        description="The position of an event in the register's sequence of events, from 1. "
        "Position 0 is before the first event.",
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
    if order:  # the order of the public contract, where the domain has another
        names = order.split()
        values = kind.__strawberry_definition__.values  # type: ignore[attr-defined]
        values.sort(key=lambda value: names.index(value.name))


_enum(
    Outcome,
    "Outcome3",
    "The outcome of a question: yes, no or unknown. A missing fact gives UNKNOWN, never a no.",
)
_enum(Role, "Role", "The role of an operator in the supply chain.")
_enum(Direction, "Direction", "The direction of the goods.")
_enum(AgreementKind, "AgreementKind", "The kind of an agreement.")
_enum(Pillar, "Pillar", "A field of cooperation under the WCO SAFE Framework.")
_enum(AskedStatus, "AgreementStatus", AskedStatus.__doc__ or "")
_enum(
    RuleState,
    "RuleState",
    "Whether a rule of a programme has a value, does not exist in law, or is unknown on a day.",
)
_enum(TargetOutcome, "TargetOutcome", "Whether the record shows that a goal was met.")
_enum(Step, "Step", "A step in the life of an agreement, or another dated fact about it.")
_enum(ContactRole, "ContactRole", "What a person is to an operator.")
_enum(DisputeKind, "DisputeKind", "What is disputed about an operator.")
_enum(DisputeOutcome, "DisputeOutcome", "How the home customs closes a dispute.")
_enum(
    DataChannel,
    "DataChannel",
    "How the data of an administration comes in.",
)
_enum(
    Sense,
    "Sense",
    "The kind of membership in a bloc: of its customs territory, or of the union itself.",
)
_enum(
    Status,
    "AuthorisationStatus",
    "The status of an authorisation, from the application to the end.",
    "NONE LODGED ACCEPTED UNDER_EXAMINATION GRANTED VALID SUSPENDED REVOKED ANNULLED SURRENDERED "
    "EXPIRED SUPERSEDED NOT_ACCEPTED WITHDRAWN REFUSED DECISION_AWAITED "
    "LISTED UNCERTAIN DELISTED",
)
_enum(
    ReasonCode,
    "ReasonCode",
    "The reason for the outcome of a recognition or control result.",
    "IN_FORCE NO_AUTHORISATION NOT_YET_EFFECTIVE AUTHORISATION_SUSPENDED AUTHORISATION_ENDED "
    "NO_AGREEMENT AGREEMENT_NOT_IMPLEMENTED AGREEMENT_SUSPENDED AGREEMENT_TERMINATED "
    "TYPE_OUT_OF_SCOPE ROLE_OUT_OF_SCOPE DIRECTION_OUT_OF_SCOPE GOODS_OUT_OF_SCOPE "
    "CROSSING_OUT_OF_SCOPE NO_INFORMATION UNMATCHED_IDENTIFIER STALE_DATA DATE_UNCERTAIN "
    "SAME_ADMINISTRATION NO_CONSENT DECISION_AWAITED",
)
