"""The file of registers that `aeo up` follows (setting AEO_FOLLOWED_PEERS).

A list of tables `peer` in TOML or JSON; names of files are relative to its folder:

    [[peer]]
    name = "korea"                       # by which this register calls it
    url = "https://aeo.customs.kr"
    administrations = ["KR"]             # those for which it is authoritative
    client_file = "cn-at-korea.json"     # what `aeo client new partner:CN` wrote there
    log_key = "..."                      # the verifier key of its log, from another source
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import msgspec

from api.access.issuers import is_safe_url
from registry.domain.values import AdministrationCode
from registry.transparency.signed_notes import BadNote, read_key

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class BadPeers(ValueError):
    """The file of followed registers cannot be used. The message names the place and what was
    wanted."""


class FollowedPeer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One register that is followed. One of `client_file` and `token_file` is given."""

    name: str
    url: str
    administrations: tuple[str, ...]
    client_file: str | None = None
    token_file: str | None = None
    log_key: str | None = None

    def words(self, folder: Path) -> list[str]:
        """The arguments of `aeo follow-peer`. `folder`: that of the file."""
        found = [self.url, "--name", self.name, "--administrations", ",".join(self.administrations)]
        if self.client_file is not None:
            found += ["--client", str((folder / self.client_file).resolve())]
        if self.token_file is not None:
            found += ["--token-file", str((folder / self.token_file).resolve())]
        return [*found, "--log-key", self.log_key] if self.log_key else found


class _PeersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    peer: tuple[FollowedPeer, ...]


def read_followed_peers(path: Path | None) -> tuple[FollowedPeer, ...]:
    """Reads the file; without one there are none. Raises BadPeers."""
    if path is None:
        return ()
    try:
        text = path.read_text(encoding="utf-8")
        plain = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BadPeers(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BadPeers(f"{path}: wanted {path.suffix[1:] or 'toml'}; {error}") from None
    try:
        found = msgspec.convert(plain, _PeersFile, strict=True).peer
    except msgspec.ValidationError as error:
        raise BadPeers(f"{path}: {error}") from None
    seen: set[str] = set()
    for number, peer in enumerate(found, 1):
        if why := _wrong(peer) or _twice(peer, seen):
            raise BadPeers(f"{path}: peer {number} ({peer.name}): {why}")
        seen |= {peer.name, *peer.administrations}
    return found


def _wrong(peer: FollowedPeer) -> str | None:
    if not NAME.fullmatch(peer.name):
        return f"name: found {peer.name!r}, wanted letters, digits, . _ and -"
    if not is_safe_url(peer.url):
        return f"url: found {peer.url!r}, wanted https (http on a loopback address only)"
    if (peer.client_file is None) == (peer.token_file is None):
        return "wanted client_file or token_file, and one of them"
    try:
        if not [AdministrationCode.parse(code) for code in peer.administrations]:
            return "administrations: found none, wanted those for which it is authoritative"
        if peer.log_key is not None:
            read_key(peer.log_key)
    except BadNote as error:
        return f"log_key: {error}"
    except ValueError as error:
        return f"administrations: {error}"
    return None


def _twice(peer: FollowedPeer, seen: set[str]) -> str | None:
    again = seen & {peer.name, *peer.administrations}
    return f"found {', '.join(sorted(again))} twice, wanted each once" if again else None
