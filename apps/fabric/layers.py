"""Where things go in a layered drawing: lanes, and an order within each lane that crosses few lines.

Deterministic: devices begin in natural order of their names ("leaf-2" before "leaf-10"), each sweep sorts a lane by the
mean position of its neighbours (barycentre) with ties left as they are, and the first of the best orders wins.
"""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from collections import defaultdict
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
#: What else is drawn: spines of spines, and several devices as one (`apps.fabric.folds`).
LABELS = ROLES | {"super-spine": "Super-spine", "pod": "Pod", "rack": "Rack", "hosts": "Hosts", "loose": "Hosts"}
#: As in the diagram of the CloudStack guide: all that is no spine hangs on the leaves, the internet too.
LANES = (
    ("isp",),
    ("super-spine",),
    ("spine",),
    ("leaf", "rack", "pod"),
    ("softgate",),
    ("server", "hypervisor", "other", "hosts", "loose"),
)
LANE_NAMES = ("INTERNET", "SUPER-SPINES", "SPINES", "LEAVES", "SOFTGATES", "SERVERS AND HYPERVISORS")
#: From worst to best; what a group of devices shows is the worst that it holds.
DEVICE_STATUSES = ("critical", "warning", "stale", "unknown", "maintenance", "ok")
LINK_STATUSES = ("down", "warning", "unknown", "up")
SWEEPS = 12


@dataclass(frozen=True)
class Weight:
    """The figure of an overlay: so many `of` so many."""

    count: int
    of: int


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
    #: Where it comes among those of its lane, before its name.
    place: int = 0
    #: How many devices it stands for, when it stands for several, and whether these can be shown.
    holds: int = 0
    opens: bool = False
    #: What an overlay says of it, and whether it is one of those that are meant; None where an overlay means none.
    weight: Weight | None = None
    is_lit: bool | None = None


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
    id: str = ""
    url: str | None = None
    #: underlay, access, management, border
    plane: str = ""
    #: Of what it can carry, in percent, where an overlay tells it.
    load: int | None = None
    #: How many cables of it are in each status, when it is a bundle of several.
    of: Sequence[tuple[str, int]] = ()

    @property
    def count(self) -> int:
        return sum(count for _, count in self.of) or 1


@dataclass(frozen=True)
class Session:
    """Who speaks BGP with a router of the internet, whatever cables it goes over: drawn over them, in strokes."""

    router: str
    device: str
    #: up, down, warning or unknown
    status: str = "up"
    is_due: bool = False
    #: How many sessions the line stands for, and how many of them are up.
    total: int = 1
    up: int = 1


@dataclass(frozen=True)
class Topology:
    devices: Sequence[Device]
    #: Cables.
    links: Sequence[Link]
    sessions: Sequence[Session] = ()
    title: str = "Fabric topology"
    #: What is laid over it (`apps.fabric.overlays`).
    overlay: str = "health"


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sorting key under which numbers count as numbers."""
    parts = re.findall(r"\d+|\D+", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def with_super_spines(fabric: Topology) -> Topology:
    """The same with a role of their own for spines on which spines with leaves hang, and no leaf: they stand higher."""
    roles = {device.id: device.role for device in fabric.devices}
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for link in fabric.links:
        for one, other in ((link.a, link.b), (link.b, link.a)):
            if roles.get(one) == "spine" and roles.get(other) in ("spine", "leaf"):
                beside[one].add(other)
    with_leaves = {spine for spine, others in beside.items() if any(roles[other] == "leaf" for other in others)}
    above = {spine for spine, others in beside.items() if spine not in with_leaves and others & with_leaves}
    if not above:
        return fabric
    devices = [replace(one, role="super-spine") if one.id in above else one for one in fabric.devices]
    return replace(fabric, devices=devices)


def lanes_of(devices: Iterable[Device], links: Iterable[Link]) -> list[list[Device]]:
    """The devices of each lane, from left to right."""
    lanes: list[list[Device]] = [[] for _ in LANES]
    lane_of: dict[str, int] = {}
    for device in sorted(devices, key=lambda device: (device.place, natural(device.name), device.id)):
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
