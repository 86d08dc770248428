"""Peering, BGP policy, port groups, profiles, DHCP, people, reservations (netris-api.md 2.3, 2.7, 2.11 to 2.19)."""

from __future__ import annotations

import json

import httpx
import pytest

from sandbox.kit.http import transport
from tests.sandbox.controller import LOGIN, SITE, SYSTEM, TENANT, Controller, direct_connect, dnat
from tests.sandbox.netris.bodies import acl


@pytest.fixture
def netris() -> Controller:
    return Controller()


def names(rows):
    return [row["name"] for row in rows]


# 2.12 VPC peering


@pytest.fixture
def pair(netris):
    return netris.vpc("a", "10.1.0.0/16"), netris.vpc("b", "10.9.0.0/16")


def peer(netris, pair, a=None, b=None, name="pc-a-b"):
    body = {"name": name, "vpcA": {"id": pair[0]["id"], **(a or {})}, "vpcB": {"id": pair[1]["id"], **(b or {})}}
    response = netris.http.post("/api/v2/vpc-peering", json=body)
    assert response.status_code == 201, response.text  # as OpenAPI says (1.5)
    return response.json()["data"]["id"]


def test_empty_lists_of_a_peering_are_filled_with_the_other_side_s_prefixes(netris, pair):
    number = peer(netris, pair, a={"prefixListInboundIPv4": ""})
    netris.post("/api/v2/ipam/allocation", name="b6", prefix="fd00:9::/48", tenant=TENANT, vpc=pair[1])

    row = netris.get(f"/api/v2/vpc-peering/{number}")

    assert row["vpcA"]["name"] == "a"
    assert row["vpcA"]["prefixListInboundIPv4"] == "permit 10.9.0.0/16 le 32"
    assert row["vpcA"]["prefixListInboundIPv6"] == "permit fd00:9::/48 le 128"
    assert row["vpcA"]["prefixListInbound"] == "permit 10.9.0.0/16 le 32\npermit fd00:9::/48 le 128"
    assert row["vpcB"]["prefixListInbound"] == "permit 10.1.0.0/16 le 32"
    assert isinstance(row["createdDate"], str) and isinstance(row["modifiedDate"], str)  # quirk 44


def test_both_dialects_of_the_lists_are_read(netris, pair):
    one = "permit 10.9.1.0/24\npermit fd00::/8 le 64\ndeny any"
    number = peer(netris, pair, a={"prefixListInbound": one}, b={"prefixListInboundIPv4": "permit 10.1.0.0/16 le 24"})

    row = netris.get(f"/api/v2/vpc-peering/{number}")
    assert row["vpcA"]["prefixListInboundIPv4"] == "permit 10.9.1.0/24\ndeny any"
    assert row["vpcA"]["prefixListInboundIPv6"] == "permit fd00::/8 le 64"
    assert row["vpcB"]["prefixListInbound"] == "permit 10.1.0.0/16 le 24"

    netris.put(f"/api/v2/vpc-peering/{number}", name="other", vpcB={"id": pair[1]["id"], "prefixListInbound": ""})
    row = netris.get(f"/api/v2/vpc-peering/{number}")
    assert row["name"] == "other"
    assert row["vpcA"]["prefixListInboundIPv4"] == "permit 10.9.1.0/24\ndeny any"  # kept: it was not sent
    assert row["vpcB"]["prefixListInbound"] == "permit 10.1.0.0/16 le 32"  # automatic again


@pytest.mark.parametrize(
    ("status", "change", "field"),
    [
        (403, {"name": None}, "name"),
        (403, {"vpcA": None}, "vpcA"),
        (404, {"vpcA": {"id": 99}}, "vpcA"),
        (400, {"vpcA": "a"}, "vpcA"),
        (400, {"vpcA": {"id": 3}}, "vpcB"),  # with itself
        (400, {"vpcA": {"id": 2, "prefixListInbound": "permit nonsense"}}, "prefixListInbound"),
        (400, {"vpcA": {"id": 2, "prefixListInboundIPv4": "permit fd00::/8"}}, "prefixListInboundIPv4"),
        (400, {"vpcA": {"id": 2, "prefixListInboundIPv4": "permit 10.0.0.0/16 le 8"}}, "prefixListInboundIPv4"),
    ],
)
def test_peerings_that_do_not_fit_are_refused(netris, pair, status, change, field):
    body = {"name": "p", "vpcA": {"id": 2}, "vpcB": {"id": 3}} | change

    assert field in netris.refused(status, "POST", "/api/v2/vpc-peering", body)["errors"]


