"""All of Weft with more than one of everything that there may be more of, and what can be done to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx

from tests.processes import sandbox
from tests.stack import Stack

#: How long a request may be held back, as Weft is told, and for how long it is at most.
HELD_SECONDS, LATEST_SECONDS = 16.0, 13.0
#: More addresses than twenty clients can use up.
POOLS = ("--public-pool", "198.18.0.0/21", "--router-pool", "198.19.0.0/21")


class Town(Stack):
    """`held` is for how long Weft believes that a request may be held back, `latest` for how long one is. With 0 it
    believes too soon that an order was lost, which the checker must find."""

    def __init__(self, *, held: float = HELD_SECONDS, latest: float = LATEST_SECONDS) -> None:
        super().__init__()
        self.held, self.latest = held, latest

    @property
    def names(self) -> Sequence[str]:
        return ("web", "beat", "sweeps", "worker-1", "worker-2")

    @property
    def workers(self) -> list[str]:
        return [name for name in self.names if name.startswith("worker")]

    def settings(self) -> dict[str, str]:
        return super().settings() | {
            "WEFT_LEASE_SECONDS": "8",
            "WEFT_ANSWER_SECONDS": "7",
            "WEFT_REQUEST_HELD_SECONDS": str(self.held),
        }

    def open_sandbox(self) -> Any:
        return sandbox(self.directory, job_seconds=self.job_seconds, options=POOLS)

    def command(self, name: str) -> list[str]:
        # A worker's heartbeat in Redis, and nothing else, is what makes it loud at this level.
        return ["WARNING" if part == "INFO" else part for part in super().command(name)]

    def restart(self, name: str, *, through: Sequence[str] = ()) -> None:
        self.kill(name)
        self.start(name, through=through)

    def stop_for(self, name: str, seconds: float) -> None:
        """As a machine that hangs: it goes on as if nothing had happened."""
        os.kill(self.processes[name].pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.processes[name].pid, signal.SIGCONT)

    def order(self, system: str, path: str, **body: Any) -> None:
        with suppress(httpx.TransportError):
            httpx.post(f"{self._url_of(system)}/_sandbox/{path}", json=body, timeout=60).raise_for_status()

    def logs(self) -> str:
        """The ends of what Weft's processes have said."""
        paths = (self.directory / f"{name}.log" for name in self.names)
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-5000:]}" for path in paths)

    def reconnect(self) -> None:
        """What an admin does when the plugin has lost its session."""
        with suppress(httpx.TransportError), self.api("admin") as api:
            zone = api.get("/zones/").json()["results"][0]["id"]
            api.post(f"/zones/{zone}/reconnect/")
