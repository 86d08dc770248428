"""Static routes, as a real CloudStack with its plugin treated them: what nobody checks, what goes, what heals."""

from __future__ import annotations

import pytest

from tests.sandbox.cloudstack.client import refusal
from tests.sandbox.traps.scene import REFUSED, told

POST_ROUTE, DELETE_ROUTE = "POST /api/routes", "DELETE /api/routes"
CIDR, HOP = "192.168.7.0/24", "10.10.1.9"
NOT_MADE = {"errorcode": 530, "errortext": "Failed to create static route"}


def asked(scene, cidr=CIDR, hop=HOP):
    return {"vpcid": scene.vpc["id"], "cidr": cidr, "nexthop": hop}


def make(scene, *given):
    return scene.root.job("createStaticRoute", **asked(scene, *given))


def made(scene, *given):
    job = make(scene, *given)
    assert job["jobstatus"] == 1, job
    return job["jobresult"]["staticroute"]


def delete(scene, route):
    return scene.root.job("deleteStaticRoute", id=route["id"])


def known(scene):
    """To CloudStack: destination and state."""
    return sorted((row["cidr"], row["state"]) for row in scene.root.list("listStaticRoutes"))


def on_netris(scene):
    found = scene.netris.get("/api/routes", params={"filterByVpc": scene.netris_vpc}).json()["data"]
    return sorted((row["name"], row["next_hop"]) for row in found)


def foreign(scene, prefix="192.168.99.0/24", vpc=None):
    body = {"prefix": prefix, "next_hop": "10.10.1.9", "site_id": 1, "stateStatus": "active", "switches": []}
    assert scene.netris.post("/api/routes", json={**body, "vpc": {"id": vpc or scene.netris_vpc}}).is_success


# what nobody checks


@pytest.mark.parametrize("hop", ["10.10.1.9", "10.10.1.1", "10.10.200.7"])
def test_any_address_of_the_vpc_is_a_next_hop_the_gateway_and_that_of_no_tier_too(scene, hop):
    assert scene.tier

    made(scene, CIDR, hop)

    assert (known(scene), on_netris(scene)) == ([(CIDR, "Active")], [(CIDR, hop)])


def test_an_address_of_the_router_s_public_range_is_a_next_hop(scene):
    """Seen of 203.0.113.250, in the range that virtual routers have theirs from."""
    made(scene, CIDR, "203.0.113.250")

    assert on_netris(scene) == [(CIDR, "203.0.113.250")]


def test_a_next_hop_anywhere_else_is_refused(scene):
    assert refusal(make, scene, CIDR, "192.0.2.9").status == 431
    assert known(scene) == []


def test_the_range_of_another_vpc_is_a_destination(scene):
    scene.root.vpc("other", cidr="10.99.0.0/16")

    made(scene, "10.99.0.0/16")

    assert on_netris(scene) == [("10.99.0.0/16", HOP)]


def test_host_bits_are_netris_to_refuse(scene):
    assert scene.vpc

    assert make(scene, "192.168.7.1/24")["jobresult"] == NOT_MADE

    assert (known(scene), on_netris(scene)) == ([], [])


@pytest.mark.parametrize("cidr", [CIDR, "192.168.7.128/25", "192.168.0.0/16"])
def test_an_equal_route_and_one_that_overlaps_in_either_direction_are_refused(scene, cidr):
    made(scene)

    found = refusal(make, scene, cidr)

    assert (found.status, found.body["cserrorcode"]) == (537, 9999)


# what goes


def test_tiers_of_a_vpc_without_routes_of_cloudstack_s_leave_foreign_ones_alone(scene):
    assert scene.tier
    foreign(scene)

    other = scene.root.tier(scene.vpc, "db", gateway="10.10.2.1")
    scene.root.done("deleteNetwork", id=other["id"])

    assert on_netris(scene) == [("192.168.99.0/24", HOP)]


def test_routes_of_other_vpcs_are_left_alone(scene):
    scene.root.vpc("other", cidr="10.99.0.0/16")
    (vpc,) = [row["id"] for row in scene.netris.get("/api/v2/vpc").json()["data"] if row["name"].endswith("-other")]
    foreign(scene, vpc=vpc)

    delete(scene, made(scene))

    found = scene.netris.get("/api/routes", params={"filterByVpc": vpc}).json()["data"]
    assert [row["name"] for row in found] == ["192.168.99.0/24"]


# after failure


def test_a_refused_route_is_none_and_heals(scene):
    assert scene.vpc
    scene.refuse(POST_ROUTE)

    assert make(scene)["jobresult"] == NOT_MADE

    assert (known(scene), on_netris(scene)) == ([], [])
    made(scene)


def test_a_route_whose_reply_was_lost_is_there_unknown_and_adopted(scene, spy):
    assert scene.vpc
    scene.world.netris.faults.order("lose_reply", POST_ROUTE, times=2)  # the SDK sends it again
    assert make(scene)["jobresult"] == NOT_MADE
    assert (known(scene), on_netris(scene)) == ([], [(CIDR, HOP)])
    spy.clear()

    made(scene)

    assert (told(spy), known(scene), on_netris(scene)) == ([], [(CIDR, "Active")], [(CIDR, HOP)])


def test_a_route_that_netris_keeps_is_deleting_and_heals(scene):
    route = made(scene)
    scene.refuse(DELETE_ROUTE)

    assert delete(scene, route)["jobresult"]["errorcode"] == 530

    assert (known(scene), on_netris(scene)) == ([(CIDR, "Deleting")], [(CIDR, HOP)])
    assert delete(scene, route)["jobstatus"] == 1
    assert (known(scene), on_netris(scene)) == ([], [])


def test_a_vpc_with_routes_is_not_deleted(scene):
    route = made(scene)
    for _ in range(2):
        assert scene.root.job("deleteVPC", id=scene.vpc["id"])["jobresult"] == REFUSED

    assert delete(scene, route)["jobstatus"] == 1

    scene.root.done("deleteVPC", id=scene.vpc["id"])
