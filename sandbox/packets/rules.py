"""Which rule of a VPC decides about a packet (netris-api.md 2.6, "ACL Processing Order" of 4.13 and later)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from sandbox.kit.store import Row
from sandbox.netris.state.controller import Controller

_RANKS = {"icmp": 0, "icmpv6": 0, "udp": 1, "tcp": 2, "ip": 4, "all": 4}
Key = tuple[int, int, int, int, int]
Ports = list[tuple[int, int]]


@dataclass(frozen=True)
class Seen:
    """A packet as it is where it is filtered."""

    source: str
    to: str
    protocol: str
    source_port: int
    port: int
    icmp_type: int


@dataclass(frozen=True)
class Line:
    """A rule, or its mirror."""

    rule: Row
    is_mirror: bool
    source: IPv4Network | IPv6Network
    to: IPv4Network | IPv6Network
    source_ports: Ports
    ports: Ports

    @property
    def key(self) -> Key:
        rank = _RANKS.get(self.rule["proto"], 3)
        return -self.source.prefixlen, -self.to.prefixlen, rank, _size(self.source_ports), _size(self.ports)

    def matches(self, seen: Seen) -> bool:
        if ip_address(seen.source) not in self.source or ip_address(seen.to) not in self.to:
            return False
        match self.rule["proto"]:
            case "all" | "ip":
                return True
            case "tcp" | "udp":
                return seen.protocol == self.rule["proto"] and (
                    _holds(self.source_ports, seen.source_port) and _holds(self.ports, seen.port)
                )
            case _:
                return seen.protocol == "icmp" and self.rule["icmp_type"] in (None, seen.icmp_type)


def decide(net: Controller, vpc: int, seen: Seen) -> tuple[Line | None, str]:
    """The line that decides, None where the default does, and why that is doubtful, blank where it is not."""
    found = sorted((line for line in _lines(net, vpc) if line.matches(seen)), key=lambda line: line.key)
    if not found:
        return None, ""
    first = found[0]
    action = first.rule["action"]
    if any(line.key == first.key and line.rule["action"] != action for line in found):
        return first, f"{first.rule['name']} and a rule of the same rank differ"
    if first.is_mirror and action == "deny":
        return first, f"{first.rule['name']} denies by its mirror"
    return first, ""


def _lines(net: Controller, vpc: int) -> Iterator[Line]:
    for rule in net.acls.by("vpc", vpc):
        if not _is_in_force(net, rule):
            continue
        source, to = ip_network(rule["src_prefix"]), ip_network(rule["dst_prefix"])
        source_ports, ports = _ports(net, rule, "src"), _ports(net, rule, "dst")
        yield Line(rule, False, source, to, source_ports, ports)
        if rule["reverse"] == "yes" and rule["proto"] != "tcp":
            yield Line(rule, True, to, source, ports, source_ports)


def _is_in_force(net: Controller, rule: Row) -> bool:
    is_over = rule["valid_until"] and datetime.fromisoformat(rule["valid_until"]).timestamp() <= net.clock.now()
    return bool(rule["enabled"] and rule.get("approve", 1) and not is_over)


def _ports(net: Controller, rule: Row, side: str) -> Ports:
    """None for what has no ports."""
    if rule["proto"] not in ("tcp", "udp"):
        return []
    group = net.port_groups.get(rule[f"{side}_port_group"])
    if group is None:
        return [(rule[f"{side}_port_from"], rule[f"{side}_port_to"])]
    return ranges_of(group)


def ranges_of(group: Row) -> Ports:
    """The ports of a port group."""
    ends = [str(port).partition("-") for port in group["ports"]]
    return [(int(first), int(last or first)) for first, _, last in ends]


def _holds(ports: Ports, port: int) -> bool:
    return any(first <= port <= last for first, last in ports)


def _size(ports: Ports) -> int:
    return sum(last - first + 1 for first, last in ports)
