"""What the service is told from outside: environment variables that begin with AEO_."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, Field, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

#: Settings that the program alone passes in.
NOT_FROM_OUTSIDE = frozenset({"demo"})


class _Environment(EnvSettingsSource):
    """The variables of the environment, without those that nobody may set from outside."""

    def __call__(self) -> dict[str, Any]:
        return {
            name: said for name, said in super().__call__().items() if name not in NOT_FROM_OUTSIDE
        }


class Settings(BaseSettings):
    """`AEO_HOME`, `AEO_READERS`, ...; what a program passes in comes before the environment."""

    model_config = SettingsConfigDict(env_prefix="AEO_", frozen=True)

    #: A libpq connection string or URL of a login that may become aeo_reader, aeo_auditor,
    #: aeo_writer and aeo_erasure; the connections of the service are one of these and no more.
    database: str
    #: Where the keys of persons are kept, and the key that signs the tokens of demo identities.
    home: Path = Path(".aeo")
    #: The address on which the service listens. Another machine reaches an address that is not
    #: loopback; put a proxy with TLS in front of it.
    host: str = "127.0.0.1"
    #: Whoever reaches the port may become any demo identity. `up` alone turns this on: the program
    #: passes it in, and no variable of the environment does.
    demo: bool = False
    readers: int = Field(default=4, ge=1, le=64)  # connections that answer questions
    writers: int = Field(default=16, ge=1, le=256)  # commands that may wait for the disk at once
    deadline: float = Field(default=2.0, gt=0, le=60)  # seconds a question may take
    #: Documents a second, never seen before, of one asker; five times as many at once.
    new_documents: float = Field(default=20.0, gt=0)
    #: Questions that one process works upon at once; of more, each asker's have their turn.
    at_once: int = Field(default=128, ge=1, le=10_000)
    #: The same of documents never seen before.
    new_at_once: int = Field(default=1, ge=1, le=64)
    #: The same of questions that are much work (from 5,000 microseconds by `api/graphql/costs.py`).
    long_at_once: int = Field(default=1, ge=1, le=64)
    #: Seconds for which the fifth refusal in a row of one asker is held back, and each one after it
    #: for twice as long as the one before, up to the most. 0: none is.
    refusal_delay: float = Field(default=0.05, ge=0, le=10)
    #: Seconds for which a refusal is held back at most.
    refusal_delay_most: float = Field(default=1.0, ge=0, le=60)
    #: Web pages of these origins may ask in their visitors' browsers, by commas: https://a.example.
    #: None by default. Cookies are never taken from them.
    cors_origins: str = ""
    #: Where whoever finds a weakness writes to, by commas: mailto:security@a.example, https://...
    #: None by default: nobody is named, and /.well-known/security.txt is absent.
    security_contact: str = ""
    #: Until when that contact holds, an instant with its zone; needed beside a contact (RFC 9116).
    security_expires: AwareDatetime | None = None
    planner: bool = True  # questions that one statement can answer are; off: none is

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
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

    @property
    def security_contacts(self) -> list[str]:
        """The contacts of `security_contact`, in their order."""
        return list(filter(None, (each.strip() for each in self.security_contact.split(","))))


_CONTACT = re.compile(r"(?:mailto:|https://|tel:)[!-~]+")


def is_loopback(host: str) -> bool:
    """Is it an address of this machine that no other machine reaches? A name is not looked up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


#: Every variable of the environment that the program and its launcher read, beside those of
#: `Settings`, and what each is for. A test holds this list to the code, and another one the page
#: ops/docs/reference/configuration.md, which is made from it.
VARIABLES = {
    "DATABASE_URL": "the database, where it is not the program's own: a libpq URL or string",
    "AEO_PG_BIN": "a folder of PostgreSQL programs (initdb, pg_ctl, postgres), 15 or newer",
    "AEO_WORKERS": "processes of the service; 0: one a core, four at most",
    "AEO_CHECK_HOURS": "within how many hours the background check walks through everything",
    "AEO_CHECK_SHARE": "the most that the background check takes of one core, where it is late",
    "AEO_VENV": "where the launcher keeps the Python environment; default .venv",
    "AEO_CWD": "set by the launcher: the folder against which file names are read",
    "AEO_FAILPOINT": "kills the process at a named place; for tests of crashes alone",
    "AEO_BENCH_CACHE": "where the benches install their peers",
    "XDG_CACHE_HOME": "the folder in which AEO_BENCH_CACHE is made, where that is not set",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "where spans are sent to; read where opentelemetry-sdk is there",
    "PROMETHEUS_MULTIPROC_DIR": "set by the service: what its processes share (counts, documents)",
}
