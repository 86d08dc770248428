"""What surveys of a fabric write down: one fault is one event, with its beginning, its end and whom it touches."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.fabric.models import SurveyedDevice
from apps.fabric.surveys import survey
from apps.history.models import Event
from apps.mirror.models import Item, Kind, Reading
from apps.zones.models import Zone
from sandbox.world import World
from tests import builders
from tests.fabric.conftest import Order, Sweep


def told(kind=None):
    rows = Event.objects.open() if kind is None else Event.objects.open().filter(kind=kind)
    return sorted((event.kind, event.subject_name) for event in rows)


@pytest.fixture
def look(zone: Zone, read: Sweep):
    """Read all lists, and survey."""

    def looked() -> None:
        read()
        survey(zone)

    return looked


@pytest.fixture
def change(zone: Zone, clock: time_machine.Traveller):
    """Let the mirror read a list in which one row says something else."""

    def changed(kind: Kind, name: str, **data: object) -> None:
        clock.shift(15)
        Reading.objects.filter(zone=zone).update(read_at=timezone.now(), error="")
        for item in Item.objects.filter(kind=kind, zone=zone, name=name):
            item.data |= data
            item.save()
        survey(zone)

    return changed


def test_a_fabric_that_is_well_has_no_events(look) -> None:
    look()

    assert told() == []


def test_a_dead_leaf_is_one_event_that_counts_what_it_takes_along_and_ends_when_it_reports(
    look, order: Order, clock: time_machine.Traveller
) -> None:
    look()
    order("/devices/Leaf-1/kill")
    died = timezone.now()
    clock.shift(45)
    look()

    [event] = Event.objects.all()
    assert told() == [("device-silent", "Leaf-1")]
    assert event.words == "It has not reported; 10 links and 6 sessions are down because of it."
    assert timedelta() <= died - event.began_at < timedelta(seconds=20)  # its last report, not when it was noticed
    assert event.severity == "critical" and not event.is_touch_known
    assert event.subject_url == f"/fabric/devices/{event.zone.slug}/{event.subject_id}/"

    order("/devices/Leaf-1/revive")
    clock.shift(120)
    look()
    assert told() == [] and Event.objects.get(pk=event.pk).ended_at == timezone.now()


def test_netris_that_is_away_ends_nothing(look, order: Order, zone: Zone, clock: time_machine.Traveller) -> None:
    look()
    order("/devices/Leaf-1/kill")
    clock.shift(45)
    look()
    Reading.objects.filter(zone=zone).update(error="Netris does not answer.")
    Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE).delete()
    clock.shift(3600)
    survey(zone)

    event = Event.objects.select_related("source").get()
    assert event.is_open and event.is_stale


def test_a_silent_hypervisor_touches_the_tenants_whose_instances_run_there(
    change, look, zone: Zone, acme, globex
) -> None:
    look()
    first, second = SurveyedDevice.objects.filter(zone=zone, role="hypervisor").order_by("name")[:2]
    for tenant, host in ((acme, first), (globex, second)):
        builders.an_instance(builders.an_account(tenant, zone, cloudstack_domain_id=uuid4()), hostname=host.name)
    long_ago = (timezone.now() - timedelta(minutes=5)).isoformat()
    change(Kind.NETRIS_DEVICE, first.name, status="critical", last_seen=long_ago)

    event = Event.objects.get(kind="device-silent")
    assert event.subject_name == first.name and event.is_touch_known
    assert list(event.touched.all()) == [acme]


def test_a_session_that_goes_down_three_times_is_flapping(change, look, zone: Zone) -> None:
    look()
    name = Item.objects.filter(kind=Kind.NETRIS_BGP).earliest("pk").name
    for _ in range(3):
        change(Kind.NETRIS_BGP, name, bgp_state="Active")
        assert ("session-down", name) in told()
        change(Kind.NETRIS_BGP, name, bgp_state="Established")
        assert told("session-down") == []

    assert told() == [("session-flapping", name)]
    assert "3 times within 15 minutes" in Event.objects.get(kind="session-flapping").words


def test_a_session_that_stays_up_for_long_enough_flaps_no_more(change, look, clock: time_machine.Traveller) -> None:
    look()
    name = Item.objects.filter(kind=Kind.NETRIS_BGP).earliest("pk").name
    for state in ("Active", "Established") * 3:
        change(Kind.NETRIS_BGP, name, bgp_state=state)
    assert told() == [("session-flapping", name)]
    clock.shift(901)
    look()

    assert told() == []


def test_a_session_of_which_netris_says_nothing_any_more_is_still_down_as_far_as_anybody_knows(change, look) -> None:
    look()
    change(Kind.NETRIS_BGP, "ISP-1-SoftGate-1", bgp_state="Idle")
    down = [("session-down", "ISP-1-SoftGate-1")]
    assert told() == down

    change(Kind.NETRIS_BGP, "ISP-1-SoftGate-1", bgp_state="")

    assert told() == down
    assert Event.objects.open().select_related("source").get().is_stale

    change(Kind.NETRIS_BGP, "ISP-1-SoftGate-1", bgp_state="Established")
    assert told() == []


def test_a_session_without_prefixes_is_told_apart_from_one_that_is_down(change, look) -> None:
    look()
    name = Item.objects.filter(kind=Kind.NETRIS_BGP).earliest("pk").name
    change(Kind.NETRIS_BGP, name, bgp_prefixes="0")

    assert told() == [("session-empty", name)]


def _checked(zone: Zone, device: str, *checks: dict[str, str]) -> dict[str, object]:
    row = Item.objects.get(zone=zone, kind=Kind.NETRIS_DEVICE, name=device)
    return {"checks": [*row.data["checks"], *checks]}


def test_a_cable_in_the_wrong_port_is_a_finding(change, look, zone: Zone) -> None:
    look()
    words = "swp1@Leaf-1 is wired to swp9@Spine-1 instead of swp1@Spine-1"
    check = {"name": "check_topology", "status": "critical", "message": words, "port": "swp1@Leaf-1"}
    change(Kind.NETRIS_DEVICE, "Leaf-1", **_checked(zone, "Leaf-1", check))

    assert told() == [("cable-misplaced", "swp1@Leaf-1")]
    event = Event.objects.get()
    assert event.is_finding and event.words == words


def test_a_port_that_is_down_is_an_event_of_its_link_and_none_of_its_devices(change, look, zone: Zone) -> None:
    look()
    leaf = Item.objects.get(zone=zone, kind=Kind.NETRIS_DEVICE, name="Leaf-1").data["checks"]
    port = next(check["port"] for check in leaf if check["name"] == "check_port")
    change(
        Kind.NETRIS_DEVICE,
        "Leaf-1",
        checks=[check | {"status": "critical"} if check["port"] == port else check for check in leaf],
    )

    [(kind, name)] = told()
    assert kind == "link-down" and port in name


def test_a_failing_fan_is_told_in_the_words_of_its_check(change, look, zone: Zone) -> None:
    look()
    fan = {"name": "check_fan", "status": "warning", "message": "Fan 2 is slow", "port": ""}
    change(Kind.NETRIS_DEVICE, "Spine-1", **_checked(zone, "Spine-1", fan))

    assert told() == [("device-degraded", "Spine-1")]
    assert Event.objects.get().words == "check_fan: Fan 2 is slow."


def test_a_softgate_that_has_no_session_with_a_router_is_a_finding(look, zone: Zone, change) -> None:
    look()
    gate = Item.objects.filter(kind=Kind.NETRIS_BGP, key__startswith="SoftGate").earliest("pk")
    device = gate.key
    gate.delete()
    change(Kind.NETRIS_DEVICE, "none")

    [(kind, name)] = told()
    assert kind == "session-missing" and name.endswith(device)


def test_a_whole_rack_that_is_down_costs_as_many_queries_as_one_link(change, look, zone: Zone) -> None:
    look()

    def cost(devices: int) -> int:
        rows = Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE, name__startswith="Leaf")[:devices]
        for item in rows:
            for check in item.data["checks"]:
                if check["name"] == "check_port":
                    check["status"] = "critical"
            item.save()
        with CaptureQueriesContext(connection) as asked:
            change(Kind.NETRIS_DEVICE, "none")
        return len(asked)

    one = cost(1)
    assert told("link-down")
    Event.objects.all().delete()
    assert cost(2) <= one


class TestSites:
    def test_a_site_that_is_renamed_is_told_by_its_new_name_until_it_is_found_again(
        self, look, zone: Zone, world: World, clock: time_machine.Traveller
    ) -> None:
        look()
        assert told("site-missing") == []
        [site] = [each for each in world.netris.net.sites if each["name"] == "sv"]
        self._renamed(world, site, "sv-2", clock, look)
        assert told("site-missing") == [("site-missing", zone.name)]
        event = Event.objects.open().get(kind="site-missing")
        assert "it is called sv-2 now" in event.words and event.is_finding
        assert event.subject_url == reverse("zones:connection", args=[zone.pk])
        self._renamed(world, site, "sv", clock, look)
        assert told("site-missing") == []

    def test_a_site_that_is_gone_is_told_with_those_that_are_there(self, look, zone: Zone) -> None:
        Zone.objects.filter(pk=zone.pk).update(netris_site="atlantis")
        zone.refresh_from_db()
        look()
        assert "no site atlantis: it has" in Event.objects.open().get(kind="site-missing").words

    @staticmethod
    def _renamed(world: World, site, name: str, clock: time_machine.Traveller, look) -> None:
        world.netris.net.sites.change(site, name=name)
        clock.shift(30)
        look()
