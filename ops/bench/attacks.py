"""Questions that were made to be expensive: each within what a body may have, none answered.

`python -m ops.bench.attacks` prints how long each is worked upon until it is refused.
"""

from __future__ import annotations

from statistics import median
from time import process_time
from typing import Any

from rich.table import Table

from api.graphql.limits import read
from api.graphql.schema import core
from ops.bench.common import console

ROUNDS = 5

KEYS = [f"CN{number:010d}" for number in range(1_000)]


def _many(selection: str) -> str:
    return f"query ($tins: [TIN!]!) {{ operatorsByTin(tins: $tins) {{ {selection} }} }}"


def _page(selection: str) -> str:
    return f"operators(first: 100) {{ edges {{ node {{ {selection} }} }} }}"


def _chain(length: int) -> str:
    links = (f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(length))
    return f"{{ ...F0 }} {' '.join(links)} fragment F{length} on Query {{ viewer {{ role }} }}"


def _web(size: int) -> str:
    spread = (" ".join(f"...F{m}" for m in range(size) if m > n) for n in range(size))
    parts = (
        f"fragment F{n} on Query {{ viewer {{ role }} {text} }}" for n, text in enumerate(spread)
    )
    return f"{{ ...F0 }} {' '.join(parts)}"


#: What is wrong with the text itself, or with its size.
DOCUMENTS: dict[str, str] = {
    "braces without end": "{a" * 8_000,
    "brackets without end": "{ viewer(a:" + "[" * 7_000,
    "sixteen kilobytes of line ends": "#\n" * 8_000 + "{ viewer { role } }",
    "deep": '{ operator(tin: "CN1") ' + "{ successor " * 30 + "{ tin }" + "}" * 31,
    "wide": "{ viewer { " + "role " * 3_000 + "} }",
    "wide, within the tokens": "{ viewer { " + "role " * 490 + "} }",
    "wide in pieces": "{ " + ("viewer { " + "role " * 45 + "} ") * 10 + "}",
    "wide in fragments": "{ ...A ...B ...C ...D } "
    + " ".join(f"fragment {text} on Query {{ viewer {{ {'role ' * 100} }} }}" for text in "ABCD"),
    "roots": "{ " + "viewer { role } " * 120 + "}",
    "aliased": "{ " + " ".join(f"a{n}: viewer {{ role }}" for n in range(800)) + "}",
    "aliased a little": "{ " + " ".join(f"a{n}: viewer {{ role }}" for n in range(16)) + "}",
    "directives": "{ viewer { role " + "@include(if: true)" * 850 + "} }",
    "unknown directives": "{ viewer { role " + "@a" * 8_000 + "} }",
    "directives, within the tokens": "{ viewer { role " + "@a" * 240 + "} }",
    "the same directive": "{ viewer { role " + "@include(if: true)" * 68 + "} }",
    "doubling fragments": _chain(90),
    "a web of fragments": _web(25),
    "fragments nobody spreads": "{ viewer { role } } "
    + " ".join(f"fragment F{n} on Query {{ a }}" for n in range(150)),
    "operations": " ".join(f"query Q{n} {{ viewer {{ role }} }}" for n in range(110)),
    "operations of one fragment": " ".join(f"query Q{n} {{ ...F }}" for n in range(100))
    + " fragment F on Query { "
    + "viewer { role } " * 9
    + "}",
    "variables": f"query ({' '.join(f'$v{n}: Int' for n in range(500))}) {{ viewer {{ role }} }}",
    "misspelt": "{ viewer { " + " ".join(f"rol{n}" for n in range(480)) + " } }",
    "the schema again and again": "{ "
    + " ".join(f"a{n}: __schema {{ types {{ fields {{ name }} }} }}" for n in range(10))
    + " }",
    "the schema in width": "{ __schema { types { " + "name " * 900 + "} } }",
    "keys as text": "{ operatorsByTin(tins: ["
    + ", ".join(f'"{key}"' for key in KEYS)
    + "]) { tin } }",
}

#: What is well formed and small, and multiplies.
PRODUCTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a page of histories of many keys": (
        _many("history(first: 100) { edges { node { payload } } }"),
        {"tins": KEYS},
    ),
    "the same by variables": (
        "query ($tins: [TIN!]!, $n: Int!) { operatorsByTin(tins: $tins)"
        " { history(first: $n) { edges { node { payload } } } } }",
        {"tins": KEYS, "n": 100},
    ),
    "agreements of bases of territories of a page": (
        "{" + _page("recognisedIn { bases { agreement { scopes { from to } } } }") + "}",
        {},
    ),
    "a count for each party of a page": (
        "{ agreements(first: 100) { edges { node { parties { operatorCount } } } } }",
        {},
    ),
    "page upon page": (
        "{ "
        + " ".join(
            f"a{n}: {_page('tin name recognisedIn { in outcome legal }')}" for n in range(10)
        )
        + " }",
        {},
    ),
    "in fragments": (
        "{ ...A } fragment A on Query { a: operators(first: 100) { ...B } } "
        "fragment B on OperatorConnection { edges { node { recognisedIn { ...C } } } } "
        "fragment C on Recognition { bases { agreement { scopes { from to } } } }",
        {},
    ),
}


def refusal(text: str, variables: dict[str, Any]) -> str:
    """The first thing said against it. Nothing is kept: it is as new each time."""
    document = read(core, text)
    operation = document.operation(None)
    costly = operation and document.too_costly(operation, variables)
    return (document.errors or (costly,))[0].message if document.errors or costly else "ALLOWED"


def main() -> None:
    table = Table("question", "bytes", "ms", "refused because", title="until it is refused (CPU)")
    attacks = {name: (text, {}) for name, text in DOCUMENTS.items()} | PRODUCTS
    for name, (text, variables) in attacks.items():
        took = []
        for _ in range(ROUNDS):
            began = process_time()
            said = refusal(text, variables)
            took.append((process_time() - began) * 1_000)
        table.add_row(name, f"{len(text):,}", f"{median(took):.1f}", said[:70])
    console.print(table)


if __name__ == "__main__":
    main()
