"""Labels for the register's terms on the pages, and the signs that go with them.

A state is shown by word, letter and pattern; colour only repeats it (accessibility).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from babel import Locale
from babel.languages import get_official_languages

from registry.domain.texts import folded
from registry.domain.texts import shown as shown
from registry.domain.time_zones import zone as zone_of
from registry.domain.values import OTHER_CODES

#: The latest day of a step of which it is not known whether it happened.
OPEN_END = "9999-12-31"


class Sign(NamedTuple):
    """The sign of a state. `tone`: the style class (colours and pattern); `letter`: unique among
    states."""

    word: str
    letter: str
    tone: str


STATUS = {
    "VALID": Sign("valid", "V", "good"),
    "GRANTED": Sign("granted, not yet in effect", "G", "wait"),
    "UNDER_EXAMINATION": Sign("under examination", "E", "wait"),
    "ACCEPTED": Sign("application accepted", "C", "wait"),
    "LODGED": Sign("application lodged", "L", "wait"),
    "LISTED": Sign("valid by a published list", "B", "good"),
    "UNCERTAIN": Sign("not known: between two lists", "Q", "wait"),
    "DELISTED": Sign("no longer on the list", "K", "still"),
    "DECISION_AWAITED": Sign("past its end, decision awaited", "D", "warn"),
    "SUSPENDED": Sign("suspended", "S", "warn"),
    "REVOKED": Sign("revoked", "R", "bad"),
    "REFUSED": Sign("refused", "F", "bad"),
    "NOT_ACCEPTED": Sign("application not accepted", "N", "bad"),
    "ANNULLED": Sign("annulled", "A", "gone"),
    "SURRENDERED": Sign("surrendered", "U", "still"),
    "EXPIRED": Sign("expired", "X", "still"),
    "SUPERSEDED": Sign("superseded", "M", "still"),
    "WITHDRAWN": Sign("application withdrawn", "W", "still"),
    "NONE": Sign("no authorisation", "\N{EN DASH}", "still"),
    "IN_FORCE": Sign("in force", "I", "good"),
    "PILOT": Sign("pilot", "P", "wait"),
    "SIGNED": Sign("signed", "G", "wait"),
    "ACTION_PLAN": Sign("action plan", "A", "still"),
    "NEGOTIATING": Sign("negotiating", "N", "still"),
    "PROPOSED": Sign("proposed", "O", "still"),
    "TERMINATED": Sign("terminated", "T", "bad"),
}

OUTCOME = {
    "RECOGNISED": Sign("recognised", "\N{CHECK MARK}", "good"),
    "NOT_RECOGNISED": Sign("not recognised", "\N{MULTIPLICATION X}", "bad"),
    "UNKNOWN": Sign("unknown", "?", "warn"),
    "MET": Sign("met", "\N{CHECK MARK}", "good"),
    "NOT_MET": Sign("not met", "\N{MULTIPLICATION X}", "bad"),
}

MEASURES = {
    "aeo_partner_territories_signed": "partner territories with an agreement signed",
    "aeo_partner_economies_signed": "partner economies with an agreement signed",
    "aeo_partner_economies_implemented": "partner economies with an agreement in force",
    "aeo_partner_territories_implemented": "partner territories with an agreement in force",
    "cooperation_documents": "documents on customs cooperation",
    "cooperation_partners": "partners in customs cooperation",
    "aeo_operators": "authorised operators",
}

#: Abbreviations that keep their capitals in a phrase.
_CAPITALS = {"aeo": "AEO", "tin": "TIN", "hs": "HS", "eu": "EU"}


def phrase(term: str | None) -> str:
    """Returns a term as words: `CONTROL_RESULTS` is "control results", `aeo_operators` is "AEO
    operators"."""
    text = term or ""
    words = (text.lower() if text.isupper() else text).replace("_", " ").split()
    return " ".join(_CAPITALS.get(word, word) for word in words)


def measure(name: str) -> str:
    """Returns the words of a measure."""
    return MEASURES.get(name) or phrase(name)


def event_name(topic: str) -> str:
    """Returns the name of an event: `operator.suspension_lifted` is "suspension lifted"."""
    return phrase(topic.partition(".")[2] or topic)


#: Languages in which a territory can be searched by name.
LANGUAGES = ("en", "zh_Hans", "zh_Hant", "fr", "es", "ru", "ar", "de", "ja", "ko", "pt")
#: Common names of territories that CLDR does not have.
CALLED = {
    "GB": ("Great Britain", "Britain", "England", "UK"),
    "US": ("America", "USA"),
    "KR": ("Korea", "ROK"),
    "HK": ("Hong Kong", "香港"),
    "MO": ("Macao", "Macau", "澳门"),
    "TR": ("Turkey",),
    "CZ": ("Czech Republic",),
}


