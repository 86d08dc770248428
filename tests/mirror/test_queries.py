from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
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
    assert {link.id: link for link in queries.links(zone)} == {link.id: link for link in clouds.netris.links()}
    assert len(queries.bgp_sessions(zone)) == 8


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


def test_presence_says_what_the_remote_lists_and_since_when(
    zone: Zone, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    reading = a_reading(zone, Kind.NETRIS_VNET, seconds_ago=61, error="Netris could not be reached")
    an_item(zone, Kind.NETRIS_VNET, 7)
    an_item(zone, Kind.NETRIS_VPC, 8)

    with django_assert_num_queries(1):
        presence = queries.presence(zone, Kind.NETRIS_VNET, [7, 8])

    assert 7 in presence
    assert 8 not in presence
    assert (presence.read_at, presence.is_stale) == (reading.read_at, True)
    assert presence.error == "Netris could not be reached"


def test_nothing_is_present_in_a_list_that_was_never_read(zone: Zone) -> None:
    presence = queries.presence(zone, Kind.NETRIS_VNET, [7])

    assert 7 not in presence
    assert presence.read_at is None
    assert presence.is_stale
