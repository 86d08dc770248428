"""Commands that are run to their end. None outlives this process, and neither does anything that they start."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from house.checkout import ROOT, Trouble

Command = Sequence[str | Path]
PR_SET_PDEATHSIG = 1
#: Ends a whole session when its input closes, which is when this process ends, be it by SIGKILL.
GUARD = 'read -r _; kill -s KILL -- "-$1"'


class Done(NamedTuple):
    status: int
    output: str


def environment(**more: str) -> dict[str, str]:
    """This process's environment for a child. Without bytecode every start would cost seconds more."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONUNBUFFERED": "1", **more}


def wait_until(condition: Callable[[], bool], *, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not (is_met := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_met


def bound(argv: Command, number: signal.Signals, *, prefix: Command = ()) -> dict[str, Any]:
    """Arguments for Popen by which the kernel sends the child `number` when the thread that started it ends.

    That is so even when SIGKILL ended it. `prefix` changes who the child runs as, which would clear an earlier request.
    """
    if setpriv := shutil.which("setpriv"):
        return {"args": [*prefix, setpriv, "--pdeathsig", number.name.removeprefix("SIG"), "--", *argv]}
    libc = ctypes.CDLL(None)
    return {"args": [*prefix, *argv], "preexec_fn": lambda: libc.prctl(PR_SET_PDEATHSIG, number)}


@contextlib.contextmanager
def child(argv: Command, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A command in a session of its own. Whatever ends the block early ends all that the command has started."""
    piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.PIPE}
    with subprocess.Popen(**bound(argv, signal.SIGKILL), start_new_session=True, **piped) as command:
        guard = ["/bin/sh", "-c", GUARD, "guard", str(command.pid)]
        with subprocess.Popen(guard, start_new_session=True, **silent) as watching:
            try:
                yield command
            finally:
                if command.poll() is None:
                    with contextlib.suppress(ProcessLookupError):  # it has ended since
                        os.killpg(command.pid, signal.SIGKILL)
                watching.kill()


def complete(argv: Command, *, given: str | None = None, timeout: float | None = None, **options: Any) -> Done:
    """Run a command to its end. `given` is its input."""
    stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
    with child(argv, stdin=stdin, **options) as command:
        output, _ = command.communicate(given, timeout)
    return Done(command.returncode, output)


def succeeds(argv: Command, *, timeout: float = 60, **options: Any) -> bool:
    try:
        return complete(argv, timeout=timeout, **{"cwd": "/", **options}).status == 0
    except (OSError, subprocess.SubprocessError):
        return False


def run(what: str, argv: Command, **options: Any) -> str:
    """Run a command that must succeed; `what` names it to the reader when it does not."""
    done = complete(argv, **options)
    if done.status:
        raise Trouble(f"{what} failed:\n{done.output.strip()[-2000:]}")
    return done.output


def run_in_foreground(argv: Command, env: Mapping[str, str]) -> int:
    """Run a command on this terminal. It gets the terminal's Ctrl-C itself; what else would end us becomes one."""
    command = subprocess.Popen(**bound(argv, signal.SIGTERM), cwd=ROOT, env=env)
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        **{number: signal.signal(number, lambda *_: command.send_signal(signal.SIGINT)) for number in ending_signals()},
    }
    try:
        return command.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ending_signals() -> list[signal.Signals]:
    """What asks this process to end, Ctrl-C aside. `nohup` has SIGHUP ignored."""
    return [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
