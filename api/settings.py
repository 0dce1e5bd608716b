"""What the service is told from outside: environment variables that begin with AEO_."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`AEO_HOME`, `AEO_READERS`, ...; what a program passes in comes before the environment."""

    model_config = SettingsConfigDict(env_prefix="AEO_", frozen=True)

    #: A libpq connection string or URL of a login that may become aeo_reader, aeo_auditor,
    #: aeo_writer and aeo_erasure; the connections of the service are one of these and no more.
    database: str
    #: Where the local mode keeps its signing key, and every mode the keys of persons.
    home: Path = Path(".aeo")
    #: The service signs its own tokens, for whoever can read its home; every page says so.
    local: bool = True
    readers: int = Field(default=4, ge=1, le=64)  # connections that answer questions
    writers: int = Field(default=16, ge=1, le=256)  # commands that may wait for the disk at once
    deadline: float = Field(default=2.0, gt=0, le=60)  # seconds a question may take
    #: Documents a second, never seen before, of one asker; five times as many at once.
    new_documents: float = Field(default=20.0, gt=0)
    planner: bool = True  # questions that one statement can answer are; off: none is
