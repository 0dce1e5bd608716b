"""The log of a peer, as far as it was verified: every head continues the last one, and every event
has its leaf in it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from api.peers.transport import PeerClient, SentEvent
from registry.transparency import merkle
from registry.transparency.leaves import Row, entry, event_bytes
from registry.transparency.merkle import BadProof, tile_path, width_of
from registry.transparency.signed_notes import (
    BadNote,
    BadSignature,
    VerifierKey,
    read_checkpoint,
    read_note,
)

TILES = 256  # that are kept in memory, 8 kB each


class PeerContradicts(Exception):
    """The peer's log is not the one that was verified before, or an event is not in it."""

    def __init__(self, why: str, shown: str = "") -> None:
        super().__init__(why)
        self.shown = shown  # the head that contradicts


@dataclass(frozen=True)
class VerifiedHead:
    """A head of a peer's log. Nothing is remembered of an empty one."""

    size: int = 0
    root: bytes = merkle.EMPTY_ROOT
    note: str = ""


class PeerLog:
    """Verifies heads and events of one peer."""

    def __init__(self, client: PeerClient, key: VerifierKey, head: VerifiedHead) -> None:
        self._client, self._key = client, key
        self.head = head
        self._tiles: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()

    def advance(self) -> bool:
        """Takes the peer's last head, after it was verified: the signature, and that its tree
        continues the tree of the head before. Returns whether it is another one.

        Raises PeerContradicts, PeerAway, PeerDeclined.
        """
        shown = self._read(self._client.checkpoint())
        if (shown.size, shown.root) == (self.head.size, self.head.root):
            return False
        before = self.head
        if shown.size < before.size:
            # A cache, or another server of the peer, may show an older head of the same history.
            self._check_continues(shown, before, shown)
            return False
        self._check_continues(before, shown, shown)
        self.head = shown
        return True

    def check(self, events: Sequence[SentEvent]) -> None:
        """Verifies that each event is in the tree of the last head, as it was sent. Raises
        PeerContradicts."""
        node = merkle.from_tiles(self._tile(self.head.size))
        for event in events:
            try:
                salt = bytes.fromhex(event.salt)
                leaf = merkle.leaf_hash(entry(salt, event_bytes(_row(event))))
                path = merkle.inclusion_path(node, event.leaf, self.head.size)
                merkle.verify_inclusion(leaf, event.leaf, self.head.size, path, self.head.root)
            except (BadProof, ValueError, LookupError, OverflowError) as error:
                words = f"the event at position {event.position} is not in the log: {error}"
                raise PeerContradicts(words, self.head.note) from None

    def _read(self, body: bytes) -> VerifiedHead:
        try:
            note = read_note(body)
            if self._key not in note.signed_by([self._key]):
                raise BadSignature(f"the head is not signed by {self._key.name}")
            checkpoint = read_checkpoint(note.text)
        except (BadNote, BadSignature) as error:
            written = body.decode("utf-8", "replace")
            raise PeerContradicts(f"no head of its log: {error}", written) from None
        if checkpoint.origin != self._key.name:
            raise PeerContradicts(f"the head is of the log {checkpoint.origin}", note.written)
        return VerifiedHead(checkpoint.size, checkpoint.root, note.written)

    def _check_continues(self, old: VerifiedHead, new: VerifiedHead, shown: VerifiedHead) -> None:
        if old.size == 0:
            return
        self._tiles.clear()  # a rewritten log has other tiles under the same names
        try:
            node = merkle.from_tiles(self._tile(new.size))
            path = merkle.consistency_path(node, old.size, new.size)
            merkle.verify_consistency(old.size, new.size, old.root, new.root, path)
        except (BadProof, LookupError) as error:
            raise PeerContradicts(f"its history was changed: {error}", shown.note) from None

    def _tile(self, size: int) -> merkle.Tile:
        def tile(level: int, index: int) -> bytes:
            width = width_of(level, index, size)
            if not width:
                raise LookupError(f"the tree of {size} leaves has no tile {level}/{index}")
            place = level, index, width
            found = self._tiles.get(place)
            if found is None:
                found = self._tiles[place] = self._client.tile(tile_path(level, index, width))
                if len(found) != width * merkle.HASH:
                    raise LookupError(f"tile {tile_path(level, index, width)} has another length")
                if len(self._tiles) > TILES:
                    self._tiles.popitem(last=False)
            return found

        return tile


def _row(event: SentEvent) -> Row:
    return Row(
        event.position,
        event.stream,
        event.version,
        event.topic,
        event.state,
        event.recorded_at,
        event.known_at,
        event.command_id,
        event.actor,
        event.decided_by,
        event.legal_ground,
    )
