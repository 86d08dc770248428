"""Nothing of a VPC or a tier is left on either side, whatever CloudStack's plugin did and did not take away."""

from __future__ import annotations

from ipaddress import IPv4Network

import httpx
import pytest
from django.utils import timezone

from apps.networks.models import Vpc
from apps.networks.recipes import CREATION_LASTS
from apps.networks.services import create_tier, create_vpc, delete_tier, delete_vpc
from apps.networks.specs import TierSpec
from apps.operations.services import cancel, retry
from apps.operations.state import Phase
from tests.builders import BY, a_vpc_spec
from tests.conftest import LOGIN
from tests.questions import Killed
from tests.sandbox.cloudstack.client import root_of

pytestmark = pytest.mark.usefixtures("accounts")

WEB, DB = TierSpec("web", IPv4Network("10.20.0.0/24")), TierSpec("db", IPv4Network("10.20.1.0/24"))


@pytest.fixture
def vpc(acme, zone, run, accounts):
    assert run(create_vpc(acme, a_vpc_spec(zone, tiers=(WEB,)), by=BY)).phase == Phase.SUCCEEDED
    return Vpc.unscoped.get()


@pytest.fixture
def netris(world):
    client = httpx.Client(transport=world.netris_transport(), base_url="http://netris.test")
    user, password = LOGIN
    client.post("/api/auth", json={"user": user, "password": password, "auth_scheme_id": 1}).raise_for_status()
    return client


def refuse(world, call, **more):
    world.netris.faults.order("refuse", call, **more)


def rows(netris, path, vpc):
    spelled = "filterByVpc[]" if path == "/api/acl" else "filterByVpc"
    return netris.get(path, params={spelled: vpc.netris_id}).json()["data"]


def ranges(netris, vpc):
    return sorted(row["prefix"] for row in rows(netris, "/api/v2/ipam/subnets", vpc) if row["purpose"] == "common")


def prefix_of(netris, vpc):
    """What the plugin calls this VPC's things: `D2-A3-Z1-V1`."""
    (row,) = [row for row in netris.get("/api/v2/vpc").json()["data"] if row["id"] == vpc.netris_id]
    return row["name"].removesuffix(f"-{vpc.remote_name}")


def plant_subnet(netris, vpc, prefix, name=None):
    body = {"name": name or f"{prefix_of(netris, vpc)}-{prefix}", "prefix": prefix, "purpose": "common"}
    body |= {"vpc": {"id": vpc.netris_id}, "tenant": {"id": 1}, "sites": [{"id": 1}]}
    assert netris.post("/api/v2/ipam/subnet", json=body).is_success


def plant_acl(netris, vpc, name):
    body = {"name": name, "action": "permit", "src_prefix": "0.0.0.0/0", "dst_prefix": "10.20.0.0/24", "proto": "tcp"}
    body |= {f"{side}_port_{end}": 22 for side in ("src", "dst") for end in ("from", "to")}
    assert netris.post("/api/acl", json=body | {"vpc": {"id": vpc.netris_id}}).is_success


# --- tiers


@pytest.mark.parametrize("step", ["POST /api/v2/ipam/subnet", "POST /api/v2/vnet"])
def test_a_tier_refused_by_netris_and_made_again_with_the_same_range_w2(vpc, run, world, netris, step):
    before = world.what_is_left()
    refuse(world, step)
    operation = run(create_tier(vpc, DB, by=BY))
    assert operation.phase == Phase.ROLLED_BACK
    assert ranges(netris, vpc) == ["10.20.0.0/24"]
    assert world.what_is_left() == before

    world.netris.faults.clear()
    assert run(create_tier(vpc, DB, by=BY)).phase == Phase.SUCCEEDED
    assert ranges(netris, vpc) == ["10.20.0.0/24", "10.20.1.0/24"]


def test_a_vnet_that_was_made_without_a_reply_goes_with_its_tier_w2(vpc, run, world):
    before = world.what_is_left()
    world.netris.faults.order("lose_reply", "POST /api/v2/vnet")

    assert run(create_tier(vpc, DB, by=BY)).phase == Phase.ROLLED_BACK
    assert world.what_is_left() == before


def test_what_a_tier_of_earlier_days_left_is_no_hindrance_w2(vpc, run, netris):
    plant_subnet(netris, vpc, "10.20.1.0/24")

    assert run(create_tier(vpc, DB, by=BY)).phase == Phase.SUCCEEDED


