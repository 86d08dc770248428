"""ROUTED VPCs: their ranges, AS numbers, BGP peers: cloudstack-api.md 3.3, 3.8, 5.4."""

import uuid

import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import refusal, root_of

FIRST, LAST = 4200000000, 4200000001
RANGE, OTHER = "172.20.0.0/24", "172.20.1.0/24"


def offering(root, **more):
    given = {"networkmode": "ROUTED", "routingmode": "Dynamic", "provider": "Netris", "enable": "true", **more}
    return root.done("createVPCOffering", name="dynamic", **given)["vpcoffering"]["id"]


def asked(caller, vpcofferingid, name="routed", **more):
    return {"name": name, "zoneid": caller.zone, "vpcofferingid": vpcofferingid, "cidr": RANGE, **more}


def build(caller, vpcofferingid, name="routed", **more):
    return caller.done("createVPC", **asked(caller, vpcofferingid, name, **more))["vpc"]


def subnet(root, text="172.20.0.0/16", **more):
    return root.done("createIpv4SubnetForZone", zoneid=root.zone, subnet=text, **more)["zoneipv4subnet"]


def peer(root, number=65001, address="192.0.2.1", **more):
    return root.done("createBgpPeer", zoneid=root.zone, asnumber=number, ipaddress=address, **more)["bgppeer"]


def owner(caller):
    return {"account": caller.account_view["name"], "domainid": caller.account_view["domainid"]}


def allocations(netris):
    """What the VPCs of tenants have on Netris."""
    vpcs = [each["id"] for each in netris.get("/api/v2/vpc").json()["data"] if each["name"].startswith("D")]
    rows = (row for vpc in vpcs for row in netris.get("/api/v2/ipam", params={"filterByVpc": vpc}).json()["data"])
    return {row["prefix"] for row in rows}


@pytest.fixture
def stock(root):
    return root.list("listVPCOfferings", name="Route Mode")[0]["id"]


@pytest.fixture
def as_range(root):
    return root("createASNRange", zoneid=root.zone, startasn=FIRST, endasn=LAST)["asnumberrange"]


@pytest.fixture
def dynamic(root, as_range):
    """An offering with dynamic routing, in a zone that can serve it."""
    subnet(root)
    return offering(root)


# ranges


def test_a_routed_vpc_has_a_range_that_no_other_has_3_3(root, acme, globex, stock, netris):
    first = build(acme, stock)

    assert (first["cidr"], first["ip4routing"], "asnumber" in first) == (RANGE, "Static", False)
    assert allocations(netris) == {RANGE}
    found = refusal(globex, "createVPC", **asked(globex, stock))
    assert (found.status, found.body["cserrorcode"], found.text) == (431, 4350, "The subnet is in use")
    assert refusal(globex, "createVPC", **asked(globex, stock, cidr="172.20.0.0/22")).status == 431
    acme.tier(first, mode="Routed", gateway="172.20.0.1", netmask="255.255.255.128")
    globex.vpc(cidr=RANGE)  # behind NAT ranges may be what they like
    acme.done("deleteNetwork", id=acme.list("listNetworks")[0]["id"])
    acme.done("deleteVPC", id=first["id"])
    assert build(globex, stock)["cidr"] == RANGE


def test_nat_rules_never_come_with_a_routed_vpc_5_4(acme, stock, netris):
    vpc = build(acme, stock)

    assert [each for each in netris.get("/api/v2/nat").json()["data"] if each["name"].endswith("-SNAT")] == []
    free = acme.list("listPublicIpAddresses", state="Free", forprovider="true")[0]["ipaddress"]
    acme.done("associateIpAddress", vpcid=vpc["id"], ipaddress=free)
    acme.done("updateVPC", id=vpc["id"], name="routed", sourcenatipaddress=free)
    acme.done("restartVPC", id=vpc["id"])
    assert [each for each in netris.get("/api/v2/nat").json()["data"] if each["name"].endswith("-SNAT")] == []


