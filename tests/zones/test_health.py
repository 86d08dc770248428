"""The gate in front of a remote that is down."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.zones.health import Gate, note_failure
from apps.zones.models import Remote
from tests import builders

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def zone(db):
    return builders.a_zone()


def test_a_remote_that_never_failed_is_open(zone):
    assert Gate(zone).closed_until("cloudstack", "netris") is None


def test_a_failure_closes_the_gate_of_that_remote_alone(zone):
    note_failure(zone, "netris", "away")
    assert Gate(zone).closed_until("netris") is not None
    assert Gate(zone).closed_until("cloudstack") is None


def test_after_a_pause_one_caller_goes_ahead_and_the_others_wait(zone, clock):
    note_failure(zone, "netris", "away")
    clock.shift(timedelta(seconds=3))
    gates = [Gate(zone) for _ in range(3)]
    assert [gate.closed_until("netris") is None for gate in gates] == [True, False, False]


def test_pauses_grow_to_two_minutes_and_no_further(zone, clock):
    note_failure(zone, "netris", "away")
    pauses = []
    for _ in range(9):
        retry_at = Remote.objects.get().retry_at
        pauses.append((retry_at - timezone.now()).total_seconds())
        clock.move_to(retry_at)
        assert Gate(zone).closed_until("netris") is None
        note_failure(zone, "netris", "still away")
    assert pauses == [2, 4, 8, 16, 32, 64, 120, 120, 120]
    assert Remote.objects.get().error == "still away"


def test_many_failures_at_once_count_as_one(zone):
    for _ in range(8):
        note_failure(zone, "netris", "away")
    assert Remote.objects.get().failures == 1


def test_the_first_answer_opens_the_gate_again(zone, clock):
    note_failure(zone, "netris", "away")
    clock.shift(timedelta(seconds=3))
    gate = Gate(zone)
    assert gate.closed_until("netris") is None
    gate.note_success("netris")
    assert Gate(zone).closed_until("netris") is None
    remote = Remote.objects.get()
    assert (remote.down_since, remote.failures, remote.error) == (None, 0, "")


def test_an_open_gate_costs_one_query(zone, django_assert_num_queries):
    with django_assert_num_queries(1):
        gate = Gate(zone)
        gate.closed_until("cloudstack")
        gate.note_success("cloudstack", "netris")
