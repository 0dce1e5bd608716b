"""The world in which the tests happen: some countries, and three programmes with their law."""

from __future__ import annotations

from datetime import date

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.operators.authorisation import Due
from registry.domain.programme_rules import MEANINGS
from registry.domain.programmes import Programme
from registry.domain.values import AdministrationCode, RuleState

TODAY = date(2026, 3, 10)
DE, FR, EU, GB = (AdministrationCode(code) for code in ("DE", "FR", "EU", "GB"))
CN, KR, JP, SG = (AdministrationCode(code) for code in ("CN", "KR", "JP", "SG"))
TH, AU, CH, RU = (AdministrationCode(code) for code in ("TH", "AU", "CH", "RU"))
ZONES = {
    "DE": "Europe/Berlin",
    "FR": "Europe/Paris",
    "EU": "Europe/Brussels",
    "GB": "Europe/London",
    "CN": "Asia/Shanghai",
    "KR": "Asia/Seoul",
    "JP": "Asia/Tokyo",
    "SG": "Asia/Singapore",
    "TH": "Asia/Bangkok",
    "AU": "Australia/Sydney",
    "CH": "Europe/Zurich",
    "RU": "Europe/Moscow",
}
UCC = "Union Customs Code (Regulation 952/2013)"
OLD_LAW = "Regulation (EC) 1875/2006"


def programme(
    code: str,
    types: tuple[str, ...],
    *rules: tuple[str, str, str | None, str, str | None, str],
    none: tuple[str, ...] = (),
) -> Programme:
    """Rules: name, value, unit, from, until, ground. `none`: those that the law does not have."""
    home = AdministrationCode(code[:2])
    new_programme = Programme(
        programme=code,
        administration=home,
        time_zone=ZONES[home.text],
        name=code,
        types=types,
        effective=date(2008, 1, 1),
        source="a test",
    )
    for rule, value, unit, start, until, ground in rules:
        by = Decision(date.fromisoformat(start), legal_ground=ground)
        new_programme.set_rule(by, rule, value, unit, date.fromisoformat(until) if until else None)
    for rule in none:
        by = Decision(date(2008, 1, 1), legal_ground="a law without it")
        new_programme.set_rule(by, rule, None, state=RuleState.NONE)
    new_programme.collect_events()
    return new_programme


PROGRAMMES = {
    "EU-AEO": programme(
        "EU-AEO",
        ("AEOC", "AEOS", "AEOF"),
        ("effect_after", "10", "working days", "2008-01-01", "2016-05-01", OLD_LAW),
        ("decision_days", "120", "days", "2008-01-01", None, UCC),
        ("decision_extension_days", "60", "days", "2008-01-01", None, UCC),
        ("acceptance_days", "30", "days", "2016-05-01", None, UCC),
        ("consultation_days", "80", "days", "2016-05-01", None, UCC),
        ("effect_after", "5", "days", "2016-05-01", None, UCC),
        ("bar_years", "3", "years", "2008-01-01", None, UCC),
        ("suspension_days", "30", "days", "2016-05-01", None, UCC),
        ("parts.AEOC", "C", None, "2008-01-01", None, UCC),
        ("parts.AEOS", "S", None, "2008-01-01", None, UCC),
        ("parts.AEOF", "C+S", None, "2008-01-01", None, UCC),
        ("recognised_part", "S", None, "2008-01-01", None, UCC),
        none=("acceptance_days", "review_years", "suspension_days", "validity_years"),
    ),
    "KR-AEO": programme(
        "KR-AEO",
        ("A", "AA", "AAA"),
        ("validity_years", "5", "years", "2014-01-01", None, "Customs Act of Korea"),
        ("review_years", "1", "years", "2014-01-01", None, "Customs Act of Korea"),
        none=tuple(MEANINGS.keys() - {"review_years", "validity_years"}),
    ),
    # The day of notification: Switzerland sets no day of its own.
    "CH-AEO": programme(
        "CH-AEO",
        ("AEO",),
        ("effect_after", "0", "days", "2011-01-01", None, ""),
        none=tuple(MEANINGS.keys() - {"effect_after"}),
    ),
    # Of this one nobody knows a single rule.
    "JP-AEO": programme("JP-AEO", ("AEO",)),
}


def without_rules(programme: str) -> list[c.SetRule]:
    """The law of a programme that sets no term, deadline, bar or day of effect, and says so."""
    return [
        c.SetRule(
            programme=programme,
            rule=rule,
            state=RuleState.NONE,
            effective=date(2008, 1, 1),
            source="a law without it",
        )
        for rule in MEANINGS
    ]


def due(what: str, day: str, rule: str = UCC) -> tuple[Due, ...]:
    return (Due(what, date.fromisoformat(day), rule),)
