"""Runs a module as a program whose machine's clock is off: `python -m tests.chaos.off_clock 3600 -m celery ...`.

Every `STEP_SECONDS` somebody sets the clock: to the right time, or that far off again.
"""

from __future__ import annotations

import runpy
import sys
import threading
import time
from datetime import UTC, timedelta
from itertools import cycle

import time_machine

STEP_SECONDS = 7.0


class Clock:
    """The clock of this process, as far as Python reads it."""

    def __init__(self) -> None:
        self._travel: time_machine.travel | None = None

    def set(self, ahead: timedelta) -> None:
        if self._travel is not None:
            self._travel.stop()
        now = time_machine.escape_hatch.datetime.datetime.now(UTC)
        self._travel = time_machine.travel(now + ahead, tick=True)
        self._travel.start()


def main() -> None:
    off, module = timedelta(seconds=float(sys.argv[1])), sys.argv[3]
    clock = Clock()
    clock.set(off)

    def step() -> None:
        for ahead in cycle((timedelta(), off)):
            time.sleep(STEP_SECONDS)
            clock.set(ahead)

    threading.Thread(target=step, daemon=True).start()
    sys.argv = sys.argv[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
