"""Readings in partitions: fine ones for a day, sums of five minutes for a month, of an hour for a year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from apps.history import store
from apps.history.store import FIVE, HOURLY, RAW, Row

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, 17, 5, tzinfo=UTC)
SECONDS = timedelta(seconds=1)


def count(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
        return cursor.fetchone()[0]


def readings(start, every, values, series=1):
    return [Row(series, start + number * every, float(value)) for number, value in enumerate(values)]


@pytest.fixture(autouse=True)
def _partitions(db):
    store.make_ahead(NOW)


def test_partitions_are_made_ahead_once():
    names = store.partitions(RAW)
    store.make_ahead(NOW)

    assert store.partitions(RAW) == names
    assert names[0] <= "history_raw_2026030109" and names[-1] >= "history_raw_2026030309"
    assert store.partitions(FIVE)[-1] >= "history_five_2026030900"
    assert store.partitions(HOURLY)[-1] >= "history_hour_2026040700"


def test_what_was_written_is_read_in_steps_with_mean_least_and_most():
    start = NOW.replace(minute=0, second=0)
    store.write(readings(start, 30 * SECONDS, [1, 3, 5, 9]), NOW)

    found = store.read([1], start, NOW, timedelta(minutes=1))
    assert [(each.at, each.value, each.low, each.high) for each in found] == [
        (start, 2, 1, 3),
        (start + 60 * SECONDS, 7, 5, 9),
    ]


def test_what_is_fine_still_weighs_no_more_in_a_long_step_than_what_is_summed_up():
    hour = NOW.replace(minute=0, second=0)
    store.write(readings(hour, 30 * SECONDS, [100] * 120), NOW)
    later = hour + timedelta(hours=25)
    store.maintain(later)
    store.write(readings(hour + timedelta(hours=1), 30 * SECONDS, [0] * 120), hour + timedelta(hours=2))

    [step] = store.read([1], hour - timedelta(hours=1), later, timedelta(days=2))

    assert (step.value, step.low, step.high) == (50, 0, 100)


def test_a_reading_that_is_there_already_stays():
    [row] = readings(NOW - 60 * SECONDS, SECONDS, [1])

    assert store.write([row], NOW) == 1
    assert store.write([row._replace(value=9.0)], NOW) == 0
    assert [each.value for each in store.read([1], NOW - timedelta(hours=1), NOW, timedelta(hours=1))] == [1]


@pytest.mark.parametrize("at", [NOW - timedelta(days=2), NOW + timedelta(minutes=2), NOW + timedelta(days=400)])
def test_what_is_older_than_a_day_or_yet_to_come_is_not_taken(at):
    assert store.write([Row(1, at, 1.0)], NOW) == 0


def test_a_day_later_readings_are_sums_of_five_minutes_and_their_partition_is_gone():
    hour = NOW.replace(minute=0, second=0)
    store.write(readings(hour, 30 * SECONDS, range(20)), NOW)
    name = RAW.partition(hour)

    store.maintain(hour + timedelta(hours=24, minutes=59))
    assert name in store.partitions(RAW) and count("history_five") == 0
    store.maintain(hour + timedelta(hours=25))

    assert name not in store.partitions(RAW) and count("history_raw") == 0
    found = store.read([1], hour, hour + timedelta(hours=1), timedelta(minutes=5))
    assert [(each.at, each.value, each.low, each.high) for each in found] == [
        (hour, 4.5, 0, 9),
        (hour + timedelta(minutes=5), 14.5, 10, 19),
    ]


def test_a_month_later_they_are_sums_of_an_hour_and_after_a_year_they_are_gone():
    hour = NOW.replace(minute=0, second=0)
    store.write([*readings(hour, 30 * SECONDS, range(20)), *readings(hour, 30 * SECONDS, [7], series=2)], NOW)
    for days in (2, 33):
        store.maintain(NOW + timedelta(days=days))

    assert count("history_five") == 0
    found = store.read([1, 2], hour - timedelta(days=1), NOW, timedelta(days=1))
    assert [(each.series, each.value, each.low, each.high) for each in found] == [(1, 9.5, 0, 19), (2, 7, 7, 7)]
    store.maintain(NOW + timedelta(days=430))
    assert count("history_hour") == 0
    assert len(store.partitions(RAW)) < 100 and len(store.partitions(FIVE)) < 50 and len(store.partitions(HOURLY)) < 20


def test_a_chart_over_all_three_tables_has_every_moment_once():
    long_ago, lately = NOW - timedelta(days=40), NOW - timedelta(minutes=10)
    for at in (long_ago, NOW - timedelta(days=5), lately):
        store.make_ahead(at)
        store.write(readings(at, 30 * SECONDS, [1, 1]), at + timedelta(minutes=5))
        store.maintain(at + timedelta(days=2) if at != lately else NOW)

    found = store.read([1], NOW - timedelta(days=60), NOW, timedelta(days=1))
    assert [each.value for each in found] == [1, 1, 1]
    assert (count("history_raw"), count("history_five"), count("history_hour")) == (2, 1, 1)


def test_maintaining_twice_and_after_a_long_pause_loses_nothing():
    hour = NOW.replace(minute=0, second=0)
    store.write(readings(hour, 60 * SECONDS, [5, 5]), NOW)
    for _ in range(2):
        store.maintain(NOW + timedelta(days=90))

    assert [each.value for each in store.read([1], hour, NOW, timedelta(hours=1))] == [5]
    assert count("history_hour") == 1


def test_reading_one_series_among_many_goes_by_an_index_and_touches_the_partitions_of_its_time_alone():
    start = NOW - timedelta(hours=2)
    store.write([Row(series, start + n * 30 * SECONDS, 1.0) for series in range(300) for n in range(240)], NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE history_raw")
        cursor.execute(
            "EXPLAIN SELECT * FROM history_raw WHERE series = ANY(%s) AND at >= %s AND at < %s",
            [[7, 8], NOW - timedelta(minutes=10), NOW],
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Index" in plan and "Seq Scan" not in plan
    assert plan.count("history_raw_") <= 4 and "2026030209" in plan
