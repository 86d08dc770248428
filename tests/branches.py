"""Lets a test go on from one moment in several ways: each way in a copy of the process, and the next from where it was.

    if tried_out():     -> True in the copy, which goes on from here; False in the test, once the copy has ended
        ...             what only this way does
    ...
    end()               ends the copy

What is in memory is the copy's own: the emulated systems, the clock, whatever waits further up the stack. The database
connection and Valkey are shared, so the test waits, and puts both back as they were. A copy that fails fails the test;
one that leaves its test without `end` has failed too: see `pytest_pyfunc_call` of conftest.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest
import redis
from django.conf import settings
from django.db import connection, transaction

PASSED = b"passed"
DIED = "the process that tried something out has died"

#: In a copy, where it tells what became of it.
_told_to: int | None = None


def is_copy() -> bool:
    return _told_to is not None


def tried_out() -> bool:
    global _told_to
    assert not is_copy(), "a copy is not copied"
    told, told_to = os.pipe()
    with _put_back():
        copy = os.fork()
        if copy == 0:
            gc.freeze()  # a collection in the copy would touch, and so double, all that they share
            os.close(told)
            _told_to = told_to
            return True
        os.close(told_to)
        report = _outcome(copy, told)
    if report != PASSED:
        pytest.fail(report.decode() or DIED, pytrace=False)
    return False


def _outcome(copy: int, told: int) -> bytes:
    """What the copy has told at its end. It does not outlive the wait for it, whatever ends that."""
    try:
        with os.fdopen(told, "rb") as pipe:
            return pipe.read()
    finally:
        os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)


def end(failure: str = "") -> NoReturn:
    """Of a copy: nothing that waits further up the stack happens in it any more."""
    assert _told_to is not None
    os.write(_told_to, failure.encode() or PASSED)
    os._exit(0)


@contextmanager
def _put_back() -> Iterator[None]:
    assert connection.in_atomic_block, "what is outside a transaction cannot be put back"
    savepoint = transaction.savepoint()
    valkey = redis.Redis.from_url(settings.REDIS_URL)
    kept = [(key, max(valkey.pttl(key), 0), valkey.dump(key)) for key in valkey.scan_iter()]
    yield
    if is_copy():
        return
    transaction.savepoint_rollback(savepoint)
    transaction.savepoint_commit(savepoint)
    valkey.flushdb()
    for key, milliseconds, value in kept:
        valkey.restore(key, milliseconds, value)
    valkey.close()
