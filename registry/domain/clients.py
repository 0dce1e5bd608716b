"""A client: a program that acts for a subject, and the public keys with which it authenticates.

Keys and clients are recorded as events, so anybody may see later who could act for whom, and when.
A key counts from its recording on, and its retirement, too.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import date
from uuid import UUID

from eventsourcing.domain import AggregateCreated, BaseAggregate

from registry.domain import commands as c
from registry.domain.decisions import DatedFact, Decision
from registry.domain.errors import BadValue, KeyUnknown, WrongDates, WrongStatus
from registry.domain.repeated_commands import refuse_unless_identical
from registry.domain.sentences import Sentence
from registry.domain.stream_ids import stream_id
from registry.domain.values import AdministrationCode, Tin

ONCE = Sentence("it is recorded once")
MOST_KEYS = 10  # keys in use at the same time
#: The members of a JWK that a public key may have here, by its type.
_MEMBERS = {
    "EC": frozenset({"crv", "x", "y"}),
    "OKP": frozenset({"crv", "x"}),
    "RSA": frozenset({"n", "e"}),
}
_OTHER_MEMBERS = frozenset({"kty", "kid", "use", "alg"})
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
LEAST_RSA = 2_048  # bits


class Client(BaseAggregate[UUID]):
    """A program that gets access tokens (event-sourced aggregate)."""

    TOPIC = "client"

    class Event(DatedFact):
        """The base of every event of a client."""

    class Registered(Event, AggregateCreated):
        """The client is entered into the register."""

        TOPIC = "client.registered"
        client: str
        name: str
        acts_for: str
        administration: AdministrationCode | None = None  # None: an auditor's

    class KeyAdded(Event):
        """A public key of the client can be used from the instant of recording."""

        TOPIC = "client.key_added"
        key: dict[str, str]  # a JWK
        key_id: str  # its thumbprint (RFC 7638)

        def apply(self, client: Client) -> None:
            """Adds the key to those of the client."""
            client.keys[self.key_id] = self

    class KeyRetired(Event):
        """A public key of the client can no longer be used."""

        TOPIC = "client.key_retired"
        key_id: str

        def apply(self, client: Client) -> None:
            """Marks the key as retired."""
            client.retired_keys[self.key_id] = self

    class Revoked(Event):
        """The client gets no more tokens."""

        TOPIC = "client.revoked"
        reason: str | None = None

        def apply(self, client: Client) -> None:
            """Marks the client as revoked."""
            client.revoked = self

    def __init__(
        self,
        client: str,
        name: str,
        acts_for: str,
        effective: date,
        administration: AdministrationCode | None = None,
        decided: date | None = None,
        decided_by: AdministrationCode | None = None,
        legal_ground: str | None = None,
        source: str | None = None,
    ) -> None:
        self.client, self.name, self.acts_for = client, name, acts_for
        self.administration = administration
        self.keys: dict[str, Client.KeyAdded] = {}  # by thumbprint; retired ones, too
        self.retired_keys: dict[str, Client.KeyRetired] = {}
        self.revoked: Client.Revoked | None = None

    @staticmethod
    def create_id(client: str) -> UUID:
        """The stream id (UUIDv5), derived from the client's id."""
        return stream_id(f"client/{client}")


def administration_of(acts_for: str) -> AdministrationCode | None:
    """The administration to which the subject of a client belongs; None for auditors.

    Raises BadValue unless the subject is partner:KR, officer:CN, company:<TIN> or auditor:*.
    """
    role, _, whose = acts_for.partition(":")
    try:
        match role:
            case "officer" | "partner":
                return AdministrationCode.parse(whose)
            case "company":
                return AdministrationCode.parse(Tin.parse(whose).country)
            case "auditor" if whose == "*":
                return None
    except ValueError as error:
        raise BadValue("actsFor: %(error)s", error=error) from None
    raise BadValue(
        "actsFor: found %(acts_for)s, wanted officer:CN, partner:KR, auditor:* or company:<TIN>",
        acts_for=repr(acts_for[:90]),
    )


