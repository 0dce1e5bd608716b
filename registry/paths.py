"""Paths into the source tree. Every other module imports the path of a folder or file from here.

The files are read where the program is installed, and never written. A file can move without a
search through the tree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
"""The folder that holds the packages `registry`, `projections`, `api` and the folder `ops`."""

IN_CHECKOUT: Final = (ROOT / "ops").is_dir()
"""False where a wheel was installed: there is no launcher, and nothing to measure."""

OPS: Final = ROOT / "ops" if IN_CHECKOUT else Path(__file__).parent / "data"
"""The folder `ops` of a checkout, or what an installed wheel carries of it."""

EXAMPLES: Final = OPS / "clients" / "examples"
"""The programs that the page /developers shows, as files that are run by tests."""

DOCS: Final = OPS / "docs"
"""The documentation in Markdown, which the service shows at /docs."""

PICTURES: Final = DOCS / "pictures"
"""The pictures of the documentation as SVG, drawn by `python -m ops.pictures`."""

DECISIONS: Final = OPS / "decisions"
CHANGES: Final = OPS / "CHANGES.md"
CONTRIBUTING: Final = (ROOT if IN_CHECKOUT else OPS) / "CONTRIBUTING.md"

BENCHES: Final = OPS / "bench"
"""Absent where only the packages are installed: `aeo bench` then says so."""

MIGRATIONS: Final = OPS / "migrations"
"""Numbered SQL files, applied in the order of their numbers, and the baseline, which lists SQL."""

SQL: Final = OPS / "sql"
"""The objects of the database, one a file."""

WORLD: Final = OPS / "world"
"""The published record as files of commands, one JSON object a line."""

IDENTIFIER_SCHEMES: Final = WORLD / "identifiers.csv"

TYPE_NAMES: Final = WORLD / "type-names.csv"
"""The names of types of authorisation in the law of their own programme."""

OPERATOR_COUNTS: Final = WORLD / "operator-counts.csv"
"""How many operators each administration published: the weights of the synthetic population."""

VERIFIER: Final = OPS / "aeo-verify"
"""The program that checks audit bundles and shares no line with the packages."""

API: Final = ROOT / "api"
SCHEMA: Final = API / "schema.graphql"
"""The exported GraphQL schema (SDL), compared with the code by a test."""

EDGE_SCHEMA: Final = API / "edge" / "schema.graphql"
"""The part of the GraphQL schema that an edge answers."""

COPY_SCHEMA: Final = API / "golden_copy" / "aeo-master-data.xsd"
"""The schema of the XML message of a golden copy."""

STATIC: Final = API / "static"
TEMPLATES: Final = API / "templates"
CATALOGUES: Final = API / "languages" / "catalogues"
"""The languages of the pages, one gettext catalogue each, and the template `messages.pot`."""

LAYOUTS: Final = API / "importing" / "files" / "builtin"
"""The layouts of import files that are delivered with the program, one TOML file each."""
