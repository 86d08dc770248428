"""Clients that others wrote lead what they know of through life, unchanged, over HTTP: cloudstack-api.md section 8."""

import time

import pytest
from cs import CloudStack, CloudStackApiException
from libcloud.compute.drivers.cloudstack import CloudStackNodeDriver
from libcloud.compute.types import NodeState
from libcloud.loadbalancer.base import Member
from libcloud.loadbalancer.drivers.cloudstack import CloudStackLBDriver
from libcloud.loadbalancer.types import State

from sandbox.site import REFERENCE
from sandbox.world import World

KEYS = ("key-of-the-clients", "secret-of-the-clients")


@pytest.fixture
def world():
    """Few router addresses: Libcloud cannot choose an address, and only Netris's serve NAT (5.5)."""
    world = World(cloudstack_keys=KEYS, site=REFERENCE.sized(router_pool=("198.19.0.0/29",)))
    yield world
    world.close()


@pytest.fixture
def server(world):
    return world.serve()[0]


def driver_of(kind, server):
    driver = kind(
        key=KEYS[0], secret=KEYS[1], secure=False, host="127.0.0.1", port=server.server_port, path="/client/api"
    )
    driver.connection.poll_interval = 0.05
    return driver


@pytest.fixture
def compute(server):
    return driver_of(CloudStackNodeDriver, server)


@pytest.fixture
def balancing(server):
    return driver_of(CloudStackLBDriver, server)


@pytest.fixture
def cs(server):
    return CloudStack(endpoint=f"{server.url}/client/api", key=KEYS[0], secret=KEYS[1], poll_interval=0.05)


def take_address(cs, compute, vpc):
    """Libcloud cannot name the address that it wants, and without a name it gets one of the routers' range (W14)."""
    free = cs.listPublicIpAddresses(state="Free", forprovider=True, fetch_list=True)[0]["ipaddress"]
    taken = cs.associateIpAddress(vpcid=vpc.id, ipaddress=free, fetch_result=True)["ipaddress"]["id"]
    return next(each for each in compute.ex_list_public_ips() if each.id == taken)


def built(compute):
    """A VPC with one tier that has an ACL of its own."""
    (zone,) = compute.list_locations()
    nat = next(each for each in compute.ex_list_vpc_offerings() if "NAT" in each.name)
    vpc = compute.ex_create_vpc("10.20.0.0/16", "by libcloud", "libcloud", nat, zone.id)
    wait_for(lambda: compute.ex_list_routers(vpc_id=vpc.id)[0].state == "Running")
    offering = next(each for each in compute.ex_list_network_offerings() if each.name.startswith("DefaultNAT"))
    tier = compute.ex_create_network(
        "the web", "web", offering, zone, gateway="10.20.1.1", netmask="255.255.255.0", vpc_id=vpc.id
    )
    return zone, vpc, tier


def wait_for(condition):
    for _ in range(200):
        try:
            if condition():
                return
        except (IndexError, KeyError):
            pass
        time.sleep(0.02)
    raise AssertionError("it never came about")


def node_of(compute, zone, tier, name):
    size, image = compute.list_sizes()[0], compute.list_images(location=zone)[0]
    return compute.create_node(name, size, image, location=zone, networks=[tier], ex_start_vm=True)


