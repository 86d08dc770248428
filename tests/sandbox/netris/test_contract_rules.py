"""The emulator checklist: netris-api.md 7.1 (what a Java client is strict about), 7.3 (refusals), 7.4 (what lives).

And whatever the sheet leaves open is marked "unverified" where the code chooses.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.controller import SITE, SYSTEM, TENANT, Controller, direct_connect, dnat, snat
from tests.sandbox.netris import shapes as shapes
from tests.sandbox.netris.bodies import acl, rich_controller
from tests.sandbox.netris.sheet import TEXT, tables, words

CODE = Path(__file__).parents[3] / "sandbox" / "netris"


@pytest.fixture(scope="module")
def rich() -> Controller:
    return rich_controller()


# 7.1: the lists that CloudStack reads, every row of every VPC

LISTS = ("/api/sites", "/api/tenants", "/api/v2/vpc", "/api/v2/ipam", "/api/v2/ipam/subnets", "/api/v2/vnet",
         "/api/v2/nat", "/api/v2/l4lb", "/api/acl", "/api/routes")  # fmt: skip
Rows = dict[str, list[dict[str, Any]]]


def _envelopes(rich: Controller) -> Iterator[dict[str, Any]]:
    for path in LISTS:
        yield rich.http.get(path, params={"filterByVpc": "1,2,3"}).json()


def _every(value: Any) -> Iterator[tuple[str, Any]]:
    """Each key with its value, at any depth."""
    if isinstance(value, dict):
        yield from value.items()
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _every(inner)


def _have(rows: list[dict[str, Any]], *names: str) -> bool:
    return bool(rows) and all(row[name] not in (None, "") for row in rows for name in names)


def _numbers(found: Rows) -> bool:
    names = {"id", "vlan", "vxlanID", "nativeVlan", "dnatToPort"}
    values = [value for key, value in _every(list(found.values())) if key in names]
    values += [balancer["port"] for balancer in found["/api/v2/l4lb"]]
    values += [member["port"] for balancer in found["/api/v2/l4lb"] for member in balancer["backendIps"]]
    return len(values) > 100 and all(value is None or type(value) is int for value in values)


_OBJECTS_OF_NAT = ("state", "action", "protocol", "creator", "editor")
CONTRACT: dict[str, Callable[[Rows], bool]] = {
    "ids": _numbers,
    "gateways[].vlan": lambda found: all(
        gateway["vlan"] is None or type(gateway["vlan"]) is int
        for vnet in found["/api/v2/vnet"]
        for gateway in vnet["gateways"]
    ),
    "VPC row": lambda found: (
        _have(found["/api/v2/vpc"], "id", "name", "isSystem", "isDefault")
        and all(row["adminTenant"]["id"] for row in found["/api/v2/vpc"])
    ),
    "/ipam": lambda found: (
        _have(found["/api/v2/ipam"], "id", "prefix")
        and _have(found["/api/v2/ipam/subnets"], "id", "name", "prefix", "allocationID", "purpose")
    ),
    "/api/tenants": lambda found: _have(found["/api/tenants"], "id", "name"),
    "/api/sites": lambda found: _have(found["/api/sites"], "id", "name"),
    "NAT row": lambda found: (
        _have(found["/api/v2/nat"], "name")
        and all(isinstance(row[name], dict) for row in found["/api/v2/nat"] for name in _OBJECTS_OF_NAT)
    ),
    "L4LB row": lambda found: (
        _have(found["/api/v2/l4lb"], "id", "name")
        and not any(
            shapes.misfit(row["healthcheck"], shapes.BALANCER["healthcheck"])
            or type(row["internal"]) is not int
            or not all(isinstance(member, dict) for member in row["backendIps"])
            for row in found["/api/v2/l4lb"]
        )
    ),
    "Route row": lambda found: (
        _have(found["/api/routes"], "id", "next_hop") and all("/" in row["name"] for row in found["/api/routes"])
    ),
    "ACL row": lambda found: _have(found["/api/acl"], "id", "name"),
    "V-Net row": lambda found: (
        _have(found["/api/v2/vnet"], "id", "name", "vxlanID")
        and all(row["gateways"][0]["prefix"] and isinstance(row["tags"], list) for row in found["/api/v2/vnet"])
    ),
}
# Of answers as such, and of single calls: the tests below.
_ELSEWHERE = {"errors", "meta.statusCode", "isSuccess", "/vpc/{id}/resources", "error statuses", "DELETE"}


def _contract() -> set[str]:
    (table,) = (table for table in tables("7.1") if table[0][0] == "Element")
    return {"ids" if cells[0].startswith("ids") else (words(cells[0]) or [cells[0]])[0] for cells in table[1:]}


def test_every_element_of_the_typed_contract_is_checked_7_1():
    assert _contract() == CONTRACT.keys() | _ELSEWHERE


@pytest.mark.parametrize("element", CONTRACT)
def test_a_java_client_can_read_every_row_7_1(rich, element):
    found = {path: rich.get(path, filterByVpc="1,2,3") for path in LISTS}

    assert CONTRACT[element](found)


def test_a_java_client_can_read_every_envelope_7_1(rich):
    refusal = rich.refused(400, "POST", "/api/v2/vpc", {"name": "acme", "adminTenant": TENANT})
    for envelope in (*_envelopes(rich), refusal):
        assert isinstance(envelope["errors"], dict)
        assert type(envelope["meta"]["statusCode"]) is int and isinstance(envelope["meta"]["apiVersion"], str)
        assert envelope["isSuccess"] is (envelope is not refusal)
    (resources,) = rich.get("/api/v2/vpc/2/resources")
    assert not shapes.misfit(resources, shapes.RESOURCES) and resources["allocation"]
    assert resources["site"] == SITE


def test_deletes_of_vpcs_and_vnets_say_that_they_succeeded_7_1():
    netris = Controller()
    vpc = netris.post("/api/v2/vpc", name="v", adminTenant=TENANT)["id"]
    vnet = netris.post("/api/v2/vnet", name="n", tenant=TENANT, sites=[SITE])["id"]

    for path in (f"/api/v2/vpc/{vpc}", f"/api/v2/vnet/{vnet}"):
        assert netris.http.delete(path).json()["isSuccess"] is True


def test_every_call_of_cloudstack_and_of_a_portal_is_served_7_1_7_2():
    netris = Controller()
    for text in words(TEXT[TEXT.index("### 7.1") : TEXT.index("Typed contract of that client")]):
        methods, path = text.split(" ")
        path = path.replace("{type}", "subnet").replace("{id}", "1")
        for method in methods.split("/"):
            ends = ("", "/1") if method in ("PUT", "DELETE") else ("",)
            assert any(netris.app.handler(method, path + end) for end in ends), text
    for path in ("hw", "ports", "link", "sites", "ebgp/hardwares", "ebgp/ports", "ebgp/check"):
        assert netris.get(f"/api/v2/{path}")


# 7.3: each refusal with its status, and the text where the sheet has one

Call = tuple[str, str, Any]
_SUBNET = {"name": "x", "prefix": "172.16.0.0/24", "purpose": "common", "tenant": TENANT, "sites": [SITE]}
_VNET = {"name": "nowhere", "tenant": TENANT, "sites": [SITE], "gateways": [{"prefix": "172.16.0.1/24"}]}
_BALANCER = {"name": "b", "protocol": "TCP", "site": SITE, "tenant": TENANT, "ip": "198.51.100.99", "port": 80}
_OUTSIDE = acl("out", src_prefix="172.16.0.0/16", dst_prefix="172.17.0.0/16")


def _session(**change: Any) -> Call:
    return "POST", "/api/v2/ebgp", direct_connect(90, SYSTEM) | {"name": "new", **change}


_LISTED_NAMES: list[Call] = [
    ("POST", "/api/v2/vpc", {"name": "acme", "adminTenant": TENANT}),
    ("POST", "/api/v2/ipam/allocation", {"name": "acme-10.1.0.0/16", "prefix": "172.16.0.0/16", "tenant": TENANT}),
    ("POST", "/api/v2/ipam/subnet", _SUBNET | {"name": "acme-10.1.1.0/24", "prefix": "203.0.113.64/28"}),
    ("POST", "/api/v2/vnet", _VNET | {"name": "CloudStack VRs", "gateways": []}),
    ("POST", "/api/v2/nat", dnat("x", SYSTEM, "203.0.113.36/32")),
    ("POST", "/api/v2/l4lb", _BALANCER | {"name": "lb"}),
    ("POST", "/api/acl", acl("acl-1", dst_port_to=81)),
]
# By the rule's words: the status, calls, and what the answer holds: the whole message, or the property at fault.
REFUSALS: dict[str, tuple[int, list[Call], str]] = {
    "missing required property": (403, [("POST", "/api/v2/vpc", {"name": "x"})], "Must have required property 'x'"),
    "subnet outside allocations of its VPC": (
        400, [("POST", "/api/v2/ipam/subnet", _SUBNET)], "IP prefix is out of any allocation"),
    "unknown VPC id": (404, [("GET", "/api/v2/vpc/99", None), ("PUT", "/api/v2/vpc/99", {}),
                             ("DELETE", "/api/v2/vpc/99", None)], "VPC is not found."),
    "unknown link/site/hw id": (
        404, [("GET", f"/api/v2/{kind}/999", None) for kind in ("link", "sites", "hw")], "Not found"),
    "ACL duplicate": (400, [("POST", "/api/acl", acl("again"))], "This kind of acl already exists"),
    "ACL with both sides outside IPAM": (
        400, [("POST", "/api/acl", _OUTSIDE)], "Both Source and Destination addresses are out of this deployment."),
    "NAT action MASQUERADE": (
        400, [("POST", "/api/v2/nat", snat("m", SYSTEM, "203.0.113.40/32", action="MASQUERADE"))], "action"),
    "system VPC delete": (400, [("DELETE", "/api/v2/vpc/1", None)], ""),
    "default DHCP option set delete": (400, [("DELETE", "/api/v2/dhcp-option-set/1", None)], ""),
    "V-Net gateway without a common (or management) subnet in its VPC and site": (
        400, [("POST", "/api/v2/vnet", _VNET),
              ("POST", "/api/v2/vnet", _VNET | {"gateways": [{"prefix": "203.0.113.41/27"}]})], "gateways"),
    "e-BGP with both `port` and `vnet`": (400, [_session(vnet={"id": 1})], "port"),
    "e-BGP `vlan` out of range": (400, [_session(vlan=vlan) for vlan in (1, 4095, -1, "many")], "vlan"),
    "NAT public IP not in a nat subnet": (
        400, [("POST", "/api/v2/nat", snat("p", SYSTEM, "198.51.100.5/32")),
              ("POST", "/api/v2/nat", dnat("p", SYSTEM, "198.51.100.5/32"))], ""),
    "L4LB IP not in a load-balancer subnet": (400, [("POST", "/api/v2/l4lb", _BALANCER)], "ip"),
    "VPC, allocation, subnet, V-Net, NAT, L4LB, ACL names": (400, _LISTED_NAMES, "name"),
}  # fmt: skip


def test_every_refusal_of_the_table_is_checked_7_3():
    table = tables("7.3")[0][1:]

    assert [cells[0] for cells in table] == ["no/dead cookie", *REFUSALS]
    for cells in table[1:]:
        status, _, text = REFUSALS[cells[0]]
        stated = re.search(r"\b(40\d)\b", cells[1])
        assert stated is None or str(status) in cells[1]
        assert " " not in text or text in cells[1]


@pytest.mark.parametrize("rule", REFUSALS)
def test_what_does_not_fit_is_refused_7_3(rich, rule):
    status, calls, text = REFUSALS[rule]
    rich.http.post("/api/acl", json=acl("first"))

    for method, path, body in calls:
        envelope = rich.refused(status, method, path, body)
        if "'x'" in text:
            assert re.fullmatch(text.replace("'x'", r"'\w+'"), envelope["message"])
        elif " " in text:
            assert envelope["message"] == text
        else:
            assert not text or text in envelope["errors"]


def test_a_gateway_s_subnet_has_the_tenant_of_the_vnet_2_2(rich):
    other = rich.post("/api/tenants", name="owner", description="")["id"]
    vpc, ref = rich.vpc("owned", "10.8.0.0/16"), {"id": other}
    rich.subnet("owned-10.8.1.0/24", "10.8.1.0/24", vpc)
    body = {"name": "owned", "vpc": vpc, "sites": [SITE], "gateways": [{"prefix": "10.8.1.1/24"}]}

    assert "gateways" in rich.refused(400, "POST", "/api/v2/vnet", body | {"tenant": ref})["errors"]
    rich.post("/api/v2/vnet", **body, tenant=TENANT)


def test_dhcp_its_relay_and_l3vpn_exclude_each_other_2_2():
    netris = Controller()
    vpc, other = netris.vpc(), netris.vpc("other", "10.9.0.0/16")
    netris.subnet("s", "10.1.1.0/24", vpc)
    dhcp = {"start": "10.1.1.10", "end": "10.1.1.20", "optionSet": {"id": 1}}
    body = {"name": "n", "vpc": vpc, "tenant": TENANT, "sites": [SITE], "gateways": [{"prefix": "10.1.1.1/24"}]}
    serving = body | {"gateways": [{"prefix": "10.1.1.1/24", "dhcpEnabled": True, "dhcp": dhcp}]}
    relay = {"enabled": True, "vpc": other, "primaryAddr": "10.9.0.5", "secondaryAddr": None}

    assert "gateways" in netris.refused(400, "POST", "/api/v2/vnet", serving | {"l3vpn": True})["errors"]
    assert "dhcpRelay" in netris.refused(400, "POST", "/api/v2/vnet", body | {"dhcpRelay": relay})["errors"]
    netris.http.post("/api/v2/vpc-peering", json={"name": "p", "vpcA": vpc, "vpcB": other}).raise_for_status()
    assert "gateways" in netris.refused(400, "POST", "/api/v2/vnet", serving | {"dhcpRelay": relay})["errors"]
    number = netris.post("/api/v2/vnet", **body, dhcpRelay=relay)["id"]
    shown = {"enabled": True, "vpc": other, "primaryAddr": "10.9.0.5", "secondaryAddr": ""}
    netris.put(f"/api/v2/vnet/{number}", name="n2")
    assert netris.get(f"/api/v2/vnet/{number}")["dhcpRelay"] == shown
    netris.put(f"/api/v2/vnet/{number}", dhcpRelay={"enabled": False, "vpc": None})
    assert netris.get(f"/api/v2/vnet/{number}")["dhcpRelay"] is None


def test_what_a_session_can_not_be_is_refused_2_10():
    netris = Controller()
    port = netris.port("swp20@Leaf-1")["id"]
    bare = netris.post("/api/v2/vnet", name="bare", tenant=TENANT, sites=[SITE])["id"]
    gate = netris.device("SoftGate-1")["id"]
    for field, change in {
        "vnet": {"port": None, "vnet": {"id": bare}},
        "localAsn": {"hardware": {"id": gate}, "localAsn": "switch-local-as"},
        "prefixListInbound": {"prefixListInbound": "allow 10.0.0.0/8"},
        "prefixListOutbound": {"prefixListOutbound": "permit fd00::/8"},
        "bgpCommunity": {"bgpCommunity": "65001:7 lcoal-AS"},
    }.items():
        body = direct_connect(port, SYSTEM) | change
        assert field in netris.refused(400, "POST", "/api/v2/ebgp", body)["errors"]


def test_a_rule_turns_itself_off_when_its_time_is_up_2_6():
    netris = Controller()
    until = netris.app.clock.now() + 60
    text = datetime.fromtimestamp(until, UTC).isoformat()
    netris.http.post("/api/acl", json=acl("brief", valid_until=text)).raise_for_status()
    assert netris.get("/api/acl")[0]["status"] == "enabled"

    netris.wait(61)

    assert netris.get("/api/acl")[0]["status"] == "disabled"
    for wrong in ("soon", "2099-01-01T00:00:00"):
        assert "valid_until" in netris.refused(400, "PUT", "/api/acl", {"id": 1, "valid_until": wrong})["errors"]


def test_an_address_is_reserved_by_its_host_and_a_gateway_tells_its_leases_2_3(rich):
    ledger = {row["host"]["address"]: row for row in rich.get("/api/v2/reservation/ip")}
    assert ledger["10.1.1.1"]["meta"] == {
        "tag": "gateway",
        "dhcp": {"start": "10.1.1.10", "end": "10.1.1.20", "option_set_id": 1},
    }
    (subnet,) = (row for row in rich.get("/api/v2/ipam/subnets", filterByVpc=2) if row["prefix"] == "10.1.1.0/24")
    host = {"id": 51, "subnet": {"id": subnet["id"]}}

    rich.post("/api/v2/reservation/ip", host=host, consumer={"type": "sys"}, meta={})

    found = {each["address"]: each["id"] for each in rich.get(f"/api/v2/ipam/hosts/{subnet['id']}")}
    assert found["10.1.1.50"] == 51


def test_a_cable_in_the_wrong_port_is_told_by_check_topology_3_8():
    netris = Controller()

    def topology(device: str) -> dict[str, Any]:
        checks = netris.device(device)["hardwareHealth"]
        return next(check for check in checks if check["check_name"] == "check_topology")

    def plug(port: str, into: str) -> None:
        netris.order("change", table="port", id=netris.port(port)["id"], fields={"neighbour": into})

    plug("swp31@Leaf-1", "swp1@Spine-2")
    found = topology("Leaf-1")
    assert (found["status"], found["port"]) == ("critical", "swp31@Leaf-1")
    assert found["message"] == "swp31@Leaf-1 is wired to swp1@Spine-2 instead of swp1@Spine-1"
    assert topology("Leaf-2")["status"] == "ok"
    plug("swp31@Leaf-1", "swp1@Spine-1")
    plug("swp2@Leaf-1", "ens1@node-7")  # a server says nothing of itself
    assert topology("Leaf-1")["status"] == "ok"

    names = {"hostname": "node-2", "hostname-alias": ["node-7"], "ignore-check-if-hostname": ["rescue"]}
    server = netris.device("Server-2")["id"]
    for eth1, seen, status in (
        (["ens1", "ens2"], "ens1@node-7", "ok"),
        ("ens2", "ens1@node-7", "critical"),
        ("ens1", "ens1@node-9", "critical"),
        ("ens1", "eth9@rescue", "ok"),
    ):
        rules = {"topology-validation": names | {"eth1": eth1}}
        netris.put(f"/api/v2/hw/server/{server}", customData=json.dumps(rules))
        plug("swp2@Leaf-1", seen)
        assert topology("Leaf-1")["status"] == status


# 7.4: what moves by itself, and where that is proved

LIVING = {
    'e-BGP: "Active"/empty': "test_a_session_is_active_first_and_established_within_a_minute",
    "`health_monitoring` critical": "test_a_killed_leaf_shows_everywhere",
    "SNAT node failure": "test_nat_sessions_follow_the_rules_and_the_softgates",
    "`dhcpLeaseCount`, hosts list": "",  # no machines stand on V-Nets with DHCP here: README, not emulated
    "V-Net `status`": "test_ports_of_a_vnet_follow_their_device_7_4",
    "session death mid-run": "test_a_session_that_ended_stays_dead_for_whoever_does_not_log_in_quirk_22",
}


def test_every_behaviour_of_the_table_has_its_test_7_4():
    table = tables("7.4")[0][1:]
    here = Path(__file__).parents[1]
    written = {name for file in here.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())}

    assert len(table) == len(LIVING)
    assert all(cells[0].startswith(start) for cells, start in zip(table, LIVING, strict=True))
    assert set(LIVING.values()) - {""} <= written


def test_ports_of_a_vnet_follow_their_device_7_4():
    netris = Controller()

    def seen() -> list[tuple[str, int]]:
        return [(port["status"]["value"], port["macCount"]) for port in netris.get("/api/v2/vnet/1")["ports"]]

    assert seen() == [("up", 1), ("up", 1)]
    netris.order("devices/Leaf-1/kill")
    assert seen() == [("down", 0), ("up", 1)]
    netris.put("/api/v2/vnet/1", state="disabled")
    assert netris.get("/api/v2/vnet/1")["status"]["value"] == "disabled"
    assert seen() == [("down", 0), ("down", 0)]


# What the sheet leaves open: its words, and the file and the line that chooses.

OPEN = (
    ("and its absence | inferred", "auth.py", "both spellings"),
    ("values >1 unverified", "auth.py", "Authentication failed"),
    ("(idle timeout is unverified)", "auth.py", "each gone after an hour"),
    ("Duplicates come back as 400 (inferred", "controller.py", "already exists"),
    ("must list all VPCs there when unfiltered (inferred)", "nat.py", "All rules of all VPCs"),
    ("The API does not enforce it (inferred)", "ebgp.py", "System and tenant VPCs are both taken"),
    ("A VPC with child objects is refused (inferred", "vpc.py", "VPC is in use by"),
    ("refuse duplicates within the controller (unverified)", "vpc.py", "duplicates refused"),
    ("JSON key probably `portTags`", "vnet.py", '"portTags": _labels'),
    ("key spelling unverified", "vnet.py", '"dhcpRelay": _relay_view'),
    ("an e-BGP session terminates on it (inferred, unverified)", "vnet.py", "used by an E-BGP session"),
    ("refused (inferred, unverified text)", "ipam.py", "IP prefix already exists"),
    ("derived from the admin state only (inferred)", "nat.py", '"status": "success"'),
    ("how the id is passed in that form is unverified", "ebgp.py", "the id stands in the body"),
    ("GET returns it in clear (inferred", "session_view.py", "password in clear"),
    ("presumably refused (unverified)", "bgp_objects.py", "used by the route-map"),
    ("list keys unverified on a given release", "peering.py", "which keys a release has"),
    ("`ok` in the sample; other values unverified", "inventory.py", '"status": "ok"'),
    ("ms of last agent contact (inferred unit)", "fabric.py", "agent reported last, in ms"),
    ("ports are used or links exist (unverified)", "inventory.py", "device is in use"),
    ("a port can be in one link (inferred)", "links.py", "is already linked"),
    ("Empty when the session is new or disabled (inferred)", "ebgp.py", "Empty while disabled"),
    ("proven only by the 2026 live client (unverified", "graphite.py", "4.15 has this path"),
    ("The controller's own limit is stated nowhere (unverified)", "wire.py", "A name of any length"),
    ("the controller's answer is unverified", "vpc.py", "quirk 47"),
    ("6. Values of `hw.status`, `vnet.status.value`", "vnet.py", '"status": {"label": state'),
    ("`label.status`", "l4lb.py", '"label": {"status"'),
    ("7. Shapes of `/api/dashboard/*`", "dashboard.py", "All of it is"),
    ("`/acl/syncstatus`. 8.", "acl.py", "where they belong at once"),
    ("10. Whether list filters accept both", "wire.py", "Every list takes all of them"),
)


@pytest.mark.parametrize(("words_", "file", "line"), OPEN, ids=[f"{each[1]} {each[2]}" for each in OPEN])
def test_what_the_sheet_leaves_open_is_marked_0_1(words_, file, line):
    assert words_ in TEXT
    chosen = [each for each in next(CODE.rglob(file)).read_text().splitlines() if line in each]

    assert chosen and all("unverified" in each for each in chosen)


def test_every_text_of_a_refusal_is_the_sheets_or_marked_0_1():
    """A text with a value in it is never the sheet's own."""
    for file in sorted(CODE.rglob("*.py")):
        lines = file.read_text().splitlines()
        for call in _refusals("\n".join(lines)):
            is_marked = any("unverified" in line for line in lines[call.lineno - 1 : call.end_lineno])
            assert is_marked or not _is_own(call), f"{file.name}:{call.lineno}"


def _refusals(source: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("invalid", "Refusal"):
            yield node


def _is_own(call: ast.Call) -> bool:
    """A 500 is a mistake of the code, not a choice."""
    text = call.args[1] if len(call.args) > 1 else None
    if not isinstance(text, ast.Constant):
        return isinstance(text, ast.JoinedStr)
    return str(text.value).rstrip(".") not in TEXT and text.value != "Internal server error"
