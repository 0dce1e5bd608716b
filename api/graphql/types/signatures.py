"""In GraphQL, the signature of the administration that decided."""

from __future__ import annotations

from base64 import b64encode

import strawberry

from api.graphql.context import Context
from api.graphql.loaders import load
from projections.reads import signatures as reads
from registry.transparency.signed_notes import BadSignature, read_key

SIGNED = 300  # microseconds: two look-ups, and an Ed25519 signature verified


@strawberry.type(
    description="The deciding administration's own signature of the command behind an event: "
    "a line of a C2SP signed note under `text`, which any program that reads such notes can check."
)
class DecisionSignature:
    administration: str = strawberry.field(description="Whose key signed.")
    key: str = strawberry.field(description="The id of the key: eight hexadecimal digits.")
    signature: str = strawberry.field(description="Ed25519, in base64.")
    text: str = strawberry.field(description="What is signed, to the byte.")
    valid: bool = strawberry.field(
        description="It is of this text, by a key that the administration had at that event."
    )


async def signed(context: Context, position: int) -> DecisionSignature | None:
    signed_decision = await load(context, reads.decisions, key=int(position), of=context.ledger)
    if signed_decision is None:
        return None
    said = signed_decision.signed
    return DecisionSignature(
        administration=said.administration,
        key=said.key,
        signature=b64encode(said.signature).decode(),
        text=said.text,
        valid=_is_valid(signed_decision),
    )


def _is_valid(signed_decision: reads.SignedDecision) -> bool:
    key = next(
        (
            key
            for key in map(read_key, signed_decision.keys)
            if key.id.hex() == signed_decision.signed.key
        ),
        None,
    )
    try:
        if key is not None:
            key.check(signed_decision.signed.text, signed_decision.signed.signature)
    except BadSignature:
        return False
    return key is not None
