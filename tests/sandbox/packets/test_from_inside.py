"""Packets that machines send: between tiers, out of the VPC, over routes and peerings. Each test has the sentence of
the facts that it follows."""

from __future__ import annotations

import pytest

from sandbox.packets import End, Stop, Why
from tests.sandbox.control import order
from tests.sandbox.packets.plane import at, peered

# between tiers


@pytest.fixture
def tiers(plane):
    """A second tier with a machine: `db`."""
    other = plane.root.tier(plane.vpc, "db", gateway="10.10.2.1")
    plane.db = plane.root.machine(other, "db-1")
    assert plane.vm
    return plane


def test_tiers_of_a_vpc_reach_each_other_as_far_as_its_rules_let_them(tiers):
    assert tiers.inside(tiers.vm, tiers.db["ipaddress"], 5432).ends == at(tiers.db, 5432)

    tiers.ruled("closed", action="deny", dst_prefix="10.10.2.0/24")

    assert tiers.inside(tiers.vm, tiers.db["ipaddress"], 5432).stopped_by == Stop(Why.RULE, "closed")


def test_within_a_tier_nothing_is_filtered(tiers):
    """An entry goes to the SVI nearest the source (2.6), and what stays in the V-Net meets none."""
    tiers.ruled("closed", action="deny", proto="all", dst_prefix="10.10.0.0/16")

    assert tiers.inside(tiers.vm, tiers.other_vm["ipaddress"]).ends == at(tiers.other_vm, 443)


def test_where_nobody_is_nobody_answers_and_the_sender_has_to_run(tiers):
    assert tiers.inside(tiers.vm, "10.10.2.200").stopped_by == Stop(Why.NOBODY, "10.10.2.200")
    tiers.root.done("stopVirtualMachine", id=tiers.vm["id"])

    assert tiers.inside(tiers.vm, tiers.db["ipaddress"]).stopped_by == Stop(Why.SOURCE_OFF, "web-1")


def test_what_a_gateway_or_a_router_answers_is_a_doubt(tiers):
    for address in ("10.10.1.1", "10.10.1.2", "10.10.2.1"):
        assert not tiers.inside(tiers.vm, address, protocol="icmp").is_sure


def test_equal_addresses_of_two_vpcs_have_nothing_to_do_with_each_other(plane, acme):
    """IP ranges may overlap between VPCs (2.1)."""
    other = acme.tier(acme.vpc("other"))
    twin = acme.machine(other, "twin-1")
    assert twin["ipaddress"] == plane.vm["ipaddress"]

    assert plane.inside(plane.other_vm, twin["ipaddress"]).ends == at(plane.vm, 443)


# out of the VPC


def test_source_nat_takes_everybody_out(plane):
    """Source NAT of the VPC's range to 0.0.0.0/0 (4.3)."""
    out = plane.inside(plane.vm, "192.0.2.9")

    assert (out.ends, out.via) == ((End("192.0.2.9", 443),), (f"nat {plane.stem}-SNAT",))


def test_who_has_an_address_of_its_own_leaves_by_it(plane):
    """DNAT of all protocols is 1:1 (2.4)."""
    plane.static()

    assert plane.inside(plane.vm, "192.0.2.9").via == (f"nat {plane.nat_rows[0]['name']}",)


def test_without_nat_and_balancer_a_vpc_has_no_default_route(plane):
    """A tenant VPC gets a default route only when it has a NAT or L4LB service (3.7)."""
    assert plane.vm
    (snat,) = [row for row in plane.netris.get("/api/v2/nat").json()["data"] if row["name"].endswith("-V1-SNAT")]
    assert plane.netris.delete(f"/api/v2/nat/{snat['id']}").is_success
    assert plane.inside(plane.vm, "192.0.2.9").stopped_by.what == Why.NO_DEFAULT_ROUTE

    plane.forwarded(22)

    assert plane.inside(plane.vm, "192.0.2.9").stopped_by.what == Why.NO_SOURCE_NAT


def test_what_turns_back_to_a_public_address_is_a_doubt(plane):
    plane.static()

    assert not plane.inside(plane.other_vm, plane.public).is_sure


# static routes and peering: 2.9, 2.12


def test_a_static_route_leads_to_its_next_hop(plane):
    assert plane.vm
    plane.routed("192.168.7.0/24", plane.other_vm["ipaddress"])

    found = plane.inside(plane.vm, "192.168.7.9")

    assert [(end.address, end.machine) for end in found.ends] == [(plane.other_vm["ipaddress"], plane.other_vm["id"])]
    assert found.via[0] == "route 192.168.7.0/24"


def test_a_route_to_nobody_or_to_the_gateway_leads_nowhere(plane):
    """CloudStack takes any address of the VPC's range as next hop, the gateway itself too (flows.md 4)."""
    other = plane.root.tier(plane.vpc, "db", gateway="10.10.2.1")
    plane.routed("192.168.7.0/24", "10.10.2.200")
    plane.routed("192.168.8.0/24", "10.10.1.1")
    plane.routed("192.168.9.0/24", "10.10.77.7")  # of no tier
    assert plane.inside(plane.vm, "192.168.7.9").stopped_by == Stop(Why.NOBODY, "10.10.2.200")

    for address in ("192.168.8.9", "192.168.9.9"):
        assert not any("route" in name for name in plane.inside(plane.vm, address).via)
    assert other


