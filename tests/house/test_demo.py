import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from house.checkout import Trouble
from house.commands import wait_until
from house.demo import Demo
from house.supervisor import Supervisor
from tests.house import SCRIPT


class Running:
    """A small demo as a child. Its processes are known by a mark in their environment, or by working under `var`."""

    def __init__(self, var):
        self.var = var
        self.mark = f"WEFT_MARK={uuid.uuid4()}"
        name, value = self.mark.split("=")
        env = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")} | {name: value}
        argv = [sys.executable, "-m", "tests.house.small_demo", str(var)]
        self.child = subprocess.Popen(
            argv,
            cwd=SCRIPT.parent,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever runs the tests under `nohup` has SIGHUP ignored, which children inherit and the demo respects.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
        assert self.child.stdout is not None
        while (line := self.child.stdout.readline()) != "started\n":
            assert line, self.child.communicate()[1]

    def processes(self):
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self._is_ours(path)]

    def _is_ours(self, process):
        try:
            has_mark = self.mark.encode() in (process / "environ").read_bytes().split(b"\0")
            return has_mark or (process / "cwd").readlink().is_relative_to(self.var)
        except OSError:
            return False

    def pid_of(self, program):
        """A child bears its program's name only once it has become that program."""

        def found():
            names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in self.processes()}
            return next((pid for pid, name in names.items() if name == program), None)

        assert wait_until(found, timeout=10)
        return found()

    def end(self, number):
        self.child.send_signal(number)
        output, errors = self.child.communicate(timeout=15)
        return self.child.returncode, output, errors


@pytest.fixture
def running(directory):
    demo = Running(directory / "var")
    yield demo
    demo.child.kill()
    for pid in demo.processes():
        with contextlib.suppress(ProcessLookupError):  # its parent's end was its own
            os.kill(pid, signal.SIGKILL)
    demo.child.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_is_no_failure(running, number):
    status, output, _ = running.end(number)

    assert status == 0
    assert "Weft has stopped" in output
    assert not running.processes()


def test_nothing_outlives_a_killed_supervisor(running, directory):
    assert len(running.processes()) > 4
    running.end(signal.SIGKILL)

    assert wait_until(lambda: not running.processes(), timeout=30)

    again = Running(directory / "var")
    assert again.end(signal.SIGTERM)[0] == 0


def test_a_process_that_ends_stops_the_rest_and_its_log_is_named(running, directory):
    os.kill(running.pid_of("sleep"), signal.SIGKILL)
    _, errors = running.child.communicate(timeout=15)

    assert running.child.returncode == 1
    assert "worker ended" in errors
    assert str(directory / "var" / "log" / "worker.log") in errors
    assert not running.processes()


def test_a_second_demo_is_turned_away(running, directory):
    with pytest.raises(Trouble, match="in use by another"):
        Demo(directory / "var").run(reset=False)


def test_it_stops_within_a_few_seconds(running):
    started = time.monotonic()
    running.end(signal.SIGTERM)

    assert time.monotonic() - started < 5


def test_the_sandbox_keeps_its_ports(directory):
    demo = Demo(directory)
    demo.remember(ports={"cloudstack": 28096, "netris": 28097})

    ports = demo.ports()

    assert (ports["cloudstack"], ports["netris"]) == (28096, 28097)


def test_a_taken_port_gives_way_to_the_next_free_one(directory, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        monkeypatch.setenv("WEFT_PORT", str(wanted))

        assert Demo(directory).ports()["web"] > wanted


def test_secrets_are_made_once_and_private(directory):
    demo = Demo(directory / "var")

    assert demo.secrets() == Demo(directory / "var").secrets()
    assert (directory / "var" / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_reset_forgets_all_but_the_browser(directory):
    demo = Demo(directory)
    demo.secrets()
    for kept_or_not in ("browser/chromium", "sandbox/state", "log/web.log"):
        (directory / kept_or_not).parent.mkdir()
        (directory / kept_or_not).touch()

    demo.erase()

    assert [path.name for path in directory.iterdir()] == ["browser"]


def test_the_logins_are_shown(directory, capsys):
    users = [{"username": "admin", "password": "secret", "role": "platform admin", "tenant": None}]
    (directory / "demo.json").write_text(json.dumps({"users": users}))

    Demo(directory)._introduce("http://localhost:8000")

    assert "admin      secret     platform admin   -" in capsys.readouterr().out


def test_data_of_another_version_asks_for_a_reset(directory):
    demo = Demo(directory)
    (directory / "sandbox").mkdir()
    (directory / "sandbox" / "netris.sqlite3").write_text("not what this version writes")

    with Supervisor() as supervisor, pytest.raises(Trouble) as trouble:
        demo._start_sandbox(supervisor, demo._sandbox(demo.environment({}), demo.ports()))

    assert "was not written by this version" in str(trouble.value)
    assert "./weft demo --reset" in str(trouble.value)
