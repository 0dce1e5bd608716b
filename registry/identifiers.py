"""The schemes by which partners match an operator, as data with their sources.

A wrong form refuses. A failed check digit warns and needs a reason to be let through, because
authorities do issue odd numbers. A US MID is made by importers, many to a site: never a key.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from registry.errors import OverrideNeeded, WrongForm

SCHEMES = Path(__file__).parents[1] / "ops" / "world" / "identifiers.csv"


@dataclass(frozen=True)
class Scheme:
    code: str
    form: re.Pattern[str] | None  # none: the source gives no form, any text will do
    checker: str | None  # the python-stdnum module that knows its check digit


@lru_cache(maxsize=1)
def schemes() -> dict[str, Scheme]:
    with SCHEMES.open(newline="", encoding="utf-8") as file:
        return {
            row["scheme"]: Scheme(
                row["scheme"],
                re.compile(row["regex"]) if row["regex"].startswith("^") else None,
                row["stdnum"] or None,
            )
            for row in csv.DictReader(file)
        }


def check(scheme: str, value: str, override: str | None = None) -> str:
    """The value as it will be stored. Raises WrongForm, OverrideNeeded."""
    known = schemes().get(scheme)
    if known is None:
        raise WrongForm(f"scheme: found {scheme!r}, wanted one of {', '.join(sorted(schemes()))}")
    value = value.strip()
    if not 0 < len(value) <= 64 or not value.isprintable():
        raise WrongForm(f"value: found {value[:70]!r}, wanted 1 to 64 printable characters")
    if known.form and not known.form.fullmatch(value):
        raise WrongForm(f"value: {value!r} is not of the form of {scheme} ({known.form.pattern})")
    if known.checker and not override and not _valid(known.checker, value):
        raise OverrideNeeded(
            f"value: the check digit of {scheme} {value!r} fails; "
            "if the authority did issue it, say why in override"
        )
    return value


def _valid(module: str, value: str) -> bool:
    return bool(import_module(f"stdnum.{module}").is_valid(value))
