"""What the CloudStack emulator's plugin says to Netris: netris-api.md section 4, cloudstack-api.md 5.4 to 5.6."""

import json

import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import Refused, root_of


def rows(netris, path, **query):
    return netris.get(path, params=query).json()["data"]


def named(found, name):
    return next(row for row in found if row["name"] == name)


def writes(spy):
    return [(method, path.rstrip("0123456789")) for method, path, _ in spy if method != "GET"]


def test_a_vpc_becomes_four_objects_in_order_4_3(root, netris, spy):
    vpc = root.vpc("prod")

    assert [(method, path) for method, path, _ in spy] == [
        ("POST", "/api/v2/vpc"),
        ("POST", "/api/v2/ipam/allocation"),
        ("GET", "/api/v2/vpc"),
        ("GET", "/api/v2/vpc"),
        ("GET", "/api/v2/ipam/subnets"),
        ("GET", "/api/v2/ipam/subnets"),
        ("GET", "/api/v2/vpc"),
        ("POST", "/api/v2/ipam/subnet"),
        ("GET", "/api/v2/nat"),
        ("GET", "/api/v2/vpc"),
        ("POST", "/api/v2/nat"),
    ]
    address = root.list("listPublicIpAddresses", vpcid=vpc["id"], forprovider="true")[0]["ipaddress"]
    made = named(rows(netris, "/api/v2/vpc"), "D1-A2-Z1-V1-prod")
    assert made["adminTenant"]["name"] == "Admin"
    assert named(rows(netris, "/api/v2/ipam", filterByVpc=made["id"]), "D1-A2-Z1-V1-10.10.0.0/16")
    subnet = named(rows(netris, "/api/v2/ipam/subnets", filterByVpc=1), f"D1-A2-Z1-V1-{address}/32")
    assert subnet["purpose"] == "nat"
    rule = named(rows(netris, "/api/v2/nat"), "D1-A2-Z1-V1-SNAT")
    assert (rule["sourceAddress"], rule["destinationAddress"], rule["snatToIP"]) == (
        "10.10.0.0/16",
        "0.0.0.0/0",
        f"{address}/32",
    )


def test_a_routed_vpc_has_no_source_nat_4_3(root, netris):
    root.vpc("routed", mode="Route")

    assert "D1-A2-Z1-V1-SNAT" not in [rule["name"] for rule in rows(netris, "/api/v2/nat")]


def test_a_tier_becomes_a_subnet_and_a_vnet_4_3(root, netris, spy):
    tier = root.tier(root.vpc(), "web")

    vpc = named(rows(netris, "/api/v2/vpc"), "D1-A2-Z1-V1-prod")
    subnet = named(rows(netris, "/api/v2/ipam/subnets", filterByVpc=vpc["id"]), "D1-A2-Z1-V1-10.10.1.0/24")
    (vnet,) = rows(netris, "/api/v2/vnet", filterByVpc=vpc["id"])
    assert subnet["purpose"] == "common"
    assert vnet["name"].startswith("D1-A2-Z1-V1-N")
    assert vnet["name"].endswith("-web")
    assert vnet["vxlanID"] == int(tier["details"]["netrisvxlanid"])
    assert (vnet["gateways"][0]["prefix"], vnet["tags"]) == ("10.10.1.1/24", ["CS-Cloud1-Compute"])
    assert writes(spy)[-2:] == [("POST", "/api/v2/ipam/subnet"), ("POST", "/api/v2/vnet")]
    assert b"globalRouting" not in spy[-1][2] + spy[-2][2]


def test_deleting_goes_vnet_subnet_then_snat_allocation_vpc_and_the_address_4_3(world, root, spy):
    vpc = root.vpc()
    tier = root.tier(vpc)
    spy.clear()

    root.done("deleteNetwork", id=tier["id"])
    root.done("deleteVPC", id=vpc["id"])

    assert writes(spy) == [
        ("DELETE", "/api/v2/vnet/"),
        ("DELETE", "/api/v2/ipam/subnet/"),
        ("DELETE", "/api/v2/nat/"),
        ("DELETE", "/api/v2/ipam/allocation/"),
        ("DELETE", "/api/v2/vpc/"),
        ("DELETE", "/api/v2/ipam/subnet/"),
    ]
    assert world.are_empty()


def test_a_rename_without_a_name_renames_to_null_5_6(root, netris):
    vpc = root.vpc("prod")

    root.done("updateVPC", id=vpc["id"], displaytext="only the text")

    assert "D1-A2-Z1-V1-null" in [row["name"] for row in rows(netris, "/api/v2/vpc")]
    with pytest.raises(Refused, match="unable to create Netris network"):
        root.tier(vpc)


def test_a_rename_with_its_name_is_followed_5_6(root, netris):
    vpc = root.vpc("prod")
    tier = root.tier(vpc, "web")

    root.done("updateVPC", id=vpc["id"], name="live")
    root.done("updateNetwork", id=tier["id"], name="front")

    assert "D1-A2-Z1-V1-live" in [row["name"] for row in rows(netris, "/api/v2/vpc")]
    made = named(rows(netris, "/api/v2/vpc"), "D1-A2-Z1-V1-live")
    assert rows(netris, "/api/v2/vnet", filterByVpc=made["id"])[0]["name"].endswith("-front")
    root.done("deleteNetwork", id=tier["id"])
    root.done("deleteVPC", id=vpc["id"])


