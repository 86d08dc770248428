"""VPCs, tiers, machines and addresses: cloudstack-api.md sections 3.3 to 3.6, 3.9, 4 and 5."""

import re
from datetime import timedelta

import pytest

from sandbox.site import REFERENCE
from sandbox.world import World
from tests.sandbox.cloudstack.client import refusal, root_of

# VPCs


def test_a_vpc_has_two_source_nat_addresses_and_a_router_5_4(root):
    vpc = root.vpc("prod")

    addresses = root.list("listPublicIpAddresses", vpcid=vpc["id"], issourcenat="true")
    assert [each["forprovider"] for each in addresses] == [True, False]
    assert [each["ipaddress"].rsplit(".", 1)[0] for each in addresses] == ["198.51.100", "203.0.113"]
    router = root.list("listRouters", vpcid=vpc["id"])[0]
    assert (router["state"], router["role"], router["publicip"]) == (
        "Running",
        "VIRTUAL_ROUTER",
        addresses[1]["ipaddress"],
    )
    assert vpc["networkdomain"] == "cs2cloud.internal"
    assert all("capability" not in service for service in vpc["service"])


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"cidr": "8.8.8.0/24"}, 431),
        ({"cidr": "10.0.0.0"}, 431),
        ({"cidr": "ten"}, 431),
        ({"cidr": None}, 431),
        ({"cidrsize": "24"}, 431),
        ({"cidr": "10.0.0.0/16", "account": "acme"}, 431),
        ({"cidr": "10.0.0.0/16", "projectid": "-1"}, 431),
    ],
)
def test_create_vpc_is_refused_while_the_caller_waits_3_3(world, root, parameters, status):
    given = {"cidr": "10.0.0.0/16", **parameters}

    found = refusal(root, "createVPC", name="x", zoneid=root.zone, vpcofferingid=nat_offering(root), **given)

    assert (found.status, found.body["cserrorcode"]) == (status, 4350)
    assert world.are_empty()


def test_names_and_ranges_of_vpcs_may_repeat_3_3(root):
    first, second = root.vpc("same"), root.vpc("same")

    assert {each["id"] for each in root.list("listVPCs", name="SAM")} == {first["id"], second["id"]}
    assert [each["id"] for each in root.list("listVPCs", cidr="10.10.0.0/16")] == [second["id"], first["id"]]


def test_an_unstarted_vpc_touches_nothing_3_3(world, root):
    vpc = root.vpc("later", start="false")
    assert not any(left.startswith("netris") for left in world.what_is_left())

    root.done("restartVPC", id=vpc["id"])
    assert any(left.startswith("netris vpc") for left in world.what_is_left())


def test_the_address_to_leave_with_is_nobodys_to_choose_3_3(root):
    vpc = root.vpc(sourcenatipaddress="192.0.2.1")

    (source,) = root.list("listPublicIpAddresses", vpcid=vpc["id"], issourcenat="true", forprovider="true")
    assert source["ipaddress"] != "192.0.2.1"


def test_host_bits_pass_and_fail_on_netris_3_3(world, root):
    given = {"name": "x", "zoneid": root.zone, "vpcofferingid": nat_offering(root), "cidr": "10.10.0.5/16"}

    assert root.job("createVPC", **given)["jobresult"] == {"errorcode": 530, "errortext": "Failed to create VPC"}
    assert world.are_empty()


def test_a_routed_vpc_shows_its_routes_3_3(root, acme):
    vpc = root.vpc("routed", mode="Route")

    assert vpc["ip4routing"] == "Static"
    assert vpc["ip4routes"] == []
    tier = root.tier(vpc, mode="Routed")
    assert root.list("listVPCs", id=vpc["id"])[0]["ip4routes"] == tier["ip4routes"]
    assert tier["ip4routing"] == "Static"
    offering = acme.list("listVPCOfferings", name="Route")[0]["id"]
    given = {"name": "x", "zoneid": acme.zone, "vpcofferingid": offering}
    assert acme.done("createVPC", cidr="10.20.0.0/16", **given)["vpc"]["cidr"] == "10.20.0.0/16"
    assert refusal(acme, "createVPC", cidrsize="24", **given).status == 431


