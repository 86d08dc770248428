"""When orders are held back, and what lets them go on: symptoms, the pattern, the probe and the proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.kernel.remote import Rejected, Unavailable
from apps.mirror.models import Kind, Reading
from apps.mirror.services import refresh
from apps.tenancy.models import AuditEntry
from apps.zones import health, turnstile
from apps.zones.models import Plugin, Remote
from apps.zones.turnstile import Held, Hold, Sent, Turnstile, close, reopen

FAILED = Rejected("Failed API call to Netris controller", 431, system="cloudstack", call="queryAsyncJobResult")
CREATE_NETWORK = "unable to create Netris network 5b7f-...due to: Failed API call to Netris controller"
NO_VNI = "unable to create Netris network 5b7f-...due to: Failed to allocate VXLAN for Netris guest Network null"
ACME, GLOBEX = uuid4(), uuid4()


class Order:
    """One operation's order, as the engine sends it, judges it and sends it anew."""

    def __init__(self, zone: Any, netris: Any, tenant: Any = ACME) -> None:
        self._turnstile = Turnstile(zone, uuid4(), tenant)
        self._netris = netris
        self._sent: Sent | None = None

    def send(self) -> None:
        self._turnstile.enter(self._netris)
        assert self._turnstile.passed_at is not None
        now = self._turnstile.passed_at
        self._sent = replace(self._sent, at=now) if self._sent else Sent(now)

    def fail(self) -> Hold | None:
        """None when the refusal is believed."""
        assert self._sent is not None
        held = self._turnstile.judge(FAILED, self._sent)
        self._sent = Sent(self._sent.at, self._sent.tries + 1, self._sent.failed_at or timezone.now())
        return held.hold if held else None

    def succeed(self) -> bool:
        assert self._sent is not None
        return self._turnstile.succeeded(self._sent)

    def give_way(self) -> None:
        self._turnstile.give_way()


@pytest.fixture
def order(zone, clouds_of):
    netris = clouds_of(zone).netris
    return lambda tenant=ACME: Order(zone, netris, tenant)


def sent(*orders: Order) -> tuple[Order, ...]:
    for each in orders:
        each.send()
    return orders


def fail(*orders: Order) -> list[Hold | None]:
    return [each.fail() for each in sent(*orders)]


def may_pass(order: Order) -> bool:
    try:
        order.send()
    except Held:
        return False
    return True


def is_down() -> bool:
    return Plugin.objects.exclude(down_since=None).exists()


class TestThePattern:
    def test_orders_of_two_tenants_close_the_zone(self, order):
        assert fail(order(ACME), order(GLOBEX)) == [Hold.DOUBT, Hold.PLUGIN]
        assert not may_pass(order())
        assert AuditEntry.unscoped.filter(action="zone.plugin-lost").count() == 1

    def test_one_tenant_closes_it_with_three_orders_and_no_fewer(self, order):
        assert fail(order(), order()) == [Hold.DOUBT] * 2
        assert may_pass(order(GLOBEX))
        assert fail(order()) == [Hold.PLUGIN]

    def test_one_order_that_fails_again_and_again_closes_nothing_and_is_believed_in_the_end(self, order, clock):
        mine = order()
        verdicts = []
        for _ in range(20):
            mine.send()
            verdicts.append(mine.fail())
            clock.shift(timedelta(minutes=1))
            if verdicts[-1] is None:
                break
        assert verdicts == [Hold.DOUBT] * len(turnstile.RESTS) + [None]
        assert not is_down()

    def test_failures_that_lie_far_apart_are_no_pattern(self, order, clock):
        assert fail(order(ACME)) == [Hold.DOUBT]
        clock.shift(turnstile.WINDOW + timedelta(seconds=1))
        assert fail(order(GLOBEX)) == [Hold.DOUBT]
        assert not is_down()

    def test_failures_while_netris_does_not_answer_weft_either_say_nothing(self, zone, order):
        orders = sent(order(ACME), order(GLOBEX))
        health.note_failure(zone, Unavailable("away", system="netris"))
        assert [each.fail() for each in orders] == [Hold.DOUBT] * 2
        assert not Plugin.objects.exists()

    @pytest.mark.parametrize("text", ["Failed to create VPC", "Failed to delete network", CREATE_NETWORK])
    def test_the_fixed_texts_are_symptoms(self, text):
        assert turnstile.is_symptom(Rejected(text, 530, system="cloudstack"))

    @pytest.mark.parametrize("text", ["Cannot find any free IP", NO_VNI, "CloudStack shows the VPC as Inactive."])
    def test_reasons_are_none(self, text):
        assert not turnstile.is_symptom(Rejected(text, 530, system="cloudstack"))

    def test_what_netris_says_to_weft_is_none(self):
        assert not turnstile.is_symptom(Rejected("Failed API call to Netris controller", 400, system="netris"))