def test_two_vpcs_are_peered_once_and_kept_by_it(netris, pair):
    number = peer(netris, pair)
    back = {"name": "again", "vpcA": {"id": pair[1]["id"]}, "vpcB": {"id": pair[0]["id"]}}
    assert "vpcB" in netris.refused(400, "POST", "/api/v2/vpc-peering", back)["errors"]
    for allocation in netris.get("/api/v2/ipam", filterByVpc=pair[0]["id"]):
        netris.delete(f"/api/v2/ipam/allocation/{allocation['id']}")
    netris.refused(400, "DELETE", f"/api/v2/vpc/{pair[0]['id']}")

    netris.delete(f"/api/v2/vpc-peering/{number}")

    assert netris.get("/api/v2/vpc-peering") == []
    netris.delete(f"/api/v2/vpc/{pair[0]['id']}")


def test_more_vpcs_than_vlans_can_be_made(netris):
    net = netris.app.net
    for vlan in range(5, 3584):
        net.reservations.add(kind="vlan", vlan=vlan, site=1, number=vlan, name="", meta={}, consumer=_nobody())

    first, second = netris.vpc("a"), netris.vpc("b", "10.2.0.0/16")

    rows = {row["name"]: row for row in netris.get("/api/v2/vpc")}
    assert [rows[vpc["name"]]["vlans"] for vpc in (first, second)] == [[], []]
    assert rows["a"]["vni"] != rows["b"]["vni"]
    number = netris.post("/api/v2/vnet", name="n", tenant=TENANT, sites=[SITE], vlan="auto")["id"]
    assert netris.get(f"/api/v2/vnet/{number}")["vlan"] == 3584  # V-Nets have a share that VPCs leave alone


def _nobody():
    return {"type": "vnet", "id": 0, "name": ""}


# 2.11 BGP objects and route-maps


def bgp_object(netris, name="pl", kind="ipv4", text="permit 10.0.0.0/8 le 24\ndeny any"):
    return netris.post("/api/ebgpobjects", name=name, type=kind, typeValue=text)


def test_a_bgp_object_lives_and_dies_quirk_42(netris):
    number = bgp_object(netris)
    assert isinstance(number, int)  # a bare number (1.6)
    netris.put("/api/ebgpobjects", id=number, name="pl2", type="ipv4", typeValue="permit 10.1.0.0/16")
    bgp_object(netris, "as", "aspath", "permit ^65010$")

    (row,) = netris.get("/api/ebgproutemaps/ebgpobjects", type="ipv4")

    assert (row["id"], row["name"], row["typeValue"]) == (number, "pl2", "permit 10.1.0.0/16")
    netris.delete("/api/ebgpobjects", {"id": number})
    assert names(netris.get("/api/ebgpobjects")) == ["as"]
    netris.refused(404, "DELETE", "/api/ebgpobjects", {"id": number})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "ipv5"}, "type"),
        ({"typeValue": "  \n"}, "typeValue"),
        ({"typeValue": "permit fd00::/8"}, "typeValue"),
        ({"typeValue": "allow 10.0.0.0/8"}, "typeValue"),
        ({"name": "pl"}, "name"),
    ],
)
def test_bgp_objects_that_do_not_fit_are_refused(netris, change, field):
    bgp_object(netris)
    body = {"name": "x", "type": "ipv4", "typeValue": "permit 10.0.0.0/8"} | change

    assert field in netris.refused(400, "POST", "/api/ebgpobjects", body)["errors"]


def sequences(number):
    return [
        {
            "number": 10,
            "description": "",
            "policy": "permit",
            "matches": [{"type": "ipv4_prefix_list", "ebgpObject": number, "value": None}, {"type": "med", "value": 5}],
            "actions": [
                {"type": "set", "parameter": "local_preference", "value": "200"},
                {"type": "goto", "value": 20},
            ],
        },
        {"number": 20, "policy": "deny", "matches": [], "actions": [{"type": "next"}]},
    ]


