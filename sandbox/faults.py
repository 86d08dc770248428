"""What can be ordered to go wrong, for both services alike.

    down            every call is refused a connection (in process: ConnectError; on a port: the connection is closed)
    slow            a call waits `seconds` before it is looked at
    refuse          a call is answered with the service's own error and changes nothing
    lose_reply      a call takes effect and its answer is lost
    fail_job        the job that a call starts fails (CloudStack only)
    end_sessions    every login is forgotten (Netris sessions, CloudStack browser sessions)

A call is named as people name it: a CloudStack command (`createVPC`), or a Netris method and path with ids left out
(`POST /api/v2/vpc`, `DELETE /api/v2/vpc/{id}`). `*` is every call. `times` limits how often a fault strikes; a fault
without it stays until it is cleared.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sandbox.http import Unreachable


class Kind(StrEnum):
    DOWN = "down"
    SLOW = "slow"
    REFUSE = "refuse"
    LOSE_REPLY = "lose_reply"
    FAIL_JOB = "fail_job"


@dataclass
class Fault:
    kind: Kind
    call: str = "*"
    times: int | None = None
    seconds: float = 0.0
    text: str = ""

    def __post_init__(self) -> None:
        self.kind = Kind(self.kind)
        if self.times is not None and self.times < 1:
            raise ValueError("times: must be 1 or more, or left out")
        if not 0 <= self.seconds <= 600:
            raise ValueError("seconds: must lie between 0 and 600")


class Faults:
    """The orders in force. Not persisted: a restarted service works again."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []

    def order(self, kind: Kind | str, call: str = "*", **details: Any) -> Fault:
        fault = Fault(Kind(kind), call, **details)
        self._orders.append(fault)
        return fault

    def clear(self) -> None:
        self._orders.clear()

    def strikes(self, kind: Kind, call: str) -> Fault | None:
        """The first fault of this kind that applies to this call, counted as used."""
        for fault in self._orders:
            if fault.kind == kind and fault.call in ("*", call):
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
        return [asdict(fault) for fault in self._orders]
