"""A tenant's router at the far end of a fabric port: a session comes up only when both ends agree (2.10, 3.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.controller import Controller, direct_connect

PORT = "swp20@Leaf-1"
SECRET = "s3cret-of-acme"
SIDE = {"vlan": 1200, "address": "169.254.10.2/30", "asn": 65010, "announces": ["10.20.1.0/24", "10.20.2.0/24"]}


class Site(Controller):
    """A controller with a tenant's V-Net on a port, and a session on its gateway."""

    def __init__(self) -> None:
        super().__init__(session_seconds=1e7)
        self.made: dict[str, tuple[int, int]] = {}

    def link(self, name: str, prefix: str, *, vlan: int = 1200, **more: Any) -> int:
        """A link of one tenant over the port; the number of its session."""
        vpc = self.vpc(name, "10.1.0.0/16")
        self.post("/api/v2/ipam/allocation", name=f"{name}-dc", prefix=prefix, tenant={"id": 1}, vpc=vpc)
        self.subnet(f"{name}-dc", prefix, vpc)
        base = prefix.removesuffix("0/30")
        ports = [{"id": self.port(PORT)["id"], "vlan": str(vlan), "accessMode": False}]
        vnet = self.vnet(f"{name}-dc", vpc, f"{base}1/30", vlan=0, ports=ports)
        body = direct_connect(0, vpc) | {"name": f"{name}-dc", "port": None, "vnet": {"id": vnet}, "vlan": 0}
        body |= {"localIP": f"{base}1", "remoteIP": f"{base}2", "hardware": {"id": self.device("Leaf-1")["id"]}, **more}
        number = int(self.post("/api/v2/ebgp", **body)["id"])
        self.made[name] = vnet, number
        return number

    def router(self, **body: Any) -> None:
        self.order("routers", port=PORT, **body)

    def word(self, name: str = "acme") -> str:
        return str(self.session(self.made[name][1])["bgp_state"])

    def comes_up(self, name: str = "acme") -> None:
        self.wait(61)
        assert self.word(name) == "Established"

    def checks(self, check: str) -> dict[str, str]:
        """The words of Leaf-1's checks, by the object that they name."""
        found = [row for row in self.device("Leaf-1")["hardwareHealth"] if row["check_name"] == check]
        return {row["port"] or row["message"].partition(" ")[0]: row["status"] for row in found}


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def session(site) -> int:
    """Up, with a router that agrees."""
    number = site.link("acme", "169.254.10.0/30", bgpPassword=SECRET, bfd="enabled", prefixListInbound=WIDE)
    site.router(**SIDE, password=SECRET, bfd=True)
    site.comes_up()
    return number


WIDE = "permit 10.20.0.0/16 le 24"


# light


def test_a_port_without_a_cable_is_down_though_a_tenant_s_vnet_is_on_it(site):
    number = site.link("acme", "169.254.10.0/30")
    site.wait(100)

    assert (site.port(PORT)["status"]["value"], site.word()) == ("down", "Idle")
    assert site.checks("check_port")[PORT] == "critical"
    vnet, _ = site.made["acme"]
    assert site.get(f"/api/v2/vnet/{vnet}")["ports"][0]["macCount"] == 0
    assert site.session(number)["bgp_prefixes"] == "0"


def test_the_light_is_seen_before_anything_is_configured(site):
    site.router()
    assert site.port(PORT)["status"]["value"] == "up"
    site.router(light=False)
    assert site.port(PORT)["status"]["value"] == "down"


def test_the_light_takes_the_session_along_and_brings_it_back(site, session):
    site.wait(3600)
    site.router(light=False)
    assert (site.word(), site.port(PORT)["status"]["value"]) == ("Idle", "down")
    site.router(light=True)
    assert site.word() == "Active"
    site.comes_up()
    assert site.session(session)["bgp_uptime"] < "00:01:00"


def test_a_router_that_is_unplugged_is_gone(site, session):
    site.order("routers/unplug", port=PORT)
    assert (site.word(), site.port(PORT)["status"]["value"]) == ("Idle", "down")
    assert site.http.get("/_sandbox/routers").json() == []


def test_traffic_goes_where_there_is_light(site, session):
    def rate() -> Any:
        query = {"from": "-3min", "target": "collectd.Leaf-1.interface-swp20.if_octets.rx"}
        return site.http.post("/api/graphite", params=query).json()[0]["datapoints"][-1][0]

    site.wait(120)
    assert rate() > 0
    site.router(light=False)
    site.wait(180)
    assert rate() == 0


def test_a_port_that_never_had_a_cable_has_no_traffic(site):
    site.link("acme", "169.254.10.0/30")
    site.wait(600)
    query = {"from": "-3min", "target": "collectd.Leaf-1.interface-swp20.if_octets.rx"}
    assert {value for value, _ in site.http.post("/api/graphite", params=query).json()[0]["datapoints"]} == {0}


