"""The inventory over REST, on the reference site."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.fabric.models import SurveyedDevice
from apps.zones.models import Zone
from sandbox.world import World
from tests import builders
from tests.api.conftest import Api
from tests.fabric.conftest import Order, Sweep


@pytest.fixture
def platform(db: None) -> Api:
    return Api(builders.a_token(None))


def listed(api: Api, path: str) -> list[dict[str, Any]]:
    answer = api.get(path)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def named(api: Api, path: str, name: str) -> dict[str, Any]:
    return next(row for row in listed(api, path) if row["name"] == name)


def test_a_device_says_what_it_is_and_how_it_stands(platform: Api, zone: Zone, surveyed: Sweep) -> None:
    row = named(platform, "/fabric/devices/?limit=500", "SoftGate-1")

    assert row["role"] == "softgate"
    assert row["softgate_role"] == "general"
    assert row["status"] == "ok"
    assert row["pair"] == "Leaf-1 + Leaf-2"
    assert row["loopback"] == "10.0.4.1"
    assert row["management_address"] == "10.10.10.121"
    assert row["asn"] == 4200000021
    assert row["zone"] == {"id": str(zone.pk), "name": zone.name}
    assert row["read_at"] is not None
    assert platform.get(f"/fabric/devices/{row['id']}/").json() == row
    server = named(platform, "/fabric/devices/?role=hypervisor", "Server-2")
    assert server["host_id"]
    assert server["reasons"] == []


def test_what_hangs_together_refers_to_each_other_by_id(platform: Api, surveyed: Sweep) -> None:
    device = named(platform, "/fabric/devices/?role=leaf", "Leaf-1")
    link = named(platform, f"/fabric/links/?device={device['id']}&limit=500", "swp1@Leaf-1 - eth1@Server-1")
    assert {"id": device["id"], "name": "Leaf-1", "port": "swp1"} in link["ends"]
    [port] = listed(platform, f"/fabric/ports/?device={device['id']}&q=swp1%40leaf-1")[:1]
    assert port["link_id"] == link["id"]
    assert port["leads_to"]["name"] == "Server-1"
    assert port["device"] == {"id": device["id"], "name": "Leaf-1"}
    session = named(platform, f"/fabric/sessions/?device={device['id']}", "ISP-1-Leaf-1")
    assert session["router"]["name"] == "ISP-1"
    assert session["bgp_state"] == "Established"
    border = listed(platform, "/fabric/links/?plane=border")
    assert all(link["ends"][0]["id"] is None for link in border), "an ISP's router is no device"
    pool = named(platform, "/fabric/subnets/", "Subnet for Netris Services")
    around = named(platform, "/fabric/subnets/?type=allocation", "Public Allocation for Netris Services")
    assert pool["parent_id"] == around["id"]
    assert pool["prefix"] == "198.51.100.0/25"


def test_a_reason_is_told_and_what_follows_from_a_silent_device(
    platform: Api, surveyed: Sweep, order: Order, clock: time_machine.Traveller
) -> None:
    order("/devices/Leaf-2/kill")
    clock.shift(600)
    surveyed()

    leaf = named(platform, "/fabric/devices/?status=critical", "Leaf-2")
    assert leaf["reasons"]
    assert {row["because"] for row in listed(platform, "/fabric/links/?status=down")} == {"Leaf-2"}


def test_what_is_too_old_is_stale(platform: Api, surveyed: Sweep, world: World, clock: time_machine.Traveller) -> None:
    world.netris.faults.order("down")
    clock.shift(3600)
    surveyed()

    for what in ("devices", "links", "sessions", "ports", "subnets"):
        rows = listed(platform, f"/fabric/{what}/?limit=500")
        assert {row["status"] for row in rows} == {"stale"}, what
        assert listed(platform, f"/fabric/{what}/?status=stale")
        assert not listed(platform, f"/fabric/{what}/?status={'ok' if what in ('devices', 'subnets') else 'up'}")


@pytest.mark.parametrize("what", ["devices", "links", "sessions", "ports", "subnets"])
def test_a_list_is_walked_through_by_cursor_and_nothing_comes_twice(platform: Api, surveyed: Sweep, what: str) -> None:
    path, seen = f"/fabric/{what}/?limit=7", []
    while path:
        answer = platform.get(path).json()
        seen += [row["id"] for row in answer["results"]]
        path = answer["next"] and answer["next"].partition("/api/v1")[2]

    assert len(seen) == len(set(seen)) == len(listed(platform, f"/fabric/{what}/?limit=500"))


@pytest.mark.parametrize(
    ("what", "cost"), [("devices", 4), ("links", 3), ("sessions", 4), ("ports", 3), ("subnets", 3)]
)
def test_a_list_costs_the_same_however_long_it_is(
    platform: Api, surveyed: Sweep, what: str, cost: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """The token; the page; the surveys; and what Netris sent of it."""
    listed(platform, f"/fabric/{what}/")  # the first use of a token is written down
    for limit in (1, 500):
        with django_assert_num_queries(cost):
            listed(platform, f"/fabric/{what}/?limit={limit}")


def test_a_thing_keeps_its_id(platform: Api, zone: Zone, surveyed: Sweep) -> None:
    before = {row["name"]: row["id"] for row in listed(platform, "/fabric/devices/")}
    SurveyedDevice.objects.all().delete()
    zone.survey.delete()
    surveyed()

    assert {row["name"]: row["id"] for row in listed(platform, "/fabric/devices/")} == before


def test_its_name_in_the_address_is_the_one_that_scripts_rely_on(db: None) -> None:
    for name in ("devices", "ports", "links", "sessions", "subnets"):
        assert reverse(f"api:fabric-{name}") == f"/api/v1/fabric/{name}/"
