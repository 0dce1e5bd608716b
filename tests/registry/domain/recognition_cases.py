"""One case for every reason of a recognition: the facts, the question, outcome and reasons."""

from __future__ import annotations

from typing import Any

from registry.domain.agreements.timeline import LinkState
from registry.domain.recognition import RecognitionFacts
from registry.domain.values import (
    Direction,
    HsCode,
    Outcome,
    Role,
    Status,
)
from tests.law import CN, KR
from tests.questions import AT, DAY, facts, link, period

YES, NO, UNKNOWN = (outcome.value for outcome in Outcome)
CASES: list[tuple[str, RecognitionFacts, dict[str, Any], str, list[str]]] = [
    ("valid, linked and inside", facts(), {}, YES, ["IN_FORCE"]),
    ("unknown to the register", RecognitionFacts(None), {}, UNKNOWN, ["NO_INFORMATION"]),
    ("never applied", facts(periods=()), {}, NO, ["NO_AUTHORISATION"]),
    ("an applicant", facts(periods=(period(Status.LODGED),)), {}, NO, ["NO_AUTHORISATION"]),
    ("refused", facts(periods=(period(Status.REFUSED),)), {}, NO, ["NO_AUTHORISATION"]),
    (
        "granted, not in effect",
        facts(periods=(period(Status.GRANTED),)),
        {},
        NO,
        ["NOT_YET_EFFECTIVE"],
    ),
    ("suspended", facts(periods=(period(Status.SUSPENDED),)), {}, NO, ["AUTHORISATION_SUSPENDED"]),
    (
        "the part that partners recognise is suspended",
        facts(periods=(period(abroad=Status.SUSPENDED),)),
        {},
        NO,
        ["AUTHORISATION_SUSPENDED"],
    ),
    *(
        (f"{status}", facts(periods=(period(status),)), {}, NO, ["AUTHORISATION_ENDED"])
        for status in (
            Status.REVOKED,
            Status.ANNULLED,
            Status.SURRENDERED,
            Status.EXPIRED,
            Status.SUPERSEDED,
        )
    ),
    (
        "named by a list, which is assumed to go on",
        facts(periods=(period(abroad=Status.LISTED, flags=("listed",)),)),
        {},
        YES,
        ["IN_FORCE"],
    ),
    (
        "between two readings of a list",
        facts(periods=(period(Status.UNCERTAIN),)),
        {},
        UNKNOWN,
        ["DATE_UNCERTAIN"],
    ),
    (
        "between two readings, and outside",
        facts(periods=(period(Status.UNCERTAIN, type="GCE"),)),
        {},
        NO,
        ["TYPE_OUT_OF_SCOPE"],
    ),
    (
        "no longer on the list",
        facts(periods=(period(Status.DELISTED),)),
        {},
        NO,
        ["AUTHORISATION_ENDED"],
    ),
    ("of two, one ended", facts(periods=(period(Status.REVOKED), period())), {}, YES, ["IN_FORCE"]),
    ("no arrangement", facts(links=()), {}, NO, ["NO_AGREEMENT"]),
    ("the other direction only", facts(links=(link(from_=KR, to=CN),)), {}, NO, ["NO_AGREEMENT"]),
    (
        "not implemented",
        facts(links=(link(LinkState.NOT_IMPLEMENTED),)),
        {},
        NO,
        ["AGREEMENT_NOT_IMPLEMENTED"],
    ),
    (
        "suspended by them",
        facts(links=(link(LinkState.SUSPENDED),)),
        {},
        NO,
        ["AGREEMENT_SUSPENDED"],
    ),
    ("terminated", facts(links=(link(LinkState.TERMINATED),)), {}, NO, ["AGREEMENT_TERMINATED"]),
    (
        "nobody knows since when",
        facts(links=(link(LinkState.UNCERTAIN),)),
        {},
        UNKNOWN,
        ["DATE_UNCERTAIN"],
    ),
    (
        "past its term, which ends by decision",
        facts(periods=(period(Status.DECISION_AWAITED),)),
        {},
        UNKNOWN,
        ["DECISION_AWAITED"],
    ),
    (
        "of another type and past its term",
        facts(periods=(period(Status.DECISION_AWAITED, type="GCE"),)),
        {},
        NO,
        ["TYPE_OUT_OF_SCOPE"],
    ),
    (
        "past its term, and no arrangement",
        facts(periods=(period(Status.DECISION_AWAITED),), links=()),
        {},
        NO,
        ["NO_AGREEMENT"],
    ),
    (
        "of two, one past its term",
        facts(periods=(period(Status.DECISION_AWAITED), period())),
        {},
        YES,
        ["IN_FORCE"],
    ),
    ("another type", facts(periods=(period(type="GCE"),)), {}, NO, ["TYPE_OUT_OF_SCOPE"]),
    (
        "another programme",
        facts(links=(link(programmes=("CN-OTHER",)),)),
        {},
        NO,
        ["TYPE_OUT_OF_SCOPE"],
    ),
    (
        "no type at all: scope defaults to no",
        facts(links=(link(types=()),)),
        {},
        NO,
        ["TYPE_OUT_OF_SCOPE"],
    ),
    ("every type", facts(links=(link(types=("*",)),)), {}, YES, ["IN_FORCE"]),
    ("another role", facts(links=(link(roles=(Role.CARRIER,)),)), {}, NO, ["ROLE_OUT_OF_SCOPE"]),
    (
        "asked as what it is",
        facts(links=(link(roles=(Role.EXPORTER,)),)),
        {"role": Role.EXPORTER},
        YES,
        ["IN_FORCE"],
    ),
    ("asked as what it is not", facts(), {"role": Role.CARRIER}, NO, ["ROLE_OUT_OF_SCOPE"]),
    (
        "roles unknown at home",
        facts(periods=(period(roles=()),)),
        {"role": Role.CARRIER},
        YES,
        ["IN_FORCE"],
    ),
    (
        "imports",
        facts(links=(link(direction=Direction.EXPORT),)),
        {"direction": Direction.IMPORT},
        NO,
        ["DIRECTION_OUT_OF_SCOPE"],
    ),
    (
        "direction not asked",
        facts(links=(link(direction=Direction.EXPORT),)),
        {},
        YES,
        ["IN_FORCE"],
    ),
    (
        "goods under the heading",
        facts(links=(link(hs=(HsCode("0701"),)),)),
        {"hs": HsCode("070110")},
        YES,
        ["IN_FORCE"],
    ),
    (
        "a heading does not cover its chapter",
        facts(links=(link(hs=(HsCode("0701"),)),)),
        {"hs": HsCode("07")},
        NO,
        ["GOODS_OUT_OF_SCOPE"],
    ),
    (
        "at another crossing",
        facts(links=(link(crossings=("Heihe-Blagoveshchensk",)),)),
        {"crossing": "Suifenhe-Pogranichny"},
        NO,
        ["CROSSING_OUT_OF_SCOPE"],
    ),
    (
        "by another mode",
        facts(links=(link(modes=("road",)),)),
        {"mode": "Rail"},
        NO,
        ["CROSSING_OUT_OF_SCOPE"],
    ),
    ("by that mode", facts(links=(link(modes=("road",)),)), {"mode": "Road"}, YES, ["IN_FORCE"]),
    (
        "no identifier that they know",
        facts(links=(link(identifier_scheme="EORI"),)),
        {},
        YES,
        ["IN_FORCE", "UNMATCHED_IDENTIFIER"],
    ),
    (
        "a list too old",
        facts(links=(link(max_age_hours=24),), list_as_of=AT - 2 * DAY),
        {},
        UNKNOWN,
        ["IN_FORCE", "STALE_DATA"],
    ),
    (
        "a list of yesterday",
        facts(links=(link(max_age_hours=24),), list_as_of=AT - DAY),
        {},
        YES,
        ["IN_FORCE"],
    ),
    ("recorded here directly", facts(links=(link(max_age_hours=24),)), {}, YES, ["IN_FORCE"]),
]
