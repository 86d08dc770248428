"""The control endpoint that both services carry under `/_sandbox`. It is no part of the emulated products.

    GET    /_sandbox/health         {"service", "calls"}
    GET    /_sandbox/calls          how often each call was made since the start: {"createVPC": 3, ...}
    GET    /_sandbox/faults         the orders in force (`faults`)
    POST   /_sandbox/faults         {"kind", "call", "times", "seconds", "text"} -> 201; a kind is down, slow, late,
                                    refuse, lose_reply or, on CloudStack, fail_job
    DELETE /_sandbox/faults         back to normal
    GET    /_sandbox/pace           how long lists take (`pace`)
    POST   /_sandbox/pace           {"seconds", "call"} or {"as_reported": true}
    DELETE /_sandbox/pace           as fast as they can
    POST   /_sandbox/sessions/end   every login is forgotten
    POST   /_sandbox/restart        the service starts anew: what it holds in memory only is gone
    POST   /_sandbox/duplicate-vni  {"from", "to"}: one object takes over the VNI of another
    POST   /_sandbox/forget         {"table", "id"}: a row is gone, and nothing else
    POST   /_sandbox/change         {"table", "id", "fields"}: a row is other than anybody left it
    POST   /_sandbox/clock          {"advance": seconds}

Each service's `orders` tell what these mean there, and what else can be ordered. `change` asks for values that look
like those of other rows, not for sense. An order that cannot be followed is a 400 with its reason and changes nothing.

There is no login. The endpoint answers callers on this machine alone, and no page in a browser: neither one that
reaches it by a name of its own nor one of another origin.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from ipaddress import ip_address
from itertools import islice
from typing import Any, Protocol

from sandbox.kit.clock import Clock
from sandbox.kit.faults import Faults, is_number
from sandbox.kit.http import Request, Response
from sandbox.kit.pace import Pace
from sandbox.kit.store import Row, Store

PREFIX = "/_sandbox"
LAST_MOMENT = 4102444800.0  # 2100-01-01: the clock goes no further
_EXAMPLES = 1000
_OUR_NAMES = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)


class Rows(Protocol):
    """A table, or what stands before it."""

    def __iter__(self) -> Iterator[Row]: ...

    def get(self, key: Any, /) -> Row | None: ...

    def put(self, row: Row, /) -> Row: ...

    def change(self, row: Row, **fields: Any) -> Row: ...


class Control(ABC):
    """What both services are told in the same words. `tables` are the rows that orders may be about."""

    def __init__(self, service: str, store: Store, clock: Clock, faults: Faults, pace: Pace) -> None:
        self.service = service
        self.store = store
        self.clock = clock
        self.faults = faults
        self.pace = pace
        self.calls: Counter[str] = Counter()

    @property
    @abstractmethod
    def tables(self) -> Mapping[str, Rows]: ...

    @abstractmethod
    def end_sessions(self) -> None: ...

    @abstractmethod
    def restart(self) -> None: ...

    @abstractmethod
    def duplicate_vni(self, source: Any, target: Any) -> None:
        """ValueError for what names no object with a VNI."""

    @abstractmethod
    def drop(self, table: str, row: Row) -> None: ...

    @abstractmethod
    def own(self, method: str, path: list[str], request: Request) -> Response:
        """Orders that only this service knows, or `nothing_here`."""

    @abstractmethod
    def changed(self) -> None:
        """Rows were changed past whoever watches over them."""

    # requests

    def handle(self, request: Request) -> Response:
        if not is_ours(request):
            return Response.of_json(403, {"message": "this endpoint is for programs on this machine, by its own names"})
        try:
            return self._route(request.method, request.path.removeprefix(PREFIX).strip("/").split("/"), request)
        except ValueError as mistake:
            return Response.of_json(400, {"message": str(mistake)})

    def _route(self, method: str, path: list[str], request: Request) -> Response:
        match method, path:
            case "GET", ["health"]:
                return Response.of_json(200, {"service": self.service, "calls": self.calls.total()})
            case "GET", ["calls"]:
                return Response.of_json(200, dict(self.calls))
            case "GET" | "POST" | "DELETE", ["faults"]:
                return self._order_fault(method, request)
            case "GET" | "POST" | "DELETE", ["pace"]:
                return self._order_pace(method, request)
            case "POST", ["sessions", "end"]:
                self.end_sessions()
            case "POST", ["restart"]:
                self.restart()
            case "POST", ["duplicate-vni"]:
                order = order_of(request, "from", "to")
                with self.store.lock:
                    self.duplicate_vni(order["from"], order["to"])
                    self.changed()
            case "POST", ["forget"]:
                order = order_of(request, "table", "id")
                with self.store.lock:
                    _, row = self._aim(**order)
                    self.drop(order["table"], row)
                    self.changed()
            case "POST", ["change"]:
                self._change(**order_of(request, "table", "id", "fields"))
            case "POST", ["clock"]:
                return self._set_clock(order_of(request, "advance")["advance"])
            case _:
                return self.own(method, path, request)
        return Response.of_json(200, {})

    def _order_fault(self, method: str, request: Request) -> Response:
        if method == "POST":
            self.faults.order(**order_of(request, "kind", optional=("call", "times", "seconds", "text")))
        elif method == "DELETE":
            self.faults.clear()
        return Response.of_json(201 if method == "POST" else 200, self.faults.as_list())

    def _order_pace(self, method: str, request: Request) -> Response:
        if method == "POST":
            self.pace.order(**order_of(request, optional=("seconds", "call", "as_reported")))
        elif method == "DELETE":
            self.pace.clear()
        return Response.of_json(200, self.pace.seconds)

    def _set_clock(self, advance: Any) -> Response:
        if not is_number(advance) or advance < 0 or self.clock.now() + advance > LAST_MOMENT:
            raise ValueError("advance: must be a number of seconds from 0 on, within this century")
        self.clock.advance(float(advance))
        return Response.of_json(200, {"now": self.clock.now()})

    # rows

    def _aim(self, table: Any, id: Any) -> tuple[Rows, Row]:
        rows = self.tables.get(table) if isinstance(table, str) else None
        if rows is None:
            raise ValueError(f"table: must be one of {', '.join(sorted(self.tables))}")
        row = rows.get(id) if isinstance(id, int | str) and not isinstance(id, bool) else None
        if row is None:
            raise ValueError(f"id: there is no such row in {table}")
        return rows, row

    def _change(self, table: Any, id: Any, fields: Any) -> None:
        if not isinstance(fields, dict) or not fields:
            raise ValueError("fields: must be an object with at least one field")
        with self.store.lock:
            rows, row = self._aim(table, id)
            _check_fields(fields, [row, *islice(rows, _EXAMPLES)])
            before = deepcopy(row)
            try:
                rows.change(row, **fields)
            except (ValueError, TypeError, LookupError) as mistake:  # from what is derived of the row
                row.clear()
                row.update(before)
                rows.put(row)
                raise ValueError(f"fields: no {table} can be like this: {mistake}") from mistake
            self.changed()


def nothing_here() -> Response:
    return Response.of_json(404, {"message": "no such control"})


def order_of(request: Request, *required: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON object in the body of an order, with all that is required and nothing unknown."""
    try:
        order = request.json()
        json.dumps(order, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("the body: must be JSON in UTF-8, without NaN and Infinity") from None
    if not isinstance(order, dict):
        raise ValueError("the body: must be a JSON object")
    known = (*required, *optional)
    for name in order:
        if name not in known:
            raise ValueError(f"{name}: is unknown; known are {', '.join(known)}")
    for name in required:
        if name not in order:
            raise ValueError(f"{name}: is required")
    return order


def is_ours(request: Request) -> bool:
    """Whether a call on a port comes from a program on this machine, and from no web page in its browser."""
    if request.peer is None:
        return True
    host, origin = request.headers.get("host"), request.headers.get("origin")
    if not ip_address(request.peer).is_loopback or (host is not None and not _OUR_NAMES.fullmatch(host)):
        return False
    return origin is None or origin == f"http://{host}"


def _check_fields(fields: dict[str, Any], rows: list[Row]) -> None:
    known = {name for row in rows for name in row} - {"id"}
    for name, value in fields.items():
        if name not in known:
            raise ValueError(f"fields: {name} is unknown; known are {', '.join(sorted(known))}")
        examples = [row[name] for row in rows if name in row]
        if not _fits(value, examples):
            raise ValueError(f"fields: {name} looks like {json.dumps(examples[0], ensure_ascii=False)[:200]}")


def _fits(value: Any, examples: list[Any]) -> bool:
    """Whether a value is of the type of one of the examples, and what is in it like what is in those."""
    if value is None or all(example is None for example in examples):
        return value is not None or None in examples
    alike = [each for each in examples if type(each) is type(value) or (type(each), type(value)) == (float, int)]
    if isinstance(value, dict) and alike:
        needed, known = set.intersection(*map(set, alike)), set[str]().union(*alike)
        return needed <= value.keys() <= known and all(
            _fits(inner, [each[name] for each in alike if name in each]) for name, inner in value.items()
        )
    if isinstance(value, list):
        inside = [inner for each in alike for inner in each]
        return bool(alike) and (not inside or all(_fits(inner, inside) for inner in value))
    return bool(alike)
