"""The templates of the sentences of the register, as they stand in the sources.

A template is the first argument of `Sentence`, or of a class of refusals or of errors that makes
one. `tests/api/pages/test_sentences.py` refuses a sentence whose template is made in another way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from api.access.permissions import PERMISSIONS, Action, Permission, Relation
from api.graphql.codes import kinds
from api.graphql.errors import bad_input, forbidden
from registry.domain.sentences import Sentence, has_words, without_field
from registry.paths import API, ROOT

#: What makes a sentence of its first argument.
MAKERS = frozenset(
    {
        Sentence.__name__,
        bad_input.__name__,
        forbidden.__name__,
        *(kind.__name__ for kind in kinds()),
    }
)
FOLDERS = (ROOT / "registry", ROOT / "projections", API)


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call that makes a sentence, with its file."""
    for folder in FOLDERS:
        for file in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args and _name(node.func) in MAKERS:
                    yield file, node


def templates() -> Iterator[tuple[str, str]]:
    """The file and the template of each, without the name of the field at fault."""
    for file, call in calls():
        first = call.args[0]
        value = first.value if isinstance(first, ast.Constant) else None
        if isinstance(value, str) and has_words(text := without_field(value)[0]):
            yield file.relative_to(ROOT).as_posix(), text
    for each in (*Action, *Relation, *PERMISSIONS.values()):
        if text := each.instead if isinstance(each, Permission) else each.value:
            yield "api/access/permissions.py", text


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
