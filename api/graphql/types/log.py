"""The GraphQL types of the transparency log: checkpoints, witnesses and proofs."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import Unanswered, bad_input
from api.graphql.loaders import load
from api.graphql.scalars import Position
from projections.reads import log as reads
from projections.reads.epochs import epochs as read_epochs
from projections.reads.log import Head, Inclusion, SignedCheckpoint, WitnessCosignature
from registry.domain.sentences import Sentence
from registry.ledger import epochs
from registry.transparency.signed_notes import read_checkpoint, read_key, read_note
from registry.transparency.witness_policy import Policy

PROVED = 1_000  # microseconds: a few tiles and some hundred hashes
OPENED = 100
MOST = 100  # checkpoints in one response

Where = Annotated[Position, strawberry.argument(description="The position of the event.")]
From = Annotated[
    Position,
    strawberry.argument(name="from", description="The number of leaves of the earlier tree."),
]
To = Annotated[
    Position,
    strawberry.argument(
        description="The number of leaves of the later tree, at most that of the last checkpoint."
    ),
]


@strawberry.type
class InclusionProof:
    """An inclusion proof (RFC 6962, 2.1.1): it proves that an event is in the log, without trust in
    the service."""

    leaf_index: Position
    tree_size: Position
    root_hash: str
    leaf_hash: str
    path: list[str]
    text: str = strawberry.field(
        description="The same proof as the text of a C2SP tlog-proof file."
    )

    @classmethod
    def of(cls, inclusion: Inclusion) -> InclusionProof:
        """The proof as a GraphQL object. The inclusion must have one."""
        assert inclusion.proof is not None
        return cls(
            leaf_index=Position(inclusion.leaf_index),
            tree_size=Position(inclusion.tree_size),
            root_hash=inclusion.root.hex(),
            leaf_hash=inclusion.leaf.hex(),
            path=[each.hex() for each in inclusion.path],
            text=inclusion.proof,
        )


@strawberry.type
class Commitment:
    """The data that opens the commitment in an event's leaf. The leaf is SHA-256(0x00,
    'aeo-leaf/v1', 0x00, SHA-256(salt, eventBytes)), so anybody can verify that it belongs to this
    event."""

    salt: str = strawberry.field(description="The salt: 32 random bytes, in base64.")
    event_bytes: str = strawberry.field(
        description="All columns of the stored event in the encoding AEO-EVENT-V2, in base64."
    )


@strawberry.type(name="Checkpoint")
class CheckpointType:
    """A checkpoint: a tree head (size and root hash) that the log has signed."""

    size: Position = strawberry.field(description="The number of leaves of the tree.")
    root_hash: str
    signed_at: datetime = strawberry.field(
        description="When it was signed, by the clock of the signer."
    )

    @classmethod
    def of(cls, signed_checkpoint: SignedCheckpoint) -> CheckpointType:
        """The checkpoint as a GraphQL object."""
        return cls(
            size=Position(signed_checkpoint.size),
            root_hash=signed_checkpoint.root.hex(),
            signed_at=signed_checkpoint.signed_at,
        )


@strawberry.type(name="Witness")
class WitnessType:
    """A witness: an independent party that verifies each checkpoint and cosigns it (C2SP
    tlog-witness)."""

    name: str
    verifier_key: str = strawberry.field(
        description="The public key of the witness as "
        "name+id+base64, as a C2SP signed note writes it."
    )
    size: Position | None = strawberry.field(
        description="The number of leaves of the last checkpoint that it cosigned. Null: none yet."
    )
    cosigned_at: datetime | None = strawberry.field(
        description="When it cosigned that checkpoint, by the clock of the witness. Null: none yet."
    )


@strawberry.type(name="Epoch")
class EpochType:
    """An epoch of the ledger. A restore from a backup, or a failover to a server that was behind,
    begins a new epoch. Positions after that point are then given again, to other events."""

    id: str = strawberry.field(description="The id of the epoch: 12 hexadecimal digits.")
    after_position: Position = strawberry.field(
        description="The position of the last event that it has in common with the previous epoch."
    )
    begun_at: datetime = strawberry.field(
        description="When the epoch began, by the clock of the database."
    )
    why: str = strawberry.field(description="Why the previous epoch ended, as text.")

    @classmethod
    def of(cls, epoch: epochs.Epoch) -> EpochType:
        """The epoch as a GraphQL object."""
        return cls(
            id=epoch.id,
            after_position=Position(epoch.after_position),
            begun_at=epoch.begun_at,
            why=epoch.why,
        )


@strawberry.type
class Log:
    """The public transparency log: a Merkle tree (RFC 6962) with one leaf for every event. Its
    tiles, checkpoints and keys are also served under /log/, as C2SP tlog-tiles specifies."""

    head: strawberry.Private[Head]
    policy: strawberry.Private[Policy | None]

    @strawberry.field
    def origin(self) -> str:
        """The origin of the log: the name in its checkpoints."""
        return read_checkpoint(read_note(self.head.note).text).origin

    @strawberry.field
    def verifier_keys(self) -> list[str]:
        """The public keys that the log signs with, each as name+id+base64. Compare them with a copy
        from an independent source."""
        return [str(log.key) for log in self.policy.logs] if self.policy else []

    @strawberry.field
    def checkpoint(self) -> str:
        """The last checkpoint as a C2SP signed note, with the signatures of the log and of its
        witnesses."""
        return self.head.note

    @strawberry.field
    def size(self) -> Position:
        """The number of leaves of the last checkpoint."""
        return Position(self.head.size)

    @costs(PROVED, each=20)
    @strawberry.field
    async def checkpoints(self, info: Info, first: int = 10) -> list[CheckpointType]:
        """The last checkpoints that were signed, the newest first."""
        if not 1 <= first <= MOST:
            raise bad_input("first: found %(first)s, wanted 1 to %(most)s", first=first, most=MOST)
        async with info.context.views.connection() as connection:
            return [
                CheckpointType.of(signed_checkpoint)
                for signed_checkpoint in await reads.signed(connection, first)
            ]

    @costs(PROVED)
    @strawberry.field
    async def epochs(self, info: Info) -> list[EpochType]:
        """The epochs of the ledger, the present one first."""
        async with info.context.views.connection() as connection:
            return [EpochType.of(epoch) for epoch in await read_epochs(connection)]

    @costs(PROVED, each=5)
    @strawberry.field
    async def witnesses(self, info: Info) -> list[WitnessType]:
        """The witnesses of the log's policy and all others that have cosigned a checkpoint, each
        with the last checkpoint that it cosigned."""
        async with info.context.views.connection() as connection:
            seen = {
                witness_cosignature.key: witness_cosignature
                for witness_cosignature in await reads.seen(connection)
            }
        asked = (
            [str(witness.key) for witness in self.policy.witnesses.values()] if self.policy else []
        )
        return [_witness(key, seen.get(key)) for key in dict.fromkeys([*asked, *sorted(seen)])]

    @costs(PROVED)
    @strawberry.field
    async def inclusion_proof(
        self, info: Info, position: Where, tree_size: Position | None = None
    ) -> InclusionProof:
        """The proof that the event at a position is in a signed tree: that of the last checkpoint,
        or the one with `treeSize` leaves. The error BAD_INPUT says where there is no such tree."""
        context = info.context
        size = self.head.size if tree_size is None else tree_size
        async with context.views.connection() as connection:
            if tree_size is not None and not await reads.head(connection, tree_size):
                near = " and ".join(map(str, await reads.nearest(connection, tree_size)))
                raise bad_input(
                    "treeSize: found %(tree_size)s, wanted the size of a head that was signed; "
                    "next to it are %(near)s",
                    tree_size=tree_size,
                    near=near,
                )
            found = (await reads.inclusions(connection, [position], size)).get(position)
        if found is None:
            raise bad_input(
                "position: found %(position)s, wanted one from 1 that the tree of %(size)s leaves "
                "has",
                position=position,
                size=size,
            )
        return InclusionProof.of(found)

    @costs(PROVED)
    @strawberry.field
    async def consistency_proof(self, info: Info, from_: From, to: To) -> list[str]:
        """The consistency proof (RFC 6962, 2.1.2): the hashes, in hexadecimal, that prove that the
        tree of `to` leaves begins with the tree of `from` leaves."""
        if to > self.head.size:
            raise bad_input(
                "to: found %(to)s, wanted at most %(size)s, the size of the last checkpoint",
                to=to,
                size=self.head.size,
            )
        if from_ > to:
            raise bad_input(
                "from: found %(start)s, wanted at most %(to)s: no tree shrinks", start=from_, to=to
            )
        async with info.context.views.connection() as connection:
            path = await reads.consistency(connection, from_, to)
        return [data.hex() for data in path]


@strawberry.type
class LogQuery:
    """The query for the transparency log."""

    @strawberry.field
    async def log(self, info: Info) -> Log:
        """The public transparency log over all events. Everybody may read and verify it. The error
        NOT_SIGNED is returned before the first checkpoint."""
        async with info.context.views.connection() as connection:
            head = await reads.head(connection)
        if head is None:
            raise Unanswered(
                "NOT_SIGNED", Sentence("The log has no signed checkpoint yet. Try again later.")
            )
        return Log(head=head, policy=info.context.current_checkpoint.policy())


async def inclusion_proof(context: Context, position: Position) -> InclusionProof | None:
    """The inclusion proof of an event under the last checkpoint; None where it is not included yet.
    The proofs of one response are read in one batch."""
    inclusion = await load(context, reads.inclusions, key=int(position))
    return InclusionProof.of(inclusion) if inclusion else None


async def commitment_opening(context: Context, position: Position) -> Commitment | None:
    """The data that opens the commitment. None before the log has included the event, and after its
    salt was erased."""
    opening = await load(context, reads.openings, key=int(position), of=context.ledger)
    return (
        Commitment(salt=_base64(opening.salt), event_bytes=_base64(opening.event))
        if opening
        else None
    )


def _witness(key: str, last: WitnessCosignature | None) -> WitnessType:
    return WitnessType(
        name=read_key(key).name,
        verifier_key=key,
        size=Position(last.size) if last else None,
        cosigned_at=last.at if last else None,
    )


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
