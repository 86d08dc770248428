"""The control endpoint that both services carry under `/_sandbox`: order and clear faults, look, move time, start over.

    GET    /_sandbox/health      {"service", "calls"}
    GET    /_sandbox/calls       how often each call was made since the start: {"createVPC": 3, ...}
    GET    /_sandbox/faults      the orders in force
    POST   /_sandbox/faults      {"kind", "call", "times", "seconds", "text"} -> 201
    DELETE /_sandbox/faults      back to normal
    POST   /_sandbox/sessions/end
    POST   /_sandbox/clock       {"advance": seconds}

A service may add actions of its own: `Control(..., actions={"reconnect": ...})` answers POST /_sandbox/reconnect.
It is served only where the service itself is: on loopback, without a login. It is no part of the emulated product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.http import Request, Response

PREFIX = "/_sandbox"


class Control:
    def __init__(
        self,
        service: str,
        clock: Clock,
        faults: Faults,
        end_sessions: Callable[[], None],
        actions: Mapping[str, Callable[[], None]] | None = None,
    ) -> None:
        self.service = service
        self.clock = clock
        self.faults = faults
        self.calls: Counter[str] = Counter()
        self._end_sessions = end_sessions
        self._actions = dict(actions or {})

    def handle(self, request: Request) -> Response:
        try:
            return self._route(request)
        except (ValueError, TypeError, KeyError) as mistake:
            return Response.of_json(400, {"message": str(mistake)})

    def _route(self, request: Request) -> Response:
        match (request.method, request.path.removeprefix(PREFIX).rstrip("/")):
            case ("GET", "/health"):
                return Response.of_json(200, {"service": self.service, "calls": self.calls.total()})
            case ("GET", "/calls"):
                return Response.of_json(200, dict(self.calls))
            case ("GET", "/faults"):
                return Response.of_json(200, self.faults.as_list())
            case ("POST", "/faults"):
                order = request.json()
                if not isinstance(order, dict) or "kind" not in order:
                    raise ValueError("kind: is required, one of down, slow, refuse, lose_reply, fail_job")
                self.faults.order(**order)
                return Response.of_json(201, self.faults.as_list())
            case ("DELETE", "/faults"):
                self.faults.clear()
                return Response.of_json(200, [])
            case ("POST", "/sessions/end"):
                self._end_sessions()
                return Response.of_json(200, {})
            case ("POST", "/clock"):
                self.clock.advance(float((request.json() or {})["advance"]))
                return Response.of_json(200, {"now": self.clock.now()})
            case ("POST", path) if path[1:] in self._actions:
                self._actions[path[1:]]()
                return Response.of_json(200, {})
            case _:
                return Response.of_json(404, {"message": "no such control"})