@pytest.mark.parametrize("change", [{"name": "front"}, {"displaytext": "new words"}, {}])
def test_every_update_of_a_tier_writes_its_vnet_anew_w3(root, spy, change):
    tier = root.tier(root.vpc(), "web")
    spy.clear()

    root.done("updateNetwork", id=tier["id"], **change)

    ((method, path, body),) = [call for call in spy if call[0] != "GET"]
    sent = json.loads(body)
    assert (method, path[:13]) == ("PUT", "/api/v2/vnet/")
    assert (sent["ports"], sent["guestTenants"], "customAnycastMac" in sent) == ([], [], False)
    assert not any(gateway["dhcpEnabled"] for gateway in sent["gateways"])
    assert sent["name"].endswith(f"-{change.get('name', 'web')}")


def test_a_vpc_that_netris_has_lost_is_deleted_all_the_same_5_4(world, root, netris):
    vpc = root.vpc()
    made = named(rows(netris, "/api/v2/vpc"), "D1-A2-Z1-V1-prod")
    rule = named(rows(netris, "/api/v2/nat"), "D1-A2-Z1-V1-SNAT")
    allocation = named(rows(netris, "/api/v2/ipam", filterByVpc=made["id"]), "D1-A2-Z1-V1-10.10.0.0/16")
    for path in (f"nat/{rule['id']}", f"ipam/allocation/{allocation['id']}", f"vpc/{made['id']}"):
        netris.delete(f"/api/v2/{path}").raise_for_status()

    root.done("deleteVPC", id=vpc["id"])

    assert world.what_is_left() == []


def test_a_restart_finds_the_ranges_in_place_4_3(tmp_path):
    first = World(state_dir=tmp_path)
    before = {table.name: len(table) for table in first.netris.store.tables}
    vpc = root_of(first).vpc()
    first.close()

    again = World(state_dir=tmp_path)
    root = root_of(again)
    assert root.list("listVPCs")[0]["id"] == vpc["id"]
    root.done("deleteVPC", id=vpc["id"])

    assert again.what_is_left() == []
    assert len(again.netris.store["subnet"]) == before["subnet"]
    assert len(again.netris.store["allocation"]) == before["allocation"]
    again.close()


def test_a_new_public_range_is_pushed_at_once_5_1(root, netris):
    given = {"gateway": "192.0.2.129", "netmask": "255.255.255.128", "startip": "192.0.2.130", "endip": "192.0.2.254"}
    network = root.list("listPhysicalNetworks")[0]["id"]

    made = root(
        "createVlanIpRange",
        zoneid=root.zone,
        physicalnetworkid=network,
        forvirtualnetwork="true",
        vlan="untagged",
        provider="Netris",
        **given,
    )["vlan"]

    assert (made["provider"], made["vlan"]) == ("Netris", "vlan://untagged")
    assert named(rows(netris, "/api/v2/ipam/subnets", filterByVpc=1), "Z1-192.0.2.128/25")["purpose"] == "common"
    assert len(root.list("listVlanIpRanges")) == 4
    with pytest.raises(Refused, match="overlaps"):
        root("createVlanIpRange", zoneid=root.zone, provider="Netris", **given)


def test_the_provider_is_shown_without_its_password_3_10(root):
    (provider,) = root.list("listNetrisProviders")

    assert provider.keys() >= {"uuid", "name", "netrisurl", "sitename", "tenantname", "netristag"}
    assert not {"id", "password", "username"} & provider.keys()
    with pytest.raises(Refused, match="already exists"):
        root(
            "addNetrisProvider",
            zoneid=root.zone,
            name="other",
            netrisurl="http://netris.sandbox",
            username="sandbox",
            password="sandbox",
            sitename="sv",
            tenantname="Admin",
            netristag="x",
        )


def test_a_provider_can_be_replaced_when_no_tier_needs_it_4_1(root):
    (provider,) = root.list("listNetrisProviders")
    tier = root.tier(vpc := root.vpc())
    with pytest.raises(Refused, match="Cannot delete Netris controller"):
        root("deleteNetrisProvider", id=provider["uuid"])
    root.done("deleteNetwork", id=tier["id"])
    root.done("deleteVPC", id=vpc["id"])
    given = {"name": "netris", "netrisurl": "http://netris.sandbox", "username": "sandbox", "sitename": "sv"}

    root("deleteNetrisProvider", id=provider["uuid"])
    assert root("listNetrisProviders") == {}
    with pytest.raises(Refused, match="Failed to add Netris controller"):
        root("addNetrisProvider", zoneid=root.zone, password="no", tenantname="Admin", netristag="x", **given)
    root("addNetrisProvider", zoneid=root.zone, password="sandbox", tenantname="Admin", netristag="x", **given)

    root.vpc()


def test_the_acl_of_a_tier_is_pushed_by_its_first_machine_5_4(world, root, netris):
    lists = {each["name"]: each["id"] for each in root.list("listNetworkACLLists")}
    vpc = root.vpc()
    tier = root.tier(vpc, aclid=lists["default_deny"])
    made = named(rows(netris, "/api/v2/vpc"), "D1-A2-Z1-V1-prod")
    assert rows(netris, "/api/acl", **{"filterByVpc[]": made["id"]}) == []

    machine = root.machine(tier)

    rules = rows(netris, "/api/acl", **{"filterByVpc[]": made["id"]})
    assert {rule["action"] for rule in rules} == {"deny"}
    assert len(rules) == 2
    root.done("destroyVirtualMachine", id=machine["id"], expunge="true")
    root.done("deleteNetwork", id=tier["id"])
    root.done("deleteVPC", id=vpc["id"])
    assert world.what_is_left() == []