def test_the_longest_prefix_of_routes_and_tiers_wins(plane):
    db = plane.root.tier(plane.vpc, "db", gateway="10.10.2.1")
    router = plane.root.machine(db, "router")
    for prefix, hop in (("192.168.0.0/16", "10.10.1.250"), ("192.168.7.0/24", router["ipaddress"])):
        body = {"prefix": prefix, "next_hop": hop, "site_id": 1, "vpc": {"id": plane.netris_vpc}}
        plane.posted("/api/routes", **body)

    assert plane.inside(plane.vm, "192.168.7.9").ends[0].machine == router["id"]
    assert plane.inside(plane.vm, "192.168.8.9").stopped_by == Stop(Why.NOBODY, "10.10.1.250")


def test_a_route_that_is_deleted_on_netris_leads_nowhere_though_cloudstack_shows_it(plane):
    db = plane.root.tier(plane.vpc, "db", gateway="10.10.2.1")
    router = plane.root.machine(db, "router")
    plane.routed("192.168.7.0/24", router["ipaddress"])
    (row,) = plane.netris.get("/api/routes", params={"filterByVpc": plane.netris_vpc}).json()["data"]
    assert plane.netris.request("DELETE", "/api/routes", json={"id": row["id"]}).is_success

    assert plane.inside(plane.vm, "192.168.7.9").ends[0].machine == ""


def test_peered_vpcs_reach_each_other_by_what_their_lists_let_in(plane):
    assert plane.vm
    files = peered(plane)
    assert plane.inside(plane.vm, files["ipaddress"]).ends == at(files, 443)
    assert plane.inside(files, plane.vm["ipaddress"]).ends == at(plane.vm, 443)


def test_what_the_list_of_a_peering_keeps_out_is_not_reached(plane):
    assert plane.vm
    files = peered(plane, prefixListInboundIPv4="permit 10.20.9.0/24")

    found = plane.inside(plane.vm, files["ipaddress"])

    assert found.ends[0].machine == ""


# V-Nets


def test_a_disabled_v_net_carries_nothing(plane):
    plane.static()
    (row,) = [
        row
        for row in plane.netris.get("/api/v2/vnet", params={"filterByVpc": plane.netris_vpc}).json()["data"]
        if row["name"].endswith("-web")
    ]
    order(plane.netris, "change", table="vnet", id=row["id"], fields={"state": "disabled"})

    assert plane.sent(plane.public).stopped_by == Stop(Why.VNET_OFF, row["name"])
    assert plane.inside(plane.vm, "192.0.2.9").stopped_by == Stop(Why.VNET_OFF, row["name"])


def test_what_source_nat_leaves_out_does_not_leave(plane):
    """ACCEPT_SNAT excludes a destination from SNAT (2.4)."""
    assert plane.vm
    body = {"name": "as it is", "site": {"id": 1}, "vpc": {"id": plane.netris_vpc}, "action": "ACCEPT_SNAT"}
    body |= {"protocol": "all", "sourceAddress": "10.10.0.0/16", "destinationAddress": "192.0.2.0/24"}
    plane.posted("/api/v2/nat", **body)

    assert plane.inside(plane.vm, "192.0.2.9").stopped_by.what == Why.NO_SOURCE_NAT
    assert plane.inside(plane.vm, "198.18.0.9").arrives


@pytest.mark.parametrize(
    ("entries", "is_in"),
    [
        ("permit 10.20.0.0/16 le 24", True),
        ("permit 10.20.0.0/16", False),
        ("permit 10.20.0.0/16 ge 25", False),
        ("permit 10.0.0.0/8 ge 20 le 24", True),
        ("deny 10.20.1.0/24\npermit any", False),
        ("permit any le 23", False),
        ("deny 10.20.2.0/24\npermit any", True),
    ],
)
def test_the_first_entry_of_a_prefix_list_that_fits_decides(plane, entries, is_in):
    assert plane.vm
    files = peered(plane, prefixListInboundIPv4=entries)

    assert (plane.inside(plane.vm, files["ipaddress"]).ends[0].machine == files["id"]) is is_in


def test_the_lists_of_both_peers_decide(plane):
    assert plane.vm
    files = peered(plane)
    vpc = next(row["id"] for row in plane.netris.get("/api/v2/vpc").json()["data"] if row["name"].endswith("-shared"))
    plane.ruled("theirs", action="deny", dst_prefix="10.20.1.0/24", vpc={"id": vpc})

    assert plane.inside(plane.vm, files["ipaddress"]).stopped_by == Stop(Why.RULE, "theirs")


def test_without_a_session_with_the_internet_nothing_gets_out(plane):
    assert plane.vm
    for session in plane.netris.get("/api/v2/ebgp", params={"filterByVpc": 1}).json()["data"]:
        order(plane.netris, "change", table="ebgp", id=session["id"], fields={"peerState": "Idle"})

    assert plane.inside(plane.vm, "192.0.2.9").stopped_by.what == Why.NO_UPLINK
