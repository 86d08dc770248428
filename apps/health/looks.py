"""What a probe is told, within a second, by a process that asks for nothing but whether things are there.

    GET /readyz     200 when this process can answer people, 503 when not: for whatever spreads requests
    GET /healthz    200 when all parts of Weft do their work, 503 when one does not: for whatever calls somebody

A web process without the database cannot answer. Without broker, beat or workers it can: what people order is kept, and
carried out later. So `/readyz` asks for the database alone, or a broker that restarts would take the portal away.

`lists` and `clocks` are told, and fail neither: a remote that is away is no fault of Weft's, and its pages say so
themselves; and Weft goes by the database's clock, whatever a machine's own says.

Nothing here may wait: each look has a time limit of its own, all of them together have one, and whoever asks while a
look is under way gets its answer. The figures are at most a second old, so that asking often costs nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta

import psycopg
import redis
from django.conf import settings
from django.http import HttpRequest, JsonResponse

from apps.health.models import SILENT_AFTER, Kind
from apps.kernel import clock
from apps.kernel.database import connect_aside
from apps.mirror.models import Reading

PATIENCE = 0.7
FRESH_SECONDS = 1.0

THERE = UP, DOWN, UNKNOWN = "up", "down", "unknown"
AGES = FRESH, STALE, _ = "fresh", "stale", UNKNOWN
CLOCKS = RIGHT, OFF, _ = "right", "off", UNKNOWN

Report = dict[str, str]
#: Whatever else is told fails nothing.
PARTS = frozenset({"web", "database", "broker", "worker", "sweeps", "beat"})
#: What has to be there beside this process.
OTHERS = (Kind.WORKER, Kind.SWEEPS, Kind.BEAT)

PROCESSES = """
    SELECT kind, bool_or(seen), bool_or(seen AND abs(extract(epoch FROM clock_ahead)) > %(tolerated)s)
    FROM (SELECT *, seen_at >= clock_timestamp() - %(silent)s::interval AS seen FROM health_process) AS process
    GROUP BY kind
"""
LISTS = """
    SELECT reading.kind, clock_timestamp() - reading.read_at
    FROM mirror_reading AS reading JOIN zones_zone AS zone ON zone.id = reading.zone_id
    WHERE zone.is_enabled
"""

_lock = threading.Lock()
_looks = ThreadPoolExecutor(4, thread_name_prefix="health")
_last: tuple[float, Report] = (-FRESH_SECONDS, {})


def healthz(_request: HttpRequest) -> JsonResponse:
    return _response(*all_is_well())


def readyz(_request: HttpRequest) -> JsonResponse:
    return _response(*is_ready())


def all_is_well() -> tuple[int, Report]:
    found = report()
    return (200 if all(found[part] == UP for part in PARTS) else 503), found


def is_ready() -> tuple[int, Report]:
    known = report()
    found = {part: known[part] for part in ("web", "database")}
    return (200 if set(found.values()) == {UP} else 503), found


def report() -> Report:
    """What there is of Weft. What is known from the database alone is unknown without it."""
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
    known = _outcome(database)
    return {
        "web": UP,
        "database": DOWN if known is None else UP,
        "broker": DOWN if _outcome(broker) is None else UP,
        **dict.fromkeys(map(str, OTHERS), UNKNOWN),
        "lists": UNKNOWN,
        "clocks": UNKNOWN,
        **(known or {}),
    }


def _outcome(look: Future[Report]) -> Report | None:
    """None when it failed or is not over yet."""
    if not look.done():
        look.cancel()
        return None
    return None if look.exception() else look.result()


def _database() -> Report:
    """A connection of its own: the pool may be busy, and Django's waits as long as it takes."""
    with connect_aside(seconds=2, options="-c statement_timeout=500") as own:
        try:
            return dict(_known(own))
        except psycopg.errors.UndefinedTable:  # not migrated yet
            return {}


def _known(own: psycopg.Connection) -> Iterator[tuple[str, str]]:
    limits: Mapping[str, object] = {"silent": SILENT_AFTER, "tolerated": clock.TOLERATED.total_seconds()}
    processes = own.execute(PROCESSES, limits).fetchall()
    seen = {kind for kind, is_seen, _ in processes if is_seen}
    yield from ((str(kind), UP if kind in seen else DOWN) for kind in OTHERS)
    yield "clocks", OFF if any(is_off for *_, is_off in processes) else RIGHT
    ages: list[tuple[str, timedelta | None]] = own.execute(LISTS).fetchall()
    yield "lists", STALE if any(Reading(kind=kind).is_too_old(age) for kind, age in ages) else FRESH


def _broker() -> Report:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    with client:
        client.ping()
    return {}


def _response(status: int, found: Report) -> JsonResponse:
    return JsonResponse(found, status=status, headers={"Cache-Control": "no-store"})
