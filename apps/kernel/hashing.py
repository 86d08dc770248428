"""Passwords are hashed a few at a time: a hash takes a processor for a third of a second, on purpose.

Sixty people who sign in at once would else share the processors with everybody who only wants a page. Who must wait
gives the database session back first, and waits for two seconds at most; more than a few do not wait at all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection

PATIENCE = 2.0
#: Half of the processors: the other half is for pages.
AT_ONCE = max(1, len(os.sched_getaffinity(0)) // 2)
IN_LINE = 8 * AT_ONCE


class TooManyAtOnce(Exception):  # noqa: N818 - it says what to do: come again
    """Nothing was hashed. Try again in some seconds."""

    RETRY_AFTER = 3


class Turns:
    def __init__(self, at_once: int, in_line: int, patience: float) -> None:
        self._free = threading.BoundedSemaphore(at_once)
        self._line = threading.BoundedSemaphore(in_line)
        self._patience = patience

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises `TooManyAtOnce` when it does not come within the time, or when the line is too long."""
        if not self._free.acquire(blocking=False):
            self._wait()
        try:
            yield
        finally:
            self._free.release()

    def _wait(self) -> None:
        if not self._line.acquire(blocking=False):
            raise TooManyAtOnce
        try:
            if not connection.in_atomic_block:
                connection.close()
            if not self._free.acquire(timeout=self._patience):
                raise TooManyAtOnce
        finally:
            self._line.release()


TURNS = Turns(AT_ONCE, IN_LINE, PATIENCE)


class InTurns(PBKDF2PasswordHasher):
    """Django's own, one after the other. Checking a password is hashing it too."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with TURNS.turn():
            return super().encode(password, salt, iterations)
