"""The rules of the house, held by the tools that know them."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from registry.paths import ROOT
from tests.conftest import skipped_sentence

PACKAGES = ("registry", "projections", "api")
LOCKS = ("requirements.txt", "requirements-test.txt")
#: Words that named variables, attributes, functions and classes once, and shall not again.
RIDDLES = {
    *("asker", "askers", "because", "begun", "kept", "kin", "said", "sight", "taken", "told"),
    *("whence", "Clocks", "Deciders", "DisclosedStretch", "NotToBeSigned", "Plane", "Ready"),
    *("Strongbox", "WholeList"),
}
#: `because` is a field of the GraphQL schema, which these two modules declare.
RIDDLES_OF_THE_SCHEMA = frozenset({"because"})
DECLARES_BECAUSE = frozenset(
    f"api/graphql/types/{name}.py" for name in ("corrected_answers", "divergences")
)


def content(*command: str | Path) -> None:
    """The tool has nothing against the repository; else the test fails in the tool's words."""
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if said.returncode:
        pytest.fail(said.stdout + said.stderr, pytrace=False)


def pins(lock: str) -> set[str]:
    text = (ROOT / "ops" / lock).read_text()
    return set(re.findall(r"^[a-z0-9][^\\\n]*", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("count", "lacking", "sentence"),
    [
        (
            2,
            ["Chromium"],
            "2 tests were skipped for lack of Chromium: sudo apt-get install chromium",
        ),
        (
            9,
            ["Go", "curl"],
            "9 tests were skipped for lack of Go, curl: sudo apt-get install golang-go"
            " golang-golang-x-mod-dev curl",
        ),
        (3, [], "3 tests were skipped, for the reasons above."),
    ],
)
def test_what_is_skipped_is_summed_up_with_the_line_that_installs_it(
    count: int, lacking: list[str], sentence: str
) -> None:
    assert skipped_sentence(count, lacking) == sentence


def test_ruff_has_nothing_to_say() -> None:
    content(sys.executable, "-m", "ruff", "check", "--quiet", ".")


def test_every_line_is_laid_out_as_ruff_lays_it_out() -> None:
    content(sys.executable, "-m", "ruff", "format", "--check", "--quiet", ".")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_public_classes_of_the_house_have_one_name(package: str) -> None:
    places: dict[str, list[str]] = {}
    for path in (path for name in PACKAGES for path in (ROOT / name).rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())

    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert not {name: where for name, where in twice.items() if where[0].startswith(package)}


@pytest.mark.parametrize("folder", (*PACKAGES, "ops", "tests"))
def test_no_variable_is_called_by_a_pronoun(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name | ast.arg):
                name = node.id if isinstance(node, ast.Name) else node.arg
                assert name != "it", f"{path.relative_to(ROOT)}:{node.lineno}"


@pytest.mark.parametrize("package", PACKAGES)
def test_names_are_nouns_that_a_reader_can_search_for(package: str) -> None:
    """Not the way in which something became known (told, said), nor a word of nobody's field."""
    for path in (ROOT / package).rglob("*.py"):
        place = path.relative_to(ROOT).as_posix()
        allowed = RIDDLES_OF_THE_SCHEMA if place in DECLARES_BECAUSE else frozenset()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                    pass
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    pass
                case ast.ClassDef(name=name):
                    pass
                case _:
                    continue
            assert name.lstrip("_") not in RIDDLES - allowed, f"{place}:{node.lineno}: {name}"


def test_no_variable_of_a_page_is_called_by_a_pronoun() -> None:
    """A name in a Jinja block, outside its string literals."""
    for path in (ROOT / "api" / "templates").rglob("*.html"):
        for block in re.findall(r"{[{%].*?[%}]}", path.read_text(encoding="utf-8"), re.DOTALL):
            code = re.sub(r"\"[^\"]*\"|'[^']*'", "", block)
            names = set(re.findall(r"(?<![.\w])[a-z_]+\b", code))
            assert not names & (RIDDLES | {"it"}), f"{path.name}: {block}"


def test_every_module_that_is_named_in_a_string_is_there() -> None:
    """`-m api`, `registry.ledger.factory:LedgerFactory`, a name that a test replaces."""
    named = re.compile(
        r"(?<![\w./])((?:registry|projections|api)(?:\.[a-z_]+)+)(?::\w+)?(?![\w./(])"
    )
    for path in (
        path for name in (*PACKAGES, "tests", "ops") for path in (ROOT / name).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            if not named.fullmatch(node.value):
                continue
            module, _, attribute = node.value.partition(":")
            found = importlib.util.find_spec(module.rpartition(".")[0] if not attribute else module)
            assert found is not None, f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"


def test_every_name_has_the_type_it_claims() -> None:
    content(sys.executable, "-m", "mypy", "--strict", *PACKAGES)


def test_the_counter_knows_the_read_models_and_the_register_knows_nobody() -> None:
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    # Without its cache, in a checkout that may only be read.
    content(sys.executable, "-c", lint, *([] if os.access(ROOT, os.W_OK) else ["--no-cache"]))


def test_no_year_is_printed_without_its_zeros() -> None:
    """`%Y` writes the year 812 as 812, which no reader of dates takes; isoformat pads it."""
    product = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    product += [ROOT / "ops" / "aeo-verify", ROOT / "ops" / "aeo-witness"]

    assert [path for path in product if "%Y" in path.read_text(encoding="utf-8")] == []


def test_one_module_of_the_product_and_one_of_the_tests_know_where_files_lie() -> None:
    """`api/__main__.py` looks for the packages before any of them may be imported."""
    knowing = [
        path.relative_to(ROOT).as_posix()
        for name in (*PACKAGES, "tests")
        for path in (ROOT / name).rglob("*.py")
        if f"__{'file'}__" in path.read_text(encoding="utf-8")
    ]

    assert sorted(knowing) == ["api/__main__.py", "registry/paths.py"]


def test_the_three_packages_are_ours_and_live_under_one_roof() -> None:
    for name in PACKAGES:
        found = importlib.import_module(name).__path__
        assert [Path(folder).parent for folder in found] == [ROOT]


@pytest.mark.parametrize("name", PACKAGES)
def test_no_installed_distribution_owns_a_name_of_ours(name: str) -> None:
    owners = set(packages_distributions().get(name, ())) - {"aeo-registry"}
    assert not owners


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_says_what_a_package_is_and_never_where_it_came_from(lock: str) -> None:
    text = (ROOT / "ops" / lock).read_text()
    assert not re.search(r"://|^-|^[^#\n]* @ ", text, re.MULTILINE)
    for pin in re.split(r"\n(?=[a-z0-9])", text.strip()):
        assert "==" in pin and "--hash=sha256:" in pin


def test_the_test_lock_holds_the_other_one_whole() -> None:
    assert pins("requirements.txt") <= pins("requirements-test.txt")


def test_every_requirement_of_the_project_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        "requirements.txt": project["dependencies"],
        "requirements-test.txt": project["optional-dependencies"]["test"],
    }
    for lock, requirements in wanted.items():
        locked = {pin.split("==")[0] for pin in pins(lock)}
        for requirement in requirements:
            assert re.split(r"[\[<>=;, ]", requirement)[0] in locked


@pytest.mark.parametrize("script", ["aeo", "ops/lock.sh", "ops/check.sh"])
def test_a_script_is_one_that_any_shell_can_read(script: str) -> None:
    content("sh", "-n", ROOT / script)


@pytest.mark.parametrize("built", ["python3.12", "python3.13"])
def test_a_python_built_by_its_profile_goes_before_the_first_on_the_path(
    tmp_path: Path, built: str
) -> None:
    """Programs that only say what they would be asked: is it new enough, and built so?"""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, says in {
        "python3": 'case $2 in *"(True)"*) exit 0;; *) exit 1;; esac',  # new enough, and no more
        built: "exit 0",
        "uv": f'echo "$@" >>{tmp_path}/asked; exit 1',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{says}\n")
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "AEO_VENV": str(tmp_path / "venv")}

    done = subprocess.run([ROOT / "aeo", "--help"], env=environment, capture_output=True)

    assert done.returncode == 1
    assert f"--python {tools / built} " in (tmp_path / "asked").read_text()


def test_no_two_advisory_locks_of_the_house_have_one_number() -> None:
    """Two processes that lead with one number would wait for each other for ever."""
    found: dict[str, list[str]] = {}
    for path in (path for name in PACKAGES for path in (ROOT / name).rglob("*.py")):
        for name, number in re.findall(
            r"^(\w+_LOCK) = (0x\w+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            found.setdefault(number.lower(), []).append(f"{path.name}: {name}")

    assert len(found) > 5
    assert {number: where for number, where in found.items() if len(where) > 1} == {}
