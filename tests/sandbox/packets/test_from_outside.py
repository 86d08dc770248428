"""Packets from the internet to public addresses, and the machines and SoftGates behind them. Each test has the sentence
of the facts that it follows."""

from __future__ import annotations

import pytest

from sandbox.packets import End, Packet, Stop, Why
from tests.sandbox.cloudstack.client import client_of, root_of
from tests.sandbox.control import order
from tests.sandbox.generated import world_of
from tests.sandbox.packets.plane import SOMEWHERE, at
from tests.sandbox.traps.scene import ANYWHERE

# public addresses: 2.4, 5.7


def test_an_address_that_nothing_stands_on_leads_nowhere(plane):
    """The `/32` on Netris is no service; acquiring an address makes no call at all (cloudstack-api.md 5.4)."""
    assert plane.sent(plane.public).stopped_by == Stop(Why.NO_SERVICE, plane.public)


def test_static_nat_is_for_every_protocol_and_port(plane):
    """`protocol all` DNAT is 1:1 (2.4)."""
    plane.static()

    assert plane.sent(plane.public, 22).ends == at(plane.vm, 22)
    assert plane.sent(plane.public, 53, protocol="udp").ends == at(plane.vm, 53)
    assert plane.sent(plane.public, protocol="icmp").ends == at(plane.vm, 0)
    assert plane.sent(plane.public, protocol="other").ends == at(plane.vm, 0)
    assert plane.sent(plane.public).via == (f"nat {plane.nat_rows[0]['name']}",)


def test_static_nat_to_a_secondary_address_goes_there_and_a_forward_does_not(plane):
    """5.7, 4: a forward to a secondary address goes to the primary, static NAT is right."""
    extra = plane.secondary()
    plane.static(vmguestip=extra)
    plane.forwarded(22, plane.other_address, vmguestip=extra)

    assert plane.sent(plane.public).ends == (End(extra, 443, plane.vm["id"]),)
    assert plane.sent(plane.other_address["ipaddress"], 22).ends == at(plane.vm, 22)


def test_a_forward_is_for_its_protocol_and_port_alone_and_changes_the_port(plane):
    """DNAT forwards public IP and port to a private IP and port (2.4)."""
    plane.forwarded(80, privateport=8080)

    assert plane.sent(plane.public, 80).ends == at(plane.vm, 8080)
    for asked in ({"port": 81}, {"port": 80, "protocol": "udp"}, {"protocol": "icmp"}):
        assert plane.sent(plane.public, **asked).stopped_by == Stop(Why.NO_SERVICE, plane.public)


def test_the_sources_of_a_forward_shut_nobody_out(plane):
    """flows.md 0, 4: `cidrlist` is ignored."""
    plane.forwarded(22, cidrlist="198.18.5.0/24")

    assert plane.sent(plane.public, 22).arrives


def test_a_second_static_nat_that_cloudstack_shows_leads_nowhere_and_its_end_ends_the_first(plane):
    """flows.md 0, 3."""
    plane.static()
    with pytest.raises(Exception, match="431"):
        plane.static(plane.other_address, vmguestip=plane.secondary())
    assert plane.shown(plane.other_address)["isstaticnat"]
    assert plane.sent(plane.other_address["ipaddress"]).stopped_by.what == Why.NO_SERVICE
    assert plane.sent(plane.public).arrives

    plane.disable(plane.other_address)

    assert plane.shown()["isstaticnat"]
    assert plane.sent(plane.public).stopped_by.what == Why.NO_SERVICE


def test_a_disabled_rule_translates_nothing(plane):
    plane.static()
    (rule,) = plane.nat_rows
    assert plane.netris.put("/api/v2/nat/bulk", json=[{"id": rule["id"], "state": "disabled"}]).is_success

    assert plane.sent(plane.public).stopped_by.what == Why.NO_SERVICE


# machines


def test_a_machine_that_is_off_or_gone_takes_nothing(plane):
    """Rules of a destroyed VM stay until it is expunged (5.7)."""
    plane.static()
    plane.root.done("stopVirtualMachine", id=plane.vm["id"])
    assert plane.sent(plane.public).stopped_by == Stop(Why.MACHINE_OFF, "web-1")

    plane.root.done("destroyVirtualMachine", id=plane.vm["id"])
    assert plane.sent(plane.public).stopped_by == Stop(Why.MACHINE_OFF, "web-1")
    plane.root.done("destroyVirtualMachine", id=plane.vm["id"], expunge="true")
    assert plane.sent(plane.public).stopped_by.what == Why.NO_SERVICE


