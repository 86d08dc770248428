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

from django.db import DatabaseError, connection

from apps.health.models import EVERY, Kind, Process
from apps.kernel import clock

logger = logging.getLogger("weft.pulse")

#: Seconds that a process waits, when it ends, for its row to be taken away.
FAREWELL = 2.0


class Pulse:
    def __init__(self, kind: Kind) -> None:
        self._mine = {"kind": kind, "host": platform.node()[:255], "pid": os.getpid()}
        self._due = 0.0
        self._writer: threading.Thread | None = None
        self._is_failing = False

    def tick(self) -> None:
        now = time.monotonic()
        if now >= self._due and not (self._writer and self._writer.is_alive()):
            self._due = now + EVERY
            self._writer = self._in_a_thread(self.note)

    def end(self) -> None:
        """The process ends in order, and is not to be missed."""
        self._in_a_thread(self.forget).join(FAREWELL)

    def note(self) -> None:
        now = clock.read()
        row = Process(**self._mine, started_at=now, seen_at=now, clock_ahead=clock.ahead())
        Process.objects.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["kind", "host", "pid"],
            update_fields=["seen_at", "clock_ahead"],
        )

    def forget(self) -> None:
        Process.objects.filter(**self._mine).delete()

    def _in_a_thread(self, write: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._carefully, args=(write,), name="pulse", daemon=True)
        thread.start()
        return thread

    def _carefully(self, write: Callable[[], None]) -> None:
        try:
            write()
            self._is_failing = False
        except DatabaseError as error:
            if not self._is_failing:
                logger.warning("that this process is alive could not be written down: %s", str(error).strip())
            self._is_failing = True
        finally:
            connection.close()
