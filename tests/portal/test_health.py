from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from portal.celery import HEARTBEAT_KEY
from portal.health import FRESH_SECONDS
from tests.portal.conftest import Valkey, WebServer, database_url, note_worker, start_web_server, stop_web_server

WELL = {"web": "up", "database": "up", "broker": "up", "worker": "up"}


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def ask(url: str) -> tuple[int, dict[str, str]]:
    time.sleep(FRESH_SECONDS)
    started = time.monotonic()
    response = httpx.get(f"{url}/healthz", headers={"Host": "10.1.2.3"})  # probes do not know our name
    assert time.monotonic() - started < 1
    return response.status_code, response.json()


def test_all_is_well_while_a_worker_is_heard(web: WebServer, valkey: Valkey) -> None:
    note_worker(valkey)
    assert ask(web.url) == (200, WELL)


def test_a_silent_worker_is_named(web: WebServer, valkey: Valkey) -> None:
    valkey.client().delete(f":1:{HEARTBEAT_KEY}")
    assert ask(web.url) == (503, {**WELL, "worker": "down"})


def test_without_the_broker_nobody_knows_of_workers(web: WebServer, valkey: Valkey) -> None:
    valkey.stop()
    try:
        assert ask(web.url) == (503, {**WELL, "broker": "down", "worker": "unknown"})
    finally:
        valkey.start()
    note_worker(valkey)
    assert ask(web.url) == (200, WELL)


@pytest.mark.usefixtures("django_db_setup")
def test_a_broker_that_says_nothing_is_down_within_a_second(tmp_path: Path, black_hole: int) -> None:
    redis_url = f"redis://127.0.0.1:{black_hole}/0"
    server = start_web_server(tmp_path, DATABASE_URL=database_url(), REDIS_URL=redis_url)
    try:
        assert ask(server.url) == (503, {**WELL, "broker": "down", "worker": "unknown"})
    finally:
        stop_web_server(server)


@pytest.mark.parametrize("is_reachable", [True, False])
def test_a_database_that_is_away_is_down_within_a_second(
    tmp_path: Path, black_hole: int, valkey: Valkey, is_reachable: bool
) -> None:
    note_worker(valkey)
    port = black_hole if is_reachable else 1
    server = start_web_server(tmp_path, DATABASE_URL=f"postgresql://x@127.0.0.1:{port}/x", REDIS_URL=valkey.url)
    try:
        assert ask(server.url) == (503, {**WELL, "database": "down"})
    finally:
        stop_web_server(server)
