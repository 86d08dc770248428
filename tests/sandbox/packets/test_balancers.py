"""Packets to load balancers, each with the sentence of the facts that it follows."""

from __future__ import annotations

from sandbox.packets import End, Stop, Why
from tests.sandbox.control import order
from tests.sandbox.packets.plane import PATIENCE, at

# balancers: 2.5, 3.7


def test_a_balancer_leads_to_any_of_its_members_at_their_port(plane):
    plane.balanced()

    assert set(plane.sent(plane.public).ends) == {*at(plane.vm, 8443), *at(plane.other_vm, 8443)}
    assert plane.sent(plane.public, 8443).stopped_by == Stop(Why.NO_SERVICE, plane.public)
    assert plane.sent(plane.public, protocol="udp").stopped_by == Stop(Why.NO_SERVICE, plane.public)


def test_without_a_health_check_part_of_the_packets_go_to_a_dead_member(plane):
    """The plugin asks for no health check (5.6)."""
    plane.balanced()
    plane.root.done("stopVirtualMachine", id=plane.vm["id"])
    plane.world.clock.advance(PATIENCE)
    found = plane.sent(plane.public)
    assert (found.arrives, found.is_always) == (True, False)

    plane.written(healthCheck="TCP")

    assert plane.sent(plane.public).ends == at(plane.other_vm, 8443)


def test_a_member_that_fails_its_probes_gets_nothing_and_without_members_nothing_arrives(plane):
    plane.balanced()
    plane.written(healthCheck="TCP")
    plane.told(plane.vm, "refuse", port=8443)
    plane.world.clock.advance(PATIENCE)
    assert plane.sent(plane.public).ends == at(plane.other_vm, 8443)

    plane.told(plane.other_vm, "time_out")
    assert not plane.sent(plane.public).is_always  # not found out yet
    plane.world.clock.advance(PATIENCE)

    assert plane.sent(plane.public).stopped_by == Stop(Why.NO_MEMBER, f"{plane.stem}-LB1")


def test_a_member_in_maintenance_gets_nothing_and_a_disabled_balancer_is_none(plane):
    plane.balanced()
    backends = [
        {"ip": vm["ipaddress"], "port": 8443, "maintenance": vm is plane.vm} for vm in (plane.vm, plane.other_vm)
    ]
    plane.written(backendIps=backends)
    assert plane.sent(plane.public).ends == at(plane.other_vm, 8443)

    plane.written(status="disable")

    assert plane.sent(plane.public).stopped_by == Stop(Why.NO_SERVICE, plane.public)


def test_a_udp_balancer_of_cloudstack_s_takes_tcp(plane):
    """W10: it is posted with protocol TCP."""
    plane.balanced(protocol="udp")
    assert plane.sent(plane.public, protocol="udp").stopped_by.what == Why.NO_SERVICE
    assert plane.sent(plane.public).arrives

    plane.written(protocol="UDP")

    assert plane.sent(plane.public, protocol="udp").arrives
    assert not plane.sent(plane.public).arrives


def test_a_balancer_s_sources_are_rules_about_its_address_in_the_system_vpc(plane):
    """LBACL0 denies any to the address, and one permit follows for each range (4.3)."""
    plane.balanced(cidrlist="192.0.2.0/24")

    assert plane.sent(plane.public).arrives
    stop = plane.sent(plane.public, source="198.18.0.9").stopped_by
    assert (stop.what, stop.name) == (Why.RULE, f"{plane.stem}-LBACL0-web")


def test_of_two_balancers_of_one_name_the_first_stands_open(plane):
    """flows.md 0, 2."""
    plane.balanced(cidrlist="192.0.2.0/24")
    stranger = {"source": "198.18.0.9"}
    assert not plane.sent(plane.public, **stranger).arrives

    plane.balanced(plane.other_address, cidrlist="192.0.2.0/24")

    assert plane.sent(plane.public, **stranger).arrives
    assert not plane.sent(plane.other_address["ipaddress"], **stranger).arrives


def test_a_list_of_the_members_tier_shuts_its_balancer_too(plane):
    plane.balanced()
    plane.ruled("closed", action="deny")

    assert plane.sent(plane.public).stopped_by == Stop(Why.RULE, "closed")


def test_whether_a_denying_default_holds_for_public_addresses_is_a_doubt(plane):
    plane.balanced()
    plane.ruled("in", dst_prefix="10.10.1.0/24")
    assert plane.sent(plane.public).is_sure

    plane.denies()

    found = plane.sent(plane.public)
    assert (found.arrives, found.is_sure) == (True, False)
    plane.ruled("to the address", dst_prefix=f"{plane.public}/32", vpc={"id": 1})
    assert plane.sent(plane.public).is_sure


def test_where_one_softgate_has_no_member_left_part_of_the_packets_are_lost(plane):
    """Each General node checks and carries by itself (3.7)."""
    plane.balanced(members=[plane.vm])
    plane.written(healthCheck="TCP")
    member = {"vpc": plane.netris_vpc, "ip": plane.vm["ipaddress"], "softgate": "SoftGate-2"}
    order(plane.netris, "members", does="time_out", **member)
    plane.world.clock.advance(PATIENCE)

    found = plane.sent(plane.public)

    assert (found.arrives, found.is_always) == (True, False)
    assert End(plane.public, 443, stop=Stop(Why.NO_MEMBER, f"{plane.stem}-LB1")) in found.ends


def test_what_a_killed_softgate_said_last_counts_for_nothing(plane):
    plane.balanced(members=[plane.vm])
    plane.written(healthCheck="TCP")
    order(plane.netris, "devices/SoftGate-2/kill")
    plane.told(plane.vm, "refuse")
    plane.world.clock.advance(PATIENCE)

    found = plane.sent(plane.public)

    assert [end.stop.what for end in found.ends] == [Why.NO_MEMBER]
