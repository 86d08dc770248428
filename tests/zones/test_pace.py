"""The rate limit that all processes share."""

from __future__ import annotations

import pytest

from apps.zones import pace
from tests import builders

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def zone(db):
    return builders.a_zone(calls_per_second=40)


def test_calls_up_to_the_burst_do_not_wait(zone):
    pace.charge(zone, "netris", 60)
    assert pace.wait_for(zone, "netris") == 0


def test_calls_beyond_it_wait_for_as_long_as_they_take(zone):
    pace.charge(zone, "netris", 75)
    assert pace.wait_for(zone, "netris") == pytest.approx(0.5, abs=0.01)


def test_waiting_is_enough(zone, clock):
    pace.charge(zone, "netris", 75)
    clock.shift(1)
    assert pace.wait_for(zone, "netris") == 0


def test_the_systems_of_a_zone_have_limits_of_their_own(zone):
    pace.charge(zone, "netris", 400)
    assert pace.wait_for(zone, "cloudstack") == 0
    assert pace.wait_for(zone, "cloudstack", "netris") > 0


def test_neither_sweeps_nor_people_wait_for_the_other_s_calls(zone):
    with pace.sweeping():
        pace.charge(zone, "netris", 25)
    assert pace.wait_for(zone, "netris") == 0
    assert pace.wait_for(zone, "netris", is_sweep=True) == pytest.approx(0.5, abs=0.01)
    pace.charge(zone, "netris", 75)
    assert pace.wait_for(zone, "netris") == pytest.approx(0.5, abs=0.01)
    assert pace.wait_for(zone, "netris", is_sweep=True) == pytest.approx(0.5, abs=0.01)


def test_without_redis_there_is_no_limit_and_no_error(zone, settings, monkeypatch):
    settings.REDIS_URL = "unix:///nowhere.sock"
    pace._redis.cache_clear()
    pace._charge.cache_clear()
    try:
        pace.charge(zone, "netris", 100)
        assert pace.wait_for(zone, "netris") == 0
    finally:
        pace._redis.cache_clear()
        pace._charge.cache_clear()


def test_a_bucket_filled_by_a_clock_that_was_set_back_holds_nobody_up_for_long(zone, clock):
    clock.shift(3600)
    pace.charge(zone, "netris", 75)
    clock.shift(-3600)
    assert pace.wait_for(zone, "netris") <= pace.LONGEST_PAUSE
    pace.charge(zone, "netris")
    clock.shift(pace.LONGEST_PAUSE + pace.BURST_SECONDS)
    assert pace.wait_for(zone, "netris") == 0
