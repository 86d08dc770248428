"""Quirks of the real thing that a client can notice and that no other test names (netris-api.md 5).

The table in sandbox/netris/README.md says where each of them is proved, and which nobody outside can see.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from sandbox.cloudstack.plugin.objects import AclRule, Tier, VpcName, acl_body
from tests.sandbox.controller import SITE, SYSTEM, TENANT, Controller, direct_connect, dnat, snat
from tests.sandbox.netris.bodies import SITE_BODY


@pytest.fixture
def netris() -> Controller:
    return Controller()


def test_every_object_answers_a_post_in_its_own_shape_quirk_6(netris):
    """The table of 1.6."""
    vpc = netris.post("/api/v2/vpc", name="v", adminTenant=TENANT)
    assert {"id", "name", "vni", "adminTenant"} <= vpc.keys()  # the whole object
    ref = {"id": vpc["id"]}
    allocation = netris.post("/api/v2/ipam/allocation", name="a", prefix="10.1.0.0/16", tenant=TENANT, vpc=ref)
    assert allocation.keys() == {"id", "name"}
    subnet = {"name": "s", "prefix": "10.1.1.0/24", "purpose": "common", "tenant": TENANT, "vpc": ref, "sites": [SITE]}
    assert netris.post("/api/v2/ipam/subnet", **subnet).keys() == {"id", "name"}
    vnet = {"name": "n", "tenant": TENANT, "vpc": ref, "sites": [SITE]}
    assert netris.post("/api/v2/vnet", **vnet).keys() == {"id"}
    assert netris.post("/api/v2/nat", **snat("r", ref, "203.0.113.40/32")).keys() == {"id"}
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")
    balancer = {"name": "lb", "protocol": "TCP", "site": SITE, "tenant": TENANT, "vpc": ref, "port": 80}
    assert isinstance(netris.post("/api/v2/l4lb", **balancer, ip="198.51.100.9"), int)
    assert netris.post("/api/v2/l4lb", **balancer | {"name": "2"}, automatic=True).keys() == {"id", "ip"}
    acl = {"name": "x", "action": "deny", "src_prefix": "0.0.0.0/0", "dst_prefix": "10.1.1.0/24", "vpc": ref}
    answer = netris.http.post("/api/acl", json=acl).json()
    assert answer["id"] == answer["data"]["id"]  # beside the envelope, and in it
    route = netris.post("/api/routes", prefix="10.7.0.0/16", next_hop="10.1.1.9", site_id=1, vpc=ref)
    assert route.keys() == {"staticRouteID", "id", "name"}
    session = direct_connect(netris.port("swp20@Leaf-1")["id"], ref)
    assert netris.post("/api/v2/ebgp", **session).keys() == {"id"}
    assert isinstance(netris.post("/api/ebgpobjects", name="o", type="ipv4", typeValue="permit any"), int)
    link = {"local": {"name": "swp21@Leaf-1"}, "remote": {"name": "eth3@Server-2"}}
    assert isinstance(netris.post("/api/v2/link", **link)["id"], int)
    assert netris.post("/api/v2/sites", name="ny", **SITE_BODY).keys() == {"id"}


@pytest.fixture
def balancer(netris):
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")
    return {"name": "lb", "protocol": "TCP", "site": SITE, "tenant": TENANT, "ip": "198.51.100.9", "port": 80}


def test_a_balancer_is_enabled_and_disabled_by_verbs_quirk_13(netris, balancer):
    """`active` is Terraform's own word; it never goes over the wire."""
    number = netris.post("/api/v2/l4lb", **balancer, status="disable")
    assert netris.get(f"/api/v2/l4lb/{number}")["status"] == "disable"
    netris.put(f"/api/v2/l4lb/{number}", status="enable")
    assert netris.get(f"/api/v2/l4lb/{number}")["state"]["value"] == "enable"

    assert "status" in netris.refused(400, "PUT", f"/api/v2/l4lb/{number}", {"status": "active"})["errors"]


