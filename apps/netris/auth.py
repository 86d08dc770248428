"""Netris's cookie session: log in when there is none, log in again when it has died, and repeat the request once.

Netris says nowhere how long a session lives, so any request may meet a dead one. 401 means that; 403 never does (it is
a missing permission or a missing property).
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from apps.kernel.remote import Unauthorized, Unavailable

LOGIN = "POST /api/auth"
LOCAL_ACCOUNTS = 1  # the scheme of users known to the controller itself; LDAP and others have other numbers


@dataclass(frozen=True)
class Session:
    """The outcome of one login; numbers tell logins apart. A refused login leaves no cookie."""

    number: int
    cookie: str | None


class SessionAuth(httpx.Auth):
    """One session, shared by all threads that share the client."""

    def __init__(self, login_url: str, user: str, password: SecretStr) -> None:
        self._login_url = login_url
        self._user = user
        self._password = password
        self._lock = threading.Lock()
        self._session = Session(0, None)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        # 1. Remember which session this thread believes in, and try it.
        believed = self._session
        if believed.cookie:
            response = yield _with_cookie(request, believed.cookie)
            if response.status_code != 401:
                return
        # 2. It is dead. One thread at a time may log in. The lock is held across the yield, so that the others wait
        #    for the outcome; httpx closes this generator when the login breaks off, and that releases it.
        with self._lock:
            # 3. Whoever had to wait finds that somebody else has logged in (or was refused) meanwhile.
            if self._session == believed:
                response = yield self._login(request)
                self._session = Session(believed.number + 1, _cookie_of(response))
            session = self._session
        if session.cookie is None:
            raise Unauthorized("Netris refused the login", system="netris", call=LOGIN)
        # 4. Once more, and only once: a second 401 is for the caller.
        yield _with_cookie(request, session.cookie)

    def _login(self, request: httpx.Request) -> httpx.Request:
        return httpx.Request(
            "POST",
            self._login_url,
            headers={"Accept": "application/json", "User-Agent": request.headers["User-Agent"]},
            json={
                "user": self._user,
                "password": self._password.get_secret_value(),
                "auth_scheme_id": LOCAL_ACCOUNTS,
            },
            extensions={"call": LOGIN, "timeout": request.extensions["timeout"]},
        )


def _with_cookie(request: httpx.Request, cookie: str) -> httpx.Request:
    request.headers["Cookie"] = cookie  # replaces what httpx's own cookie jar put there
    return request


def _cookie_of(login: httpx.Response) -> str | None:
    """The session's cookie (`connect.sid`) and any other that came with it; None when the login was refused."""
    if login.status_code >= 500:
        raise Unavailable(f"Netris answered the login with HTTP {login.status_code}", system="netris", call=LOGIN)
    cookies = [header.partition(";")[0].strip() for header in login.headers.get_list("Set-Cookie")]
    return "; ".join(cookies) or None if login.status_code == 200 else None
