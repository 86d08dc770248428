"""What somebody asks for, checked before anything is written or sent. One set of rules for forms and for REST.

    thing       may be
    name        what `apps.kernel.names` takes for one, as everywhere
    VPC range   IPv4, private (RFC 1918), /8 to /28, no host bits
    tiers       at most 24 at once; they are counted before any of them is looked at
    tier range  part of its VPC's range, /22 to /29 (CloudStack's `network.guest.cidr.limit` is /22; below /29 no
                address is left beside network, broadcast, gateway and virtual router)

CloudStack takes names of up to 255 characters and refuses control characters (cloudstack-api.md 1.4); what Netris takes
is not documented. Neither matters for the names of people, which go into display texts: the remote names are made from
our ids. 63 is what fits a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Network, IPv6Network, NetmaskValueError, ip_network
from typing import Any

from apps.kernel.errors import Invalid, Refused, collect
from apps.kernel.names import DESCRIPTION, NAME, key_of
from apps.networks.addressing import overlaps

PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
VPC_PREFIXES = range(8, 29)
TIER_PREFIXES = range(22, 30)
#: That a VPC is made with. A zone may allow fewer, and by adding some afterwards more.
MOST_TIERS = 24
#: The longest way to write an IPv4 range.
CIDR_LENGTH = len("255.255.255.255/32")
#: That somebody writes at once: as one rule of an access list, or as the sources of a load balancer.
MOST_CIDRS = 50


def parse_cidr(value: object, field: str) -> IPv4Network:
    """An IPv4 network in CIDR notation, without host bits."""
    if not isinstance(value, str) or not value.strip():
        raise Refused("cidr-missing", "Give a CIDR such as 10.20.0.0/20.", field)
    text = value.strip()
    if "/" not in text:
        raise Refused("cidr-malformed", "Write the CIDR with its prefix length, such as 10.20.0.0/20.", field)
    try:
        network = ip_network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise Refused("cidr-malformed", f"“{text[:50]}” is no CIDR. Write one such as 10.20.0.0/20.", field) from None
    if isinstance(network, IPv6Network):
        raise Refused("cidr-not-ipv4", "IPv6 is not offered here. Give an IPv4 CIDR such as 10.20.0.0/20.", field)
    address, _, length = text.partition("/")
    if not length.isdecimal():
        raise Refused("cidr-malformed", f"Write the prefix length as a number: {network}.", field)
    if address != str(network.network_address):
        raise Refused("cidr-host-bits", f"{text} is an address inside a CIDR. Did you mean {network}?", field)
    return network


def parse_vpc_cidr(value: object, field: str) -> IPv4Network:
    network = parse_cidr(value, field)
    if not any(network.subnet_of(block) for block in PRIVATE):
        raise Refused(
            "cidr-not-private",
            f"{network} is not a private CIDR. Take one from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16.",
            field,
        )
    return _sized(network, VPC_PREFIXES, "VPC", field)


def parse_tier_cidr(value: object, field: str) -> IPv4Network:
    return _sized(parse_cidr(value, field), TIER_PREFIXES, "tier", field)


def _sized(network: IPv4Network, prefixes: range, noun: str, field: str) -> IPv4Network:
    if network.prefixlen not in prefixes:
        raise Refused(
            "cidr-size",
            f"A {noun} is between /{prefixes[0]} and /{prefixes[-1]}; {network} is /{network.prefixlen}.",
            field,
        )
    return network


@dataclass(frozen=True)
class TierSpec:
    name: str
    cidr: IPv4Network

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, prefix: str = "") -> TierSpec:
        """Raises `Invalid` with everything that is wrong. `prefix` stands before the names of the fields."""
        problems: list[Refused] = []
        name = collect(problems, NAME.parse, values.get("name"), f"{prefix}name")
        cidr = collect(problems, parse_tier_cidr, values.get("cidr"), f"{prefix}cidr")
        if problems or name is None or cidr is None:
            raise Invalid(problems)
        return cls(name, cidr)


@dataclass(frozen=True)
class VpcSpec:
    """A VPC and its first tiers. `zone` is the id or the name of a zone, resolved by the service."""

    name: str
    description: str
    zone: str
    cidr: IPv4Network
    tiers: tuple[TierSpec, ...] = ()

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> VpcSpec:
        """From parsed JSON or cleaned form data. Raises `Invalid` with everything that is wrong."""
        problems: list[Refused] = []
        name = collect(problems, NAME.parse, values.get("name"), "name")
        description = collect(problems, DESCRIPTION.parse, values.get("description"), "description")
        cidr = collect(problems, parse_vpc_cidr, values.get("cidr"), "cidr")
        zone = values.get("zone")
        if not isinstance(zone, str) or not zone.strip():
            problems.append(Refused("zone-missing", "Choose a zone.", "zone"))
        tiers: list[TierSpec] = []
        rows = values.get("tiers") or ()
        if len(rows) > MOST_TIERS:
            problems.append(too_many(len(rows)))
            rows = ()
        for number, row in enumerate(rows):
            try:
                tiers.append(TierSpec.parse(row, prefix=f"tiers.{number}."))
            except Refused as refusal:
                problems.extend(refusal.all)
        if problems or name is None or cidr is None:
            raise Invalid(problems)
        spec = cls(name, description or "", str(zone).strip(), cidr, tuple(tiers))
        if clashes := list(clashes_between(spec.cidr, spec.tiers)):
            raise Invalid(clashes)
        return spec


def clashes_between(block: IPv4Network, tiers: Sequence[TierSpec]) -> list[Refused]:
    """Tiers outside the block, tiers that overlap, names used twice; each names the later tier's field."""
    problems: list[Refused] = []
    met = overlaps(tier.cidr for tier in tiers)
    names: set[str] = set()
    for number, tier in enumerate(tiers):
        if not tier.cidr.subnet_of(block):
            problems.append(outside(tier.cidr, block, f"tiers.{number}.cidr"))
        if number in met:
            other = tiers[met[number]]
            problems.append(overlap(tier.cidr, other.name, other.cidr, f"tiers.{number}.cidr"))
        if (key := key_of(tier.name)) in names:
            problems.append(taken("tier", tier.name, f"tiers.{number}.name"))
        names.add(key)
    return problems


def too_many(count: int) -> Refused:
    message = f"A VPC is created with at most {MOST_TIERS} tiers; these are {count:,}. Add the others afterwards."
    return Refused("too-many-tiers", message, "tiers")


def outside(cidr: IPv4Network, block: IPv4Network, field: str) -> Refused:
    return Refused("cidr-outside-vpc", f"{cidr} is not inside the VPC's CIDR {block}.", field)


def overlap(cidr: IPv4Network, name: str, other: IPv4Network, field: str) -> Refused:
    return Refused("cidr-overlap", f"{cidr} overlaps the tier {name} ({other}). Take a free CIDR.", field)


def taken(noun: str, name: str, field: str) -> Refused:
    return Refused(
        "name-taken", f"There is already a {noun} called {name}, or what looks the same. Choose another name.", field
    )
