from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import product

import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.fabric.queries import _routers, picture_of
from apps.fabric.rows import DeviceRow, Picture
from apps.mirror.models import Item, Kind
from apps.netris.wire import EBgp
from apps.zones.models import Zone
from sandbox.world import World
from tests.fabric.conftest import Order, Sweep


def device(picture: Picture, name: str) -> DeviceRow:
    return next(row for row in picture.devices if row.name == name)


def test_the_reference_site_is_drawn(zone: Zone, read: Sweep) -> None:
    read()
    picture = picture_of(zone)

    assert [(row.name, row.role) for row in picture.devices] == [
        *((f"SoftGate-{number}", "softgate") for number in (1, 2, 3, 4)),
        ("Spine-1", "spine"),
        ("Spine-2", "spine"),
        ("Leaf-1", "leaf"),
        ("Leaf-2", "leaf"),
        ("Server-1", "server"),
        *((f"Server-{number}", "hypervisor") for number in (2, 3, 4)),
        ("OOB-1", "oob"),
    ]
    assert {row.status for row in picture.devices} == {"ok", "unknown"}
    assert device(picture, "Server-1").status == "unknown"  # it has no agent, whatever Netris calls it
    assert picture.topology is not None
    drawn = {one.id: one for one in picture.topology.devices}
    assert [one.name for one in drawn.values() if one.role == "isp"] == ["ISP-1", "ISP-2"]
    assert drawn[device(picture, "Server-2").id].lines == ["10.0.8.2", "AS 4200000042"]
    assert len(picture.topology.links) == 32 + 4
    assert {link.plane for link in picture.links} == {"border", "underlay", "access", "management"}
    assert {link.status for link in picture.links} == {"up"}
    assert not picture.notices


def test_what_silent_devices_said_last_is_not_taken_for_what_is(zone: Zone, read: Sweep) -> None:
    """Netris may go on calling well what its agents told it long ago."""
    read()
    for item in Item.objects.filter(zone=zone, kind=Kind.NETRIS_DEVICE, name__in=["SoftGate-1", "Leaf-1"]):
        item.data |= {"last_seen": (timezone.now() - timedelta(hours=1)).isoformat()}
        item.save()
    picture = picture_of(zone)

    assert {device(picture, name).status for name in ("SoftGate-1", "Leaf-1")} == {"stale"}
    between = {link.status for link in picture.links if {link.a.device, link.b.device} == {"SoftGate-1", "Leaf-1"}}
    assert between == {"unknown"}
    of = {row.session.device.name: row.status for row in picture.sessions}
    assert (of["SoftGate-1"], of["SoftGate-2"]) == ("unknown", "up")


def test_a_name_may_have_digits_that_are_no_numbers(zone: Zone, read: Sweep) -> None:
    read()
    item = Item.objects.get(zone=zone, kind=Kind.NETRIS_DEVICE, name="OOB-1")
    item.data |= {"name": "OOB-1\N{SUPERSCRIPT TWO}"}
    item.save()
    assert "OOB-1\N{SUPERSCRIPT TWO}" in [row.name for row in picture_of(zone).devices]


def joined(picture: Picture, *roles: str) -> set[frozenset[str]]:
    """Which devices of these two roles the drawing joins by a cable, by name."""
    assert picture.topology is not None
    of = {one.id: one for one in picture.topology.devices}
    pairs = [(of[link.a], of[link.b]) for link in picture.topology.links]
    return {frozenset((a.name, b.name)) for a, b in pairs if sorted((a.role, b.role)) == sorted(roles)}


def each_with_each(ones: Iterable[str], others: Iterable[str]) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in product(ones, others)}


LEAVES, SPINES, ISPS = ("Leaf-1", "Leaf-2"), ("Spine-1", "Spine-2"), ("ISP-1", "ISP-2")
GATES = [f"SoftGate-{number}" for number in (1, 2, 3, 4)]
SERVERS = [f"Server-{number}" for number in (1, 2, 3, 4)]


