"""Draws the pictures of the documentation: `python -m ops.pictures`.

Each Mermaid picture of `ops/docs` becomes two SVG files (for light and for dark screens) in
`ops/docs/pictures`, named by a hash of its source and of Mermaid's release. Pictures that no page
has any more are removed. A test compares names and sources, so a changed picture is drawn again.

Needs Node's `npm` with a registry it can reach, Chromium, and the test environment (Playwright).
Mermaid is installed into a temporary folder and only used here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from api.pages import markdown
from registry.paths import DOCS, PICTURES

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INK = {"light": "#1a2024", "dark": "#e7ebed"}
#: The colours of api/static/style.css.
THEMES = {
    "light": {
        "primaryColor": "#e3f0f2",
        "primaryTextColor": "#1a2024",
        "primaryBorderColor": "#0b5a6a",
        "lineColor": "#535e67",
        "textColor": "#1a2024",
        "secondaryColor": "#ebedee",
        "tertiaryColor": "#fafaf7",
        "tertiaryBorderColor": "#d8dcd7",
        "clusterBkg": "#fafaf7",
        "clusterBorder": "#d8dcd7",
        "edgeLabelBackground": "#ffffff",
        "noteBkgColor": "#fbeed6",
        "noteTextColor": "#1a2024",
        "noteBorderColor": "#8a5200",
    },
    "dark": {
        "primaryColor": "#17343b",
        "primaryTextColor": "#e7ebed",
        "primaryBorderColor": "#74c9d8",
        "lineColor": "#a5b0b8",
        "textColor": "#e7ebed",
        "secondaryColor": "#2a3238",
        "tertiaryColor": "#12171a",
        "tertiaryBorderColor": "#364147",
        "clusterBkg": "#12171a",
        "clusterBorder": "#364147",
        "edgeLabelBackground": "#1a2125",
        "noteBkgColor": "#3a2b11",
        "noteTextColor": "#e7ebed",
        "noteBorderColor": "#f0bd6b",
        "actorLineColor": "#a5b0b8",
        "signalColor": "#e7ebed",
        "signalTextColor": "#e7ebed",
    },
}
DRAW = """async ([source, name, theme]) => {
  mermaid.initialize({ startOnLoad: false, theme: "base", themeVariables: theme,
    fontFamily: "system-ui, 'Segoe UI', Roboto, sans-serif", htmlLabels: false,
    deterministicIds: true, deterministicIDSeed: name,
    flowchart: { htmlLabels: false, wrappingWidth: 230 },
    sequence: { wrap: true, width: 120, actorMargin: 16, messageFontSize: 15, actorFontSize: 15,
      noteFontSize: 15, messageMargin: 28, useMaxWidth: true },
    securityLevel: "strict" });
  const { svg } = await mermaid.render(`p${name}`, source);
  return svg;
}"""


def wanted() -> dict[str, str]:
    """The source of every picture of the documentation, by the name of its files."""
    return {
        markdown.picture_name(source): source
        for file in sorted(DOCS.rglob("*.md"))
        for source in markdown.pictures(markdown.read(file))
    }


def _mermaid(folder: Path) -> Path:
    """Mermaid's script, installed into the folder."""
    subprocess.run(
        ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts",
         f"mermaid@{markdown.MERMAID}"],
        check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return folder / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"


def draw(sources: dict[str, str], script: Path) -> None:
    """Writes both files of each picture."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser)
        page = chromium.new_page()
        page.set_content("<!doctype html><body></body>")
        page.add_script_tag(path=str(script))
        for name, source in sources.items():
            for scheme, theme in THEMES.items():
                svg = page.evaluate(DRAW, [source, name, theme])
                (PICTURES / f"{name}-{scheme}.svg").write_text(f"{svg}\n", encoding="utf-8")
        chromium.close()


def main() -> int:
    sources = wanted()
    PICTURES.mkdir(exist_ok=True)
    names = {f"{name}-{scheme}.svg" for name in sources for scheme in THEMES}
    for file in PICTURES.glob("*.svg"):
        if file.name not in names:
            file.unlink()
    missing = {
        name: source
        for name, source in sources.items()
        if not all((PICTURES / f"{name}-{scheme}.svg").is_file() for scheme in THEMES)
    }
    if missing:
        with tempfile.TemporaryDirectory() as folder:
            draw(missing, _mermaid(Path(folder)))
    print(f"{len(missing)} pictures drawn, {len(sources)} in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
