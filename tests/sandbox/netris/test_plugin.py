"""The CloudStack plugin's calls, replayed by hand in its order and with its bodies (netris-api.md 4.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.controller import SITE, TENANT, Controller
from tests.sandbox.netris.bodies import PORTS

PREFIX = "D1-A2-Z1-V3"
ADDRESS = "198.51.100.5"


@pytest.fixture
def netris() -> Controller:
    return Controller()


def find(rows, name):
    return next((row for row in rows if row["name"] == name), None)


def system(netris):
    row = next(row for row in netris.get("/api/v2/vpc") if row["isSystem"])
    return {"id": row["id"], "name": row["name"]}


def vpc_of(netris, name=f"{PREFIX}-acme"):
    rows = netris.get("/api/v2/vpc")
    row = next(row for row in rows if row["name"] == name and row["adminTenant"]["id"] == TENANT["id"])
    return {"id": row["id"], "name": row["name"]}


def create_vpc(netris):
    made = netris.post("/api/v2/vpc", name=f"{PREFIX}-acme", adminTenant=TENANT)
    vpc = {"id": made["id"], "name": made["name"]}
    netris.post("/api/v2/ipam/allocation", name=f"{PREFIX}-10.1.0.0/16", prefix="10.1.0.0/16", tenant=TENANT, vpc=vpc)
    return vpc


def ensure_public_subnet(netris, purpose):
    name = f"{PREFIX}-{ADDRESS}/32"
    body = {"name": name, "prefix": f"{ADDRESS}/32", "purpose": purpose, "tenant": TENANT, "sites": [SITE]}
    body["vpc"] = system(netris)
    present = find(netris.get("/api/v2/ipam/subnets"), name)
    if present is None:
        netris.post("/api/v2/ipam/subnet", **body)
    elif present["purpose"] != purpose:
        netris.put(f"/api/v2/ipam/subnet/{present['id']}", **body)


def source_nat(netris):
    name, vpc = f"{PREFIX}-SNAT", vpc_of(netris)
    ensure_public_subnet(netris, "nat")
    body = {
        "name": name,
        "action": "SNAT",
        "protocol": "all",
        "sourceAddress": "10.1.0.0/16",
        "destinationAddress": "0.0.0.0/0",
        "snatToIP": f"{ADDRESS}/32",
        "site": SITE,
        "vpc": vpc,
    }
    present = find(netris.get("/api/v2/nat"), name)
    if present is None:
        netris.post("/api/v2/nat", **body, state="enabled", sourcePort="1-65535", comment="")
    else:
        netris.put(f"/api/v2/nat/{present['id']}", **body)


def create_tier(netris, vni=1000007):
    vpc = vpc_of(netris)
    body = {"name": f"{PREFIX}-10.1.1.0/24", "prefix": "10.1.1.0/24", "purpose": "common"}
    netris.post("/api/v2/ipam/subnet", **body, vpc=vpc, sites=[SITE], tenant=TENANT)
    return netris.post("/api/v2/vnet", **vnet(vpc, f"{PREFIX}-N7-web", vni))["id"]


def vnet(vpc, name, vni):
    return {
        "name": name,
        "vpc": vpc,
        "tenant": TENANT,
        "sites": [SITE],
        "state": "active",
        "vxlanID": vni,
        "vlan": 0,
        "vlanAware": False,
        "vlans": "",
        "nativeVlan": 0,
        "l3vpn": False,
        "customAnycastMac": "",
        "guestTenants": [],
        "ports": [],
        "gateways": [
            {"prefix": "10.1.1.1/24", "dhcpEnabled": False, "dhcp": {"start": "", "end": "", "optionSet": {}}},
        ],
        "tags": ["CS-Cloud1-Compute"],
    }


def test_the_provider_is_added(netris):
    assert find(netris.get("/api/sites"), "sv")["id"] == 1
    assert find(netris.get("/api/tenants"), "Admin")["id"] == 1
    netris.get("/api/auth")


def test_the_zone_s_public_range_is_found_in_the_reference_site(netris):
    vpc = system(netris)
    allocations = netris.get("/api/v2/ipam", filterBySites=1, filterByVpc=vpc["id"])
    allocation = next(row for row in allocations if row["prefix"] == "198.51.100.0/24")
    subnets = netris.get("/api/v2/ipam/subnets", filterByVpc=vpc["id"])

    assert any(
        (row["allocationID"], row["prefix"], row["purpose"]) == (allocation["id"], "198.51.100.0/25", "common")
        for row in subnets
    )


def test_a_public_range_that_is_new_gets_its_allocation_and_subnet(netris):
    vpc = system(netris)
    netris.post("/api/v2/ipam/allocation", name="Z1-192.0.2.0/24", prefix="192.0.2.0/24", tenant=TENANT, vpc=vpc)
    body = {"name": "Z1-192.0.2.0/25", "prefix": "192.0.2.0/25", "purpose": "common", "sites": [SITE]}
    netris.post("/api/v2/ipam/subnet", **body, tenant=TENANT, vpc=vpc)

    (row,) = [row for row in netris.get("/api/v2/ipam", filterByVpc=1) if row["name"].startswith("Z1-")]
    assert row["children"][0]["name"] == "Z1-192.0.2.0/25"


def test_a_vpc_with_source_nat_comes_and_goes(netris):
    vpc = create_vpc(netris)
    source_nat(netris)
    source_nat(netris)  # the same path again: an update, and no second subnet

    assert find(netris.get("/api/v2/nat"), f"{PREFIX}-SNAT")["snatToIP"] == f"{ADDRESS}/32"

    netris.delete(f"/api/v2/nat/{find(netris.get('/api/v2/nat'), f'{PREFIX}-SNAT')['id']}")
    (resources,) = netris.get(f"/api/v2/vpc/{vpc['id']}/resources")
    netris.delete(f"/api/v2/ipam/allocation/{resources['allocation'][0]['id']}")
    answer = netris.http.request("DELETE", f"/api/v2/vpc/{vpc['id']}").json()
    assert answer["isSuccess"] is True

    left = next(row for row in netris.get("/api/v2/ipam/subnets", filterByVpc=1) if row["prefix"] == f"{ADDRESS}/32")
    netris.delete(f"/api/v2/ipam/subnet/{left['id']}")  # only the release of the address does this
    assert len(netris.get("/api/v2/vpc")) == 1


def test_a_tier_comes_is_renamed_and_goes(netris):
    vpc = create_vpc(netris)
    number = create_tier(netris)
    row = find(netris.get("/api/v2/vnet", filterByVpc=vpc["id"]), f"{PREFIX}-N7-web")
    assert (row["id"], row["vxlanID"]) == (number, 1000007)

    netris.put(f"/api/v2/vnet/{number}", **vnet(vpc, f"{PREFIX}-N7-db", row["vxlanID"]) | {"tags": row["tags"]})

    row = find(netris.get("/api/v2/vnet", filterByVpc=vpc["id"]), f"{PREFIX}-N7-db")
    assert (row["vxlanID"], row["tags"]) == (1000007, ["CS-Cloud1-Compute"])
    assert [gateway["prefix"] for gateway in row["gateways"]] == ["10.1.1.1/24"]
    netris.delete(f"/api/v2/vnet/{number}")
    subnet = find(netris.get("/api/v2/ipam/subnets"), f"{PREFIX}-10.1.1.0/24")
    netris.delete(f"/api/v2/ipam/subnet/{subnet['id']}")
    create_tier(netris)  # name, prefix and VNI are free again


def test_the_same_tiers_live_in_many_vpcs(netris):
    for number in range(3):
        vpc = netris.vpc(f"D1-A2-Z1-V{number}-acme")
        netris.subnet(f"D1-A2-Z1-V{number}-10.1.1.0/24", "10.1.1.0/24", vpc)
        netris.post("/api/v2/vnet", **vnet(vpc, f"D1-A2-Z1-V{number}-N7-web", 1000000 + number))

    assert len(netris.get("/api/v2/vnet", filterByVpc="2,3,4")) == 3


def test_port_forwarding_static_nat_and_a_balancer(netris):
    vpc = create_vpc(netris)
    create_tier(netris)
    ensure_public_subnet(netris, "nat")
    common = {"action": "DNAT", "sourceAddress": "0.0.0.0/0", "site": SITE, "vpc": vpc, "state": "enabled"}
    common |= {"destinationAddress": f"{ADDRESS}/32", "dnatToIP": "10.1.1.5/32"}
    ports = {"protocol": "tcp", "destinationPort": "22-25", "sourcePort": "1-65535", "dnatToPort": 22}
    rule = netris.post("/api/v2/nat", name=f"{PREFIX}-DNAT-R21", **common, **ports)
    netris.delete(f"/api/v2/nat/{rule['id']}")
    static = {"name": f"{PREFIX}-VM15-STATICNAT", "protocol": "all", **common}
    rule = netris.post("/api/v2/nat", **static)
    netris.refused(400, "POST", "/api/v2/nat", static)  # quirk 24: a repeat fails
    netris.delete(f"/api/v2/nat/{rule['id']}")

    ensure_public_subnet(netris, "load-balancer")
    body = {"name": f"{PREFIX}-LB9", "protocol": "TCP", "site": SITE, "siteID": 1, "tenant": TENANT}
    body |= {"vpc": {"id": vpc["id"]}, "automatic": False, "ipFamily": "ipv4", "ip": ADDRESS, "port": 80}
    body |= {"status": "enable", "healthCheck": "None", "backendIps": [{"ip": "10.1.1.5", "port": 80}]}
    netris.post("/api/v2/l4lb", **body)
    row = find(netris.get("/api/v2/l4lb"), f"{PREFIX}-LB9")
    netris.put(f"/api/v2/l4lb/{row['id']}", **body | {"backendIps": []})
    acl: dict[str, Any] = {"name": f"{PREFIX}-LBACL0-lb", "action": "deny", "proto": "tcp", "src_prefix": "0.0.0.0/0"}
    acl |= {"dst_prefix": f"{ADDRESS}/32", **PORTS, "vpc": {"id": 1}}
    netris.http.post("/api/acl", json=acl).raise_for_status()
    netris.delete(f"/api/v2/l4lb/{row['id']}")
    netris.delete("/api/acl", {"id": [1], "tenantsID": "1"})


def test_a_network_acl_is_applied_twice_and_revoked(netris):
    vpc = create_vpc(netris)
    create_tier(netris)
    name = f"{PREFIX}-N7-ACL33"
    body: dict[str, Any] = {
        "name": name,
        "comment": f"ACL rule: {name}. ",
        "action": "permit",
        "proto": "icmp",
        "icmp_type": 8,
    }
    body |= {"src_prefix": "0.0.0.0/0", "dst_prefix": "10.1.1.0/24", "reverse": "yes", "vpc": {"id": vpc["id"]}}
    body |= {"src_port_from": 1, "src_port_to": 65535, "dst_port_from": 1, "dst_port_to": 65535}
    netris.http.post("/api/acl", json=body).raise_for_status()

    row = find(netris.get("/api/acl", **{"filterBySites[]": 1, "filterByVpc[]": vpc["id"]}), name)
    netris.put("/api/acl", **body, id=row["id"])
    netris.delete("/api/acl", {"id": [row["id"]], "tenantsID": "1"})

    assert netris.get("/api/acl", **{"filterByVpc[]": vpc["id"]}) == []


def test_an_isolated_network_s_names_are_taken_as_they_come(netris):
    vpc = netris.vpc("D1-A2-Z1-N7-net", "10.2.0.0/24")

    netris.subnet("D1-A2-Z1-N7-null-10.2.0.0/24", "10.2.0.0/24", vpc)  # as wide as its allocation