# the session


def test_a_session_comes_up_word_by_word_when_both_ends_agree(site):
    number = site.link("acme", "169.254.10.0/30")
    site.router(**SIDE)
    seen: list[str] = []
    for _ in range(61):
        if (word := site.word()) not in seen[-1:]:
            seen.append(word)
        site.wait(1)

    assert seen == ["Active", "OpenSent", "OpenConfirm", "Established"]
    row = site.session(number)
    assert (row["bgp_prefixes"], row["port_status"]) == ("2", "")
    assert site.checks("check_bgp")["acme-dc"] == "ok"
    assert site.checks("check_port")[PORT] == "ok"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"address": "169.254.10.1/30"}, "Active"),
        ({"address": "169.254.10.2/31"}, "Active"),
        ({"peer": "169.254.10.3"}, "Active"),
        ({"password": "other"}, "Connect"),
        ({"password": ""}, "Connect"),
        ({"asn": 65011}, "Idle"),
        ({"peer_asn": 65099}, "OpenSent"),
    ],
)
def test_a_session_stays_down_while_the_ends_differ(site, session, change, word):
    site.router(vlan=1200, **change)
    site.wait(100)
    assert (site.word(), site.session(session)["bgp_prefixes"]) == (word, "0")
    assert site.checks("check_bgp")["acme-dc"] == "critical"

    right = {"address": "169.254.10.2/30", "password": SECRET, "asn": 65010, "peer_asn": 65001, "peer": "169.254.10.1"}
    site.router(vlan=1200, **right)
    assert site.word() == "Active"
    site.comes_up()


def test_another_vlan_is_nobody(site):
    site.link("acme", "169.254.10.0/30")
    site.router(**SIDE | {"vlan": 1201})
    site.wait(100)

    assert site.word() == "Active"
    assert site.get(f"/api/v2/vnet/{site.made['acme'][0]}")["ports"][0]["macCount"] == 0
    site.router(**SIDE)
    assert site.get(f"/api/v2/vnet/{site.made['acme'][0]}")["ports"][0]["macCount"] == 1
    site.comes_up()


def test_a_change_on_the_fabric_s_side_breaks_the_session_too(site, session):
    for change in ({"neighborAS": 65011}, {"bgpPassword": "other"}, {"localAsn": "65002", "bgpPassword": SECRET}):
        site.router(vlan=1200, peer_asn=65001)
        site.put(f"/api/v2/ebgp/{session}", **change)
        site.wait(100)
        assert site.word() != "Established"
        site.put(f"/api/v2/ebgp/{session}", neighborAS=65010, bgpPassword=SECRET, localAsn="public-as")
        site.comes_up()


def test_a_vnet_that_gets_another_tag_starts_the_session_over(site, session):
    vnet, _ = site.made["acme"]
    entry = {"id": site.port(PORT)["id"], "accessMode": False}
    site.put(f"/api/v2/vnet/{vnet}", ports=[{**entry, "vlan": "1300"}])
    assert site.word() == "Active"
    site.wait(3600)
    site.put(f"/api/v2/vnet/{vnet}", ports=[{**entry, "vlan": "1200"}])
    assert site.word() == "Active"
    site.comes_up()


def test_a_disabled_vnet_has_no_session(site, session):
    site.put(f"/api/v2/vnet/{site.made['acme'][0]}", state="disabled")
    assert site.word() == "Idle"


def test_a_flap_restarts_the_uptime(site, session):
    site.wait(7200)
    assert site.session(session)["bgp_uptime"] > "02:00:00"
    site.router(vlan=1200, flap=True)
    assert site.word() == "Active"
    site.comes_up()
    assert site.session(session)["bgp_uptime"] < "00:01:00"


@pytest.mark.parametrize(("bfd", "seconds"), [(True, 1), (False, 10)])
def test_silence_is_noticed_by_bfd_or_after_the_hold_time(site, session, bfd, seconds):
    site.router(vlan=1200, bfd=bfd)
    site.router(vlan=1200, silent=True)
    site.wait(seconds - 0.5)
    assert site.word() == "Established"
    site.wait(1)
    assert site.word() == "Active"
    site.wait(3600)
    assert site.word() == "Active"
    site.router(vlan=1200, silent=False)
    site.comes_up()


def test_a_session_on_a_routed_port_meets_the_router_too(site):
    vpc = site.vpc()
    number = site.post("/api/v2/ebgp", **direct_connect(site.port(PORT)["id"], vpc))["id"]
    site.made["acme"] = 0, number
    site.wait(100)
    assert (site.word(), site.session(number)["port_status"]) == ("Idle", "DOWN")
    site.router(**SIDE)
    site.comes_up()
    assert site.session(number)["port_status"] == "UP"


