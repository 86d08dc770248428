"""What a survey makes of the mirror, and when it writes anything."""

from __future__ import annotations

from datetime import timedelta
from json import dumps, loads

import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.fabric.models import (
    Part,
    Survey,
    SurveyedDevice,
    SurveyedLink,
    SurveyedPort,
    SurveyedSession,
    SurveyedSubnet,
    sort_key_of,
)
from apps.fabric.queries import picture_of
from apps.fabric.surveys import survey
from apps.kernel.clock import now
from apps.mirror.models import Item, Kind, Reading
from apps.netris.wire import Allocation, Block
from apps.zones.models import Zone
from sandbox.world import World
from tests.fabric.conftest import Order, Sweep


def test_the_inventory_is_what_the_picture_shows(zone: Zone, surveyed: Sweep) -> None:
    picture = picture_of(zone)

    devices = SurveyedDevice.objects.filter(zone=zone)
    assert {(row.remote_id, row.name, row.role, row.status) for row in devices} == {
        (row.id, row.name, row.role, row.status) for row in picture.devices
    }
    links = SurveyedLink.objects.filter(zone=zone)
    assert {(row.remote_id, row.plane, row.a_id, row.b_id, row.status) for row in links} == {
        (row.id, row.plane, row.a.device_id, row.b.device_id, row.status) for row in picture.links
    }
    assert links.count() == len(picture.links) > 30
    sessions = SurveyedSession.objects.filter(zone=zone)
    assert {(row.remote_id, row.device_id, row.router, row.status) for row in sessions} == {
        (str(row.session.id), row.device_id, row.router.name, row.status) for row in picture.sessions
    }


def test_hosts_are_told_by_the_leaves_that_they_hang_on(zone: Zone, surveyed: Sweep) -> None:
    pairs = dict(SurveyedDevice.objects.filter(zone=zone).values_list("name", "pair"))

    both = "Leaf-1 + Leaf-2"
    assert {name for name, pair in pairs.items() if pair == both} == {
        *(f"Server-{n}" for n in (1, 2, 3, 4)),
        *(f"SoftGate-{n}" for n in (1, 2, 3, 4)),
        "Leaf-1",
        "Leaf-2",
    }
    assert {name for name, pair in pairs.items() if not pair} == {"Spine-1", "Spine-2", "OOB-1"}


