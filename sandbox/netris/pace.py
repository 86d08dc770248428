"""How long lists take. Lists of real controllers and management servers grow slower with what they hold.

A pace is a number of seconds for each listed object, for one call or for all. It is waited for once the answer is made,
with nothing locked: others are served meanwhile. It is off until somebody orders it:

    POST   /_sandbox/pace    {"seconds": 0.001, "call": "GET /api/v2/nat"}    without a call: every list
    POST   /_sandbox/pace    {"as_reported": true}
    GET    /_sandbox/pace    what is in force
    DELETE /_sandbox/pace    off again

The reported figures are those of a CloudStack 4.20 with 25,000 of each object, average seconds for the whole list. For
Netris nobody has published any; an order "as reported" takes those of CloudStack's host list for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

EVERY = "*"
LONGEST = 600.0  # seconds for one list
_LISTED = 25_000
CLOUDSTACK: dict[str, float] = {
    "listAccounts": 49.6 / _LISTED,
    "listDomains": 4.6 / _LISTED,
    "listHosts": 7.6 / _LISTED,
    "listNetworks": 43.6 / _LISTED,
    "listVirtualMachines": 11.8 / _LISTED,
    "listVolumes": 9.2 / 50_000,
}
NETRIS: dict[str, float] = {EVERY: 7.6 / _LISTED}  # unverified


class Pace:
    """`reported` is what this service takes when told to be as slow as reported."""

    def __init__(self, reported: Mapping[str, float] = NETRIS) -> None:
        self._reported = reported
        self.seconds: dict[str, float] = {}

    def order(self, order: Any) -> None:
        if isinstance(order, dict) and order.get("as_reported") is True:
            self.seconds.update(self._reported)
            return
        seconds = order.get("seconds") if isinstance(order, dict) else None
        call = order.get("call", EVERY) if isinstance(order, dict) else None
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isinstance(call, str):
            raise ValueError("seconds: a number for each listed object, and call: the name of a call")
        if not 0 <= seconds <= 60:
            raise ValueError("seconds: must lie between 0 and 60")
        self.seconds[call] = float(seconds)

    def clear(self) -> None:
        self.seconds.clear()

    def of(self, call: str, count: int) -> float:
        """How long a list of so many objects takes."""
        each = self.seconds.get(call, self.seconds.get(EVERY, 0.0))
        return min(LONGEST, each * count)

    def wait(self, call: str, count: int) -> None:
        if count and self.seconds and (seconds := self.of(call, count)):
            time.sleep(seconds)
