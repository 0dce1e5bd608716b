"""The clients of partners (ops/clients) are pinned, and nothing says where they come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ops.clients import __main__ as clients
from ops.clients.instance import Instance
from registry.paths import OPS

CLIENTS = OPS / "clients"


def test_each_client_is_installed_in_an_exact_version() -> None:
    wanted = json.loads((CLIENTS / "package.json").read_text())["dependencies"]
    for name, version in wanted.items():
        assert re.fullmatch(r"(npm:@?[\w/-]+@)?\d+\.\d+\.\d+", version), name
    for line in (CLIENTS / "requirements.txt").read_text().splitlines():
        assert re.fullmatch(r"[\w-]+(\[\w+\])?==\d+\.\d+\.\d+", line)


def test_no_file_says_where_a_client_comes_from() -> None:
    """A lock file of npm does, so there is none."""
    found = [path for path in CLIENTS.rglob("*") if path.is_file() and "__py" not in str(path)]
    assert [path for path in found if "lock" in path.name] == []
    for path in found:
        for address in re.findall(r"https?://[\w.-]+", path.read_text(encoding="utf-8")):
            assert address in ("http://127.0.0.1", "https://github.com"), path


class Nowhere(Instance):
    def environment(self) -> dict[str, str]:
        return {}


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("printf 'ok\\ta\\nfailed\\tb\\twhy\\n'; exit 1", [("a", "ok"), ("b", "failed")]),
        ("printf 'ok\\ta\\nnoted\\tb\\twhy\\n'", [("a", "ok"), ("b", "noted")]),
        ("printf 'ok\\ta\\n'; exit 3", [("a", "ok"), ("runs to its end", "failed")]),
        ("true", [("runs to its end", "failed")]),
        ("sleep 60", [("runs to its end", "failed")]),
        ("sleep 60 & sleep 60", [("runs to its end", "failed")]),
    ],
)
def test_a_client_that_fails_breaks_off_or_says_nothing_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: list[tuple[str, str]]
) -> None:
    monkeypatch.setattr(clients, "PATIENCE", 1)
    client = clients.Client("somebody's", ("sh", "-c", script))

    results = clients.run(client, tmp_path, Nowhere("http://127.0.0.1:1", tmp_path))

    assert [(result.what, result.told) for result in results] == told


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("npm error code EAI_AGAIN", clients.Unreachable),
        ("npm error code ETARGET no matching version", clients.NotInstalled),
    ],
)
def test_a_registry_that_is_not_reached_is_told_from_a_version_that_does_not_exist(
    tmp_path: Path, said: str, kind: type[Exception]
) -> None:
    with pytest.raises(clients.NotInstalled) as raised:
        clients._install(["sh", "-c", f"echo '{said}' >&2; exit 1"], tmp_path)

    assert raised.type is kind
