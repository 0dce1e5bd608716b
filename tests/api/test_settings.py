"""Every setting is documented and read, and every variable that the code reads is a setting."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from pydantic import ValidationError

from api.settings import NOT_FROM_OUTSIDE, VARIABLES, Settings, is_loopback
from registry.paths import DOCS, ROOT

REFERENCE = (DOCS / "reference" / "configuration.md").read_text(encoding="utf-8")
#: What the peers of a bench and the programs of partners (ops/clients) are told, and what belongs
#: to other programs.
OF_OTHERS = re.compile(r"PEER_\w+|REGISTRY_\w+|PG\w+|PATH|LC_ALL|SCHEMATHESIS_\w+")
#: A name; a prefix of names (`AEO_`) is none.
NAME = re.compile(r"[A-Z][A-Z0-9_]{2,}[A-Z0-9]")


@cache
def modules() -> list[ast.Module]:
    return [
        ast.parse(file.read_text(encoding="utf-8"))
        for package in ("registry", "projections", "api", "ops")
        for file in (ROOT / package).rglob("*.py")
    ]


@cache
def read_by_the_code() -> set[str]:
    """The names of variables: after os.environ, in getenv, and in `envvar=` of an option."""
    found: set[str] = set()
    for tree in modules():
        constants = {
            target.id: node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, (ast.Subscript, ast.Call, ast.Compare, ast.keyword))):
                continue
            text = ast.unparse(node)
            if not re.search(r"environ|getenv|^envvar", text):
                continue
            for part in ast.walk(node):
                said = constants.get(part.id) if isinstance(part, ast.Name) else None
                said = part.value if isinstance(part, ast.Constant) else said
                if isinstance(said, str) and NAME.fullmatch(said):
                    found.add(said)
    return {name for name in found if not OF_OTHERS.fullmatch(name)}


@cache
def read_of_the_settings() -> set[str]:
    return {
        node.attr
        for tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("settings")
    }


def settings() -> set[str]:
    own = set(Settings.model_fields) - NOT_FROM_OUTSIDE
    return {f"AEO_{name.upper()}" for name in own}


def test_every_variable_that_the_code_reads_is_a_setting() -> None:
    assert read_by_the_code() >= {"DATABASE_URL", "AEO_PG_BIN", "AEO_WORKERS", "AEO_FAILPOINT"}
    assert read_by_the_code() <= settings() | set(VARIABLES)


def test_every_variable_of_the_launcher_is_a_setting() -> None:
    said = set(re.findall(r"\bAEO_[A-Z_]+", (ROOT / "aeo").read_text(encoding="utf-8")))

    assert said <= settings() | set(VARIABLES)


@pytest.mark.parametrize("name", sorted(settings() | set(VARIABLES)))
def test_every_setting_is_documented(name: str) -> None:
    assert re.search(rf"`{name}`", REFERENCE)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_read(name: str) -> None:
    """By somebody who holds the settings: `settings.readers`, `service.settings.home`."""
    # Of these the model itself is the reader.
    assert name in read_of_the_settings() or name in {
        "host",
        "security_contact",
        "golden_copies",
    }


@pytest.mark.parametrize("name", sorted(set(VARIABLES)))
def test_no_variable_is_documented_that_nobody_reads(name: str) -> None:
    launcher = (ROOT / "aeo").read_text(encoding="utf-8")

    assert name in read_by_the_code() or name in launcher


def test_demo_identities_are_not_turned_on_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AEO_DEMO", "AEO_LOCAL", "DEMO"):
        monkeypatch.setenv(name, "true")

    assert Settings(database="x").demo is False


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "register.example"])
def test_demo_identities_are_refused_on_an_address_that_others_reach(host: str) -> None:
    with pytest.raises(ValidationError, match="loopback"):
        Settings(database="x", host=host, demo=True)

    assert Settings(database="x", host=host).host == host


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("", False),
        ("localhost.example", False),
    ],
)
def test_a_loopback_address_is_known(host: str, own: bool) -> None:
    assert is_loopback(host) is own
