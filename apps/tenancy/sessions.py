"""Sessions of browsers: Django's in the database, each with the person whose it is, so that they can be seen and ended.

What somebody recognises a session by (when it began, from where, in which browser) is noted in it when they sign in.
Pages name a session by `name_of` its key: the key itself opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from apps.kernel import clock
from apps.tenancy.models import Session, User
from apps.tenancy.tries import source_of

NOTE = "signed_in"
#: How many are shown. All of them can be ended.
MOST = 100
#: The first word that a browser's own description holds decides: they all claim to be each other.
BROWSERS = {
    **{"Edg/": "Edge", "EdgA/": "Edge", "OPR/": "Opera", "SamsungBrowser/": "Samsung Internet"},
    **{"Firefox/": "Firefox", "FxiOS/": "Firefox", "HeadlessChrome/": "Chromium", "Chrome/": "Chrome"},
    **{"CriOS/": "Chrome", "Safari/": "Safari", "curl/": "curl"},
}
SYSTEMS = {
    **{"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Macintosh": "Mac"},
    **{"CrOS": "ChromeOS", "Linux": "Linux"},
}


class SessionStore(DatabaseSessions):
    """The engine, as `SESSION_ENGINE` names it by this module."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, Session)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        return row


@dataclass(frozen=True)
class SignedIn:
    """One session, as its owner sees it."""

    name: str
    browser: str
    address: str
    at: datetime | None
    ends_at: datetime
    is_this: bool


def note(request: HttpRequest) -> None:
    """Somebody has just signed in here."""
    request.session[NOTE] = {
        "at": clock.now().isoformat(),
        "address": source_of(request),
        "browser": browser_in_words(request.headers.get("User-Agent", "")),
    }


def sessions_of(user: User, *, here: str | None) -> list[SignedIn]:
    """Those of their sessions that open anything, this one first, then the newest."""
    rows = user.sessions.filter(expire_date__gt=clock.now()).order_by("-expire_date")[:MOST]
    noted = [(row, SessionStore().decode(row.session_data)) for row in rows]
    password = user.get_session_auth_hash()
    found = [_signed_in(row, data, here) for row, data in noted if data.get(HASH_SESSION_KEY) == password]
    return sorted(found, key=lambda one: not one.is_this)


def name_of(session_key: str) -> str:
    return salted_hmac("weft.sessions", session_key, algorithm="sha256").hexdigest()[:32]


def browser_in_words(description: str) -> str:
    """ "Firefox on Linux", from the header in which a browser describes itself."""
    browser = next((name for word, name in BROWSERS.items() if word in description), "")
    system = next((name for word, name in SYSTEMS.items() if word in description), "")
    return " on ".join(filter(None, (browser, system))) or "An unknown browser"


def _signed_in(row: Session, data: Mapping[str, Any], here: str | None) -> SignedIn:
    noted: Mapping[str, str] = data.get(NOTE, {})
    return SignedIn(
        name=name_of(row.session_key),
        browser=noted.get("browser", "An unknown browser"),
        address=noted.get("address", ""),
        at=datetime.fromisoformat(noted["at"]) if "at" in noted else None,
        ends_at=row.expire_date,
        is_this=row.session_key == here,
    )
