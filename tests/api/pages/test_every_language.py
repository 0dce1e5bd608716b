"""Tests that open each page in a real browser, in every language of the site except English.

Each page fits a telephone of 320 pixels. Screenshots of each page are saved.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from api.languages import catalogues
from api.pages.site import PAGES
from tests.api.pages.test_every_page import address, walked
from tests.api.pages.walk import SAMPLES

__all__ = ["address"]

TRANSLATED = tuple(
    SAMPLES[page.address][0]
    for page in PAGES
    if page.shown and not page.english and SAMPLES[page.address]
)


@pytest.mark.parametrize("tag", [tag for tag in catalogues.tags() if tag != "en"])
def test_each_page_fits_in_each_language_and_is_kept_as_a_picture(
    browser: Browser, address: str, tag: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "looks"

    assert walked(browser, address, tag, TRANSLATED, folder) == {}