def test_an_update_changes_what_is_sent_3_3(root):
    vpc = root.vpc()
    free = root.list("listPublicIpAddresses", state="Free", forprovider="true")[0]["ipaddress"]
    root.done("associateIpAddress", vpcid=vpc["id"], ipaddress=free)

    changed = root.done(
        "updateVPC", id=vpc["id"], name="prod", displaytext="new", publicmtu="9000", sourcenatipaddress=free
    )["vpc"]

    assert (changed["name"], changed["displaytext"], changed["publicmtu"]) == ("prod", "new", 1500)
    sources = root.list("listPublicIpAddresses", vpcid=vpc["id"], issourcenat="true", forprovider="true")
    assert [each["ipaddress"] for each in sources] == [free]


def test_deleting_gives_everything_back_3_3(world, root):
    vpc = root.vpc()
    tier = root.tier(vpc)
    assert root.job("deleteVPC", id=vpc["id"])["jobresultcode"] == 431

    root.done("deleteNetwork", id=tier["id"])
    root.done("deleteVPC", id=vpc["id"])

    assert world.what_is_left() == []


# tiers


def test_a_tier_shows_its_vni_to_root_alone_5_3(root, acme):
    tier = acme.tier(acme.vpc())

    assert root("listNetworks", id=tier["id"]) == {}
    seen = root.list("listNetworks", id=tier["id"], listall="true")[0]
    vni = int(seen["details"]["netrisvxlanid"])
    assert seen["broadcasturi"] == f"netris://{vni}"
    assert 1000000 <= vni <= 2000000
    assert not {"broadcasturi", "vlan", "details", "displaynetwork"} & tier.keys()
    assert (tier["state"], tier["broadcastdomaintype"], tier["type"]) == ("Allocated", "Netris", "Isolated")
    (entry,) = root.list("listGuestVlans", allocatedonly="true")
    assert (entry["vlan"], entry["network"], "account" in entry) == (str(vni), [], False)


@pytest.mark.parametrize(
    ("parameters", "status", "text"),
    [
        ({"gateway": "10.11.1.1"}, 431, "is not within vpc"),
        ({"gateway": "10.10.0.1", "netmask": "255.255.252.0"}, 431, "crosses other network cidr"),
        ({"gateway": "10.10.1.0"}, 431, "Invalid gateway IP provided"),
        ({"gateway": "10.10.5.255"}, 431, "Invalid gateway IP provided"),
        ({"gateway": "ten"}, 431, "Gateway parameter is invalid"),
        ({"gateway": "10.10.5.1", "netmask": "255.0.255.0"}, 431, "Invalid gateway IP provided"),
        ({"gateway": None}, 431, "required"),
        ({"gateway": "10.10.8.1", "netmask": "255.255.248.0"}, 431, "Cidr size can't be less than 22"),
        ({"gateway": "10.10.5.1", "networkdomain": "other.example"}, 431, "should match network domain of vpc VPC {"),
        ({"gateway": "10.10.5.1", "vpcid": None}, 431, "VPC networks only"),
    ],
)
def test_create_network_is_refused_as_documented_3_4(acme, parameters, status, text):
    vpc = acme.vpc()
    acme.tier(vpc)
    offering = acme.list("listNetworkOfferings", name="DefaultNATNetrisNetworkOfferingForVpc")[0]["id"]
    given = {"gateway": "10.10.2.1", "netmask": "255.255.255.0", "vpcid": vpc["id"], **parameters}

    found = refusal(acme, "createNetwork", name="x", zoneid=acme.zone, networkofferingid=offering, **given)

    assert found.status == status
    assert text in found.text
    assert len(acme.list("listNetworks")) == 1


def test_a_vpc_has_three_tiers_and_tenants_do_not_read_why_3_4(root, acme):
    vpc = acme.vpc()
    for number in (1, 2, 3):
        acme.tier(vpc, gateway=f"10.10.{number}.1")

    hidden, shown = refusal(acme.tier, vpc, gateway="10.10.4.1"), refusal(root.tier, vpc, gateway="10.10.4.1")

    assert (hidden.status, shown.status) == (530, 530)
    assert hidden.text.startswith("Internal error executing command")
    assert shown.text == "Number of networks per VPC cannot surpass [3]."


