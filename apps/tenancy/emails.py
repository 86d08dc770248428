"""E-mail addresses, as people write them for one another. Whether one can be written to, nobody here knows."""

from __future__ import annotations

import re
import secrets

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from apps.kernel.errors import Refused

MOST = 254
#: Without what looks like something else.
LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


def parse_email(value: object, field: str) -> str:
    """The address as it is kept: its domain in small letters. Raises `Refused`."""
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise Refused("email-missing", "Give an e-mail address.", field)
    if len(text) > MOST:
        raise Refused("email-too-long", f"An e-mail address has at most {MOST} characters.", field)
    try:
        validate_email(text)
        local, _, domain = text.rpartition("@")
        text.encode("ascii")
    except (ValidationError, UnicodeEncodeError) as error:
        message = "This is no e-mail address. Write it as ann@example.net, with letters from a to z."
        raise Refused("email-invalid", message, field) from error
    return f"{local}@{domain.lower()}"


def username_for(email: str) -> str:
    """A user name for who has this address: `ann-k3fd`. The end of it is chance, always, so that a name which is not at
    its plainest says nothing about who else is here."""
    local = re.sub(r"[^a-z0-9._-]+", "-", email.partition("@")[0].partition("+")[0].lower()).strip("-._")[:40]
    return f"{local or 'user'}-{''.join(secrets.choice(LETTERS) for _ in range(4))}"
