"""How busy the fabric is at any time: a smooth function of the clock, of what is configured and of what is alive.

Traffic starts at the edge. What a server, a SoftGate or a customer's router sends comes in on the switch port it is
plugged into, and what comes in from below leaves a switch through those of its uplinks that are up. So both ends of a
cable agree, and a dead spine's share shows on the other ones. NAT sessions follow the rules: every general SoftGate
carries all DNAT rules and balancers, each SNAT rule is on one SNAT node. Health checks and time series both read this.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import pi, sin
from typing import NamedTuple
from zlib import crc32

from sandbox.kit.store import Row
from sandbox.netris.state import fabric
from sandbox.netris.state.controller import Controller

CONNTRACK_MAX = 2_097_152  # of a SoftGate with 128 GB of memory; unverified
_SESSIONS_OF_A_RULE = {"SNAT": 300, "DNAT": 60, "BALANCER": 120}
_BYTES_OF_A_SESSION = 1500.0  # each second, in one direction
_RANK = {"leaf": 1, "spine": 2, "super-spine": 3}
_LEAVES_THE_POD = 0.1
_DAY = 86400.0


class Flow(NamedTuple):
    """Bytes per second, as the port sees it."""

    rx: float
    tx: float


NONE = Flow(0.0, 0.0)


@lru_cache(65536)
def _grain(key: str) -> float:
    """A number between 0 and 1 that belongs to the key."""
    return crc32(key.encode()) / 2**32


def wave(key: str, at: float) -> float:
    """Between 0.3 and 1: a day's rise and fall, and a ripple from minute to minute."""
    minute, rest = divmod(at, 60)
    now, next_ = (crc32(f"{key}/{int(minute) + step}".encode()) / 2**32 for step in (0, 1))
    ripple = now + (next_ - now) * rest / 60
    return 0.65 + 0.25 * sin(2 * pi * (at / _DAY + _grain(key))) + 0.2 * (ripple - 0.5)


def was_alive(device: Row | None, at: float) -> bool:
    if device is None or at * 1000 < device["createdDate"]:
        return False
    killed = device["killedAt"]
    return (killed is None or at < killed) and not any(since <= at < until for since, until in device["outages"])


def octets(net: Controller, port: Row, at: float) -> Flow | None:
    """What goes through a port; None when its device reported nothing then."""
    device = net.devices.get(port["hw"])
    if device is None or not device["hasAgent"] or not was_alive(device, at):
        return None
    return _flow(net, port, device, at)


def _flow(net: Controller, port: Row, device: Row, at: float) -> Flow:
    if net.down_ports.covers(port, at):
        return NONE
    if port.get("members"):
        flows = [octets(net, member, at) or NONE for member in fabric.members_of(net, port)]
        return Flow(sum(flow.rx for flow in flows), sum(flow.tx for flow in flows))
    far = fabric.far_end(net, port)
    other = net.devices.get(far["hw"]) if far else None
    if far is None or other is None:
        is_on = fabric.was_plugged(net, port, at) and _is_served(net, port, at)
        return _edge(net, port, None, at) if is_on else NONE
    if net.down_ports.covers(far, at) or not was_alive(other, at) or not was_alive(device, at):
        return NONE
    here, there = _rank(device), _rank(other)
    if here == there or not here or not there or _is_management(port, far):
        faces_edge = (there, port["id"]) < (here, far["id"])  # among equals the older port is the switch's
        rx, tx = _edge(net, port if faces_edge else far, other if faces_edge else device, at)
        return Flow(rx, tx) if faces_edge else Flow(tx, rx)
    up, down = _share(net, device if here < there else other, at)
    return Flow(down, up) if here < there else Flow(up, down)


def _is_served(net: Controller, port: Row, at: float) -> bool:
    """Whether a session or a V-Net that was enabled then goes through a port."""
    service = net.ports.get(fabric.service_port(port))
    if service is None or net.down_ports.covers(service, at):
        return False
    shelves = {"bgp": net.sessions, "vnet": net.vnets}
    owners = net.ledger.owners(("port", service["id"]))
    rows = [row for owner in owners if (row := shelves[owner.kind].get(owner.id))]
    moment = at * 1000
    return any(
        row["createdDate"] <= moment and (row["state"] != "disabled" or moment < row["modifiedDate"]) for row in rows
    )


def _rank(device: Row) -> int:
    """How far up a switch stands; 0 is the edge, and a switch of no particular role stands with the leaves."""
    return _RANK.get(device["swRole"], 1) if device["type"] == "switch" else 0


def _is_management(port: Row, far: Row) -> bool:
    """Whether a cable goes to the management port of a machine, beside the fabric."""
    return "eth0" in (port["shortName"], far["shortName"])