def test_a_size_alone_is_for_the_vpcs_of_a_virtual_router_3_3(root, acme, stock):
    subnet(root)

    for caller in (root, acme):
        found = refusal(caller, "createVPC", **asked(caller, stock, cidr=None, cidrsize=24))
        assert (found.status, found.text) == (431, "VPC cidr size is only applicable on VPC with Routed mode")
    for wrong in ({"cidrsize": 24}, {"cidr": None}, {"cidr": "8.8.8.0/24"}):
        assert refusal(acme, "createVPC", **asked(acme, stock, **wrong)).status == 431


def test_a_dedicated_subnet_serves_its_owner_alone_3_8(root, acme, globex, stock):
    made = subnet(root, "172.20.0.0/22", **owner(acme))

    assert (made["account"], made["domain"]) == ("acme", "acme")
    assert build(acme, stock)["cidr"] == RANGE
    found = refusal(globex, "createVPC", **asked(globex, stock, cidr="172.20.1.0/24"))
    assert (found.status, "no permission" in found.text) == (431, True)
    assert refusal(acme, "createVPC", **asked(acme, stock, cidr="172.20.0.0/21")).status == 431  # more than the subnet
    root.done("deleteAccount", id=acme.account_view["id"])
    assert build(globex, stock, "second", cidr="172.20.1.0/24")["cidr"] == "172.20.1.0/24"


def test_the_zone_may_have_no_routed_vpcs_3_8(root, acme, stock):
    subnet(root)
    root("updateConfiguration", name="routed.network.vpc.enabled", value="false", zoneid=root.zone)

    found = refusal(acme, "createVPC", **asked(acme, stock))
    assert (found.status, found.text) == (431, "Routed VPC is not enabled in this zone")
    assert root.list("listZones")[0]["routedmodeenabled"] is False
    acme.vpc()


@pytest.mark.parametrize("wrong", ["172.20.0.1/16", "x", "172.20.128.0/17", "2001:db8::/32", "172.0.0.0/8"])
def test_what_makes_no_subnet_is_refused_3_8(root, wrong):
    subnet(root)

    assert root.job("createIpv4SubnetForZone", zoneid=root.zone, subnet=wrong)["jobresultcode"] == 431


# AS numbers


def test_a_vpc_takes_an_as_number_and_gives_it_back_3_8(world, root, acme, globex, dynamic):
    first, second = build(acme, dynamic), build(globex, dynamic, cidr=OTHER)

    assert [(each["asnumber"], each["ip4routing"]) for each in (first, second)] == [
        (FIRST, "Dynamic"),
        (LAST, "Dynamic"),
    ]
    assert refusal(acme, "createVPC", **asked(acme, dynamic, cidr="172.20.2.0/24")).status == 533
    (shown,) = root.list("listASNumbers", vpcid=first["id"])
    assert (shown["id"], shown["asnumber"], shown["allocationstate"]) == (first["asnumberid"], FIRST, "Allocated")
    assert (shown["vpcname"], shown["account"]) == ("routed", "acme")
    acme.done("deleteVPC", id=first["id"])
    assert [each["asnumber"] for each in root.list("listASNumbers", isallocated="false")] == [FIRST]
    assert build(acme, dynamic)["asnumber"] == FIRST
    for caller in (acme, globex):
        caller.done("deleteVPC", id=caller.list("listVPCs")[0]["id"])
    assert {left.split()[1] for left in world.what_is_left()} == {"account", "domain"}


def test_a_vpc_that_could_not_be_built_gives_its_number_back_3_8(world, root, acme, dynamic):
    for fault in (("fail_job", "createVPC"), ("refuse", "POST /api/v2/vpc")):
        service = world.cloudstack if fault[0] == "fail_job" else world.netris
        service.faults.order(*fault, times=1)
        assert acme.job("createVPC", **asked(acme, dynamic))["jobresultcode"] == 530

    assert root("listASNumbers", isallocated="true") == {}
    assert build(acme, dynamic)["asnumber"] == FIRST


