"""The VPC list with very many VPCs, beside an empty view, over real HTTP from one web process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.processes import free_port, running, wait_for_http

PASSWORD = "a password for the bench"


def fill(count: int) -> str:
    """One tenant with all of them, and a session of one of its people. Returns the session's key."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import connection

    from apps.networks.models import Vpc
    from tests import builders

    tenant = builders.a_tenant("Bench pages")
    user = builders.a_member(tenant)
    zone = builders.a_zone("bench-pages")
    builders.an_account(tenant, zone)
    for start in range(0, count, 5000):
        Vpc.unscoped.bulk_create(
            Vpc(tenant=tenant, zone=zone, name=f"vpc {number}", cidr="10.20.0.0/20", status="ready")
            for number in range(start, min(start + 5000, count))
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def queries_of(path: str, session: str) -> int:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.cookies["sessionid"] = session
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def rate(url: str, session: str, *, seconds: float, clients: int = 8) -> float:
    """Requests per second of several clients that ask without a pause."""
    stop_at = time.monotonic() + seconds

    def ask() -> int:
        done = 0
        with httpx.Client(cookies={"sessionid": session}) as client:
            while time.monotonic() < stop_at:
                client.get(url).raise_for_status()
                done += 1
        return done

    started = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        total = sum(future.result() for future in [pool.submit(ask) for _ in range(clients)])
    return total / (time.monotonic() - started)


def report(count: int, *, say: Callable[[str], None] = print) -> None:
    say(f"the VPC list with {count} VPCs, one web process, 8 clients")
    session = fill(count)
    path = "/t/bench-pages/vpcs/"
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "web.log"
        command = ["-m", "uvicorn", "portal.asgi:application", "--port", str(port), "--no-access-log"]
        with running(*command, log=log, DJANGO_SETTINGS_MODULE="tests.bench.settings", WEFT_DB_POOL="8") as child:
            url = f"http://127.0.0.1:{port}"
            wait_for_http(f"{url}/empty/", child, log)
            for warm in ("/empty/", path):
                rate(url + warm, session, seconds=1)
            empty, page = rate(f"{url}/empty/", session, seconds=4), rate(url + path, session, seconds=4)
    say(f"  empty view    {empty:7.1f} requests/s")
    say(f"  VPC list      {page:7.1f} requests/s, {queries_of(path, session)} queries each")
    say(f"  cost ratio    {empty / page:7.2f}     (aim: at most 5)")
