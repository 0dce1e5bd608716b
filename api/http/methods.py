"""The methods that a path answers, over all of the application's routes."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope


def allowed(routes: Iterable[BaseRoute], scope: Scope) -> set[str]:
    """The methods of the routes that match the path of this request. Two routes may have one path,
    each with other methods. A HEAD is answered wherever a GET is; files are read only."""
    found: set[str] = set()
    # A route to mounted files has already put its own beginning into this one.
    scope = {**scope, "root_path": scope.get("app_root_path", "")}
    for route in routes:
        if inside := getattr(route, "original_router", None):
            found |= allowed(inside.routes, scope)
        elif route.matches(scope)[0] is not Match.NONE:
            if isinstance(route, Mount):
                found |= {"GET"}
            elif isinstance(route, Route):
                found |= route.methods or set()
    return found | ({"HEAD"} if "GET" in found else set())
