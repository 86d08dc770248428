"""What the controller shows of each object, against the lists and tables of netris-api.md 2.1 to 2.19 and 3.1, 3.2."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.sandbox.controller import Controller
from tests.sandbox.netris import shapes as shapes
from tests.sandbox.netris.bodies import bodies, rich_controller
from tests.sandbox.netris.sheet import names, section

# A list, the section, where in it its fields are told, and the shape of its rows.
LISTS: tuple[tuple[str, str, str, Any], ...] = (
    ("/api/tenants", "2.18", r"\| (`\{id, tenant_id.*?`)", shapes.TENANT),
    ("/api/users", "2.18", r"\| (`\{id, name, fullname.*?`)", shapes.USER),
    ("/api/userroles", "2.18", r"\| (`perm_id, .*?`)", shapes.ROLE),
    ("/api/permissiongroups", "2.18", r"\| (`hidden` and `readonly`)", shapes.GROUP),
    ("/api/sites", "2.17", r"rows \(CloudStack\): (`.*?`)", shapes.OLD_SITE),
    ("/api/v2/sites", "2.17", r"(?s)\| `rohAsn`.*?\| `vlanRangeAuto.*?\|", shapes.SITE),
    ("/api/v2/vpc", "2.1", r"(?s)\| `name`.*?\n\n", shapes.VPC),
    ("/api/v2/vpc/2/resources", "2.1", r"element 0 is (`.*?`)", shapes.RESOURCES),
    ("/api/v2/vpc-peering", "2.12", r"(?s)\| `name`.*?\n\n", shapes.PEERING),
    ("/api/v2/dhcp-option-set", "2.19", r"`/api/v2/dhcp-option-set` (`.*?`)", shapes.OPTION_SET),
    ("/api/v2/vnet", "2.2", r"GET adds (.*), dates", shapes.VNET),
    ("/api/v2/ipam", "2.3", r"\n`id, vpc, parentID.*?`", shapes.NODE),
    ("/api/v2/ipam/subnets", "2.3", r"\n`id, vpc, parentID.*?`", shapes.SUBNET),
    ("/api/v2/ipam/hosts/1", "2.3", r"list of (`\{id, subnetID.*?`)", shapes.HOST),
    ("/api/v2/reservation/ip", "2.3", r"filterByType`: (`.*?`)", shapes.RESERVED_IP),
    ("/api/v2/reservation/vlan", "2.3", r"VLAN ledger: POST (`.*?`)", shapes.RESERVED_VLAN),
    ("/api/v2/reservation/vxlan", "2.3", r"VXLAN ledger: POST (`.*?`)", shapes.RESERVED_VXLAN),
    ("/api/v2/nat", "2.4", r"GET wraps enums.*", shapes.NAT),
    ("/api/v2/l4lb", "2.5", r"GET item, old shape: .*\n.*", shapes.BALANCER),
    ("/api/acl", "2.6", r"GET rows mirror.*", shapes.ACL),
    ("/api/v2/acl", "2.6", r"GET rows mirror.*", shapes.ACL),
    ("/api/aclportgroups", "2.7", r"Response list (`.*?`)", shapes.PORT_GROUP),
    ("/api/routes", "2.9", r"\| list (`.*?`) \| \[JSDK:RoutesGet", shapes.ROUTE),
    ("/api/v2/ebgp", "2.10", r"(?s)\| session state .*?\n\n", shapes.SESSION),
    ("/api/ebgpobjects", "2.11", r"BGP object: (`.*?`)", shapes.BGP_OBJECT),
    ("/api/ebgproutemaps", "2.11", r"Route-map: (`.*?`)", shapes.ROUTE_MAP),
    ("/api/inventoryProfiles", "2.14", r"GET shows `ipv4_ssh`, .*?DELETE", shapes.PROFILE),
    ("/api/v2/hw", "2.13", r"(?s)\| Field \| Type \| Meaning.*?\n\n", shapes.DEVICES),
    ("/api/v2/link", "2.15", r"`POST /api/v2/link` (`.*?`)", shapes.LINK),
    ("/api/v2/ports", "2.16", r"GET row .*", shapes.PORT),
    ("/api/v2/dashboard/hardware-health", "3.2", r"list of (`\{name, site_name.*?`)", shapes.HEALTH),
    ("/api/v2/dashboard/agent-heartbeats", "3.1", r"list of (`\{name, health.*?`)", shapes.HEARTBEAT),
)
# In those texts: values, and what is sent and not shown.
NO_FIELDS: set[str] = {
    "success", "ACCEPT_SNAT", "HH", "MM", "SS", "none", "_", "Tenant", "Site", "sg", "general", "snat", "ok",
}  # fmt: skip
# Keys that no word of their section names.
BEYOND = {
    "createdDate": "0.2: dates, here as everywhere",
    "modifiedDate": "0.2: dates, here as everywhere",
    "name": "references are {id, name} (0.2)",
    "id": "references are {id, name} (0.2)",
    "tenant_read": "of a role's tenants; a user's are rendered alike",
    "description": "sent, and so shown",
    "externalACL": "sent, and so shown",
    "outboundRouteMapName": "the sheet has the inbound one and dots",
    "outbound_route_map": "the sheet has the inbound one and dots",
    "prefix_list_outbound": "the sheet has prefix_list_inbound/outbound",
    "prepend_outbound": "the sheet has prepend_inbound/outbound",
}


@pytest.fixture(scope="module")
def rich() -> Controller:
    return rich_controller()


def listed(rich: Controller, path: str) -> list[dict[str, Any]]:
    every = ",".join(str(row["id"]) for row in rich.get("/api/v2/vpc"))
    found = rich.get(path, filterByVpc=every)
    for row in found:  # the tree, node by node
        found += row["children"] if path == "/api/v2/ipam" else []
    assert found
    return list(found)


@pytest.mark.parametrize(("path", "number", "pattern", "wanted"), LISTS, ids=[each[0] for each in LISTS])
def test_rows_have_the_shape_and_the_names_of_the_sheet_2_3(rich, path, number, pattern, wanted):
    for row in listed(rich, path):
        expected = wanted[row["type"]] if path == "/api/v2/hw" else wanted
        assert not shapes.misfit(row, expected, path)

    match = re.search(pattern, section(number))
    assert match, pattern
    shown = set().union(*map(shapes.keys, wanted.values())) if path == "/api/v2/hw" else shapes.keys(wanted)
    assert not names(match[0]) - shown - NO_FIELDS
    text = section(number) + (section("3.2") if path == "/api/v2/hw" else "")
    unnamed = {key for key in shown if not re.search(rf"\b{re.escape(key)}\b", text)}
    assert not unnamed - BEYOND.keys()


BY_ID = ("sites", "hw", "vpc", "vpc-peering", "vnet", "nat", "l4lb", "acl", "ebgp", "link", "ports", "dhcp-option-set")


@pytest.mark.parametrize("path", [f"/api/v2/{kind}/1" for kind in BY_ID])
def test_one_row_by_id_is_that_of_the_list_1_6(rich, path):
    """A V-Net by its id also has its ports."""
    row = rich.get(path)
    (same,) = (each for each in listed(rich, path.rpartition("/")[0]) if each["id"] == 1)

    without = {"ports", "lastSeen", "hardwareHealth", "uptime"}
    assert {k: v for k, v in row.items() if k not in without} == {k: v for k, v in same.items() if k not in without}
    if "vnet" in path:
        assert row["ports"] and not any(shapes.misfit(port, shapes.VNET_PORT) for port in row["ports"])


# what is sent is shown

# Fields that come back in another form: numbers that were given out, wrapped enums, dialects. Other tests have them.
_OF_ACLS = {"src_prefix", "dst_prefix", "valid_until"}
ROUND_TRIPS = {
    "/api/acl": _OF_ACLS,
    "/api/v2/acl": _OF_ACLS | {"src_port_from", "src_port_to", "dst_port_from", "dst_port_to"},
    "/api/v2/l4lb": {"healthCheck", "timeOut", "siteID", "tenantID", "ipFamily", "backendIps", "requestPath"},
    "/api/permissiongroups": {"hidden", "readOnly"},
    "/api/userroles": {"permissionGroup", "tenants"},
    "/api/users": {"userRole", "permissionGroup", "tenants", "phonenumber"},
    "/api/inventoryProfiles": {"ipv4_list", "ipv6_list", "timezone"},
    "/api/v2/vnet": {"ports", "dhcpRelay"},
    "/api/routes": {"prefix"},
    "/api/v2/ebgp": {"vnet"},
    "/api/v2/link": {"local", "remote"},
    "/api/v2/hw/switch": {"mainAddress", "mgmtAddress", "asn"},
    "/api/v2/hw/softgate": {"mainAddress", "mgmtAddress"},
    "/api/v2/hw/server": {"mainAddress", "mgmtAddress", "asn"},
    "/api/v2/hw/controller": {"mainAddress", "mgmtAddress"},
    "/api/v2/vpc-peering": {"vpcA", "vpcB"},
    "/api/ebgproutemaps": {"sequences"},
    "/api/v2/reservation/ip": {"host"},
    "/api/v2/reservation/vlan": {"vlan"},
    "/api/v2/reservation/vxlan": {"vxlan"},
}


NOT_LISTED = {"/api/auth", "/api/v2/ports/lag"}


@pytest.mark.parametrize("path", sorted(bodies(Controller()).keys() - NOT_LISTED))
def test_what_is_sent_is_shown_2(rich, path):
    sent = {name: value for name, value in bodies(Controller())[path].items() if name not in ROUND_TRIPS.get(path, ())}
    if path == "/api/routes":
        sent["name"] = "10.9.0.0/16"
    where = {"/api/v2/ipam/allocation": "/api/v2/ipam", "/api/v2/ipam/subnet": "/api/v2/ipam/subnets"}.get(path, path)
    found = listed(rich, "/api/v2/hw" if "/hw/" in path else where)
    if "reservation" in path:
        found = [row for row in found if row["id"] < 1000]
    elif "name" in sent:
        found = [row for row in found if row["name"] == sent["name"]]

    row = found[-1]
    wrong = {name: (value, row.get(name)) for name, value in sent.items() if not _is_shown(value, row.get(name))}
    assert not wrong


def _is_shown(sent: Any, shown: Any) -> bool:
    if isinstance(shown, dict) and "value" in shown and not isinstance(sent, dict):
        return bool(shown["value"] == sent)
    if isinstance(sent, dict) and isinstance(shown, dict):
        return all(_is_shown(sent[key], shown.get(key)) for key in sent if key != "name" or "id" not in sent)
    if isinstance(sent, list) and isinstance(shown, list):
        return len(sent) == len(shown) and all(map(_is_shown, sent, shown))
    return str(sent).lower() == str(shown).lower() or (sent, shown) == (None, "")


def test_the_balancer_s_wrapped_fields_are_shown_2_5(rich):
    (row,) = (row for row in listed(rich, "/api/v2/l4lb") if row["name"] == "lb")

    assert row["healthcheck"] == {"protocol": "HTTP", "timeout": 2000, "requestPath": "/"}
    assert row["healthCheck"] == {"HTTP": {"timeOut": "2000", "requestPath": "/"}}
    assert (row["siteId"], row["tenantId"], row["ipFamily"]) == (1, 1, "ipv4")
    assert [{key: member[key] for key in ("ip", "port", "maintenance")} for member in row["backendIps"]] == [
        {"ip": "10.1.1.5", "port": 80, "maintenance": False}
    ]


def test_links_keep_addresses_of_both_families_and_what_an_mc_lag_shares_2_15(rich):
    (row,) = (row for row in listed(rich, "/api/v2/link") if row["mclagPeerLink"])
    assert (row["local"]["ipv6"], row["remote"]["ipv4"]) == ("2001:db8::2/127", "192.0.2.3/31")
    more = {"local": {"name": "swp22@Leaf-1"}, "remote": {"name": "swp22@Leaf-2"}}
    other = row["mclagPeerLink"] | {"sharedIPv4Addr": "10.0.9.2"}

    assert "mclagPeerLink" in rich.refused(400, "POST", "/api/v2/link", more | {"mclagPeerLink": other})["errors"]
    outside = row["mclagPeerLink"] | {"sharedIPv4Addr": "172.16.0.1"}
    assert "sharedIPv4Addr" in rich.refused(400, "POST", "/api/v2/link", more | {"mclagPeerLink": outside})["errors"]
    number = rich.post("/api/v2/link", **more, mclagPeerLink=row["mclagPeerLink"])["id"]
    rich.delete(f"/api/v2/link/{number}")
