from __future__ import annotations

import logging
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection

from apps.health.models import EVERY, Kind, Process
from apps.health.pulse import Pulse
from apps.kernel import clock

pytestmark = pytest.mark.django_db(transaction=True)


def beat(pulse: Pulse) -> None:
    pulse.tick()
    assert pulse._writer is not None
    pulse._writer.join()


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
    Process.objects.update(seen_at=row.seen_at - timedelta(hours=1), started_at=row.started_at - timedelta(hours=1))

    first.note()

    [again] = Process.objects.all()
    assert again.started_at == row.started_at - timedelta(hours=1)
    assert clock.now() - again.seen_at < timedelta(seconds=10)


def test_who_ends_in_order_is_not_missed_and_the_others_stay():
    pulse, other = Pulse(Kind.WORKER), Pulse(Kind.BEAT)
    beat(pulse)
    beat(other)

    pulse.end()

    assert [row.kind for row in Process.objects.all()] == ["beat"]


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
