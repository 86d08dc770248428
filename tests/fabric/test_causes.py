"""One device that has fallen silent is one fault, however much it takes along."""

from __future__ import annotations

from datetime import timedelta

import time_machine
from django.test import Client

from apps.fabric.queries import picture_of
from apps.mirror.models import Item, Kind
from apps.zones.models import Zone
from tests.fabric.conftest import Order, Sweep
from tests.fabric.test_queries import device


def test_a_dead_leaf_is_the_one_cause_of_all_that_it_takes_along(
    zone: Zone, read: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    order("/devices/Leaf-1/kill")
    clock.shift(45)
    read()
    picture = picture_of(zone)

    [cause] = picture.causes
    assert cause.device.name == "Leaf-1"
    assert cause.consequences == "10 links and 6 sessions are down because of it"
    assert {row.because for row in picture.devices if row.status == "warning"} == {"Leaf-1"}
    assert {row.because for row in picture.links if row.status == "down"} == {"Leaf-1"}
    assert {row.because for row in picture.sessions} == {"Leaf-1", ""}


def test_tables_begin_with_the_cause_and_then_its_consequences(
    zone: Zone, read: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    order("/devices/Leaf-1/kill")
    clock.shift(45)
    read()
    picture = picture_of(zone)

    statuses = [row.status for row in picture.devices]
    assert statuses == ["critical", *["warning"] * 11, "unknown"]
    assert [row.status for row in picture.links][:11] == [*["down"] * 10, "up"]
    assert [row.status for row in picture.sessions] == [*["down"] * 6, *["up"] * 6]


def test_what_the_silent_device_does_not_explain_is_a_fault_of_its_own(
    zone: Zone, read: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    order("/devices/Leaf-1/kill")
    clock.shift(45)
    read()
    spine = Item.objects.get(kind=Kind.NETRIS_DEVICE, zone=zone, name="Spine-1")
    fan = {"check_name": "check_fan", "status": "warning", "message": "fan 2 of Leaf-1 and Leaf-2 is slow"}
    key = "checks" if "checks" in spine.data else "hardwareHealth"
    spine.data[key] = [*spine.data[key], fan]
    spine.save()
    picture = picture_of(zone)

    assert device(picture, "Spine-1").because == ""
    assert len(device(picture, "Spine-1").reasons) > 1
    names = [row.name for row in picture.devices]
    assert names[:2] == ["Leaf-1", "Spine-1"]  # before all that is due to the leaf


def test_who_reports_or_was_read_too_long_ago_is_no_cause(
    zone: Zone, read: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    read()
    assert picture_of(zone).causes == []
    order("/devices/Leaf-1/kill")
    clock.shift(45)
    read()
    clock.shift(timedelta(hours=1))

    picture = picture_of(zone)

    assert picture.causes == []
    because = [*(row.because for row in picture.devices), *(row.because for row in picture.links)]
    assert set(because) == {""}


def test_the_page_tells_the_cause_in_one_sentence_and_draws_the_rest_weaker(
    zone: Zone, read: Sweep, order: Order, clock: time_machine.Traveller, browser: Client
) -> None:
    order("/devices/Leaf-1/kill")
    clock.shift(45)
    read()

    page = browser.get("/fabric/topology/").content.decode()

    assert "10 links and 6 sessions are down because of it" in page
    assert page.count("callout tone-madder") == 1
    leaf, spine = (Item.objects.get(kind=Kind.NETRIS_DEVICE, name=name).remote_id for name in ("Leaf-1", "Spine-1"))
    assert f'id="device-{leaf}" class="topo-device topo-device--critical"' in page
    assert f'id="device-{spine}" class="topo-device topo-device--warning topo-device--due"' in page
    assert (
        page.count('topo-link--down topo-link--due"') == 9 + 6 + 1 + 1
    )  # underlay, sessions, management, the legend's
