import subprocess
import sys

import pytest

from house import commands
from house.environment import Environment


class Recorded(Environment):
    """An environment with a real interpreter, and a list of what would have been installed instead of the packages."""

    def __init__(self, directory):
        super().__init__(directory / "venv", directory)
        self.installed = []
        self.is_broken_off = False

    def _create(self):
        if not self._version():
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", self.directory], check=True)

    def _install(self, kind):
        self.installed.append(kind)
        (self.directory / "installed").touch()
        if self.is_broken_off:
            raise KeyboardInterrupt


@pytest.fixture
def environment(tmp_path):
    for kind in ("demo", "dev"):
        (tmp_path / f"requirements-{kind}.txt").write_text(f"{kind}==1\n")
    return Recorded(tmp_path)


def test_it_is_filled_once(environment):
    environment.prepare("demo")
    environment.prepare("demo")

    assert environment.installed == ["demo"]
    assert environment.python.exists()


def test_a_changed_lock_fills_it_again(environment, tmp_path):
    environment.prepare("demo")
    (tmp_path / "requirements-demo.txt").write_text("demo==2\n")
    environment.prepare("demo")

    assert environment.installed == ["demo", "demo"]


def test_the_demo_does_not_take_the_development_tools_away(environment, tmp_path):
    environment.prepare("dev")
    environment.prepare("demo")
    (tmp_path / "requirements-dev.txt").write_text("dev==2\n")
    environment.prepare("demo")

    assert environment.installed == ["dev", "dev"]


def test_an_interpreter_that_has_gone_is_replaced(environment):
    environment.prepare("demo")
    environment.python.unlink()
    environment.prepare("demo")

    assert environment.installed == ["demo", "demo"]
    assert environment.python.exists()


def test_what_was_broken_off_begins_anew(environment):
    environment.is_broken_off = True
    with pytest.raises(KeyboardInterrupt):
        environment.prepare("dev")
    half_a_package = environment.directory / "half-a-package"
    half_a_package.touch()
    environment.is_broken_off = False
    environment.prepare("demo")

    assert environment.installed == ["dev", "dev"]
    assert not half_a_package.exists()


def test_children_write_bytecode_whatever_the_caller_does(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    assert "PYTHONDONTWRITEBYTECODE" not in commands.environment()
