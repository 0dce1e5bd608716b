"""Who vouches for the askers: the port between a token and the subject that the token names.

The service knows one Authenticator. `DemoIssuer` signs tokens for demo identities and is used by
`up` alone; `NoIssuer` stands where no issuer of tokens is configured, and refuses every token, so
that such a service answers the public only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from api.access import tokens
from api.access.policy import Subject
from api.settings import Settings


class Authenticator(Protocol):
    """A token in, a subject out."""

    #: Which tokens are accepted, in words for whoever runs the service: at the start, in /readyz.
    accepts: str

    def authenticate(self, token: str) -> Subject:
        """The asker that the token names, without what the register knows of it.

        Raises InvalidToken: the token is not one that this service accepts.
        """


class DemoIssuer:
    """Signs tokens for demo identities with a key of the home folder, and accepts no others."""

    accepts = "tokens for demo identities, signed by this service itself"

    def __init__(self, home: Path) -> None:
        self._home = home

    def issue(self, subject: str) -> str:
        """A token for that subject, good for `tokens.LIFE` seconds. Raises ValueError."""
        return tokens.issue(subject, self._home)

    def authenticate(self, token: str) -> Subject:
        return tokens.verify(token, self._home)


class NoIssuer:
    """No issuer of tokens is configured: every token is refused, also one of the home's own key."""

    accepts = "no token: no issuer is configured, and only the public is answered"

    def authenticate(self, token: str) -> Subject:
        raise tokens.InvalidToken(
            "this service has no issuer of tokens, so it accepts none and answers the public only"
        )


def authenticator(settings: Settings) -> DemoIssuer | NoIssuer:
    """The one that the settings ask for."""
    return DemoIssuer(settings.home) if settings.demo else NoIssuer()
