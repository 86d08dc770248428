"""The database's clock, by which everything goes that machines compare."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.kernel import clock

pytestmark = pytest.mark.django_db

APPS = Path(clock.__file__).parent.parent


@pytest.fixture(autouse=True)
def _as_in_real_life() -> Iterator[None]:
    tests, clock.source, clock._last = clock.source, None, None
    yield
    clock.source, clock._last = tests, None


def database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_machine_whose_clock_is_off_goes_by_the_databases(hours: int) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
        assert abs(clock.now() - database_time()) < timedelta(seconds=1)
        assert clock.ahead() == pytest.approx(timedelta(hours=hours), abs=timedelta(seconds=1))
        assert clock.is_off(clock.ahead())


def test_a_clock_that_is_set_meanwhile_changes_nothing() -> None:
    before = clock.now()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        assert timedelta() <= clock.now() - before < timedelta(seconds=1)


def test_the_database_is_asked_now_and_then_and_not_every_time() -> None:
    with CaptureQueriesContext(connection) as queries:
        for _ in range(100):
            clock.now()
    assert len(queries) == 1


def test_a_machine_whose_clock_is_off_says_so_once_and_says_when_it_is_right_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "weft.clock")
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=2)):
        clock.read()
        clock.read()
    clock.read()
    first, second = [record.getMessage() for record in caplog.records]
    assert "120.0 s behind" in first
    assert "agrees with the database's again" in second


@pytest.mark.parametrize("is_first", [True, False])
def test_an_answer_that_is_long_in_coming_does_not_put_the_clock_wrong(
    is_first: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The database stands still for ten seconds, and says what the time was before that."""
    with time_machine.travel(datetime.now(UTC), tick=False) as machine:
        start = timezone.now()
        monkeypatch.setattr(clock, "_counter", lambda: 1000 + (timezone.now() - start).total_seconds())
        if not is_first:
            clock.read()

        def late(execute: Any, *arguments: Any) -> Any:
            answer = execute(*arguments)
            machine.shift(timedelta(seconds=10))
            return answer

        with connection.execute_wrapper(late):
            told = clock.read()

        assert abs(told - timezone.now()) < timedelta(seconds=5.5 if is_first else 0.5)
        assert not clock.is_off(clock.ahead())
        assert not caplog.records


def test_no_module_goes_by_its_own_machines_clock() -> None:
    own = [
        path.relative_to(APPS)
        for path in APPS.rglob("*.py")
        if "timezone.now" in path.read_text() and path != Path(clock.__file__)
    ]
    assert not [path for path in own if "migrations" not in path.parts]
