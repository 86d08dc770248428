"""What is asked of the collector, and what its answers mean."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from apps.history import targets
from apps.history.targets import Cable, Node, Reading

NODES = [
    Node("1", "Spine-1", "switch"),
    Node("2", "Leaf-1", "switch"),
    Node("3", "Leaf-2", "switch"),
    Node("4", "Gate-1", "softgate"),
    Node("5", "Server-1", "server"),
]
CABLES = [
    Cable("swp1@Spine-1", "swp9@Leaf-1", True),
    Cable("swp9@Leaf-2", "swp2@Spine-1", True),
    Cable("swp3@Spine-1", "ens1@Gate-1", True),
    Cable("swp1@Leaf-1", "eth1@Server-1", False),
]


def test_ports_are_the_borders_first_then_one_end_of_each_cable_then_the_others(monkeypatch):
    everything = targets.chosen_ports(NODES, CABLES, ["swp30@Leaf-1"])
    assert everything == {
        "Leaf-1": ["swp1", "swp30", "swp9"],
        "Leaf-2": ["swp9"],
        "Gate-1": ["ens1"],
        "Spine-1": ["swp1", "swp2", "swp3"],
    }
    monkeypatch.setattr(targets, "MOST_PORTS", 4)
    assert targets.chosen_ports(NODES, CABLES, ["swp30@Leaf-1"]) == {
        "Leaf-1": ["swp30", "swp9"],
        "Leaf-2": ["swp9"],
        "Gate-1": ["ens1"],
    }


def test_devices_with_the_same_ports_are_asked_about_together_and_servers_not_at_all():
    wanted = targets.targets(NODES, {"Leaf-1": ["swp9"], "Leaf-2": ["swp9"], "Gate-1": ["ens1"], "Server-1": ["eth1"]})

    assert wanted == [
        "collectd.{Spine-1,Leaf-1,Leaf-2,Gate-1}.cpu-*.cpu-idle",
        "collectd.Gate-1.conntrack.{conntrack,percent-used}",
        "collectd.{Leaf-1,Leaf-2}.interface-swp9.if_{octets,errors}.{rx,tx}",
        "collectd.Gate-1.interface-ens1.if_{octets,errors}.{rx,tx}",
    ]


def test_however_large_the_fabric_each_address_stays_short_and_the_calls_are_few():
    nodes = [Node(str(number), f"DC1-Pod-{number // 16}-Leaf-{number}", "switch") for number in range(376)]
    ports = {node.name: [f"swp{number}" for number in range(1, 33)] for node in nodes}

    calls = list(targets.calls(targets.targets(nodes, ports)))

    asked = [target for call in calls for target in call]
    assert all(len(urlencode([("target", target) for target in call])) <= 1700 for call in calls)
    assert all(any(node.name in target for target in asked if "if_" in target) for node in nodes)
    assert len(calls) <= 30


def test_answers_are_averaged_summed_and_turned_into_bits():
    at = 1772442000
    found = targets.readings(
        [
            ("collectd.Leaf-1.cpu-0.cpu-idle", [(90.0, at)]),
            ("collectd.Leaf-1.cpu-1.cpu-idle", [(70.0, at)]),
            ("collectd.Leaf-1.interface-swp9.if_octets.rx", [(125.0, at)]),
            ("collectd.Leaf-1.interface-swp9.if_errors.rx", [(1.0, at)]),
            ("collectd.Leaf-1.interface-swp9.if_errors.tx", [(2.0, at)]),
            ("collectd.Gate-1.conntrack.percent-used", [(4.5, at)]),
        ],
        NODES,
    )

    moment = datetime.fromtimestamp(at, UTC)
    assert found == [
        Reading("2", "", "cpu", 20.0, moment),
        Reading("2", "swp9", "rx", 1000.0, moment),
        Reading("2", "swp9", "errors", 3.0, moment),
        Reading("4", "", "conntrack-used", 4.5, moment),
    ]


def test_what_is_not_understood_is_left_out():
    odd = ["collectd.Nobody.cpu-0.cpu-idle", "collectd.Leaf-1.cpu-0.cpu-user", "x", "carbon.Leaf-1.cpu-0.cpu-idle"]
    assert targets.readings([(target, [(5.0, 1)]) for target in odd], NODES) == []
    assert targets.readings([("collectd.Leaf-1.cpu-0.cpu-idle", [(123456.0, 1)])], NODES) == []  # counted in jiffies
