"""Static routes and private gateways: cloudstack-api.md 3.8, and the plugin's part: netris-api.md 4.3 and 4.4."""

import pytest

from tests.sandbox.cloudstack.client import refusal


@pytest.fixture
def vpc(root):
    return root.vpc()


def route(caller, vpc, cidr="172.20.0.0/16", nexthop="10.10.1.7", **more):
    return caller.job("createStaticRoute", cidr=cidr, nexthop=nexthop, vpcid=vpc["id"], **more)


def gateway(caller, vpc, **more):
    given = {"gateway": "10.99.0.1", "ipaddress": "10.99.0.2", "netmask": "255.255.255.0", "vlan": "vlan://99", **more}
    return caller.done("createPrivateGateway", vpcid=vpc["id"], **given)["privategateway"]


def netris_vpc(netris):
    return next(row for row in netris.get("/api/v2/vpc").json()["data"] if "-V1-" in row["name"])


def on_netris(netris):
    return netris.get("/api/routes", params={"filterByVpc": netris_vpc(netris)["id"]}).json()["data"]


def make_on_netris(netris, prefix, next_hop):
    site = netris.get("/api/sites").json()["data"][0]["id"]
    where = {"site_id": site, "vpc": {"id": netris_vpc(netris)["id"]}, "switches": []}
    asked = {"prefix": prefix, "next_hop": next_hop, "stateStatus": "active"}
    netris.post("/api/routes", json={**asked, **where}).raise_for_status()


def test_a_route_is_written_to_the_netris_vpc_4_3(root, netris, vpc):
    made = route(root, vpc)["jobresult"]["staticroute"]

    assert made.items() >= {"cidr": "172.20.0.0/16", "nexthop": "10.10.1.7", "vpcid": vpc["id"]}.items()
    (found,) = on_netris(netris)
    assert (found["name"], found["next_hop"], found["description"]) == ("172.20.0.0/16", "10.10.1.7", "D1-A2-Z1-V1")
    assert [each["state"] for each in root.list("listStaticRoutes", vpcid=vpc["id"])] == ["Active"]

    root.done("deleteStaticRoute", id=made["id"])

    assert (on_netris(netris), root("listStaticRoutes")) == ([], {})


def test_routes_that_cloudstack_does_not_know_are_deleted_4_3(root, netris, vpc):
    make_on_netris(netris, "172.30.0.0/16", "10.10.1.9")

    route(root, vpc)

    assert [each["name"] for each in on_netris(netris)] == ["172.20.0.0/16"]


def test_another_next_hop_on_netris_is_a_failure_4_3(root, netris, vpc):
    make_on_netris(netris, "172.20.0.0/16", "10.10.1.9")

    job = route(root, vpc)

    assert job["jobresult"] == {"errorcode": 530, "errortext": "Failed to create static route"}
    assert root("listStaticRoutes") == {}


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"cidr": "10.10.4.0/24"}, 431),
        ({"cidr": "10.0.0.0/8"}, 431),
        ({"cidr": "169.254.7.0/24"}, 431),
        ({"cidr": "172.20.0.0"}, 431),
        ({"cidr": None}, 431),
        ({"nexthop": "nowhere"}, 431),
        ({"nexthop": None}, 431),
        ({"cidr": "172.21.1.0/24"}, 537),
    ],
)
def test_what_makes_no_sense_is_refused_while_the_caller_waits_3_8(root, vpc, wrong, status):
    route(root, vpc, cidr="172.21.0.0/16")

    assert refusal(route, root, vpc, **wrong).status == status
    assert len(root.list("listStaticRoutes")) == 1


def test_a_failed_delete_may_be_repeated_4_4(world, root, vpc):
    made = route(root, vpc)["jobresult"]["staticroute"]
    world.netris.faults.order("refuse", "DELETE /api/routes", times=1)

    assert root.job("deleteStaticRoute", id=made["id"])["jobresultcode"] == 530
    assert root.list("listStaticRoutes")[0]["state"] == "Deleting"
    root.done("deleteStaticRoute", id=made["id"])


