"""Sites of any size: the generator, and lists that take their time (peers.md 5)."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from sandbox.generator import Size
from tests.sandbox.cloudstack.client import root_of
from tests.sandbox.controller import Controller, netris_of
from tests.sandbox.generated import world_of


@pytest.fixture(scope="module")
def world():
    """To be looked at only."""
    return world_of("leaves=30,softgates=6,hypervisors=40,vpcs=2")


# the fabric


def test_a_fabric_is_drawn_and_every_cable_of_it_is_up(world):
    netris = netris_of(world)
    devices = netris("/api/v2/hw")
    roles = Counter(row.get("swRole") or row.get("sgRole") or row.get("srvRole") for row in devices)

    assert (roles["leaf"], roles["spine"], roles["super-spine"], roles["hyperv_cs"]) == (30, 4, 4, 40)
    assert sum(row["type"] == "softgate" for row in devices) == 6
    assert {row["status"] for row in devices} == {"ok"}
    assert netris("/api/v2/dashboard/hardware-alarms") == []
    cabled = [row for row in netris("/api/v2/ports") if row["inUse"]]
    assert {row["status"]["value"] for row in cabled} == {"up"}
    assert {row["bgp_state"] for row in netris("/api/v2/ebgp")} == {"Established"}
    assert len(netris("/api/v2/ebgp")) == 2 * (6 + 2)  # SoftGates, and the leaves with its cable


def test_every_hypervisor_of_the_fabric_is_a_host_of_the_zone(world):
    servers = {row["name"] for row in netris_of(world)("/api/v2/hw") if row.get("srvRole") == "hyperv_cs"}
    hosts = {row["name"] for row in root_of(world).list("listHosts", type="Routing", pagesize=500, page=1)}

    assert servers == hosts


@pytest.mark.parametrize(
    "text", ["leaves=1", "leaves=9999", "vpcs=-1", "vpcs=x", "cows=3", "vpcs", "tiers=4", "leaves=4,hypervisors=99"]
)
def test_sizes_that_make_no_sense_are_refused(text):
    with pytest.raises(ValueError, match=text.rpartition(",")[2].partition("=")[0]):
        Size.parse(text)


# the tenants


def test_a_generated_site_survives_a_restart_and_is_not_filled_twice(tmp_path):
    text = "leaves=4,vpcs=5"
    before = world_of(text, tmp_path)
    shown = [netris_of(before)(path) for path in ("/api/v2/vpc", "/api/v2/nat", "/api/v2/link")]
    before.close()

    after = world_of(text, tmp_path)

    assert [netris_of(after)(path) for path in ("/api/v2/vpc", "/api/v2/nat", "/api/v2/link")] == shown
    assert len(root_of(after).list("listVPCs", listall="true")) == 5
    after.close()


def test_more_vpcs_than_vlans():
    """A site has 4,093 VLANs; VPCs that find none left have none (2.1), and work."""
    world = world_of("vpcs=3700,rules=0,forwards=0")
    netris = netris_of(world)

    rows = netris("/api/v2/vpc")

    assert len(rows) == 3701
    assert 0 < sum(not row["vlans"] for row in rows) < 1000
    assert len({row["vni"] for row in rows}) == 3701
    assert root_of(world).vpc("one-more")["state"] == "Enabled"


def test_a_thousand_leaves_and_their_lists_are_there_in_seconds():
    started = time.monotonic()
    world = world_of("leaves=1000,softgates=16,hypervisors=2000,vpcs=500,tiers=1")
    netris = netris_of(world)

    assert len(netris("/api/v2/link")) > 6000
    assert len(netris("/api/v2/hw")) > 3000
    assert len(netris("/api/v2/ports", limit=100, page=3)) == 100
    assert len(netris("/api/v2/vpc")) == 501
    assert time.monotonic() - started < 60


# the pace of lists


@pytest.fixture
def netris():
    return Controller()


def timed(ask):
    started = time.monotonic()
    ask()
    return time.monotonic() - started


def test_lists_take_their_time_for_each_object_in_them(netris):
    netris.order("pace", seconds=0.05, call="GET /api/v2/hw")

    assert timed(lambda: netris.get("/api/v2/hw")) >= 13 * 0.05
    assert timed(lambda: netris.get("/api/v2/nat")) < 0.3
    netris.order("pace", seconds=0.1)
    assert timed(lambda: netris.get("/api/v2/nat")) >= 0.3
    assert timed(lambda: netris.get("/api/v2/nat/1")) < 0.1
    assert netris.http.get("/_sandbox/pace").json() == {"GET /api/v2/hw": 0.05, "*": 0.1}
    assert netris.http.delete("/_sandbox/pace").json() == {}
    assert timed(lambda: netris.get("/api/v2/nat")) < 0.1
    netris.order("pace", as_reported=True)
    assert netris.app.pace.of("GET /api/v2/nat", 16_666) == pytest.approx(5.07, abs=0.01)


def test_a_slow_list_does_not_hold_up_the_others(netris):
    netris.order("pace", seconds=0.2, call="GET /api/v2/hw")
    slow = threading.Thread(target=lambda: netris.get("/api/v2/hw"))
    slow.start()
    time.sleep(0.1)

    assert timed(lambda: netris.get("/api/v2/vpc")) < 1
    assert slow.is_alive()
    slow.join()


@pytest.mark.parametrize(
    "order", [{}, [], {"seconds": "x"}, {"seconds": -1}, {"seconds": True}, {"seconds": 1, "call": 5}]
)
def test_paces_that_make_no_sense_are_refused(netris, order):
    assert netris.http.post("/_sandbox/pace", json=order).status_code == 400