def test_libcloud_compute_leads_a_node_through_life_8(world, compute, cs):
    zone, vpc, tier = built(compute)
    assert [each.name for each in compute.ex_list_vpcs()] == ["libcloud"]
    assert [each.name for each in compute.ex_list_networks()] == ["web"]

    acl = compute.ex_create_network_acllist("web-acl", vpc.id, "by libcloud")
    wait_for(lambda: "web-acl" in [each.name for each in compute.ex_list_network_acllists()])
    compute.ex_create_network_acl("tcp", acl.id, "0.0.0.0/0", 443, 443, action="allow", traffic_type="ingress")
    assert compute.ex_replace_network_acllist(acl.id, tier.id)
    assert "443" in [each.start_port for each in compute.ex_list_network_acl()]

    node = node_of(compute, zone, tier, "web-1")
    assert (node.state, node.private_ips) == (NodeState.RUNNING, ["10.20.1.3"])
    assert [each.ip_address for each in compute.ex_list_nics(node)] == node.private_ips
    assert [each.name for each in compute.list_volumes(node)] == [
        f"ROOT-{world.cloudstack.cloud.table('vm').find()['number']}"
    ]
    assert compute.ex_create_tags([node.id], "UserVm", {"env": "prod"})
    assert compute.ex_get_node(node.id).extra["tags"] == {"env": "prod"}

    address = take_address(cs, compute, vpc)
    rule = compute.ex_create_port_forwarding_rule(node, address, 22, 2222, "tcp", network_id=tier.id)
    (listed,) = compute.ex_list_port_forwarding_rules()
    assert (listed.id, listed.public_port, listed.private_port) == (rule.id, "2222", "22")
    assert compute.list_nodes()[0].public_ips == [address.address]
    assert compute.ex_delete_port_forwarding_rule(node, rule)
    assert compute.ex_release_public_ip(address)

    assert compute.ex_stop(node) == "Stopped"
    assert compute.list_nodes()[0].state == NodeState.STOPPED
    assert compute.ex_start(node) == "Running"
    assert node.reboot()
    assert compute.destroy_node(node, ex_expunge=True)
    assert compute.list_nodes() == []
    assert compute.ex_delete_network(tier)
    assert compute.ex_delete_vpc(vpc)
    assert world.are_empty(), world.what_is_left()


def test_libcloud_asks_for_everything_it_knows_to_list_8(compute):
    built(compute)

    assert compute.ex_limits()["max_vpc"] == -1
    assert [each.name for each in compute.ex_list_disk_offerings()] == ["5 GB disk", "20 GB disk", "100 GB disk"]
    assert len(compute.ex_list_os_types()) == 2
    assert len(compute.ex_list_public_ips()) == 2
    for ask in (
        compute.ex_list_projects,
        compute.list_key_pairs,
        compute.ex_list_security_groups,
        compute.ex_list_affinity_groups,
        compute.ex_list_firewall_rules,
        compute.ex_list_ip_forwarding_rules,
        compute.ex_list_vpn_gateways,
        compute.ex_list_vpn_connections,
        compute.ex_list_vpn_customer_gateways,
        compute.list_volumes,
    ):  # not snapshots and egress rules: there it cannot read an empty list
        assert ask() == []


def test_libcloud_leads_a_balancer_through_life_8(world, compute, balancing, cs):
    zone, vpc, tier = built(compute)
    nodes = [node_of(compute, zone, tier, f"web-{number}") for number in (1, 2)]
    address = take_address(cs, compute, vpc)
    members = [Member(node.id, node.private_ips[0], 80) for node in nodes]

    # Its own way to make one takes an address of the routers' range, which no balancer on Netris can have (W14).
    given = {"algorithm": "roundrobin", "publicport": 80, "privateport": 8080, "networkid": tier.id}
    rule = cs.createLoadBalancerRule(name="web", publicipid=address.id, fetch_result=True, **given)["loadbalancer"]
    cs.assignToLoadBalancerRule(id=rule["id"], virtualmachineids=[members[0].id], fetch_result=True)
    balancer = balancing.get_balancer(rule["id"])

    assert balancer.state == State.RUNNING
    assert [each.name for each in balancing.list_balancers()] == ["web"]
    assert [(each.id, each.ip) for each in balancer.list_members()] == [(nodes[0].id, nodes[0].private_ips[0])]
    assert balancer.attach_member(members[1])
    assert len(balancer.list_members()) == 2
    assert balancer.detach_member(members[0])
    assert [each.id for each in balancer.list_members()] == [nodes[1].id]
    balancing.destroy_balancer(balancer)  # and with it, by itself, the address
    assert balancing.list_balancers() == []
    for node in nodes:
        compute.destroy_node(node, ex_expunge=True)
    compute.ex_delete_network(tier)
    compute.ex_delete_vpc(vpc)
    assert world.are_empty(), world.what_is_left()


