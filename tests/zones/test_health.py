"""The gate in front of a remote that is down."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from apps.kernel.remote import Unauthorized, Unavailable
from apps.zones.health import Gate, note_failure
from apps.zones.models import Remote
from tests import builders

AWAY = Unavailable("away", system="netris")

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def zone(db):
    return builders.a_zone()


def test_a_remote_that_never_failed_is_open(zone):
    assert Gate(zone).closed_until("cloudstack", "netris") is None


def test_a_failure_closes_the_gate_of_that_remote_alone(zone):
    note_failure(zone, AWAY)
    assert Gate(zone).closed_until("netris") is not None
    assert Gate(zone).closed_until("cloudstack") is None


def test_after_a_pause_one_caller_goes_ahead_and_the_others_wait(zone, clock):
    note_failure(zone, AWAY)
    clock.shift(timedelta(seconds=3))
    gates = [Gate(zone) for _ in range(3)]
    assert [gate.closed_until("netris") is None for gate in gates] == [True, False, False]


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (Unavailable("still away", system="netris"), [2, 4, 8, 10, 10, 10, 10, 10, 10]),
        (Unauthorized("still away", system="netris"), [2, 4, 8, 16, 32, 64, 120, 120, 120]),
    ],
)
def test_pauses_grow_to_seconds_and_for_a_refused_login_to_two_minutes(zone, clock, trouble, expected):
    note_failure(zone, trouble)
    pauses = []
    for _ in range(9):
        retry_at = Remote.objects.get().retry_at
        pauses.append((retry_at - timezone.now()).total_seconds())
        clock.move_to(retry_at)
        assert Gate(zone).closed_until("netris") is None
        note_failure(zone, trouble)
    assert pauses == expected
    assert Remote.objects.get().error == "still away"


def test_one_caller_at_a_time_hangs_on_a_remote_that_swallows_calls(zone, clock):
    note_failure(zone, AWAY)
    clock.shift(timedelta(seconds=3))
    assert Gate(zone).closed_until("netris") is None
    clock.shift(settings.ANSWER_AWAITED)
    assert Gate(zone).closed_until("netris") is not None


def test_while_one_tries_the_others_ask_again_within_seconds(zone, clock):
    """Who tries may take a minute, and is mostly through at once: what waits for it must not wait for the minute."""
    note_failure(zone, AWAY)
    clock.shift(timedelta(seconds=3))
    assert Gate(zone).closed_until("netris") is None
    assert Gate(zone).closed_until("netris") <= timezone.now() + Remote.LONGEST_PAUSE


def test_who_cannot_have_all_its_remotes_to_itself_leaves_the_others_to_be_tried(zone, clock):
    for system in ("cloudstack", "netris"):
        note_failure(zone, Unavailable("away", system=system))
    clock.shift(timedelta(seconds=3))
    both, one = Gate(zone), Gate(zone)
    assert one.closed_until("netris") is None
    assert both.closed_until("cloudstack", "netris") is not None
    assert Gate(zone).closed_until("cloudstack") is None


def test_many_failures_at_once_count_as_one(zone):
    for _ in range(8):
        note_failure(zone, AWAY)
    assert Remote.objects.get().failures == 1


def test_the_first_answer_opens_the_gate_again(zone, clock):
    note_failure(zone, AWAY)
    clock.shift(timedelta(seconds=3))
    gate = Gate(zone)
    assert gate.closed_until("netris") is None
    assert gate.note_success("netris") is True
    assert gate.note_success("netris") is False
    assert Gate(zone).closed_until("netris") is None
    remote = Remote.objects.get()
    assert (remote.down_since, remote.failures, remote.error) == (None, 0, "")


def test_an_open_gate_costs_one_query(zone, django_assert_num_queries):
    with django_assert_num_queries(1):
        gate = Gate(zone)
        gate.closed_until("cloudstack")
        gate.note_success("cloudstack", "netris")
