"""Status lists of credentials: W3C Bitstring Status List 1.0, each a signed credential.

There are two lists of each number: `suspension`, whose bit is set while the authorisation is
suspended at home or abroad, and `revocation`, whose bit is set once it has ended or the credential
was withdrawn. They are made from the register's present state when somebody asks. A credential has
a random place, so a list says nothing of those beside it.
"""

from __future__ import annotations

import gzip
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from api.credentials.claims import TYPE, instant, list_address
from api.credentials.keys import did, sign
from api.graphql.receipt_issuer import CONTEXT
from projections.reads.credentials import CredentialBits

SIZE = 131_072  # bits: the least that the standard has
#: Of a list at most so many places are given, so that a free one is found at random.
FULL = SIZE // 2
#: For how long a verifier may keep a list.
FRESH = timedelta(seconds=5)
#: How long a list is good as evidence of how things stood.
VALID = timedelta(hours=1)


def bitstring(places: Iterable[int]) -> bytes:
    """Returns the bits of a list, the first place leftmost."""
    bits = bytearray(SIZE // 8)
    for place in places:
        bits[place // 8] |= 0x80 >> place % 8
    return bytes(bits)


def encoded(bits: bytes) -> str:
    """Returns a bitstring in the form of the standard: GZIP, then base64url after the multibase
    prefix `u`. The same bits give the same text."""
    return "u" + urlsafe_b64encode(gzip.compress(bits, 9, mtime=0)).rstrip(b"=").decode()


def set_places(rows: Iterable[CredentialBits], purpose: str) -> list[int]:
    """Returns the places whose bit is set in the list of this purpose."""
    return [row.place for row in rows if (row.suspended if purpose == "suspension" else row.ended)]


def status_list(
    home: Path, address: str, number: int, purpose: str, places: Iterable[int], now: datetime
) -> str:
    """Returns a status list as a signed credential. `places`: those whose bit is set."""
    own = list_address(address, number, purpose)
    claims = {
        "@context": [CONTEXT],
        "id": own,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": did(address),
        "validFrom": instant(now),
        "validUntil": instant(now + VALID),
        "credentialSubject": {
            "id": f"{own}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": encoded(bitstring(places)),
            "ttl": FRESH // timedelta(milliseconds=1),
        },
    }
    return sign(home, address, TYPE, msgspec.json.encode(claims))
