from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from apps.fabric.folds import folded, folds_of
from apps.fabric.layers import LANES, crossings, lanes_of
from apps.fabric.topology import WIDTH, Device, Link, Session, Topology, render_topology
from tests.drawings import assert_inside, assert_sound, assert_titled, parse, words_of


def a_fabric(hosts: int = 3, leaves: int = 2) -> Topology:
    """Two routers, four SoftGates, two spines, leaves in pairs, hosts dealt out to them, one out-of-band switch."""
    devices = [Device(f"isp{n}", f"ISP-{n}", "isp", "ok") for n in (1, 2)]
    devices += [Device(f"sg{n}", f"SoftGate-{n}", "softgate", "ok") for n in range(1, 5)]
    devices += [Device(f"sp{n}", f"Spine-{n}", "spine", "ok") for n in (1, 2)]
    devices += [Device(f"lf{n}", f"Leaf-{n}", "leaf", "ok") for n in range(1, leaves + 1)]
    devices += [Device(f"h{n}", f"Server-{n}", "hypervisor", "ok", ("10.0.8.1",)) for n in range(1, hosts + 1)]
    links = [Link(f"isp{n}", f"lf{m}", "", f"swp{28 + n}", underlay=False) for n in (1, 2) for m in (1, 2)]
    links += [Link(f"sg{m}", f"lf{n}", "eth1", "swp9") for m in range(1, 5) for n in (1, 2)]
    links += [Link(f"sp{m}", f"lf{n}") for m in (1, 2) for n in range(1, leaves + 1)]
    for n in range(1, hosts + 1):
        pair = n * 7 % (leaves // 2)
        links += [Link(f"h{n}", f"lf{2 * pair + 1}"), Link(f"h{n}", f"lf{2 * pair + 2}")]
    links += [Link("oob", device.id, underlay=False) for device in devices if device.role != "isp"]
    speakers = [*(f"sg{m}" for m in range(1, 5)), "lf1", "lf2"]
    sessions = [Session(f"isp{n}", speaker) for n in (1, 2) for speaker in speakers]
    return Topology([*devices, Device("oob", "OOB-1", "oob", "ok")], links, sessions)


DRAWINGS = {
    "no device": render_topology(Topology([], [])),
    "a fabric": render_topology(a_fabric()),
    "a big fabric": render_topology(a_fabric(hosts=300, leaves=16)),
    "a folded fabric": render_topology(folded(BIG := a_fabric(hosts=300, leaves=16), folds_of(BIG))),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_sound_and_says_what_it_is(name):
    assert_sound(DRAWINGS[name])
    assert_titled(DRAWINGS[name])


def test_names_are_escaped():
    hostile = '<script>alert("x")</script>'

    drawn = render_topology(Topology([Device('"><x', hostile, "leaf", "ok", (hostile,), url='"/><y')], []))

    assert "<script" not in drawn
    assert "<x" not in drawn
    assert "<y" not in drawn


def test_the_same_input_gives_the_same_picture():
    assert render_topology(a_fabric()) == render_topology(a_fabric())
    shuffled = a_fabric()
    assert render_topology(replace(shuffled, devices=shuffled.devices[::-1])) == render_topology(shuffled)


def test_every_device_shows_its_name_facts_and_status_in_words():
    words = words_of(render_topology(Topology([Device("1", "Leaf-1", "leaf", "critical", ("10.0.2.1",))], [])))

    assert {"Leaf-1", "10.0.2.1", "Critical", "Leaf"} <= set(words)


def test_layers_stand_in_the_order_of_the_network():
    picture = parse(render_topology(a_fabric()))
    height_of = {
        group.get("data-device"): float(group.findall(".//{*}rect")[0].get("y", 0))
        for group in picture.findall(".//{*}g[@data-device]")
    }

    assert height_of["isp1"] < height_of["sp1"] < height_of["lf1"] < height_of["sg1"] < height_of["h1"]
    assert height_of["h1"] < height_of["oob"]


def test_cables_and_sessions_are_told_apart():
    picture = parse(render_topology(a_fabric()))
    lines = {
        (wire.get("data-a"), wire.get("data-b"), "session" in (wire.find("{*}path").get("class") or ""))
        for wire in picture.findall(".//{*}g[@data-a]")
    }

    assert ("isp1", "lf2", False) in lines
    assert {line for line in lines if line[2]} == {
        (f"isp{n}", device, True) for n in (1, 2) for device in ("sg1", "sg2", "sg3", "sg4", "lf1", "lf2")
    }
    assert not [line for line in lines if line[0].startswith("isp") and line[1].startswith("sg") and not line[2]]
    words = [each.text for each in picture.findall(".//{*}title")]
    assert "BGP session of SoftGate-4 with ISP-2, up" in words


def test_a_line_passes_other_lanes_between_their_devices():
    """Nothing that is not cabled to a device looks as if it were."""
    picture = parse(render_topology(a_fabric()))
    boxes = [
        (float(box.get("x")), float(box.get("y")), float(box.get("height")))
        for box in picture.findall(".//{*}rect")
        if box.get("class") == "topo-box"
    ]

    passed = 0
    for path in picture.iterfind(".//{*}g[@data-a]/{*}path"):
        for x, until in re.findall(r"([\d.]+) [\d.]+V([\d.]+)C", path.get("d", "")):
            passed += 1
            beside = [left for left, top, tall in boxes if top < float(until) < top + tall + 20]
            assert beside
            assert not [left for left in beside if left <= float(x) <= left + WIDTH]
    assert passed == 2 * 2 + 3 * 2 + 2 * 4 * 2 + 2 * 2  # ISP cables, hosts, sessions of SoftGates twice, of leaves


def test_names_are_in_natural_order_where_no_line_speaks_against_it():
    lanes = lanes_of(a_fabric(leaves=12, hosts=0).devices, [])

    assert [device.name for device in lanes[3]] == [f"Leaf-{n}" for n in range(1, 13)]


def test_the_order_crosses_fewer_lines():
    fabric = a_fabric(hosts=40, leaves=12)
    edges = [(link.a, link.b) for link in fabric.links if "oob" not in (link.a, link.b)]

    naive = [[one for one in fabric.devices if one.role in lane] for lane in LANES]
    chosen = lanes_of((one for one in fabric.devices if one.role != "oob"), fabric.links)

    assert crossings(chosen, edges) < crossings(naive, edges)


def test_a_line_between_two_others_crosses_both():
    upper = [Device(f"u{n}", f"u{n}", "spine", "ok") for n in range(3)]
    lower = [Device(f"l{n}", f"l{n}", "leaf", "ok") for n in range(3)]

    assert crossings([upper, lower], [("u0", "l2"), ("u1", "l1"), ("u2", "l0")]) == 3
    assert crossings([upper, lower], [("u0", "l0"), ("u1", "l1"), ("u2", "l2")]) == 0


def test_links_to_nowhere_and_unknown_roles_do_no_harm():
    odd = Topology([Device("1", "Box", "toaster", "singing")], [Link("1", "2"), Link("1", "1")])

    assert {"Box", "Singing"} <= set(words_of(render_topology(odd)))


@pytest.mark.parametrize("hosts", [0, 3, 13, 40, 150, 460])
def test_nothing_is_drawn_outside_the_picture(hosts):
    assert_inside(parse(render_topology(a_fabric(hosts=hosts, leaves=16)))[0])


def test_five_hundred_devices_take_less_than_a_second():
    fabric = a_fabric(hosts=475, leaves=16)
    began = time.perf_counter()

    render_topology(fabric)

    assert len(fabric.devices) == 500
    assert time.perf_counter() - began < 1
