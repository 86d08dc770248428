"""The client's calls about what stands inside a VPC: what they send, how they read it, and against the emulator."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from pydantic import SecretStr

from apps.cloudstack import connect
from apps.cloudstack.wire import StartedJob
from apps.kernel.remote import Rejected
from sandbox.world import World
from tests.cloudstack.scripted import Scripted
from tests.sandbox.cloudstack.client import root_of

KEYS = ("sandbox-api-key", "sandbox-secret-key")
NOBODY = "00000000-0000-4000-8000-000000000000"
EVERYWHERE = IPv4Network("0.0.0.0/0")


@pytest.fixture
def world():
    world = World(cloudstack_keys=KEYS)
    yield world
    world.close()


@pytest.fixture
def client(world):
    url, keys = "http://cloudstack.test/client/api", map(SecretStr, KEYS)
    with connect(url, *keys, transport=world.cloudstack_transport()) as client:
        yield client


@pytest.fixture
def root(world):
    return root_of(world)


@pytest.fixture
def vpc(root):
    return root.vpc()


@pytest.fixture
def tier(root, vpc):
    return root.tier(vpc)


def a_free_address(client):
    return next(row for page in client.public_ip_pages(client.list_zones()[0].id) for row in page if row.is_free)


def an_address(client, vpc):
    started = client.acquire_public_ip(a_free_address(client).ipaddress, vpc_id=vpc["id"])
    assert client.check_job(started.job)
    return client.get_public_ip(started.id)


# Public IPs


def test_an_address_is_named_taken_found_and_given_back(client, vpc):
    free = a_free_address(client)
    assert (free.is_free, free.forprovider) == (True, True)

    started = client.acquire_public_ip(free.ipaddress, vpc_id=vpc["id"])
    taken = client.find_public_ip(free.ipaddress, zone_id=free.zoneid)

    assert (started.id, client.check_job(started.job)) == (free.id, True)
    assert taken == client.get_public_ip(free.id)
    assert (taken.state, taken.vpcid, taken.account, taken.is_free) == ("Allocated", vpc["id"], "admin", False)
    assert taken in client.list_public_ips(vpc["id"])
    assert client.check_job(client.release_public_ip(free.id))
    assert client.get_public_ip(free.id).is_free
    assert client.find_public_ip(free.ipaddress, zone_id=free.zoneid).is_free


def test_an_address_that_is_taken_is_refused_by_its_code(client, vpc):
    address = an_address(client, vpc)

    with pytest.raises(Rejected) as caught:
        client.acquire_public_ip(address.ipaddress, vpc_id=vpc["id"])

    assert (caught.value.code, caught.value.text) == (533, "Insufficient address capacity")


def test_the_whole_pool_is_seen_with_what_is_taken_of_it(client, vpc):
    zone = client.list_zones()[0].id
    address = an_address(client, vpc)

    rows = [row for page in client.public_ip_pages(zone) for row in page]

    assert {row.state for row in rows} == {"Free", "Allocated"}
    assert all(row.forprovider for row in rows)
    assert {row.id for row in rows} >= {address.id}
    assert len(rows) == len({row.id for row in rows})


def test_an_address_that_no_pool_has_is_none(client):
    assert client.find_public_ip(IPv4Address("9.9.9.9"), zone_id=client.list_zones()[0].id) is None
    assert client.get_public_ip(NOBODY) is None


# Static NAT and port forwards


def test_static_nat_names_the_instance_and_its_address(client, root, vpc, tier):
    vm = root.machine(tier)
    address = an_address(client, vpc)
    second = root.done("addIpToNic", nicid=vm["nic"][0]["id"])["nicsecondaryip"]["ipaddress"]

    client.enable_static_nat(address.id, instance_id=vm["id"], network_id=tier["id"], guest_address=IPv4Address(second))

    now = client.get_public_ip(address.id)
    assert (now.isstaticnat, now.virtualmachineid, str(now.vmipaddress)) == (True, vm["id"], second)
    assert (now.associatednetworkid, now.hasrules) == (tier["id"], False)
    assert client.check_job(client.disable_static_nat(address.id))
    assert not client.get_public_ip(address.id).isstaticnat


def test_a_forward_is_made_read_and_deleted(client, root, vpc, tier):
    vm = root.machine(tier)
    address = an_address(client, vpc)

    made = client.create_port_forward(
        address.id, instance_id=vm["id"], network_id=tier["id"], protocol="udp", public_port=5353, private_port=53
    )

    assert client.check_job(made.job)
    forward = client.get_port_forward(made.id)
    assert (forward.protocol, forward.publicport, forward.privateport) == ("udp", 5353, 53)
    assert (forward.ipaddress, str(forward.vmguestip)) == (address.ipaddress, vm["ipaddress"])
    assert (forward.is_active, forward.virtualmachineid, forward.cidrlist) == (True, vm["id"], ())
    assert (
        client.port_forwards_of(address.id)
        == [forward]
        == [row for page in client.port_forward_pages() for row in page]
    )
    assert client.get_public_ip(address.id).hasrules
    assert client.check_job(client.delete_port_forward(made.id))
    assert (client.get_port_forward(made.id), client.port_forwards_of(address.id)) == (None, [])


def test_ports_come_as_text_and_ranges_in_one_text():
    rule = {"id": "r1", "publicport": "8000", "publicendport": "8010", "privateport": "80", "privateendport": "90"}
    rule |= {"cidrlist": "10.0.0.0/8, 192.0.2.7/32", "ipaddress": "198.51.100.3", "state": "Deleting"}

    (read,) = (
        Scripted({"listportforwardingrulesresponse": {"count": 1, "portforwardingrule": [rule]}})
        .client()
        .port_forwards_of("a1")
    )

    assert (read.publicport, read.publicendport, read.privateport, read.privateendport) == (8000, 8010, 80, 90)
    assert read.cidrlist == ("10.0.0.0/8", "192.0.2.7/32")
    assert not read.is_active


# Load balancers


def a_balancer(client, address, tier, **more):
    given = {"name": "lb-1", "network_id": tier["id"], "protocol": "udp", "public_port": 53, "private_port": 5353}
    made = client.create_balancer_rule(address.id, **given | more)
    assert client.check_job(made.job)
    return client.get_balancer_rule(made.id)


def test_a_balancer_is_made_filled_emptied_and_deleted(client, root, vpc, tier):
    vms = [root.machine(tier, name) for name in ("web-1", "web-2")]
    address = an_address(client, vpc)

    rule = a_balancer(client, address, tier)

    assert (rule.name, rule.protocol, rule.publicport, rule.privateport) == ("lb-1", "udp", 53, 5353)
    assert (rule.publicipid, rule.publicip, rule.networkid) == (address.id, address.ipaddress, tier["id"])
    assert (rule.state, rule.is_active, rule.cidrlist) == ("Add", False, ())
    assert client.balancer_rules_of(address.id) == [rule]
    assert [row for page in client.balancer_rule_pages() for row in page] == [rule]
    assert client.members_of(rule.id) == []

    assert client.check_job(client.assign_members(rule.id, [vm["id"] for vm in vms]))
    assert client.get_balancer_rule(rule.id).is_active
    assert {vm.id for vm in client.members_of(rule.id)} == {vm["id"] for vm in vms}
    assert all(vm.nic_in(tier["id"]) and vm.is_running and not vm.hostid for vm in client.members_of(rule.id))

    assert client.check_job(client.remove_members(rule.id, [vms[0]["id"]]))
    assert [vm.id for vm in client.members_of(rule.id)] == [vms[1]["id"]]
    assert client.check_job(client.delete_balancer_rule(rule.id))
    assert (client.get_balancer_rule(rule.id), client.balancer_rules_of(address.id)) == (None, [])
    assert client.members_of(rule.id) == []


def test_members_join_as_a_whole_or_not_at_all(client, root, vpc, tier):
    vms = [root.machine(tier, name) for name in ("web-1", "web-2")]
    rule = a_balancer(client, an_address(client, vpc), tier)
    assert client.check_job(client.assign_members(rule.id, [vms[0]["id"]]))

    job = client.assign_members(rule.id, [vm["id"] for vm in vms])

    with pytest.raises(Rejected) as caught:
        client.check_job(job)
    assert (caught.value.code, caught.value.text) == (530, "Failed to assign load balancer rule")
    assert [vm.id for vm in client.members_of(rule.id)] == [vms[0]["id"]]
    assert client.check_job(client.remove_members(rule.id, [vms[1]["id"]]))


def test_a_second_balancer_of_a_port_is_refused_by_its_code(client, vpc, tier):
    address = an_address(client, vpc)
    rule = a_balancer(client, address, tier)

    with pytest.raises(Rejected) as caught:
        a_balancer(client, address, tier, name="lb-2")
    assert caught.value.code == 537

    assert client.check_job(client.delete_balancer_rule(rule.id))
    with pytest.raises(Rejected) as caught:
        client.delete_balancer_rule(rule.id)
    assert caught.value.code == 431


def test_a_recorded_balancer_is_read():
    recorded = {
        "id": "fe1bb4a7-82b9-48b7-959e-e513ee498390",
        "name": "lb one",
        "publicipid": "09a1d245-a60c-4caa-917e-26ff14ac9501",
        "publicip": "198.51.100.4",
        "publicport": "80",
        "privateport": "8080",
        "algorithm": "roundrobin",
        "networkid": "639caa2e-6e76-47d4-a385-54f0539df201",
        "cidrlist": "0.0.0.0/0",
        "account": "acct",
        "state": "Active",
        "protocol": "tcp",
        "tags": [],
        "fordisplay": True,
    }
    answer = {"listloadbalancerrulesresponse": {"count": 1, "loadbalancerrule": [recorded]}}

    rule = Scripted(answer).client().get_balancer_rule(recorded["id"])

    assert (rule.name, rule.publicport, rule.privateport, rule.cidrlist) == ("lb one", 80, 8080, ("0.0.0.0/0",))
    assert (rule.is_active, str(rule.publicip), rule.protocol) == (True, "198.51.100.4", "tcp")


# Network ACLs


def test_a_list_is_made_filled_attached_and_taken_away(client, vpc, tier):
    started = client.create_acl_list(name="weft-1", description="web", vpc_id=vpc["id"])
    assert client.check_job(started.job)
    acl = client.get_acl_list(started.id)
    assert client.acl_lists_of(vpc["id"]) == [acl]
    assert (acl.name, acl.vpcid) == ("weft-1", vpc["id"])

    permit = client.create_acl_item(
        acl.id, number=20, action="Allow", traffic_type="Ingress", protocol="tcp", cidr=IPv4Network("192.0.2.0/24"),
        start_port=80, end_port=81, reason="web",
    )  # fmt: skip
    deny = client.create_acl_item(
        acl.id, number=1, action="Deny", traffic_type="Ingress", protocol="all", cidr=EVERYWHERE
    )
    ping = client.create_acl_item(
        acl.id,
        number=30,
        action="Allow",
        traffic_type="Egress",
        protocol="icmp",
        cidr=EVERYWHERE,
        icmp_type=8,
        icmp_code=0,
    )
    assert all(client.check_job(each.job) for each in (permit, deny, ping))

    items = client.acl_items(acl.id)
    assert [item.id for item in items] == [deny.id, permit.id, ping.id]
    assert [item.number for item in items] == [1, 20, 30]
    assert (items[0].action, items[0].protocol, items[0].startport, items[0].cidrlist) == (
        "Deny",
        "all",
        None,
        ("0.0.0.0/0",),
    )
    assert (items[1].startport, items[1].endport, items[1].reason, items[1].is_active) == (80, 81, "web", True)
    assert (items[2].icmptype, items[2].icmpcode, items[2].traffictype) == (8, 0, "Egress")
    assert {item.id for page in client.acl_item_pages() for item in page} >= {item.id for item in items}

    assert client.check_job(client.replace_acl_list(acl.id, network_id=tier["id"]))
    assert client.get_network(tier["id"]).aclid == acl.id
    assert client.check_job(client.delete_acl_item(permit.id))
    with pytest.raises(Rejected, match="still associated"):
        client.check_job(client.delete_acl_list(acl.id))
    deny_all = next(row.id for row in client.acl_lists() if row.name == "default_deny")
    assert client.check_job(client.replace_acl_list(deny_all, network_id=tier["id"]))
    assert client.check_job(client.delete_acl_list(acl.id))
    assert client.get_acl_list(acl.id) is None


def test_an_item_is_never_sent_without_number_and_range():
    cloud = Scripted({"createnetworkaclresponse": {"id": "i1", "jobid": "j1"}})

    made = cloud.client().create_acl_item(
        "l1",
        number=7,
        action="Allow",
        traffic_type="Ingress",
        protocol="tcp",
        cidr=EVERYWHERE,
        start_port=22,
        end_port=22,
    )

    assert made == StartedJob(id="i1", job="j1")
    assert cloud.forms[0].items() >= {"number": "7", "cidrlist": "0.0.0.0/0", "startport": "22", "aclid": "l1"}.items()
    assert not {"icmptype", "icmpcode", "reason"} & cloud.forms[0].keys()


# Instances


def test_instances_come_with_the_addresses_of_their_nics(client, root, vpc, tier):
    other = root.tier(vpc, "db", gateway="10.10.2.1")
    vm = root.machine({"id": f"{tier['id']},{other['id']}"})
    second = root.done("addIpToNic", nicid=vm["nic"][0]["id"])["nicsecondaryip"]["ipaddress"]

    found = client.get_instance(vm["id"])

    assert (found.name, found.state, found.is_running, found.account) == ("web-1", "Running", True, "admin")
    assert (found.hostid, found.hostname) != ("", "")
    nic = found.nic_in(tier["id"])
    assert (str(nic.ipaddress), nic.isdefault, nic.vpcid) == (vm["ipaddress"], True, vpc["id"])
    assert [str(each.ipaddress) for each in nic.secondaryip] == [second]
    assert found.nic_in(other["id"]).networkname == "db"
    assert found.nic_in(NOBODY) is None
    assert client.instances_of(vpc["id"]) == [found]
    assert [row for page in client.instance_pages(client.list_zones()[0].id) for row in page] == [found]


def test_an_instance_that_is_gone_is_none_and_a_stopped_one_has_no_host(client, root, tier):
    vm = root.machine(tier)
    root.done("stopVirtualMachine", id=vm["id"])

    stopped = client.get_instance(vm["id"])
    assert (stopped.state, stopped.hostid, stopped.is_running) == ("Stopped", "", False)
    assert str(stopped.nic[0].ipaddress) == vm["ipaddress"]

    root.done("destroyVirtualMachine", id=vm["id"], expunge="true")
    assert client.get_instance(vm["id"]) is None


def test_a_nic_without_an_address_can_be_read():
    vm = {"id": "m1", "state": "Stopped", "nic": [{"id": "n1", "networkid": "t1"}]}

    (read,) = (
        Scripted({"listvirtualmachinesresponse": {"count": 1, "virtualmachine": [vm]}}).client().instances_of("v1")
    )

    assert (read.nic[0].ipaddress, read.nic[0].secondaryip) == (None, ())


def test_instances_are_asked_for_with_their_nics_alone():
    cloud = Scripted({"listvirtualmachinesresponse": {}})

    assert list(cloud.client().instance_pages("z1")) == [[]]
    assert cloud.forms[0].items() >= {"details": "nics", "zoneid": "z1", "listall": "true", "pagesize": "500"}.items()
