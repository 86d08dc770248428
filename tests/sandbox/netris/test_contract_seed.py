"""The seeded world holds every object of the CloudStack guide: the tables of netris-api.md 6.1 to 6.6."""

from __future__ import annotations

import json
import re
from itertools import product

import pytest

from tests.sandbox.controller import Controller
from tests.sandbox.netris.sheet import Cells, tables, words


@pytest.fixture(scope="module")
def netris() -> Controller:
    return Controller()


def table(number: str) -> list[Cells]:
    """The rows of the section's table, those for fabrics without an out-of-band network left out: this one has one."""
    return [cells for cells in tables(number)[0][1:] if "Temporary OOB" not in " ".join(cells)]


def test_sites_tenants_switches_softgates_and_uplinks_6_1(netris):
    stated = {cells[0]: cells[1] for cells in table("6.1")}
    assert stated.keys() == {"Site", "Tenant", "Switches", "SoftGates", "ISP e-BGP", "Controller"}

    (site,) = netris.get("/api/v2/sites")
    assert (site["name"], site["switchFabric"], site["aclPolicy"]) == ("sv", "netris", "permit")
    assert site["publicAsn"] and [row["name"] for row in netris.get("/api/tenants")] == ["Admin"]
    devices = {row["name"]: row for row in netris.get("/api/v2/hw")}
    for name in re.findall(r"\w+-\d", stated["Switches"]):
        assert devices[name]["swRole"] == name.partition("-")[0].lower()
        assert devices[name]["profile"]["name"] == netris.get("/api/inventoryProfiles")[0]["name"]
    assert netris.get("/api/inventoryProfiles")[0]["fabricProps"]["optimiseBgpOverlayHypervisor"] is True
    gates = [row for row in devices.values() if row["type"] == "softgate"]
    assert sorted(row["sgRole"] for row in gates) == ["general", "general", "snat", "snat"]
    assert {row["sgFlavor"] for row in gates} == {"sg-hs"}
    sessions = netris.get("/api/v2/ebgp")
    routers, names = {row["neighborAS"] for row in sessions}, [row["name"] for row in gates]
    assert {(row["term_sw_name"], row["neighborAS"]) for row in sessions} >= set(product(names, routers))
    assert {row["vpc"]["id"] for row in sessions} == {1}


def test_each_leaf_is_connected_to_each_external_network_via_ebgp(netris):
    sessions = [row for row in netris.get("/api/v2/ebgp") if row["terminate_on_switch"] == "yes"]

    found = {(row["term_sw_name"], row["neighborAS"]): row for row in sessions}
    assert found.keys() == set(product(("Leaf-1", "Leaf-2"), (64497, 64498)))
    assert len({row["port"]["id"] for row in sessions}) == len(sessions) == 4  # a cable each
    for (leaf, _), row in found.items():
        assert (row["port"]["name"].partition("@")[2], row["bgp_state"], row["untagged"]) == (leaf, "Established", True)
    cables = {row["port"]["name"] for row in sessions}
    assert {row["port"]["name"] for row in netris.get("/api/v2/ebgp")} <= cables  # those of SoftGates go through them


@pytest.mark.parametrize("cells", table("6.2"), ids=lambda cells: cells[1])
def test_every_range_of_the_system_vpc_6_2(netris, cells):
    kind, prefix, name, purpose, note = cells
    rows = netris.get("/api/v2/ipam" if kind == "allocation" else "/api/v2/ipam/subnets")
    (row,) = (row for row in rows if row["prefix"] == prefix)

    assert (row["name"], row["vpc"]["id"], row["tenant"]["name"]) == (name, 1, "Admin")
    assert (row["purpose"] or "") == purpose
    if gateway := re.search(r"gateway ([\d.]+)", note):
        assert row["defaultGateway"] == gateway[1]


@pytest.mark.parametrize("cells", table("6.3"), ids=lambda cells: cells[0])
def test_every_server_6_3(netris, cells):
    name, asn, main, management, role, ports, tags, custom = cells
    row, first = netris.device(name.split(" ")[0]), netris.device("Server-2")

    assert (row["mainAddress"] or "none", row["mgmtAddress"]) == (main, management)
    assert (row["asn"] is None) is (asn == "none")
    assert (row["srvRole"], row["portCount"]) == (role, int(ports))
    assert row["tags"] == (words(tags) or first["tags"])
    if custom == "none":
        assert row["customData"] == ""
    else:
        bridge = json.loads(row["customData"])["cloudstack"]["mgmt"]
        assert bridge["ipv4"] in custom
        assert (bridge["bridge-name"], bridge["nameservers"]) == ("cloudbr0", ["1.1.1.1", "8.8.8.8"])


def test_every_link_6_4(netris):
    found = {(row["local"]["name"], row["remote"]["name"]): row["underlay"] for row in netris.get("/api/v2/link")}

    for ours, theirs, underlay in table("6.4"):
        leaf, nic = ours.partition("@")[2], theirs.partition("@")[0]
        ports, servers = ours.partition("@")[0].split("/"), theirs.partition("@")[2].split("/")
        for port, server in zip(ports, servers, strict=True):
            server = server if "-" in server else f"Server-{server}"
            state = "disabled" if underlay.startswith("off") else "enabled"
            assert found[f"{port}@{leaf}", f"{nic}@{server}"] == state
    fabric = [underlay for ends, underlay in found.items() if "Spine" in ends[0] or "SoftGate" in ends[1]]
    assert fabric.count("enabled") == 2 * 2 + 4 * 2  # leaves with spines, SoftGates with leaves


@pytest.mark.parametrize("cells", table("6.5"), ids=lambda cells: cells[0])
def test_every_nat_rule_of_the_infrastructure_6_5(netris, cells):
    name, action, source, target = cells
    (row,) = (row for row in netris.get("/api/v2/nat") if row["name"] == name)

    assert row["action"]["value"] == action.split(" ")[0]
    if action == "SNAT":
        assert (row["sourceAddress"], row["snatToIP"], row["protocol"]["value"]) == (source, target, "all")
    else:
        shown = (
            f"{row['destinationAddress']} port {row['destinationPort']}",
            f"{row['dnatToIP']} port {row['dnatToPort']}",
        )
        assert (*shown, row["protocol"]["value"]) == (source, target, "tcp")


@pytest.mark.parametrize("cells", table("6.6"), ids=lambda cells: cells[0])
def test_every_vnet_6_6(netris, cells):
    name, vlan, gateway, labels = cells
    (row,) = (row for row in netris.get("/api/v2/vnet") if row["name"] == name)

    assert [each["prefix"] for each in row["gateways"]] == [gateway]
    assert bool(row["vlan"]) is (vlan == "auto")
    if match := re.search(r"network interface label (\S+),", labels):
        assert row["portTags"] == [{"name": match[1], "accessMode": True}]
        assert row["portsCount"] == 2
    else:
        assert row["tags"] == re.findall(r"CS-Cloud1-\w+|system\.cloudstack\.management", labels)


def test_the_vnis_of_the_public_ranges_are_the_guide_s_6_6_6_7(netris):
    found = {row["name"]: row["vxlanID"] for row in netris.get("/api/v2/vnet")}

    assert (found["CloudStack System VMs"], found["CloudStack VRs"]) == (12, 13)