def test_libcloud_reads_refusals_8(world, compute):
    zone, vpc, _ = built(compute)

    with pytest.raises(Exception, match="used by 1 networks"):
        compute.ex_delete_vpc(vpc)
    with pytest.raises(Exception, match="Gateway/netmask are required"):
        compute.ex_create_network("x", "x", compute.ex_list_network_offerings()[0], zone, vpc_id=vpc.id)


def test_cs_leads_everything_in_a_vpc_through_life_8(world, cs):
    """`cs` waits for jobs itself when told so, and gives back what they made."""
    zone = cs.listZones(fetch_list=True)[0]["id"]
    offering = cs.listVPCOfferings(name="NAT Mode", fetch_list=True)[0]["id"]
    vpc = cs.createVPC(name="cs", cidr="10.30.0.0/16", zoneid=zone, vpcofferingid=offering, fetch_result=True)["vpc"]
    acl = cs.createNetworkACLList(name="acl", vpcid=vpc["id"], fetch_result=True)["networkacllist"]
    cs.createNetworkACL(
        aclid=acl["id"], protocol="icmp", icmptype=8, icmpcode=0, number=1, cidrlist="0.0.0.0/0", fetch_result=True
    )
    tier = cs.createNetwork(
        name="web",
        zoneid=zone,
        vpcid=vpc["id"],
        networkofferingid=cs.listNetworkOfferings(name="DefaultNATNetrisNetworkOfferingForVpc", fetch_list=True)[0][
            "id"
        ],
        gateway="10.30.1.1",
        netmask="255.255.255.0",
        aclid=acl["id"],
    )["network"]
    vm = cs.deployVirtualMachine(
        zoneid=zone,
        serviceofferingid=cs.listServiceOfferings(fetch_list=True)[0]["id"],
        templateid=cs.listTemplates(templatefilter="executable", fetch_list=True)[0]["id"],
        networkids=[tier["id"]],
        fetch_result=True,
    )["virtualmachine"]
    free = cs.listPublicIpAddresses(state="Free", forprovider=True, zoneid=zone, fetch_list=True)
    addresses = [
        cs.associateIpAddress(vpcid=vpc["id"], ipaddress=each["ipaddress"], fetch_result=True)["ipaddress"]["id"]
        for each in free[:3]
    ]
    given = {"networkid": tier["id"], "virtualmachineid": vm["id"]}
    ports = {"publicport": 80, "privateport": 8080}
    cs.createPortForwardingRule(ipaddressid=addresses[0], protocol="tcp", fetch_result=True, **ports, **given)
    assert cs.enableStaticNat(ipaddressid=addresses[1], **given)["success"] is True
    rule = cs.createLoadBalancerRule(
        name="lb", algorithm="leastconn", publicipid=addresses[2], networkid=tier["id"], fetch_result=True, **ports
    )["loadbalancer"]
    cs.assignToLoadBalancerRule(id=rule["id"], virtualmachineids=[vm["id"]], fetch_result=True)
    cs.createTags(resourcetype="Vpc", resourceids=vpc["id"], tags=[{"key": "by", "value": "cs"}], fetch_result=True)
    assert cs.listVPCs(tags=[{"key": "by", "value": "cs"}], fetch_list=True)[0]["id"] == vpc["id"]

    with pytest.raises(CloudStackApiException) as found:
        cs.createPortForwardingRule(ipaddressid=addresses[2], protocol="tcp", **ports, **given)
    assert found.value.error["errorcode"] == 431, "an address serves one purpose"

    for address in addresses:
        cs.disassociateIpAddress(id=address, fetch_result=True)
    cs.destroyVirtualMachine(id=vm["id"], expunge=True, fetch_result=True)
    cs.deleteNetwork(id=tier["id"], fetch_result=True)
    cs.deleteVPC(id=vpc["id"], fetch_result=True)
    assert world.are_empty(), world.what_is_left()
