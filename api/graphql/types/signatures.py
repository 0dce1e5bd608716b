"""The GraphQL type of the signature of an administration under its decision."""

from __future__ import annotations

from base64 import b64encode

import strawberry

from api.graphql.context import Context
from api.graphql.loaders import load
from projections.reads import signatures as reads
from registry.transparency.signed_notes import BadSignature, read_key

SIGNED = 300  # microseconds: two queries, and the verification of an Ed25519 signature


@strawberry.type
class DecisionSignature:
    """The deciding administration's signature of the command that led to an event. It is a
    signature line of a C2SP signed note with the text `text`; any program that reads such notes can
    verify it."""

    administration: str = strawberry.field(
        description="The code of the administration whose key signed."
    )
    key: str = strawberry.field(
        description="The id of the key, as eight hexadecimal digits (the "
        "key hash of a C2SP signed note)."
    )
    signature: str = strawberry.field(description="The Ed25519 signature, in base64.")
    text: str = strawberry.field(description="The exact text that is signed, in UTF-8.")
    valid: bool = strawberry.field(
        description="True: the signature verifies for this text with a key that the administration "
        "had when the event was recorded."
    )


async def decision_signature(context: Context, position: int) -> DecisionSignature | None:
    """The signature of the event at this position, verified; None where it is not signed."""
    signed_decision = await load(context, reads.decisions, key=int(position), of=context.ledger)
    if signed_decision is None:
        return None
    signed = signed_decision.signed
    return DecisionSignature(
        administration=signed.administration,
        key=signed.key,
        signature=b64encode(signed.signature).decode(),
        text=signed.text,
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
