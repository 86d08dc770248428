"""What is asked of Netris' collector, and what its answers mean. Told without a database or a remote.

    collectd.<device>.cpu-N.cpu-idle                     percent of one processor, so the rest is busy (unverified: the
                                                         collector may count in jiffies; what is no percent is left out)
    collectd.<device>.conntrack.{conntrack,percent-used}
    collectd.<device>.interface-<port>.if_octets.{rx,tx} bytes per second
    collectd.<device>.interface-<port>.if_errors.{rx,tx} per second

Of ports those are asked for that the fabric stands on, `MOST_PORTS` at most: those to the internet first, then one end
of each cable of the underlay (its leaf's or SoftGate's, which tells both directions), then the other ends, then the
ports that lead to servers. So a fabric of 376 leaves is measured within its interval, and a small one whole.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

MOST_PORTS = 4000
#: Characters of the targets in one address, as they are sent: with the rest it stays below the two thousand that every
#: proxy takes.
LONGEST = 1600
#: Devices of which the collector's own metrics are asked for; of the others their checks tell.
MEASURED = ("switch", "softgate")

_CPU = re.compile(r"cpu-\d+\.cpu-idle")
_PORT = re.compile(r"interface-(.+)\.if_(octets|errors)\.(rx|tx)")
_CONNTRACK = {"conntrack.conntrack": "conntrack", "conntrack.percent-used": "conntrack-used"}


class Node(NamedTuple):
    """A device as the collector knows it."""

    id: str
    name: str
    type: str


class Cable(NamedTuple):
    """Two ports by their full names: swp1@Leaf-1."""

    a: str
    b: str
    is_underlay: bool


class Reading(NamedTuple):
    device_id: str
    part: str
    metric: str
    value: float
    at: datetime


def spelt(name: str) -> str:
    """A dot separates the parts of a target, so it is none of a name (how it is spelt is unverified)."""
    return name.replace(".", "_")


def targets(nodes: Sequence[Node], ports: Mapping[str, Sequence[str]]) -> list[str]:
    """Everything that is asked for. `ports` are those of each device, by its name."""
    measured = [node for node in nodes if node.type in MEASURED]
    gates = [node.name for node in measured if node.type == "softgate"]
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for node in measured:
        if found := ports.get(node.name):
            alike[tuple(found)].append(node.name)
    rates = (
        target
        for some, names in alike.items()
        for few in _portions(some, LONGEST // 3)
        for target in _of(names, f"interface-{_either(few)}.if_{{octets,errors}}.{{rx,tx}}")
    )
    cpu = _of([node.name for node in measured], "cpu-*.cpu-idle")
    return [*cpu, *_of(gates, "conntrack.{conntrack,percent-used}"), *rates]


def calls(wanted: Iterable[str]) -> Iterator[list[str]]:
    """The targets by the calls that ask for them."""
    call: list[str] = []
    for target in wanted:
        if call and _length([*call, target]) > LONGEST:
            yield call
            call = []
        call.append(target)
    if call:
        yield call


def chosen_ports(nodes: Sequence[Node], cables: Iterable[Cable], border: Iterable[str]) -> dict[str, list[str]]:
    """The ports that are measured, by the names of their devices."""
    types = {node.name: node.type for node in nodes}
    underlay = [cable for cable in cables if cable.is_underlay]
    access = [cable for cable in cables if not cable.is_underlay]
    cabled = Counter(_device(port) for cable in underlay for port in (cable.a, cable.b))
    near, far = [], []
    for cable in underlay:
        # A spine has more cables of the underlay than what hangs on it.
        one, other = sorted(
            (cable.a, cable.b), key=lambda port: (types.get(_device(port)) not in MEASURED, cabled[_device(port)], port)
        )
        near.append(one)
        far.append(other)
    hosts = [port for cable in access for port in (cable.a, cable.b)]
    order = [port for port in (*border, *near, *far, *hosts) if types.get(_device(port)) in MEASURED]
    found: defaultdict[str, list[str]] = defaultdict(list)
    for port in list(dict.fromkeys(order))[:MOST_PORTS]:
        name, _, device = port.rpartition("@")
        found[device].append(name)
    return {device: sorted(names) for device, names in found.items()}


def readings(series: Iterable[tuple[str, Iterable[tuple[float, int]]]], nodes: Iterable[Node]) -> list[Reading]:
    """What the answers say, by device, port and metric. Processors are averaged, errors of both directions summed."""
    ids = {spelt(node.name): node.id for node in nodes}
    found: defaultdict[tuple[str, str, str, int], list[float]] = defaultdict(list)
    for target, points in series:
        parts = target.split(".", 2)
        if len(parts) < 3 or parts[0] != "collectd" or parts[1] not in ids:
            continue
        if (meant := _meaning(parts[2])) is not None:
            part, metric, factor = meant
            for value, at in points:
                found[ids[parts[1]], part, metric, at].append(value * factor)
    return [
        Reading(device, part, metric, value, datetime.fromtimestamp(at, UTC))
        for (device, part, metric, at), values in found.items()
        for value in _together(metric, values)
    ]


def _meaning(path: str) -> tuple[str, str, float] | None:
    """The part, the metric, and what makes its unit of the collector's."""
    if _CPU.fullmatch(path):
        return "", "cpu", 1.0
    if path in _CONNTRACK:
        return "", _CONNTRACK[path], 1.0
    if match := _PORT.fullmatch(path):
        port, what, way = match.groups()
        return (port, way, 8.0) if what == "octets" else (port, "errors", 1.0)
    return None


def _together(metric: str, values: Sequence[float]) -> Sequence[float]:
    """The one value that they come to; none where they make no sense."""
    if metric == "cpu":
        return [100 - sum(values) / len(values)] if all(0 <= value <= 100 for value in values) else []
    return [sum(values) if metric == "errors" else values[0]]


def _device(port: str) -> str:
    return port.rpartition("@")[2]


def _of(names: Sequence[str], path: str) -> Iterator[str]:
    for some in _portions([spelt(name) for name in names], LONGEST - _length([f"collectd.{path}"])):
        yield f"collectd.{_either(some)}.{path}"


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{{{','.join(names)}}}"


def _portions(names: Sequence[str], most: int) -> Iterator[list[str]]:
    """As many together as fit into so many characters of an address, one at least."""
    some: list[str] = []
    length = 0
    for name in names:
        if some and length + len(quote(f"{name},")) > most:
            yield some
            some, length = [], 0
        some.append(name)
        length += len(quote(f"{name},", safe=""))
    if some:
        yield some


def _length(wanted: Sequence[str]) -> int:
    return sum(len(quote(target, safe="")) + len("&target=") for target in wanted)