def test_a_dead_switch_has_no_session(site, session):
    site.order("devices/Leaf-1/kill")
    assert site.word() == "Idle"


def test_the_internet_s_routers_behave_as_they_always_did(site):
    rows = site.get("/api/v2/ebgp")
    assert {(row["bgp_state"], row["port_status"]) for row in rows} == {("Established", "UP")}
    site.order("change", table="ebgp", id=rows[0]["id"], fields={"peerState": "Idle"})
    assert site.session(rows[0]["id"])["bgp_state"] == "Idle"


# prefixes


def test_only_what_the_inbound_list_permits_counts(site, session):
    """Outside of the filter, everything, another tier's range, and too long: none gets in."""
    for prefix in ("10.99.0.0/16", "0.0.0.0/0", "10.1.1.0/24", "10.20.3.0/25"):
        site.router(vlan=1200, announces=[prefix])
        assert (site.word(), site.session(session)["bgp_prefixes"]) == ("Established", "0")
        assert site.checks("check_bgp")["acme-dc"] == "warning"
    site.router(vlan=1200, announces=["10.20.3.0/24", "10.99.0.0/16"])
    assert site.session(session)["bgp_prefixes"] == "1"
    site.put(f"/api/v2/ebgp/{session}", prefixListInbound="deny 0.0.0.0/0 le 32")
    assert site.session(session)["bgp_prefixes"] == "0"
    site.put(f"/api/v2/ebgp/{session}", prefixListInbound="deny 10.20.3.0/24\npermit 0.0.0.0/0 le 32")
    assert site.session(session)["bgp_prefixes"] == "1"


def test_above_its_limit_a_session_drops(site, session):
    site.put(f"/api/v2/ebgp/{session}", prefixInboundMax=3)
    four = [f"10.20.{number}.0/24" for number in range(4)]
    site.router(vlan=1200, announces=[*four[:3], "10.99.0.0/16"])
    assert (site.word(), site.session(session)["bgp_prefixes"]) == ("Established", "3")  # the fourth is filtered
    site.router(vlan=1200, announces=four)
    assert (site.word(), site.session(session)["bgp_prefixes"]) == ("Idle", "0")


# two tenants on one port


def test_two_vlans_on_one_port_know_nothing_of_each_other(site, session):
    other = site.link("globex", "169.254.11.0/30", vlan=1300)
    site.router(vlan=1300, address="169.254.11.2/30", asn=65010, announces=["10.20.7.0/24"])
    site.comes_up("globex")
    site.router(vlan=1300, announces=["10.20.7.0/24"], password="wrong")
    site.wait(100)

    assert (site.word("acme"), site.word("globex")) == ("Established", "Connect")
    assert site.session(session)["bgp_prefixes"] == "2"
    site.router(vlan=1300, password="")
    site.comes_up("globex")
    assert site.session(other)["bgp_prefixes"] == "1"
    site.order("routers/unplug", port=PORT, vlan=1300)
    assert (site.word("acme"), site.word("globex")) == ("Established", "Active")
    site.router(light=False)
    assert (site.word("acme"), site.word("globex")) == ("Idle", "Idle")


# orders


def test_a_router_shows_without_its_password(site, session):
    text = site.http.get("/_sandbox/routers").text
    (row,) = json.loads(text)
    assert (row["port"], row["light"], row["sides"][0]["address"]) == (PORT, True, "169.254.10.2/30")
    assert SECRET not in text


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"port": "swp99@Leaf-1"}, "port"),
        ({"port": "swp31@Leaf-1"}, "a cable of the fabric is in"),
        ({"port": PORT, "asn": 65010}, "vlan: is required"),
        ({"port": PORT, "vlan": 1200, "asn": 65010}, "address"),
        ({"port": PORT, "vlan": 1200, "address": "169.254.10.2/30"}, "asn"),
        ({"port": PORT, **SIDE, "announces": ["10.0.0.1/8"]}, "announces"),
        ({"port": PORT, **SIDE, "vlan": 5000}, "vlan|Must be"),
        ({"port": PORT, "light": "yes"}, "light"),
        ({"port": PORT, **SIDE, "colour": "red"}, "colour: is unknown"),
    ],
)
def test_orders_that_make_no_sense_change_nothing(site, order, reason):
    response = site.http.post("/_sandbox/routers", json=order)
    assert response.status_code == 400, response.text
    assert any(part in response.json()["message"] for part in reason.split("|"))
    assert site.http.get("/_sandbox/routers").json() == []


def test_what_is_not_there_is_not_unplugged(site):
    assert site.http.post("/_sandbox/routers/unplug", json={"port": PORT}).status_code == 400
