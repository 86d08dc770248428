"""The environment, typed. A bad or missing value stops the process with a sentence that names the variable.

Every variable may also be given as `NAME_FILE`, the path of a file that holds the value (a mounted secret).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Listed = Annotated[list[str], NoDecode]

SECRET_KEY_LENGTH = 32
NEW_SECRET_KEY = """python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"""  # noqa: S105  # a command
NEW_SEAL_KEY = """python3 -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"""


class BadEnvironment(Exception):  # noqa: N818  # it is shown, not caught
    """One sentence for each variable that is wrong."""


class Env(BaseSettings):
    """One frozen reading of the process environment."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, extra="ignore")

    database_url: SecretStr = Field(alias="DATABASE_URL")
    redis_url: SecretStr = Field(alias="REDIS_URL")
    secret_key: SecretStr = Field(alias="WEFT_SECRET_KEY")
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
    #: How long the events of an operation are kept once it is over.
    events_days: int = Field(default=180, ge=1, alias="WEFT_EVENTS_DAYS")
    #: How long VPCs, tiers and accounts that are gone are kept, with their operations.
    gone_days: int = Field(default=365, ge=1, alias="WEFT_GONE_DAYS")
    #: How long audit entries are kept; 0 keeps them for good.
    audit_days: int = Field(default=1095, ge=0, alias="WEFT_AUDIT_DAYS")

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [host.strip() for host in value.split(",") if host.strip()] if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
            raise ValueError("must read postgresql://user:password@host:port/name")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if not (parts.hostname if parts.scheme in ("redis", "rediss") else parts.scheme == "unix" and parts.path):
            raise ValueError("must read redis://host:6379/0, rediss://host:6379/0 or unix:///path/to.sock?db=0")
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if len(value) < SECRET_KEY_LENGTH:
            raise ValueError(f"needs {SECRET_KEY_LENGTH} characters and has {len(value)}: {NEW_SECRET_KEY} makes one")
        return value

    @field_validator("seal_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        keys = [key.strip() for key in value.get_secret_value().split(",") if key.strip()]
        for number, key in enumerate(keys, 1):
            try:
                Fernet(key)
            except ValueError:
                raise ValueError(f"holds no Fernet key in place {number}: {NEW_SEAL_KEY} makes one") from None
        if not keys:
            raise ValueError(f"is empty: {NEW_SEAL_KEY} makes a key")
        return value


def read_env() -> Env:
    """Read the environment once. Raises `BadEnvironment`."""
    values: dict[str, str] = {}
    wrong: list[str] = []
    for field in Env.model_fields.values():
        name = str(field.alias)
        if name in os.environ:
            values[name] = os.environ[name]
        elif path := os.environ.get(f"{name}_FILE"):
            try:
                values[name] = Path(path).read_text().strip()
            except (OSError, UnicodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                wrong.append(f"{name}_FILE: {path} cannot be read ({reason}).")
        elif field.is_required():
            wrong.append(f"{name} is not set, nor {name}_FILE: docs/running.md says what it holds.")
    try:
        env = Env(**values)  # type: ignore[arg-type]  # pydantic parses the text
    except ValidationError as error:
        bad = [(str(each["loc"][0]), each["msg"].removeprefix("Value error, ")) for each in error.errors()]
        wrong += [f"{name} {says}." for name, says in bad if name in values]
    if wrong:
        raise BadEnvironment("\n".join(f"weft: {sentence}" for sentence in wrong))
    return env
