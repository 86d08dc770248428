"""How many calls an account may make in a while: the rate limit plugin, off by default (cloudstack-api.md 2.3).

Its settings are read when the server starts. What it counts is in memory: a restart forgets it.
"""

from __future__ import annotations

import math

from sandbox.cloudstack.protocol.errors import TooManyCalls
from sandbox.kit.clock import Clock
from sandbox.kit.store import Row


class Throttle:
    """Counts per account in windows that begin with its first call (unverified)."""

    def __init__(self, clock: Clock, *, is_on: bool, seconds: float, most: int) -> None:
        self._clock = clock
        self.is_on = is_on
        self.seconds = seconds
        self.most = most
        self._windows: dict[str, tuple[float, int]] = {}  # account -> end of its window, calls in it

    def count(self, account: Row, *, is_root: bool) -> None:
        """Raises TooManyCalls for one call too many. Root admins are not counted."""
        if not self.is_on or is_root:
            return
        end, issued = self._window(account)
        if issued >= self.most:
            wait = math.ceil((end - self._clock.now()) * 1000)
            raise TooManyCalls(f"The given user has reached his/her account api limit, please retry after [{wait}] ms.")
        self._windows[account["id"]] = end, issued + 1

    def reset(self, account: Row | None) -> None:
        """Begin anew, for one account or for all."""
        if account is None:
            self._windows.clear()
        else:
            self._windows.pop(account["id"], None)

    def view(self, account: Row) -> Row:
        """`expireAfter` is in ms."""
        end, issued = self._window(account)
        return {
            "accountid": account["id"],
            "account": account["name"],
            "apiIssued": issued,
            "apiAllowed": self.most - issued,
            "expireAfter": math.ceil((end - self._clock.now()) * 1000),
        }

    def _window(self, account: Row) -> tuple[float, int]:
        now = self._clock.now()
        end, issued = self._windows.get(account["id"], (0.0, 0))
        return (end, issued) if end > now else (now + self.seconds, 0)
