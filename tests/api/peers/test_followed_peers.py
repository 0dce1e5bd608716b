"""The file of registers that `aeo up` follows: what may stand in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.peers.followed_peers import BadPeers, read_followed_peers

KOREA: dict[str, Any] = {
    "name": "korea",
    "url": "https://aeo.customs.kr",
    "administrations": ["KR"],
    "client_file": "cn-at-korea.json",
}


def written(folder: Path, *peers: dict[str, Any]) -> Path:
    file = folder / "peers.json"
    file.write_text(json.dumps({"peer": peers}), "utf-8")
    return file


def test_a_peer_is_followed_with_a_key_beside_the_file(tmp_path: Path) -> None:
    [korea] = read_followed_peers(written(tmp_path, KOREA))

    key = str(tmp_path.resolve() / "cn-at-korea.json")
    assert korea.words(tmp_path) == [
        *("https://aeo.customs.kr", "--name", "korea", "--administrations", "KR"),
        *("--client", key),
    ]
    assert read_followed_peers(None) == ()


@pytest.mark.parametrize(
    ("peers", "words"),
    [
        ([KOREA | {"name": "a/b"}], "name: found 'a/b'"),
        ([KOREA | {"url": "http://aeo.customs.kr"}], "url: found .*wanted https"),
        ([KOREA | {"administrations": ["KOR"]}], "administrations: "),
        ([KOREA | {"administrations": []}], "administrations: found none"),
        ([KOREA | {"token_file": "token"}], "client_file or token_file"),
        ([KOREA | {"log_key": "no key"}], "log_key: "),
        ([KOREA | {"logkey": "?"}], "logkey"),
        ([KOREA, KOREA | {"name": "another"}], "peer 2 .another.: found KR twice"),
    ],
)
def test_a_peer_that_cannot_be_followed_is_named(
    tmp_path: Path, peers: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(BadPeers, match=words):
        read_followed_peers(written(tmp_path, *peers))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadPeers, match="No such file"):
        read_followed_peers(tmp_path / "peers.toml")
    (tmp_path / "peers.toml").write_text("[[peer", "utf-8")
    with pytest.raises(BadPeers, match="wanted toml"):
        read_followed_peers(tmp_path / "peers.toml")
