"""The controller as a service: it meets the faults in force, asks for a session, and answers in the envelope."""

from __future__ import annotations

import logging

from sandbox.kit.clock import Clock
from sandbox.kit.control import PREFIX, Control
from sandbox.kit.faults import Faults, HeldBack, Kind
from sandbox.kit.http import ReplyLost, Request, Response
from sandbox.kit.pace import NETRIS, Pace
from sandbox.kit.store import Store
from sandbox.netris import seed
from sandbox.netris.auth import Gate
from sandbox.netris.orders import Orders
from sandbox.netris.routes import ROUTES, Handler, Match, Routes
from sandbox.netris.state.controller import Controller
from sandbox.netris.wire import Call, Refusal, Reply, not_found, refused
from sandbox.site import REFERENCE, Site

log = logging.getLogger(__name__)

OPEN = ("POST /api/auth", "POST /api/logout")


class Netris:
    """`handle` may be called from many threads: one call at a time holds the store's lock."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        site: Site = REFERENCE,
        user: str,
        password: str,
        session_seconds: float = 3600,
    ) -> None:
        self.store = store
        self.clock = clock
        with store.lock:
            is_new = store.is_empty
            self.net = Controller(store, clock)
            self._gate = Gate(store["session"], clock, user, password, session_seconds)
            own = (
                ("POST", "/api/auth", self._gate.login),
                ("GET", "/api/auth", self._gate.who),
                ("POST", "/api/logout", self._gate.logout),
                ("GET", "/api/auth-schemes", self._gate.schemes),
            )
            self._routes = Routes((*own, *ROUTES))
            calls = [f"{method} {path}" for method, path, _ in (*own, *ROUTES)]
            self.faults = Faults(calls)
            self.pace = Pace(NETRIS, [call for call in calls if call.startswith("GET ")])
            if is_new:
                with store.in_one_go():
                    seed.plant(self.net, site.fabric)
            seed.complete(self.net, user)
        self.held_back = HeldBack(clock, self._serve)
        self.control: Control = Orders(self.net, self._gate, self.faults, self.pace)

    def handler(self, method: str, path: str) -> Handler | None:
        """What answers a call: for those who write to a controller at first hand, without login or faults."""
        match = self._routes.match(Request(method, path, (), {}, b""))
        return match.handler if match else None

    def handle(self, request: Request) -> Response:
        if request.path.startswith(PREFIX):
            return self.control.handle(request)
        self.held_back.let_go()
        name = self._match(request).name
        self.faults.meet(name)
        if late := self.faults.strikes(Kind.LATE, name):
            self.held_back.hold(request, late.seconds)
            raise ReplyLost(name)
        return self._serve(request)

    def _match(self, request: Request) -> Match:
        return self._routes.match(request) or Match(f"{request.method} {request.path}", _nothing_here, "")

    def _serve(self, request: Request) -> Response:
        match = self._match(request)
        name = match.name
        with self.store.lock:
            self.control.calls["unknown" if match.handler is _nothing_here else name] += 1
            try:
                reply = self._answer(request, match)
            except Refusal as refusal:
                return refused(refusal)
            except Exception:
                log.exception("%s failed", name)
                return refused(Refusal(500, "Internal server error"))
            is_lost = self.faults.strikes(Kind.LOSE_REPLY, name)
        self.pace.wait(name, reply.count)
        if is_lost:
            raise ReplyLost(name)
        return reply.response()

    def _answer(self, request: Request, match: Match) -> Reply:
        if match.name not in OPEN:
            self._gate.demand(self.net, request)
        if fault := self.faults.strikes(Kind.REFUSE, match.name):
            raise Refusal(400, fault.text or "The request was refused.")
        return match.handler(self.net, Call(request, match.target))


def _nothing_here(net: Controller, call: Call) -> Reply:
    raise not_found()
