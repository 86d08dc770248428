"""How many sessions at PostgreSQL a web server holds, started as the documentation says and with nothing set."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection

from apps.tenancy.models import Tenant, User
from portal.env import Env
from tests.portal.conftest import Valkey, WebServer, database_url, session_of, start_web_server, stop_web_server
from tests.portal.conftest import wait_until as until

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS, AT_ONCE, STREAMS = 500, 40, 20
DEFAULT = Env.model_fields["db_pool"].default
#: /healthz looks with one of its own.
HEALTH = 1


def sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = 'weft-under-test' AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


@pytest.fixture(params=[None, "0"], ids=["nothing-set", "no-pool"])
def server(
    request: pytest.FixtureRequest, valkey: Valkey, django_db_setup: None, tmp_path: Path
) -> Iterator[tuple[WebServer, int]]:
    """One of its own, with the number of sessions that it may hold when 40 ask at once, and when nobody does."""
    pool = {} if request.param is None else {"WEFT_DB_POOL": request.param}
    started = start_web_server(tmp_path, DATABASE_URL=database_url(), REDIS_URL=valkey.url, **pool)
    yield started, DEFAULT if request.param is None else 0
    stop_web_server(started)


def test_five_hundred_requests_and_open_streams_hold_no_more_sessions_than_the_pool_has(
    server: tuple[WebServer, int], acme: Tenant, engineer: User
) -> None:
    web, pool = server
    most = (pool or AT_ONCE + 2) + HEALTH  # without a pool, one for each that asks, and two for those who listen
    cookies, seen = session_of(engineer), []
    with (
        httpx.Client(base_url=web.url, cookies=cookies, timeout=60, limits=httpx.Limits(max_connections=200)) as client,
        contextlib.ExitStack() as streams,
    ):
        for _ in range(STREAMS):
            opened = streams.enter_context(client.stream("GET", "/events/t/acme"))
            assert opened.status_code == 200

        def ask(number: int) -> int:
            return client.get("/" if number % 10 else "/t/acme/activity/").status_code

        with ThreadPoolExecutor(AT_ONCE) as people:
            answers = []
            for number, status in enumerate(people.map(ask, range(REQUESTS))):
                answers.append(status)
                if number % 10 == 0:
                    seen.append(sessions())

        assert set(answers) == {200, 302}
        assert max(seen) <= most + 2  # a session that is being replaced, and the one that counts
        until(lambda: sessions() <= pool)


def test_a_pool_is_the_default() -> None:
    assert DEFAULT > 0
    assert settings.DATABASES["default"]["CONN_MAX_AGE"] == 0
