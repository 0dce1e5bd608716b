"""Every code that the service gives, in one place: of refusals, and of errors.

A refusal is data: `Refused.code` of a command, whose meaning is the docstring of its class. An
error is a GraphQL error; its code stands in `extensions.code`. The schema's descriptions, the table
in ops/README and the tests are made from what stands here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from strawberry.utils.str_converters import to_camel_case

from registry.domain.errors import Refusal


class Forbidden(Refusal):
    """The asker may not do this. The message says who may."""


class RefusalCode(Enum):
    """Why a command was refused; no code is ever renamed, and more may be added."""

    BAD_VALUE = "BAD_VALUE"
    UNKNOWN_OPERATOR = "UNKNOWN_OPERATOR"
    UNKNOWN_AUTHORISATION = "UNKNOWN_AUTHORISATION"
    UNKNOWN_AGREEMENT = "UNKNOWN_AGREEMENT"
    UNKNOWN_DOCUMENT = "UNKNOWN_DOCUMENT"
    UNKNOWN_CLAIM = "UNKNOWN_CLAIM"
    UNKNOWN_PROGRAMME = "UNKNOWN_PROGRAMME"
    UNKNOWN_ADMINISTRATION = "UNKNOWN_ADMINISTRATION"
    UNKNOWN_POSITION = "UNKNOWN_POSITION"
    UNKNOWN_PERSON = "UNKNOWN_PERSON"
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
    SIGNATURE_MISSING = "SIGNATURE_MISSING"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    STALE_VERSION = "STALE_VERSION"
    OTHER_COMMAND = "OTHER_COMMAND"
    KNOWN_TOO_LATE = "KNOWN_TOO_LATE"
    FORBIDDEN = "FORBIDDEN"


def kinds(of: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """Every kind of refusal."""
    return [kind for child in of.__subclasses__() for kind in (child, *kinds(child))]


#: What each refusal means, by its code.
REFUSALS = {kind("").code: " ".join((inspect.getdoc(kind) or "").split()) for kind in kinds()}

#: The fields of a command of which one is at fault where the message names none: of these the first
#: that the command gives, else the first that it has. Whatever is not here is nobody's field: a
#: sender who may not do it, or who was too slow.
_STANDING = (
    "authorisation",
    "tin",
    "agreement",
    "programme",
    "document",
    "administration",
    "subject",
)
AT_FAULT: dict[RefusalCode, tuple[str, ...]] = {
    RefusalCode.UNKNOWN_OPERATOR: ("tin",),
    RefusalCode.UNKNOWN_AUTHORISATION: ("authorisation", "tin"),
    RefusalCode.UNKNOWN_AGREEMENT: ("agreement",),
    RefusalCode.UNKNOWN_DOCUMENT: ("document",),
    RefusalCode.UNKNOWN_CLAIM: ("measure",),
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
    ),
    RefusalCode.UNKNOWN_POSITION: ("position",),
    RefusalCode.UNKNOWN_PERSON: ("person",),
    RefusalCode.ALREADY_REGISTERED: ("tin", "id", "programme", "document", "administration"),
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
    RefusalCode.SIGNATURE_MISSING: ("signature",),
    RefusalCode.SIGNATURE_INVALID: ("signature",),
    RefusalCode.KEY_UNKNOWN: ("signature",),
    RefusalCode.STALE_VERSION: ("expectedVersion",),
    RefusalCode.OTHER_COMMAND: ("commandId",),
}


def field_at_fault(
    refusal: Refusal, fields: Iterable[str], given: Iterable[str]
) -> list[str] | None:
    """The input field that is at fault, and the way into it; None where it is no field's fault.

    `fields`: of the input, by their names in GraphQL; `given`: those that have a value.
    """
    first, *rest = refusal.path or ("",)
    known, said = set(fields), set(given)
    if (name := to_camel_case(first)) in known:
        return [name, *rest]
    has = [name for name in AT_FAULT.get(RefusalCode(refusal.code), ()) if name in known]
    named = next((name for name in has if name in said), None)
    if refusal.code == RefusalCode.STALE_VERSION.value:  # without an expected version: no field
        return [named] if named else None
    return [named or has[0]] if has else None


@dataclass(frozen=True)
class Code:
    """`status`: of HTTP, where the error is the whole answer; an error beside data is in a 200."""

    status: int
    meaning: str


#: The codes of errors.
ERRORS: dict[str, Code] = {
    "BAD_REQUEST": Code(400, "The request is not a question of GraphQL over HTTP."),
    "BAD_INPUT": Code(400, "The document, a variable or an argument is not what is wanted."),
    "TOO_LARGE": Code(
        413, "The question costs, nests or repeats more than is answered, or its text is too long."
    ),
    "UNAUTHENTICATED": Code(401, "The token is not one that this service takes."),
    "FORBIDDEN": Code(200, "The asker may not ask this. The message says who may."),
    "NOT_ACCEPTABLE": Code(406, "No answer is worded in a media type that the request accepts."),
    "UNSUPPORTED_MEDIA_TYPE": Code(415, "The body is not JSON in UTF-8."),
    "METHOD_NOT_ALLOWED": Code(405, "Commands are sent by POST; a GET may only ask."),
    "TOO_MANY_AT_ONCE": Code(429, "Too many requests of this asker wait already."),
    "TOO_MANY_DOCUMENTS": Code(429, "Too many documents that are new here, in too short a time."),
    "PERSISTED_QUERY_NOT_FOUND": Code(200, "The hash names no document: send its text once."),
    "SEVERAL_HOLDERS": Code(200, "Several operators have the number. The message names them."),
    "NOT_SIGNED": Code(200, "The log has no signed head yet. Ask again."),
    "EPOCH": Code(412, "A position or a cursor is of another epoch of the ledger."),
    "BEHIND": Code(503, "The read models do not show the position asked for yet. Ask again."),
    "BUSY": Code(503, "Too many are waiting. Send it again."),
    "DEADLINE": Code(503, "The question takes too long to answer. Ask for less of it."),
    "UNAVAILABLE": Code(503, "The database or the ledger cannot be reached, or the service stops."),
    "LOADING": Code(503, "The register is loaded for the first time. Ask again."),
    "NOT_BELIEVED": Code(503, "Read models are not as the events say; nothing is answered."),
    "OUTCOME_UNKNOWN": Code(503, "The command may be recorded: send it again with its commandId."),
    "INTERNAL": Code(200, "A fault of the service. It is in its log by the request's id."),
}
