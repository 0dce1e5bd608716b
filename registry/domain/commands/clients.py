"""The commands about a client: a program that gets tokens from the register's own authorisation
server, and the public keys with which it does."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
import msgspec

from registry.domain.commands.command import Command


class ClientCommand(Command):
    """The base of the commands about one client."""

    noun = "client"
    client: str  # letters, digits, . _ and -


class RegisterClient(ClientCommand):
    """Registers a program that may get access tokens, and for whom it acts.

    `acts_for`: the subject of its tokens: partner:KR, officer:CN, company:<TIN> or auditor:*. It
    gets no token before a key is added.
    """

    name_: str = msgspec.field(name="name")
    acts_for: str


class AddClientKey(ClientCommand):
    """Adds a public key with which the client authenticates (RFC 7523), from now on.

    `key`: a JWK (RFC 7517) of Ed25519, P-256 or RSA (2048 bits or more), without its private part.
    """

    key: dict[str, str]


class RetireClientKey(ClientCommand):
    """The key can no longer be used: it gets no token, and the tokens that it got end within a
    minute.

    `key_id`: the thumbprint of the key (RFC 7638).
    """

    key_id: str


class RevokeClient(ClientCommand):
    """The client gets no more tokens, and those that it has end within a minute. This is final."""

    reason: str | None = None
