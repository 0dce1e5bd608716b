"""The log in GraphQL: its signed heads, who watches it, and the proofs that it gives."""

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
from registry.ledger import epochs
from registry.transparency.signed_notes import read_checkpoint, read_key, read_note
from registry.transparency.witness_policy import Policy

PROVED = 1_000  # microseconds: a few tiles, and some hundred hashes
OPENED = 100
MOST = 100  # checkpoints that are shown at once

Where = Annotated[Position, strawberry.argument(description="The position of the event.")]
From = Annotated[
    Position,
    strawberry.argument(name="from", description="The number of leaves of the earlier tree."),
]
To = Annotated[Position, strawberry.argument(description="That of the later tree, signed by now.")]


@strawberry.type(description="That an event lies in the log, checkable without trusting us.")
class InclusionProof:
    leaf_index: Position
    tree_size: Position
    root_hash: str
    leaf_hash: str
    path: list[str]
    text: str = strawberry.field(description="The same as a C2SP tlog-proof file.")

    @classmethod
    def of(cls, inclusion: Inclusion) -> InclusionProof:
        assert inclusion.proof is not None
        return cls(
            leaf_index=Position(inclusion.leaf_index),
            tree_size=Position(inclusion.tree_size),
            root_hash=inclusion.root.hex(),
            leaf_hash=inclusion.leaf.hex(),
            path=[each.hex() for each in inclusion.path],
            text=inclusion.proof,
        )


@strawberry.type(
    description="What opens an event's leaf, SHA-256(0x00, 'aeo-leaf/v1', 0x00, "
    "SHA-256(salt, eventBytes)): with it anybody can tell that the leaf is of this event."
)
class Commitment:
    salt: str = strawberry.field(description="32 random bytes, in base64.")
    event_bytes: str = strawberry.field(
        description="Every column of the event as it is stored, AEO-EVENT-V2, in base64."
    )


@strawberry.type(description="A head that the log has signed.", name="Checkpoint")
class CheckpointType:
    size: Position = strawberry.field(description="How many leaves it covers.")
    root_hash: str
    signed_at: datetime = strawberry.field(description="By the signer's own clock.")

    @classmethod
    def of(cls, signed_checkpoint: SignedCheckpoint) -> CheckpointType:
        return cls(
            size=Position(signed_checkpoint.size),
            root_hash=signed_checkpoint.root.hex(),
            signed_at=signed_checkpoint.signed_at,
        )


@strawberry.type(
    description="Somebody who watches the log, and says so under its heads.", name="Witness"
)
class WitnessType:
    name: str
    verifier_key: str = strawberry.field(description="As name+id+base64.")
    size: Position | None = strawberry.field(
        description="Of the last head that it cosigned; null: none yet."
    )
    cosigned_at: datetime | None = strawberry.field(description="By its own clock.")


@strawberry.type(
    description="A history of the ledger. A restore from a copy, or a failover to a server that "
    "was behind, begins another: positions are then given again, to other events.",
    name="Epoch",
)
class EpochType:
    id: str = strawberry.field(description="12 hexadecimal digits.")
    after_position: Position = strawberry.field(
        description="The last event that it has in common with the epoch before."
    )
    begun_at: datetime = strawberry.field(description="By the database's clock.")
    why: str = strawberry.field(description="What became of the ledger before it.")

    @classmethod
    def of(cls, epoch: epochs.Epoch) -> EpochType:
        return cls(
            id=epoch.id,
            after_position=Position(epoch.after_position),
            begun_at=epoch.begun_at,
            why=epoch.why,
        )


@strawberry.type(
    description="The public log: a Merkle tree (RFC 6962) with a leaf for every event. Its tiles, "
    "checkpoints and keys are also at /log/, as C2SP tlog-tiles has them."
)
class Log:
    head: strawberry.Private[Head]
    policy: strawberry.Private[Policy | None]

    @strawberry.field
    def origin(self) -> str:
        """The name that the log signs under."""
        return read_checkpoint(read_note(self.head.note).text).origin

    @strawberry.field
    def verifier_keys(self) -> list[str]:
        """The keys that it signs with, each as name+id+base64. Have them from elsewhere, too."""
        return [str(log.key) for log in self.policy.logs] if self.policy else []

    @strawberry.field
    def checkpoint(self) -> str:
        """The last signed head: a C2SP checkpoint with its signatures and its witnesses'."""
        return self.head.note

    @strawberry.field
    def size(self) -> Position:
        """How many leaves the last signed head covers."""
        return Position(self.head.size)

    @costs(PROVED, each=20)
    @strawberry.field
    async def checkpoints(self, info: Info, first: int = 10) -> list[CheckpointType]:
        """The last heads that were signed, the newest first."""
        if not 1 <= first <= MOST:
            raise bad_input(f"first: found {first}, wanted 1 to {MOST}")
        async with info.context.views.connection() as connection:
            return [
                CheckpointType.of(signed_checkpoint)
                for signed_checkpoint in await reads.signed(connection, first)
            ]

    @costs(PROVED)
    @strawberry.field
    async def epochs(self, info: Info) -> list[EpochType]:
        """The epochs of the ledger, the one that it is in first."""
        async with info.context.views.connection() as connection:
            return [EpochType.of(epoch) for epoch in await read_epochs(connection)]

    @costs(PROVED, each=5)
    @strawberry.field
    async def witnesses(self, info: Info) -> list[WitnessType]:
        """Who is asked to watch, and whoever has: with the head that each cosigned last."""
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
        """That the event at a position is in a signed tree: the last one, or that of `treeSize`."""
        context = info.context
        size = self.head.size if tree_size is None else tree_size
        async with context.views.connection() as connection:
            if tree_size is not None and not await reads.head(connection, tree_size):
                near = " and ".join(map(str, await reads.nearest(connection, tree_size)))
                raise bad_input(
                    f"treeSize: found {tree_size}, wanted the size of a head that was signed; "
                    f"next to it are {near}"
                )
            found = (await reads.inclusions(connection, [position], size)).get(position)
        if found is None:
            raise bad_input(
                f"position: found {position}, wanted one from 1 that the tree of {size} leaves has"
            )
        return InclusionProof.of(found)

    @costs(PROVED)
    @strawberry.field
    async def consistency_proof(self, info: Info, from_: From, to: To) -> list[str]:
        """The hashes that show the tree of `from` leaves to be the beginning of that of `to`."""
        if to > self.head.size:
            raise bad_input(
                f"to: found {to}, wanted at most {self.head.size}, the size of the last checkpoint"
            )
        if from_ > to:
            raise bad_input(f"from: found {from_}, wanted at most {to}: no tree shrinks")
        async with info.context.views.connection() as connection:
            path = await reads.consistency(connection, from_, to)
        return [data.hex() for data in path]


@strawberry.type
class LogQuery:
    @strawberry.field
    async def log(self, info: Info) -> Log:
        """The public log over everything recorded, which anybody can check."""
        async with info.context.views.connection() as connection:
            head = await reads.head(connection)
        if head is None:
            raise Unanswered("NOT_SIGNED", "The log has no signed head yet. Ask again.")
        return Log(head=head, policy=info.context.heads.policy())


async def proved(context: Context, position: Position) -> InclusionProof | None:
    """All that one answer asks for are proved together, under the last signed head."""
    inclusion = await load(context, reads.inclusions, key=int(position))
    return InclusionProof.of(inclusion) if inclusion else None


async def opened(context: Context, position: Position) -> Commitment | None:
    """None before the log has taken the event in, and after its salt was erased."""
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
