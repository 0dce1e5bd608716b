"""The schemes by which partners match an operator, as data with their sources.

A number is kept as it was given, and compared by its normal form: one form of each character
(NFKC), capital letters, without blanks and without the scheme's separators. A wrong form or a
failed check digit needs a reason to be let through, because authorities do issue odd numbers. A
US MID is made by importers, many to a site: never a key.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

from registry.domain import texts
from registry.domain.errors import BadValue, OverrideNeeded, WrongForm
from registry.paths import IDENTIFIER_SCHEMES

LONGEST = 64  # characters of an identifier, and of the number of a certificate


@dataclass(frozen=True)
class Scheme:
    code: str
    form: re.Pattern[str] | None  # of the normal form; none: the source gives none, any will do
    checker: str | None  # the python-stdnum module that knows its check digit
    separators: str  # characters that make no difference
    unique: bool  # by its own rules a number is one operator's at a time


@lru_cache(maxsize=1)
def schemes() -> dict[str, Scheme]:
    with IDENTIFIER_SCHEMES.open(newline="", encoding="utf-8") as file:
        return {
            row["scheme"]: Scheme(
                row["scheme"],
                re.compile(row["regex"]) if row["regex"].startswith("^") else None,
                row["stdnum"] or None,
                row["separators"],
                row["unique"] == "yes",
            )
            for row in csv.DictReader(file)
        }


@lru_cache(maxsize=16_384)
def normal(value: str, scheme: str | None = None) -> str:
    """The normal form of a number: equal where two numbers are the same one. Idempotent.

    `scheme`: of an identifier; None for the number of a certificate, whose hyphens count.
    """
    known = schemes().get(scheme) if scheme else None
    text = unicodedata.normalize("NFC", texts.plain(value).upper())
    for separator in known.separators if known else "":
        text = text.replace(separator, "")
    # A mark that stood after a blank or a separator stands after a letter now, and is one with it.
    return unicodedata.normalize("NFC", "".join(text.split()))


def check(scheme: str, value: str, override: str | None = None) -> str:
    """The value as it will be stored. Raises BadValue, WrongForm, OverrideNeeded.

    `override`: why a number of another form, or with another check digit, is the authority's own.
    """
    known = schemes().get(scheme)
    if known is None:
        raise WrongForm(f"scheme: found {scheme!r}, wanted one of {', '.join(sorted(schemes()))}")
    value = value.strip()
    if not 0 < len(value) <= LONGEST or not normal(value, scheme):
        raise WrongForm(f"value: found {value[:70]!r}, wanted 1 to {LONGEST} printable characters")
    try:
        texts.check("value", value)
    except BadValue as error:
        raise WrongForm(str(error)) from None
    if override and override.strip():
        return value
    if not is_of_form(scheme, value):
        assert known.form is not None
        raise WrongForm(
            f"value: {value!r} is not of the form of {scheme} ({known.form.pattern}); "
            "if the authority did issue it so, say why in override"
        )
    if known.checker and not _valid(known.checker, normal(value, scheme)):
        raise OverrideNeeded(
            f"value: the check digit of {scheme} {value!r} fails; "
            "if the authority did issue it, say why in override"
        )
    return value


def is_of_form(scheme: str, value: str) -> bool:
    """Whether the number is of the form that its scheme has on record."""
    form = schemes()[scheme].form
    return form is None or form.fullmatch(normal(value, scheme)) is not None


def _valid(module: str, value: str) -> bool:
    return bool(import_module(f"stdnum.{module}").is_valid(value))
