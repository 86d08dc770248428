"""Addresses and prefixes as people and remotes write them."""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Interface = IPv4Interface | IPv6Interface


def address_of(text: str) -> Address:
    """Raises `ValueError`, as the others do, also where an IPv6 address has a zone, as fe80::1%eth0 has: that means
    something on one machine alone, and PostgreSQL takes none."""
    return ip_address(_without_zone(text))


def network_of(text: str) -> Network:
    """Of what may have host bits."""
    return ip_network(_without_zone(text), strict=False)


def interface_of(text: str) -> Interface:
    return ip_interface(_without_zone(text))


def _without_zone(text: str) -> str:
    if "%" in text:
        raise ValueError(f"{text!r} has a zone")
    return text
