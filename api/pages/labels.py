"""Labels for the register's terms on the pages, and the signs that go with them.

A state is shown by word, letter and pattern; colour only repeats it (accessibility).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from babel import Locale
from babel.languages import get_official_languages
from markupsafe import Markup

from api.languages import writing_systems
from api.languages.language import _, current, joined, pgettext
from api.pages.plain_words import RULES, source_text, terms
from registry.domain.instants import is_day
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


#: Flags of an authorisation that name a part or a rule.
_SUSPENDED_PART = re.compile(r"part_(.+)_suspended")
_UNKNOWN_RULE = re.compile(r"(.+)_unknown")


def phrase(term: str | None) -> str:
    """Returns a term as words in the reader's language, by the key of the term."""
    if not term:
        return ""
    if found := _UNKNOWN_RULE.fullmatch(term):
        return _("%(rule)s unknown", rule=phrase(found[1]))
    if (found := _SUSPENDED_PART.fullmatch(term)) and not current.get().is_source:
        return _("part %(part)s suspended", part=found[1])
    return pgettext(term, english_phrase(term))


def english_phrase(term: str | None) -> str:
    """Returns a term as English words: `CONTROL_RESULTS` is "control results", `aeo_operators` is
    "AEO operators"."""
    text = term or ""
    if text in RULES:
        return RULES[text]
    words = (text.lower() if text.isupper() else text).replace("_", " ").split()
    return " ".join(_CAPITALS.get(word, word) for word in words)


def measure(name: str) -> str:
    """Returns the words of a measure."""
    return pgettext(name, MEASURES[name]) if name in MEASURES else phrase(name)


def event_name(topic: str) -> str:
    """Returns the name of an event: `operator.suspension_lifted` is "suspension lifted"."""
    return pgettext(topic, english_event_name(topic))


def english_event_name(topic: str) -> str:
    """Returns the English name of an event."""
    return english_phrase(topic.partition(".")[2] or topic)


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
    "BY": ("Weißrussland", "Byelorussia"),
    "NL": ("Holland",),
    "AE": ("UAE", "Emirates"),
    "SA": ("KSA",),
    "TW": ("Taiwan, Penghu, Kinmen and Matsu",),
}


def territory(typed: str) -> str:
    """Returns the code that was meant: in capitals, and the territory's own code for another one in
    use."""
    code = folded(typed).upper()
    return OTHER_CODES.get(code, code)


@lru_cache(maxsize=1)
def called() -> dict[str, frozenset[str]]:
    """Returns the names of each territory in all languages of the search, folded."""
    found: dict[str, set[str]] = {code: set(names) for code, names in CALLED.items()}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            found.setdefault(code, set()).add(name)
    return {code: frozenset(map(folded, names)) for code, names in found.items()}


def closeness(code: str, name: str, words: str) -> int | None:
    """Returns how close words are to the names of a territory: 0 a whole name, 1 its beginning, 2
    the beginning of one of its words, 3 a part; None for no name of it.

    `name`: that of its administration, which counts as well."""
    wanted = folded(words)
    ranks = (
        0 if wanted == each else 1 if each.startswith(wanted) else 2 if f" {wanted}" in each else 3
        for each in (*called().get(code, ()), folded(name), folded(code))
        if wanted in each
    )
    return min(ranks, default=None)


def country(code: str) -> str:
    """Returns the territory's name in the reader's language; its code where CLDR has no name."""
    return current.get().territory(code)


def by_country(codes: Iterable[str]) -> list[str]:
    """Returns the codes of territories in the alphabetical order of their names, in the reader's
    language; those of one name by their code."""
    language = current.get()
    return sorted(codes, key=lambda code: (language.alphabetical(language.territory(code)), code))


def written(text: str) -> str:
    """Returns the likely language of a text whose language is not on record, for screen readers;
    that of the page where it is in a script of its language."""
    tag = current.get().tag
    return writing_systems.likely_language(text, tag)


def language(code: str) -> str:
    """Returns the probable language of a name from that territory, for screen readers."""
    return next(iter(get_official_languages(code)), "en")


