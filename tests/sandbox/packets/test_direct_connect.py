"""Packets between a VPC and what is behind a tenant's router (2.10), and between peers: never further (2.12)."""

from __future__ import annotations

import pytest

from sandbox.packets import End, Packet, Stop, Why
from tests.sandbox.cloudstack.client import client_of
from tests.sandbox.control import order
from tests.sandbox.controller import direct_connect
from tests.sandbox.packets.plane import at, peered

PORT, VLAN = "swp20@Leaf-1", 1200
OFFICE, OTHER = "10.40.1.9", "10.99.1.9"
ADMIN, SITE = {"id": 1, "name": "Admin"}, {"id": 1, "name": "sv"}


class Link:
    """A session of the plane's VPC with a router that announces two offices, of which the list lets one in."""

    def __init__(self, plane, port=PORT, vlan=VLAN):
        self.plane, self.port, self.vlan = plane, port, vlan
        assert plane.vm
        vpc = {"id": plane.netris_vpc}
        body = {"name": "weft-dc-1", "prefix": "169.254.10.0/30", "tenant": ADMIN, "vpc": vpc}
        plane.posted("/api/v2/ipam/allocation", **body)
        plane.posted("/api/v2/ipam/subnet", **body, purpose="common", sites=[SITE])
        number = next(row["id"] for row in plane.netris.get("/api/v2/ports").json()["data"] if row["name"] == port)
        vnet = {"name": "weft-dc-1", "vpc": vpc, "tenant": ADMIN, "sites": [SITE], "vlan": 0}
        vnet |= {"gateways": [{"prefix": "169.254.10.1/30"}]}
        vnet |= {"ports": [{"id": number, "vlan": str(vlan), "accessMode": False}]}
        self.vnet = plane.posted("/api/v2/vnet", **vnet)["id"]
        body = direct_connect(0, vpc) | {"name": "weft-dc-1", "port": None, "vnet": {"id": self.vnet}, "vlan": 0}
        body |= {"prefixListOutbound": "permit 10.10.1.0/24", "prefixListInbound": "permit 10.40.0.0/16 le 24"}
        self.session = plane.posted("/api/v2/ebgp", **body)["id"]
        self.router(address="169.254.10.2/30", asn=65010, announces=["10.40.1.0/24", "10.99.0.0/16"])
        plane.world.clock.advance(61)

    def router(self, **body):
        order(self.plane.netris, "routers", port=self.port, vlan=self.vlan, **body)

    def change(self, **body):
        assert self.plane.netris.put(f"/api/v2/ebgp/{self.session}", json=body).is_success

    def out(self, to=OFFICE, vm=None):
        return self.plane.inside(vm or self.plane.vm, to)

    def back(self, to=None, source=OFFICE, port=443):
        router = f"{self.port}/{self.vlan}"
        return self.plane.world.would_pass(Packet(to or self.plane.vm["ipaddress"], "tcp", port, source, router=router))


@pytest.fixture
def link(plane):
    return Link(plane)


def test_a_tier_and_what_the_router_announces_reach_each_other(link):
    out, back = link.out(), link.back()

    assert (out.ends, out.via, out.is_sure) == ((End(OFFICE, 443),), ("bgp weft-dc-1",), True)
    assert (back.ends, back.is_sure) == (at(link.plane.vm, 443), True)


def test_what_the_inbound_list_keeps_out_is_not_gone_to(link):
    assert link.out(OTHER).via == (f"nat {link.plane.stem}-SNAT",)  # where everything else goes
    assert link.back(source=OTHER).stopped_by == Stop(Why.NO_WAY_BACK, "weft-dc-1")


def test_what_the_outbound_list_keeps_in_gets_no_answer(link):
    link.change(prefixListOutbound="deny 0.0.0.0/0 le 32")

    assert link.out().stopped_by == Stop(Why.NO_WAY_BACK, "weft-dc-1")
    assert link.back().stopped_by == Stop(Why.NO_ROUTE, f"{PORT}/{VLAN}")


def test_a_tier_that_is_not_announced_is_not_reached(link):
    db = link.plane.root.machine(link.plane.root.tier(link.plane.vpc, "db", gateway="10.10.2.1"), "db-1")

    assert link.out(vm=db).stopped_by == Stop(Why.NO_WAY_BACK, "weft-dc-1")
    assert link.back(db["ipaddress"]).stopped_by == Stop(Why.NO_ROUTE, f"{PORT}/{VLAN}")
    link.change(prefixListOutbound="permit 10.10.0.0/16 le 24")
    assert link.out(vm=db).ends == (End(OFFICE, 443),)
    assert link.back(db["ipaddress"]).ends == at(db, 443)


@pytest.mark.parametrize(
    "trouble",
    [{"asn": 65011}, {"password": "other"}, {"light": False}, {"silent": True}, {"address": "169.254.10.3/30"}],
)
def test_nothing_goes_while_the_session_is_down(link, trouble):
    link.router(**trouble)
    link.plane.world.clock.advance(100)

    assert link.out().via == (f"nat {link.plane.stem}-SNAT",)
    assert link.back().stopped_by == Stop(Why.NO_SESSION, f"{PORT}/{VLAN}")


