"""Secrets at rest: sealed with the first key of `WEFT_SEAL_KEYS`, opened with any of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models
from pydantic import SecretStr

if TYPE_CHECKING:
    SealedBase = models.Field[SecretStr | str, SecretStr]
else:
    SealedBase = models.Field


@lru_cache(maxsize=4)
def _keys(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


class Sealed(SecretStr):
    """A secret as it lies in the database. It is opened when somebody asks for it, and most readers of a row do not."""

    def __init__(self, token: str) -> None:
        super().__init__("")
        self._token = token

    def get_secret_value(self) -> str:
        return _keys(tuple(settings.SEAL_KEYS)).decrypt(self._token.encode()).decode()

    def __len__(self) -> int:
        return len(self.get_secret_value())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and self.get_secret_value() == other.get_secret_value()

    def __hash__(self) -> int:
        return hash(self.get_secret_value())

    def _display(self) -> str:
        return "**********"


class SealedField(SealedBase):
    """A `SecretStr` in Python, a Fernet token in the database. It cannot be filtered on."""

    def get_internal_type(self) -> str:
        return "TextField"

    def to_python(self, value: Any) -> SecretStr | None:
        return value if value is None or isinstance(value, SecretStr) else SecretStr(str(value))

    def from_db_value(self, value: str | None, _expression: Any, _connection: Any) -> SecretStr | None:
        return None if value is None else Sealed(value)

    def get_prep_value(self, value: Any) -> str | None:
        secret = self.to_python(value)
        if secret is None:
            return None
        return _keys(tuple(settings.SEAL_KEYS)).encrypt(secret.get_secret_value().encode()).decode()
