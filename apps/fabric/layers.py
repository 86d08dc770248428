"""Where things go in a layered drawing: folding, lanes, and an order within each lane that crosses few lines.

Deterministic: devices begin in natural order of their names ("leaf-2" before "leaf-10"), each sweep sorts a lane by the
mean position of its neighbours (barycentre) with ties left as they are, and the first of the best orders wins.
"""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

ROLES = {
    "isp": "ISP router",
    "softgate": "SoftGate",
    "spine": "Spine",
    "leaf": "Leaf",
    "server": "Server",
    "hypervisor": "Hypervisor",
    "oob": "OOB switch",
    "other": "Device",
}
#: As in the diagram of the CloudStack guide: all that is no spine hangs on the leaves, the internet too.
LANES = (("isp",), ("spine",), ("leaf",), ("softgate",), ("server", "hypervisor", "other"))
LANE_NAMES = ("INTERNET", "SPINES", "LEAVES", "SOFTGATES", "SERVERS AND HYPERVISORS")
FOLDABLE = frozenset({"server", "hypervisor", "other"})
#: From worst to best; what a group of devices shows is the worst that it holds.
DEVICE_STATUSES = ("critical", "warning", "stale", "unknown", "maintenance", "ok")
LINK_STATUSES = ("down", "warning", "unknown", "up")
SWEEPS = 12


@dataclass(frozen=True)
class Device:
    id: str
    name: str
    role: str
    status: str
    #: Short facts under the name: a loopback address, a software version.
    lines: Sequence[str] = ()
    url: str | None = None
    #: What is wrong with it is another device's doing: it is drawn weaker than what is wrong by itself.
    is_due: bool = False


@dataclass(frozen=True)
class Link:
    a: str
    b: str
    a_port: str = ""
    b_port: str = ""
    underlay: bool = True
    #: up, down, warning or unknown
    status: str = "up"
    is_due: bool = False


@dataclass(frozen=True)
class Session:
    """Who speaks BGP with a router of the internet, whatever cables it goes over: drawn over them, in strokes."""

    router: str
    device: str
    #: up, down, warning or unknown
    status: str = "up"
    is_due: bool = False


