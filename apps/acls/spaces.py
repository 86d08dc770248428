"""All packets at once, so that tables are compared over every packet, exactly, and without trying each.

address    CIDRs lie in one another or apart, so the addresses whose innermost CIDR is the same see the same rules:
           one look for each CIDR that is named, never one for each address or pair of rules
the rest   ports fall into as many segments as rules tell apart, ICMP into its types; each segment is one bit of a
           number, a rule is the number of what it matches, and the first match over all of them is an `and` a rule
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple

from apps.acls.packets import Packet
from apps.acls.ports import FIRST, LAST, Range
from apps.acls.rules import EVERYWHERE, ICMP_TYPES, PORTED, Action, Direction, Protocol
from apps.acls.tables import Decision, Entry, Table, ends_of


class Kinds:
    """All protocols, ports and ICMP types as bits: one bit for what no rule tells apart."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        cuts: dict[Protocol, set[int]] = {protocol: {FIRST} for protocol in PORTED}
        types = set(ICMP_TYPES)
        for entry in entries:
            if entry.ports is not None:
                cuts[entry.protocol].add(entry.ports[0])
                cuts[entry.protocol].add(entry.ports[1] + 1)
            types.update(entry.icmp_types)
        self._starts = {protocol: sorted(cut for cut in found if cut <= LAST) for protocol, found in cuts.items()}
        self._types = sorted(types)
        #: A type that no rule names stands for all of those.
        self._other_type = next(each for each in range(256) if each not in types)
        self._offsets = {Protocol.TCP: 0}
        self._offsets[Protocol.UDP] = len(self._starts[Protocol.TCP])
        self._offsets[Protocol.ICMP] = self._offsets[Protocol.UDP] + len(self._starts[Protocol.UDP])
        self._offsets[Protocol.ALL] = self._offsets[Protocol.ICMP] + len(self._types) + 1
        self.all = (1 << self._offsets[Protocol.ALL] + 1) - 1
        self._known: dict[tuple[Protocol, Range | None, tuple[int, ...]], int] = {}

    def mask(self, entry: Entry) -> int:
        key = entry.protocol, entry.ports, entry.icmp_types
        if (mask := self._known.get(key)) is None:
            mask = self._known[key] = self._mask(*key)
        return mask

    def _mask(self, protocol: Protocol, ports: Range | None, types: tuple[int, ...]) -> int:
        if protocol is Protocol.ALL:
            return self.all
        offset = self._offsets[protocol]
        if protocol is Protocol.ICMP:
            places = [bisect_left(self._types, each) for each in types] or range(len(self._types) + 1)
            return sum(1 << offset + place for place in places)
        starts = self._starts[protocol]
        low = bisect_left(starts, ports[0]) if ports else 0
        high = bisect_left(starts, ports[1] + 1) if ports else len(starts)
        return ((1 << high - low) - 1) << offset + low

    def packet(self, bits: int, direction: Direction, address: int) -> Packet:
        """The first of these kinds, as a packet."""
        bit = (bits & -bits).bit_length() - 1
        protocol = max((each for each in self._offsets if self._offsets[each] <= bit), key=self._offsets.__getitem__)
        place, far = bit - self._offsets[protocol], IPv4Address(address)
        if protocol is Protocol.ALL:
            return Packet(direction, protocol, far)
        if protocol is Protocol.ICMP:
            icmp_type = self._types[place] if place < len(self._types) else self._other_type
            return Packet(direction, protocol, far, icmp_type=icmp_type)
        return Packet(direction, protocol, far, self._starts[protocol][place])


class Masks(NamedTuple):
    """Of one table, among the addresses of one place: which kinds pass, and who decides which of them."""

    allowed: int
    hits: Sequence[tuple[int, Decision]]


@dataclass(frozen=True)
class Place:
    """The addresses whose innermost named CIDR is one and the same."""

    direction: Direction
    address: int
    kinds: Kinds
    masks: Sequence[Masks]

    def packet(self, bits: int) -> Packet:
        return self.kinds.packet(bits, self.direction, self.address)


def places_of(tables: Sequence[Table]) -> Iterator[Place]:
    kinds = Kinds(entry for table in tables for lines in table.lines.values() for entry in lines)
    for direction in Direction:
        lines = [table.lines[direction] for table in tables]
        masks = [[kinds.mask(entry) for entry in each] for each in lines]
        # Of each CIDR, the lines that name it, by table.
        named: dict[Range, list[list[int]]] = {ends_of(EVERYWHERE): [[] for _ in tables]}
        for number, each in enumerate(lines):
            for place, entry in enumerate(each):
                at = (entry.first, entry.last)
                if at not in named:
                    named[at] = [[] for _ in tables]
                named[at][number].append(place)
        for address, active in _innermost(named):
            yield Place(
                direction,
                address,
                kinds,
                [
                    _first_matches(table, lines[number], masks[number], active[number], kinds.all)
                    for number, table in enumerate(tables)
                ],
            )


def _innermost(named: Mapping[Range, list[list[int]]]) -> Iterator[tuple[int, list[list[int]]]]:
    """For each CIDR with addresses outside all smaller ones, such an address and the lines that match it, by table."""
    order = sorted(named, key=lambda span: (span[0], -span[1]))
    children: dict[Range, list[Range]] = {span: [] for span in order}
    active: dict[Range, list[list[int]]] = {}
    around: list[Range] = []
    for span in order:
        while around and around[-1][1] < span[0]:
            around.pop()
        if around:
            children[around[-1]].append(span)
            # Both halves are sorted, which sorting sees.
            active[span] = [
                sorted(old + new) if new else old for old, new in zip(active[around[-1]], named[span], strict=True)
            ]
        else:
            active[span] = named[span]
        around.append(span)
    for span in order:
        if (address := _outside(span, children[span])) is not None:
            yield address, active[span]


def _outside(span: Range, inside: Iterable[Range]) -> int | None:
    """An address of the span in none of the spans inside it; not the first of a gap where there is a second, for that
    may be a network's own."""
    start = span[0]
    for first, last in (*inside, (span[1] + 1, span[1] + 1)):
        if start < first:
            return start + 1 if start + 1 < first else start
        start = last + 1
    return None


def _first_matches(
    table: Table, lines: Sequence[Entry], masks: Sequence[int], active: Sequence[int], everything: int
) -> Masks:
    left, allowed, hits = everything, 0, []
    for place in active:
        if hit := masks[place] & left:
            decision = lines[place].decision
            hits.append((hit, decision))
            if decision.action is Action.ALLOW:
                allowed |= hit
            left ^= hit
            if not left:
                break
    if left:
        hits.append((left, table.otherwise))
        if table.otherwise.action is Action.ALLOW:
            allowed |= left
    return Masks(allowed, hits)