@pytest.mark.parametrize("family", ["ipv4", "IPv4"])
def test_an_ip_family_is_read_in_any_case_and_written_in_lower_quirk_17(netris, balancer, family):
    number = netris.post("/api/v2/l4lb", **balancer, ipFamily=family)
    session = direct_connect(netris.port("swp20@Leaf-1")["id"], SYSTEM, ipFamily=family)

    assert netris.get(f"/api/v2/l4lb/{number}")["ipFamily"] == "ipv4"
    assert netris.session(netris.post("/api/v2/ebgp", **session)["id"])["ipFamily"] == "ipv4"


def test_an_option_of_eight_bits_lacks_its_t_quirk_18(netris):
    for given in ("uin8", "uint8"):
        option = {"code": 1, "type": given, "value": "1"}
        number = netris.post("/api/v2/dhcp-option-set", name=given, additionalOptions=[option])["id"]
        assert netris.get(f"/api/v2/dhcp-option-set/{number}")["additionalOptions"][0]["type"] == "uin8"


def test_a_session_that_ended_stays_dead_for_whoever_does_not_log_in_quirk_22(netris):
    netris.order("sessions/end")

    for _ in range(3):
        netris.refused(401, "GET", "/api/auth")
        netris.refused(401, "GET", "/api/v2/vpc")
        netris.wait(3600)


def test_a_new_vpc_is_answered_as_an_object_quirk_26(netris):
    made = netris.post("/api/v2/vpc", name="v", adminTenant=TENANT)

    assert isinstance(made, dict)
    assert (made["name"], made["isSystem"]) == ("v", False)


def test_masquerade_is_refused_quirk_29(netris):
    rule = snat("x", SYSTEM, "203.0.113.40/32", action="MASQUERADE")

    assert "action" in netris.refused(400, "POST", "/api/v2/nat", rule)["errors"]


def test_what_sites_no_longer_have_is_not_asked_for_quirks_30_and_31(netris):
    number = netris.post("/api/v2/sites", name="ny", **SITE_BODY)["id"]

    site = netris.get(f"/api/v2/sites/{number}")
    assert (site["siteMesh"]["value"], site["rohAsn"], site["vmAsn"]) == ("disabled", 0, 0)


@pytest.mark.parametrize("flavor", ["sg", "sg-pro", "sg-hs"])
def test_deprecated_kinds_of_softgate_can_still_be_made_quirk_31(netris, flavor):
    body = {"name": "SoftGate-9", "tenant": TENANT, "site": SITE, "mainAddress": "auto", "mgmtAddress": "auto"}
    netris.post("/api/v2/hw/softgate", **body, sgFlavor=flavor)

    assert netris.device("SoftGate-9")["sgFlavor"] == flavor


def test_a_role_or_group_in_use_stays_quirk_32(netris):
    group = netris.post("/api/permissiongroups", name="g", hidden=[], readOnly=["NAT"])["id"]
    role = netris.post("/api/userroles", name="r", permissionGroup={"id": group})["id"]
    netris.post("/api/users", name="jane", email="j@example.net", userRole={"id": role})

    netris.refused(400, "DELETE", "/api/permissiongroups", {"id": group})
    netris.refused(400, "DELETE", "/api/userroles", {"id": role})


@pytest.mark.parametrize(
    "members", [5, "x", [[]], [None], [{"ip": {}}], [{"port": 80}], [{"ip": "10.1.1.5", "port": {}}]]
)
def test_a_malformed_balancer_is_refused_and_the_controller_lives_on_quirk_38(netris, balancer, members):
    response = netris.http.post("/api/v2/l4lb", json=balancer | {"backendIps": members})

    assert response.status_code in (400, 403)
    assert netris.get("/api/v2/l4lb") == []


