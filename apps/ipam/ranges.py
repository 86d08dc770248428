"""Prefixes and addresses that are looked up by what is around them, overlaps them or lies in them, however many there
are: in as many steps as there are lengths of prefixes, or halves of a list."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from ipaddress import ip_address

from apps.kernel.inet import Network


class Prefixes:
    """IPv4 and IPv6 beside each other."""

    def __init__(self, prefixes: Iterable[Network] = ()) -> None:
        #: By version and length, then by the bits that count.
        self._shelves: dict[tuple[int, int], dict[int, Network]] = {}
        self._firsts: defaultdict[int, list[tuple[int, Network]]] = defaultdict(list)
        for prefix in prefixes:
            self.add(prefix)

    def add(self, prefix: Network) -> None:
        shelf = self._shelves.setdefault((prefix.version, prefix.prefixlen), {})
        bits = _bits(prefix, prefix.prefixlen)
        if bits not in shelf:
            shelf[bits] = prefix
            insort(self._firsts[prefix.version], (int(prefix.network_address), prefix))

    def around(self, prefix: Network) -> Network | None:
        """One that is the prefix, or in which it lies."""
        for (version, length), shelf in self._shelves.items():
            may_hold_it = version == prefix.version and length <= prefix.prefixlen
            if may_hold_it and (found := shelf.get(_bits(prefix, length))):
                return found
        return None

    def overlapping(self, prefix: Network) -> Network | None:
        """One that has an address of it. Of two prefixes that do, one lies in the other."""
        if found := self.around(prefix):
            return found
        firsts = self._firsts[prefix.version]
        place = bisect_left(firsts, int(prefix.network_address), key=_first)
        inside = place < len(firsts) and _first(firsts[place]) <= int(prefix.broadcast_address)
        return firsts[place][1] if inside else None


def _first(pair: tuple[int, Network]) -> int:
    return pair[0]


def _bits(prefix: Network, length: int) -> int:
    return int(prefix.network_address) >> (prefix.max_prefixlen - length)


class Addresses:
    def __init__(self, texts: Iterable[str]) -> None:
        """What is no address is left out."""
        self._numbers: defaultdict[int, list[int]] = defaultdict(list)
        for text in texts:
            try:
                address = ip_address(text)
            except ValueError:
                continue
            self._numbers[address.version].append(int(address))
        for numbers in self._numbers.values():
            numbers.sort()

    def within(self, prefix: Network | None) -> int:
        """How many lie in it."""
        if prefix is None:
            return 0
        numbers = self._numbers[prefix.version]
        return bisect_right(numbers, int(prefix.broadcast_address)) - bisect_left(numbers, int(prefix.network_address))