def test_a_tier_whose_creation_may_still_go_on_keeps_what_it_has_made_w2(vpc, run, world, netris, watch):
    """Nobody heard what came of it, and CloudStack shows it only when it is done: its subnet is on Netris before."""
    started, seen = timezone.now(), []
    refuse(world, "POST /api/v2/vnet", times=1)
    watch.meanwhile("createNetwork", lambda: watch.disturb(1, "killed after"))
    watch.meanwhile("DELETE /api/v2/ipam/subnet/{id}", lambda: seen.append(timezone.now() - started))
    operation = create_tier(vpc, DB, by=BY)
    with pytest.raises(Killed):
        run(operation)

    operation = run(operation)

    assert operation.phase == Phase.SUCCEEDED
    assert seen and seen[0] >= CREATION_LASTS


def test_a_cancelled_tier_whose_creation_may_still_go_on_is_waited_for_w2(vpc, run, world, netris, watch):
    started, seen = timezone.now(), []
    refuse(world, "POST /api/v2/vnet", times=1)
    watch.meanwhile("createNetwork", lambda: watch.disturb(1, "killed after"))
    watch.meanwhile("DELETE /api/v2/ipam/subnet/{id}", lambda: seen.append(timezone.now() - started))
    operation = create_tier(vpc, DB, by=BY)
    with pytest.raises(Killed):
        run(operation)
    cancel(operation, by=BY)

    assert run(operation).phase == Phase.CANCELLED
    assert seen and seen[0] >= CREATION_LASTS
    assert ranges(netris, vpc) == ["10.20.0.0/24"]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("storage", "10.20.1.0/24"), ("storage", "10.20.1.128/25"), ("D1-A1-Z1-V999-x", "10.20.1.0/24")],
)
def test_what_somebody_else_made_in_the_range_is_named_and_left_alone(vpc, run, netris, name, prefix):
    plant_subnet(netris, vpc, "10.20.1.0/24", None if prefix != "10.20.1.0/24" else name)
    if prefix != "10.20.1.0/24":
        plant_subnet(netris, vpc, prefix, name)
    before = ranges(netris, vpc)

    operation = run(create_tier(vpc, DB, by=BY))

    assert operation.phase == Phase.STUCK, "its range is not free, and not Weft's to free"
    assert name in operation.error
    assert ranges(netris, vpc) == before


def test_a_deleted_tier_whose_plugin_left_its_subnet_leaves_none(vpc, run, world, netris):
    """CloudStack forgets the tier, for whatever reason, and its plugin did not get far."""
    tier = vpc.tiers.get()
    cloud = world.cloudstack.cloud
    cloud.remove("network", cloud.get("network", str(tier.cloudstack_id)))

    assert run(delete_tier(tier, by=BY)).phase == Phase.SUCCEEDED
    assert ranges(netris, vpc) == []
    assert rows(netris, "/api/v2/vnet", vpc) == []


def test_a_leftover_that_netris_keeps_is_named_w2(vpc, run, world, netris):
    refuse(world, "POST /api/v2/vnet")
    refuse(world, "DELETE /api/v2/ipam/subnet/{id}")

    operation = run(create_tier(vpc, DB, by=BY))
    assert operation.phase == Phase.STUCK
    world.netris.faults.clear()
    operation = run(retry(operation, by=BY))

    assert operation.phase == Phase.ROLLED_BACK
    assert "unable to create Netris network" in operation.error, "the reason of the refusal, and not of the clean-up"
    assert ranges(netris, vpc) == ["10.20.0.0/24"]


# --- VPCs


def test_a_vpc_that_cloudstack_forgot_is_taken_off_netris(vpc, run, world, netris):
    cloud = world.cloudstack.cloud
    for kind in ("network", "vpc"):
        for row in list(cloud.table(kind)):
            if not row.get("is_system"):
                cloud.remove(kind, row)

    assert run(delete_vpc(vpc, by=BY)).phase == Phase.SUCCEEDED
    assert [row["name"] for row in netris.get("/api/v2/vpc").json()["data"] if not row["isSystem"]] == []
    assert not [row for row in netris.get("/api/v2/nat").json()["data"] if vpc.remote_name in row["name"]]


def test_a_forgotten_vpc_that_holds_what_others_made_is_left_alone_and_said(vpc, run, world, netris):
    plant_subnet(netris, vpc, "10.20.9.0/24", "storage")
    cloud = world.cloudstack.cloud
    for kind in ("network", "vpc"):
        for row in list(cloud.table(kind)):
            if not row.get("is_system"):
                cloud.remove(kind, row)

    operation = run(delete_vpc(vpc, by=BY))

    assert operation.phase == Phase.STUCK
    assert "storage" in operation.error
    assert "10.20.9.0/24" in ranges(netris, vpc)


