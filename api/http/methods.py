"""The methods that a path answers, over all of the application's routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope


def allowed(routes: Iterable[BaseRoute], scope: Scope) -> set[str]:
    """The methods of the path of this request. Two routes may have one path, each with other
    methods. A HEAD is answered wherever a GET is; files are read only."""
    # A route to mounted files has already put its own beginning into this one.
    scope = {**scope, "root_path": scope.get("app_root_path", "")}
    found = set().union(*_matching(routes, scope))
    return found | ({"HEAD"} if "GET" in found else set())


def _matching(routes: Iterable[BaseRoute], scope: Scope) -> Iterator[set[str]]:
    """The methods of each route that matches, in the order in which they are tried."""
    for route in routes:
        if inside := getattr(route, "original_router", None):
            yield from _matching(inside.routes, scope)
        elif route.matches(scope)[0] is not Match.NONE:
            if isinstance(route, Mount):
                yield {"GET"}
            elif isinstance(route, Route):
                yield set(route.methods or ())
