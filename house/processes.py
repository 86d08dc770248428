"""Children that stay, each in a session of its own and with a log; none outlives this process."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from house.checkout import ROOT, Trouble, read
from house.commands import Command, bound, environment, wait_until


class Process:
    """One child in a session of its own, with a log file; it does not outlive this process."""

    stop_signal: ClassVar = signal.SIGTERM
    patience = 10.0

    def __init__(
        self,
        name: str,
        argv: Command = (),
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        self.name = name
        self.argv = argv
        self.log = log
        self.env = environment() if env is None else env
        self.child: subprocess.Popen[bytes] | None = None
        self._ready = ready

    def is_ready(self) -> bool:
        return self._ready is None or self._ready()

    def start(self) -> None:
        self.spawn()
        self.wait_until_ready()

    def spawn(self) -> None:
        self._spawn()

    def _spawn(self, *, cwd: Path = ROOT, prefix: Command = (), **identity: Any) -> None:
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600), "wb") as log:
            self.child = subprocess.Popen(
                **bound(self.argv, self.stop_signal, prefix=prefix),
                cwd=cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                **identity,
            )

    def wait_until_ready(self, *, timeout: float = 60) -> None:
        def is_ready_or_raise() -> bool:
            self.require_running()
            return self.is_ready()

        if not wait_until(is_ready_or_raise, timeout=timeout):
            raise Trouble(f"{self.name} was not ready after {timeout:.0f} s.\n{self.last_words()}")

    def require_running(self) -> None:
        if self.child is not None and self.child.poll() is not None:
            raise Trouble(f"{self.name} ended (status {self.child.returncode}).\n{self.last_words()}")

    def finish(self) -> None:
        """Wait for its own, good, end."""
        if self.child is not None and self.child.wait() != 0:
            self.require_running()
        self.child = None

    def last_words(self) -> str:
        return "\n".join([f"Its log is {self.log}", *(f"  | {line}" for line in read(self.log).splitlines()[-12:])])

    def stop(self) -> None:
        self._signal_and_wait(self.stop_signal)

    def _signal_and_wait(self, number: int) -> None:
        if self.child is None:
            return
        try:
            self.child.send_signal(number)
            self.child.wait(self.patience)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self.child = None