@dataclass(frozen=True)
class Topology:
    devices: Sequence[Device]
    #: Cables.
    links: Sequence[Link]
    sessions: Sequence[Session] = ()
    title: str = "Fabric topology"
    #: With more devices than this, servers and hypervisors behind the same leaves are drawn as one.
    fold_above: int = 200


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sorting key under which numbers count as numbers."""
    parts = re.findall(r"\d+|\D+", name.lower())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def fold(fabric: Topology) -> Topology:
    """The same fabric with hosts behind the same leaves drawn as one, when it is too big to draw each."""
    if len(fabric.devices) <= fabric.fold_above:
        return fabric
    roles = {device.id: device.role for device in fabric.devices}
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    for link in fabric.links:
        for one, other in ((link.a, link.b), (link.b, link.a)):
            if roles.get(other, "oob") != "oob":
                neighbours[one].add(other)
    groups: defaultdict[tuple[str, tuple[str, ...]], list[Device]] = defaultdict(list)
    for device in fabric.devices:
        if device.role in FOLDABLE:
            groups[device.role, tuple(sorted(neighbours[device.id], key=natural))].append(device)
    names = {device.id: device.name for device in fabric.devices}
    group_of: dict[str, str] = {}
    folded = [device for device in fabric.devices if device.role not in FOLDABLE]
    for (role, leaves), members in sorted(groups.items(), key=lambda item: (natural(" ".join(item[0][1])), item[0][0])):
        if len(members) == 1:
            folded.append(members[0])
            continue
        key = f"group-{role}-{'-'.join(leaves)}"
        group_of.update({member.id: key for member in members})
        folded.append(_group(key, role, [names[leaf] for leaf in leaves], members))
    return replace(fabric, devices=folded, links=_merge(fabric.links, group_of))


def _group(key: str, role: str, leaves: Sequence[str], members: Sequence[Device]) -> Device:
    counts = Counter(member.status for member in members)
    status = next((status for status in DEVICE_STATUSES if counts[status]), "unknown")
    not_ok = [f"{counts[status]} {status}" for status in DEVICE_STATUSES[:-1] if counts[status]]
    behind = f"{leaves[0]} … {leaves[-1]}" if len(leaves) > 2 else ", ".join(leaves) or "no leaf"
    health = ", ".join(not_ok[:2]) or "all OK"
    is_due = all(member.is_due for member in members if member.status == status)
    lines = (f"at {behind}", health)
    return Device(key, f"{len(members)} {ROLES.get(role, 'Device').lower()}s", role, status, lines, is_due=is_due)


def _merge(links: Iterable[Link], group_of: Mapping[str, str]) -> list[Link]:
    kept: list[Link] = []
    merged: defaultdict[tuple[str, str], list[Link]] = defaultdict(list)
    for link in links:
        a, b = group_of.get(link.a, link.a), group_of.get(link.b, link.b)
        if (a, b) == (link.a, link.b):
            kept.append(link)
        elif a != b:
            merged[min(a, b), max(a, b)].append(link)
    for (a, b), members in merged.items():
        status = min((member.status for member in members), key=_badness)
        words = f"{len(members)} ports"
        underlay = any(member.underlay for member in members)
        is_due = all(member.is_due for member in members if member.status == status)
        kept.append(Link(a, b, words if a in group_of.values() else "", "", underlay, status, is_due=is_due))
    return kept


def _badness(status: str) -> int:
    return LINK_STATUSES.index(status) if status in LINK_STATUSES else LINK_STATUSES.index("unknown")


def lanes_of(devices: Iterable[Device], links: Iterable[Link]) -> list[list[Device]]:
    """The devices of each lane, from left to right."""
    lanes: list[list[Device]] = [[] for _ in LANES]
    lane_of: dict[str, int] = {}
    for device in sorted(devices, key=lambda device: (natural(device.name), device.id)):
        lane_of[device.id] = next((at for at, roles in enumerate(LANES) if device.role in roles), len(LANES) - 1)
        lanes[lane_of[device.id]].append(device)
    edges = [(link.a, link.b) for link in links if link.a in lane_of and link.b in lane_of]
    return _least_crossed(lanes, lane_of, edges)


def _least_crossed(
    lanes: list[list[Device]], lane_of: Mapping[str, int], edges: Sequence[tuple[str, str]]
) -> list[list[Device]]:
    above: defaultdict[str, list[str]] = defaultdict(list)
    below: defaultdict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        upper, lower = (a, b) if lane_of[a] < lane_of[b] else (b, a)
        if lane_of[a] != lane_of[b]:
            below[upper].append(lower)
            above[lower].append(upper)
    best = [list(lane) for lane in lanes]
    fewest = crossings(best, edges)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        # Down first, each lane after the one above: leaves keep their natural order where nothing speaks against it.
        order, neighbours = (reversed(lanes), below) if sweep % 2 else (iter(lanes), above)
        for lane in order:
            place = _places(lanes)
            lane.sort(key=lambda one: _barycentre(one, neighbours, place))
        count = crossings(lanes, edges)
        if count < fewest:
            best, fewest = [list(lane) for lane in lanes], count
    return best


def _places(lanes: Sequence[Sequence[Device]]) -> dict[str, float]:
    return {one.id: (index + 0.5) / len(lane) for lane in lanes for index, one in enumerate(lane)}


def _barycentre(one: Device, neighbours: Mapping[str, list[str]], place: Mapping[str, float]) -> float:
    beside = neighbours.get(one.id)
    return round(sum(place[other] for other in beside) / len(beside), 6) if beside else place[one.id]


def crossings(lanes: Sequence[Sequence[Device]], edges: Iterable[tuple[str, str]]) -> int:
    """How often lines between the same two lanes cross each other."""
    spot = {one.id: (lane, index) for lane, devices in enumerate(lanes) for index, one in enumerate(devices)}
    between: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for a, b in edges:
        (upper, x1), (lower, x2) = sorted((spot[a], spot[b]))
        if upper != lower:
            between[upper, lower].append((x1, x2))
    count = 0
    for lines in between.values():
        seen: list[int] = []
        for _, end in sorted(lines):
            count += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return count
