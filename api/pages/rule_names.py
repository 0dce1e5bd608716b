"""The rules of programmes in the reader's language: their names, and their values with the unit."""

from __future__ import annotations

from typing import Any

from api.languages.language import _, current, joined, ngettext
from api.pages.labels import country, phrase
from api.pages.record_texts import in_language
from registry.domain.consent import OF_ADEQUACY

_PARTS, _CALENDAR = "parts.", "calendar."


def rule_name(rule: str) -> str:
    """Returns the name of a rule. That of a type, of a partner or of a day names it."""
    if rule.startswith(OF_ADEQUACY):
        whose = country(rule.removeprefix(OF_ADEQUACY))
        return _("whether the data protection of %(territory)s is adequate", territory=whose)
    if rule.startswith(_PARTS):
        return _("parts of the type %(type)s", type=rule.removeprefix(_PARTS))
    if rule.startswith(_CALENDAR):
        return _("working day: %(day)s", day=rule.removeprefix(_CALENDAR))
    return phrase(rule)


def rule_value(rule: dict[str, Any]) -> str:
    """Returns the value of a rule that is on record, with its unit in the right number."""
    value, unit = str(rule["value"]), rule["unit"]
    if not value.isdecimal() or unit not in ("days", "working days", "years"):
        words = in_language(value, current.get())
        return joined(" ", [words, phrase(unit)])
    number = int(value)
    if unit == "years":
        return ngettext("%(number)s year", "%(number)s years", number)
    if unit == "working days":
        return ngettext("%(number)s working day", "%(number)s working days", number)
    return ngettext("%(number)s day", "%(number)s days", number)
