"""The environment, typed. A bad or missing value stops the process and names the variable.

Every variable may also be given as `NAME_FILE`, the path of a file that holds the value (a mounted secret).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Listed = Annotated[list[str], NoDecode]


class Env(BaseSettings):
    """One frozen reading of the process environment."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, extra="ignore")

    database_url: SecretStr = Field(alias="DATABASE_URL")
    redis_url: SecretStr = Field(alias="REDIS_URL")
    secret_key: SecretStr = Field(alias="WEFT_SECRET_KEY", min_length=32)
    #: Fernet keys, newest first: the first one seals, all of them open.
    seal_keys: SecretStr = Field(alias="WEFT_SEAL_KEYS")
    allowed_hosts: Listed = Field(alias="WEFT_ALLOWED_HOSTS")
    #: Off only where there is no TLS at all, as in the demo: cookies are then sent over plain HTTP.
    https: bool = Field(default=True, alias="WEFT_HTTPS")
    #: Database sessions per process at most, kept for reuse. A worker's threads hold one each while they work. With 0
    #: every request and every task opens one and closes it.
    db_pool: int = Field(default=20, ge=0, le=100, alias="WEFT_DB_POOL")
    #: Where `collectstatic` puts the files that are served. Without it they are served from where they are written.
    static_root: Path | None = Field(default=None, alias="WEFT_STATIC_ROOT")
    time_zone: str = Field(default="UTC", alias="WEFT_TIME_ZONE")
    log_level: str = Field(default="INFO", alias="WEFT_LOG_LEVEL")
    #: How long a worker may hold an operation before another takes over. Longer than the longest single remote call.
    lease_seconds: float = Field(default=90.0, gt=0, alias="WEFT_LEASE_SECONDS")
    #: How long the answer to a single call is waited for. createNetwork answers only when the fabric is done.
    answer_seconds: float = Field(default=60.0, gt=0, alias="WEFT_ANSWER_SECONDS")
    #: How long something between Weft and a remote (a proxy, a busy management server) may hold back a request whose
    #: caller has given up. Until then a write whose answer was lost may still take effect, and is not sent again.
    request_held_seconds: float = Field(default=180.0, ge=0, alias="WEFT_REQUEST_HELD_SECONDS")
    #: How often due operations are looked for, should every doorbell have been lost.
    sweep_seconds: float = Field(default=30.0, gt=0, alias="WEFT_SWEEP_SECONDS")

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [host.strip() for host in value.split(",") if host.strip()] if isinstance(value, str) else value


def read_env() -> Env:
    """Read the environment once. Raises `pydantic.ValidationError`, which names each bad variable."""
    values: dict[str, str] = {}
    for field in Env.model_fields.values():
        name = str(field.alias)
        if name in os.environ:
            values[name] = os.environ[name]
        elif path := os.environ.get(f"{name}_FILE"):
            values[name] = Path(path).read_text().strip()
    return Env(**values)  # type: ignore[arg-type]  # pydantic parses the text
