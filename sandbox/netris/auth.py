"""Logging in: any number of cookie sessions, each gone after an hour without a call (1.2; the hour is unverified)."""

from __future__ import annotations

import secrets
from hmac import compare_digest

from sandbox.kit.clock import Clock
from sandbox.kit.http import Request
from sandbox.kit.store import Row, Table
from sandbox.netris.people import people
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import Call, Refusal, Reply

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
        for scheme in ("auth_scheme_id", "authSchemeID"):  # both spellings, or neither: unverified
            if scheme in fields and fields.integer(scheme, 0, 2**31) != 1:
                raise Refusal(401, "Authentication failed")  # unverified
        number = self._check(net, user, password)
        now = self._clock.now()
        for row in self._table:
            if row["used"] + self.session_seconds <= now:
                self._table.drop(row["id"])
        token = f"s%3A{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(32)}"
        self._table.put({"id": token, "used": now, "user": number})
        reply = self._describe(net, number)
        return Reply(reply.data, headers=(("Set-Cookie", f"{COOKIE}={token}; Path=/; HttpOnly"),))

    def _check(self, net: Controller, user: str, password: str) -> int:
        """The id of the user who knows this password."""
        if user == self._user and compare_digest(password.encode(errors="replace"), self._password.encode()):
            return people.OPERATOR
        row = people.user_of(net, user, password)
        if row is None:
            raise Refusal(401, "Authentication failed")  # unverified
        return int(row["id"])

    def who(self, net: Controller, call: Call) -> Reply:
        row = self._row(call.request)
        return self._describe(net, row.get("user", people.OPERATOR) if row else people.OPERATOR)

    @staticmethod
    def _describe(net: Controller, number: int) -> Reply:
        user = net.users.get(number) or {"name": "", "fullname": "", "email": ""}
        return Reply.of(
            {
                "user_id": number,
                "login": user["name"],
                "mandatoryPasswordChange": False,
                "name": user["fullname"] or user["name"],
                "email": user["email"],
            }
        )

    def schemes(self, net: Controller, call: Call) -> Reply:
        return Reply.of([{"id": 1, "name": "Local"}])

    def logout(self, net: Controller, call: Call) -> Reply:
        if row := self._row(call.request):
            self._table.drop(row["id"])
        return Reply.of({})

    def demand(self, net: Controller, request: Request) -> None:
        """401 unless the call carries a live session, which lives on; 403 for what its user may not do."""
        row, now = self._row(request), self._clock.now()
        if row is None or row["used"] + self.session_seconds <= now:
            raise Refusal(401, "Unauthorized")  # unverified
        if now - row["used"] > min(_WRITE_EVERY, self.session_seconds / 10):
            self._table.change(row, used=now)
        number = row.get("user", people.OPERATOR)
        if number == people.OPERATOR:
            return
        user = net.users.get(number)
        if user is None:
            raise Refusal(401, "Unauthorized")  # unverified
        if not people.permits(net, user, request.method, request.path):
            raise Refusal(403, "Permission denied.")  # unverified

    def end_all(self) -> None:
        for row in self._table:
            self._table.drop(row["id"])

    def _row(self, request: Request) -> Row | None:
        for part in request.headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                return self._table.get(value)
        return None
