"""What becomes of orders that Netris refuses, and of those whose plugin has lost its session: cloudstack-api.md 5.5."""

import re

import httpx
import pytest

from tests.sandbox.cloudstack.client import refusal, root_of
from tests.sandbox.control import at_the_call


def subnets(netris, vpc):
    """Names of the subnets of a VPC on Netris."""
    (mine,) = [row["id"] for row in netris.get("/api/v2/vpc").json()["data"] if row["name"].endswith(f"-{vpc['name']}")]
    return [row["name"] for row in netris.get("/api/v2/ipam/subnets", params={"filterByVpc": mine}).json()["data"]]


@pytest.mark.parametrize(
    "call", ["POST /api/v2/vpc", "POST /api/v2/ipam/allocation", "POST /api/v2/ipam/subnet", "POST /api/v2/nat"]
)
def test_a_vpc_that_netris_refuses_vanishes_5_5(world, root, call):
    offering = root.list("listVPCOfferings", name="NAT")[0]["id"]
    world.netris.faults.order("refuse", call, times=1)

    job = root.job("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=offering)

    assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to create VPC"}
    assert world.what_is_left() == []


def test_when_the_clean_up_fails_too_the_vpc_stays_inactive_and_is_retried_w16(world, root):
    offering = root.list("listVPCOfferings", name="NAT")[0]["id"]
    world.netris.faults.order("refuse", "POST /api/v2/nat")
    world.netris.faults.order("refuse", "DELETE /api/v2/vpc/{id}")

    job = root.job("createVPC", name="x", cidr="10.0.0.0/16", zoneid=root.zone, vpcofferingid=offering)
    assert job["jobresult"] == {"errorcode": 431, "errortext": "Failed API call to Netris controller"}
    assert root.list("listVPCs")[0]["state"] == "Inactive"
    world.netris.faults.clear()
    world.clock.advance(3700)

    assert root("listVPCs") == {}
    assert world.what_is_left() == []


def test_a_failed_delete_can_be_repeated_5_5(world, root):
    vpc = root.vpc()
    world.netris.faults.order("refuse", "DELETE /api/v2/ipam/allocation/{id}", times=1)

    result = root.job("deleteVPC", id=vpc["id"])["jobresult"]
    assert result == {"errorcode": 431, "errortext": "Failed API call to Netris controller"}
    assert root.list("listVPCs")[0]["state"] == "Inactive"
    root.done("deleteVPC", id=vpc["id"])
    assert world.what_is_left() == []


REFUSED = r"unable to create Netris network \S{36}due to: Failed API call to Netris controller"


def test_a_tier_that_netris_refuses_leaves_its_range_taken_there_w2(world, root, acme, netris):
    vpc = acme.vpc()
    world.netris.faults.order("refuse", "POST /api/v2/vnet", times=1)

    found = refusal(root.tier, vpc)

    assert (found.status, found.body["cserrorcode"]) == (530, 4250)
    assert re.fullmatch(REFUSED, found.text)
    assert root("listNetworks", listall="true") == root("listGuestVlans", allocatedonly="true") == {}
    assert "10.10.1.0/24" in [name.split("-")[-1] for name in subnets(netris, vpc)]
    assert re.fullmatch(REFUSED, refusal(root.tier, vpc).text)
    assert "Netris" not in refusal(acme.tier, vpc).text
    acme.tier(vpc, gateway="10.10.2.1")
    assert len(root.list("listGuestVlans", allocatedonly="true")) == 1


def test_a_range_that_was_lost_comes_back_with_another_vpc_w2(world, root):
    vpc = root.vpc()
    world.netris.faults.order("refuse", "POST /api/v2/vnet", times=1)
    refusal(root.tier, vpc)

    root.done("deleteVPC", id=vpc["id"])

    assert world.what_is_left() == []
    root.tier(root.vpc())


def test_a_tier_that_is_being_built_is_seen_by_nobody_w2(world, root):
    vpc, seen = root.vpc(), []

    with at_the_call(world, "POST", "/api/v2/vnet", lambda: seen.append(root_of(world)("listNetworks"))):
        root.tier(vpc)

    assert seen == [{}]
    assert len(root.list("listNetworks")) == 1


def end_the_plugins_session(world):
    httpx.Client(transport=world.netris_transport(), base_url="http://netris.test").post("/_sandbox/sessions/end")


def controller(root):
    (host,) = root.list("listHosts", type="L2Networking")
    return host


def test_when_the_plugins_session_is_dead_every_order_fails_and_the_host_stays_up_w18(world, root, spy):
    vpc = root.vpc()
    tier = root.tier(vpc)
    end_the_plugins_session(world)

    for _ in range(3):
        spy.clear()
        world.clock.advance(60)
        root("listZones")
        assert [(method, path) for method, path, _ in spy] == [("GET", "/api/auth")]
        assert re.fullmatch(REFUSED, refusal(root.tier, vpc, gateway="10.10.2.1").text)
        assert root.job("updateNetwork", id=tier["id"])["jobresult"]["errorcode"] == 431
        assert root.job("deleteNetwork", id=tier["id"])["jobresult"]["errortext"] == "Failed to delete network"
        assert controller(root)["state"] == "Up"


def test_an_answer_that_takes_too_long_fails_its_order_and_what_it_did_stays_w19(world, root):
    plugin = world.cloudstack.cloud.plugin
    assert 7 < plugin.read_timeout <= 10
    plugin.read_timeout = 0.3

    world.netris.faults.order("slow", "POST /api/v2/vpc", seconds=0.1, times=1)
    vpc = root.vpc()
    world.netris.faults.order("slow", "POST /api/v2/ipam/subnet", seconds=0.31, times=1)
    assert re.fullmatch(REFUSED, refusal(root.tier, vpc).text)

    assert root.list("listNetworks") == []
    assert [row["prefix"] for row in world.netris.net.subnets if row["prefix"] == "10.10.1.0/24"] == ["10.10.1.0/24"]


def test_a_reconnected_host_logs_in_after_a_while_w18(world, root):
    vpc = root.vpc()
    end_the_plugins_session(world)

    answer = root.done("reconnectHost", id=controller(root)["id"])["host"]
    assert (answer["type"], answer["state"]) == ("L2Networking", "Disconnected")
    root.done("reconnectHost", id=answer["id"])  # has nothing to do
    world.clock.advance(20)
    assert controller(root)["state"] == "Disconnected"
    assert re.fullmatch(REFUSED, refusal(root.tier, vpc).text)

    world.clock.advance(53)
    assert controller(root)["state"] == "Up"
    root.tier(vpc)


def test_a_controller_that_is_away_when_the_plugin_logs_in_is_called_again_w18(world, root):
    world.netris.faults.order("down")
    root.http.post("/_sandbox/restart")
    assert controller(root)["state"] == "Disconnected"
    world.netris.faults.clear()

    world.clock.advance(91)

    assert controller(root)["state"] == "Up"
    root.vpc()


def test_nobody_but_root_reconnects_hosts_and_no_dead_one_3_10(world, root, acme):
    host = root.list("listHosts", type="Routing")[0]
    assert root.done("reconnectHost", id=host["id"])["host"]["state"] == "Up"
    root.http.post(f"/_sandbox/devices/{host['name']}/kill").raise_for_status()
    world.clock.advance(300)

    result = root.job("reconnectHost", id=host["id"])["jobresult"]

    assert (result["errorcode"], "not in the correct state" in result["errortext"]) == (530, True)
    assert refusal(acme, "reconnectHost", id=host["id"]).status == 432


def test_an_account_goes_even_if_its_vpc_does_not_w21(world, root, acme):
    vpc, domain = acme.vpc(), {"id": acme.account_view["domainid"]}
    world.netris.faults.order("refuse", "DELETE /api/v2/vpc/{id}")

    assert root.done("deleteAccount", id=acme.account_view["id"]) == {"success": True}

    assert refusal(root, "listAccounts", id=acme.account_view["id"]).status == 431
    (left,) = root.list("listVPCs", domainid=domain["id"])
    assert (left["id"], left["state"], left["account"]) == (vpc["id"], "Inactive", "acme")
    words = "Can't delete the domain yet because it has 1 accounts to cleanup"
    assert root.job("deleteDomain", **domain)["jobresult"] == {"errorcode": 530, "errortext": words}
    world.netris.faults.clear()
    world.clock.advance(3700)  # the VPC goes by itself, its account is cleaned up once a day
    assert root("listVPCs", domainid=domain["id"]) == {}
    assert root.job("deleteDomain", **domain)["jobresult"]["errortext"] == words
    world.clock.advance(86400)
    root.done("deleteDomain", **domain)
    assert world.are_empty()


def test_a_domain_admin_makes_no_domain_below_root_and_nobody_else_a_vpc_in_a_disabled_zone_w22(world, root):
    admin = root.account("msp-admin", root.domain("msp"), accounttype=2)
    offering = root.list("listVPCOfferings", name="NAT")[0]["id"]
    given = {"name": "x", "cidr": "10.0.0.0/16", "zoneid": root.zone, "vpcofferingid": offering}
    world.cloudstack.cloud.change("zone", world.cloudstack.cloud.zone, allocationstate="Disabled")

    refused = [refusal(admin, "createDomain", name="below-root"), refusal(admin, "createVPC", **given)]

    assert [(each.status, each.body["cserrorcode"]) for each in refused] == [(531, 4365), (531, 4365)]
    root.done("createVPC", **given)