def test_a_tier_shows_the_routing_of_its_vpc_3_4(root, acme, dynamic):
    given = {"traffictype": "Guest", "guestiptype": "Isolated", "forvpc": "true", "networkmode": "ROUTED"}
    made = root("createNetworkOffering", name="d", provider="Netris", enable="true", routingmode="Dynamic", **given)
    vpc = build(acme, dynamic)
    sent = {"networkofferingid": made["networkoffering"]["id"], "vpcid": vpc["id"], "zoneid": acme.zone, "name": "web"}

    tier = acme("createNetwork", gateway="172.20.0.1", netmask="255.255.255.0", **sent)["network"]

    assert (tier["ip4routing"], tier["asnumber"], tier["asnumberid"]) == ("Dynamic", FIRST, vpc["asnumberid"])
    assert [each["asnumber"] for each in acme.list("listASNumbers", networkid=tier["id"])] == [FIRST]


def test_an_offering_may_have_the_number_asked_for_3_2(root, acme, dynamic):
    own = offering(root, specifyasnumber="true")

    assert refusal(acme, "createVPC", **asked(acme, own)).status == 431
    assert refusal(acme, "createVPC", **asked(acme, own, asnumber=LAST + 1)).status == 431
    assert build(acme, own, asnumber=LAST)["asnumber"] == LAST
    assert refusal(acme, "createVPC", **asked(acme, own, asnumber=LAST, cidr=OTHER)).status == 431
    assert build(acme, dynamic, "other", asnumber=LAST, cidr=OTHER)["asnumber"] == FIRST  # not this offering's to ask


def test_numbers_are_listed_without_being_written_down_3_8(root, as_range, acme):
    wide = root("createASNRange", zoneid=root.zone, startasn=64512, endasn=4199999999)["asnumberrange"]

    page = root("listASNumbers", asnrangeid=wide["id"], page=2, pagesize=3)
    assert page["count"] == 4199999999 - 64512 + 1
    assert [each["asnumber"] for each in page["asnumber"]] == [64515, 64516, 64517]
    assert page["asnumber"][0] == root.list("listASNumbers", asnumber=64515)[0]
    assert len({each["id"] for each in root.list("listASNumbers", page=1, pagesize=50)}) == 50
    assert root("listASNumbers", asnumber=7) == {}
    assert root.list("listZones")[0]["asnrange"] == f"{FIRST}-{LAST}, 64512-4199999999"


def test_a_tenant_sees_free_numbers_and_its_own_3_8(root, acme, globex, dynamic):
    vpc = build(acme, dynamic)

    assert [each["asnumber"] for each in globex.list("listASNumbers")] == [LAST]
    assert [each["asnumber"] for each in acme.list("listASNumbers")] == [FIRST, LAST]
    assert globex("listASNumbers", vpcid=vpc["id"]) == globex("listASNumbers", isallocated="true") == {}
    assert refusal(acme, "listASNumbers", asnumber=FIRST).status == 431  # the filter is an int, of 31 bits
    assert refusal(globex, "listASNumbers", **owner(acme)).status == 531


@pytest.mark.parametrize(
    "wrong",
    [
        {"startasn": 10, "endasn": 9},
        {"startasn": 0, "endasn": 9},
        {"startasn": 1, "endasn": 2**32},
        {"startasn": LAST, "endasn": LAST + 5},
        {"startasn": 1, "endasn": None},
        {"startasn": "x", "endasn": 9},
        {"startasn": 1, "endasn": 2, "zoneid": str(uuid.uuid4())},
    ],
)
def test_what_makes_no_range_of_numbers_is_refused_3_8(root, as_range, wrong):
    assert refusal(root, "createASNRange", **{"zoneid": root.zone, **wrong}).status == 431


# BGP peers


