"""One rate limit per remote of a zone, shared by all processes through Redis.

A bucket in the manner of GCRA: one timestamp, the moment at which the bucket would be full again. Every call is charged
after it was made; who wants to call asks first how long to wait, and is never told more than `LONGEST_PAUSE`, whatever
became of a clock. Nothing sleeps here: an operation that has to wait is put off, so a limit holds back work and never a
thread. Redis forgets the bucket when flushed, and without Redis there is no limit for that moment: the limit protects
the remotes, correctness does not depend on it.

Sweeps have a share of the limit to themselves, and people's work the rest: neither waits for the other.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

import redis
from django.conf import settings
from redis.commands.core import Script

from apps.kernel import clock
from apps.zones.models import Zone

logger = logging.getLogger("weft.pace")

BURST_SECONDS = 2.0
#: Of the calls that a zone allows, those that sweeps may make.
SWEEPS_SHARE = 0.25
#: Seconds. Calls that were made fill the bucket no further than this.
LONGEST_PAUSE = 30.0

# A timestamp that lies further ahead comes from before a clock was set back.
CHARGE = """
local now = tonumber(ARGV[1])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + tonumber(ARGV[2])
full_at = math.min(full_at, now + tonumber(ARGV[3]))
redis.call('SET', KEYS[1], string.format('%.6f', full_at), 'PX', 60000)
return 1
"""


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1.0, socket_connect_timeout=1.0)


@lru_cache(maxsize=1)
def _charge() -> Script:
    """The script by its hash: a server that has forgotten it is told again by the library."""
    return _redis().register_script(CHARGE)


_is_sweep: ContextVar[bool] = ContextVar("is_sweep", default=False)


@contextmanager
def sweeping() -> Iterator[None]:
    """The calls in here are charged to the sweeps' share."""
    token = _is_sweep.set(True)
    try:
        yield
    finally:
        _is_sweep.reset(token)


def _key(zone: Zone, system: str, *, is_sweep: bool) -> str:
    return f"weft:pace:{zone.pk}:{system}{':sweeps' if is_sweep else ''}"


def charge(zone: Zone, system: str, calls: int = 1) -> None:
    """Note that calls were made."""
    is_sweep = _is_sweep.get()
    rate = zone.calls_per_second * (SWEEPS_SHARE if is_sweep else 1 - SWEEPS_SHARE)
    try:
        _charge()(
            keys=[_key(zone, system, is_sweep=is_sweep)],
            args=[clock.now().timestamp(), calls / rate, BURST_SECONDS + LONGEST_PAUSE],
        )
    except redis.RedisError as error:
        logger.warning("no rate limit for now: %s", error)


def wait_for(zone: Zone, *systems: str, is_sweep: bool = False) -> float:
    """Seconds until the next call may be made to all of these; 0.0 means now."""
    try:
        values = _redis().mget([_key(zone, system, is_sweep=is_sweep) for system in systems])
    except redis.RedisError as error:
        logger.warning("no rate limit for now: %s", error)
        return 0.0
    now = clock.now().timestamp()
    pauses = [float(value) - now - BURST_SECONDS for value in values if value is not None]
    return min(max([0.0, *pauses]), LONGEST_PAUSE)