def territory(typed: str) -> str:
    """Returns the code that was meant: in capitals, and the territory's own code for another one in
    use."""
    code = folded(typed).upper()
    return OTHER_CODES.get(code, code)


@lru_cache(maxsize=1)
def _called() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {code: set(names) for code, names in CALLED.items()}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            found.setdefault(code, set()).add(name)
    return {code: frozenset(map(folded, names)) for code, names in found.items()}


def is_called(code: str, words: str) -> bool:
    """Returns whether this is a name of the territory, or a part of one, in one of the
    languages."""
    wanted = folded(words)
    return any(wanted in name for name in _called().get(code, ()))


def country(code: str) -> str:
    """Returns the territory's name in English; its code where CLDR has no name."""
    return str(Locale("en").territories.get("GB" if code == "XI" else code, code))


def language(code: str) -> str:
    """Returns the probable language of a name from that territory, for screen readers."""
    return next(iter(get_official_languages(code)), "en")


def moment(text: str) -> datetime:
    """Parses an instant in RFC 3339. Returns UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def instant(text: str | None) -> str:
    """Formats an instant: `2026-03-10 02:00 UTC`; with seconds where there are any."""
    if not text:
        return ""
    at = moment(text).replace(tzinfo=None)
    return f"{at.isoformat(' ', 'seconds' if at.second else 'minutes')} UTC"


def civil(text: str | None, zone: str | None) -> str:
    """Formats the start of a validity interval as a civil date in the authority's time zone.

    Without a zone, or where it does not start at midnight of that zone, as an instant in UTC.
    """
    if not text:
        return ""
    if zone:
        local = moment(text).astimezone(zone_of(zone))
        if (local.hour, local.minute, local.second) == (0, 0, 0):
            return local.date().isoformat()
    return instant(text)


def interval(found: dict[str, Any]) -> str:
    """Formats a date as a source gives it: a day, or the days between which it lies."""
    earliest, latest = found["earliest"], found["latest"]
    if earliest == latest:
        return str(earliest)
    if latest == OPEN_END:
        return f"{earliest} or later, if at all"
    if (earliest[5:], latest[5:]) == ("01-01", "12-31") and earliest[:4] == latest[:4]:
        return f"{earliest[:4]}, the day is not known"
    after = date.fromisoformat(latest) + timedelta(days=1)
    if earliest[8:] == "01" and after.day == 1 and earliest[:7] == latest[:7]:
        return f"{earliest[:7]}, the day is not known"
    return f"between {earliest} and {latest}"


def some_day(found: dict[str, Any]) -> str:
    """The same inside a sentence: "from some day between 2014-08-01 and 2017-06-13"."""
    text = interval(found)
    return f"some day {text}" if text.startswith("between") else text


#: What every event carries; the table of events has columns of its own for it.
ENVELOPE = {
    "agreement",
    "class_version",
    "corrects",
    "decided",
    "decided_by",
    "effective",
    "legal_ground",
    "source",
    "time_zone",
    "tin",
}


def details(payload: dict[str, Any]) -> str:
    """What an event itself says: "scheme EORI; value GB000000000091"."""
    return "; ".join(
        f"{phrase(name)} {text}" if text else phrase(name)
        for name, value in payload.items()
        if name not in ENVELOPE and value not in (None, False, [], {}, "")
        for text in [_flat(value)]
    )


def _flat(value: Any) -> str:
    match value:
        case True:
            return ""
        case {"earliest": _, "latest": _}:
            return interval(value)
        case dict():
            return details(value)
        case list():
            return ", ".join(map(_flat, value))
    return str(value)


def sign(term: str | None) -> Sign:
    """Returns the sign of a status or an outcome; a plain one for an unknown term."""
    return STATUS.get(term or "NONE") or OUTCOME.get(term or "") or Sign(phrase(term), "", "still")


def standing(found: dict[str, Any]) -> Sign:
    """Of an authorisation, or an interval of it: a part that is suspended alone is named."""
    whole, parts = sign(found["status"]), found["suspendedParts"]
    if not parts or found["status"] == "SUSPENDED":
        return whole
    named = f"part {parts[0]}" if len(parts) == 1 else f"parts {' and '.join(parts)}"
    return Sign(f"{whole.word}, {named} suspended", "P", "warn")


def outcome(term: str) -> Sign:
    """Returns the sign of an outcome. Raises KeyError for another term."""
    return OUTCOME[term]
