"""`python -m api`: the command line."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def check_house() -> None:
    """The names of our packages are common: what is found by them must be ours.

    Exits with 2 and a sentence when a package of somebody else's stands in front.
    """
    for name in ("registry", "projections", "api"):
        found = importlib.util.find_spec(name)
        where = Path(found.origin).parents[1] if found and found.origin else None
        if where is None or where.resolve() != ROOT.resolve():
            sys.exit(f"aeo: {name} is found in {where}, not in {ROOT}: start it by ./aeo")


if __name__ == "__main__":
    check_house()
    from api.cli import main

    main()
