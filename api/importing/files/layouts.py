"""Layouts: how the columns of a customs administration's own file map to the fields of a command.

Layouts are data: built-in ones, or a TOML file. ops/docs/guides/importing.md describes the keys.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from api.importing.files import BadFile, Cell, FileOptions
from api.importing.files.cells import kind_of, kinds, text_of, typed
from api.importing.files.headers import match_of, plain
from registry.paths import LAYOUTS


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A layout.

    `columns`: headings, each with its field; several headings may have the same field, and a file
    has one of them. `constants`: fields with the same value in every line. `values`: by field, the
    file's words and ours. `administration`: the code to prepend to a TIN that has none. `scheme`:
    the scheme of the identifiers in the file. `register`: an operator that is not in the register
    is registered first, under the name in the line. `extends`: a built-in layout, whose keys hold
    where this one says nothing. The other fields are those of FileOptions.
    """

    title: str
    command: str
    extends: str | None = None
    columns: dict[str, str] = {}
    constants: dict[str, str | int | bool] = {}
    values: dict[str, dict[str, str]] = {}
    administration: str | None = None
    scheme: str | None = None
    register: bool = False
    encoding: str | None = None
    separator: str | None = None
    dates: str | None = None
    sheet: str | None = None

    def completed(self, options: FileOptions) -> FileOptions:
        """Returns the options; those of the caller take precedence over the layout's."""
        return FileOptions(
            command=options.command or self.command,
            encoding=options.encoding or self.encoding,
            separator=options.separator or self.separator,
            dates=options.dates or self.dates,
            sheet=options.sheet or self.sheet,
        )

    def fixed(self) -> dict[str, Any]:
        """Returns the fields that have the same value in every line."""
        return {"scheme": self.scheme, **self.constants} if self.scheme else dict(self.constants)

    def words(self) -> dict[str, dict[str, str]]:
        """Returns `values` with the file's words in their plain form, as `fields_of` needs them."""
        return {
            field: {plain(word): ours for word, ours in words.items()}
            for field, words in self.values.items()
        }

    def fields_of(
        self, row: dict[str, Cell], dates: str | None, words: dict[str, dict[str, str]]
    ) -> dict[str, Any]:
        """Returns the command of a row. `words`: see `words`. Raises BadValue."""
        cells: dict[str, Cell] = {**self.fixed(), **row, "command": self.command}
        for field, known in words.items():
            if field in row:
                cells[field] = known.get(plain(text_of(field, row[field])), row[field])
        tin = cells.get("tin")
        if self.administration and tin is not None:
            text = text_of("tin", tin)
            own = re.match(r"[A-Z]{2}", text)
            cells["tin"] = text if own else self.administration + text
        return typed(cells, dates)


def names() -> list[str]:
    """Returns the names of the layouts that come with the program, sorted."""
    return sorted(path.stem for path in LAYOUTS.glob("*.toml"))


def layout_of(name: str, here: Path) -> Layout:
    """Returns a built-in layout by its name, or a layout from a file. `here`: the caller's folder.
    Raises BadFile."""
    path = LAYOUTS / f"{name}.toml" if name in names() else here / name
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        layout = msgspec.convert(_extended(content), Layout, strict=True)
    except OSError:
        raise BadFile(
            f"--layout: there is no layout {name!r}; one of {', '.join(names())}, or a file"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadFile(f"{path.name} is no layout: {error}") from None
    _check(layout, path.name)
    return layout


def _extended(content: dict[str, Any]) -> dict[str, Any]:
    """Returns a layout's keys with those of the built-in layout that it extends, table by table.
    Raises BadFile."""
    base = content.get("extends")
    if base is None:
        return content
    if base not in names():
        raise BadFile(f"extends: found {base!r}, wanted one of {', '.join(names())}")
    below = _extended(tomllib.loads((LAYOUTS / f"{base}.toml").read_text(encoding="utf-8")))
    return _merged(below, content)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(below[key], above[key])
        for key in below.keys() & above.keys()
        if isinstance(below[key], dict) and isinstance(above[key], dict)
    }
    return below | above | both


def _check(layout: Layout, name: str) -> None:
    kind = kind_of(layout.command)
    if kind is None:
        raise BadFile(f"{name} is no layout: {layout.command!r} is no command")
    fields = set(kinds(kind))
    wrong = sorted({*layout.columns.values(), *layout.fixed(), *layout.values} - fields)
    if wrong:
        raise BadFile(f"{name} is no layout: {layout.command} has no field {', '.join(wrong)}")
    if layout.dates not in (None, "ymd", "dmy", "mdy"):
        raise BadFile(f"{name} is no layout: dates: found {layout.dates!r}, wanted ymd, dmy or mdy")
    if layout.register and not {"tin", "name"} <= fields:
        raise BadFile(f"{name} is no layout: {layout.command} names no operator to register")


def match_layout(layout: Layout) -> Any:
    """Returns the function from headings to fields: the layout's headings, and the fields' own
    names."""
    kind = kind_of(layout.command)
    assert kind is not None  # `layout_of` has checked it
    return match_of(list(kinds(kind)), layout.columns)
