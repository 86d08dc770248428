"""From where a table lets connections in, at some ports: exactly, as ranges of addresses. Pure.

The first match decides, so each entry takes what is left of its addresses; what it leaves goes to the next. Ports are
looked at by the segments that the entries tell apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, summarize_address_range

from apps.acls.ports import Range, merged
from apps.acls.rules import Action, Direction, Protocol
from apps.acls.tables import Entry, Table, ends_of

LAST_ADDRESS = (1 << 32) - 1
ALL: Sequence[Range] = ((0, LAST_ADDRESS),)
NONE: Sequence[Range] = ()


@dataclass(frozen=True)
class Sources:
    """Ranges of addresses, in order and apart."""

    #: Let in at each of the ports.
    at_all: Sequence[Range]
    #: Let in at one of them, or more.
    at_any: Sequence[Range]

    @classmethod
    def by(cls, tables: Iterable[Table], protocol: Protocol, ports: Range) -> Sources:
        """What these tables say, of which one holds and nobody knows which: let in at all ports by all of them, at any
        port by any."""
        at_all, at_any = ALL, NONE
        for table in tables:
            lines = [line for line in table.lines[Direction.INGRESS] if _is_about(line, protocol, ports)]
            for port in _segments(lines, ports):
                let_in = _let_in(lines, port, passes_otherwise=table.otherwise.action is Action.ALLOW)
                at_all, at_any = _both(at_all, let_in), merged((*at_any, *let_in))
        return cls(at_all, at_any)


def ranges_of(cidrs: Iterable[IPv4Network]) -> Sequence[Range]:
    return merged(map(ends_of, cidrs))


def cidrs_of(ranges: Iterable[Range]) -> list[IPv4Network]:
    """As few as possible."""
    return [cidr for first, last in ranges for cidr in summarize_address_range(IPv4Address(first), IPv4Address(last))]


def without(ranges: Sequence[Range], taken: Sequence[Range]) -> Sequence[Range]:
    """What of the first is in none of the second."""
    gaps = zip([-1, *(last for _, last in taken)], [*(first for first, _ in taken), LAST_ADDRESS + 1], strict=True)
    return _both(ranges, [(before + 1, after - 1) for before, after in gaps if before + 1 < after])


def _is_about(line: Entry, protocol: Protocol, ports: Range) -> bool:
    is_same = line.protocol in (protocol, Protocol.ALL)
    return is_same and (line.ports is None or (line.ports[0] <= ports[1] and ports[0] <= line.ports[1]))


def _segments(lines: Iterable[Entry], ports: Range) -> Sequence[int]:
    """A port of each segment that the lines tell apart."""
    cuts = {ports[0]}
    for line in lines:
        if line.ports is not None:
            cuts |= {line.ports[0], line.ports[1] + 1}
    return sorted(cut for cut in cuts if ports[0] <= cut <= ports[1])


def _let_in(lines: Iterable[Entry], port: int, *, passes_otherwise: bool) -> Sequence[Range]:
    left, passed = ALL, NONE
    for line in lines:
        if line.ports is not None and not line.ports[0] <= port <= line.ports[1]:
            continue
        here: Sequence[Range] = ((line.first, line.last),)
        if line.decision.action is Action.ALLOW:
            passed = merged((*passed, *_both(left, here)))
        left = without(left, here)
        if not left:
            break
    return merged((*passed, *left)) if passes_otherwise else passed


def _both(one: Sequence[Range], other: Sequence[Range]) -> Sequence[Range]:
    found, place = [], 0
    for first, last in one:
        while place and other[place - 1][1] >= first:
            place -= 1
        while place < len(other) and other[place][0] <= last:
            begin, end = max(first, other[place][0]), min(last, other[place][1])
            if begin <= end:
                found.append((begin, end))
            place += 1
    return found
