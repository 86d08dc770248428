"""`.venv`, filled from the locked requirements."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import os
import shutil
import sys
import time
from pathlib import Path

from house.checkout import PYTHON, ROOT, VAR, VENV, Trouble, locked, read
from house.commands import Command, complete, environment, run, succeeds

# What a lock names and nothing else: resolving or building would bring in whatever is newest on the day.
AS_LOCKED = ("--require-hashes", "--no-deps", "--only-binary", ":all:")
#: What filling has begun and was broken off may hold half a package, which looks like a whole one to installers.
UNFINISHED = "unfinished"


class Environment:
    """.venv, filled from a lock file. The development lock contains the demo's, so it is never taken back."""

    def __init__(self, directory: Path = VENV, locks: Path = ROOT) -> None:
        self.directory = directory
        self.locks = locks
        self.python = directory / "bin" / "python"
        self.stamp = directory / "weft-stamp"

    def prepare(self, kind: str) -> None:
        with locked(VAR / "environment.lock"):
            stamp = read(self.stamp)
            if stamp.startswith("dev"):
                kind = "dev"
            if stamp != self._describe(kind):
                started = time.monotonic()
                print(f"weft: filling {self.directory.name} from requirements-{kind}.txt", flush=True)
                if stamp.endswith(UNFINISHED):
                    shutil.rmtree(self.directory)
                self._create()
                self.stamp.write_text(f"{kind} {UNFINISHED}")
                self._install(kind)
                self.stamp.write_text(self._describe(kind))
                print(f"weft: done in {time.monotonic() - started:.0f} s", flush=True)

    def _lock(self, kind: str) -> Path:
        return self.locks / f"requirements-{kind}.txt"

    def _source(self, kind: str) -> Path:
        return self._lock(kind).with_suffix(".in")

    def _describe(self, kind: str) -> str:
        return f"{kind} {hashlib.sha256(self._lock(kind).read_bytes()).hexdigest()} {self._version()}"

    def _version(self) -> str:
        """The version of the interpreter that .venv points to today, or nothing when its packages are another's."""
        if not self.python.exists():
            return ""
        status, version = complete([self.python, "-VV"])
        if status:
            return ""
        minor = ".".join(version.split()[1].split(".")[:2])
        return version.strip() if (self.directory / "lib" / f"python{minor}").is_dir() else ""

    def _create(self) -> None:
        if self._version():
            return
        if importlib.util.find_spec("ensurepip"):
            base = getattr(sys, "_base_executable", sys.executable)
            run("python -m venv", [base, "-m", "venv", "--clear", self.directory])
        elif shutil.which("uv"):
            run("uv venv", ["uv", "venv", "--seed", "--clear", "--python", sys.executable, self.directory])
        else:
            raise Trouble("This Python lacks its venv module. On Debian and Ubuntu: apt install python3-venv")

    def _install(self, kind: str) -> None:
        lock = ["-r", str(self._lock(kind))]
        options = "--system-certs --compile-bytecode --python".split()
        uv: Command = ["uv", "pip", "install", *AS_LOCKED, *options, self.python]
        # uv is quicker, but goes its own way past pip's configuration: where it fails, pip may not.
        if not (shutil.which("uv") and succeeds([*uv, *lock], env=environment(), timeout=600)):
            pip_install("Installing the requirements", *lock, python=self.python)
        self._require_completeness(kind)

    def _require_completeness(self, kind: str) -> None:
        """Let pip resolve what the lock was made from against nothing but what is installed now.

        `pip check` would not do: it does not look at extras.
        """
        resolve = "-m pip --isolated install --quiet --dry-run --no-index --disable-pip-version-check -r".split()
        run(
            f"{self._lock(kind).name} does not hold all that {self._source(kind).name} needs: resolving it",
            [self.python, *resolve, self._source(kind)],
            env=environment(PIP_CONFIG_FILE=os.devnull),
        )


def pip_install(what: str, *arguments: str, python: Path | str = PYTHON) -> None:
    options = "-m pip install --quiet --disable-pip-version-check --no-input".split()
    run(what, [python, *options, *AS_LOCKED, *arguments], env=environment())


def package(name: str) -> Path:
    """The directory of an installed package that is not imported here: it may be another interpreter's."""
    sites = [str(site) for site in VENV.glob("lib/python3*/site-packages")]
    spec = importlib.machinery.PathFinder.find_spec(name, sites)
    if spec is None or not spec.submodule_search_locations:
        raise Trouble(f"The package {name} is not installed in {VENV}")
    return Path(spec.submodule_search_locations[0])
