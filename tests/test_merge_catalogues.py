"""The merge driver of the catalogues keeps the texts of both sides, and reports a conflict where
both translate one text differently."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.merge_catalogues import main

HEADER = 'msgid ""\nmsgstr ""\n"Language: fr\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
BASE = {"open": "ouvert", "closed": "", "gone": "parti", "held": "tenu"}


def merge(folder: Path, *sides: dict[str, str]) -> tuple[int, dict[str, str]]:
    """The exit code for base, ours and theirs, and the texts of the file that git then takes."""
    files = []
    for name, texts in zip(("base", "ours", "theirs"), sides, strict=True):
        files.append(folder / name)  # git, too, gives names without the ending
        entries = [f'msgid "{text}"\nmsgstr "{own}"\n' for text, own in texts.items()]
        files[-1].write_text(HEADER + "\n".join(entries), encoding="utf-8")
    code = main([str(file) for file in files])
    lines = files[1].read_text(encoding="utf-8").splitlines()
    said = [line.split('"')[1] for line in lines if line.startswith("msg")]
    return code, dict(zip(said[2::2], said[3::2], strict=True))


def test_what_each_side_added_translated_changed_and_removed_is_in_the_merge(
    tmp_path: Path,
) -> None:
    ours = BASE | {"ours": "nôtre", "closed": "fermé"}
    theirs = {"open": "ouverte", "closed": "", "held": "tenu", "theirs": "leur"}

    assert merge(tmp_path, BASE, ours, theirs) == (
        0,
        {
            "open": "ouverte",
            "closed": "fermé",
            "held": "tenu",
            "ours": "nôtre",
            "theirs": "leur",
        },
    )


def test_a_text_that_both_translated_differently_is_named_and_left_to_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, texts = merge(tmp_path, BASE, BASE | {"closed": "clos"}, BASE | {"closed": "fermé"})

    assert (code, texts["closed"]) == (1, "clos")
    assert capsys.readouterr().err == "both sides translated it, ours is kept: closed\n"


def test_the_same_translation_on_both_sides_and_a_text_that_one_removed_are_no_quarrel(
    tmp_path: Path,
) -> None:
    both = BASE | {"closed": "clos"}
    without = {text: own for text, own in both.items() if text != "gone"}

    assert merge(tmp_path, BASE, without, both) == (0, without)