def test_acls_of_tiers_that_are_gone_do_not_keep_a_vpc_w7(vpc, run, world, netris):
    before = [left for left in world.what_is_left() if left.startswith("cloudstack account")]
    plant_acl(netris, vpc, f"{prefix_of(netris, vpc)}-N7-ACL33-1")

    assert run(delete_vpc(vpc, by=BY)).phase == Phase.SUCCEEDED
    assert [left for left in world.what_is_left() if not left.startswith("cloudstack domain")] == before


def test_a_vpc_that_could_not_be_made_nor_cleared_away_is_removed_w16(acme, zone, run, world):
    refuse(world, "POST /api/v2/nat")
    refuse(world, "DELETE /api/v2/vpc/{id}", times=1)

    operation = run(create_vpc(acme, a_vpc_spec(zone), by=BY))

    assert operation.phase == Phase.ROLLED_BACK
    assert operation.error
    assert world.are_empty()


def test_an_inactive_vpc_is_deleted_w16(vpc, run, world):
    table = world.cloudstack.cloud.table("vpc")
    table.change(next(iter(table)), state="Inactive")

    assert run(delete_vpc(vpc, by=BY)).phase == Phase.SUCCEEDED
    assert world.are_empty()


# --- static routes that somebody made in CloudStack (W6)


@pytest.fixture
def routes(vpc, world):
    root, jobs = root_of(world), world.cloudstack.jobs
    jobs.seconds, usual = 0.0, jobs.seconds
    for number in (10, 11):
        given = {"cidr": f"192.168.{number}.0/24", "nexthop": f"10.20.0.{number}"}
        root.done("createStaticRoute", vpcid=vpc.cloudstack_id, **given)
    jobs.seconds = usual


@pytest.mark.usefixtures("routes")
def test_a_vpc_goes_with_the_routes_that_others_made_in_it_w6(vpc, run, world, watch):
    watch.calls.clear()

    assert run(delete_vpc(vpc, by=BY)).phase == Phase.SUCCEEDED
    assert world.are_empty()
    orders = [call for _, call in watch.calls if call.startswith("delete")]
    assert orders == ["deleteStaticRoute", "deleteStaticRoute", "deleteNetwork", "deleteVPC"]


@pytest.mark.usefixtures("routes")
def test_a_tier_goes_with_the_routes_through_it_w6(vpc, run, world):
    before = world.cloudstack.cloud.table("staticroute")
    assert len(before) == 2

    assert run(delete_tier(vpc.tiers.get(), by=BY)).phase == Phase.SUCCEEDED
    assert len(world.cloudstack.cloud.table("staticroute")) == 0


@pytest.mark.usefixtures("routes")
def test_a_route_that_cannot_go_is_named_w6(vpc, run, world):
    refuse(world, "DELETE /api/routes")

    operation = run(delete_vpc(vpc, by=BY))

    assert operation.phase == Phase.STUCK
    assert "could not remove the static route 192.168.1" in operation.error
    world.netris.faults.clear()
    assert run(retry(operation, by=BY)).phase == Phase.SUCCEEDED
    assert world.are_empty()


@pytest.mark.usefixtures("routes")
def test_a_route_whose_removal_got_no_answer_is_not_removed_twice_at_once_w6(vpc, run, world):
    world.cloudstack.faults.order("lose_reply", "deleteStaticRoute", times=1)
    world.cloudstack.jobs.seconds = 30

    assert run(delete_vpc(vpc, by=BY)).phase == Phase.SUCCEEDED
    assert world.are_empty()


# --- sentences


@pytest.mark.parametrize(
    ("command", "words", "sentence"),
    [
        ("createVPC", "Cannot find any free IP matching on the VLAN range: [vlan://1]", "no public IP left"),
        ("createVPC", "Insufficient address capacity: unable to acquire a public IP address", "no public IP left"),
        ("createNetwork", "Failed to allocate VXLAN for Netris guest Network null", "no network number left"),
    ],
)
def test_an_exhausted_pool_is_said_in_words_for_tenants_w15(acme, zone, run, world, command, words, sentence):
    world.cloudstack.faults.order("refuse", command, text=words)

    operation = run(create_vpc(acme, a_vpc_spec(zone), by=BY))

    assert operation.phase == Phase.ROLLED_BACK
    assert sentence in operation.error
    assert "VLAN" not in operation.error and "VXLAN" not in operation.error
    assert operation.own_words == words
    assert world.are_empty()