def test_a_machine_refuses_and_times_out_as_it_was_told_and_is_reached_all_the_same(plane):
    plane.static()
    plane.told(plane.vm, "refuse", port=443)
    plane.told(plane.vm, "time_out", port=80)
    plane.told(plane.vm, "answer_500", port=8080)

    refused = plane.sent(plane.public)
    assert (refused.stopped_by, refused.is_delivered) == (Stop(Why.REFUSED, "web-1"), True)
    assert plane.sent(plane.public, 80).stopped_by == Stop(Why.TIMED_OUT, "web-1")
    for asked in ({"port": 8080}, {"port": 22}, {"protocol": "icmp"}):
        assert plane.sent(plane.public, **asked).arrives


def test_on_a_dead_hypervisor_a_machine_is_off(plane):
    plane.static()
    host = plane.root.list("listVirtualMachines", id=plane.vm["id"])[0]["hostname"]
    order(plane.netris, f"devices/{host}/kill")

    assert plane.sent(plane.public).stopped_by == Stop(Why.MACHINE_OFF, "web-1")


# SoftGates and uplinks: 3.7


def kill(plane, role):
    for device in plane.netris.get("/api/v2/hw").json()["data"]:
        if device["type"] == "softgate" and device["sgRole"] == role:
            order(plane.netris, f"devices/{device['name']}/kill")


def test_without_general_softgates_nothing_comes_in(plane):
    """Every DNAT and L4LB rule is on every General node; each SNAT rule on a SNAT node."""
    plane.static()
    plane.balanced(plane.other_address)
    kill(plane, "general")

    assert plane.sent(plane.public).stopped_by.what == Why.NO_SOFTGATE
    assert plane.sent(plane.other_address["ipaddress"]).stopped_by.what == Why.NO_SOFTGATE


def test_without_snat_softgates_only_those_with_addresses_of_their_own_get_out(plane):
    plane.static()
    kill(plane, "snat")

    assert plane.inside(plane.vm, "192.0.2.9").arrives
    assert plane.inside(plane.other_vm, "192.0.2.9").stopped_by == Stop(Why.NO_SOFTGATE, "snat")


def test_one_general_softgate_carries_everything(plane):
    """Loss of a General node: alarm only, traffic moves."""
    plane.balanced()
    order(plane.netris, "devices/SoftGate-1/kill")

    assert plane.sent(plane.public).is_always


def test_without_a_session_with_the_internet_nothing_comes_in(plane):
    plane.static()
    for session in plane.netris.get("/api/v2/ebgp", params={"filterByVpc": 1}).json()["data"]:
        order(plane.netris, "change", table="ebgp", id=session["id"], fields={"peerState": "Idle"})

    assert plane.sent(plane.public).stopped_by.what == Why.NO_UPLINK


# addresses of the internet's own (ROUTED)


def test_a_routed_tier_is_reached_by_its_own_addresses_and_leaves_with_them(plane, root):
    """`globalRouting` is set for ROUTED mode, where no NAT is made (4.3)."""
    vpc = root.vpc("routed", cidr="172.20.0.0/16", mode="Route")
    tier = root.tier(vpc, "open", mode="Routed", gateway="172.20.1.1")
    vm = root.machine(tier, "open-1")

    assert plane.sent(vm["ipaddress"]).ends == at(vm, 443)
    assert plane.sent("172.20.1.200").stopped_by == Stop(Why.NOBODY, "172.20.1.200")
    out = plane.inside(vm, "192.0.2.9")
    assert (out.arrives, out.via) == (True, ())


# whole worlds


@pytest.fixture(scope="module")
def town():
    """To be looked at only."""
    return world_of("leaves=4,tenants=3,vpcs=12,tiers=2,machines=2,rules=3,forwards=2,balancers=2,staticnats=2,seed=3")


def everything(town, command):
    return root_of(town).list(command, listall="true", pagesize=500, page=1)


def leads_to(town, address, port):
    """The machines that a packet may get to."""
    found = town.would_pass(Packet(address, "tcp", int(port), source=SOMEWHERE))
    assert found.is_sure and found.is_always, found
    return {end.machine for end in found.ends}


