"""The map in words: what is drawn as rows, in the order of the lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.fabric.layers import LABELS, LANE_NAMES, LINK_STATUSES, Device, Link, Session, Topology, lanes_of, natural
from apps.fabric.topology import words_of_weight


@dataclass(frozen=True)
class Layer:
    name: str
    devices: Sequence[Device]


@dataclass(frozen=True)
class DeviceLine:
    device: Device
    layer: str
    said: str

    @property
    def url(self) -> str:
        """What is folded opens where one is: its address is that of the same page."""
        return self.device.url or ""

    @property
    def role(self) -> str:
        return LABELS.get(self.device.role, "Device")


@dataclass(frozen=True)
class LinkLine:
    """A cable, a bundle of them, or the sessions of a router with a device."""

    link: Link | Session
    a: Device
    b: Device
    a_port: str
    b_port: str
    what: str

    @property
    def status(self) -> str:
        return self.link.status


@dataclass(frozen=True)
class Table:
    devices: Sequence[DeviceLine]
    links: Sequence[LinkLine]


def layers_of(topology: Topology) -> list[Layer]:
    """The lanes from the top, the out-of-band plane last, each in natural order. Empty ones are left out."""
    lanes = lanes_of((one for one in topology.devices if one.role != "oob"), ())
    plane = sorted((one for one in topology.devices if one.role == "oob"), key=lambda one: natural(one.name))
    named = [*zip(LANE_NAMES, lanes, strict=True), ("OUT OF BAND", plane)]
    return [Layer(name.capitalize().replace("gates", "Gates"), devices) for name, devices in named if devices]


def table_of(topology: Topology) -> Table:
    """Links worst first."""
    by_id = {device.id: device for device in topology.devices}
    devices = [
        DeviceLine(device, layer.name, words_of_weight(device, topology.overlay))
        for layer in layers_of(topology)
        for device in layer.devices
    ]
    lines = [
        LinkLine(link, by_id[link.a], by_id[link.b], link.a_port, link.b_port, _what(link))
        for link in topology.links
        if link.a in by_id and link.b in by_id
    ]
    lines += [
        LinkLine(one, by_id[one.router], by_id[one.device], "", "", _sessions(one))
        for one in topology.sessions
        if one.router in by_id and one.device in by_id
    ]
    return Table(
        devices, sorted(lines, key=lambda line: (_badness(line.status), natural(f"{line.a.name} {line.a_port}")))
    )


def _badness(status: str) -> int:
    return LINK_STATUSES.index(status) if status in LINK_STATUSES else LINK_STATUSES.index("unknown")


def _what(link: Link) -> str:
    load = "" if link.load is None else f", {link.load} % utilised"
    if link.count == 1:
        return f"{link.plane.capitalize()}{load}"
    return f"{link.count} cables: {', '.join(f'{count} {status}' for status, count in link.of)}{load}"


def _sessions(session: Session) -> str:
    return "BGP session" if session.total == 1 else f"{session.up} of {session.total} BGP sessions"
