"""What of a fabric is drawn as one, and what a box says of what is in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.fabric.folds import FITS, MOST_HOSTS, Fold, folded, folds_of, open_ones
from apps.fabric.layers import Device, Link, Session, Topology, with_super_spines

PODS, LEAVES, HOSTS = 3, 8, 6


def a_fabric(*, pods: int = PODS, hosts: int = HOSTS) -> Topology:
    """Pods of two spines and eight leaves each, with `hosts` on each pair of leaves; SoftGates and routers on the first
    pair; everything on out-of-band switches."""
    devices = [Device("isp", "ISP-1", "isp", "ok"), Device("top", "Super-Spine-1", "spine", "ok")]
    links = [Link("isp", "l1"), Link("isp", "l2")]
    for pod in range(pods):
        spines = [f"s{2 * pod + n}" for n in (1, 2)]
        leaves = [f"l{LEAVES * pod + n}" for n in range(1, LEAVES + 1)]
        devices += [Device(one, f"Spine-{one[1:]}", "spine", "ok") for one in spines]
        devices += [Device(one, f"Leaf-{one[1:]}", "leaf", "ok") for one in leaves]
        links += [Link("top", spine) for spine in spines]
        links += [Link(spine, leaf) for spine in spines for leaf in leaves]
        for pair in range(LEAVES // 2):
            for host in range(hosts):
                id_ = f"h{pod}-{pair}-{host}"
                devices.append(Device(id_, f"Server-{id_}", "hypervisor", "ok"))
                links += [Link(leaves[2 * pair + n], id_) for n in (0, 1)]
    devices += [Device(f"g{n}", f"SoftGate-{n}", "softgate", "ok") for n in (1, 2)]
    links += [Link(f"g{n}", leaf) for n in (1, 2) for leaf in ("l1", "l2")]
    devices += [Device(f"oob{n}", f"OOB-{n}", "oob", "ok") for n in (1, 2)]
    links += [Link("oob1", device.id, underlay=False) for device in devices if device.role not in ("isp", "oob")]
    sessions = [Session("isp", device) for device in ("g1", "g2", "l1", "l2")]
    return with_super_spines(Topology(devices, links, sessions))


FABRIC = a_fabric()
FOLDS = folds_of(FABRIC)


def drawn(*opened: str, fabric: Topology = FABRIC) -> Topology:
    return folded(fabric, folds_of(fabric), opened)


def names(topology: Topology, role: str) -> list[str]:
    return [one.name for one in topology.devices if one.role == role]


def box(topology: Topology, id_: str) -> Device:
    return next(one for one in topology.devices if one.id == id_)


def line(topology: Topology, *ends: str) -> Link:
    return next(link for link in topology.links if {link.a, link.b} == set(ends))


def changed(fabric: Topology, **statuses: str) -> Topology:
    devices = [replace(one, status=statuses.get(one.id, one.status)) for one in fabric.devices]
    return replace(fabric, devices=devices)


def test_a_folded_fabric_is_its_pods_and_what_joins_them():
    topology = drawn()

    assert names(topology, "pod") == ["Pod of Spine-1", "Pod of Spine-3", "Pod of Spine-5"]
    assert names(topology, "super-spine") == ["Super-Spine-1"]
    assert names(topology, "softgate") == ["SoftGate-1", "SoftGate-2"]
    assert names(topology, "isp") == ["ISP-1"]
    assert names(topology, "oob") == ["2 OOB switches"]
    assert not {"spine", "leaf", "hypervisor", "rack"} & {one.role for one in topology.devices}
    assert box(topology, "pod-s3").lines == ["2 spines, 8 leaves", "24 hypervisors", "all OK"]
    assert box(topology, "pod-s3").holds == 2 + 8 + 24


def test_everything_of_the_fabric_is_in_one_box_or_drawn():
    for opened in ((), ("pod-s1",), ("pod-s1", "rack-l3"), tuple(fold.id for fold in FOLDS)):
        assert sum(one.holds or 1 for one in drawn(*opened).devices) == len(FABRIC.devices)


def test_a_pod_opens_into_its_spines_and_racks_and_a_rack_into_its_leaves_and_hosts():
    topology = drawn("pod-s3", "rack-l11")

    assert names(topology, "pod") == ["Pod of Spine-1", "Pod of Spine-5"]
    assert names(topology, "spine") == ["Spine-3", "Spine-4"]
    assert names(topology, "rack") == ["Leaf-9, 10", "Leaf-13, 14", "Leaf-15, 16"]
    assert names(topology, "leaf") == ["Leaf-11", "Leaf-12"]
    assert names(topology, "hypervisor") == [f"Server-h1-1-{n}" for n in range(6)]
    # What was open in a pod that is closed is not seen.
    assert names(drawn("rack-l11"), "leaf") == []
    assert [fold.id for fold in open_ones(FOLDS, ("rack-l11",))] == []
    assert [fold.id for fold in open_ones(FOLDS, ("rack-l11", "pod-s3"))] == ["pod-s3", "rack-l11"]


def test_parts_stand_in_the_order_of_the_fabric_where_they_are_opened():
    order = sorted((one for one in drawn("pod-s3").devices if one.role in ("pod", "rack")), key=lambda one: one.place)

    assert [one.id for one in order] == ["pod-s1", "rack-l9", "rack-l11", "rack-l13", "rack-l15", "pod-s5"]


def test_cables_between_the_same_two_are_one_line_that_counts_them():
    topology = drawn("pod-s3")

    assert line(topology, "top", "pod-s1").count == 2
    assert line(topology, "s3", "rack-l9").of == (("up", 2),)
    assert line(topology, "isp", "pod-s1").of == (("up", 2),)
    assert line(topology, "oob", "pod-s1").count == 2 + 8 + 24
    assert len({frozenset((link.a, link.b)) for link in topology.links}) == len(topology.links)
    # Sessions as well: those of the two leaves are one of their pod.
    assert [(one.router, one.device) for one in topology.sessions] == [
        ("isp", "g1"), ("isp", "g2"), ("isp", "pod-s1"),
    ]  # fmt: skip


def test_parallel_cables_are_one_line_also_where_nothing_is_folded():
    topology = folded(Topology([Device("a", "a", "spine", "ok"), Device("b", "b", "leaf", "ok")], [
        Link("a", "b", "swp1", "swp1"), Link("a", "b", "swp2", "swp2", status="down"), Link("b", "a", "swp3", "swp3"),
    ]), [])  # fmt: skip

    [bundle] = topology.links
    assert (bundle.status, bundle.of, bundle.a_port) == ("down", (("down", 1), ("up", 2)), "")


def test_a_box_shows_the_worst_that_is_in_it_and_whose_doing_that_is():
    fabric = changed(FABRIC, **{"h1-1-0": "warning", "l11": "critical", "h1-1-1": "critical"})

    pod = box(drawn(fabric=fabric), "pod-s3")
    assert (pod.status, pod.lines[-1], pod.is_due) == ("critical", "2 critical, 1 warning", False)
    assert box(drawn(fabric=fabric), "pod-s1").status == "ok"
    due = replace(fabric, devices=[replace(one, is_due=one.status != "ok") for one in fabric.devices])
    assert box(drawn(fabric=due), "pod-s3").is_due


def test_a_bundle_is_as_bad_as_its_worst_cable():
    links = [replace(link, status="down") if {link.a, link.b} == {"top", "s3"} else link for link in FABRIC.links]
    bundle = line(drawn(fabric=replace(FABRIC, links=links)), "top", "pod-s3")

    assert (bundle.status, bundle.of) == ("down", (("down", 1), ("up", 1)))


def test_a_cable_in_the_wrong_port_tears_no_pod_and_no_rack_apart():
    """A leaf on a spine of another pod; a host on leaves of two racks is with one of them, and joins them not."""
    wrong = {("l10", "h1-0-0"): ("l1", "h1-0-0"), ("s3", "l9"): ("s1", "l9")}
    links = [replace(link, a=wrong[link.a, link.b][0]) if (link.a, link.b) in wrong else link for link in FABRIC.links]

    found = folds_of(replace(FABRIC, links=links))

    def without_the_host(folds: list[Fold]) -> list[tuple[str, list[str]]]:
        return [(fold.id, sorted({*fold.members} - {"h1-0-0"})) for fold in folds]

    assert without_the_host(found) == without_the_host(FOLDS)
    assert [fold.id for fold in found if "h1-0-0" in fold.members] == ["pod-s1", "rack-l1"]


def test_a_small_fabric_has_no_folds_but_its_out_of_band_plane():
    small = a_fabric(pods=1, hosts=3)

    assert len(small.devices) <= FITS
    assert [fold.id for fold in folds_of(small)] == ["oob"]
    assert names(drawn("oob", fabric=small), "oob") == ["OOB-1", "OOB-2"]


def test_a_fabric_of_one_pod_is_folded_by_racks():
    flat = a_fabric(pods=1, hosts=30)

    assert [fold.kind for fold in folds_of(flat)] == ["rack"] * 4 + ["oob"]
    assert names(drawn(fabric=flat), "spine") == ["Spine-1", "Spine-2"]


@pytest.mark.parametrize("hosts", [MOST_HOSTS, MOST_HOSTS + 1])
def test_a_rack_of_very_many_hosts_opens_without_drawing_each(hosts: int):
    crowded = drawn("rack-l1", "hosts-l1", fabric=a_fabric(pods=1, hosts=hosts))

    assert names(crowded, "leaf") == ["Leaf-1", "Leaf-2"]
    assert len(names(crowded, "hypervisor")) == (hosts if hosts == MOST_HOSTS else 0)
    assert len(names(crowded, "hosts")) == (0 if hosts == MOST_HOSTS else 1)


def test_hosts_that_hang_on_no_leaf_are_one_box():
    loose = [Device(f"x{n}", f"Spare-{n}", "server", "unknown") for n in range(3)]
    fabric = replace(FABRIC, devices=[*FABRIC.devices, *loose])

    assert box(drawn(fabric=fabric), "loose").lines == ["3 servers", "3 unknown"]
    assert set(names(drawn("loose", fabric=fabric), "server")) == {"Spare-0", "Spare-1", "Spare-2"}


def test_folds_are_the_same_in_whatever_order_devices_and_cables_are_listed():
    shuffled = replace(FABRIC, devices=FABRIC.devices[::-1], links=FABRIC.links[::-1])

    assert folds_of(shuffled) == FOLDS
    assert isinstance(FOLDS[0], Fold)
