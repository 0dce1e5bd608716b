"""The codes of refusals and errors that the service returns, with their descriptions.

A refusal is data: `Refused.code` of a command; its description is the docstring of its class. An
error is a GraphQL error with its code in `extensions.code`. The descriptions in the schema and the
tables of codes in ops/docs/reference/codes.md are held to these by tests.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from strawberry.utils.str_converters import to_camel_case

import api.access.webhooks  # noqa: F401  # its refusals have codes, too
from registry.domain.errors import Refusal


class Forbidden(Refusal):
    """The subject may not do this. The message says who may."""


class RefusalCode(Enum):
    """Why a command was refused. A code never changes its meaning; more codes may be added."""

    BAD_VALUE = "BAD_VALUE"
    UNKNOWN_OPERATOR = "UNKNOWN_OPERATOR"
    UNKNOWN_AUTHORISATION = "UNKNOWN_AUTHORISATION"
    UNKNOWN_AGREEMENT = "UNKNOWN_AGREEMENT"
    UNKNOWN_DOCUMENT = "UNKNOWN_DOCUMENT"
    UNKNOWN_CLAIM = "UNKNOWN_CLAIM"
    UNKNOWN_CLIENT = "UNKNOWN_CLIENT"
    UNKNOWN_PROGRAMME = "UNKNOWN_PROGRAMME"
    UNKNOWN_ADMINISTRATION = "UNKNOWN_ADMINISTRATION"
    UNKNOWN_POSITION = "UNKNOWN_POSITION"
    UNKNOWN_PERSON = "UNKNOWN_PERSON"
    UNKNOWN_PROPOSAL = "UNKNOWN_PROPOSAL"
    ALREADY_REGISTERED = "ALREADY_REGISTERED"
    WRONG_STATUS = "WRONG_STATUS"
    ALREADY_RECORDED = "ALREADY_RECORDED"
    BARRED = "BARRED"
    ALREADY_HELD = "ALREADY_HELD"
    NOT_OFFERED = "NOT_OFFERED"
    GROUND_NEEDED = "GROUND_NEEDED"
    WRONG_DATES = "WRONG_DATES"
    WRONG_FORM = "WRONG_FORM"
    OVERRIDE_NEEDED = "OVERRIDE_NEEDED"
    HELD_BY_ANOTHER = "HELD_BY_ANOTHER"
    NOT_A_PARTY = "NOT_A_PARTY"
    NOT_A_MEMBER = "NOT_A_MEMBER"
    SUPERSEDED = "SUPERSEDED"
    RECORDED_ELSEWHERE = "RECORDED_ELSEWHERE"
    SIGNATURE_MISSING = "SIGNATURE_MISSING"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    PERSON_NEEDED = "PERSON_NEEDED"
    OWN_PROPOSAL = "OWN_PROPOSAL"
    PROPOSAL_CLOSED = "PROPOSAL_CLOSED"
    UNKNOWN_DISPUTE = "UNKNOWN_DISPUTE"
    OTHERS_DISPUTE = "OTHERS_DISPUTE"
    DISPUTE_CLOSED = "DISPUTE_CLOSED"
    STALE_VERSION = "STALE_VERSION"
    OTHER_COMMAND = "OTHER_COMMAND"
    KNOWN_TOO_LATE = "KNOWN_TOO_LATE"
    UNKNOWN_WEBHOOK = "UNKNOWN_WEBHOOK"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    TOO_MANY_WEBHOOKS = "TOO_MANY_WEBHOOKS"
    FORBIDDEN = "FORBIDDEN"


def kinds(of: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """All subclasses of this class of refusals, direct and indirect."""
    return [kind for child in of.__subclasses__() for kind in (child, *kinds(child))]


#: The description of each refusal, by its code.
REFUSALS = {kind("").code: " ".join((inspect.getdoc(kind) or "").split()) for kind in kinds()}

#: The fields that can be at fault, by code, for a refusal whose message names no field. The
#: first of them that the input gives a value is named, else the first that the input has. A code
#: that is not here is the fault of no field: the subject may not do it, for example.
_STANDING = (
    "authorisation",
    "tin",
    "agreement",
    "programme",
    "document",
    "administration",
    "subject",
    "client",
)
AT_FAULT: dict[RefusalCode, tuple[str, ...]] = {
    RefusalCode.UNKNOWN_OPERATOR: ("tin",),
    RefusalCode.UNKNOWN_AUTHORISATION: ("authorisation", "tin"),
    RefusalCode.UNKNOWN_AGREEMENT: ("agreement",),
    RefusalCode.UNKNOWN_DOCUMENT: ("document",),
    RefusalCode.UNKNOWN_CLAIM: ("measure",),
    RefusalCode.UNKNOWN_CLIENT: ("client",),
    RefusalCode.UNKNOWN_PROGRAMME: ("programme", "authorisation", "tin"),
    RefusalCode.UNKNOWN_ADMINISTRATION: (
        "administration",
        "side",
        "member",
        "from",
        "parties",
        "subject",
        "partner",
        "asked",
        "tin",
        "actsFor",
    ),
    RefusalCode.UNKNOWN_POSITION: ("position",),
    RefusalCode.UNKNOWN_PERSON: ("person",),
    RefusalCode.UNKNOWN_PROPOSAL: ("proposal",),
    RefusalCode.OWN_PROPOSAL: ("proposal",),
    RefusalCode.PROPOSAL_CLOSED: ("proposal",),
    RefusalCode.UNKNOWN_DISPUTE: ("dispute",),
    RefusalCode.OTHERS_DISPUTE: ("dispute",),
    RefusalCode.DISPUTE_CLOSED: ("dispute",),
    RefusalCode.ALREADY_REGISTERED: (
        "tin",
        "id",
        "programme",
        "document",
        "client",
        "administration",
    ),
    RefusalCode.WRONG_STATUS: _STANDING,
    RefusalCode.ALREADY_RECORDED: _STANDING,
    RefusalCode.BARRED: ("effective", "tin"),
    RefusalCode.ALREADY_HELD: ("type", "number", "tin"),
    RefusalCode.NOT_OFFERED: ("type", "part", "programme"),
    RefusalCode.GROUND_NEEDED: ("legalGround",),
    RefusalCode.WRONG_DATES: ("effective",),
    RefusalCode.WRONG_FORM: ("value",),
    RefusalCode.OVERRIDE_NEEDED: ("value",),
    RefusalCode.HELD_BY_ANOTHER: ("value", "number"),
    RefusalCode.NOT_A_PARTY: ("side", "member", "from"),
    RefusalCode.NOT_A_MEMBER: ("member",),
    RefusalCode.SUPERSEDED: ("tin",),
    RefusalCode.RECORDED_ELSEWHERE: ("tin",),
    RefusalCode.SIGNATURE_MISSING: ("signature",),
    RefusalCode.SIGNATURE_INVALID: ("signature",),
    RefusalCode.KEY_UNKNOWN: ("signature",),
    RefusalCode.STALE_VERSION: ("expectedVersion",),
    RefusalCode.OTHER_COMMAND: ("commandId",),
    RefusalCode.UNKNOWN_WEBHOOK: ("webhook",),
    RefusalCode.ADDRESS_NOT_ALLOWED: ("url",),
}


def field_at_fault(
    refusal: Refusal, fields: Iterable[str], given: Iterable[str]
) -> list[str] | None:
    """The path to the input field that is at fault; None where no field is.

    `fields`: the names of the input's fields in GraphQL; `given`: those that have a value.
    """
    first, *rest = refusal.path or ("",)
    known, given_names = set(fields), set(given)
    if (name := to_camel_case(first)) in known:
        return [name, *rest]
    has = [name for name in AT_FAULT.get(RefusalCode(refusal.code), ()) if name in known]
    named = next((name for name in has if name in given_names), None)
    # A stale version without an expected version is a lost race, and no field is at fault.
    if refusal.code == RefusalCode.STALE_VERSION.value:
        return [named] if named else None
    return [named or has[0]] if has else None


@dataclass(frozen=True)
class Code:
    """An error code. `status`: the HTTP status where the error is the whole response. An error
    beside data is in a response with status 200."""

    status: int
    meaning: str


#: The error codes: `extensions.code` of a GraphQL error.
ERRORS: dict[str, Code] = {
    "BAD_REQUEST": Code(400, "The request is not a valid GraphQL-over-HTTP request."),
    "BAD_INPUT": Code(
        400, "The document, a variable or an argument is invalid. The message names it."
    ),
    "TOO_LARGE": Code(
        413,
        "The query exceeds the limit of cost, depth or repeated fields, or its text is too long.",
    ),
    "UNAUTHENTICATED": Code(
        401, "The token is not valid for this service. `extensions.reason` is the reason's code."
    ),
    "FORBIDDEN": Code(200, "The subject may not ask this. The message says who may."),
    "NOT_ACCEPTABLE": Code(
        406, "The service has no response in a media type that the request accepts."
    ),
    "UNSUPPORTED_MEDIA_TYPE": Code(415, "The body of the request is not JSON in UTF-8."),
    "METHOD_NOT_ALLOWED": Code(
        405,
        "The path does not answer this method; Allow names those that it does. A mutation must be"
        " sent by POST.",
    ),
    "MISDIRECTED": Code(
        421,
        "Where demo identities are offered: the Host header names another host than this machine.",
    ),
    "TOO_MANY_AT_ONCE": Code(
        429, "Too many requests of this subject are waiting. Try again later."
    ),
    "TOO_MANY_SUBSCRIPTIONS": Code(
        200, "The subject has as many subscriptions open as it may have. End one of them."
    ),
    "QUOTA_EXCEEDED": Code(
        429,
        "The client has used its quota of this minute: `reason` says whether of requests or of"
        " work. Retry-After says when the next minute begins.",
    ),
    "PERSISTED_QUERY_NOT_FOUND": Code(
        200, "No document is stored for this hash. Send the text of the document once."
    ),
    "SEVERAL_HOLDERS": Code(200, "Several operators have the number. The message names them."),
    "NOT_SIGNED": Code(200, "The log has no signed checkpoint yet. Try again later."),
    "EPOCH": Code(412, "The position or cursor belongs to another epoch of the ledger."),
    "BEHIND": Code(
        503, "The read models have not reached the requested position yet. Try again later."
    ),
    "BUSY": Code(503, "Too many requests are waiting. Try again later."),
    "DEADLINE": Code(503, "The query exceeded the request deadline. Ask for less at once."),
    "UNAVAILABLE": Code(
        503, "The database cannot be reached, or the service is stopping. Try again later."
    ),
    "ISSUER_UNREACHABLE": Code(
        503, "The issuer of the token does not answer, so the token cannot be checked now."
    ),
    "LOADING": Code(503, "The register is being loaded for the first time. Try again later."),
    "NOT_BELIEVED": Code(
        503, "The read models do not agree with the events, so no query is answered."
    ),
    "OUTCOME_UNKNOWN": Code(
        503, "It is not known whether the command was recorded. Send it again with its commandId."
    ),
    "INTERNAL": Code(
        200, "The service has failed. Its own log has the error under the id of the request."
    ),
}
