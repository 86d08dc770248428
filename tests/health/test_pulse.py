from __future__ import annotations

import logging
import threading
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import InterfaceError, connection

from apps.health.models import EVERY, Kind, Process
from apps.health.pulse import Pulse
from apps.kernel import clock

pytestmark = pytest.mark.django_db(transaction=True)


def beat(pulse: Pulse) -> None:
    pulse.tick()
    assert pulse._last is not None
    assert pulse._last.wait(10)


def test_ticks_write_one_row_seldom(monkeypatch):
    pulse, passed = Pulse(Kind.WORKER), 1000.0
    monkeypatch.setattr("apps.health.pulse.time.monotonic", lambda: passed)
    written = []
    monkeypatch.setattr(pulse, "note", lambda: written.append(passed))

    for _ in range(100):
        passed += 0.5
        beat(pulse)

    assert len(written) == 5
    assert min(b - a for a, b in pairwise(written)) >= EVERY


def test_a_row_says_since_when_and_until_when_its_process_was_seen():
    first = Pulse(Kind.WORKER)
    beat(first)
    [row] = Process.objects.all()
    Process.objects.update(seen_at=row.seen_at - timedelta(hours=1))

    first.note()

    [again] = Process.objects.all()
    assert again.started_at == row.started_at
    assert clock.now() - again.seen_at < timedelta(seconds=10)


def test_a_process_that_has_the_number_of_one_that_was_killed_says_when_it_started_itself():
    beat(Pulse(Kind.WORKER))
    Process.objects.update(started_at=clock.now() - timedelta(days=3))

    beat(Pulse(Kind.WORKER))

    [row] = Process.objects.all()
    assert clock.now() - row.started_at < timedelta(seconds=10)


def test_who_ends_in_order_is_not_missed_and_the_others_stay():
    pulse, other = Pulse(Kind.WORKER), Pulse(Kind.BEAT)
    beat(pulse)
    beat(other)

    pulse.end()

    assert [row.kind for row in Process.objects.all()] == ["beat"]


def test_a_process_that_can_start_no_thread_any_more_is_not_missed_either(monkeypatch):
    """From Python 3.12 on that is so in everything that is called when the interpreter ends, and beat ends so."""
    pulse = Pulse(Kind.BEAT)
    beat(pulse)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    pulse.end()
    Pulse(Kind.BEAT).end()

    assert not Process.objects.exists()


def test_a_machine_whose_clock_is_off_says_so(monkeypatch):
    monkeypatch.setattr("apps.health.pulse.clock.ahead", lambda: timedelta(hours=1))
    beat(Pulse(Kind.SWEEPS))

    [row] = Process.objects.all()
    assert row.clock_ahead == timedelta(hours=1)
    assert row.is_clock_off


def test_a_database_that_is_away_is_said_once_and_holds_nobody_up(caplog, monkeypatch):
    pulse, passed = Pulse(Kind.WORKER), 0.0
    monkeypatch.setattr("apps.health.pulse.time.monotonic", lambda: passed)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE health_process RENAME TO elsewhere")
    try:
        with caplog.at_level(logging.WARNING, "weft.pulse"):
            for _ in range(3):
                passed += EVERY + 1
                beat(pulse)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO health_process")

    [said] = [record for record in caplog.records if record.name == "weft.pulse"]
    assert "could not be written down" in said.message
    passed += EVERY + 1
    beat(pulse)
    assert Process.objects.count() == 1


def test_whatever_goes_wrong_with_one_note_there_is_a_next(monkeypatch):
    def lost() -> None:
        raise InterfaceError("the connection is closed")

    pulse, passed = Pulse(Kind.WORKER), 0.0
    monkeypatch.setattr("apps.health.pulse.time.monotonic", lambda: passed)
    with monkeypatch.context() as trouble:
        trouble.setattr(pulse, "note", lost)
        beat(pulse)

    passed += EVERY + 1
    beat(pulse)

    assert Process.objects.count() == 1
