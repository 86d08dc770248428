"""The database's clock: the one time that all machines share.

Due times, leases, deadlines and the ages of readings are compared across machines, so none of them may come from a
machine's own clock: one worker an hour ahead would find every lease run out and every deadline passed.

A process asks the database now and then, and counts on from there with a clock that nobody sets and that goes on while
the machine sleeps. `read` asks at once; `now` asks when the last answer is older than `ASK_EVERY`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.utils import timezone

logger = logging.getLogger("weft.clock")

#: Seconds. Two clocks drift apart by far less than a millisecond in this time.
ASK_EVERY = 30.0
#: A machine whose own clock differs by more says so: its log lines and its certificates' times are wrong.
TOLERATED = timedelta(seconds=1)


@dataclass(frozen=True)
class _Answer:
    at: datetime
    counted: float
    #: How far the machine's own clock was ahead of the database's.
    ahead: timedelta


_last: _Answer | None = None
#: Where the time comes from instead of the database. Tests move a clock of their own.
source: Callable[[], datetime] | None = None


def now() -> datetime:
    """The time by the database's clock. One query every half minute and process, else none."""
    if source is not None:
        return source()
    last = _last
    counted = _counter()
    if last is not None and 0 <= counted - last.counted < ASK_EVERY:
        return last.at + timedelta(seconds=counted - last.counted)
    try:
        return read()
    except DatabaseError:
        if last is None:
            raise
        # It is away, which does not stop the time.
        return last.at + timedelta(seconds=_counter() - last.counted)


def read() -> datetime:
    """The time as the database tells it now. One query."""
    global _last
    if source is not None:
        return source()
    asked = _counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    answered = _counter()
    # It was told somewhere between asking and hearing: so much it may be wrong by.
    wrong = timedelta(seconds=(answered - asked) / 2)
    at += wrong
    before = _last
    if before is not None and wrong > TOLERATED:
        # The database is slow. What was counted since its last quick answer tells the time better.
        return before.at + timedelta(seconds=answered - before.counted)
    _last = _Answer(at, answered, _surely(timezone.now() - at, wrong))
    _warn(before, _last)
    return at


def ahead() -> timedelta:
    """How far this machine's own clock is ahead of the database's; negative when it is behind. As `now` costs."""
    if source is not None:
        return timezone.now() - source()
    now()
    assert _last is not None
    return _last.ahead


def is_off(ahead: timedelta) -> bool:
    return abs(ahead) > TOLERATED


def _surely(ahead: timedelta, wrong: timedelta) -> timedelta:
    """What is left of a difference that may be wrong by so much."""
    return max(ahead - wrong, timedelta()) if ahead > timedelta() else min(ahead + wrong, timedelta())


def _counter() -> float:
    """Seconds that only ever grow, also while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _warn(before: _Answer | None, answer: _Answer) -> None:
    """One line when the clock goes wrong, and one when it is right again."""
    was_off = before is not None and is_off(before.ahead)
    if is_off(answer.ahead) and not was_off:
        seconds = answer.ahead.total_seconds()
        logger.warning(
            "this machine's clock is %.1f s %s of the database's; Weft goes by the database's",
            abs(seconds),
            "ahead" if seconds > 0 else "behind",
        )
    elif was_off and not is_off(answer.ahead):
        logger.warning("this machine's clock agrees with the database's again")
