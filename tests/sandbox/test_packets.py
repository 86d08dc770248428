"""What the sandbox's model of the fabric does with packets, each with the sentence of the facts that it follows."""

from __future__ import annotations

import pytest

from sandbox.packets import End, Packet, Stop, Why
from tests.sandbox.cloudstack.client import client_of
from tests.sandbox.control import order
from tests.sandbox.traps.scene import ANYWHERE, Scene

PATIENCE = 7
SOMEWHERE = "192.0.2.7"


class Plane(Scene):
    """A scene whose packets are looked at. The site permits by default (6.1)."""

    def sent(self, to, port=443, *, source=SOMEWHERE, **more):
        """From the internet."""
        protocol = more.pop("protocol", "tcp")
        return self.world.would_pass(
            Packet(to, protocol, port if protocol in ("tcp", "udp") else 0, source=source, **more)
        )

    def inside(self, vm, to, port=443, protocol="tcp", **more):
        """From a machine."""
        port = port if protocol in ("tcp", "udp") else 0
        return self.world.would_pass(Packet(to, protocol, port, instance=vm["id"], **more))

    def denies(self):
        """The site's default."""
        body = self.netris.get("/api/v2/sites").json()["data"][0]
        assert self.netris.put(f"/api/v2/sites/{body['id']}", json={"aclPolicy": "deny"}).is_success

    def ruled(self, name, **more):
        """A rule in the VPC, or in another one."""
        body = {"name": name, "action": "permit", "proto": "tcp", "src_prefix": ANYWHERE, "dst_prefix": "10.10.1.0/24"}
        body |= {"src_port_from": 1, "src_port_to": 65535, "dst_port_from": 1, "dst_port_to": 65535}
        response = self.netris.post("/api/acl", json={**body, "vpc": {"id": self.netris_vpc}, **more})
        assert response.is_success, response.text

    def balanced(self, address=None, port=443, members=None, **more):
        given = {"name": "web", "algorithm": "roundrobin", "publicport": port, "privateport": 8443, **more}
        given |= {"publicipid": (address or self.address)["id"], "networkid": self.tier["id"]}
        rule = self.root.done("createLoadBalancerRule", **given)["loadbalancer"]
        ids = ",".join(vm["id"] for vm in members or (self.vm, self.other_vm))
        self.root.done("assignToLoadBalancerRule", id=rule["id"], virtualmachineids=ids)
        return rule

    def written(self, **body):
        """A change of the only balancer, past CloudStack."""
        (row,) = self.netris.get("/api/v2/l4lb").json()["data"]
        assert self.netris.put(f"/api/v2/l4lb/{row['id']}", json=body).is_success

    def told(self, vm, does, **more):
        order(client_of(self.world), "manners", instance=vm["id"], does=does, **more)

    def posted(self, path, **body):
        response = self.netris.post(path, json=body)
        assert response.is_success, response.text
        return response.json()["data"]

    def routed(self, destination, hop):
        given = {"vpcid": self.vpc["id"], "nexthop": hop, "cidr": destination}
        return self.root.done("createStaticRoute", **given)["staticroute"]

    @property
    def public(self):
        return self.address["ipaddress"]

    @property
    def stem(self):
        """What the names of the VPC's objects begin with."""
        (mine,) = [row["name"] for row in self.netris.get("/api/v2/vpc").json()["data"] if row["name"].endswith("prod")]
        return mine.removesuffix("-prod")


@pytest.fixture
def plane(world, root, netris):
    return Plane(world, root, netris)


def at(vm, port):
    return (End(vm["ipaddress"], port, vm["id"]),)


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


def peered(plane, **lists):
    other = plane.root.vpc("shared", cidr="10.20.0.0/16")
    tier = plane.root.tier(other, "files", gateway="10.20.1.1")
    files = plane.root.machine(tier, "files-1")
    (shared,) = [row["id"] for row in plane.netris.get("/api/v2/vpc").json()["data"] if row["name"].endswith("-shared")]
    mine = {"id": plane.netris_vpc, **lists}
    plane.posted("/api/v2/vpc-peering", name="to shared", vpcA=mine, vpcB={"id": shared})
    return files


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
