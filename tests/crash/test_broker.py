"""The broker goes away and comes back, in every way it can; worker and beat stay, and work goes on within seconds."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from celery import Celery

from portal.broker import broker_url
from tests.stack import Stack

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("broker"), pytest.mark.timeout(300)]

#: From when the broker answers again until an operation that is ordered then is done. Alone it takes one second.
WITHIN_SECONDS = 10


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack() as stack:
        yield stack


def client(stack: Stack) -> redis.Redis:
    return redis.Redis.from_url(stack.valkey.url)


def end(stack: Stack, number: int) -> None:
    stack.valkey.child.send_signal(number)
    stack.valkey.child.wait()


def restart(stack: Stack) -> None:
    stack.valkey.restart()


def kill(stack: Stack) -> None:
    end(stack, signal.SIGKILL)
    stack.valkey.start()


def shut_down(stack: Stack) -> None:
    with client(stack) as broker:
        broker.shutdown(nosave=True)
    stack.valkey.child.wait()
    stack.valkey.start()


def flush(stack: Stack) -> None:
    with client(stack) as broker:
        broker.flushall()


def throw_out_clients(stack: Stack) -> None:
    with client(stack) as broker:
        broker.client_kill_filter(_type="normal")


def throw_out_listeners(stack: Stack) -> None:
    with client(stack) as broker:
        broker.client_kill_filter(_type="pubsub")


def be_away(stack: Stack) -> None:
    end(stack, signal.SIGTERM)
    time.sleep(6)
    stack.valkey.start()


def pause(stack: Stack) -> None:
    stack.valkey.child.send_signal(signal.SIGSTOP)
    time.sleep(6)
    stack.valkey.child.send_signal(signal.SIGCONT)


WAYS = (restart, kill, shut_down, flush, throw_out_clients, throw_out_listeners, be_away, pause)
numbers = itertools.count()


def order(stack: Stack) -> dict[str, Any]:
    """An operation of the quickest kind."""
    with stack.api("admin") as api:
        answer = api.post("/tenants/", json={"name": f"Tenant {next(numbers)}"})
    assert answer.status_code == 202, answer.text
    operation: dict[str, Any] = answer.json()["operations"][0]
    return operation


def assert_done(stack: Stack, operation: dict[str, Any], *, seconds: float) -> None:
    settled = stack.settled(operation, who="admin", seconds=seconds)
    assert settled["phase"] == "succeeded", settled


def ring_later(stack: Stack) -> None:
    """Rings that workers have taken up, and hold until their time has come."""
    with Celery(broker=broker_url(stack.valkey.url)) as bell:
        for _ in range(20):
            bell.send_task("operations.work", countdown=30)
    time.sleep(0.5)


def assert_alive(stack: Stack) -> None:
    ended = [name for name, child in stack.processes.items() if child.poll() is not None]
    assert not ended, (stack.directory / f"{ended[0]}.log").read_text()[-4000:]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_work_goes_on_within_seconds_and_nobody_has_died(stack: Stack, way: Callable[[Stack], None]):
    stack.fault("cloudstack", kind="slow", call="createDomain", seconds=1.5, times=3)
    ring_later(stack)
    under_way = [order(stack) for _ in range(3)]
    way(stack)
    assert_done(stack, order(stack), seconds=WITHIN_SECONDS)
    assert_alive(stack)
    for operation in under_way:
        assert_done(stack, operation, seconds=30)


def test_work_goes_on_within_seconds_after_the_broker_was_away_for_long(stack: Stack):
    end(stack, signal.SIGKILL)
    time.sleep(24)  # Celery's own pauses grow by two seconds each
    stack.valkey.start()
    assert_done(stack, order(stack), seconds=WITHIN_SECONDS / 2)
    assert_alive(stack)