def test_the_cables_are_those_of_the_architecture(zone: Zone, read: Sweep) -> None:
    read()
    picture = picture_of(zone)

    # Leaf switches are connected to external networks, to the spines, the compute nodes and the SoftGates.
    assert joined(picture, "leaf", "isp") == each_with_each(LEAVES, ISPS)
    assert joined(picture, "leaf", "spine") == each_with_each(LEAVES, SPINES)
    assert joined(picture, "leaf", "softgate") == each_with_each(LEAVES, GATES)
    assert joined(picture, "leaf", "hypervisor") == each_with_each(LEAVES, SERVERS[1:])
    assert joined(picture, "leaf", "server") == each_with_each(LEAVES, SERVERS[:1])
    # The out-of-band switch connects all servers, and what is managed besides; the routers are not ours.
    inside = [*LEAVES, *SPINES, *GATES, *SERVERS]
    roles = ("leaf", "spine", "softgate", "server", "hypervisor")
    assert set.union(*(joined(picture, "oob", role) for role in roles)) == each_with_each(["OOB-1"], inside)
    assert picture.topology is not None
    assert len(picture.topology.links) == 4 + 4 + 8 + 6 + 2 + 12  # and there are no others


def test_sessions_are_drawn_apart_from_cables(zone: Zone, read: Sweep) -> None:
    read()
    picture = picture_of(zone)

    assert picture.topology is not None
    names = {one.id: one.name for one in picture.topology.devices}
    drawn = [frozenset((names[one.router], names[one.device])) for one in picture.topology.sessions]
    assert set(drawn) == each_with_each(ISPS, [*LEAVES, *GATES])
    assert len(drawn) == 12
    assert {one.status for one in picture.topology.sessions} == {"up"}


def test_a_border_cable_is_judged_by_the_port_that_it_is_plugged_into(
    zone: Zone, read: Sweep, order: Order, world: World, clock: time_machine.Traveller
) -> None:
    port = world.netris.net.ports.one("name", "swp30@Leaf-1")
    assert port is not None
    order("/change", table="port", id=port["id"], fields={"carrier": False})
    clock.shift(45)
    read()
    picture = picture_of(zone)

    border = {
        (row.a.device, f"{row.b.port}@{row.b.device}"): row.status for row in picture.links if row.plane == "border"
    }
    assert border == {
        ("ISP-1", "swp29@Leaf-1"): "up",
        ("ISP-1", "swp29@Leaf-2"): "up",
        ("ISP-2", "swp30@Leaf-1"): "down",
        ("ISP-2", "swp30@Leaf-2"): "up",
    }
    assert {row.session.name for row in picture.sessions if row.status == "down"} == {"ISP-2-Leaf-1"}


def test_a_session_without_a_port_of_ours_is_drawn_without_a_cable(zone: Zone, read: Sweep) -> None:
    read()
    for item in Item.objects.filter(zone=zone, kind=Kind.NETRIS_BGP):
        item.data["port"] = {"id": None, "name": ""}
        item.save()
    picture = picture_of(zone)

    assert "border" not in {row.plane for row in picture.links}
    assert picture.topology is not None
    assert len(picture.topology.sessions) == 12


