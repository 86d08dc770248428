"""Devices, cables, BGP and health: one model behind all of them (netris-api.md 2.10, 2.13 to 2.16, 3)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.sandbox.controller import SITE, SYSTEM, TENANT, Controller, direct_connect


@pytest.fixture
def netris() -> Controller:
    return Controller()


@pytest.fixture
def session(netris) -> int:
    """With a router at the far end that agrees to everything."""
    pull(netris, "swp20@Leaf-1", carrier=True)
    return int(netris.post("/api/v2/ebgp", **direct_connect(netris.port("swp20@Leaf-1")["id"], netris.vpc()))["id"])


# 2.10 E-BGP


def test_the_isp_sessions_of_the_site_are_up(netris):
    rows = netris.get("/api/v2/ebgp")

    assert {row["bgp_state"] for row in rows} == {"Established"}
    ends = Counter(row["hardware"]["name"] for row in rows)
    assert ends == dict.fromkeys([*(f"SoftGate-{number}" for number in (1, 2, 3, 4)), "Leaf-1", "Leaf-2"], 2)
    assert {row["port_status"] for row in rows} == {"UP"}


def test_a_session_shows_in_both_dialects_quirk_8(netris, session):
    row = netris.session(session)

    assert (row["localIP"], row["local_ip"]) == ("169.254.10.1", "169.254.10.1")
    assert (row["neighborAS"], row["neighbor_as"]) == (65010, 65010)
    assert (row["state"], row["status"]) == ("enabled", "enabled")
    assert (row["prefixInboundMax"], row["prefix_limit"]) == (1000, 1000)
    assert row["hardware"] == {"id": 3, "name": "Leaf-1"}
    assert (row["term_sw_name"], row["terminate_on_switch"]) == ("Leaf-1", "yes")
    assert row["vnet"]["id"] == "none"
    assert row["port"]["name"] == "swp20@Leaf-1"
    assert row["bgpPassword"] == ""
    assert isinstance(row["createdDate"], str)  # quirk 44
    assert {row[key] for key in ("site_name", "siteName")} == {"sv"}


def test_a_session_is_active_first_and_established_within_a_minute(netris, session):
    first = netris.session(session)
    netris.wait(61)
    then = netris.session(session)
    netris.wait(3000)
    later = netris.session(session)

    assert (first["bgp_state"], first["bgp_prefixes"]) == ("Active", "0")
    assert then["bgp_state"] == "Established"
    assert int(then["bgp_prefixes"]) > 0
    assert then["bgp_uptime"] < later["bgp_uptime"]
    assert later["bgp_uptime"].startswith("00:50:")


def test_a_disabled_session_is_silent_and_comes_up_anew(netris, session):
    netris.wait(100)
    netris.put("/api/v2/ebgp/changestatus", id=session, state="disabled")
    assert [netris.session(session)[key] for key in ("bgp_state", "bgp_prefixes", "bgp_uptime")] == ["", "", ""]

    netris.put("/api/v2/ebgp/changestatus", id=session, state="enabled")
    assert netris.session(session)["bgp_state"] == "Active"
    netris.wait(61)
    assert netris.session(session)["bgp_state"] == "Established"


def test_a_session_is_updated_by_path_and_by_body_quirk_9(netris, session):
    netris.wait(100)
    assert netris.put(f"/api/v2/ebgp/{session}", weight=7) == {"id": session}
    assert netris.put("/api/v2/ebgp", id=session, localPreference=200) == {"id": session}

    row = netris.session(session)
    assert (row["weight"], row["localPreference"], row["bgp_state"]) == (7, 200, "Established")
    netris.put(f"/api/v2/ebgp/{session}", bgpPassword="other")
    assert netris.session(session)["bgp_state"] == "Active"  # a new password starts the session over


@pytest.mark.parametrize("key", ["originate", "defaultOriginate"])
def test_default_originate_is_read_under_both_keys_quirk_11(netris, session, key):
    netris.put(f"/api/v2/ebgp/{session}", **{key: "enabled"})

    assert netris.session(session)["defaultOriginate"] == "enabled"


def test_numbers_may_come_as_text_quirk_15(netris):
    body = direct_connect(netris.port("swp20@Leaf-1")["id"], SYSTEM, prefixLength="30", vlan="1200", neighborAS="65010")

    row = netris.session(netris.post("/api/v2/ebgp", **body)["id"])
    assert (row["prefixLength"], row["prefix_length"], row["vlan"], row["neighborAS"]) == ("30", 30, 1200, 65010)


@pytest.mark.parametrize(
    ("status", "change", "field"),
    [
        (400, {"vnet": {"id": 1}}, "port"),
        (403, {"port": None}, "port"),
        (400, {"vlan": 5000}, "vlan"),
        (400, {"vlan": "many"}, "vlan"),
        (403, {"neighborAS": None}, "neighborAS"),
        (400, {"neighborAS": 0}, "neighborAS"),
        (400, {"remoteIP": "169.254.10.9"}, "remoteIP"),
        (400, {"remoteIP": "fd00::1"}, "remoteIP"),
        (400, {"localIP": "169.254.10.1/30"}, "localIP"),
        (400, {"timers": {"hello": 5, "hold": 10, "connect": 10}}, "timers"),
        (400, {"prefixInboundMax": 2000000}, "prefixInboundMax"),
        (400, {"name": "ISP-1-SoftGate-1"}, "name"),
        (404, {"hardware": {"id": 99}}, "hardware"),
        (404, {"vpc": {"id": 99}}, "vpc"),
        (400, {"hardware": {"name": "Server-2"}}, "hardware"),
        (400, {"port": {"name": "eth1@Server-1"}}, "port"),
    ],
)
def test_sessions_that_do_not_fit_are_refused(netris, status, change, field):
    body = direct_connect(netris.port("swp20@Leaf-1")["id"], SYSTEM) | change

    assert field in netris.refused(status, "POST", "/api/v2/ebgp", body)["errors"]


def test_a_vlan_is_used_once_on_a_port(netris, session):
    port = netris.port("swp20@Leaf-1")["id"]
    other = direct_connect(port, SYSTEM, name="other")
    assert "vlan" in netris.refused(400, "POST", "/api/v2/ebgp", other)["errors"]
    assert netris.get("/api/v2/ebgp/check", switch_port_id=port, vlan=1200)["conflict"] is True
    assert netris.get("/api/v2/ebgp/check", switch_port_id=port, vlan=1201)["conflict"] is False

    netris.post("/api/v2/ebgp", **other | {"vlan": 1201})
    netris.delete(f"/api/v2/ebgp/{session}")
    netris.post("/api/v2/ebgp", **other | {"name": "third"})


def test_a_session_on_a_vnet_keeps_the_vnet_and_has_no_port_status(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    vnet = netris.vnet("n", vpc, "10.1.1.1/24")
    body = direct_connect(0, vpc) | {"hardware": {"id": "auto"}, "port": None, "vnet": {"id": vnet}, "vlan": 0}
    body |= {"localIP": "10.1.1.1", "remoteIP": "10.1.1.9", "prefixLength": 24}
    number = netris.post("/api/v2/ebgp", **body)["id"]

    row = netris.session(number)
    assert (row["vnet"]["id"], row["port_status"], row["hardware"]["id"]) == (vnet, "", "auto")
    netris.refused(400, "DELETE", f"/api/v2/vnet/{vnet}")
    netris.refused(400, "DELETE", f"/api/v2/vpc/{vpc['id']}")
    netris.wait(61)
    assert netris.session(number)["bgp_state"] == "Established"


def test_the_far_side_can_be_ordered_to_misbehave(netris, session):
    netris.wait(100)
    netris.order("change", table="ebgp", id=session, fields={"peerPrefixes": 0})
    assert netris.session(session)["bgp_prefixes"] == "0"
    assert [row["status"] for row in checks(netris, "Leaf-1", "check_bgp")].count("warning") == 1

    netris.order("change", table="ebgp", id=session, fields={"peerPrefixes": 1001})
    assert netris.session(session)["bgp_state"] == "Idle"  # above prefixInboundMax
    netris.order("change", table="ebgp", id=session, fields={"peerPrefixes": 5, "peerState": "OpenSent"})
    assert netris.session(session)["bgp_state"] == "OpenSent"


def test_pick_lists_of_ebgp(netris):
    assert len(netris.get("/api/v2/ebgp/hardwares")) == 9
    free = {row["name"] for row in netris.get("/api/v2/ebgp/ports")}
    assert "swp20@Leaf-1" in free
    assert "swp31@Leaf-1" not in free
    netris.post("/api/v2/ebgp/asnvalidation", siteID=1, neighborAS=65010)
    netris.refused(400, "POST", "/api/v2/ebgp/asnvalidation", {"siteID": 1, "neighborAS": 65001})


# 2.13 inventory


def test_the_devices_of_the_site(netris):
    rows = {row["name"]: row for row in netris.get("/api/v2/hw")}

    assert len(rows) == 13
    assert {row["type"] for row in rows.values()} == {"switch", "softgate", "server"}
    assert {name: row["sgRole"] for name, row in rows.items() if row["type"] == "softgate"} == {
        "SoftGate-1": "general",
        "SoftGate-2": "general",
        "SoftGate-3": "snat",
        "SoftGate-4": "snat",
    }
    assert (rows["Leaf-1"]["swRole"], rows["Server-2"]["srvRole"], rows["Server-1"]["srvRole"]) == (
        "leaf",
        "hyperv_cs",
        "generic",
    )
    assert rows["Leaf-1"]["nos"]["tag"] == "cumulus_linux"
    assert {"local": {"id": 95, "name": "swp31@Leaf-1"}, "remote": {"id": 1, "name": "swp1@Spine-1"}} in rows["Leaf-1"][
        "links"
    ]
    assert {row["status"] for row in rows.values()} == {"ok"}


def test_agents_report_every_ten_to_fifteen_seconds(netris):
    for _ in range(20):
        now = netris.app.clock.now() * 1000
        ages = [now - row["lastSeen"] for row in netris.get("/api/v2/hw") if row["name"] != "Server-1"]
        assert all(-1000 < age < 16000 for age in ages)
        netris.wait(1)
    assert netris.device("Server-1")["lastSeen"] == 0  # a generic server has no agent


def test_a_switch_comes_is_changed_and_goes(netris):
    body: dict[str, Any] = {
        "name": "Leaf-3",
        "tenant": TENANT,
        "site": SITE,
        "mainAddress": "auto",
        "mgmtAddress": "auto",
    }
    body |= {"asn": "auto", "portCount": 16, "nos": {"tag": "sonic"}, "swRole": "leaf"}
    number = netris.post("/api/v2/hw/switch", **body)["id"]
    row = netris.device("Leaf-3")
    assert row["mainAddress"].startswith("10.0.")
    assert row["mgmtAddress"].startswith("10.10.")
    assert row["asn"] == 4200000000
    assert len(netris.get("/api/v2/ports", switchID=number)) == 16

    netris.put(f"/api/v2/hw/switch/{number}", name="Leaf-4", maintenanceMode=True)
    assert netris.device("Leaf-4")["maintenanceMode"] is True
    assert netris.port("swp1@Leaf-4")["id"]
    link = {"local": {"name": "swp1@Leaf-4"}, "remote": {"name": "swp10@Spine-1"}}
    netris.post("/api/v2/link", **link)
    netris.refused(400, "DELETE", f"/api/v2/hw/switch/{number}")
    netris.delete("/api/v2/link", link)  # quirk 41
    netris.delete("/api/v2/hw/switch/Leaf-4")
    assert netris.get("/api/v2/ports", switchID=number) == []


@pytest.mark.parametrize(
    ("kind", "change", "status", "field"),
    [
        ("switch", {"portCount": 17}, 400, "portCount"),
        ("switch", {"nos": {"tag": "dos"}}, 400, "nos"),
        ("switch", {"nos": None}, 403, "nos"),
        ("switch", {"name": "Leaf-1"}, 400, "name"),
        ("switch", {"name": "no spaces"}, 400, "name"),
        ("server", {"srvRole": "butler"}, 400, "srvRole"),
        ("server", {"site": {"id": 9}}, 404, "site"),
        ("softgate", {"mainAddress": None}, 403, "mainAddress"),
        ("softgate", {"mgmtAddress": "x"}, 400, "mgmtAddress"),
    ],
)
def test_devices_that_do_not_fit_are_refused(netris, kind, change, status, field):
    body: dict[str, Any] = {"name": "dev", "tenant": TENANT, "site": SITE, "mainAddress": "auto", "mgmtAddress": "auto"}
    body |= {"asn": "auto", "portCount": 32, "nos": {"tag": "sonic"}} | change

    assert field in netris.refused(status, "POST", f"/api/v2/hw/{kind}", body)["errors"]


def test_maintenance_mode_of_a_softgate(netris):
    number = netris.device("SoftGate-1")["id"]

    assert netris.put(f"/api/v2/hw/softgate/{number}", maintenanceMode=True) == {"id": number}

    row = netris.device("SoftGate-1")
    assert (row["maintenanceMode"], row["sgRole"], row["asn"]) == (True, "general", 4200000021)


# 2.15 links, 2.16 ports


def test_every_device_has_a_cable_to_the_out_of_band_switch(netris):
    rows = netris.get("/api/v2/link")

    assert {row["remote"]["name"] for row in rows if row["local"]["name"].endswith("@OOB-1")} >= {
        "eth0@Spine-1",
        "eth0@SoftGate-4",
        "eth0@Server-1",
    }
    assert len(rows) == 4 + 8 + 8 + 12


def test_a_link_lives_and_dies(netris):
    body = {"local": {"name": "swp20@Leaf-1"}, "remote": {"name": "eth3@Server-2"}, "underlay": "disabled"}
    number = netris.post("/api/v2/link", **body)["id"]

    assert netris.get(f"/api/v2/link/{number}")["underlay"] == "disabled"
    netris.put(f"/api/v2/link/{number}", underlay="enabled")
    assert netris.get(f"/api/v2/link/{number}")["underlay"] == "enabled"
    assert "local" in netris.refused(400, "POST", "/api/v2/link", body)["errors"]
    netris.delete(f"/api/v2/link/{number}")
    netris.refused(404, "GET", f"/api/v2/link/{number}")


def test_ports_come_in_pages(netris):
    whole = netris.get("/api/v2/ports")
    pages = [netris.get("/api/v2/ports", limit=50, page=page) for page in range(1, 6)]

    assert [row["id"] for page in pages for row in page] == [row["id"] for row in whole]
    assert [len(page) for page in pages][:3] == [50, 50, 50]
    assert len(pages[-1]) < 50


def test_ports_can_be_filtered_and_sorted(netris):
    rows = netris.get(
        "/api/v2/ports", filterSwitchName="leaf-1", sortBy="name", order="desc", **{"filterStatus[]": "up"}
    )

    names = [row["name"] for row in rows]
    assert names == sorted(names, reverse=True)
    assert {row["switchName"] for row in rows} == {"Leaf-1"}
    assert "swp1@Leaf-1" in names
    assert "swp20@Leaf-1" not in names


def test_a_port_can_be_shut(netris):
    number = netris.port("swp31@Leaf-1")["id"]
    body = {"tenant": TENANT, "mtu": 9000, "autoNeg": "off", "speed": "auto", "duplex": "full", "adminDown": "yes"}

    netris.put(f"/api/v2/ports/{number}", **body, description="shut")

    row = netris.get(f"/api/v2/ports/{number}")
    assert (row["adminDown"], row["status"]["value"], row["description"], row["mtu"]) == ("yes", "down", "shut", 9000)
    assert netris.port("swp1@Spine-1")["status"]["value"] == "down"  # the other end sees it
    netris.call("PUT", "/api/v2/ports", {"ports": [{"id": number, **body, "adminDown": "no"}]})
    assert netris.port("swp1@Spine-1")["bgp"]["state"] == "Active"
    netris.wait(25)
    assert netris.port("swp1@Spine-1")["bgp"] | {"prefix": ""} == {
        "state": "Established",
        "prefix": "",
        "time": "00:00:05",
    }
    netris.refused(400, "PUT", f"/api/v2/ports/{number}", body | {"mtu": 60})


def test_a_free_port_is_down_until_it_carries_a_service(netris):
    assert netris.port("swp20@Leaf-1")["status"]["value"] == "down"
    made = netris.post("/api/v2/ebgp", **direct_connect(netris.port("swp20@Leaf-1")["id"], SYSTEM))
    row = netris.port("swp20@Leaf-1")
    assert (row["status"]["value"], row["inUse"]) == ("up", True)

    netris.order("change", table="port", id=row["id"], fields={"carrier": False})

    assert netris.port("swp20@Leaf-1")["status"]["value"] == "down"
    assert netris.session(made["id"])["port_status"] == "DOWN"


# 3: one model behind all signals


def checks(netris, device, name):
    (row,) = [row for row in netris.get("/api/v2/dashboard/hardware-health") if row["name"] == device]
    return [check for check in row["checks"] if check["check_name"] == name]


def check(netris, device, name):
    return checks(netris, device, name)[0]


def test_a_healthy_site_has_no_alarms(netris):
    assert netris.get("/api/v2/dashboard/hardware-alarms") == []
    checks = {check["check_name"] for check in netris.get("/api/v2/dashboard/hardware-health")[2]["checks"]}
    assert checks == {
        "check_disk", "check_memory", "check_load", "check_fan", "check_psu", "check_temp", "check_ratio",
        "health_monitoring", "sys_service", "xc_service", "xc_timesync", "check_bgp_underlay", "check_topology",
        "check_port", "check_bgp",
    }  # fmt: skip
    row = netris.device("Leaf-1")
    assert row["health"] == {"critical": 0, "ok": len(row["hardwareHealth"]), "unknown": 0, "warning": 0}
    assert all(beat["healthMonitoring"]["port_status"] == "ok" for beat in _heartbeats(netris).values())


def _heartbeats(netris):
    return {row["name"]: row for row in netris.get("/api/v2/dashboard/agent-heartbeats")}


def test_a_killed_leaf_shows_everywhere(netris):
    netris.order("devices/Leaf-1/kill")
    netris.wait(120)

    row = netris.device("Leaf-1")
    assert row["status"] == "critical"
    assert netris.app.clock.now() * 1000 - row["lastSeen"] > 120_000
    assert (row["health"]["critical"], row["health"]["ok"]) == (1, 0)
    assert check(netris, "Leaf-1", "health_monitoring")["status"] == "critical"
    assert check(netris, "Leaf-1", "check_disk")["status"] == "unknown"
    assert _heartbeats(netris)["Leaf-1"]["healthMonitoring"]["port_status"] != "ok"
    assert netris.port("swp1@Spine-1")["status"]["value"] == "down"
    assert netris.port("swp1@Spine-1")["bgp"]["state"] == "Active"
    assert netris.port("swp2@Spine-1")["status"]["value"] == "up"
    underlay = check(netris, "Spine-1", "check_bgp_underlay")
    assert (underlay["status"], underlay["message"]) == ("critical", "missing loopbacks: Leaf-1 (10.0.1.3)")
    states = {row["name"]: row["bgp_state"] for row in netris.get("/api/v2/ebgp")}
    assert {states[f"ISP-1-SoftGate-{n}"] for n in (1, 2, 3, 4)} == {"Active"}  # their cable is on Leaf-1
    assert {states[f"ISP-2-SoftGate-{n}"] for n in (1, 2, 3, 4)} == {"Established"}
    assert check(netris, "SoftGate-1", "check_bgp")["status"] == "critical"


def pull(netris, *ports, carrier=False):
    for name in ports:
        netris.order("change", table="port", id=netris.port(name)["id"], fields={"carrier": carrier})


def states(netris, device):
    return {row["bgp_state"] for row in netris.get("/api/v2/ebgp") if row["term_sw_name"] == device}


def test_a_session_begins_anew_when_its_cable_is_back(netris):
    pull(netris, "swp29@Leaf-1")
    netris.wait(60)
    assert (netris.session(1)["bgp_state"], netris.session(1)["port_status"]) == ("Active", "DOWN")

    pull(netris, "swp29@Leaf-1", carrier=None)

    assert (netris.session(1)["bgp_state"], netris.session(1)["port_status"]) == ("Active", "UP")
    netris.wait(60)
    row = netris.session(1)
    assert row["bgp_state"] == "Established"
    assert row["bgp_uptime"] <= "00:00:30"
    assert netris.session(5)["bgp_uptime"] > "720:00:00"  # on the other leaf


def test_a_softgate_that_the_fabric_does_not_reach_does_nothing(netris):
    pull(netris, "swp1@SoftGate-1")
    assert states(netris, "SoftGate-1") == {"Established"}  # over the other cable
    pull(netris, "swp9@Leaf-2")

    assert states(netris, "SoftGate-1") == {"Active"}
    assert states(netris, "SoftGate-2") == {"Established"}
    assert check(netris, "Leaf-1", "check_bgp_underlay")["message"] == "missing loopbacks: SoftGate-1 (10.0.4.1)"
    assert "Leaf-1 (10.0.1.3)" in check(netris, "SoftGate-1", "check_bgp_underlay")["message"]
    assert netris.device("SoftGate-1")["status"] == "ok"  # its agent has a cable of its own
    netris.wait(100)

    pull(netris, "swp1@SoftGate-1", carrier=None)
    assert states(netris, "SoftGate-1") == {"Active"}
    netris.wait(60)
    assert states(netris, "SoftGate-1") == {"Established"}
    assert netris.session(1)["bgp_uptime"] <= "00:00:30"
    pull(netris, "swp9@Leaf-2", carrier=None)
    assert states(netris, "SoftGate-1") == {"Established"}  # a second cable disturbs nobody
    assert check(netris, "Leaf-1", "check_bgp_underlay")["status"] == "ok"


def test_a_cable_out_of_two_is_no_break(netris):
    """One after the other: at no time were both dark."""
    for name in ("swp1@SoftGate-1", "swp2@SoftGate-1"):
        pull(netris, name)
        netris.wait(20)
        pull(netris, name, carrier=None)
        netris.wait(20)

    assert netris.session(1)["bgp_uptime"] > "720:00:00"


def test_a_session_lives_and_dies_with_its_vnet(netris):
    vpc = netris.vpc()
    netris.subnet("s", "10.1.1.0/24", vpc)
    ports = [{"name": f"swp{number}@Leaf-1", "vlan": 50} for number in (21, 22)]
    vnet = netris.vnet("n", vpc, "10.1.1.1/24", ports=ports)
    body = direct_connect(0, vpc) | {"hardware": {"id": "auto"}, "port": None, "vnet": {"id": vnet}, "vlan": 0}
    body |= {"localIP": "10.1.1.1", "remoteIP": "10.1.1.9", "prefixLength": 24}
    number = netris.post("/api/v2/ebgp", **body)["id"]
    pull(netris, "swp21@Leaf-1", "swp22@Leaf-1", carrier=True)
    netris.wait(61)
    assert netris.session(number)["bgp_state"] == "Established"

    netris.put(f"/api/v2/vnet/{vnet}", name="n", state="disabled")
    assert netris.session(number)["bgp_state"] == "Active"
    netris.put(f"/api/v2/vnet/{vnet}", name="n", state="active")
    assert netris.session(number)["bgp_state"] == "Active"
    netris.wait(61)
    assert netris.session(number)["bgp_state"] == "Established"
    pull(netris, "swp21@Leaf-1")
    assert netris.session(number)["bgp_state"] == "Established"
    pull(netris, "swp22@Leaf-1")
    assert netris.session(number)["bgp_state"] == "Idle"  # no cable is left


def test_a_device_s_address_is_its_own(netris):
    body = {"name": "twin", "site": SITE, "tenant": TENANT, "portCount": 2, "mainAddress": "10.0.1.3"}
    assert "mainAddress" in netris.refused(400, "POST", "/api/v2/hw/server", body)["errors"]
    twin = netris.post("/api/v2/hw/server", **body | {"mainAddress": "10.0.9.9"})["id"]

    netris.put(f"/api/v2/hw/server/{twin}", name="twin", mainAddress="10.0.9.9")
    netris.refused(400, "PUT", f"/api/v2/hw/server/{twin}", {"name": "twin", "mgmtAddress": "10.0.1.4"})


def test_ports_are_sorted_by_number(netris):
    numbers = [row["id"] for row in netris.get("/api/v2/ports", sortBy="id", limit=120)]
    assert numbers == sorted(numbers)


def test_a_revived_device_comes_back_step_by_step(netris):
    netris.order("devices/SoftGate-1/kill")
    netris.wait(600)
    assert netris.session(1)["bgp_state"] == "Active"

    netris.order("devices/SoftGate-1/revive")

    row = netris.device("SoftGate-1")
    assert (row["status"], row["uptime"]) == ("ok", "0d 00:00:00")
    assert netris.port("swp9@Leaf-1")["status"]["value"] == "up"
    assert netris.session(1)["bgp_state"] == "Active"
    netris.wait(61)
    assert netris.session(1)["bgp_state"] == "Established"


# 2.3 ledgers


def test_the_ledgers_name_who_holds_what(netris):
    addresses = {row["host"]["address"]: row for row in netris.get("/api/v2/reservation/ip", filterByType="nat")}
    assert addresses["203.0.113.32"]["host"]["subnet"]["purpose"] == "nat"
    assert {row["consumer"]["type"] for row in netris.get("/api/v2/reservation/vlan", filterBySite=1)} == {
        "vrf",
        "vnet",
    }
    assert [row["vxlan"] for row in netris.get("/api/v2/reservation/vxlan")] == [1, 10, 11, 12, 13]
