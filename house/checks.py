"""What must be green before a review, besides the tests."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from house.checkout import PYTHON, ROOT
from house.commands import Command, complete

SCHEMA = ROOT / "docs" / "openapi.yaml"


class Check:
    """One thing that must be green, run and reported on a line of its own, with its output only when it failed."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.failures = 0

    def run(self, name: str, *argv: str | Path, **more: str) -> bool:
        started = time.monotonic()
        done = complete([PYTHON, *argv], cwd=ROOT, env={**self.env, **more})
        self.report(name, done.status == 0, started, done.output)
        return done.status == 0

    def report(self, name: str, is_ok: bool, started: float, output: str) -> None:
        print(f"  {name:<22}{'ok' if is_ok else 'FAILED':<8}{time.monotonic() - started:6.1f} s", flush=True)
        if not is_ok:
            self.failures += 1
            print("\n".join(f"    {line}" for line in output.strip().splitlines()), flush=True)

    def schema(self, *, write: bool) -> None:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            made = Path(scratch, "openapi.yaml")
            argv: Command = ["manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", made]
            if not self.run("OpenAPI is valid", *argv):
                return
            if write:
                shutil.copyfile(made, SCHEMA)
            is_same = SCHEMA.exists() and filecmp.cmp(made, SCHEMA, shallow=False)
        self.report("OpenAPI is committed", is_same, started, f"{SCHEMA} differs: ./weft check --fix writes it")
