"""Ways: what leads from a port of a public IP to one of an instance, and whether Netris has them. Pure.

A static NAT is one way for everything. A port forward is a way for each of its ports: the plugin takes no ranges
(REAL).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from apps.addresses.models import PortForward, StaticNat
from apps.netris.names import PREFIX
from apps.netris.wire import NatRule

ALL = "all"
DNAT = "DNAT"
#: How the plugin names what it makes of them (netris-api.md 4.2).
PLUGINS = re.compile(rf"{PREFIX.pattern}-(?:VM\d+-STATICNAT|DNAT-R\d+)")


@dataclass(frozen=True)
class Way:
    address: IPv4Address
    guest: IPv4Address
    protocol: str = ALL
    public_port: int = 0
    private_port: int = 0

    @property
    def shown(self) -> str:
        return f"{self.protocol} {self.public_port}" if self.public_port else str(self.address)

    def begins(self, rule: NatRule) -> bool:
        """The rule leads from there, wherever to."""
        here = IPv4Network(self.address)
        is_from_here = rule.action == DNAT and rule.destination_address == here
        return is_from_here and rule.protocol.lower() == self.protocol and _port(rule) == self.public_port

    def is_led_by(self, rule: NatRule) -> bool:
        ends = rule.dnat_to_ip == self.guest and (rule.dnat_to_port or 0) == self.private_port
        return self.begins(rule) and ends and rule.is_enabled


def ways_of(row: StaticNat | PortForward) -> Sequence[Way]:
    """Those that the row means, switched off or not."""
    if isinstance(row, StaticNat):
        return (Way(row.address, row.guest_address),)
    away = row.private_first - row.public_first
    return [
        Way(row.address, row.guest_address, row.protocol, port, port + away)
        for port in range(row.public_first, row.public_last + 1)
    ]


def lacking(ways: Iterable[Way], rules: Sequence[NatRule]) -> list[Way]:
    """Those that Netris does not have as they are meant."""
    return [way for way in ways if not any(way.is_led_by(rule) for rule in rules)]


def remaining(ways: Iterable[Way], rules: Sequence[NatRule]) -> list[NatRule]:
    """What still leads from where they begin."""
    return [rule for rule in rules if any(way.begins(rule) for way in ways)]


def is_as_meant(row: StaticNat | PortForward, rules: Sequence[NatRule]) -> bool:
    """Netris has all of it; of a forward that is switched off, nothing."""
    ways = ways_of(row)
    is_off = isinstance(row, PortForward) and not row.enabled
    return not remaining(ways, rules) if is_off else not lacking(ways, rules)


def _port(rule: NatRule) -> int:
    """0 for a rule about all of them, and for a range, which nothing of Weft's is."""
    if rule.protocol.lower() == ALL or not rule.destination_port.isdecimal():
        return 0
    return int(rule.destination_port)
