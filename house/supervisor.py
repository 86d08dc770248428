"""Starts processes in order, watches them, and stops them in reverse order."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from house.commands import environment
from house.processes import Process
from house.services import Postgres, Valkey


def is_given(name: str) -> bool:
    return name in os.environ or f"{name}_FILE" in os.environ


class Supervisor:
    """Starts processes in order, watches them, and stops them in reverse order when its `with` block ends."""

    def __init__(self, report: Callable[[str, float], None] = lambda name, seconds: None) -> None:
        self.processes: list[Process] = []
        self._report = report

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with ignored_signals():
            for process in reversed(self.processes):
                process.stop()

    def start(self, *processes: Process) -> None:
        """Start the processes together, then wait for each in turn."""
        started = time.monotonic()
        for process in processes:
            self.processes.append(process)
            process.spawn()
        for process in processes:
            process.wait_until_ready()
            self._report(process.name, time.monotonic() - started)

    def start_services(self, directory: Path, *, durable: bool) -> dict[str, str]:
        """Start the database and the broker, except what the environment names; answer with their URLs."""
        urls: dict[str, str] = {}
        logs = directory / "log"
        if not is_given("DATABASE_URL"):
            postgres = Postgres(directory / "postgresql", durable=durable, log=logs / "postgresql.log")
            self.start(postgres)
            urls["DATABASE_URL"] = postgres.url
        if not is_given("REDIS_URL"):
            valkey = Valkey(directory / "valkey", log=logs / "valkey.log")
            self.start(valkey)
            urls["REDIS_URL"] = valkey.url
        return urls

    def run(self, process: Process) -> None:
        """Run a process to its end, which must be a good one."""
        started = time.monotonic()
        self.processes.append(process)
        process.spawn()
        process.finish()
        self._report(process.name, time.monotonic() - started)

    def watch(self) -> None:
        """Return never; raise when a process has ended."""
        while True:
            for process in self.processes:
                process.require_running()
            time.sleep(0.2)


@contextlib.contextmanager
def ignored_signals() -> Iterator[None]:
    """An impatient second Ctrl-C must not leave half of the processes behind."""
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def throwaway_services() -> Iterator[dict[str, str]]:
    """Fresh services in a directory of their own, and the environment in which Django uses them."""
    directory = Path(tempfile.mkdtemp(prefix="weft-test-"))
    try:
        directory.chmod(0o711)
        with Supervisor() as supervisor:
            yield environment(
                **supervisor.start_services(directory, durable=False),
                WEFT_SECRET_KEY="a-key-for-tests-" + "0123456789abcdef" * 4,
                WEFT_SEAL_KEYS=base64.urlsafe_b64encode(b"a sealing key for the tests only").decode(),
                WEFT_ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
                WEFT_HTTPS="false",
            )
    finally:
        shutil.rmtree(directory, ignore_errors=True)
