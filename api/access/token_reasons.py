"""The reasons for which a token is refused: one code each, with the sentence for the client.

The response says the code and this sentence and no more. What exactly differed (which audience was
wanted, which key is known) is in the service's log, where the operator of the service finds it by
the request's id.
"""

from __future__ import annotations

from enum import Enum

from prometheus_client import Counter as Metric

REFUSED = Metric("aeo_tokens_refused", "Tokens refused, by the reason's code", ["reason"])


class TokenReason(Enum):
    """Why a token is refused. The name is the code, the value the public sentence."""

    MALFORMED = "The Authorization header holds no signed token."
    NO_ISSUER = "This service has no issuer of tokens, so it accepts none; it answers the public."
    TOKEN_INVALID = "The token is not valid."
    TOKEN_TYPE = "The token is no access token (typ at+jwt)."
    TOKEN_ALGORITHM = "The token is signed with an algorithm that its issuer may not use."
    TOKEN_ISSUER = "The token is of an issuer that this service does not accept."
    TOKEN_KEY = "The token names a key that its issuer does not publish."
    TOKEN_SIGNATURE = "The signature of the token does not verify."
    TOKEN_CLAIMS = "The token lacks a claim that it needs, or has one in another form."
    TOKEN_AUDIENCE = "The token is for another service."
    TOKEN_EXPIRED = "The token has expired."
    TOKEN_NOT_YET_VALID = "The token is not valid yet."
    TOKEN_LIFETIME = "The token is valid for longer than its issuer may let it be."
    TOKEN_SUBJECT = "The claims of the token give no role in this register."
    TOKEN_UNBOUND = "The token is bound to no key or certificate, and its issuer must bind it."
    TOKEN_BINDING = "The token is bound in a way that this service cannot check."
    CERTIFICATE_MISSING = "The token is bound to a client certificate, and none came with it."
    CERTIFICATE_MISMATCH = "The token is bound to another client certificate."
    DPOP_MISSING = "The token is bound to a key, and no proof of possession (DPoP) came with it."
    DPOP_INVALID = "The proof of possession (DPoP) is not valid for this request."
    DPOP_MISMATCH = "The proof of possession (DPoP) is of another key or for another token."
    DPOP_REPLAYED = "The proof of possession (DPoP) was used before."
    DPOP_NONCE = "The proof of possession (DPoP) needs the nonce that the header DPoP-Nonce gives."
    CLIENT_REVOKED = "The client, or the key with which it got the token, is revoked."
    SESSION_ENDED = "The session has ended. Sign in again."


class InvalidToken(Exception):
    """The token is not accepted. Such a request is refused and never answered as the public.

    `detail`: what differed, for the log of the service; never for the client. `nonce`: the one that
    the next proof of possession must have, where one is wanted.
    """

    nonce: str | None = None

    def __init__(self, detail: str, reason: TokenReason = TokenReason.TOKEN_INVALID) -> None:
        super().__init__(detail)
        self.detail, self.reason = detail, reason

    @property
    def code(self) -> str:
        """The code of the reason."""
        return self.reason.name

    @property
    def sentence(self) -> str:
        """What the client is told."""
        return self.reason.value

    @property
    def concerns_proof(self) -> bool:
        """Whether the proof of possession is wrong, and not the token (RFC 9449, section 7.1)."""
        return self.reason.name.startswith("DPOP_")


class IssuerUnreachable(Exception):
    """The keys of an issuer cannot be read now, so its tokens can be neither accepted nor
    refused."""
