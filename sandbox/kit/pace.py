"""How long lists take, for both services alike. Lists of real ones grow slower with what they hold.

A pace is a number of seconds for each listed object, for one call or for all. It is waited for once the answer is made,
with nothing locked: others are served meanwhile. It is off until somebody orders it:

    POST   /_sandbox/pace    {"seconds": 0.001, "call": "GET /api/v2/nat"}    without a call: every list
    POST   /_sandbox/pace    {"as_reported": true}
    GET    /_sandbox/pace    what is in force
    DELETE /_sandbox/pace    off again

Listed objects are those in the answer: of a page, those of that page, not all that it is a page of. The servers spend
their time on the objects that they write out, so reading a list by pages takes as long as reading it whole.

The reported figures are those of a CloudStack 4.20 with 25,000 of each object, average seconds for the whole list. For
Netris nobody has published any; an order "as reported" takes those of CloudStack's host list for it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from sandbox.kit.faults import EVERY, check_call, is_number

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
    """`lists` are the names of the calls that list; `reported` is what they take when ordered "as reported"."""

    def __init__(self, reported: Mapping[str, float], lists: Collection[str]) -> None:
        self._reported = reported
        self._lists = lists
        self.seconds: dict[str, float] = {}

    def order(self, *, seconds: float | None = None, call: str = EVERY, as_reported: bool = False) -> None:
        if as_reported is True and seconds is None and call == EVERY:
            self.seconds = {**self.seconds, **self._reported}
            return
        if as_reported is not False:
            raise ValueError("as_reported: must be true, and stand alone")
        if not is_number(seconds) or not 0 <= seconds <= 60:
            raise ValueError("seconds: must be a number from 0 to 60, for each listed object")
        check_call(call, self._lists)
        self.seconds = {**self.seconds, call: float(seconds)}

    def clear(self) -> None:
        self.seconds = {}

    def of(self, call: str, count: int) -> float:
        """How long a list of so many objects takes."""
        each = self.seconds.get(call, self.seconds.get(EVERY, 0.0))
        return min(LONGEST, each * count)

    def wait(self, call: str, count: int) -> None:
        if count and self.seconds and (seconds := self.of(call, count)):
            time.sleep(seconds)
