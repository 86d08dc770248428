"""Links with which somebody sets a new password. They stand nowhere: each is proved by what it was made from.

A secret is good until the password changes or the person signs in, and for `PASSWORD_RESET_TIMEOUT`: so it works once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from apps.kernel import clock
from apps.kernel.errors import Refused
from apps.tenancy.models import User


class Links(PasswordResetTokenGenerator):
    key_salt = "weft.password-links"

    def make_secret(self, user: User) -> str:
        return f"weft_password_{user.uuid.hex}_{self.make_token(user)}"

    def person_of(self, secret: str) -> User:
        """Raises `Refused` when the link opens nothing any more."""
        name, _, token = secret.removeprefix("weft_password_").partition("_")
        user = User.objects.filter(uuid=UUID(name), is_active=True).first() if _is_hex(name) else None
        if user is None or not self.check_token(user, token):
            message = "This link opens nothing: it was used, or is older than 24 hours, or you have signed in since."
            raise Refused("link-void", message)
        return user

    def _now(self) -> datetime:
        return clock.now().astimezone(UTC).replace(tzinfo=None)


def _is_hex(text: str) -> bool:
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)


LINKS = Links()