def test_a_route_map_is_used_by_sessions_and_uses_objects(netris):
    number = bgp_object(netris)
    made = netris.post("/api/ebgproutemaps", name="rm", sequences=sequences(number))["id"]
    (row,) = netris.get("/api/ebgproutemaps")
    assert row["sequences"][0]["matches"][0] == {
        "type": "ipv4_prefix_list",
        "ebgpObject": str(number),
        "ebgpObjectType": "ipv4",
        "value": None,
    }
    assert row["sequences"][0]["actions"][0]["value"] == "200"
    assert netris.get("/api/v2/ebgp/routemaps") == [{"id": made, "name": "rm"}]
    netris.refused(400, "DELETE", "/api/ebgpobjects", {"id": number})

    port = netris.port("swp20@Leaf-1")["id"]
    body = direct_connect(port, SYSTEM, inboundRouteMap=made)
    assert "outboundRouteMap" in netris.refused(400, "POST", "/api/v2/ebgp", body)["errors"]
    netris.refused(404, "POST", "/api/v2/ebgp", body | {"outboundRouteMap": 99})
    session = netris.post("/api/v2/ebgp", **body, outboundRouteMap={"id": made})["id"]
    row = netris.session(session)
    assert (row["inboundRouteMap"], row["inbound_route_map"], row["inboundRouteMapName"]) == (made, made, "rm")
    netris.refused(400, "DELETE", "/api/ebgproutemaps", {"id": made})
    netris.put(f"/api/v2/ebgp/{session}", inboundRouteMap="", outboundRouteMap="")
    assert netris.session(session)["outboundRouteMap"] is None

    netris.put("/api/ebgproutemaps", id=made, name="rm2")
    assert netris.get("/api/ebgproutemaps")[0]["sequences"][1]["number"] == 20
    netris.delete("/api/ebgproutemaps", {"id": made})
    netris.delete("/api/ebgpobjects", {"id": number})


@pytest.mark.parametrize(
    ("status", "entry"),
    [
        (400, {"policy": "maybe"}),
        (400, {"policy": "permit", "matches": [{"type": "weather", "value": 1}]}),
        (400, {"policy": "permit", "matches": [{"type": "ipv6_prefix_list", "ebgpObject": 1}]}),
        (404, {"policy": "permit", "matches": [{"type": "ipv4_prefix_list", "ebgpObject": 9}]}),
        (403, {"policy": "permit", "matches": [{"type": "ipv4_prefix_list", "ebgpObject": None, "value": None}]}),
        (400, {"policy": "permit", "actions": [{"type": "goto", "value": 30}]}),
        (400, {"policy": "permit", "actions": [{"type": "set", "parameter": "shoes", "value": 1}]}),
        (400, "permit"),
    ],
)
def test_route_maps_that_do_not_fit_are_refused(netris, status, entry):
    bgp_object(netris)

    netris.refused(status, "POST", "/api/ebgproutemaps", {"name": "rm", "sequences": [entry]})


# 2.7 ACL port groups


def test_a_port_group_serves_dnat_and_acl_rules(netris):
    group = netris.post("/api/aclportgroups", name="web", ports=[80, "443", "8000-8010"])["id"]
    assert names(netris.get("/api/v2/nat/meta/pgroup")) == ["web"]
    body = dnat("x", SYSTEM, "203.0.113.40/32", portGroup={"id": group, "name": "web", "ports": "80"})
    del body["dnatToPort"], body["destinationPort"]
    rule = netris.post("/api/v2/nat", **body)["id"]
    netris.http.post("/api/acl", json=acl("acl", dst_port_group=group)).raise_for_status()

    assert netris.get(f"/api/v2/nat/{rule}")["portGroup"] == {
        "id": group,
        "name": "web",
        "ports": ["80", "443", "8000-8010"],
    }
    assert netris.get("/api/acl")[0]["dst_port_group"] == group
    netris.put("/api/aclportgroups", id=group, name="web", ports=[81])
    assert netris.get(f"/api/v2/nat/{rule}")["portGroup"]["ports"] == ["81"]
    netris.refused(400, "DELETE", "/api/aclportgroups", {"id": group})
    netris.refused(400, "POST", "/api/v2/nat", body | {"name": "y", "protocol": "all"})
    netris.refused(404, "POST", "/api/v2/nat", body | {"name": "y", "portGroup": {"id": 9}})
    netris.put(f"/api/v2/nat/{rule}", portGroup={}, dnatToPort=80)
    assert netris.get(f"/api/v2/nat/{rule}")["portGroup"] is None


