"""The snippets of the guides run as they stand, and answer what stands below them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.local.processes import Helper
from registry.paths import DOCS, OPS, ROOT
from tests.api.served import served

GUIDES = ("partners", "auditors", "companies", "officers")
#: What a snippet says where only its guide's text is known.
PORT = "http://127.0.0.1:8420"
SNIPPET = re.compile(r"^```sh\n(.*?)^```\n(?:\n```json\n(.*?)^```\n)?", re.M | re.S)


@pytest.fixture(scope="module")
def place(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, str]]:
    home = tmp_path_factory.mktemp("home")
    with served(world, home) as url:
        projector = Helper("follow", home)
        projector.tell(world)
        try:
            yield url, home, world
        finally:
            projector.stop()


def text(guide: str) -> str:
    return (DOCS / "guides" / f"{guide}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_begins_with_the_three_things_its_reader_comes_for(guide: str) -> None:
    opening = text(guide).partition("\n## ")[0]

    assert "You come for three things:" in opening
    assert re.findall(r"^(\d)\. ", opening, re.M) == ["1", "2", "3"]


@pytest.mark.parametrize("guide", GUIDES)
def test_the_sections_of_a_guide_are_numbered_as_its_opening_has_them(guide: str) -> None:
    opening = text(guide).partition("\n## ")[0]

    numbers = re.findall(r"^## (\d)\. ", text(guide), re.M)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    leads = re.findall(r"^(\d)\. .*\]\(#(\d)-", opening, re.M)
    assert leads == [("1", "1"), ("2", "2"), ("3", "3")]


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_sets_each_variable_before_a_snippet_uses_it(guide: str) -> None:
    for block in re.finditer(
        r"^```sh(?:ell)?\n(.*?)^```|^    (\./aeo [^\n]+)", text(guide), re.M | re.S
    ):
        before = text(guide)[: block.end()]
        used = set(re.findall(r"\$\{?([A-Z_]+)", block.group()))
        assert used <= set(re.findall(r"^export ([A-Z_]+)=", before, re.M)), block.group()


@pytest.mark.parametrize("guide", GUIDES)
def test_the_snippets_of_a_guide_run_and_answer_what_stands_there(
    guide: str, place: tuple[str, Path, str], tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        why = "no curl here (Debian: apt-get install curl)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    url, home, database = place
    snippets = SNIPPET.findall(text(guide))
    mark = "-- the next snippet --"
    script = f"echo '{mark}'\n".join(snippet.replace(PORT, url) for snippet, _ in snippets)
    told = {
        "AEO_HOME": str(home),
        "AEO_VENV": sys.prefix,
        "DATABASE_URL": database,
        "TMPDIR": str(tmp_path),
    }

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=os.environ | told,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    outputs = done.stdout.split(f"{mark}\n")
    for output, (snippet, answer) in zip(outputs, snippets, strict=True):
        if answer:
            assert json.loads(output) == json.loads(answer), snippet
        elif "graphql" in snippet:
            assert "errors" not in json.loads(output), output


# ------------------------------------------------------------------ the worked examples

EXAMPLE = re.compile(
    r"occurs in (exactly )?(?:these|this) (\d+) files? \(`([^`]+)`\).*?\n\n(.*?)(?:\n\n|\Z)", re.S
)
#: Files that are generated, and files of another noun with a field of the same name.
NOT_COUNTED = re.compile(r"schema\.graphql|programmes|texts\.py|/demo/")


@pytest.mark.parametrize(
    "page", sorted((DOCS / "develop").glob("*.md")), ids=lambda page: page.stem
)
def test_a_worked_example_names_the_files_that_it_touches_and_counts_them(page: Path) -> None:
    found = EXAMPLE.search(page.read_text(encoding="utf-8"))
    assert found is not None
    exactly, count, pattern, table = found.groups()
    listed = re.findall(r"^\| `([^`]+)` \|", table, re.M)

    assert len(listed) == int(count)
    if exactly:
        assert sorted(listed) == sorted(occurrences(pattern))
    else:
        assert set(listed) <= set(occurrences(pattern))


def occurrences(pattern: str) -> Iterator[str]:
    """The files of the program in which the pattern occurs."""
    places = (*(ROOT / name for name in ("registry", "projections", "api")), OPS / "aeo-verify")
    for place in places:
        for file in [place] if place.is_file() else place.rglob("*"):
            name = file.relative_to(ROOT).as_posix()
            if file.suffix not in (".py", ".html", "") or file.is_dir():
                continue
            if not NOT_COUNTED.search(name) and re.search(pattern, file.read_text("utf-8")):
                yield name
