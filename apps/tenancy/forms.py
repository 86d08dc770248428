"""The form at the door."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from apps.kernel.hashing import TooManyAtOnce
from apps.tenancy import tries

#: The status of an answer for each reason why a password was not looked at.
HELD_BACK = {"too-many-tries": 429, "too-many-at-once": 503}


class SignInForm(AuthenticationForm):
    """A name and a password; the password is looked at only when the name and the caller may try."""

    request: HttpRequest
    attempt: tries.Attempt | None = None
    #: For how many seconds to wait, when nothing was looked at.
    wait = 0

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        if username is None or not self.cleaned_data.get("password"):
            return self.cleaned_data
        try:
            self.attempt = tries.attempt(self.request, username)
            return super().clean()
        except tries.TooManyTries as refusal:
            self.wait = refusal.seconds
            message = f"Too many tries have failed. Wait {in_words(self.wait)}, then try again."
            raise ValidationError(message, code="too-many-tries") from None
        except TooManyAtOnce:
            assert self.attempt is not None
            self.attempt.undo()
            self.wait = TooManyAtOnce.RETRY_AFTER
            message = f"Many people are signing in just now. Try again in {in_words(self.wait)}."
            raise ValidationError(message, code="too-many-at-once") from None

    @property
    def held_back(self) -> str:
        """Why nothing was looked at, for people."""
        return str(self.non_field_errors()[0]) if self.wait else ""

    @property
    def status(self) -> int:
        codes = [error.code for error in self.non_field_errors().as_data()]
        return next((HELD_BACK[str(code)] for code in codes if code in HELD_BACK), 200)


def in_words(seconds: int) -> str:
    if seconds < 100:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"