def test_peers_are_listed_without_their_password_3_8(root, acme, globex):
    made = peer(root, ip6address="2001:db8::1", password="hush", **{"details[0].EBGP_MULTIHOP": "2"}, **owner(acme))
    other = peer(root, 65002)

    assert "hush" not in str(made) and "password" not in made
    assert made == root.list("listBgpPeers", id=made["id"])[0]
    shown = {name: made[name] for name in ("asnumber", "ipaddress", "ip6address", "details", "account")}
    assert shown == {
        **{"asnumber": 65001, "ipaddress": "192.0.2.1", "ip6address": "2001:db8::1", "account": "acme"},
        "details": {"EBGP_MULTIHOP": "2"},
    }
    assert [each["id"] for each in root.list("listBgpPeers", isdedicated="false")] == [other["id"]]
    assert [each["id"] for each in root.list("listBgpPeers", **owner(acme))] == [made["id"]]
    assert root("listBgpPeers", **owner(globex)) == root("listBgpPeers", asnumber=7) == {}
    assert [each["state"] for each in root.list("listEvents", type="BGP.PEER.CREATE")] == [
        *("Completed", "Started", "Scheduled"),
        *("Completed", "Started", "Scheduled"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ipaddress": None},
        {"ipaddress": "2001:db8::1"},
        {"ip6address": "192.0.2.9"},
        {"asnumber": 0},
        {"asnumber": 65001, "ipaddress": "192.0.2.1"},
        {"account": "acme"},
    ],
)
def test_what_makes_no_peer_is_refused_3_8(root, acme, wrong):
    peer(root)
    given = {"zoneid": root.zone, "asnumber": 65002, "ipaddress": "192.0.2.2", **wrong}

    assert root.job("createBgpPeer", **given)["jobresultcode"] == 431
    assert len(root.list("listBgpPeers")) == 1


def test_the_peers_of_a_vpc_are_roots_to_choose_and_to_see_3_3_3_8(root, acme, dynamic):
    public, own = peer(root), peer(root, 65002, **owner(acme))
    vpc = build(acme, dynamic, bgppeerids=public["id"])  # read from root alone

    def peers():
        return [each["id"] for each in root.list("listVPCs", id=vpc["id"])[0]["bgppeers"]]

    assert peers() == []
    changed = root.done("changeBgpPeersForVpc", vpcid=vpc["id"], bgppeerids=f"{own['id']},{public['id']}")["vpc"]
    assert [each["id"] for each in changed["bgppeers"]] == peers() == [own["id"], public["id"]]
    assert "bgppeers" not in acme.list("listVPCs")[0]
    assert not [each for each in acme.list("listEvents", listall="true") if "BGP" in each["type"]]
    root.done("changeBgpPeersForVpc", vpcid=vpc["id"])
    assert peers() == []
    made = build(root, dynamic, "roots", cidr=OTHER, bgppeerids=public["id"])
    assert [each["asnumber"] for each in made["bgppeers"]] == [65001]


def test_peers_serve_those_they_are_for_3_8(root, acme, globex, dynamic, stock):
    foreign = peer(root, **owner(globex))
    vpc, static = build(acme, dynamic), build(acme, stock, "static", cidr=OTHER)

    for wrong in (vpc, static):
        job = root.job("changeBgpPeersForVpc", vpcid=wrong["id"], bgppeerids=foreign["id"])
        assert job["jobresultcode"] == 431
    assert root.job("changeBgpPeersForVpc", vpcid=static["id"])["jobresultcode"] == 431
    assert (
        refusal(root, "createVPC", **asked(root, stock, bgppeerids=foreign["id"], cidr="172.20.2.0/24")).status == 431
    )
    assert (
        refusal(root, "createVPC", **asked(root, dynamic, bgppeerids=foreign["id"], cidr="172.20.2.0/24")).status == 431
    )


def test_routing_outlives_a_restart(tmp_path):
    world = World(state_dir=tmp_path)
    root = root_of(world)
    root("createASNRange", zoneid=root.zone, startasn=FIRST, endasn=LAST)
    subnet(root)
    dynamic, neighbour = offering(root), peer(root, password="hush")
    vpc = build(root, dynamic, bgppeerids=neighbour["id"])
    world.close()

    again = World(state_dir=tmp_path)
    root = root_of(again)

    (found,) = root.list("listVPCs")
    assert (found["cidr"], found["asnumber"], found["asnumberid"]) == ("172.20.0.0/24", FIRST, vpc["asnumberid"])
    assert [each["id"] for each in found["bgppeers"]] == [neighbour["id"]]
    assert refusal(root, "createVPC", **asked(root, dynamic)).text == "The subnet is in use"
    assert build(root, dynamic, "second", cidr=OTHER)["asnumber"] == LAST
    again.close()
