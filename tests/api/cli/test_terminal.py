"""What a file or the register says reaches a terminal as characters, never as commands to it."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from api.cli import app
from api.cli.terminal import complain, json_text, print_table, printable, shown

ESCAPES = "\x1b[2J\x9b31m\u202eevil\u200b\u2066\x07\x00"


def test_no_commanding_character_is_printed_raw() -> None:
    # Every character that a terminal obeys, or that turns, hides or joins what stands beside it.
    commanding = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp")
    ]
    assert len(commanding) > 200
    for char in commanding:
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


# ------------------------------------------------------------ options before a command's name


def commands(named: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command and group with its words."""
    yield named, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(f"{named} {name}", inner)


COMMANDS = dict(commands("aeo", typer.main.get_command(app)))
#: A value of each option that a group has besides its commands, as it is written.
GROUP_OPTIONS = {
    "--from": ["folder"],
    "--for": ["SG"],
    "--key": ["KEY"],
    "--token-file": ["token"],
    "--client": ["file"],
    "--every": ["2"],
    "--port": ["8431"],
    "--host": ["127.0.0.2"],
    "--once": [],
    "--edge-home": ["elsewhere"],
}


def test_an_option_before_a_commands_name_is_given_to_the_command() -> None:
    given = 0
    for named, group in COMMANDS.items():
        for name in getattr(group, "commands", {}):
            for option in group.params:
                if option.is_eager:  # --help, --version: nothing follows
                    continue
                words = [option.opts[0], *GROUP_OPTIONS[option.opts[0]]]
                context = group.make_context(named, [*words, name, "more"])
                found, _, rest = group.resolve_command(context, [name, "more"])
                assert (found, rest) == (name, [*words, "more"]), (named, name, words)
                given += 1
    assert given == len(GROUP_OPTIONS)


def test_an_option_that_a_command_does_not_have_is_refused_before_its_name_too(
    tmp_path: Path,
) -> None:
    asking = ["ask", "CN1234567890"]

    home = CliRunner().invoke(app, ["edge", "--edge-home", str(tmp_path / "x"), *asking])
    every = CliRunner().invoke(app, ["edge", "--every", "2", *asking])

    assert home.exit_code == 1 and f"no edge in {tmp_path / 'x'}" in home.output
    assert every.exit_code == 2 and "No such option: --every" in every.output


def test_a_command_of_two_words_is_not_taken_for_a_file_of_one() -> None:
    """`webhooks --home X rotate` is refused, because `webhooks` has no argument to take it for."""
    root = COMMANDS["aeo"].commands
    for name in [each for each in root if " " in each]:
        first, second = name.split()
        arguments = [each for each in root[first].params if each.param_type_name == "argument"]
        assert all(each.nargs == 1 for each in arguments), first
        if not arguments:
            assert CliRunner().invoke(app, [first, "--home", "X", second]).exit_code == 2


def test_help_shows_every_word_of_an_options_meaning() -> None:
    """Markdown takes `<TIN>` for a tag, and leaves it out."""
    for named, command in COMMANDS.items():
        for each in command.params:
            meaning = getattr(each, "help", None) or ""
            assert not re.search(r"<\w", meaning), (named, each.name)
