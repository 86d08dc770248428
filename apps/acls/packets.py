"""The first packet of a connection: what a list is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from apps.acls.ports import FIRST, LAST
from apps.acls.rules import PORTED, Direction, Protocol
from apps.kernel.errors import Invalid, Refused, collect

ECHO_REQUEST = 8


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection. `address` is the far end's: the source of ingress, the destination of egress.

    `port` is the destination port and belongs to TCP and UDP; `icmp_type` belongs to ICMP. The protocol `all` stands
    for any that is neither TCP, UDP nor ICMP.
    """

    direction: Direction
    protocol: Protocol
    address: IPv4Address
    port: int | None = None
    icmp_type: int | None = None

    def __post_init__(self) -> None:
        if (self.port is not None) != (self.protocol in PORTED):
            raise Refused("port-missing", "A TCP or UDP packet has a port, another has none.", "port")
        if (self.icmp_type is not None) != (self.protocol is Protocol.ICMP):
            raise Refused("icmp-type", "An ICMP packet has a type, another has none.", "icmp_type")

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Packet:
        """From parsed JSON or a form: direction, protocol, port, address. ICMP is a ping (type 8). Raises `Invalid`."""
        problems: list[Refused] = []
        direction = collect(problems, _direction, values.get("direction"), "direction")
        protocol = collect(problems, _protocol, values.get("protocol"), "protocol")
        address = collect(problems, _address, values.get("address"), "address")
        port = collect(problems, _port, values.get("port"), "port")
        if protocol in PORTED and port is None and not any(each.field == "port" for each in problems):
            problems.append(Refused("port-missing", f"Give the port, {FIRST} to {LAST}.", "port"))
        if protocol is not None and protocol not in PORTED and port is not None:
            problems.append(Refused("port-not-taken", "Only TCP and UDP have ports. Leave it empty.", "port"))
        if problems or direction is None or protocol is None or address is None:
            raise Invalid(problems)
        return cls(direction, protocol, address, port, ECHO_REQUEST if protocol is Protocol.ICMP else None)

    def __str__(self) -> str:
        """ "tcp 22 from 10.1.1.1"."""
        way = "from" if self.direction is Direction.INGRESS else "to"
        kind = {Protocol.ALL: "another protocol", Protocol.ICMP: f"icmp type {self.icmp_type}"}
        return f"{kind.get(self.protocol, f'{self.protocol} {self.port}')} {way} {self.address}"


def _direction(value: object, field: str) -> Direction:
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in list(Direction):
        raise Refused("direction-unknown", "Choose the direction: ingress or egress.", field)
    return Direction(text)


def _protocol(value: object, field: str) -> Protocol:
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in list(Protocol):
        message = "Choose the protocol: tcp, udp, icmp, or all for any other."
        raise Refused("protocol-unknown", message, field)
    return Protocol(text)


def _address(value: object, field: str) -> IPv4Address:
    text = value.strip() if isinstance(value, str) else ""
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise Refused("address-malformed", "Give one IPv4 address, such as 203.0.113.7.", field) from None


def _port(value: object, field: str) -> int | None:
    if value is None or value == "":
        return None
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdecimal() or len(text) > 5 or not FIRST <= int(text) <= LAST:
        raise Refused("port-out-of-range", f"Give one port, {FIRST} to {LAST}.", field)
    return int(text)
