"""The objects of the answers against the field lists of the fact sheet: cloudstack-api.md 3.1 to 3.11.

A zone that has lived for a while shows more fields than one where everything is new.
"""

import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import root_of
from tests.sandbox.cloudstack.sheet import OBJECTS, examples, misfits
from tests.sandbox.control import order

# What is listed, and the object of the sheet that its rows are.
LISTS = {
    "listZones": "zone",
    "listDomains": "domain",
    "listAccounts": "account",
    "listUsers": "user",
    "listProjects": "project",
    "listResourceLimits": "resourcelimit",
    "listRoles": "role",
    "listConfigurations": "configuration",
    "listVPCOfferings": "vpcoffering",
    "listNetworkOfferings": "networkoffering",
    "listServiceOfferings": "serviceoffering",
    "listTemplates": "template",
    "listVPCs": "vpc",
    "listNetworks": "network",
    "listNetworkACLLists": "networkacllist",
    "listNetworkACLs": "networkacl",
    "listPublicIpAddresses": "publicipaddress",
    "listPortForwardingRules": "portforwardingrule",
    "listLoadBalancerRules": "loadbalancerrule",
    "listStaticRoutes": "staticroute",
    "listPrivateGateways": "privategateway",
    "listVirtualMachines": "virtualmachine",
    "listNics": "nic",
    "listPhysicalNetworks": "physicalnetwork",
    "listVlanIpRanges": "vlaniprange",
    "listGuestVlans": "guestvlan",
    "listNetrisProviders": "netrisProvider",
    "listNetworkServiceProviders": "networkserviceprovider",
    "listHosts": "host",
    "listRouters": "router",
    "listCapacity": "capacity",
    "listEvents": "event",
    "listAlerts": "alert",
    "listUsageRecords": "usagerecord",
    "listTags": "tag",
    "listDedicatedGuestVlanRanges": "dedicatedguestvlanrange",
}
_MORE = {
    "listTemplates": {"templatefilter": "executable"},
    "listGuestVlans": {"allocatedonly": "true"},
    "listUsageRecords": {"startdate": "2020-01-01", "enddate": "2099-01-01"},
}


@pytest.fixture(scope="module")
def world():
    """A zone with one of everything, two days old, that has lost a hypervisor."""
    world = World()
    root = root_of(world)
    vpc = root.vpc()
    acl = root.done("createNetworkACLList", name="acl", vpcid=vpc["id"])["networkacllist"]
    tier = root.tier(vpc, aclid=acl["id"])
    ports = {"protocol": "icmp", "icmptype": 8, "icmpcode": 0, "reason": "ping"}
    root.done("createNetworkACL", aclid=acl["id"], cidrlist="10.0.0.0/8", **ports)
    root.done(
        "createNetworkACL", aclid=acl["id"], protocol="tcp", startport=1, endport=2, reason="low", cidrlist="0.0.0.0/0"
    )
    vm = root.machine(tier)
    free = [each["ipaddress"] for each in root.list("listPublicIpAddresses", state="Free", forprovider="true")]
    taken = [root.done("associateIpAddress", vpcid=vpc["id"], ipaddress=each)["ipaddress"]["id"] for each in free[:3]]
    given = {"networkid": tier["id"], "publicport": 80, "privateport": 80}
    root.done("createPortForwardingRule", ipaddressid=taken[0], virtualmachineid=vm["id"], protocol="tcp", **given)
    more = {"name": "lb", "algorithm": "roundrobin", "description": "x", "cidrlist": "10.0.0.0/8"}
    root.done("createLoadBalancerRule", publicipid=taken[1], **more, **given)
    root("enableStaticNat", ipaddressid=taken[2], virtualmachineid=vm["id"], networkid=tier["id"])
    gate = {"gateway": "10.99.0.1", "ipaddress": "10.99.0.2", "netmask": "255.255.255.0", "vlan": "vlan://99"}
    gate = root.done("createPrivateGateway", vpcid=vpc["id"], **gate)["privategateway"]
    root.done("createStaticRoute", cidr="172.16.0.0/16", gatewayid=gate["id"])
    root.done("createTags", resourcetype="Vpc", resourceids=vpc["id"], **{"tags[0].key": "a", "tags[0].value": "b"})
    root.done("createProject", name="shop")
    acme = root.account("acme", root.domain("acme")).account_view
    vnis = {"physicalnetworkid": root.list("listPhysicalNetworks")[0]["id"], "vlanrange": "1000000-1000009"}
    root("dedicateGuestVlanRange", account="acme", domainid=acme["domainid"], **vnis)
    root.done("updateVPC", id=vpc["id"], name=vpc["name"], displaytext="later")
    used = {row["hostid"] for row in (*root.list("listVirtualMachines"), *root.list("listRouters"))}
    idle = next(host["name"] for host in root.list("listHosts", type="Routing") if host["id"] not in used)
    order(root.http, f"devices/{idle}/kill")
    world.clock.advance(86400 * 2)
    root("listZones")
    return world