def add_key(client: Client, command: c.AddClientKey, by: Decision) -> None:
    """Records a key of the client. Raises AlreadyRecorded, BadValue, WrongDates, WrongStatus."""
    key_id = thumbprint(command.key)
    if key_id in client.retired_keys:
        raise WrongStatus(
            "key: %(key_id)s was retired, and nobody knows who has it now", key_id=key_id
        )
    facts = _fields_of_today(command, by)
    if key_id in client.keys:
        about = Sentence("the key %(key_id)s of %(client)s", key_id=key_id, client=client.client)
        known = [client.keys[key_id]]
        return refuse_unless_identical(known, by, about, ONCE, key=command.key)
    _require_not_revoked(client)
    if len(client.keys) - len(client.retired_keys) >= MOST_KEYS:
        raise WrongStatus(
            "client: %(client)s has %(most_keys)s keys in use: retire one before another",
            client=client.client,
            most_keys=MOST_KEYS,
        )
    client.trigger_event(Client.KeyAdded, key=dict(command.key), key_id=key_id, **facts)


def retire_key(client: Client, command: c.RetireClientKey, by: Decision) -> None:
    """Records that a key can no longer be used. Raises AlreadyRecorded, KeyUnknown, WrongDates."""
    facts = _fields_of_today(command, by)
    if retired := client.retired_keys.get(command.key_id):
        about = Sentence("that %(client)s retired this key", client=client.client)
        return refuse_unless_identical([retired], by, about, ONCE)
    if command.key_id not in client.keys:
        raise KeyUnknown(
            "keyId: %(client)s has no key %(key_id)s",
            client=client.client,
            key_id=command.key_id[:90],
        )
    client.trigger_event(Client.KeyRetired, key_id=command.key_id, **facts)


def revoke(client: Client, command: c.RevokeClient, by: Decision) -> None:
    """Records that the client gets no more tokens. Raises AlreadyRecorded, WrongDates."""
    facts = _fields_of_today(command, by)
    if client.revoked is not None:
        about = Sentence("that %(client)s is revoked", client=client.client)
        return refuse_unless_identical([client.revoked], by, about, ONCE, reason=command.reason)
    client.trigger_event(Client.Revoked, reason=command.reason, **facts)


def thumbprint(key: dict[str, str]) -> str:
    """The thumbprint of a public key (RFC 7638), by which it is named. Raises BadValue."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    kinds: dict[str, type[ECKey | OKPKey | RSAKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
    kind = key.get("kty", "")
    if kind not in kinds:
        raise BadValue("key.kty: found %(kind)s, wanted EC, OKP or RSA", kind=repr(kind[:20]))
    if private := key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"}:
        raise BadValue(
            "key.%(private)s: this is the private part, which nobody else may ever "
            "have: make another key, and send the public part of that",
            private=min(private),
        )
    if unknown := key.keys() - _MEMBERS[kind] - _OTHER_MEMBERS:
        raise BadValue(
            "key.%(unknown)s: a public key of type %(kind)s has no such member",
            unknown=min(unknown),
            kind=kind,
        )
    if kind in _CURVES and key.get("crv") != _CURVES[kind]:
        raise BadValue(
            "key.crv: found %(crv)s, wanted %(curves)s",
            crv=repr(key.get("crv")),
            curves=_CURVES[kind],
        )
    try:
        if kind == "RSA" and len(urlsafe_b64decode(f"{key['n']}==")) * 8 < LEAST_RSA:
            raise BadValue("key.n: wanted %(least_rsa)s bits or more", least_rsa=LEAST_RSA)
        return kinds[kind].import_key(key).thumbprint()  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadValue("key: %(error)s", error=error) from None


def _fields_of_today(command: c.ClientCommand, by: Decision) -> dict[str, object]:
    """The event's fields. Raises WrongDates unless the command has effect now."""
    if command.known_at is not None or by.effective not in (None, by.today):
        raise WrongDates("effective: it counts from its recording on, not before and not later")
    return by.envelope()


def _require_not_revoked(client: Client) -> None:
    if client.revoked is not None:
        raise WrongStatus(
            "client: %(client)s is revoked, which is final: register another", client=client.client
        )
