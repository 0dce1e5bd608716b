"""Keeps pictures of ten pages in three languages, narrow and wide, of a running service.

    python -m ops.screenshots FOLDER [--address http://127.0.0.1:8420]

The service is that of `./aeo up`: the pictures are taken as one of its demo identities, an auditor,
who sees every page. Needs Chromium and the test environment (Playwright).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from ops.pictures import BROWSERS

OPERATOR = "CN0000000012"
#: The name of each picture, and the address of its page.
PAGES = {
    "home": "/",
    "search": "/search?q=corridor",
    "check": f"/check?number={OPERATOR}&in=SG&day=2026-03-05",
    "operator": f"/operators/{OPERATOR}",
    "country": "/countries/CN",
    "agreement": "/agreements/CN-AU-AEO?tab=scope",
    "network": "/network?of=CN",
    "audit": f"/audit?of={OPERATOR}&in=SG&at=2026-03-05&known-at=2026-03-06",
    "verify": "/verify",
    "tour": "/tour",
}
LANGUAGES = ("en", "zh-Hans", "ar")
WIDTHS = (320, 1280)


def main() -> None:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--address", default="http://127.0.0.1:8420")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{asked.address}/en/as")
        page.locator('input[name="subject"][value="auditor:*"]').check()
        page.locator("main form button").click()
        for language in LANGUAGES:
            for name, address in PAGES.items():
                page.goto(f"{asked.address}/{language}{address}")
                _keep(page, asked.folder, f"{name}-{language}")
        browser.close()


def _keep(page: Page, folder: Path, name: str) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        file = folder / f"{name}-{width}.png"
        page.screenshot(path=file, full_page=True)
        print(file)


if __name__ == "__main__":
    main()
