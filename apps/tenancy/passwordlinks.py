"""Links with which somebody sets a new password. They stand nowhere: each is proved by what it was made from.

A secret is good until the password changes or the person signs in, for `PASSWORD_RESET_TIMEOUT`, and as long as the
platform admin who made it is one: so it works once, and ends with their right to make it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.tenancy.models import User

#: Stands for the maker of a link that nobody made: of the command line, or with a token that is nobody's.
NOBODY = "0" * 32


class Links(PasswordResetTokenGenerator):
    """Those that one person made."""

    def __init__(self, maker: str) -> None:
        super().__init__()
        self.key_salt = f"weft.password-links.{maker}"

    def _now(self) -> datetime:
        return clock.now().astimezone(UTC).replace(tzinfo=None)


def make_secret(user: User, *, by: User | None) -> str:
    maker = by.uuid.hex if by else NOBODY
    return f"weft_password_{user.uuid.hex}_{maker}_{Links(maker).make_token(user)}"


def person_of(secret: str) -> User:
    """Raises `Refused` when the link opens nothing any more."""
    name, _, proof = secret.removeprefix("weft_password_").partition("_")
    maker, _, token = proof.partition("_")
    user = _active(name)
    made_by = _active(maker)
    may_be_made = maker == NOBODY or (made_by is not None and made_by.is_platform_admin)
    if user is None or not may_be_made or not Links(maker).check_token(user, token):
        message = "This link opens nothing: it was used, or is older than 24 hours, or you have signed in since."
        raise Refused("link-void", message)
    return user


def _active(name: str) -> User | None:
    is_hex = len(name) == 32 and all(letter in "0123456789abcdef" for letter in name)
    return User.objects.filter(uuid=UUID(name), is_active=True).first() if is_hex else None
