"""Asking a controller for readings: what is written down of the reference site, and of larger ones."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.history import collecting, store
from apps.history.models import Collection, Series
from apps.history.series import SPANS, Point, past_of, record, span_of
from apps.mirror.models import Item, Kind
from apps.mirror.services import refresh_due, request_refresh
from sandbox.kit.http import Request
from tests import builders

pytestmark = pytest.mark.django_db

HOUR = SPANS[0]


@pytest.fixture
def read(zone, clouds_of):
    def refresh():
        request_refresh(zone)
        refresh_due(clouds_of)

    return refresh


@pytest.fixture
def collect(read, clouds_of):
    def collected():
        read()
        return collecting.collect_due(clouds_of)

    return collected


@pytest.fixture
def order(world):
    def send(path, **body):
        request = Request("POST", f"/_sandbox{path}", (), {}, json.dumps(body).encode())
        assert world.netris.handle(request).status == 200

    return send


def device(name):
    return Item.objects.get(kind=Kind.NETRIS_DEVICE, name=name).remote_id


def lines(zone, name, span=HOUR):
    past = past_of(zone, "device", device(name), span)
    return {(line.series.part, line.series.metric): line for line in past.lines}


def test_a_switch_a_softgate_and_a_server_are_measured_as_they_can_be(collect, zone, clock):
    clock.shift(600)
    assert collect() == 1

    leaf, gate, server = (lines(zone, name) for name in ("Leaf-1", "SoftGate-1", "Server-2"))
    assert {"cpu", "memory", "disk", "load"} <= {metric for part, metric in leaf if not part}
    assert {metric for part, metric in leaf if part} == {"rx", "tx", "errors"}
    assert {"conntrack", "conntrack-used"} <= {metric for part, metric in gate if not part}
    assert {metric for part, metric in server} == {"memory", "disk", "load"} and not any(part for part, _ in server)
    [step, *_] = leaf["", "cpu"].steps
    assert 4 <= step.low <= step.value <= step.high <= 36
    rates = [line.steps[-1].value for (part, metric), line in leaf.items() if metric == "rx"]
    assert max(rates) > 1e6
    row = Collection.objects.get()
    assert row.read_at == timezone.now() and row.readings > 50 and not row.error


def test_asking_again_adds_what_is_new_and_nothing_twice(collect, zone, clock):
    clock.shift(600)
    collect()
    before = len(lines(zone, "Leaf-1")["", "cpu"].steps)
    assert collect() == 0  # not due
    clock.shift(60)
    assert collect() == 1

    assert len(lines(zone, "Leaf-1")["", "cpu"].steps) == before + 1
    assert len(lines(zone, "Server-2")["", "memory"].steps) == 1
    clock.shift(300)
    collect()
    assert len(lines(zone, "Server-2")["", "memory"].steps) == 2


def test_what_was_missed_while_netris_was_away_is_filled_in(collect, zone, clock):
    clock.shift(600)
    collect()
    clock.shift(10 * 60)
    collect()

    steps = lines(zone, "Leaf-1")["", "cpu"].steps
    assert len(steps) >= 18
    assert all(later.at - at.at == timedelta(minutes=1) for at, later in pairwise(steps))


def test_a_device_that_is_silent_leaves_a_gap(collect, order, zone, clock):
    clock.shift(600)
    collect()
    order("/devices/Leaf-1/kill")
    clock.shift(600)
    collect()
    order("/devices/Leaf-1/revive")
    clock.shift(600)
    collect()

    line = lines(zone, "Leaf-1")["", "cpu"]
    gaps = [later.at - at.at for at, later in pairwise(line.steps) if later.at - at.at > line.gap]
    assert len(gaps) == 1 and timedelta(minutes=9) <= gaps[0] <= timedelta(minutes=13)
    assert len(lines(zone, "Leaf-2")["", "cpu"].steps) > len(line.steps)


def test_a_controller_without_such_a_collector_is_told_and_seldom_asked(collect, zone, clock, world, monkeypatch):
    from apps.kernel.remote import Rejected
    from apps.netris.client import Netris

    def refuse(self, targets, *, since):
        raise Rejected("no such path", 404, system="netris", call="POST /api/graphite")

    monkeypatch.setattr(Netris, "series", refuse)
    clock.shift(600)
    assert collect() == 1

    row = Collection.objects.get()
    assert row.error == "no such path" and row.read_at is None
    assert row.due_at == timezone.now() + timedelta(minutes=10)
    assert lines(zone, "Server-2")  # what the checks tell is written down all the same


def test_two_who_ask_at_once_are_one(collect, zone, clock, clouds_of):
    clock.shift(600)
    collect()
    clock.shift(60)
    row = Collection.objects.select_related("zone").get()
    Collection.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
    assert not collecting.collect(row, clouds_of(zone))
    Collection.objects.update(lease_until=timezone.now())
    assert collecting.collect(row, clouds_of(zone))


def test_other_apps_record_what_they_measure(zone, clock):
    at = timezone.now()
    assert record(zone, [Point("pool", "l2", "vni-used", 70.0, at), Point("pool", "l2", "vni-used", 71.0)]) == 1
    clock.shift(300)
    assert record(zone, [Point("pool", "l2", "vni-used", 80.0)], seconds=300) == 1

    [line] = past_of(zone, "pool", "l2", span_of("day")).lines
    assert [step.value for step in line.steps] == [75.0] and line.series.what.label == "VNIs in use"
    assert past_of(builders.a_zone("Zone-2"), "pool", "l2", HOUR).lines == []


def test_writing_thousands_costs_as_many_queries_as_one_and_an_estate_fits_its_interval(zone, clock):
    """376 leaves with eight uplinks each, both ways and their errors, and 400 processors: 9,424 readings."""
    points = [
        Point("device", str(leaf), metric, 1.0, part=f"swp{port}")
        for leaf in range(376)
        for port in range(8)
        for metric in ("rx", "tx", "errors")
    ]
    points += [Point("device", str(number), "cpu", 10.0) for number in range(400)]
    record(zone, points)

    def cost(some):
        clock.shift(30)
        with CaptureQueriesContext(connection) as asked:
            started = time.perf_counter()
            assert record(zone, some) == len(some)
        return len(asked), time.perf_counter() - started

    (few, _), (many, seconds) = cost(points[:10]), cost(points)
    assert few == many <= 6
    assert seconds < 5  # of the thirty that there are, whatever else this machine does
    assert Series.objects.count() == len(points)


def test_reading_one_thing_costs_three_queries(zone, clock):
    record(zone, [Point("device", "1", "rx", 1.0, part=f"swp{port}") for port in range(54)])
    with CaptureQueriesContext(connection) as asked:
        assert len(past_of(zone, "device", "1", HOUR).lines) == 54
    assert len(asked) == 3


def test_partitions_are_there_when_the_first_reading_comes(zone, clock):
    with connection.cursor() as cursor:
        for name in store.partitions(store.RAW):
            cursor.execute(f"DROP TABLE {name}")

    assert record(zone, [Point("device", "1", "cpu", 1.0)]) == 1
