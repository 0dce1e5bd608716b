"""What a file or the register says reaches a terminal as characters, never as commands to it."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.cli.terminal import complain, json_text, print_table, printable, shown

#: Every character that a terminal obeys, or that turns, hides or joins what stands beside it.
COMMANDING = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp")
]
ESCAPES = "\x1b[2J\x9b31m\u202eevil\u200b\u2066\x07\x00"


def test_no_commanding_character_is_printed_raw() -> None:
    for char in COMMANDING:
        assert char not in printable(f"a{char}b"), hex(ord(char))
        assert char not in shown(f"a{char}b") or char == "\n", hex(ord(char))
        assert char not in json_text([f"a{char}b"]), hex(ord(char))
        assert json.loads(json_text([f"a{char}b"])) == [f"a{char}b"]


def test_what_people_write_is_printed_as_it_is() -> None:
    for name in ("Café Müller", "哈尔滨", "예시", "Пример", "a\\b"):
        assert printable(name) == shown(name) == name


def test_a_table_and_a_complaint_hold_no_escape(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Refused", ("Found",), [(ESCAPES,)])
    complain(ESCAPES)

    out, err = capsys.readouterr()
    assert not set(ESCAPES[0] + "\x9b\u202e\u200b\u2066\x07\x00") & set(out + err)
    assert "\\u001b[2J" in out and "\\u202e" in err


@pytest.mark.parametrize("kind", ["jsonl", "csv", "header", "explain", "json"])
def test_a_refused_line_is_shown_escaped(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    file = tmp_path / ("list.jsonl" if kind in ("jsonl", "json") else "list.csv")
    bad = f"KR{ESCAPES.removesuffix(chr(0))}"
    said: dict[str, Any] = {"command": bad, "tin": "KR1", "name": "a"}
    match kind:
        case "jsonl" | "json":
            file.write_text(json.dumps(said, ensure_ascii=False) + "\n", "utf-8")
        case "header":
            file.write_text(f"tin,{bad}\n", "utf-8")
        case _:
            file.write_text(f"command,tin,name\n{bad},KR1,{bad}\n", "utf-8")
    options = {"explain": ["--explain"], "json": ["--json"]}.get(kind, [])

    done = CliRunner().invoke(app, ["import", str(file), *options])

    assert done.exit_code != 0 or kind == "explain"
    assert "evil" in done.output
    assert not {"\x1b", "\x9b", "\u202e", "\u200b", "\u2066", "\x07"} & set(done.output)