def test_a_port_group_is_deleted_with_its_name_as_a_number_quirk_20(netris):
    group = netris.post("/api/aclportgroups", name="web", ports=[80])["id"]

    netris.delete("/api/aclportgroups", {"id": group, "name": 0})

    assert netris.get("/api/aclportgroups") == []


@pytest.mark.parametrize("ports", [[], [0], [65536], ["9-8"], [True], "80", [None]])
def test_port_groups_that_do_not_fit_are_refused(netris, ports):
    netris.refused(400, "POST", "/api/aclportgroups", {"name": "web", "ports": ports})


# 2.14 inventory profiles


def test_a_profile_is_given_to_devices(netris):
    (first,) = netris.get("/api/inventoryProfiles")
    assert first["fabricProps"]["optimiseBgpOverlayHypervisor"] is True
    assert netris.device("Leaf-1")["profile"] == {"id": first["id"], "name": first["name"]}
    assert netris.device("Server-2")["profile"] is None
    rule = {"description": "", "srcSubnet": "10.0.0.0/8", "srcPort": "", "dstPort": "22", "protocol": "tcp"}
    body = {"name": "gpu", "ntp_servers": "a,b", "customRules": [rule], "gpuClusterProps": {"roce": True}}
    second = netris.post("/api/inventoryProfiles", **body)["id"]
    leaf = netris.device("Leaf-1")["id"]
    netris.put(f"/api/v2/hw/switch/{leaf}", profile={"id": second})

    netris.put("/api/inventoryProfiles", id=second, name="gpu2", description="d")

    row = netris.get("/api/inventoryProfiles")[1]
    assert (row["name"], row["ntp_servers"], row["customRules"]) == ("gpu2", "a,b", [rule | {"id": 1}])
    assert row["gpuClusterProps"]["roce"] is True
    netris.refused(400, "DELETE", "/api/inventoryProfiles", {"id": second})
    netris.put(f"/api/v2/hw/switch/{leaf}", profile={"id": first["id"]})
    netris.delete("/api/inventoryProfiles", {"id": second})
    assert netris.get("/api/v2/hw/profiles") == [first]
    netris.refused(400, "POST", "/api/inventoryProfiles", {"name": "x", "fabricProps": {"mclag": "maybe"}})


# 2.19 DHCP option sets


def test_the_default_option_set_moves_but_is_never_deleted(netris):
    (default,) = netris.get("/api/v2/dhcp-option-set")
    assert default["isDefault"] is True
    option = {"code": 26, "type": "uin8", "value": "9", "isCustom": False}  # sic: quirk 18
    body = {"name": "lab", "dnsServers": ["9.9.9.9"], "ntpServers": ["pool.ntp.org"], "additionalOptions": [option]}
    number = netris.post("/api/v2/dhcp-option-set", **body)["id"]
    row = netris.get(f"/api/v2/dhcp-option-set/{number}")
    assert (row["leaseTime"], row["isDefault"], row["additionalOptions"]) == (86400, False, [option])
    netris.refused(400, "DELETE", f"/api/v2/dhcp-option-set/{default['id']}")

    netris.put(f"/api/v2/dhcp-option-set/{number}/make-default")

    assert [row["isDefault"] for row in netris.get("/api/v2/dhcp-option-set")] == [False, True]
    netris.refused(400, "DELETE", f"/api/v2/dhcp-option-set/{number}")
    netris.delete(f"/api/v2/dhcp-option-set/{default['id']}")
    assert (
        "dnsServers"
        in netris.refused(400, "POST", "/api/v2/dhcp-option-set", body | {"name": "x", "dnsServers": ["x"]})["errors"]
    )
    wrong = {"name": "w", "additionalOptions": [{"code": 1, "type": "int64", "value": ""}]}
    assert "type" in netris.refused(400, "POST", "/api/v2/dhcp-option-set", wrong)["errors"]


