"""What a probe is told by a real web server, whatever is missing."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.utils import timezone

from apps.health.looks import FRESH_SECONDS
from apps.health.models import SILENT_AFTER, Kind, Process
from apps.mirror.models import Kind as ListKind
from apps.mirror.models import Reading
from tests import builders
from tests.portal.conftest import Valkey, WebServer, database_url, start_web_server, stop_web_server, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

WELL = {
    "web": "up", "database": "up", "broker": "up", "worker": "up", "sweeps": "up", "beat": "up",
    "lists": "fresh", "clocks": "right",
}  # fmt: skip
NOTHING_KNOWN = dict.fromkeys(("worker", "sweeps", "beat", "lists", "clocks"), "unknown")


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def all_there(db: None) -> None:
    for kind in (Kind.WORKER, Kind.SWEEPS, Kind.BEAT):
        Process.objects.create(kind=kind, host="one", pid=1, seen_at=timezone.now())


def ask(url: str, probe: str = "healthz") -> tuple[int, dict[str, str]]:
    time.sleep(FRESH_SECONDS)
    started = time.monotonic()
    response = httpx.get(f"{url}/{probe}", headers={"Host": "10.1.2.3"})  # probes do not know our name
    assert time.monotonic() - started < 1
    return response.status_code, response.json()


@pytest.mark.usefixtures("all_there")
def test_all_is_well_while_everyone_is_seen(web: WebServer) -> None:
    assert ask(web.url) == (200, WELL)


@pytest.mark.usefixtures("all_there")
@pytest.mark.parametrize("kind", ["worker", "sweeps", "beat"])
def test_who_is_silent_is_named_and_people_are_still_answered(web: WebServer, kind: str) -> None:
    Process.objects.filter(kind=kind).update(seen_at=timezone.now() - SILENT_AFTER - timedelta(seconds=1))

    assert ask(web.url) == (503, {**WELL, kind: "down"})
    assert ask(web.url, "readyz") == (200, {"web": "up", "database": "up"})


@pytest.mark.usefixtures("all_there")
def test_one_that_is_seen_is_enough(web: WebServer) -> None:
    Process.objects.create(kind=Kind.WORKER, host="two", pid=1, seen_at=timezone.now() - timedelta(hours=1))
    assert ask(web.url) == (200, WELL)


@pytest.mark.usefixtures("all_there")
def test_a_clock_that_is_off_is_told_and_fails_nothing(web: WebServer) -> None:
    off = timedelta(hours=-1)
    Process.objects.filter(kind=Kind.WORKER).update(clock_ahead=off)
    assert ask(web.url) == (200, {**WELL, "clocks": "off"})

    silent = timezone.now() - timedelta(hours=1)
    Process.objects.create(kind=Kind.WORKER, host="two", pid=1, seen_at=silent, clock_ahead=off)
    Process.objects.filter(host="one").update(clock_ahead=timedelta(milliseconds=900))
    assert ask(web.url) == (200, WELL)


@pytest.mark.usefixtures("all_there")
@pytest.mark.parametrize(("seconds", "is_enabled", "told"), [
    (40, True, "fresh"), (3600, True, "stale"), (None, True, "stale"), (3600, False, "fresh"),
])  # fmt: skip
def test_a_list_that_is_too_old_is_told_and_fails_nothing(
    web: WebServer, seconds: float | None, is_enabled: bool, told: str
) -> None:
    zone = builders.a_zone(is_enabled=is_enabled)
    read_at = None if seconds is None else timezone.now() - timedelta(seconds=seconds)
    Reading.objects.create(zone=zone, kind=ListKind.NETRIS_DEVICE, read_at=read_at)

    assert ask(web.url) == (200, {**WELL, "lists": told})


@pytest.mark.usefixtures("all_there")
def test_without_the_broker_people_are_still_answered(web: WebServer, valkey: Valkey) -> None:
    valkey.stop()
    try:
        assert ask(web.url) == (503, {**WELL, "broker": "down"})
        assert ask(web.url, "readyz")[0] == 200
    finally:
        valkey.start()
    assert ask(web.url) == (200, WELL)


@pytest.mark.usefixtures("all_there")
def test_a_broker_that_has_lost_everything_changes_nothing(web: WebServer, valkey: Valkey) -> None:
    valkey.client().flushall()
    assert ask(web.url) == (200, WELL)


@pytest.mark.usefixtures("all_there")
def test_a_broker_that_says_nothing_is_down_within_a_second(tmp_path: Path, black_hole: int) -> None:
    redis_url = f"redis://127.0.0.1:{black_hole}/0"
    server = start_web_server(tmp_path, DATABASE_URL=database_url(), REDIS_URL=redis_url)
    try:
        assert ask(server.url) == (503, {**WELL, "broker": "down"})
    finally:
        stop_web_server(server)


@pytest.mark.parametrize("is_reachable", [True, False])
def test_a_database_that_is_away_is_down_within_a_second_and_nothing_else_is_known(
    tmp_path: Path, black_hole: int, valkey: Valkey, is_reachable: bool
) -> None:
    port = black_hole if is_reachable else 1
    server = start_web_server(tmp_path, DATABASE_URL=f"postgresql://x@127.0.0.1:{port}/x", REDIS_URL=valkey.url)
    try:
        assert ask(server.url) == (503, {**WELL, **NOTHING_KNOWN, "database": "down"})
        assert ask(server.url, "readyz") == (503, {"web": "up", "database": "down"})
    finally:
        stop_web_server(server)


def test_a_web_server_tells_of_itself_until_it_ends_in_order(tmp_path: Path, valkey: Valkey) -> None:
    server = start_web_server(tmp_path, DATABASE_URL=database_url(), REDIS_URL=valkey.url)
    mine = Process.objects.filter(kind=Kind.WEB, pid=server.process.pid)
    try:
        wait_until(mine.exists)
        row = mine.get()
        assert abs(row.clock_ahead) < timedelta(seconds=1)
        assert not row.is_silent(timezone.now())
    finally:
        stop_web_server(server)
    assert not mine.exists()
