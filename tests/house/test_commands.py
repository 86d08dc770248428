"""Commands that ./weft waits for, and what is left when it is ended meanwhile (by interrupted.py)."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from house.checkout import ROOT, Trouble
from house.commands import complete, run, succeeds, wait_until


class Marked:
    """Processes that are known by a mark in their environment, whoever started them."""

    def __init__(self):
        self.name, self.value = "WEFT_MARK", str(uuid.uuid4())
        self.env = os.environ | {self.name: self.value}

    def processes(self):
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self._has_mark(path)]

    def _has_mark(self, process):
        try:
            return f"{self.name}={self.value}".encode() in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            return False


@pytest.fixture
def marked():
    marked = Marked()
    yield marked
    for pid in marked.processes():
        os.kill(pid, signal.SIGKILL)


def heeds_signals():
    """Also where the tests were started behind `nohup`, or in the background by a script."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_during_an_install_leaves_no_child(marked, number):
    """The installer starts children of its own, as pip does; one of them ignores what may be ignored."""
    weft = subprocess.Popen(
        [sys.executable, "-m", "tests.house.interrupted"],
        cwd=ROOT,
        env=marked.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=heeds_signals,
    )
    try:
        # weft, what watches over its command, the command, its shell, and two that sleep
        assert wait_until(lambda: len(marked.processes()) >= 5, timeout=10), marked.processes()
        weft.send_signal(number)
        output, _ = weft.communicate(timeout=10)
        assert wait_until(lambda: not marked.processes(), timeout=10), marked.processes()
    finally:
        weft.kill()
        weft.wait()
        assert weft.stdout is not None
        weft.stdout.close()

    assert b"Traceback" not in output
    assert weft.returncode == (-number if number == signal.SIGKILL else 128 + number)


def test_a_command_that_takes_too_long_ends_with_all_that_it_started(marked):
    assert not succeeds(["sh", "-c", "sleep 600 & sleep 600"], timeout=0.3, env=marked.env)
    assert wait_until(lambda: not marked.processes(), timeout=10)


def test_what_a_command_said_before_it_failed_is_shown():
    with pytest.raises(Trouble, match="Installing failed:\nno room"):
        run("Installing", ["sh", "-c", "echo no room >&2; exit 3"])


def test_a_command_reads_what_it_is_given_and_nothing_else():
    assert complete(["cat"], given="said") == (0, "said")
    assert complete(["cat"]) == (0, "")


def test_a_command_that_is_not_there_does_not_succeed():
    assert not succeeds(["/no/such/command"])
