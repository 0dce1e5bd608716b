"""The claims of a credential: W3C VCDM 2.0, in the shape of a UNTP Digital Identity Anchor.

A credential is a JWS of type `vc+jwt` over this JSON (VC-JOSE-COSE). The register of authorised
operators is what UNTP calls an identity register: the subject is a `RegisteredIdentity`, its number
the TIN. The names of UNTP 0.6 are used where there is one; what is the register's own is in
`authorisation` and `register`. The event that decided the authorisation is proved to be in the
transparency log by `evidence`: its leaf is a salted commitment, so it shows nothing of the event.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from api.credentials.keys import did
from api.graphql.receipt_issuer import CONTEXT
from projections.reads.credentials import AuthorisationState
from projections.reads.log import Inclusion

TYPE = "vc+jwt"
#: The vocabulary of the profile; nobody fetches it.
UNTP = "https://test.uncefact.org/vocabulary/untp/dia/0.6.0/"
PROFILE = "UNTP Digital Identity Anchor 0.6"
KINDS = ["VerifiableCredential", "DigitalIdentityAnchor", "AEOStatusCredential"]
#: For how long a credential is valid, where the authorisation does not end earlier.
VALIDITY = timedelta(days=30)
PURPOSES = ("revocation", "suspension")


@dataclass(frozen=True)
class CredentialContent:
    """What a credential states. `operator`: name, local name and administration of the operator, as
    the register shows them to its reader; `address`: the register's, without a path; `register`:
    its name as a URN; `place`: the number of the status lists, and the place in them."""

    id: UUID
    code: str
    operator: dict[str, Any]
    state: AuthorisationState
    programme: str
    effective_from: str | None
    valid_until: str | None
    address: str
    register: str
    issued_at: datetime
    expires_at: datetime
    place: tuple[int, int]
    epoch: str
    position: int
    evidence: Inclusion


def written(content: CredentialContent) -> bytes:
    """Returns the claims as JSON."""
    own, tin = did(content.address), content.state.tin
    administration = content.operator["administration"]
    claims = {
        "@context": [CONTEXT, UNTP, {"@vocab": "urn:aeo:terms:"}],
        "id": f"urn:uuid:{content.id}",
        "type": KINDS,
        "issuer": {
            "type": ["CredentialIssuer"],
            "id": own,
            "name": f"AEO register for {administration['name']}",
            "issuerAlsoKnownAs": [{"id": content.register}],
        },
        "validFrom": instant(content.issued_at),
        "validUntil": instant(content.expires_at),
        "credentialSubject": {
            "type": ["RegisteredIdentity"],
            "id": f"urn:aeo:operator:{tin}",
            "name": content.operator["name"],
            "localName": content.operator["localName"],
            "registeredId": tin,
            "idScheme": {
                "type": ["IdentifierScheme"],
                "id": "urn:aeo:scheme:tin",
                "name": "Trader identification number (WCO)",
            },
            "registerType": "Business",
            "registrationScopeList": [f"urn:aeo:programme:{content.state.programme}"],
            "authorisation": _authorisation(content, administration),
        },
        "credentialStatus": [_status(content, purpose) for purpose in PURPOSES],
        "evidence": [
            {
                "type": ["TransparencyLogInclusion"],
                "event": str(content.state.event),
                "leafHash": b64encode(content.evidence.leaf).decode(),
                "proof": content.evidence.proof,
            }
        ],
        "register": {
            "profile": PROFILE,
            "epoch": content.epoch or None,
            "position": str(content.position),
            "verify": f"{content.address}/verify/{content.code}",
        },
    }
    return msgspec.json.encode(claims)


def _authorisation(content: CredentialContent, administration: dict[str, Any]) -> dict[str, Any]:
    state = content.state
    return {
        "number": state.number,
        "reference": state.authorisation,
        "programme": state.programme,
        "programmeName": content.programme,
        "type": state.type,
        "status": state.status,
        "statusAbroad": state.abroad,
        "effectiveFrom": content.effective_from,
        "validUntil": content.valid_until,
        "administration": administration["code"],
        "administrationName": administration["name"],
    }


def _status(content: CredentialContent, purpose: str) -> dict[str, str]:
    number, place = content.place
    address = list_address(content.address, number, purpose)
    return {
        "id": f"{address}#{place}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": str(place),
        "statusListCredential": address,
    }


def list_address(address: str, number: int, purpose: str) -> str:
    """Returns the address of a status list."""
    return f"{address}/status-lists/{number}/{purpose}"


def instant(at: datetime) -> str:
    """Returns an instant in UTC to the second, as VCDM 2.0 has it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
