from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.mirror import queries
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.services import refresh_due
from apps.zones.clouds import OpenClouds
from apps.zones.models import Zone


def a_reading(zone: Zone, kind: Kind, *, seconds_ago: float = 1, **fields: object) -> Reading:
    read_at = timezone.now() - timedelta(seconds=seconds_ago)
    return Reading.objects.create(zone=zone, kind=kind, read_at=read_at, **fields)


def an_item(zone: Zone, kind: Kind, remote_id: object, **data: object) -> Item:
    return Item.objects.create(
        zone=zone, kind=kind, remote_id=str(remote_id), data={"id": str(remote_id), **data}, changed_at=timezone.now()
    )


def test_rows_come_back_as_the_clients_types(zone: Zone, clouds_of: OpenClouds) -> None:
    refresh_due(clouds_of)
    clouds = clouds_of(zone)

    assert queries.devices(zone) == sorted(clouds.netris.devices(), key=lambda device: device.name)
    cables = {each.id: (each.local, each.remote, each.underlay) for each in queries.cables(zone)}
    links = clouds.netris.links()
    assert cables == {link.id: (link.local.name, link.remote.name, link.underlay) for link in links}
    assert {cable[2] for cable in cables.values()} == {True, False}
    assert len(queries.bgp_sessions(zone)) == 12


def test_the_standing_of_a_device_is_all_that_is_wrong_with_it_and_which_of_its_ports_are_up(
    zone: Zone, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def check(name: str, status: str, port: str = "") -> dict[str, str]:
        return {"name": name, "status": status, "port": port, "message": f"{name} {port} {status}"}

    checks = [
        check("check_disk", "OK"),
        check("check_load", "Warning"),
        check("check_port", "ok", "swp1"),
        check("check_port", "UP", "swp2@Leaf-1"),
        check("check_port", "critical", "swp3"),
        check("check_port", "Singing", "swp4"),
    ]
    an_item(zone, Kind.NETRIS_DEVICE, 7, name="Leaf-1", asn=65001, checks=checks, links=[{"id": 1}])
    an_item(zone, Kind.NETRIS_DEVICE, 8, name="Leaf-2")
    with django_assert_num_queries(1):
        first, second = queries.standing(zone)

    assert [(each.name, each.status) for each in first.device.checks] == [
        ("check_load", "Warning"),
        ("check_port", "critical"),
        ("check_port", "Singing"),
    ]
    assert (first.device.name, first.device.asn, first.device.links) == ("Leaf-1", 65001, ())
    assert first.ports_up == ["swp1", "swp2@Leaf-1"]
    assert (second.device.name, second.device.checks, second.ports_up) == ("Leaf-2", (), [])


@pytest.mark.parametrize(("seconds_ago", "is_stale"), [(0, False), (45, False), (46, True), (3600, True)])
def test_a_reading_is_stale_after_three_intervals(zone: Zone, seconds_ago: float, is_stale: bool) -> None:
    assert a_reading(zone, Kind.NETRIS_DEVICE, seconds_ago=seconds_ago).is_stale is is_stale


def test_what_was_never_read_is_stale(zone: Zone, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    a_reading(zone, Kind.NETRIS_DEVICE)
    with django_assert_num_queries(1):
        readings = queries.readings(zone)

    assert set(readings) == set(Kind)
    assert not readings[Kind.NETRIS_DEVICE].is_stale
    assert readings[Kind.NETRIS_LINK].is_stale
    assert readings[Kind.NETRIS_LINK].read_at is None
    assert queries.reading(zone, Kind.NETRIS_LINK).is_stale


def test_the_states_of_many_networks_cost_one_query(
    zone: Zone, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    reading = a_reading(zone, Kind.CLOUDSTACK_NETWORK)
    awake, asleep, unlisted = uuid4(), uuid4(), uuid4()
    an_item(zone, Kind.CLOUDSTACK_NETWORK, awake, state="Implemented")
    an_item(zone, Kind.CLOUDSTACK_NETWORK, asleep, state="Allocated")
    an_item(zone, Kind.NETRIS_VPC, unlisted, state="Implemented")

    with django_assert_num_queries(1):
        states = queries.network_states([awake, asleep, unlisted])

    assert states == {str(awake): ("Implemented", reading.read_at), str(asleep): ("Allocated", reading.read_at)}


def test_pictures_of_several_lists_cost_one_query(
    zone: Zone, clock: time_machine.Traveller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    reading = a_reading(zone, Kind.NETRIS_VNET, seconds_ago=61, error="Netris could not be reached")
    vpcs_read = a_reading(zone, Kind.NETRIS_VPC)
    for number in (7, 8, 9):
        an_item(zone, Kind.NETRIS_VNET, number, id=number)
        an_item(zone, Kind.NETRIS_VPC, number, id=number, name=f"vpc {number}")
    Item.objects.filter(kind=Kind.NETRIS_VNET, remote_id="9").update(key="1000009")
    Item.objects.filter(kind=Kind.NETRIS_VPC, remote_id="8").update(read_at=timezone.now() + timedelta(seconds=1))
    vnets, vpcs = queries.Wanted([7, None], ["1000009"]), queries.Wanted([7, 8])

    with django_assert_num_queries(1):
        found = queries.pictures(
            zone, {Kind.NETRIS_VNET: vnets, Kind.NETRIS_VPC: vpcs, Kind.NETRIS_NAT: queries.Wanted()}
        )

    assert found[Kind.NETRIS_VNET].seen.keys() == {"7", "9"}
    assert (found[Kind.NETRIS_VNET].read_at, found[Kind.NETRIS_VNET].is_stale) == (reading.read_at, True)
    assert found[Kind.NETRIS_VNET].error == "Netris could not be reached"
    assert [(seen.row.name, seen.at) for seen in found[Kind.NETRIS_VPC].seen.values()] == [
        ("vpc 7", vpcs_read.read_at),
        ("vpc 8", timezone.now() + timedelta(seconds=1)),  # read by its id after the list
    ]
    assert (found[Kind.NETRIS_NAT].read_at, found[Kind.NETRIS_NAT].is_stale) == (None, True)
