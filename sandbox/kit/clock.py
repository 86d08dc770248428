"""The time of the emulated world: the machine's clock, plus whatever a test has added to it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Seconds since the epoch. `advance` moves this clock alone; nothing ever sleeps on it."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def today(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, by: timedelta | float) -> None:
        self._ahead += by.total_seconds() if isinstance(by, timedelta) else by
