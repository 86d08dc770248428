"""What the vendor's Go SDK and Terraform provider send and read of inventory, people and ledgers.

The numbers at the end of names count what those clients need; tests of one number belong together.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.controller import SITE, TENANT, Controller


@pytest.fixture
def netris() -> Controller:
    return Controller()


REF = {"id": 1}
SWITCH = {"name": "sw-1", "tenant": REF, "site": REF, "description": "", "asn": "auto", "portCount": 16}
SWITCH |= {"nos": {"id": 8, "name": "", "tag": "ubuntu_switch_dev"}, "profile": {}, "links": [], "uuid": "", "type": ""}
SWITCH |= {"mainAddress": "auto", "mgmtAddress": "auto", "macAddress": "", "breakout": ""}


def test_a_device_is_answered_as_an_object_client_1(netris):
    number = netris.post("/api/v2/hw/switch", **SWITCH)["id"]

    device = netris.get(f"/api/v2/hw/{number}")
    assert (device["id"], device["name"], device["nos"]["tag"]) == (number, "sw-1", "ubuntu_switch_dev")
    assert (device["asnID"], device["macAddrUbit"], device["openstackVersion"]) == (number, 0, None)
    address = device["mainIP"]
    assert (address["address"], address["name"]) == (device["mainAddress"], "sw-1")
    hosts = netris.get(f"/api/v2/ipam/hosts/{address['subnetID']}")
    assert address["id"] in {host["id"] for host in hosts if host["address"] == device["mainAddress"]}


def test_a_site_is_answered_as_an_object_client_1(netris):
    assert netris.get("/api/v2/sites/1")["name"] == "sv"


def test_an_id_of_zero_leaves_the_name_to_say_what_is_meant_client_2(netris):
    local = {"id": 0, "name": "swp21@Leaf-1", "ipv4": "", "ipv6": ""}
    remote = {"id": 0, "name": "eth3@Server-2", "ipv4": "", "ipv6": ""}
    number = netris.post("/api/v2/link", local=local, remote=remote)["id"]

    link = netris.get(f"/api/v2/link/{number}")
    assert (link["local"]["name"], link["remote"]["name"]) == ("swp21@Leaf-1", "eth3@Server-2")
    netris.refused(404, "POST", "/api/v2/link", {"local": {"id": 0, "name": ""}, "remote": remote})


def test_a_user_may_have_a_group_and_a_role_of_zeroes_client_19(netris):
    group = netris.post("/api/permissiongroups", name="g", hidden=[], readOnly=[])["id"]
    nothing = {"create_date": 0, "description": "", "id": 0, "modified_date": 0, "name": "", "tenants": None}
    body = {"name": "jane", "email": "j@example.net", "permissionGroup": {"id": group, "name": "g"}, "tenants": []}
    number = netris.post("/api/users", **body, userRole=nothing | {"perm_id": 0, "perm_name": ""})["id"]

    (jane,) = [row for row in netris.get("/api/users") if row["id"] == number]
    assert (jane["role_id"], jane["perm_id"]) == (None, group)


def test_a_port_group_tells_its_id_in_both_words_client_3(netris):
    body = {"addedArray": None, "deleted_elements_arr": None, "id": 0, "name": "web", "ports": ["22", "1024-2048"]}
    made = netris.post("/api/aclportgroups", **body)

    assert made["id"] == made["portGroupId"] > 0
    (group,) = netris.get("/api/aclportgroups")
    assert (group["id"], group["port_grp_id"], group["ports"]) == (made["id"], made["id"], ["22", "1024-2048"])
    assert (group["port_from"], group["port_to"]) == ([22, 1024], [22, 2048])
    assert 0 < group["created_date"] <= group["modified_date"]


PROFILE = {
    "name": "p",
    "description": "",
    "ipv4_list": "10.0.0.0/8,192.0.2.1",
    "ipv6_list": "",
    "timezone": {"label": "America/Los_Angeles", "offset": "", "tzCode": "America/Los_Angeles"},
    "ntp_servers": "",
    "dns_servers": "",
    "customRules": [
        {"id": 0, "description": "mine", "srcSubnet": "10.0.0.0/8", "srcPort": "", "dstPort": "1", "protocol": "tcp"},
        {"id": 7, "description": "gone", "srcSubnet": "10.0.0.0/8", "protocol": "any", "deleted": True},
    ],
}


def test_a_profile_is_shown_in_the_words_that_go_reads_client_5(netris):
    netris.post("/api/inventoryProfiles", id=0, **PROFILE)

    profile = netris.get("/api/inventoryProfiles")[-1]
    assert json.loads(profile["timezone"]) == PROFILE["timezone"]
    assert (profile["ipv4_ssh"], profile["ipv6_ssh"]) == ("10.0.0.0/8,192.0.2.1", "")
    assert [(rule["id"], rule["description"]) for rule in profile["customRules"]] == [(1, "mine")]
    assert 0 < profile["created_date"] == profile["createdDate"]
    assert 0 < profile["modified_date"] == profile["modifiedDate"]
    assert netris.get("/api/v2/hw/profiles")[-1] == profile


def test_a_site_without_a_vlan_range_has_the_whole_one_client_6(netris):
    body = {"name": "ny", "publicAsn": 65001, "aclPolicy": "permit", "switchFabric": "netris", "vlanRange": ""}
    number = netris.post("/api/v2/sites", **body)["id"]

    site = netris.get(f"/api/v2/sites/{number}")
    assert (site["vlanRange"], site["vlanRangeAutoAssign"]) == ("2-4094", "2-4094")
    netris.refused(400, "POST", "/api/v2/sites", body | {"name": "la", "vlanRange": "all"})


def lag(*names: str, **more: object) -> dict[str, object]:
    """As Terraform sends it."""
    return {
        "id": 0,
        "aggregatedPort": {},
        "description": "d",
        "extension": {"id": 0, "name": "", "vlanFrom": 0, "vlanTo": 0},
        "mtu": 9000,
        "ports": [{"name": name} for name in names],
        "tenant": {"id": 1},
        "lacp": "on",
        "mclagId": 0,
        **more,
    }


def test_lags_are_listed_with_their_members_client_7(netris):
    assert netris.get("/api/v2/ports/extensions") == netris.get("/api/v2/ports/aggregatedports") == []
    number = netris.post("/api/v2/ports/lag", **lag("swp20@Leaf-1", "swp21@Leaf-1"))["id"]

    (row,) = netris.get("/api/v2/ports/aggregatedports")
    assert (row["id"], row["name"], row["lacp"], row["tenant"]) == (number, "agg1@Leaf-1", 1, TENANT)
    first = netris.port("swp20@Leaf-1")
    assert row["lagMembers"][0] == {"id": first["id"], "port": "swp20"}


def members(netris: Controller, number: int) -> list[str]:
    """As Terraform puts their names together."""
    port = netris.get(f"/api/v2/ports/{number}")
    return [f"{slave['info']['port']}@{slave['switchName']}" for slave in port["slavePorts"]]


def test_a_lag_is_changed_by_its_id_client_8(netris):
    number = netris.post("/api/v2/ports/lag", **lag("swp20@Leaf-1", "swp21@Leaf-1"))["id"]
    assert netris.get(f"/api/v2/ports/{number}")["mclagId"] == 0

    netris.post("/api/v2/ports/lag", **lag("swp21@Leaf-1", "swp22@Leaf-1", id=number, description="e", lacp="off"))

    assert members(netris, number) == ["swp21@Leaf-1", "swp22@Leaf-1"]
    row = netris.get(f"/api/v2/ports/{number}")
    assert (row["description"], row["lacp"]) == ("e", "off")
    states = [netris.port(f"swp{port}@Leaf-1")["stateInHierarchy"]["lagMember"] for port in (20, 21, 22)]
    assert states == [False, True, True]
    netris.refused(404, "POST", "/api/v2/ports/lag", lag("swp23@Leaf-1", id=netris.port("swp20@Leaf-1")["id"]))
    other = netris.post("/api/v2/ports/lag", **lag("swp23@Leaf-1"))["id"]
    assert netris.get(f"/api/v2/ports/{other}")["name"] == "agg2@Leaf-1"
    netris.refused(400, "POST", "/api/v2/ports/lag", lag("swp22@Leaf-1", id=other))


def test_an_mc_lag_has_members_on_two_switches_and_lives_while_one_does_client_8(netris):
    both = ("swp20@Leaf-1", "swp20@Leaf-2")
    netris.refused(400, "POST", "/api/v2/ports/lag", lag(*both))
    netris.refused(400, "POST", "/api/v2/ports/lag", lag(*both, "swp20@Spine-1", mclagId=10))
    number = netris.post("/api/v2/ports/lag", **lag(*both, mclagId=10))["id"]
    netris.post("/api/v2/ports/lag", **lag("swp21@Leaf-2", mclagId=10))  # the other switch's side of the same MC-LAG
    assert members(netris, number) == list(both)
    vnet = {"name": "n", "tenant": TENANT, "sites": [SITE], "vlan": 50, "ports": [{"name": "agg1@Leaf-1"}]}
    netris.post("/api/v2/vnet", **vnet)

    def state() -> str:
        return str(netris.get(f"/api/v2/ports/{number}")["status"]["value"])

    assert state() == "up"
    netris.order("devices/Leaf-1/kill")
    assert state() == "up"
    netris.order("devices/Leaf-2/kill")
    assert state() == "down"


def test_a_profile_is_deleted_by_a_list_of_ids_client_13(netris):
    numbers = [netris.post("/api/inventoryProfiles", name=name, ipv4_list="")["id"] for name in ("a", "b")]
    netris.refused(404, "DELETE", "/api/inventoryProfiles", {"id": [*numbers, 99]})
    netris.delete("/api/inventoryProfiles", {"id": numbers})

    assert [row["id"] for row in netris.get("/api/inventoryProfiles")] == [1]


def test_several_lags_are_deleted_by_references_or_ids_client_8(netris):
    first, _, third = (netris.post("/api/v2/ports/lag", **lag(f"swp{n}@Leaf-1"))["id"] for n in (20, 21, 22))
    netris.refused(400, "DELETE", "/api/v2/ports", [{"id": first}, {"name": "swp23@Leaf-1"}])
    netris.refused(404, "DELETE", f"/api/v2/ports?ids={first}&ids=999")

    netris.delete("/api/v2/ports", [{"id": first}, {"name": "agg2@Leaf-1"}])
    netris.delete(f"/api/v2/ports?ids={third}")

    assert netris.get("/api/v2/ports/aggregatedports") == []
    assert not netris.port("swp21@Leaf-1")["stateInHierarchy"]["lagMember"]


def test_a_site_is_changed_and_deleted_by_its_id_in_the_body_client_28(netris):
    body = {"id": 0, "name": "ny", "publicASN": 65003, "acl_policy": "permit", "switchFabric": "netris"}
    number = netris.post("/api/sites", **body, vlanRange="2-4094")["id"]
    netris.put("/api/sites", **body | {"id": number, "name": "nyc"})
    assert netris.get("/api/sites")[1]["name"] == "nyc"
    netris.delete("/api/sites", {"id": number})

    assert [site["name"] for site in netris.get("/api/sites")] == ["sv"]


@pytest.mark.parametrize(
    ("kind", "field", "expected"), [("softgate", "sgRole", "general"), ("switch", "swRole", "generic")]
)
def test_a_role_that_nobody_chose_is_the_first_one_client_14(netris, kind, field, expected):
    number = netris.post(f"/api/v2/hw/{kind}", **SWITCH, **{field: ""}, sgFlavor="")["id"]
    other = {"softgate": "snat", "switch": "spine"}[kind]

    assert netris.get(f"/api/v2/hw/{number}")[field] == expected
    netris.put(f"/api/v2/hw/{kind}/{number}", **SWITCH | {field: other})
    netris.put(f"/api/v2/hw/{kind}/{number}", **SWITCH | {field: ""})
    assert netris.get(f"/api/v2/hw/{number}")[field] == other


def test_custom_data_is_any_text_client_15(netris):
    body = {"name": "srv-1", "tenant": REF, "site": REF, "mainAddress": "", "mgmtAddress": "", "asn": 0}
    number = netris.post("/api/v2/hw/server", **body, portCount=2, customData="custom data", srvRole="")["id"]

    server = netris.get(f"/api/v2/hw/{number}")
    assert (server["customData"], server["srvRole"], server["mainIP"]) == ("custom data", "generic", None)


def test_addresses_of_devices_are_listed_in_the_oldest_words_client_21(netris):
    used = {row["address"]: row for row in netris.get("/api/v2/hw/usedips")}

    leaf = netris.device("Leaf-1")
    row = used[leaf["mainAddress"]]
    assert (row["consumer_id"], row["consumer_type"], row["name"]) == (leaf["id"], "hw", "Leaf-1")
    assert (row["host_id"], row["subnet_id"]) == (leaf["mainIP"]["id"], leaf["mainIP"]["subnetID"])
    assert json.loads(row["meta"]) == {"tag": "main"}
    assert netris.get("/api/v2/reservation/ip/" + leaf["mainAddress"])["consumer"]["id"] == leaf["id"]


def test_pick_lists_of_a_session_are_served_client_21(netris):
    assert [site["acl_policy"] for site in netris.get("/api/v2/ebgp/sites")] == ["permit"]
    assert {"id": 1, "name": "CloudStack Management (Management Nodes)"} in netris.get("/api/v2/ebgp/v-nets")
    gates = netris.get("/api/v2/ebgp/offloaders", id=1)
    assert [gate["name"] for gate in gates] == [f"SoftGate-{number}" for number in (1, 2, 3, 4)]
    assert gates[0]["mainIP"]["address"] == "10.0.4.1"
    leaf = netris.device("Leaf-1")["id"]
    switches = {row["switch_id"]: row for row in netris.get("/api/v2/ebgp/switches", id=1)}
    assert (switches[leaf]["location"], switches[leaf]["type"]) == ("Leaf-1", "switch")
    port = netris.port("swp20@Leaf-1")
    ports = {row["port_id"]: row for row in netris.get("/api/v2/ebgp/ports", id=1)}
    assert (ports[port["id"]]["port"], ports[port["id"]]["switch_id"]) == ("swp20", leaf)
    assert netris.port("swp1@Leaf-1")["id"] not in ports  # a server's cable is in it
    sources = {row["switch_id"]: row["ip_address"] for row in netris.get("/api/v2/ebgp/updatesources")}
    assert sources[leaf] == netris.device("Leaf-1")["mainAddress"]
    for kind in ("offloaders", "switches", "hardwares", "ports", "updatesources"):
        assert netris.get(f"/api/v2/ebgp/{kind}", id=9) == []


def test_an_address_is_reserved_and_found_by_id_and_by_itself_client_21(netris):
    consumer = {"id": 0, "name": "", "type": "sys"}
    subnet = {"id": 1, "name": "", "prefix": "", "purpose": ""}
    body = {"id": 0, "consumer": consumer, "host": {"address": "10.0.0.77", "id": 0, "subnet": subnet}, "meta": {}}
    number = netris.post("/api/v2/reservation/ip", **body)["id"]

    by_id, by_address = netris.get(f"/api/v2/reservation/ip/{number}"), netris.get("/api/v2/reservation/ip/10.0.0.77")
    assert by_id == by_address
    assert (by_id["id"], by_id["host"]["address"], by_id["host"]["subnet"]["id"]) == (number, "10.0.0.77", 1)
    netris.delete(f"/api/v2/reservation/ip/{number}")
    netris.refused(404, "GET", "/api/v2/reservation/ip/10.0.0.77")


def test_a_vlan_is_asked_for_and_given_back_by_its_number_and_site_client_21(netris):
    body = {"vlan": 777, "site": {"id": 1}, "consumer": {"type": "vnet"}, "meta": {}}
    netris.post("/api/v2/reservation/vlan", **body)

    (row,) = netris.get("/api/v2/reservation/vlan/777", filterBySite=1)
    assert (row["vlan"], row["site"], row["consumer"]["type"]) == (777, SITE, "vnet")
    assert netris.get("/api/v2/reservation/vlan/777", filterBySite=9) == []
    assert netris.get("/api/v2/reservation/vlan/778") == []
    for path in ("777/9", "778/1", "777/x"):
        missing = netris.refused(404, "DELETE", f"/api/v2/reservation/vlan/{path}")
        assert missing["message"] == "VLAN reservation is not found."
    netris.delete("/api/v2/reservation/vlan/777/1")
    assert netris.get("/api/v2/reservation/vlan/777") == []
    held = next(row["vlan"] for row in netris.get("/api/v2/reservation/vlan") if row["consumer"]["type"] == "vnet")
    netris.refused(400, "DELETE", f"/api/v2/reservation/vlan/{held}/1")


def test_an_option_of_no_standard_is_a_custom_one_client_25(netris):
    options = [{"code": code, "type": "string", "value": "v", "isCustom": False} for code in (67, 239)]
    number = netris.post("/api/v2/dhcp-option-set", name="s", additionalOptions=options)["id"]

    shown = netris.get(f"/api/v2/dhcp-option-set/{number}")["additionalOptions"]
    assert [(option["code"], option["isCustom"]) for option in shown] == [(67, False), (239, True)]


def test_a_site_shows_what_is_obsolete_as_it_was_sent_client_28(netris):
    body = {"name": "ny", "publicAsn": 65001, "aclPolicy": "permit", "switchFabric": "netris", "vlanRange": "2-99"}
    body |= {"rohAsn": 65502, "vmAsn": 65503, "rohProfile": {"id": 3}, "siteMesh": {"value": "dspoke"}}
    number = netris.post("/api/v2/sites", **body)["id"]

    site = netris.get(f"/api/v2/sites/{number}")
    assert (site["rohAsn"], site["vmAsn"]) == (65502, 65503)
    assert (site["siteMesh"]["value"], site["rohProfile"]["value"]) == ("dspoke", "full_table")
    netris.put(f"/api/v2/sites/{number}", **body | {"siteMesh": {"value": "hub"}, "rohProfile": {"value": "default"}})
    site = netris.get(f"/api/v2/sites/{number}")
    assert (site["siteMesh"]["value"], site["rohProfile"]["id"]) == ("hub", 1)
    assert netris.get("/api/v2/sites/1")["rohProfile"] is None  # a newer Terraform would take away what it did not set
    for wrong in ({"siteMesh": {"value": "star"}}, {"rohProfile": {"id": 4}}):
        netris.refused(400, "PUT", f"/api/v2/sites/{number}", wrong)


def test_people_are_shown_in_the_words_that_go_reads_client_29(netris):
    group = netris.post("/api/permissiongroups", name="g", hidden=[], readOnly=[], externalACL=True)["id"]
    everybody = [{"id": -1, "tenant_id": 0, "tenant_name": "", "tenant_read": True, "tenant_write": True}]
    one = [{"id": 1, "tenant_id": 0, "tenant_name": "", "tenant_read": True, "tenant_write": True}]
    nobody = {"id": 0, "name": "", "tenants": None}
    for name, tenants in (("all", everybody), ("one", one)):
        netris.post("/api/userroles", name=name, permissionGroup={"id": group}, tenants=tenants)
    netris.post(
        "/api/users", name="jane", email="j@x.y", phonenumber="650", userRole=nobody, permissionGroup={"id": group},
        tenants=everybody,
    )  # fmt: skip

    roles = {row["name"]: row for row in netris.get("/api/userroles")}
    jane = netris.get("/api/users")[-1]
    (permissions,) = netris.get("/api/permissiongroups")
    assert [(tenant["tenant_id"], tenant["tenant_name"]) for tenant in roles["one"]["tenants"]] == [(1, "Admin")]
    assert [tenant["tenant_id"] for tenant in roles["all"]["tenants"]] == [0]
    assert (jane["phone"], jane["tenants"][0]["id"], jane["tenants"][0]["tenant_write"]) == ("650", 0, True)
    assert isinstance(permissions["external_acl"], str)
    for row in (roles["one"], jane, permissions):
        assert 0 < row["create_date"] <= row["modified_date"]
    assert netris.get("/api/users/permissions")["buildVersion"]


def test_the_role_of_a_switch_is_in_its_own_word_client_31(netris):
    number = netris.post("/api/v2/hw/switch", **SWITCH, swRole="super-spine")["id"]

    device = netris.get(f"/api/v2/hw/{number}")
    assert device["swRole"] == "super-spine"
    assert "role" not in device
    netris.refused(400, "PUT", f"/api/v2/hw/switch/{number}", {"swRole": "king"})


GROUPS: dict[str, dict[str, Any]] = {
    "fabricProps": {"fabricType": "ew-plane1", "serverBasedESI": True, "optimiseBgpOverlayHypervisor": True},
    "gpuClusterProps": {"roce": True, "hwmp": True, "refArch": "none", "aggregateL3VpnPrefix": False},
    "snmpv2Props": {"enabled": True, "community": "c", "ipv4_list": ["10.0.0.0/8"], "contact": "a", "location": "b"},
    "netqProps": {"enabled": True, "serverAddrs": ["192.0.2.11"], "serverPort": 32708},
    "syslogDestinations": {
        "enabled": True,
        "useRfc5424": True,
        "servers": [{"host": "192.0.2.10", "port": 514, "protocol": "UDP", "severity": "Error"}],
    },
    "aaa": {"authOrder": ["local"], "radius": {"enabled": False, "priorityServers": []}, "local": {"enabled": True}},
}


def test_a_profile_keeps_every_group_of_properties_client_32(netris):
    ztp = {"nosImage": "cumulus.bin", "password": "s3cret"}
    number = netris.post("/api/inventoryProfiles", **PROFILE, **GROUPS, ztpProps=ztp)["id"]

    def shown() -> dict[str, dict[str, object]]:
        profile = netris.get("/api/inventoryProfiles")[-1]
        return {name: {key: profile[name][key] for key in group} for name, group in GROUPS.items()}

    assert shown() == GROUPS
    assert netris.get("/api/inventoryProfiles")[-1]["ztpProps"] == {"nosImage": "cumulus.bin", "password": ""}
    netris.put("/api/inventoryProfiles", id=number, name="p2")
    assert shown() == GROUPS
    netris.put("/api/inventoryProfiles", id=number, fabricProps={"optimizeBgpOverlayHypervisor": False})
    fabric = netris.get("/api/inventoryProfiles")[-1]["fabricProps"]
    assert fabric["optimiseBgpOverlayHypervisor"] is fabric["optimizeBgpOverlayHypervisor"] is False


@pytest.mark.parametrize("breakout", ["1x10", "1x800", "2x10", "2x25", "8x10", "8x100"])
def test_a_port_is_broken_out_in_every_way_client_33(netris, breakout):
    extension = {"id": 0, "name": "", "vlanFrom": 0, "vlanTo": 0}
    body = {"adminDown": "no", "autoNeg": "none", "breakout": breakout, "description": "d", "duplex": "full"}
    body |= {"mtu": 9000, "speed": "auto", "tenant": {"id": 1}, "status": "", "extension": extension}
    number = netris.port("swp20@Leaf-1")["id"]
    netris.put(f"/api/v2/ports/{number}", **body)

    port = netris.get(f"/api/v2/ports/{number}")
    assert (port["breakout"], port["port"], port["switch"]["name"]) == (breakout, "swp20", "Leaf-1")
    assert port["info"] == {"port": "swp20", "ifName": "swp20"}


def test_numbers_are_of_the_type_that_go_reads_client(netris):
    link = {"local": {"name": "swp20@Leaf-1"}, "remote": {"name": "eth3@Server-2"}}
    number = netris.post("/api/v2/link", **link)["id"]
    port = netris.port("swp20@Leaf-1")

    assert type(number) is type(netris.get(f"/api/v2/link/{number}")["id"]) is int
    for name in ("extended", "extensionsParent"):
        assert type(port["stateInHierarchy"][name]) is int
    assert (port["extension"], port["parentPort"], port["mclagId"]) == (0, 0, 0)


def test_ports_of_softgates_are_named_as_those_of_switches_client(netris):
    body = {"name": "my-softgate01", "tenant": REF, "site": REF, "mainAddress": "auto", "mgmtAddress": "auto"}
    netris.post("/api/v2/hw/softgate", **body)

    netris.post("/api/v2/link", local={"id": 0, "name": "swp1@my-softgate01"}, remote={"name": "swp21@Leaf-1"})
    assert netris.port("swp1@SoftGate-1")["switch"]["type"] == "softgate"


def test_subnets_for_devices_are_shown_as_nodes_client(netris):
    for node in netris.get("/api/v2/hw/subnets", siteID=1):
        assert node["purpose"] in ("loopback", "management")
        assert node.keys() >= {"allocationID", "defaultGateway", "parentID", "subnet", "tenant", "type", "readonly"}