def test_a_tier_offering_must_fit_the_vpc_offering_3_4(root):
    found = refusal(root.tier, root.vpc(mode="Route"), mode="NAT")

    assert found.status == 431
    assert "Service/provider combination" in found.text


def test_the_default_acl_lists_can_be_attached_3_5(root):
    lists = {each["name"]: each for each in root.list("listNetworkACLLists")}
    tier = root.tier(root.vpc(), aclid=lists["default_allow"]["id"])

    assert (tier["aclid"], tier["aclname"]) == (lists["default_allow"]["id"], "default_allow")
    rules = root.list("listNetworkACLs", networkid=tier["id"])
    assert [(rule["number"], rule["traffictype"], rule["action"]) for rule in rules] == [
        (2, "Egress", "Allow"),
        (1, "Ingress", "Allow"),
    ]
    assert "vpcid" not in lists["default_deny"]
    assert "aclid" not in root.tier(root.vpc(), "plain")


def test_network_names_are_matched_exactly_and_keywords_anywhere_quirk_11(root):
    vpc = root.vpc()
    root.tier(vpc, "web-1")

    assert root("listNetworks", name="web") == {}
    assert len(root.list("listNetworks", name="WEB-1")) == len(root.list("listNetworks", keyword="web")) == 1
    assert root.list("listNetworks", issystem="true", listall="true")[0]["name"] == "Public"


def test_a_tier_cannot_be_restarted_with_cleanup_3_4(root):
    job = root.job("restartNetwork", id=root.tier(root.vpc())["id"], cleanup="true")

    assert job["jobresult"]["errortext"].startswith("Cannot restart a VPC tier with cleanup")


def test_a_vni_never_returns_to_its_pool_w5():
    world = World(site=REFERENCE.sized(vnis=(100, 103)))
    root = root_of(world)
    vpc = root.vpc()
    tiers = [root.tier(vpc, gateway=f"10.10.{number}.1") for number in (1, 2)]
    numbers = sorted(tier["details"]["netrisvxlanid"] for tier in tiers)

    root.done("deleteNetwork", id=tiers[0]["id"])

    for entry in (entries := root.list("listGuestVlans", allocatedonly="true")):
        assert (entry["allocationstate"], entry["network"], "taken" in entry) == ("Allocated", [], True)
        assert not {"account", "domain", "domainid"} & entry.keys()
    assert [entry["vlan"] for entry in entries] == numbers
    assert any("Released Zone Vnet" in event["description"] for event in root.list("listEvents"))
    another = [root.tier(vpc, gateway=f"10.10.{number}.1")["details"]["netrisvxlanid"] for number in (1, 3)]
    assert not set(another) & set(numbers)


def test_a_range_that_has_lost_vnis_is_not_shrunk_w5():
    world = World(site=REFERENCE.sized(vnis=(100, 101)))
    root = root_of(world)
    root.done("deleteNetwork", id=root.tier(root.vpc())["id"])
    lost = int(root.list("listGuestVlans", allocatedonly="true")[0]["vlan"])
    physical = root.list("listPhysicalNetworks")[0]["id"]

    job = root.job("updatePhysicalNetwork", id=physical, vlan=f"{201 - lost}-{201 - lost}")

    assert job["jobresultcode"] == 431
    assert "has allocated vnets in the range" in job["jobresult"]["errortext"]


def test_no_vni_left_is_a_530_and_leaves_no_tier_w5():
    world = World(site=REFERENCE.sized(vnis=(100, 101)))
    root = root_of(world)
    vpc = root.vpc()
    for _ in range(2):
        root.done("deleteNetwork", id=root.tier(vpc)["id"])

    found = refusal(root.tier, vpc)

    text = r"unable to create Netris network \S{36}due to: Failed to allocate VXLAN for Netris guest Network null"
    assert found.status == 530
    assert re.fullmatch(text, found.text)
    assert root("listNetworks") == {}