def test_a_gateway_hands_out_the_option_set_it_names_or_the_default(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    number = netris.post("/api/v2/dhcp-option-set", name="lab")["id"]

    def gateway(option_set):
        dhcp = {"start": "10.1.1.10", "end": "10.1.1.99", "optionSet": option_set}
        return [{"prefix": "10.1.1.1/24", "dhcpEnabled": True, "dhcp": dhcp}]

    vnet = netris.post("/api/v2/vnet", name="n", vpc=vpc, tenant=TENANT, sites=[SITE], gateways=gateway({}))["id"]
    shown = netris.get(f"/api/v2/vnet/{vnet}")["gateways"][0]["dhcp"]
    assert shown["optionSet"] == {"id": 1, "name": "Default Option Set"}
    netris.put(f"/api/v2/vnet/{vnet}", gateways=gateway({"id": number}))
    assert netris.get(f"/api/v2/vnet/{vnet}")["gateways"][0]["dhcp"]["optionSet"]["name"] == "lab"
    netris.refused(400, "DELETE", f"/api/v2/dhcp-option-set/{number}")
    netris.refused(404, "PUT", f"/api/v2/vnet/{vnet}", {"gateways": gateway({"id": 99})})


# 2.18 people


@pytest.fixture
def group(netris):
    body = {"name": "readers", "hidden": ["USERS"], "readOnly": ["SERVICES", "NET"], "externalACL": False}
    return netris.post("/api/permissiongroups", **body)["id"]


def test_permission_lists_come_back_as_text_quirk_16(netris, group):
    (row,) = netris.get("/api/permissiongroups")

    assert isinstance(row["hidden"], str) and isinstance(row["readonly"], str)
    assert json.loads(row["hidden"]) == ["USERS"]
    assert json.loads(row["readonly"]) == ["SERVICES", "NET"]
    netris.refused(400, "PUT", "/api/permissiongroups", {"id": group, "hidden": ["KITCHEN"]})


def test_users_get_their_rights_by_role_or_group(netris, group):
    tenants = [{"id": 1, "tenant_read": True, "tenant_write": False}]
    role = netris.post("/api/userroles", name="r", permissionGroup={"id": group}, tenants=tenants)["id"]
    body = {"name": "jane", "fullname": "Jane", "email": "jane@example.net", "userRole": {"id": role}}
    number = netris.post("/api/users", **body, permissionGroup={}, tenants=[{"id": -1}])["id"]

    (row,) = [row for row in netris.get("/api/users") if row["name"] == "jane"]

    assert (row["role_id"], row["rolename"], row["perm_id"]) == (role, "r", None)
    assert row["tenants"][0]["id"] == 0  # all of them
    assert "password" not in row
    assert netris.get("/api/userroles")[0]["tenants"][0]["tenant_write"] is False
    netris.put("/api/users", id=number, company="Acme")
    netris.refused(400, "DELETE", "/api/userroles", {"id": role})  # quirk 32: 4.15 leaves nobody without a role
    netris.refused(400, "DELETE", "/api/permissiongroups", {"id": group})
    netris.delete("/api/users", {"id": number})
    netris.delete("/api/userroles", {"id": role})
    netris.delete("/api/permissiongroups", {"id": group})
    netris.refused(403, "POST", "/api/users", {"name": "jim", "email": "j@x.y"})
    netris.refused(400, "DELETE", "/api/users", {"id": 1})


def test_a_user_may_do_what_the_group_leaves(netris, group):
    body = {"name": "jane", "email": "jane@example.net", "permissionGroup": {"id": group}, "tenants": [{"id": -1}]}
    number = netris.post("/api/users", **body)["id"]
    login = {"user": "jane", "password": "s3cret s3cret"}
    netris.refused(401, "POST", "/api/auth", login)
    netris.put("/api/users/setpassword", id=number, password="s3cret s3cret")
    with httpx.Client(transport=transport(netris.app), base_url="http://netris.example") as jane:
        assert jane.post("/api/auth", json=login).json()["data"]["user_id"] == number
        assert jane.get("/api/v2/vnet").status_code == 200
        assert jane.post("/api/v2/vnet", json={}).status_code == 403
        assert jane.delete("/api/v2/ebgp/1").status_code == 403
        assert jane.get("/api/users").status_code == 403
        assert jane.post("/api/v2/vpc", json={"name": "v", "adminTenant": TENANT}).status_code == 200
        netris.delete("/api/users", {"id": number})
        assert jane.get("/api/v2/vnet").status_code == 401


@pytest.mark.parametrize("password", ['with "quotes"', "with \\ and ü", "' OR 1=1 --"])
def test_a_password_of_any_characters_logs_in_quirk_21(password):
    """The Go SDK cannot send quotes; the controller has nothing against them."""
    netris = Controller()
    body = {"name": "jane", "email": "jane@example.net", "permissionGroup": {"id": 1}}
    netris.post("/api/permissiongroups", name="all", hidden=[], readOnly=[])
    number = netris.post("/api/users", **body)["id"]
    netris.put("/api/users/setpassword", id=number, password=password)

    assert netris.http.post("/api/auth", json={"user": "jane", "password": password}).status_code == 200
    broken = '{"user": "jane", "password": "with "quotes"", "auth_scheme_id": 1}'
    assert netris.http.post("/api/auth", content=broken).status_code == 400
    assert LOGIN["user"] == "portal"


# 2.3 reservations


def test_a_reserved_number_is_kept_from_others(netris):
    consumer = {"id": 0, "type": "vnet", "name": "later"}
    number = netris.post("/api/v2/reservation/vxlan", vxlan=4711, consumer=consumer, meta={"why": "x"})["id"]
    body = {"name": "n", "tenant": TENANT, "sites": [SITE]}
    assert "vxlanID" in netris.refused(400, "POST", "/api/v2/vnet", body | {"vxlanID": 4711})["errors"]
    (row,) = netris.get("/api/v2/reservation/vxlan/4711")
    assert (row["id"], row["consumer"], row["meta"]) == (number, consumer, {"why": "x"})

    netris.delete("/api/v2/reservation/vxlan/4711")

    netris.post("/api/v2/vnet", **body, vxlanID=4711)
    assert (
        "vxlan"
        in netris.refused(400, "POST", "/api/v2/reservation/vxlan", {"vxlan": 4711, "consumer": consumer})["errors"]
    )
    netris.refused(400, "DELETE", "/api/v2/reservation/vxlan/4711")
    missing = netris.refused(404, "DELETE", "/api/v2/reservation/vxlan/77")
    assert missing["message"] == "VXLAN reservation is not found."


def test_a_zero_reserves_the_next_free_number(netris):
    consumer = {"type": "bgp"}
    first = netris.post("/api/v2/reservation/vlan", vlan=0, site=SITE, consumer=consumer)
    second = netris.post("/api/v2/reservation/vlan", vlan=0, site=SITE, consumer=consumer)

    assert second["vlan"] == first["vlan"] + 1
    assert netris.post("/api/v2/reservation/vxlan", vxlan=0, consumer=consumer)["vxlan"] == 2
    netris.refused(400, "POST", "/api/v2/reservation/vlan", {"vlan": 0, "site": SITE, "consumer": {"type": "cook"}})
    netris.refused(403, "POST", "/api/v2/reservation/vlan", {"vlan": 0, "consumer": consumer})


def test_a_reserved_address_counts_as_used(netris):
    vpc = netris.vpc()
    subnet = netris.subnet("s", "10.1.1.0/24", vpc)
    body = {"host": {"address": "10.1.1.1", "subnet": {"id": subnet}}, "consumer": {"type": "sys", "name": "router"}}
    number = netris.post("/api/v2/reservation/ip", **body)["id"]

    assert netris.get("/api/v2/ipam/subnets", filterByVpc=vpc["id"])[0]["hostsCount"] == 1
    gateway = {"name": "n", "vpc": vpc, "tenant": TENANT, "sites": [SITE], "gateways": [{"prefix": "10.1.1.1/24"}]}
    netris.refused(400, "POST", "/api/v2/vnet", gateway)
    netris.refused(400, "POST", "/api/v2/reservation/ip", body | {"host": {"address": "10.1.2.1", "subnet": subnet}})
    netris.delete(f"/api/v2/reservation/ip/{number}")
    netris.post("/api/v2/vnet", **gateway)
