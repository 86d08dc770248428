"""What can be ordered to go wrong with calls, for both services alike.

    down            every call is refused a connection (in process: ConnectError; on a port: the connection is closed)
    slow            a call waits `seconds` before it is looked at
    refuse          a call is answered with the service's own error and changes nothing
    lose_reply      a call takes effect and its answer is lost
    late            a call's caller hears nothing, and the call begins `seconds` later: something has held it back
    fail_job        the job that a call starts fails (CloudStack only: Netris has no jobs)

A call is named as people name it: a CloudStack command (`createVPC`), or a Netris method and path with ids left out
(`POST /api/v2/vpc`, `DELETE /api/v2/vpc/{id}`). `*` is every call. `times` limits how often a fault strikes; a fault
without it stays until it is cleared.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeGuard

from sandbox.kit.clock import Clock
from sandbox.kit.http import ReplyLost, Request, Unreachable

EVERY = "*"


class Kind(StrEnum):
    DOWN = "down"
    SLOW = "slow"
    REFUSE = "refuse"
    LOSE_REPLY = "lose_reply"
    LATE = "late"
    FAIL_JOB = "fail_job"


def check_call(call: object, known: Collection[str]) -> None:
    """`call` is `*` or one of the known names; the refusal says which of them it looks like."""
    if isinstance(call, str) and (call == EVERY or call in known):
        return
    near = get_close_matches(str(call)[:200], known, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"call: {str(call)[:200]!r} is not one that this order can be about{hint}")


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass
class Fault:
    kind: Kind | str
    call: str = EVERY
    times: int | None = None
    seconds: float = 0.0
    text: str = ""

    def __post_init__(self) -> None:
        try:
            self.kind = Kind(self.kind)
        except ValueError:
            raise ValueError(f"kind: must be one of {', '.join(Kind)}") from None
        if self.times is not None and (type(self.times) is not int or self.times < 1):
            raise ValueError("times: must be a whole number from 1 on, or left out")
        if not is_number(self.seconds) or not 0 <= self.seconds <= 600:
            raise ValueError("seconds: must be a number from 0 to 600")
        if self.kind in (Kind.SLOW, Kind.LATE) and not self.seconds:
            raise ValueError(f"seconds: is required, as how long a {self.kind} call waits")
        if not isinstance(self.text, str):
            raise ValueError("text: must be text")


class HeldBack:
    """Calls that something between the callers and the service holds back until their callers have long given up.

    Like everything here they wait for the emulated clock, and begin when the next caller comes (or the next tick).
    """

    def __init__(self, clock: Clock, begin: Callable[[Request], object]) -> None:
        self._clock = clock
        self._begin = begin
        self._calls: list[tuple[float, Request]] = []
        self._lock = threading.Lock()

    def hold(self, request: Request, seconds: float) -> None:
        with self._lock:
            self._calls.append((self._clock.now() + seconds, request))

    @property
    def are_due(self) -> bool:
        now = self._clock.now()
        with self._lock:
            return any(at <= now for at, _ in self._calls)

    def let_go(self) -> None:
        """Let those begin whose time has come. Nobody hears what becomes of them."""
        now = self._clock.now()
        with self._lock:
            due = [request for at, request in self._calls if at <= now]
            self._calls = [(at, request) for at, request in self._calls if at > now]
        for request in due:
            with contextlib.suppress(ReplyLost):
                self._begin(request)


class Faults:
    """The orders in force. Not persisted: a restarted process works again.

    `calls` are the names of all calls of the service, `jobs` of those that start a job.
    """

    def __init__(self, calls: Collection[str], jobs: Collection[str] = ()) -> None:
        self._calls = calls
        self._jobs = jobs
        self._orders: list[Fault] = []
        self._lock = threading.Lock()

    def order(self, kind: Kind | str, call: str = EVERY, **details: Any) -> Fault:
        fault = Fault(kind, call, **details)
        if fault.kind is Kind.FAIL_JOB and not self._jobs:
            raise ValueError("kind: fail_job is for CloudStack, this service has no jobs")
        check_call(call, self._jobs if fault.kind is Kind.FAIL_JOB else self._calls)
        with self._lock:
            self._orders.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._orders.clear()

    def strikes(self, kind: Kind, call: str) -> Fault | None:
        """The first fault of this kind that applies to this call, counted as used."""
        with self._lock:
            for fault in self._orders:
                if fault.kind == kind and fault.call in (EVERY, call):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self._orders.remove(fault)
                    return fault
            return None

    def meet(self, call: str) -> None:
        """What happens to a call before anyone looks at it: it finds nobody, or it waits."""
        if self.strikes(Kind.DOWN, call):
            raise Unreachable(call)
        self.delay(call)

    def delay(self, call: str) -> None:
        if fault := self.strikes(Kind.SLOW, call):
            time.sleep(fault.seconds)

    def as_list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._orders]
