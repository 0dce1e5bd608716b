"""The keys of credentials: those of the receipts, published as a DID document (did:web).

A credential names its key as `did:web:HOST#THUMBPRINT`. The document at `/.well-known/did.json` has
the key that signs now and those that signed before, so that what they signed stays verifiable.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from api.access.key_files import replace_key_file
from api.access.tokens import key_in
from api.graphql.receipt_issuer import (
    ALGORITHM,
    FORMER_KEYS,
    KEY,
    former_keys,
    issuer,
    public_key,
    public_keys,
)

CONTEXTS = ["https://www.w3.org/ns/did/v1", "https://www.w3.org/ns/cid/v1"]
#: A host with or without a port, or an address of IPv6 in brackets.
_HOST = re.compile(r"(?:[\w-]+(?:\.[\w-]+)*|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?")
DID_PATH = "/.well-known/did.json"


class UnknownKey(Exception):
    """No key of this register has this name."""


class NotSigned(Exception):
    """The key did not sign this text."""


def did(address: str) -> str:
    """Returns the DID of a register by its address without a path: did:web:HOST%3APORT. The method
    did:web takes no IP address, so a loopback address is called localhost."""
    parts = urlsplit(address)
    port = f":{parts.port}" if parts.port else ""
    host = "localhost" if parts.hostname in ("127.0.0.1", "::1") else parts.hostname or ""
    return f"did:web:{quote(host + port, safe='')}"


def address_of(name: str) -> str | None:
    """Returns the address at which a did:web without a path is served; None for another DID, and
    for one that names no host."""
    method, _, host = name.partition("did:web:")
    if method or not host or ":" in host:
        return None
    netloc = unquote(host)
    try:
        parts = urlsplit(f"//{netloc}")
        _ = parts.port
    except ValueError:
        return None
    if not _HOST.fullmatch(netloc):
        return None
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return f"{'http' if local else 'https'}://{netloc}"


def did_document(home: Path, address: str) -> dict[str, Any]:
    """Returns the DID document of this register."""
    own = did(address)
    methods = [
        {
            "id": f"{own}#{key['kid']}",
            "type": "JsonWebKey",
            "controller": own,
            "publicKeyJwk": key,
        }
        for key in public_keys(home)["keys"]
    ]
    return {
        "@context": CONTEXTS,
        "id": own,
        "alsoKnownAs": [issuer(home)],
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
        "service": [
            {"id": f"{own}#log", "type": "TransparencyLog", "serviceEndpoint": f"{address}/log"}
        ],
    }


def sign(home: Path, address: str, kind: str, payload: bytes) -> str:
    """Returns a JWS in compact serialisation. `kind`: the header `typ`."""
    key = key_in(home / KEY)
    header = {"alg": ALGORITHM, "typ": kind, "kid": f"{did(address)}#{key.thumbprint()}"}
    return jws.serialize_compact(header, payload, key, algorithms=[ALGORITHM])


def signed(home: Path, text: str, name: str) -> bytes:
    """Returns the payload of a JWS that the key of this name signed. Raises UnknownKey and
    NotSigned."""
    keys = public_keys(home)["keys"]
    found = next((key for key in keys if key["kid"] == name.rpartition("#")[2]), None)
    if found is None:
        raise UnknownKey(name)
    try:
        return jws.deserialize_compact(
            text, OKPKey.import_key(found), algorithms=[ALGORITHM]
        ).payload
    except (JoseError, ValueError) as error:
        raise NotSigned(str(error)) from None


def renew(home: Path) -> str:
    """Replaces the key that signs; the one before stays among the former keys. Returns the name of
    the new one."""
    new = OKPKey.generate_key("Ed25519")
    former = [public_key(key_in(home / KEY)), *former_keys(home)]
    replace_key_file(home / FORMER_KEYS, {"keys": former})
    replace_key_file(home / KEY, dict(new.as_dict(private=True)))
    return new.thumbprint()
