"""The addresses at both ends of a virtual interface, and the numbers that its peer may have. Knows no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from apps.kernel.errors import Invalid, Refused, collect
from apps.networks.addressing import first_free
from apps.networks.specs import PRIVATE

#: Where Weft takes links from: they are seen at their two ends alone, so each VPC may have the same ones.
LINKS = IPv4Network("169.254.192.0/18")
LINK_LOCAL = IPv4Network("169.254.0.0/16")
_MAY_BE = (*PRIVATE, LINK_LOCAL)
LENGTHS = (30, 31)
DEFAULT_LENGTH = 31
#: RFC 6996.
PRIVATE_ASNS = (range(64512, 65535), range(4200000000, 4294967295))
#: Of a tag towards the peer, 2 to 4094 (netris-api.md 2.10).
VLANS = range(2, 4095)


@dataclass(frozen=True)
class Ends:
    """Of a point-to-point link: ours, and the peer's."""

    local: IPv4Interface
    remote: IPv4Address

    @property
    def network(self) -> IPv4Network:
        return self.local.network

    @classmethod
    def of(cls, network: IPv4Network) -> Ends:
        """The first address is ours, the second the peer's."""
        first, second = list(network.hosts())[:2]
        return cls(IPv4Interface((first, network.prefixlen)), second)

    @classmethod
    def parse(cls, value: Mapping[str, Any], field: str) -> Ends:
        """From `{"local": "10.255.0.1/30", "remote": "10.255.0.2"}`. Raises `Invalid`."""
        problems: list[Refused] = []
        local = collect(problems, _parse_local, value.get("local"), f"{field}.local")
        remote = collect(problems, _parse_remote, value.get("remote"), f"{field}.remote")
        if problems or local is None or remote is None:
            raise Invalid(problems)
        if remote == local.ip or remote not in local.network:
            text = f"Both ends are addresses of one network: {remote} is no other address of {local.network}."
            raise Invalid([Refused("ends-apart", text, f"{field}.remote")])
        for name, address in (("local", local.ip), ("remote", remote)):
            if address not in local.network.hosts():
                text = f"{address} is the network's or the broadcast address of {local.network}."
                raise Invalid([Refused("address-not-a-host", text, f"{field}.{name}")])
        return cls(local, remote)


def free_link(used: Iterable[IPv4Network], length: int = DEFAULT_LENGTH) -> Ends | None:
    """The first of this length that overlaps nothing of the VPC's; None when there is none."""
    network = first_free([LINKS], used, length)
    return Ends.of(network) if network else None


def first_vlan(used: Iterable[int]) -> int | None:
    """The first that is free on a port; None when none is."""
    taken = set(used)
    return next((vlan for vlan in VLANS if vlan not in taken), None)


def parse_asn(value: object, field: str) -> int:
    """A private one: of a public one nobody here can tell whose it is."""
    number = _number(value, 10)
    if number is None or not 1 <= number < 2**32:
        raise Refused("asn-malformed", "Give the ASN of your router as a number, such as 65010.", field)
    if not any(number in numbers for numbers in PRIVATE_ASNS):
        text = f"{number} is no private ASN. Take one from 64512 to 65534, or from 4200000000 to 4294967294."
        raise Refused("asn-not-private", text, field)
    return number


def parse_vlan(value: object, field: str) -> int:
    number = _number(value, 4)
    if number is None or number not in VLANS:
        raise Refused("vlan-out-of-range", f"A VLAN is a number from {VLANS[0]} to {VLANS[-1]}.", field)
    return number


def _number(value: object, digits: int) -> int | None:
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else None


def _parse_local(value: object, field: str) -> IPv4Interface:
    text = value.strip() if isinstance(value, str) else ""
    address, _, length = text.partition("/")
    if length not in map(str, LENGTHS):
        raise Refused("link-size", "Give our end with its length, /30 or /31, such as 10.255.0.1/30.", field)
    return IPv4Interface((_address(address, field), int(length)))


def _parse_remote(value: object, field: str) -> IPv4Address:
    text = value.strip() if isinstance(value, str) else ""
    return _address(text.partition("/")[0], field)


def _address(text: str, field: str) -> IPv4Address:
    try:
        address = IPv4Address(text)
    except ValueError:
        raise Refused("address-malformed", f"“{text[:50]}” is no IPv4 address.", field) from None
    if not any(address in block for block in _MAY_BE):
        text = f"{address} is no address for a link. Take a private one, or one from {LINK_LOCAL}."
        raise Refused("address-not-private", text, field)
    return address
