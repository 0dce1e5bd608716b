"""The clients of partners (ops/clients) are pinned, and nothing says where they come from."""

from __future__ import annotations

import json
import re

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
    assert [it for it in found if "lock" in it.name] == []
    for path in found:
        for address in re.findall(r"https?://[\w.-]+", path.read_text(encoding="utf-8")):
            assert address in ("http://127.0.0.1", "https://github.com"), path