def test_the_picture_costs_six_queries(
    zone: Zone, read: Sweep, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    read()
    with django_assert_num_queries(6):
        picture_of(zone)


def test_a_dead_leaf_is_critical_and_so_are_its_cables(
    zone: Zone, read: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    order("/devices/Leaf-2/kill")
    clock.shift(300)
    read()
    picture = picture_of(zone)

    assert device(picture, "Leaf-2").status == "critical"
    assert device(picture, "Leaf-2").reasons == ["inactive: no agent contact"]
    assert device(picture, "Spine-1").status == "warning"
    assert device(picture, "Spine-1").reasons == ("because of Leaf-2",)
    cables = [link for link in picture.links if "Leaf-2" in (link.a.device, link.b.device)]
    # Server-1 and the routers have no agent, so nobody can tell about their cables.
    silent = {"Server-1", "ISP-1", "ISP-2"}
    assert {link.status for link in cables if not silent & {link.a.device, link.b.device}} == {"down"}
    assert {link.status for link in cables if silent & {link.a.device, link.b.device}} == {"unknown"}
    down = {row.session.name for row in picture.sessions if row.status == "down"}
    assert down == {"ISP-1-Leaf-2", "ISP-2-Leaf-2", *(f"ISP-2-SoftGate-{number}" for number in (1, 2, 3, 4))}
    assert picture.topology is not None
    # Each router still has its sessions through the other leaf.
    isps = [one for one in picture.topology.devices if one.role == "isp"]
    assert [(one.name, one.status, one.lines[-1]) for one in isps] == [
        ("ISP-1", "warning", "5 of 6 sessions"),
        ("ISP-2", "warning", "1 of 6 sessions"),
    ]


def test_maintenance_is_shown_as_that(zone: Zone, read: Sweep, order: Order) -> None:
    order("/change", table="hw", id=8, fields={"maintenanceMode": True})
    read()
    assert device(picture_of(zone), "SoftGate-4").status == "maintenance"


def test_a_peer_that_hangs_up_is_down(zone: Zone, read: Sweep, order: Order) -> None:
    order("/change", table="ebgp", id=3, fields={"peerState": "Idle"})
    read()
    rows = {row.session.name: row for row in picture_of(zone).sessions}

    assert (rows["ISP-1-SoftGate-3"].status, rows["ISP-1-SoftGate-3"].label) == ("down", "Idle")
    assert rows["ISP-1-SoftGate-1"].status == "up"


def test_a_stale_picture_has_no_green_in_it(
    zone: Zone, read: Sweep, world: World, clock: time_machine.Traveller
) -> None:
    read()
    world.netris.faults.order("down")
    clock.shift(600)
    read()
    picture = picture_of(zone)

    assert picture.topology is not None
    assert {one.status for one in picture.topology.devices} == {"stale"}
    assert {link.status for link in picture.topology.links} == {"unknown"}
    assert {row.status for row in picture.sessions} == {"unknown"}
    assert all(tally.value == 0 for tally in picture.tallies)
    [notice] = picture.notices
    assert notice.title == "Netris does not answer"
    assert "could not be reached" in notice.text


def test_a_list_that_is_refused_is_named(zone: Zone, read: Sweep, world: World) -> None:
    world.netris.faults.order("refuse", "GET /api/v2/link", text="You may not see links.")
    read()
    picture = picture_of(zone)

    [notice] = picture.notices
    assert (notice.title, notice.text) == ("Links in Netris could not be read", "You may not see links.")
    assert len(picture.devices) == 13


def test_without_a_reading_there_is_no_picture(zone: Zone) -> None:
    picture = picture_of(zone)
    assert picture.is_empty
    assert picture.topology is None


def test_devices_of_another_site_are_left_out(zone: Zone, read: Sweep) -> None:
    read()
    other = Item.objects.get(zone=zone, kind=Kind.NETRIS_DEVICE, name="Server-4")
    other.data["site"] = {"id": 2, "name": "elsewhere"}
    other.save()
    picture = picture_of(zone)

    assert "Server-4" not in {row.name for row in picture.devices}
    assert picture.topology is not None
    known = {one.id for one in picture.topology.devices}
    assert all({link.a, link.b} <= known for link in picture.topology.links)


def test_a_site_that_netris_does_not_know_is_said(zone: Zone, read: Sweep) -> None:
    read()
    zone.netris_site = "nowhere"
    picture = picture_of(zone)

    assert len(picture.devices) == 13
    assert "nowhere" in picture.notices[0].text


def a_session(number: int, name: str, device: str, asn: int | None) -> EBgp:
    facts = {"id": number, "name": name, "hardware": {"id": number, "name": device}, "neighbor_as": asn}
    return EBgp.model_validate(facts)


def names_of_routers(*sessions: EBgp) -> list[str]:
    routers = _routers(sessions)
    return [routers[session.id].name for session in sessions]


def test_routers_are_found_in_the_names_of_sessions() -> None:
    assert names_of_routers(
        a_session(1, "transit-a sg1", "sg1", 64500),
        a_session(2, "transit-a sg2", "sg2", 64500),
        a_session(3, "transit-b sg1", "sg1", 64500),
        a_session(4, "transit-b sg2", "sg2", 64500),
    ) == ["transit-a", "transit-a", "transit-b", "transit-b"]


def test_names_that_tell_nothing_leave_the_as() -> None:
    assert names_of_routers(
        a_session(1, "red", "sg1", 64500), a_session(2, "blue", "sg2", 64500), a_session(3, "sg1", "sg1", 64501)
    ) == ["AS 64500", "AS 64500", "AS 64501"]
    assert names_of_routers(a_session(1, "", "sg1", None)) == ["Unknown AS"]
