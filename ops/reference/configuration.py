"""The page on configuration: every variable of the environment."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from api.settings import NOT_FROM_OUTSIDE, VARIABLES, Settings
from ops.reference.markdown import comments_by_name, page, sentence, table

_DEFAULTS = {
    "DATABASE_URL": "a PostgreSQL of the program's own",
    "AEO_PG_BIN": "the wheel's, else the system's",
    "AEO_DATABASE": "passed in by the program",
    "AEO_WORKERS": "0",
    "AEO_CHECK_HOURS": "24",
    "AEO_CHECK_SHARE": "0.25",
    "AEO_VENV": "`.venv`",
    "AEO_CWD": "set by the launcher",
    "AEO_BENCH_CACHE": "the user's cache folder",
    "PROMETHEUS_MULTIPROC_DIR": "set by the service",
}


def configuration() -> str:
    """Every variable of the environment that the program or its launcher reads."""
    rows = [(f"`{name}`", default, meaning) for name, default, meaning in _settings()]
    rows += [
        (f"`{name}`", _DEFAULTS.get(name, "none"), sentence(meaning))
        for name, meaning in VARIABLES.items()
    ]
    return page(
        "Configuration",
        "Every variable of the environment that the program or its launcher reads; nothing else "
        "is read. An option of the command line comes before the variable of the same meaning.",
        table(("Variable", "Default", "Meaning"), rows),
    )


def _settings() -> Iterator[tuple[str, str, str]]:
    """Name, default and meaning of each setting that comes from outside."""
    meanings = comments_by_name(inspect.getsource(Settings))
    for name, field in Settings.model_fields.items():
        if name not in NOT_FROM_OUTSIDE:
            variable = f"AEO_{name.upper()}"
            default = "none" if field.default in ("", None) else f"`{field.default}`"
            if field.is_required():
                default = _DEFAULTS[variable]
            limits = [str(each) for each in field.metadata]
            meaning = sentence(meanings.get(name) or field.description or "")
            yield variable, default, f"{meaning} {_limits(limits)}".strip()


def _limits(annotations: list[str]) -> str:
    found = dict(re.findall(r"(\w+)=([\d.]+)", " ".join(annotations)))
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    said = [f"{words[name]} {found[name]}" for name in words if name in found]
    return f"({', '.join(said)})" if said else ""
