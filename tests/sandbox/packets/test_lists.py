"""Packets that access lists decide about, each with the sentence of the facts that it follows."""

from __future__ import annotations

from sandbox.packets import Stop, Why
from tests.sandbox.traps.scene import ANYWHERE

# access lists: 2.6


def tier_of(plane, *rules, **more):
    """A tier with a list, a machine in it with static NAT, and the list."""
    acl = plane.acl()
    for number, rule in enumerate(rules, 1):
        plane.made(acl, number, **rule)
    plane.tier = plane.tier_with(acl, **more)
    plane.static()
    return acl


DENY_ALL = {"protocol": "all", "startport": None, "endport": None, "action": "deny"}


def test_a_tier_without_a_list_has_no_rules_and_the_site_decides(plane):
    """flows.md 1, 3: without `aclid` the tier has no rules at all."""
    plane.static()
    assert plane.sent(plane.public).arrives

    plane.denies()

    assert plane.sent(plane.public).stopped_by == Stop(Why.DEFAULT, "sv")


def test_rules_are_about_where_nat_leads_and_decide_before_the_default(plane):
    """The plugin writes rules about the tier's addresses, with the member's or private port (4.3)."""
    tier_of(plane, {"startport": 443, "endport": 443}, DENY_ALL)

    assert plane.sent(plane.public, 443).arrives
    denying = next(row["name"] for row in plane.acl_rows if row["action"] == "deny")
    assert plane.sent(plane.public, 22).stopped_by == Stop(Why.RULE, denying)


def test_the_order_is_of_sources_and_ports_and_not_of_numbers(plane):
    """Longest source first, whatever the numbers say: rules have no number on Netris (2.6)."""
    tier_of(plane, DENY_ALL, {}, {"cidrlist": "192.0.2.0/24", "action": "deny"})

    assert plane.sent(plane.public, source="198.18.0.9").arrives  # tcp is before all
    nearer = next(row["name"] for row in plane.acl_rows if row["src_length"] == 24)
    assert plane.sent(plane.public).stopped_by == Stop(Why.RULE, nearer)


def test_what_has_the_smaller_range_of_ports_comes_first(plane):
    tier_of(plane, {"startport": 1, "endport": 1000}, {"startport": 400, "endport": 500, "action": "deny"})

    assert plane.sent(plane.public, 399).arrives
    assert plane.sent(plane.public, 450).stopped_by.what == Why.RULE


def test_where_two_rules_differ_in_action_alone_there_is_a_doubt(plane):
    """What decides between rules that are equal in all of it is not said (2.6)."""
    plane.static()
    plane.ruled("yes")
    assert plane.sent(plane.public).is_sure

    plane.ruled("no", action="deny")

    assert not plane.sent(plane.public).is_sure
    plane.ruled("closer", action="deny", src_prefix="192.0.2.0/24")
    assert plane.sent(plane.public).is_sure and not plane.sent(plane.public).arrives


def test_a_guard_of_ip_against_a_denial_of_all_is_no_doubt_and_against_a_permission_one(plane):
    """Where "All" stands among the protocols is not said (2.6)."""
    plane.static()
    plane.ruled("one", action="deny", proto="all")
    plane.ruled("two", action="deny", proto="ip")
    assert plane.sent(plane.public).is_sure

    plane.ruled("three", proto="ip", comment="permit")

    assert not plane.sent(plane.public).is_sure


def test_a_rule_is_for_its_type_of_icmp(plane):
    plane.static()
    plane.ruled("no echo", action="deny", proto="icmp", icmp_type=8)

    assert not plane.sent(plane.public, protocol="icmp").arrives
    assert plane.sent(plane.public, protocol="icmp", icmp_type=13).arrives


def test_a_protocol_s_number_permits_everything(plane):
    """flows.md 1: protocol number (47, 6) is sent as `ip`: permits everything."""
    tier_of(plane, {"protocol": "47", "startport": None, "endport": None})
    plane.denies()

    assert plane.sent(plane.public, 22).arrives
    assert plane.sent(plane.public, protocol="other").arrives


def test_a_rule_whose_time_is_over_or_that_is_off_decides_nothing(plane):
    plane.static()
    plane.ruled("for now", action="deny", valid_until="2100-01-01T00:00:00Z")
    assert not plane.sent(plane.public).arrives

    row = next(row for row in plane.acl_rows if row["name"] == "for now")
    assert plane.netris.put("/api/acl/disable", json={"id": [row["id"]]}).is_success

    assert plane.sent(plane.public).arrives


def test_the_mirror_of_a_denial_denies_the_other_way_which_is_a_doubt(plane):
    """flows.md 1: on a real controller a deny-all ingress may block egress too (unknown)."""
    tier_of(plane, DENY_ALL)

    out = plane.inside(plane.vm, "192.0.2.9")

    assert (out.stopped_by.what, out.is_sure) == (Why.RULE, False)


def test_the_mirror_of_a_permission_permits(plane):
    """`reverse` makes a second rule with source and destination swapped (2.6)."""
    plane.static()
    plane.ruled("ping", proto="icmp", reverse="yes")
    plane.ruled("closed", action="deny", proto="all", src_prefix="10.10.1.0/24", dst_prefix=ANYWHERE)

    assert plane.inside(plane.vm, "192.0.2.9", protocol="icmp").arrives
    assert plane.inside(plane.vm, "192.0.2.9").stopped_by == Stop(Why.RULE, "closed")


def test_rules_of_a_group_are_sorted_by_how_many_ports_it_has(plane):
    plane.static()
    group = plane.posted("/api/aclportgroups", name="web", ports=["80", "443-444"])["id"]
    plane.ruled("wide", dst_port_from=400, dst_port_to=500)
    ports = {"dst_port_group": group, "dst_port_from": None, "dst_port_to": None}
    plane.ruled("narrow", action="deny", **ports)

    assert plane.sent(plane.public, 443).stopped_by == Stop(Why.RULE, "narrow")
    assert plane.sent(plane.public, 445).arrives


def test_the_longer_source_comes_before_the_longer_destination(plane):
    plane.static()
    plane.ruled("longer destination", dst_prefix="10.10.1.0/25")
    plane.ruled("longer source", action="deny", src_prefix="192.0.2.0/24")

    assert plane.sent(plane.public).stopped_by == Stop(Why.RULE, "longer source")
