"""What a virtual interface lets through, in both directions. Knows no database.

    announce    what a VPC tells its peer of itself: parts of its own range
    accept      what it takes from its peer: ranges outside of it, or the default route

A range stands for itself and every part of it; `0.0.0.0/0` stands for the default route alone. Nothing else passes,
and where there is nothing, nothing does: a list that is empty means to Netris that it may fill it (netris-api.md 2.10),
so none is ever sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network

from apps.kernel.errors import Refused
from apps.networks.addressing import overlaps
from apps.networks.specs import parse_cidr

DEFAULT = IPv4Network("0.0.0.0/0")
#: In each direction. No limit is documented; each is a line of what is sent.
MOST_PREFIXES = 50
#: What nobody reaches over a peer, whoever announces it.
UNROUTED = tuple(
    IPv4Network(block) for block in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")
)
_NOTHING = "deny 0.0.0.0/0 le 32"


def list_of(prefixes: Iterable[IPv4Network]) -> str:
    """As Netris takes it: an entry on each line, of which the first that matches decides."""
    return "\n".join(_entry(prefix) for prefix in sorted(prefixes)) or _NOTHING


def _entry(prefix: IPv4Network) -> str:
    bounds = "" if prefix in (DEFAULT, IPv4Network((prefix.network_address, 32))) else " le 32"
    return f"permit {prefix}{bounds}"


def lets_through(prefixes: Iterable[IPv4Network], route: IPv4Network) -> bool:
    return any(route == prefix or (prefix != DEFAULT and route.subnet_of(prefix)) for prefix in prefixes)


def parse_prefixes(value: object, field: str) -> list[IPv4Network]:
    """Sorted, each once; from a list, or from text with blanks or commas between them. Raises `Refused`."""
    if value in (None, ""):
        return []
    given = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(given, Sequence):
        raise Refused("prefixes-malformed", "Give a list of prefixes, such as 10.20.0.0/16.", field)
    if len(given) > MOST_PREFIXES:
        raise Refused("too-many-prefixes", f"At most {MOST_PREFIXES} prefixes can be given: take wider ones.", field)
    found = sorted({parse_cidr(each, field) for each in given})
    if clashes := overlaps(prefix for prefix in found if prefix != DEFAULT):
        inner, outer = next(iter(clashes.items()))
        rest = [prefix for prefix in found if prefix != DEFAULT]
        text = f"{rest[inner]} is part of {rest[outer]}, which lets it through already."
        raise Refused("prefix-twice", text, field)
    return found


def announce_faults(prefixes: Iterable[IPv4Network], vpc_cidr: IPv4Network) -> list[Refused]:
    """Why a VPC cannot tell its peer of these."""
    text = "{} is not part of the VPC's range {}. A VPC announces what is its own."
    return [
        Refused("prefix-not-own", text.format(prefix, vpc_cidr), "announce")
        for prefix in prefixes
        if not prefix.subnet_of(vpc_cidr)
    ]


def accept_faults(
    prefixes: Iterable[IPv4Network],
    vpc_cidr: IPv4Network,
    learned: Iterable[tuple[IPv4Network, str]] = (),
    elsewhere: Iterable[tuple[IPv4Network, str]] = (),
) -> list[Refused]:
    """Why a VPC cannot take these from its peer. `learned` is what it learns over other interfaces, each with from
    where: the very same prefix over two is how one stands in for the other, and is no fault. Of what it learns
    `elsewhere` a router may tell nothing."""
    known, others = list(learned), list(elsewhere)
    return [
        Refused("prefix-not-acceptable", reason, "accept")
        for prefix in prefixes
        if (reason := _why_not_accepted(prefix, vpc_cidr, known) or _why_others(prefix, others))
    ]


def _why_not_accepted(prefix: IPv4Network, vpc_cidr: IPv4Network, learned: list[tuple[IPv4Network, str]]) -> str:
    if prefix == DEFAULT:
        return ""
    if prefix.overlaps(vpc_cidr):
        return f"{prefix} overlaps the VPC's own range {vpc_cidr}: its own traffic would leave it."
    if any(prefix.overlaps(block) for block in UNROUTED):
        return f"{prefix} is not routed between networks. Take out what is loopback, link-local or multicast."
    for other, source in learned:
        if other not in (prefix, DEFAULT) and prefix.overlaps(other):
            return f"{prefix} overlaps {other}, which the VPC learns from {source}: the longer prefix would win."
    return ""


def _why_others(prefix: IPv4Network, elsewhere: list[tuple[IPv4Network, str]]) -> str:
    for other, source in elsewhere:
        if prefix != DEFAULT and prefix.overlaps(other):
            return f"{prefix} overlaps {other}, which the VPC learns from {source}: only one of the two can have it."
    return ""


def announced(tiers: Iterable[IPv4Network], announce: Sequence[IPv4Network]) -> list[IPv4Network]:
    """Of a VPC's tiers those that its peer hears of."""
    return sorted(tier for tier in tiers if lets_through(announce, tier))