class TestTheProof:
    def test_what_succeeds_after_a_symptom_ends_the_doubt_and_the_next_failure_is_believed(self, order, clock):
        first, second = order(ACME), order(GLOBEX)
        fail(first)
        clock.shift(5)
        second.send()
        assert second.succeed()
        clock.shift(5)
        assert fail(first) == [None]
        assert not is_down()

    def test_what_was_sent_before_the_symptom_proves_nothing(self, order, clock):
        early = order(GLOBEX)
        early.send()
        clock.shift(1)
        fail(order(ACME))
        assert not early.succeed()
        assert fail(order(GLOBEX)) == [Hold.PLUGIN]

    def test_what_failed_during_the_outage_and_is_heard_of_after_it_is_sent_anew(self, order, clock):
        late, probe = order(), order(GLOBEX)
        late.send()
        fail(order(ACME), order(GLOBEX))
        clock.shift(3)
        probe.send()
        assert probe.succeed()
        assert late.fail() == Hold.DOUBT
        assert not Plugin.objects.exclude(suspected_at=None).exists()

    def test_without_a_doubt_a_success_costs_one_query(self, order, django_assert_num_queries):
        mine = order()
        mine.send()
        mine.succeed()
        with django_assert_num_queries(1):
            assert not mine.succeed()

    def test_it_is_noted_when_an_order_last_went_through(self, order, clock):
        for _ in range(3):
            clock.shift(turnstile.NOTED_EVERY + timedelta(seconds=1))
            mine = order()
            mine.send()
            mine.succeed()
            assert Plugin.objects.get().worked_at == timezone.now()


class TestTheProbe:
    @pytest.fixture
    def closed(self, order):
        orders = order(ACME), order(GLOBEX)
        fail(*orders)
        return orders

    def test_one_order_goes_through_at_a_time(self, order, closed, clock):
        clock.shift(3)
        assert [may_pass(order()) for _ in range(3)] == [True, False, False]

    def test_whoever_is_the_probe_may_send_again(self, order, closed, clock):
        clock.shift(3)
        probe = order()
        assert may_pass(probe)
        assert may_pass(probe)

    def test_a_probe_that_fails_makes_the_next_pause_longer(self, closed, clock):
        pauses = []
        for _ in range(9):
            retry_at = Plugin.objects.get().retry_at
            pauses.append((retry_at - timezone.now()).total_seconds())
            clock.move_to(retry_at)
            closed[0].send()
            assert closed[0].fail() == Hold.PLUGIN
        assert pauses == [2, 4, 8, 16, 32, 64, 120, 120, 120]

    def test_a_probe_that_succeeds_opens_the_zone(self, order, closed, clock):
        clock.shift(3)
        probe = order()
        probe.send()
        assert probe.succeed()
        assert may_pass(order()) and may_pass(order())
        assert AuditEntry.unscoped.filter(action="zone.plugin-back").count() == 1

    def test_a_probe_that_ends_otherwise_lets_the_next_one_try(self, order, closed, clock):
        clock.shift(3)
        probe = order()
        probe.send()
        probe.give_way()
        assert may_pass(order())

    def test_a_probe_that_nobody_hears_of_again_holds_nobody_up_for_good(self, order, closed, clock):
        clock.shift(3)
        order().send()
        clock.shift(turnstile.PROBE)
        assert may_pass(order())

    def test_no_order_is_sent_while_netris_is_away(self, world, order, closed, clock):
        clock.shift(3)
        world.netris.faults.order("down")
        with pytest.raises(Unavailable):
            order().send()