def test_what_leads_into_a_generated_world_leads_where_cloudstack_says(town):
    """Its lists only permit, and so does its site."""
    root = root_of(town)
    wanted = [
        (rule["ipaddress"], rule["publicport"], {rule["virtualmachineid"]})
        for rule in everything(town, "listPortForwardingRules")
    ]
    wanted += [
        (
            row["publicip"],
            row["publicport"],
            {vm["id"] for vm in root.list("listLoadBalancerRuleInstances", id=row["id"])},
        )
        for row in everything(town, "listLoadBalancerRules")
    ]
    wanted += [
        (row["ipaddress"], port, {row["virtualmachineid"]})
        for row in everything(town, "listPublicIpAddresses")
        for port in (22, 80, 443, 8080)
        if row.get("isstaticnat")
    ]

    assert len(wanted) == 24 + 24 + 24 * 4
    assert [leads_to(town, address, port) for address, port, _ in wanted] == [machines for *_, machines in wanted]


# asked over the control endpoint


def asked(world, **body):
    return client_of(world).post("/_sandbox/would-pass", json=body)


def test_the_control_endpoint_answers_the_same(plane):
    plane.static()
    plane.told(plane.vm, "refuse")

    found = asked(plane.world, to=plane.public, protocol="tcp", port=443, source=SOMEWHERE).json()

    assert (found["arrives"], found["is_delivered"], found["is_sure"]) == (False, True, True)
    assert found["stopped_by"] == {"what": "refused", "name": "web-1"}
    assert found["ends"][0]["machine"] == plane.vm["id"]
    assert asked(plane.world, to="192.0.2.9", protocol="icmp", instance="web-1").json()["arrives"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"to": "10.10.1.9", "protocol": "tcp", "port": 80},
        {"to": "nowhere", "protocol": "tcp", "port": 80, "source": SOMEWHERE},
        {"to": "10.10.1.9", "protocol": "tcp", "source": SOMEWHERE},
        {"to": "10.10.1.9", "protocol": "icmp", "port": 80, "source": SOMEWHERE},
        {"to": "10.10.1.9", "protocol": "carrier pigeon", "source": SOMEWHERE},
        {"to": "10.10.1.9", "protocol": "tcp", "port": 70000, "source": SOMEWHERE},
        {"to": "10.10.1.9", "protocol": "tcp", "port": "80", "source": SOMEWHERE},
        {"to": "10.10.1.9", "protocol": "icmp", "instance": "nobody"},
        {"to": "10.10.1.9", "protocol": "icmp", "instance": "web-1", "source": "10.10.1.99"},
        {"to": 5, "protocol": "icmp", "source": SOMEWHERE},
        {"to": "2001:db8::1", "protocol": "icmp", "source": SOMEWHERE},
    ],
)
def test_packets_that_make_no_sense_are_refused(plane, wrong):
    assert plane.vm

    assert asked(plane.world, **wrong).status_code == 400


def test_a_group_of_ports_keeps_their_numbers(plane):
    """DNAT of a port group: several ports, which keep their numbers (2.4)."""
    plane.forwarded(22)
    group = plane.posted("/api/aclportgroups", name="web", ports=["80", "8000-8010"])["id"]
    body = {"name": "several", "site": {"id": 1}, "vpc": {"id": plane.netris_vpc}, "action": "DNAT", "protocol": "tcp"}
    body |= {"sourceAddress": ANYWHERE, "destinationAddress": f"{plane.public}/32", "portGroup": {"id": group}}
    plane.posted("/api/v2/nat", **body, dnatToIP=f"{plane.other_vm['ipaddress']}/32")

    assert plane.sent(plane.public, 8005).ends == at(plane.other_vm, 8005)
    assert plane.sent(plane.public, 80).ends == at(plane.other_vm, 80)
    assert plane.sent(plane.public, 22).ends == at(plane.vm, 22)
    assert plane.sent(plane.public, 8011).stopped_by.what == Why.NO_SERVICE


def test_a_rule_of_a_port_and_one_of_the_whole_address_are_a_doubt(plane):
    plane.static()
    body = {"name": "one port", "site": {"id": 1}, "vpc": {"id": plane.netris_vpc}, "action": "DNAT", "protocol": "tcp"}
    body |= {"sourceAddress": ANYWHERE, "destinationAddress": f"{plane.public}/32", "destinationPort": "22"}
    plane.posted("/api/v2/nat", **body, dnatToIP=f"{plane.other_vm['ipaddress']}/32", dnatToPort=22)

    assert (plane.sent(plane.public, 22).is_sure, plane.sent(plane.public, 80).is_sure) == (False, True)
