"""What is said of a virtual interface, layer by layer, and what is never said without a fresh reading."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

import pytest

from apps.directconnect.checks import Layer, Port, Reading, Session, Verdict, VNet, Wanted, checks_of, worst_of

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FRESH = Reading(NOW - timedelta(seconds=20), timedelta(minutes=2), NOW - timedelta(hours=1))
OLD = replace(FRESH, read_at=NOW - timedelta(minutes=3))
BEFORE = replace(FRESH, settled_at=NOW)
AT_WORK = replace(FRESH, settled_at=None)
NEVER = replace(FRESH, read_at=None)
PORT, VNET = Port(FRESH, is_up=True), VNet(FRESH, faults=[])
SESSION = Session(FRESH, is_there=True, state="Established", prefixes=3, uptime="00:12:09")
WANTED = Wanted(
    vlan=1200,
    peer_asn=65010,
    announce=[IPv4Network("10.1.0.0/16")],
    accept=[IPv4Network("10.20.0.0/16")],
    max_prefixes=100,
    has_key=False,
    bfd=False,
    tiers=[IPv4Network("10.1.4.0/24")],
)


def verdicts(port=PORT, vnet=VNET, session=SESSION, wanted=WANTED):
    return {check.layer.value: check.verdict.value for check in checks_of(port, vnet, session, wanted, NOW)}


def check(layer: Layer, **seen):
    given = {"port": PORT, "vnet": VNET, "session": SESSION, "wanted": WANTED} | seen
    return next(each for each in checks_of(**given, now=NOW) if each.layer is layer)


def test_all_is_well():
    found = checks_of(PORT, VNET, SESSION, WANTED, NOW)
    assert [each.verdict for each in found] == [Verdict.OK] * 4
    assert worst_of(found) is None
    assert all(each.read_at == FRESH.read_at and not each.advice for each in found)


@pytest.mark.parametrize(("prefixes", "verdict"), [(3, Verdict.WARNING), (0, Verdict.CRITICAL)])
def test_a_session_that_netris_has_otherwise_is_not_called_well(prefixes, verdict):
    faults = ["it accepts other prefixes", "it announces other prefixes"]
    routes = check(Layer.ROUTES, session=replace(SESSION, prefixes=prefixes, faults=faults))
    assert (routes.verdict, routes.takes, routes.advice) == (verdict, prefixes, "Apply the interface again.")
    assert routes.sentence == "Netris has it otherwise: it accepts other prefixes, it announces other prefixes."


@pytest.mark.parametrize("reading", [OLD, BEFORE, AT_WORK, NEVER])
def test_nothing_is_well_without_a_fresh_reading(reading):
    found = verdicts(replace(PORT, reading=reading), replace(VNET, reading=reading), replace(SESSION, reading=reading))
    assert set(found.values()) == {"unknown"}


@pytest.mark.parametrize("layer", list(Layer))
def test_one_stale_reading_is_said_of_its_own_layer(layer):
    seen = {
        Layer.LIGHT: {"port": replace(PORT, reading=OLD)},
        Layer.VLAN: {"vnet": replace(VNET, reading=OLD)},
        Layer.BGP: {"session": replace(SESSION, reading=OLD)},
        Layer.ROUTES: {"session": replace(SESSION, reading=OLD)},
    }[layer]
    assert check(layer, **seen).verdict is Verdict.UNKNOWN


def test_what_lies_above_waits_for_what_lies_below():
    dark = verdicts(port=replace(PORT, is_up=False), session=replace(SESSION, state="Active", prefixes=0))
    assert dark == {"light": "critical", "vlan": "waiting", "bgp": "waiting", "routes": "waiting"}
    untagged = verdicts(vnet=replace(VNET, faults=["its tag is 12"]))
    assert untagged == {"light": "ok", "vlan": "critical", "bgp": "waiting", "routes": "waiting"}
    assert check(Layer.ROUTES, port=replace(PORT, is_up=False)).sentence == "It waits for light on the port."


def test_a_port_of_which_netris_says_nothing_is_unknown_and_blocks_nothing():
    assert verdicts(port=replace(PORT, is_up=None)) == {"light": "unknown", "vlan": "ok", "bgp": "ok", "routes": "ok"}


@pytest.mark.parametrize(
    ("session", "word"),
    [
        ({"state": "Active", "prefixes": 0}, "does not answer"),
        ({"state": "Connect", "prefixes": 0}, "VLAN is not 1200"),
        ({"state": "OpenSent", "prefixes": 0}, "calls itself 65010"),
        ({"state": "Idle", "prefixes": 0}, "is shut"),
        ({"state": "Idle", "prefixes": 0, "took_last": 95}, "falls at more than 100"),
        ({"state": "Idle", "prefixes": 0, "took_last": 12}, "is shut"),
    ],
)
def test_why_a_session_is_down(session, word):
    found = check(Layer.BGP, session=replace(SESSION, **session))
    assert found.verdict is Verdict.CRITICAL
    assert word in found.advice


def test_a_key_is_spoken_of_as_it_is():
    down = replace(SESSION, state="Active")
    assert "none is set here" in check(Layer.BGP, session=down).advice
    assert "key differs" in check(Layer.BGP, session=down, wanted=replace(WANTED, has_key=True)).advice


@pytest.mark.parametrize("state", ["", "unknown", " Unknown "])
def test_a_session_of_which_netris_says_nothing_is_neither_up_nor_down(state):
    assert check(Layer.BGP, session=replace(SESSION, state=state)).verdict is Verdict.UNKNOWN


def test_a_session_that_takes_nothing_says_what_it_would_take():
    found = check(Layer.ROUTES, session=replace(SESSION, prefixes=0))
    assert found.verdict is Verdict.CRITICAL
    assert "10.20.0.0/16" in found.advice
    assert "0:7" in found.advice


def test_near_the_limit():
    assert check(Layer.ROUTES, session=replace(SESSION, prefixes=89)).verdict is Verdict.OK
    near = check(Layer.ROUTES, session=replace(SESSION, prefixes=90))
    assert near.verdict is Verdict.WARNING
    assert "falls" in near.advice


def test_a_vpc_that_announces_no_tier_is_reached_by_nobody():
    found = check(Layer.ROUTES, wanted=replace(WANTED, tiers=[]))
    assert found.verdict is Verdict.WARNING
    assert "No tier is announced" in found.sentence


def test_what_is_switched_off_is_neither_well_nor_a_fault():
    off = verdicts(session=replace(SESSION, state="", prefixes=0), wanted=replace(WANTED, off="It is suspended."))
    assert off == {"light": "ok", "vlan": "ok", "bgp": "off", "routes": "off"}


def test_what_netris_has_lost_or_has_otherwise_is_applied_again():
    assert check(Layer.VLAN, vnet=replace(VNET, faults=None)).advice == "Apply the interface again."
    assert check(Layer.BGP, session=replace(SESSION, is_there=False)).advice == "Apply the interface again."
