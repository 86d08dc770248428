"""One rate limit per remote of a zone, shared by all processes through Redis.

A bucket in the manner of GCRA: one timestamp, the moment at which the bucket would be full again. Every call is charged
after it was made; who wants to call asks first how long to wait, and is never told more than `LONGEST_PAUSE`, whatever
became of a clock. Nothing sleeps here: an operation that has to wait is put off, so a limit holds back work and never a
thread. Redis forgets the bucket when flushed, and without Redis there is no limit for that moment: the limit protects
the remotes, correctness does not depend on it.

Sweeps leave room for people: they may only fill the lower half of the bucket.
"""

from __future__ import annotations

import logging
from functools import lru_cache

import redis
from django.conf import settings
from redis.commands.core import Script

from apps.kernel import clock
from apps.zones.models import Zone

logger = logging.getLogger("weft.pace")

BURST_SECONDS = 2.0
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


def _key(zone: Zone, system: str) -> str:
    return f"weft:pace:{zone.pk}:{system}"


def charge(zone: Zone, system: str, calls: int = 1) -> None:
    """Note that calls were made."""
    try:
        _charge()(
            keys=[_key(zone, system)],
            args=[clock.now().timestamp(), calls / zone.calls_per_second, BURST_SECONDS + LONGEST_PAUSE],
        )
    except redis.RedisError as error:
        logger.warning("no rate limit for now: %s", error)


def wait_for(zone: Zone, *systems: str, is_sweep: bool = False) -> float:
    """Seconds until the next call may be made to all of these; 0.0 means now."""
    room = BURST_SECONDS * (0.5 if is_sweep else 1.0)
    try:
        values = _redis().mget([_key(zone, system) for system in systems])
    except redis.RedisError as error:
        logger.warning("no rate limit for now: %s", error)
        return 0.0
    now = clock.now().timestamp()
    pauses = [float(value) - now - room for value in values if value is not None]
    return min(max([0.0, *pauses]), LONGEST_PAUSE)