def test_a_collected_tier_keeps_its_vni_w5(world, root):
    machine = root.machine(root.tier(root.vpc()))
    (tier,) = root.list("listNetworks")
    root.done("stopVirtualMachine", id=machine["id"])
    world.clock.advance(1300)
    (idle,) = root.list("listNetworks", id=tier["id"])
    assert (idle["state"], "broadcasturi" in idle) == ("Allocated", False)
    assert idle["details"] == tier["details"]
    assert len(root.list("listGuestVlans", allocatedonly="true")) == 1

    root.done("startVirtualMachine", id=machine["id"])

    (again,) = root.list("listNetworks", id=tier["id"])
    assert (again["details"], again["broadcasturi"]) == (tier["details"], tier["broadcasturi"])


# machines keep tiers alive


def test_a_tier_is_implemented_while_a_machine_runs_4_2(world, root):
    tier = root.tier(root.vpc())
    machine = root.machine(tier)

    def state():
        return root.list("listNetworks", id=tier["id"])[0]

    assert (machine["state"], machine["nic"][0]["networkid"], machine["ipaddress"]) == (
        "Running",
        tier["id"],
        "10.10.1.3",
    )
    assert state()["state"] == "Implemented"
    root.done("stopVirtualMachine", id=machine["id"])
    world.clock.advance(timedelta(minutes=5))
    assert state()["state"] == "Implemented"
    world.clock.advance(timedelta(minutes=10))
    assert state()["state"] == "Allocated"
    assert "broadcasturi" not in state()
    assert state()["details"]["netrisvxlanid"]
    root.done("startVirtualMachine", id=machine["id"])
    assert state()["state"] == "Implemented"
    assert "broadcasturi" in state()


def test_destroyed_machines_hold_their_tier_until_they_are_expunged_4_5(world, root, acme):
    tier = acme.tier(acme.vpc())
    machine = acme.machine(tier)

    acme.done("destroyVirtualMachine", id=machine["id"])
    assert acme("listVirtualMachines") == {}
    assert root.list("listVirtualMachines", id=machine["id"])[0]["state"] == "Destroyed"
    assert acme.job("deleteNetwork", id=tier["id"])["jobresult"]["errortext"] == "Failed to delete network"
    world.clock.advance(timedelta(days=1, minutes=1))
    assert root("listVirtualMachines", id=machine["id"]) == {}
    acme.done("deleteNetwork", id=tier["id"])


def test_machine_names_and_addresses_are_checked_3_9(root):
    tier = root.tier(root.vpc(), netmask="255.255.255.252")
    root.list("listNetworks")

    assert refusal(root.machine, tier, "1-web").status == 431
    assert refusal(root.machine, tier, "web", ipaddress="10.10.9.9").body["cserrorcode"] == 0
    assert refusal(root.machine, tier, "web").status == 533  # a /30 holds the gateway and the router
    assert root("listVirtualMachines") == {}


# addresses


def test_addresses_are_taken_and_given_back_3_6(world, root):
    vpc = root.vpc()
    free = root.list("listPublicIpAddresses", state="Free", forprovider="true", zoneid=root.zone)
    wanted = free[0]["ipaddress"]
    assert not {"account", "allocated", "vpcid"} & free[0].keys()

    taken = root.done("associateIpAddress", vpcid=vpc["id"], ipaddress=wanted)["ipaddress"]
    assert (taken["ipaddress"], taken["state"], taken["issourcenat"]) == (wanted, "Allocated", False)
    assert refusal(root, "associateIpAddress", vpcid=vpc["id"], ipaddress=wanted).status == 533
    assert root.done("disassociateIpAddress", id=taken["id"]) == {"success": True}
    assert root("listPublicIpAddresses", id=taken["id"]) == {}
    assert root.list("listPublicIpAddresses", id=taken["id"], allocatedonly="false")[0]["state"] == "Free"


def test_the_source_nat_address_stays_3_6(root):
    vpc = root.vpc()
    source = root.list("listPublicIpAddresses", vpcid=vpc["id"], forprovider="true")[0]

    job = root.job("disassociateIpAddress", id=source["id"])

    assert job["jobresult"] == {
        "errorcode": 530,
        "errortext": "ip address is used for source nat purposes and can not be disassociated.",
    }


