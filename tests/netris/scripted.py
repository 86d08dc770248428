"""A controller that keeps sessions and answers by rote, for the oddities that a real one shows seldom."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
from pydantic import SecretStr

from apps.kernel.remote import Hooks
from apps.netris import Netris, connect

URL = "https://netris.example"
USER = "weft"
PASSWORD = 'hunt"er2'  # quotes must survive


def envelope(data: Any, **more: Any) -> dict[str, Any]:
    return {
        "data": data,
        "errors": {},
        "message": "",
        "isSuccess": True,
        "meta": {"apiVersion": "2", "statusCode": 200},
    } | more


def failure(status: int, message: str, **errors: str) -> httpx.Response:
    return httpx.Response(status, json=envelope({}, message=message, errors=errors, isSuccess=False))


class Scripted:
    """Answers every path with the same thing, or with what `answer` makes of the request. `sessions` are the cookies
    that it accepts at the moment."""

    def __init__(self, answer: Any = None, *, login: httpx.Response | Exception | None = None) -> None:
        self.answer = envelope([]) if answer is None else answer
        self.login = login
        self.sessions: set[str] = set()
        self.logins = 0
        self.requests: list[httpx.Request] = []
        self._lock = threading.Lock()

    def client(self, hooks: Hooks | None = None) -> Netris:
        transport = httpx.MockTransport(self._handle)
        return connect(f"{URL}/", USER, SecretStr(PASSWORD), transport=transport, hooks=hooks)

    @property
    def calls(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
            if request.method == "POST" and request.url.path == "/api/auth":
                return self._log_in(request)
            if request.headers.get("Cookie") not in self.sessions:
                return failure(401, "Unauthorized")
        if isinstance(self.answer, Exception):
            raise self.answer
        answer = self.answer(request) if callable(self.answer) else self.answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def _log_in(self, request: httpx.Request) -> httpx.Response:
        self.logins += 1
        if isinstance(self.login, Exception):
            raise self.login
        if self.login is not None:
            return self.login
        assert json.loads(request.content) == {"user": USER, "password": PASSWORD, "auth_scheme_id": 1}
        cookie = f"connect.sid=s%3A{self.logins}"
        self.sessions = {cookie}
        return httpx.Response(
            200,
            json=envelope({"user_id": 1}),
            headers=[("Set-Cookie", f"{cookie}; Path=/; HttpOnly; Secure"), ("Content-Type", "application/json")],
        )
