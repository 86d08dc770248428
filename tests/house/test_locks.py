"""Every lock, installed into an empty environment on a day on which everything has a newer version."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

from house.checkout import ROOT, VAR, VENV, Trouble, locked
from house.environment import UNFINISHED, Environment, pip_install
from tests.house.local_index import LocalIndex

LOCKS = sorted(lock.stem for lock in ROOT.glob("requirements*.txt"))
# The pip of Python 3.11.0. It does not run on later ones, which bring a later pip.
OLDEST_PIP = "pip==22.3 --hash=sha256:1daab4b8d3b97d1d763caeb01a4640a2250a0ea899e257b1e44b9eded91e15ab"


@pytest.fixture(scope="session")
def oldest_pip():
    """A directory with the oldest pip that a Python which runs Weft brings; it is fetched once."""
    directory = VAR / "oldest-pip"
    with locked(VAR / "oldest-pip.lock"), tempfile.NamedTemporaryFile("w", suffix=".txt") as lock:
        if not (directory / "pip").exists():
            print(OLDEST_PIP, file=lock, flush=True)
            pip_install("Fetching the oldest pip", "--upgrade", "--target", str(directory), "-r", lock.name)
    return directory


class Empty(Environment):
    """An empty environment with a pip of the test's choice, and locks of its own to fill it from."""

    def __init__(self, directory, pip):
        super().__init__(directory / "venv", directory / "locks")
        self.pip = pip
        self.locks.mkdir()
        for source in ROOT.glob("requirements*.in"):
            shutil.copy(source, self.locks)

    def _create(self):
        with_pip = ["--without-pip"] if sys.version_info < (3, 12) else []
        subprocess.run([sys.executable, "-m", "venv", *with_pip, self.directory], check=True)
        if with_pip:
            (self.site / "pip.pth").write_text(f"{self.pip}\n")

    @property
    def site(self):
        (site,) = self.directory.glob("lib/python3*/site-packages")
        return site

    def holds(self):
        """Name and version of everything that was installed."""
        directories = [directory.name for directory in self.site.glob("*.dist-info")]
        return {
            tuple(name.removesuffix(".dist-info").split("-")) for name in directories if not name.startswith("pip-")
        }


@pytest.fixture(params=["pip", "uv"])
def empty(request, tmp_path, oldest_pip, monkeypatch):
    """An environment that one of the two can fill, from the local index and nothing else."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(VENV / "bin") if request.param == "uv" else "/nowhere")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "true")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    for installer in ("PIP", "UV"):
        monkeypatch.setenv(f"{installer}_NO_INDEX", "true")
    monkeypatch.setenv(f"{request.param.upper()}_FIND_LINKS", str(tmp_path / "index"))
    return Empty(tmp_path, oldest_pip)


def offer(empty, tmp_path, name, without="nothing"):
    """Offer all that a lock pins, and make it the lock of the empty environment."""
    lock = (ROOT / f"{name}.txt").read_text()
    index = LocalIndex(tmp_path / "index", re.sub(rf"^{without}==.*\n(?: {{4}}.*\n)+", "", lock, flags=re.MULTILINE))
    (empty.locks / "requirements-tested.txt").write_text(index.lock)
    shutil.copy(ROOT / f"{name}.in", empty.locks / "requirements-tested.in")
    return index


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_installs_what_it_pins_and_nothing_newer(empty, tmp_path, name):
    index = offer(empty, tmp_path, name)

    empty.prepare("tested")

    assert empty.holds() == {(name.replace("-", "_"), pin.version) for name, pin in index.pins.items()}


@pytest.mark.parametrize("missing", ["sqlparse", "httptools"], ids=["needed by all", "needed by an extra"])
def test_a_lock_that_lacks_a_dependency_is_refused_with_its_name(empty, tmp_path, missing):
    offer(empty, tmp_path, "requirements", without=missing)

    with pytest.raises(Trouble, match=f"requirements-tested.txt does not hold all .*\n.*{missing}"):
        empty.prepare("tested")
    assert empty.stamp.read_text().endswith(UNFINISHED), "it is not taken for filled"
