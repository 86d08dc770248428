"""Arithmetic on CIDRs: what is free, and what to suggest. Knows no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, collapse_addresses

#: A range as its first and its last address: thousands are compared without making an object of each.
Span = tuple[int, int]

#: Where suggestions come from, in this order.
SUGGESTED = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def free_blocks(block: IPv4Network, used: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """The largest aligned networks inside `block` that touch nothing in `used`, in order of address."""
    taken = sorted(collapse_addresses(network for network in used if network.overlaps(block)))
    yield from _free(block, taken)


def _free(block: IPv4Network, taken: list[IPv4Network]) -> Iterator[IPv4Network]:
    inside = [network for network in taken if network.overlaps(block)]
    if not inside:
        yield block
    elif not any(block.subnet_of(network) for network in inside):
        for half in block.subnets(1):
            yield from _free(half, inside)


def overlaps(blocks: Iterable[IPv4Network]) -> dict[int, int]:
    """For each network that shares addresses with an earlier one, the first of those; both by number.

    Networks lie inside one another or apart. So one meets an earlier one where one of the networks around it, or one
    inside it, has come by before; both are looked up, and nothing is compared with everything.
    """
    found: dict[int, int] = {}
    seen: dict[tuple[int, int], int] = {}
    inside: dict[tuple[int, int], int] = {}
    for number, block in enumerate(blocks):
        start, size = int(block.network_address), block.max_prefixlen
        around = [(length, start >> (size - length)) for length in range(block.prefixlen + 1)]
        here = around[-1]
        met = [seen[place] for place in around if place in seen]
        if here in inside:
            met.append(inside[here])
        if met:
            found[number] = min(met)
        seen.setdefault(here, number)
        for place in around:
            inside.setdefault(place, number)
    return found


def first_free(blocks: Iterable[IPv4Network], used: Iterable[IPv4Network], prefixlen: int) -> IPv4Network | None:
    """The first network of this size in `blocks` that overlaps nothing in `used`; None when there is none."""
    return first_gap(blocks, sorted(span_of(network) for network in used), prefixlen)


def span_of(network: IPv4Network) -> Span:
    first = int(network.network_address)
    return first, first + network.num_addresses - 1


def first_gap(blocks: Iterable[IPv4Network], used: Sequence[Span], prefixlen: int) -> IPv4Network | None:
    """As `first_free`, of ranges that stand in order of address."""
    size = 1 << (32 - prefixlen)
    for block in blocks:
        start, end = span_of(block)
        for first, last in used:
            if first >= start + size:
                break
            if last >= start:
                start = (last // size + 1) * size
        if start + size - 1 <= end:
            return IPv4Network((start, prefixlen))
    return None


def suggest_tier(block: IPv4Network, used: Iterable[IPv4Network], prefixlen: int = 24) -> IPv4Network | None:
    """A range for a new tier: a /24, or the largest that still fits when there is no room for one."""
    used = list(used)
    for length in range(max(prefixlen, block.prefixlen, 22), 30):
        if (found := first_free([block], used, length)) is not None:
            return found
    return None