def test_a_private_gateway_is_accepted_and_netris_never_hears_of_it_4_4(world, root, vpc):
    calls = world.netris.control.calls.total()

    made = gateway(root, vpc)

    assert world.netris.control.calls.total() == calls
    assert (made["state"], made["aclname"], made["vlan"]) == ("Ready", "default_deny", "vlan://99")
    assert [each["id"] for each in root.list("listPrivateGateways", vpcid=vpc["id"])] == [made["id"]]
    allow = root.list("listNetworkACLLists", name="default_allow")[0]["id"]
    root.done("replaceNetworkACLList", aclid=allow, gatewayid=made["id"])
    assert root.list("listPrivateGateways")[0]["aclname"] == "default_allow"


def test_a_gateway_with_routes_stays_3_8(root, netris, vpc):
    made = gateway(root, vpc)
    through = root.done("createStaticRoute", cidr="172.20.0.0/16", gatewayid=made["id"])["staticroute"]
    assert (through["vpcgatewayid"], through["vpcgatewayip"]) == (made["id"], "10.99.0.2")
    assert on_netris(netris)[0]["next_hop"] == "10.99.0.1"

    assert root.job("deletePrivateGateway", id=made["id"])["jobresultcode"] == 530
    root.done("deleteStaticRoute", id=through["id"])
    root.done("deletePrivateGateway", id=made["id"])


def test_a_next_hop_that_is_a_private_gateway_is_refused_by_4_22_0(root, vpc):
    gateway(root, vpc)

    assert refusal(route, root, vpc, nexthop="10.99.0.1").status == 431


@pytest.mark.parametrize(
    "wrong",
    [
        {"vlan": None},
        {"ipaddress": "10.98.0.2"},
        {"ipaddress": "10.99.0.1"},
        {"netmask": "255.0.255.0"},
        {"gateway": "gate"},
    ],
)
def test_a_gateway_must_make_sense_3_8(root, vpc, wrong):
    given = {"gateway": "10.99.0.1", "ipaddress": "10.99.0.2", "netmask": "255.255.255.0", "vlan": "vlan://99", **wrong}

    assert refusal(root, "createPrivateGateway", vpcid=vpc["id"], **given).status == 431


def test_a_tenant_names_a_network_and_never_a_vlan_3_8(root):
    acme = root.account("acme", root.domain("acme"))
    vpc = acme.vpc()
    tier = acme.tier(vpc)
    given = {"gateway": "10.99.0.1", "ipaddress": "10.99.0.2", "netmask": "255.255.255.0", "vpcid": vpc["id"]}

    assert refusal(acme, "createPrivateGateway", vlan="99", **given).status == 431
    made = acme.done("createPrivateGateway", associatednetworkid=tier["id"], **given)["privategateway"]
    assert made["associatednetwork"] == tier["name"]
    assert not {"vlan", "physicalnetworkid"} & made.keys()


def test_gateways_go_with_the_vpc_3_3(world, root, vpc):
    gateway(root, vpc)

    root.done("deleteVPC", id=vpc["id"])

    assert world.are_empty()


def test_a_vpc_with_routes_is_not_deleted_before_they_are_w6(world, root, netris, vpc):
    made = route(root, vpc)["jobresult"]["staticroute"]

    for _ in range(2):
        result = root.job("deleteVPC", id=vpc["id"])["jobresult"]
        assert result == {"errorcode": 431, "errortext": "Failed API call to Netris controller"}
        assert root.list("listVPCs")[0]["state"] == "Inactive"
    assert [each["name"] for each in netris.get("/api/v2/nat").json()["data"] if "-SNAT" in each["name"]] == []

    root.done("deleteStaticRoute", id=made["id"])
    root.done("deleteVPC", id=vpc["id"])
    assert world.are_empty()
