"""What a caller may and must send, against the tables and words of netris-api.md 2.1 to 2.19.

The bodies are whole (`netris_bodies`): a field that the sheet has and they do not is found here by its name.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.sandbox.controller import SYSTEM, Controller, dnat
from tests.sandbox.netris import shapes as shapes
from tests.sandbox.netris.bodies import PORT, bodies
from tests.sandbox.netris.sheet import names, rows, section, tables, words

# Tables of request fields: the section, the path, and the column that says whether a field is required.
TABLES = {
    "/api/v2/vpc": ("2.1", 2),
    "/api/v2/vnet": ("2.2", 2),
    "/api/v2/ipam/subnet": ("2.3", 2),
    "/api/v2/nat": ("2.4", 3),
    "/api/v2/l4lb": ("2.5", 1),
    "/api/acl": ("2.6", 2),
    "/api/v2/acl": ("2.6", 2),
    "/api/v2/ebgp": ("2.10", 2),
    "/api/v2/vpc-peering": ("2.12", 1),
    "/api/v2/hw/switch": ("2.13", 1),
    "/api/v2/hw/softgate": ("2.13", 2),
    "/api/v2/hw/server": ("2.13", 3),
    "/api/v2/hw/controller": ("2.13", 4),
    "/api/v2/sites": ("2.17", 1),
}
# What the tables call by other words than the key.
KEYS = {
    "port labels": "portTags",
}
# Named by the sheet and read by nobody here.
UNREAD = {
    "kubenet_info": "of the Kubernetes operator alone",
    "internal": "legacy, without a meaning",
    "breakout": "of ports, not of devices: 2.16",
    "links": "the shape in a device's body is unknown",
    "EVPN route server flag": "no key is known",
    "snatToPool": "instead of snatToIP",
    "dnatToIP": "of DNAT rules",
    "dnatToPort": "of DNAT rules",
    "portGroup": "of DNAT rules",
    "originate": "the other spelling of defaultOriginate (quirk 11)",
}
# Optional by its table, and yet something must be there in its place.
NEEDED = {
    ("/api/v2/ebgp", "port"): "or a V-Net",
    ("/api/v2/ebgp", "outboundRouteMap"): "with an inbound one",
    ("/api/v2/acl", "src_port_group"): "or ports",
    ("/api/acl", "vpc"): "its prefixes are of that VPC",
    ("/api/v2/acl", "vpc"): "its prefixes are of that VPC",
    ("/api/v2/vnet", "vpc"): "its gateway is of that VPC",
}
# Objects that the sheet gives in words: the section, and where in it the body stands.
WORDS = {
    "/api/v2/ipam/allocation": ("2.3", r"\*\*Allocation body\*\*.*"),
    "/api/aclportgroups": ("2.7", r"`/api/aclportgroups`: (`.*?`)"),
    "/api/routes": ("2.9", r"`POST /api/routes` \| (`.*?`)"),
    "/api/ebgpobjects": ("2.11", r"BGP object: (`.*?`)"),
    "/api/ebgproutemaps": ("2.11", r"Route-map: (`.*?`)"),
    "/api/inventoryProfiles": ("2.14", r"`/api/inventoryProfiles` (`.*?`)"),
    "/api/v2/link": ("2.15", r"`POST /api/v2/link` (`.*?`)"),
    "/api/tenants": ("2.18", r"tenant `/api/tenants` \| (`.*?`)"),
    "/api/users": ("2.18", r"user `/api/users` \| (`.*?`)"),
    "/api/userroles": ("2.18", r"user role `/api/userroles` \| (`.*?`)"),
    "/api/permissiongroups": ("2.18", r"permission group `/api/permissiongroups` \| (`.*?`)"),
    "/api/v2/dhcp-option-set": ("2.19", r"`/api/v2/dhcp-option-set` (`.*?`)"),
    "/api/v2/reservation/ip": ("2.3", r"POST (`\{host.*?`)"),
    "/api/v2/reservation/vlan": ("2.3", r"VLAN ledger: POST (`.*?`)"),
    "/api/v2/reservation/vxlan": ("2.3", r"VXLAN ledger: POST (`.*?`)"),
}
# Of the words of those bodies: what stands for keys or follows them.
NO_KEYS = {"null", "id", "isDefault"}
REQUIRED_IN_WORDS = {
    "/api/v2/ipam/allocation": {"name", "tenant", "prefix"},
    "/api/v2/dhcp-option-set": {"name"},
    "/api/v2/ports/lag": {"tenant", "mtu"},
}


def said(path: str) -> dict[str, str]:
    """Each request field of a table with what its column says."""
    number, column = TABLES[path]
    heading = [table for table in tables(number) if table[0][0] == "Field"][-1]
    found = {}
    for cells in heading[1:]:
        for name in [word.split("{")[0].split("[")[0] for word in words(cells[0])] or [cells[0]]:
            if cells[column] not in ("", "read") and "." not in name:
                found[KEYS.get(name, name)] = cells[column]
    return {name: text for name, text in found.items() if name not in _PARTS.get(path, ())}


# Keys that stand within others, and what is only shown.
_PARTS = {
    "/api/v2/vpc-peering": {"prefixListInboundIPv4", "prefixListInboundIPv6", "createdDate", "modifiedDate"},
}


def is_required(path: str, text: str) -> bool:
    return bool(re.match(r"(str )?R\b", text)) or "effectively R" in text or (path == "/api/v2/nat" and text == "SNAT")


@pytest.fixture(scope="module")
def netris() -> Controller:
    return Controller()


@pytest.fixture(scope="module")
def whole(netris) -> dict[str, dict[str, Any]]:
    return bodies(netris)


def posted(netris: Controller, path: str, body: dict[str, Any]) -> Any:
    """What a POST answers; what it made is gone again."""
    response = netris.http.post(path, json=body)
    if response.status_code in (200, 201):
        _delete(netris, path, response.json())
    return response


def _delete(netris: Controller, path: str, answer: dict[str, Any]) -> None:
    number: Any = answer.get("data", answer)
    while isinstance(number, dict):
        number = number.get("vlan") or number.get("vxlan") or number.get("staticRouteID") or number["id"]
    number = f"{number}/1" if path.endswith("/vlan") else number  # and its site
    in_path = path.startswith("/api/v2") and "/lag" not in path
    path, body = (f"{path}/{number}", None) if in_path else (path, {"id": [number] if path == "/api/acl" else number})
    if path == "/api/v2/ports/lag":
        path, body = f"/api/v2/ports/{number}", None
    netris.http.request("DELETE", path, json=body).raise_for_status()


@pytest.mark.parametrize("path", TABLES)
def test_the_body_has_every_field_of_its_table_2(whole, path):
    assert not said(path).keys() - whole[path].keys() - UNREAD.keys()


@pytest.mark.parametrize("path", WORDS)
def test_the_body_has_every_field_that_words_name_2(whole, path):
    number, pattern = WORDS[path]
    match = re.search(pattern, section(number))
    assert match, pattern

    assert not names(match[0]) - shapes.keys(_as_shape(whole[path])) - NO_KEYS


def _as_shape(value: Any) -> Any:
    """A body, so that `keys` finds those of all its objects."""
    return [_as_shape(item) for item in value] if isinstance(value, list) else (
        {key: _as_shape(item) for key, item in value.items()} if isinstance(value, dict) else str
    )  # fmt: skip


@pytest.mark.parametrize("path", [*TABLES, *WORDS, "/api/v2/ports/lag"])
def test_a_whole_body_is_taken_and_each_required_field_is_demanded_2(netris, whole, path):
    required = {name for name, text in said(path).items() if is_required(path, text)} if path in TABLES else set()
    required |= REQUIRED_IN_WORDS.get(path, set())
    assert posted(netris, path, whole[path]).status_code in (200, 201)

    for name in (required & whole[path].keys()) - _spelt_twice(path):
        less = {key: value for key, value in whole[path].items() if key != name}
        envelope = netris.refused(403, "POST", path, less)
        assert (name, envelope["message"]) == (name, f"Must have required property '{name}'")


def _spelt_twice(path: str) -> set[str]:
    """References that an older number in the same body stands in for: 2.5. With port groups, ports say nothing: 2.6."""
    if path == "/api/v2/acl":
        return {"src_port_from", "src_port_to", "dst_port_from", "dst_port_to"}
    return {"site", "tenant"} if path == "/api/v2/l4lb" else set()


@pytest.mark.parametrize("path", TABLES)
def test_each_optional_field_may_be_left_out_2(netris, whole, path):
    optional = {name for name, text in said(path).items() if re.match(r"O\b", text)}

    for name in sorted(optional & whole[path].keys()):
        less = {key: value for key, value in whole[path].items() if key != name}
        response = posted(netris, path, less)
        assert (name, response.status_code) in ((name, 200), (name, 201)) or (path, name) in NEEDED, response.text


def test_an_update_of_a_port_says_what_it_must_2_16(netris):
    match = re.search(r"\[JSDK:PortsPutBody\]:\n(.*)", section("2.16"))
    required = {name for name in PORT if re.search(rf"`{name}` R\b", match[1])} if match else set()
    assert required == PORT.keys()

    for name in PORT:
        less = {key: value for key, value in PORT.items() if key != name}
        assert name in netris.refused(403, "PUT", "/api/v2/ports/1", less)["errors"]


# enums: the values of the sheet, and no other

# Path, field, where the values stand, what goes with which value.
ENUMS: tuple[tuple[str, str, str, dict[str, dict[str, Any]]], ...] = (
    ("/api/v2/vnet", "state", r"\| `state` \| (.*?) \|", {}),
    ("/api/v2/vnet", "ipFamily", r"\| `ipFamily` \| (.*?) \|", {}),
    ("/api/v2/ipam/subnet", "purpose", r"\| `purpose` \| enum \| R \| (.*?) \|", {}),
    ("/api/v2/nat", "state", r"\| `state` \| (.*?) \|", {}),
    ("/api/v2/nat", "action", r"\| `action` \| (.*?) \|", {
        "DNAT": dnat("x", SYSTEM, "203.0.113.34/32"), "MASQUERADE": {}}),
    ("/api/v2/nat", "protocol", r"\| `protocol` \| (.*?) \|", {}),
    ("/api/v2/l4lb", "protocol", r"\| `protocol` \| (.*?) \|", {"UDP": {"healthCheck": "None"}}),
    ("/api/v2/l4lb", "status", r"\| `status` \| (.*?) \|", {}),
    ("/api/v2/l4lb", "healthCheck", r"\| `healthCheck` \| (.*?) \|", {}),
    ("/api/v2/l4lb", "ipFamily", r"\| `ipFamily` \| (.*?) in OpenAPI", {"ipv6": {}}),
    ("/api/acl", "action", r"\| `action` \| str \| R \| (.*?) \|", {}),
    ("/api/acl", "proto", r"\| `proto` \| str \| O \| (.*?) \|", {}),
    ("/api/acl", "reverse", r"\| `reverse` \| (.*?) \|", {}),
    ("/api/v2/ebgp", "ipFamily", r"\| `ipFamily` \| (.*?) \|", {
        "ipv6": {"localIP": "2001:db8::1", "remoteIP": "2001:db8::2", "prefixLength": 64, "prefixListInbound": "",
                 "prefixListOutbound": ""}}),
    ("/api/v2/ebgp", "state", r"\| `state` \| (.*?) \|", {}),
    ("/api/v2/ebgp", "bfd", r"\| `bfd` \| (.*?) \|", {}),
    ("/api/v2/ebgp", "defaultOriginate", r"\(OpenAPI\) \| (.*?) \|", {}),
    ("/api/v2/ebgp", "removePrivateAs", r"\| `removePrivateAs` \| (.*?) \|", {}),
    ("/api/ebgpobjects", "type", r"`type` one of `(.*?)`", {
        kind: {"typeValue": "permit any"} for kind in ("ipv4", "ipv6")}),
    ("/api/v2/hw/softgate", "sgFlavor", r"`sgFlavor` \((.*?)\)", {}),
    ("/api/v2/hw/softgate", "sgRole", r"`sgRole` \((.*?)\)", {}),
    ("/api/v2/hw/switch", "swRole", r"`swRole` \((.*?)\)", {}),
    ("/api/v2/hw/server", "srvRole", r"\| `srvRole` \| \| \| O: (.*?) \(UI", {}),
    ("/api/v2/link", "underlay", r"underlay (enabled\|disabled)", {}),
    ("/api/v2/sites", "aclPolicy", r"\| `aclPolicy` \| R \| (.*?) \|", {}),
    ("/api/v2/sites", "switchFabric", r"\| `switchFabric` \| R \| (.*?) \|", {}),
    ("/api/v2/ports/lag", "lacp", r"lacp (on\|off)", {}),
    ("PUT /api/v2/ports/1", "autoNeg", r"`autoNeg` R (on/off)", {}),
    ("PUT /api/v2/ports/1", "speed", r"`speed` R (\S+?),", {}),
    ("PUT /api/v2/ports/1", "duplex", r"`duplex` R (\S+?),", {}),
    ("PUT /api/v2/ports/1", "adminDown", r"`adminDown` (\S+?),", {}),
    ("PUT /api/v2/ports/1", "breakout", r"`breakout` (\S+?),", {}),
    ("PUT /api/v2/ports/1", "fec", r"`fec` (\S+?) ", {}),
)  # fmt: skip
REFUSED_VALUES = {"MASQUERADE": "since 4.14 (quirk 29)", "ipv6": "for an address of the other family"}
SECTION_OF = {"/api/ebgpobjects": "2.11", "/api/v2/link": "2.15", "/api/v2/ports/lag": "2.16"}


@pytest.mark.parametrize(("path", "field", "pattern", "more"), ENUMS, ids=[f"{each[0]} {each[1]}" for each in ENUMS])
def test_a_word_is_one_of_the_sheets_2(netris, whole, path, field, pattern, more):
    method, _, target = path.rpartition(" ")
    number = "2.16" if method else SECTION_OF.get(path) or TABLES[path][0]
    match = re.search(pattern, section(number))
    assert match, pattern
    values = set(re.findall(r"[\w-]+", match[1]))
    assert len(values) > 1
    good = PORT if method else whole[path]

    for value in sorted(values):
        body = {**good, **more.get(value, {}), field: value}
        response = netris.http.put(target, json=body) if method else posted(netris, path, body)
        is_refused = value in REFUSED_VALUES and value in more and (value != "ipv6" or not more[value])
        assert (value, response.status_code) == (value, 400 if is_refused else 200), response.text
    envelope = netris.refused(400, method or "POST", target, good | {field: "nonsense"})
    assert field in envelope["errors"]


@pytest.mark.parametrize(
    ("pattern", "body"),
    [
        ("match types that name a BGP object id", lambda value: {"matches": [{"type": value, "ebgpObject": 99}]}),
        ("match types with a literal value", lambda value: {"matches": [{"type": value, "value": "1"}]}),
        ("set parameters", lambda value: {"actions": [{"type": "set", "parameter": value, "value": "1"}]}),
    ],
)
def test_route_maps_match_and_set_what_the_sheet_says_2_11(netris, pattern, body):
    """A match on an object is told by the object that is missing."""
    values = rows("2.11", "Part")[pattern][1].split(", ")
    expected = 404 if "object" in pattern else 200

    for value in values:
        given = {"name": value, "sequences": [{"policy": "permit", **body(value)}]}
        assert (value, posted(netris, "/api/ebgproutemaps", given).status_code) == (value, expected)
    netris.refused(400, "POST", "/api/ebgproutemaps", {"name": "x", "sequences": [{"policy": "permit", **body("x")}]})


def test_option_types_and_sections_are_the_sheets_2_18_2_19(netris):
    match = re.search(r"option types `(.*?)` \(OpenAPI sample also shows `(text)`\)", section("2.19"))
    sections = re.search(r"Permission sections: (.*?) \[", section("2.18"))
    assert match and sections

    for kind in [each.removesuffix(" (sic)") for each in match[1].split(", ")] + [match[2]]:
        option = {"code": 1, "type": kind, "value": "1"}
        given = {"name": kind, "additionalOptions": [option]}
        assert (kind, posted(netris, "/api/v2/dhcp-option-set", given).status_code) == (kind, 200)
    for name in [each.split(" ")[0] for each in sections[1].split(", ")]:
        given = {"name": name, "hidden": [name], "readOnly": [name]}
        assert (name, posted(netris, "/api/permissiongroups", given).status_code) == (name, 200)
