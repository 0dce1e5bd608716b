"""The documentation: its pages, links and pictures, and what it says of files that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.pages import docs, markdown
from ops.pictures import THEMES, wanted
from registry.paths import CONTRIBUTING, DECISIONS, DOCS, OPS, PICTURES, ROOT

README = ROOT / "README.md"
PAGES = sorted(DOCS.rglob("*.md"))
OTHERS = [each for each in (README, OPS / "README.md", CONTRIBUTING) if each.is_file()]
TERMS = (
    "bitemporal",
    "valid time",
    "transaction time",
    "idempotent",
    "optimistic concurrency",
    "rate limit",
    "group commit",
    "cache",
    "checkpoint",
    "inclusion proof",
)
#: A path into the tree, as pages name files: `api/http/rate_limit.py`, `ops/aeo-verify`.
PATH = re.compile(r"`((?:api|projections|registry|ops|tests)/[\w./-]*[\w-])`")


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def links(file: Path) -> Iterator[tuple[Path, str]]:
    """The relative links of a page: the file of each, and its anchor."""
    for link in markdown.links(markdown.read(file)):
        split = urlsplit(link)
        if not split.scheme and not link.startswith("/"):
            yield (file.parent / split.path).resolve() if split.path else file, split.fragment


@pytest.mark.parametrize("file", [*PAGES, *OTHERS], ids=name)
def test_every_link_leads_to_a_file_and_a_heading(file: Path) -> None:
    for target, anchor in links(file):
        assert target.exists(), target
        if anchor and target.suffix == ".md":
            assert anchor in markdown.anchors(markdown.read(target)), (target, anchor)


@pytest.mark.parametrize("file", [*PAGES, *OTHERS], ids=name)
def test_every_path_that_a_page_names_exists(file: Path) -> None:
    for path in PATH.findall(markdown.read(file)):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", sorted(docs.files()))
def test_every_page_is_rendered_without_style_or_script_inline(page: str) -> None:
    shown = docs.rendered(page)

    assert shown.title
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|&lt;(?:!--|br)", shown.html)


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_a_page_begins_with_its_one_title(file: Path) -> None:
    outside_code = re.sub(r"```.*?```", "", markdown.read(file), flags=re.S)

    assert outside_code.startswith("# ")
    assert len(re.findall(r"^# ", outside_code, re.M)) == 1


def test_every_page_is_in_the_menu() -> None:
    listed = {page for section in docs.menu() for page, _ in section.pages}
    own = {each.relative_to(DOCS).with_suffix("").as_posix() for each in PAGES}

    assert own - {"index"} <= listed


def test_every_picture_is_drawn_from_its_present_source() -> None:
    """Else: python -m ops.pictures"""
    assert {each.name for each in PICTURES.iterdir()} == {
        f"{picture}-{scheme}.svg" for picture in wanted() for scheme in THEMES
    }


def test_every_picture_says_what_it_shows() -> None:
    assert all(markdown.picture_title(source) for source in wanted().values())


@pytest.mark.parametrize("term", TERMS)
def test_a_usual_term_leads_to_its_place_in_the_code(term: str) -> None:
    """The glossary names files, and at least one of them has the term in its words."""
    row = re.search(rf"^\| {term} \|.*$", markdown.read(DOCS / "glossary.md"), re.M)

    assert row is not None
    named = [ROOT / path for path in PATH.findall(row[0])]
    texts = [" ".join(file.read_text(encoding="utf-8").lower().split()) for file in named]
    assert any(term in text for text in texts), named


def test_every_decision_is_a_page() -> None:
    assert {f"decisions/{each.stem}" for each in DECISIONS.glob("*.md")} <= set(docs.files())
