"""The port for authentication: an Authenticator verifies a token and returns its subject.

`DemoIssuer` signs tokens for demo identities and is used by `aeo up` only. `NoIssuer` is used where
no token issuer is configured: it refuses every token, so the service answers the public only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from api.access import tokens
from api.access.policy import Subject
from api.settings import Settings


class Authenticator(Protocol):
    """Verifies tokens."""

    #: The tokens that are accepted, in words for the operator of the service (start-up, /readyz).
    accepts: str

    def authenticate(self, token: str) -> Subject:
        """Returns the subject that the token names, without its territories.

        Raises InvalidToken when the service does not accept the token.
        """


class DemoIssuer:
    """Signs tokens for demo identities with a key in the home folder, and accepts only those."""

    accepts = "tokens for demo identities, signed by this service itself"

    def __init__(self, home: Path) -> None:
        self._home = home

    def issue(self, subject: str) -> str:
        """Returns a token for this subject, valid for `tokens.LIFE` seconds. Raises ValueError."""
        return tokens.issue(subject, self._home)

    def authenticate(self, token: str) -> Subject:
        """Returns the subject of a token that this service issued. Raises InvalidToken."""
        return tokens.verify(token, self._home)


class NoIssuer:
    """No token issuer is configured: every token is refused, also one signed with the home's own
    key."""

    accepts = "no token: no issuer is configured, and only the public is answered"

    def authenticate(self, token: str) -> Subject:
        """Raises InvalidToken for every token."""
        raise tokens.InvalidToken(
            "this service has no issuer of tokens, so it accepts none and answers the public only"
        )


def authenticator(settings: Settings) -> DemoIssuer | NoIssuer:
    """Returns the authenticator that the settings ask for."""
    if not settings.demo:
        return NoIssuer()
    tokens.make_key(settings.home)  # `aeo token` takes the one that is there
    return DemoIssuer(settings.home)
