"""Logging in: one user, any number of cookie sessions, each gone after an hour without a call (1.2)."""

from __future__ import annotations

import secrets
from hmac import compare_digest

from sandbox.clock import Clock
from sandbox.http import Request
from sandbox.netris.controller import Controller
from sandbox.netris.wire import Call, Refusal, Reply
from sandbox.store import Row, Table

COOKIE = "connect.sid"
_WRITE_EVERY = 60.0  # how stale the stored time of the last use may be


class Gate:
    def __init__(self, table: Table, clock: Clock, user: str, password: str, session_seconds: float) -> None:
        self._table = table
        self._clock = clock
        self._user = user
        self._password = password
        self.session_seconds = session_seconds

    def login(self, net: Controller, call: Call) -> Reply:
        fields = call.fields
        user, password = fields.text("user"), fields.text("password")
        for scheme in ("auth_scheme_id", "authSchemeID"):  # both spellings, or neither
            if scheme in fields and fields.integer(scheme, 0, 2**31) != 1:
                raise Refusal(401, "Authentication failed")  # unverified
        if user != self._user or not compare_digest(password.encode(errors="replace"), self._password.encode()):
            raise Refusal(401, "Authentication failed")  # unverified
        now = self._clock.now()
        for row in self._table:
            if row["used"] + self.session_seconds <= now:
                self._table.drop(row["id"])
        token = f"s%3A{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(32)}"
        self._table.put({"id": token, "used": now})
        reply = self.who(net, call)
        return Reply(reply.data, headers=(("Set-Cookie", f"{COOKIE}={token}; Path=/; HttpOnly"),))

    def who(self, net: Controller, call: Call) -> Reply:
        return Reply.of(
            {
                "user_id": 1,
                "login": self._user,
                "mandatoryPasswordChange": False,
                "name": self._user,
                "email": f"{self._user}@example.net",
            }
        )

    def schemes(self, net: Controller, call: Call) -> Reply:
        return Reply.of([{"id": 1, "name": "Local"}])

    def logout(self, net: Controller, call: Call) -> Reply:
        if row := self._row(call.request):
            self._table.drop(row["id"])
        return Reply.of({})

    def demand(self, request: Request) -> None:
        """401 unless the call carries a live session; a live one lives on."""
        row, now = self._row(request), self._clock.now()
        if row is None or row["used"] + self.session_seconds <= now:
            raise Refusal(401, "Unauthorized")  # unverified
        if now - row["used"] > min(_WRITE_EVERY, self.session_seconds / 10):
            self._table.change(row, used=now)

    def end_all(self) -> None:
        for row in self._table:
            self._table.drop(row["id"])

    def _row(self, request: Request) -> Row | None:
        for part in request.headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                return self._table.get(value)
        return None
