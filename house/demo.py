"""The whole portal with the emulated systems, on this machine."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from house.checkout import PYTHON, VAR, Busy, Trouble, locked, read
from house.commands import ending_signals, environment, wait_until
from house.processes import Process
from house.services import Postgres
from house.supervisor import Supervisor

#: Without the pages of the REST framework, which Weft has none of.
COLLECT = "collectstatic --clear --noinput --verbosity 0 --ignore rest_framework".split()


def report(name: str, seconds: float) -> None:
    print(f"  {name:<16}ready {seconds:6.1f} s", flush=True)


def is_free(host: str, port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def http_status(host: str, port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class Demo:
    """The whole portal and the emulated systems on this machine; everything that it keeps is under `var`."""

    PORTS: ClassVar = {"web": 8000, "cloudstack": 8096, "netris": 8097}

    def __init__(self, var: Path = VAR) -> None:
        self.var = var
        self.host = os.environ.get("WEFT_HOST", "127.0.0.1")
        self.reachable_host = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104
        self.state_file = var / "state.json"

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Held while the demo or a management command has the private services running."""
        return locked(self.var / "demo.lock", busy="The demo's services are in use by another ./weft.")

    def erase(self) -> None:
        """Forget everything but the downloaded browser and the locks, which others may be waiting for."""
        if (self.var / "postgresql").exists():
            Postgres(self.var / "postgresql").erase()
        for path in self.var.iterdir():
            if path.is_dir() and path.name != "browser":
                shutil.rmtree(path)
            elif path.is_file() and path.suffix != ".lock":
                path.unlink()

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads(read(self.state_file) or "{}"))

    def remember(self, **more: Any) -> None:
        self._write(self.state_file, {**self.state, **more})

    @staticmethod
    def _write(path: Path, content: object) -> None:
        path.parent.mkdir(exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file, indent=2)

    def secrets(self) -> dict[str, str]:
        """Made once: the database holds credentials that only these keys can open."""
        path = self.var / "secrets.json"
        if not path.exists():
            made = {
                "WEFT_SECRET_KEY": secrets.token_urlsafe(48),
                "WEFT_SEAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "SANDBOX_CLOUDSTACK_API_KEY": secrets.token_urlsafe(64),
                "SANDBOX_CLOUDSTACK_SECRET_KEY": secrets.token_urlsafe(64),
                "SANDBOX_NETRIS_USER": "netris",
                "SANDBOX_NETRIS_PASSWORD": secrets.token_urlsafe(16),
            }
            self._write(path, made)
        return dict(json.loads(path.read_text()))

    def environment(self, services: Mapping[str, str]) -> dict[str, str]:
        """What Weft's processes get; the environment of ./weft itself wins."""
        hosts = dict.fromkeys(["localhost", "127.0.0.1", "[::1]", socket.gethostname(), self.reachable_host])
        ours = {**self.secrets(), **services, "WEFT_ALLOWED_HOSTS": ",".join(hosts), "WEFT_HTTPS": "false"}
        ours["WEFT_STATIC_ROOT"] = str(self.var / "static")
        return {**ours, **environment()}

    def ports(self) -> dict[str, int]:
        """Ports that are free. The sandbox keeps its own if it can: the portal's database remembers them."""
        last = self.state.get("ports", {})
        wanted = {**self.PORTS, **last, "web": int(os.environ.get("WEFT_PORT", self.PORTS["web"]))}
        hosts = {"web": self.host, "cloudstack": "127.0.0.1", "netris": "127.0.0.1"}
        # After a kill their last owner may need a moment to end.
        wait_until(lambda: all(is_free(hosts[name], port) for name, port in last.items()), timeout=4)
        ports: dict[str, int] = {}
        for name, host in hosts.items():
            candidates = (port for port in range(wanted[name], 65536) if port not in ports.values())
            ports[name] = next(port for port in candidates if is_free(host, port))
        self.remember(ports=ports)
        return ports

    def run(self, *, reset: bool) -> int:
        """Run until a signal or the end of a process, and leave nothing running."""
        for number in (signal.SIGINT, *ending_signals()):
            signal.signal(number, signal.default_int_handler)
        try:
            with self.lock():
                if reset:
                    self.erase()
                with Supervisor(report) as supervisor:
                    print("Weft is starting:")
                    self.start(supervisor)
                    supervisor.watch()
        except Busy as busy:
            raise Trouble(f"{busy} It is at {self.state.get('url', 'an unknown address')}") from None
        except KeyboardInterrupt:
            print("\nWeft has stopped.")
        return 0

    def start(self, supervisor: Supervisor) -> None:
        ports = self.ports()
        url = f"http://{'localhost' if self.reachable_host == '127.0.0.1' else self.host}:{ports['web']}"
        services = supervisor.start_services(self.var, durable=True)
        self.remember(services=services, url=url)
        env = self.environment(services)
        self._start_sandbox(supervisor, self._sandbox(env, ports))
        supervisor.run(self._process("static", "manage.py", *COLLECT, env=env))
        supervisor.run(self._process("migrate", "manage.py", "migrate", "--noinput", env=env))
        supervisor.run(self._seed(env, url, ports))
        supervisor.start(*self._portal({**env, "WEFT_DB_POOL": "8"}, ports["web"]))
        self._introduce(url)

    def _process(self, name: str, *argv: str | Path, env: Mapping[str, str], **more: Any) -> Process:
        return Process(name, [PYTHON, *argv], log=self.var / "log" / f"{name}.log", env=env, **more)

    @staticmethod
    def _start_sandbox(supervisor: Supervisor, sandbox: Process) -> None:
        try:
            supervisor.start(sandbox)
        except Trouble as trouble:
            if sandbox.child is None or sandbox.child.poll() != 2:
                raise
            raise Trouble(f"{trouble}\nThe portal's data goes with it: ./weft demo --reset starts anew.") from trouble

    def _sandbox(self, env: Mapping[str, str], ports: Mapping[str, int]) -> Process:
        def is_ready() -> bool:
            both = (ports["cloudstack"], ports["netris"])
            return all(http_status("127.0.0.1", port, "/_sandbox/health") == 200 for port in both)

        argv = f"--cloudstack-port {ports['cloudstack']} --netris-port {ports['netris']} --job-seconds 2".split()
        state = self.var / "sandbox"
        return self._process("sandbox", "-m", "sandbox", "--state-dir", state, *argv, env=env, ready=is_ready)

    def _seed(self, env: Mapping[str, str], url: str, ports: Mapping[str, int]) -> Process:
        cloudstack = f"http://127.0.0.1:{ports['cloudstack']}/client/api"
        netris = f"http://127.0.0.1:{ports['netris']}"
        urls = f"--url {url} --cloudstack-url {cloudstack} --netris-url {netris}".split()
        return self._process("seed", "manage.py", "seed_demo", *urls, "--output", self.var / "demo.json", env=env)

    def _portal(self, env: Mapping[str, str], port: int) -> list[Process]:
        """Web, workers and beat. The web process answers before all is well: /healthz also asks for a worker."""

        def health() -> int | None:
            return http_status(self.reachable_host, port, "/healthz")

        web = f"-m uvicorn portal.asgi:application --host {self.host} --port {port}"
        web += " --timeout-graceful-shutdown 3 --no-access-log"
        worker = "-m celery -A portal worker -P threads -c 8 --without-gossip --without-mingle --loglevel INFO"
        sweeps = f"{worker} -Q sweeps -n sweeps@%h"
        sweeps_log = self.var / "log" / "sweeps.log"
        beat = "-m celery -A portal beat --loglevel INFO -s".split()
        beat_log = self.var / "log" / "beat.log"
        return [
            self._process("web", *web.split(), env=env, ready=lambda: health() is not None),
            self._process("worker", *worker.split(), env=env, ready=lambda: health() == 200),
            self._process("sweeps", *sweeps.split(), env=env, ready=lambda: "ready." in read(sweeps_log)),
            self._process("beat", *beat, self.var / "beat", env=env, ready=lambda: "beat: Starting" in read(beat_log)),
        ]

    def _introduce(self, url: str) -> None:
        demo = json.loads((self.var / "demo.json").read_text())
        columns = ("username", "password", "role", "tenant")
        rows = [columns, *([str(user[column] or "-") for column in columns] for user in demo["users"])]
        widths = [max(len(row[index]) for row in rows) + 3 for index in range(len(columns))]
        print(f"\nWeft is at {url}\n")
        for row in rows:
            print("  " + "".join(f"{value:<{width}}" for value, width in zip(row, widths, strict=True)).rstrip())
        print(f"\nAPI tokens and the emulated systems' credentials: {self.var / 'demo.json'}")
        print(f"Logs: {self.var / 'log'}    Stop: Ctrl-C", flush=True)
