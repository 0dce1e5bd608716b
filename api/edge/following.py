"""Fills an edge from a golden copy, and keeps it up: from a folder, or from the register itself.

Everything is verified before it is taken: the pinned keys signed the manifest, each file has the
digest that the manifest says, a pinned log signed the checkpoint, the log did not shrink, and what
comes next begins where the copy ends. Where anything is wrong the edge keeps what it had.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec

from api.access.client_tokens import NoToken
from api.access.renewed_tokens import RenewedToken
from api.edge.store import EdgeState, EdgeStore, NotFilled
from api.golden_copy.changes import CHANGES as ANSWER
from api.golden_copy.changes import ChangesHead, SignedChanges
from api.golden_copy.deltas import CHANGES, LATER, require_follows, require_note
from api.golden_copy.files import LAW, OPERATORS, lines_in
from api.golden_copy.manifest import (
    COPY,
    DELTA,
    MANIFEST,
    NOTE,
    BadCopy,
    CopyMoment,
    Manifest,
    described,
    parsed_any,
    read_manifest,
    require_files,
)
from api.golden_copy.signing import SUFFIX, require_signed
from projections.history.golden_copy import CopyInstant, read_law
from registry.transparency.signed_notes import (
    BadNote,
    BadSignature,
    VerifierKey,
    read_checkpoint,
    read_key,
    read_note,
)

TIMEOUT = 20.0  # seconds for an answer of the register
LOOKS = 500  # handed back in one request


class NoLine(Exception):
    """The register cannot be reached, or does not answer now."""


@dataclass(frozen=True)
class Took:
    """What one look at the source brought: a whole copy, deltas, changes, or nothing."""

    what: str
    records: int
    position: int


# --------------------------------------------------------------------- verified and taken


def take_copy(store: EdgeStore, folder: Path, partner: str | None = None) -> Took:
    """Takes a whole golden copy in a folder. `partner`: whose it must be. Raises BadCopy."""
    manifest, body = read_manifest(folder, COPY)
    _require(store, folder, COPY, manifest, body, partner)
    state = EdgeState(
        manifest.partner,
        manifest.moment,
        described(folder / MANIFEST).sha256,
        _log_size(store, manifest.checkpoint, folder / MANIFEST),
    )
    law = _law(folder)
    count = store.replace(state, law, lines_in(folder / OPERATORS))
    return Took("a golden copy", count, manifest.moment.position)


def take_delta(store: EdgeStore, folder: Path) -> Took:
    """Takes a delta in a folder. Raises BadCopy, also where it does not begin where the edge is."""
    state = store.state()
    manifest, body = read_manifest(folder, DELTA)
    _require(store, folder, DELTA, manifest, body, state.partner)
    before = Manifest(COPY, state.partner, state.moment, None, {})
    require_follows(before, state.manifest or "", manifest, folder)
    after = EdgeState(
        state.partner,
        manifest.moment,
        described(folder / LATER).sha256,
        _log_size(store, manifest.checkpoint, folder / MANIFEST),
    )
    count = store.apply(after, _law(folder), lines_in(folder / CHANGES))
    return Took("a delta", count, manifest.moment.position)


def take_changes(store: EdgeStore, answer: bytes) -> Took | None:
    """Takes what changed since, as the register answered it; None where it says that a whole copy
    is needed. Raises BadCopy."""
    name, state = "changes", store.state()
    try:
        found = msgspec.json.decode(answer, type=SignedChanges)
        body = found.body.encode()
        lines = body.split(b"\n")[:-1]
        head = msgspec.json.decode(lines[0], type=ChangesHead)
        require_signed(
            found.note.encode(),
            pinned(store),
            ANSWER,
            state.partner,
            head.moment.position,
            body,
        )
    except (msgspec.MsgspecError, IndexError, BadNote, BadSignature) as error:
        raise BadCopy(name, str(error)) from None
    have = CopyInstant(state.moment.position, state.moment.at)
    if (head.format, head.partner, head.since) != (ANSWER, state.partner, have):
        raise BadCopy(name, f"it is what changed since {head.since}, wanted since {have}")
    size = _log_size(store, head.checkpoint, name)
    if head.whole:
        return None
    law = lines[1] if head.law else None
    if law is not None:
        _read_law(law, name)
    changes = lines[1 + head.law :]
    exact = state.manifest if not changes and not head.law and _same(head, state) else None
    count = store.apply(EdgeState(state.partner, head.moment, exact, size), law, changes)
    return Took("changes", count, head.moment.position)


def _same(head: ChangesHead, state: EdgeState) -> bool:
    return head.moment == state.moment


def pinned(store: EdgeStore) -> list[VerifierKey]:
    """The keys that the edge trusts."""
    return [read_key(key) for key in store.pinned()]


def _require(
    store: EdgeStore,
    folder: Path,
    format_: str,
    manifest: Manifest,
    body: bytes,
    partner: str | None,
) -> None:
    if partner is not None and manifest.partner != partner:
        raise BadCopy(folder / MANIFEST, f"partner: found {manifest.partner}, wanted {partner}")
    require_note(folder / NOTE, pinned(store), format_, manifest, body)
    needed = (OPERATORS, LAW) if format_ == COPY else tuple(manifest.files)
    for name in needed:
        if name not in manifest.files:
            raise BadCopy(folder / MANIFEST, f"it names no {name}")
    files = {name: manifest.files[name] for name in needed}
    require_files(folder, msgspec.structs.replace(manifest, files=files))


def _log_size(store: EdgeStore, checkpoint: str | None, name: str | Path) -> int:
    """The size of the log by a signed checkpoint. Raises BadCopy where no pinned log signed it, or
    where the log is smaller than one that was seen."""
    try:
        seen = store.state().size
    except NotFilled:
        seen = 0
    if checkpoint is None:
        return seen
    try:
        note = read_note(checkpoint)
        head = read_checkpoint(note.text)
        known = [key for key in pinned(store) if not key.name.endswith(SUFFIX)]
        logs = [key for key in known if key.name == head.origin]
        if known and not logs:
            raise BadSignature(f"it is of another log: {head.origin}")
        if logs and not note.signed_by(logs):
            raise BadSignature("no pinned key of the log signed it")
    except (BadNote, BadSignature) as error:
        raise BadCopy(name, f"checkpoint: {error}") from None
    if logs and head.size < seen:
        raise BadCopy(
            name,
            f"checkpoint: found a log of {head.size:,} leaves, wanted at least {seen:,}, which its"
            " key signed before: keep both, and tell whoever runs the register",
        )
    return max(seen, head.size if logs else 0)


def _law(folder: Path) -> bytes:
    body = (folder / LAW).read_bytes()
    _read_law(body, folder / LAW)
    return body


def _read_law(body: bytes, name: str | Path) -> None:
    try:
        read_law(body)
    except msgspec.MsgspecError as error:
        raise BadCopy(name, f"it is not the law of a copy: {error}") from None


# --------------------------------------------------------------------- a folder


@dataclass(frozen=True)
class FolderSource:
    """A folder with a copy in it, or with several copies and deltas in folders of their own."""

    folder: Path
    partner: str | None = None

    def follow(self, store: EdgeStore) -> list[Took]:
        """Takes what is there beyond what the edge has. Raises BadCopy, OSError."""
        copies, deltas = self._found()
        took: list[Took] = []
        try:
            state: EdgeState | None = store.state()
        except NotFilled:
            state = None
        if state is None:
            if not copies:
                raise BadCopy(self.folder, "there is no golden copy in it")
            took.append(take_copy(store, copies[-1][1], self.partner))
            state = store.state()
        later = sorted(
            (moment for moment in deltas if _after(moment[0], state.moment)), key=_by_time
        )
        for moment, base, folder in later:
            if _after(moment, state.moment) and (
                base == state.moment or not copies_after(copies, state)
            ):
                took.append(take_delta(store, folder))
                state = store.state()
        newer = copies_after(copies, state)
        if newer:
            took.append(take_copy(store, newer[-1], state.partner))
        return took

    def hand_back(self, store: EdgeStore) -> int:
        """Looks stay until there is a line."""
        return 0

    def _found(
        self,
    ) -> tuple[list[tuple[CopyMoment, Path]], list[tuple[CopyMoment, CopyMoment | None, Path]]]:
        if (self.folder / MANIFEST).exists():
            folders = [self.folder]
        else:
            folders = sorted(each for each in self.folder.iterdir() if (each / MANIFEST).exists())
        copies: list[tuple[CopyMoment, Path]] = []
        deltas: list[tuple[CopyMoment, CopyMoment | None, Path]] = []
        for folder in folders:
            manifest = parsed_any((folder / MANIFEST).read_bytes(), folder / MANIFEST)
            if manifest.format == DELTA:
                deltas.append((manifest.moment, manifest.base, folder))
            else:
                copies.append((manifest.moment, folder))
        return sorted(copies, key=lambda each: each[0].at), deltas


def copies_after(copies: Sequence[tuple[CopyMoment, Path]], state: EdgeState) -> list[Path]:
    """The copies that are later than what the edge has, the oldest first."""
    return [folder for moment, folder in copies if _after(moment, state.moment)]


def _after(moment: CopyMoment, other: CopyMoment) -> bool:
    return (moment.at, moment.position) > (other.at, other.position)


def _by_time(delta: tuple[CopyMoment, CopyMoment | None, Path]) -> tuple[Any, int]:
    return delta[0].at, delta[0].position


# --------------------------------------------------------------------- the register


@dataclass(frozen=True)
class RegisterSource:
    """The register, by its address.

    `token`: names the partner to it, called for each request, because tokens expire. `wait`: the
    seconds for which the register may let a question wait until there is a change.
    """

    url: str
    partner: str
    token: Callable[[], str] | None
    wait: float = 0.0

    def keys(self) -> list[str]:
        """The keys that the register says are its own: of golden copies, and of its log. Raises
        NoLine."""
        found = self._get("/golden-copy/keys").decode().split()
        return [*found, *self._get("/log/keys").decode().split()]

    def follow(self, store: EdgeStore) -> list[Took]:
        """Takes a whole copy, or what changed since. Raises NoLine, BadCopy."""
        try:
            state = store.state()
        except NotFilled:
            return [self._copy(store, None)]
        asked: dict[str, Any] = {
            "epoch": state.moment.epoch,
            "after": state.moment.position,
            "since": state.moment.at.isoformat(),
        }
        query = urlencode(asked | ({"wait": f"{self.wait:g}"} if self.wait else {}))
        try:
            took = take_changes(store, self._get(f"/golden-copy/{self.partner}/changes?{query}"))
        except OtherEpochThere:
            took = None
        return [took or self._copy(store, state)]

    def hand_back(self, store: EdgeStore) -> int:
        """Gives the register the looks that it has not got. Returns how many. Raises NoLine."""
        count = 0
        while looks := store.looks(LOOKS):
            self._get(f"/golden-copy/{self.partner}/looks", msgspec.json.encode(looks))
            store.handed_back(looks)
            count += len(looks)
        return count

    def _copy(self, store: EdgeStore, state: EdgeState | None) -> Took:
        listed = json.loads(self._get(f"/golden-copy/{self.partner}"))
        names = [each["name"] for each in listed["copies"]]
        if not names:
            raise NoLine(
                f"the register has no golden copy for {self.partner} yet: aeo golden-copy make"
                f" --for {self.partner}"
            )
        with tempfile.TemporaryDirectory(prefix="aeo-edge-", dir=store.path.parent) as room:
            folder = Path(room)
            for name in (MANIFEST, NOTE, LAW, OPERATORS):
                self._download(f"/golden-copy/{self.partner}/{names[-1]}/{name}", folder / name)
            manifest, _ = read_manifest(folder, COPY)
            same = state is not None and manifest.moment.epoch == state.moment.epoch
            if state is not None and same and not _after(manifest.moment, state.moment):
                raise NoLine(
                    "too much changed since for one answer, and the register's last golden copy is"
                    f" not later: aeo golden-copy make --for {self.partner}"
                )
            return take_copy(store, folder, self.partner)

    def _download(self, path: str, to: Path) -> None:
        with self._opened(path) as answer, to.open("wb") as file:
            try:
                shutil.copyfileobj(answer, file, 1 << 20)
            except OSError as error:
                raise NoLine(f"{self.url}{path}: {error}") from None

    def _get(self, path: str, body: bytes | None = None) -> bytes:
        with self._opened(path, body) as answer:
            try:
                found: bytes = answer.read()
            except OSError as error:
                raise NoLine(f"{self.url}{path}: {error}") from None
        return found

    def _opened(self, path: str, body: bytes | None = None) -> Any:
        headers = {"Purpose": "edge"} | ({"Content-Type": "application/json"} if body else {})
        if self.token:
            headers["Authorization"] = f"Bearer {self._bearer(self.token)}"
        try:
            return urlopen(
                Request(f"{self.url}{path}", data=body, headers=headers), timeout=TIMEOUT
            )
        except HTTPError as error:
            message = error.read(2_000).decode(errors="replace")
            if error.code == 412:
                raise OtherEpochThere(message) from None
            if error.code == 401 and isinstance(self.token, RenewedToken):
                self.token.discard()
            raise NoLine(f"{self.url}{path.partition('?')[0]}: {error.code} {message}") from None
        except OSError as error:  # URLError, too
            raise NoLine(f"{self.url}: {getattr(error, 'reason', error)}") from None

    @staticmethod
    def _bearer(token: Callable[[], str]) -> str:
        try:
            return token()
        except NoToken as error:
            raise NoLine(f"no token: {error}") from None


class OtherEpochThere(NoLine):
    """The register has begun another epoch: a whole copy is needed."""
