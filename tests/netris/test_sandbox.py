"""The client against the emulated controller, with a VPC in it that the emulated CloudStack has made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network

import pytest
from pydantic import SecretStr

from apps import cloudstack
from apps.kernel.remote import Rejected, Unauthorized, Unavailable
from apps.netris import Netris, connect
from sandbox.kit.faults import Kind
from sandbox.world import World
from tests.sandbox.cloudstack.client import root_of

KEYS = ("sandbox-api-key", "sandbox-secret-key")
LOGIN = ("weft", "sandbox")


def a_client(world: World, password: str = LOGIN[1]) -> Netris:
    return connect("http://netris.test", LOGIN[0], SecretStr(password), transport=world.netris_transport())


@pytest.fixture
def world():
    world = World(cloudstack_keys=KEYS, netris_login=LOGIN, netris_session_seconds=600)
    yield world
    world.close()


@pytest.fixture
def client(world):
    with a_client(world) as client:
        yield client


@pytest.fixture
def tier(world):
    """A tier in a VPC, as CloudStack sees it."""
    url, keys = "http://cloudstack.test/client/api", map(SecretStr, KEYS)
    with cloudstack.connect(url, *keys, transport=world.cloudstack_transport()) as cloud:
        zone, root = cloud.list_zones()[0].id, cloud.create_domain("acme").parentdomainid
        vpc = cloud.create_vpc(
            name="vpc-1",
            displaytext="",
            zone_id=zone,
            offering_id=cloud.list_vpc_offerings()[0].id,
            cidr=IPv4Network("10.10.0.0/16"),
            account="admin",
            domain_id=root,
        )
        assert cloud.check_job(vpc.job)
        return cloud.create_network(
            name="tier-1",
            displaytext="",
            vpc_id=vpc.id,
            zone_id=zone,
            offering_id=cloud.list_network_offerings()[0].id,
            gateway=IPv4Address("10.10.1.1"),
            netmask=IPv4Address("255.255.255.0"),
            account="admin",
            domain_id=root,
        )


def logins(world: World) -> int:
    return world.netris.control.calls["POST /api/auth"] - 1  # one is the plugin's


def test_what_cloudstack_made_is_found_by_its_join_keys(client, tier):
    vpcs = client.vpcs()
    vpc = next(vpc for vpc in vpcs if vpc.name.endswith("-vpc-1"))
    assert client.get_vpc(vpc.id) == vpc

    [vnet] = client.vnets(vpc.id)
    assert (vnet.vxlan_id, vnet.vpc.id, str(vnet.gateways[0].prefix)) == (tier.vni, vpc.id, "10.10.1.1/24")
    assert client.get_vnet(vnet.id) is not None
    [allocation] = client.ipam(vpc.id)
    assert allocation.prefix == IPv4Network("10.10.0.0/16")
    assert [subnet.prefix for subnet in allocation.children] == [tier.cidr]
    assert tier.cidr in {subnet.prefix for subnet in client.subnets(vpc.id)}
    [rule] = [rule for rule in client.all_nat_rules() if rule.vpc.id == vpc.id]
    assert (rule.action, rule.source_address) == ("SNAT", allocation.prefix)
    assert rule.snat_to_ip in IPv4Network("198.51.100.0/25")
    resources = client.resources_of_vpc(vpc.id)
    assert resources is not None
    assert [ref.id for ref in resources.allocations] == [allocation.id]
    assert [ref.id for ref in resources.vnets] == [vnet.id]


def test_vnets_of_all_vpcs_are_more_than_those_of_the_default_one(client, tier):
    vpcs = client.vpcs()
    default = next(vpc for vpc in vpcs if vpc.is_default)

    everywhere = client.all_vnets([vpc.id for vpc in vpcs])

    assert tier.vni in {vnet.vxlan_id for vnet in everywhere}
    assert {vnet.vpc.id for vnet in client.vnets(None)} == {default.id}
    assert client.all_vnets([]) == []


def test_the_fabric_is_read_whole(client):
    devices = {device.name: device for device in client.devices()}
    ports = {port.name for port in client.ports()}
    system = next(vpc for vpc in client.vpcs() if vpc.is_system)

    assert sorted(device.sg_role for device in devices.values() if device.type == "softgate") == [
        "general",
        "general",
        "snat",
        "snat",
    ]
    assert all(device.last_seen and device.main_address and device.checks for device in devices.values() if device.asn)
    assert client.get_device(devices["Leaf-1"].id) is not None
    assert all({link.local.name, link.remote.name} <= ports for link in client.links())
    assert any(link.underlay for link in client.links())
    assert {session.device.name for session in client.ebgp_sessions(system.id)} <= set(devices)
    assert all(session.neighbor_as and session.remote_address for session in client.ebgp_sessions(system.id))
    assert [site.public_asn for site in client.sites()] == [65001]
    assert [tenant.name for tenant in client.tenants()] == ["Admin"]


def test_what_was_never_there_is_none(client):
    assert client.get_vpc(9999) is None
    assert client.get_vnet(9999) is None
    assert client.get_device(9999) is None


def test_a_session_that_ended_is_renewed_without_notice(world, client):
    client.ping()
    world.clock.advance(timedelta(hours=2))

    assert client.vpcs()
    assert logins(world) == 2


def test_many_threads_log_in_once(world, client):
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: client.vpcs(), range(30)))

    assert logins(world) == 1


def test_a_wrong_password_is_a_fault_for_a_person(world):
    with a_client(world, "wrong") as client, pytest.raises(Unauthorized):
        client.ping()


def test_a_refusal_is_rejected_in_words(world, client):
    world.netris.faults.order(Kind.REFUSE, "GET /api/v2/vnet", text="No rights on V-Nets")

    with pytest.raises(Rejected, match="No rights on V-Nets"):
        client.vnets(None)


def test_a_controller_that_is_down_is_for_later(world, client):
    world.netris.faults.order(Kind.DOWN)

    with pytest.raises(Unavailable):
        client.vpcs()


def test_a_read_survives_one_lost_reply(world, client):
    world.netris.faults.order(Kind.LOSE_REPLY, "GET /api/v2/hw", times=1)

    assert client.devices()


def test_the_client_works_over_real_connections(world):
    _, netris = world.serve()
    with connect(netris.url, LOGIN[0], SecretStr(LOGIN[1])) as client, ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: len(client.ports()), range(20)))

    assert len(set(answers)) == 1
    assert logins(world) == 1


def test_a_guard_is_made_read_back_and_taken_away(client, tier):
    vpc = next(vpc for vpc in client.vpcs() if vpc.name.endswith("-vpc-1"))
    guard = {"vpc_id": vpc.id, "action": "deny", "protocol": "ip", "source": IPv4Network("0.0.0.0/0")}
    guard |= {"destination": tier.cidr, "comment": "closed"}

    made = client.create_acl(name="weft-guard-1", **guard)

    [rule] = client.acls(vpc.id)
    assert (rule.id, rule.name, rule.action, rule.protocol) == (made, "weft-guard-1", "deny", "ip")
    assert (rule.source, rule.destination, rule.comment) == (IPv4Network("0.0.0.0/0"), tier.cidr, "closed")
    assert (rule.is_reversed, rule.is_enabled, rule.vpc.id) == (True, True, vpc.id)
    with pytest.raises(Rejected, match="This kind of acl already exists"):
        client.create_acl(name="weft-guard-2", **guard)
    client.delete_acl(made, netris_tenant_id=client.tenants()[0].id)
    assert client.acls(vpc.id) == []


def test_the_rules_of_a_vpc_and_its_addresses_are_read(client, world, tier):
    caller = root_of(world)
    vpc = next(vpc for vpc in client.vpcs() if vpc.name.endswith("-vpc-1"))
    vm = caller.machine({"id": tier.id})
    address = caller.public_ip(tier.vpcid)
    ports = {"protocol": "tcp", "publicport": 8022, "privateport": 22, "networkid": tier.id}
    caller.done("createPortForwardingRule", ipaddressid=address["id"], virtualmachineid=vm["id"], **ports)

    [rule] = [rule for rule in client.nat_rules(vpc.id) if rule.action == "DNAT"]
    assert (str(rule.destination_address), rule.destination_port) == (f"{address['ipaddress']}/32", "8022")
    assert (str(rule.dnat_to_ip), rule.dnat_to_port, rule.protocol) == (vm["ipaddress"], 22, "tcp")
    assert (str(rule.source_address), rule.is_enabled) == ("0.0.0.0/0", True)
    assert client.get_nat_rule(rule.id) == rule
    system = next(each for each in client.vpcs() if each.is_system)
    [subnet] = [each for each in client.public_subnets(system.id) if str(each.prefix) == f"{address['ipaddress']}/32"]
    assert (subnet.purpose, subnet.name.rpartition("-")[2]) == ("nat", str(subnet.prefix))


def test_a_balancer_of_the_plugins_gets_a_health_check(client, world, tier):
    caller = root_of(world)
    vpc = next(vpc for vpc in client.vpcs() if vpc.name.endswith("-vpc-1"))
    vms = [caller.machine({"id": tier.id}, name) for name in ("web-1", "web-2")]
    address = caller.public_ip(tier.vpcid)
    ports = {"algorithm": "roundrobin", "publicport": 80, "privateport": 8080, "networkid": tier.id}
    rule = caller.done("createLoadBalancerRule", publicipid=address["id"], name="lb-1", **ports)["loadbalancer"]
    assert client.balancers(vpc.id) == []
    caller.done("assignToLoadBalancerRule", id=rule["id"], virtualmachineids=",".join(vm["id"] for vm in vms))

    [made] = client.balancers(vpc.id)
    client.update_balancer(made, protocol="TCP", check="HTTP", timeout=1500, path="/up")

    now = client.get_balancer(made.id)
    assert (str(now.ip), now.port, now.vpc.id, now.is_enabled) == (address["ipaddress"], 80, vpc.id, True)
    assert (made.check.protocol, now.check.protocol, now.check.timeout) == ("", "HTTP", 1500)
    assert now.check.request_path == "/up"
    assert {(str(each.ip), each.port) for each in now.backends} == {(vm["ipaddress"], 8080) for vm in vms}
    assert {probe.softgate.name for each in now.backends for probe in each.probes} == {"SoftGate-1", "SoftGate-2"}
    assert now in client.all_balancers()
    caller.done("removeFromLoadBalancerRule", id=rule["id"], virtualmachineids=vms[0]["id"])
    assert client.get_balancer(made.id).check.protocol == ""
    client.update_balancer(client.get_balancer(made.id), protocol="UDP", check="None")
    assert (client.get_balancer(made.id).protocol, len(client.get_balancer(made.id).backends)) == ("UDP", 1)
    assert client.get_balancer(9999) is None