def test_without_an_address_one_of_the_wrong_range_is_handed_out_5_5(root):
    taken = root.done("associateIpAddress", vpcid=root.vpc()["id"])["ipaddress"]

    assert taken["ipaddress"].startswith("203.0.113.")
    assert taken["forprovider"] is False
    router_range = root.list("listPublicIpAddresses", state="Free", keyword="203.0.113.")[0]["ipaddress"]
    found = refusal(root, "associateIpAddress", vpcid=taken["vpcid"], ipaddress=router_range)
    assert (found.status, "not from the reserved pool" in found.text) == (530, True)


def test_without_a_free_netris_address_no_vpc_begins_w15():
    world = World(site=REFERENCE.sized(public_pool=("198.51.100.0/29",)))
    root = root_of(world)
    for _ in range(5):
        root.vpc()

    found = refusal(root.vpc)

    assert (found.status, found.body["cserrorcode"]) == (530, 4250)
    assert found.text == "Cannot find any free IP matching on the VLAN range 198.51.100.2-198.51.100.6 on zone zone1"
    assert len(root.list("listVPCs")) == 5


def test_a_vpc_with_tiers_is_refused_at_once_while_they_go_w17():
    world = World(job_seconds=10)
    root = root_of(world)
    offering = root.list("listVPCOfferings", name="NAT Mode")[0]["id"]
    vpc = root("createVPC", name="prod", cidr="10.10.0.0/16", zoneid=root.zone, vpcofferingid=offering)
    world.clock.advance(10)
    tiers = [root.tier(vpc, gateway=f"10.10.{number}.1") for number in (1, 2)]
    going = [root("deleteNetwork", id=tier["id"])["jobid"] for tier in tiers]

    job = root.job("deleteVPC", id=vpc["id"])

    assert job["jobresultcode"] == 431
    assert job["jobresult"]["errortext"].endswith("as its used by 2 networks")
    assert [root("queryAsyncJobResult", jobid=each)["jobstatus"] for each in going] == [0, 0]
    world.clock.advance(10)
    assert root("listNetworks") == {}
    assert root("queryAsyncJobResult", jobid=root("deleteVPC", id=vpc["id"])["jobid"])["jobstatus"] == 0


# restarts


def test_a_tier_without_machines_is_not_restarted_w13(root):
    tier = root.tier(root.vpc())

    result = root.job("restartNetwork", id=tier["id"])["jobresult"]

    text = "Network is not in the right state to be restarted. Correct states are: Implemented, Setup"
    assert result == {"errorcode": 431, "errortext": text}


def test_a_tier_with_static_nat_fails_to_restart_w13(root, netris):
    vpc = root.vpc()
    tier = root.tier(vpc)
    vm, address = root.machine(tier), root.public_ip(vpc["id"])
    root.done("restartNetwork", id=tier["id"])
    root("enableStaticNat", ipaddressid=address["id"], virtualmachineid=vm["id"], networkid=tier["id"])
    before = netris.get("/api/v2/nat").json()["data"]

    result = root.job("restartNetwork", id=tier["id"])["jobresult"]

    assert result == {"errorcode": 530, "errortext": "Failed to restart network"}
    assert netris.get("/api/v2/nat").json()["data"] == before


def test_a_restart_of_a_vpc_says_nothing_to_netris_w13(root, spy):
    vpc = root.vpc()
    root.tier(vpc)
    spy.clear()

    root.done("restartVPC", id=vpc["id"])
    root.done("restartVPC", id=vpc["id"], cleanup="true")

    assert spy == []
    assert root.list("listRouters", vpcid=vpc["id"])[0]["state"] == "Running"


def test_a_router_does_not_come_back_to_addresses_of_another_vlan_w13(root):
    """Of the reference zone's ranges, the routers' has a tag and the one for Netris has none."""
    vpc = root.vpc()
    tier = root.tier(vpc)
    vm, address = root.machine(tier), root.public_ip(vpc["id"])
    root.done("restartVPC", id=vpc["id"], cleanup="true")
    root("enableStaticNat", ipaddressid=address["id"], virtualmachineid=vm["id"], networkid=tier["id"])

    result = root.job("restartVPC", id=vpc["id"], cleanup="true")["jobresult"]

    assert result["errorcode"] == 530
    assert root.list("listRouters", vpcid=vpc["id"])[0]["state"] == "Stopped"


def nat_offering(root):
    return root.list("listVPCOfferings", name="NAT")[0]["id"]