def moment(text: str) -> datetime:
    """Parses an instant in RFC 3339. Returns UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def instant(text: str | None) -> str:
    """Formats an instant: in English `2026-03-10 02:00 UTC`; with seconds where there are any."""
    if not text:
        return ""
    language, at = current.get(), moment(text)
    if language.is_source:
        local = at.replace(tzinfo=None)
        return f"{local.isoformat(' ', 'seconds' if at.second else 'minutes')} UTC"
    return _("%(day)s, %(time)s", day=day(at.date().isoformat()), time=language.clock(at))


def day(text: str | None) -> str:
    """Formats a civil day, month or year: in English as ISO 8601 has it."""
    return current.get().day(text) if text else ""


def typed(text: str) -> str:
    """Formats an instant as it was typed: a civil day as the reader writes one, else unchanged."""
    return day(text) if is_day(text) else text


def civil(text: str | None, zone: str | None) -> str:
    """Formats the start of a validity interval as a civil date in the authority's time zone.

    Without a zone, or where it does not start at midnight of that zone, as an instant in UTC.
    """
    if not text:
        return ""
    if zone:
        local = moment(text).astimezone(zone_of(zone))
        if (local.hour, local.minute, local.second) == (0, 0, 0):
            return day(local.date().isoformat())
    return instant(text)


def first_day(text: str, zones: Sequence[str]) -> str:
    """Formats the instant from which an answer holds as the civil date that begins at that moment
    in one of these time zones, named unless it is the first; as an instant in UTC where none has
    its midnight then. An answer changes with a day of the law of either side."""
    for zone in zones:
        local = moment(text).astimezone(zone_of(zone))
        if (local.hour, local.minute, local.second) == (0, 0, 0):
            date_there = day(local.date().isoformat())
            return date_there if zone == zones[0] else f"{date_there} ({zone})"
    return instant(text)


def interval(found: dict[str, Any]) -> str:
    """Formats a date as a source gives it: a day, or the days between which it lies."""
    earliest, latest = found["earliest"], found["latest"]
    if earliest == latest:
        return day(str(earliest))
    if latest == OPEN_END:
        return _("%(day)s or later, if at all", day=day(earliest))
    if (earliest[5:], latest[5:]) == ("01-01", "12-31") and earliest[:4] == latest[:4]:
        return _("%(period)s, the day is not known", period=day(earliest[:4]))
    after = date.fromisoformat(latest) + timedelta(days=1)
    if earliest[8:] == "01" and after.day == 1 and earliest[:7] == latest[:7]:
        return _("%(period)s, the day is not known", period=day(earliest[:7]))
    return _("between %(first)s and %(last)s", first=day(earliest), last=day(latest))


def some_day(found: dict[str, Any]) -> str:
    """The same inside a sentence: "from some day between 2014-08-01 and 2017-06-13"."""
    exact = found["earliest"] == found["latest"] or found["latest"] == OPEN_END
    text = interval(found)
    if exact or (current.get().is_source and not text.startswith("between")):
        return text
    return _("some day %(interval)s", interval=text)


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


def details(payload: dict[str, Any], written: Callable[[str], str] | None = None) -> str:
    """What an event itself says: "scheme EORI; value GB000000000091". `written`: of a value."""
    return joined(
        _("; "),
        [
            joined(" ", [phrase(name), _flat(value, written)])
            for name, value in payload.items()
            if name not in ENVELOPE and value not in (None, False, [], {}, "")
        ],
    )


def _flat(found: Any, written: Callable[[str], str] | None) -> str:
    match found:
        case True:
            return ""
        case {"earliest": _, "latest": _}:
            return interval(found)
        case dict():
            return details(found, written)
        case list():
            return joined(_(", "), [_flat(each, written) for each in found])
    return (written or value)(str(found))


def value(text: str) -> str:
    """A value of an event: a day as the reader writes one, a term in the reader's language where
    the catalogue has it, any other text as it was recorded."""
    if current.get().is_source:
        named = text in terms() or re.fullmatch("[a-z]+(_[a-z]+)+", text)
        return english_phrase(text) if named else shown(source_text(text))
    if is_day(text):
        return day(text)
    return phrase(text) if phrase(text) != english_phrase(text) else shown(source_text(text))


def sign(term: str | None) -> Sign:
    """Returns the sign of a status or an outcome; a plain one for an unknown term."""
    key = term or "NONE"
    found = STATUS.get(key) or OUTCOME.get(key)
    return worded(key, found) if found else Sign(phrase(term), "", "still")


def worded(key: str, found: Sign) -> Sign:
    """Returns the sign with its word in the reader's language."""
    return found._replace(word=pgettext(key, found.word))


def standing(found: dict[str, Any]) -> Sign:
    """Of an authorisation, or an interval of it: a part that is suspended alone is named."""
    whole, parts = sign(found["status"]), found["suspendedParts"]
    if not parts or found["status"] == "SUSPENDED":
        return whole
    values = {"status": whole.word, "parts": current.get().list(parts)}
    if len(parts) == 1:
        word = _("%(status)s, part %(parts)s suspended", **values)
    else:
        word = _("%(status)s, parts %(parts)s suspended", **values)
    return Sign(word, "P", "warn")


def outcome(term: str) -> Sign:
    """Returns the sign of an outcome. Raises KeyError for another term."""
    return worded(term, OUTCOME[term])


def original(text: str | None) -> str:
    """Marks a text that the service makes in English, where the page is in another language."""
    if not text or current.get().is_source:
        return text or ""
    return Markup('<span lang="en" dir="ltr">{}</span>').format(shown(text))