def test_a_vnet_with_every_free_port_is_made_in_one_call_quirk_40(netris):
    ports = [{"id": row["id"]} for row in netris.get("/api/v2/ebgp/ports")]
    number = netris.post("/api/v2/vnet", name="n", tenant=TENANT, sites=[SITE], vlan=50, ports=ports)["id"]

    assert len(netris.get(f"/api/v2/vnet/{number}")["ports"]) == len(ports) > 100


def test_a_link_is_also_deleted_by_its_ends_quirk_41(netris):
    body = {"local": {"name": "swp20@Leaf-1"}, "remote": {"name": "eth3@Server-2"}}
    netris.post("/api/v2/link", **body)

    netris.delete("/api/v2/link", body)

    netris.post("/api/v2/link", **body)


def test_dates_are_numbers_but_for_peerings_and_sessions_quirk_44(netris):
    vpc = netris.vpc()
    netris.http.post("/api/v2/vpc-peering", json={"name": "p", "vpcA": vpc, "vpcB": {"id": 1}})
    texts, numbers = (
        ("/api/v2/vpc-peering", "/api/v2/ebgp"),
        ("/api/v2/vpc", "/api/v2/vnet", "/api/v2/nat", "/api/v2/hw"),
    )

    assert all(isinstance(netris.get(path)[0]["createdDate"], str) for path in texts)
    assert all(isinstance(netris.get(path)[0]["createdDate"], int) for path in numbers)


def test_an_acl_of_an_unknown_protocol_is_one_of_any_quirk_49(netris):
    """The plugin's doing: the number of the protocol is lost."""
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    name, cidr, gateway = VpcName(1, 2, 1, 3, "acme"), IPv4Network("10.1.1.0/24"), IPv4Address("10.1.1.1")
    tier = Tier(name, 7, "web", cidr, gateway, vni=1000007)
    rule = AclRule(33, "", True, True, "47", "0.0.0.0/0", None, None, None, "")
    body = acl_body(tier, rule)

    netris.http.post("/api/acl", json=body | {"vpc": {"id": vpc["id"]}}).raise_for_status()

    (row,) = netris.get("/api/acl")
    assert (row["name"], row["proto"]) == ("D1-A2-Z1-V3-N7-ACL33", "ip")
    assert "47" not in [str(value) for value in body.values()]


def test_some_lists_show_all_vpcs_and_others_do_not_quirks_4_and_50(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    netris.subnet("vip", "198.51.100.8/30", SYSTEM, "load-balancer")
    netris.post("/api/v2/nat", **dnat("x", vpc, "203.0.113.40/32"))
    balancer = {"name": "lb", "protocol": "TCP", "site": SITE, "tenant": TENANT, "ip": "198.51.100.9", "port": 80}
    netris.post("/api/v2/l4lb", **balancer, vpc=vpc)
    netris.post("/api/v2/vnet", name="n", vpc=vpc, tenant=TENANT, sites=[SITE])

    for path, name in (("nat", "x"), ("ipam/subnets", "s"), ("l4lb", "lb")):
        assert name in {row["name"] for row in netris.get(f"/api/v2/{path}")}
        assert {row["vpc"]["id"] for row in netris.get(f"/api/v2/{path}", filterByVpc=vpc["id"])} == {vpc["id"]}
    for path in ("vnet", "ipam"):
        assert vpc["id"] not in {row["vpc"]["id"] for row in netris.get(f"/api/v2/{path}")}


def test_the_table_of_quirks_names_tests_that_exist():
    here = Path(__file__).parents[1]
    written = {name for file in here.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())}
    table = (here.parents[1] / "sandbox" / "netris" / "README.md").read_text()

    assert set(re.findall(r"`(test_\w+)`", table)) - written == set()
    numbered = [range(int(a), int(b or a) + 1) for a, b in re.findall(r"^\| (\d+)(?: to (\d+))?", table, re.MULTILINE)]
    also = {int(number) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for number in row.split(",")}
    assert {number for some in numbered for number in some} | also == set(range(1, 51))
