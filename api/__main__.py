"""`python -m api`: the command line."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def check_house() -> None:
    """Checks that the packages registry, projections and api are those beside this file.

    Their names are common, so another package of the same name may be found first. Exits with a
    sentence then.
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
