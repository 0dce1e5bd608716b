"""How a partner folds the feed: the whole of it, as the guide for partners shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any


class Fold:
    """Of each operator the course of its answer, as the changes told so far have it."""

    def __init__(self) -> None:
        self.courses: dict[str, list[dict[str, Any]]] = {}

    def keep(self, change: dict[str, Any]) -> None:
        """Instead of what was kept from `effectiveFrom` on."""
        first = datetime.fromisoformat(change["effectiveFrom"])
        before = [
            entry
            for entry in self.courses.get(change["tin"], ())
            if datetime.fromisoformat(entry["from"]) < first
        ]
        self.courses[change["tin"]] = before + change["course"]

    def at(self, tin: str, at: datetime) -> tuple[str, list[str]] | None:
        """The outcome and the codes of its reasons; None: nothing was ever told of it."""
        held = [
            entry
            for entry in self.courses.get(tin, ())
            if datetime.fromisoformat(entry["from"]) <= at
        ]
        if not held:
            return None
        return held[-1]["outcome"], [reason["code"] for reason in held[-1]["reasons"]]

    def copy(self) -> Fold:
        other = Fold()
        other.courses = {tin: list(course) for tin, course in self.courses.items()}
        return other
