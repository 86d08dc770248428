"""Machines that move into a tier by order."""

import pytest

from tests.sandbox.control import order


@pytest.fixture
def tier(acme):
    return acme.tier(acme.vpc())


def instances(caller):
    found = caller.list("listVirtualMachines")
    return sorted((vm["name"], vm["state"], len(vm["nic"][0]["secondaryip"])) for vm in found)


def test_machines_move_in_running_for_the_tiers_owner(root, acme, tier):
    ids = order(root.http, "instances", network=tier["id"], count=2, name="web", secondary=1)["ids"]

    assert instances(acme) == [("web-1", "Running", 1), ("web-2", "Running", 1)]
    assert {vm["id"] for vm in acme.list("listVirtualMachines")} == set(ids)
    assert acme.list("listNetworks", id=tier["id"])[0]["state"] == "Implemented"


def test_stopped_machines_have_run_once_and_new_ones_never(root, acme, tier, world):
    order(root.http, "instances", network=tier["name"], state="stopped", name="idle")
    order(root.http, "instances", network=tier["name"], state="new", name="cold")
    root("listZones")

    assert instances(acme) == [("cold-1", "Stopped", 0), ("idle-1", "Stopped", 0)]
    has_run = {row["name"]: bool(row.get("first_started")) for row in world.cloudstack.cloud.table("vm")}
    assert has_run == {"idle-1": True, "cold-1": False}


def test_who_waits_moves_in_when_the_tier_is_there(root, acme):
    vpc = acme.vpc()
    assert order(root.http, "instances", network="web", count=2, wait=True) == {"ids": []}
    root("listZones")
    assert instances(acme) == []

    acme.tier(vpc, "web")

    root("listZones")
    assert [name for name, *_ in instances(acme)] == ["vm-1", "vm-2"]
    root("listZones")
    assert len(instances(acme)) == 2


def test_who_waits_survives_a_fault(root, acme, world):
    vpc = acme.vpc()
    order(root.http, "instances", network="web", count=2, wait=True)
    world.cloudstack.faults.order("down", "deployVirtualMachine", times=1)
    acme.tier(vpc, "web")

    for _ in range(2):
        root("listZones")

    assert [name for name, *_ in instances(acme)] == ["vm-1", "vm-2"]


def test_names_go_on_where_they_ended(root, acme, tier):
    for _ in range(2):
        order(root.http, "instances", network=tier["id"], name="web")

    assert [name for name, *_ in instances(acme)] == ["web-1", "web-2"]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"network": "nowhere"}, "no tier nowhere"),
        ({"network": 7}, "uuid or the name"),
        ({"count": 0.5}, "whole number"),
        ({"count": 251}, "up to 250"),
        ({"secondary": -1}, "whole number"),
        ({"state": "asleep"}, "running, stopped, new"),
        ({"name": "Web 1"}, "host name"),
        ({"wait": "yes"}, "true or false"),
        ({"many": 3}, "is unknown"),
    ],
)
def test_an_order_that_makes_no_sense_is_a_400_with_its_reason(root, acme, tier, wrong, word):
    response = root.http.post("/_sandbox/instances", json={"network": tier["id"], **wrong})

    assert (response.status_code, word in response.json()["message"]) == (400, True)
    assert instances(acme) == []


def test_a_tier_without_room_says_so(root, acme):
    small = acme.tier(acme.vpc(), "small", gateway="10.10.3.1", netmask="255.255.255.248")

    response = root.http.post("/_sandbox/instances", json={"network": small["id"], "count": 9})

    assert (response.status_code, "address" in response.json()["message"].lower()) == (400, True)
