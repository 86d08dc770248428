"""VPCs, IPAM, V-Nets, tenants and sites; the shapes and lists of all (netris-api.md 1.6, 1.7, 2.1 to 2.3, 5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.controller import SITE, SYSTEM, TENANT, Controller, snat
from tests.sandbox.netris.bodies import SITE_BODY


@pytest.fixture
def netris() -> Controller:
    return Controller()


def names(rows):
    return [row["name"] for row in rows]


# 6: what is there before anyone comes


def test_the_reference_site_is_planted(netris):
    assert names(netris.get("/api/sites")) == ["sv"]
    assert names(netris.get("/api/tenants")) == ["Admin"]
    (vpc,) = netris.get("/api/v2/vpc")
    assert (vpc["name"], vpc["isSystem"], vpc["isDefault"]) == ("vpc-1:Default", True, True)
    assert [row["prefix"] for row in netris.get("/api/v2/ipam")] == ["10.0.0.0/8", "203.0.113.0/24", "198.51.100.0/24"]
    assert len(netris.get("/api/v2/ipam/subnets")) == 8
    assert {row["name"]: row["vxlanID"] for row in netris.get("/api/v2/vnet")}["CloudStack VRs"] == 13
    assert names(netris.get("/api/v2/nat"))[-1] == "DNAT CloudStack GUI"


# 1.6: the shapes of writes, which real clients depend on


def test_writes_answer_in_the_shape_of_their_object(netris):
    vpc = netris.post("/api/v2/vpc", name="acme", adminTenant=TENANT)
    assert vpc["name"] == "acme"  # quirk 26: an object, not a list
    assert vpc["adminTenant"] == TENANT
    ref = {"id": vpc["id"]}
    assert netris.put(f"/api/v2/vpc/{vpc['id']}", name="acme2") == ref
    body: dict[str, Any] = {"name": "a", "prefix": "10.1.0.0/16", "tenant": TENANT, "vpc": ref}
    allocation = netris.post("/api/v2/ipam/allocation", **body)
    assert allocation == {"id": allocation["id"], "name": "a"}
    assert netris.put(f"/api/v2/ipam/allocation/{allocation['id']}", name="a2")["name"] == "a2"
    body = {"name": "s", "prefix": "10.1.1.0/24", "purpose": "common", "tenant": TENANT, "sites": [SITE], "vpc": ref}
    subnet = netris.post("/api/v2/ipam/subnet", **body)
    assert subnet == {"id": subnet["id"], "name": "s"}
    vnet = netris.post("/api/v2/vnet", name="n", tenant=TENANT, sites=[SITE], vpc=ref)
    assert vnet == {"id": vnet["id"]}
    assert netris.put(f"/api/v2/vnet/{vnet['id']}", name="n2") == vnet
    nat = netris.post("/api/v2/nat", **snat("x", ref, "203.0.113.40/32"))
    assert nat == {"id": nat["id"]}
    assert netris.put(f"/api/v2/nat/{nat['id']}", **snat("x", ref, "203.0.113.41/32")) == nat
    assert netris.delete(f"/api/v2/nat/{nat['id']}") == {}


def test_messages_of_nat_writes(netris):
    body = snat("x", SYSTEM, "203.0.113.40/32")
    response = netris.http.post("/api/v2/nat", json=body)
    assert response.json()["message"] == "Successfully created."
    path = f"/api/v2/nat/{response.json()['data']['id']}"
    assert netris.http.put(path, json=body).json()["message"] == "Successfully updated."
    deleted = netris.http.delete(path).json()
    assert (deleted["message"], deleted["isSuccess"]) == ("Successfully deleted.", True)


@pytest.mark.parametrize(
    ("path", "body", "missing"),
    [
        ("/api/v2/vpc", {"name": "x"}, "adminTenant"),
        ("/api/v2/vpc", {"adminTenant": TENANT}, "name"),
        ("/api/v2/vnet", {"name": "x", "sites": [SITE]}, "tenant"),
        ("/api/v2/vnet", {"name": "x", "tenant": None, "sites": [SITE]}, "tenant"),
        ("/api/v2/ipam/allocation", {"name": "x", "tenant": TENANT}, "prefix"),
        ("/api/v2/ipam/subnet", {"name": "x", "prefix": "10.7.0.0/24", "tenant": TENANT}, "sites"),
        ("/api/v2/nat", {k: v for k, v in snat("x", SYSTEM, "").items() if k != "snatToIP"}, "snatToIP"),
    ],
)
def test_a_missing_property_is_403_quirk_28(netris, path, body, missing):
    assert netris.refused(403, "POST", path, body)["message"] == f"Must have required property '{missing}'"


# References (0.2): the id wins, the name will do


def test_references_are_taken_by_id_and_by_name(netris):
    vpc = netris.vpc()
    netris.post(
        "/api/v2/ipam/allocation", name="b", prefix="10.9.0.0/16", tenant={"name": "Admin"}, vpc={"name": "acme"}
    )
    both = {"id": vpc["id"], "name": "vpc-1:Default"}
    netris.post("/api/v2/ipam/allocation", name="c", prefix="10.8.0.0/16", tenant={"id": "1"}, vpc=both)

    assert len(netris.get("/api/v2/ipam", filterByVpc=vpc["id"])) == 3


def test_unknown_references_are_404(netris):
    body = {"name": "x", "prefix": "172.16.0.0/16", "tenant": TENANT, "vpc": {"id": 99}}
    assert netris.refused(404, "POST", "/api/v2/ipam/allocation", body)["message"] == "VPC is not found."
    body |= {"tenant": {"name": "Nobody"}, "vpc": SYSTEM}
    assert netris.refused(404, "POST", "/api/v2/ipam/allocation", body)["errors"] == {"tenant": "Not Found"}
    assert netris.refused(404, "GET", "/api/v2/vpc/99")["message"] == "VPC is not found."
    assert netris.refused(404, "GET", "/api/v2/sites/99")["message"] == "Not found"


# 1.7: filters and the Default VPC rule


def test_some_unfiltered_lists_show_the_default_vpc_alone_quirk_4(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    netris.vnet("n", vpc, "10.1.1.1/24")
    netris.post("/api/routes", prefix="10.77.0.0/16", next_hop="10.1.1.9", site_id=1, vpc=vpc)

    for path in ("/api/v2/ipam", "/api/v2/vnet", "/api/routes", "/api/v2/ebgp"):
        assert all(row["vpc"]["id"] == 1 for row in netris.get(path)), path
    for path in ("/api/v2/ipam", "/api/v2/ipam/subnets", "/api/v2/vnet", "/api/routes"):
        assert [row["vpc"]["id"] for row in netris.get(path, filterByVpc=vpc["id"])] == [vpc["id"]], path


@pytest.mark.parametrize(
    "query",
    [
        "filterByVpc=1&filterByVpc=2",
        "filterByVpc[]=1&filterByVpc[]=2",
        "filterByVpc%5B%5D=1&filterByVpc%5B%5D=2",
        "filterByVpc=1,2",
        "filterByVpc[]=1,2",
        "filterByVpc=1&filterByVpc[]=2",
    ],
)
@pytest.mark.parametrize("path", ["/api/v2/ipam", "/api/v2/nat"])
def test_the_filter_is_read_in_every_spelling_quirk_43(netris, path, query):
    vpc = netris.vpc()
    netris.post("/api/v2/nat", **snat("x", vpc, "203.0.113.40/32"))

    assert {row["vpc"]["id"] for row in netris.get(f"{path}?{query}")} == {1, 2}


def test_nat_rules_of_all_vpcs_are_listed_when_unfiltered_quirk_50(netris):
    vpc = netris.vpc()
    netris.post("/api/v2/nat", **snat("x", vpc, "203.0.113.40/32"))

    assert "x" in names(netris.get("/api/v2/nat"))
    assert names(netris.get("/api/v2/nat", filterByVpc=vpc["id"])) == ["x"]


def test_the_site_filter_of_vnets_does_nothing_quirk_5(netris):
    assert len(netris.get("/api/v2/vnet", filterBySites=99)) == 4
    assert netris.get("/api/v2/nat", filterBySites=99) == []
    assert netris.get("/api/v2/ipam/subnets", filterBySites=99) == []


def test_make_default_moves_the_flag_and_with_it_the_lists(netris):
    vpc = netris.vpc()
    netris.call("PUT", f"/api/v2/vpc/{vpc['id']}/make-default")

    flags = {row["name"]: (row["isSystem"], row["isDefault"]) for row in netris.get("/api/v2/vpc")}
    assert flags == {"vpc-1:Default": (True, False), "acme": (False, True)}
    assert [row["prefix"] for row in netris.get("/api/v2/ipam")] == ["10.1.0.0/16"]
    netris.refused(400, "DELETE", "/api/v2/vpc/1")


# 2.1 VPC


def test_a_vpc_reserves_a_vni_and_a_vlan(netris):
    rows = [netris.post("/api/v2/vpc", name=f"v{n}", adminTenant=TENANT) for n in range(12)]

    vnis = [row["vni"] for row in rows]
    assert vnis == [2, 3, 4, 5, 6, 7, 8, 9, 14, 15, 16, 17]  # 10 to 13 are V-Nets
    assert all(row["vlans"][0]["siteId"] == 1 for row in rows)
    assert len({row["vlans"][0]["vlan"] for row in rows}) == 12


def test_a_vpc_name_is_given_once_quirk_47(netris):
    netris.vpc()

    assert "name" in netris.refused(400, "POST", "/api/v2/vpc", {"name": "acme", "adminTenant": TENANT})["errors"]


def test_resources_are_a_list_of_one_with_tenants_as_numbers(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    netris.vnet("n", vpc, "10.1.1.1/24")

    (resources,) = netris.get(f"/api/v2/vpc/{vpc['id']}/resources")

    assert resources["allocation"] == [{"id": 4, "name": "acme-10.1.0.0/16", "tenant": 1}]
    assert names(resources["ipam"]) == ["s"]
    assert names(resources["vnet"]) == ["n"]
    assert resources["bgp"] == resources["roh"] == resources["route"] == []


def test_a_vpc_in_use_is_not_deleted(netris):
    vpc = netris.vpc()
    netris.refused(400, "DELETE", f"/api/v2/vpc/{vpc['id']}")
    netris.delete("/api/v2/ipam/allocation/4")

    assert netris.delete(f"/api/v2/vpc/{vpc['id']}") == {"id": vpc["id"]}
    netris.refused(404, "GET", f"/api/v2/vpc/{vpc['id']}")


def test_the_system_vpc_is_never_deleted(netris):
    netris.refused(400, "DELETE", "/api/v2/vpc/1")


def test_a_new_name_of_a_vpc_shows_wherever_it_is_named(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    netris.get("/api/v2/ipam", filterByVpc=vpc["id"])

    netris.put(f"/api/v2/vpc/{vpc['id']}", name="new", adminTenant=TENANT)

    (tree,) = netris.get("/api/v2/ipam", filterByVpc=vpc["id"])
    assert tree["vpc"]["name"] == tree["children"][0]["vpc"]["name"] == "new"


# 2.3 IPAM


def test_the_tree_nests_subnets_to_any_depth(netris):
    vpc = netris.vpc()
    inner = netris.subnet("inner", "10.1.1.0/24", vpc)
    host = netris.subnet("host", "10.1.1.7/32", vpc, "nat")
    outer = netris.subnet("outer", "10.1.0.0/20", vpc)  # comes last, and takes the others in

    (root,) = netris.get("/api/v2/ipam", filterByVpc=vpc["id"])

    assert (root["type"], root["parentID"], root["purpose"]) == ("allocation", 0, None)
    (first,) = root["children"]
    (second,) = first["children"]
    (third,) = second["children"]
    assert [first["id"], second["id"], third["id"]] == [outer, inner, host]
    assert [node["allocationID"] for node in (first, second, third)] == [root["id"]] * 3
    assert [node["parentID"] for node in (first, second, third)] == [0, outer, inner]
    assert third["subnet"] == {"prefix": "10.1.1.7", "length": 32}


def test_allocation_and_subnet_ids_collide_quirk_1(netris):
    (first, *_) = netris.get("/api/v2/ipam")

    assert first["id"] == first["children"][0]["id"] == 1


def test_a_changed_vpc_is_silently_ignored_quirk_2(netris):
    vpc = netris.vpc()
    netris.put("/api/v2/ipam/allocation/4", name="other", vpc=SYSTEM)

    assert names(netris.get("/api/v2/ipam", filterByVpc=vpc["id"])) == ["other"]


def test_deleting_an_allocation_takes_everything_along_quirk_3(netris):
    vpc = netris.vpc()
    netris.subnet("outer", "10.1.0.0/20", vpc)
    netris.subnet("inner", "10.1.1.0/24", vpc)

    netris.delete("/api/v2/ipam/allocation/4")

    assert netris.get("/api/v2/ipam", filterByVpc=vpc["id"]) == []
    assert netris.get("/api/v2/ipam/subnets", filterByVpc=vpc["id"]) == []
    netris.vpc("other")  # and the names are free again
    netris.subnet("outer", "10.1.0.0/20", {"name": "other"})


@pytest.mark.parametrize("path", ["203.0.113.128/25", "203.0.113.128%2F25", "7"])
def test_a_subnet_is_deleted_by_id_or_prefix(netris, path):
    netris.delete(f"/api/v2/ipam/subnet/{path}")

    assert "203.0.113.128/25" not in [row["prefix"] for row in netris.get("/api/v2/ipam/subnets")]


def test_a_subnet_lies_in_an_allocation_of_its_own_vpc(netris):
    vpc = netris.vpc()
    body = {
        "name": "x",
        "prefix": "203.0.113.64/27",
        "purpose": "common",
        "tenant": TENANT,
        "sites": [SITE],
        "vpc": vpc,
    }

    envelope = netris.refused(400, "POST", "/api/v2/ipam/subnet", body)

    assert envelope["errors"] == {"prefix": "IP prefix is out of any allocation"}


@pytest.mark.parametrize("prefix", ["10.1.0.0/16", "10.0.0.0/8", "10.1.128.0/17"])
def test_allocations_do_not_overlap_inside_a_vpc_but_do_across(netris, prefix):
    vpc = netris.vpc()
    body = {"name": "x", "prefix": prefix, "tenant": TENANT, "vpc": vpc}
    assert netris.refused(400, "POST", "/api/v2/ipam/allocation", body)["errors"].keys() == {"prefix"}

    other = netris.post("/api/v2/vpc", name="other", adminTenant=TENANT)
    netris.post("/api/v2/ipam/allocation", **body | {"vpc": {"id": other["id"]}})


def test_neighbouring_allocations_are_no_overlap(netris):
    vpc = netris.vpc(cidr="10.1.0.0/24")
    for number, prefix in enumerate(["10.1.2.0/24", "10.1.1.0/24", "10.0.255.0/24", "fd00::/64"]):
        netris.post("/api/v2/ipam/allocation", name=f"n{number}", prefix=prefix, tenant=TENANT, vpc=vpc)

    body = {"name": "x", "prefix": "10.1.0.0/22", "tenant": TENANT, "vpc": vpc}
    netris.refused(400, "POST", "/api/v2/ipam/allocation", body)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prefix": "10.1.1.0/24", "name": "other"}, "prefix"),
        ({"prefix": "10.1.2.0/24", "name": "s"}, "name"),
        ({"prefix": "10.1.2.1/24"}, "prefix"),
        ({"prefix": "nonsense"}, "prefix"),
        ({"prefix": "10.1.2.0/24", "purpose": "fun"}, "purpose"),
        ({"prefix": "10.1.2.0/24", "sites": []}, "sites"),
        ({"prefix": "10.1.2.0/24", "tags": ["a b"]}, "tags"),
    ],
)
def test_subnets_that_do_not_fit_are_refused(netris, change, field):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    body = {"name": "x", "purpose": "common", "tenant": TENANT, "sites": [SITE], "vpc": vpc} | change

    assert field in netris.refused(400, "POST", "/api/v2/ipam/subnet", body)["errors"]


def test_the_purpose_of_a_subnet_can_change(netris):
    subnet = netris.subnet("s", "198.51.100.5/32", SYSTEM, "nat")

    netris.put(f"/api/v2/ipam/subnet/{subnet}", name="s", prefix="198.51.100.5/32", purpose="load-balancer")

    rows = {row["id"]: row for row in netris.get("/api/v2/ipam/subnets")}
    assert rows[subnet]["purpose"] == "load-balancer"


def test_every_subnet_row_has_what_the_plugin_reads_7_1(netris):
    for row in netris.get("/api/v2/ipam/subnets"):
        assert all(row[field] for field in ("id", "name", "prefix", "allocationID", "purpose"))


def test_hosts_of_a_subnet_and_their_count(netris):
    vpc = netris.vpc()
    subnet = netris.subnet("s", "10.1.1.0/24", vpc)
    assert netris.get(f"/api/v2/ipam/hosts/{subnet}") == []
    netris.vnet("n", vpc, "10.1.1.1/24")

    (host,) = netris.get(f"/api/v2/ipam/hosts/{subnet}")
    (row,) = netris.get("/api/v2/ipam/subnets", filterByVpc=vpc["id"])

    assert (host["address"], host["type"], host["subnetID"]) == ("10.1.1.1", "host", subnet)
    assert (row["hasHosts"], row["hostsCount"]) == (True, 1)


def test_subnets_of_the_plugin_in_the_system_vpc_show_among_all_quirk_23(netris):
    vpc = netris.vpc("D1-A2-Z1-V3-acme")
    netris.subnet("D1-A2-Z1-V3-10.1.1.0/24", "10.1.1.0/24", vpc)
    netris.subnet("D1-A2-Z1-V3-198.51.100.5/32", "198.51.100.5/32", SYSTEM, "nat")

    found = {row["name"]: row["vpc"]["id"] for row in netris.get("/api/v2/ipam/subnets")}
    assert found["D1-A2-Z1-V3-198.51.100.5/32"] == SYSTEM["id"]
    assert found["D1-A2-Z1-V3-10.1.1.0/24"] == vpc["id"]
    assert names(netris.get("/api/v2/ipam/subnets", filterByVpc=vpc["id"])) == ["D1-A2-Z1-V3-10.1.1.0/24"]


# 2.2 V-Net


def test_a_vnet_as_the_plugin_makes_it(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    number = netris.vnet("n", vpc, "10.1.1.1/24", vxlanID=1000007, vlan=0, tags=["CS-Cloud1-Compute"])

    (row,) = netris.get("/api/v2/vnet", filterByVpc=vpc["id"])

    assert row["id"] == number
    assert (row["vxlanID"], row["vlan"], row["state"]) == (1000007, 0, "active")
    assert row["gateways"][0]["prefix"] == "10.1.1.1/24"
    assert row["tags"] == ["CS-Cloud1-Compute"]
    assert (row["portsCount"], row["internal"]) == (0, 0)


def test_a_vni_is_unique_across_the_controller(netris):
    vpc = netris.vpc()
    own = netris.get(f"/api/v2/vpc/{vpc['id']}")["vni"]
    for taken in (12, own):
        body = {"name": "n", "vpc": vpc, "tenant": TENANT, "sites": [SITE], "vxlanID": taken}
        assert "vxlanID" in netris.refused(400, "POST", "/api/v2/vnet", body)["errors"]


def test_numbers_are_given_out_when_none_is_asked_for_and_come_back(netris):
    def make(**more):
        number = netris.post("/api/v2/vnet", name="n", tenant=TENANT, sites=[SITE], **more)["id"]
        return netris.get(f"/api/v2/vnet/{number}")

    first = make(vlan="auto")
    netris.put(f"/api/v2/vnet/{first['id']}", name="n", vlan="auto")
    assert netris.get(f"/api/v2/vnet/{first['id']}")["vlan"] == first["vlan"]
    netris.delete(f"/api/v2/vnet/{first['id']}")
    again = make(vlan="auto")

    assert (first["vxlanID"], first["vlan"]) == (again["vxlanID"], again["vlan"]) == (2, 5)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"gateways": [{"prefix": "10.1.9.1/24"}]}, "gateways"),  # no subnet there
        ({"gateways": [{"prefix": "10.1.0.1/16"}]}, "gateways"),  # wider than the subnet
        ({"gateways": [{"prefix": "10.1.2.1/24"}]}, "gateways"),  # purpose nat
        ({"gateways": [{"prefix": "10.1.1.1/24"}, {"prefix": "10.1.1.1/24"}]}, "gateways"),
        ({"gateways": [{"prefix": "10.1.1.1"}]}, "prefix"),
        ({"vxlanID": 0xFFFFFFF}, "vxlanID"),
        ({"vlan": 4095}, "vlan"),
        ({"state": "unmanaged"}, "state"),
        ({"name": "CloudStack VRs"}, "name"),
        ({"ports": [{"name": "swp20@Leaf-1", "vlan": "1"}]}, "ports"),
        ({"gateways": [{"prefix": "10.1.1.1/24", "dhcpEnabled": True, "dhcp": {"start": "1.1.1.1", "end": "1.1.1.2"}}]},
         "gateways"),
    ],
)  # fmt: skip
def test_vnets_that_do_not_fit_are_refused(netris, change, field):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    netris.subnet("t", "10.1.2.0/24", vpc, "nat")
    body = {"name": "n", "vpc": vpc, "tenant": TENANT, "sites": [SITE], "vlan": 0} | change

    assert field in netris.refused(400, "POST", "/api/v2/vnet", body)["errors"]


def test_a_gateway_may_also_stand_in_a_management_subnet(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc, "management", defaultGateway="10.1.1.254")

    netris.vnet("n", vpc, "10.1.1.1/24")


def test_a_rename_wipes_what_it_sends_empty_quirk_45(netris):
    more = {"ports": [{"name": "swp20@Leaf-1"}], "guestTenants": [TENANT]}
    number = netris.post("/api/v2/vnet", name="n", tenant=TENANT, sites=[SITE], vlan=100, **more)["id"]
    assert netris.get(f"/api/v2/vnet/{number}")["portsCount"] == 1

    netris.put(f"/api/v2/vnet/{number}", name="n2", ports=[], guestTenants=[], gateways=[], vxlanID=2, vpc={"id": 1})

    row = netris.get(f"/api/v2/vnet/{number}")
    assert (row["name"], row["portsCount"], row["guestTenants"], row["vxlanID"]) == ("n2", 0, [], 2)


def test_ports_join_by_label_and_by_hand(netris):
    row = netris.get("/api/v2/vnet/1")
    assert [port["name"] for port in row["ports"]] == ["swp1@Leaf-1", "swp1@Leaf-2"]
    assert row["portsCount"] == 2

    ports = [{"name": "swp20@Leaf-1"}, {"name": "swp21@Leaf-1", "accessMode": True}]
    number = netris.post("/api/v2/vnet", name="n", tenant=TENANT, sites=[SITE], vlan=100, ports=ports)["id"]
    ports = netris.get(f"/api/v2/vnet/{number}")["ports"]
    assert [(port["vlan"], port["untagged"]) for port in ports] == [("100", False), ("1", True)]
    assert ports[0]["switch"]["name"] == "Leaf-1"


def test_a_port_is_untagged_in_one_vnet_only(netris):
    entry = {"name": "swp21@Leaf-1", "accessMode": True}
    netris.post("/api/v2/vnet", name="n", tenant=TENANT, sites=[SITE], ports=[entry])
    body = {"name": "m", "tenant": TENANT, "sites": [SITE], "ports": [entry]}

    assert "ports" in netris.refused(400, "POST", "/api/v2/vnet", body)["errors"]


# 2.17, 2.18


def test_tenants_and_sites_live_and_die(netris):
    tenant = netris.post("/api/tenants", name="globex", description="")["id"]
    netris.put("/api/tenants", id=tenant, name="Globex")
    assert names(netris.get("/api/tenants")) == ["Admin", "Globex"]
    netris.delete("/api/tenants", {"id": tenant})
    netris.refused(400, "DELETE", "/api/tenants", {"id": 1})

    site = netris.post("/api/v2/sites", name="ny", **SITE_BODY | {"publicAsn": 65002})["id"]
    assert netris.put(f"/api/v2/sites/{site}", name="nyc") == {"id": site}
    row = netris.get(f"/api/v2/sites/{site}")
    assert (row["name"], row["publicAsn"], row["aclPolicy"]) == ("nyc", 65002, "permit")
    assert netris.get("/api/sites")[1]["publicASN"] == 65002
    assert netris.delete(f"/api/v2/sites/{site}") == {"id": site}
    netris.refused(400, "DELETE", "/api/v2/sites/1")
