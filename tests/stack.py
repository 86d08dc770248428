"""All of Weft as separate processes over private services, for tests that kill, restart and click.

Nothing is shared with the test process: what happened is read over REST, and in the emulated systems by their clients.
Leases and sweeps are short, so that a killed worker's work is taken over within seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
from pydantic import SecretStr

from apps import cloudstack, netris
from house.services import Postgres, Valkey
from tests import migrated
from tests.processes import ROOT, SANDBOX_ENV, free_port, running, sandbox, wait_for_http

SETTLED = ("succeeded", "rolled_back", "stuck", "cancelled", "given_up")


class Stack:
    """`with Stack() as stack:` is ready when every process answers."""

    def __init__(self, *, job_seconds: float = 0.5, networks: bool = False, database_url: str = "") -> None:
        """`database_url` is of a migrated database. Without one it starts a PostgreSQL of its own, to be restarted."""
        self.job_seconds = job_seconds
        self.networks = networks
        self.database_url = database_url
        self._exits = ExitStack()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.push(self._exits)
            self._start()
            starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.processes.values():
            child.terminate()  # all at once, before each is waited for
        self._exits.close()

    def _start(self) -> None:
        self.directory = Path(self._exits.enter_context(tempfile.TemporaryDirectory(prefix="weft-stack-")))
        self.directory.chmod(0o711)
        self.postgres = Postgres(self.directory / "pg")
        self.valkey = Valkey(self.directory / "valkey")
        has_database = bool(self.database_url)
        for service in (self.valkey,) if has_database else (self.postgres, self.valkey):
            service.start()
            self._exits.callback(service.stop)
            service.wait_until_ready()
        self.database_url = self.database_url or self.postgres.url
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.env = SANDBOX_ENV | self.settings()
        self.cloudstack_url, self.netris_url = self._exits.enter_context(self.open_sandbox())
        if not has_database:
            migrated.fill(self.postgres.guise.programs, self.database_url)
        self.start("web")  # comes up while the demo is filled in, which leaves nothing for a worker to do
        output = self.directory / "demo.json"
        seed = ["seed_demo", "--url", self.url, "--output", str(output), "--netris-url", self.netris_url]
        seed += ["--cloudstack-url", f"{self.cloudstack_url}/client/api"]
        self.manage(*seed, *([] if self.networks else ["--without-networks"]))
        self.demo: dict[str, Any] = json.loads(output.read_text())
        for name in self.names:
            if name != "web":
                self.start(name)
        wait_for_http(f"{self.url}/healthz", self.processes["web"], self.directory / "web.log")

    def settings(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.valkey.url,
            "WEFT_SECRET_KEY": "a key for tests that is long enough for django",
            "WEFT_SEAL_KEYS": "A" * 43 + "=",
            "WEFT_ALLOWED_HOSTS": "localhost,127.0.0.1",
            "WEFT_HTTPS": "false",
            "WEFT_LEASE_SECONDS": "3",
            "WEFT_SWEEP_SECONDS": "1",
        }

    def open_sandbox(self) -> AbstractContextManager[tuple[str, str]]:
        return sandbox(self.directory, job_seconds=self.job_seconds)

    @property
    def names(self) -> Sequence[str]:
        """What runs of Weft. A name before a dash says what it is: `worker-2` is a worker."""
        return ("web", "beat", "worker", "sweeps")

    def command(self, name: str) -> list[str]:
        celery = ["-m", "celery", "-A", "portal"]
        match name.partition("-")[0]:
            case "web":
                web = ["-m", "uvicorn", "portal.asgi:application", "--port", str(self.port), "--no-access-log"]
                return [*web, "--timeout-graceful-shutdown", "1"]
            case "beat":
                return [*celery, "beat", "-s", str(self.directory / name), "--loglevel", "WARNING"]
            case "sweeps":
                sweeps = [*celery, "worker", "-P", "threads", "-c", "4", "-Q", "sweeps", "-n", f"{name}@%h"]
                return [*sweeps, "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
            case "worker":
                worker = [*celery, "worker", "-P", "threads", "-c", "4", "-n", f"{name}@%h", "--loglevel", "INFO"]
                return [*worker, "--without-gossip", "--without-mingle"]
        raise ValueError(name)

    def start(self, name: str, *, through: Sequence[str] = ()) -> None:
        """Start it, or another one in its place. `through` is a module, with arguments, that runs the command."""
        log = self.directory / f"{name}.log"
        pool = {"web": "8", "beat": "0"}.get(name, "4")
        child = running(*through, *self.command(name), log=log, **self.env, WEFT_DB_POOL=pool)
        self.processes[name] = self._exits.enter_context(child)

    def kill(self, name: str) -> None:
        """SIGKILL: no warning, no clean-up."""
        self.processes[name].kill()
        self.processes[name].wait()

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=os.environ | self.env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # --- what tests do to it

    def start_worker(self) -> None:
        self.start("worker")

    def kill_worker(self) -> None:
        self.kill("worker")

    def restart_postgres(self) -> None:
        """As after a power cut: every connection breaks at once."""
        self.postgres.restart("immediate")
        self.postgres.wait_until_ready()

    def restart_valkey(self) -> None:
        self.valkey.restart()
        self.valkey.wait_until_ready()

    def flush_redis(self) -> None:
        import redis

        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()

    def fault(self, system: str, **order: Any) -> None:
        httpx.post(f"{self._url_of(system)}/_sandbox/faults", json=order).raise_for_status()

    def clear_faults(self) -> None:
        for system in ("cloudstack", "netris"):
            httpx.delete(f"{self._url_of(system)}/_sandbox/faults").raise_for_status()

    def calls(self, system: str = "cloudstack") -> dict[str, int]:
        answer: dict[str, int] = httpx.get(f"{self._url_of(system)}/_sandbox/calls").json()
        return answer

    def _url_of(self, system: str) -> str:
        return self.cloudstack_url if system == "cloudstack" else self.netris_url

    # --- what tests look at

    @contextmanager
    def api(self, who: str = "acme") -> Iterator[httpx.Client]:
        headers = {"Authorization": f"Bearer {self.demo['tokens'][who]}"}
        with httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30) as client:
            yield client

    def settled(self, operation: dict[str, Any], *, who: str = "acme", seconds: float = 120) -> dict[str, Any]:
        """The operation once nothing moves any more. A moment without an answer is not the end of the world here."""
        give_up_at = time.monotonic() + seconds
        while time.monotonic() < give_up_at:
            with self.api(who) as api:
                answer = api.get(f"/operations/{operation['id']}/")
            if answer.status_code == 200 and answer.json()["phase"] in SETTLED:
                settled: dict[str, Any] = answer.json()
                return settled
            time.sleep(0.1)
        log = (self.directory / "worker.log").read_text(errors="replace")[-4000:]
        raise AssertionError(f"never settled: {answer.status_code} {answer.text}\n{log}")

    def cloudstack(self) -> cloudstack.CloudStack:
        return cloudstack.connect(
            f"{self.cloudstack_url}/client/api",
            SecretStr(SANDBOX_ENV["SANDBOX_CLOUDSTACK_API_KEY"]),
            SecretStr(SANDBOX_ENV["SANDBOX_CLOUDSTACK_SECRET_KEY"]),
        )

    def netris(self) -> netris.Netris:
        return netris.connect(
            self.netris_url,
            SANDBOX_ENV["SANDBOX_NETRIS_USER"],
            SecretStr(SANDBOX_ENV["SANDBOX_NETRIS_PASSWORD"]),
        )
