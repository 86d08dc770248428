"""A small world of packets, and lists over it: small enough to try every packet, odd enough to hold every border."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from hypothesis import strategies as st

from apps.acls.fabric import Ranking, Site
from apps.acls.packets import Packet
from apps.acls.rules import PORTED, Action, Direction, Protocol, Rule, clashes
from apps.kernel.errors import Invalid

TIER = IPv4Network("10.20.1.0/24")
CIDRS = [
    IPv4Network(text)
    for text in ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/29", "10.0.0.0/30", "10.0.0.4/30", "10.0.0.5/32", "192.0.2.0/24")
]
ADDRESSES = [
    IPv4Address(text) for text in ("10.0.0.1", "10.0.0.4", "10.0.0.5", "10.0.0.9", "192.0.2.255", "203.0.113.1")
]
PORTS = (1, 2, 3, 4, 5, 6, 65533, 65534, 65535)
ICMP = (0, 3, 8, 11, 13)


def packets() -> list[Packet]:
    found = []
    for direction in Direction:
        for address in ADDRESSES:
            found += [Packet(direction, each, address, port) for each in PORTED for port in PORTS]
            found += [Packet(direction, Protocol.ICMP, address, icmp_type=each) for each in ICMP]
            found.append(Packet(direction, Protocol.ALL, address))
    return found


UNIVERSE = packets()


SPANS = (
    (),
    ((1, 1),),
    ((2, 4),),
    ((3, 5),),
    ((1, 65534),),
    ((2, 65535),),
    ((1, 2), (5, 65534)),
    ((3, 3), (65535, 65535)),
)
PAIRS = (CIDRS[:2], CIDRS[2:4], CIDRS[4:6], [CIDRS[6], CIDRS[1]])
POOL = [
    Rule(action, direction, protocol, cidrs, ports)
    for action in Action
    for direction in Direction
    for protocol in Protocol
    for cidrs in (*((cidr,) for cidr in CIDRS), *map(tuple, PAIRS))
    for ports in (SPANS if protocol in PORTED else ((),))
]
NARROW = [
    rule
    for rule in POOL
    if rule.match[:2] == (Direction.INGRESS, Protocol.UDP) and rule.cidrs in {(CIDRS[2],), (CIDRS[4],)}
]


def lists(most: int = 6) -> st.SearchStrategy[tuple[Rule, ...]]:
    """Lists that may be saved: no match twice. Some are all about one protocol into two ranges."""
    return st.sampled_from((POOL, NARROW)).flatmap(
        lambda pool: st.lists(st.sampled_from(pool), max_size=most).map(_without_clashes)
    )


def _without_clashes(rules: list[Rule]) -> tuple[Rule, ...]:
    found: list[Rule] = []
    for rule in rules:
        if not clashes([*found, rule]):
            found.append(rule)
    return tuple(found)


sites = st.builds(Site, st.sampled_from(Action), st.booleans(), st.sampled_from([None, *Ranking]))


def refusals(make, *args, **kwargs) -> dict[str | None, str]:
    """Code by field of all that is refused."""
    try:
        make(*args, **kwargs)
    except Invalid as invalid:
        return {each.field: each.code for each in invalid.all}
    raise AssertionError("nothing was refused")
