"""The parts of a signed text in compact serialisation, read before its signature is checked."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

import msgspec

from api.credentials.claims import TYPE
from api.graphql.receipt_issuer import ALGORITHM, KIND, KIND_OF_MANY

_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)


class NotReadable(Exception):
    """A text that is not what it would have to be. The message says what was found and wanted."""


@dataclass(frozen=True)
class SignedText:
    """A text with its header and claims. Nothing of it is believed yet."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def key(self) -> str:
        """The name of the key, as the text gives it."""
        return str(self.header.get("kid", ""))

    @property
    def issuer(self) -> str:
        """The issuer, as the text gives it: a text, or the id of an object."""
        found = self.claims.get("issuer")
        return str(found.get("id", "") if isinstance(found, dict) else found or "")


def read_signed(text: str, kind: str = TYPE) -> SignedText:
    """Reads a text that claims to be signed with Ed25519 and of this type. Raises NotReadable."""
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise NotReadable("wanted three parts of base64url, joined by dots")
    header, claims = (
        _object(part, name) for part, name in zip(parts.groups(), _NAMES, strict=False)
    )
    if header.get("alg") != ALGORITHM:
        raise NotReadable(f"alg: found {header.get('alg')!r}, wanted {ALGORITHM}")
    if header.get("typ") != kind:
        raise NotReadable(f"typ: found {header.get('typ')!r}, wanted {kind}")
    if "crit" in header or "jwk" in header or "x5c" in header or "jku" in header:
        raise NotReadable("the header brings a key or an extension of its own")
    return SignedText(text, header, claims)


_NAMES = ("header", "claims")


def _object(part: str, name: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise NotReadable(f"{name}: no JSON in base64url") from None
    if not isinstance(found, dict):
        raise NotReadable(f"{name}: no JSON object")
    return found


def is_receipt(text: str) -> bool:
    """Whether a text claims to be a receipt and not a credential."""
    signed, tilde, _ = text.partition("~")
    try:
        kinds = read_signed(signed).claims.get("type")
    except NotReadable:
        return bool(tilde)
    return isinstance(kinds, list) and bool({KIND, KIND_OF_MANY} & {str(kind) for kind in kinds})
