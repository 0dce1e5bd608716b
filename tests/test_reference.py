"""The generated pages of the documentation are what the code says."""

from __future__ import annotations

import pytest

from ops.reference.pages import PAGES, TABLES
from ops.reference.tables import tables
from registry.paths import DOCS


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    """Else: python -m ops.reference"""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_the_page_of_tables_is_what_a_migrated_database_has(database: str) -> None:
    """Else: python -m ops.reference"""
    page = tables(database)

    assert (DOCS / TABLES).read_text(encoding="utf-8") == page
    assert "|  |" not in page  # every column has a meaning
