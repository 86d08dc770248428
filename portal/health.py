"""Whether this process can do its work: GET /healthz answers 200, or 503 naming what is down, within a second.

Nothing here may wait: each look has a time limit of its own, all of them together have one, and whoever asks while a
look is under way gets its answer. The figures are at most a second old, so that asking often costs nothing.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

import psycopg
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse

from portal.celery import HEARTBEAT_KEY

PATIENCE = 0.7
FRESH_SECONDS = 1.0

UP, DOWN, UNKNOWN = "up", "down", "unknown"
Report = dict[str, str]

_lock = threading.Lock()
_looks = ThreadPoolExecutor(4, thread_name_prefix="health")
_last: tuple[float, Report] = (-FRESH_SECONDS, {})


def healthz(_request: HttpRequest) -> JsonResponse:
    status, report = answer()
    return JsonResponse(report, status=status, headers={"Cache-Control": "no-store"})


def answer() -> tuple[int, Report]:
    found = report()
    return (200 if set(found.values()) == {UP} else 503), found


def report() -> Report:
    """What is up. The worker is unknown without the broker: its heartbeat stands there."""
    global _last
    with _lock:
        at, found = _last
        if time.monotonic() - at >= FRESH_SECONDS:
            found = _look()
            _last = (time.monotonic(), found)
        return found


def _look() -> Report:
    database = _looks.submit(_database)
    broker = _looks.submit(_broker)
    wait((database, broker), timeout=PATIENCE)
    has_worker = _outcome(broker)
    worker = UNKNOWN if has_worker is None else UP if has_worker else DOWN
    return {
        "web": UP,
        "database": UP if _outcome(database) else DOWN,
        "broker": DOWN if has_worker is None else UP,
        "worker": worker,
    }


def _outcome(look: Future[bool]) -> bool | None:
    """None when it failed or is not over yet."""
    if not look.done():
        look.cancel()
        return None
    return None if look.exception() else look.result()


def _database() -> bool:
    """A connection of its own: the pool may be busy, and Django's waits as long as it takes."""
    parameters = connection.get_connection_params()
    wanted = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if parameters.get(name)}
    with psycopg.connect(**wanted, connect_timeout=2, options="-c statement_timeout=500") as own:
        own.execute("SELECT 1")
    return True


def _broker() -> bool:
    """Whether a worker has lately said that it is there."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    with client:
        return bool(client.exists(cache.make_key(HEARTBEAT_KEY)))