def test_a_disabled_session_carries_nothing(link):
    link.change(state="disabled")

    assert link.back().stopped_by == Stop(Why.NO_SESSION, f"{PORT}/{VLAN}")


def test_without_the_community_only_a_default_route_is_taken(link):
    """Community 0:7 makes Netris import non-default prefixes (2.10)."""
    link.router(communities=["65010:1"])
    assert link.out().via == (f"nat {link.plane.stem}-SNAT",)

    link.change(prefixListInbound="permit 0.0.0.0/0")
    link.router(announces=["0.0.0.0/0"])
    found = link.out()
    assert (found.via, found.is_sure) == (("bgp weft-dc-1",), False)  # or the SoftGates' default


def test_the_rules_of_the_vpc_hold_in_both_directions(link):
    link.plane.ruled("no office", action="deny", src_prefix="10.10.1.0/24", dst_prefix="10.40.0.0/16")
    assert link.out().stopped_by == Stop(Why.RULE, "no office")
    assert link.back().arrives
    link.plane.ruled("no guests", action="deny", src_prefix="10.40.0.0/16")
    assert link.back().stopped_by == Stop(Why.RULE, "no guests")


def test_the_router_itself_is_there_while_its_light_is_on(link):
    assert link.out("169.254.10.2").arrives
    link.router(light=False)
    assert link.out("169.254.10.2").stopped_by == Stop(Why.NOBODY, "169.254.10.2")


def test_a_tier_of_the_vpc_comes_before_the_same_range_of_a_router(link):
    link.change(prefixListInbound="permit 10.0.0.0/8 le 24")
    link.router(announces=["10.10.1.0/24", "10.10.0.0/16"])
    other = link.plane.other_vm["ipaddress"]

    assert link.out(other).ends == at(link.plane.other_vm, 443)
    assert link.out("10.10.77.7").via == ("bgp weft-dc-1",)


def test_a_peer_s_machines_reach_the_peer_and_not_its_routers(link):
    files = peered(link.plane)

    assert link.out(files["ipaddress"]).ends == at(files, 443)
    assert link.plane.inside(files, OFFICE).ends[0].address == OFFICE
    assert not any(via.startswith(("bgp", "peering")) for via in link.plane.inside(files, OFFICE).via)
    link.change(prefixListOutbound="permit 0.0.0.0/0 le 32")
    assert link.back(files["ipaddress"]).stopped_by == Stop(Why.NO_ROUTE, f"{PORT}/{VLAN}")


def test_both_lists_of_a_peering_have_to_let_the_other_in(plane):
    """Each side takes what its inbound list permits; an answer needs a route too (2.12)."""
    assert plane.vm
    files = peered(plane)
    (row,) = plane.netris.get("/api/v2/vpc-peering").json()["data"]
    theirs = {"id": row["vpcB"]["id"], "prefixListInboundIPv4": "permit 10.10.9.0/24"}
    body = {"name": "to shared", "vpcA": {"id": plane.netris_vpc}, "vpcB": theirs}
    assert plane.netris.put(f"/api/v2/vpc-peering/{row['id']}", json=body).is_success

    assert plane.inside(plane.vm, files["ipaddress"]).stopped_by == Stop(Why.NO_WAY_BACK, "to shared")
    assert "peering" not in " ".join(plane.inside(files, plane.vm["ipaddress"]).via)


def test_peers_of_a_peer_are_no_peers(plane):
    assert plane.vm
    files = peered(plane)
    far_vpc = plane.root.vpc("far", cidr="10.30.0.0/16")
    far = plane.root.machine(plane.root.tier(far_vpc, "far", gateway="10.30.1.1"), "far-1")
    named = {row["name"].rpartition("-")[2]: row["id"] for row in plane.netris.get("/api/v2/vpc").json()["data"]}
    plane.posted("/api/v2/vpc-peering", name="on", vpcA={"id": named["shared"]}, vpcB={"id": named["far"]})

    assert plane.inside(files, far["ipaddress"]).ends == at(far, 443)
    assert "peering" not in " ".join(plane.inside(plane.vm, far["ipaddress"]).via)


def test_two_tenants_on_one_port_do_not_reach_each_other_s_vpcs(link, acme):
    """Each VLAN of a port is in a VRF of its own (2.10)."""
    order(link.plane.netris, "routers", port=PORT, vlan=1300, address="169.254.11.2/30", asn=65010)
    packet = Packet(link.plane.vm["ipaddress"], "tcp", 443, OFFICE, router=f"{PORT}/1300")

    assert link.plane.world.would_pass(packet).stopped_by == Stop(Why.NO_SESSION, f"{PORT}/1300")


def test_the_control_endpoint_asks_for_a_router_s_packets_too(link):
    body = {"to": link.plane.vm["ipaddress"], "protocol": "icmp", "source": OFFICE, "router": f"{PORT}/{VLAN}"}
    assert client_of(link.plane.world).post("/_sandbox/would-pass", json=body).json()["arrives"] is True
    for wrong in ({"router": f"{PORT}/1999"}, {"router": "nonsense"}, {"router": f"swp21@Leaf-1/{VLAN}"}):
        response = client_of(link.plane.world).post("/_sandbox/would-pass", json=body | wrong)
        assert response.status_code == 400
        assert "router" in response.json()["message"]
