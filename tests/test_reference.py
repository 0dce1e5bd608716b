"""The generated pages of the documentation are what the code says."""

from __future__ import annotations

import pytest

from ops.reference import PAGES
from registry.paths import DOCS


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    """Else: python -m ops.reference"""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()
