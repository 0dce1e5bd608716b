"""The settings of the service: environment variables with the prefix AEO_."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from registry.domain.values import AdministrationCode

#: Settings that only the program sets, never the environment.
NOT_FROM_OUTSIDE = frozenset({"demo"})


class _Environment(EnvSettingsSource):
    """The environment variables, without those that only the program sets."""

    def __call__(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in super().__call__().items()
            if name not in NOT_FROM_OUTSIDE
        }


class Settings(BaseSettings):
    """`AEO_HOME`, `AEO_READERS`, ...; arguments take precedence over the environment."""

    model_config = SettingsConfigDict(env_prefix="AEO_", frozen=True)

    #: A libpq connection string or URL of a login that may set the roles aeo_reader, aeo_auditor,
    #: aeo_writer and aeo_erasure; every connection of the service uses one of these roles.
    database: str
    #: The folder of the keys of persons, and of the key that signs the tokens of demo identities.
    home: Path = Path(".aeo")
    #: The address on which the service listens. Another machine reaches an address that is not
    #: loopback; put a proxy with TLS in front of it.
    host: str = "127.0.0.1"
    #: Offers demo identities: whoever reaches the port may use any of them. Set by `aeo up` only,
    #: as an argument; no environment variable sets it.
    demo: bool = False
    readers: int = Field(default=4, ge=1, le=64)  # connections that answer queries
    writers: int = Field(default=16, ge=1, le=256)  # commands that wait for the disk together
    deadline: float = Field(default=2.0, gt=0, le=60)  # seconds: the request deadline of a query
    #: Short queries that a process executes at the same time; further ones wait in fair queues.
    at_once: int = Field(default=128, ge=1, le=10_000)
    #: The same of documents never seen before.
    new_at_once: int = Field(default=1, ge=1, le=64)
    #: The same of questions that are much work (from 5,000 microseconds by `api/graphql/costs.py`).
    long_at_once: int = Field(default=1, ge=1, le=64)
    #: Subscriptions that one subject may have open in one process of the service.
    subscriptions: int = Field(default=100, ge=1, le=10_000)
    #: Seconds by which the fifth refusal in a row of one subject is delayed; each further one is
    #: delayed twice as long as the one before, up to the maximum. 0: no delay.
    refusal_delay: float = Field(default=0.05, ge=0, le=10)
    #: Seconds for which a refusal is held back at most.
    refusal_delay_most: float = Field(default=1.0, ge=0, le=60)
    #: The CORS allow-list, separated by commas: https://a.example. Empty by default. Cookies are
    #: never accepted from these origins.
    cors_origins: str = ""
    #: Contacts for reports of vulnerabilities, separated by commas: mailto:security@a.example,
    #: https://... Empty by default: /.well-known/security.txt is then absent.
    security_contact: str = ""
    #: The expiry of that contact, an instant with its zone; required with a contact (RFC 9116).
    security_expires: AwareDatetime | None = None
    #: Hosts to which webhooks may post, separated by commas: `host`, `*.host` for those below it,
    #: `host:port`, and `KR=host` for the webhooks of one administration. Empty by default: none.
    webhook_hosts: str = ""
    #: Webhooks that one administration may have.
    webhooks_of_one: int = Field(default=20, ge=0, le=10_000)
    #: Seconds that a receiver of a webhook has to answer.
    webhook_timeout: float = Field(default=15.0, gt=0, le=120)
    #: Seconds after which a webhook's message that was not accepted is sent again; each further
    #: time after twice as long as before, up to the maximum.
    webhook_retry: float = Field(default=5.0, gt=0, le=3_600)
    webhook_retry_most: float = Field(default=3_600.0, gt=0, le=86_400)
    #: Hours after which a webhook's message that was never accepted becomes a dead letter.
    webhook_hours: float = Field(default=72.0, gt=0, le=8_760)
    #: The administrations for which this register is authoritative, separated by commas: KR. Their
    #: operators are published to peers.
    own: str = ""
    #: The partner administrations that may follow this register, separated by commas: CN. They get
    #: whole events, with reasons and legal grounds, of the own operators that they may see.
    peers: str = ""
    #: The file of other registers that `aeo up` follows (TOML or JSON): each with its address, its
    #: administrations and the key with which this register gets tokens there.
    followed_peers: Path | None = None
    #: The partners for which the clerk makes a golden copy each day, separated by commas: KR,NZ.
    #: Empty by default: copies are then made on demand (`aeo golden-copy make`) alone.
    golden_copies: str = ""
    #: The golden copies of each day have the records as an XML message, too.
    golden_copies_xml: bool = False
    planner: bool = True  # off: every query is executed by the resolvers
    #: The address under which clients reach the service, without a path: https://register.example.
    #: Tokens name it as their audience. Required with issuers or the authorisation server.
    public_url: str = ""
    #: The file of token issuers (TOML or JSON): whose tokens are accepted, and for whom.
    issuers: Path | None = None
    #: Whether the service issues access tokens itself, to clients that are registered with it, for
    #: partners that have no authorisation server.
    authorisation_server: bool = False
    #: Whether proofs of possession (DPoP) must have a nonce that the service gave out within the
    #: last ten minutes (RFC 9449, section 8).
    dpop_nonce: bool = False
    #: Hours for which a person who signed in stays signed in.
    session_hours: float = Field(default=8.0, gt=0, le=24)
    #: The header in which the TLS terminator hands on the client certificate that it has checked
    #: (Client-Cert, X-SSL-Client-Cert): tokens may then be bound to a certificate. Empty: no header
    #: is believed. The terminator must remove this header from every request that it receives.
    client_certificate_header: str = ""
    #: The header in which the TLS terminator hands on the address of the client (X-Forwarded-For,
    #: of which the last address counts): the public, and token requests, have a quota for each
    #: address. Empty: the address of the connection counts.
    client_address_header: str = ""
    #: The addresses of TLS terminators, separated by commas: only their headers are believed.
    tls_terminators: str = "127.0.0.1,::1"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Returns the sources of settings in the order of precedence: arguments, then the
        environment."""
        return init_settings, _Environment(settings_cls)

    @model_validator(mode="after")
    def _demo_stays_at_home(self) -> Settings:
        if self.demo and not is_loopback(self.host):
            raise ValueError(
                f"host: found {self.host}, and demo identities are served on a loopback address"
                " only (127.0.0.1, ::1, localhost): whoever reaches the port becomes an officer"
            )
        return self

    @model_validator(mode="after")
    def _peers_are_administrations(self) -> Settings:
        for name in ("own", "peers"):
            for code in listed(getattr(self, name)):
                try:
                    AdministrationCode.parse(code)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
        return self

    @model_validator(mode="after")
    def _a_contact_expires(self) -> Settings:
        for contact in self.security_contacts:
            if not _CONTACT.fullmatch(contact):
                raise ValueError(
                    f"security_contact: found {contact!r}, wanted mailto:, https: or tel: and an"
                    " address without blanks"
                )
        if self.security_contacts and self.security_expires is None:
            raise ValueError(
                "security_expires: found nothing beside a contact, wanted until when it holds:"
                " 2027-06-30T00:00:00Z"
            )
        return self

    @model_validator(mode="after")
    def _issuers_need_an_audience(self) -> Settings:
        if self.public_url:
            parts = urlsplit(self.public_url)
            safe = parts.scheme == "https" or is_loopback(parts.hostname or "")
            bare = self.public_url == f"{parts.scheme}://{parts.netloc}" and parts.hostname
            if not safe or not bare or parts.scheme not in ("https", "http"):
                raise ValueError(
                    f"public_url: found {self.public_url!r}, wanted https and a host without a path"
                    " (http on a loopback address only)"
                )
        elif self.issuers is not None or self.authorisation_server:
            raise ValueError(
                "public_url: found nothing beside issuers or an authorisation server, wanted the"
                " service's own address, which tokens name as their audience"
            )
        return self

    @model_validator(mode="after")
    def _webhook_hosts_are_hosts(self) -> Settings:
        for entry in filter(None, (each.strip() for each in self.webhook_hosts.split(","))):
            if not _WEBHOOK_HOST.fullmatch(entry):
                raise ValueError(
                    f"webhook_hosts: found {entry!r}, wanted host, *.host, host:port or KR=host"
                )
        return self

    @property
    def golden_copy_partners(self) -> list[AdministrationCode]:
        """The partners of `golden_copies`, in their order."""
        named = filter(None, (each.strip().upper() for each in self.golden_copies.split(",")))
        return [AdministrationCode.parse(each) for each in named]

    @model_validator(mode="after")
    def _copies_are_for_administrations(self) -> Settings:
        try:
            _ = self.golden_copy_partners
        except ValueError as error:
            raise ValueError(f"golden_copies: {error}") from None
        return self

    @property
    def security_contacts(self) -> list[str]:
        """The contacts of `security_contact`, in their order."""
        return listed(self.security_contact)


