"""How a process tells that it does its work: `tick` is called from the work itself, never by a timer beside it.

    web       its event loop turns
    worker    it hears the broker, as Celery's own heartbeat shows; likewise one that sweeps
    beat      it has sent something off, or has tried to

A tick costs nothing: at most every ten seconds a thread writes one row, and whatever that takes, or whether the
database is there, is no matter to the caller.
"""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
from collections.abc import Callable
from datetime import datetime
from queue import SimpleQueue

from django.db import connection

from apps.health.models import EVERY, Kind, Process
from apps.kernel import clock

logger = logging.getLogger("weft.pulse")

#: Seconds that a process waits, when it ends, for its row to be taken away.
FAREWELL = 2.0


class Pulse:
    def __init__(self, kind: Kind) -> None:
        self._mine = {"kind": kind, "host": platform.node()[:255], "pid": os.getpid()}
        self._started_at: datetime | None = None
        self._due = 0.0
        self._orders: SimpleQueue[tuple[Callable[[], None], threading.Event]] = SimpleQueue()
        self._last: threading.Event | None = None
        self._is_failing = False

    def tick(self) -> None:
        now = time.monotonic()
        if now >= self._due and (self._last is None or self._last.is_set()):
            self._due = now + EVERY
            if self._last is None:
                threading.Thread(target=self._work, name="pulse", daemon=True).start()
            self._order(self.note)

    def end(self) -> None:
        """The process ends in order, and is not to be missed. Python starts no thread any more while it ends: the one
        that has written the notes does this as well."""
        if self._last is not None:
            self._order(self.forget).wait(FAREWELL)

    def note(self) -> None:
        now = clock.read()
        # Another process may have had this number before, and have been killed: in a container each one is 1.
        self._started_at = self._started_at or now
        row = Process(**self._mine, started_at=self._started_at, seen_at=now, clock_ahead=clock.ahead())
        Process.objects.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["kind", "host", "pid"],
            update_fields=["started_at", "seen_at", "clock_ahead"],
        )

    def forget(self) -> None:
        Process.objects.filter(**self._mine).delete()

    def _order(self, write: Callable[[], None]) -> threading.Event:
        self._last = threading.Event()
        self._orders.put((write, self._last))
        return self._last

    def _work(self) -> None:
        while True:
            write, is_done = self._orders.get()
            self._carefully(write)
            is_done.set()

    def _carefully(self, write: Callable[[], None]) -> None:
        """Whatever goes wrong: the next note is another try."""
        try:
            try:
                write()
            finally:
                connection.close()
            self._is_failing = False
        except Exception as error:
            if not self._is_failing:
                logger.warning("that this process is alive could not be written down: %s", str(error).strip())
            self._is_failing = True
