"""The service reads every operator at the places that are listed with their reason, and nowhere
else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from projections.reads.row_security import SERVICE_READS
from registry.paths import ROOT

#: Where the scope itself is made into connections; who takes these is listed.
MAKERS = {"api/graphql/positions.py whole", "api/graphql/context.py Context.whole"}


def uses(module: Path) -> Iterator[str]:
    """The functions of a module that read as the service: by SERVICE, by `whole(...)`, by `whole`
    of a context, or by `whole.connection` of anything."""

    def inside(node: ast.AST, scope: tuple[str, ...]) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            inner = scope
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    inner = (*scope, child.name)
                case ast.Name(id="SERVICE", ctx=ast.Load()) | ast.Call(func=ast.Name(id="whole")):
                    yield ".".join(scope)
                case ast.Attribute(attr="connection", value=ast.Attribute(attr="whole") as whole):
                    if "context" not in ast.unparse(whole.value):
                        yield ".".join(scope)
                case ast.Attribute(value=ast.expr() as owner, attr="whole") if (
                    "context" in ast.unparse(owner)
                ):
                    yield ".".join(scope)
            yield from inside(child, inner)

    path = module.relative_to(ROOT).as_posix()
    yield from (f"{path} {function}" for function in inside(ast.parse(module.read_text()), ()))


def test_each_read_as_the_service_is_listed_and_none_is_listed_that_is_not() -> None:
    found = {
        use
        for room in ("api", "projections", "registry")
        for module in sorted((ROOT / room).rglob("*.py"))
        for use in uses(module)
    }
    stated = {
        module.relative_to(ROOT).as_posix()
        for room in ("api", "projections", "registry")
        for module in (ROOT / room).rglob("*.py")
        if 'VisibilityScope("service"' in module.read_text() or "'service|" in module.read_text()
    }

    assert found - MAKERS == set(SERVICE_READS)
    assert stated == {"projections/reads/row_security.py"}  # nobody makes another


def test_the_list_is_documented_as_it_stands() -> None:
    text = (ROOT / "ops/docs/operating.md").read_text()
    rows = {
        tuple(cell.strip() for cell in line.strip("| ").split(" | "))
        for line in text.splitlines()
        if line.startswith("| `api/") or line.startswith("| `projections/")
    }
    listed = {
        (f"`{place.split()[0]}`, `{place.split()[1]}`", why) for place, why in SERVICE_READS.items()
    }

    assert listed <= rows