def _edge(net: Controller, port: Row, edge: Row | None, at: float) -> Flow:
    """What a switch port gets from the machine behind it, and sends to it."""
    key = f"port {port['id']}"
    far = fabric.far_end(net, port)
    if far is not None and _is_management(port, far):
        base = 20_000.0
    elif edge is not None and edge["type"] == "softgate":
        base = conntrack(net, edge, at) * _BYTES_OF_A_SESSION / max(1, _uplinks(net, edge, at))
    elif port["speed"] == "auto":
        base = 1e6
    else:
        base = int(port["speed"]) * 125_000 / 4 * (0.01 + 0.05 * _grain(key))
    return Flow(base * wave(f"{key} in", at), base * 1.3 * wave(f"{key} out", at))


def _share(net: Controller, switch: Row, at: float) -> tuple[float, float]:
    """What one uplink of a switch carries up and down."""
    up = down = 0.0
    uplinks = 0
    for port, far, other in _cables(net, switch):
        if not _is_lit(net, port, far, other, at):
            continue
        if _is_management(port, far):
            continue
        if _rank(other) > _rank(switch):
            uplinks += 1
        else:
            flow = _flow(net, port, switch, at)
            up, down = up + flow.rx, down + flow.tx
    stays = _LEAVES_THE_POD if _rank(switch) > 1 else 1.0
    return (up * stays / uplinks, down * stays / uplinks) if uplinks else (0.0, 0.0)


def _uplinks(net: Controller, gate: Row, at: float) -> int:
    """The cables that share the traffic of a SoftGate."""
    return sum(_is_lit(net, *cable, at) for cable in fabric.underlay_neighbours(net, gate))


def _is_lit(net: Controller, port: Row, far: Row, other: Row, at: float) -> bool:
    return not net.down_ports.covers(port, at) and not net.down_ports.covers(far, at) and was_alive(other, at)


def _cables(net: Controller, switch: Row) -> Iterator[tuple[Row, Row, Row]]:
    for port in net.ports.by("hw", switch["id"]):
        far = fabric.far_end(net, port)
        other = net.devices.get(far["hw"]) if far else None
        if far is not None and other is not None:
            yield port, far, other


def utilisation(net: Controller, port: Row, at: float) -> tuple[int, int]:
    """Percent of the port's speed, received and sent."""
    flow = octets(net, port, at) or NONE
    speed = (int(port["speed"]) if port["speed"].isdigit() else 100_000) * 125_000
    return min(100, round(100 * flow.rx / speed)), min(100, round(100 * flow.tx / speed))


def conntrack(net: Controller, gate: Row, at: float) -> float:
    """NAT sessions on a SoftGate. Where nothing is enabled in its site there are none."""
    if not _translates(net, gate, at):
        return 0.0
    site = gate["site"]
    if gate["sgRole"] == "snat":
        gates = [other for other in net.devices.by("type", "softgate") if other["site"] == site]
        peers = sum(other["sgRole"] == "snat" and _translates(net, other, at) for other in gates)
        sessions = _rules(net, site, "SNAT") * _SESSIONS_OF_A_RULE["SNAT"] / peers
    else:
        sessions = _rules(net, site, "DNAT") * _SESSIONS_OF_A_RULE["DNAT"]
        balancers = net.lbs.table.count_by(("site", "status"), (site, "enable"))
        sessions += balancers * _SESSIONS_OF_A_RULE["BALANCER"]
    return float(min(CONNTRACK_MAX, round(sessions * wave(f"conntrack {gate['id']}", at))))


def _translates(net: Controller, gate: Row, at: float) -> bool:
    """Whether a SoftGate was alive then, in reach of the fabric and not in maintenance."""
    return was_alive(gate, at) and not net.maintained.covers(gate, at) and fabric.is_reached(net, gate, at)


def _rules(net: Controller, site: int, action: str) -> int:
    return net.nats.table.count_by(("site", "action", "state"), (site, action, "enabled"))


def busy(device: Row, at: float) -> float:
    """Percent of all processors."""
    return 4 + 8 * _grain(f"cpu {device['id']}") + 24 * wave(f"cpu {device['id']}", at)


def memory(device: Row, at: float) -> float:
    """Percent of the memory."""
    return 25 + 30 * _grain(f"memory {device['id']}") + 6 * wave(f"memory {device['id']}", at)


def cores(device: Row) -> int:
    return {"switch": 4, "softgate": 32, "server": 64}.get(device["type"], 8)


def memory_size(device: Row) -> int:
    return 1024**3 * {"switch": 16, "softgate": 128, "server": 512}.get(device["type"], 32)
