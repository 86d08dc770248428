"""What somebody asks for of a static route, checked before anything is written or sent: CloudStack takes any address of
the VPC's range for a next hop, a tier's gateway among them, and a next hop in no tier (flows.md 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

from apps.kernel.errors import Invalid, Refused, collect
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.networks.specs import parse_cidr
from apps.operations.provisioned import Status

#: Where nothing can be routed to; CloudStack itself refuses the link-local range.
SPECIAL = {
    IPv4Network("0.0.0.0/8"): "stands for no network",
    IPv4Network("127.0.0.0/8"): "is every machine's own",
    IPv4Network("169.254.0.0/16"): "is link-local",
    IPv4Network("224.0.0.0/3"): "is for multicast, or reserved",
}


def parse_destination(value: object, field: str) -> IPv4Network:
    network = parse_cidr(value, field)
    if network.prefixlen == 0:
        text = "A static route cannot lead everywhere: what has no route of its own leaves by source NAT. Name the "
        raise Refused("destination-everything", f"{text}ranges that are to be reached.", field)
    if why := next((why for block, why in SPECIAL.items() if network.overlaps(block)), None):
        raise Refused("destination-special", f"Nothing is routed to {network}, which {why}. Take another range.", field)
    return network


def parse_next_hop(value: object, field: str) -> IPv4Address:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise Refused("next-hop-missing", "Give the address of an instance that routes, such as 10.20.0.9.", field)
    try:
        return IPv4Address(text)
    except AddressValueError:
        message = f"“{text[:50]}” is no IPv4 address. Write one such as 10.20.0.9."
        raise Refused("next-hop-malformed", message, field) from None


@dataclass(frozen=True)
class RouteSpec:
    destination: IPv4Network
    next_hop: IPv4Address

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> RouteSpec:
        """From parsed JSON or cleaned form data. Raises `Invalid` with everything that is wrong."""
        problems: list[Refused] = []
        destination = collect(problems, parse_destination, values.get("destination"), "destination")
        next_hop = collect(problems, parse_next_hop, values.get("next_hop"), "next_hop")
        if problems or destination is None or next_hop is None:
            raise Invalid(problems)
        return cls(destination, next_hop)


def tier_of(spec: RouteSpec, vpc: Vpc, tiers: Iterable[Tier], routes: Iterable[StaticRoute]) -> Tier:
    """The tier in which the next hop lies. Raises `Invalid` with everything that keeps the route from being made."""
    problems = list(_taken(spec.destination, vpc, routes))
    try:
        tier = _hop(spec.next_hop, list(tiers))
    except Refused as refusal:
        raise Invalid([*problems, refusal]) from None
    if problems:
        raise Invalid(problems)
    return tier


def _taken(destination: IPv4Network, vpc: Vpc, routes: Iterable[StaticRoute]) -> Iterator[Refused]:
    if destination.overlaps(vpc.cidr):
        how = "covers" if vpc.cidr.subnet_of(destination) else "lies in"
        text = f"{destination} {how} the VPC's own CIDR {vpc.cidr}. Take a range outside it."
        yield Refused("destination-in-vpc", text, "destination")
    for route in routes:
        if destination.overlaps(route.destination):
            text = f"{destination} overlaps the static route {route}. Take another range, or delete that route first."
            yield Refused("routes-overlap", text, "destination")


def _hop(address: IPv4Address, tiers: list[Tier]) -> Tier:
    tier = next((tier for tier in tiers if address in tier.cidr), None)
    if tier is None:
        known = ", ".join(f"{tier.name} ({tier.cidr})" for tier in tiers) or "none yet"
        text = f"{address} is in no tier of this VPC. Take an address in one of its tiers: {known}."
        raise Refused("next-hop-outside", text, "next_hop")
    own = {
        tier.gateway: "gateway",
        tier.cidr.network_address: "network address",
        tier.cidr.broadcast_address: "broadcast address",
    }
    if address in own:
        text = f"{address} is the {own[address]} of the tier {tier.name}. Take the address of an instance that routes."
        raise Refused("next-hop-reserved", text, "next_hop")
    if tier.status != Status.READY:
        text = f"The tier {tier.name} is {tier.get_status_display().lower()}. Wait until it is ready."
        raise Refused("not-now", text, "next_hop")
    return tier
