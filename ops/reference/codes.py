"""The page on codes: reasons, refusals and errors."""

from __future__ import annotations

from api.graphql.codes import ERRORS, REFUSALS
from api.graphql.enum_descriptions import VALUES
from ops.reference.markdown import page, table


def codes() -> str:
    """Reason codes, codes of refusals and codes of errors."""
    reasons = ((f"`{code}`", meaning) for code, meaning in VALUES["ReasonCode"].items())
    refusals = ((f"`{code}`", meaning) for code, meaning in REFUSALS.items())
    errors = ((f"`{code}`", str(error.status), error.meaning) for code, error in ERRORS.items())
    return page(
        "Codes",
        "No code is ever renamed; more may be added. `api/graphql/codes.py` lists the codes of "
        "refusals and errors, `registry/domain/values.py` the reason codes.",
        "## Reason codes\n\nWhy a recognition has its outcome: `reasons { code message }`.\n\n"
        + table(("Reason code", "Meaning"), reasons),
        "## Refusal codes\n\nA command that is refused answers `Refused`, which is data: `code` "
        "is one of these, `path` the field of the input that is at fault.\n\n"
        + table(("Code of a refusal", "Meaning"), refusals),
        "## Error codes\n\nAn error of GraphQL has its code in `extensions.code`. The status is "
        "that of HTTP where the error is the whole answer; an error beside data comes with 200.\n\n"
        + table(("Code of an error", "Status", "Meaning"), errors),
    )
