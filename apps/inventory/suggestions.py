"""What a new device is offered: a name, addresses and a number like those of its kind, which nothing has yet.

Netris' "auto" takes the next free ones when the device is made. Here they are found before, from the inventory and the
subnets as they were last read, so that one sees what it will be; what somebody else takes meanwhile, Netris refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, ip_address, ip_interface
from itertools import chain, islice
from typing import Any

from apps.fabric import roles
from apps.fabric.models import SurveyedSubnet
from apps.inventory.queries import Known, custom_texts, free_ports, known_devices, of_role, profiles
from apps.inventory.specs import AUTO, KINDS, usual
from apps.netris import wire
from apps.tenancy.actors import Platform
from apps.zones.models import Zone

#: So many addresses are looked at in a subnet.
MOST_LOOKED_AT = 70_000
#: Private numbers of four bytes (RFC 6996).
FIRST_ASN, LAST_ASN = 4_200_000_000, 4_294_967_294
_NUMBERED = re.compile(r"(.*?)(\d+)")


@dataclass(frozen=True)
class Uplinks:
    """A leaf, and its free ports by their full names."""

    leaf: str
    ports: Sequence[str]


def suggested(zone: Zone, role: str, by: Platform) -> dict[str, Any]:
    """The values of a new device of this role; what cannot be found is left to Netris. Nine queries."""
    like, known = of_role(zone, role), known_devices(zone, by)
    kind = KINDS[role].kind
    taken = {address for each in known for address in (each.loopback, each.management_address) if address}
    values: dict[str, Any] = dict(usual(role)) | {"role": role, "name": _name(like, known)}
    ours = SurveyedSubnet.objects.of_platform().filter(zone=zone, type="subnet")
    subnets = list(ours.filter(purpose__in=("loopback", "management")))
    if values["loopback"] == AUTO:
        values["loopback"] = _next(subnets, "loopback", [each.main_address for each in like], taken)
    if values["management_address"] == AUTO or any(each.mgmt_address for each in like):
        found = _next(subnets, "management", [each.mgmt_address for each in like], taken)
        values["management_address"] = found if found != AUTO or kind != "server" else ""
    if values["asn"] == AUTO:
        values["asn"] = _asn(like, known)
    if like:
        values |= _as_usual(like, kind)
    if role == roles.HYPERVISOR and like:
        values["custom_data"] = _custom_data(like, custom_texts(zone, role, by))
    if kind != "server" and (there := profiles(zone)):
        values["profile"] = like[0].profile.name if like and like[0].profile.id else there[0]["name"]
    return values


def _as_usual(like: Sequence[wire.Device], kind: str) -> dict[str, Any]:
    """As the last of its kind has it."""
    last = like[0]
    found: dict[str, Any] = {"tags": list(last.tags)}
    if last.port_count and kind != "softgate":
        found["port_count"] = last.port_count
    return found


def _name(like: Sequence[wire.Device], known: Iterable[Known]) -> str:
    """Server-5 after Server-4."""
    found = [match for device in like if (match := _NUMBERED.fullmatch(device.name))]
    if not found:
        return ""
    stem = found[0][1]
    taken = {each.name.lower() for each in known}
    number = max(int(match[2]) for match in found if match[1] == stem) + 1
    while f"{stem}{number}".lower() in taken:
        number += 1
    return f"{stem}{number}"


def _next(
    subnets: Sequence[SurveyedSubnet],
    purpose: str,
    like: Sequence[IPv4Address | IPv6Address | None],
    taken: Collection[str],
) -> str:
    """The free address behind the highest that one of its kind has; without one the first free; else `auto`."""
    ours = [each for each in subnets if each.purpose == purpose and isinstance(each.prefix, IPv4Network)]
    highest = max((each for each in like if isinstance(each, IPv4Address)), default=None)
    ours.sort(key=lambda each: (highest is None or highest not in each.prefix, each.sort_key))
    for subnet in ours:
        for address in _candidates(subnet.prefix, highest):
            if str(address) not in taken and str(address) != subnet.gateway:
                return str(address)
    return AUTO


def _candidates(network: IPv4Network, after: IPv4Address | None) -> Iterator[IPv4Address]:
    """The hosts of a subnet, those behind `after` first."""
    first, last = int(network.network_address) + 1, int(network.broadcast_address) - 1
    start = int(after) + 1 if after is not None and after in network else first
    numbers = chain(range(start, last + 1), range(first, min(start, last + 1)))
    return (IPv4Address(number) for number in islice(numbers, MOST_LOOKED_AT))


def _asn(like: Sequence[wire.Device], known: Iterable[Known]) -> str:
    taken = {each.asn for each in known}
    highest = max((each.asn for each in like if each.asn), default=None)
    if highest is None:
        return AUTO
    number = highest + 1
    while number in taken:
        number += 1
    return str(number) if number <= LAST_ASN else AUTO


def _custom_data(like: Sequence[wire.Device], texts: Iterable[str]) -> str:
    """What the last hypervisor has, with an address of its own for CloudStack's bridge (netris-api.md 6.3)."""
    try:
        data = json.loads(like[0].custom_data)
        own = ip_interface(data["cloudstack"]["mgmt"]["ipv4"])
    except (ValueError, KeyError, TypeError):
        return ""
    if not isinstance(own, IPv4Interface):
        return ""
    used = set(_bridge_addresses(texts))
    highest = max((each for each in used if each in own.network), default=own.ip)
    free = next((each for each in _candidates(own.network, highest) if each not in used), None)
    if free is None:
        return ""
    data["cloudstack"]["mgmt"]["ipv4"] = f"{free}/{own.network.prefixlen}"
    return json.dumps(data)


def _bridge_addresses(texts: Iterable[str]) -> Iterator[IPv4Address]:
    for text in texts:
        with suppress(ValueError, KeyError, TypeError):
            address = ip_address(str(json.loads(text)["cloudstack"]["mgmt"]["ipv4"]).partition("/")[0])
            if isinstance(address, IPv4Address):
                yield address


def uplinks(zone: Zone, pair: str, by: Platform) -> list[Uplinks]:
    """The leaves of a pair with their free ports. Two queries for each."""
    leaves = [leaf for leaf in pair.split(" + ") if leaf]
    return [Uplinks(leaf, [port.name for port in free_ports(zone, leaf, by)]) for leaf in leaves]


def chosen_ports(leaves: Sequence[Uplinks]) -> list[str]:
    """One free port of each leaf: where there is one of the same name on all, that."""
    if not leaves or not all(leaf.ports for leaf in leaves):
        return [next(iter(leaf.ports), "") for leaf in leaves]
    short = [[port.partition("@")[0] for port in leaf.ports] for leaf in leaves]
    common = next((port for port in short[0] if all(port in others for others in short[1:])), None)
    return [f"{common}@{leaf.leaf}" if common else leaf.ports[0] for leaf in leaves]
