"""The merge driver of the catalogues, for git: `python -m ops.merge_catalogues BASE OURS THEIRS`.

Two branches that each add texts change the same places of every `.po` file, and git reports a
conflict where there is none. This merges by message: its text and its context are its key. The
result is written over OURS, as git expects of a driver.

Exit code 0: merged; `python -m ops.messages` then puts the texts in the order of the sources. Exit
code 1: both sides translated a text, and differently. Ours is kept, each such text is printed on
standard error, and git reports the file as in conflict. How to switch it on: CONTRIBUTING.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from api.languages.catalogues import text_of

Key = tuple[str, str | None]


def merged(base: Catalog, ours: Catalog, theirs: Catalog) -> tuple[Catalog, list[str]]:
    """Returns our catalogue with what changed in theirs since the base, and the texts that both
    sides translated differently. Changes `ours`."""
    before, here, there = _messages(base), _messages(ours), _messages(theirs)
    disputed = []
    for key, message in there.items():
        old, own = before.get(key), here.get(key)
        if own is None:
            if old is None or old.string != message.string:  # else we have removed it
                _add(ours, message)
        elif own.string != message.string and (old is None or message.string != old.string):
            if any(own.string) and (old is None or own.string != old.string):
                disputed.append(key[0])
            else:
                own.string = message.string
    for key in before.keys() - there.keys():
        own = here.get(key)
        if own is not None and own.string == before[key].string:
            ours.delete(own.id, own.context)
    return ours, disputed


def _messages(catalogue: Catalog) -> dict[Key, Message]:
    return {(str(each.id), each.context): each for each in catalogue if each.id}


def _add(catalogue: Catalog, message: Message) -> None:
    catalogue.add(
        message.id,
        message.string,
        locations=message.locations,
        auto_comments=message.auto_comments,
        context=message.context,
    )


def _read(name: str) -> Catalog:
    with Path(name).open("rb") as stream:
        return read_po(stream, abort_invalid=True)


def main(names: list[str]) -> int:
    """Merges three files, in the order that git gives: base, ours, theirs."""
    base, ours, theirs = names
    catalogue, disputed = merged(_read(base), _read(ours), _read(theirs))
    Path(ours).write_bytes(text_of(catalogue))
    for text in disputed:
        print(f"both sides translated it, ours is kept: {text}", file=sys.stderr)
    return 1 if disputed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:4]))
