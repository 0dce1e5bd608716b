"""Days and instants as visitors type them: what is said of one that cannot be read.

A decimal digit of any script is read as the digit that it is.
"""

from __future__ import annotations

from api.languages.language import _
from registry.domain.instants import is_day, is_real
from registry.domain.texts import ascii_digits

LONGEST = 40  # characters of what was typed that are shown


def no_day(text: str) -> str:
    """Returns the sentence about a text that is no civil day."""
    if is_missing(text):
        return missing_day(text)
    return _("%(text)s is no day. Write 2018-02-01.", text=_found(text))


def no_instant(text: str) -> str:
    """Returns the sentence about a text that is neither a civil day nor an instant."""
    if is_missing(text):
        return _(
            "%(text)s is neither a date nor an instant: there is no such day in the calendar.",
            text=_found(text),
        )
    return _(
        "%(text)s is neither a date nor an instant. Write 2018-02-01, or 2018-02-01T09:30Z.",
        text=_found(text),
    )


def missing_day(text: str) -> str:
    """Returns the sentence about a day that the calendar does not have."""
    return _("%(text)s: there is no such day in the calendar.", text=_found(text))


def is_missing(text: str) -> bool:
    """Whether a text is, or begins with, a day that the calendar does not have."""
    day = ascii_digits(text)[:10]
    return is_day(day) and not is_real(day)


def _found(text: str) -> str:
    return repr(text[:LONGEST])