@pytest.mark.parametrize("command", sorted(LISTS))
def test_rows_are_the_sheets_objects_3(world, command):
    name = LISTS[command]

    root = root_of(world)
    machine = root.list("listVirtualMachines")[0]["id"] if command == "listNics" else None
    rows = root.list(command, listall="true", virtualmachineid=machine, **_MORE.get(command, {}))

    assert rows
    assert [wrong for row in rows for wrong in misfits(name, row)] == []


def test_objects_have_all_that_the_sheet_s_examples_have_3(world):
    """3.3, 3.5 and 3.7 show a VPC, an ACL item and a balancer as a tenant sees them."""
    root = root_of(world)
    vpc, item, balancer = examples()

    assert vpc.keys() <= root.list("listVPCs")[0].keys()
    assert item.keys() <= root.list("listNetworkACLs", protocol="tcp")[0].keys()
    assert balancer.keys() <= root.list("listLoadBalancerRules")[0].keys()


def test_services_and_capabilities_are_the_sheets_3_2(world):
    (vpc,) = root_of(world).list("listVPCs")

    for service in vpc["service"]:
        assert service.keys() == {"name", "provider"}
    for service in vpc["network"][0]["service"]:
        assert service.keys() == {"name", "provider", "capability"}
        for capability in service["capability"]:
            assert capability.keys() == {"name", "value", "canchooseservicecapability"}
            assert isinstance(capability["value"], str)


def test_listed_numbers_that_are_text_and_text_that_is_number_7(world):
    """Quirk 7: ports and percentages are text; icmp types, numbers and limits are numbers."""
    root = root_of(world)
    rule = next(each for each in root.list("listNetworkACLs") if each["protocol"] == "icmp")
    forward, balancer = root.list("listPortForwardingRules")[0], root.list("listLoadBalancerRules")[0]

    assert isinstance(rule["icmptype"], int) and isinstance(rule["number"], int)
    assert (forward["publicport"], balancer["publicport"], balancer["privateport"]) == ("80", "80", "80")
    assert isinstance(root.list("listCapacity")[0]["percentused"], str)
    assert isinstance(root.list("listResourceLimits")[0]["max"], int)
    assert isinstance(root.list("listResourceLimits")[0]["resourcetype"], str)
    assert isinstance(root.list("listGuestVlans", allocatedonly="true")[0]["id"], int)


def test_the_policies_of_a_balancer_are_the_sheets_3_7(world):
    root = root_of(world)
    rule = root.list("listLoadBalancerRules")[0]["id"]
    root.done("createLBStickinessPolicy", lbruleid=rule, name="sticky", methodname="SourceBased", description="x")

    (row,) = root.list("listLBStickinessPolicies", lbruleid=rule)

    assert row.keys() <= OBJECTS["stickinesspolicies"][1].keys() | {"stickinesspolicy"}
    assert row["stickinesspolicy"][0].keys() <= {
        *("id", "name", "methodname", "description", "state", "fordisplay", "params"),
    }
