"""Renders the documentation: CommonMark with tables, to HTML without inline styles or scripts.

A page is a Markdown file that a forge shows as it is. What differs here: headings have anchors (as
a forge makes them), tables have a caption and scroll by themselves, a link to another page of the
documentation is its address under /docs, a link to a source file is its name, and a picture in
Mermaid is the SVG that `python -m ops.pictures` drew of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

MERMAID: Final = "12.3.0"
"""The release of Mermaid that draws the pictures; part of the name of each."""

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Page:
    """A rendered page. `headings`: the anchor and the text of each heading of the second level."""

    title: str
    html: Markup
    headings: tuple[tuple[str, str], ...]


def picture_name(source: str) -> str:
    """The name of a picture's files without `-light.svg` and `-dark.svg`: a hash of its source."""
    return sha256(f"mermaid {MERMAID}\n{source.strip()}\n".encode()).hexdigest()[:16]


def pictures(text: str) -> list[str]:
    """The sources of the Mermaid pictures of a page, in their order."""
    return [token.content for token in _PARSER.parse(text) if _is_picture(token)]


def picture_title(source: str) -> str:
    """What a picture shows, in words: the line `accTitle:` of its source. Raises ValueError."""
    found = re.search(r"^\s*accTitle:\s*(.+)$", source, re.M)
    if found is None:
        raise ValueError("a picture has no line accTitle: that says what it shows")
    return found[1].strip()


def anchors(text: str) -> list[str]:
    """The anchors of all headings of a page, in their order, as a forge makes them."""
    return [anchor for anchor, _, _ in _headings(_PARSER.parse(text))]


def links(text: str) -> Iterator[str]:
    """The targets of all links and images of a page."""
    for token in _inline(_PARSER.parse(text)):
        target = token.attrGet("href") or token.attrGet("src")
        if target is not None:
            yield str(target)


def render(text: str, address: Callable[[str], str | None]) -> Page:
    """The page of a Markdown text.

    `address` gives the address here of a relative link's path, or None where nothing is served
    there: the link then becomes plain text. Raises ValueError for a picture without a title.
    """
    tokens = _PARSER.parse(text)
    headings = list(_headings(tokens))
    anchor = {id(token): name for name, _, token in headings}
    title = next((words for _, words, token in headings if token.tag == "h1"), "Documentation")
    caption = title
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor[id(token)])
            caption = tokens[at + 1].content.replace("`", "")
        elif token.type == "table_open":
            token.meta["caption"] = caption
        elif token.type in ("th_open", "td_open"):
            token.attrs.pop("style", None)  # no style inline
            if token.type == "th_open":
                token.attrSet("scope", "col")
        elif token.type == "inline":
            _rewrite_links(token.children or [], address)
    html = _PARSER.renderer.render(tokens, _PARSER.options, {})
    sections = tuple((name, words) for name, words, token in headings if token.tag == "h2")
    return Page(title, Markup(html), sections)


def _headings(tokens: list[Token]) -> Iterator[tuple[str, str, Token]]:
    """The anchor, the plain words and the opening token of each heading."""
    seen: dict[str, int] = {}
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            words = "".join(
                each.content
                for each in tokens[at + 1].children or []
                if each.type in ("text", "code_inline")
            )
            name = _NOT_IN_ANCHORS.sub("", words.lower()).replace(" ", "-")
            count = seen[name] = seen.get(name, -1) + 1
            yield (f"{name}-{count}" if count else name), words, token


def _inline(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _inline(token.children or [])


def _rewrite_links(tokens: list[Token], address: Callable[[str], str | None]) -> None:
    """Gives relative links their address here; what is not served keeps its words alone."""
    plain = False
    for token in tokens:
        if token.type == "link_open":
            split = urlsplit(str(token.attrGet("href")))
            if split.scheme or not split.path or split.path.startswith("/"):
                continue
            if (found := address(split.path)) is not None:
                token.attrSet("href", found + (f"#{split.fragment}" if split.fragment else ""))
                continue
            token.type, token.tag, token.attrs, plain = "span_open", "span", {}, True
        elif token.type == "link_close" and plain:
            token.type, token.tag, plain = "span_close", "span", False


def _is_picture(token: Token) -> bool:
    return token.type == "fence" and token.info.strip() == "mermaid"


def _table_open(_: object, tokens: list[Token], at: int, *__: object) -> str:
    caption = escape(tokens[at].meta["caption"])
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">'
        f'<table><caption class="hidden-visually">{caption}</caption>\n'
    )


def _table_close(*_: object) -> str:
    return "</table></div>\n"


def _fence(_: object, tokens: list[Token], at: int, *__: object) -> str:
    token = tokens[at]
    if not _is_picture(token):
        return f'<pre tabindex="0"><code>{escape(token.content)}</code></pre>\n'
    name, title = picture_name(token.content), escape(picture_title(token.content))
    return (
        f'<figure class="drawn"><div class="picture" tabindex="0" role="region" '
        f'aria-label="Picture: {title}"><picture>'
        f'<source srcset="/docs/pictures/{name}-dark.svg" media="(prefers-color-scheme: dark)">'
        f'<img src="/docs/pictures/{name}-light.svg" alt="{title}"></picture></div>'
        f"<figcaption>{title}</figcaption></figure>\n"
    )


_PARSER.add_render_rule("table_open", _table_open)
_PARSER.add_render_rule("table_close", _table_close)
_PARSER.add_render_rule("fence", _fence)
_PARSER.add_render_rule("code_block", _fence)


def read(file: Path) -> str:
    """A Markdown file's text. Raises OSError."""
    return file.read_text(encoding="utf-8")
