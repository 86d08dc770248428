"""Where things are in this checkout, its locks, and what is said when it cannot be used."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
VAR = ROOT / "var"
PYTHON = str(VENV / "bin" / "python")


class Trouble(Exception):  # noqa: N818  # named as it is shown
    """What the reader of the message may be able to put right; it is shown without a traceback."""


class Busy(Trouble):
    """Another process holds what this one wants."""


def read(path: Path) -> str:
    """A file that may not be there (yet, or any more)."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def is_on(name: str) -> bool:
    return os.environ.get(name, "").lower() not in ("", "0", "false", "no")


@contextlib.contextmanager
def locked(path: Path, *, busy: str | None = None) -> Iterator[None]:
    """Hold `path` alone; wait for it, or fail at once with the message `busy`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            raise Busy(busy) from None
        yield
