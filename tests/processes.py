"""Children of a test or a benchmark: started, waited for, measured, and ended with everything they started."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
SANDBOX_ENV = {
    "SANDBOX_CLOUDSTACK_API_KEY": "test-api-key",
    "SANDBOX_CLOUDSTACK_SECRET_KEY": "test-secret-key",
    "SANDBOX_NETRIS_USER": "weft",
    "SANDBOX_NETRIS_PASSWORD": "test-password",
}


#: Below those that the kernel gives to whoever connects to somewhere: hundreds of such connections come and go between
#: the finding of a port and the start of who is to listen there.
PORTS = range(20_000, 32_768)


def free_port() -> int:
    """One of very many, so that two processes hardly ever find the same."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def running(*command: str, log: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child of this interpreter, ended with everything it started."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield child
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()


def wait_for_http(url: str, child: subprocess.Popen[bytes], log: Path, seconds: float = 30.0) -> None:
    """Until `url` answers 200. Raises with the end of the log when the child dies or takes too long."""
    give_up_at = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < give_up_at:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer:\n{log.read_text(errors='replace')[-3000:]}")


@contextmanager
def sandbox(directory: Path, *, job_seconds: float, options: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Both emulators on ports of their own, with nothing in them: the addresses of CloudStack and Netris."""
    first, second = free_port(), free_port()
    log = directory / "sandbox.log"
    command = ["-m", "sandbox", "--cloudstack-port", str(first), "--netris-port", str(second)]
    command += ["--job-seconds", str(job_seconds), *options]
    with running(*command, log=log, **SANDBOX_ENV) as child:
        urls = f"http://127.0.0.1:{first}", f"http://127.0.0.1:{second}"
        for url in urls:
            wait_for_http(f"{url}/_sandbox/health", child, log)
        yield urls


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
