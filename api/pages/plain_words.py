"""Names and texts of the record as people read them, where the identifier says too little."""

from __future__ import annotations

import re
from enum import Enum
from functools import cache

from registry.domain import programme_rules, values

#: The rules of programmes in English; the identifier of each is also the context of its
#: translation.
RULES = {
    "acceptance_days": "time to accept an application",
    "bar_years": "time without a new grant after a revocation",
    "consent_proof": "proof of consent",
    "consultation_days": "time to answer a consultation",
    "day_counting": "way of counting days",
    "decision_days": "time to decide on an application",
    "decision_extension_days": "extension of the time to decide",
    "dispute_days": "time to answer a dispute",
    "effect_after": "time from a decision to its effect",
    "recognised_part": "part that partners recognise",
    "review_years": "time from one review to the next",
    "second_person_days": "time for the second person to confirm",
    "sharing_consent": "consent to the sharing of data",
    "suspension_days": "length of a suspension that names no end",
    "suspension_end": "how a suspension ends",
    "validation_years": "time to the first validation",
    "validity_end": "how the validity ends",
    "validity_years": "length of the validity",
}

#: How the record cites the plans and press records from which its first data was taken.
_SEED = re.compile(r"\bseed \d{3}(?: \((?P<named>[^()]*)\)| hkcd)?")
_HKCD = "Hong Kong Commercial Daily"


def source_text(text: str | None) -> str:
    """Returns a source as the record cites it, without the marks of its editors: `seen: seed 001
    (GACC action plan 2018-2020)` is "GACC action plan 2018-2020"."""
    cited = (text or "").removeprefix("unverified: ").removeprefix("seen: ")
    cited = re.sub(r"(?<=[;:] )seen: ", "", cited)
    return _SEED.sub(
        lambda found: (
            found["named"]
            or (_HKCD if found[0].endswith("hkcd") else "first collection of plans and press")
        ),
        cited,
    )


def is_unverified(text: str | None) -> bool:
    """Whether nobody has read the source that a text names."""
    return (text or "").startswith("unverified")


@cache
def terms() -> frozenset[str]:
    """Returns the identifiers that stand in the data of events and have words of their own: the
    members of closed lists, and the rules of programmes."""
    found = {
        str(term.value)
        for kind in vars(values).values()
        if isinstance(kind, type) and issubclass(kind, Enum)
        for term in kind
    }
    rules = programme_rules
    return frozenset(found | {*rules.MEANINGS, *rules.GUARDS, *rules.LIMITS, *rules.TOLD})