def test_nothing_is_judged_twice_and_only_what_differs_is_written(
    zone: Zone,
    surveyed: Sweep,
    read: Sweep,
    order: Order,
    clock: time_machine.Traveller,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(2):
        assert survey(zone) is False

    before = _versions(zone)
    order("/devices/Leaf-2/kill")
    clock.shift(600)
    read()
    assert survey(zone) is True

    after = _versions(zone)
    assert after.keys() == before.keys()
    assert before["Leaf-1"] != after["Leaf-1"], "its checks miss Leaf-2"
    assert before["Server-1"] == after["Server-1"], "it has no agent that could miss anything"
    leaf = SurveyedDevice.objects.get(zone=zone, name="Leaf-2")
    assert leaf.status == "critical"
    due = SurveyedLink.objects.filter(zone=zone, status="down")
    assert due.count() > 0
    assert set(due.values_list("because", flat=True)) == {"Leaf-2"}


def _versions(zone: Zone) -> dict[str, str]:
    """Which version of its row each device has: a row that is written anew has another one."""
    rows = SurveyedDevice.objects.filter(zone=zone).extra(select={"version": "xmin::text"})
    return dict(rows.values_list("name", "version"))


def test_ports_of_a_device_that_nobody_hears_of_are_not_known_until_somebody_does(
    zone: Zone, surveyed: Sweep, clock: time_machine.Traveller
) -> None:
    def of(device: str) -> dict[str, str]:
        return dict(SurveyedPort.objects.filter(zone=zone, device=device).values_list("name", "status"))

    before, other = of("Leaf-1"), of("Leaf-2")
    assert "up" in before.values()
    leaf = Item.objects.get(zone=zone, kind=Kind.NETRIS_DEVICE, name="Leaf-1")
    heard = leaf.data["last_seen"]
    for at, expected in ((heard, before), (now() - timedelta(hours=1), None), (heard, before)):
        leaf.data |= {"last_seen": at if isinstance(at, str) else at.isoformat()}
        leaf.save()
        zone.readings.filter(kind=Kind.NETRIS_PORT).update(read_at=now())
        _read_again(zone, clock)
        assert of("Leaf-1") == (
            expected or {name: "unknown" if word in ("up", "warning") else word for name, word in before.items()}
        )
        assert of("Leaf-2") == other


def test_what_is_gone_goes_and_comes_back_as_itself(zone: Zone, surveyed: Sweep, clock: time_machine.Traveller) -> None:
    leaf = SurveyedDevice.objects.get(zone=zone, name="Leaf-2")
    item = Item.objects.get(zone=zone, kind=Kind.NETRIS_DEVICE, name="Leaf-2")
    data = item.data
    item.delete()
    _read_again(zone, clock)
    assert not SurveyedDevice.objects.filter(zone=zone, name="Leaf-2").exists()

    Item.objects.create(
        zone=zone,
        kind=Kind.NETRIS_DEVICE,
        remote_id=leaf.remote_id,
        name="Leaf-2",
        data=data,
        changed_at=item.changed_at,
    )
    _read_again(zone, clock)
    assert SurveyedDevice.objects.get(zone=zone, name="Leaf-2").pk == leaf.pk


def _read_again(zone: Zone, clock: time_machine.Traveller) -> None:
    clock.shift(1)
    zone.readings.filter(kind=Kind.NETRIS_DEVICE).update(read_at=now())
    assert survey(zone)


def test_a_survey_of_older_readings_writes_nothing(zone: Zone, surveyed: Sweep, clock: time_machine.Traveller) -> None:
    """Two workers judge at once, and the one with the older readings is the last to write."""
    last = Survey.objects.get(zone=zone)
    SurveyedDevice.objects.filter(name="Leaf-1").update(status="critical")
    clock.shift(1)
    Survey.objects.update(devices_read_at=now(), links_read_at=last.links_read_at)

    assert survey(zone) is False
    assert SurveyedDevice.objects.get(name="Leaf-1").status == "critical"


def test_a_session_that_nobody_made_is_missing(zone: Zone, surveyed: Sweep, clock: time_machine.Traveller) -> None:
    assert not SurveyedSession.objects.filter(status="missing").exists()
    Item.objects.filter(zone=zone, kind=Kind.NETRIS_BGP, name="ISP-2-SoftGate-3").delete()
    _read_again(zone, clock)

    [row] = SurveyedSession.objects.filter(status="missing")
    assert (row.router, row.device, row.name) == ("ISP-2", "SoftGate-3", "ISP-2 to SoftGate-3")
    assert row.badness < SurveyedSession.objects.get(name="ISP-1-SoftGate-1").badness


def test_while_netris_is_away_everything_is_stale_and_stays(
    zone: Zone, surveyed: Sweep, world: World, clock: time_machine.Traveller
) -> None:
    world.netris.faults.order("down")
    clock.shift(3600)
    surveyed()

    found = Survey.objects.get(zone=zone)
    for row in SurveyedDevice.objects.filter(zone=zone):
        assert found.word_of(row) == "stale"
    assert found.is_stale(Part.LINK)
    assert SurveyedDevice.objects.filter(zone=zone, status="ok").exists(), "what was found last is kept"


def test_names_are_sorted_as_people_count() -> None:
    names = ["leaf-10", "Leaf-2", "leaf-1", "swp10@leaf-1", "swp9@leaf-1"]
    assert sorted(names, key=sort_key_of) == ["leaf-1", "Leaf-2", "leaf-10", "swp9@leaf-1", "swp10@leaf-1"]


def test_ports_know_what_they_lead_to(zone: Zone, surveyed: Sweep, world: World) -> None:
    ports = {port.name: port for port in SurveyedPort.objects.filter(zone=zone)}

    assert len(ports) == len(world.netris.net.ports.table.rows)
    port = ports["swp1@Leaf-1"]
    assert (port.status, port.far_device, port.far_port, port.device) == ("up", "Server-1", "eth1", "Leaf-1")
    assert port.link_id == SurveyedLink.objects.get(name="swp1@Leaf-1 - eth1@Server-1").remote_id
    assert port.rate == "100 Gbit/s"
    border = SurveyedLink.objects.filter(plane="border", b_device="Leaf-1", a_device="ISP-1").get()
    assert ports[f"{border.b_port}@Leaf-1"].far_device == "ISP-1", "known by the sessions over it"
    assert ports["swp20@Leaf-1"].status == "unused"
    names = SurveyedPort.objects.filter(device="Leaf-1").order_by("sort_key").values_list("short_name", flat=True)
    assert list(names)[9:12] == ["swp9", "swp10", "swp11"]


def test_a_port_that_something_hangs_on_is_down_and_one_that_was_shut_is_not(
    zone: Zone, surveyed: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    order("/devices/Leaf-2/kill")
    clock.shift(600)
    surveyed()

    ports = dict(SurveyedPort.objects.filter(zone=zone).values_list("name", "status"))
    assert ports["eth2@Server-2"] == "down"
    assert ports["eth1@Server-2"] == "up"
    assert ports["swp20@Leaf-1"] == "unused"


def test_subnets_are_those_of_the_system_vpc_with_how_full_they_are(zone: Zone, surveyed: Sweep) -> None:
    rows = SurveyedSubnet.objects.filter(zone=zone).order_by("sort_key")
    by_name = {row.name: row for row in rows}

    pool = by_name["Subnet for Netris Services"]
    assert (str(pool.prefix), pool.type, pool.purpose) == ("198.51.100.0/25", "subnet", "common")
    assert pool.parent_id == by_name["Public Allocation for Netris Services"].remote_id
    loopbacks = by_name["Loopback IP Subnet"]
    assert loopbacks.hosts == 11
    prefixes = [row.prefix for row in rows]
    assert prefixes == sorted(prefixes, key=lambda net: (int(net.network_address), net.prefixlen))


def test_a_subnet_with_more_hosts_than_anybody_counts_keeps_no_other_from_being_surveyed(
    zone: Zone, surveyed: Sweep, clock: time_machine.Traveller
) -> None:
    item = next(
        each
        for each in Item.objects.filter(zone=zone, kind=Kind.NETRIS_BLOCK)
        if '"hosts_count": 11' in dumps(each.data)
    )
    item.data = loads(dumps(item.data).replace('"hosts_count": 11', f'"hosts_count": {2**64}'))
    item.save()
    clock.shift(60)
    Reading.objects.filter(zone=zone).update(read_at=timezone.now())

    assert survey(zone) is True
    assert SurveyedSubnet.objects.get(name="Loopback IP Subnet").hosts is None


def test_an_address_of_a_tenants_vpc_is_counted_where_it_lies_and_is_no_block_of_its_own() -> None:
    inside = [
        {"id": 8, "name": "one", "prefix": "198.51.100.9/32", "purpose": "nat"},
        {"id": 9, "name": "net", "prefix": "198.51.100.16/28"},
    ]
    pool = {"id": 7, "name": "pool", "prefix": "198.51.100.0/25", "children": inside}
    whole = {"id": 1, "name": "all", "prefix": "198.51.100.0/24", "tenant": {"id": 3, "name": "Admin"}}
    allocation = Allocation.model_validate(whole | {"children": [pool]})

    blocks = list(Block.of(allocation))

    assert (blocks[0].tenant.id, blocks[0].tenant.name) == (3, "Admin")

    assert [(block.type, block.id, block.parent, block.addresses) for block in blocks] == [
        ("allocation", 1, "", 0),
        ("subnet", 7, "allocation-1", 1),
        ("subnet", 9, "subnet-7", 0),
    ]


def test_a_hypervisor_is_found_in_cloudstack_by_its_name(
    zone: Zone, surveyed: Sweep, clock: time_machine.Traveller
) -> None:
    hosts = {item.name: item.remote_id for item in Item.objects.filter(zone=zone, kind=Kind.CLOUDSTACK_HOST)}
    assert set(hosts) == {"Server-2", "Server-3", "Server-4"}
    assert dict(SurveyedDevice.objects.exclude(host_id="").values_list("name", "host_id")) == hosts

    Item.objects.filter(name="Server-3", kind=Kind.CLOUDSTACK_HOST).update(name="server-3.cloud.example")
    _read_again(zone, clock)
    assert SurveyedDevice.objects.get(name="Server-3").host_id == hosts["Server-3"]


def test_of_ports_those_alone_are_written_that_are_different_or_hang_on_something_else(
    zone: Zone, surveyed: Sweep, clock: time_machine.Traveller
) -> None:
    def versions() -> dict[str, str]:
        rows = SurveyedPort.objects.filter(zone=zone).extra(select={"version": "xmin::text"})
        return dict(rows.values_list("name", "version"))

    def look() -> set[str]:
        before = versions()
        clock.shift(10)
        zone.readings.filter(kind__in=[Kind.NETRIS_PORT, Kind.NETRIS_LINK, Kind.NETRIS_DEVICE]).update(read_at=now())
        assert survey(zone)
        after = versions()
        return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

    look()  # what was written by the sweep that the last survey has seen is looked at once more
    assert look() == set()

    ports = Item.objects.filter(zone=zone, kind=Kind.NETRIS_PORT)
    item = ports.get(name="swp20@Leaf-1")
    Item.objects.filter(pk=item.pk).update(data=item.data | {"status": "up"}, changed_at=now())
    assert look() == {"swp20@Leaf-1"}
    assert SurveyedPort.objects.get(name="swp20@Leaf-1").status == "up"

    Item.objects.get(zone=zone, kind=Kind.NETRIS_LINK, key="swp1@Leaf-1").delete()
    assert look() == {"swp1@Leaf-1", "eth1@Server-1"}
    assert SurveyedPort.objects.get(name="swp1@Leaf-1").link_id == ""

    ports.filter(name="swp21@Leaf-1").delete()
    assert look() == {"swp21@Leaf-1"}