class TestTheReconnect:
    def test_it_lets_the_next_order_try_at_once(self, zone, order, clock):
        orders = order(ACME), order(GLOBEX)
        fail(*orders)
        for _ in range(6):
            clock.move_to(Plugin.objects.get().retry_at)
            fail(orders[0])
        assert not may_pass(order())
        reopen(zone, is_reconnected=True)
        assert may_pass(order())

    def test_while_it_lasts_nothing_is_ordered_even_if_all_was_well(self, zone, order):
        close(zone)
        assert not may_pass(order())
        reopen(zone, is_reconnected=True)
        assert [may_pass(order()) for _ in range(2)] == [True, False]

    def test_one_that_fails_leaves_the_next_order_to_find_out(self, zone, order):
        close(zone)
        reopen(zone, is_reconnected=False)
        assert Plugin.objects.get().reconnected_at is None
        assert may_pass(order())

    def test_an_order_that_still_fails_long_after_it_is_believed(self, zone, order, clock):
        orders = order(ACME), order(GLOBEX)
        fail(*orders)
        reopen(zone, is_reconnected=True)
        verdicts = []
        for _ in range(20):
            clock.move_to(Plugin.objects.get().retry_at)
            verdicts += fail(orders[0])
            if verdicts[-1] is None:
                break
        assert verdicts[-1] is None
        assert (timezone.now() - Plugin.objects.get().reconnected_at) > turnstile.SETTLES
        assert not is_down()


class TestASlowNetris:
    @pytest.fixture(autouse=True)
    def _in_no_time(self, monkeypatch):
        monkeypatch.setattr(health, "SLOW", 300.0)
        monkeypatch.setattr(health, "QUICK", 200.0)

    def test_what_takes_too_long_is_noted_by_whoever_reads(self, zone, world, clouds_of):
        world.netris.faults.order("slow", "GET /api/v2/vpc", seconds=0.35, times=1)
        clouds_of(zone).netris.vpcs()
        remote = Remote.objects.get()
        assert (remote.slow_call, remote.slow_since, remote.down_since) == ("GET /api/v2/vpc", timezone.now(), None)
        assert remote.slow_milliseconds > 300

    def test_lists_that_the_plugin_does_not_read_may_take_as_long_as_they_like(self, zone, world, clouds_of):
        world.netris.faults.order("slow", "GET /api/v2/hw", seconds=0.35, times=1)
        clouds_of(zone).netris.devices()
        assert not Remote.objects.exists()

    def test_a_slow_answer_to_the_question_before_an_order_holds_that_order_back(self, world, order):
        world.netris.faults.order("slow", "GET /api/auth", seconds=0.35, times=1)
        assert not may_pass(order())

    def test_it_is_measured_anew_by_the_mirror_and_by_nobody_who_waits(self, zone, world, order, clock, clouds_of):
        health.note_pace(zone, "netris", "GET /api/v2/vpc", 6000)
        lists = world.netris.control.calls["GET /api/v2/vpc"]
        clock.shift(health.MEASURE_PAUSE * 5)
        assert [may_pass(order()) for _ in range(3)] == [False] * 3
        assert world.netris.control.calls["GET /api/v2/vpc"] == lists
        world.netris.faults.order("slow", "GET /api/v2/vpc", seconds=0.35, times=1)
        refresh(zone, Kind.NETRIS_VPC, clouds_of(zone))
        assert [may_pass(order()) for _ in range(3)] == [False] * 3
        assert Reading.objects.get(zone=zone, kind=Kind.NETRIS_VPC).due_at <= timezone.now() + health.MEASURE_PAUSE
        refresh(zone, Kind.NETRIS_VPC, clouds_of(zone))
        assert [may_pass(order()) for _ in range(3)] == [True] * 3

    def test_a_look_asks_nobody(self, zone, world):
        health.note_pace(zone, "netris", "GET /api/v2/vpc", 6000)
        world.netris.faults.order("down")
        with pytest.raises(Held) as held:
            Turnstile(zone, uuid4(), ACME).look()
        assert held.value.hold == Hold.SLOW

    def test_a_quick_call_costs_no_query(self, zone, django_assert_num_queries):
        with django_assert_num_queries(0):
            health.note_pace(zone, "netris", "GET /api/v2/vpc", 100)
