"""The texts of the published record (`ops/world`) that pages show in the reader's language.

They are fixed with the product: goals, documents, measures, titles of agreements, benefits.
The record itself stays as it was recorded. A title of an agreement of two parties is made of their
names, and is no text of the catalogues.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from api.pages.record_texts import party_codes
from registry.paths import WORLD

#: The fields with such texts, by command.
FIELDS = {
    "set_target": ("text", "note"),
    "publish_document": ("title", "text", "note", "measures"),
    "amend_document": ("title", "text", "note", "measures"),
    "propose_agreement": ("title",),
    "amend_agreement": ("title",),
    "set_scope": ("benefits", "declaration_box"),
    "set_rule": ("value",),
}
_WORDS = re.compile("[a-z]{2}")


def texts() -> Iterator[str]:
    """Every such text, in the order of the record; some more than once."""
    for file in sorted(WORLD.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            command = json.loads(line) if line.strip() else {}
            for name in FIELDS.get(command.get("command", ""), ()):
                value = command.get(name) or ()
                yield from filter(_is_text, [value] if isinstance(value, str) else value)


def _is_text(text: str) -> bool:
    """Whether a text is in words, and not a number, a day, a code or a title of two parties."""
    return bool(_WORDS.search(text)) and party_codes(text) is None