def listed(text: str) -> list[str]:
    """Returns the values of a setting that are separated by commas."""
    return list(filter(None, (each.strip() for each in text.split(","))))


#: An administration, a host or those below it, a port.
_WEBHOOK_HOST = re.compile(r"(?:[A-Z]{2}=)?(?:\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?")
_CONTACT = re.compile(r"(?:mailto:|https://|tel:)[!-~]+")


def is_loopback(host: str) -> bool:
    """Returns whether no other machine can reach this address. Names are not resolved."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


#: Every environment variable that the program and its launcher read, apart from `Settings`, and its
#: meaning. A test compares this list with the code, and another one the generated page
#: ops/docs/reference/configuration.md.
VARIABLES = {
    "DATABASE_URL": "the database, in place of a local server: a libpq URL or connection string",
    "AEO_PG_BIN": "a folder of PostgreSQL programs (initdb, pg_ctl, postgres), 15 or newer",
    "AEO_WORKERS": "processes of the service; 0: one per core, at most four",
    "AEO_CHECK_HOURS": "hours in which the background check completes a pass over everything",
    "AEO_CHECK_SHARE": "the largest share of one core for the background check when it is late",
    "AEO_EDGE_HOME": "the folder of an edge's data",
    "AEO_EDGE_TOKEN": "the partner's token with which an edge asks the register",
    "AEO_TOKEN": "the token with which the tools of an assistant ask the register (`aeo mcp`)",
    "AEO_URL": "the address of the register that the tools of an assistant ask",
    "AEO_VENV": "the folder of the launcher's Python environment; default .venv",
    "AEO_CWD": "set by the launcher: the folder against which file names are read",
    "AEO_PEER_TOKEN": "the token with which `aeo follow-peer` asks, where no file has it",
    "AEO_FAILPOINT": "kills the process at a named place; for crash tests only",
    "AEO_BENCH_CACHE": "the folder in which the benchmarks install the systems to compare with",
    "XDG_CACHE_HOME": "the folder in which AEO_BENCH_CACHE is made, where that is not set",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "where spans are exported to; needs opentelemetry-sdk",
    "PROMETHEUS_MULTIPROC_DIR": "set by the service: what its processes share (counts, documents)",
}
