"""The methods that a path answers, over all of the application's routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope


def allowed(routes: Iterable[BaseRoute], scope: Scope) -> set[str]:
    """The methods of the path of this request. Two routes may have one path, each with other
    methods; a later path that matches too (`/operators/{tin}/{command}` beside
    `/operators/{tin}/looks`) is another address. A HEAD is answered wherever a GET is; files are
    read only."""
    # A route to mounted files has already put its own beginning into this one.
    scope = {**scope, "root_path": scope.get("app_root_path", "")}
    matching = list(_matching(routes, scope))
    found = set().union(*(methods for path, methods in matching if path == matching[0][0]))
    return found | ({"HEAD"} if "GET" in found else set())


def _matching(routes: Iterable[BaseRoute], scope: Scope) -> Iterator[tuple[str, set[str]]]:
    """The path and the methods of each route that matches, in the order in which they are tried."""
    for route in routes:
        if inside := getattr(route, "original_router", None):
            yield from _matching(inside.routes, scope)
        elif route.matches(scope)[0] is not Match.NONE:
            if isinstance(route, Mount):
                yield route.path, {"GET"}
            elif isinstance(route, Route):
                yield route.path, set(route.methods or ())
