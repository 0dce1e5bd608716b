"""The identifier schemes by which partners match an operator, as data with their sources.

A number is stored as it was given and compared by its normal form: NFKC, capital letters, no
blanks, none of the scheme's separators. A number of another form or with a wrong check digit is
accepted only with a reason, because authorities do issue such numbers. Importers create US MIDs,
many for one site, so a MID never identifies an operator.
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
    """An identifier scheme. Its `form` is a regular expression for the normal form."""

    code: str
    form: re.Pattern[str] | None  # None: the source states no form, so any is accepted
    checker: str | None  # the python-stdnum module that verifies the check digit
    separators: str  # characters that the normal form leaves out
    unique: bool  # by its own rules a number belongs to one operator at a time


@lru_cache(maxsize=1)
def schemes() -> dict[str, Scheme]:
    """The schemes by code, from the data file."""
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
def normal_form(value: str, scheme: str | None = None) -> str:
    """The normal form of a number.

    Two numbers are the same if their normal forms are equal. Idempotent.

    `scheme`: the scheme of an identifier; None for a certificate number, whose hyphens count.
    """
    known = schemes().get(scheme) if scheme else None
    text = unicodedata.normalize("NFC", texts.plain(value).upper())
    for separator in known.separators if known else "":
        text = text.replace(separator, "")
    # A combining mark after a blank or separator now follows a letter and is composed with it.
    return unicodedata.normalize("NFC", "".join(text.split()))


def check(scheme: str, value: str, override: str | None = None) -> str:
    """Returns the value to store. Raises BadValue, WrongForm, OverrideNeeded.

    `override`: the reason why a number of another form or with another check digit is genuine.
    """
    known = schemes().get(scheme)
    if known is None:
        raise WrongForm(
            "scheme: found %(scheme)s, wanted one of %(schemes)s",
            scheme=repr(scheme),
            schemes=", ".join(sorted(schemes())),
        )
    value = value.strip()
    if not 0 < len(value) <= LONGEST or not normal_form(value, scheme):
        raise WrongForm(
            "value: found %(value)s, wanted 1 to %(longest)s printable characters",
            value=repr(value[:70]),
            longest=LONGEST,
        )
    try:
        texts.check("value", value)
    except BadValue as error:
        raise WrongForm(str(error)) from None
    if override and override.strip():
        return value
    if not is_of_form(scheme, value):
        assert known.form is not None
        raise WrongForm(
            "value: %(value)s is not of the form of %(scheme)s (%(pattern)s); if the "
            "authority did issue it so, say why in override",
            value=repr(value),
            scheme=scheme,
            pattern=known.form.pattern,
        )
    if known.checker and not _valid(known.checker, normal_form(value, scheme)):
        raise OverrideNeeded(
            "value: the check digit of %(scheme)s %(value)s fails; if the authority "
            "did issue it, say why in override",
            scheme=scheme,
            value=repr(value),
        )
    return value


def is_of_form(scheme: str, value: str) -> bool:
    """Whether the number has the form of its scheme."""
    form = schemes()[scheme].form
    return form is None or form.fullmatch(normal_form(value, scheme)) is not None


def _valid(module: str, value: str) -> bool:
    """Whether python-stdnum accepts the check digit."""
    return bool(import_module(f"stdnum.{module}").is_valid(value))
